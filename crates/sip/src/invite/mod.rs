//! Calls: INVITE sessions from the first request to the last response (RFC 3261 13, 14, 15).
//!
//! Invariant: [`State`] alone says where a call stands; `Ended` is reported once, on entering [`State::Ended`], and
//! an ended call lingers only while a transaction of its own is alive. The caller's part is in `caller`, the called
//! party's in `callee`; what both share after the answer is here.

mod ask;
mod callee;
mod caller;
mod leg;
mod redirected;

use crate::credentials::Credentials;
use crate::config::Reply;
use crate::dialog::{Dialog, Order};
use crate::event::{CallState, EndedBy, Ending, Event};
use crate::ids::CallId;
use crate::layer::Layer;
use crate::surroundings::{CallTimer, TimerKey};
use crate::transaction::{ClientId, ServerId};
use crate::usages::Usages;
use crate::wire::sdp::{self, SessionDescription};
use crate::wire::{HeaderAccess as _, Method, Replaces, ReplacesWhen, Request, Response, default_reason};
use ask::Asked;
pub(crate) use ask::{Ask, Outcome, Purpose};
pub(crate) use callee::{Refused, apply, read_offer};
pub(crate) use caller::Plan;
use leg::{Leg, LegId, Stage};
use std::time::Instant;

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: CallId,
    state: State,
    /// The Call-ID and our tag, which all dialogs of the call share.
    key: (String, String),
    /// At most one is chosen.
    legs: Vec<Leg>,
    /// Requests of ours on their way inside the call.
    asks: Vec<Asked>,
    /// The last number given to a leg or an ask.
    next_number: u32,
    contact_user: String,
    credentials: Option<Credentials>,
    pub(crate) usages: Usages,
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
    /// Answered with 3xx; the application decides whether to follow.
    Redirected { ending: Ending },
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

impl Call {
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// The Call-ID and our tag in all dialogs of this call: by these, requests find it.
    pub(crate) fn key(&self) -> &(String, String) {
        &self.key
    }

    /// The application is through with the call.
    pub(crate) fn hang_up(&mut self, now: Instant, layer: &mut Layer) {
        match &self.state {
            State::Calling { .. } | State::Proceeding { .. } => {
                self.give_up(now, Ending::local("Cancelled"), layer);
            }
            State::CancelPending { .. } | State::Cancelling { .. } | State::Ended => {}
            State::Redirected { .. } => self.leave_redirected(layer),
            State::Incoming { .. } => self.reject(now, &Reply::new(603), layer),
            State::AwaitingAck { .. } => self.state = State::AwaitingAck { then: AfterAck::HangUp },
            State::Established => {
                self.bye(now, layer);
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
            CallTimer::TransferAsked => self.transfer_undecided(now, layer),
            CallTimer::TransferNews => self.no_transfer_news(layer),
            CallTimer::Again(number) => self.ask_again(now, number, layer),
        }
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
        let Some(leg) = self.legs.iter_mut().find(|leg| leg.dialog.remote_tag() == remote_tag) else {
            layer.reply(now, server, 481);
            return;
        };
        if leg.dialog.note_cseq(number) == Order::OutOfOrder {
            // RFC 3261 12.2.2
            layer.reply(now, server, 500);
            return;
        }
        leg.peer.note(&request.headers);
        if request.method == Method::BYE {
            self.on_bye(now, server, request, layer);
        } else if request.method == Method::NOTIFY {
            // The subscription of a transfer outlives the session (RFC 5057 4.1).
            self.on_notify(now, server, request, layer);
        } else if self.is_ended() {
            layer.reply(now, server, 481);
        } else if request.method == Method::INVITE {
            self.on_reinvite(now, server, request, layer);
        } else if request.method == Method::REFER {
            self.on_refer(now, server, request, layer);
        } else if request.method == Method::INFO {
            self.on_info(now, server, request, layer);
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
            State::CancelPending { .. }
            | State::Cancelling { .. }
            | State::Redirected { .. }
            | State::Ended => {}
            State::AwaitingAck { .. } | State::Established => {
                self.drop_reoffer(now, layer);
                self.end(ending, layer);
            }
        }
    }

    /// Whether both sides know of the call.
    pub(crate) fn is_established(&self) -> bool {
        matches!(self.state, State::Established)
    }

    /// Whether the call was answered and is not over: from then on the other side may ask for anything, for its ACK may
    /// come late.
    pub(crate) fn is_answered(&self) -> bool {
        matches!(self.state, State::AwaitingAck { then: AfterAck::Talk } | State::Established)
    }

    /// The dialog that is the call's own.
    pub(crate) fn dialog(&self) -> Option<&Dialog> {
        self.chosen().map(|leg| &leg.dialog)
    }

    /// Our Contact in a response.
    pub(crate) fn contact_in(&self, server: ServerId, layer: &Layer) -> Option<String> {
        let path = layer.server(server)?.path;
        Some(layer.contact_for(&self.contact_user, path).to_string())
    }

    /// RFC 3891 3: whether an INVITE may take the place of this dialog, whose Call-ID and local tag match. The error is
    /// the code to refuse it with.
    pub(crate) fn may_be_replaced(&self, replaces: &Replaces) -> Result<(), u16> {
        // RFC 3891 6.1: a tag of 0 means none.
        let tag = Some(replaces.from_tag.clone()).filter(|tag| tag != "0");
        if !self.legs.iter().any(|leg| leg.dialog.remote_tag() == tag) {
            return Err(481);
        }
        match &self.state {
            State::Ended | State::CancelPending { .. } | State::Cancelling { .. } => Err(603),
            // Only who has sent the INVITE may have an early dialog replaced.
            State::Incoming { .. } | State::Redirected { .. } => Err(481),
            State::Calling { .. } | State::Proceeding { .. } => Ok(()),
            State::AwaitingAck { .. } | State::Established if replaces.when == ReplacesWhen::EarlyOnly => {
                Err(486)
            }
            State::AwaitingAck { .. } | State::Established => Ok(()),
        }
    }

    /// The leg that is the call's own.
    fn chosen(&self) -> Option<&Leg> {
        self.legs.iter().find(|leg| leg.stage == Stage::Chosen)
    }

    fn chosen_mut(&mut self) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| leg.stage == Stage::Chosen)
    }

    fn add_leg(&mut self, dialog: Dialog, stage: Stage) -> LegId {
        self.next_number = self.next_number.saturating_add(1);
        let id = LegId(self.next_number);
        self.legs.push(Leg::new(id, dialog, stage));
        id
    }

    fn bye(&mut self, now: Instant, layer: &mut Layer) {
        if let Some(leg) = self.chosen().map(|leg| leg.id) {
            self.say_bye(now, leg, None, layer);
        }
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
        self.drop_waiting_asks(layer);
        self.report(CallState::Ended(ending), layer);
    }

    fn report(&self, state: CallState, layer: &mut Layer) {
        layer.around.event(Event::Call { id: self.id, state });
    }

    fn timer(&self, timer: CallTimer) -> TimerKey {
        TimerKey::Call(self.id, timer)
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
