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

pub(super) struct World {
    pub(super) now: Instant,
    start: Instant,
    queue: Vec<(Instant, SocketAddr, SocketAddr, Vec<u8>)>,
    pub(super) hosts: Vec<Host>,
    turn: Server,
    relays: Vec<SocketAddr>,
    random: StdRng,
    pub(super) loss: f64,
    /// Addresses from which nothing leads anywhere.
    pub(super) cut_off: Vec<IpAddr>,
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
        Self {
            now,
            start: now,
            queue: Vec::new(),
            hosts: Vec::new(),
            turn,
            relays: Vec::new(),
            random: StdRng::seed_from_u64(seed),
            loss: 0.0,
            cut_off: Vec::new(),
            walled: false,
            passed: Vec::new(),
        }
    }

    pub(super) fn servers(stun: bool, turn: bool, password: &str) -> Servers {
        Servers {
            stun: if stun { vec![address(STUN)] } else { Vec::new() },
            turn: turn.then(|| TurnServer {
                addresses: vec![address(TURN)],
                user: "user".into(),
                password: password.into(),
            }),
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
            let next = wakes.chain(self.queue.iter().map(|(at, ..)| *at)).min();
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
        }
        self.now = end;
    }

    /// What the hosts want to send.
    fn flush(&mut self) {
        let mut sent = Vec::new();
        for host in &mut self.hosts {
            loop {
                let transmit = match &mut host.side {
                    Side::Gathering(local) => local.poll_transmit(self.now),
                    Side::Talking(path) => path.poll_transmit(self.now),
                    Side::Dead => None,
                };
                let Some(transmit) = transmit else { break };
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
    }

    pub(super) fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let cut_off = |at: SocketAddr| self.cut_off.contains(&at.ip());
        if cut_off(from) || cut_off(to) || self.loss > 0.0 && self.random.random_bool(self.loss) {
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
        if to == address(TURN) || self.relays.contains(&to) {
            return self.serve(from, to, bytes);
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

    fn serve(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let now = self.elapsed();
        if let Some(answer) = self.turn.recv(Sending::new(bytes, TransportType::Udp, from, to), now) {
            let (from, to) = (answer.from, answer.to);
            let bytes = answer.data.build();
            self.send(from, to, bytes);
        }
        loop {
            match self.turn.poll(now) {
                TurnServerPollRet::AllocateSocket {
                    transport,
                    listen_addr,
                    client_addr,
                    allocation_transport,
                    family,
                } => {
                    let relay = SocketAddr::new(to.ip(), 50_000 + 3 * self.relays.len() as u16);
                    self.relays.push(relay);
                    self.turn.allocated_socket(
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
                    self.relays.retain(|relay| *relay != listen_addr);
                }
                _ => break,
            }
        }
        while let Some(sending) = self.turn.poll_transmit(now) {
            self.send(sending.from, sending.to, sending.data);
        }
    }

    /// How many addresses the relay lends.
    pub(super) fn lent(&self) -> usize {
        self.relays.len()
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
