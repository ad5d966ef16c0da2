//! Transactions (RFC 3261 17, RFC 6026): the four machines and what runs them.
//!
//! The tables (`client_invite`, `client_non_invite`, `server_invite`, `server_non_invite`) are pure functions from
//! state and input to state and actions. `client` and `server` carry the actions out on one transaction. Which
//! transaction a message belongs to is decided here by [`ClientKey`] and [`ServerKey`]; what a message means is for
//! the core above.

pub(crate) mod client;
mod client_invite;
mod client_non_invite;
pub(crate) mod server;
mod server_invite;
mod server_non_invite;

use crate::config::TimerSettings;
use crate::ids::FlowId;
use crate::transport::Transport;
use crate::wire::{HeaderAccess as _, Method, Request, Response, via::MAGIC_COOKIE};
use std::net::SocketAddr;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ClientId(pub(crate) u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ServerId(pub(crate) u64);

/// The lettered timers of RFC 3261 table 4 and RFC 6026 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Timer {
    A,
    B,
    D,
    E,
    F,
    G,
    H,
    I,
    J,
    K,
    L,
    M,
}

/// The way of one transaction's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) transport: Transport,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    /// The connection; UDP has none.
    pub(crate) flow: Option<FlowId>,
}

/// RFC 3261 17.1.3: a response belongs to the client transaction of its branch and CSeq method.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ClientKey {
    branch: String,
    method: Method,
}

/// RFC 3261 17.2.3.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum ServerKey {
    /// Branch, sent-by and method, of an RFC 3261 peer.
    Branch { branch: String, sent_by: String, method: Method },
    /// What an RFC 2543 peer leaves to compare.
    Fields { uri: String, call_id: String, from_tag: Option<String>, cseq: u32, via: String, method: Method },
}

impl ClientKey {
    pub(crate) fn of_request(request: &Request) -> Option<ClientKey> {
        Some(ClientKey { branch: request.headers.top_via().ok()?.branch()?, method: request.method.clone() })
    }

    pub(crate) fn of_response(response: &Response) -> Option<ClientKey> {
        let method = response.headers.cseq().ok()?.method;
        Some(ClientKey { branch: response.headers.top_via().ok()?.branch()?, method })
    }
}

impl ServerKey {
    /// The key of a request; an ACK has the key of the INVITE it may belong to.
    pub(crate) fn of(request: &Request) -> Option<ServerKey> {
        let method = if request.method == Method::ACK { Method::INVITE } else { request.method.clone() };
        ServerKey::with_method(request, method)
    }

    /// The key of the INVITE that a CANCEL is for (RFC 3261 9.2).
    pub(crate) fn of_cancelled(cancel: &Request) -> Option<ServerKey> {
        ServerKey::with_method(cancel, Method::INVITE)
    }

    fn with_method(request: &Request, method: Method) -> Option<ServerKey> {
        let via = request.headers.top_via().ok()?;
        // RFC 3261 17.2.3 wants more than the bare cookie to be unique.
        if let Some(branch) =
            via.branch().filter(|b| b.len() > MAGIC_COOKIE.len() && b.starts_with(MAGIC_COOKIE))
        {
            let port = via.port.or_else(|| Transport::parse(&via.transport).map(Transport::default_port));
            let sent_by = format!("{}:{}", via.host, port.unwrap_or_default()).to_ascii_lowercase();
            return Some(ServerKey::Branch { branch, sent_by, method });
        }
        Some(ServerKey::Fields {
            uri: request.uri.to_string(),
            call_id: request.headers.call_id().ok()?.to_owned(),
            from_tag: request.headers.from_address().ok()?.tag(),
            cseq: request.headers.cseq().ok()?.number,
            via: via.to_string(),
            method,
        })
    }
}

impl Timer {
    /// RFC 3261 table 4, RFC 6026 7. `None`: the timer does not run on this transport. For A, E and G this is the
    /// first interval.
    pub(crate) fn duration(self, settings: &TimerSettings, transport: Transport) -> Option<Duration> {
        let unreliable = !transport.is_reliable();
        let on_unreliable = |d: Duration| if unreliable { d } else { Duration::ZERO };
        match self {
            Timer::A | Timer::E => unreliable.then_some(settings.t1),
            // 17.2.1: G runs on unreliable transports only.
            Timer::G => unreliable.then_some(settings.t1),
            Timer::B | Timer::F | Timer::H | Timer::L | Timer::M => Some(settings.transaction_life()),
            // 17.1.1.2: at least 32 s on unreliable transports.
            Timer::D => Some(on_unreliable(settings.transaction_life().max(Duration::from_secs(32)))),
            Timer::I | Timer::K => Some(on_unreliable(settings.t4)),
            Timer::J => Some(on_unreliable(settings.transaction_life())),
        }
    }
}
