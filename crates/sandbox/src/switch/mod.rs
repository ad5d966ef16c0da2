//! The switch: registrations and calls (a back-to-back user agent, RFC 7092). Every customer has a dialog with the
//! switch alone, so numbers, refusals, charges and the sound are the provider's to handle.
//!
//! Invariant: a leg belongs to one session from its first packet until the session is over; what the endpoint tells
//! of a leg without session is of no consequence.
//!
//! How calls begin is in [`calls`], how they go on and end in [`legs`], where they lead in [`route`] and whom that rings
//! in [`plan`], what they cost in [`charges`], what the provider says itself in [`voice`] and [`bridge`]; sockets and the waiting are in [`driver`].

mod bridge;
mod calls;
mod charges;
pub(crate) mod driver;
mod legs;
mod plan;
mod route;
mod session;
mod transfers;
mod voice;

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rust_decimal::Decimal;
use tern_provider::Secret;
use tern_sip::{
    Answer, CallId, Disconnect, Endpoint, Event, Output, Question, Reply, RequestId, ResolveId, Source,
    offer_answer,
    wire::{HeaderAccess, Request},
};
use tokio::sync::mpsc;

use crate::{
    call_log::FinishedCall,
    destinations,
    gate::{Asker, Challenge, Gate},
    media::News,
    model::{Account, AccountId, Direction, Outcome},
    operator::Operator,
    outside::{IncomingCall, OutsideError, OutsideRequest},
    registrar::Registrar,
    services::studio::{RoomId, Studio},
    store::{StoreError, accounts, numbers, routing, transactions},
};
pub(crate) use session::SessionId;
use session::{Cause, Session, Sound};
use voice::Recorded;

/// Who calls when nobody says who does: from the range set aside for films.
const SOMEBODY: &str = "+442079460999";

/// What the switch wants done, beside the bytes to send.
#[derive(Debug)]
pub(crate) enum Deed {
    /// Write one side of a call down.
    Record(FinishedCall),
    /// A client has registered.
    Visited(AccountId),
}

/// The switch.
pub(crate) struct Switch {
    endpoint: Endpoint,
    operator: Arc<Operator>,
    gate: Gate,
    registrar: Registrar,
    sessions: HashMap<SessionId, Session>,
    legs: HashMap<CallId, SessionId>,
    /// Customers to ring back, and when; few, so in no order.
    call_backs: Vec<(Instant, AccountId)>,
    next_session: u64,
    studio: Studio,
    /// Messages whose recording goes on, or is on its way from the studio.
    recorded: HashMap<SessionId, Recorded>,
    /// The rooms of conferences.
    rooms: HashMap<String, RoomId>,
    media_ip: IpAddr,
    news: mpsc::Sender<News>,
    packets: Vec<(SocketAddr, Vec<u8>)>,
    names: Vec<(ResolveId, String)>,
    deeds: Vec<Deed>,
}

impl Switch {
    /// `media_ip` is the local address customers send their sound to.
    pub(crate) fn new(
        endpoint: Endpoint,
        operator: Arc<Operator>,
        media_ip: IpAddr,
        studio: Studio,
        news: mpsc::Sender<News>,
    ) -> Self {
        Self {
            gate: Gate::new(&operator.settings),
            registrar: Registrar::new(&operator.settings),
            endpoint,
            operator,
            sessions: HashMap::new(),
            legs: HashMap::new(),
            call_backs: Vec::new(),
            next_session: 0,
            studio,
            recorded: HashMap::new(),
            rooms: HashMap::new(),
            media_ip,
            news,
            packets: Vec::new(),
            names: Vec::new(),
            deeds: Vec::new(),
        }
    }

    /// The endpoint, to hand it what comes in. [`Self::work`] afterwards.
    pub(crate) fn endpoint(&mut self) -> &mut Endpoint {
        &mut self.endpoint
    }

