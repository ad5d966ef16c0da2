//! Keep-alives (RFC 5626 3.5, 4.4): what is sent when a path has rested, and when it counts as dead.
//!
//! Invariant: a keeper has exactly one timer. When its path is dead it is removed, and a [`Notice::Lost`] tells whoever
//! registered over the path; setting up a new one is for [`crate::registration`].

use super::{Layer, Notice, Obstacle, Upcall};
use crate::event::Output;
use crate::ids::FlowId;
use crate::stun::{self, TransactionId};
use crate::surroundings::{LONGEST_WAIT, TimerKey};
use crate::transaction::Path;
use crate::transport::{Disconnect, Transport};
use crate::wire::{HeaderAccess as _, Response};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// RFC 5626 4.4.1: how long the answer to a ping may take.
const PONG_WITHIN: Duration = Duration::from_secs(10);
/// RFC 8489 6.2.1: the first wait for an answer, how often the request is sent, and how many such waits the last one is.
const RTO: Duration = Duration::from_millis(500);
const MAX_SENT: u32 = 7;
const LAST_WAIT: u32 = 16;
/// No path is asked for a sign of life more often.
const SHORTEST: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct KeepId(u64);

/// How a path is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeepAlive {
    /// Line ends that ask for nothing: they only keep NAT and firewalls open.
    LineEnds,
    /// Two line ends over a connection, one comes back (RFC 5626 3.5.1). A server that has not said that it knows this,
    /// and leaves the first one unanswered, gets [`KeepAlive::LineEnds`] from then on.
    Ping(Agreed),
    /// STUN Binding requests to the SIP port of a server that has said that it answers them (RFC 5626 3.5.2).
    Stun,
}

/// Whether the server has said that it answers (RFC 5626 4.4, RFC 6223).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agreed {
    Yes,
    NotYet,
}

#[derive(Debug)]
pub(crate) struct Keeper {
    path: Path,
    how: KeepAlive,
    /// The longest rest.
    interval: Duration,
    state: State,
    /// Our address as the STUN server saw it first.
    mapped: Option<SocketAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Resting,
    Pinged,
    Asked { id: TransactionId, sent: u32 },
}

impl KeepAlive {
    /// What the response to a REGISTER allows on its path, and the longest rest: what the server has asked for (RFC 5626
    /// 4.4: Flow-Timer of a server that takes part in outbound; RFC 6223 4: the `keep` it filled in), else the
    /// intervals of RFC 5626 4.4.1 and 4.4.2 (95 to 120 s, 24 to 29 s).
    pub(crate) fn agreed(response: &Response, path: Path) -> (KeepAlive, Duration) {
        let headers = &response.headers;
        let outbound = headers.tokens("Require").iter().any(|tag| tag.eq_ignore_ascii_case("outbound"));
        let kept = headers.top_via().ok().and_then(|via| via.params.get("keep")?.parse::<u32>().ok());
        let agreed = if outbound || kept.is_some() { Agreed::Yes } else { Agreed::NotYet };
        let asked = headers.number("Flow-Timer").filter(|_| outbound).or(kept).filter(|seconds| *seconds > 0);
        let (how, usual) = match (path.transport, agreed) {
            (Transport::Udp, Agreed::NotYet) => (KeepAlive::LineEnds, 29),
            (Transport::Udp, Agreed::Yes) => (KeepAlive::Stun, 29),
            (Transport::Tcp | Transport::Tls, agreed) => (KeepAlive::Ping(agreed), 120),
        };
        (how, Duration::from_secs(asked.unwrap_or(usual).into()).min(LONGEST_WAIT))
    }
}

impl Layer {
    /// Keeps a path alive from now on, in place of what was asked for it before. `interval` is the longest rest; each one
    /// is 80 to 100 % of it (RFC 5626 4.4).
    pub(crate) fn keep_alive(&mut self, now: Instant, path: Path, how: KeepAlive, interval: Duration) {
        let known = self.keepers.iter().find(|(_, k)| k.path == path).map(|(id, _)| *id);
        let interval = interval.max(SHORTEST);
        if let Some(keeper) = known.and_then(|id| self.keepers.get_mut(&id))
            && keeper.how == how
            && keeper.interval == interval
        {
            // What is under way goes on.
            return;
        }
        self.stop_keep_alive(path);
        let id = KeepId(self.fresh_id());
        self.keepers.insert(id, Keeper { path, how, interval, state: State::Resting, mapped: None });
        self.rest(now, id);
    }

    pub(crate) fn stop_keep_alive(&mut self, path: Path) {
        let timers = &mut self.around.timers;
        self.keepers.retain(|id, keeper| {
            let other = keeper.path != path;
            if !other {
                timers.cancel(TimerKey::KeepAlive(*id));
            }
            other
        });
    }

    pub(crate) fn is_kept_alive(&self, flow: FlowId) -> bool {
        self.keepers.values().any(|k| k.path.flow == Some(flow))
    }

