//! Requests in their transactions: Via, Contact, and what becomes of them.

use super::{AckKey, Cancelled, Client, Draft, Fate, Layer, Notice, Obstacle, Owner, Role, Upcall};
use crate::config::NextHop;
use crate::ids::CallId;
use crate::transaction::client::{self, ClientTransaction};
use crate::transaction::{ClientId, ClientKey, Path, Timer};
use crate::transport::Transport;
use crate::wire::{
    Address, HeaderAccess as _, Headers, Host, Method, Reason, Request, Response, SipUri, Uri,
};
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
    pub(crate) fn cancel(&mut self, now: Instant, invite: ClientId, reason: Option<&Reason>, owner: Owner) {
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
        if let Some(reason) = reason {
            cancel.headers.add("Reason", reason.to_string());
        }
        cancel.headers.add("User-Agent", self.around.config.user_agent.clone());
        let id = ClientId(self.fresh_id());
        self.drop_errand(invite);
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

    pub(super) fn fail_clients(
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
            Some(id) => {
                if let Some(client) = self.clients.get(&id)
                    && let Some(public) = response.headers.top_via().ok().and_then(|via| via.public_address())
                {
                    let path = client.transaction.path;
                    if self.around.note_public_address(path, public) {
                        self.notices.push_back(Notice::AddressChanged(path));
                    }
                }
                Ok(self.drive(now, id, client::Input::Response(&response), Some(&response)))
            }
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
    pub(crate) fn contact_for(&self, user: &str, path: Path) -> Address {
        let plain = Layer::contact(user, path.transport, self.around.contact_address(path));
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
        self.clients.insert(id, Client { transaction, owner, hop, role: Role::Current });
    }

    /// Another server is about to get the request. A transaction that was answered, or an INVITE that may still be, lives
    /// on under another id; of anything else nothing more is wanted.
    pub(super) fn supersede(&mut self, now: Instant, id: ClientId) {
        if self.clients.get(&id).is_none_or(|c| c.transaction.request.method != Method::INVITE) {
            return self.remove_client(id);
        }
        let other = ClientId(self.fresh_id());
        let Some(mut client) = self.clients.remove(&id) else { return };
        client.transaction.step_back(other, &mut self.around);
        client.role = Role::Left { of: id, cancelled: Cancelled::No };
        if let Some(key) = ClientKey::of_request(&client.transaction.request) {
            self.client_keys.insert(key, other);
        }
        self.clients.insert(other, client);
        self.cancel_left(now, other);
    }

    /// RFC 3261 9.1: as soon as there was a provisional response, and once.
    fn cancel_left(&mut self, now: Instant, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id)
            && client.transaction.is_proceeding()
            && let Role::Left { cancelled: cancelled @ Cancelled::No, .. } = &mut client.role
        {
            *cancelled = Cancelled::Yes;
            self.cancel(now, id, None, Owner::Nobody);
        }
    }

    /// What comes of an INVITE at a server that was left for another.
    fn judge_left(&mut self, now: Instant, id: ClientId, of: ClientId, fate: Fate) -> Option<Fate> {
        match &fate {
            Fate::Response(response) if (200..300).contains(&response.code()) => {
                // The call has its answer; whoever has the INVITE besides is not to ring on.
                self.drop_errand(of);
                if let Some(client) = self.clients.get_mut(&of) {
                    client.role = Role::Left { of, cancelled: Cancelled::No };
                    self.cancel_left(now, of);
                }
                Some(fate)
            }
            _ => {
                self.cancel_left(now, id);
                None
            }
        }
    }

    pub(super) fn transmit_ack(&mut self, key: AckKey, mut draft: Draft, path: Path, contact: Path) {
        self.complete(&mut draft, path, contact);
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

    /// Adds what depends on the path: Via with a branch and rport (RFC 3261 8.1.1.7, RFC 3581 3), and the Contact, which
    /// may have another.
    pub(super) fn complete(&mut self, draft: &mut Draft, path: Path, contact: Path) {
        let branch = self.around.random.branch();
        let local = self.around.reachable(path);
        let (transport, host, port) = (path.transport.via_token(), Host::from(local.ip()), local.port());
        // RFC 6223 4.1: whoever answers a REGISTER may agree to be asked for signs of life.
        let keep = if draft.request.method == Method::REGISTER { ";keep" } else { "" };
        let via = format!("SIP/2.0/{transport} {host}:{port};branch={branch};rport{keep}");
        let mut headers = Headers::default();
        headers.add("Via", via);
        headers.extend(std::mem::take(&mut draft.request.headers).into());
        if let Some(user) = &draft.contact_user {
            let address = self.around.contact_address(contact);
            let contacts = match draft.request.method {
                Method::REGISTER => binding(&headers, Layer::contact(user, contact.transport, address)),
                _ => self.contact_for(user, contact).to_string(),
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
        let (owner, role) = (client.owner, client.role);
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
        match role {
            Role::Current => Some(Upcall { owner, client: id, fate: self.judge(now, id, fate)? }),
            Role::Left { of, .. } => {
                Some(Upcall { owner, client: of, fate: self.judge_left(now, id, of, fate)? })
            }
        }
    }

    pub(super) fn remove_client(&mut self, id: ClientId) {
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
