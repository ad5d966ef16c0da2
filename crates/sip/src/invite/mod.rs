//! Calls: INVITE sessions from the first request to the last response (RFC 3261 13, 14, 15).
//!
//! Invariant: [`State`] alone says where a call stands; `Ended` is reported once, on entering [`State::Ended`], and
//! an ended call lingers only while a transaction of its own is alive. What has become possible by an event is done in
//! one place, [`Call::go_on`].
//!
//! | file | what lives there |
//! |---|---|
//! | `leg`, `session` | one dialog and its offer/answer state |
//! | `caller`, `answer`, `callee` | the INVITE that makes the call, from either side |
//! | `serving` | the 2xx to their INVITE until its ACK |
//! | `reliable` | reliable provisional responses and PRACK (RFC 3262) |
//! | `reoffer`, `offering` | their later offers, and ours (re-INVITE, UPDATE) |
//! | `refresh` | the session timer (RFC 4028) |
//! | `ask` | the one way requests of ours take inside the call |
//! | `lost` | what their outcome says of the dialog, and its end |

mod answer;
mod ask;
mod callee;
mod caller;
mod ending;
mod leg;
mod lost;
mod offering;
mod redirected;
mod refresh;
mod reliable;
mod reoffer;
mod serving;
mod session;

use crate::config::{Reliability, Reply};
use crate::credentials::Credentials;
use crate::dialog::{Dialog, Order};
use crate::event::{CallState, Ending, Event};
use crate::ids::CallId;
use crate::layer::Layer;
use crate::surroundings::{CallTimer, TimerKey};
use crate::transaction::{ClientId, ServerId};
use crate::usages::Usages;
use crate::wire::sdp::{self, SessionDescription};
use crate::wire::{Body, HeaderAccess as _, Headers, Method, Replaces, ReplacesWhen, Request};
use ask::Asked;
pub(crate) use ask::{Ask, Outcome, Purpose};
pub(crate) use callee::{Refused, apply, read_offer};
pub(crate) use caller::Plan;
use leg::{Leg, LegId, Question, Stage};
use offering::{Offering, Wanted};
use refresh::Refresh;
pub(crate) use refresh::{is_too_brief, refuse_brief};
use reliable::Reliable;
pub(crate) use reliable::{lacks_reliability, require_reliability};
use serving::Invited;
use session::Session;
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
    /// Their INVITE that is being served, first or later.
    invited: Option<Invited>,
    /// Provisional responses of ours that are acknowledged.
    reliable: Reliable,
    reliability: Reliability,
    /// The leg whose question the application has.
    pondering: Option<LegId>,
    /// The branch whose early media the application knows last.
    speaking: Option<LegId>,
    /// An offer of ours that waits until it may be made.
    wanted: Option<Wanted>,
    offering: Offering,
    refresh: Refresh,
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
            State::Redirected { .. } => self.leave_redirected(now, layer),
            State::Incoming { .. } => self.reject(now, &Reply::new(603), layer),
            State::AwaitingAck { .. } => self.state = State::AwaitingAck { then: AfterAck::HangUp },
            State::Established => {
                self.bye(now, layer);
                self.end(now, Ending::local("Hung up"), layer);
            }
        }
    }

    pub(crate) fn on_timer(&mut self, now: Instant, timer: CallTimer, layer: &mut Layer) {
        match timer {
            CallTimer::Ring => self.rung_long_enough(now, layer),
            CallTimer::Cancel => self.cancel_unanswered(now, layer),
            CallTimer::Retransmit => self.retransmit_answer(now, layer),
            CallTimer::NoAck => self.no_ack(now, layer),
            CallTimer::Reoffer => {
                self.reject_reoffer(now, &Reply::new(488), layer);
            }
            CallTimer::TransferAsked => self.transfer_undecided(now, layer),
            CallTimer::TransferNews => self.no_transfer_news(layer),
            CallTimer::Again(number) => self.ask_again(now, number, layer),
            CallTimer::Reliable => self.retransmit_provisional(now, layer),
            CallTimer::Unacknowledged => self.no_prack(now, layer),
            CallTimer::Offer => self.offer_again(now, layer),
            CallTimer::OfferLimit => self.offer_took_too_long(now, layer),
            CallTimer::Refresh => self.refresh_session(now, layer),
            CallTimer::Expire => self.session_expired(now, layer),
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
        let (leg, stage) = (leg.id, leg.stage);
        // Another branch has won: this one is on its way out (RFC 3261 13.2.2.4), and its wishes are no longer the call's.
        let beaten = stage == Stage::Early && self.chosen().is_some();
        let over = self.is_ended() || stage == Stage::Left || beaten;
        match &request.method {
            method if *method == Method::BYE => self.on_bye(now, server, leg, request, layer),
            // The subscription of a transfer outlives the session (RFC 5057 4.1).
            method if *method == Method::NOTIFY => self.on_notify(now, server, request, layer),
            _ if over => layer.reply(now, server, 481),
            method if *method == Method::INVITE => self.on_reinvite(now, server, leg, request, layer),
            method if *method == Method::UPDATE => self.on_update(now, server, leg, request, layer),
            method if *method == Method::PRACK => self.on_prack(now, server, leg, request, layer),
            method if *method == Method::REFER => self.on_refer(now, server, request, layer),
            method if *method == Method::INFO => self.on_info(now, server, request, layer),
            method if *method == Method::OPTIONS => {
                if let Some(mut response) = layer.reply_to(server, 200) {
                    crate::uas::describe_us(&mut response, layer);
                    layer.respond(now, server, response);
                }
            }
            _ => crate::uas::refuse_method(now, server, request, layer),
        }
    }

    /// RFC 3261 15.1.2.
    fn on_bye(&mut self, now: Instant, server: ServerId, leg: LegId, request: &Request, layer: &mut Layer) {
        layer.reply(now, server, 200);
        let stage = self.leg(leg).map(|leg| leg.stage);
        if stage == Some(Stage::Early) && self.legs.iter().filter(|l| l.stage == Stage::Early).count() > 1 {
            // One branch of several is gone; the others may still answer.
            self.forget_question(leg, now, layer);
            self.legs.retain(|l| l.id != leg);
            return self.go_on(now, layer);
        }
        let ending = Ending::of_request(request, "Hung up");
        match &self.state {
            // The INVITE itself still wants its final response.
            State::Incoming { invite } => {
                layer.reply(now, *invite, 487);
                self.end(now, ending, layer);
            }
            State::Calling { .. } | State::Proceeding { .. } => self.give_up(now, ending, layer),
            State::CancelPending { .. }
            | State::Cancelling { .. }
            | State::Redirected { .. }
            | State::Ended => {}
            State::AwaitingAck { .. } | State::Established if stage == Some(Stage::Chosen) => {
                self.end(now, ending, layer);
            }
            State::AwaitingAck { .. } | State::Established => {}
        }
    }

    /// Does what the last event has made possible, in the order the RFCs want: what was queued before an answer, the
    /// answer, the next question, an offer of ours.
    fn go_on(&mut self, now: Instant, layer: &mut Layer) {
        if self.is_ended() {
            return;
        }
        self.send_queued_progress(now, layer);
        self.accept_if_possible(now, layer);
        self.put_next_question(now, layer);
        self.offer_if_possible(now, layer);
    }

    /// Whether both sides know of the call.
    pub(crate) fn is_established(&self) -> bool {
        matches!(self.state, State::Established)
    }

    /// Whether the other side takes INFO requests of a package (RFC 6086 4.2.1).
    pub(crate) fn takes_package(&self, package: &str) -> bool {
        self.chosen().is_some_and(|leg| leg.peer.takes(package))
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

    fn leg(&self, id: LegId) -> Option<&Leg> {
        self.legs.iter().find(|leg| leg.id == id)
    }

    fn leg_mut(&mut self, id: LegId) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| leg.id == id)
    }

    /// The leg that is the call's own.
    fn chosen(&self) -> Option<&Leg> {
        self.legs.iter().find(|leg| leg.stage == Stage::Chosen)
    }

    fn chosen_mut(&mut self) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| leg.stage == Stage::Chosen)
    }

    fn add_leg(&mut self, dialog: Dialog, stage: Stage, session: Session) -> LegId {
        self.next_number = self.next_number.saturating_add(1);
        let id = LegId(self.next_number);
        self.legs.push(Leg::new(id, dialog, stage, session));
        id
    }

    fn bye(&mut self, now: Instant, layer: &mut Layer) {
        let Some(leg) = self.chosen().map(|leg| leg.id) else { return };
        // RFC 3261 13.2.2.4: a 2xx gets its ACK, and an offer in it an answer, even when all is over.
        if let Some(Question::Success { number }) = self.leg(leg).and_then(|l| l.question.clone()) {
            let nothing = self.take_nothing(leg);
            self.forget_question(leg, now, layer);
            self.acknowledge(now, leg, number, nothing.as_ref(), layer);
        }
        self.say_bye(now, leg, None, layer);
    }

    fn end(&mut self, now: Instant, ending: Ending, layer: &mut Layer) {
        if self.is_ended() {
            return;
        }
        self.state = State::Ended;
        self.wanted = None;
        self.reliable = Reliable::default();
        // What limits a re-INVITE goes on: without it, one that is never answered would stay.
        for timer in [
            CallTimer::Ring,
            CallTimer::Cancel,
            CallTimer::Retransmit,
            CallTimer::NoAck,
            CallTimer::Reoffer,
            CallTimer::Reliable,
            CallTimer::Unacknowledged,
            CallTimer::Offer,
            CallTimer::Refresh,
            CallTimer::Expire,
        ] {
            layer.around.timers.cancel(self.timer(timer));
        }
        // RFC 3261 15.1.2: what waits for an answer gets 487.
        let legs: Vec<LegId> = self.legs.iter().map(|leg| leg.id).collect();
        for leg in legs {
            self.forget_question(leg, now, layer);
        }
        self.drop_waiting_asks(layer);
        self.report(CallState::Ended(ending), layer);
    }

    /// The option tags of this call.
    fn supported(&self) -> String {
        crate::extension::supported(&self.switched_off())
    }

    /// Those of our later requests. A provisional response to a re-INVITE says nothing that must arrive; without the tag
    /// nobody may have it acknowledged (RFC 3262 3).
    fn supported_inside(&self) -> String {
        let mut off = self.switched_off();
        off.push(reliable::OPTION);
        crate::extension::supported(&off)
    }

    fn switched_off(&self) -> Vec<&'static str> {
        let mut off = Vec::new();
        if self.reliability == Reliability::Off {
            off.push(reliable::OPTION);
        }
        if !self.refresh.is_wanted() {
            off.push(refresh::OPTION);
        }
        off
    }

    fn report(&self, state: CallState, layer: &mut Layer) {
        layer.around.event(Event::Call { id: self.id, state });
    }

    fn timer(&self, timer: CallTimer) -> TimerKey {
        TimerKey::Call(self.id, timer)
    }
}

/// The description in a message; `None` when it has no body or one without a description.
fn description(headers: &Headers, body: &[u8]) -> Option<SessionDescription> {
    let body = Body::read(headers, body).ok()?;
    SessionDescription::parse(body.find(sdp::CONTENT_TYPE)?.bytes).ok()
}
