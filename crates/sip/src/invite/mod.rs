//! Calls: INVITE sessions from the first request to the last response (RFC 3261 13, 14, 15).
//!
//! Invariant: [`State`] alone says where a call stands; `Ended` is reported once, on entering [`State::Ended`], and
//! an ended call lingers only while a transaction of its own is alive. The caller's part is in `caller`, the called
//! party's in `callee`; what both share after the answer is here.

mod callee;
mod caller;

use crate::authentication::{Attempt, Authentication};
use crate::config::{NextHop, Reply};
use crate::dialog::{Dialog, Order};
use crate::event::{CallState, EndedBy, Ending, Event};
use crate::ids::CallId;
use crate::layer::{Draft, Fate, Layer, Owner};
use crate::surroundings::{CallTimer, TimerKey};
use crate::target;
use crate::transaction::{ClientId, ServerId};
use crate::transport::Transport;
use crate::wire::sdp::{self, SessionDescription};
use crate::wire::{HeaderAccess as _, Method, Request, Response, default_reason};
pub(crate) use callee::{Refused, apply, read_offer};
pub(crate) use caller::Plan;
use std::net::SocketAddr;
use std::time::Instant;

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: CallId,
    state: State,
    /// The session's dialog: the called party's from the start, the caller's from the first 2xx.
    dialog: Option<Dialog>,
    contact_user: String,
    credentials: Option<Credentials>,
    caller: Option<caller::Caller>,
    callee: Option<callee::Callee>,
}

#[derive(Debug)]
enum State {
    /// INVITE sent, nothing heard.
    Calling { invite: ClientId },
    /// A provisional response came.
    Proceeding { invite: ClientId },
    /// To be cancelled, but no provisional response came yet (RFC 3261 9.1: CANCEL waits for one).
    CancelPending { invite: ClientId, ending: Ending },
    /// CANCEL sent; a final response decides.
    Cancelling { invite: ClientId, ending: Ending },
    /// INVITE received, not answered.
    Incoming { invite: ServerId },
    /// 2xx sent, ACK not seen (RFC 3261 13.3.1.4).
    AwaitingAck { then: AfterAck },
    /// Both sides know of the call.
    Established,
    /// Over.
    Ended,
}

/// RFC 3261 15: the called party may not send BYE before the ACK has come or failed to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AfterAck {
    Talk,
    HangUp,
}

/// Credentials and the one server they may be shown to.
#[derive(Debug)]
struct Credentials {
    authentication: Authentication,
    /// Challenges of the request under way.
    attempt: Attempt,
    /// Whose challenges are answered: the first hop of the INVITE. Set when its address is known.
    server: Option<(Transport, SocketAddr)>,
}

impl Call {
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Our tag in all dialogs of this call, with the Call-ID: by these, requests find it.
    pub(crate) fn dialog_key(&self) -> Option<(String, String)> {
        match (&self.dialog, &self.caller) {
            (Some(dialog), _) => Some((dialog.call_id.clone(), dialog.local.tag()?)),
            (None, Some(caller)) => {
                let headers = &caller.request.headers;
                Some((headers.call_id().ok()?.to_owned(), headers.from_address().ok()?.tag()?))
            }
            (None, None) => None,
        }
    }

    /// The application is through with the call.
    pub(crate) fn hang_up(&mut self, now: Instant, layer: &mut Layer) {
        match &self.state {
            State::Calling { .. } | State::Proceeding { .. } => {
                self.give_up(now, Ending::local("Cancelled"), layer);
            }
            State::CancelPending { .. } | State::Cancelling { .. } | State::Ended => {}
            State::Incoming { .. } => self.reject(now, &Reply::new(603), layer),
            State::AwaitingAck { .. } => self.state = State::AwaitingAck { then: AfterAck::HangUp },
            State::Established => {
                self.send_bye(now, layer);
                self.end(Ending::local("Hung up"), layer);
            }
        }
    }

    pub(crate) fn on_timer(&mut self, now: Instant, timer: CallTimer, layer: &mut Layer) {
        match timer {
            CallTimer::Ring => self.rung_long_enough(now, layer),
            CallTimer::Cancel => self.cancel_unanswered(layer),
            CallTimer::Retransmit => self.retransmit_answer(now, layer),
            CallTimer::NoAck => self.no_ack(now, layer),
            CallTimer::Reoffer => {
                self.reject_reoffer(now, &Reply::new(488), layer);
            }
        }
    }

    /// What became of a BYE or CANCEL.
    pub(crate) fn on_other_fate(&mut self, now: Instant, client: ClientId, fate: &Fate, layer: &mut Layer) {
        let Fate::Response(response) = fate else { return };
        if !matches!(response.code(), 401 | 407) {
            return;
        }
        let Some((request, path)) = layer.client(client).map(|(r, p)| (r.clone(), p)) else { return };
        // RFC 3261 22.1: a CANCEL is never challenged rightly, for it cannot be sent again.
        if request.method != Method::BYE {
            return;
        }
        let Some(credentials) = &mut self.credentials else { return };
        if credentials.server != Some((path.transport, path.remote))
            || credentials.authentication.take_challenge(response, &mut credentials.attempt).is_err()
        {
            return;
        }
        // RFC 3261 22.2: the same request again, the CSeq one higher.
        let Some(dialog) = &mut self.dialog else { return };
        let mut again = dialog.request(Method::BYE);
        credentials.authentication.sign(&mut again, &mut layer.around.random);
        let hop = NextHop::Address { transport: path.transport, address: path.remote };
        layer.send(now, Draft { request: again, hop, contact_user: None }, Owner::InCall(self.id));
    }

