//! What an outcome says of the dialog itself (RFC 3261 12.2.1.2, RFC 5057 5.1): whether the call is over by it, and who
//! ended it.

use super::ask::{Ask, Outcome, Purpose};
use super::leg::LegId;
use super::{Call, State};
use crate::event::Ending;
use crate::layer::Layer;
use crate::wire::{HeaderView as _, Method, Reason, default_reason};
use std::time::Instant;

/// How a dialog is known to be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// The other side says that it has no such call: it has hung up, and its BYE is late or lost.
    Left,
    /// Nobody answers, or nobody on the way knows where the other side is.
    Unreachable,
}

impl Loss {
    /// What the outcome of a request of that method means for the call; `None`: nothing.
    pub(super) fn of(method: &Method, outcome: &Outcome) -> Option<Loss> {
        if !belongs_to_session(method) {
            return None;
        }
        match outcome {
            Outcome::Response(response) => match response.code() {
                481 => Some(Loss::Left),
                // RFC 5057 5.1: 408 ends the usage, the others the dialog, for its target or its route is gone.
                408 | 404 | 410 | 416 | 482..=485 | 502 | 604 => Some(Loss::Unreachable),
                _ => None,
            },
            Outcome::Timeout => Some(Loss::Unreachable),
            // What we could not send says nothing of the other side: the network may come back.
            Outcome::Unreachable => None,
        }
    }
}

impl Call {
    /// The dialog of a leg is over: so is the call, and said with a BYE in case the other side lives after all.
    pub(super) fn lose_leg(&mut self, now: Instant, leg: LegId, loss: Loss, code: u16, layer: &mut Layer) {
        // A branch that has not answered may still do so.
        let is_own = self.chosen().is_some_and(|chosen| chosen.id == leg);
        if !is_own || !matches!(self.state, State::AwaitingAck { .. } | State::Established) {
            return;
        }
        let text = Some(default_reason(code).to_owned());
        self.say_bye(now, leg, Some(Reason { protocol: "SIP".into(), cause: Some(code), text }), layer);
        let ending = match loss {
            Loss::Left => Ending::remote("The other side has ended the call"),
            Loss::Unreachable => Ending::network("The other side is gone"),
        };
        self.end(now, ending.with_code(code), layer);
    }

    /// Ends a leg, with what made it necessary (RFC 3326).
    pub(super) fn say_bye(&mut self, now: Instant, leg: LegId, reason: Option<Reason>, layer: &mut Layer) {
        let mut bye = Ask::new(Purpose::Bye, Method::BYE);
        if let Some(reason) = reason.as_ref().or(self.usages.parting.as_ref()) {
            bye = bye.header(Reason::NAME, reason.to_string());
        }
        self.ask_in(now, leg, bye, layer);
    }
}

/// REFER, NOTIFY and MESSAGE have usages of their own. RFC 5057 5.1 would end the dialog by a 404 to them, too; but peers
/// answer so where they do not know the target of a transfer, and the call is none the worse for it.
fn belongs_to_session(method: &Method) -> bool {
    [Method::INVITE, Method::UPDATE, Method::PRACK, Method::INFO].contains(method)
}
