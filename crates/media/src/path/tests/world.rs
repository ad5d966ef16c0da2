//! A network of its own time: two hosts, each behind a NAT or none, a STUN and a TURN server between.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use stun_proto::{
    Instant as Elapsed,
    agent::Transmit as Sending,
    types::{
        TransportType,
        attribute::XorMappedAddress,
        message::{BINDING, Message, MessageClass, MessageWrite, MessageWriteExt, MessageWriteVec},
    },
};
use turn_client_proto::prelude::DelayedTransmitBuild;
use turn_server_proto::{
    api::{TurnServerApi, TurnServerPollRet},
    server::TurnServer as Server,
};

use super::super::*;

/// What every datagram takes.
const DELAY: Duration = Duration::from_millis(10);
pub(super) const STUN: &str = "192.0.2.1:3478";
pub(super) const TURN: &str = "192.0.2.9:3478";

pub(super) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// How a NAT maps; all let in only what was sent to (RFC 4787 section 5, address and port dependent).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NatKind {
    /// The same outside port whatever the destination.
    Cone,
    /// Another one for each destination.
    Symmetric,
}

pub(super) struct Nat {
    kind: NatKind,
    outside: IpAddr,
    /// Inside address, destination where it matters, outside port.
    maps: Vec<(SocketAddr, Option<SocketAddr>, u16)>,
    /// Outside port and who may use it.
    open: Vec<(u16, SocketAddr)>,
}

impl Nat {
    pub(super) fn new(kind: NatKind, outside: &str) -> Self {
        Self { kind, outside: outside.parse().unwrap(), maps: Vec::new(), open: Vec::new() }
    }

    fn out(&mut self, from: SocketAddr, to: SocketAddr) -> SocketAddr {
        let destination = (self.kind == NatKind::Symmetric).then_some(to);
        let known = self.maps.iter().find(|(inside, d, _)| (*inside, *d) == (from, destination));
        let port = match known {
            Some((_, _, port)) => *port,
            None => {
                let port = 20_000 + 7 * self.maps.len() as u16;
                self.maps.push((from, destination, port));
                port
            }
        };
        self.open.push((port, to));
        SocketAddr::new(self.outside, port)
    }

    fn inside(&self, from: SocketAddr, to: SocketAddr) -> Option<SocketAddr> {
        self.open.contains(&(to.port(), from)).then_some(())?;
        self.maps.iter().find(|(_, _, port)| *port == to.port()).map(|(inside, _, _)| *inside)
    }
}

#[allow(clippy::large_enum_variant, reason = "there are two of them")]
pub(super) enum Side {
    Gathering(Local),
    Talking(Path),
    /// It answers nothing any more.
    Dead,
}

pub(super) struct Host {
    pub(super) sockets: Vec<(PacketKind, SocketAddr)>,
    pub(super) side: Side,
    pub(super) nat: Option<Nat>,
    pub(super) heard: Vec<(PacketKind, Vec<u8>)>,
    pub(super) events: Vec<PathEvent>,
    pub(super) credentials: IceCredentials,
}

impl Host {
    pub(super) fn path(&mut self) -> &mut Path {
        match &mut self.side {
            Side::Talking(path) => path,
            Side::Gathering(_) | Side::Dead => panic!("no path"),
        }
    }

    pub(super) fn candidates(&self) -> Vec<Candidate> {
        match &self.side {
            Side::Gathering(local) => local.candidates(),
            Side::Talking(path) => path.local().candidates(),
            Side::Dead => Vec::new(),
        }
    }

    /// Whether it has heard such a packet.
    pub(super) fn has(&self, kind: PacketKind, bytes: &[u8]) -> bool {
        self.heard.iter().any(|(k, b)| *k == kind && b == bytes)
    }
}

/// A host's connection to the TURN server.
struct Connection {
    host: usize,
    stream: StreamId,
    client: SocketAddr,
    /// What the server has not read yet.
    unread: Vec<u8>,
    tls: Option<String>,
}

enum News {
    Connected,
    Refused,
    Bytes(Vec<u8>),
}