    /// A request inside the call.
    pub(crate) fn on_request(
        &mut self,
        now: Instant,
        server: ServerId,
        request: &Request,
        layer: &mut Layer,
    ) {
        let remote_tag = request.headers.from_address().ok().and_then(|a| a.tag());
        let number = request.headers.cseq().map(|c| c.number).unwrap_or_default();
        let Some(dialog) = self.dialog_with(&remote_tag) else {
            layer.reply(now, server, 481);
            return;
        };
        if dialog.note_cseq(number) == Order::OutOfOrder {
            // RFC 3261 12.2.2
            layer.reply(now, server, 500);
            return;
        }
        if request.method == Method::BYE {
            self.on_bye(now, server, request, layer);
        } else if self.is_ended() {
            layer.reply(now, server, 481);
        } else if request.method == Method::INVITE {
            self.on_reinvite(now, server, request, layer);
        } else if request.method == Method::OPTIONS {
            if let Some(mut response) = layer.reply_to(server, 200) {
                crate::uas::describe_us(&mut response, layer);
                layer.respond(now, server, response);
            }
        } else {
            crate::uas::refuse_method(now, server, request, layer);
        }
    }

    /// RFC 3261 15.1.2.
    fn on_bye(&mut self, now: Instant, server: ServerId, request: &Request, layer: &mut Layer) {
        layer.reply(now, server, 200);
        let ending = Ending {
            by: EndedBy::Remote,
            code: None,
            phrase: "Hung up".into(),
            reason: request.headers.reason(),
        };
        match &self.state {
            // The INVITE itself still wants its final response.
            State::Incoming { invite } => {
                layer.reply(now, *invite, 487);
                self.end(ending, layer);
            }
            State::Calling { .. } | State::Proceeding { .. } => self.give_up(now, ending, layer),
            State::CancelPending { .. } | State::Cancelling { .. } | State::Ended => {}
            State::AwaitingAck { .. } | State::Established => {
                self.drop_reoffer(now, layer);
                self.end(ending, layer);
            }
        }
    }

    fn dialog_with(&mut self, remote_tag: &Option<String>) -> Option<&mut Dialog> {
        let early = self.caller.iter_mut().flat_map(|c| c.early.iter_mut());
        self.dialog.iter_mut().chain(early).find(|d| d.remote_tag() == *remote_tag)
    }

    fn send_bye(&mut self, now: Instant, layer: &mut Layer) {
        let Some(dialog) = &mut self.dialog else { return };
        let mut bye = dialog.request(Method::BYE);
        let Some(hop) = target::first_hop(&bye.uri, &bye.headers.addresses("Route").unwrap_or_default())
        else {
            return;
        };
        if let Some(credentials) = &mut self.credentials {
            credentials.attempt = Attempt::default();
            if credentials.may_see(&hop) {
                credentials.authentication.sign(&mut bye, &mut layer.around.random);
            }
        }
        layer.send(now, Draft { request: bye, hop, contact_user: None }, Owner::InCall(self.id));
    }

    fn end(&mut self, ending: Ending, layer: &mut Layer) {
        if self.is_ended() {
            return;
        }
        self.state = State::Ended;
        for timer in
            [CallTimer::Ring, CallTimer::Cancel, CallTimer::Retransmit, CallTimer::NoAck, CallTimer::Reoffer]
        {
            layer.around.timers.cancel(TimerKey::Call(self.id, timer));
        }
        self.report(CallState::Ended(ending), layer);
    }

    fn report(&self, state: CallState, layer: &mut Layer) {
        layer.around.event(Event::Call { id: self.id, state });
    }

    fn timer(&self, timer: CallTimer) -> TimerKey {
        TimerKey::Call(self.id, timer)
    }
}

impl Credentials {
    fn may_see(&self, hop: &NextHop) -> bool {
        match (hop, self.server) {
            (NextHop::Address { transport, address }, Some(server)) => server == (*transport, *address),
            _ => false,
        }
    }
}

impl Ending {
    fn local(phrase: &str) -> Ending {
        Ending { by: EndedBy::Local, code: None, phrase: phrase.into(), reason: None }
    }

    fn network(phrase: &str) -> Ending {
        Ending { by: EndedBy::Network, code: None, phrase: phrase.into(), reason: None }
    }

    fn of_response(response: &Response) -> Ending {
        let code = response.code();
        Ending {
            // What a person does ends a call remotely; the rest is a server's refusal.
            by: match code {
                408 | 480 | 486 | 487 | 600 | 603 | 607 => EndedBy::Remote,
                _ => EndedBy::Provider,
            },
            code: Some(code),
            phrase: if response.reason.is_empty() {
                default_reason(code).into()
            } else {
                response.reason.clone()
            },
            reason: response.headers.reason(),
        }
    }
}

/// The description in a message; `None` when it has no body or one that is no description.
fn description(headers: &crate::wire::Headers, body: &[u8]) -> Option<SessionDescription> {
    let content_type = headers.first("Content-Type")?.split(';').next()?.trim();
    if body.is_empty() || !content_type.eq_ignore_ascii_case(sdp::CONTENT_TYPE) {
        return None;
    }
    SessionDescription::parse(body).ok()
}
