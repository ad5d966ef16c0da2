//! The transaction layer: all transactions, the way of requests to their first hop and of responses back.
//!
//! Invariant: every transaction is in exactly one of `clients` and `servers`, its key points to it, and when it
//! terminates it, its key and its timers go at once. The core above is told through [`Upcall`].

use crate::config::NextHop;
use crate::event::{Output, Stats};
use crate::ids::{CallId, RegistrationId, ResolveId};
use crate::surroundings::{Surroundings, TimerKey};
use crate::transaction::client::{self, ClientTransaction};
use crate::transaction::server::{self, ServerTransaction};
use crate::transaction::{ClientId, ClientKey, Path, ServerId, ServerKey, Timer};
use crate::transport::{Source, Transport};
use crate::wire::{Address, HeaderAccess as _, Headers, Host, Method, Request, Response, SipUri, Uri};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Instant;

/// Server transactions at a time; beyond, requests are dropped and their senders repeat them.
const MAX_SERVERS: usize = 4096;

/// Who sent a request and is told of its fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Registration(RegistrationId),
    Invite(CallId),
    /// CANCEL, BYE, and what else needs no answer to go on.
    InCall(CallId),
}

/// A request that still lacks what depends on the first hop: Via and Contact.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) request: Request,
    pub(crate) hop: NextHop,
    /// The user part of the Contact, for requests that carry one.
    pub(crate) contact_user: Option<String>,
}

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Fate {
    Response(Response),
    Timeout,
    Unreachable,
}

#[derive(Debug)]
pub(crate) struct Upcall {
    pub(crate) owner: Owner,
    pub(crate) client: ClientId,
    pub(crate) fate: Fate,
}

#[derive(Debug)]
struct Client {
    transaction: ClientTransaction,
    owner: Owner,
}

/// What waits for an address.
#[derive(Debug)]
enum Waiting {
    Request { id: ClientId, draft: Draft, owner: Owner },
    Ack { call: CallId, tag: Option<String>, draft: Draft },
}

/// RFC 3261 8.2.2.2: what the copies of one request have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct MergeKey {
    from_tag: Option<String>,
    call_id: String,
    cseq: u32,
    method: Method,
}

#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) around: Surroundings,
    clients: BTreeMap<ClientId, Client>,
    client_keys: HashMap<ClientKey, ClientId>,
    servers: BTreeMap<ServerId, ServerTransaction>,
    server_keys: HashMap<ServerKey, ServerId>,
    merge_keys: HashMap<MergeKey, ServerId>,
    waiting: BTreeMap<ResolveId, Waiting>,
    /// The ACK of each 2xx, to be sent again when the 2xx comes again (RFC 3261 13.2.2.4).
    acks: Vec<(CallId, Option<String>, Path, Vec<u8>)>,
    next_id: u64,
}

/// What an incoming request is to the layer.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// It was absorbed by its transaction.
    Absorbed,
    /// An ACK that belongs to no transaction: one for a 2xx.
    StrayAck(Request),
    /// A new transaction.
    New(ServerId),
    /// A copy that came another way (RFC 3261 8.2.2.2); the transaction wants a 482.
    Merged(ServerId),
}

impl Layer {
    pub(crate) fn new(around: Surroundings) -> Layer {
        Layer {
            around,
            clients: BTreeMap::new(),
            client_keys: HashMap::new(),
            servers: BTreeMap::new(),
            server_keys: HashMap::new(),
            merge_keys: HashMap::new(),
            waiting: BTreeMap::new(),
            acks: Vec::new(),
            next_id: 0,
        }
    }

