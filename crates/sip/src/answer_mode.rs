//! Whether a caller asks to be answered without anybody touching the phone: RFC 5373, and the two headers PBXs used
//! before it.
//!
//! Only read and reported. Nothing in this crate answers a call by itself: whether this caller may is the user's to
//! say (RFC 5373 7).

use crate::wire::{HeaderAccess as _, Request};
use std::time::Duration;

/// How the caller asks to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerMode {
    /// By a person (RFC 5373 5).
    Manual,
    /// By the phone itself, after this long.
    Automatic {
        /// How long it should ring first.
        after: Duration,
    },
}

/// Longest wait believed; an `answer-after` beyond is as good as none.
const LONGEST_DELAY_S: u64 = 3600;

impl AnswerMode {
    pub(crate) fn of(request: &Request) -> Option<AnswerMode> {
        for name in ["Priv-Answer-Mode", "Answer-Mode"] {
            let value = request.headers.first(name).unwrap_or_default();
            let mode = value.split(';').next().unwrap_or_default().trim();
            if mode.eq_ignore_ascii_case("Auto") {
                return Some(AnswerMode::Automatic { after: Duration::ZERO });
            }
            if mode.eq_ignore_ascii_case("Manual") {
                return Some(AnswerMode::Manual);
            }
        }
        let call_info = request.headers.all("Call-Info").find_map(|v| seconds(v, "answer-after"));
        call_info
            .or_else(|| request.headers.all("Alert-Info").find_map(alert))
            .map(|s| AnswerMode::Automatic { after: Duration::from_secs(s) })
    }
}

/// `info=alert-autoanswer`, `info=Auto Answer` and their kin, with `delay=` or without.
fn alert(value: &str) -> Option<u64> {
    let info = parameter(value, "info")?.to_ascii_lowercase();
    let word: String = info.chars().filter(char::is_ascii_alphanumeric).collect();
    ["alertautoanswer", "autoanswer", "ringanswer"]
        .contains(&word.as_str())
        .then(|| seconds(value, "delay").unwrap_or_default())
}

fn seconds(value: &str, name: &str) -> Option<u64> {
    parameter(value, name)?.parse().ok().filter(|s| *s <= LONGEST_DELAY_S)
}

/// A parameter behind the URI. Senders leave the brackets out, or put spaces into the value, so that the grammar of
/// RFC 3261 20.4 reads too little of what is in use.
fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let after = value.rsplit_once('>').map_or(value, |(_, after)| after);
    let pairs = after.split([';', ',']).filter_map(|part| part.split_once('='));
    let found = pairs.filter(|(n, _)| n.trim().eq_ignore_ascii_case(name)).map(|(_, v)| v).next()?;
    Some(found.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Method, Uri};

    #[test]
    fn every_way_to_ask_is_understood() {
        let check = |name: &str, value: &str, expected: Option<u64>| {
            let mut request = Request::new(Method::INVITE, Uri::parse("sip:me@h").unwrap());
            request.headers.add(name, value);
            let expected = expected.map(|s| AnswerMode::Automatic { after: Duration::from_secs(s) });
            assert_eq!(AnswerMode::of(&request), expected, "{name}: {value}");
        };
        check("Answer-Mode", "Auto", Some(0));
        check("Priv-Answer-Mode", "auto;require", Some(0));
        check("Call-Info", "<sip:192.0.2.1>;answer-after=2", Some(2));
        check("Call-Info", "<http://h/x.png>;purpose=icon", None);
        check("Call-Info", "<sip:h>;answer-after=99999999999999999999", None);
        check("Alert-Info", "<http://h>;info=alert-autoanswer;delay=3", Some(3));
        check("Alert-Info", "info=alert-autoanswer", Some(0));
        check("Alert-Info", "<sip:h>;info=\"Auto Answer\"", Some(0));
        check("Alert-Info", "<http://h>;info=alert-internal", None);
    }

    #[test]
    fn the_rfc_goes_first() {
        let mut request = Request::new(Method::INVITE, Uri::parse("sip:me@h").unwrap());
        request.headers.add("Alert-Info", "info=alert-autoanswer");
        request.headers.add("Answer-Mode", "Manual");
        assert_eq!(AnswerMode::of(&request), Some(AnswerMode::Manual));
    }
}
