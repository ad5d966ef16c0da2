//! An account's SIP side: its sockets, its endpoint, its registration.
//!
//! Every account has sockets and an endpoint of its own, on the local address that leads to its proxy: what it
//! writes into Contact is reachable for that proxy even on a computer with several networks, and one provider never
//! sees another's calls. When another address leads there, the line moves: same endpoint, other sockets, and its
//! calls go with it.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::{Duration, Instant},
};

use jiff::tz::TimeZone;
use rand::Rng;
use tern_sip::{
    Answer, Datagram, Endpoint, EndpointConfig, Event, FlowId, Listener, Login, NextHop, Output,
    RegistrationConfig, RegistrationFailure, RegistrationId, RegistrationState as Sip, ResolveId, Strangers,
    Transport, trace,
    wire::{Host, SipUri, Uri},
};

use crate::{
    accounts::{Account, DIRECT},
    api::{AccountId, ErrorCode, ErrorView, RegistrationState, Transport as Wanted},
    core::{Backoff, Connection, Effect, State, StreamNews},
};

/// Base of the waits after a failed registration, doubled with the first failure already (RFC 5626 section 4.5).
const FIRST_RETRY: Duration = Duration::from_secs(2);
/// How long an account's un-registering may take after it was removed.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long a BYE or CANCEL is looked after: T1 (RFC 3261 section 17.1.2.1) and a little.
const LAST_WORDS: Duration = Duration::from_millis(600);

/// An account's SIP side.
pub(crate) struct Line {
    /// Counts endpoints, so that what came for an earlier one is known.
    number: u32,
    /// Counts attempts to open sockets for it; only the last one counts.
    attempt: u32,
    pub(crate) state: LineState,
    backoff: Backoff,
}

/// Where it stands.
pub(crate) enum LineState {
    /// Nothing is wanted.
    Off,
    /// No password.
    PasswordNeeded(ErrorView),
    /// The sockets are being opened.
    Opening,
    /// The sockets could not be opened; tried again then.
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
    /// Voicemail has been asked for.
    pub(crate) mailbox_watched: bool,
    /// What the last connection failed with, until it is told.
    trouble: Option<ErrorView>,
    /// The connections that are TLS.
    tls: BTreeSet<FlowId>,
    /// Whether what was said last to the server went over one of them.
    pub(crate) is_private: bool,
}

impl Up {
    pub(crate) fn registration(&self) -> Option<RegistrationId> {
        self.registration
    }

    /// Follows whether strangers can read what is said to the server.
    fn note_wire(&mut self, output: &Output) {
        match output {
            Output::Connect { flow, transport: Transport::Tls, .. } => {
                self.tls.insert(*flow);
            }
            Output::Close { flow } => {
                self.tls.remove(flow);
            }
            Output::Write { flow, .. } => self.is_private = self.tls.contains(flow),
            Output::Transmit { .. } => self.is_private = false,
            _ => {}
        }
    }
}

/// An endpoint that says goodbye.
pub(crate) struct Leaving {
    account: AccountId,
    line: u32,
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
            attempt: 0,
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
    /// Opens the account's sockets anew; its endpoint begins from nothing.
    pub(crate) fn open_line(&mut self, id: &AccountId) {
        self.end_calls_of(id);
        let Some(account) = self.accounts.get_mut(id) else { return };
        account.line.number = account.line.number.wrapping_add(1);
        account.line.attempt = account.line.attempt.wrapping_add(1);
        account.line.state = LineState::Opening;
        let (line, attempt) = (account.line.number, account.line.attempt);
        let towards = towards(account);
        self.effect(Effect::OpenLine { account: id.clone(), line, attempt, towards });
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

    pub(crate) fn line_opened(
        &mut self,
        id: &AccountId,
        line: u32,
        attempt: u32,
        result: Result<Vec<Listener>, ErrorView>,
    ) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        if (account.line.number, account.line.attempt) != (line, attempt) {
            return;
        }
        match (&account.line.state, result) {
            (LineState::Opening, Ok(listeners)) => self.line_stands(id, listeners),
            (LineState::Opening, Err(error)) => {
                let wait = account.line.backoff.fail(&mut self.random);
                let now = self.now;
                let at = now.wall.checked_add(wait).unwrap_or(now.wall);
                account.line.state =
                    LineState::Waiting(now.instant.checked_add(wait).unwrap_or(now.instant), at, error);
                self.account_changed(id);
            }
            (LineState::Up(_), Ok(listeners)) => self.line_moved(id, listeners),
            (LineState::Up(_), Err(error)) => self.line_adrift(id, error),
            _ => {}
        }
    }

