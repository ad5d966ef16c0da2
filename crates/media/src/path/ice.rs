//! Connectivity checks (RFC 8445) over the `is` agent, one for each component.
//!
//! Invariant: what a component sends goes over the pair its agent chose, and over none while it has none: that is
//! also what consent means (RFC 7675 section 5.1). Well before consent ends, it is told that the pair seems dead.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use is::{
    Candidate as Address, CandidateKind as AddressKind, IceAgent, IceAgentEvent, IceConnectionState,
    IceCreds, Protocol,
    stun::{StunMessage, StunPacket},
};

use super::{
    PathEvent, Transmit,
    candidate::{Candidate, CandidateKind, IceCredentials},
    local::Local,
};
use crate::PacketKind;

/// Between two checks (Ta). RFC 8445 section 14.2 has 50 ms where nothing is known and allows 5; a call is waited for.
const PACE: Duration = Duration::from_millis(20);
/// Addresses of the other side that are checked (RFC 8445 section 6.1.2.5 counts pairs, to 100).
const CANDIDATES: usize = 24;
/// Without any sign of the other side for so long, its pair is likely dead: two checks at least went unanswered, and
/// 30 s are what RFC 7675 section 5.1 allows before nothing more may be sent.
const QUIET: Duration = Duration::from_secs(6);
/// The same where something comes from there, but no answers: ours get lost on the way.
const UNANSWERED: Duration = Duration::from_secs(15);

/// What both sides said about checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceConfig {
    /// Ours, as told to the other side.
    pub local: IceCredentials,
    /// The other side's.
    pub remote: IceCredentials,
    /// Whether this side chooses: it made the offer, or the other side is lite (RFC 8445 section 6.1.1).
    pub controlling: bool,
    /// Its addresses.
    pub candidates: Vec<Candidate>,
}

/// The agents of a session.
#[derive(Debug)]
pub(super) struct Ice {
    components: Vec<Component>,
    config: IceConfig,
    /// Our addresses that are checked.
    ours: Vec<Candidate>,
}

#[derive(Debug)]
struct Component {
    kind: PacketKind,
    agent: IceAgent,
    selected: Option<Selected>,
    state: State,
    pulse: Pulse,
}

/// What the other side lets us know of it.
#[derive(Debug)]
struct Pulse {
    /// Answers over the chosen pair.
    answers: u64,
    /// When the last one came.
    answered: Instant,
    /// When anything came over the chosen pair.
    heard: Instant,
    /// What was told, and what is to be told.
    quiet: bool,
    untold: bool,
}

/// The way packets take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Selected {
    /// A socket's address, or that of a relay.
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Checking,
    Connected,
    Failed,
}

impl Ice {
    /// Begins to check. With `mux` RTCP has no component of its own (RFC 5761 section 5.1.3).
    pub(super) fn new(now: Instant, local: &Local, config: IceConfig, mux: bool) -> Self {
        let kinds: &[PacketKind] =
            if mux { &[PacketKind::Rtp] } else { &[PacketKind::Rtp, PacketKind::Rtcp] };
        let ours = local.candidates();
        let components = kinds.iter().map(|kind| Component::new(now, *kind, &ours, &config)).collect();
        Self { components, config, ours }
    }

    /// How many of our addresses are checked.
    pub(super) fn checked(&self) -> usize {
        self.ours.len()
    }

    /// We have found another address within the same session.
    pub(super) fn add_local(&mut self, now: Instant, found: Vec<Candidate>) {
        for candidate in found {
            if self.ours.iter().any(|known| {
                (known.component, known.kind, known.address)
                    == (candidate.component, candidate.kind, candidate.address)
            }) {
                continue;
            }
            for component in self.components.iter_mut().filter(|c| c.kind == candidate.component) {
                component.add(&candidate);
                component.agent.handle_timeout(now);
            }
            self.ours.push(candidate);
        }
    }

    pub(super) fn config(&self) -> &IceConfig {
        &self.config
    }

    /// The other side found another address (RFC 8838 section 13), within the same session.
    pub(super) fn add_remote(&mut self, candidates: &[Candidate]) {
        for candidate in candidates {
            if self.config.candidates.len() >= CANDIDATES || self.config.candidates.contains(candidate) {
                continue;
            }
            self.config.candidates.push(candidate.clone());
            for component in self.components.iter_mut().filter(|c| c.kind == candidate.component) {
                component.agent.add_remote_candidate(remote(candidate));
            }
        }
    }

