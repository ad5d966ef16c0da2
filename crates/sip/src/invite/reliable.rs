//! Provisional responses that are acknowledged (RFC 3262): sent, repeated and given up on the called side; put in
//! order and acknowledged by PRACK on the calling side.
//!
//! Invariant: at most one of ours waits for its PRACK (RFC 3262 3); what comes meanwhile waits behind it.

use super::leg::{LegId, Peer, Question};
use super::serving::{Invited, Service};
use super::{Ask, Call, Purpose, State, description};
use crate::config::{EndpointConfig, Reliability, Reply};
use crate::event::Ending;
use crate::layer::Layer;
use crate::surroundings::CallTimer;
use crate::transaction::ServerId;
use crate::wire::sdp::{self, SessionDescription};
use crate::wire::{HeaderAccess as _, HeaderView as _, Method, RAck, RSeq, Request, Response};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The option tag.
pub(super) const OPTION: &str = "100rel";
/// Provisional responses that may wait behind an unacknowledged one; more are dropped, being only news.
const MAX_QUEUED: usize = 8;

/// The called side's part.
#[derive(Debug, Default)]
pub(super) struct Reliable {
    which: Which,
    /// The number of the last one sent.
    rseq: Option<u32>,
    unacknowledged: Option<Unacknowledged>,
    queued: VecDeque<Reply>,
}

/// Which of our provisional responses are sent reliably.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Which {
    #[default]
    None,
    /// Those with a description: what they say must arrive.
    Descriptions,
    /// All but 100, for the caller requires it.
    All,
}

#[derive(Debug)]
struct Unacknowledged {
    rseq: u32,
    response: Box<Response>,
    interval: Duration,
}

/// Whether a caller does not know what this side must have (RFC 3262 3).
pub(crate) fn lacks_reliability(request: &Request, config: &EndpointConfig) -> bool {
    let knows = ["Supported", "Require"].into_iter().any(|name| names_it(request, name));
    config.reliable_provisionals == Reliability::Required && !knows
}

/// RFC 3261 21.4.15.
pub(crate) fn require_reliability(now: Instant, server: ServerId, layer: &mut Layer) {
    if let Some(mut response) = layer.reply_to(server, 421) {
        response.headers.add("Require", OPTION);
        layer.respond(now, server, response);
    }
}

impl Reliable {
    pub(super) fn for_request(request: &Request, peer: &Peer, own: Reliability) -> Reliable {
        let required = names_it(request, "Require");
        let which = match own {
            _ if required => Which::All,
            Reliability::Off => Which::None,
            _ if !peer.supports(OPTION) => Which::None,
            Reliability::Supported => Which::Descriptions,
            Reliability::Required => Which::All,
        };
        Reliable { which, ..Reliable::default() }
    }

    /// RFC 3262 3: no 2xx while a description waits for its PRACK.
    pub(super) fn holds_the_answer(&self) -> bool {
        self.unacknowledged.as_ref().is_some_and(|u| !u.response.body.is_empty())
            || self.queued.iter().any(|reply| reply.body.is_some())
    }

    fn takes(&self, reply: &Reply) -> bool {
        match self.which {
            Which::None => false,
            Which::Descriptions => described(reply).is_some(),
            Which::All => true,
        }
    }
}

impl Call {
    /// A provisional answer. False when the call is in no state for it.
    pub(crate) fn progress(&mut self, now: Instant, reply: &Reply, layer: &mut Layer) -> bool {
        let Some(Invited { service: Service::Open, .. }) = &self.invited else { return false };
        if !self.is_incoming() {
            return false;
        }
        if self.reliable.unacknowledged.is_some() && self.reliable.takes(reply) {
            if self.reliable.queued.len() < MAX_QUEUED {
                self.reliable.queued.push_back(reply.clone());
            }
        } else {
            self.send_progress(now, reply, layer);
        }
        true
    }

    pub(super) fn send_queued_progress(&mut self, now: Instant, layer: &mut Layer) {
        while self.is_incoming() && self.reliable.unacknowledged.is_none() {
            let Some(reply) = self.reliable.queued.pop_front() else { return };
            self.send_progress(now, &reply, layer);
        }
    }

    fn send_progress(&mut self, now: Instant, reply: &Reply, layer: &mut Layer) {
        let State::Incoming { invite } = self.state else { return };
        let mut reply = reply.clone();
        let mut reliable = self.reliable.takes(&reply);
        if let Some(sdp) = described(&reply) {
            let Some(leg) = self.chosen_mut() else { return };
            let said = match reliable {
                // RFC 6337 2.2, table 1: an answer, or the offer the INVITE did not make.
                true if leg.session.owes_answer() && leg.question.is_none() => leg.session.answer(sdp),
                true if !leg.session.is_agreed() => leg.session.offer(sdp),
                true => None,
                // Only a taste of the answer to come.
                false => leg.session.foretell(sdp),
            };
            reply.body = said.map(|sdp| (sdp::CONTENT_TYPE.to_owned(), sdp.to_bytes()));
            reliable = reliable && (reply.body.is_some() || self.reliable.which == Which::All);
        }
        let Some(mut response) = self.response(invite, &reply, layer) else { return };
        if reliable {
            // RFC 3262 3: the first number at random from 1 to 2^31 - 1, then one by one.
            let rseq = match self.reliable.rseq {
                Some(last) => last.saturating_add(1),
                None => layer.around.random.below(0x7fff_ffff).saturating_add(1),
            };
            self.reliable.rseq = Some(rseq);
            response.headers.add("Require", OPTION);
            response.headers.set_view(&RSeq(rseq));
            let timers = layer.around.config.timers;
            layer.around.timers.set(self.timer(CallTimer::Reliable), now + timers.t1);
            let limit = now + timers.transaction_life();
            layer.around.timers.set(self.timer(CallTimer::Unacknowledged), limit);
            self.reliable.unacknowledged =
                Some(Unacknowledged { rseq, response: Box::new(response.clone()), interval: timers.t1 });
        }
        layer.respond(now, invite, response);
    }