    pub(crate) fn keep_due(&mut self, now: Instant, id: KeepId) -> Vec<Upcall> {
        let Some(keeper) = self.keepers.get_mut(&id) else { return Vec::new() };
        match (keeper.state, keeper.how) {
            (State::Resting, KeepAlive::LineEnds) => {
                self.send_line_ends(id);
                self.rest(now, id);
            }
            (State::Resting, KeepAlive::Ping(_)) => {
                keeper.state = State::Pinged;
                self.send_line_ends(id);
                self.around.timers.set(TimerKey::KeepAlive(id), now + PONG_WITHIN);
            }
            (State::Resting, KeepAlive::Stun) => {
                let asked = self.around.random.bytes();
                self.ask(now, id, asked, 1);
            }
            (State::Pinged, KeepAlive::Ping(Agreed::NotYet)) => {
                keeper.how = KeepAlive::LineEnds;
                self.rest(now, id);
            }
            (State::Asked { id: asked, sent }, _) if sent < MAX_SENT => {
                self.ask(now, id, asked, sent.saturating_add(1));
            }
            (State::Pinged | State::Asked { .. }, _) => return self.path_died(now, id),
        }
        Vec::new()
    }

    /// One line end came over a connection.
    pub(crate) fn pong(&mut self, now: Instant, flow: FlowId) {
        let pinged = |k: &Keeper| k.path.flow == Some(flow) && k.state == State::Pinged;
        let Some(id) = self.keepers.iter().find(|(_, k)| pinged(k)).map(|(id, _)| *id) else { return };
        if let Some(keeper) = self.keepers.get_mut(&id) {
            keeper.how = KeepAlive::Ping(Agreed::Yes);
        }
        self.rest(now, id);
    }

    /// A STUN message came. Only the answer to a question of ours means anything.
    pub(crate) fn receive_stun(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        bytes: &[u8],
    ) -> Vec<Upcall> {
        let Some((asked, answer)) = stun::read_response(bytes) else { return Vec::new() };
        let ours = |k: &Keeper| {
            k.path.local == local
                && k.path.remote == remote
                && matches!(k.state, State::Asked { id, .. } if id == asked)
        };
        let Some(id) = self.keepers.iter().find(|(_, k)| ours(k)).map(|(id, _)| *id) else {
            return Vec::new();
        };
        let Some(keeper) = self.keepers.get_mut(&id) else { return Vec::new() };
        match (answer, keeper.mapped) {
            // RFC 5626 4.4.2: another mapped address means that the NAT has forgotten us, or is another one.
            (stun::Answer::Mapped(Some(now_at)), Some(before)) if now_at != before => self.path_died(now, id),
            (stun::Answer::Error, _) => self.path_died(now, id),
            (stun::Answer::Mapped(at), before) => {
                keeper.mapped = before.or(at);
                self.rest(now, id);
                Vec::new()
            }
        }
    }

    fn rest(&mut self, now: Instant, id: KeepId) {
        let Some(keeper) = self.keepers.get_mut(&id) else { return };
        keeper.state = State::Resting;
        let fifth = keeper.interval / 5;
        let shorter = fifth.mul_f64(f64::from(self.around.random.below(1001)) / 1000.0);
        self.around.timers.set(TimerKey::KeepAlive(id), now + keeper.interval.saturating_sub(shorter));
    }

    fn ask(&mut self, now: Instant, id: KeepId, asked: TransactionId, sent: u32) {
        let Some(keeper) = self.keepers.get_mut(&id) else { return };
        keeper.state = State::Asked { id: asked, sent };
        let Path { local, remote, .. } = keeper.path;
        let bytes = stun::binding_request(&asked);
        self.around.outputs.push_back(Output::Transmit { local, remote, bytes });
        let waits = if sent < MAX_SENT { 1u32 << sent.saturating_sub(1).min(16) } else { LAST_WAIT };
        self.around.timers.set(TimerKey::KeepAlive(id), now + RTO.saturating_mul(waits));
    }

    fn send_line_ends(&mut self, id: KeepId) {
        let Some(Path { local, remote, flow, .. }) = self.keepers.get(&id).map(|k| k.path) else { return };
        let bytes = b"\r\n\r\n".to_vec();
        self.around.outputs.push_back(match flow {
            Some(flow) => Output::Write { flow, bytes },
            None => Output::Transmit { local, remote, bytes },
        });
    }

    fn path_died(&mut self, now: Instant, id: KeepId) -> Vec<Upcall> {
        let Some(path) = self.keepers.get(&id).map(|k| k.path) else { return Vec::new() };
        tracing::debug!(remote = %path.remote, "no sign of life");
        if let Some(flow) = path.flow {
            self.around.outputs.push_back(Output::Close { flow });
            return self.disconnected(now, flow, Disconnect::Reset);
        }
        self.stop_keep_alive(path);
        self.around.forget_public_address(path);
        self.notices.push_back(Notice::Lost(path));
        self.fail_clients(now, Obstacle::Lost, |p| *p == path)
    }
}
