//! Our side's addresses: sockets, what a STUN server sees of them, and what a TURN server lends.
//!
//! Invariant: whatever was found is kept alive until the sockets close, because the other side may have been told of
//! it (RFC 8445 section 5.1.1.4).

use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, Instant},
};

use stun_proto::types::{
    attribute::XorMappedAddress,
    message::{BINDING, Message, MessageClass, MessageHeader, MessageWrite, MessageWriteVec, TransactionId},
};

use super::{
    Transmit,
    candidate::{Candidate, CandidateKind, priority},
    relay::{FromServer, Relay, RelayState},
};
use crate::PacketKind;

/// Between a question and its repetition, doubled each time. RFC 8489 section 6.2.1 asks for 500 ms where the way is
/// not known; a call waits for this, and the question is small.
const FIRST_REPEAT: Duration = Duration::from_millis(100);
const TRIES: u32 = 5;
/// A way to a server that has brought no answer by then has company: another way to it, or another server. In some
/// networks no datagram passes; the least that RFC 8305 section 5 has between two attempts.
const NEXT_WAY: Duration = Duration::from_millis(100);
/// Ways that are tried for one socket.
const WAYS: usize = 4;
/// Repetitions that a server leaves unanswered before it is believed that no datagram gets to it.
const SILENT_TRIES: u32 = 3;
/// The same in time.
pub(super) const SILENCE: Duration = Duration::from_millis(400);
/// RFC 8445 section 11: a binding in a NAT lives longer than this.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Servers that tell or lend addresses, at those of their addresses that are of a socket's family.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Servers {
    /// STUN (RFC 8489); the first one is asked.
    pub stun: Vec<SocketAddr>,
    /// TURN (RFC 8656), asked as STUN too where no other is named.
    pub turn: Option<TurnServer>,
    /// Those of them that lately answered no datagram ([`Local::answering`]): they are asked, but nobody waits for it, and
    /// a connection is tried at once.
    pub silent: Vec<SocketAddr>,
}

/// A TURN server, and what it wants to know of us.
#[derive(Clone, PartialEq, Eq)]
pub struct TurnServer {
    /// Where, the preferred one first.
    pub addresses: Vec<SocketAddr>,
    /// Where it takes connections, where that is elsewhere than datagrams.
    pub streams: Vec<SocketAddr>,
    /// How it is reached.
    pub transport: TurnTransport,
    /// User name of the long-term credential (RFC 8489 section 9.2).
    pub user: String,
    /// Its password.
    pub password: String,
}

impl std::fmt::Debug for TurnServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TurnServer({:?})", self.addresses)
    }
}

/// How a TURN server is reached (RFC 8656 section 3.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TurnTransport {
    /// By datagrams; by TCP where those are not answered.
    #[default]
    Any,
    /// By datagrams alone.
    Udp,
    /// By TCP.
    Tcp,
    /// By TLS, with a certificate of this name.
    Tls(String),
}

/// A connection to a TURN server, within one [`Local`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(u32);

/// A connection that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    /// Its name from now on.
    pub stream: StreamId,
    /// Where to.
    pub to: SocketAddr,
    /// By TLS, with a certificate of this name.
    pub tls: Option<String>,
}

/// Our sockets and all addresses found for them.
#[derive(Debug)]
pub struct Local {
    sockets: Vec<Socket>,
    /// Connections named so far.
    streams: u32,
}

#[derive(Debug)]
struct Socket {
    component: PacketKind,
    address: SocketAddr,
    /// Sockets of the same component and family before it.
    place: usize,
    query: Option<Query>,
    /// One at most that stands; beside it what was given up, or is tried in case that it does not answer.
    relays: Vec<Relay>,
    /// What is tried while nothing answers.
    further: Option<Further>,
    /// Servers whose answers to datagrams nobody waits for.
    silent: Vec<SocketAddr>,
}

/// Further ways to a TURN server, and when the next is taken.
#[derive(Debug)]
struct Further {
    at: Instant,
    ways: VecDeque<Way>,
    turn: TurnServer,
}

/// A way to a TURN server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Datagrams(SocketAddr),
    Stream(SocketAddr),
}

