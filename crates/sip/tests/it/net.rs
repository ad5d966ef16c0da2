//! A network in virtual time: its nodes, its clock, and a log of every message.

mod calls;
mod dns;
mod parcels;

pub(crate) use self::calls::{audio, call_states, direct_call, ending, uri};

use self::parcels::{Link, Parcel};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
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

    fn note(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let at = self.elapsed();
        // Line ends and STUN are no messages.
        let log = match bytes.first() {
            Some(b'\r' | 0 | 1) => &mut self.kept,
            _ => &mut self.sent,
        };
        let name = |a: SocketAddr| {
            let owner =
                |n: &&Node| n.address == a || n.former.contains(&a) || n.flows.values().any(|l| l.local == a);
            let proxy = self.proxies.iter().find(|p| p.address == a).map(|p| p.name);
            let name = self.nodes.iter().find(owner).map(|n| n.name).or(proxy);
            name.map_or(a.to_string(), Into::into)
        };
        log.push(Sent { at, from: name(from), to: name(to), bytes: bytes.to_vec() });
    }

    /// Fails when an endpoint still holds anything.
    pub(crate) fn assert_empty(&self, what: &str) {
        for node in &self.nodes {
            let s = node.endpoint.stats();
            let left = (s.calls, s.client_transactions, s.server_transactions, s.timers, s.flows);
            let name = node.name;
            assert_eq!(
                left,
                (0, 0, 0, 0, 0),
                "{what}: {name} still has calls, clients, servers, timers, flows"
            );
        }
    }
}
