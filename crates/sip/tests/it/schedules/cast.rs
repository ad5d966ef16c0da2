//! Who plays in a schedule, and what each knows of its calls: the model every endpoint's events are held against.

use crate::net::{Net, uri};
use std::collections::BTreeMap;
use tern_sip::wire::HeaderAccess as _;
use tern_sip::wire::sdp::SessionDescription;
use tern_sip::{CallId, CallState, Ending, Event, RegistrationId};

/// What tells one description of a schedule from all others: its port.
pub(super) type Mark = u16;

pub(super) fn mark(sdp: &SessionDescription) -> Mark {
    sdp.media.first().map_or(0, |m| m.port)
}

/// One side of a call, as its application knows it.
pub(super) struct Side {
    pub(super) header_id: String,
    pub(super) incoming: bool,
    pub(super) phase: Phase,
    /// The session both sides last agreed on: ours, theirs.
    pub(super) agreed: Option<(Mark, Mark)>,
    /// Our offer that has no answer yet.
    pub(super) offered: Option<Mark>,
    /// Their offer that we have not answered; the inner `None` asks for ours.
    pub(super) asked: Option<Option<Mark>>,
    /// What a called side answers with, in every response the same.
    pub(super) chosen: Option<SessionDescription>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
    Early,
    Confirmed,
    Over(Ending),
}

/// Everybody's calls. Its methods fail where the order of events is impossible.
#[derive(Default)]
pub(super) struct Cast {
    pub(super) sides: BTreeMap<(usize, CallId), Side>,
    pub(super) accounts: BTreeMap<usize, RegistrationId>,
    descriptions: u64,
}

impl Cast {
    /// A description of a node's sound that is like no other, so that mixed-up sessions show.
    pub(super) fn description(&mut self, net: &Net, node: usize) -> SessionDescription {
        self.descriptions += 1;
        let port = 10_000 + (self.descriptions % 50_000) as u16;
        let mut sdp = crate::net::audio(net.nodes[node].address);
        sdp.media[0].port = port;
        sdp
    }

    pub(super) fn placed(&mut self, net: &Net, node: usize, call: CallId, offer: &SessionDescription) {
        let header_id = net.nodes[node].endpoint.call_header_id(call).unwrap().to_owned();
        let side = Side {
            header_id,
            incoming: false,
            phase: Phase::Early,
            agreed: None,
            offered: Some(mark(offer)),
            asked: None,
            chosen: None,
        };
        self.sides.insert((node, call), side);
    }

    /// A live call of a node, the `n`th of them.
    pub(super) fn some_call(&self, node: usize, n: u64) -> Option<CallId> {
        let live = || self.sides.iter().filter(|((at, _), s)| *at == node && !s.is_over());
        let count = live().count() as u64;
        live().nth(n.checked_rem(count)? as usize).map(|((_, call), _)| *call)
    }

    pub(super) fn side(&mut self, node: usize, call: CallId) -> &mut Side {
        let side = self.sides.get_mut(&(node, call));
        side.unwrap_or_else(|| panic!("node {node} tells of a call {call} nobody knows"))
    }

    pub(super) fn on_event(&mut self, node: usize, event: &Event) {
        match event {
            Event::IncomingCall { call, request, offer, .. } => {
                let side = Side {
                    header_id: request.headers.call_id().unwrap().to_owned(),
                    incoming: true,
                    phase: Phase::Early,
                    agreed: None,
                    offered: None,
                    asked: Some(offer.as_ref().map(mark)),
                    chosen: None,
                };
                let old = self.sides.insert((node, *call), side);
                assert!(old.is_none(), "node {node}: call {call} comes twice");
            }
            Event::Call { id, state } => {
                let side = self.side(node, *id);
                assert!(!side.is_over(), "node {node}: {state:?} after the end of call {id}");
                side.on_state(state);
            }
            Event::Reoffer { call, offer } => {
                let side = self.side(node, *call);
                assert!(!side.is_over(), "node {node}: an offer after the end of call {call}");
                assert!(side.asked.is_none(), "node {node}: two offers open in call {call}");
                side.asked = Some(offer.as_ref().map(mark));
            }
            _ => {}
        }
    }
}

impl Side {
    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_))
    }

    /// Our answer to what was asked, or our offer where they asked for one.
    pub(super) fn answered(&mut self, ours: &SessionDescription) {
        let ours = mark(ours);
        match self.asked.take().expect("something to answer") {
            Some(theirs) => self.agreed = Some((ours, theirs)),
            None => self.offered = Some(ours),
        }
    }

    fn on_state(&mut self, state: &CallState) {
        match state {
            CallState::Trying | CallState::Ringing => {}
            // Each branch of a forked call may answer early; only the one that is taken counts.
            CallState::EarlyMedia { sdp, .. } => {
                if let Some(ours) = self.offered {
                    self.agreed = Some((ours, mark(sdp)));
                }
            }
            CallState::Answered { sdp } => self.they_answered(sdp.as_ref()),
            CallState::Confirmed { sdp } => {
                self.they_answered(sdp.as_ref());
                self.phase = Phase::Confirmed;
            }
            CallState::Ended(ending) => self.phase = Phase::Over(ending.clone()),
        }
    }

    fn they_answered(&mut self, sdp: Option<&SessionDescription>) {
        if let (Some(theirs), Some(ours)) = (sdp, self.offered.take()) {
            self.agreed = Some((ours, mark(theirs)));
        }
    }
}

/// Whether the application is asked something.
pub(super) fn wants_an_answer(event: &Event) -> bool {
    matches!(
        event,
        Event::IncomingCall { .. }
            | Event::Reoffer { .. }
            | Event::TransferAsked { .. }
            | Event::Redirected { .. }
    )
}

/// The address of a node's person, without a proxy between.
pub(super) fn direct_address(net: &Net, node: usize) -> tern_sip::wire::Uri {
    let way = if net.transport.is_reliable() { ";transport=tcp" } else { "" };
    let node = &net.nodes[node];
    uri(&format!("sip:{}@{}{way}", node.name, node.address))
}