/// What a STUN server is asked.
#[derive(Debug)]
struct Query {
    server: SocketAddr,
    id: TransactionId,
    request: Vec<u8>,
    next: Instant,
    /// Without an answer.
    tries: u32,
    asked: Instant,
    /// It has answered at least once.
    heard: bool,
    state: QueryState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum QueryState {
    Asking,
    Seen(SocketAddr),
    Silent,
}

/// Whose a datagram is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// A server's, and dealt with.
    Handled,
    /// Not a server's: as it came.
    Direct,
    /// Through the relay at the first address from the second one; the datagram holds what was relayed.
    Relayed(SocketAddr, SocketAddr),
}

impl Local {
    /// Begins to ask `servers` about sockets bound to these addresses.
    pub fn new(now: Instant, sockets: &[(PacketKind, SocketAddr)], servers: &Servers) -> Self {
        let place = |index: usize, component: PacketKind, address: &SocketAddr| {
            let alike = |(kind, at): &&(PacketKind, SocketAddr)| {
                *kind == component && at.is_ipv6() == address.is_ipv6()
            };
            sockets.iter().take(index).filter(alike).count()
        };
        let bound = sockets.iter().enumerate().map(|(index, (component, address))| Socket {
            component: *component,
            address: *address,
            place: place(index, *component, address),
            query: None,
            relays: Vec::new(),
            further: None,
            silent: Vec::new(),
        });
        let mut local = Self { sockets: bound.collect(), streams: 0 };
        local.ask(now, servers);
        local
    }

    /// Begins to ask servers that were not known before; of a kind that is asked already no other is.
    pub fn ask(&mut self, now: Instant, servers: &Servers) {
        let Self { sockets, streams } = self;
        for socket in sockets {
            socket.silent.extend_from_slice(&servers.silent);
            // A relay is reached from anywhere; one for each component and family is enough.
            let turn = servers.turn.as_ref().filter(|_| socket.place == 0 && socket.relays.is_empty());
            if let Some(turn) = turn {
                let ways = ways(turn, socket.address);
                socket.further = Some(Further { at: now, ways, turn: turn.clone() });
                socket.go_further(now, streams);
            }
            if socket.query.is_none() {
                let stun = of_family(&servers.stun, socket.address).next();
                let datagrams = socket.relays.iter().find(|relay| relay.stream().is_none());
                let server = stun.or(datagrams.map(Relay::server));
                socket.query = server.and_then(|server| Query::new(now, server));
            }
        }
    }

    /// Whether every server has answered, or has been given up, about the first socket of each component and family. From
    /// the others there may be no way to a server: a call that waits for answers does not wait for those.
    pub fn is_complete(&self) -> bool {
        !self
            .sockets
            .iter()
            .any(|socket| socket.place == 0 && (socket.awaits_relay() || socket.awaits_query()))
    }

    /// Whether nothing more will be found: every server has answered about every socket, or has been given up.
    pub fn is_settled(&self) -> bool {
        self.sockets.iter().all(|socket| {
            let relays = socket.relay().is_some() || socket.is_relayless();
            relays && socket.query.as_ref().is_none_or(Query::is_settled)
        })
    }

    /// Which servers answer datagrams; those of which that can't be said yet are left out.
    pub fn answering(&self, now: Instant) -> Vec<(SocketAddr, bool)> {
        let mut known: Vec<(SocketAddr, bool)> = Vec::new();
        for socket in &self.sockets {
            let query = socket.query.iter().filter_map(|query| Some((query.server, query.answers(now)?)));
            let relays = socket.relays.iter().filter_map(|relay| Some((relay.server(), relay.answers(now)?)));
            // From a further socket there may be no way to a server: that tells nothing of it.
            for (server, answers) in query.chain(relays).filter(|(_, answers)| *answers || socket.place == 0)
            {
                match known.iter_mut().find(|(known, _)| *known == server) {
                    Some((_, known)) => *known |= answers,
                    None => known.push((server, answers)),
                }
            }
        }
        known
    }

