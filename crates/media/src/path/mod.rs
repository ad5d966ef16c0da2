//! Where a call's packets go and where they come from: addresses, connectivity checks, relays, and the keys between.
//!
//! A [`Path`] stands between the stream and the sockets. Datagrams go in with the socket they came to, what is left
//! of them are RTP and RTCP packets for the stream; the stream's packets go in, datagrams with their socket and
//! their destination come out. It is pure: the time is an argument, the sockets are their addresses.
//!
//! What deliberately isn't here: SDP, which `tern-sip` writes and reads, names of servers, and the sockets.

mod candidate;
mod ice;
mod kind;
mod latch;
mod local;
mod relay;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, Instant},
};

pub use self::{
    candidate::{Candidate, CandidateKind, IceCredentials},
    ice::IceConfig,
    local::{Connect, Local, Servers, StreamId, TurnServer, TurnTransport},
};
use self::{
    ice::{Ice, Selected},
    kind::DatagramKind,
    latch::Latch,
    local::Arrival,
};
use crate::{
    Packet, PacketKind, rtp,
    secure::{Secure, SecurityPlan, SecurityState},
};

/// Datagrams that wait for the sockets; what is older helps nobody.
const WAITING: usize = 64;
/// How long what comes over a former way is taken, once another is found (RFC 8445 section 8.3).
const FAREWELL: Duration = Duration::from_secs(3);
/// Events that wait to be read.
const EVENTS: usize = 16;

/// What signalling agreed on.
#[derive(Debug, Clone, PartialEq)]
pub struct PathConfig {
    /// Where RTP goes; `None` while the other side takes none.
    pub remote: Option<SocketAddr>,
    /// Where RTCP goes.
    pub remote_rtcp: Option<SocketAddr>,
    /// Payload types the other side may send.
    pub payload_types: Vec<u8>,
    /// RTCP shares RTP's port (RFC 5761).
    pub rtcp_mux: bool,
    /// Connectivity checks, where both sides do them.
    pub ice: Option<IceConfig>,
    /// Keys.
    pub security: SecurityPlan,
}

/// A datagram to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// The local address of the socket to send it from.
    pub from: SocketAddr,
    /// Where to.
    pub to: SocketAddr,
    /// What.
    pub bytes: Vec<u8>,
    /// Over this connection and not from the socket.
    pub stream: Option<StreamId>,
}

/// What became of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathEvent {
    /// Checks found a way.
    Connected {
        /// The address it goes out from: a socket's, or one on a relay.
        from: SocketAddr,
        /// Where the sound goes.
        to: SocketAddr,
        /// Over a relay of ours.
        relayed: bool,
    },
    /// The other side is elsewhere than before, or a better way was found.
    Moved {
        /// Where the sound goes.
        to: SocketAddr,
    },
    /// The other side has answered no checks for some seconds: the way seems dead, though it may still be tried.
    Quiet,
    /// It answers again.
    Answering,
    /// No check reached the other side.
    Failed,
    /// The other side answers no checks any more: nothing is sent until it does (RFC 7675).
    Lost,
    /// What is done about encryption has changed.
    Security(SecurityState),
}

/// One call's way.
#[derive(Debug)]
pub struct Path {
    local: Local,
    latch: Latch,
    mux: bool,
    ice: Option<Ice>,
    /// The checks before those.
    former: Option<Former>,
    secure: Secure,
    /// Where a handshake came from, while nothing else tells where the other side is.
    shaking: Option<SocketAddr>,
    rejected: u64,
    out: VecDeque<Transmit>,
    events: VecDeque<PathEvent>,
}

/// Checks that others have followed: their way is taken until another one is found (RFC 8445 section 9).
#[derive(Debug)]
struct Former {
    ice: Ice,
    /// Once one is found: until when the other side may still send on this one.
    until: Option<Instant>,
}

impl Path {
    /// A way from these sockets.
    pub fn new(now: Instant, local: Local, config: PathConfig) -> Self {
        let mut path = Self {
            local,
            latch: Latch::new(config.remote, config.remote_rtcp, config.payload_types),
            mux: config.rtcp_mux,
            ice: None,
            former: None,
            secure: Secure::new(now, config.security),
            shaking: None,
            rejected: 0,
            out: VecDeque::new(),
            events: VecDeque::new(),
        };
        path.check(now, config.ice);
        path.shake(now);
        path
    }

