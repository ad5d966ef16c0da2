//! One flow of an account: its REGISTERs, one after another (RFC 3261 10.2), and what follows when it fails
//! (RFC 5626 4.5).
//!
//! Invariant: at most one REGISTER is under way, and exactly one of that REGISTER, the timer, or a state that needs
//! neither is there.

use super::About;
use super::answer::{self, Learnt};
use super::request::Outbound;
use super::retry::{self, Others};
use crate::account::Reach;
use crate::authentication::{Attempt, Proof, Refusal};
use crate::config::{NextHop, RegistrationConfig};
use crate::credentials::Credentials;
use crate::event::{RegistrationFailure, RegistrationState};
use crate::layer::{Fate, KeepAlive, Layer, Notice, Obstacle};
use crate::random::Random;
use crate::surroundings::{LONGEST_WAIT, TimerKey};
use crate::transaction::{ClientId, Path};
use crate::wire::{Address, HeaderAccess as _, Response, Uri};
use std::time::{Duration, Instant};

/// Contacts of ours a registrar may still hold at a time; beyond, the oldest is left to expire.
const MAX_BOUND: usize = 4;
/// A flow that has held so long was formed well (RFC 5626 4.5 waits for the first answer to a keep-alive).
const PROVEN: Duration = Duration::from_secs(30);
/// Redirections, changes of our public address and copies by two ways followed before the next refresh.
const MAX_TURNS: u8 = 3;

#[derive(Debug)]
pub(crate) struct Flow {
    /// Its place in the account's list; the timer's name.
    pub(super) number: u8,
    hop: NextHop,
    /// Where a 3xx has sent us instead.
    detour: Option<(Uri, NextHop)>,
    state: State,
    pub(super) credentials: Credentials,
    pub(super) outbound: Outbound,
    pub(super) call_id: String,
    pub(super) from_tag: String,
    pub(super) cseq: u32,
    expires: Duration,
    /// In a row; a flow that has held for a while ends the row.
    failures: u32,
    /// When it was bound last.
    since: Instant,
    turns: u8,
    /// Contacts the registrar may hold for us, the one in use last.
    bound: Vec<Address>,
    /// What the registrar keeps, as its last 2xx said.
    reach: Reach,
    /// What the last 2xx brought; gone when the flow fails.
    learnt: Option<Learnt>,
    next_try: Option<Instant>,
    /// The way of the last REGISTER that was answered: what is kept alive while the flow stands.
    path: Option<Path>,
}

#[derive(Debug)]
enum State {
    /// A REGISTER that binds is under way.
    Registering { client: ClientId, attempt: Attempt, then: Then },
    /// Bound; the timer runs to the refresh.
    Registered,
    /// Not bound; the timer runs to the next try.
    Waiting,
    /// Not bound, and nothing happens by itself.
    Stopped,
    /// A REGISTER that removes is under way.
    Unregistering { client: ClientId, attempt: Attempt },
    /// Removed.
    Done,
}

/// What was asked for while a REGISTER was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Keep,
    Renew,
    Remove,
}

/// What happened to a flow.
#[derive(Debug)]
pub(super) enum News {
    Trying,
    Bound(Box<RegistrationState>),
    Failed { reason: RegistrationFailure },
    Gone,
}

/// What to do about a response.
enum Verdict {
    Bound(Box<Learnt>, Proof),
    Again,
    Retry { reason: RegistrationFailure, after: Option<Duration> },
    Stop(RegistrationFailure),
}

impl Flow {
    pub(super) fn new(
        now: Instant,
        number: u8,
        hop: NextHop,
        id: crate::ids::RegistrationId,
        config: &RegistrationConfig,
        random: &mut Random,
    ) -> Flow {
        Flow {
            number,
            hop,
            detour: None,
            state: State::Stopped,
            credentials: Credentials::of_account(id),
            outbound: if config.instance.is_some() { Outbound::Asked } else { Outbound::No },
            // RFC 3261 10.2: one Call-ID for all registrations, CSeq growing. Flows count for themselves, so that two
            // REGISTERs under way at once are in order each.
            call_id: random.call_id(),
            from_tag: random.tag(),
            cseq: 0,
            expires: config.expires.min(LONGEST_WAIT),
            failures: 0,
            since: now,
            turns: 0,
            bound: Vec::new(),
            reach: Reach::Address,
            learnt: None,
            next_try: None,
            path: None,
        }
    }

