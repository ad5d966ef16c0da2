//! Requests in their transactions: Via, Contact, and what becomes of them.

use super::{AckKey, Client, Draft, Fate, Layer, Obstacle, Owner, Upcall};
use crate::config::NextHop;
use crate::ids::{CallId, FlowId};
use crate::transaction::client::{self, ClientTransaction};
use crate::transaction::{ClientId, ClientKey, Path, Timer};
use crate::transport::Transport;
use crate::wire::{Address, HeaderAccess as _, Headers, Host, Method, Request, Response, SipUri, Uri};
use std::net::SocketAddr;
use std::time::Instant;

impl Layer {
    /// Sends that ACK again. False when there was none yet.
    pub(crate) fn repeat_ack(&mut self, key: &AckKey) -> bool {
        match self.acks.iter().find(|(k, ..)| k == key) {
            Some((_, path, bytes)) => {
                self.around.transmit(*path, bytes.clone());
                true
            }
            None => self.ack_waits(key),
        }
    }

    /// The CANCEL for an INVITE goes exactly where that went (RFC 3261 9.1).
    pub(crate) fn cancel(&mut self, now: Instant, invite: ClientId, owner: Owner) {
        let Some(client) = self.clients.get(&invite) else { return };
        let path = client.transaction.path;
        let hop = client.hop.clone();
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
        cancel.headers.add("User-Agent", self.around.config.user_agent.clone());
        let id = ClientId(self.fresh_id());
        self.enter(now, id, cancel, path, hop, owner);
    }

    /// The request and path of a client transaction that is alive, or whose owner is just being told of its end.
    pub(crate) fn client(&self, id: ClientId) -> Option<(&Request, Path)> {
        self.find_client(id).map(|c| (&c.transaction.request, c.transaction.path))
    }

    /// The hop a request was sent by, whichever of its addresses was taken.
    pub(crate) fn hop(&self, id: ClientId) -> Option<&NextHop> {
        self.find_client(id).map(|c| &c.hop)
    }

    /// Whether a request has left from an address that is still ours.
    pub(crate) fn is_on_its_way(&self, id: ClientId) -> bool {
        let path = self.clients.get(&id).map(|c| c.transaction.path);
        path.is_some_and(|path| match path.flow {
            Some(flow) => self.around.flows.get(flow).is_some(),
            None => self.around.config.listeners.iter().any(|l| l.address == path.local),
        })
    }

    fn find_client(&self, id: ClientId) -> Option<&Client> {
        let spent = || self.spent.as_ref().filter(|(spent, _)| *spent == id).map(|(_, c)| c);
        self.clients.get(&id).or_else(spent)
    }

    /// Drops a client transaction or a request that waits for its way, silently.
    pub(crate) fn abandon(&mut self, id: ClientId) {
        self.remove_client(id);
        self.drop_errand(id);
    }

    /// Whether anything sent for a call is still alive.
    pub(crate) fn works_for(&self, call: CallId) -> bool {
        self.clients.values().any(|c| c.owner.call() == Some(call)) || self.runs_errand_for(call)
    }

    /// Forgets what was kept for a call.
    pub(crate) fn forget(&mut self, call: CallId) {
        self.acks.retain(|(key, ..)| key.call != call);
    }

    /// RFC 3261 17.1.4: every transaction on that way has failed.
    pub(crate) fn transport_failed(&mut self, now: Instant, remote: SocketAddr) -> Vec<Upcall> {
        self.fail_clients(now, Obstacle::Refused, |path| path.flow.is_none() && path.remote == remote)
    }

    /// Fails the transactions of a connection that is gone.
    pub(super) fn flow_failed(&mut self, now: Instant, flow: FlowId, obstacle: Obstacle) -> Vec<Upcall> {
        self.fail_clients(now, obstacle, |path| path.flow == Some(flow))
    }

    fn fail_clients(
        &mut self,
        now: Instant,
        obstacle: Obstacle,
        on_way: impl Fn(&Path) -> bool,
    ) -> Vec<Upcall> {
        let hit = self.clients.iter().filter(|(_, c)| on_way(&c.transaction.path));
        let ids: Vec<ClientId> = hit.map(|(id, _)| *id).collect();
        let fail = |id| self.drive(now, id, client::Input::TransportError(obstacle), None);
        ids.into_iter().filter_map(fail).collect()
    }