pub(super) struct World {
    pub(super) now: Instant,
    start: Instant,
    queue: Vec<(Instant, SocketAddr, SocketAddr, Vec<u8>)>,
    pub(super) hosts: Vec<Host>,
    turn: Server,
    relays: Vec<SocketAddr>,
    /// The same server by TCP.
    stream_turn: Server,
    stream_relays: Vec<SocketAddr>,
    connections: Vec<Connection>,
    news: Vec<(Instant, usize, StreamId, News)>,
    /// No datagram gets to the TURN server.
    pub(super) datagrams_lost: bool,
    /// Nobody takes connections.
    pub(super) unconnectable: bool,
    random: StdRng,
    pub(super) loss: f64,
    /// Addresses from which nothing leads anywhere.
    pub(super) cut_off: Vec<IpAddr>,
    /// Addresses between which nothing passes, either way.
    pub(super) parted: Vec<[IpAddr; 2]>,
    /// What is sent from there gets nowhere, and all else does.
    pub(super) lost_from: Option<SocketAddr>,
    /// Nothing passes from host to host but through the relay.
    pub(super) walled: bool,
    /// Datagrams that passed, as sender and receiver saw them.
    pub(super) passed: Vec<(SocketAddr, SocketAddr)>,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let now = Instant::now();
        let mut turn = Server::new(TransportType::Udp, address(TURN), "example.org".into());
        turn.add_user("user".into(), "secret".into());
        let mut stream_turn = Server::new(TransportType::Tcp, address(TURN), "example.org".into());
        stream_turn.add_user("user".into(), "secret".into());
        Self {
            now,
            start: now,
            queue: Vec::new(),
            hosts: Vec::new(),
            turn,
            relays: Vec::new(),
            stream_turn,
            stream_relays: Vec::new(),
            connections: Vec::new(),
            news: Vec::new(),
            datagrams_lost: false,
            unconnectable: false,
            random: StdRng::seed_from_u64(seed),
            loss: 0.0,
            cut_off: Vec::new(),
            parted: Vec::new(),
            lost_from: None,
            walled: false,
            passed: Vec::new(),
        }
    }

    pub(super) fn servers(stun: bool, turn: bool, password: &str) -> Servers {
        Servers {
            stun: if stun { vec![address(STUN)] } else { Vec::new() },
            turn: turn.then(|| TurnServer {
                addresses: vec![address(TURN)],
                streams: Vec::new(),
                transport: TurnTransport::Any,
                user: "user".into(),
                password: password.into(),
            }),
            silent: Vec::new(),
        }
    }

    /// A host with a socket for each of the two protocols.
    pub(super) fn host(&mut self, ip: &str, nat: Option<Nat>, servers: &Servers) {
        self.host_at(&[ip], nat, servers);
    }

    /// A host with several addresses.
    pub(super) fn host_at(&mut self, ips: &[&str], nat: Option<Nat>, servers: &Servers) {
        let pair = |ip: &&str| {
            let ip: IpAddr = ip.parse().unwrap();
            [(PacketKind::Rtp, SocketAddr::new(ip, 4000)), (PacketKind::Rtcp, SocketAddr::new(ip, 4001))]
        };
        let sockets: Vec<_> = ips.iter().flat_map(pair).collect();
        self.hosts.push(Host {
            side: Side::Gathering(Local::new(self.now, &sockets, servers)),
            sockets,
            nat,
            heard: Vec::new(),
            events: Vec::new(),
            credentials: IceCredentials::random(&mut self.random),
        });
    }

    /// The servers forget their nonces after this.
    pub(super) fn nonces_live(&mut self, lifetime: Duration) {
        self.turn.set_nonce_expiry_duration(lifetime);
    }

    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.flush();
            let wakes = self.hosts.iter_mut().filter_map(|host| match &mut host.side {
                Side::Gathering(local) => local.poll_timeout(),
                Side::Talking(path) => path.poll_timeout(),
                Side::Dead => None,
            });
            let news = self.news.iter().map(|(at, ..)| *at);
            let next = wakes.chain(self.queue.iter().map(|(at, ..)| *at)).chain(news).min();
            let Some(next) = next.filter(|at| *at <= end) else { break };
            // An alarm in the past must not stop the time.
            self.now = next.max(self.now + Duration::from_micros(100));
            for host in &mut self.hosts {
                match &mut host.side {
                    Side::Gathering(local) => local.handle_timeout(self.now),
                    Side::Talking(path) => path.handle_timeout(self.now),
                    Side::Dead => {}
                }
            }
            let now = self.now;
            let due: Vec<_> = self.queue.extract_if(.., |(at, ..)| *at <= now).collect();
            for (_, from, to, bytes) in due {
                self.deliver(from, to, bytes);
            }
            let due: Vec<_> = self.news.extract_if(.., |(at, ..)| *at <= now).collect();
            for (_, host, stream, news) in due {
                self.bring(host, stream, news);
            }
        }
        self.now = end;
    }

    /// What the hosts want to send.
    fn flush(&mut self) {
        let mut sent = Vec::new();
        let mut streamed = Vec::new();
        for (index, host) in self.hosts.iter_mut().enumerate() {
            loop {
                let connect = match &mut host.side {
                    Side::Gathering(local) => local.poll_connect(),
                    Side::Talking(path) => path.poll_connect(),
                    Side::Dead => None,
                };
                let Some(Connect { stream, to, tls }) = connect else { break };
                assert!(to == address(TURN) || self.unconnectable, "{to}");
                let client = SocketAddr::new(host.sockets[0].1.ip(), 50_000 + self.connections.len() as u16);
                self.connections.push(Connection { host: index, stream, client, unread: Vec::new(), tls });
                let news = if self.unconnectable { News::Refused } else { News::Connected };
                self.news.push((self.now + 2 * DELAY, index, stream, news));
            }
            loop {
                let transmit = match &mut host.side {
                    Side::Gathering(local) => local.poll_transmit(self.now),
                    Side::Talking(path) => path.poll_transmit(self.now),
                    Side::Dead => None,
                };
                let Some(transmit) = transmit else { break };
                if let Some(stream) = transmit.stream {
                    streamed.push((index, stream, transmit.bytes));
                    continue;
                }
                let from = match &mut host.nat {
                    Some(nat) => nat.out(transmit.from, transmit.to),
                    None => transmit.from,
                };
                sent.push((from, transmit.to, transmit.bytes));
            }
            if let Side::Talking(path) = &mut host.side {
                while let Some(event) = path.poll_event() {
                    if !matches!(event, PathEvent::Security(_)) {
                        host.events.push(event);
                    }
                }
            }
        }
        for (from, to, bytes) in sent {
            self.send(from, to, bytes);
        }
        for (host, stream, bytes) in streamed {
            self.read(host, stream, &bytes);
        }
    }

    /// The TURN server reads what a host wrote into a connection; that it takes no time is nobody's concern here.
    fn read(&mut self, host: usize, stream: StreamId, bytes: &[u8]) {
        let found = self.connections.iter_mut().find(|c| (c.host, c.stream) == (host, stream));
        let connection = found.expect("it was never made");
        connection.unread.extend_from_slice(bytes);
        let client = connection.client;
        loop {
            let connection = self.connections.iter_mut().find(|c| c.client == client).unwrap();
            let Some([first, _, high, low]) = connection.unread.first_chunk::<4>() else { break };
            let data = usize::from(u16::from_be_bytes([*high, *low]));
            // RFC 8656 section 12.5: ChannelData fills up to four bytes; this server's crate does not know.
            let (length, padded) = match first >> 6 {
                0 => (20 + data, 20 + data),
                1 => (4 + data, (4 + data).next_multiple_of(4)),
                _ => panic!("{:?}", connection.unread),
            };
            if connection.unread.len() < padded {
                break;
            }
            let frame: Vec<u8> = connection.unread.drain(..padded).take(length).collect();
            self.serve(client, address(TURN), frame, true);
        }
    }

    fn write(&mut self, client: SocketAddr, mut bytes: Vec<u8>) {
        let Some(connection) = self.connections.iter().find(|c| c.client == client) else { return };
        let (host, stream) = (connection.host, connection.stream);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        // A stream has no edges of its own, but an order.
        let last =
            self.news.iter().filter(|(_, h, s, _)| (*h, *s) == (host, stream)).map(|(at, ..)| *at).max();
        let at = last.map_or(self.now + DELAY, |last| last.max(self.now + DELAY));
        let cut = self.random.random_range(0..=bytes.len());
        for part in [&bytes[..cut], &bytes[cut..]] {
            if !part.is_empty() {
                self.news.push((at, host, stream, News::Bytes(part.to_vec())));
            }
        }
    }

    fn bring(&mut self, host: usize, stream: StreamId, news: News) {
        let (now, host) = (self.now, &mut self.hosts[host]);
        match (&mut host.side, news) {
            (Side::Gathering(local), News::Connected) => local.connected(now, stream),
            (Side::Gathering(local), News::Refused) => local.disconnected(now, stream, "connection refused"),
            (Side::Gathering(local), News::Bytes(bytes)) => local.receive_stream(now, stream, &bytes),
            (Side::Talking(path), News::Connected) => path.connected(now, stream),
            (Side::Talking(path), News::Refused) => path.disconnected(now, stream, "connection refused"),
            (Side::Talking(path), News::Bytes(bytes)) => {
                path.receive_stream(now, stream, &bytes, |kind, bytes| {
                    host.heard.push((kind, bytes.to_vec()))
                });
            }
            (Side::Dead, _) => {}
        }
    }

    /// The names that connections were made for, those without TLS among them.
    pub(super) fn connections(&self) -> Vec<Option<&str>> {
        self.connections.iter().map(|connection| connection.tls.as_deref()).collect()
    }

    pub(super) fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let cut_off = |at: SocketAddr| self.cut_off.contains(&at.ip());
        let parted = |two: &[IpAddr; 2]| two.contains(&from.ip()) && two.contains(&to.ip());
        if cut_off(from)
            || cut_off(to)
            || self.parted.iter().any(parted)
            || self.lost_from == Some(from)
            || self.loss > 0.0 && self.random.random_bool(self.loss)
        {
            return;
        }
        self.queue.push((self.now + DELAY, from, to, bytes));
    }

    fn deliver(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        self.passed.push((from, to));
        if to == address(STUN) {
            let Ok(request) = Message::from_bytes(&bytes) else { return };
            if request.has_class(MessageClass::Request) && request.has_method(BINDING) {
                let mut answer = Message::builder_success(&request, MessageWriteVec::new());
                answer.add_attribute(&XorMappedAddress::new(from, request.transaction_id())).unwrap();
                self.send(to, from, answer.finish());
            }
            return;
        }
        if self.stream_relays.contains(&to) {
            return self.serve(from, to, bytes, true);
        }
        if to == address(TURN) && self.datagrams_lost {
            return;
        }
        if to == address(TURN) || self.relays.contains(&to) {
            return self.serve(from, to, bytes, false);
        }
        let known = |ip: IpAddr| ip == address(STUN).ip() || ip == address(TURN).ip();
        if self.walled && !known(from.ip()) {
            return;
        }
        for host in &mut self.hosts {
            let at = match &host.nat {
                Some(nat) if nat.outside == to.ip() => match nat.inside(from, to) {
                    Some(inside) => inside,
                    None => return,
                },
                // Behind a NAT nobody reaches it by its own address.
                Some(_) => continue,
                None => to,
            };
            if host.sockets.iter().any(|(_, socket)| *socket == at) {
                let mut datagram = bytes;
                match &mut host.side {
                    Side::Gathering(local) => {
                        local.receive(self.now, at, from, &mut datagram);
                    }
                    Side::Talking(path) => {
                        if let Some(kind) = path.receive(self.now, at, from, &mut datagram) {
                            host.heard.push((kind, datagram));
                        }
                    }
                    Side::Dead => {}
                }
                return;
            }
        }
    }

    fn elapsed(&self) -> Elapsed {
        Elapsed::from_nanos((self.now - self.start).as_nanos() as i64)
    }

    /// The TURN server takes a message or a relayed datagram; `streams`: it is the one that speaks TCP.
    fn serve(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>, streams: bool) {
        let now = self.elapsed();
        let (server, relays) = match streams {
            true => (&mut self.stream_turn, &mut self.stream_relays),
            false => (&mut self.turn, &mut self.relays),
        };
        let transport = match streams && to == address(TURN) {
            true => TransportType::Tcp,
            false => TransportType::Udp,
        };
        let mut answers = Vec::new();
        if let Some(answer) = server.recv(Sending::new(bytes, transport, from, to), now) {
            answers.push((answer.transport, answer.from, answer.to, answer.data.build()));
        }
        loop {
            match server.poll(now) {
                TurnServerPollRet::AllocateSocket {
                    transport,
                    listen_addr,
                    client_addr,
                    allocation_transport,
                    family,
                } => {
                    let first = if streams { 40_000 } else { 50_000 };
                    let relay = SocketAddr::new(to.ip(), first + 3 * relays.len() as u16);
                    relays.push(relay);
                    server.allocated_socket(
                        transport,
                        listen_addr,
                        client_addr,
                        allocation_transport,
                        family,
                        Ok(relay),
                        now,
                    );
                }
                TurnServerPollRet::SocketClose { listen_addr, .. } => {
                    relays.retain(|relay| *relay != listen_addr);
                }
                _ => break,
            }
        }
        while let Some(sending) = server.poll_transmit(now) {
            answers.push((sending.transport, sending.from, sending.to, sending.data));
        }
        for (transport, from, to, bytes) in answers {
            match transport {
                TransportType::Tcp => self.write(to, bytes),
                TransportType::Udp => self.send(from, to, bytes),
            }
        }
    }

    /// How many addresses the relay lends.
    pub(super) fn lent(&self) -> usize {
        self.relays.len() + self.stream_relays.len()
    }

    /// Both sides agree, as an offer and its answer would have it.
    pub(super) fn agree(&mut self, mux: bool) {
        let all: Vec<_> = self.hosts.iter().map(Host::candidates).collect();
        self.agree_on(mux, &|index| all[index].clone());
    }

    /// The same, where each side has told some of its addresses; anew where they had agreed before.
    pub(super) fn agree_on(&mut self, mux: bool, told: &dyn Fn(usize) -> Vec<Candidate>) {
        let both: Vec<_> = self
            .hosts
            .iter()
            .enumerate()
            .map(|(index, host)| {
                let local = match &host.side {
                    Side::Gathering(local) => local,
                    Side::Talking(path) => path.local(),
                    Side::Dead => panic!("nobody is there"),
                };
                let default = |kind| local.default_address(kind);
                (host.credentials.clone(), told(index), default(PacketKind::Rtp), default(PacketKind::Rtcp))
            })
            .collect();
        for (index, host) in self.hosts.iter_mut().enumerate() {
            let (remote, candidates, rtp, rtcp) = both[1 - index].clone();
            let config = PathConfig {
                remote: rtp,
                remote_rtcp: rtcp,
                payload_types: vec![8],
                rtcp_mux: mux,
                ice: Some(IceConfig {
                    local: host.credentials.clone(),
                    remote,
                    controlling: index == 0,
                    candidates,
                }),
                security: SecurityPlan::None,
            };
            host.side = match std::mem::replace(&mut host.side, Side::Dead) {
                Side::Gathering(local) => Side::Talking(Path::new(self.now, local, config)),
                Side::Talking(mut path) => {
                    path.agree(self.now, config);
                    Side::Talking(path)
                }
                Side::Dead => Side::Dead,
            };
        }
    }

    /// Each side sends a packet of each kind.
    pub(super) fn talk(&mut self) {
        for (index, host) in self.hosts.iter_mut().enumerate() {
            for kind in [PacketKind::Rtp, PacketKind::Rtcp] {
                host.path().send(self.now, Packet { kind, bytes: packet(kind, index as u8) });
            }
        }
        self.run(Duration::from_millis(200));
    }

    pub(super) fn both_heard(&self) -> bool {
        (0..2).all(|index| {
            [PacketKind::Rtp, PacketKind::Rtcp]
                .iter()
                .all(|kind| self.hosts[1 - index].has(*kind, &packet(*kind, index as u8)))
        })
    }
}

/// Something like a packet of this kind, from one of the two.
pub(super) fn packet(kind: PacketKind, who: u8) -> Vec<u8> {
    let second = match kind {
        PacketKind::Rtp => 8,
        PacketKind::Rtcp => 201,
    };
    let mut bytes = vec![0x80, second, 0, 1];
    bytes.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, who, who]);
    bytes
}