    /// Signalling agreed anew. Checks go on as they are unless one side's credentials are new (RFC 8445 section 9).
    pub fn agree(&mut self, now: Instant, config: PathConfig) {
        self.latch.agree(config.remote, config.remote_rtcp, config.payload_types);
        self.secure.update(now, config.security);
        let mux_changed = std::mem::replace(&mut self.mux, config.rtcp_mux) != config.rtcp_mux;
        if mux_changed {
            // What each of them carried was something else.
            (self.ice, self.former) = (None, None);
        }
        let same = match (&self.ice, &config.ice) {
            (Some(ice), Some(new)) => {
                (&ice.config().local, &ice.config().remote) == (&new.local, &new.remote)
            }
            (None, None) => true,
            _ => false,
        };
        match config.ice {
            Some(new) if same => self.add_remote(now, &new.candidates),
            new => self.check(now, new),
        }
        self.drain(now);
        self.shake(now);
    }

    /// Moves to other sockets: what is said goes out there at once, and where the other side sends from is heard
    /// anew. Checks begin when signalling has agreed on them again.
    pub fn relocate(&mut self, now: Instant, local: Local) {
        self.local = local;
        self.latch.forget();
        self.shaking = None;
        self.out.clear();
        self.former = None;
        if self.ice.take().is_some() {
            // Until then there is no way whose consent is known.
            self.check(now, None);
            self.latch.agree(None, None, Vec::new());
        }
    }

    /// Begins to ask servers that were not known when the sockets opened.
    pub fn ask(&mut self, now: Instant, servers: &Servers) {
        self.local.ask(now, servers);
    }

    /// Datagrams that were nothing at all, and packets that could not be decrypted, were changed on the way or came
    /// once more.
    pub fn rejected(&self) -> u64 {
        self.rejected
    }

    /// Our side's addresses.
    pub fn local(&self) -> &Local {
        &self.local
    }

    /// Takes a datagram that came to the socket `at`. What the stream is to read is left in `datagram`.
    pub fn receive(
        &mut self,
        now: Instant,
        at: SocketAddr,
        from: SocketAddr,
        datagram: &mut Vec<u8>,
    ) -> Option<PacketKind> {
        let component = self.local.component_of(at)?;
        let (at, from) = match self.local.take(now, at, from, datagram) {
            Arrival::Direct => (at, from),
            Arrival::Relayed(relayed, peer) => (relayed, peer),
            Arrival::Handled => {
                self.check_found(now);
                self.drain(now);
                return None;
            }
        };
        self.arrive(now, component, at, from, datagram)
    }

    /// Takes what came over a connection; `take` gets what the stream is to read.
    pub fn receive_stream(
        &mut self,
        now: Instant,
        stream: StreamId,
        bytes: &[u8],
        mut take: impl FnMut(PacketKind, &[u8]),
    ) {
        for (component, at, from, mut datagram) in self.local.take_stream(now, stream, bytes) {
            if let Some(kind) = self.arrive(now, component, at, from, &mut datagram) {
                take(kind, &datagram);
            }
        }
        self.check_found(now);
        self.drain(now);
    }

    /// The next connection to make; [`Self::connected`] or [`Self::disconnected`] tell what came of it.
    pub fn poll_connect(&mut self) -> Option<Connect> {
        self.local.poll_connect()
    }

    /// A connection stands, with its TLS.
    pub fn connected(&mut self, now: Instant, stream: StreamId) {
        self.local.connected(now, stream);
    }

    /// A connection could not be made, or has ended.
    pub fn disconnected(&mut self, now: Instant, stream: StreamId, why: &str) {
        self.local.disconnected(now, stream, why);
    }

    /// Takes a datagram that came to a socket or a relay of ours.
    fn arrive(
        &mut self,
        now: Instant,
        component: PacketKind,
        at: SocketAddr,
        from: SocketAddr,
        datagram: &mut Vec<u8>,
    ) -> Option<PacketKind> {
        let kind = DatagramKind::of(datagram);
        match kind {
            DatagramKind::Stun => {
                if let Some(ice) = &mut self.ice {
                    if !ice.receive(now, component, at, from, datagram)
                        && let Some(former) = &mut self.former
                    {
                        former.ice.receive(now, component, at, from, datagram);
                    }
                    self.drain(now);
                    self.shake(now);
                }
                None
            }
            DatagramKind::Dtls => {
                if component == PacketKind::Rtp && self.shakes_with(from) {
                    self.secure.receive_dtls(now, datagram);
                    self.shake(now);
                }
                None
            }
            DatagramKind::Channel | DatagramKind::Unknown => {
                self.rejected = self.rejected.saturating_add(1);
                None
            }
            DatagramKind::Rtp | DatagramKind::Rtcp => {
                // RFC 5761 section 4 tells them apart on a shared port; where RTCP has its own, the port does.
                let packet = match (self.mux, component) {
                    (true, PacketKind::Rtp) => Option::<PacketKind>::from(kind)?,
                    (_, component) => component,
                };
                self.takes(now, component, packet, at, from, datagram).then_some(packet)
            }
        }
    }

