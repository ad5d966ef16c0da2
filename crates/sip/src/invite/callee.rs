//! The called side (RFC 3261 13.3, 9.2): an INVITE that makes a call, until it is taken, refused or cancelled.

use super::leg::{Leg, LegId, Stage};
use super::offering::Offering;
use super::refresh::Refresh;
use super::reliable::Reliable;
use super::serving::{Invited, Service};
use super::session::Session;
use super::{AfterAck, Call, State};
use crate::config::Reply;
use crate::credentials::Credentials;
use crate::dialog::Dialog;
use crate::event::{EndedBy, Ending};
use crate::ids::CallId;
use crate::layer::Layer;
use crate::surroundings::{CallTimer, LONGEST_WAIT, TimerKey};
use crate::transaction::ServerId;
use crate::wire::sdp::{self, SessionDescription};
use crate::wire::{Body, HeaderAccess as _, Request, Response, default_reason, headers};
use std::time::{Duration, Instant};

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

/// The offer in an INVITE, UPDATE or PRACK; `None` when there is none, though perhaps a body that may be ignored.
pub(crate) fn read_offer(request: &Request) -> Result<Option<SessionDescription>, Refused> {
    if request.body.is_empty() {
        return Ok(None);
    }
    let encoded =
        request.headers.tokens("Content-Encoding").iter().any(|e| !e.eq_ignore_ascii_case("identity"));
    if encoded {
        return Err(Refused::Encoding);
    }
    if request.headers.first("Content-Type").is_none() {
        return Err(Refused::MediaType);
    }
    let body = Body::read(&request.headers, &request.body).map_err(|_| Refused::Unreadable)?;
    if !body.is_understood(&[sdp::CONTENT_TYPE]) {
        return Err(Refused::MediaType);
    }
    match body.find(sdp::CONTENT_TYPE) {
        Some(part) => SessionDescription::parse(part.bytes).map(Some).map_err(|_| Refused::Unreadable),
        None => Ok(None),
    }
}

impl Call {
    /// Takes an INVITE that starts a call. `credentials` are those of the account that is called, whose server may ask
    /// for a proof of our BYE.
    #[allow(clippy::too_many_arguments, reason = "all of what the endpoint knows of the INVITE")]
    pub(crate) fn incoming(
        id: CallId,
        now: Instant,
        invite: ServerId,
        request: &Request,
        offer: Option<SessionDescription>,
        contact_user: String,
        credentials: Option<Credentials>,
        layer: &mut Layer,
    ) -> Option<Call> {
        let tag = layer.server(invite).map(|s| s.local_tag.clone())?;
        let number = request.headers.cseq().ok()?.number;
        let dialog = Dialog::of_callee(request, &tag)?;
        let key = (dialog.call_id.clone(), tag);
        let mut session = Session::default();
        if let Some(offer) = offer {
            session.asked(offer);
        }
        let mut leg = Leg::new(LegId(0), dialog, Stage::Chosen, session);
        leg.peer.note(&request.headers);
        let config = &layer.around.config;
        let call = Call {
            id,
            state: State::Incoming { invite },
            key,
            asks: Vec::new(),
            next_number: 0,
            contact_user,
            credentials,
            usages: Default::default(),
            caller: None,
            invited: Some(Invited { server: invite, number, service: Service::Open }),
            reliable: Reliable::for_request(request, &leg.peer, config.reliable_provisionals),
            reliability: config.reliable_provisionals,
            legs: vec![leg],
            pondering: None,
            speaking: None,
            wanted: None,
            offering: Offering::Nothing,
            refresh: Refresh::new(config.session_timer),
        };
        // RFC 3261 13.3.1: the caller may have set an earlier end.
        let asked = request.headers.number("Expires").map(|s| Duration::from_secs(s.into()));
        let patience = layer.around.config.incoming_timeout.min(LONGEST_WAIT);
        let patience = asked.map_or(patience, |a| a.min(patience));
        layer.around.timers.set(call.timer(CallTimer::Ring), now + patience);
        Some(call)
    }

    /// The 2xx (RFC 3261 13.3.1.4), as soon as RFC 3262 lets it go. False when the call is in no state for it.
    pub(crate) fn accept(&mut self, now: Instant, sdp: &SessionDescription, layer: &mut Layer) -> bool {
        let State::Incoming { .. } = self.state else { return false };
        let Some(invited) = self.invited.as_mut().filter(|i| matches!(i.service, Service::Open)) else {
            return false;
        };
        let ring = TimerKey::Call(self.id, CallTimer::Ring);
        layer.around.timers.cancel(ring);
        invited.service = Service::Held(Box::new(sdp.clone()));
        self.go_on(now, layer);
        true
    }

    /// Sends the 2xx the application wants, unless something reliable is still to be acknowledged (RFC 3262 3) or an
    /// offer in a PRACK or UPDATE is open (RFC 6337 2.4).
    pub(super) fn accept_if_possible(&mut self, now: Instant, layer: &mut Layer) {
        let State::Incoming { invite } = self.state else { return };
        let Some(Invited { service: Service::Held(sdp), .. }) = &self.invited else { return };
        let sdp = (**sdp).clone();
        if self.reliable.holds_the_answer() {
            return;
        }
        let Some(leg) = self.chosen_mut() else { return };
        if leg.question.is_some() || leg.session.awaits_answer() {
            return;
        }
        let body = if leg.session.owes_answer() {
            leg.session.answer(sdp)
        } else if !leg.session.is_agreed() {
            leg.session.offer(sdp)
        } else {
            // RFC 6337 3.1.1: answered in a reliable provisional response; what differs now is a new offer.
            if !leg.session.says(&sdp) {
                self.want(sdp);
            }
            None
        };
        self.state = State::AwaitingAck { then: AfterAck::Talk };
        self.serve(now, invite, body.as_ref(), layer);
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
                warnings: Vec::new(),
            };
            layer.respond(now, invite, response);
            self.end(now, ending, layer);
        }
    }

    /// Whether it rings here.
    pub(crate) fn is_incoming(&self) -> bool {
        matches!(self.state, State::Incoming { .. })
    }

    /// Whether that INVITE waits for the application's answer.
    pub(crate) fn ponders(&self, server: ServerId) -> bool {
        self.invited
            .as_ref()
            .is_some_and(|i| i.server == server && !matches!(i.service, Service::Accepted { .. }))
    }

    /// RFC 3261 9.2: a CANCEL for the INVITE that is not answered.
    pub(crate) fn cancelled(&mut self, now: Instant, cancel: &Request, layer: &mut Layer) {
        let State::Incoming { invite } = self.state else {
            self.refuse_reinvite(now, &Reply::new(487), layer);
            return;
        };
        layer.reply(now, invite, 487);
        self.end(now, Ending::of_request(cancel, "Cancelled").with_code(487), layer);
    }

    pub(super) fn unanswered(&mut self, now: Instant, layer: &mut Layer) {
        let State::Incoming { invite } = self.state else { return };
        layer.reply(now, invite, 480);
        self.end(now, Ending::local("Not answered").with_code(480), layer);
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
