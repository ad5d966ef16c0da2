//! Their offers after the first (RFC 3261 14.2, RFC 3311 5.2, RFC 6337): in a re-INVITE, an UPDATE, a PRACK, or in a
//! response to our INVITE that made none. The application answers; its word goes where the offer came from.
//!
//! Invariant: the application has at most one question of a call at a time; branches of a forked INVITE wait.

use super::leg::{LegId, Question};
use super::serving::{Invited, Service};
use super::{Call, State};
use crate::config::Reply;
use crate::event::{CallState, Ending, Event};
use crate::layer::Layer;
use crate::surroundings::CallTimer;
use crate::transaction::ServerId;
use crate::wire::sdp::{self, SessionDescription};
use crate::wire::{HeaderAccess as _, Request};
use std::time::Instant;

impl Call {
    /// RFC 3261 14.2.
    pub(super) fn on_reinvite(
        &mut self,
        now: Instant,
        server: ServerId,
        leg: LegId,
        request: &Request,
        layer: &mut Layer,
    ) {
        if self.has_offered() {
            // Both offer at once: neither is taken, each tries again after its own time.
            layer.reply(now, server, 491);
            return;
        }
        let quiet = self.leg(leg).is_some_and(|l| l.question.is_none() && l.session.is_quiet());
        if !matches!(self.state, State::Established) || self.invited.is_some() || !quiet {
            return refuse_for_now(now, server, layer);
        }
        let Some(offer) = self.readable_offer(now, server, request, layer) else { return };
        let number = request.headers.cseq().map(|c| c.number).unwrap_or_default();
        self.invited = Some(Invited { server, number, service: Service::Open });
        layer.reply(now, server, 100);
        if let Some(leg) = self.leg_mut(leg) {
            leg.refresh_target(&request.headers);
            if let Some(offer) = offer {
                leg.session.asked(offer);
            }
            leg.question = Some(Question::Invite { server });
        }
        self.go_on(now, layer);
    }

    /// RFC 3311 5.2.
    pub(super) fn on_update(
        &mut self,
        now: Instant,
        server: ServerId,
        leg: LegId,
        request: &Request,
        layer: &mut Layer,
    ) {
        let Some(offer) = self.readable_offer(now, server, request, layer) else { return };
        let Some(known) = self.leg_mut(leg) else { return };
        let Some(offer) = offer else {
            known.refresh_target(&request.headers);
            self.answer_update(now, server, None, layer);
            return;
        };
        if known.session.awaits_answer() {
            layer.reply(now, server, 491);
            return;
        }
        if !known.session.is_agreed() || known.question.is_some() || !known.session.is_quiet() {
            return refuse_for_now(now, server, layer);
        }
        known.refresh_target(&request.headers);
        known.session.asked(offer);
        known.question = Some(Question::Update { server });
        self.go_on(now, layer);
    }

    /// Gives the application the next question, unless it has one.
    pub(super) fn put_next_question(&mut self, now: Instant, layer: &mut Layer) {
        if self.pondering.is_some() {
            return;
        }
        let Some(leg) = self.legs.iter().find(|leg| leg.question.is_some()) else { return };
        let (id, offer) = (leg.id, leg.session.their_offer().cloned());
        // A request other than INVITE must be answered well before its sender gives it up.
        let life = layer.around.config.timers.transaction_life();
        let patience = match leg.question {
            Some(Question::Update { .. } | Question::Prack { .. }) => life / 2,
            _ => life,
        };
        self.pondering = Some(id);
        layer.around.timers.set(self.timer(CallTimer::Reoffer), now + patience);
        layer.around.event(Event::Reoffer { call: self.id, offer });
    }

    /// The application's description. False when it was not asked.
    pub(crate) fn answer_reoffer(
        &mut self,
        now: Instant,
        sdp: &SessionDescription,
        layer: &mut Layer,
    ) -> bool {
        let Some((id, question)) = self.take_question(layer) else { return false };
        let Some(leg) = self.leg_mut(id) else { return false };
        let said = if leg.session.owes_answer() {
            leg.session.answer(sdp.clone())
        } else {
            leg.session.offer(sdp.clone())
        };
        match question {
            Question::Invite { server } => self.serve(now, server, said.as_ref(), layer),
            Question::Update { server } => self.answer_update(now, server, said, layer),
            Question::Prack { server } => {
                if let (Some(mut response), Some(sdp)) = (layer.reply_to(server, 200), said) {
                    response.set_body(sdp::CONTENT_TYPE, sdp.to_bytes());
                    layer.respond(now, server, response);
                }
            }
            Question::Provisional { rack } => self.send_prack(now, id, &rack, said.as_ref(), layer),
            Question::Success { number } => {
                self.acknowledge(now, id, number, said.as_ref(), layer);
                self.report(CallState::Confirmed { sdp: None }, layer);
            }
        }
        self.go_on(now, layer);
        true
    }

