//! A request on its way to a server: names to resolve, connections to wait for (RFC 3263 4, RFC 3261 18.1.1).
//!
//! Invariant: an errand waits for exactly one thing, which its [`Wait`] names, and its owner hears of it once: by the
//! fate of its transaction, or by an upcall when no server is left.

use super::{AckKey, Draft, Fate, Layer, Obstacle, Owner, Upcall};
use crate::event::Output;
use crate::ids::{CallId, FlowId, ResolveId};
use crate::surroundings::TimerKey;
use crate::target::{Candidate, Locator, Next};
use crate::transaction::{ClientId, Path};
use crate::transport::{Answer, Disconnect, Source, Transport};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long the DNS may take for one question.
const LONGEST_QUESTION: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Errand {
    draft: Draft,
    cargo: Cargo,
    locator: Locator,
    wait: Wait,
    /// What went wrong with the last server.
    obstacle: Obstacle,
}

/// What is carried.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cargo {
    Request(Owner),
    /// The ACK for a 2xx.
    Ack(AckKey),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// For the DNS.
    Answer(ResolveId),
    Connection(FlowId),
    /// For the timer that tells the owner, who does not know the id before.
    Telling,
}

impl Owner {
    pub(super) fn call(self) -> Option<CallId> {
        match self {
            Owner::Invite(call) | Owner::InCall(call) => Some(call),
            Owner::Registration(_) => None,
        }
    }
}

impl Layer {
    /// Sends a request in a transaction of its own, as soon as there is a way to its first hop.
    pub(crate) fn send(&mut self, now: Instant, draft: Draft, owner: Owner) -> ClientId {
        self.set_out(now, draft, Cargo::Request(owner))
    }

    /// Sends the ACK for a 2xx and keeps it.
    pub(crate) fn send_ack(&mut self, now: Instant, key: AckKey, draft: Draft) {
        self.set_out(now, draft, Cargo::Ack(key));
    }

    /// The DNS has answered.
    pub(crate) fn resolved(&mut self, now: Instant, id: ResolveId, answer: Answer) -> Option<Upcall> {
        let client = self.questions.remove(&id)?;
        self.around.timers.cancel(TimerKey::Resolve(id));
        let errand = self.errands.get_mut(&client)?;
        errand.locator.answered(answer, &mut self.around.random);
        self.go_on(now, client)
    }

    /// A connection is open: what waited for it goes out.
    pub(crate) fn connected(&mut self, now: Instant, flow: FlowId, local: SocketAddr) {
        self.around.flows.connected(flow, local);
        for id in self.waiting_for(flow) {
            let Some(errand) = self.errands.remove(&id) else { continue };
            self.around.timers.cancel(TimerKey::Errand(id));
            if let Some(path) = self.path_over(flow) {
                self.launch(now, id, errand, path);
            }
        }
    }

    /// A connection is gone, or never came to be.
    pub(crate) fn disconnected(&mut self, now: Instant, flow: FlowId, why: Disconnect) -> Vec<Upcall> {
        if self.around.flows.remove(flow).is_none() {
            return Vec::new();
        }
        let obstacle = match why {
            Disconnect::Refused => Obstacle::Refused,
            Disconnect::Closed | Disconnect::Reset | Disconnect::Handshake => Obstacle::Lost,
            Disconnect::Certificate => Obstacle::Certificate,
        };
        let mut upcalls = self.flow_failed(now, flow, obstacle);
        for id in self.waiting_for(flow) {
            self.note(id, obstacle);
            upcalls.extend(self.go_on(now, id));
        }
        upcalls
    }

    /// An errand's time is up: the connection does not come, or the owner is to be told.
    pub(crate) fn errand_due(&mut self, now: Instant, id: ClientId) -> Option<Upcall> {
        match self.errands.get(&id)?.wait {
            Wait::Telling => self.give_up(id),
            Wait::Connection(_) | Wait::Answer(_) => self.go_on(now, id),
        }
    }

    /// The way of messages over an open connection.
    pub(crate) fn source_of(&self, flow: FlowId) -> Option<Source> {
        let open = self.around.flows.get(flow)?;
        Some(Source {
            transport: open.transport,
            local: open.local()?,
            remote: open.remote,
            flow: Some(flow),
        })
    }

    pub(super) fn drop_errand(&mut self, id: ClientId) {
        if let Some(errand) = self.errands.remove(&id) {
            self.around.timers.cancel(TimerKey::Errand(id));
            if let Wait::Answer(question) = errand.wait {
                self.questions.remove(&question);
                self.around.timers.cancel(TimerKey::Resolve(question));
            }
        }
    }

    pub(super) fn runs_errand_for(&self, call: CallId) -> bool {
        self.errands.values().any(|e| match &e.cargo {
            Cargo::Request(owner) => owner.call() == Some(call),
            Cargo::Ack(key) => key.call == call,
        })
    }

    pub(super) fn ack_waits(&self, key: &AckKey) -> bool {
        self.errands.values().any(|e| matches!(&e.cargo, Cargo::Ack(k) if k == key))
    }