    /// Sends a packet of the stream's; without a way it is lost like any other.
    pub fn send(&mut self, now: Instant, packet: Packet) {
        let component = if self.mux { PacketKind::Rtp } else { packet.kind };
        let way = if self.ice.is_some() { self.checked(component) } else { self.latched(component) };
        let Packet { kind, mut bytes } = packet;
        if let Some(way) = way
            && self.secure.protect(kind, &mut bytes).is_ok()
        {
            self.push(now, way, bytes);
        }
    }

    /// The next datagram to send, until there is none.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        self.out.pop_front().or_else(|| self.local.poll_transmit(now))
    }

    /// When to call [`Self::handle_timeout`]; to be asked again after every other call.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let checks = self.ice.as_mut().and_then(Ice::poll_timeout);
        let former = self.former.as_mut().and_then(|former| former.ice.poll_timeout());
        let until = self.former.as_ref().and_then(|former| former.until);
        [checks, former, until, self.local.poll_timeout(), self.secure.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.local.handle_timeout(now);
        self.check_found(now);
        self.former = self.former.take().filter(|former| former.until.is_none_or(|until| now < until));
        for ice in self.ice.iter_mut().chain(self.former.as_mut().map(|former| &mut former.ice)) {
            ice.handle_timeout(now);
        }
        self.drain(now);
        self.secure.handle_timeout(now);
        self.shake(now);
    }

    /// What happened, until there is nothing more.
    pub fn poll_event(&mut self) -> Option<PathEvent> {
        self.events.pop_front()
    }

    /// Gives back what servers lent; [`Self::poll_transmit`] has what tells them.
    pub fn close(&mut self, now: Instant) {
        self.local.close(now);
    }

    fn check(&mut self, now: Instant, config: Option<IceConfig>) {
        let stands = self.ice.take().filter(Ice::is_connected).map(|ice| Former { ice, until: None });
        let before = stands.or(self.former.take());
        if let Some(config) = config {
            self.former = before;
            self.permit(now, &config.candidates);
            self.ice = Some(Ice::new(now, &self.local, config, self.mux));
            self.drain(now);
        }
    }

    /// The other side told of these addresses, some of them perhaps before (RFC 8838 section 14).
    fn add_remote(&mut self, now: Instant, candidates: &[Candidate]) {
        if let Some(ice) = &mut self.ice {
            ice.add_remote(candidates);
            self.permit(now, candidates);
        }
    }

    /// What a server told after the checks had begun is checked, too (RFC 8838 section 10).
    fn check_found(&mut self, now: Instant) {
        let Some(ice) = self.ice.as_mut().filter(|ice| ice.checked() < self.local.found()) else { return };
        ice.add_local(now, self.local.candidates());
        let theirs = ice.config().candidates.clone();
        self.permit(now, &theirs);
    }

    /// The relays let the other side's hosts through before the first check comes from there.
    fn permit(&mut self, now: Instant, candidates: &[Candidate]) {
        let relays: Vec<SocketAddr> = self
            .local
            .candidates()
            .iter()
            .filter(|candidate| candidate.kind == CandidateKind::Relayed)
            .map(|candidate| candidate.address)
            .collect();
        for relay in relays {
            if let Some(relay) = self.local.relay_at(relay) {
                for candidate in candidates {
                    relay.permit(now, candidate.address.ip());
                }
            }
        }
        self.local.rewind(now);
    }

    /// Whether a packet is the other side's.
    fn takes(
        &mut self,
        now: Instant,
        component: PacketKind,
        packet: PacketKind,
        at: SocketAddr,
        from: SocketAddr,
        datagram: &mut Vec<u8>,
    ) -> bool {
        if self.secure.unprotect(packet, datagram).is_err() {
            self.rejected = self.rejected.saturating_add(1);
            return false;
        }
        if self.ice.is_some() {
            let knows = self.knows(component, from);
            if let Some(ice) = self.ice.as_mut().filter(|_| knows) {
                ice.heard(now, component, at, from);
            }
            return knows;
        }
        let before = self.latch.rtp();
        let takes = match packet {
            PacketKind::Rtp if self.secure.is_authenticating() => {
                self.latch.authenticated(now, from);
                true
            }
            PacketKind::Rtcp if self.secure.is_authenticating() => {
                if component == PacketKind::Rtcp {
                    self.latch.authenticated_rtcp(from);
                }
                true
            }
            PacketKind::Rtp => {
                rtp::parse(datagram).is_ok_and(|(header, _)| self.latch.takes(now, from, &header))
            }
            PacketKind::Rtcp => self.latch.takes_rtcp(from),
        };
        if let Some(to) = self.latch.rtp().filter(|to| before.is_some_and(|before| before != *to)) {
            self.event(PathEvent::Moved { to });
        }
        takes
    }

    /// Whether a handshake from there is the other side's: a check has reached it there, or signalling named it.
    /// Behind a NAT it comes from elsewhere; then the first one is believed until a packet is authenticated, which
    /// only the holder of the agreed certificate achieves.
    fn shakes_with(&mut self, from: SocketAddr) -> bool {
        match &self.ice {
            Some(_) => self.knows(PacketKind::Rtp, from),
            None if self.latch.knows(from) => true,
            None => !self.secure.is_authenticating() && *self.shaking.get_or_insert(from) == from,
        }
    }

    /// Sends what the handshake has to say, once there is a way, and tells what came of it.
    fn shake(&mut self, now: Instant) {
        let way = match &self.ice {
            Some(_) => self.checked(PacketKind::Rtp),
            None => match self.shaking {
                Some(to) if !self.secure.is_authenticating() => {
                    self.local.socket_towards(PacketKind::Rtp, to).map(|from| Selected { from, to })
                }
                _ => self.latched(PacketKind::Rtp),
            },
        };
        if let Some(way) = way {
            while let Some(bytes) = self.secure.poll_dtls() {
                self.push(now, way, bytes);
            }
        }
        while let Some(state) = self.secure.poll_change() {
            self.event(PathEvent::Security(state));
        }
    }

    /// Whether checks have reached the other side there.
    fn knows(&self, component: PacketKind, from: SocketAddr) -> bool {
        self.checks().any(|ice| ice.knows(component, from))
    }

    /// The way that checks have found.
    fn checked(&self, component: PacketKind) -> Option<Selected> {
        self.checks().find_map(|ice| ice.selected(component))
    }

    /// All checks that are made, the latest first.
    fn checks(&self) -> impl Iterator<Item = &Ice> {
        self.ice.iter().chain(self.former.as_ref().map(|former| &former.ice))
    }

    fn latched(&self, component: PacketKind) -> Option<Selected> {
        let to = match component {
            PacketKind::Rtp => self.latch.rtp(),
            PacketKind::Rtcp => self.latch.rtcp(),
        }?;
        Some(Selected { from: self.local.socket_towards(component, to)?, to })
    }

    /// Moves what the checks want to send and tell to where it is read.
    fn drain(&mut self, now: Instant) {
        let Some(mut ice) = self.ice.take() else { return };
        if let Some(mut former) = self.former.take() {
            while let Some(Transmit { from, to, bytes, .. }) = former.ice.poll_transmit() {
                self.push(now, Selected { from, to }, bytes);
            }
            // What becomes of it is of no interest but for its end.
            while former.ice.poll_event(&self.local).is_some() {}
            if former.ice.is_connected() {
                self.former = Some(former);
            } else if ice.has_failed() {
                self.event(PathEvent::Lost);
            }
        }
        while let Some(Transmit { from, to, bytes, .. }) = ice.poll_transmit() {
            self.push(now, Selected { from, to }, bytes);
        }
        while let Some(event) = ice.poll_event(&self.local) {
            // As long as the former way stands, nothing is lost.
            if event != PathEvent::Failed || self.former.is_none() {
                self.event(event);
            }
            if let Some(Selected { from, to }) = ice.selected(PacketKind::Rtp)
                && let Some(relay) = self.local.relay_at(from)
            {
                relay.bind(now, to);
                self.local.rewind(now);
            }
        }
        if let Some(former) = self.former.as_mut().filter(|_| ice.is_connected()) {
            former.until = former.until.or(now.checked_add(FAREWELL));
        }
        self.ice = Some(ice);
    }

    /// Queues a datagram from a socket, or through a relay.
    fn push(&mut self, now: Instant, way: Selected, bytes: Vec<u8>) {
        let transmit = if self.local.component_of(way.from).is_some() {
            Some(Transmit { from: way.from, to: way.to, bytes, stream: None })
        } else {
            let wrapped = self.local.relay_at(way.from).and_then(|relay| relay.wrap(now, way.to, &bytes));
            self.local.rewind(now);
            wrapped
        };
        if let Some(transmit) = transmit {
            if self.out.len() >= WAITING {
                self.out.pop_front();
            }
            self.out.push_back(transmit);
        }
    }

    fn event(&mut self, event: PathEvent) {
        if self.events.len() >= EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}
