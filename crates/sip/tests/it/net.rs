//! A network in virtual time: datagrams with seeded loss, delay, reordering and duplication, connections that keep
//! their order, a DNS, and a log of every message.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tern_sip::offer_answer::{AudioCapabilities, SessionVersion, offer};
use tern_sip::wire::sdp::{Codec, Direction, SessionDescription};
use tern_sip::wire::{Address, Uri};
use tern_sip::*;

use crate::proxy::Proxy;

/// How the network treats datagrams.
#[derive(Clone, Copy)]
pub(crate) struct Weather {
    /// Lost datagrams in a thousand.
    pub(crate) loss: u32,
    /// Doubled datagrams in a thousand.
    pub(crate) doubled: u32,
    /// Shortest way.
    pub(crate) delay: Duration,
    /// Added at random, so that datagrams overtake each other.
    pub(crate) jitter: Duration,
}

pub(crate) const CALM: Weather =
    Weather { loss: 0, doubled: 0, delay: Duration::from_millis(10), jitter: Duration::ZERO };

pub(crate) struct Node {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) endpoint: Endpoint,
    pub(crate) events: Vec<Event>,
    /// Where it was before it moved; nothing reaches it there.
    pub(crate) former: Vec<SocketAddr>,
    /// What it listens on; connections to anything else are refused.
    pub(crate) listeners: Vec<Listener>,
    flows: HashMap<FlowId, Link>,
}

/// The other end of a connection.
#[derive(Clone, Copy)]
struct Link {
    transport: Transport,
    local: SocketAddr,
    remote: SocketAddr,
    peer: Option<(usize, FlowId)>,
}

/// What is under way.
enum Parcel {
    Datagram {
        from: SocketAddr,
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    /// A connection arrives where it was to go.
    Arrival {
        node: usize,
        flow: FlowId,
    },
    /// The answer to it arrives.
    Connected {
        node: usize,
        flow: FlowId,
    },
    Bytes {
        node: usize,
        flow: FlowId,
        bytes: Vec<u8>,
    },
    Disconnected {
        node: usize,
        flow: FlowId,
        why: Disconnect,
    },
}

/// One datagram, or one write to a connection, as it was sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) at: Duration,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) bytes: Vec<u8>,
}

