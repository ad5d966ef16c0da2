//! What every part of the endpoint works with: settings, timers, randomness, outputs, counters.

use crate::account::Account;
use crate::config::EndpointConfig;
use crate::event::{Event, Output, Stats, Way};
use crate::flow::Flows;
use crate::ids::{CallId, RegistrationId, ResolveId};
use crate::random::Random;
use crate::timers::Timers;
use crate::transaction::{ClientId, Path, ServerId, Timer};
use crate::transport::{Listener, Source, Transport};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// What comes in is dropped while this many outputs wait: the driver has stopped taking them.
pub(crate) const MAX_OUTPUTS: usize = 8192;
/// No wait is longer, whoever asked for it: beyond, adding it to an `Instant` may overflow.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TimerKey {
    Client(ClientId, Timer),
    Server(ServerId, Timer),
    /// A request the application has not answered.
    Unanswered(ServerId),
    /// A question the DNS has not answered.
    Resolve(ResolveId),
    /// A request that has waited long enough for its way.
    Errand(ClientId),
    Call(CallId, CallTimer),
    /// One flow of an account.
    Registration(RegistrationId, u8),
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
    pub(crate) flows: Flows,
    pub(crate) outputs: VecDeque<Output>,
    pub(crate) stats: Stats,
    /// The accounts that are registered, or on their way there.
    pub(crate) accounts: BTreeMap<RegistrationId, Account>,
}

impl Surroundings {
    pub(crate) fn new(config: EndpointConfig) -> Surroundings {
        Surroundings {
            timers: Timers::new(),
            random: Random::new(config.seed),
            flows: Flows::default(),
            outputs: VecDeque::new(),
            stats: Stats::default(),
            accounts: BTreeMap::new(),
            config,
        }
    }

    /// Sends a message. Over a connection that is gone nothing is sent: its transactions hear of its end.
    pub(crate) fn transmit(&mut self, path: Path, bytes: Vec<u8>) {
        let Path { transport, local, remote, flow } = path;
        let output = match flow {
            None => Output::Transmit { local, remote, bytes },
            Some(flow) if self.flows.get(flow).is_some_and(|f| f.local().is_some()) => {
                Output::Write { flow, bytes }
            }
            Some(_) => return,
        };
        self.stats.sent = self.stats.sent.saturating_add(1);
        if let (true, Output::Transmit { bytes, .. } | Output::Write { bytes, .. }) =
            (self.config.trace, &output)
        {
            let bytes = bytes.clone();
            self.trace(Way::Out, Source { transport, local, remote, flow }, bytes);
        }
        self.outputs.push_back(output);
    }

    /// Gives a message out as it went over the network, where that is wanted.
    pub(crate) fn trace(&mut self, way: Way, place: Source, bytes: Vec<u8>) {
        let Source { transport, local, remote, .. } = place;
        self.outputs.push_back(Output::Trace { way, transport, local, remote, bytes });
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// The local address to send datagrams from: of the same family, and loopback only to loopback where there is a
    /// choice.
    pub(crate) fn local_for(&self, remote: SocketAddr) -> Option<SocketAddr> {
        self.nearest(remote, |l| l.transport == Transport::Udp)
    }

    /// The local address a connection is to be opened from; `None` leaves it to the system.
    pub(crate) fn local_ip_for(&self, remote: SocketAddr) -> Option<IpAddr> {
        self.nearest(remote, |_| true).map(|a| a.ip())
    }

    /// Where this side is reached by whoever has that path: what stands in Via and Contact. A connection to nobody's
    /// listener reaches only itself.
    pub(crate) fn reachable(&self, path: Path) -> SocketAddr {
        match path.flow {
            None => path.local,
            Some(_) => self.nearest(path.local, |l| l.transport == path.transport).unwrap_or(path.local),
        }
    }

    fn nearest(&self, remote: SocketAddr, fits: impl Fn(&Listener) -> bool) -> Option<SocketAddr> {
        let fits = |l: &&Listener| fits(l) && l.address.is_ipv4() == remote.is_ipv4();
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