    /// How many addresses were found so far.
    pub fn found(&self) -> usize {
        let of = |socket: &Socket| {
            let seen = socket.seen().is_some_and(|seen| seen != socket.address);
            let relayed = socket.relay().is_some();
            1 + usize::from(seen) + usize::from(relayed)
        };
        self.sockets.iter().map(of).sum()
    }

    /// Why no server lends an address, where one was asked: in its own words, where it said any.
    pub fn relay_trouble(&self) -> Option<String> {
        let asked = || self.sockets.iter().filter(|socket| !socket.relays.is_empty());
        if asked().any(|socket| socket.relay().is_some()) {
            return None;
        }
        asked().flat_map(|socket| &socket.relays).filter_map(Relay::trouble).next_back()
    }

    /// The addresses found so far, for the other side.
    pub fn candidates(&self) -> Vec<Candidate> {
        let mut found = Vec::new();
        for socket in &self.sockets {
            let mut add = |kind: CandidateKind, address: SocketAddr, related: Option<SocketAddr>| {
                found.push(Candidate {
                    component: socket.component,
                    foundation: self.foundation(kind, socket.address),
                    priority: priority(kind, socket.component, address, socket.place),
                    address,
                    kind,
                    related,
                });
            };
            add(CandidateKind::Host, socket.address, None);
            let seen = socket.seen().filter(|seen| *seen != socket.address);
            if let Some(seen) = seen {
                add(CandidateKind::ServerReflexive, seen, Some(socket.address));
            }
            if let Some(relayed) = socket.relay().and_then(Relay::address) {
                add(CandidateKind::Relayed, relayed, Some(seen.unwrap_or(socket.address)));
            }
        }
        found
    }

    /// Where a peer that knows nothing of candidates is to send these packets: as seen from outside where that is
    /// known. A relay would bind all sound to a server that most peers don't need.
    pub fn default_address(&self, component: PacketKind) -> Option<SocketAddr> {
        let socket = self.sockets.iter().find(|socket| socket.component == component)?;
        Some(socket.seen().unwrap_or(socket.address))
    }

