//! Connections: which there are, and the messages cut out of their bytes (RFC 3261 18.3).
//!
//! Invariant: a flow is in the table from its `Connect`, or its acceptance, to its `Close` or the driver's word that it
//! is gone. What waits for one, and what its end means to a request, is for [`crate::layer`].

use crate::ids::FlowId;
use crate::transport::Transport;
use crate::wire::{Frame, Framer};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Connections at a time; beyond, incoming ones are closed at once.
const MAX_FLOWS: usize = 512;

#[derive(Debug, Default)]
pub(crate) struct Flows {
    table: BTreeMap<FlowId, Flow>,
    last: u64,
}

#[derive(Debug)]
pub(crate) struct Flow {
    pub(crate) transport: Transport,
    pub(crate) remote: SocketAddr,
    /// What its certificate was checked against; an incoming connection shows none.
    pub(crate) server_name: Option<String>,
    state: State,
    framer: Framer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Connecting,
    Open { local: SocketAddr },
}

impl Flows {
    /// A connection that is being opened.
    pub(crate) fn connect(
        &mut self,
        transport: Transport,
        remote: SocketAddr,
        server_name: String,
    ) -> FlowId {
        self.insert(Flow {
            transport,
            remote,
            server_name: Some(server_name),
            state: State::Connecting,
            framer: Framer::new(),
        })
    }

    /// A connection that came in. `Err`: there are too many; the id is for its `Close`.
    pub(crate) fn accept(
        &mut self,
        transport: Transport,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Result<FlowId, FlowId> {
        if self.is_full() {
            return Err(self.fresh_id());
        }
        let state = State::Open { local };
        Ok(self.insert(Flow { transport, remote, server_name: None, state, framer: Framer::new() }))
    }

    pub(crate) fn is_full(&self) -> bool {
        self.table.len() >= MAX_FLOWS
    }

    pub(crate) fn connected(&mut self, id: FlowId, local: SocketAddr) {
        if let Some(flow) = self.table.get_mut(&id) {
            flow.state = State::Open { local };
        }
    }

    pub(crate) fn remove(&mut self, id: FlowId) -> Option<Flow> {
        self.table.remove(&id)
    }

    pub(crate) fn get(&self, id: FlowId) -> Option<&Flow> {
        self.table.get(&id)
    }

    /// The connection to use again for a server (RFC 3261 18.1.1), open or being opened.
    pub(crate) fn find(&self, transport: Transport, remote: SocketAddr, server_name: &str) -> Option<FlowId> {
        // An incoming connection has proven no name. It may serve where none is asked for: the other side has named
        // the address of its connection itself.
        let fits = |flow: &Flow| match &flow.server_name {
            Some(name) => transport == Transport::Tcp || name.eq_ignore_ascii_case(server_name),
            None => transport == Transport::Tcp || remote.ip().to_string() == server_name,
        };
        let found =
            self.table.iter().find(|(_, f)| f.transport == transport && f.remote == remote && fits(f));
        found.map(|(id, _)| *id)
    }

    /// Takes bytes; [`Self::next_frame`] then gives what they complete.
    pub(crate) fn push(&mut self, id: FlowId, bytes: &[u8]) {
        if let Some(flow) = self.table.get_mut(&id) {
            flow.framer.push(bytes);
        }
    }

    pub(crate) fn next_frame(&mut self, id: FlowId) -> Option<Frame> {
        self.table.get_mut(&id)?.framer.next_frame()
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    fn insert(&mut self, flow: Flow) -> FlowId {
        let id = self.fresh_id();
        self.table.insert(id, flow);
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
            State::Connecting => None,
            State::Open { local } => Some(local),
        }
    }
}
