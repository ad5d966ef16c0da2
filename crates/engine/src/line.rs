//! An account's SIP side: its socket, its endpoint, its registration.
//!
//! Every account has a socket and an endpoint of its own, on the local address that leads to its proxy: what it
//! writes into Contact is reachable for that proxy even on a computer with several networks, and one provider never
//! sees another's calls.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use rand::Rng;
use tern_sip::{
    Answer, Disconnect, Endpoint, EndpointConfig, Event, Listener, Login, NextHop, Output,
    RegistrationConfig, RegistrationFailure, RegistrationId, RegistrationState as Sip, ResolveId, Strangers,
    Transport,
    wire::{Host, SipUri, Uri},
};

use crate::{
    accounts::DIRECT,
    api::{AccountId, ErrorCode, ErrorView, RegistrationState},
    core::{Backoff, Effect, State},
};

/// Where SIP is found without a port.
const SIP_PORT: u16 = 5060;
/// Base of the waits after a failed registration, doubled with the first failure already (RFC 5626 section 4.5).
const FIRST_RETRY: Duration = Duration::from_secs(2);
/// How long an account's un-registering may take after it was removed.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long a BYE or CANCEL is looked after: T1 (RFC 3261 section 17.1.2.1) and a little.
const LAST_WORDS: Duration = Duration::from_millis(600);

/// An account's SIP side.
pub(crate) struct Line {
    /// Counts sockets, so that a closed one's datagrams are known.
    number: u32,
    pub(crate) state: LineState,
    backoff: Backoff,
}

/// Where it stands.
pub(crate) enum LineState {
    /// Nothing is wanted.
    Off,
    /// No password.
    PasswordNeeded(ErrorView),
    /// The socket is being opened.
    Opening,
    /// The socket could not be opened; tried again then.
    Waiting(Instant, jiff::Timestamp, ErrorView),
    /// The endpoint lives.
    Up(Box<Up>),
}

/// A living endpoint.
pub(crate) struct Up {
    pub(crate) endpoint: Endpoint,
    pub(crate) local: SocketAddr,
    registration: Option<RegistrationId>,
    pub(crate) registered: RegistrationState,
}

impl Up {
    pub(crate) fn registration(&self) -> Option<RegistrationId> {
        self.registration
    }
}

/// An endpoint that says goodbye.
pub(crate) struct Leaving {
    account: AccountId,
    up: Box<Up>,
    /// Not before: a BYE may have to be repeated once.
    from: Instant,
    until: Instant,
}

impl Leaving {
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        let until = if self.up.registration.is_none() { self.from } else { self.until };
        Some(self.up.endpoint.poll_timeout().map_or(until, |at| at.min(until)))
    }
}

impl Default for Line {
    fn default() -> Self {
        Self {
            number: 0,
            state: LineState::Off,
            backoff: Backoff::new(Duration::from_secs(2), Duration::from_secs(300)),
        }
    }
}

impl Line {
    pub(crate) fn view(&self) -> RegistrationState {
        match &self.state {
            LineState::Off => RegistrationState::Offline {},
            LineState::PasswordNeeded(error) => RegistrationState::PasswordNeeded { error: error.clone() },
            LineState::Opening => RegistrationState::Registering {},
            LineState::Waiting(_, next, error) => {
                RegistrationState::Retrying { error: error.clone(), next_try: Some(next.to_string()) }
            }
            LineState::Up(up) => up.registered.clone(),
        }
    }

    pub(crate) fn up(&mut self) -> Option<&mut Up> {
        match &mut self.state {
            LineState::Up(up) => Some(up),
            _ => None,
        }
    }

    pub(crate) fn next_wake(&self) -> Option<Instant> {
        match &self.state {
            LineState::Waiting(at, ..) => Some(*at),
            LineState::Up(up) => up.endpoint.poll_timeout(),
            _ => None,
        }
    }
}

/// Splits `host` or `host:port`; an IPv6 address with a port stands in brackets.
pub(crate) fn host_port(text: &str) -> Option<(String, Option<u16>)> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some((address.ip().to_string(), Some(address.port())));
    }
    if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Some((ip.to_string(), None));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (text, None),
    };
    match Host::parse(host) {
        Ok(Host::Name(name)) => Some((name, port)),
        _ => None,
    }
}