/// A message as it arrived at a node.
pub(crate) struct Heard {
    /// How much had been sent by then.
    pub(crate) after: usize,
    pub(crate) node: usize,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) struct Net {
    pub(crate) start: Instant,
    pub(crate) now: Instant,
    pub(crate) nodes: Vec<Node>,
    /// Servers that are no endpoints.
    pub(crate) proxies: Vec<Proxy>,
    /// Ways on which everything is lost, in that direction.
    pub(crate) walls: Vec<(SocketAddr, SocketAddr)>,
    pub(crate) sent: Vec<Sent>,
    /// Keep-alives, and their answers.
    pub(crate) kept: Vec<Sent>,
    /// What arrived at endpoints.
    pub(crate) heard: Vec<Heard>,
    /// Host names and their addresses; the port is for nobody.
    pub(crate) names: Vec<(&'static str, SocketAddr)>,
    /// SRV records and the names they stand at.
    pub(crate) srv: Vec<(&'static str, SrvRecord)>,
    /// NAPTR records and their domains.
    pub(crate) naptr: Vec<(&'static str, NaptrRecord)>,
    /// Every question that was asked.
    pub(crate) asked: Vec<Question>,
    /// Connections to be opened get no answer at all.
    pub(crate) lost_connections: bool,
    /// Answers to pings do not arrive.
    pub(crate) mute_pongs: bool,
    /// What a NAT makes of the address of a node.
    pub(crate) nat: Option<(usize, SocketAddr)>,
    /// Certificates that fail, by the name they should be for.
    pub(crate) forged: Vec<&'static str>,
    pub(crate) weather: Weather,
    pub(crate) transport: Transport,
    rng: ChaCha8Rng,
    under_way: BTreeMap<(Instant, u64), Parcel>,
    sequence: u64,
}

/// What a test's application does with an event of node `usize`.
pub(crate) type App<'a> = dyn FnMut(&mut Net, usize, &Event) + 'a;

impl Net {
    pub(crate) fn new(seed: u64, weather: Weather) -> Net {
        let now = Instant::now();
        Net {
            start: now,
            now,
            nodes: Vec::new(),
            proxies: Vec::new(),
            walls: Vec::new(),
            sent: Vec::new(),
            kept: Vec::new(),
            heard: Vec::new(),
            names: Vec::new(),
            srv: Vec::new(),
            naptr: Vec::new(),
            asked: Vec::new(),
            lost_connections: false,
            mute_pongs: false,
            nat: None,
            forged: Vec::new(),
            weather,
            transport: Transport::Udp,
            rng: ChaCha8Rng::seed_from_u64(seed),
            under_way: BTreeMap::new(),
            sequence: 0,
        }
    }

    /// Adds an endpoint at 192.0.2.`n`:5060.
    pub(crate) fn add(&mut self, name: &'static str, adjust: impl FnOnce(&mut EndpointConfig)) -> usize {
        let n = self.nodes.len() + 1;
        let address: SocketAddr = format!("192.0.2.{n}:5060").parse().unwrap();
        let mut seed = [n as u8; 32];
        seed[..8].copy_from_slice(&self.rng.next_u64().to_be_bytes());
        let mut config = EndpointConfig {
            user_agent: name.into(),
            listeners: vec![Listener { transport: self.transport, address }],
            seed,
            strangers: Strangers::Accept,
            ..EndpointConfig::default()
        };
        adjust(&mut config);
        let listeners = config.listeners.clone();
        let (endpoint, events, flows) = (Endpoint::new(config), Vec::new(), HashMap::new());
        self.nodes.push(Node { name, address, endpoint, events, former: Vec::new(), listeners, flows });
        self.nodes.len() - 1
    }

    pub(crate) fn node(&mut self, n: usize) -> &mut Node {
        &mut self.nodes[n]
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// Below `n`.
    pub(crate) fn random(&mut self, n: u64) -> u64 {
        self.rng.next_u64() % n
    }

    /// Runs until nothing is left to do, or for at most `limit`.
    pub(crate) fn run(&mut self, limit: Duration, app: &mut App<'_>) {
        let end = self.now + limit;
        loop {
            self.drain(app);
            let packet = self.under_way.keys().next().map(|(at, _)| *at);
            let timers = self.nodes.iter().filter_map(|n| n.endpoint.poll_timeout());
            let timer = timers.chain(self.proxies.iter().filter_map(Proxy::poll_timeout)).min();
            let Some(next) = packet.into_iter().chain(timer).min() else { return };
            if next > end {
                self.now = end;
                return;
            }
            self.now = self.now.max(next);
            let now = self.now;
            for node in &mut self.nodes {
                node.endpoint.handle_timeout(now);
            }
            for proxy in &mut self.proxies {
                proxy.handle_timeout(now);
            }
            self.drain(app);
            while let Some(((at, _), _)) = self.under_way.first_key_value() {
                if *at > now {
                    break;
                }
                let (_, parcel) = self.under_way.pop_first().unwrap();
                self.arrive(parcel);
                self.drain(app);
            }
        }
    }

    /// Hands a datagram to whoever lives at `to`.
    pub(crate) fn deliver(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let now = self.now;
        let (mut from, mut to) = (from, to);
        if let Some((inside, outside)) = self.nat {
            let inside = self.nodes[inside].address;
            from = if from == inside { outside } else { from };
            to = if to == outside { inside } else { to };
        }
        if let Some(n) = self.nodes.iter().position(|n| n.address == to) {
            self.heard.push(Heard { after: self.sent.len(), node: n, bytes: bytes.to_vec() });
            self.nodes[n].endpoint.handle_datagram(now, Datagram { local: to, remote: from, bytes });
        } else if let Some(proxy) = self.proxies.iter_mut().find(|p| p.address == to) {
            proxy.handle(now, from, bytes);
        }
    }

    /// Gives a node another address, as another network would.
    pub(crate) fn relocate(&mut self, n: usize) {
        let (now, node) = (self.now, &mut self.nodes[n]);
        let old = node.address;
        let ip = format!("198.51.100.{}", 10 * (n + 1) + node.former.len());
        node.address = SocketAddr::new(ip.parse().unwrap(), old.port());
        node.former.push(old);
        node.listeners.iter_mut().for_each(|l| l.address.set_ip(node.address.ip()));
        node.endpoint.network_changed(now, node.listeners.clone());
    }

    /// Ends every connection of a node as its restart would: the others hear of it, the node itself does not.
    pub(crate) fn cut(&mut self, node: usize, why: Disconnect) {
        let links: Vec<Link> = self.nodes[node].flows.drain().map(|(_, link)| link).collect();
        for (peer, flow) in links.into_iter().filter_map(|l| l.peer) {
            self.later(Parcel::Disconnected { node: peer, flow, why });
        }
    }

    /// A node loses its connections and nobody else hears of it.
    pub(crate) fn cut_one_side(&mut self, node: usize, why: Disconnect) {
        let flows: Vec<FlowId> = self.nodes[node].flows.keys().copied().collect();
        for flow in flows {
            self.later(Parcel::Disconnected { node, flow, why });
        }
    }

    /// A node forgets its connections, and nobody hears of it.
    pub(crate) fn forget(&mut self, node: usize) {
        self.nodes[node].flows.clear();
    }

    fn arrive(&mut self, parcel: Parcel) {
        let now = self.now;
        match parcel {
            Parcel::Datagram { from, to, bytes } => self.deliver(from, to, &bytes),
            Parcel::Arrival { node, flow } => {
                let Some(link) = self.nodes[node].flows.get(&flow).copied() else { return };
                if self.lost_connections {
                    return;
                }
                let listens = |n: &Node| {
                    n.listeners.iter().any(|l| l.transport == link.transport && l.address == link.remote)
                };
                let Some(host) = self.nodes.iter().position(listens) else {
                    self.later(Parcel::Disconnected { node, flow, why: Disconnect::Refused });
                    return;
                };
                let there = self.nodes[host].endpoint.accepted(now, link.transport, link.remote, link.local);
                let back = Link { local: link.remote, remote: link.local, peer: Some((node, flow)), ..link };
                self.nodes[host].flows.insert(there, back);
                if let Some(link) = self.nodes[node].flows.get_mut(&flow) {
                    link.peer = Some((host, there));
                }
                self.later(Parcel::Connected { node, flow });
            }
            Parcel::Connected { node, flow } => {
                if let Some(link) = self.nodes[node].flows.get(&flow).copied() {
                    self.nodes[node].endpoint.connected(now, flow, link.local);
                }
            }
            Parcel::Bytes { node, flow, bytes } => {
                if self.nodes[node].flows.contains_key(&flow) {
                    self.heard.push(Heard { after: self.sent.len(), node, bytes: bytes.clone() });
                    self.nodes[node].endpoint.handle_stream(now, flow, &bytes);
                }
            }
            Parcel::Disconnected { node, flow, why } => {
                if self.nodes[node].flows.remove(&flow).is_some() {
                    self.nodes[node].endpoint.disconnected(now, flow, why);
                }
            }
        }
    }

    fn drain(&mut self, app: &mut App<'_>) {
        loop {
            let mut quiet = true;
            for n in 0..self.nodes.len() {
                while let Some(output) = self.nodes[n].endpoint.poll() {
                    quiet = false;
                    match output {
                        Output::Transmit { local, remote, bytes } => self.post(local, remote, bytes),
                        Output::Connect { flow, transport, local, remote, server_name } => {
                            let ip = local.unwrap_or(self.nodes[n].address.ip());
                            self.sequence += 1;
                            let local = SocketAddr::new(ip, 40_000 + self.sequence as u16);
                            self.nodes[n].flows.insert(flow, Link { transport, local, remote, peer: None });
                            let forged = self.forged.iter().any(|name| *name == server_name);
                            self.later(match transport == Transport::Tls && forged {
                                true => Parcel::Disconnected { node: n, flow, why: Disconnect::Certificate },
                                false => Parcel::Arrival { node: n, flow },
                            });
                        }
                        Output::Write { flow, bytes } => {
                            // Into a connection that is dead: only now its owner hears of it.
                            let Some(link) = self.nodes[n].flows.get(&flow).copied() else {
                                let now = self.now;
                                self.nodes[n].endpoint.disconnected(now, flow, Disconnect::Reset);
                                continue;
                            };
                            self.note(link.local, link.remote, &bytes);
                            if self.mute_pongs && bytes == b"\r\n" {
                                continue;
                            }
                            if let Some((node, flow)) = link.peer {
                                self.later(Parcel::Bytes { node, flow, bytes });
                            }
                        }
                        Output::Close { flow } => {
                            let link = self.nodes[n].flows.remove(&flow);
                            if let Some((node, flow)) = link.and_then(|l| l.peer) {
                                self.later(Parcel::Disconnected { node, flow, why: Disconnect::Closed });
                            }
                        }
                        Output::Resolve { id, question } => {
                            let answer = self.answer(&question);
                            self.asked.push(question);
                            let now = self.now;
                            self.nodes[n].endpoint.resolved(now, id, answer);
                        }
                        Output::Trace { .. } => {}
                        Output::Event(event) => {
                            self.nodes[n].events.push(event.clone());
                            app(self, n, &event);
                        }
                    }
                }
            }
            for n in 0..self.proxies.len() {
                let own = self.proxies[n].address;
                for (to, bytes) in self.proxies[n].take() {
                    quiet = false;
                    self.post(own, to, bytes);
                }
            }
            if quiet {
                return;
            }
        }
    }

    fn answer(&self, question: &Question) -> Answer {
        fn at<T: Clone>(table: &[(&str, T)], name: &str) -> Vec<T> {
            table.iter().filter(|(n, _)| *n == name).map(|(_, v)| v.clone()).collect()
        }
        match question {
            Question::Naptr(name) => Answer::Naptr(at(&self.naptr, name)),
            Question::Srv(name) => Answer::Srv(at(&self.srv, name)),
            Question::Addresses(name) => {
                Answer::Addresses(at(&self.names, name).into_iter().map(|a| a.ip()).collect())
            }
        }
    }

    fn note(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let at = self.elapsed();
        // Line ends and STUN are no messages.
        let log = match bytes.first() {
            Some(b'\r' | 0 | 1) => &mut self.kept,
            _ => &mut self.sent,
        };
        let name = |a: SocketAddr| {
            let owner = |n: &&Node| {
                n.address == a || n.former.contains(&a) || n.flows.values().any(|l| l.local == a)
            };
            let proxy = self.proxies.iter().find(|p| p.address == a).map(|p| p.name);
            let name = self.nodes.iter().find(owner).map(|n| n.name).or(proxy);
            name.map_or(a.to_string(), Into::into)
        };
        log.push(Sent { at, from: name(from), to: name(to), bytes: bytes.to_vec() });
    }

    /// Connections neither lose nor overtake.
    fn later(&mut self, parcel: Parcel) {
        self.sequence += 1;
        self.under_way.insert((self.now + self.weather.delay, self.sequence), parcel);
    }

    fn post(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        self.note(from, to, &bytes);
        if self.random(1000) < self.weather.loss.into() || self.walls.contains(&(from, to)) {
            return;
        }
        let copies = if self.random(1000) < self.weather.doubled.into() { 2 } else { 1 };
        for _ in 0..copies {
            let jitter = self.weather.jitter.as_micros() as u64;
            let extra = Duration::from_micros(if jitter == 0 { 0 } else { self.random(jitter) });
            self.sequence += 1;
            let when = self.now + self.weather.delay + extra;
            let parcel = Parcel::Datagram { from, to, bytes: bytes.clone() };
            self.under_way.insert((when, self.sequence), parcel);
        }
    }

    /// Fails when an endpoint still holds anything.
    pub(crate) fn assert_empty(&self, what: &str) {
        for node in &self.nodes {
            let s = node.endpoint.stats();
            let left = (s.calls, s.client_transactions, s.server_transactions, s.timers, s.flows);
            let name = node.name;
            assert_eq!(left, (0, 0, 0, 0, 0), "{what}: {name} still has calls, clients, servers, timers, flows");
        }
    }
}

/// A description of an audio stream with PCMU at this node.
pub(crate) fn audio(address: SocketAddr) -> SessionDescription {
    offer(&AudioCapabilities {
        address: SocketAddr::new(address.ip(), 4000),
        codecs: vec![Codec::well_known(0).unwrap()],
        ptime: Some(20),
        direction: Direction::SendRecv,
        session: SessionVersion { id: 1, version: 1 },
    })
}

pub(crate) fn uri(text: &str) -> Uri {
    Uri::parse(text).unwrap()
}

/// A call without an account, straight to the other node.
pub(crate) fn direct_call(net: &Net, from: usize, to: usize) -> CallConfig {
    let (from, to) = (&net.nodes[from], &net.nodes[to]);
    let identity = Identity::Plain {
        from: Address::new(uri(&format!("sip:{}@{}", from.name, from.address))),
        login: None,
    };
    CallConfig::new(identity, uri(&format!("sip:{}@{}", to.name, to.address)), audio(from.address))
}

/// The call states a node has seen.
pub(crate) fn call_states(net: &Net, node: usize) -> Vec<CallState> {
    let states = net.nodes[node].events.iter().filter_map(|e| match e {
        Event::Call { state, .. } => Some(state.clone()),
        _ => None,
    });
    states.collect()
}

/// How a node's only call ended.
pub(crate) fn ending(net: &Net, node: usize) -> Option<Ending> {
    let endings: Vec<Ending> = call_states(net, node)
        .into_iter()
        .filter_map(|s| match s {
            CallState::Ended(ending) => Some(ending),
            _ => None,
        })
        .collect();
    assert!(endings.len() <= 1, "{} ended {} times", net.nodes[node].name, endings.len());
    endings.into_iter().next()
}
