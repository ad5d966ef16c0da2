//! The side that is asked: REFER waits for the application, then NOTIFYs tell what becomes of the new call (RFC 3515
//! 2.4, 5589 6.1).
//!
//! Invariant: one NOTIFY is under way at a time, and only the newest news waits behind it, so that the last one told
//! is the outcome whatever the network does.

use super::referral::{Referral, Tell};
use super::{PACKAGE, sipfrag};
use crate::event::Event;
use crate::ids::TransferId;
use crate::invite::{Ask, Call, Outcome, Purpose};
use crate::layer::Layer;
use crate::surroundings::{CallTimer, TimerKey};
use crate::transaction::ServerId;
use crate::wire::{
    self, HeaderAccess as _, Method, ReferSub, Request, SubscriptionState, Substate, default_reason,
};
use std::time::{Duration, Instant};

/// How long the subscription lasts; longer than a call is let ring.
const SUBSCRIPTION: Duration = Duration::from_secs(300);

/// A transfer the other side asks of us.
#[derive(Debug)]
pub(crate) struct Transferee {
    pub(crate) id: TransferId,
    pub(crate) referral: Referral,
    /// The number of the REFER: the id of its subscription (RFC 3515 2.4.6).
    event_id: u32,
    until: Instant,
    stage: Stage,
    notes: Notes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The REFER waits for the application.
    Asked { server: ServerId },
    /// Its transaction could not wait any longer; 202 was sent and the application has still not decided (RFC 3515
    /// 2.4.2).
    Pending,
    /// The new call is on its way.
    Accepted,
}

#[derive(Debug)]
enum Notes {
    Quiet,
    UnderWay { next: Option<Note> },
}

/// One NOTIFY's worth.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Note {
    code: u16,
    phrase: String,
}

impl Transferee {
    pub(crate) fn outlives_session(&self) -> bool {
        matches!(self.stage, Stage::Asked { .. } | Stage::Accepted)
    }

    /// Whether the application may still decide.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Asked { .. } | Stage::Pending)
    }
}

impl Call {
    pub(crate) fn on_refer(&mut self, now: Instant, server: ServerId, request: &Request, layer: &mut Layer) {
        if !self.is_answered() {
            // RFC 5589 6: the transferee is the party of a call that was answered.
            layer.reply(now, server, 403);
            return;
        }
        if self.usages.transferee.is_some() {
            layer.reply(now, server, 491);
            return;
        }
        let referral = match Referral::read(request) {
            Ok(referral) => referral,
            Err(code) => return layer.reply(now, server, code),
        };
        let id = TransferId(layer.fresh_id());
        layer.around.event(Event::TransferAsked {
            call: self.id,
            request: id,
            to: referral.target.clone(),
            replaces: referral.replaces.clone(),
            referred_by: referral.referred_by.clone(),
        });
        self.usages.transferee = Some(Transferee {
            id,
            referral,
            event_id: request.headers.cseq().map(|c| c.number).unwrap_or_default(),
            until: now + SUBSCRIPTION,
            stage: Stage::Asked { server },
            notes: Notes::Quiet,
        });
        // RFC 4320 4.1: a non-INVITE request is answered soon, or its sender hears nothing in time.
        let patience = layer.around.config.timers.t2;
        layer.around.timers.set(self.asked_timer(), now + patience);
    }

    /// The application calls the target.
    pub(crate) fn accept_transfer(&mut self, now: Instant, layer: &mut Layer) {
        layer.around.timers.cancel(self.asked_timer());
        self.take_refer(now, layer);
        let Some(transferee) = &mut self.usages.transferee else { return };
        transferee.stage = Stage::Accepted;
        if transferee.referral.tell == Tell::Nothing {
            self.usages.transferee = None;
            return;
        }
        let until = transferee.until;
        layer.around.timers.set(self.asked_timer(), until);
        // RFC 3515 2.4.4: the first NOTIFY at once.
        self.tell_transferor(now, 100, default_reason(100), layer);
    }

    /// The application does not.
    pub(crate) fn reject_transfer(&mut self, now: Instant, layer: &mut Layer) {
        layer.around.timers.cancel(self.asked_timer());
        match self.usages.transferee.as_ref().map(|t| t.stage) {
            Some(Stage::Asked { server }) => {
                layer.reply(now, server, 603);
                self.usages.transferee = None;
            }
            // RFC 3515 2.4.5: how a subscriber learns that nobody was asked.
            Some(Stage::Pending) => self.tell_transferor(now, 603, default_reason(603), layer),
            Some(Stage::Accepted) | None => {}
        }
    }

