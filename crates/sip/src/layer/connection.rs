//! Connections as the transactions see them: how long they are kept, and what is sent over one that is gone
//! (RFC 3261 18, 18.2.2).

use super::{Layer, Notice};
use crate::event::Output;
use crate::flow::Last;
use crate::ids::FlowId;
use crate::surroundings::TimerKey;
use crate::transaction::Path;
use crate::transport::Transport;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long a connection may take to open or, when it came in, may bring nothing.
const FIRST_MESSAGE: Duration = Duration::from_secs(32);
/// How long a connection that nothing needs is kept: a dialog may go on over it, which the transactions know nothing of.
const IDLE: Duration = Duration::from_secs(1800);

impl Layer {
    /// A connection came in; `Err` when there are too many.
    pub(crate) fn accepted(
        &mut self,
        now: Instant,
        transport: Transport,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Result<FlowId, FlowId> {
        let flow = self.around.flows.accept(now, transport, local, remote)?;
        self.watch(now, flow);
        Ok(flow)
    }

    /// Looks again at a connection when it may have been idle for too long.
    pub(super) fn watch(&mut self, now: Instant, flow: FlowId) {
        let Some(last) = self.around.flows.get(flow).map(|f| f.last) else { return };
        let (since, limit) = match last {
            Last::Opened(at) => (at, FIRST_MESSAGE),
            Last::Message(at) => (at, IDLE),
        };
        let due = since + limit;
        // One that is needed is looked at again after a while, not at once.
        let at = if due > now { due } else { now + FIRST_MESSAGE };
        self.around.timers.set(TimerKey::Flow(flow), at);
    }

    pub(crate) fn flow_due(&mut self, now: Instant, flow: FlowId) {
        let Some(known) = self.around.flows.get(flow) else { return };
        let idle = match known.last {
            Last::Opened(at) => now.saturating_duration_since(at) >= FIRST_MESSAGE,
            Last::Message(at) => now.saturating_duration_since(at) >= IDLE,
        };
        if idle && !self.is_needed(flow) {
            self.close(flow);
        } else {
            self.watch(now, flow);
        }
    }

    /// Closes a connection that is still being opened when nobody waits for it any more.
    pub(super) fn close_if_unused(&mut self, flow: FlowId) {
        let opening = self.around.flows.get(flow).is_some_and(|f| f.local().is_none());
        if opening && !self.is_needed(flow) {
            self.close(flow);
        }
    }

    /// Tells whoever keeps a path that it is dead.
    pub(super) fn lost(&mut self, path: Option<Path>) {
        if let Some(path) = path {
            self.stop_keep_alive(path);
            self.around.forget_public_address(path);
            self.notices.push_back(Notice::Lost(path));
        }
    }

    fn is_needed(&self, flow: FlowId) -> bool {
        self.is_awaited(flow)
            || self.is_kept_alive(flow)
            || self.clients.values().any(|c| c.transaction.path.flow == Some(flow))
            || self.servers.values().any(|s| s.path.flow == Some(flow))
    }

    fn close(&mut self, flow: FlowId) {
        let path = self.around.flows.path(flow);
        if self.around.flows.remove(flow).is_some() {
            self.around.timers.cancel(TimerKey::Flow(flow));
            self.around.outputs.push_back(Output::Close { flow });
            self.lost(path);
        }
    }
}
