//! Requests that came in: which transaction they belong to, and the responses that go back.

use super::{Layer, MAX_SERVERS};
use crate::surroundings::TimerKey;
use crate::transaction::server::{self, ServerTransaction};
use crate::transaction::{Path, ServerId, ServerKey, Timer};
use crate::transport::Source;
use crate::wire::{HeaderAccess as _, Headers, Method, Request, Response};
use std::net::SocketAddr;
use std::time::Instant;

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

/// RFC 3261 8.2.2.2: what the copies of one request have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct MergeKey {
    from_tag: Option<String>,
    call_id: String,
    cseq: u32,
    method: Method,
}

impl Layer {
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
            if request.method != Method::ACK {
                self.drive_server(now, id, server::Input::Retransmission);
                return Arrival::Absorbed;
            }
            self.drive_server(now, id, server::Input::Ack);
            // RFC 3261 17.2.3 keeps the ACK of a 2xx apart by its branch; RFC 2543 peers reuse the INVITE's.
            return Arrival::StrayAck(request);
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

    /// Whether a request belongs to a transaction there is.
    pub(crate) fn is_repeated(&self, request: &Request) -> bool {
        ServerKey::of(request).is_some_and(|key| self.server_keys.contains_key(&key))
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

    fn drive_server(&mut self, now: Instant, id: ServerId, input: server::Input) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        server.handle(input, now, &mut self.around);
        if server.is_terminated() {
            self.remove_server(id);
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
    let Source { transport, local, remote, flow } = source;
    // A stream answers on its own connection.
    if transport.is_reliable() {
        return Path { transport, local, remote, flow };
    }
    let port = match headers.top_via() {
        // The rport value was filled in with the source port.
        Ok(via) if via.params.has("rport") => remote.port(),
        Ok(via) => via.port.unwrap_or(transport.default_port()),
        Err(_) => remote.port(),
    };
    // `received` is always the source address, so a `maddr` is the only other case; it is for multicast, which this
    // side does not take part in.
    Path { transport, local, remote: SocketAddr::new(remote.ip(), port), flow: None }
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