    /// RFC 3262 3: again after twice the time, without the bound of T2.
    pub(super) fn retransmit_provisional(&mut self, now: Instant, layer: &mut Layer) {
        let State::Incoming { invite } = self.state else { return };
        let timer = self.timer(CallTimer::Reliable);
        let Some(waiting) = &mut self.reliable.unacknowledged else { return };
        waiting.interval = waiting.interval.saturating_mul(2);
        layer.respond(now, invite, (*waiting.response).clone());
        layer.around.timers.set(timer, now + waiting.interval);
    }

    /// RFC 3262 3: after 64*T1 the INVITE is refused with a 5xx.
    pub(super) fn no_prack(&mut self, now: Instant, layer: &mut Layer) {
        let State::Incoming { invite } = self.state else { return };
        layer.reply(now, invite, 504);
        let ending = Ending::network("No acknowledgement of the provisional answer").with_code(504);
        self.end(now, ending, layer);
    }

    /// RFC 3262 3, 5.
    pub(super) fn on_prack(
        &mut self,
        now: Instant,
        server: ServerId,
        leg: LegId,
        request: &Request,
        layer: &mut Layer,
    ) {
        let Ok(Some(rack)) = request.headers.view::<RAck>() else {
            layer.reply(now, server, 400);
            return;
        };
        let number = self.invited.as_ref().map(|i| i.number);
        let waiting = self.reliable.unacknowledged.as_ref();
        let matches = waiting.is_some_and(|u| u.rseq == rack.rseq)
            && number == Some(rack.cseq)
            && rack.method == Method::INVITE;
        if !matches {
            layer.reply(now, server, 481);
            return;
        }
        let sdp = match super::read_offer(request) {
            Ok(sdp) => sdp,
            Err(refused) => {
                crate::uas::refuse_body(now, server, refused, layer);
                return;
            }
        };
        // The offer that is open may be the 2xx's instead, which the ACK answers.
        let described = self.reliable.unacknowledged.take().is_some_and(|u| !u.response.body.is_empty());
        layer.around.timers.cancel(self.timer(CallTimer::Reliable));
        layer.around.timers.cancel(self.timer(CallTimer::Unacknowledged));
        let Some(known) = self.leg_mut(leg) else { return };
        match sdp {
            // The answer to the offer of our provisional response.
            Some(answer) if described && known.session.awaits_answer() => {
                known.session.answered(answer.clone());
                layer.reply(now, server, 200);
                self.report_answer(Ok(answer), layer);
            }
            Some(offer) => {
                if known.session.asked(offer) {
                    known.question = Some(Question::Prack { server });
                } else {
                    layer.reply(now, server, 500);
                }
            }
            None => {
                // RFC 3262 5 wants the answer here; without it the offer has come to nothing.
                if described {
                    known.session.withdraw();
                }
                layer.reply(now, server, 200);
            }
        }
        self.go_on(now, layer);
    }

    /// The calling side: what makes a provisional response reliable, when it comes in order. `Err`: it is to be
    /// ignored (RFC 3262 4).
    pub(super) fn in_order(&mut self, leg: LegId, response: &Response) -> Result<Option<RAck>, ()> {
        let required = response.headers.tokens("Require").iter().any(|t| t.eq_ignore_ascii_case(OPTION));
        let (Ok(Some(rseq)), Ok(cseq), true) =
            (response.headers.view::<RSeq>(), response.headers.cseq(), required)
        else {
            return Ok(None);
        };
        let leg = self.leg_mut(leg).ok_or(())?;
        if leg.rseq.is_some_and(|last| last.checked_add(1) != Some(rseq.0)) {
            return Err(());
        }
        leg.rseq = Some(rseq.0);
        Ok(Some(RAck::of(rseq, &cseq)))
    }

    pub(super) fn send_prack(
        &mut self,
        now: Instant,
        leg: LegId,
        rack: &str,
        answer: Option<&SessionDescription>,
        layer: &mut Layer,
    ) {
        let mut prack = Ask::new(Purpose::Prack, Method::PRACK).header(RAck::NAME, rack);
        if let Some(answer) = answer {
            prack = prack.body(sdp::CONTENT_TYPE, answer.to_bytes());
        }
        self.ask_in(now, leg, prack, layer);
    }
}

fn names_it(request: &Request, header: &str) -> bool {
    request.headers.tokens(header).iter().any(|tag| tag.eq_ignore_ascii_case(OPTION))
}

/// The description the application put into a reply.
fn described(reply: &Reply) -> Option<SessionDescription> {
    let (content_type, body) = reply.body.as_ref()?;
    let mut headers = crate::wire::Headers::default();
    headers.add("Content-Type", content_type.clone());
    description(&headers, body)
}