    /// The sockets' own addresses.
    pub fn addresses(&self) -> impl Iterator<Item = (PacketKind, SocketAddr)> + '_ {
        self.sockets.iter().map(|socket| (socket.component, socket.address))
    }

    /// Takes a datagram that is a server's while nothing else can come: false for all others.
    pub fn receive(
        &mut self,
        now: Instant,
        at: SocketAddr,
        from: SocketAddr,
        datagram: &mut Vec<u8>,
    ) -> bool {
        self.take(now, at, from, datagram) != Arrival::Direct
    }

    /// The next datagram for a server.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        self.sockets.iter_mut().find_map(|socket| {
            let address = socket.address;
            let asked = socket.query.as_mut().and_then(|query| query.poll_transmit(now, address));
            asked.or_else(|| socket.relays.iter_mut().find_map(|relay| relay.poll_transmit(now)))
        })
    }

    /// The next connection to make; [`Self::connected`] or [`Self::disconnected`] tell what came of it.
    pub fn poll_connect(&mut self) -> Option<Connect> {
        self.sockets.iter_mut().find_map(|socket| {
            socket.relays.iter_mut().find_map(|relay| {
                let (stream, tls) = relay.poll_connect()?;
                Some(Connect { stream, to: relay.server(), tls })
            })
        })
    }

    /// The connections that are of use; others may be closed when what is there for them has been sent.
    pub fn streams(&self) -> impl Iterator<Item = StreamId> + '_ {
        let wanted = |relay: &&Relay| relay.state != RelayState::Gone;
        self.sockets.iter().flat_map(move |s| s.relays.iter().filter(wanted).filter_map(Relay::stream))
    }

    /// A connection stands, with its TLS.
    pub fn connected(&mut self, now: Instant, stream: StreamId) {
        if let Some((_, relay)) = self.over(stream) {
            relay.connected();
            relay.handle_timeout(now);
        }
    }

    /// A connection could not be made, or has ended.
    pub fn disconnected(&mut self, now: Instant, stream: StreamId, why: &str) {
        if let Some((_, relay)) = self.over(stream) {
            relay.disconnected(why);
            relay.handle_timeout(now);
        }
        self.go_further(now);
    }

    /// Takes what came over a connection before anything was agreed on.
    pub fn receive_stream(&mut self, now: Instant, stream: StreamId, bytes: &[u8]) {
        self.take_stream(now, stream, bytes);
    }

    /// The same; what was relayed comes out, with its component, the relay's address and the sender's.
    pub(super) fn take_stream(
        &mut self,
        now: Instant,
        stream: StreamId,
        bytes: &[u8],
    ) -> Vec<(PacketKind, SocketAddr, SocketAddr, Vec<u8>)> {
        let mut came = Vec::new();
        if let Some((component, relay)) = self.over(stream) {
            let mut data = Vec::new();
            relay.receive_stream(now, bytes, |peer, bytes| data.push((peer, bytes)));
            relay.handle_timeout(now);
            let relayed = relay.address();
            came.extend(
                data.into_iter().filter_map(|(peer, bytes)| Some((component, relayed?, peer, bytes))),
            );
        }
        self.choose(now);
        came
    }

    fn over(&mut self, stream: StreamId) -> Option<(PacketKind, &mut Relay)> {
        self.sockets.iter_mut().find_map(|socket| {
            let relay = socket.relays.iter_mut().find(|relay| relay.stream() == Some(stream))?;
            Some((socket.component, relay))
        })
    }

    /// One that stands is enough: others are given back, and none is tried any more.
    fn choose(&mut self, now: Instant) {
        for socket in &mut self.sockets {
            // Who refuses us would refuse us on every way.
            if socket.relays.iter().any(Relay::is_heard) {
                socket.further = None;
            }
            let Some(stands) = socket.relays.iter().position(|relay| relay.address().is_some()) else {
                continue;
            };
            let others = socket.relays.iter_mut().enumerate().filter(|(index, _)| *index != stands);
            for (_, other) in others.filter(|(_, other)| other.state != RelayState::Gone) {
                other.close(now);
            }
        }
    }

    /// Takes the ways that are due.
    fn go_further(&mut self, now: Instant) {
        let Self { sockets, streams } = self;
        for socket in sockets {
            socket.go_further(now, streams);
        }
    }

    /// When to call [`Self::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.sockets
            .iter()
            .flat_map(|socket| {
                let alarms =
                    [socket.query.as_ref().map(|query| query.next), socket.further.as_ref().map(|f| f.at)];
                socket.relays.iter().map(|relay| relay.wakes).chain(alarms)
            })
            .flatten()
            .min()
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Instant) {
        for socket in &mut self.sockets {
            for relay in socket.relays.iter_mut().filter(|relay| relay.state != RelayState::Gone) {
                relay.handle_timeout(now);
            }
            if let Some(query) = &mut socket.query {
                query.handle_timeout(now);
            }
        }
        self.go_further(now);
    }

    /// Gives back what was lent.
    pub fn close(&mut self, now: Instant) {
        for socket in &mut self.sockets {
            socket.query = None;
            socket.further = None;
            for relay in &mut socket.relays {
                relay.close(now);
            }
        }
    }

    pub(super) fn take(
        &mut self,
        now: Instant,
        at: SocketAddr,
        from: SocketAddr,
        datagram: &mut Vec<u8>,
    ) -> Arrival {
        let Some(socket) = self.sockets.iter_mut().find(|socket| socket.address == at) else {
            return Arrival::Direct;
        };
        if let Some(query) = &mut socket.query
            && query.server == from
            && query.takes(now, datagram)
        {
            return Arrival::Handled;
        }
        let over = |relay: &&mut Relay| relay.stream().is_none() && relay.server() == from;
        let Some(relay) = socket.relays.iter_mut().find(over) else { return Arrival::Direct };
        let arrival = match relay.receive(now, datagram) {
            FromServer::Handled => Arrival::Handled,
            FromServer::Data(peer) => match relay.address() {
                Some(relayed) => Arrival::Relayed(relayed, peer),
                None => Arrival::Handled,
            },
        };
        // What it said may have moved its clock.
        relay.handle_timeout(now);
        self.choose(now);
        arrival
    }

    /// The socket of a component that reaches this address.
    pub(super) fn socket_towards(&self, component: PacketKind, to: SocketAddr) -> Option<SocketAddr> {
        self.sockets
            .iter()
            .find(|socket| socket.component == component && socket.address.is_ipv6() == to.is_ipv6())
            .map(|socket| socket.address)
    }

    pub(super) fn component_of(&self, at: SocketAddr) -> Option<PacketKind> {
        self.sockets.iter().find(|socket| socket.address == at).map(|socket| socket.component)
    }

    /// The relay that stands at this address. [`Self::rewind`] must follow what is done with it.
    pub(super) fn relay_at(&mut self, address: SocketAddr) -> Option<&mut Relay> {
        let mut relays = self.sockets.iter_mut().flat_map(|socket| &mut socket.relays);
        let relay = relays.find(|relay| relay.address() == Some(address))?;
        relay.wakes = None;
        Some(relay)
    }

    /// After [`Self::relay_at`]: the relays' alarms anew.
    pub(super) fn rewind(&mut self, now: Instant) {
        for relay in self.sockets.iter_mut().flat_map(|socket| &mut socket.relays) {
            if relay.wakes.is_none() && relay.state != RelayState::Gone {
                relay.handle_timeout(now);
            }
        }
    }

    /// RFC 8445 section 5.1.1.3: one for each kind, base host and server; there is one server of a kind.
    fn foundation(&self, kind: CandidateKind, base: SocketAddr) -> String {
        let host =
            self.sockets.iter().position(|socket| socket.address.ip() == base.ip()).unwrap_or_default();
        let kind = match kind {
            CandidateKind::Host => 1,
            CandidateKind::PeerReflexive => 2,
            CandidateKind::ServerReflexive => 3,
            CandidateKind::Relayed => 4,
        };
        format!("{kind}{host}")
    }
}

