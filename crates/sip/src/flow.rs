//! Connections: which there are, and the messages cut out of their bytes (RFC 3261 18.3).
//!
//! Invariant: a flow is in the table from its `Connect`, or its acceptance, to its `Close` or the driver's word that it
//! is gone. What waits for one, and what its end means to a request, is for [`crate::layer`].

use crate::ids::FlowId;
use crate::transaction::Path;
use crate::transport::{Listener, Transport};
use crate::wire::{Frame, Framer};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// Connections at a time.
const MAX_FLOWS: usize = 512;
/// Of these, how many may have come in: strangers shall not take the place of our own.
const MAX_INCOMING: usize = 384;
/// Messages that wait for a connection to open; beyond, they are dropped.
const MAX_PENDING: usize = 16;
/// The pieces of one write come within this.
const ONE_WRITE: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(crate) struct Flows {
    table: BTreeMap<FlowId, Flow>,
    last: u64,
}

#[derive(Debug)]
pub(crate) struct Flow {
    pub(crate) transport: Transport,
    pub(crate) remote: SocketAddr,
    pub(crate) last: Last,
    /// What its certificate was checked against; an incoming connection shows none.
    server_name: Option<String>,
    state: State,
    /// A request over it met silence: others go over a new one.
    suspicion: Suspicion,
    framer: Framer,
    /// When bytes came last.
    heard: Option<Instant>,
}

/// What happened last on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    /// It came in, or is being opened; no message so far.
    Opened(Instant),
    Message(Instant),
}

#[derive(Debug)]
enum State {
    /// Whole messages wait for it to open.
    Connecting {
        from: Option<IpAddr>,
        pending: Vec<Vec<u8>>,
    },
    Open {
        local: SocketAddr,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Suspicion {
    None,
    Silent,
}

impl Flows {
    /// A connection that is being opened.
    pub(crate) fn connect(
        &mut self,
        now: Instant,
        transport: Transport,
        from: Option<IpAddr>,
        remote: SocketAddr,
        server_name: String,
    ) -> FlowId {
        let state = State::Connecting { from, pending: Vec::new() };
        self.insert(transport, remote, Some(server_name), state, Last::Opened(now))
    }

    /// A connection that came in. `Err`: there are too many; the id is for its `Close`.
    pub(crate) fn accept(
        &mut self,
        now: Instant,
        transport: Transport,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Result<FlowId, FlowId> {
        let incoming = self.table.values().filter(|f| f.server_name.is_none()).count();
        if self.is_full() || incoming >= MAX_INCOMING {
            return Err(self.fresh_id());
        }
        Ok(self.insert(transport, remote, None, State::Open { local }, Last::Opened(now)))
    }

    pub(crate) fn is_full(&self) -> bool {
        self.table.len() >= MAX_FLOWS
    }

    /// It is open; gives what has waited for that.
    pub(crate) fn connected(&mut self, now: Instant, id: FlowId, local: SocketAddr) -> Vec<Vec<u8>> {
        let Some(flow) = self.table.get_mut(&id) else { return Vec::new() };
        flow.last = Last::Message(now);
        match std::mem::replace(&mut flow.state, State::Open { local }) {
            State::Connecting { pending, .. } => pending,
            State::Open { .. } => Vec::new(),
        }
    }

    pub(crate) fn remove(&mut self, id: FlowId) -> Option<Flow> {
        self.table.remove(&id)
    }

    pub(crate) fn get(&self, id: FlowId) -> Option<&Flow> {
        self.table.get(&id)
    }

    /// The way over a connection, once it is open.
    pub(crate) fn path(&self, id: FlowId) -> Option<Path> {
        let flow = self.table.get(&id)?;
        Some(Path { transport: flow.transport, local: flow.local()?, remote: flow.remote, flow: Some(id) })
    }

    /// The connection to use again for a server (RFC 3261 18.1.1), open or being opened.
    pub(crate) fn find(&self, transport: Transport, remote: SocketAddr, server_name: &str) -> Option<FlowId> {
        // Where an address is asked for and no name, whoever is at the other end of a connection to just that address is
        // meant: a proxy writes its address into Record-Route and its name into its certificate, and a client without a
        // listener names the address of its connection (RFC 5626 4.3, 5.3).
        let named =
            |flow: &Flow| flow.server_name.as_ref().is_some_and(|n| n.eq_ignore_ascii_case(server_name));
        let by_address = transport == Transport::Tcp || remote.ip().to_string() == server_name;
        let fits = |flow: &Flow| {
            flow.transport == transport
                && flow.remote == remote
                && flow.suspicion == Suspicion::None
                && (by_address || named(flow))
        };
        self.table.iter().find(|(_, f)| fits(f)).map(|(id, _)| *id)
    }

    /// A request over it met silence.
    pub(crate) fn suspect(&mut self, id: FlowId) {
        if let Some(flow) = self.table.get_mut(&id) {
            flow.suspicion = Suspicion::Silent;
        }
    }

    /// The connections from addresses this side no longer has.
    pub(crate) fn stranded(&self, listeners: &[Listener]) -> Vec<FlowId> {
        let gone = |ip: IpAddr| !listeners.is_empty() && !listeners.iter().any(|l| l.address.ip() == ip);
        let from = |flow: &Flow| match &flow.state {
            State::Connecting { from, .. } => *from,
            State::Open { local } => Some(local.ip()),
        };
        self.table.iter().filter(|(_, f)| from(f).is_some_and(gone)).map(|(id, _)| *id).collect()
    }

    /// Keeps a message for a connection that is being opened. False: there is none, or too much waits for it.
    pub(crate) fn keep(&mut self, id: FlowId, bytes: &[u8]) -> bool {
        match self.table.get_mut(&id).map(|f| &mut f.state) {
            Some(State::Connecting { pending, .. }) if pending.len() < MAX_PENDING => {
                pending.push(bytes.to_vec());
                true
            }
            _ => false,
        }
    }

    /// Takes bytes; [`Self::next_frame`] then gives what they complete.
    pub(crate) fn push(&mut self, now: Instant, id: FlowId, bytes: &[u8]) {
        if let Some(flow) = self.table.get_mut(&id) {
            if flow.heard.replace(now).is_some_and(|at| now.saturating_duration_since(at) > ONE_WRITE) {
                flow.framer.pause();
            }
            flow.framer.push(bytes);
        }
    }

    pub(crate) fn next_frame(&mut self, now: Instant, id: FlowId) -> Option<Frame> {
        let flow = self.table.get_mut(&id)?;
        let frame = flow.framer.next_frame()?;
        if matches!(frame, Frame::Message(_)) {
            flow.last = Last::Message(now);
        }
        Some(frame)
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    fn insert(
        &mut self,
        transport: Transport,
        remote: SocketAddr,
        server_name: Option<String>,
        state: State,
        last: Last,
    ) -> FlowId {
        let id = self.fresh_id();
        let (suspicion, framer) = (Suspicion::None, Framer::new());
        self.table
            .insert(id, Flow { transport, remote, last, server_name, state, suspicion, framer, heard: None });
        id
    }

    fn fresh_id(&mut self) -> FlowId {
        self.last = self.last.saturating_add(1);
        FlowId(self.last)
    }
}

impl Flow {
    /// Our end, once it is open.
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        match self.state {
            State::Connecting { .. } => None,
            State::Open { local } => Some(local),
        }
    }
}