    pub(crate) fn fresh_id(&mut self) -> u64 {
        self.next_id = self.next_id.saturating_add(1);
        self.next_id
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            client_transactions: self.clients.len().saturating_add(self.waiting.len()),
            server_transactions: self.servers.len(),
            timers: self.around.timers.len(),
            ..self.around.stats
        }
    }

    /// Sends a request in a transaction of its own, once the address of its first hop is known.
    pub(crate) fn send(&mut self, now: Instant, draft: Draft, owner: Owner) -> ClientId {
        let id = ClientId(self.fresh_id());
        match draft.hop.clone() {
            NextHop::Address { transport, address } => self.start(now, id, draft, owner, transport, address),
            NextHop::Name { .. } => self.resolve(now, Waiting::Request { id, draft, owner }),
        }
        id
    }

    /// Sends the ACK for a 2xx and keeps it. `tag` is the dialog's remote tag.
    pub(crate) fn send_ack(&mut self, now: Instant, call: CallId, tag: Option<String>, draft: Draft) {
        match draft.hop.clone() {
            NextHop::Address { transport, address } => {
                self.transmit_ack(call, tag, draft, transport, address)
            }
            NextHop::Name { .. } => self.resolve(now, Waiting::Ack { call, tag, draft }),
        }
    }

    /// Sends the ACK of that dialog again. False when there was none yet.
    pub(crate) fn repeat_ack(&mut self, call: CallId, tag: &Option<String>) -> bool {
        match self.acks.iter().find(|(c, t, ..)| *c == call && t == tag) {
            Some((_, _, path, bytes)) => {
                self.around.transmit(*path, bytes.clone());
                true
            }
            None => self
                .waiting
                .values()
                .any(|w| matches!(w, Waiting::Ack { call: c, tag: t, .. } if *c == call && t == tag)),
        }
    }

    /// How many dialogs of a call have been acknowledged.
    pub(crate) fn acknowledged(&self, call: CallId) -> usize {
        self.acks.iter().filter(|(c, ..)| *c == call).count()
    }

    /// The CANCEL for an INVITE goes exactly where that went (RFC 3261 9.1).
    pub(crate) fn cancel(&mut self, now: Instant, invite: ClientId, reason: Option<&str>, owner: Owner) {
        let Some(client) = self.clients.get(&invite) else { return };
        let path = client.transaction.path;
        let from = &client.transaction.request;
        let mut cancel = Request::new(Method::CANCEL, from.uri.clone());
        if let Ok(via) = from.headers.top_via() {
            cancel.headers.add("Via", via.to_string());
        }
        cancel.headers.add("Max-Forwards", "70");
        for name in ["Route", "From", "To", "Call-ID"] {
            for value in from.headers.all(name) {
                cancel.headers.add(name, value);
            }
        }
        if let Ok(cseq) = from.headers.cseq() {
            cancel.headers.add("CSeq", format!("{} CANCEL", cseq.number));
        }
        if let Some(reason) = reason {
            cancel.headers.add("Reason", reason);
        }
        cancel.headers.add("User-Agent", self.around.config.user_agent.clone());
        let id = ClientId(self.fresh_id());
        self.enter(now, id, cancel, path, owner);
    }

    /// The request and path of a live client transaction.
    pub(crate) fn client(&self, id: ClientId) -> Option<(&Request, Path)> {
        self.clients.get(&id).map(|c| (&c.transaction.request, c.transaction.path))
    }

    /// Drops a client transaction or a request that waits for its address, silently.
    pub(crate) fn abandon(&mut self, id: ClientId) {
        self.remove_client(id);
        let gone = self.waiting.iter().find(|(_, w)| matches!(w, Waiting::Request { id: i, .. } if *i == id));
        if let Some(resolve) = gone.map(|(r, _)| *r) {
            self.waiting.remove(&resolve);
            self.around.timers.cancel(TimerKey::Resolve(resolve));
        }
    }

    /// Whether anything sent for a call is still alive.
    pub(crate) fn works_for(&self, call: CallId) -> bool {
        let of_call = |owner: &Owner| matches!(owner, Owner::Invite(c) | Owner::InCall(c) if *c == call);
        self.clients.values().any(|c| of_call(&c.owner))
            || self.waiting.values().any(|w| match w {
                Waiting::Request { owner, .. } => of_call(owner),
                Waiting::Ack { call: c, .. } => *c == call,
            })
    }

    /// Forgets what was kept for a call.
    pub(crate) fn forget(&mut self, call: CallId) {
        self.acks.retain(|(c, ..)| *c != call);
    }

    /// The driver found an address, or none.
    pub(crate) fn resolved(
        &mut self,
        now: Instant,
        id: ResolveId,
        hop: Option<(Transport, SocketAddr)>,
    ) -> Option<Upcall> {
        let waiting = self.waiting.remove(&id)?;
        self.around.timers.cancel(TimerKey::Resolve(id));
        match (waiting, hop) {
            (Waiting::Request { id, draft, owner }, Some((transport, address))) => {
                self.start(now, id, draft, owner, transport, address);
                None
            }
            (Waiting::Request { id, owner, .. }, None) => {
                Some(Upcall { owner, client: id, fate: Fate::Unreachable })
            }
            (Waiting::Ack { call, tag, draft }, Some((transport, address))) => {
                self.transmit_ack(call, tag, draft, transport, address);
                None
            }
            // Without its ACK the other side will end the call by itself.
            (Waiting::Ack { .. }, None) => None,
        }
    }

    /// RFC 3261 17.1.4: every transaction on that way has failed.
    pub(crate) fn transport_failed(
        &mut self,
        now: Instant,
        transport: Transport,
        remote: SocketAddr,
    ) -> Vec<Upcall> {
        let on_way =
            |c: &Client| c.transaction.path.transport == transport && c.transaction.path.remote == remote;
        let ids: Vec<ClientId> = self.clients.iter().filter(|(_, c)| on_way(c)).map(|(id, _)| *id).collect();
        ids.into_iter().filter_map(|id| self.drive(now, id, client::Input::TransportError, None)).collect()
    }

    pub(crate) fn receive_response(
        &mut self,
        now: Instant,
        response: Response,
    ) -> Result<Option<Upcall>, Response> {
        let found = ClientKey::of_response(&response).and_then(|key| self.client_keys.get(&key).copied());
        match found {
            Some(id) => Ok(self.drive(now, id, client::Input::Response(&response), Some(&response))),
            None => Err(response),
        }
    }

    pub(crate) fn client_timer(
        &mut self,
        now: Instant,
        id: ClientId,
        timer: Timer,
    ) -> (Option<Owner>, Option<Upcall>) {
        let owner = self.clients.get(&id).map(|c| c.owner);
        (owner, self.drive(now, id, client::Input::Timer(timer), None))
    }

    pub(crate) fn server_timer(&mut self, now: Instant, id: ServerId, timer: Timer) {
        self.drive_server(now, id, server::Input::Timer(timer));
    }

    /// The application has let a request grow too old: the client has given up by now (RFC 4320 4.2 forbids a late
    /// answer).
    pub(crate) fn unanswered(&mut self, id: ServerId) {
        self.remove_server(id);
    }

    /// Sorts a request whose top Via already tells its source.
    pub(crate) fn receive_request(&mut self, now: Instant, request: Request, source: Source) -> Arrival {
        let Some(key) = ServerKey::of(&request) else { return Arrival::Absorbed };
        if let Some(id) = self.server_keys.get(&key).copied() {
            let input = if request.method == Method::ACK {
                server::Input::Ack
            } else {
                server::Input::Retransmission
            };
            let answered_by_2xx = request.method == Method::ACK;
            self.drive_server(now, id, input);
            // RFC 3261 17.2.3 keeps the ACK of a 2xx apart by its branch; RFC 2543 peers reuse the INVITE's.
            return if answered_by_2xx { Arrival::StrayAck(request) } else { Arrival::Absorbed };
        }
        if request.method == Method::ACK {
            return Arrival::StrayAck(request);
        }
        if self.servers.len() >= MAX_SERVERS {
            self.around.stats.overflow = self.around.stats.overflow.saturating_add(1);
            return Arrival::Absorbed;
        }
        let id = ServerId(self.fresh_id());
        let path = response_path(&request.headers, source);
        let merge = merge_key(&request);
        let tag = self.around.random.tag();
        self.server_keys.insert(key, id);
        let merged = merge.as_ref().is_some_and(|key| self.merge_keys.contains_key(key));
        if let (Some(key), false) = (merge, merged) {
            self.merge_keys.insert(key, id);
        }
        if request.method != Method::INVITE {
            let life = self.around.config.timers.transaction_life();
            self.around.timers.set(TimerKey::Unanswered(id), now + life);
        }
        self.servers.insert(id, ServerTransaction::new(id, request, path, tag, self.around.config.timers.t1));
        if merged { Arrival::Merged(id) } else { Arrival::New(id) }
    }

    pub(crate) fn server(&self, id: ServerId) -> Option<&ServerTransaction> {
        self.servers.get(&id)
    }

    /// The INVITE a CANCEL is for (RFC 3261 9.2).
    pub(crate) fn cancelled(&self, cancel: &Request) -> Option<ServerId> {
        self.server_keys.get(&ServerKey::of_cancelled(cancel)?).copied()
    }

    /// Sends a response through its transaction.
    pub(crate) fn respond(&mut self, now: Instant, id: ServerId, response: Response) {
        if response.code() >= 200 {
            self.around.timers.cancel(TimerKey::Unanswered(id));
        }
        self.drive_server(now, id, server::Input::Respond(response));
    }

    /// A response to a request, with the headers all of ours carry.
    pub(crate) fn reply_to(&self, id: ServerId, code: u16) -> Option<Response> {
        let server = self.servers.get(&id)?;
        // RFC 3261 8.2.6.2: every response but 100 has a To tag.
        let tag = (code > 100).then_some(server.local_tag.as_str());
        let mut response = Response::to(&server.request, code, tag);
        if code == 100
            && let Some(timestamp) = server.request.headers.first("Timestamp")
        {
            // RFC 3261 8.2.6.1
            response.headers.add("Timestamp", timestamp);
        }
        response.headers.add("Server", self.around.config.user_agent.clone());
        Some(response)
    }

    /// Answers with a bare code.
    pub(crate) fn reply(&mut self, now: Instant, id: ServerId, code: u16) {
        if let Some(response) = self.reply_to(id, code) {
            self.respond(now, id, response);
        }
    }

    /// Our Contact on a path.
    pub(crate) fn contact(user: &str, transport: Transport, local: SocketAddr) -> Address {
        let mut uri = SipUri::new(Some(user), local.ip().into(), Some(local.port()));
        match transport {
            Transport::Udp => {}
            Transport::Tcp | Transport::Tls => {
                uri.params.set("transport", Some(&transport.via_token().to_ascii_lowercase()));
            }
        }
        Address::new(Uri::Sip(uri))
    }

    fn resolve(&mut self, now: Instant, waiting: Waiting) {
        let id = ResolveId(self.fresh_id());
        let (Waiting::Request { draft, .. } | Waiting::Ack { draft, .. }) = &waiting;
        if let NextHop::Name { host, port, transport } = draft.hop.clone() {
            self.around.outputs.push_back(Output::Resolve { id, host, port, transport });
        }
        let life = self.around.config.timers.transaction_life();
        self.around.timers.set(TimerKey::Resolve(id), now + life);
        self.waiting.insert(id, waiting);
    }

    fn start(
        &mut self,
        now: Instant,
        id: ClientId,
        mut draft: Draft,
        owner: Owner,
        transport: Transport,
        remote: SocketAddr,
    ) {
        let Some(local) = self.around.local_for(transport, remote) else {
            // Told through a timer, so that the owner hears of it after it knows the id.
            let resolve = ResolveId(self.fresh_id());
            self.around.timers.set(TimerKey::Resolve(resolve), now);
            self.waiting.insert(resolve, Waiting::Request { id, draft, owner });
            return;
        };
        let path = Path { transport, local, remote };
        self.complete(&mut draft, path);
        self.enter(now, id, draft.request, path, owner);
    }

    fn enter(&mut self, now: Instant, id: ClientId, request: Request, path: Path, owner: Owner) {
        if let Some(key) = ClientKey::of_request(&request) {
            self.client_keys.insert(key, id);
        }
        let transaction = ClientTransaction::start(id, request, path, now, &mut self.around);
        self.clients.insert(id, Client { transaction, owner });
    }

    fn transmit_ack(
        &mut self,
        call: CallId,
        tag: Option<String>,
        mut draft: Draft,
        transport: Transport,
        remote: SocketAddr,
    ) {
        let Some(local) = self.around.local_for(transport, remote) else { return };
        let path = Path { transport, local, remote };
        self.complete(&mut draft, path);
        let bytes = draft.request.to_bytes();
        self.around.transmit(path, bytes.clone());
        self.acks.retain(|(c, t, ..)| !(*c == call && *t == tag));
        self.acks.push((call, tag, path, bytes));
    }

    /// Adds what depends on the path: Via with a branch and rport (RFC 3261 8.1.1.7, RFC 3581 3), Contact.
    fn complete(&mut self, draft: &mut Draft, path: Path) {
        let branch = self.around.random.branch();
        let via = format!(
            "SIP/2.0/{} {};branch={branch};rport",
            path.transport.via_token(),
            format_args!("{}:{}", Host::from(path.local.ip()), path.local.port()),
        );
        let mut headers = Headers::default();
        headers.add("Via", via);
        headers.extend(std::mem::take(&mut draft.request.headers).into());
        if let Some(user) = &draft.contact_user {
            headers.set("Contact", Layer::contact(user, path.transport, path.local).to_string());
        }
        headers.set("User-Agent", self.around.config.user_agent.clone());
        draft.request.headers = headers;
    }

    fn drive(
        &mut self,
        now: Instant,
        id: ClientId,
        input: client::Input<'_>,
        response: Option<&Response>,
    ) -> Option<Upcall> {
        let client = self.clients.get_mut(&id)?;
        let owner = client.owner;
        let outcome = client.transaction.handle(input, now, &mut self.around);
        if client.transaction.is_terminated() {
            self.remove_client(id);
        }
        let fate = match outcome {
            client::Outcome::Nothing => return None,
            client::Outcome::Response => Fate::Response(response?.clone()),
            client::Outcome::Timeout => Fate::Timeout,
            client::Outcome::TransportError => Fate::Unreachable,
        };
        Some(Upcall { owner, client: id, fate })
    }

    fn drive_server(&mut self, now: Instant, id: ServerId, input: server::Input) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        server.handle(input, now, &mut self.around);
        if server.is_terminated() {
            self.remove_server(id);
        }
    }

    fn remove_client(&mut self, id: ClientId) {
        if let Some(client) = self.clients.remove(&id) {
            client.transaction.clear(&mut self.around);
            if let Some(key) = ClientKey::of_request(&client.transaction.request) {
                self.client_keys.remove(&key);
            }
        }
    }

    fn remove_server(&mut self, id: ServerId) {
        if let Some(server) = self.servers.remove(&id) {
            server.clear(&mut self.around);
            if let Some(key) = ServerKey::of(&server.request) {
                self.server_keys.remove(&key);
            }
            // A merged copy has the key of the transaction it lost to.
            if let Some(key) = merge_key(&server.request)
                && self.merge_keys.get(&key) == Some(&id)
            {
                self.merge_keys.remove(&key);
            }
        }
    }
}

/// Where responses to a request go (RFC 3261 18.2.2, RFC 3581 4).
pub(crate) fn response_path(headers: &Headers, source: Source) -> Path {
    let Source { transport, local, remote } = source;
    // A stream answers on its own connection.
    if transport.is_reliable() {
        return Path { transport, local, remote };
    }
    let port = match headers.top_via() {
        // The rport value was filled in with the source port.
        Ok(via) if via.params.has("rport") => remote.port(),
        Ok(via) => via.port.unwrap_or(transport.default_port()),
        Err(_) => remote.port(),
    };
    // `received` is always the source address, so a `maddr` is the only other case; it is for multicast, which this
    // side does not take part in.
    Path { transport, local, remote: SocketAddr::new(remote.ip(), port) }
}

fn merge_key(request: &Request) -> Option<MergeKey> {
    if request.headers.to_address().ok()?.tag().is_some() || request.method == Method::CANCEL {
        return None;
    }
    Some(MergeKey {
        from_tag: request.headers.from_address().ok()?.tag(),
        call_id: request.headers.call_id().ok()?.to_owned(),
        cseq: request.headers.cseq().ok()?.number,
        method: request.method.clone(),
    })
}
