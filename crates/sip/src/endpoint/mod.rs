//! The endpoint: the one owner of all transactions, dialogs, calls and registrations.
//!
//! It only tells who a message, a timer or a command is for; what happens then stands in [`crate::layer`],
//! [`crate::uas`], [`crate::invite`] and [`crate::registration`].

use crate::config::EndpointConfig;
use crate::event::{Output, Stats, Way};
use crate::guard::Guard;
use crate::ids::{CallId, FlowId, MessageId, RegistrationId, ResolveId, SubscriptionId};
use crate::invite::Call;
use crate::layer::{Layer, Owner, Upcall};
use crate::message::Outgoing;
use crate::registration::Registration;
use crate::stun;
use crate::subscription::Subscription;
use crate::surroundings::{MAX_OUTPUTS, Surroundings, TimerKey};
use crate::transaction::Path;
use crate::transport::{Answer, Datagram, Disconnect, Listener, Source, Transport};
use crate::wire::{Frame, HeaderAccess as _, Message, ParseError, Response, parse_datagram};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Instant;

mod accounts;
mod calls;
mod requests;
mod transfers;

pub use calls::CallError;

/// A SIP user agent without input or output of its own. The crate's front page shows how it is driven.
#[derive(Debug)]
pub struct Endpoint {
    layer: Layer,
    calls: BTreeMap<CallId, Call>,
    /// Call-ID and our tag of every call.
    dialogs: HashMap<(String, String), CallId>,
    registrations: BTreeMap<RegistrationId, Registration>,
    ties: transfers::Ties,
    messages: BTreeMap<MessageId, Outgoing>,
    subscriptions: BTreeMap<SubscriptionId, Subscription>,
    guard: Guard,
}

impl Endpoint {
    /// An endpoint with no registrations and no calls.
    pub fn new(config: EndpointConfig) -> Endpoint {
        Endpoint {
            guard: Guard::new(config.flood),
            layer: Layer::new(Surroundings::new(config)),
            calls: BTreeMap::new(),
            dialogs: HashMap::new(),
            registrations: BTreeMap::new(),
            ties: Default::default(),
            messages: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
        }
    }

    /// Takes a datagram from the network.
    pub fn handle_datagram(&mut self, now: Instant, datagram: Datagram<'_>) {
        let Datagram { local, remote, bytes } = datagram;
        if stun::is_stun(bytes) {
            for upcall in self.layer.receive_stun(now, local, remote, bytes) {
                self.tell(now, Some(upcall));
            }
        } else {
            let source = Source { transport: Transport::Udp, local, remote, flow: None };
            self.on_message(now, source, bytes);
        }
        self.heed(now);
    }

