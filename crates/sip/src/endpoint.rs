//! The endpoint: the one owner of all transactions, dialogs, calls and registrations.
//!
//! It only tells who a message, a timer or a command is for; what happens then stands in [`crate::layer`],
//! [`crate::uas`], [`crate::invite`] and [`crate::registration`].

use crate::config::{CallConfig, EndpointConfig, Identity, RegistrationConfig, Reply};
use crate::event::{Event, Output, Stats};
use crate::ids::{CallId, RegistrationId, RequestId, ResolveId};
use crate::invite::{self, Call};
use crate::layer::{Arrival, Fate, Layer, Owner, Upcall, response_path};
use crate::registration::Registration;
use crate::surroundings::{MAX_OUTPUTS, Surroundings, TimerKey};
use crate::target;
use crate::transaction::ServerId;
use crate::transport::{Datagram, Listener, Source, Transport};
use crate::uas;
use crate::wire::sdp::SessionDescription;
use crate::wire::{
    HeaderAccess as _, Headers, Message, Method, ParseError, Request, Response, parse_datagram,
};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Instant;

/// A SIP user agent without input or output of its own. The crate's front page shows how it is driven.
#[derive(Debug)]
pub struct Endpoint {
    layer: Layer,
    calls: BTreeMap<CallId, Call>,
    /// Call-ID and our tag of every call.
    dialogs: HashMap<(String, String), CallId>,
    registrations: BTreeMap<RegistrationId, Registration>,
}

/// Why a call could not be placed or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// [`EndpointConfig::max_calls`] are alive.
    #[error("too many calls")]
    TooManyCalls,
    /// No registration of that id.
    #[error("unknown account")]
    UnknownAccount,
    /// No call of that id, or it is over.
    #[error("unknown call")]
    UnknownCall,
    /// The call is in no state for this.
    #[error("not possible in this state of the call")]
    WrongState,
    /// Neither the target nor a next hop says where to send.
    #[error("no way to the target")]
    NoRoute,
}

