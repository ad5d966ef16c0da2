//! The transaction layer: all transactions, the way of requests to their first hop and of responses back.
//!
//! Invariant: every transaction is in exactly one of `clients` and `servers`, its key points to it, and when it
//! terminates it, its key and its timers go at once. The core above is told through [`Upcall`].

mod connection;
mod errand;
mod inbound;
mod keepalive;
mod outbound;

use crate::config::NextHop;
use crate::event::Stats;
use crate::ids::{CallId, MessageId, RegistrationId, ResolveId, SubscriptionId};
use crate::surroundings::Surroundings;
use crate::target::Memory;
use crate::transaction::client::ClientTransaction;
use crate::transaction::server::ServerTransaction;
use crate::transaction::{ClientId, ClientKey, Path, ServerId, ServerKey};
use crate::wire::{Request, Response};
use errand::Errand;
use inbound::MergeKey;
pub(crate) use inbound::{Arrival, response_path};
use keepalive::Keeper;
pub(crate) use keepalive::{KeepAlive, KeepId};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Server transactions at a time; beyond, requests are dropped and their senders repeat them.
const MAX_SERVERS: usize = 4096;

/// Who sent a request and is told of its fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Registration(RegistrationId),
    Message(MessageId),
    Subscription(SubscriptionId),
    Invite(CallId),
    /// CANCEL, BYE, and what else needs no answer to go on.
    InCall(CallId),
    /// Nobody asks what becomes of it.
    Nobody,
}

/// A request that still lacks what depends on the first hop: Via and Contact.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) request: Request,
    pub(crate) hop: NextHop,
    /// The user part of the Contact, for requests that carry one.
    pub(crate) contact_user: Option<String>,
}

/// Which 2xx an ACK is for: the dialog by its remote tag, and the number of the INVITE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AckKey {
    pub(crate) call: CallId,
    pub(crate) tag: Option<String>,
    pub(crate) number: u32,
}

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Fate {
    Response(Response),
    Timeout,
    Unreachable(Obstacle),
}

/// Why a request could not be brought anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// The DNS knows no server.
    NoServer,
    /// This side has no address or transport for it.
    NoWay,
    /// The network or the host refused it (RFC 3261 18.4).
    Refused,
    /// The connection broke before the answer.
    Lost,
    /// The server could not prove its name (RFC 5922 7.2).
    Certificate,
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
    /// By which hop it was sent: the trust in an answer is in who chose the way.
    hop: NextHop,
    role: Role,
}

/// What a transaction is to the request it was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Its way to the server of the moment.
    Current,
    /// The INVITE at a server that was left for another: should that ring after all it is cancelled, should it answer
    /// the call has two legs. `of` is the request's id.
    Left { of: ClientId, cancelled: Cancelled },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancelled {
    No,
    Yes,
}

/// What the layer tells those who keep a path for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// The path is dead: its connection is gone, a keep-alive was not answered, or the other side no longer sees us at
    /// the same address (RFC 5626 4.4).
    Lost(Path),
    /// The other side sees us at another address than our Contact says, or than before.
    AddressChanged(Path),
}

#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) around: Surroundings,
    clients: BTreeMap<ClientId, Client>,
    /// The transaction that terminated last: its owner is told after it is gone, and may ask for its request.
    spent: Option<(ClientId, Client)>,
    client_keys: HashMap<ClientKey, ClientId>,
    servers: BTreeMap<ServerId, ServerTransaction>,
    server_keys: HashMap<ServerKey, ServerId>,
    merge_keys: HashMap<MergeKey, ServerId>,
    pub(crate) notices: VecDeque<Notice>,
    keepers: BTreeMap<KeepId, Keeper>,
    memory: Memory,
    /// Call-ID, the other side's tag and the highest CSeq sent, of the dialogs last used.
    latest: VecDeque<(String, String, u32)>,
    /// Requests on their way to a server.
    errands: BTreeMap<ClientId, Errand>,
    /// Which errand a question to the DNS is for.
    questions: BTreeMap<ResolveId, ClientId>,
    /// The ACK of each 2xx, to be sent again when the 2xx comes again (RFC 3261 13.2.2.4).
    acks: Vec<(AckKey, Path, Vec<u8>)>,
    next_id: u64,
}

impl Layer {
    pub(crate) fn new(around: Surroundings) -> Layer {
        Layer {
            around,
            clients: BTreeMap::new(),
            spent: None,
            client_keys: HashMap::new(),
            servers: BTreeMap::new(),
            server_keys: HashMap::new(),
            merge_keys: HashMap::new(),
            notices: VecDeque::new(),
            keepers: BTreeMap::new(),
            memory: Memory::default(),
            latest: VecDeque::new(),
            errands: BTreeMap::new(),
            questions: BTreeMap::new(),
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
            client_transactions: self
                .clients
                .len()
                .saturating_add(self.errands.keys().filter(|id| !self.clients.contains_key(id)).count()),
            server_transactions: self.servers.len(),
            flows: self.around.flows.len(),
            timers: self.around.timers.len(),
            ..self.around.stats
        }
    }
}