/// The next name of a connection.
fn named(streams: &mut u32) -> StreamId {
    *streams = streams.wrapping_add(1);
    StreamId(*streams)
}

/// Those addresses of a server that may be asked from a socket.
fn of_family(addresses: &[SocketAddr], local: SocketAddr) -> impl Iterator<Item = SocketAddr> {
    addresses.iter().copied().filter(move |address| address.is_ipv6() == local.is_ipv6())
}

/// The ways to a TURN server from a socket, in the order to try them. Datagrams are better for sound than a stream, where
/// each loss holds up what comes behind it (RFC 8656 section 3.1); each server is tried both ways before the next.
fn ways(turn: &TurnServer, local: SocketAddr) -> VecDeque<Way> {
    let streams = if turn.streams.is_empty() { &turn.addresses } else { &turn.streams };
    let (datagrams, streams): (&[SocketAddr], &[SocketAddr]) = match turn.transport {
        TurnTransport::Any => (&turn.addresses, streams),
        TurnTransport::Udp => (&turn.addresses, &[]),
        TurnTransport::Tcp | TurnTransport::Tls(_) => (&[], &turn.addresses),
    };
    let mut datagrams = of_family(datagrams, local).map(Way::Datagrams);
    let mut streams = of_family(streams, local).map(Way::Stream);
    let mut ways = VecDeque::new();
    loop {
        let both = [datagrams.next(), streams.next()];
        if ways.len() >= WAYS || both == [None, None] {
            ways.truncate(WAYS);
            return ways;
        }
        ways.extend(both.into_iter().flatten());
    }
}

impl Socket {
    /// Takes the ways to a TURN server that are due: the next one in its time, or as soon as all before it have failed.
    fn go_further(&mut self, now: Instant, streams: &mut u32) {
        let Some(further) = &mut self.further else { return };
        while further.at <= now || self.relays.iter().all(|relay| relay.state == RelayState::Gone) {
            let Some(way) = further.ways.pop_front() else { break };
            let (server, stream) = match way {
                Way::Datagrams(server) => (server, None),
                Way::Stream(server) => (server, Some(named(streams))),
            };
            self.relays.push(Relay::new(now, self.address, server, &further.turn, stream));
            // Who answered nothing lately has no start before the others.
            if stream.is_some() || !self.silent.contains(&server) {
                further.at = now.checked_add(NEXT_WAY).unwrap_or(now);
            }
        }
        if further.ways.is_empty() {
            self.further = None;
        }
    }

