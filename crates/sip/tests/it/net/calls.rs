//! What tests say and read of calls.

use super::Net;
use std::net::SocketAddr;
use tern_sip::offer_answer::{
    AudioCapabilities, SecurityCapabilities, SessionVersion, TransportCapabilities, offer,
};
use tern_sip::wire::sdp::{Codec, Direction, SessionDescription};
use tern_sip::wire::{Address, Uri};
use tern_sip::{CallConfig, CallState, Ending, Event, Identity};

/// A description of an audio stream with PCMU at this node.
pub(crate) fn audio(address: SocketAddr) -> SessionDescription {
    offer(&AudioCapabilities {
        address: SocketAddr::new(address.ip(), 4000),
        codecs: vec![Codec::well_known(0).unwrap()],
        ptime: Some(20),
        direction: Direction::SendRecv,
        session: SessionVersion { id: 1, version: 1 },
        security: SecurityCapabilities::default(),
        transport: TransportCapabilities::default(),
        own_order: false,
        extended_reports: false,
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
