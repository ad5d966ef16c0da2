//! The called side (RFC 3261 13.3, 14.2, 9.2): provisional and final answers, the 2xx until its ACK, and offers made
//! inside the call.

use super::leg::{Leg, LegId, Stage};
use super::{AfterAck, Call, State, description};
use crate::config::Reply;
use crate::credentials::Credentials;
use crate::dialog::Dialog;
use crate::event::{CallState, EndedBy, Ending, Event};
use crate::ids::CallId;
use crate::layer::Layer;
use crate::surroundings::{CallTimer, LONGEST_WAIT};
use crate::transaction::ServerId;
use crate::wire::sdp::{self, SessionDescription};
use crate::wire::{HeaderAccess as _, Request, Response, default_reason, headers};
use std::time::{Duration, Instant};

/// What only an answering side has. A caller gets it with the first re-INVITE.
#[derive(Debug)]
pub(super) struct Callee {
    /// The number of the INVITE being answered: its ACK has the same.
    cseq: u32,
    exchange: Exchange,
}

/// Where offer and answer stand on the side that answers an INVITE.
#[derive(Debug)]
enum Exchange {
    /// An INVITE waits for the application.
    Asked { invite: ServerId, offered_by: OfferedBy },
    /// The 2xx is repeated until its ACK (RFC 3261 13.3.1.4).
    Answered { response: Box<Response>, invite: ServerId, interval: Duration, offered_by: OfferedBy },
    /// Nothing is open.
    Settled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OfferedBy {
    /// The INVITE carried the offer.
    Them,
    /// Our 2xx does; their answer comes in the ACK (RFC 3261 13.2.1).
    Us,
}

/// Why an INVITE's body cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// 415 with Accept (RFC 3261 8.2.3).
    MediaType,
    /// 415 with Accept-Encoding.
    Encoding,
    /// 400: the description cannot be read.
    Unreadable,
}

/// The offer in an INVITE; `None` when there is no body.
pub(crate) fn read_offer(request: &Request) -> Result<Option<SessionDescription>, Refused> {
    if request.body.is_empty() {
        return Ok(None);
    }
    let encoded =
        request.headers.tokens("Content-Encoding").iter().any(|e| !e.eq_ignore_ascii_case("identity"));
    if encoded {
        return Err(Refused::Encoding);
    }
    let content_type = request.headers.first("Content-Type").unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case(sdp::CONTENT_TYPE) {
        return Err(Refused::MediaType);
    }
    SessionDescription::parse(&request.body).map(Some).map_err(|_| Refused::Unreadable)
}

impl Call {
    /// Takes an INVITE that starts a call. `credentials` are those of the account that is called,
    /// whose server may ask for a proof of our BYE.
    pub(crate) fn incoming(
        id: CallId,
        now: Instant,
        invite: ServerId,
        request: &Request,
        contact_user: String,
        credentials: Option<Credentials>,
        layer: &mut Layer,
    ) -> Option<Call> {
        let tag = layer.server(invite).map(|s| s.local_tag.clone())?;
        let dialog = Dialog::of_callee(request, &tag)?;
        let key = (dialog.call_id.clone(), tag);
        let mut leg = Leg::new(LegId(0), dialog, Stage::Chosen);
        leg.peer.note(&request.headers);
        let call = Call {
            id,
            state: State::Incoming { invite },
            key,
            legs: vec![leg],
            asks: Vec::new(),
            next_number: 0,
            contact_user,
            credentials,
            usages: Default::default(),
            caller: None,
            callee: Some(Callee {
                cseq: request.headers.cseq().ok()?.number,
                exchange: Exchange::Asked { invite, offered_by: offered_by(request) },
            }),
        };
        // RFC 3261 13.3.1: the caller may have set an earlier end.
        let asked = request.headers.number("Expires").map(|s| Duration::from_secs(s.into()));
        let patience = layer.around.config.incoming_timeout.min(LONGEST_WAIT);
        let patience = asked.map_or(patience, |a| a.min(patience));
        layer.around.timers.set(call.timer(CallTimer::Ring), now + patience);
        Some(call)
    }

    /// A provisional answer. False when the call is in no state for it.
    pub(crate) fn progress(&mut self, now: Instant, reply: &Reply, layer: &mut Layer) -> bool {
        let State::Incoming { invite } = self.state else { return false };
        if let Some(response) = self.response(invite, reply, layer) {
            layer.respond(now, invite, response);
        }
        true
    }

    /// The 2xx (RFC 3261 13.3.1.4). False when the call is in no state for it.
    pub(crate) fn accept(&mut self, now: Instant, sdp: &SessionDescription, layer: &mut Layer) -> bool {
        let State::Incoming { invite } = self.state else { return false };
        layer.around.timers.cancel(self.timer(CallTimer::Ring));
        self.state = State::AwaitingAck { then: AfterAck::Talk };
        self.answer(now, invite, sdp, layer);
        true
    }