impl State {
    /// Opens the account's socket anew; its endpoint begins from nothing.
    pub(crate) fn open_line(&mut self, id: &AccountId) {
        self.end_calls_of(id);
        let Some(account) = self.accounts.get_mut(id) else { return };
        account.line.number = account.line.number.wrapping_add(1);
        account.line.state = LineState::Opening;
        let towards = if *id == DIRECT {
            None
        } else {
            let hop = account.profile.proxy.as_deref().unwrap_or(&account.profile.domain);
            host_port(hop).map(|(host, port)| (host, port.unwrap_or(SIP_PORT)))
        };
        let line = account.line.number;
        self.effect(Effect::OpenLine { account: id.clone(), line, towards });
        self.account_changed(id);
    }

    /// Registers now instead of when the back-off says so.
    pub(crate) fn refresh_line(&mut self, id: &AccountId) {
        let now = self.now.instant;
        let Some(account) = self.accounts.get_mut(id) else { return };
        match &mut account.line.state {
            LineState::Opening => {}
            LineState::Up(up) => {
                if let Some(registration) = up.registration {
                    up.endpoint.refresh(now, registration);
                }
                self.drain(id);
            }
            _ => self.open_line(id),
        }
    }

    pub(crate) fn line_opened(&mut self, id: &AccountId, line: u32, result: Result<SocketAddr, ErrorView>) {
        let seed = self.random.random();
        let now = self.now;
        let user_agent = self.config.user_agent.clone();
        let Some(account) = self.accounts.get_mut(id).filter(|a| a.line.number == line) else { return };
        if !matches!(account.line.state, LineState::Opening) {
            return;
        }
        self.account_changed(id);
        let Some(account) = self.accounts.get_mut(id) else { return };
        let local = match result {
            Ok(local) => local,
            Err(error) => {
                let wait = account.line.backoff.fail(&mut self.random);
                let at = now.wall.checked_add(wait).unwrap_or(now.wall);
                account.line.state =
                    LineState::Waiting(now.instant.checked_add(wait).unwrap_or(now.instant), at, error);
                return;
            }
        };
        account.line.backoff.succeed();
        let mut endpoint = Endpoint::new(EndpointConfig {
            user_agent,
            listeners: vec![Listener { transport: Transport::Udp, address: local }],
            transports: vec![Transport::Udp],
            seed,
            strangers: if *id == DIRECT { Strangers::Accept } else { Strangers::Drop },
            ..EndpointConfig::default()
        });
        let (registration, registered) = match registration_of(account) {
            Some(config) => (Some(endpoint.register(now.instant, config)), RegistrationState::Registering {}),
            None => (None, RegistrationState::Offline {}),
        };
        account.line.state = LineState::Up(Box::new(Up { endpoint, local, registration, registered }));
        self.drain(id);
    }

    pub(crate) fn datagram(&mut self, id: &AccountId, line: u32, remote: SocketAddr, bytes: &[u8]) {
        let now = self.now.instant;
        let datagram = |local| tern_sip::Datagram { local, remote, bytes };
        if let Some(account) = self.accounts.get_mut(id).filter(|a| a.line.number == line)
            && let Some(up) = account.line.up()
        {
            up.endpoint.handle_datagram(now, datagram(up.local));
            self.drain(id);
        } else if let Some(leaving) = self.leaving.iter_mut().find(|l| l.account == *id) {
            leaving.up.endpoint.handle_datagram(now, datagram(leaving.up.local));
        }
    }

    pub(crate) fn resolved(&mut self, id: &AccountId, line: u32, question: ResolveId, answer: Answer) {
        let now = self.now.instant;
        if let Some(account) = self.accounts.get_mut(id).filter(|a| a.line.number == line)
            && let Some(up) = account.line.up()
        {
            up.endpoint.resolved(now, question, answer);
            self.drain(id);
        }
    }

    pub(crate) fn send_failed(&mut self, id: &AccountId, line: u32, remote: SocketAddr) {
        let now = self.now.instant;
        if let Some(account) = self.accounts.get_mut(id).filter(|a| a.line.number == line)
            && let Some(up) = account.line.up()
        {
            up.endpoint.transport_failed(now, remote);
            self.drain(id);
        }
    }