    /// RFC 5626 4.2: counted from 1, the same for the same proxy each time.
    pub(super) fn reg_id(&self) -> u32 {
        u32::from(self.number).saturating_add(1)
    }

    pub(super) fn hop(&self) -> &NextHop {
        self.detour.as_ref().map_or(&self.hop, |(_, hop)| hop)
    }

    pub(super) fn request_uri(&self, about: &About) -> Uri {
        self.detour.as_ref().map_or_else(|| about.registrar.clone(), |(uri, _)| uri.clone())
    }

    pub(super) fn timer(&self, about: &About) -> TimerKey {
        TimerKey::Registration(about.id, self.number)
    }

    /// Contacts to be removed with the next REGISTER: those a registrar that keeps flows replaces by itself are not
    /// among them (RFC 5626 4.2).
    pub(super) fn superseded(&self) -> impl Iterator<Item = &Address> {
        self.bound.iter().filter(|_| self.reach == Reach::Address)
    }

    pub(super) fn learnt(&self) -> Option<&Learnt> {
        self.learnt.as_ref()
    }

    /// Whether the registrar reaches us over it, as far as we know.
    pub(super) fn stands(&self) -> bool {
        self.learnt.is_some()
    }

    pub(super) fn is_forming(&self) -> bool {
        matches!(self.state, State::Registering { .. })
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    pub(super) fn waits_for(&self, wanted: ClientId) -> bool {
        matches!(&self.state,
            State::Registering { client, .. } | State::Unregistering { client, .. } if *client == wanted)
    }

    /// Whether its last REGISTER went that way.
    pub(super) fn is_on(&self, path: Path) -> bool {
        self.path == Some(path)
    }

    /// How long until it is tried again by itself.
    pub(super) fn next_try(&self, now: Instant) -> Option<Duration> {
        self.next_try.map(|at| at.saturating_duration_since(now))
    }

    pub(super) fn refresh(&mut self, now: Instant, about: &About, layer: &mut Layer) -> Option<News> {
        match &mut self.state {
            State::Registering { then, .. } => {
                if *then == Then::Keep {
                    *then = Then::Renew;
                }
                None
            }
            State::Unregistering { .. } | State::Done => None,
            State::Registered | State::Waiting | State::Stopped => Some(self.bind(now, about, layer)),
        }
    }

    pub(super) fn unregister(&mut self, now: Instant, about: &About, layer: &mut Layer) -> Option<News> {
        match &mut self.state {
            State::Registering { then, .. } => {
                *then = Then::Remove;
                None
            }
            State::Unregistering { .. } | State::Done => None,
            State::Registered | State::Waiting | State::Stopped if self.bound.is_empty() => {
                Some(self.finish(about, layer))
            }
            State::Registered | State::Waiting | State::Stopped => {
                self.unbind(now, about, layer);
                None
            }
        }
    }

    /// The local addresses are others. What is under way from an address that is gone has no answer to come.
    pub(super) fn network_changed(&mut self, now: Instant, about: &About, layer: &mut Layer) -> Option<News> {
        self.failures = 0;
        self.turns = 0;
        match &mut self.state {
            // From an address that is still ours, or sent again from a new one by now.
            State::Registering { client, .. } if layer.is_on_its_way(*client) => None,
            State::Registering { client, then: Then::Remove, .. } | State::Unregistering { client, .. } => {
                layer.abandon(*client);
                self.unbind(now, about, layer);
                None
            }
            State::Registering { client, .. } => {
                layer.abandon(*client);
                Some(self.bind(now, about, layer))
            }
            State::Registered | State::Waiting => Some(self.bind(now, about, layer)),
            // Refused for a reason no address changes, or through.
            State::Stopped | State::Done => None,
        }
    }

    /// The path is dead, or the server sees us elsewhere by now (RFC 5626 4.4): the binding is of no use any more.
    pub(super) fn on_notice(
        &mut self,
        now: Instant,
        notice: Notice,
        others: Others,
        about: &About,
        layer: &mut Layer,
    ) -> Option<News> {
        if !matches!(self.state, State::Registered) {
            return None;
        }
        match notice {
            Notice::AddressChanged(_) if self.turns >= MAX_TURNS => None,
            Notice::AddressChanged(_) => {
                self.turns = self.turns.saturating_add(1);
                self.start(now, about, layer);
                None
            }
            // RFC 5626 4.5: it is formed anew at once; but breaking again as soon as it is formed counts as a failure, or
            // that would go on without end.
            Notice::Lost(_) if self.held(now) || self.failures == 0 => {
                self.failures = if self.held(now) { 0 } else { 1 };
                self.learnt = None;
                Some(self.bind(now, about, layer))
            }
            Notice::Lost(_) => {
                Some(self.wait(now, None, RegistrationFailure::Unreachable, others, about, layer))
            }
        }
    }

    fn held(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= PROVEN
    }

    /// Until the next try: as long as the server said, else as RFC 5626 4.5 does.
    fn wait(
        &mut self,
        now: Instant,
        after: Option<Duration>,
        reason: RegistrationFailure,
        others: Others,
        about: &About,
        layer: &mut Layer,
    ) -> News {
        self.failures = self.failures.saturating_add(1);
        self.detour = None;
        let own = || retry::wait(&about.config.retry, others, self.failures, &mut layer.around.random);
        let wait = after.unwrap_or_else(own);
        self.lose(State::Waiting);
        self.let_go(layer);
        self.next_try = now.checked_add(wait);
        layer.around.timers.set(self.timer(about), now + wait);
        News::Failed { reason }
    }

    pub(super) fn on_timer(&mut self, now: Instant, about: &About, layer: &mut Layer) -> Vec<News> {
        match self.state {
            // The binding still stands: nothing to tell before the answer.
            State::Registered => {
                self.turns = 0;
                self.failures = 0;
                self.start(now, about, layer);
                Vec::new()
            }
            State::Waiting => vec![self.bind(now, about, layer)],
            State::Registering { .. } | State::Stopped | State::Unregistering { .. } | State::Done => {
                Vec::new()
            }
        }
    }

    pub(super) fn on_fate(
        &mut self,
        now: Instant,
        client: ClientId,
        fate: Fate,
        others: Others,
        about: &About,
        layer: &mut Layer,
    ) -> Vec<News> {
        match std::mem::replace(&mut self.state, State::Stopped) {
            State::Registering { attempt, then, .. } => {
                self.on_bind(now, client, fate, attempt, then, others, about, layer)
            }
            State::Unregistering { attempt, .. } => self.on_unbind(now, client, fate, attempt, about, layer),
            other => {
                self.state = other;
                Vec::new()
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of the state it has taken apart")]
    fn on_bind(
        &mut self,
        now: Instant,
        client: ClientId,
        fate: Fate,
        mut attempt: Attempt,
        then: Then,
        others: Others,
        about: &About,
        layer: &mut Layer,
    ) -> Vec<News> {
        self.note_contact(client, layer);
        if let (Fate::Response(_), Some((_, path))) = (&fate, layer.client(client))
            && let Some(account) = layer.around.accounts.get_mut(&about.id)
        {
            account.server.met(path.remote);
        }
        let verdict = match &fate {
            Fate::Response(response) if response.code() < 200 => {
                self.state = State::Registering { client, attempt, then };
                return Vec::new();
            }
            Fate::Response(response) => self.judge(response, &mut attempt, client, about, layer),
            Fate::Timeout => Verdict::Retry { reason: RegistrationFailure::Timeout, after: None },
            Fate::Unreachable(Obstacle::Certificate) => {
                Verdict::Retry { reason: RegistrationFailure::Certificate, after: None }
            }
            Fate::Unreachable(_) => Verdict::Retry { reason: RegistrationFailure::Unreachable, after: None },
        };
        let mut news = Vec::new();
        match verdict {
            Verdict::Again if then == Then::Remove => {}
            Verdict::Again => {
                let client = self.send(now, self.expires, about, layer);
                self.state = State::Registering { client, attempt, then };
                return news;
            }
            Verdict::Bound(learnt, proof) => {
                let moved = self.is_seen_elsewhere(layer);
                news.push(self.bound(now, *learnt, proof, about, layer));
                self.keep_alive(now, &fate, layer);
                if moved && then == Then::Keep {
                    self.turns = self.turns.saturating_add(1);
                    self.start(now, about, layer);
                }
            }
            Verdict::Retry { reason, after } => {
                news.push(self.wait(now, after, reason, others, about, layer));
            }
            Verdict::Stop(reason) => {
                self.let_go(layer);
                self.lose(State::Stopped);
                self.bound.clear();
                news.push(News::Failed { reason });
            }
        }
        news.extend(match then {
            Then::Keep => None,
            Then::Renew => self.refresh(now, about, layer),
            Then::Remove => self.unregister(now, about, layer),
        });
        news
    }

    fn on_unbind(
        &mut self,
        now: Instant,
        client: ClientId,
        fate: Fate,
        mut attempt: Attempt,
        about: &About,
        layer: &mut Layer,
    ) -> Vec<News> {
        if let Fate::Response(response) = &fate {
            match response.code() {
                100..=199 => {
                    self.state = State::Unregistering { client, attempt };
                    return Vec::new();
                }
                401 | 407 if self.credentials.answer(response, client, &mut attempt, layer).is_ok() => {
                    let client = self.send(now, Duration::ZERO, about, layer);
                    self.state = State::Unregistering { client, attempt };
                    return Vec::new();
                }
                _ => {}
            }
        }
        // Whatever the registrar said: the application is through with this account, and the binding expires.
        vec![self.finish(about, layer)]
    }

    fn judge(
        &mut self,
        response: &Response,
        attempt: &mut Attempt,
        client: ClientId,
        about: &About,
        layer: &mut Layer,
    ) -> Verdict {
        let failure = || answer::server_error(response);
        let after = answer::retry_after(response);
        match response.code() {
            200..=299 => match self.credentials.settle(response, client, layer) {
                // A server that answers the challenge wrongly is not the one that shares the password.
                Proof::Wrong => Verdict::Retry { reason: RegistrationFailure::NotAuthentic, after },
                proof => {
                    let contact = self.bound.last();
                    Verdict::Bound(Box::new(Learnt::read(response, contact, self.expires)), proof)
                }
            },
            300..=399 => match answer::redirected(response, about) {
                Some(elsewhere) if self.turns < MAX_TURNS => {
                    self.turns = self.turns.saturating_add(1);
                    self.detour = Some(elsewhere);
                    Verdict::Again
                }
                _ => Verdict::Stop(failure()),
            },
            401 | 407 => match self.credentials.answer(response, client, attempt, layer) {
                Ok(()) => Verdict::Again,
                Err(Refusal::WrongCredentials) => Verdict::Stop(RegistrationFailure::WrongCredentials),
                Err(Refusal::NotForUs) => Verdict::Stop(failure()),
                Err(Refusal::TooManyRounds) => Verdict::Retry { reason: failure(), after },
            },
            403 => Verdict::Stop(RegistrationFailure::Forbidden),
            404 => Verdict::Stop(RegistrationFailure::NotFound),
            423 => {
                // RFC 3261 10.2.8
                let least =
                    Duration::from_secs(response.headers.number("Min-Expires").unwrap_or_default().into());
                if least > self.expires && least <= LONGEST_WAIT {
                    self.expires = least;
                    Verdict::Again
                } else {
                    Verdict::Retry { reason: failure(), after }
                }
            }
            // RFC 5626 4.2.1: the first hop cannot keep a flow; the registrar may still bind the address.
            439 if self.outbound == Outbound::Asked => {
                self.outbound = Outbound::No;
                Verdict::Again
            }
            // A copy of it came by another way before (RFC 3261 8.2.2.2): with the next number it is a new one.
            482 if self.turns < MAX_TURNS => {
                self.turns = self.turns.saturating_add(1);
                Verdict::Again
            }
            408 => Verdict::Retry { reason: RegistrationFailure::Timeout, after },
            // Temporary by their meaning, or by the server's word.
            430 | 480 | 491 | 500..=599 => Verdict::Retry { reason: failure(), after },
            _ if after.is_some() => Verdict::Retry { reason: failure(), after },
            _ => Verdict::Stop(failure()),
        }
    }

    fn bound(
        &mut self,
        now: Instant,
        learnt: Learnt,
        proof: Proof,
        about: &About,
        layer: &mut Layer,
    ) -> News {
        self.next_try = None;
        self.since = now;
        self.state = State::Registered;
        // What was to be removed is.
        let old = self.bound.len().saturating_sub(1);
        self.bound.drain(..old);
        // A REGISTER that gets no answer takes 64*T1 to fail; there shall be time for one such before the binding
        // ends.
        let margin = layer.around.config.timers.transaction_life().saturating_add(Duration::from_secs(8));
        let wait = learnt.expires.saturating_sub(margin).max(learnt.expires / 2);
        layer.around.timers.set(self.timer(about), now + wait);
        let contact = self.bound.last().cloned().unwrap_or_else(|| Address::new(about.config.aor.clone()));
        let state = learnt.state(contact, proof == Proof::Good);
        self.reach = learnt.reach;
        self.learnt = Some(learnt);
        News::Bound(Box::new(state))
    }

    fn bind(&mut self, now: Instant, about: &About, layer: &mut Layer) -> News {
        self.start(now, about, layer);
        News::Trying
    }

    fn start(&mut self, now: Instant, about: &About, layer: &mut Layer) {
        self.next_try = None;
        let client = self.send(now, self.expires, about, layer);
        self.state = State::Registering { client, attempt: Attempt::default(), then: Then::Keep };
    }

    fn unbind(&mut self, now: Instant, about: &About, layer: &mut Layer) {
        let client = self.send(now, Duration::ZERO, about, layer);
        self.state = State::Unregistering { client, attempt: Attempt::default() };
    }

    fn lose(&mut self, state: State) {
        self.state = state;
        self.learnt = None;
        self.turns = 0;
    }

    fn finish(&mut self, about: &About, layer: &mut Layer) -> News {
        layer.around.timers.cancel(self.timer(about));
        self.let_go(layer);
        self.lose(State::Done);
        self.bound.clear();
        News::Gone
    }

    /// Keeps the way of the REGISTER open, as its answer allows (RFC 5626 4.4).
    fn keep_alive(&mut self, now: Instant, fate: &Fate, layer: &mut Layer) {
        if let (Some(path), Fate::Response(response)) = (self.path, fate) {
            let (how, interval) = KeepAlive::agreed(response, path);
            layer.keep_alive(now, path, how, interval);
        }
    }

    fn let_go(&mut self, layer: &mut Layer) {
        if let Some(path) = self.path.take() {
            layer.stop_keep_alive(path);
        }
    }

    /// The registrar may hold what was sent to it, whatever it answers.
    fn note_contact(&mut self, client: ClientId, layer: &mut Layer) {
        if let Some((_, path)) = layer.client(client)
            && self.path != Some(path)
        {
            self.let_go(layer);
            self.path = Some(path);
        }
        let sent = layer.client(client).and_then(|(request, _)| request.headers.addresses("Contact").ok());
        let Some(contact) = sent.and_then(|list| list.into_iter().next()) else { return };
        self.bound.retain(|old| !old.uri.equivalent(&contact.uri));
        if self.bound.len() >= MAX_BOUND {
            self.bound.remove(0);
        }
        self.bound.push(contact);
    }

    /// Whether the server sees us at another address than the one it has just bound (RFC 3581 4).
    fn is_seen_elsewhere(&self, layer: &Layer) -> bool {
        let (Some(bound), Some(path)) = (self.bound.last(), self.path) else { return false };
        let Some(sip) = bound.uri.as_sip() else { return false };
        let now_at = layer.around.contact_address(path);
        self.turns < MAX_TURNS
            && (sip.host.ip() != Some(now_at.ip())
                || sip.port.unwrap_or(path.transport.default_port()) != now_at.port())
    }
}
