//! Keys pressed, carried by INFO for peers that take no telephone events (`application/dtmf-relay` and
//! `application/dtmf`; RFC 6086 4.2.4 calls it legacy use, and no RFC describes the bodies).
//!
//! Invariant: one INFO is under way at a time, so that digits arrive in the order they were pressed. INFO with
//! candidates goes to `crate::trickle`; every other one is refused in the way RFC 6086 wants. Telephone events (RFC 4733) are negotiated in [`crate::offer_answer`].

use crate::event::Event;
use crate::invite::{Ask, Call, Outcome, Purpose};
use crate::layer::Layer;
use crate::transaction::ServerId;
use crate::trickle;
use crate::wire::{HeaderAccess as _, Method, Request};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

const RELAY: &str = "application/dtmf-relay";
const PLAIN: &str = "application/dtmf";
/// Digits that wait for their turn; more than a person types ahead of a slow network.
const MAX_WAITING: usize = 64;
/// What peers send when they say nothing.
const USUAL: Duration = Duration::from_millis(250);
/// Shorter and longer presses are no presses.
const SHORTEST_MS: u64 = 40;
const LONGEST_MS: u64 = 5000;

/// Digits on their way.
#[derive(Debug, Default)]
pub(crate) struct Digits {
    waiting: VecDeque<(char, Duration)>,
    line: Line,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Line {
    #[default]
    Free,
    /// An INFO waits for its answer.
    Busy,
}

impl Call {
    /// Sends a digit in its turn. False for what is no digit, outside an established call, or when too many wait.
    pub(crate) fn send_digit(
        &mut self,
        now: Instant,
        digit: char,
        press: Duration,
        layer: &mut Layer,
    ) -> bool {
        let digit = digit.to_ascii_uppercase();
        if !is_digit(digit) || !self.is_established() || self.usages.digits.waiting.len() >= MAX_WAITING {
            return false;
        }
        self.usages.digits.waiting.push_back((digit, press));
        self.next_digit(now, layer);
        true
    }

    /// What became of an INFO with a digit.
    pub(crate) fn digit_sent(&mut self, now: Instant, outcome: &Outcome, layer: &mut Layer) {
        self.usages.digits.line = Line::Free;
        if outcome.is_success() {
            self.next_digit(now, layer);
        } else {
            // The rest would meet the same answer.
            self.usages.digits.waiting.clear();
            layer.around.event(Event::DtmfRefused { call: self.id, code: outcome.code() });
        }
    }

    /// An INFO inside the call.
    pub(crate) fn on_info(&mut self, now: Instant, server: ServerId, request: &Request, layer: &mut Layer) {
        if let Some(package) = request.headers.first("Info-Package") {
            let package = package.split(';').next().unwrap_or_default().trim();
            if package.eq_ignore_ascii_case(trickle::PACKAGE) {
                return self.on_candidates(now, server, request, layer);
            }
            // RFC 6086 4.2.2: Recv-Info says what is welcome.
            if let Some(mut response) = layer.reply_to(server, 469) {
                response.headers.add("Recv-Info", trickle::PACKAGE);
                layer.respond(now, server, response);
            }
            return;
        }
        if request.body.is_empty() {
            // RFC 6086 4.2.4: without package and body there is nothing to refuse; some peers keep calls alive so.
            return layer.reply(now, server, 200);
        }
        let content_type = request.headers.first("Content-Type").unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        let body = String::from_utf8_lossy(&request.body);
        let digit = if media_type.eq_ignore_ascii_case(RELAY) {
            relay(&body)
        } else if media_type.eq_ignore_ascii_case(PLAIN) {
            signal(body.trim()).map(|digit| (digit, USUAL))
        } else {
            if let Some(mut response) = layer.reply_to(server, 415) {
                response.headers.add("Accept", format!("{RELAY}, {PLAIN}"));
                layer.respond(now, server, response);
            }
            return;
        };
        match digit {
            Some((digit, duration)) => {
                layer.reply(now, server, 200);
                layer.around.event(Event::Dtmf { call: self.id, digit, duration });
            }
            None => layer.reply(now, server, 400),
        }
    }

    fn next_digit(&mut self, now: Instant, layer: &mut Layer) {
        if self.usages.digits.line == Line::Busy {
            return;
        }
        let Some((digit, press)) = self.usages.digits.waiting.pop_front() else { return };
        let body = format!("Signal={digit}\r\nDuration={}\r\n", milliseconds(press));
        let ask = Ask::new(Purpose::Digit, Method::INFO).body(RELAY, body.into_bytes());
        if self.ask(now, ask, layer) {
            self.usages.digits.line = Line::Busy;
        }
    }
}

fn is_digit(digit: char) -> bool {
    matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D')
}

fn milliseconds(press: Duration) -> u64 {
    u64::try_from(press.as_millis()).unwrap_or(u64::MAX).clamp(SHORTEST_MS, LONGEST_MS)
}

/// `Signal=5`, and `Duration=160` or none, in lines of any ending.
fn relay(body: &str) -> Option<(char, Duration)> {
    let value = |name: &str| {
        let mut pairs = body.split(['\r', '\n']).filter_map(|line| line.split_once('='));
        pairs.find(|(n, _)| n.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    let digit = signal(value("Signal")?)?;
    let press = value("Duration").and_then(|ms| ms.parse().ok()).map_or(USUAL, Duration::from_millis);
    Some((digit, Duration::from_millis(milliseconds(press))))
}

/// A key by its sign, or by the number of its event (RFC 4733 3.2), as some gateways write those above 9.
fn signal(text: &str) -> Option<char> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Some(c.to_ascii_uppercase()).filter(|c| is_digit(*c)),
        _ => ["10", "11", "12", "13", "14", "15"]
            .iter()
            .position(|n| *n == text)
            .and_then(|n| "*#ABCD".chars().nth(n)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_peers_are_read() {
        let check = |body: &str, expected: Option<(char, u64)>| {
            let expected = expected.map(|(digit, ms)| (digit, Duration::from_millis(ms)));
            assert_eq!(relay(body), expected, "{body:?}");
        };
        check("Signal=5\r\nDuration=160\r\n", Some(('5', 160)));
        check("Signal= 5\r\nDuration= 160", Some(('5', 160)));
        check("signal=d\nduration=1\n", Some(('D', 40)));
        check("Signal=*", Some(('*', 250)));
        check("Signal=#\r\nDuration=99999999999999999999", Some(('#', 250)));
        check("Signal=10\r\nDuration=600000", Some(('*', 5000)));
        check("Signal=15", Some(('D', 250)));
        for bad in ["", "Signal=", "Signal=E", "Signal=16", "Signal=55", "Duration=100", "5"] {
            check(bad, None);
        }
        assert_eq!((signal("7"), signal("11"), signal("x")), (Some('7'), Some('#'), None));
    }
}
