//! A call's UDP sockets and its connections to a TURN server, and the path between them and its stream.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        mpsc::{Receiver, TryRecvError},
    },
    time::Instant,
};

use mio::{Interest, Registry, Token};
use rand::Rng;
use rustls::ClientConfig;
use socket2::SockRef;
use tern_media::{
    Packet, PacketKind,
    path::{Local, Path, PathConfig, PathEvent, Servers, StreamId, Transmit},
};

use super::{
    addresses,
    silent::Silent,
    streams::{News, Stream},
};
use crate::{
    api::PortRange,
    core::{Addresses, MediaPlan},
};

/// Tries for an even port with a free one above it (RFC 3550 section 11).
const PORT_TRIES: u32 = 32;
/// Datagrams taken at a time from a socket before the sound is looked after again.
const BURST: u32 = 64;
/// Connections at a time: a relay for each component and family.
const STREAMS: usize = 4;
/// Expedited Forwarding (RFC 3246), as RFC 8837 section 5 has it for speech; the code point is the upper six bits.
const EXPEDITED: u32 = 46 << 2;

/// RTP and RTCP of one call.
pub(super) struct Wire {
    sockets: Vec<Socket>,
    stage: Stage,
    buffer: Vec<u8>,
    streams: Vec<Stream>,
    /// Whom connections with TLS believe.
    trust: Option<Arc<ClientConfig>>,
    /// Who is woken, and by which tokens.
    wakes: Option<(Registry, Token)>,
    /// Servers whose names are still looked up.
    coming: Option<Receiver<Asked>>,
    /// Nobody has heard yet what became of those.
    later: bool,
    /// How many addresses were told, and whether as all there will be.
    told: (usize, bool),
    /// Which servers are known to answer no datagrams.
    silent: Silent,
}

struct Socket {
    kind: PacketKind,
    address: SocketAddr,
    socket: mio::net::UdpSocket,
}

/// Whom to ask, once their names have been looked up.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) servers: Servers,
    /// Whom connections with TLS believe.
    pub(super) trust: Option<Arc<ClientConfig>>,
}

enum Stage {
    /// Nothing was agreed yet; servers may be asked.
    Asking(Local),
    Agreed(Box<Path>),
    /// Its path went to other sockets.
    Given,
}

impl Wire {
    /// How many tokens it takes at most.
    pub(super) const TOKENS: usize = 2 * addresses::MOST + STREAMS;

    /// Opens RTP and RTCP on neighbouring ports of `ip`, and with `all` on the computer's other addresses too.
    pub(super) fn open(ip: IpAddr, ports: Option<PortRange>, all: bool) -> io::Result<Self> {
        let mut sockets = Vec::with_capacity(Self::TOKENS);
        let mut add = |ip: IpAddr| -> io::Result<()> {
            let (rtp, rtcp) = pair(ip, ports)?;
            for (kind, socket) in [(PacketKind::Rtp, rtp), (PacketKind::Rtcp, rtcp)] {
                mark(&socket);
                socket.set_nonblocking(true)?;
                let address = socket.local_addr()?;
                sockets.push(Socket { kind, address, socket: mio::net::UdpSocket::from_std(socket) });
            }
            Ok(())
        };
        add(ip)?;
        for other in if all { addresses::beside(ip) } else { Vec::new() } {
            if let Err(error) = add(other) {
                tracing::debug!(%error, %other, "no sockets on another address");
            }
        }
        let addresses: Vec<_> = sockets.iter().map(|socket| (socket.kind, socket.address)).collect();
        Ok(Self {
            sockets,
            stage: Stage::Asking(Local::new(Instant::now(), &addresses, &Servers::default())),
            buffer: vec![0; 2048],
            streams: Vec::new(),
            trust: None,
            wakes: None,
            coming: None,
            later: false,
            told: (0, false),
            silent: Silent::default(),
        })
    }