    /// A connection came in. Its id names it in [`Self::handle_stream`], [`Self::disconnected`] and the outputs.
    pub fn accepted(
        &mut self,
        now: Instant,
        transport: Transport,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> FlowId {
        self.layer.accepted(now, transport, local, remote).unwrap_or_else(|flow| {
            self.close(flow);
            flow
        })
    }

    /// The connection of [`Output::Connect`] is open, with TLS after its handshake and the check of the name.
    pub fn connected(&mut self, now: Instant, flow: FlowId, local: SocketAddr) {
        self.layer.connected(now, flow, local);
    }

    /// Takes bytes of a connection, cut anywhere (RFC 3261 18.3).
    pub fn handle_stream(&mut self, now: Instant, flow: FlowId, bytes: &[u8]) {
        self.layer.around.flows.push(now, flow, bytes);
        while let Some(path) = self.layer.around.flows.path(flow) {
            let Path { transport, local, remote, flow: over } = path;
            let source = Source { transport, local, remote, flow: over };
            match self.layer.around.flows.next_frame(now, flow) {
                None => break,
                Some(Frame::Message(message)) => self.on_message(now, source, &message),
                Some(Frame::Ping) => {
                    // Its own ping and the answer to ours may have come at once.
                    self.layer.pong(now, flow);
                    // RFC 5626 4.4.1: one line end answers two.
                    self.layer.around.outputs.push_back(Output::Write { flow, bytes: b"\r\n".to_vec() });
                }
                Some(Frame::Pong) => self.layer.pong(now, flow),
                Some(Frame::Broken(error)) => {
                    self.on_broken(now, source, error);
                    self.close(flow);
                    self.disconnected(now, flow, Disconnect::Reset);
                }
            }
        }
        self.heed(now);
    }

    /// A connection is gone, or could not be opened. Nothing may come of it after this.
    pub fn disconnected(&mut self, now: Instant, flow: FlowId, why: Disconnect) {
        for upcall in self.layer.disconnected(now, flow, why) {
            self.tell(now, Some(upcall));
        }
        self.heed(now);
    }

    /// Does what is due. To be called at the time [`Self::poll_timeout`] told; earlier or later does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(key) = self.layer.around.timers.pop_due(now) {
            match key {
                TimerKey::Client(id, timer) => {
                    let (owner, upcall) = self.layer.client_timer(now, id, timer);
                    self.tell(now, upcall);
                    if let Some(Owner::Invite(call) | Owner::InCall(call)) = owner {
                        self.reap(call);
                    }
                }
                TimerKey::Server(id, timer) => self.layer.server_timer(now, id, timer),
                TimerKey::Unanswered(id) => self.layer.unanswered(id),
                TimerKey::Resolve(id) => self.resolved(now, id, Answer::Nothing),
                TimerKey::Flow(flow) => self.layer.flow_due(now, flow),
                TimerKey::KeepAlive(id) => {
                    for upcall in self.layer.keep_due(now, id) {
                        self.tell(now, Some(upcall));
                    }
                }
                TimerKey::Errand(id) => {
                    let upcall = self.layer.errand_due(now, id);
                    self.tell(now, upcall);
                }
                TimerKey::Call(id, timer) => {
                    self.with_call(id, |call, layer| call.on_timer(now, timer, layer))
                }
                TimerKey::Subscription(id, timer) => {
                    self.with_subscription(id, |s, layer| s.on_timer(now, timer, layer));
                }
                TimerKey::Registration(id, flow) => {
                    if let Some(registration) = self.registrations.get_mut(&id) {
                        registration.on_timer(now, flow, &mut self.layer);
                    }
                }
            }
            self.heed(now);
            self.settle(now);
        }
    }

    /// When [`Self::handle_timeout`] is to be called next. Ask again after every other call.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.layer.around.timers.next()
    }

    /// The next thing to do, until `None`. To be drained after every other call.
    pub fn poll(&mut self) -> Option<Output> {
        self.layer.around.outputs.pop_front()
    }

    /// The answer to [`Output::Resolve`]. An id that is no longer waited for is ignored.
    pub fn resolved(&mut self, now: Instant, id: ResolveId, answer: Answer) {
        let upcall = self.layer.resolved(now, id, answer);
        self.tell(now, upcall);
    }

    /// The network refused a datagram to that address (RFC 3261 18.4).
    pub fn transport_failed(&mut self, now: Instant, remote: SocketAddr) {
        for upcall in self.layer.transport_failed(now, remote) {
            self.tell(now, Some(upcall));
        }
    }

    /// The local addresses changed, or the computer has slept: connections from addresses that are gone are given up,
    /// and every account registers at once. Running calls are the application's to offer again.
    pub fn network_changed(&mut self, now: Instant, listeners: Vec<Listener>) {
        self.layer.around.config.listeners = listeners;
        for upcall in self.layer.moved(now) {
            self.tell(now, Some(upcall));
        }
        self.heed(now);
        for registration in self.registrations.values_mut() {
            registration.network_changed(now, &mut self.layer);
        }
        for id in self.subscriptions.keys().copied().collect::<Vec<_>>() {
            self.with_subscription(id, |s, layer| s.network_changed(now, layer));
        }
    }

    /// Counters and sizes.
    pub fn stats(&self) -> Stats {
        Stats { calls: self.calls.len(), ..self.layer.stats() }
    }

    /// One message, from a datagram or cut out of a stream.
    fn on_message(&mut self, now: Instant, source: Source, bytes: &[u8]) {
        let around = &mut self.layer.around;
        around.stats.received = around.stats.received.saturating_add(1);
        if around.outputs.len() >= MAX_OUTPUTS {
            around.stats.overflow = around.stats.overflow.saturating_add(1);
            return;
        }
        let parsed = parse_datagram(bytes);
        if around.config.trace && !matches!(parsed, Err(ParseError::KeepAlive | ParseError::Garbage(_))) {
            around.trace(Way::In, source, bytes.to_vec());
        }
        match parsed {
            Ok(Message::Request(request)) => self.on_request(now, request, source),
            Ok(Message::Response(response)) => self.on_response(now, response),
            Err(error) => self.on_broken(now, source, error),
        }
    }

    fn on_broken(&mut self, now: Instant, source: Source, error: ParseError) {
        match error {
            ParseError::KeepAlive => {}
            ParseError::Garbage(what) => {
                tracing::debug!(remote = %source.remote, what, "message ignored");
                let around = &mut self.layer.around;
                around.stats.garbage = around.stats.garbage.saturating_add(1);
            }
            ParseError::BadRequest { code, phrase, method, headers } => {
                self.on_bad_request(now, code, phrase, &method, headers, source);
            }
        }
    }

    /// Passes on what the layer has noticed about paths.
    fn heed(&mut self, now: Instant) {
        while let Some(notice) = self.layer.notices.pop_front() {
            for registration in self.registrations.values_mut() {
                registration.on_notice(now, notice, &mut self.layer);
            }
        }
    }

    fn close(&mut self, flow: FlowId) {
        self.layer.around.outputs.push_back(Output::Close { flow });
    }

    fn on_response(&mut self, now: Instant, response: Response) {
        // RFC 3261 8.1.3.3: a response with more than our own Via went astray. RFC 6026 8: one without a transaction
        // is dropped even if it is a 2xx, or anyone who has seen a Call-ID and a tag could answer in another's place;
        // the Accepted state takes all true ones.
        let upcall = match response.headers.vias().map_or(0, |vias| vias.len()) {
            1 => self.layer.receive_response(now, response),
            _ => Err(response),
        };
        match upcall {
            Ok(upcall) => self.tell(now, upcall),
            Err(_) => {
                let stats = &mut self.layer.around.stats;
                stats.stray_responses = stats.stray_responses.saturating_add(1);
            }
        }
    }

    fn tell(&mut self, now: Instant, upcall: Option<Upcall>) {
        let Some(Upcall { owner, client, fate }) = upcall else { return };
        match owner {
            Owner::Nobody => {}
            Owner::Registration(id) => {
                if let Some(registration) = self.registrations.get_mut(&id) {
                    registration.on_fate(now, client, fate, &mut self.layer);
                }
                self.drop_done(id);
            }
            Owner::Message(id) => self.on_message_fate(now, id, client, fate),
            Owner::Subscription(id) => {
                self.with_subscription(id, |s, layer| s.on_fate(now, client, fate, layer));
            }
            Owner::Invite(id) => {
                // A 2xx must be acknowledged even when its call is gone; that cannot be, for the call lingers as long
                // as its INVITE.
                self.with_call(id, |call, layer| call.on_invite_fate(now, client, fate, layer));
            }
            Owner::InCall(id) => {
                self.with_call(id, |call, layer| call.on_inside_fate(now, client, fate, layer));
            }
        }
        self.settle(now);
    }
}