    /// The application takes its time.
    pub(crate) fn transfer_undecided(&mut self, now: Instant, layer: &mut Layer) {
        let Some(stage) = self.usages.transferee.as_ref().map(|t| t.stage) else { return };
        match stage {
            Stage::Asked { server } if self.is_ended() => {
                // RFC 3261 15.1.2
                layer.reply(now, server, 487);
                self.usages.transferee = None;
            }
            Stage::Asked { .. } => {
                self.take_refer(now, layer);
                self.tell_transferor(now, 100, default_reason(100), layer);
                let patience = layer.around.config.incoming_timeout.min(SUBSCRIPTION / 2);
                layer.around.timers.set(self.asked_timer(), now + patience);
            }
            Stage::Pending => self.reject_transfer(now, layer),
            // Whoever places the call has told no end of it.
            Stage::Accepted => self.tell_transferor(now, 408, default_reason(408), layer),
        }
    }

    /// What the new call has come to. A final code is the last news.
    pub(crate) fn tell_transferor(&mut self, now: Instant, code: u16, phrase: &str, layer: &mut Layer) {
        let Some(transferee) = &mut self.usages.transferee else { return };
        if transferee.referral.tell == Tell::Nothing {
            if code >= 200 {
                self.usages.transferee = None;
            }
            return;
        }
        let note = Note { code, phrase: phrase.to_owned() };
        match &mut transferee.notes {
            Notes::UnderWay { next } => *next = Some(note),
            Notes::Quiet => self.notify(now, &note, layer),
        }
    }

    /// What became of a NOTIFY.
    pub(crate) fn notified(&mut self, now: Instant, outcome: &Outcome, layer: &mut Layer) {
        let Some(transferee) = &mut self.usages.transferee else { return };
        // RFC 6665 4.2.2: whoever refuses a NOTIFY wants no more of them.
        let next = match std::mem::replace(&mut transferee.notes, Notes::Quiet) {
            Notes::UnderWay { next } if outcome.is_success() => next,
            _ => return self.close_refer(layer),
        };
        if let Some(note) = next {
            self.notify(now, &note, layer);
        }
    }

    fn notify(&mut self, now: Instant, note: &Note, layer: &mut Layer) {
        let Some(transferee) = &mut self.usages.transferee else { return };
        let left = transferee.until.saturating_duration_since(now).as_secs();
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        let state = match (note.code, transferee.stage) {
            // RFC 3515 2.4.7: the final NOTIFY ends the subscription.
            (200.., _) => SubscriptionState::terminated("noresource"),
            (_, Stage::Accepted) => SubscriptionState::lasting(Substate::Active, left),
            (_, Stage::Asked { .. } | Stage::Pending) => SubscriptionState::lasting(Substate::Pending, left),
        };
        let event = wire::Event::with_id(PACKAGE, &transferee.event_id.to_string());
        transferee.notes = Notes::UnderWay { next: None };
        let ask = Ask::new(Purpose::Notify, Method::NOTIFY)
            .header("Event", event.to_string())
            .header("Subscription-State", state.to_string())
            .body(sipfrag::CONTENT_TYPE, sipfrag::body(note.code, &note.phrase));
        let sent = self.ask(now, ask, layer);
        if !sent || note.code >= 200 {
            self.close_refer(layer);
        }
    }

    /// 202, as long as the REFER has no answer (RFC 3515 2.4.2).
    fn take_refer(&mut self, now: Instant, layer: &mut Layer) {
        let Some(transferee) = &mut self.usages.transferee else { return };
        let Stage::Asked { server } = transferee.stage else { return };
        transferee.stage = Stage::Pending;
        let silent = transferee.referral.tell == Tell::Nothing;
        let contact = self.contact_in(server, layer);
        let Some(mut response) = layer.reply_to(server, 202) else { return };
        // RFC 3261 12.1.1: a response that makes a subscription carries our Contact.
        if let Some(contact) = contact {
            response.headers.add("Contact", contact);
        }
        if silent {
            // RFC 4488 4
            response.headers.set_view(&ReferSub(false));
        }
        layer.respond(now, server, response);
    }

    /// The session is over and nothing is under way: a NOTIFY that waited to be sent again will not be, and none after it.
    pub(crate) fn abandon_notify(&mut self, layer: &mut Layer) {
        let waits = |t: &Transferee| matches!(t.notes, Notes::UnderWay { .. });
        if self.usages.transferee.as_ref().is_some_and(waits) {
            self.close_refer(layer);
        }
    }

    fn close_refer(&mut self, layer: &mut Layer) {
        self.usages.transferee = None;
        layer.around.timers.cancel(self.asked_timer());
    }

    fn asked_timer(&self) -> TimerKey {
        TimerKey::Call(self.id, CallTimer::TransferAsked)
    }
}