    /// The same, with what other calls have learnt of servers; what this one does is told them.
    pub(super) fn remembering(mut self, silent: Silent) -> Self {
        self.silent = silent;
        self
    }

    /// Asks servers what they see of the sockets, and for addresses to lend.
    pub(super) fn ask(&mut self, asked: Asked) {
        let now = Instant::now();
        self.trust = asked.trust;
        let servers = Servers { silent: self.silent.list(now), ..asked.servers };
        match &mut self.stage {
            Stage::Asking(local) => local.ask(now, &servers),
            Stage::Agreed(path) => path.ask(now, &servers),
            Stage::Given => {}
        }
    }

    /// Asks servers as soon as they are known.
    pub(super) fn ask_later(&mut self, coming: Receiver<Asked>) {
        self.coming = Some(coming);
        self.later = true;
    }

    /// Whether every server has answered, or will not.
    pub(super) fn is_complete(&self) -> bool {
        match &self.stage {
            Stage::Asking(local) => local.is_complete(),
            Stage::Agreed(_) | Stage::Given => true,
        }
    }

    /// Takes note of which servers answer datagrams, as far as that is known.
    pub(super) fn learn(&self) {
        if let Some(local) = self.local() {
            let now = Instant::now();
            self.silent.learn(now, &local.answering(now));
        }
    }

    /// Why the TURN server lends no address, where that is known; else [`Self::late_trouble`] will tell.
    pub(super) fn trouble_so_far(&mut self) -> Option<String> {
        self.later = !self.found().1;
        self.local()?.relay_trouble().filter(|_| !self.later)
    }

    /// The same, once, where nobody waited for the servers.
    pub(super) fn late_trouble(&mut self) -> Option<String> {
        let settled = self.later && self.found().1;
        self.later &= !settled;
        self.local()?.relay_trouble().filter(|_| settled)
    }

    /// Where RTP comes to, as the other side is to be told, and what else there is to tell.
    pub(super) fn addresses(&mut self) -> (SocketAddr, Addresses) {
        self.told = self.found();
        let (local, complete) = (self.local(), self.told.1);
        let of = |kind| local.and_then(|local| local.default_address(kind));
        let first = SocketAddr::from(([0, 0, 0, 0], 0));
        let rtp = of(PacketKind::Rtp).or(self.sockets.first().map(|socket| socket.address));
        let candidates = local.map(Local::candidates).unwrap_or_default();
        (rtp.unwrap_or(first), Addresses { rtcp: of(PacketKind::Rtcp), candidates, complete })
    }

    /// What servers have told since [`Self::addresses`] was asked last.
    pub(super) fn news(&mut self) -> Option<Addresses> {
        (self.found() != self.told).then(|| self.addresses().1)
    }

    fn found(&self) -> (usize, bool) {
        let of = |local: &Local| (local.found(), local.is_settled() && self.coming.is_none());
        self.local().map_or(self.told, of)
    }

    fn local(&self) -> Option<&Local> {
        match &self.stage {
            Stage::Asking(local) => Some(local),
            Stage::Agreed(path) => Some(path.local()),
            Stage::Given => None,
        }
    }

    /// Has its sockets wake whoever waits there.
    pub(super) fn register(&mut self, registry: &Registry, first: Token) -> io::Result<()> {
        for (index, socket) in self.sockets.iter_mut().enumerate() {
            let token = Token(first.0.wrapping_add(index));
            registry.register(&mut socket.socket, token, Interest::READABLE)?;
        }
        let first = Token(first.0.wrapping_add(2 * addresses::MOST));
        for (index, stream) in self.streams.iter_mut().enumerate() {
            stream.register(registry, Token(first.0.wrapping_add(index % STREAMS)))?;
        }
        self.wakes = Some((registry.try_clone()?, first));
        Ok(())
    }

    /// Has them wake nobody.
    pub(super) fn deregister(&mut self, registry: &Registry) {
        for socket in &mut self.sockets {
            // What was never registered needs no end of it.
            let _ = registry.deregister(&mut socket.socket);
        }
        self.streams.iter_mut().for_each(|stream| stream.deregister(registry));
        self.wakes = None;
    }