    /// A final refusal; does nothing in any other state than ringing here.
    pub(crate) fn reject(&mut self, now: Instant, reply: &Reply, layer: &mut Layer) {
        let State::Incoming { invite } = self.state else { return };
        if let Some(response) = self.response(invite, reply, layer) {
            let ending = Ending {
                by: EndedBy::Local,
                code: Some(response.code()),
                phrase: response.reason.clone(),
                reason: None,
            };
            layer.respond(now, invite, response);
            self.end(ending, layer);
        }
    }

    /// Whether it rings here.
    pub(crate) fn is_incoming(&self) -> bool {
        matches!(self.state, State::Incoming { .. })
    }

    /// Whether the call waits for the application's answer to that INVITE.
    pub(crate) fn ponders(&self, server: ServerId) -> bool {
        matches!(self.callee.as_ref().map(|c| &c.exchange), Some(Exchange::Asked { invite, .. }) if *invite == server)
    }

    /// RFC 3261 9.2: a CANCEL for the INVITE that is not answered.
    pub(crate) fn cancelled(&mut self, now: Instant, cancel: &Request, layer: &mut Layer) {
        let State::Incoming { invite } = self.state else {
            self.reject_reoffer(now, &Reply::new(487), layer);
            return;
        };
        layer.reply(now, invite, 487);
        let reason = cancel.headers.reason();
        self.end(Ending { by: EndedBy::Remote, code: Some(487), phrase: "Cancelled".into(), reason }, layer);
    }

    pub(super) fn unanswered(&mut self, now: Instant, layer: &mut Layer) {
        let State::Incoming { invite } = self.state else { return };
        layer.reply(now, invite, 480);
        let ending =
            Ending { by: EndedBy::Local, code: Some(480), phrase: "Not answered".into(), reason: None };
        self.end(ending, layer);
    }

    /// The ACK of a 2xx.
    pub(crate) fn on_ack(&mut self, now: Instant, ack: &Request, layer: &mut Layer) {
        let number = ack.headers.cseq().map(|c| c.number).ok();
        let Some(callee) = self.callee.as_mut().filter(|c| Some(c.cseq) == number) else { return };
        let Exchange::Answered { offered_by, .. } = callee.exchange else { return };
        callee.exchange = Exchange::Settled;
        layer.around.timers.cancel(self.timer(CallTimer::Retransmit));
        layer.around.timers.cancel(self.timer(CallTimer::NoAck));
        let sdp = match offered_by {
            OfferedBy::Us => description(&ack.headers, &ack.body),
            OfferedBy::Them => None,
        };
        let missing = offered_by == OfferedBy::Us && sdp.is_none();
        match self.state {
            State::AwaitingAck { then: AfterAck::HangUp } => {
                self.bye(now, layer);
                self.end(Ending::local("Hung up"), layer);
            }
            State::AwaitingAck { then: AfterAck::Talk } | State::Established if missing => {
                // RFC 3261 13.2.1: an offer in the 2xx must be answered in the ACK.
                self.bye(now, layer);
                let phrase = "Offer not answered".into();
                self.end(Ending { by: EndedBy::Remote, code: None, phrase, reason: None }, layer);
            }
            State::AwaitingAck { then: AfterAck::Talk } => {
                self.state = State::Established;
                self.report(CallState::Confirmed { sdp }, layer);
            }
            State::Established => self.report(CallState::Confirmed { sdp }, layer),
            _ => {}
        }
    }

    pub(super) fn retransmit_answer(&mut self, now: Instant, layer: &mut Layer) {
        let timer = self.timer(CallTimer::Retransmit);
        let Some(Exchange::Answered { response, invite, interval, .. }) =
            self.callee.as_mut().map(|c| &mut c.exchange)
        else {
            return;
        };
        layer.respond(now, *invite, (**response).clone());
        // RFC 3261 13.3.1.4: doubling up to T2.
        *interval = interval.saturating_mul(2).min(layer.around.config.timers.t2);
        let next = now + *interval;
        layer.around.timers.set(timer, next);
    }

    /// RFC 3261 13.3.1.4: confirmed all the same, and ended with BYE.
    pub(super) fn no_ack(&mut self, now: Instant, layer: &mut Layer) {
        let ending = match self.state {
            State::AwaitingAck { then: AfterAck::HangUp } => Ending::local("Hung up"),
            _ => Ending::network("No acknowledgement of the answer"),
        };
        self.bye(now, layer);
        self.end(ending, layer);
    }

