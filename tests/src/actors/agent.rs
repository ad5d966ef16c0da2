//! Our SIP user agent alone, on a real socket and with real time: what `tern` has inside, without engine or sound.
//!
//! It is for what the program has no command for: an odd answer, a second offer, a look at single messages.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tern_sip::offer_answer::{
    AudioCapabilities, SecurityCapabilities, SessionVersion, TransportCapabilities, answer, offer,
};
use tern_sip::wire::sdp::{Codec, Direction, SessionDescription};
use tern_sip::wire::{Address, Uri};
use tern_sip::{
    Answer, CallConfig, CallId, CallState, Datagram, Disconnect, Ending, Endpoint, EndpointConfig, Event,
    Identity, Listener, Login, NextHop, Output, RegistrationConfig, RegistrationId, RegistrationState,
    Strangers, Transport,
};

use super::{Credentials, DOMAIN};
use crate::{Failure, Result};

const SOON: Duration = Duration::from_secs(20);

/// How often it looks whether a command has set an earlier timer.
const TICK: Duration = Duration::from_millis(10);

/// A user agent that answers whatever its endpoint answers by itself, and does the rest when told.
#[derive(Debug)]
pub struct Agent {
    shared: Arc<Shared>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    socket: UdpSocket,
    address: SocketAddr,
    state: Mutex<State>,
    happened: Condvar,
}

#[derive(Debug)]
struct State {
    endpoint: Endpoint,
    app: App,
    events: VecDeque<Event>,
    messages: Vec<(Instant, Way, Vec<u8>)>,
    stopped: bool,
}

/// What acts on events as they happen.
struct App(Box<Reaction>);

type Reaction = dyn FnMut(&mut Endpoint, Instant, &Event) + Send;

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("App")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

impl Agent {
    /// Starts one on a loopback address.
    pub fn start() -> Result<Self> {
        Self::start_with(|_| {})
    }