    /// Whether a TURN server may still lend an address soon.
    fn awaits_relay(&self) -> bool {
        let asked = |relay: &Relay| {
            let silent = relay.stream().is_none() && self.silent.contains(&relay.server());
            relay.state == RelayState::Asking && !silent
        };
        self.relay().is_none() && (self.further.is_some() || self.relays.iter().any(asked))
    }

    /// Whether a server may soon tell what it sees.
    fn awaits_query(&self) -> bool {
        // Where a stream was needed and was there before an answer, datagrams get nowhere.
        let streamed = self.relay().is_some_and(|relay| relay.stream().is_some());
        let unlikely = |query: &Query| self.silent.contains(&query.server) || streamed && query.tries > 1;
        self.query.as_ref().is_some_and(|query| !query.is_settled() && !unlikely(query))
    }

    /// Whether no TURN server lends an address, or will.
    fn is_relayless(&self) -> bool {
        self.further.is_none() && self.relays.iter().all(|relay| relay.state == RelayState::Gone)
    }

    /// The relay that stands.
    fn relay(&self) -> Option<&Relay> {
        self.relays.iter().find(|relay| relay.address().is_some())
    }

    /// Our address as the server sees it.
    fn seen(&self) -> Option<SocketAddr> {
        match self.query.as_ref()?.state {
            QueryState::Seen(address) => Some(address),
            QueryState::Asking | QueryState::Silent => None,
        }
    }
}

impl Query {
    fn new(now: Instant, server: SocketAddr) -> Option<Self> {
        let (id, request) = request()?;
        let state = QueryState::Asking;
        Some(Self { server, id, request, next: now, tries: 0, asked: now, heard: false, state })
    }

    /// Whether the server answers, where that can be said.
    fn answers(&self, now: Instant) -> Option<bool> {
        let silent = self.tries >= SILENT_TRIES && now.saturating_duration_since(self.asked) >= SILENCE;
        (self.heard || silent || self.state == QueryState::Silent).then_some(self.heard)
    }

    fn poll_transmit(&mut self, now: Instant, from: SocketAddr) -> Option<Transmit> {
        if self.next > now || self.state == QueryState::Silent {
            return None;
        }
        let wait = FIRST_REPEAT.saturating_mul(1_u32.checked_shl(self.tries).unwrap_or(u32::MAX));
        self.tries = self.tries.saturating_add(1);
        self.next = now.checked_add(wait.min(KEEP_ALIVE)).unwrap_or(now);
        Some(Transmit { from, to: self.server, bytes: self.request.clone(), stream: None })
    }

    fn is_settled(&self) -> bool {
        self.state != QueryState::Asking
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.state == QueryState::Asking && self.tries >= TRIES && now >= self.next {
            self.state = QueryState::Silent;
        }
        if self.state == QueryState::Silent {
            self.next = now.checked_add(Duration::from_secs(3600)).unwrap_or(now);
        }
    }

    /// Whether this answers the question.
    fn takes(&mut self, now: Instant, datagram: &[u8]) -> bool {
        let Ok(message) = Message::from_bytes(datagram) else { return false };
        if message.transaction_id() != self.id {
            return false;
        }
        self.heard = true;
        if message.has_class(MessageClass::Success)
            && let Ok(mapped) = message.attribute::<XorMappedAddress>()
        {
            self.state = QueryState::Seen(mapped.addr(self.id));
        } else if self.state == QueryState::Asking {
            self.state = QueryState::Silent;
        }
        // The next one keeps the binding alive; it is a question of its own.
        if let Some((id, request)) = request() {
            (self.id, self.request) = (id, request);
        }
        self.tries = 0;
        self.next = now.checked_add(KEEP_ALIVE).unwrap_or(now);
        true
    }
}

/// A Binding request (RFC 8489 section 6.1).
fn request() -> Option<(TransactionId, Vec<u8>)> {
    let bytes = Message::builder_request(BINDING, MessageWriteVec::new()).finish();
    let id = MessageHeader::from_bytes(&bytes).ok()?.transaction_id();
    Some((id, bytes))
}