    /// RFC 3261 14.2.
    pub(super) fn on_reinvite(
        &mut self,
        now: Instant,
        server: ServerId,
        request: &Request,
        layer: &mut Layer,
    ) {
        let busy = !matches!(self.state, State::Established)
            || self.callee.as_ref().is_some_and(|c| !matches!(c.exchange, Exchange::Settled));
        if busy {
            // RFC 3261 14.2: the last INVITE is not through yet.
            if let Some(mut response) = layer.reply_to(server, 500) {
                response.headers.add("Retry-After", "3");
                layer.respond(now, server, response);
            }
            return;
        }
        let offer = match read_offer(request) {
            Ok(offer) => offer,
            Err(refused) => {
                crate::uas::refuse_body(now, server, refused, layer);
                return;
            }
        };
        if let Some(leg) = self.chosen_mut() {
            let contacts = request.headers.addresses("Contact").unwrap_or_default();
            leg.dialog.refresh_target(contacts.first());
        }
        self.callee = Some(Callee {
            cseq: request.headers.cseq().map(|c| c.number).unwrap_or_default(),
            exchange: Exchange::Asked { invite: server, offered_by: offered_by(request) },
        });
        layer.reply(now, server, 100);
        let patience = layer.around.config.timers.transaction_life();
        layer.around.timers.set(self.timer(CallTimer::Reoffer), now + patience);
        layer.around.event(Event::Reoffer { call: self.id, offer });
    }

    /// Answers a re-INVITE. False when there is none.
    pub(crate) fn answer_reoffer(
        &mut self,
        now: Instant,
        sdp: &SessionDescription,
        layer: &mut Layer,
    ) -> bool {
        let Some(invite) = self.open_reoffer() else { return false };
        layer.around.timers.cancel(self.timer(CallTimer::Reoffer));
        self.answer(now, invite, sdp, layer);
        true
    }

    /// Refuses a re-INVITE. False when there is none.
    pub(crate) fn reject_reoffer(&mut self, now: Instant, reply: &Reply, layer: &mut Layer) -> bool {
        let Some(invite) = self.open_reoffer() else { return false };
        layer.around.timers.cancel(self.timer(CallTimer::Reoffer));
        if let Some(callee) = &mut self.callee {
            callee.exchange = Exchange::Settled;
        }
        if let Some(response) = self.response(invite, reply, layer) {
            layer.respond(now, invite, response);
        }
        true
    }

    /// A BYE has come while a re-INVITE waits (RFC 3261 15.1.2).
    pub(super) fn drop_reoffer(&mut self, now: Instant, layer: &mut Layer) {
        if let Some(invite) = self.open_reoffer() {
            layer.reply(now, invite, 487);
        }
    }

    fn open_reoffer(&self) -> Option<ServerId> {
        match (&self.state, self.callee.as_ref().map(|c| &c.exchange)) {
            (State::Established, Some(Exchange::Asked { invite, .. })) => Some(*invite),
            _ => None,
        }
    }

    fn answer(&mut self, now: Instant, invite: ServerId, sdp: &SessionDescription, layer: &mut Layer) {
        let reply = Reply::new(200).body(sdp::CONTENT_TYPE, sdp.to_bytes());
        let Some(response) = self.response(invite, &reply, layer) else { return };
        layer.respond(now, invite, response.clone());
        let timers = layer.around.config.timers;
        layer.around.timers.set(self.timer(CallTimer::Retransmit), now + timers.t1);
        layer.around.timers.set(self.timer(CallTimer::NoAck), now + timers.transaction_life());
        if let Some(callee) = &mut self.callee {
            let offered_by = match callee.exchange {
                Exchange::Asked { offered_by, .. } | Exchange::Answered { offered_by, .. } => offered_by,
                Exchange::Settled => OfferedBy::Them,
            };
            callee.exchange =
                Exchange::Answered { response: Box::new(response), invite, interval: timers.t1, offered_by };
        }
    }

    fn response(&self, invite: ServerId, reply: &Reply, layer: &Layer) -> Option<Response> {
        let mut response = layer.reply_to(invite, reply.code)?;
        let server = layer.server(invite)?;
        if matches!(reply.code, 101..=299) {
            // RFC 3261 12.1.1: what a dialog is made of; the To tag stays the dialog's in a re-INVITE.
            for route in server.request.headers.all("Record-Route") {
                response.headers.add("Record-Route", route);
            }
            let contact = layer.contact_for(&self.contact_user, server.path);
            response.headers.add("Contact", contact.to_string());
            response.headers.add("Allow", layer.around.allow());
        }
        apply(&mut response, reply);
        Some(response)
    }
}

/// Puts the application's words into a response.
pub(crate) fn apply(response: &mut Response, reply: &Reply) {
    response.reason = reply.reason.clone().unwrap_or_else(|| default_reason(reply.code).to_owned());
    for header in &reply.headers {
        response.headers.add(headers::name(header), headers::value(header));
    }
    if let Some((content_type, body)) = &reply.body {
        response.set_body(content_type, body.clone());
    }
}

fn offered_by(request: &Request) -> OfferedBy {
    if request.body.is_empty() { OfferedBy::Us } else { OfferedBy::Them }
}
