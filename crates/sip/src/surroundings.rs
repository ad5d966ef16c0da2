//! What every part of the endpoint works with: settings, timers, randomness, outputs, counters.

use crate::account::Account;
use crate::config::{EndpointConfig, Reliability};
use crate::event::{CallState, Event, Output, Stats, Way};
use crate::flow::Flows;
use crate::ids::{CallId, FlowId, RegistrationId, ResolveId, SubscriptionId};
use crate::layer::KeepId;
use crate::random::Random;
use crate::timers::Timers;
use crate::transaction::{ClientId, Path, ServerId, Timer};
use crate::transport::{Listener, Source, Transport};
use crate::wire::{HeaderAccess as _, Response};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// What comes in is dropped while this many outputs wait: the driver has stopped taking them.
pub(crate) const MAX_OUTPUTS: usize = 8192;
/// Paths whose view of our address is kept.
const MAX_SEEN: usize = 64;
/// No wait is longer, whoever asked for it: beyond, adding it to an `Instant` may overflow.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

/// How long a response asks to wait (RFC 3261 20.33).
pub(crate) fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers.number("Retry-After")?;
    Some(Duration::from_secs(seconds.into()).min(LONGEST_WAIT))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TimerKey {
    Client(ClientId, Timer),
    Server(ServerId, Timer),
    /// A request the application has not answered.
    Unanswered(ServerId),
    /// A question the DNS has not answered.
    Resolve(ResolveId),
    /// A request that has waited long enough for its way, or at a silent server.
    Errand(ClientId),
    /// A connection that may be idle.
    Flow(FlowId),
    /// A path to be kept alive.
    KeepAlive(KeepId),
    Call(CallId, CallTimer),
    /// One flow of an account.
    Registration(RegistrationId, u8),
    Subscription(SubscriptionId, SubscriptionTimer),
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
    /// The application has not decided about a transfer it was asked for.
    TransferAsked,
    /// No news of a transfer came.
    TransferNews,
    /// No ACK came (RFC 3261 13.3.1.4).
    NoAck,
    /// A request inside the call is sent again, by its number.
    Again(u32),
    /// A reliable provisional response again (RFC 3262 3).
    Reliable,
    /// No PRACK came.
    Unacknowledged,
    /// An offer refused for now is made again (RFC 3261 14.1).
    Offer,
    /// A re-INVITE got no final response.
    OfferLimit,
    /// The session is to be confirmed (RFC 4028 10).
    Refresh,
    /// Nobody confirmed it.
    Expire,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum SubscriptionTimer {
    /// The refresh is due, or the next try.
    Next,
    /// No NOTIFY came (RFC 6665 4.1.2.4: timer N).
    N,
    /// What the server granted is over.
    Expiry,
}

#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) config: EndpointConfig,
    pub(crate) timers: Timers<TimerKey>,
    pub(crate) random: Random,
    pub(crate) flows: Flows,
    /// Our address as others see it, by the path they see it on; the oldest first.
    seen: VecDeque<(Path, SocketAddr)>,
    pub(crate) outputs: VecDeque<Output>,
    /// Calls whose states somebody else waits for, and those states.
    pub(crate) followed: BTreeSet<CallId>,
    pub(crate) news: VecDeque<(CallId, CallState)>,
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
            seen: VecDeque::new(),
            outputs: VecDeque::new(),
            followed: BTreeSet::new(),
            news: VecDeque::new(),
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

    /// Sends a response: over the connection of its request, and when that is gone over a new one to where the request
    /// says (RFC 3261 18.2.2), once.
    pub(crate) fn respond(
        &mut self,
        now: Instant,
        path: &mut Path,
        retreat: &mut Option<SocketAddr>,
        bytes: Vec<u8>,
    ) {
        let alive = path.flow.is_none_or(|flow| self.flows.get(flow).is_some());
        if !alive && let Some(remote) = retreat.take() {
            let name = remote.ip().to_string();
            let found = self.flows.find(path.transport, remote, &name);
            path.flow = found.or_else(|| self.connect(now, path.transport, remote, name)).or(path.flow);
            path.remote = remote;
        }
        if !path.flow.is_some_and(|flow| self.flows.keep(flow, &bytes)) {
            self.transmit(*path, bytes);
        }
    }

    /// Opens a connection. `None`: there are too many, or this side has no address of that family.
    pub(crate) fn connect(
        &mut self,
        now: Instant,
        transport: Transport,
        remote: SocketAddr,
        server_name: String,
    ) -> Option<FlowId> {
        let local = self.local_ip_for(remote);
        // Where the addresses of this side are known and none fits, it has no such network.
        if (local.is_none() && !self.config.listeners.is_empty()) || self.flows.is_full() {
            return None;
        }
        let flow = self.flows.connect(now, transport, local, remote, server_name.clone());
        self.timers.set(TimerKey::Flow(flow), now + self.config.timers.transaction_life());
        self.outputs.push_back(Output::Connect { flow, transport, local, remote, server_name });
        Some(flow)
    }

    /// A connection is open: the responses that have waited for it go out.
    pub(crate) fn connected(&mut self, now: Instant, flow: FlowId, local: SocketAddr) {
        let pending = self.flows.connected(now, flow, local);
        if let Some(path) = self.flows.path(flow) {
            for bytes in pending {
                self.transmit(path, bytes);
            }
        }
    }

    /// Gives a message out as it went over the network, where that is wanted.
    pub(crate) fn trace(&mut self, way: Way, place: Source, bytes: Vec<u8>) {
        let Source { transport, local, remote, .. } = place;
        self.outputs.push_back(Output::Trace { way, transport, local, remote, bytes });
    }

    pub(crate) fn event(&mut self, event: Event) {
        if let Event::Call { id, state } = &event
            && self.followed.contains(id)
        {
            self.news.push_back((*id, state.clone()));
        }
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

    /// What stands in Contact for whoever has that path: the address it has seen (RFC 3581 4), which lets it through
    /// the NAT between; an address that is listened at is left as it is.
    pub(crate) fn contact_address(&self, path: Path) -> SocketAddr {
        let reachable = self.reachable(path);
        match self.public_address(path) {
            Some(public) if reachable == path.local => public,
            _ => reachable,
        }
    }

    /// Our address as the other side of a path sees it, as far as it has told.
    pub(crate) fn public_address(&self, path: Path) -> Option<SocketAddr> {
        self.seen.iter().find(|(p, _)| *p == path).map(|(_, public)| *public)
    }

    /// True when it is another than what our Contact has said so far.
    pub(crate) fn note_public_address(&mut self, path: Path, public: SocketAddr) -> bool {
        let before = self.contact_address(path);
        self.forget_public_address(path);
        if self.seen.len() >= MAX_SEEN {
            self.seen.pop_front();
        }
        self.seen.push_back((path, public));
        before != self.contact_address(path)
    }

    pub(crate) fn forget_public_address(&mut self, path: Path) {
        self.seen.retain(|(p, _)| *p != path);
    }

    /// Whether datagrams are received at that address.
    pub(crate) fn is_ours(&self, local: SocketAddr) -> bool {
        self.config.listeners.iter().any(|l| l.transport == Transport::Udp && l.address == local)
    }

    /// Forgets what was seen by ways that are no longer there.
    pub(crate) fn forget_gone_addresses(&mut self) {
        let mut seen = std::mem::take(&mut self.seen);
        seen.retain(|(path, _)| path.flow.is_some() || self.is_ours(path.local));
        self.seen = seen;
    }

    fn nearest(&self, remote: SocketAddr, fits: impl Fn(&Listener) -> bool) -> Option<SocketAddr> {
        let fits = |l: &&Listener| fits(l) && l.address.is_ipv4() == remote.is_ipv4();
        let candidates = || self.config.listeners.iter().filter(fits).map(|l| l.address);
        candidates()
            .find(|a| a.ip().is_loopback() == remote.ip().is_loopback())
            .or_else(|| candidates().next())
    }

    /// Option tags that are not offered.
    pub(crate) fn switched_off(&self) -> Vec<&'static str> {
        let mut off = Vec::new();
        if self.config.reliable_provisionals == Reliability::Off {
            off.push("100rel");
        }
        if self.config.session_timer.is_none() {
            off.push("timer");
        }
        off
    }

    /// The Allow header: the dialog methods and what the application handles.
    pub(crate) fn allow(&self) -> String {
        let mut allow =
            "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, MESSAGE, REFER, NOTIFY, INFO".to_owned();
        for method in self.config.handles.iter().map(|m| m.as_str()) {
            if !allow.split(", ").any(|known| known == method) {
                allow.push_str(", ");
                allow.push_str(method);
            }
        }
        allow
    }
}
