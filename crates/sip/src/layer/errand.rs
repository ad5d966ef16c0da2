//! A request on its way to a server: names to resolve, connections to wait for, and the next server when one fails
//! (RFC 3263 4.3, RFC 3261 18.1.1).
//!
//! Invariant: an errand waits for exactly one thing, which its [`Wait`] names, and its owner hears of one end: by the
//! final response, or by an upcall when no server is left. Its id is that of the transaction that is under way for it;
//! what a server that was left still says belongs to a transaction of another id.

use super::{AckKey, Draft, Fate, Layer, Obstacle, Owner, Upcall};
use crate::event::Output;
use crate::ids::{CallId, FlowId, ResolveId};
use crate::surroundings::{TimerKey, retry_after};
use crate::target::{Candidate, Locator, Next};
use crate::transaction::{ClientId, Path};
use crate::transport::{Answer, Disconnect, Transport};
use crate::wire::{HeaderAccess as _, Request};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long the DNS may take for one question.
const LONGEST_QUESTION: Duration = Duration::from_secs(10);
/// RFC 3261 18.1.1: beyond, a request is to go by a transport with congestion control, as the path's MTU is unknown.
const MAX_BY_DATAGRAM: usize = 1300;
/// Dialogs whose last request is remembered; the oldest goes.
const MAX_LATEST: usize = 64;
/// What a draft still lacks of its size: Via, Contact, User-Agent.
const TO_BE_ADDED: usize = 250;

#[derive(Debug)]
pub(super) struct Errand {
    draft: Draft,
    cargo: Cargo,
    locator: Locator,
    wait: Wait,
    /// The server that is tried, or the one before.
    current: Option<Candidate>,
    attempt: Attempt,
    /// What went wrong last.
    failure: Fate,
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
    /// For a response.
    Response,
    /// For the timer that tells the owner, who does not know the id before.
    Telling,
}

/// What is special about the server that is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Plain,
    /// Over a connection that was there: the other side may have forgotten it, so one more try is due over a new one.
    Reused,
    /// By TCP for the size of the request alone.
    Enlarged,
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