    /// Whether every component has a way.
    pub(super) fn is_connected(&self) -> bool {
        self.components.iter().all(|component| component.selected.is_some())
    }

    /// Whether no way was found, or none is left.
    pub(super) fn has_failed(&self) -> bool {
        self.components.iter().any(|component| component.state == State::Failed)
    }

    /// A packet of the other side's came to a socket or relay.
    pub(super) fn heard(&mut self, now: Instant, kind: PacketKind, at: SocketAddr, from: SocketAddr) {
        if let Some(component) = self.components.iter_mut().find(|c| c.kind == kind) {
            component.heard(now, at, from);
        }
    }

    /// Takes a STUN message of a component that came to a socket or relay; false where it belongs to other checks.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        kind: PacketKind,
        at: SocketAddr,
        from: SocketAddr,
        datagram: &[u8],
    ) -> bool {
        let Ok(message) = StunMessage::parse(datagram) else { return true };
        let Some(component) = self.components.iter_mut().find(|c| c.kind == kind) else { return false };
        let packet = StunPacket { proto: Protocol::Udp, source: from, destination: at, message };
        let taken = component.agent.handle_packet(now, packet);
        if taken {
            component.heard(now, at, from);
        }
        component.agent.handle_timeout(now);
        component.watch(now);
        taken
    }

    /// Whether packets of a component from there are the other side's: a check has reached it there.
    pub(super) fn knows(&self, kind: PacketKind, from: SocketAddr) -> bool {
        self.component(kind).is_some_and(|component| component.agent.has_viable_remote_candidate(from))
    }

    /// The way packets of a component take.
    pub(super) fn selected(&self, kind: PacketKind) -> Option<Selected> {
        self.component(kind)?.selected
    }

    pub(super) fn poll_timeout(&mut self) -> Option<Instant> {
        let alarms = |component: &mut Component| [component.agent.poll_timeout(), component.alarm()];
        self.components.iter_mut().flat_map(alarms).flatten().min()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        for component in &mut self.components {
            if component.agent.poll_timeout().is_none_or(|at| at <= now) {
                component.agent.handle_timeout(now);
            }
            component.watch(now);
        }
    }

    /// Checks and answers to send; `from` is a socket or a relay.
    pub(super) fn poll_transmit(&mut self) -> Option<Transmit> {
        let sending = self.components.iter_mut().find_map(|component| component.agent.poll_transmit())?;
        let (from, to) = (sending.source, sending.destination);
        Some(Transmit { from, to, bytes: sending.contents.into(), stream: None })
    }

    /// What the agents decided.
    pub(super) fn poll_event(&mut self, local: &Local) -> Option<PathEvent> {
        self.components.iter_mut().find_map(|component| component.poll_event(local))
    }

    fn component(&self, kind: PacketKind) -> Option<&Component> {
        self.components.iter().find(|component| component.kind == kind)
    }
}

impl Component {
    fn new(now: Instant, kind: PacketKind, ours: &[Candidate], config: &IceConfig) -> Self {
        let mut agent = IceAgent::new(credentials(&config.local));
        agent.set_controlling(config.controlling);
        agent.set_timing_advance(PACE);
        agent.set_remote_credentials(credentials(&config.remote));
        let pulse = Pulse { answers: 0, answered: now, heard: now, quiet: false, untold: false };
        let mut component = Self { kind, agent, selected: None, state: State::Checking, pulse };
        for candidate in ours.iter().filter(|c| c.component == kind) {
            component.add(candidate);
        }
        for candidate in config.candidates.iter().filter(|c| c.component == kind).take(CANDIDATES) {
            component.agent.add_remote_candidate(remote(candidate));
        }
        component.agent.handle_timeout(now);
        component
    }

    fn add(&mut self, candidate: &Candidate) {
        match own(candidate) {
            Ok(address) => {
                self.agent.add_local_candidate(address);
            }
            Err(error) => tracing::debug!(%error, "an address that can't be checked"),
        }
    }