    /// Refuses their offer; the session goes on as it was. False when the application was not asked.
    pub(crate) fn reject_reoffer(&mut self, now: Instant, reply: &Reply, layer: &mut Layer) -> bool {
        let Some((id, question)) = self.take_question(layer) else { return false };
        match question {
            Question::Invite { server } => {
                self.invited = None;
                self.refuse_question(now, id, server, reply, layer);
            }
            Question::Update { server } | Question::Prack { server } => {
                self.refuse_question(now, id, server, reply, layer);
            }
            // No response of ours can refuse what a response offered: the answer takes nothing of it.
            Question::Provisional { rack } => {
                let nothing = self.take_nothing(id);
                self.send_prack(now, id, &rack, nothing.as_ref(), layer);
            }
            Question::Success { number } => {
                let nothing = self.take_nothing(id);
                self.acknowledge(now, id, number, nothing.as_ref(), layer);
                self.bye(now, layer);
                self.end(now, Ending::local("Offer refused").with_code(reply.code), layer);
            }
        }
        self.go_on(now, layer);
        true
    }

    /// A CANCEL for a re-INVITE that waits (RFC 3261 9.2).
    pub(super) fn refuse_reinvite(&mut self, now: Instant, reply: &Reply, layer: &mut Layer) {
        let waits = self.chosen().is_some_and(|leg| matches!(leg.question, Some(Question::Invite { .. })));
        if waits && self.pondering == self.chosen().map(|leg| leg.id) {
            self.reject_reoffer(now, reply, layer);
        }
    }

    /// Nobody will answer a leg's question any more: its request gets 487 (RFC 3261 15.1.2).
    pub(super) fn forget_question(&mut self, id: LegId, now: Instant, layer: &mut Layer) {
        if self.pondering == Some(id) {
            self.pondering = None;
            layer.around.timers.cancel(self.timer(CallTimer::Reoffer));
        }
        let Some(leg) = self.leg_mut(id) else { return };
        leg.session.refuse();
        if let Some(server) = leg.question.take().and_then(|question| question.server()) {
            layer.reply(now, server, 487);
        }
    }

    /// The answer that takes nothing of a leg's open offer; the offer is closed by it.
    pub(super) fn take_nothing(&mut self, id: LegId) -> Option<SessionDescription> {
        let leg = self.leg_mut(id)?;
        let nothing = leg.session.nothing_of_it();
        leg.session.refuse();
        nothing
    }

    fn take_question(&mut self, layer: &mut Layer) -> Option<(LegId, Question)> {
        let id = self.pondering.take()?;
        layer.around.timers.cancel(self.timer(CallTimer::Reoffer));
        let question = self.leg_mut(id)?.question.take()?;
        Some((id, question))
    }

    fn refuse_question(
        &mut self,
        now: Instant,
        id: LegId,
        server: ServerId,
        reply: &Reply,
        layer: &mut Layer,
    ) {
        if let Some(leg) = self.leg_mut(id) {
            leg.session.refuse();
        }
        if let Some(response) = self.response(server, reply, layer) {
            layer.respond(now, server, response);
        }
    }

    fn answer_update(
        &mut self,
        now: Instant,
        server: ServerId,
        answer: Option<SessionDescription>,
        layer: &mut Layer,
    ) {
        let mut reply = Reply::new(200);
        if let Some(answer) = answer {
            reply = reply.body(sdp::CONTENT_TYPE, answer.to_bytes());
        }
        if let Some(mut response) = self.response(server, &reply, layer) {
            self.agree_on_timer(now, server, &mut response, layer);
            layer.respond(now, server, response);
        }
    }

    /// The offer of a request of theirs, `Some(None)` when it has none; `None`: the request was refused.
    fn readable_offer(
        &self,
        now: Instant,
        server: ServerId,
        request: &Request,
        layer: &mut Layer,
    ) -> Option<Option<SessionDescription>> {
        if super::is_too_brief(request, &layer.around.config) {
            super::refuse_brief(now, server, layer);
            return None;
        }
        match super::read_offer(request) {
            Ok(offer) => Some(offer),
            Err(refused) => {
                crate::uas::refuse_body(now, server, refused, layer);
                None
            }
        }
    }
}

/// RFC 3261 14.2, RFC 3311 5.2: the last offer is not through yet; the other side may try again after 0 to 10 s.
fn refuse_for_now(now: Instant, server: ServerId, layer: &mut Layer) {
    let wait = layer.around.random.below(11);
    if let Some(mut response) = layer.reply_to(server, 500) {
        response.headers.add("Retry-After", wait.to_string());
        layer.respond(now, server, response);
    }
}