    fn line_stands(&mut self, id: &AccountId, listeners: Vec<Listener>) {
        let seed = self.random.random();
        let now = self.now;
        let config = EndpointConfig {
            user_agent: self.config.user_agent.clone(),
            trace: self.config.trace,
            listeners,
            seed,
            strangers: if *id == DIRECT { Strangers::Accept } else { Strangers::Drop },
            ..EndpointConfig::default()
        };
        let Some(account) = self.accounts.get_mut(id) else { return };
        account.line.backoff.succeed();
        let Some(local) = config.listeners.first().map(|l| l.address) else { return };
        let transports = transports(account.profile.transport);
        let mut endpoint = Endpoint::new(EndpointConfig { transports, ..config });
        let (registration, registered) = match registration_of(account) {
            Some(config) => (Some(endpoint.register(now.instant, config)), RegistrationState::Registering {}),
            None => (None, RegistrationState::Offline {}),
        };
        account.line.state = LineState::Up(Box::new(Up {
            endpoint,
            local,
            registration,
            registered,
            mailbox_watched: false,
            trouble: None,
            tls: BTreeSet::new(),
            is_private: false,
        }));
        self.account_changed(id);
        self.drain(id);
    }

    /// The line stands on other sockets: it registers from there at once, and its calls follow.
    fn line_moved(&mut self, id: &AccountId, listeners: Vec<Listener>) {
        let now = self.now.instant;
        let Some(up) = self.accounts.get_mut(id).and_then(|a| a.line.up()) else { return };
        let Some(local) = listeners.first().map(|l| l.address) else { return };
        tracing::info!(%local, "moved to another local address");
        up.local = local;
        up.trouble = None;
        up.endpoint.network_changed(now, listeners);
        self.drain(id);
        self.move_calls_of(id, local.ip());
        self.read_feed_now(id);
    }

    /// There is no way to the server now. The next hint of the network tries again.
    fn line_adrift(&mut self, id: &AccountId, error: ErrorView) {
        let Some(up) = self.accounts.get_mut(id).and_then(|a| a.line.up()) else { return };
        let view = RegistrationState::Retrying { error, next_try: None };
        if up.registration.is_some() && up.registered != view {
            up.registered = view;
            self.account_changed(id);
        }
    }

    pub(crate) fn datagram(&mut self, id: &AccountId, line: u32, datagram: Datagram<'_>) {
        self.with_endpoint(id, line, |now, endpoint| endpoint.handle_datagram(now, datagram));
    }

    pub(crate) fn stream_news(&mut self, id: &AccountId, line: u32, flow: FlowId, news: StreamNews) {
        if let StreamNews::Ended(end) = &news
            && let Some(error) = end.error()
            && let Some(up) =
                self.accounts.get_mut(id).filter(|a| a.line.number == line).and_then(|a| a.line.up())
        {
            // What the endpoint says of it has fewer words.
            up.trouble = Some(error);
        }
        self.with_endpoint(id, line, |now, endpoint| match news {
            StreamNews::Connected(local) => endpoint.connected(now, flow, local),
            StreamNews::Bytes(bytes) => endpoint.handle_stream(now, flow, &bytes),
            StreamNews::Ended(end) => endpoint.disconnected(now, flow, end.disconnect()),
        });
    }

    pub(crate) fn accepted(
        &mut self,
        id: &AccountId,
        line: u32,
        number: u32,
        local: SocketAddr,
        remote: SocketAddr,
    ) {
        let mut named = None;
        self.with_endpoint(id, line, |now, endpoint| {
            named = Some(endpoint.accepted(now, Transport::Tcp, local, remote));
        });
        if let Some(flow) = named {
            self.effect(Effect::NameStream { account: id.clone(), line, number, flow });
        }
    }

    pub(crate) fn resolved(&mut self, id: &AccountId, line: u32, name: ResolveId, answer: Answer) {
        self.with_endpoint(id, line, |now, endpoint| endpoint.resolved(now, name, answer));
    }

    pub(crate) fn send_failed(&mut self, id: &AccountId, line: u32, remote: SocketAddr) {
        self.with_endpoint(id, line, |now, endpoint| endpoint.transport_failed(now, remote));
    }

