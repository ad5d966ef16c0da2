//! One account's registration (RFC 3261 10.2): bind, refresh before expiry, remove, and when to try again.
//!
//! Invariant: at most one REGISTER is under way (RFC 3261 10.2: no new one before the last has a final response), and
//! exactly one of that REGISTER, the timer, or a state that needs neither is there.

use crate::authentication::{Attempt, Authentication, Refusal};
use crate::config::{NextHop, RegistrationConfig};
use crate::event::{Event, RegistrationFailure, RegistrationState};
use crate::ids::RegistrationId;
use crate::layer::{Draft, Fate, Layer, Obstacle, Owner};
use crate::surroundings::{LONGEST_WAIT, TimerKey};
use crate::target;
use crate::transaction::ClientId;
use crate::transport::Transport;
use crate::wire::{Address, HeaderAccess as _, Method, Request, Response, SipUri, Uri};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// First and longest wait before another try: the algorithm of RFC 5626 4.5, begun sooner because a person waits.
const FIRST_RETRY: Duration = Duration::from_secs(4);
const LONGEST_RETRY: Duration = Duration::from_secs(1800);

#[derive(Debug)]
pub(crate) struct Registration {
    id: RegistrationId,
    pub(crate) config: RegistrationConfig,
    registrar: Uri,
    state: State,
    authentication: Authentication,
    call_id: String,
    from_tag: String,
    contact_user: String,
    cseq: u32,
    expires: Duration,
    failures: u32,
    binding: Binding,
    /// Where the registrar last answered from.
    server: Option<(Transport, SocketAddr)>,
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

/// What the application asked for while a REGISTER was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Keep,
    Renew,
    Remove,
}

/// Whether the registrar may hold a binding of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Binding {
    None,
    Perhaps,
}

/// What to do about a response.
enum Verdict {
    Bound { expires: Duration },
    Again,
    Retry { reason: RegistrationFailure, after: Option<Duration> },
    Stop(RegistrationFailure),
}

impl Registration {
    pub(crate) fn new(id: RegistrationId, config: RegistrationConfig, layer: &mut Layer) -> Registration {
        let registrar = config.registrar.clone().unwrap_or_else(|| registrar_of(&config.aor));
        let random = &mut layer.around.random;
        Registration {
            id,
            registrar,
            state: State::Stopped,
            authentication: Authentication::new(config.login.clone()),
            // RFC 3261 10.2: one Call-ID for all registrations of a user agent with a registrar, CSeq growing.
            call_id: random.call_id(),
            from_tag: random.tag(),
            contact_user: random.contact_user(),
            cseq: 0,
            expires: config.expires.min(LONGEST_WAIT),
            failures: 0,
            binding: Binding::None,
            server: None,
            config,
        }
    }

    /// The From address of the account's requests.
    pub(crate) fn identity(&self) -> Address {
        Address::named(self.config.display_name.clone(), self.config.aor.clone())
    }

    /// The first hop of the account's requests.
    pub(crate) fn hop(&self) -> Option<NextHop> {
        self.config.proxy.clone().or_else(|| target::first_hop(&self.registrar, &[]))
    }

    /// Credentials for a call, limited to the realm the registrar named.
    pub(crate) fn call_authentication(&self) -> Authentication {
        Authentication::new(self.authentication.login().clone())
    }

    /// The user part of the bound Contact.
    pub(crate) fn contact_user(&self) -> &str {
        &self.contact_user
    }