    /// The same, with other settings.
    pub fn start_with(adjust: impl FnOnce(&mut EndpointConfig)) -> Result<Self> {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), adjust, |_, _, _| {})
    }

    /// Starts one on an address; `app` sees each event first and may act on it at once.
    pub fn start_at(
        address: IpAddr,
        adjust: impl FnOnce(&mut EndpointConfig),
        app: impl FnMut(&mut Endpoint, Instant, &Event) + Send + 'static,
    ) -> Result<Self> {
        let socket = UdpSocket::bind((address, 0))?;
        socket.set_read_timeout(Some(TICK))?;
        let address = socket.local_addr()?;
        let mut config = EndpointConfig {
            user_agent: "Tern".into(),
            listeners: vec![Listener { transport: Transport::Udp, address }],
            // SIPp calls straight from one address to another.
            strangers: Strangers::Accept,
            ..EndpointConfig::default()
        };
        // Ports differ from one run to the next, and no two of these may share tags.
        config.seed[..2].copy_from_slice(&address.port().to_be_bytes());
        adjust(&mut config);
        let state = State {
            endpoint: Endpoint::new(config),
            app: App(Box::new(app)),
            events: VecDeque::new(),
            messages: Vec::new(),
            stopped: false,
        };
        let shared = Arc::new(Shared { socket, address, state: Mutex::new(state), happened: Condvar::new() });
        let reading = Arc::clone(&shared);
        let reader = std::thread::spawn(move || reading.read());
        Ok(Self { shared, reader: Some(reader) })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Gives its endpoint a command.
    pub fn act<R>(&self, command: impl FnOnce(&mut Endpoint, Instant) -> R) -> R {
        let mut state = self.shared.lock();
        let result = command(&mut state.endpoint, Instant::now());
        self.shared.carry_out(&mut state);
        result
    }

    /// Registers an account of the tests' domain and waits until it is bound; gives the bound Contact's URI too.
    pub fn register(&self, account: &Credentials, registrar: SocketAddr) -> Result<(RegistrationId, String)> {
        let aor = uri(&format!("sip:{}@{DOMAIN}", account.user))?;
        let mut config = RegistrationConfig::new(aor, Login::new(account.user, account.password));
        config.proxies = vec![NextHop::udp(registrar)];
        let id = self.act(|endpoint, now| endpoint.register(now, config));
        let contact = self.wait_for("a binding", |event| match event {
            Event::Registration { state: RegistrationState::Registered { contact, .. }, .. } => {
                Some(contact.uri.to_string())
            }
            _ => None,
        })?;
        Ok((id, contact))
    }

    /// A call to somebody at an address, from nobody in particular; `login` is for a peer that asks.
    pub fn call_config(&self, user: &str, peer: SocketAddr, login: Option<Login>) -> Result<CallConfig> {
        let from = Address::new(uri(&format!("sip:tern@{}", self.address()))?);
        let target = uri(&format!("sip:{user}@{peer}"))?;
        Ok(CallConfig::new(Identity::Plain { from, login }, target, self.description(Direction::SendRecv, 1)))
    }

    /// Calls somebody at an address.
    pub fn call(&self, user: &str, peer: SocketAddr) -> Result<CallId> {
        let config = self.call_config(user, peer, None)?;
        Ok(self.act(|endpoint, now| endpoint.call(now, config))?)
    }

    /// Calls somebody of the tests' domain from a registered account.
    pub fn call_as(&self, account: RegistrationId, user: &str) -> Result<CallId> {
        let target = uri(&format!("sip:{user}@{DOMAIN}"))?;
        let offer = self.description(Direction::SendRecv, 1);
        let config = CallConfig::new(Identity::Account(account), target, offer);
        Ok(self.act(|endpoint, now| endpoint.call(now, config))?)
    }

    /// Waits for a call and gives it with its offer.
    pub fn incoming(&self) -> Result<(CallId, Option<SessionDescription>)> {
        self.wait_for("an incoming call", |event| match event {
            Event::IncomingCall { call, offer, .. } => Some((*call, offer.clone())),
            _ => None,
        })
    }

    /// Takes a call with an answer to its offer, or with an offer of our own where it came without.
    pub fn accept(&self, call: CallId, offer: Option<&SessionDescription>) -> Result<()> {
        let sdp = self.answer(offer)?;
        Ok(self.act(|endpoint, now| endpoint.accept(now, call, sdp))?)
    }

    /// What we say to an offer, or offer where there is none.
    pub fn answer(&self, offer: Option<&SessionDescription>) -> Result<SessionDescription> {
        match offer {
            Some(offer) => Ok(answer(offer, &capabilities(self.silence(), Direction::SendRecv, 1))?.0),
            None => Ok(self.description(Direction::SendRecv, 1)),
        }
    }

    /// An offer in its n-th version.
    pub fn description(&self, direction: Direction, version: u64) -> SessionDescription {
        offer(&capabilities(self.silence(), direction, version))
    }

    /// Where it says that it listens: nobody does, these calls have no sound.
    fn silence(&self) -> SocketAddr {
        SocketAddr::new(self.address().ip(), 9)
    }

    /// Hangs up.
    pub fn hang_up(&self, call: CallId) -> Result<()> {
        Ok(self.act(|endpoint, now| endpoint.hang_up(now, call))?)
    }

    /// Waits for another offer inside a call; `None` inside when the other side wants ours.
    pub fn reoffered(&self, call: CallId) -> Result<Option<SessionDescription>> {
        self.wait_for("another offer", |event| match event {
            Event::Reoffer { call: of, offer } if *of == call => Some(offer.clone()),
            _ => None,
        })
    }

    /// Offers another session inside a call and waits for what becomes of it.
    pub fn offer(&self, call: CallId, sdp: SessionDescription) -> Result<SessionDescription> {
        self.act(|endpoint, now| endpoint.offer(now, call, sdp))?;
        let result = self.wait_for("an answer to our offer", |event| match event {
            Event::OfferAnswered { call: of, result } if *of == call => Some(result.clone()),
            _ => None,
        })?;
        Ok(result.map_err(|failure| Failure(format!("{failure:?}\n{}", self.log())))?)
    }

    /// Waits until the handshake of a call is complete.
    pub fn confirmed(&self, call: CallId) -> Result<()> {
        self.wait_for_state("a complete handshake", call, |state| match state {
            CallState::Confirmed { .. } => Some(()),
            _ => None,
        })
    }

    /// Waits for the end of a call.
    pub fn ended(&self, call: CallId) -> Result<Ending> {
        self.wait_for_state("the end of the call", call, |state| match state {
            CallState::Ended(ending) => Some(ending.clone()),
            _ => None,
        })
    }

    /// Waits for a state of a call that fits.
    pub fn wait_for_state<T>(
        &self,
        what: &str,
        call: CallId,
        fits: impl Fn(&CallState) -> Option<T>,
    ) -> Result<T> {
        self.wait_for(what, |event| match event {
            Event::Call { id, state } if *id == call => fits(state),
            _ => None,
        })
    }

    /// Waits for an event that fits, among those not yet looked at, and forgets what came before it.
    pub fn wait_for<T>(&self, what: &str, fits: impl Fn(&Event) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + SOON;
        let mut state = self.shared.lock();
        loop {
            let found = state.events.iter().enumerate().find_map(|(at, event)| Some((at, fits(event)?)));
            if let Some((at, found)) = found {
                state.events.drain(..=at);
                return Ok(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let events = std::mem::take(&mut state.events);
                drop(state);
                return Err(Failure(format!("no {what}, only {events:#?}\n{}", self.log())).into());
            }
            state = self.shared.happened.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The messages it sent that begin with a method or `SIP/2.0 CODE`, with the time of each.
    pub fn sent(&self, start: &str) -> Vec<(Instant, String)> {
        let state = self.shared.lock();
        let sent = state.messages.iter().filter(|(_, way, _)| *way == Way::Out);
        sent.map(|(at, _, bytes)| (*at, String::from_utf8_lossy(bytes).into_owned()))
            .filter(|(_, text)| text.strip_prefix(start).is_some_and(|rest| rest.starts_with(' ')))
            .collect()
    }

    /// Waits until it has sent a message that begins so.
    pub fn wait_to_send(&self, start: &str) -> Result<()> {
        let deadline = Instant::now() + SOON;
        while self.sent(start).is_empty() {
            if Instant::now() > deadline {
                return Err(Failure(format!("no {start} was sent\n{}", self.log())).into());
            }
            std::thread::sleep(TICK);
        }
        Ok(())
    }

    /// Whether nothing is left of all calls and transactions.
    pub fn is_idle(&self) -> bool {
        let stats = self.shared.lock().endpoint.stats();
        stats.calls + stats.client_transactions + stats.server_transactions == 0
    }

    /// Every message in both directions.
    pub fn log(&self) -> String {
        let state = self.shared.lock();
        let mut text = String::new();
        let first = state.messages.first().map(|(at, ..)| *at);
        for (at, way, bytes) in &state.messages {
            let after = first.map(|first| at.duration_since(first).as_millis()).unwrap_or_default();
            let arrow = if *way == Way::In { "<-" } else { "->" };
            let _ = writeln!(text, "{arrow} {after} ms\n{}", String::from_utf8_lossy(bytes));
        }
        text
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) {
        let mut buffer = vec![0; 65_535];
        loop {
            let received = self.socket.recv_from(&mut buffer);
            let mut state = self.lock();
            if state.stopped {
                return;
            }
            let now = Instant::now();
            match received {
                Ok((length, remote)) => {
                    let bytes = buffer.get(..length).unwrap_or_default();
                    state.messages.push((now, Way::In, bytes.to_vec()));
                    let datagram = Datagram { local: self.address, remote, bytes };
                    state.endpoint.handle_datagram(now, datagram);
                }
                // An answer of the network to something sent is told here; the endpoint's timers see to it.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(_) => {}
            }
            if state.endpoint.poll_timeout().is_some_and(|at| at <= now) {
                state.endpoint.handle_timeout(now);
            }
            self.carry_out(&mut state);
        }
    }

    /// Does what the endpoint wants done, until it wants nothing more.
    fn carry_out(&self, state: &mut State) {
        while let Some(output) = state.endpoint.poll() {
            match output {
                Output::Transmit { remote, bytes, .. } => {
                    // What the network refuses is loss like any other.
                    let _ = self.socket.send_to(&bytes, remote);
                    state.messages.push((Instant::now(), Way::Out, bytes));
                }
                // Only addresses are called here.
                Output::Resolve { id, .. } => state.endpoint.resolved(Instant::now(), id, Answer::Nothing),
                Output::Connect { flow, .. } => {
                    state.endpoint.disconnected(Instant::now(), flow, Disconnect::Refused);
                }
                Output::Write { .. } | Output::Close { .. } | Output::Trace { .. } => {}
                Output::Event(event) => {
                    (state.app.0)(&mut state.endpoint, Instant::now(), &event);
                    state.events.push_back(event);
                }
            }
        }
        self.happened.notify_all();
    }
}

fn uri(text: &str) -> Result<Uri> {
    Ok(Uri::parse(text).map_err(|error| format!("{text}: {error:?}"))?)
}

/// G.711 and telephone events, received at an address.
pub(super) fn capabilities(address: SocketAddr, direction: Direction, version: u64) -> AudioCapabilities {
    let codec = |payload_type, name: &str, fmtp: Option<&str>| Codec {
        payload_type,
        name: name.into(),
        clock_rate: 8000,
        channels: 1,
        fmtp: fmtp.map(str::to_owned),
    };
    AudioCapabilities {
        address,
        codecs: vec![codec(0, "PCMU", None), codec(101, "telephone-event", Some("0-15"))],
        ptime: Some(20),
        direction,
        session: SessionVersion { id: 1, version },
        security: SecurityCapabilities::default(),
        transport: TransportCapabilities::default(),
        own_order: false,
        extended_reports: false,
    }
}
