//! What is under way: datagrams that get lost, doubled and overtaken, and connections that keep their order and break.

use super::{Heard, Net, Node};
use std::net::SocketAddr;
use std::time::Duration;
use tern_sip::{Datagram, Disconnect, FlowId, Transport};

/// The other end of a connection.
#[derive(Clone, Copy)]
pub(super) struct Link {
    pub(super) transport: Transport,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) peer: Option<(usize, FlowId)>,
}

/// What is under way.
pub(super) enum Parcel {
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

impl Net {
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

    pub(super) fn arrive(&mut self, parcel: Parcel) {
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

    /// Connections neither lose nor overtake.
    pub(super) fn later(&mut self, parcel: Parcel) {
        self.sequence += 1;
        self.under_way.insert((self.now + self.weather.delay, self.sequence), parcel);
    }

    pub(super) fn post(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
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
}