    /// Something of the other side's came; over another pair it tells nothing of the chosen one.
    fn heard(&mut self, now: Instant, at: SocketAddr, from: SocketAddr) {
        if self.selected == Some(Selected { from: at, to: from }) {
            self.pulse.heard = now;
        }
    }

    /// When the other side will have been quiet for too long.
    fn alarm(&self) -> Option<Instant> {
        let Pulse { answered, heard, quiet, .. } = self.pulse;
        self.selected.filter(|_| !quiet)?;
        let silent = answered.max(heard).checked_add(QUIET)?;
        Some(silent.min(answered.checked_add(UNANSWERED)?))
    }

    /// Looks whether the other side answers.
    fn watch(&mut self, now: Instant) {
        let answers = self.agent.nominated_pair_responses_received().unwrap_or_default();
        if std::mem::replace(&mut self.pulse.answers, answers) != answers {
            self.pulse.answered = now;
            self.pulse.untold |= std::mem::take(&mut self.pulse.quiet);
        } else if self.alarm().is_some_and(|alarm| alarm <= now) {
            (self.pulse.quiet, self.pulse.untold) = (true, true);
        }
    }

    /// What is to be told of the other side's answers.
    fn poll_pulse(&mut self) -> Option<PathEvent> {
        let told = std::mem::take(&mut self.pulse.untold) && self.kind == PacketKind::Rtp;
        (told && self.selected.is_some()).then_some(if self.pulse.quiet {
            PathEvent::Quiet
        } else {
            PathEvent::Answering
        })
    }

    fn poll_event(&mut self, local: &Local) -> Option<PathEvent> {
        while let Some(event) = self.agent.poll_event() {
            match event {
                IceAgentEvent::NominatedSend { source, destination, .. } => {
                    let selected = Selected { from: source, to: destination };
                    if self.selected == Some(selected) {
                        continue;
                    }
                    let first = self.selected.replace(selected).is_none();
                    self.state = State::Connected;
                    if self.kind == PacketKind::Rtp {
                        let relayed = local.component_of(source).is_none();
                        return Some(if first {
                            PathEvent::Connected { from: source, to: destination, relayed }
                        } else {
                            PathEvent::Moved { to: destination }
                        });
                    }
                }
                IceAgentEvent::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                    // RFC 7675 section 5.1: without consent nothing more is sent.
                    self.selected = None;
                    let before = std::mem::replace(&mut self.state, State::Failed);
                    if self.kind == PacketKind::Rtp {
                        match before {
                            State::Connected => return Some(PathEvent::Lost),
                            State::Checking => return Some(PathEvent::Failed),
                            State::Failed => {}
                        }
                    }
                }
                IceAgentEvent::IceConnectionStateChange(_)
                | IceAgentEvent::IceRestart(_)
                | IceAgentEvent::DiscoveredRecv { .. } => {}
            }
        }
        self.poll_pulse()
    }
}

fn credentials(credentials: &IceCredentials) -> IceCreds {
    IceCreds { ufrag: credentials.fragment.clone(), pass: credentials.password.clone() }
}

/// One of ours as the agent wants it, which knows one component only.
fn own(candidate: &Candidate) -> Result<Address, is::IceError> {
    let base = candidate.related.unwrap_or(candidate.address);
    match candidate.kind {
        CandidateKind::Host | CandidateKind::PeerReflexive => Address::host(candidate.address, Protocol::Udp),
        CandidateKind::ServerReflexive => Address::server_reflexive(candidate.address, base, Protocol::Udp),
        CandidateKind::Relayed => Address::relayed(candidate.address, base, Protocol::Udp),
    }
}

/// One of the other side's.
fn remote(candidate: &Candidate) -> Address {
    let kind = match candidate.kind {
        CandidateKind::Host => AddressKind::Host,
        CandidateKind::PeerReflexive => AddressKind::PeerReflexive,
        CandidateKind::ServerReflexive => AddressKind::ServerReflexive,
        CandidateKind::Relayed => AddressKind::Relayed,
    };
    Address::from_parts(
        candidate.foundation.clone(),
        1,
        Protocol::Udp,
        candidate.priority,
        candidate.address,
        kind,
        candidate.related,
        None,
        None,
    )
}