    /// Whether a request came from the account's own server.
    pub(crate) fn is_served_by(&self, transport: Transport, remote: SocketAddr) -> bool {
        self.server == Some((transport, remote))
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Binds, now or as soon as the REGISTER under way is through.
    pub(crate) fn refresh(&mut self, now: Instant, layer: &mut Layer) {
        match &mut self.state {
            State::Registering { then, .. } => {
                if *then == Then::Keep {
                    *then = Then::Renew;
                }
            }
            State::Unregistering { .. } | State::Done => {}
            State::Registered | State::Waiting | State::Stopped => self.bind(now, layer),
        }
    }

    /// Removes the binding, now or as soon as the REGISTER under way is through.
    pub(crate) fn unregister(&mut self, now: Instant, layer: &mut Layer) {
        match &mut self.state {
            State::Registering { then, .. } => *then = Then::Remove,
            State::Unregistering { .. } | State::Done => {}
            State::Registered | State::Waiting | State::Stopped => match self.binding {
                Binding::Perhaps => self.unbind(now, layer),
                Binding::None => self.finish(layer),
            },
        }
    }

    /// Refresh is due, or the next try.
    pub(crate) fn on_timer(&mut self, now: Instant, layer: &mut Layer) {
        match self.state {
            // The binding still stands: nothing to tell before the answer.
            State::Registered => self.start(now, layer),
            State::Waiting => self.bind(now, layer),
            State::Registering { .. } | State::Stopped | State::Unregistering { .. } | State::Done => {}
        }
    }

    pub(crate) fn on_fate(&mut self, now: Instant, client: ClientId, fate: Fate, layer: &mut Layer) {
        match std::mem::replace(&mut self.state, State::Stopped) {
            State::Registering { client: current, attempt, then } if current == client => {
                self.on_bind(now, client, fate, attempt, then, layer);
            }
            State::Unregistering { client: current, attempt } if current == client => {
                self.on_unbind(now, client, fate, attempt, layer);
            }
            other => self.state = other,
        }
    }

    fn on_bind(
        &mut self,
        now: Instant,
        client: ClientId,
        fate: Fate,
        mut attempt: Attempt,
        then: Then,
        layer: &mut Layer,
    ) {
        let verdict = match &fate {
            Fate::Response(response) if response.code() < 200 => {
                self.state = State::Registering { client, attempt, then };
                return;
            }
            Fate::Response(response) => {
                self.server = layer.client(client).map(|(_, path)| (path.transport, path.remote));
                self.judge(response, &mut attempt, client, layer)
            }
            Fate::Timeout => Verdict::Retry { reason: RegistrationFailure::Timeout, after: None },
            Fate::Unreachable(Obstacle::Certificate) => {
                Verdict::Retry { reason: RegistrationFailure::Certificate, after: None }
            }
            Fate::Unreachable(_) => Verdict::Retry { reason: RegistrationFailure::Unreachable, after: None },
        };
        let failed = match verdict {
            Verdict::Again if then == Then::Remove => None,
            Verdict::Again => {
                let client = self.send(now, self.expires, layer);
                self.state = State::Registering { client, attempt, then };
                return;
            }
            Verdict::Bound { expires } => {
                self.failures = 0;
                self.state = State::Registered;
                self.schedule_refresh(now, expires, layer);
                self.report_bound(expires, &fate, client, layer);
                None
            }
            Verdict::Retry { reason, after } => {
                let wait = after.unwrap_or_else(|| self.back_off(layer));
                self.failures = self.failures.saturating_add(1);
                self.state = State::Waiting;
                layer.around.timers.set(TimerKey::Registration(self.id), now + wait);
                Some((reason, Some(wait)))
            }
            Verdict::Stop(reason) => {
                self.state = State::Stopped;
                self.binding = Binding::None;
                Some((reason, None))
            }
        };
        if let Some((reason, retry_after)) = failed {
            self.report(RegistrationState::Failed { reason, retry_after }, layer);
        }
        match then {
            Then::Keep => {}
            Then::Renew => self.refresh(now, layer),
            Then::Remove => self.unregister(now, layer),
        }
    }

    fn on_unbind(
        &mut self,
        now: Instant,
        client: ClientId,
        fate: Fate,
        mut attempt: Attempt,
        layer: &mut Layer,
    ) {
        if let Fate::Response(response) = &fate {
            match response.code() {
                100..=199 => {
                    self.state = State::Unregistering { client, attempt };
                    return;
                }
                401 | 407 if self.authentication.take_challenge(response, &mut attempt).is_ok() => {
                    let client = self.send(now, Duration::ZERO, layer);
                    self.state = State::Unregistering { client, attempt };
                    return;
                }
                _ => {}
            }
        }
        // Whatever the registrar said: the application is through with this account, and the binding expires.
        self.finish(layer);
    }

    fn judge(
        &mut self,
        response: &Response,
        attempt: &mut Attempt,
        client: ClientId,
        layer: &Layer,
    ) -> Verdict {
        let failure = || RegistrationFailure::ServerError(response.code(), response.reason.clone());
        let after = retry_after(response);
        match response.code() {
            200..=299 => Verdict::Bound { expires: self.granted(response, client, layer) },
            401 | 407 => match self.authentication.take_challenge(response, attempt) {
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
            408 => Verdict::Retry { reason: RegistrationFailure::Timeout, after },
            // Temporary by their meaning, or by the server's word.
            430 | 480 | 491 | 500..=599 => Verdict::Retry { reason: failure(), after },
            _ if after.is_some() => Verdict::Retry { reason: failure(), after },
            _ => Verdict::Stop(failure()),
        }
    }

    /// How long the registrar keeps our binding (RFC 3261 10.2.4): our Contact's `expires`, else Expires, else what
    /// was asked.
    fn granted(&self, response: &Response, client: ClientId, layer: &Layer) -> Duration {
        let ours = sent_contact(client, layer);
        let listed = response.headers.addresses("Contact").unwrap_or_default();
        let found = ours.and_then(|ours| listed.iter().find(|c| c.uri.equivalent(&ours.uri)));
        // A registrar that writes the public address into the binding lists it in a form of its own.
        let found = found.or(if listed.len() == 1 { listed.first() } else { None });
        let seconds = found.and_then(Address::expires).or_else(|| response.headers.number("Expires"));
        let granted = seconds.map_or(self.expires, |s| Duration::from_secs(s.into()));
        granted.clamp(Duration::from_secs(1), LONGEST_WAIT)
    }

    /// A REGISTER that gets no answer takes 64*T1 to fail; there shall be time for one such before the binding ends.
    fn schedule_refresh(&mut self, now: Instant, expires: Duration, layer: &mut Layer) {
        let margin = layer.around.config.timers.transaction_life().saturating_add(Duration::from_secs(8));
        let wait = expires.saturating_sub(margin).max(expires / 2);
        layer.around.timers.set(TimerKey::Registration(self.id), now + wait);
    }

    fn back_off(&self, layer: &mut Layer) -> Duration {
        let doubled = FIRST_RETRY.saturating_mul(1u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        layer.around.random.jitter(doubled.min(LONGEST_RETRY))
    }

    fn bind(&mut self, now: Instant, layer: &mut Layer) {
        self.report(RegistrationState::Registering, layer);
        self.start(now, layer);
    }

    fn start(&mut self, now: Instant, layer: &mut Layer) {
        self.binding = Binding::Perhaps;
        let client = self.send(now, self.expires, layer);
        self.state = State::Registering { client, attempt: Attempt::default(), then: Then::Keep };
    }

    fn unbind(&mut self, now: Instant, layer: &mut Layer) {
        let client = self.send(now, Duration::ZERO, layer);
        self.state = State::Unregistering { client, attempt: Attempt::default() };
    }

    fn finish(&mut self, layer: &mut Layer) {
        layer.around.timers.cancel(TimerKey::Registration(self.id));
        self.state = State::Done;
        self.report(RegistrationState::Unregistered, layer);
    }

    fn send(&mut self, now: Instant, expires: Duration, layer: &mut Layer) -> ClientId {
        layer.around.timers.cancel(TimerKey::Registration(self.id));
        self.cseq = self.cseq.saturating_add(1);
        let mut request = Request::new(Method::REGISTER, self.registrar.clone());
        let identity = self.identity();
        request.headers.add("Max-Forwards", "70");
        request.headers.add("From", identity.clone().with_tag(&self.from_tag).to_string());
        request.headers.add("To", identity.to_string());
        request.headers.add("Call-ID", self.call_id.clone());
        request.headers.add("CSeq", format!("{} REGISTER", self.cseq));
        // RFC 3261 10.2.1.1: one Expires for the one Contact; 0 removes it (10.2.2).
        request.headers.add("Expires", expires.as_secs().to_string());
        request.headers.add("Allow", layer.around.allow());
        self.authentication.sign(&mut request, &mut layer.around.random);
        // A registrar URI that names no host has nowhere to go; the empty name fails to resolve and says so.
        let nowhere = || NextHop::Name { host: String::new(), port: None, transport: None };
        let hop = self.hop().unwrap_or_else(nowhere);
        let draft = Draft { request, hop, contact_user: Some(self.contact_user.clone()) };
        layer.send(now, draft, Owner::Registration(self.id))
    }

    fn report_bound(&self, expires: Duration, fate: &Fate, client: ClientId, layer: &mut Layer) {
        let public_address = match fate {
            Fate::Response(response) => response.headers.top_via().ok().and_then(|v| v.public_address()),
            _ => None,
        };
        let contact = sent_contact(client, layer).unwrap_or_else(|| self.identity());
        self.report(RegistrationState::Registered { expires, contact, public_address }, layer);
    }

    fn report(&self, state: RegistrationState, layer: &mut Layer) {
        layer.around.event(Event::Registration { id: self.id, state });
    }
}

/// `sip:domain` of an address of record (RFC 3261 10.2: no user part).
fn registrar_of(aor: &Uri) -> Uri {
    match aor {
        Uri::Sip(sip) => {
            let mut uri = SipUri::new(None, sip.host.clone(), sip.port);
            uri.scheme = sip.scheme;
            Uri::Sip(uri)
        }
        other => other.clone(),
    }
}

fn sent_contact(client: ClientId, layer: &Layer) -> Option<Address> {
    layer.client(client)?.0.headers.addresses("Contact").ok()?.into_iter().next()
}

/// RFC 3261 20.33, in seconds.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers.number("Retry-After")?;
    Some(Duration::from_secs(seconds.into()).clamp(Duration::from_secs(1), LONGEST_WAIT))
}