    /// New addresses: lines that stood on old ones move, their calls with them. After sleep all do.
    pub(crate) fn network_changed(&mut self, moved: &[AccountId], slept: bool) {
        let ids: Vec<AccountId> = self.accounts.keys().cloned().collect();
        for id in ids {
            let Some(account) = self.accounts.get_mut(&id) else { continue };
            match account.line.state {
                LineState::Up(_) if slept || moved.contains(&id) => {
                    account.line.attempt = account.line.attempt.wrapping_add(1);
                    let (line, attempt) = (account.line.number, account.line.attempt);
                    let towards = towards(account);
                    self.effect(Effect::MoveLine { account: id.clone(), line, attempt, towards });
                }
                LineState::Waiting(..) => self.open_line(&id),
                _ => {}
            }
            if slept {
                self.slept(&id);
            }
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
        while let Some((line, output)) = self.accounts.get_mut(id).and_then(|a| {
            let line = a.line.number;
            Some((line, a.line.up()?.endpoint.poll()?))
        }) {
            match output {
                Output::Event(Event::Registration { state, .. }) => {
                    let stands = matches!(state, Sip::Registered { .. });
                    self.registration(id, state);
                    if stands {
                        self.watch_voicemail(id);
                    }
                }
                Output::Event(event) => self.call_event(id, event),
                output => self.carry(id, line, output),
            }
        }
    }

    /// What an endpoint wants of the network.
    fn carry(&mut self, id: &AccountId, line: u32, output: Output) {
        let account = id.clone();
        if let Some(up) = self.accounts.get_mut(id).and_then(|a| a.line.up()) {
            up.note_wire(&output);
        }
        let effect = match output {
            Output::Transmit { local, remote, bytes } => Effect::Send { account, local, remote, bytes },
            Output::Connect { flow, transport, local, remote, server_name } => {
                let ca_file =
                    self.accounts.get(id).and_then(|a| a.profile.ca_file.as_ref()).map(PathBuf::from);
                let to = Connection { transport, local, remote, server_name, ca_file };
                Effect::Connect { account, line, flow, to: Box::new(to) }
            }
            Output::Write { flow, bytes } => Effect::WriteStream { account, flow, bytes },
            Output::Close { flow } => Effect::CloseStream { account, flow },
            Output::Resolve { id, question } => Effect::Resolve { account, line, id, question },
            Output::Trace { way, transport, local, remote, bytes } => {
                let time = self.now.wall.to_zoned(TimeZone::system()).strftime("%H:%M:%S%.3f");
                let line = trace::ladder_line(way, transport, remote, &bytes);
                let message = trace::message(&bytes).trim_end().replace('\n', "\n    ");
                Effect::Trace(format!("{time} {local} {line}\n    {message}\n"))
            }
            Output::Event(_) => return,
        };
        self.effect(effect);
    }

    /// Says something to an account's endpoint, or to the one that is taking its leave, and does what follows.
    fn with_endpoint(&mut self, id: &AccountId, line: u32, say: impl FnOnce(Instant, &mut Endpoint)) {
        let now = self.now.instant;
        if let Some(account) = self.accounts.get_mut(id).filter(|a| a.line.number == line)
            && let Some(up) = account.line.up()
        {
            say(now, &mut up.endpoint);
            self.drain(id);
        } else if let Some(leaving) = self.leaving.iter_mut().find(|l| l.account == *id && l.line == line) {
            say(now, &mut leaving.up.endpoint);
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
        let seen = up.endpoint.stats();
        tracing::info!(
            received = seen.received,
            sent = seen.sent,
            garbage = seen.garbage,
            bad = seen.bad_requests,
            stray = seen.stray_responses,
            strangers = seen.strangers,
            flooded = seen.flooded,
            forged = seen.forged,
            "a line is closed"
        );
        if let Some(registration) = up.registration {
            up.endpoint.unregister(now, registration);
            if up.registered != (RegistrationState::Registered {}) {
                // A server that did not take us in is not waited for.
                up.registration = None;
            }
        }
        let until = now.checked_add(FAREWELL).unwrap_or(now);
        let from = if in_call { now.checked_add(LAST_WORDS).unwrap_or(now) } else { now };
        let line = account.line.number;
        self.leaving.push(Leaving { account: id.clone(), line, up, from, until });
        self.account_changed(id);
    }

    pub(crate) fn run_leaving(&mut self) {
        let now = self.now.instant;
        for mut leaving in std::mem::take(&mut self.leaving) {
            let up = &mut leaving.up;
            if up.endpoint.poll_timeout().is_some_and(|at| at <= now) {
                up.endpoint.handle_timeout(now);
            }
            let mut carried = Vec::new();
            while let Some(output) = up.endpoint.poll() {
                match output {
                    Output::Event(Event::Registration {
                        state: Sip::Unregistered | Sip::Failed { .. },
                        ..
                    }) => {
                        up.registration = None;
                    }
                    Output::Event(_) => {}
                    output => carried.push(output),
                }
            }
            let gone = up.registration.is_none();
            for output in carried {
                self.carry(&leaving.account, leaving.line, output);
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
                let trouble =
                    self.accounts.get_mut(id).and_then(|a| a.line.up()).and_then(|up| up.trouble.take());
                let error = registration_error(reason, trouble);
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

/// The host whose direction decides on which local address the account stands.
fn towards(account: &Account) -> Option<String> {
    if account.profile.id == DIRECT {
        return None;
    }
    let hop = account.profile.proxies.first().unwrap_or(&account.profile.domain);
    host_port(hop).map(|(host, _)| host)
}

/// What an account's requests may go over. Large ones go over TCP whatever is wanted (RFC 3261 section 18.1.1).
fn transports(wanted: Wanted) -> Vec<Transport> {
    match wanted {
        Wanted::Auto => vec![Transport::Udp, Transport::Tcp, Transport::Tls],
        Wanted::Udp => vec![Transport::Udp, Transport::Tcp],
        Wanted::Tcp => vec![Transport::Tcp],
        Wanted::Tls => vec![Transport::Tls],
    }
}

fn registration_of(account: &Account) -> Option<RegistrationConfig> {
    let password = account.password.as_ref()?;
    let profile = &account.profile;
    let host = Host::parse(&profile.domain).ok()?;
    let aor = Uri::Sip(SipUri::new(Some(&profile.user), host, None));
    let login = Login::new(profile.user.clone(), tern_sip::Secret::new(password.reveal()));
    let mut config = RegistrationConfig::new(aor, login);
    // A person waits in front of it: the RFC's thirty seconds are for devices.
    config.retry.all_failed = FIRST_RETRY;
    config.instance = profile.instance.clone().filter(|_| profile.outbound);
    let transport = match profile.transport {
        Wanted::Auto => None,
        Wanted::Udp => Some(Transport::Udp),
        Wanted::Tcp => Some(Transport::Tcp),
        Wanted::Tls => Some(Transport::Tls),
    };
    config.proxies = profile.proxies.iter().filter_map(|proxy| next_hop(proxy, transport)).collect();
    if config.proxies.is_empty() && transport.is_some() {
        config.proxies.extend(next_hop(&profile.domain, transport));
    }
    Some(config)
}

fn next_hop(hop: &str, transport: Option<Transport>) -> Option<NextHop> {
    let (host, port) = host_port(hop)?;
    Some(match host.parse::<IpAddr>() {
        Ok(ip) => {
            // RFC 3263 section 4.1: an address without a transport is spoken to over UDP.
            let transport = transport.unwrap_or(Transport::Udp);
            let port = port.unwrap_or(transport.default_port());
            NextHop::Address { transport, address: SocketAddr::new(ip, port) }
        }
        Err(_) => NextHop::Name { host, port, transport },
    })
}

/// Why registering failed. `trouble` is what a connection came to meanwhile.
fn registration_error(reason: RegistrationFailure, trouble: Option<ErrorView>) -> ErrorView {
    match reason {
        RegistrationFailure::WrongCredentials => ErrorView::new(ErrorCode::WrongPassword),
        RegistrationFailure::Forbidden => ErrorView::with_detail(ErrorCode::RegistrationForbidden, "403"),
        RegistrationFailure::NotFound => ErrorView::with_detail(ErrorCode::RegistrationForbidden, "404"),
        RegistrationFailure::Timeout | RegistrationFailure::Unreachable => {
            trouble.unwrap_or(ErrorView::new(ErrorCode::SipUnreachable))
        }
        RegistrationFailure::Certificate => {
            trouble.unwrap_or(ErrorView::new(ErrorCode::CertificateUntrusted))
        }
        RegistrationFailure::NotAuthentic => {
            // It claimed to know the password, and does not: somebody else answers there.
            ErrorView::with_detail(ErrorCode::SipServerError, "rspauth")
        }
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