    /// What was agreed on: whom to send to, and what counts as the other side's.
    pub(super) fn agree(&mut self, plan: &MediaPlan) {
        let now = Instant::now();
        let config = config(plan);
        self.stage = match std::mem::replace(&mut self.stage, Stage::Given) {
            Stage::Asking(local) => Stage::Agreed(Box::new(Path::new(now, local, config))),
            Stage::Agreed(mut path) => {
                path.agree(now, config);
                Stage::Agreed(path)
            }
            Stage::Given => Stage::Given,
        };
        self.flush(now);
    }

    /// Goes on for other sockets: keys and what was agreed on stay, the way is looked for anew.
    pub(super) fn take_over(&mut self, old: &mut Wire) {
        let now = Instant::now();
        let Stage::Agreed(mut path) = std::mem::replace(&mut old.stage, Stage::Given) else { return };
        if let Stage::Asking(local) = std::mem::replace(&mut self.stage, Stage::Given) {
            path.relocate(now, local);
        }
        self.stage = Stage::Agreed(path);
        self.flush(now);
    }

    /// Takes what has come. Whether there may be more, which nothing will tell of.
    pub(super) fn receive(&mut self, mut take: impl FnMut(Instant, PacketKind, &[u8])) -> bool {
        let mut more = self.wakes.is_none();
        let Self { sockets, stage, buffer, streams, .. } = self;
        for Socket { address, socket, .. } in sockets {
            for turn in 1..=BURST {
                more |= turn == BURST;
                buffer.resize(2048, 0);
                match socket.recv_from(buffer) {
                    Ok((length, from)) => {
                        buffer.truncate(length);
                        let now = Instant::now();
                        match stage {
                            Stage::Asking(local) => {
                                local.receive(now, *address, from, buffer);
                            }
                            Stage::Agreed(path) => {
                                if let Some(kind) = path.receive(now, *address, from, buffer) {
                                    take(now, kind, buffer);
                                }
                            }
                            Stage::Given => {}
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // A refused packet of ours is told on the next read; the other side may just not be ready.
                    Err(_) => {}
                }
            }
        }
        for stream in streams {
            let id = stream.id;
            stream.drive(|news| {
                let now = Instant::now();
                match (&mut *stage, news) {
                    (Stage::Asking(local), News::Connected) => local.connected(now, id),
                    (Stage::Asking(local), News::Bytes(bytes)) => local.receive_stream(now, id, &bytes),
                    (Stage::Asking(local), News::Ended(why)) => local.disconnected(now, id, &why),
                    (Stage::Agreed(path), News::Connected) => path.connected(now, id),
                    (Stage::Agreed(path), News::Bytes(bytes)) => {
                        path.receive_stream(now, id, &bytes, |kind, bytes| take(now, kind, bytes));
                    }
                    (Stage::Agreed(path), News::Ended(why)) => path.disconnected(now, id, &why),
                    (Stage::Given, _) => {}
                }
            });
        }
        self.flush(Instant::now());
        more
    }

    /// Datagrams that came and were of no use: garbage, or encrypted with other keys than agreed.
    pub(super) fn rejected(&self) -> u64 {
        match &self.stage {
            Stage::Agreed(path) => path.rejected(),
            Stage::Asking(_) | Stage::Given => 0,
        }
    }

    /// Sends a packet, where there is somebody to take it.
    pub(super) fn send(&mut self, packet: &Packet) {
        let now = Instant::now();
        if let Stage::Agreed(path) = &mut self.stage {
            path.send(now, packet.clone());
        }
        self.flush(now);
    }

    /// Lets time pass; says when to do so again at the latest.
    pub(super) fn tick(&mut self, now: Instant) -> Option<Instant> {
        if let Some(coming) = &self.coming {
            match coming.try_recv() {
                Ok(asked) => {
                    self.coming = None;
                    self.ask(asked);
                }
                Err(TryRecvError::Disconnected) => self.coming = None,
                Err(TryRecvError::Empty) => {}
            }
        }
        if self.wake().is_some_and(|wake| wake <= now) {
            match &mut self.stage {
                Stage::Asking(local) => local.handle_timeout(now),
                Stage::Agreed(path) => path.handle_timeout(now),
                Stage::Given => {}
            }
        }
        self.flush(now);
        self.wake()
    }

    /// What became of the path.
    pub(super) fn poll_event(&mut self) -> Option<PathEvent> {
        match &mut self.stage {
            Stage::Agreed(path) => path.poll_event(),
            Stage::Asking(_) | Stage::Given => None,
        }
    }

    fn wake(&mut self) -> Option<Instant> {
        match &mut self.stage {
            Stage::Asking(local) => local.poll_timeout(),
            Stage::Agreed(path) => path.poll_timeout(),
            Stage::Given => None,
        }
    }

    fn flush(&mut self, now: Instant) {
        self.connect(now);
        loop {
            let transmit = match &mut self.stage {
                Stage::Asking(local) => local.poll_transmit(now),
                Stage::Agreed(path) => path.poll_transmit(now),
                Stage::Given => None,
            };
            let Some(Transmit { from, to, bytes, stream }) = transmit else { break };
            if let Some(id) = stream {
                if let Some(stream) = self.streams.iter_mut().find(|stream| stream.id == id) {
                    stream.write(&bytes);
                }
            } else if let Some(socket) = self.sockets.iter().find(|socket| socket.address == from) {
                // What the network refuses is loss like any other.
                let _ = socket.socket.send_to(&bytes, to);
            }
        }
        // Of no use any more, and with nothing left to say.
        if !self.streams.is_empty() {
            let wanted: Vec<StreamId> =
                self.local().map(|local| local.streams().collect()).unwrap_or_default();
            self.streams.retain(|stream| wanted.contains(&stream.id) || !stream.is_empty());
        }
    }

    /// Makes the connections that the path wants.
    fn connect(&mut self, now: Instant) {
        loop {
            let connect = match &mut self.stage {
                Stage::Asking(local) => local.poll_connect(),
                Stage::Agreed(path) => path.poll_connect(),
                Stage::Given => None,
            };
            let Some(connect) = connect else { return };
            let id = connect.stream;
            match Stream::open(connect, self.trust.as_ref()) {
                Ok(mut stream) => {
                    if let Some((registry, first)) = &self.wakes
                        && let Err(error) = stream
                            .register(registry, Token(first.0.wrapping_add(self.streams.len() % STREAMS)))
                    {
                        // It is read at each turn in any case, only a little later.
                        tracing::error!(%error, "a connection can't wake the sound");
                    }
                    self.streams.push(stream);
                }
                Err(error) => match &mut self.stage {
                    Stage::Asking(local) => local.disconnected(now, id, &error.to_string()),
                    Stage::Agreed(path) => path.disconnected(now, id, &error.to_string()),
                    Stage::Given => {}
                },
            }
        }
    }
}

impl Drop for Wire {
    /// Gives back what was lent.
    fn drop(&mut self) {
        let now = Instant::now();
        self.learn();
        match &mut self.stage {
            Stage::Asking(local) => local.close(now),
            Stage::Agreed(path) => path.close(now),
            Stage::Given => {}
        }
        self.flush(now);
    }
}

fn config(plan: &MediaPlan) -> PathConfig {
    let formats = plan.stream.receive.iter().map(|format| format.payload_type);
    let events = plan.stream.receive_events.iter().map(|events| events.payload_type);
    let noise = plan.stream.receive_comfort_noise.iter().copied();
    PathConfig {
        remote: plan.remote,
        remote_rtcp: plan.remote_rtcp,
        payload_types: formats.chain(events).chain(noise).collect(),
        rtcp_mux: plan.rtcp_mux,
        ice: plan.ice.clone(),
        security: plan.security.clone(),
    }
}

/// Routers that look at it let sound go first; those that don't are none the worse.
fn mark(socket: &UdpSocket) {
    let socket = SockRef::from(socket);
    let marked = match socket.local_addr().ok().is_some_and(|address| address.is_ipv6()) {
        #[cfg(unix)]
        true => socket.set_tclass_v6(EXPEDITED),
        #[cfg(not(unix))]
        true => Ok(()),
        false => socket.set_tos_v4(EXPEDITED),
    };
    if let Err(error) = marked {
        tracing::debug!(%error, "sound goes unmarked");
    }
}

/// RTP and RTCP on neighbouring ports, in the range where there is one.
fn pair(ip: IpAddr, ports: Option<PortRange>) -> io::Result<(UdpSocket, UdpSocket)> {
    let Some(PortRange { from, to }) = ports else {
        for _ in 0..PORT_TRIES {
            let first = UdpSocket::bind((ip, 0))?;
            let port = first.local_addr()?.port();
            let (rtp, rtcp) = if port % 2 == 0 {
                let Ok(rtcp) = UdpSocket::bind((ip, port.saturating_add(1))) else { continue };
                (first, rtcp)
            } else {
                let Ok(rtp) = UdpSocket::bind((ip, port.saturating_sub(1))) else { continue };
                (rtp, first)
            };
            return Ok((rtp, rtcp));
        }
        return Err(io::ErrorKind::AddrInUse.into());
    };
    let even: Vec<u16> = (from..to).filter(|port| port % 2 == 0).collect();
    // Not always the same one first: who called last may still send there.
    let start = if even.is_empty() { 0 } else { rand::rng().random_range(0..even.len()) };
    for port in even.iter().cycle().skip(start).take(even.len()) {
        if let (Ok(rtp), Ok(rtcp)) =
            (UdpSocket::bind((ip, *port)), UdpSocket::bind((ip, port.saturating_add(1))))
        {
            return Ok((rtp, rtcp));
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    fn ports(wire: &Wire) -> Vec<u16> {
        wire.sockets.iter().map(|socket| socket.address.port()).collect()
    }

    #[test]
    fn rtp_has_an_even_port_and_rtcp_the_next() {
        for _ in 0..20 {
            let mut wire = Wire::open([127, 0, 0, 1].into(), None, false).unwrap();
            let [rtp, rtcp] = ports(&wire)[..] else { panic!() };
            assert_eq!((rtp % 2, rtcp), (0, rtp + 1));
            assert_eq!(wire.addresses().0.port(), rtp);
        }
    }

    #[test]
    fn a_range_is_kept_to_its_last_port_and_its_end_is_said() {
        let range = Some(PortRange { from: 41_001, to: 41_007 });
        let open = || Wire::open([127, 0, 0, 11].into(), range, false);
        let wires: Vec<Wire> = (0..3).map(|_| open().unwrap()).collect();
        let mut used: Vec<u16> = wires.iter().flat_map(ports).collect();
        used.sort_unstable();
        assert_eq!(used, [41_002, 41_003, 41_004, 41_005, 41_006, 41_007]);
        assert_eq!(open().err().unwrap().kind(), io::ErrorKind::AddrInUse);
        drop(wires);
        assert!(open().is_ok());
    }

    #[test]
    fn sound_is_marked_in_both_families() {
        for ip in [IpAddr::from([127, 0, 0, 1]), IpAddr::from(Ipv6Addr::LOCALHOST)] {
            // A computer may be without IPv6.
            let Ok(wire) = Wire::open(ip, None, false) else { continue };
            for socket in &wire.sockets {
                let socket = SockRef::from(&socket.socket);
                let mark = if ip.is_ipv6() { socket.tclass_v6() } else { socket.tos_v4() };
                assert_eq!(mark.unwrap() >> 2, 46);
            }
        }
    }
}
