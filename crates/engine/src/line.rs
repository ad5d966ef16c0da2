//! An account's SIP side: its sockets, its endpoint, its registration.
//!
//! Every account has sockets and an endpoint of its own, on the local address that leads to its proxy: what it
//! writes into Contact is reachable for that proxy even on a computer with several networks, and one provider never
//! sees another's calls. When another address leads there, the line moves: same endpoint, other sockets, and its
//! calls go with it.

mod leaving;
mod registering;

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use jiff::tz::TimeZone;
use rand::Rng;
use tern_sip::{
    Answer, Datagram, Endpoint, EndpointConfig, Event, FlowId, Listener, Output, RegistrationId,
    RegistrationState as Sip, ResolveId, Strangers, Transport, trace,
};

use crate::{
    accounts::{Account, DIRECT},
    api::{AccountId, ErrorView, RegistrationState, Transport as Wanted},
    core::{Backoff, Connection, Effect, State, StreamNews},
};

pub(crate) use leaving::Leaving;
pub(crate) use registering::host_port;
use registering::registration_of;

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