impl Endpoint {
    /// An endpoint with no registrations and no calls.
    pub fn new(config: EndpointConfig) -> Endpoint {
        Endpoint {
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
                self.on_bad_request(code, phrase, &method, headers, source);
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

    /// Registers an account and keeps it registered until [`Self::unregister`].
    pub fn register(&mut self, now: Instant, config: RegistrationConfig) -> RegistrationId {
        let id = RegistrationId(self.layer.fresh_id());
        let mut registration = Registration::new(id, config, &mut self.layer);
        registration.refresh(now, &mut self.layer);
        self.registrations.insert(id, registration);
        id
    }

    /// Registers anew at once: after a network change, or after `Failed` without a retry.
    pub fn refresh(&mut self, now: Instant, id: RegistrationId) {
        if let Some(registration) = self.registrations.get_mut(&id) {
            registration.refresh(now, &mut self.layer);
        }
    }

    /// Removes the binding; `Unregistered` follows, and the id is spent.
    pub fn unregister(&mut self, now: Instant, id: RegistrationId) {
        if let Some(registration) = self.registrations.get_mut(&id) {
            registration.unregister(now, &mut self.layer);
        }
        self.drop_done(id);
    }

    /// Places a call.
    pub fn call(&mut self, now: Instant, config: CallConfig) -> Result<CallId, CallError> {
        if self.is_full() {
            return Err(CallError::TooManyCalls);
        }
        let direct = target::first_hop(&config.target, &[]);
        let (from, hop, contact_user, authentication) = match config.identity {
            Identity::Account(id) => {
                let account = self.registrations.get(&id).ok_or(CallError::UnknownAccount)?;
                let own = account.hop();
                let hop = config.next_hop.or_else(|| account.config.proxy.clone()).or(direct);
                // Credentials are for the account's own server; another first hop must not see them.
                let trusted = hop.is_some() && hop == own;
                let authentication = trusted.then(|| account.call_authentication());
                (account.identity(), hop, account.contact_user().to_owned(), authentication)
            }
            Identity::Plain { from, login } => {
                let user = from.uri.user().unwrap_or_else(|| "anonymous".into());
                let authentication = login.map(crate::authentication::Authentication::new);
                (from, config.next_hop.or(direct), user, authentication)
            }
        };
        let hop = hop.ok_or(CallError::NoRoute)?;
        let id = CallId(self.layer.fresh_id());
        let plan = invite::Plan {
            from,
            target: config.target,
            hop,
            contact_user,
            authentication,
            offer: config.offer,
            headers: config.headers,
            ring_timeout: config.ring_timeout,
        };
        let call = Call::place(id, now, plan, &mut self.layer);
        self.keep(call);
        Ok(id)
    }

    /// Tells the caller that it rings here (180).
    pub fn ring(&mut self, now: Instant, call: CallId) -> Result<(), CallError> {
        self.progress(now, call, Reply::new(180))
    }

    /// Sends a provisional response of the application's making: 180, 182, 183 with early media ...
    pub fn progress(&mut self, now: Instant, call: CallId, reply: Reply) -> Result<(), CallError> {
        if !(101..200).contains(&reply.code) {
            return Err(CallError::WrongState);
        }
        self.command(call, |call, layer| call.progress(now, &reply, layer))
    }

    /// Takes an incoming call. `sdp` is the answer, or our offer when the INVITE had none.
    pub fn accept(&mut self, now: Instant, call: CallId, sdp: SessionDescription) -> Result<(), CallError> {
        self.command(call, |call, layer| call.accept(now, &sdp, layer))
    }

    /// Refuses an incoming call with any final code from 300 on.
    pub fn reject(&mut self, now: Instant, call: CallId, reply: Reply) -> Result<(), CallError> {
        if !(300..700).contains(&reply.code) {
            return Err(CallError::WrongState);
        }
        self.command(call, |call, layer| {
            let ringing = call.is_incoming();
            call.reject(now, &reply, layer);
            ringing
        })
    }

    /// Ends a call in whatever state it is: CANCEL, BYE, or 603 for one that still rings here. `Ended` follows, for a
    /// cancelled call when the other side has confirmed it.
    pub fn hang_up(&mut self, now: Instant, call: CallId) -> Result<(), CallError> {
        self.command(call, |call, layer| {
            call.hang_up(now, layer);
            true
        })
    }

    /// Answers [`Event::Reoffer`] with a description.
    pub fn answer_reoffer(
        &mut self,
        now: Instant,
        call: CallId,
        sdp: SessionDescription,
    ) -> Result<(), CallError> {
        self.command(call, |call, layer| call.answer_reoffer(now, &sdp, layer))
    }

    /// Refuses [`Event::Reoffer`]; the session goes on as it was (RFC 3261 14.2).
    pub fn reject_reoffer(&mut self, now: Instant, call: CallId, reply: Reply) -> Result<(), CallError> {
        if !(300..700).contains(&reply.code) {
            return Err(CallError::WrongState);
        }
        self.command(call, |call, layer| call.reject_reoffer(now, &reply, layer))
    }

    /// Answers [`Event::Request`]. A provisional reply may come before the final one; a request already
    /// answered or expired is ignored.
    pub fn respond(&mut self, now: Instant, id: RequestId, reply: Reply) {
        let server = ServerId(id.0);
        if let Some(mut response) = self.layer.reply_to(server, reply.code) {
            invite::apply(&mut response, &reply);
            self.layer.respond(now, server, response);
        }
    }

    fn on_bad_request(
        &mut self,
        code: u16,
        phrase: String,
        method: &str,
        mut headers: Headers,
        source: Source,
    ) {
        let around = &mut self.layer.around;
        around.stats.bad_requests = around.stats.bad_requests.saturating_add(1);
        // RFC 3261 17: nothing answers an ACK.
        if method == Method::ACK.as_str() {
            return;
        }
        uas::note_source(&mut headers, source);
        let mut response = Response::new(code);
        response.reason = phrase;
        let tag = around.random.tag();
        response.copy_identity(&headers, Some(&tag));
        response.headers.add("Server", around.config.user_agent.clone());
        // Without a transaction: a broken request may have no usable key.
        around.transmit(response_path(&headers, source), response.to_bytes());
    }

    fn on_response(&mut self, now: Instant, response: Response) {
        // RFC 3261 8.1.3.3: a response with more than our own Via went astray.
        if response.headers.vias().map_or(0, |vias| vias.len()) != 1 {
            let stats = &mut self.layer.around.stats;
            stats.stray_responses = stats.stray_responses.saturating_add(1);
            return;
        }
        match self.layer.receive_response(now, response) {
            Ok(upcall) => self.tell(now, upcall),
            Err(stray) => self.on_stray_response(now, &stray),
        }
    }

    /// RFC 3261 13.2.2.4: a 2xx to INVITE is acknowledged as long as it comes, transaction or not.
    fn on_stray_response(&mut self, now: Instant, response: &Response) {
        let to_invite = response.headers.cseq().is_ok_and(|c| c.method == Method::INVITE);
        let tag = response.headers.from_address().ok().and_then(|a| a.tag());
        let call = tag.and_then(|tag| self.find(&response.headers, tag));
        match call {
            Some(id) if to_invite && (200..300).contains(&response.code()) => {
                self.with_call(id, |call, layer| call.on_stray_success(now, response, layer));
            }
            _ => {
                let stats = &mut self.layer.around.stats;
                stats.stray_responses = stats.stray_responses.saturating_add(1);
            }
        }
    }

    fn on_request(&mut self, now: Instant, mut request: Request, source: Source) {
        uas::note_source(&mut request.headers, source);
        match self.layer.receive_request(now, request, source) {
            Arrival::Absorbed => {}
            Arrival::StrayAck(ack) => {
                if let Some(id) = self.find_by_to(&ack) {
                    self.with_call(id, |call, layer| call.on_ack(now, &ack, layer));
                }
            }
            // RFC 3261 8.2.2.2
            Arrival::Merged(server) => self.layer.reply(now, server, 482),
            Arrival::New(server) => {
                let Some(request) = self.layer.server(server).map(|s| s.request.clone()) else { return };
                self.on_new_request(now, server, request, source);
            }
        }
    }

    fn on_new_request(&mut self, now: Instant, server: ServerId, request: Request, source: Source) {
        let handled = self.layer.around.config.handles.contains(&request.method);
        let tagged = request.headers.to_address().is_ok_and(|to| to.tag().is_some());
        let in_dialog = tagged && !handled;
        if !uas::inspect(now, server, &request, in_dialog, &mut self.layer) {
            return;
        }
        if request.method == Method::CANCEL {
            self.on_cancel(now, server, &request);
        } else if in_dialog {
            match self.find_by_to(&request) {
                Some(id) => self.with_call(id, |call, layer| call.on_request(now, server, &request, layer)),
                // RFC 3261 12.2.2
                None => self.layer.reply(now, server, 481),
            }
        } else if handled {
            let id = RequestId(server.0);
            self.layer.around.event(Event::Request { id, request: Box::new(request), source });
        } else if request.method == Method::INVITE {
            self.on_invite(now, server, request, source);
        } else if request.method == Method::OPTIONS {
            // RFC 3261 11.2: the code an INVITE would get.
            let code = if self.is_full() { 486 } else { 200 };
            if let Some(mut response) = self.layer.reply_to(server, code) {
                uas::describe_us(&mut response, &self.layer);
                self.layer.respond(now, server, response);
            }
        } else {
            // A BYE outside any dialog (RFC 3261 15.1.2).
            self.layer.reply(now, server, 481);
        }
    }

    fn on_invite(&mut self, now: Instant, server: ServerId, request: Request, source: Source) {
        if self.is_full() {
            self.layer.reply(now, server, 486);
            return;
        }
        let offer = match invite::read_offer(&request) {
            Ok(offer) => offer,
            Err(refused) => {
                uas::refuse_body(now, server, refused, &mut self.layer);
                return;
            }
        };
        let (Ok(from), Ok(to)) = (request.headers.from_address(), request.headers.to_address()) else {
            return;
        };
        let contact_user = request.uri.user().unwrap_or_else(|| self.layer.around.random.contact_user());
        let account = self.called_account(&contact_user, to.uri.user(), source);
        let credentials = account
            .and_then(|id| self.registrations.get(&id))
            .filter(|r| r.is_served_by(source.transport, source.remote))
            .map(Registration::call_authentication);
        let id = CallId(self.layer.fresh_id());
        let call = Call::incoming(id, now, server, &request, contact_user, credentials, &mut self.layer);
        let Some(call) = call else {
            self.layer.reply(now, server, 400);
            return;
        };
        // RFC 3261 17.2.1: a person takes longer than 200 ms.
        self.layer.reply(now, server, 100);
        self.keep(call);
        let event =
            Event::IncomingCall { call: id, request: Box::new(request), from, to, offer, source, account };
        self.layer.around.event(event);
    }

    /// The account an INVITE is for: the one whose Contact it names; else, for servers that write the called number
    /// there, and for a binding an earlier run has left, an account of the server it comes from.
    fn called_account(
        &self,
        contact_user: &str,
        to: Option<String>,
        source: Source,
    ) -> Option<RegistrationId> {
        let by_contact = self.registrations.iter().find(|(_, r)| r.contact_user() == contact_user);
        let served =
            || self.registrations.iter().filter(|(_, r)| r.is_served_by(source.transport, source.remote));
        let by_name = || served().find(|(_, r)| to.is_some() && r.config.aor.user() == to);
        by_contact.or_else(by_name).or_else(|| served().next()).map(|(id, _)| *id)
    }

    /// RFC 3261 9.2.
    fn on_cancel(&mut self, now: Instant, server: ServerId, cancel: &Request) {
        let Some(invite) = self.layer.cancelled(cancel) else {
            self.layer.reply(now, server, 481);
            return;
        };
        // The same To tag as in the INVITE's own responses.
        let tag = self.layer.server(invite).map(|s| s.local_tag.clone());
        let mut response = Response::to(cancel, 200, tag.as_deref());
        response.headers.add("Server", self.layer.around.config.user_agent.clone());
        self.layer.respond(now, server, response);
        let call = self.calls.values().find(|c| c.ponders(invite)).map(|c| c.id);
        if let Some(id) = call {
            self.with_call(id, |call, layer| call.cancelled(now, cancel, layer));
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
                let fate: Fate = fate;
                self.with_call(id, |call, layer| call.on_other_fate(now, client, &fate, layer));
            }
        }
    }

    fn keep(&mut self, call: Call) {
        if let Some(key) = call.dialog_key() {
            self.dialogs.insert(key, call.id);
        }
        self.calls.insert(call.id, call);
    }

    fn with_call(&mut self, id: CallId, act: impl FnOnce(&mut Call, &mut Layer)) {
        if let Some(call) = self.calls.get_mut(&id) {
            act(call, &mut self.layer);
        }
        self.reap(id);
    }

    fn command(
        &mut self,
        id: CallId,
        act: impl FnOnce(&mut Call, &mut Layer) -> bool,
    ) -> Result<(), CallError> {
        let call = self.calls.get_mut(&id).filter(|c| !c.is_ended()).ok_or(CallError::UnknownCall)?;
        let done = act(call, &mut self.layer);
        self.reap(id);
        if done { Ok(()) } else { Err(CallError::WrongState) }
    }

    /// Removes a call that is over and has nothing under way.
    fn reap(&mut self, id: CallId) {
        let over = self.calls.get(&id).is_some_and(Call::is_ended) && !self.layer.works_for(id);
        if over && let Some(call) = self.calls.remove(&id) {
            if let Some(key) = call.dialog_key() {
                self.dialogs.remove(&key);
            }
            self.layer.forget(id);
        }
    }

    fn drop_done(&mut self, id: RegistrationId) {
        if self.registrations.get(&id).is_some_and(Registration::is_done) {
            self.registrations.remove(&id);
        }
    }

    fn is_full(&self) -> bool {
        let limit = self.layer.around.config.max_calls;
        self.calls.values().filter(|c| !c.is_ended()).count() >= limit
    }

    fn find_by_to(&self, request: &Request) -> Option<CallId> {
        let tag = request.headers.to_address().ok()?.tag()?;
        self.find(&request.headers, tag)
    }

    fn find(&self, headers: &Headers, local_tag: String) -> Option<CallId> {
        let call_id = headers.call_id().ok()?.to_owned();
        self.dialogs.get(&(call_id, local_tag)).copied()
    }
}
