//! What the branches of our INVITE say: early descriptions, the answer that makes the call, and the ACKs (RFC 3261
//! 13.2.2.4, RFC 6337 table 1).

use super::ask::credentials_of;
use super::leg::{LegId, Question};
use super::{Call, State, description};
use crate::event::{CallState, Ending};
use crate::ids::BranchId;
use crate::layer::{AckKey, Draft, Layer};
use crate::surroundings::CallTimer;
use crate::target;
use crate::wire::sdp::{self, SessionDescription};
use crate::wire::{Header, HeaderAccess as _, Response, headers};
use std::time::Instant;

impl Call {
    /// A description in a provisional response: the answer to our INVITE, a taste of it, or the offer our INVITE did not
    /// make. `rack`: the response is reliable.
    pub(super) fn on_early_description(
        &mut self,
        now: Instant,
        id: LegId,
        sdp: SessionDescription,
        rack: Option<String>,
        layer: &mut Layer,
    ) {
        let Some(leg) = self.leg_mut(id) else { return };
        let first = !leg.session.is_agreed();
        if first && leg.session.is_quiet() {
            // RFC 3262 5: an offer; only a reliable response may make it, and the PRACK answers.
            if let Some(rack) = rack {
                leg.session.asked(sdp);
                leg.question = Some(Question::Provisional { rack });
                self.speaking = Some(id);
                self.go_on(now, layer);
            }
            return;
        }
        let mut news = false;
        if first && leg.session.awaits_answer() {
            news = leg.session.preview() != Some(&sdp);
            leg.session.note_preview(sdp.clone());
            if rack.is_some() {
                leg.session.answered(sdp.clone());
            }
        }
        if let Some(rack) = rack {
            self.send_prack(now, id, &rack, None, layer);
        }
        // Who spoke last is heard: a branch that repeats itself takes the word back.
        if first && (news || self.speaking != Some(id)) {
            self.speaking = Some(id);
            self.report(CallState::EarlyMedia { sdp, branch: BranchId(id.0.into()) }, layer);
        }
        self.go_on(now, layer);
    }

    /// The first 2xx: its branch is the call's now.
    pub(super) fn answered(
        &mut self,
        now: Instant,
        id: LegId,
        number: u32,
        response: &Response,
        layer: &mut Layer,
    ) {
        layer.around.timers.cancel(self.timer(CallTimer::Ring));
        self.state = State::Established;
        let sdp = description(&response.headers, &response.body);
        // Questions of the branches that lost are nobody's now.
        let others: Vec<LegId> = self.legs.iter().map(|l| l.id).filter(|l| *l != id).collect();
        for other in others {
            self.forget_question(other, now, layer);
        }
        self.offer_to_the_winner(id);
        let spoke = self.speaking.replace(id) == Some(id);
        let Some(leg) = self.leg_mut(id) else { return };
        let session = &mut leg.session;
        let early = session.preview().cloned();
        let told = match sdp {
            // RFC 3261 13.2.1: the first reliable answer counts; what comes later is none.
            _ if session.is_agreed() => early.filter(|_| !spoke),
            Some(sdp) if session.awaits_answer() => {
                session.answered(sdp.clone());
                Some(sdp).filter(|sdp| !spoke || early.as_ref() != Some(sdp))
            }
            None if session.awaits_answer() && response.body.is_empty() && early.is_some() => {
                if let Some(early) = early.clone() {
                    session.answered(early);
                }
                early.filter(|_| !spoke)
            }
            // The offer our INVITE did not make; the ACK answers it.
            Some(offer) if session.is_quiet() => {
                session.asked(offer);
                leg.question = Some(Question::Success { number });
                self.note_timer(now, &response.headers, true, layer);
                self.report(CallState::Answered { sdp: None }, layer);
                return self.go_on(now, layer);
            }
            // Its offer in a provisional response is still with the application; the PRACK will answer.
            _ if session.owes_answer() => None,
            _ => {
                self.acknowledge(now, id, number, None, layer);
                self.bye(now, layer);
                let ending = Ending::remote("Answer without a usable session description");
                return self.end(now, ending.with_code(response.code()), layer);
            }
        };
        self.acknowledge(now, id, number, None, layer);
        self.note_timer(now, &response.headers, true, layer);
        self.report(CallState::Answered { sdp: told }, layer);
        self.report(CallState::Confirmed { sdp: None }, layer);
        self.go_on(now, layer);
    }

    /// The answer to the offer of a 2xx that comes too late to be of use.
    pub(super) fn refuse_late_offer(&mut self, id: LegId, response: &Response) -> Option<SessionDescription> {
        let offer = description(&response.headers, &response.body)?;
        let session = &mut self.leg_mut(id)?.session;
        if session.is_agreed() || !session.asked(offer) {
            return None;
        }
        self.take_nothing(id)
    }

    /// Whether the offer of that branch's 2xx is with the application: its ACK is still to come.
    pub(super) fn is_being_answered(&self, tag: &Option<String>) -> bool {
        let leg = self.legs.iter().find(|leg| leg.dialog.remote_tag() == *tag);
        leg.is_some_and(|leg| matches!(leg.question, Some(Question::Success { .. })))
    }

    /// A 2xx again: its ACK was lost. False when it has had none.
    pub(super) fn repeat_ack(&self, number: u32, tag: Option<String>, layer: &mut Layer) -> bool {
        layer.repeat_ack(&AckKey { call: self.id, tag, number })
    }

    /// The ACK of a 2xx to our first INVITE (RFC 3261 13.2.2.4), with its credentials.
    pub(super) fn acknowledge(
        &mut self,
        now: Instant,
        leg: LegId,
        number: u32,
        answer: Option<&SessionDescription>,
        layer: &mut Layer,
    ) {
        let signed = self.caller.as_ref().map(|c| credentials_of(&c.request)).unwrap_or_default();
        self.send_ack(now, leg, number, &signed, answer, layer);
    }

    pub(super) fn send_ack(
        &mut self,
        now: Instant,
        leg: LegId,
        number: u32,
        signed: &[Header],
        answer: Option<&SessionDescription>,
        layer: &mut Layer,
    ) {
        let Some(dialog) = self.leg(leg).map(|l| &l.dialog) else { return };
        let mut ack = dialog.ack(number);
        let routes = ack.headers.addresses("Route").unwrap_or_default();
        let Some(hop) = target::first_hop(&ack.uri, &routes) else { return };
        if self.credentials.as_ref().is_some_and(|c| c.is_own(&hop, layer)) {
            for header in signed {
                ack.headers.add(headers::name(header), headers::value(header));
            }
        }
        if let Some(answer) = answer {
            ack.set_body(sdp::CONTENT_TYPE, answer.to_bytes());
        }
        let key = AckKey { call: self.id, tag: dialog.remote_tag(), number };
        layer.send_ack(now, key, Draft { request: ack, hop, contact_user: None });
    }
}