    /// New addresses: every socket is opened anew, except under a call, which is better kept than moved.
    pub(crate) fn network_changed(&mut self) {
        let ids: Vec<AccountId> = self.accounts.keys().cloned().collect();
        for id in ids {
            let in_call = self.calls.values().any(|c| c.account == id);
            let Some(account) = self.accounts.get(&id) else { continue };
            let wanted = account.password.is_some() || id == DIRECT;
            if wanted
                && !in_call
                && !matches!(account.line.state, LineState::Off | LineState::PasswordNeeded(_))
            {
                self.open_line(&id);
            }
            self.read_feed_now(&id);
        }
    }

    pub(crate) fn run_line(&mut self, id: &AccountId) {
        let now = self.now.instant;
        let Some(account) = self.accounts.get_mut(id) else { return };
        match &mut account.line.state {
            LineState::Waiting(at, ..) if *at <= now => self.open_line(id),
            LineState::Up(up) if up.endpoint.poll_timeout().is_some_and(|at| at <= now) => {
                up.endpoint.handle_timeout(now);
                self.drain(id);
            }
            _ => {}
        }
    }

    /// Does what the account's endpoint wants done. To be called after everything that was said to it.
    pub(crate) fn drain(&mut self, id: &AccountId) {
        while let Some(output) = self.accounts.get_mut(id).and_then(|a| a.line.up()?.endpoint.poll()) {
            match output {
                Output::Transmit { remote, bytes, .. } => {
                    self.note_call_id(id, &bytes);
                    self.effect(Effect::Send { account: id.clone(), remote, bytes });
                }
                Output::Resolve { id: asked, question } => {
                    let Some(line) = self.accounts.get(id).map(|a| a.line.number) else { return };
                    self.effect(Effect::Resolve { account: id.clone(), line, id: asked, question });
                }
                // Only UDP is spoken here yet.
                Output::Connect { flow, .. } => {
                    let now = self.now.instant;
                    if let Some(up) = self.accounts.get_mut(id).and_then(|a| a.line.up()) {
                        up.endpoint.disconnected(now, flow, Disconnect::Refused);
                    }
                }
                Output::Write { .. } | Output::Close { .. } | Output::Trace { .. } => {}
                Output::Event(Event::Registration { state, .. }) => self.registration(id, state),
                Output::Event(event) => self.call_event(id, event),
            }
        }
    }

    /// Ends the account's calls and un-registers it; what that takes goes on in `leaving`.
    pub(crate) fn leave(&mut self, id: &AccountId) {
        let now = self.now.instant;
        let in_call = self.calls.values().any(|c| c.account == *id);
        self.hang_up_calls_of(id);
        let Some(account) = self.accounts.get_mut(id) else { return };
        let LineState::Up(mut up) = std::mem::replace(&mut account.line.state, LineState::Off) else {
            self.effect(Effect::CloseLine(id.clone()));
            return;
        };
        if let Some(registration) = up.registration {
            up.endpoint.unregister(now, registration);
            if up.registered != (RegistrationState::Registered {}) {
                // A server that did not take us in is not waited for.
                up.registration = None;
            }
        }
        let until = now.checked_add(FAREWELL).unwrap_or(now);
        let from = if in_call { now.checked_add(LAST_WORDS).unwrap_or(now) } else { now };
        self.leaving.push(Leaving { account: id.clone(), up, from, until });
        self.account_changed(id);
    }

    pub(crate) fn run_leaving(&mut self) {
        let now = self.now.instant;
        for mut leaving in std::mem::take(&mut self.leaving) {
            let up = &mut leaving.up;
            if up.endpoint.poll_timeout().is_some_and(|at| at <= now) {
                up.endpoint.handle_timeout(now);
            }
            let mut sends = Vec::new();
            while let Some(output) = up.endpoint.poll() {
                match output {
                    Output::Transmit { remote, bytes, .. } => sends.push((remote, bytes)),
                    Output::Event(Event::Registration {
                        state: Sip::Unregistered | Sip::Failed { .. },
                        ..
                    }) => {
                        up.registration = None;
                    }
                    _ => {}
                }
            }
            let gone = up.registration.is_none();
            for (remote, bytes) in sends {
                self.effect(Effect::Send { account: leaving.account.clone(), remote, bytes });
            }
            if (gone && leaving.from <= now) || leaving.until <= now {
                // Added again meanwhile: the socket is the new line's by now.
                let back = self
                    .accounts
                    .get(&leaving.account)
                    .is_some_and(|a| !matches!(a.line.state, LineState::Off));
                if !back {
                    self.effect(Effect::CloseLine(leaving.account.clone()));
                }
            } else {
                self.leaving.push(leaving);
            }
        }
    }

