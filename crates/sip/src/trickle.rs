//! Candidates told after the descriptions, by INFO requests of the package `trickle-ice` (RFC 8840, RFC 6086).
//!
//! Invariant: one INFO is under way at a time, and what waits is the newest: each tells all that the ones before told,
//! so nothing is lost when one is left out (RFC 8840 4.3.3). The bodies are [`crate::offer_answer::IceFragment`]s.

use crate::event::Event;
use crate::invite::{Ask, Call, Outcome, Purpose};
use crate::layer::Layer;
use crate::transaction::ServerId;
use crate::wire::sdp::{self, SessionDescription};
use crate::wire::{HeaderAccess as _, Headers, Method, Request};
use std::time::Instant;

/// The name of the package (RFC 8840 10).
pub(crate) const PACKAGE: &str = "trickle-ice";
/// Its body.
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// What is to be told to the other side.
#[derive(Debug, Default)]
pub(crate) struct Telling {
    waiting: Option<Vec<u8>>,
    line: Line,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Line {
    #[default]
    Free,
    /// An INFO waits for its answer.
    Busy,
    /// The other side wants none of them.
    Refused,
}

impl Call {
    /// Tells our candidates in their turn. False outside an established call, and where the other side takes none.
    pub(crate) fn tell_candidates(&mut self, now: Instant, body: Vec<u8>, layer: &mut Layer) -> bool {
        if !self.is_established() || !self.takes_package(PACKAGE) || self.usages.telling.line == Line::Refused
        {
            return false;
        }
        self.usages.telling.waiting = Some(body);
        self.tell_next(now, layer);
        true
    }

    /// What became of an INFO with candidates.
    pub(crate) fn candidates_told(&mut self, now: Instant, outcome: &Outcome, layer: &mut Layer) {
        // A refusal is for good; who only can't now has the next one.
        let refused = matches!(outcome.code(), 400 | 403..=406 | 415 | 420 | 469 | 489 | 501);
        self.usages.telling.line = if refused { Line::Refused } else { Line::Free };
        self.tell_next(now, layer);
    }

    /// Their candidates.
    pub(crate) fn on_candidates(
        &mut self,
        now: Instant,
        server: ServerId,
        request: &Request,
        layer: &mut Layer,
    ) {
        let kind = request.headers.first("Content-Type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case(FRAGMENT) {
            if let Some(mut response) = layer.reply_to(server, 415) {
                response.headers.add("Accept", FRAGMENT);
                layer.respond(now, server, response);
            }
            return;
        }
        layer.reply(now, server, 200);
        layer.around.event(Event::Trickled { call: self.id, body: request.body.clone() });
    }

    fn tell_next(&mut self, now: Instant, layer: &mut Layer) {
        if self.usages.telling.line != Line::Free {
            return;
        }
        let Some(body) = self.usages.telling.waiting.take() else { return };
        let ask = Ask::new(Purpose::Candidates, Method::INFO)
            .header("Info-Package", PACKAGE)
            .header("Content-Disposition", "Info-Package")
            .body(FRAGMENT, body);
        if self.ask(now, ask, layer) {
            self.usages.telling.line = Line::Busy;
        }
    }
}

/// RFC 6086 4.2.1: whoever hears of a description that more candidates follow hears, too, that we take such INFOs.
pub(crate) fn announce(headers: &mut Headers, content_type: &str, body: &[u8]) {
    if content_type != sdp::CONTENT_TYPE {
        return;
    }
    let Ok(description) = SessionDescription::parse(body) else { return };
    let options = description.audio().and_then(|media| description.attribute_of(media, "ice-options"));
    if options.is_some_and(|options| options.split_ascii_whitespace().any(|option| option == "trickle")) {
        headers.add("Recv-Info", PACKAGE);
    }
}
