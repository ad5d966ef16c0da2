//! What every part of the endpoint works with: settings, timers, randomness, outputs, counters.

use crate::config::EndpointConfig;
use crate::event::{Event, Output, Stats};
use crate::ids::{CallId, RegistrationId, ResolveId};
use crate::random::Random;
use crate::timers::Timers;
use crate::transaction::{ClientId, Path, ServerId, Timer};
use crate::transport::Transport;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// Datagrams are dropped while this many outputs wait: the driver has stopped taking them.
pub(crate) const MAX_OUTPUTS: usize = 8192;
/// No wait is longer, whoever asked for it: beyond, adding it to an `Instant` may overflow.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TimerKey {
    Client(ClientId, Timer),
    Server(ServerId, Timer),
    /// A request the application has not answered.
    Unanswered(ServerId),
    /// A name the driver has not resolved.
    Resolve(ResolveId),
    Call(CallId, CallTimer),
    Registration(RegistrationId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CallTimer {
    /// It has rung long enough.
    Ring,
    /// A cancelled INVITE got no final response (RFC 3261 9.1).
    Cancel,
    /// The 2xx again (RFC 3261 13.3.1.4).
    Retransmit,
    /// The application did not answer a re-INVITE.
    Reoffer,
    /// No ACK came (RFC 3261 13.3.1.4).
    NoAck,
    /// A request inside the call is sent again, by its number.
    Again(u32),
}

#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) config: EndpointConfig,
    pub(crate) timers: Timers<TimerKey>,
    pub(crate) random: Random,
    pub(crate) outputs: VecDeque<Output>,
    pub(crate) stats: Stats,
}

impl Surroundings {
    pub(crate) fn new(config: EndpointConfig) -> Surroundings {
        Surroundings {
            timers: Timers::new(),
            random: Random::new(config.seed),
            outputs: VecDeque::new(),
            stats: Stats::default(),
            config,
        }
    }

    pub(crate) fn transmit(&mut self, path: Path, bytes: Vec<u8>) {
        self.stats.sent = self.stats.sent.saturating_add(1);
        let Path { transport, local, remote } = path;
        self.outputs.push_back(Output::Transmit { transport, local, remote, bytes });
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// The local address to send from: same transport and family, and loopback only to loopback where there is a
    /// choice.
    pub(crate) fn local_for(&self, transport: Transport, remote: SocketAddr) -> Option<SocketAddr> {
        let fits = |l: &&crate::transport::Listener| {
            l.transport == transport && l.address.is_ipv4() == remote.is_ipv4()
        };
        let candidates = || self.config.listeners.iter().filter(fits).map(|l| l.address);
        candidates()
            .find(|a| a.ip().is_loopback() == remote.ip().is_loopback())
            .or_else(|| candidates().next())
    }

    /// The Allow header: the dialog methods and what the application handles.
    pub(crate) fn allow(&self) -> String {
        let mut allow = "INVITE, ACK, CANCEL, BYE, OPTIONS".to_owned();
        for method in self.config.handles.iter().map(|m| m.as_str()).filter(|m| *m != "OPTIONS") {
            allow.push_str(", ");
            allow.push_str(method);
        }
        allow
    }
}