impl Owner {
    pub(super) fn call(self) -> Option<CallId> {
        match self {
            Owner::Invite(call) | Owner::InCall(call) => Some(call),
            Owner::Registration(_) | Owner::Message(_) | Owner::Subscription(_) | Owner::Nobody => None,
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

    /// No other server is to be tried for a request; the one it is at may still answer.
    pub(crate) fn stay(&mut self, id: ClientId) {
        if self.clients.contains_key(&id) {
            self.drop_errand(id);
        }
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
        self.around.connected(now, flow, local);
        self.watch(now, flow);
        for id in self.waiting_for(flow) {
            if let Some(path) = self.around.flows.path(flow) {
                self.launch(now, id, path);
            }
        }
    }

    /// A connection is gone, or never came to be.
    pub(crate) fn disconnected(&mut self, now: Instant, flow: FlowId, why: Disconnect) -> Vec<Upcall> {
        let path = self.around.flows.path(flow);
        if self.around.flows.remove(flow).is_none() {
            return Vec::new();
        }
        self.around.timers.cancel(TimerKey::Flow(flow));
        self.lost(path);
        let obstacle = match why {
            Disconnect::Refused => Obstacle::Refused,
            Disconnect::Closed | Disconnect::Reset | Disconnect::Handshake => Obstacle::Lost,
            Disconnect::Certificate => Obstacle::Certificate,
        };
        let mut upcalls = self.fail_clients(now, obstacle, |path| path.flow == Some(flow));
        for id in self.waiting_for(flow) {
            upcalls.extend(self.attempt_failed(now, id, Fate::Unreachable(obstacle)));
        }
        upcalls
    }

    /// An errand's time is up: a server gives no sign of life, or the owner is to be told.
    pub(crate) fn errand_due(&mut self, now: Instant, id: ClientId) -> Option<Upcall> {
        match self.errands.get(&id)?.wait {
            Wait::Telling => self.give_up(id),
            Wait::Answer(_) => None,
            Wait::Connection(_) | Wait::Response => self.attempt_failed(now, id, Fate::Timeout),
        }
    }

    /// What a request that is tried at several servers does with the fate of one attempt; `None` when its owner is not
    /// to hear of it.
    pub(super) fn judge(&mut self, now: Instant, id: ClientId, fate: Fate) -> Option<Fate> {
        let Some(errand) = self.errands.get_mut(&id) else { return Some(fate) };
        let Fate::Response(response) = &fate else {
            return self.attempt_failed(now, id, fate).map(|upcall| upcall.fate);
        };
        self.around.timers.cancel(TimerKey::Errand(id));
        if response.code() < 200 {
            return Some(fate);
        }
        // RFC 3261 21.5.4, RFC 3263 4.3: this server is busy, another one may not be.
        if response.code() == 503 && errand.locator.has_more() {
            self.supersede(now, id);
            return self.attempt_failed(now, id, fate).map(|upcall| upcall.fate);
        }
        if let Some(candidate) = errand.current.clone() {
            match response.code() {
                503 => self.memory.failed(now, &candidate, retry_after(response)),
                _ => self.memory.answered(now, &errand.draft.hop, &candidate),
            }
        }
        self.drop_errand(id);
        Some(fate)
    }

    /// Our addresses have changed: what has no answer yet is sent again from those there are.
    pub(crate) fn moved(&mut self, now: Instant) -> Vec<Upcall> {
        self.memory.forget_failures();
        self.around.forget_gone_addresses();
        let mut upcalls = Vec::new();
        for flow in self.around.flows.stranded(&self.around.config.listeners) {
            self.around.outputs.push_back(Output::Close { flow });
            upcalls.extend(self.disconnected(now, flow, Disconnect::Reset));
        }
        let gone = |path: &Path| path.flow.is_none() && !self.around.is_ours(path.local);
        let stranded =
            self.clients.iter().filter(|(id, c)| gone(&c.transaction.path) && self.errands.contains_key(id));
        for id in stranded.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.remove_client(id);
            if let Some(errand) = self.errands.get_mut(&id)
                && let Some(candidate) = errand.current.clone()
            {
                errand.locator.again(candidate);
            }
            upcalls.extend(self.go_on(now, id));
        }
        for server in self.servers.values_mut() {
            if server.path.flow.is_none() && !self.around.is_ours(server.path.local) {
                server.path.local = self.around.local_for(server.path.remote).unwrap_or(server.path.local);
            }
        }
        for (_, path, _) in &mut self.acks {
            if path.flow.is_none() && !self.around.is_ours(path.local) {
                path.local = self.around.local_for(path.remote).unwrap_or(path.local);
            }
        }
        upcalls
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

    /// Whether an errand is about to use a connection.
    pub(super) fn is_awaited(&self, flow: FlowId) -> bool {
        self.errands.values().any(|e| e.wait == Wait::Connection(flow))
    }

    fn set_out(&mut self, now: Instant, draft: Draft, cargo: Cargo) -> ClientId {
        let id = ClientId(self.fresh_id());
        let config = &self.around.config;
        let mut locator = Locator::new(&draft.hop, &config.transports, config.families);
        if let Some(good) = self.memory.good(now, &draft.hop) {
            locator.prefer(good.clone());
        }
        let failure = Fate::Unreachable(Obstacle::NoServer);
        let (wait, attempt) = (Wait::Telling, Attempt::Plain);
        self.errands.insert(id, Errand { draft, cargo, locator, wait, current: None, attempt, failure });
        if self.pursue(now, id) == Pursuit::Over {
            self.around.timers.set(TimerKey::Errand(id), now);
        }
        id
    }

    /// The server that is tried has failed.
    fn attempt_failed(&mut self, now: Instant, id: ClientId, fate: Fate) -> Option<Upcall> {
        let errand = self.errands.get_mut(&id)?;
        let rest = match &fate {
            Fate::Response(response) => retry_after(response),
            _ => None,
        };
        if let (Some(candidate), attempt) = (errand.current.clone(), errand.attempt) {
            match (attempt, errand.wait) {
                // RFC 3261 18.1.1: no TCP there, so the request goes by UDP, whatever its size.
                (Attempt::Enlarged, Wait::Connection(_)) => {
                    self.memory.refused_tcp(now, candidate.address);
                    errand.locator.again(Candidate { transport: Transport::Udp, ..candidate });
                }
                (Attempt::Reused, Wait::Response) if !matches!(fate, Fate::Response(_)) => {
                    if let Some(flow) = self.clients.get(&id).and_then(|c| c.transaction.path.flow) {
                        self.around.flows.suspect(flow);
                    }
                    errand.locator.again(candidate);
                }
                _ => self.memory.failed(now, &candidate, rest),
            }
        }
        if let Wait::Connection(flow) = errand.wait {
            errand.wait = Wait::Telling;
            self.close_if_unused(flow);
        }
        if let Some(errand) = self.errands.get_mut(&id) {
            errand.failure = fate;
        }
        self.go_on(now, id)
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
        if self.is_overtaken(id)
            && let Some(errand) = self.errands.get_mut(&id)
        {
            errand.locator.stop();
        }
        while let Some(errand) = self.errands.get_mut(&id) {
            let mut candidate = match errand.locator.next() {
                Next::Ask(question) => {
                    let ask = ResolveId(self.fresh_id());
                    self.around.timers.set(TimerKey::Resolve(ask), now + LONGEST_QUESTION);
                    self.questions.insert(ask, id);
                    self.around.outputs.push_back(Output::Resolve { id: ask, question });
                    self.wait(id, Wait::Answer(ask));
                    return Pursuit::UnderWay;
                }
                Next::Exhausted => break,
                Next::Try(candidate) => candidate,
            };
            if self.memory.is_bad(now, &candidate) && errand.locator.defer(&candidate) {
                continue;
            }
            let enlarged = candidate.transport == Transport::Udp
                && self.around.config.transports.contains(&Transport::Tcp)
                && !self.memory.is_without_tcp(now, candidate.address)
                && errand.draft.request.to_bytes().len().saturating_add(TO_BE_ADDED) > MAX_BY_DATAGRAM;
            if enlarged {
                candidate.transport = Transport::Tcp;
            }
            let Some((way, found)) = self.way_to(now, &candidate) else {
                self.note(id, Fate::Unreachable(Obstacle::NoWay));
                continue;
            };
            if let Some(errand) = self.errands.get_mut(&id) {
                errand.current = Some(candidate);
                errand.attempt = if enlarged { Attempt::Enlarged } else { found };
            }
            match way {
                Way::Ready(path) => self.launch(now, id, path),
                Way::Opening(flow) => {
                    self.wait(id, Wait::Connection(flow));
                    self.allow_time(now, id);
                }
            }
            return Pursuit::UnderWay;
        }
        // The last server has the full time of its transaction, if that is still alive.
        if self.clients.contains_key(&id) {
            self.wait(id, Wait::Response);
            return Pursuit::UnderWay;
        }
        self.wait(id, Wait::Telling);
        Pursuit::Over
    }

    fn way_to(&mut self, now: Instant, candidate: &Candidate) -> Option<(Way, Attempt)> {
        let Candidate { transport, address: remote, server_name } = candidate.clone();
        if transport == Transport::Udp {
            let local = self.around.local_for(remote)?;
            return Some((Way::Ready(Path { transport, local, remote, flow: None }), Attempt::Plain));
        }
        // RFC 3261 18.1.1: a connection that is there is used again.
        if let Some(flow) = self.around.flows.find(transport, remote, &server_name) {
            return Some(match self.around.flows.path(flow) {
                Some(path) => (Way::Ready(path), Attempt::Reused),
                None => (Way::Opening(flow), Attempt::Plain),
            });
        }
        let flow = self.around.connect(now, transport, remote, server_name)?;
        Some((Way::Opening(flow), Attempt::Plain))
    }

    /// Limits the time of an attempt: a connection always, an answer only where something else is left to try.
    fn allow_time(&mut self, now: Instant, id: ClientId) {
        let Some(errand) = self.errands.get(&id) else { return };
        let otherwise = errand.attempt != Attempt::Plain || errand.locator.has_more();
        let life = self.around.config.timers.transaction_life();
        let limit = match (otherwise, errand.wait) {
            (true, _) => self.around.config.failover_after.min(life),
            (false, Wait::Connection(_)) => life,
            (false, _) => return,
        };
        self.around.timers.set(TimerKey::Errand(id), now + limit);
    }

    fn launch(&mut self, now: Instant, id: ClientId, path: Path) {
        let Some(errand) = self.errands.get_mut(&id) else { return };
        let (mut draft, cargo, attempt) = (errand.draft.clone(), errand.cargo.clone(), errand.attempt);
        // A request that went by TCP for its size alone does not ask for TCP in return.
        let contact = match (attempt, self.around.local_for(path.remote)) {
            (Attempt::Enlarged, Some(local)) => Path { transport: Transport::Udp, local, flow: None, ..path },
            _ => path,
        };
        match cargo {
            Cargo::Request(owner) => {
                errand.wait = Wait::Response;
                self.note_order(&draft.request);
                self.supersede(now, id);
                self.complete(&mut draft, path, contact);
                self.enter(now, id, draft.request, path, draft.hop, owner);
                self.allow_time(now, id);
            }
            Cargo::Ack(key) => {
                self.drop_errand(id);
                self.transmit_ack(key, draft, path, contact);
            }
        }
    }

    /// Whether a request of a dialog has been sent before, and a later one of that dialog after it: sent once more it
    /// would come out of order (RFC 3261 12.2.2).
    fn is_overtaken(&self, id: ClientId) -> bool {
        let Some(errand) = self.errands.get(&id).filter(|e| e.current.is_some()) else { return false };
        let place = |request: &Request| {
            let tag = request.headers.to_address().ok()?.tag()?;
            Some((request.headers.call_id().ok()?.to_owned(), tag, request.headers.cseq().ok()?.number))
        };
        let Some((call_id, tag, number)) = place(&errand.draft.request) else { return false };
        self.latest.iter().any(|(c, t, latest)| *c == call_id && *t == tag && *latest > number)
    }

    /// Remembers how far a dialog's requests have come.
    fn note_order(&mut self, request: &Request) {
        let tag = request.headers.to_address().ok().and_then(|to| to.tag());
        let (Some(tag), Ok(call_id), Ok(cseq)) = (tag, request.headers.call_id(), request.headers.cseq())
        else {
            return;
        };
        let known = self.latest.iter_mut().find(|(c, t, _)| *c == call_id && *t == tag);
        match known {
            Some((.., latest)) => *latest = cseq.number.max(*latest),
            None => {
                if self.latest.len() >= MAX_LATEST {
                    self.latest.pop_front();
                }
                self.latest.push_back((call_id.to_owned(), tag, cseq.number));
            }
        }
    }

    /// No server is left. Without its ACK the other side of a call will end it by itself.
    fn give_up(&mut self, id: ClientId) -> Option<Upcall> {
        let errand = self.errands.remove(&id)?;
        self.around.timers.cancel(TimerKey::Errand(id));
        match errand.cargo {
            Cargo::Request(owner) => Some(Upcall { owner, client: id, fate: errand.failure }),
            Cargo::Ack(..) => None,
        }
    }

    fn wait(&mut self, id: ClientId, wait: Wait) {
        if let Some(errand) = self.errands.get_mut(&id) {
            errand.wait = wait;
        }
    }

    fn note(&mut self, id: ClientId, failure: Fate) {
        if let Some(errand) = self.errands.get_mut(&id) {
            errand.failure = failure;
        }
    }

    fn waiting_for(&self, flow: FlowId) -> Vec<ClientId> {
        let waits = self.errands.iter().filter(|(_, e)| e.wait == Wait::Connection(flow));
        waits.map(|(id, _)| *id).collect()
    }
}
