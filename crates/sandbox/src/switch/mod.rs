//! The switch: registrations and calls (a back-to-back user agent, RFC 7092). Every customer has a dialog with the
//! switch alone, so numbers, refusals, charges and the sound are the provider's to handle.
//!
//! Invariant: a leg belongs to one session from its first packet until the session is over; what the endpoint tells
//! of a leg without session is of no consequence.
//!
//! How calls begin is in [`calls`], how they go on and end in [`legs`], where they lead in [`route`]; sockets and the
//! waiting are in [`driver`].

mod calls;
pub(crate) mod driver;
mod legs;
mod route;
mod session;
mod transfers;

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use tern_provider::Secret;
use tern_sip::{
    Answer, CallId, Disconnect, Endpoint, Event, Output, Reply, RequestId, Source, offer_answer,
    wire::{HeaderAccess, Request},
};
use tokio::sync::mpsc;

use crate::{
    call_log::FinishedCall,
    destinations,
    gate::{Asker, Challenge, Gate},
    media::News,
    model::{Account, AccountId},
    operator::Operator,
    outside::{IncomingCall, OutsideError},
    registrar::Registrar,
    store::{accounts, numbers},
};
pub(crate) use session::SessionId;
use session::{Cause, Session, Sound};

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
    media_ip: IpAddr,
    news: mpsc::Sender<News>,
    packets: Vec<(SocketAddr, Vec<u8>)>,
    deeds: Vec<Deed>,
}

impl Switch {
    /// `media_ip` is the local address customers send their sound to.
    pub(crate) fn new(
        endpoint: Endpoint,
        operator: Arc<Operator>,
        media_ip: IpAddr,
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
            media_ip,
            news,
            packets: Vec::new(),
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

    /// Handles everything the endpoint has to tell; answers what is to be sent and done.
    pub(crate) fn work(&mut self, now: Instant) -> (Vec<(SocketAddr, Vec<u8>)>, Vec<Deed>) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Transmit { remote, bytes, .. } => self.packets.push((remote, bytes)),
                // Every hop here is an address already.
                Output::Resolve { id, .. } => self.endpoint.resolved(now, id, Answer::Nothing),
                // Only UDP is spoken here.
                Output::Connect { flow, .. } => self.endpoint.disconnected(now, flow, Disconnect::Refused),
                Output::Write { .. } | Output::Close { .. } | Output::Trace { .. } => {}
                Output::Event(event) => self.on_event(now, event),
            }
        }
        (std::mem::take(&mut self.packets), std::mem::take(&mut self.deeds))
    }

    /// What a media task tells.
    pub(crate) fn on_news(&mut self, now: Instant, news: News) {
        match news {
            News::Silent(session) | News::Played(session) => self.finish(now, session, Cause::Ended),
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
        Ok(self.call_as_provider(now, number.account, number.e164, None, &from, ring_for))
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
            | Event::DtmfRefused { .. } => {}
        }
    }

    fn on_register(&mut self, now: Instant, id: RequestId, request: &Request, source: Source) {
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
                    }
                    reply
                } else {
                    // RFC 3261 section 10.3 step 4.
                    Reply::new(403).reason("Not your address")
                }
            }
        };
        self.endpoint.respond(now, id, reply);
    }

    /// Whose request it is; the reply to send where nobody has proved to be anybody.
    fn authenticate(&mut self, now: Instant, asker: Asker, request: &Request) -> Result<Account, Reply> {
        let operator = self.operator.clone();
        let find = |user: &str| operator.read(|c| accounts::by_sip_user(c, user)).ok().flatten();
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
