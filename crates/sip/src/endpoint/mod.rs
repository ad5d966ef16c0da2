//! The endpoint: the one owner of all transactions, dialogs, calls and registrations.
//!
//! It only tells who a message, a timer or a command is for; what happens then stands in [`crate::layer`],
//! [`crate::uas`], [`crate::invite`] and [`crate::registration`].

use crate::config::EndpointConfig;
use crate::event::{Output, Stats};
use crate::guard::Guard;
use crate::ids::{CallId, RegistrationId, ResolveId};
use crate::invite::Call;
use crate::layer::{Layer, Owner, Upcall};
use crate::registration::Registration;
use crate::surroundings::{MAX_OUTPUTS, Surroundings, TimerKey};
use crate::transport::{Datagram, Listener, Source, Transport};
use crate::wire::{HeaderAccess as _, Message, ParseError, Response, parse_datagram};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Instant;

mod accounts;
mod calls;
mod requests;

pub use calls::CallError;

/// A SIP user agent without input or output of its own. The crate's front page shows how it is driven.
#[derive(Debug)]
pub struct Endpoint {
    layer: Layer,
    calls: BTreeMap<CallId, Call>,
    /// Call-ID and our tag of every call.
    dialogs: HashMap<(String, String), CallId>,
    registrations: BTreeMap<RegistrationId, Registration>,
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
        }
    }

    /// Takes bytes from the network.
    pub fn handle_datagram(&mut self, now: Instant, datagram: Datagram<'_>) {
        let around = &mut self.layer.around;
        around.stats.received = around.stats.received.saturating_add(1);
        if around.outputs.len() >= MAX_OUTPUTS {
            around.stats.overflow = around.stats.overflow.saturating_add(1);
            return;
        }
        let Datagram { transport, local, remote, bytes } = datagram;
        let source = Source { transport, local, remote };
        match parse_datagram(bytes) {
            Ok(Message::Request(request)) => self.on_request(now, request, source),
            Ok(Message::Response(response)) => self.on_response(now, response),
            Err(ParseError::KeepAlive) => {}
            Err(ParseError::Garbage(what)) => {
                tracing::debug!(%remote, what, "datagram ignored");
                around.stats.garbage = around.stats.garbage.saturating_add(1);
            }
            Err(ParseError::BadRequest { code, phrase, method, headers }) => {
                self.on_bad_request(now, code, phrase, &method, headers, source);
            }
        }
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
                TimerKey::Resolve(id) => self.resolved(now, id, None),
                TimerKey::Call(id, timer) => {
                    self.with_call(id, |call, layer| call.on_timer(now, timer, layer))
                }
                TimerKey::Registration(id) => {
                    if let Some(registration) = self.registrations.get_mut(&id) {
                        registration.on_timer(now, &mut self.layer);
                    }
                }
            }
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

    /// The answer to [`Output::Resolve`]; `None` when the name has no address. An id that is no longer waited for is
    /// ignored.
    pub fn resolved(&mut self, now: Instant, id: ResolveId, hop: Option<(Transport, SocketAddr)>) {
        let upcall = self.layer.resolved(now, id, hop);
        self.tell(now, upcall);
    }

    /// The network refused a message to that address (RFC 3261 18.4).
    pub fn transport_failed(&mut self, now: Instant, transport: Transport, remote: SocketAddr) {
        for upcall in self.layer.transport_failed(now, transport, remote) {
            self.tell(now, Some(upcall));
        }
    }

    /// The local addresses changed; later requests use the new ones.
    pub fn set_listeners(&mut self, listeners: Vec<Listener>) {
        self.layer.around.config.listeners = listeners;
    }

    /// Counters and sizes.
    pub fn stats(&self) -> Stats {
        Stats { calls: self.calls.len(), ..self.layer.stats() }
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
            Owner::Registration(id) => {
                if let Some(registration) = self.registrations.get_mut(&id) {
                    registration.on_fate(now, client, fate, &mut self.layer);
                }
                self.drop_done(id);
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
    }
}