    fn set_out(&mut self, now: Instant, draft: Draft, cargo: Cargo) -> ClientId {
        let id = ClientId(self.fresh_id());
        let locator = Locator::new(&draft.hop, &self.around.config.transports);
        let errand = Errand { draft, cargo, locator, wait: Wait::Telling, obstacle: Obstacle::NoServer };
        self.errands.insert(id, errand);
        if self.pursue(now, id) == Pursuit::Over {
            self.around.timers.set(TimerKey::Errand(id), now);
        }
        id
    }

    /// Goes on to the next server, and tells the owner when there is none.
    fn go_on(&mut self, now: Instant, id: ClientId) -> Option<Upcall> {
        match self.pursue(now, id) {
            Pursuit::UnderWay => None,
            Pursuit::Over => self.give_up(id),
        }
    }

    fn pursue(&mut self, now: Instant, id: ClientId) -> Pursuit {
        self.around.timers.cancel(TimerKey::Errand(id));
        while let Some(errand) = self.errands.get_mut(&id) {
            match errand.locator.next() {
                Next::Ask(question) => {
                    let ask = ResolveId(self.fresh_id());
                    self.around.timers.set(TimerKey::Resolve(ask), now + LONGEST_QUESTION);
                    self.questions.insert(ask, id);
                    self.around.outputs.push_back(Output::Resolve { id: ask, question });
                    self.wait(id, Wait::Answer(ask));
                    return Pursuit::UnderWay;
                }
                Next::Try(candidate) => match self.way_to(&candidate) {
                    None => self.note(id, Obstacle::NoWay),
                    Some(Way::Ready(path)) => {
                        if let Some(errand) = self.errands.remove(&id) {
                            self.launch(now, id, errand, path);
                        }
                        return Pursuit::UnderWay;
                    }
                    Some(Way::Opening(flow)) => {
                        let life = self.around.config.timers.transaction_life();
                        self.around.timers.set(TimerKey::Errand(id), now + life);
                        self.wait(id, Wait::Connection(flow));
                        return Pursuit::UnderWay;
                    }
                },
                Next::Exhausted => break,
            }
        }
        self.wait(id, Wait::Telling);
        Pursuit::Over
    }

    fn wait(&mut self, id: ClientId, wait: Wait) {
        if let Some(errand) = self.errands.get_mut(&id) {
            errand.wait = wait;
        }
    }

    fn note(&mut self, id: ClientId, obstacle: Obstacle) {
        if let Some(errand) = self.errands.get_mut(&id) {
            errand.obstacle = obstacle;
        }
    }

    fn way_to(&mut self, candidate: &Candidate) -> Option<Way> {
        let Candidate { transport, address: remote, server_name } = candidate.clone();
        if transport == Transport::Udp {
            let local = self.around.local_for(remote)?;
            return Some(Way::Ready(Path { transport, local, remote, flow: None }));
        }
        // RFC 3261 18.1.1: a connection that is there is used again.
        if let Some(flow) = self.around.flows.find(transport, remote, &server_name) {
            return Some(self.path_over(flow).map_or(Way::Opening(flow), Way::Ready));
        }
        if self.around.flows.is_full() {
            return None;
        }
        let local = self.around.local_ip_for(remote);
        let flow = self.around.flows.connect(transport, remote, server_name.clone());
        self.around.outputs.push_back(Output::Connect { flow, transport, local, remote, server_name });
        Some(Way::Opening(flow))
    }

    fn launch(&mut self, now: Instant, id: ClientId, errand: Errand, path: Path) {
        let Errand { mut draft, cargo, .. } = errand;
        match cargo {
            Cargo::Request(owner) => {
                self.complete(&mut draft, path);
                self.enter(now, id, draft.request, path, draft.hop, owner);
            }
            Cargo::Ack(key) => self.transmit_ack(key, draft, path),
        }
    }

    /// No server is left. Without its ACK the other side of a call will end it by itself.
    fn give_up(&mut self, id: ClientId) -> Option<Upcall> {
        let errand = self.errands.remove(&id)?;
        match errand.cargo {
            Cargo::Request(owner) => {
                Some(Upcall { owner, client: id, fate: Fate::Unreachable(errand.obstacle) })
            }
            Cargo::Ack(..) => None,
        }
    }

    fn path_over(&self, flow: FlowId) -> Option<Path> {
        let Source { transport, local, remote, flow } = self.source_of(flow)?;
        Some(Path { transport, local, remote, flow })
    }

    fn waiting_for(&self, flow: FlowId) -> Vec<ClientId> {
        let waits = self.errands.iter().filter(|(_, e)| e.wait == Wait::Connection(flow));
        waits.map(|(id, _)| *id).collect()
    }
}

/// What looking for the next server came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pursuit {
    UnderWay,
    Over,
}

/// How a candidate is reached.
enum Way {
    Ready(Path),
    Opening(FlowId),
}