    pub(crate) fn receive_response(
        &mut self,
        now: Instant,
        response: Response,
    ) -> Result<Option<Upcall>, Response> {
        let found = ClientKey::of_response(&response).and_then(|key| self.client_keys.get(&key).copied());
        match found
            .filter(|id| self.clients.get(id).is_some_and(|c| answers(&response, &c.transaction.request)))
        {
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

    /// Our Contact of a dialog on a path: of an account what its registration has brought, else the address.
    pub(crate) fn contact_for(&self, user: &str, transport: Transport, local: SocketAddr) -> Address {
        let plain = Layer::contact(user, transport, local);
        match self.around.accounts.values().find(|account| account.contact_user == user) {
            Some(account) => account.contact(plain),
            None => plain,
        }
    }

    pub(super) fn enter(
        &mut self,
        now: Instant,
        id: ClientId,
        request: Request,
        path: Path,
        hop: NextHop,
        owner: Owner,
    ) {
        if let Some(key) = ClientKey::of_request(&request) {
            self.client_keys.insert(key, id);
        }
        let transaction = ClientTransaction::start(id, request, path, now, &mut self.around);
        self.clients.insert(id, Client { transaction, owner, hop });
    }

    pub(super) fn transmit_ack(&mut self, key: AckKey, mut draft: Draft, path: Path) {
        self.complete(&mut draft, path);
        let bytes = draft.request.to_bytes();
        self.around.transmit(path, bytes.clone());
        // Of one dialog the last two are kept: a 2xx may still come again while the next INVITE is under way.
        let number = key.number;
        let same = |k: &AckKey| k.call == key.call && k.tag == key.tag;
        let newest =
            self.acks.iter().filter(|(k, ..)| same(k) && k.number != number).map(|(k, ..)| k.number).max();
        self.acks.retain(|(k, ..)| !same(k) || Some(k.number) == newest);
        self.acks.push((key, path, bytes));
    }

    /// Adds what depends on the path: Via with a branch and rport (RFC 3261 8.1.1.7, RFC 3581 3), Contact.
    pub(super) fn complete(&mut self, draft: &mut Draft, path: Path) {
        let branch = self.around.random.branch();
        let local = self.around.reachable(path);
        let (transport, host, port) = (path.transport.via_token(), Host::from(local.ip()), local.port());
        let via = format!("SIP/2.0/{transport} {host}:{port};branch={branch};rport");
        let mut headers = Headers::default();
        headers.add("Via", via);
        headers.extend(std::mem::take(&mut draft.request.headers).into());
        if let Some(user) = &draft.contact_user {
            let contacts = match draft.request.method {
                Method::REGISTER => binding(&headers, Layer::contact(user, path.transport, local)),
                _ => self.contact_for(user, path.transport, local).to_string(),
            };
            headers.set("Contact", contacts);
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
            client::Outcome::TransportError(obstacle) => Fate::Unreachable(obstacle),
        };
        Some(Upcall { owner, client: id, fate })
    }

    fn remove_client(&mut self, id: ClientId) {
        if let Some(client) = self.clients.remove(&id) {
            client.transaction.clear(&mut self.around);
            if let Some(key) = ClientKey::of_request(&client.transaction.request) {
                self.client_keys.remove(&key);
            }
            self.spent = Some((id, client));
        }
    }
}

/// Whether a response carries what RFC 3261 8.2.6.2 has it copy from the request. The branch has 64 random bits, so
/// who knows it has seen the request; a response that gets the rest wrong is forged or confused all the same. Where it
/// comes from is not asked: behind load balancers it need not be where the request went.
fn answers(response: &Response, request: &Request) -> bool {
    let (ours, theirs) = (&request.headers, &response.headers);
    let tag = |headers: &Headers| headers.from_address().ok().and_then(|from| from.tag());
    let asked = ours.to_address().ok().and_then(|to| to.tag());
    let answering = theirs.to_address().ok().and_then(|to| to.tag());
    theirs.call_id().ok() == ours.call_id().ok()
        && theirs.cseq().ok() == ours.cseq().ok()
        && tag(theirs) == tag(ours)
        && (asked.is_none() || asked == answering)
}

/// The Contacts of a REGISTER: the first gets the address of the path and keeps its parameters; of those to be removed,
/// one that is the same after all stays.
fn binding(headers: &Headers, plain: Address) -> String {
    let mut listed = headers.addresses("Contact").unwrap_or_default();
    match listed.first_mut() {
        Some(first) => first.uri = plain.uri,
        None => listed.push(plain),
    }
    let kept = listed.first().map(|first| first.uri.clone());
    let mut number = 0usize;
    listed.retain(|contact| {
        number = number.saturating_add(1);
        number == 1 || kept.as_ref().is_none_or(|kept| !contact.uri.equivalent(kept))
    });
    listed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
