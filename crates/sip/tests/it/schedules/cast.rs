//! Who plays in a schedule, and what each knows of its calls: the model every endpoint's events are held against.

use super::audit;
use crate::net::{Net, uri};
use std::collections::{BTreeMap, BTreeSet};
use tern_sip::offer_answer::with_direction;
use tern_sip::wire::HeaderAccess as _;
use tern_sip::wire::sdp::{Direction, SessionDescription};
use tern_sip::{CallId, CallState, Ending, Event, MessageId, RegistrationId};

/// What tells one description of a schedule from all others: its port, and which way sound goes.
pub(super) type Mark = (u16, Direction);

pub(super) fn mark(sdp: &SessionDescription) -> Mark {
    sdp.media.first().map_or((0, Direction::Inactive), |m| (m.port, sdp.direction_of(m)))
}

/// One side of a call, as its application knows it.
pub(super) struct Side {
    pub(super) header_id: String,
    pub(super) incoming: bool,
    pub(super) phase: Phase,
    /// The session both sides last agreed on: ours, theirs.
    pub(super) agreed: Option<(Mark, Mark)>,
    /// Our first offer; what it was answered with last is in `agreed`.
    offered: Option<Mark>,
    /// Of an incoming call: what its INVITE offers, until it is answered for good; the inner `None` asks for ours.
    first: Option<Option<Mark>>,
    /// Their later offer that we have not answered; the inner `None` asks for ours.
    pub(super) asked: Option<Option<Mark>>,
    /// Every description of theirs, and which of ours it belongs to: branches agree on sessions of their own.
    pairs: BTreeMap<u16, Mark>,
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
    /// Messages without an outcome.
    pub(super) messages: BTreeSet<(usize, MessageId)>,
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

    pub(super) fn placed(
        &mut self,
        net: &Net,
        node: usize,
        call: CallId,
        offer: Option<&SessionDescription>,
    ) {
        let header_id = net.nodes[node].endpoint.call_header_id(call).unwrap().to_owned();
        let side = Side {
            header_id,
            incoming: false,
            phase: Phase::Early,
            agreed: None,
            offered: offer.map(mark),
            first: None,
            asked: None,
            pairs: BTreeMap::new(),
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

    pub(super) fn on_event(&mut self, net: &Net, node: usize, event: &Event) {
        match event {
            Event::IncomingCall { call, request, offer, .. } => {
                let side = Side {
                    header_id: request.headers.call_id().unwrap().to_owned(),
                    incoming: true,
                    phase: Phase::Early,
                    agreed: None,
                    offered: None,
                    first: Some(offer.as_ref().map(mark)),
                    asked: None,
                    pairs: BTreeMap::new(),
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
                // Whoever changes the session has heard our answer to the first offer.
                side.take_chosen();
                side.asked = Some(offer.as_ref().map(mark));
            }
            Event::OfferAnswered { call, result } => {
                let side = self.side(node, *call);
                assert!(!side.is_over(), "node {node}: an answer after the end of call {call}");
                if let Ok(theirs) = result {
                    let theirs = mark(theirs);
                    side.take_chosen();
                    match audit::offer_answered_with(net, node, &side.header_id, theirs.0) {
                        Some(ours) => side.agree(mark(&ours), theirs),
                        // It came in a PRACK, for what our provisional answer offered.
                        None => side.they_answered(theirs),
                    }
                }
            }
            Event::MessageSent { id, .. } => {
                assert!(self.messages.remove(&(node, *id)), "node {node}: message {id} has two outcomes");
            }
            _ => {}
        }
    }
}

impl Side {
    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_))
    }

    /// We took the call with our chosen description.
    pub(super) fn take_chosen(&mut self) {
        let (Some(first), Some(chosen)) = (self.first, self.chosen.as_ref().map(mark)) else { return };
        self.first = None;
        match first {
            Some(theirs) => self.agree(chosen, theirs),
            None => self.offered = Some(chosen),
        }
    }

    /// Our answer to what was asked, or our offer where they asked for one.
    pub(super) fn answered(&mut self, ours: &SessionDescription) {
        match self.asked.take() {
            Some(Some(theirs)) => self.agree(mark(ours), theirs),
            _ => self.offered = Some(mark(ours)),
        }
    }

    /// What to say to what is asked.
    pub(super) fn answer_with(&self, ours: &SessionDescription) -> SessionDescription {
        let direction = self.asked.flatten().map_or(Direction::SendRecv, |(_, theirs)| theirs.reversed());
        with_direction(ours, direction)
    }

    fn on_state(&mut self, state: &CallState) {
        match state {
            CallState::Trying | CallState::Ringing => {}
            // Each branch of a forked call may answer early; only the one that is taken counts.
            CallState::EarlyMedia { sdp, .. } => self.they_answered(mark(sdp)),
            CallState::Answered { sdp } => {
                sdp.iter().for_each(|sdp| self.they_answered(mark(sdp)));
            }
            CallState::Confirmed { sdp } => {
                sdp.iter().for_each(|sdp| self.they_answered(mark(sdp)));
                self.phase = Phase::Confirmed;
            }
            CallState::Ended(ending) => self.phase = Phase::Over(ending.clone()),
        }
    }

    fn they_answered(&mut self, theirs: Mark) {
        if let Some(ours) = self.pairs.get(&theirs.0).copied().or(self.offered) {
            self.agree(ours, theirs);
        }
    }

    fn agree(&mut self, ours: Mark, theirs: Mark) {
        self.pairs.insert(theirs.0, ours);
        self.agreed = Some((ours, theirs));
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
            | Event::MessageReceived { .. }
    )
}

/// The address of a node's person, without a proxy between.
pub(super) fn direct_address(net: &Net, node: usize) -> tern_sip::wire::Uri {
    let way = if net.transport.is_reliable() { ";transport=tcp" } else { "" };
    let node = &net.nodes[node];
    uri(&format!("sip:{}@{}{way}", node.name, node.address))
}