    /// When [`Self::handle_timeout`] is to be called next.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let call_back = self.call_backs.iter().map(|(at, _)| *at).min();
        [self.endpoint.poll_timeout(), call_back].into_iter().flatten().min()
    }

    /// Does what is due. [`Self::work`] afterwards.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.endpoint.handle_timeout(now);
        let (due, later) = self.call_backs.iter().partition(|(at, _)| *at <= now);
        self.call_backs = later;
        let due: Vec<(Instant, AccountId)> = due;
        for (_, account) in due {
            self.call_back(now, account);
        }
    }

    /// The provider's time at which [`Self::handle_clock`] is to be called next.
    pub(crate) fn poll_clock(&self) -> Option<Timestamp> {
        [self.next_reading(), self.next_drop()].into_iter().flatten().min()
    }

    /// Does what is due by the provider's clock. [`Self::work`] afterwards.
    pub(crate) fn handle_clock(&mut self, now: Instant) {
        self.read_due_meters(now);
        self.drop_waiting(now);
    }

    /// Handles everything the endpoint has to tell; answers what is to be sent and done.
    pub(crate) fn work(&mut self, now: Instant) -> (Vec<(SocketAddr, Vec<u8>)>, Vec<Deed>) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Transmit { remote, bytes, .. } => self.packets.push((remote, bytes)),
                Output::Resolve { id, question: Question::Addresses(host) } => self.names.push((id, host)),
                // Names of servers, not services: where a call is forwarded to is a host, over UDP.
                Output::Resolve { id, .. } => self.endpoint.resolved(now, id, Answer::Nothing),
                // Only UDP is spoken here.
                Output::Connect { flow, .. } => self.endpoint.disconnected(now, flow, Disconnect::Refused),
                Output::Write { .. } | Output::Close { .. } | Output::Trace { .. } => {}
                Output::Event(event) => self.on_event(now, event),
            }
        }
        (std::mem::take(&mut self.packets), std::mem::take(&mut self.deeds))
    }

    /// Host names whose addresses are asked for; [`Self::named`] takes the answer. After each [`Self::work`].
    pub(crate) fn names(&mut self) -> Vec<(ResolveId, String)> {
        std::mem::take(&mut self.names)
    }

    /// The addresses of a host; none when it has none. [`Self::work`] afterwards.
    pub(crate) fn named(&mut self, now: Instant, id: ResolveId, addresses: Vec<IpAddr>) {
        self.endpoint.resolved(now, id, Answer::Addresses(addresses));
    }

    /// What a media task tells.
    pub(crate) fn on_news(&mut self, now: Instant, news: News) {
        match news {
            News::Silent(session) => self.finish(now, session, Cause::Ended),
            News::Played(session) => self.on_played(now, session),
            News::Digit(session, key) => self.on_key(now, session, key),
            News::Recorded(session, samples) => self.on_recorded(now, session, &samples),
        }
    }

    /// Does what the rest of the sandbox asks for.
    pub(crate) fn carry_out(&mut self, now: Instant, request: OutsideRequest) {
        // Whoever asked may have stopped waiting.
        match request {
            OutsideRequest::Call(call, answer) => _ = answer.send(self.call_from_outside(now, &call)),
            OutsideRequest::CallMe(call, answer) => _ = answer.send(self.call_participant(now, &call)),
            OutsideRequest::ConferenceChanged(id) => self.conference_changed(now, &id),
            OutsideRequest::MessagesChanged(account) => self.tell_waiting(now, account),
        }
    }

    /// The outside world calls a rented number; answers whether anything rings.
    pub(crate) fn call_from_outside(
        &mut self,
        now: Instant,
        call: &IncomingCall,
    ) -> Result<bool, OutsideError> {
        let to = destinations::e164(&call.to).ok_or(OutsideError::NumberUnknown)?;
        let number = self
            .operator
            .read(|c| numbers::by_e164(c, &to))
            .ok()
            .flatten()
            .ok_or(OutsideError::NumberUnknown)?;
        let from = call.from.as_deref().unwrap_or(SOMEBODY);
        let from = destinations::e164(from).unwrap_or_else(|| from.to_owned());
        let ring_for = Duration::from_secs(call.ring_seconds.into());
        let (account, e164) = (number.account, number.e164.clone());
        match self.operator.read(|c| route::called(c, number, Decimal::ZERO)) {
            Ok(Some(called)) => Ok(self.call_number(now, called, &from, ring_for)),
            // Who cannot be called misses the call all the same.
            Ok(None) | Err(_) => {
                self.deeds.push(Deed::Record(FinishedCall {
                    account,
                    sip_call_id: None,
                    direction: Direction::Incoming,
                    number: e164,
                    peer: from,
                    started_at: self.operator.now(),
                    talked: None,
                    outcome: Outcome::Missed,
                    metered: None,
                }));
                Ok(false)
            }
        }
    }

    /// What an account can spend.
    fn balance(&self, account: AccountId) -> Decimal {
        self.operator.read(|c| transactions::balance(c, account)).unwrap_or_default()
    }

    /// Hangs up everything.
    pub(crate) fn hang_up_all(&mut self, now: Instant) {
        let sessions: Vec<_> = self.sessions.keys().copied().collect();
        for session in sessions {
            self.finish(now, session, Cause::Ended);
        }
    }

    fn on_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::Request { id, request, source } => self.on_register(now, id, &request, source),
            Event::IncomingCall { call, request, offer, .. } => {
                self.on_invite(now, call, &request, offer);
            }
            Event::Call { id, state } => {
                if let Some(session) = self.legs.get(&id).copied() {
                    self.on_leg(now, session, id, state);
                }
            }
            Event::Reoffer { call, offer } => self.on_reoffer(now, call, offer.as_ref()),
            Event::TransferAsked { call, request, to, replaces, .. } => {
                self.on_transfer_asked(now, call, request, &to, replaces.as_ref());
            }
            Event::Dtmf { call, digit, duration } => self.on_digit(now, call, digit, duration),
            // The numbers of this provider point nowhere else.
            Event::Redirected { call, .. } => {
                let _ = self.endpoint.hang_up(now, call);
            }
            // Texts go by the provider's API.
            Event::MessageReceived { id, .. } => self.endpoint.respond(now, id, Reply::new(405)),
            // The switch registers nowhere and asks for no transfers. What it offers itself only follows from what
            // another leg has agreed to.
            Event::Registration { .. }
            | Event::OfferAnswered { .. }
            | Event::MessageSent { .. }
            | Event::MessageWaiting { .. }
            | Event::Subscription { .. }
            | Event::Notified { .. }
            | Event::Transfer { .. }
            | Event::Trickled { .. }
            | Event::DtmfRefused { .. } => {}
        }
    }

    fn on_register(&mut self, now: Instant, id: RequestId, request: &Request, source: Source) {
        let mut came = None;
        let reply = match self.authenticate(now, Asker::Registrar, request) {
            Err(refused) => refused,
            Ok(account) => {
                let to = request.headers.to_address().ok();
                let own = to.and_then(|to| to.uri.user()).is_some_and(|user| user == account.sip_user);
                if own {
                    let was_there = !self.registrar.contacts(now, account.id).is_empty();
                    let reply = self.registrar.register(now, account.id, request, source.remote);
                    if !was_there && !self.registrar.contacts(now, account.id).is_empty() {
                        self.deeds.push(Deed::Visited(account.id));
                        came = Some(account.id);
                    }
                    reply
                } else {
                    // RFC 3261 section 10.3 step 4.
                    Reply::new(403).reason("Not your address")
                }
            }
        };
        self.endpoint.respond(now, id, reply);
        if let Some(account) = came.filter(|account| self.has_messages(*account)) {
            self.tell_waiting(now, account);
        }
    }

    /// Whose request it is; the reply to send where nobody has proved to be anybody.
    fn authenticate(&mut self, now: Instant, asker: Asker, request: &Request) -> Result<Account, Reply> {
        let operator = self.operator.clone();
        // Who has not asked for SIP credentials has none.
        let find = |user: &str| -> Option<Account> {
            operator
                .read(|c| -> Result<_, StoreError> {
                    let account = accounts::by_sip_user(c, user)?;
                    Ok(match account {
                        Some(account) if routing::has_sip(c, account.id)? => Some(account),
                        _ => None,
                    })
                })
                .ok()
                .flatten()
        };
        let password = |user: &str| -> Option<Secret> { find(user).map(|a| a.sip_password) };
        let user = self.gate.check(now, asker, request, password).map_err(|c| challenged(&c))?;
        // It was there a moment ago.
        find(&user).ok_or_else(|| Reply::new(500))
    }
}

fn agree(sound: &mut Sound, agreed: &offer_answer::Agreed) {
    match sound {
        Sound::Echo(echo) => echo.agree(agreed),
        Sound::Announcement(announcement) => announcement.play(agreed),
        Sound::Relay(_) => {}
    }
}

fn challenged(challenge: &Challenge) -> Reply {
    let values = challenge.values.iter();
    values.fold(Reply::new(challenge.code), |reply, value| reply.header(challenge.header, value))
}

#[cfg(test)]
mod tests;
