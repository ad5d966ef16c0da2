//! The switch: registrations and calls (a back-to-back user agent, RFC 7092). Every customer has a dialog with the
//! switch alone, so numbers, refusals, charges and the sound are the provider's to handle.
//!
//! Invariant: a leg belongs to one session from its first packet until the session is over; what the endpoint tells
//! of a leg without session is of no consequence.
//!
//! Sockets and the waiting are in [`driver`], where a call leads in [`route`].

pub(crate) mod driver;
mod route;
mod session;

use std::{
    collections::{HashMap, VecDeque},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use tern_provider::Secret;
use tern_sip::{
    CallConfig, CallId, CallState, Endpoint, Event, Identity, NextHop, Output, Reply, RequestId, Source,
    offer_answer,
    wire::{
        Address, HeaderAccess, Host, Message, Request, SipUri, Uri, parse_datagram, sdp::SessionDescription,
    },
};
use tokio::sync::mpsc;

use crate::{
    DOMAIN,
    call_log::FinishedCall,
    destinations,
    gate::{Asker, Challenge, Gate},
    media::{News, description, relay::Relay},
    model::{Account, AccountId, Direction, Outcome},
    operator::Operator,
    outside::{IncomingCall, OutsideError},
    registrar::{Binding, Registrar},
    services::{self, announcement::Announcement, echo::Echo},
    store::{accounts, numbers},
};
use route::{Refused, Route, Service};
pub(crate) use session::SessionId;
use session::{Branch, Callee, Caller, Cause, Progress, Session, Sound};

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
    /// Taken from the endpoint, not yet handled.
    outputs: VecDeque<Output>,
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
            gate: Gate::new(operator.settings.nonce_lifetime),
            registrar: Registrar::new(&operator.settings),
            endpoint,
            operator,
            sessions: HashMap::new(),
            legs: HashMap::new(),
            call_backs: Vec::new(),
            next_session: 0,
            media_ip,
            news,
            outputs: VecDeque::new(),
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
        loop {
            self.outputs.extend(std::iter::from_fn(|| self.endpoint.poll()));
            let Some(output) = self.outputs.pop_front() else { break };
            match output {
                Output::Transmit { remote, bytes, .. } => self.packets.push((remote, bytes)),
                // Every hop here is an address already.
                Output::Resolve { id, .. } => self.endpoint.resolved(now, id, None),
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
            // The switch registers nowhere.
            Event::Registration { .. } => {}
        }
    }

    fn on_register(&mut self, now: Instant, id: RequestId, request: &Request, source: Source) {
        let reply = match self.authenticate(now, Asker::Registrar, request) {
            Err(challenge) => challenged(&challenge),
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

    fn authenticate(&mut self, now: Instant, asker: Asker, request: &Request) -> Result<Account, Challenge> {
        let operator = self.operator.clone();
        let find = |user: &str| operator.read(|c| accounts::by_sip_user(c, user)).ok().flatten();
        let password = |user: &str| -> Option<Secret> { find(user).map(|a| a.sip_password) };
        let user = self.gate.check(now, asker, request, password)?;
        // It was there a moment ago; if the store fails now, the client asks again.
        find(&user).ok_or(Challenge { code: 500, header: "Warning", values: Default::default() })
    }

    fn on_invite(&mut self, now: Instant, leg: CallId, request: &Request, offer: Option<SessionDescription>) {
        let account = match self.authenticate(now, Asker::Proxy, request) {
            Ok(account) => account,
            Err(challenge) => {
                self.refuse_leg(now, leg, challenged(&challenge));
                return;
            }
        };
        if route::claimed_user(request).is_none_or(|user| user != account.sip_user) {
            self.refuse_leg(now, leg, Reply::new(403).reason("Not your address"));
            return;
        }
        let own = self.operator.read(|c| numbers::of_account(c, account.id)).unwrap_or_default();
        let from = route::calling_number(&own).unwrap_or_else(|| account.sip_user.clone());
        let dialled = route::dialled(request, &from);
        let caller = Caller {
            leg,
            account: account.id,
            sip_call_id: request.headers.call_id().unwrap_or_default().to_owned(),
            number: dialled.from,
            peer: dialled.peer.clone(),
            sent: None,
        };
        match route::route(&self.operator, account.id, &dialled.peer) {
            Ok(Route::Service(service)) => self.serve(now, caller, service, offer.as_ref()),
            Ok(Route::Customer { account, number }) => {
                self.connect(now, caller, account.id, number, offer);
            }
            Ok(Route::Refused(refused)) => self.refuse_caller(now, caller, refused),
            Err(error) => {
                tracing::error!(%error, "a call cannot be routed");
                self.refuse_leg(now, leg, Reply::new(500));
            }
        }
    }

    fn refuse_leg(&mut self, now: Instant, leg: CallId, reply: Reply) {
        if let Err(error) = self.endpoint.reject(now, leg, reply) {
            tracing::debug!(%error, "the caller was gone before it was refused");
        }
    }

    fn refuse_caller(&mut self, now: Instant, caller: Caller, refused: Refused) {
        let (code, phrase) = refused.status();
        // RFC 3261 section 20.43: 399 is a warning in words.
        let warning = format!("399 {DOMAIN} \"{phrase}\"");
        self.refuse_leg(now, caller.leg, Reply::new(code).reason(phrase).header("Warning", warning));
        self.deeds.push(Deed::Record(FinishedCall {
            account: caller.account,
            sip_call_id: Some(caller.sip_call_id),
            direction: Direction::Outgoing,
            number: caller.number,
            peer: caller.peer,
            started_at: self.operator.now(),
            talked: None,
            outcome: match refused {
                Refused::NotWorking => Outcome::Unanswered,
                _ => Outcome::Failed,
            },
        }));
    }

    fn new_session(&mut self) -> SessionId {
        self.next_session = self.next_session.wrapping_add(1);
        SessionId(self.next_session)
    }

    /// A service answers.
    fn serve(
        &mut self,
        now: Instant,
        mut caller: Caller,
        service: Service,
        offer: Option<&SessionDescription>,
    ) {
        let id = self.new_session();
        let (ip, news, silence) = (self.media_ip, self.news.clone(), self.operator.settings.media_silence);
        let started = match service {
            Service::Echo => Echo::start(ip, id, silence, news).map(|e| (e.address, Sound::Echo(e))),
            Service::CallMe => Announcement::start(ip, id, news).map(|a| (a.address, Sound::Announcement(a))),
        };
        let Ok((address, mut sound)) = started else {
            self.refuse_leg(now, caller.leg, Reply::new(503));
            return;
        };
        let answer = match offer {
            // RFC 3261 section 13.2.1: no offer in the INVITE, so ours in the answer.
            None => services::offer(address),
            Some(offer) => match services::answer(offer, address, 1) {
                Ok((answer, agreed)) => {
                    agree(&mut sound, &agreed);
                    answer
                }
                Err(_) => {
                    self.refuse_leg(now, caller.leg, Reply::new(488));
                    return;
                }
            },
        };
        let leg = caller.leg;
        caller.sent = Some(answer.clone());
        let session = Session {
            caller: Some(caller),
            callee: None,
            sound,
            begun: self.operator.now(),
            progress: Progress::Talking { since: now },
            then_call_back: service == Service::CallMe,
        };
        self.legs.insert(leg, id);
        self.sessions.insert(id, session);
        if self.endpoint.accept(now, leg, answer).is_err() {
            self.finish(now, id, Cause::Ended);
        }
    }

    /// A customer calls a customer.
    fn connect(
        &mut self,
        now: Instant,
        mut caller: Caller,
        account: AccountId,
        number: String,
        offer: Option<SessionDescription>,
    ) {
        let contacts = self.registrar.contacts(now, account);
        let id = self.new_session();
        let silence = self.operator.settings.media_silence;
        let Ok(relay) = Relay::start(self.media_ip, id, silence, self.news.clone()) else {
            self.refuse_leg(now, caller.leg, Reply::new(503));
            return;
        };
        relay.set_caller(offer.as_ref().and_then(description::audio_address));
        let offer = match offer {
            Some(offer) => description::redirected(&offer, relay.for_callee),
            // What is answered to this becomes the offer to the caller.
            None => services::offer(relay.for_callee),
        };
        let (from, ring_for) = (caller.number.clone(), self.operator.settings.ring_for);
        let (leg, peer) = (caller.leg, caller.number.clone());
        caller.sent = None;
        let session = Session {
            caller: Some(caller),
            callee: Some(Callee {
                account,
                number,
                peer,
                offer,
                branches: Vec::new(),
                answered_by: None,
                first_call_id: None,
            }),
            sound: Sound::Relay(relay),
            begun: self.operator.now(),
            progress: Progress::Ringing,
            then_call_back: false,
        };
        self.legs.insert(leg, id);
        self.sessions.insert(id, session);
        if !self.ring(now, id, &contacts, &from, None, ring_for) {
            self.finish(now, id, Cause::Refused(480));
        }
    }

    /// The provider calls a customer, who hears themselves; answers whether anything rings.
    fn call_as_provider(
        &mut self,
        now: Instant,
        account: AccountId,
        number: String,
        display: Option<&str>,
        from: &str,
        ring_for: Duration,
    ) -> bool {
        let contacts = self.registrar.contacts(now, account);
        let id = self.new_session();
        let silence = self.operator.settings.media_silence;
        let echo = match Echo::start(self.media_ip, id, silence, self.news.clone()) {
            Ok(echo) => echo,
            Err(error) => {
                tracing::error!(%error, "no port for a call");
                return false;
            }
        };
        let session = Session {
            caller: None,
            callee: Some(Callee {
                account,
                number,
                peer: from.to_owned(),
                offer: services::offer(echo.address),
                branches: Vec::new(),
                answered_by: None,
                first_call_id: None,
            }),
            sound: Sound::Echo(echo),
            begun: self.operator.now(),
            progress: Progress::Ringing,
            then_call_back: false,
        };
        self.sessions.insert(id, session);
        let rings = self.ring(now, id, &contacts, from, display, ring_for);
        if !rings {
            self.finish(now, id, Cause::Refused(480));
        }
        rings
    }

    fn call_back(&mut self, now: Instant, account: AccountId) {
        let own = self.operator.read(|c| numbers::of_account(c, account)).unwrap_or_default();
        let Some(number) = route::calling_number(&own) else { return };
        let ring_for = self.operator.settings.call_me_rings;
        self.call_as_provider(now, account, number, Some("Echo service"), "echo", ring_for);
    }

    /// Calls a customer at every contact; `false` when none could be.
    fn ring(
        &mut self,
        now: Instant,
        id: SessionId,
        contacts: &[Binding],
        from: &str,
        display: Option<&str>,
        ring_for: Duration,
    ) -> bool {
        let Some(offer) = self.sessions.get(&id).and_then(|s| s.callee.as_ref()).map(|c| c.offer.clone())
        else {
            return false;
        };
        let from = Uri::Sip(SipUri::new(Some(from), Host::Name(DOMAIN.into()), None));
        for binding in contacts {
            let config = CallConfig {
                next_hop: Some(NextHop::udp(binding.source)),
                ring_timeout: ring_for,
                ..CallConfig::new(
                    Identity::Plain {
                        from: Address::named(display.map(Into::into), from.clone()),
                        login: None,
                    },
                    binding.contact.clone(),
                    offer.clone(),
                )
            };
            let leg = match self.endpoint.call(now, config) {
                Ok(leg) => leg,
                Err(error) => {
                    tracing::warn!(%error, "a contact cannot be called");
                    continue;
                }
            };
            let sip_call_id = self.call_id_just_sent();
            self.legs.insert(leg, id);
            if let Some(callee) = self.sessions.get_mut(&id).and_then(|s| s.callee.as_mut()) {
                callee.first_call_id.get_or_insert_with(|| sip_call_id.clone());
                callee.branches.push(Branch { leg, sip_call_id, answer: None });
            }
        }
        self.sessions.get(&id).and_then(|s| s.callee.as_ref()).is_some_and(|c| !c.branches.is_empty())
    }

    /// The Call-ID of the INVITE the endpoint has just made: the log joins on it.
    fn call_id_just_sent(&mut self) -> String {
        let before = self.outputs.len();
        self.outputs.extend(std::iter::from_fn(|| self.endpoint.poll()));
        self.outputs
            .iter()
            .skip(before)
            .find_map(|output| match output {
                Output::Transmit { bytes, .. } => match parse_datagram(bytes) {
                    Ok(Message::Request(request)) => request.headers.call_id().ok().map(str::to_owned),
                    _ => None,
                },
                _ => None,
            })
            .unwrap_or_default()
    }

    fn on_leg(&mut self, now: Instant, id: SessionId, leg: CallId, state: CallState) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.caller.as_ref().is_some_and(|caller| caller.leg == leg) {
            match state {
                CallState::Ended(_) => {
                    self.legs.remove(&leg);
                    self.finish(now, id, Cause::Ended);
                }
                // The answer to an offer of ours comes with the ACK.
                CallState::Confirmed { sdp: Some(answer) } => match &mut session.sound {
                    Sound::Relay(relay) => relay.set_caller(description::audio_address(&answer)),
                    sound => {
                        let sent = session.caller.as_ref().and_then(|c| c.sent.as_ref());
                        if let Some(Ok(agreed)) = sent.map(|sent| offer_answer::agree(sent, &answer)) {
                            agree(sound, &agreed);
                        }
                    }
                },
                _ => {}
            }
            return;
        }
        match state {
            CallState::Trying | CallState::Confirmed { .. } => {}
            CallState::Ringing => {
                if let Some(caller) = session.caller.as_ref().map(|c| c.leg) {
                    // Further places that ring change nothing for the caller.
                    let _ = self.endpoint.ring(now, caller);
                }
            }
            CallState::EarlyMedia { sdp } => self.on_early_media(now, id, leg, sdp),
            CallState::Answered { sdp } => self.on_answer(now, id, leg, sdp),
            CallState::Ended(ending) => self.on_branch_ended(now, id, leg, ending.code),
        }
    }

    fn on_early_media(&mut self, now: Instant, id: SessionId, leg: CallId, sdp: SessionDescription) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(callee) = &mut session.callee else { return };
        let alone = callee.branches.len() == 1;
        if let Some(branch) = callee.branches.iter_mut().find(|b| b.leg == leg) {
            branch.answer = Some(sdp.clone());
        }
        let (Sound::Relay(relay), Some(caller)) = (&session.sound, &mut session.caller) else { return };
        // With several places ringing there is no telling whose sound to pass on.
        let reply = if alone {
            relay.set_callee(description::audio_address(&sdp));
            let early = description::redirected(&sdp, relay.for_caller);
            let reply = Reply::new(183).body(tern_sip::wire::sdp::CONTENT_TYPE, early.to_bytes());
            caller.sent = Some(early);
            reply
        } else {
            Reply::new(180)
        };
        let _ = self.endpoint.progress(now, caller.leg, reply);
    }

    fn on_answer(&mut self, now: Instant, id: SessionId, leg: CallId, sdp: Option<SessionDescription>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(callee) = &mut session.callee else { return };
        let Some(branch) = callee.branches.iter_mut().find(|b| b.leg == leg) else { return };
        if sdp.is_some() {
            branch.answer = sdp;
        }
        let Some(answer) = branch.answer.clone() else {
            self.finish(now, id, Cause::Refused(488));
            return;
        };
        callee.answered_by = Some(leg);
        let others: Vec<_> = callee.branches.iter().map(|b| b.leg).filter(|l| *l != leg).collect();
        session.progress = Progress::Talking { since: now };
        let accepted = match (&mut session.sound, &mut session.caller) {
            (Sound::Relay(relay), Some(caller)) => {
                relay.set_callee(description::audio_address(&answer));
                let answer = description::redirected(&answer, relay.for_caller);
                caller.sent = Some(answer.clone());
                self.endpoint.accept(now, caller.leg, answer).is_ok()
            }
            (sound, _) => match offer_answer::agree(&callee.offer, &answer) {
                Ok(agreed) => {
                    agree(sound, &agreed);
                    true
                }
                Err(_) => false,
            },
        };
        for other in others {
            let _ = self.endpoint.hang_up(now, other);
        }
        if !accepted {
            self.finish(now, id, Cause::Ended);
        }
    }

    fn on_branch_ended(&mut self, now: Instant, id: SessionId, leg: CallId, code: Option<u16>) {
        self.legs.remove(&leg);
        let Some(callee) = self.sessions.get_mut(&id).and_then(|s| s.callee.as_mut()) else { return };
        if callee.answered_by == Some(leg) {
            self.finish(now, id, Cause::Ended);
            return;
        }
        callee.branches.retain(|b| b.leg != leg);
        // RFC 3261 section 16.7 step 5: a 6xx is final for all places.
        let final_for_all = code.is_some_and(|code| code >= 600);
        if callee.answered_by.is_none() && (callee.branches.is_empty() || final_for_all) {
            // Rung out: the endpoint's own cancelling has no code, or the 487 it got.
            let code = code.filter(|code| *code >= 300 && *code != 487).unwrap_or(480);
            self.finish(now, id, Cause::Refused(code));
        }
    }

    fn on_reoffer(&mut self, now: Instant, leg: CallId, offer: Option<&SessionDescription>) {
        let session = self.legs.get(&leg).and_then(|id| self.sessions.get_mut(id));
        let Some(session) = session else {
            let _ = self.endpoint.reject_reoffer(now, leg, Reply::new(481));
            return;
        };
        let by_caller = session.caller.as_ref().is_some_and(|c| c.leg == leg);
        let sent = match (&mut session.caller, &mut session.callee) {
            (Some(caller), _) if by_caller => caller.sent.as_mut(),
            (_, Some(callee)) => Some(&mut callee.offer),
            _ => None,
        };
        let address = offer.map(description::audio_address);
        let answer = match (&mut session.sound, sent) {
            (Sound::Relay(relay), Some(sent)) => {
                match address {
                    Some(address) if by_caller => relay.set_caller(address),
                    Some(address) => relay.set_callee(address),
                    None => {}
                }
                *sent = description::renewed(sent, offer);
                Some(sent.clone())
            }
            (Sound::Echo(echo), Some(sent)) => {
                let version = sent.origin.version.parse::<u64>().unwrap_or(0).saturating_add(1);
                match offer.map(|offer| services::answer(offer, echo.address, version)) {
                    Some(Ok((answer, agreed))) => {
                        echo.agree(&agreed);
                        *sent = answer;
                        Some(sent.clone())
                    }
                    Some(Err(_)) => None,
                    None => {
                        *sent = description::renewed(sent, None);
                        Some(sent.clone())
                    }
                }
            }
            _ => None,
        };
        let answered = match answer {
            Some(answer) => self.endpoint.answer_reoffer(now, leg, answer),
            None => self.endpoint.reject_reoffer(now, leg, Reply::new(488)),
        };
        if let Err(error) = answered {
            tracing::debug!(%error, "a later offer came to nothing");
        }
    }

    /// Ends a call in whatever state it is, and writes it down.
    fn finish(&mut self, now: Instant, id: SessionId, cause: Cause) {
        let Some(session) = self.sessions.remove(&id) else { return };
        let refusal = match (session.progress, cause) {
            (Progress::Ringing, Cause::Refused(code)) => Some(code),
            _ => None,
        };
        let caller = session.caller.as_ref().map(|c| c.leg);
        for leg in session.legs() {
            if self.legs.remove(&leg).is_none() {
                continue;
            }
            let _ = match refusal {
                Some(code) if Some(leg) == caller => self.endpoint.reject(now, leg, Reply::new(code)),
                _ => self.endpoint.hang_up(now, leg),
            };
        }
        if session.then_call_back
            && let Some(caller) = &session.caller
        {
            self.call_backs.push((now + self.operator.settings.call_me_after, caller.account));
        }
        self.deeds.extend(session.finished(now, cause).into_iter().map(Deed::Record));
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
    challenge
        .values
        .iter()
        .filter(|value| !value.is_empty())
        .fold(Reply::new(challenge.code), |reply, value| reply.header(challenge.header, value))
}

#[cfg(test)]
mod tests;