    fn registration(&mut self, id: &AccountId, state: Sip) {
        let wall = self.now.wall;
        let view = match state {
            Sip::Registering => RegistrationState::Registering {},
            Sip::Registered { .. } => RegistrationState::Registered {},
            Sip::Unregistered => RegistrationState::Offline {},
            Sip::Failed { reason, retry_after } => {
                let error = registration_error(reason);
                match retry_after {
                    Some(wait) => RegistrationState::Retrying {
                        error,
                        next_try: wall.checked_add(wait).ok().map(|at| at.to_string()),
                    },
                    None => RegistrationState::Stopped { error },
                }
            }
        };
        let Some(up) = self.accounts.get_mut(id).and_then(|a| a.line.up()) else { return };
        // A refresh is no news to a person: the account stays registered while it goes on.
        let refreshing = matches!(up.registered, RegistrationState::Registered {})
            && matches!(view, RegistrationState::Registering {});
        if !refreshing && up.registered != view {
            up.registered = view;
            self.account_changed(id);
        }
    }
}

fn registration_of(account: &crate::accounts::Account) -> Option<RegistrationConfig> {
    let password = account.password.as_ref()?;
    let profile = &account.profile;
    let host = Host::parse(&profile.domain).ok()?;
    let aor = Uri::Sip(SipUri::new(Some(&profile.user), host, None));
    let login = Login::new(profile.user.clone(), tern_sip::Secret::new(password.reveal()));
    let mut config = RegistrationConfig::new(aor, login);
    // A person waits in front of it: the RFC's thirty seconds are for devices.
    config.retry.all_failed = FIRST_RETRY;
    config.proxies = profile.proxy.as_deref().and_then(next_hop).into_iter().collect();
    Some(config)
}

fn next_hop(proxy: &str) -> Option<NextHop> {
    let (host, port) = host_port(proxy)?;
    Some(match host.parse::<IpAddr>() {
        Ok(ip) => NextHop::udp(SocketAddr::new(ip, port.unwrap_or(SIP_PORT))),
        Err(_) => NextHop::Name { host, port, transport: Some(Transport::Udp) },
    })
}

fn registration_error(reason: RegistrationFailure) -> ErrorView {
    match reason {
        RegistrationFailure::WrongCredentials => ErrorView::new(ErrorCode::WrongPassword),
        RegistrationFailure::Forbidden => ErrorView::with_detail(ErrorCode::RegistrationForbidden, "403"),
        RegistrationFailure::NotFound => ErrorView::with_detail(ErrorCode::RegistrationForbidden, "404"),
        RegistrationFailure::Timeout
        | RegistrationFailure::Unreachable
        | RegistrationFailure::Certificate
        | RegistrationFailure::NotAuthentic => ErrorView::new(ErrorCode::SipUnreachable),
        RegistrationFailure::ServerError(code, phrase) => {
            ErrorView::with_detail(ErrorCode::SipServerError, format!("{code} {phrase}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_split() {
        let check = |text: &str, expect: Option<(&str, Option<u16>)>| {
            assert_eq!(host_port(text), expect.map(|(h, p)| (h.to_owned(), p)), "{text}");
        };
        check("sip.example.com", Some(("sip.example.com", None)));
        check("sip.example.com:5070", Some(("sip.example.com", Some(5070))));
        check("127.0.0.1:5070", Some(("127.0.0.1", Some(5070))));
        check("192.0.2.1", Some(("192.0.2.1", None)));
        check("[2001:db8::1]:5060", Some(("2001:db8::1", Some(5060))));
        check("2001:db8::1", Some(("2001:db8::1", None)));
        check("host:port", None);
        check("", None);
    }
}
