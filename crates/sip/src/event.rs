//! What the endpoint gives: bytes to send, names to resolve, and events in the past tense.

use crate::answer_mode::AnswerMode;
use crate::identity::CallerIdentity;
use crate::ids::{
    BranchId, CallId, FlowId, MessageId, RegistrationId, RequestId, ResolveId, SubscriptionId, TransferId,
};
use crate::message::{Body, MessageOutcome};
use crate::message_waiting::Summary;
use crate::redirect::Target;
use crate::subscription::SubscriptionState;
use crate::transfer::TransferProgress;
use crate::transport::{Question, Source, Transport};
use crate::wire::sdp::SessionDescription;
use crate::wire::{Address, Gruu, Reason, Replaces, Request, Uri};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// One thing for the driver to do; taken with [`crate::Endpoint::poll`].
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "moved once, from the queue to the driver")]
pub enum Output {
    /// Send a datagram.
    Transmit {
        /// From which local address.
        local: SocketAddr,
        /// Where to.
        remote: SocketAddr,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Open a connection, then call [`crate::Endpoint::connected`] or [`crate::Endpoint::disconnected`].
    Connect {
        /// Its name from now on.
        flow: FlowId,
        /// TCP or TLS.
        transport: Transport,
        /// The local address to connect from, where it matters.
        local: Option<IpAddr>,
        /// Where to.
        remote: SocketAddr,
        /// What the certificate has to be for: the domain as it was before any SRV lookup (RFC 5922 7.2), or the
        /// address as text.
        server_name: String,
    },
    /// Send these bytes over a connection that is open.
    Write {
        /// Which.
        flow: FlowId,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Close a connection, or stop opening it. Its id is spent; nothing more is to be told about it.
    Close {
        /// Which.
        flow: FlowId,
    },
    /// Ask the DNS and call [`crate::Endpoint::resolved`] (RFC 3263 4).
    Resolve {
        /// To be given back.
        id: ResolveId,
        /// What to ask.
        question: Question,
    },
    /// A message as it went over the network; only with [`crate::EndpointConfig::trace`]. Not redacted.
    Trace {
        /// In or out, as this side sees it.
        way: Way,
        /// How.
        transport: Transport,
        /// Our address.
        local: SocketAddr,
        /// The other side's.
        remote: SocketAddr,
        /// The whole message.
        bytes: Vec<u8>,
    },
    /// Something happened.
    Event(Event),
}

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// To us.
    In,
    /// From us.
    Out,
}

/// Something happened.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "moved once, from the queue to the driver")]
pub enum Event {
    /// A registration changed.
    Registration {
        /// Which.
        id: RegistrationId,
        /// To what.
        state: RegistrationState,
    },
    /// Somebody calls. Answer with `ring`, `accept` or `reject`.
    IncomingCall {
        /// The new call.
        call: CallId,
        /// The whole INVITE.
        request: Box<Request>,
        /// Who calls, as the From header says.
        from: Address,
        /// Who is called, as the To header says.
        to: Address,
        /// The offer; `None` when the caller wants ours in the 200 (RFC 3261 13.2.1).
        offer: Option<SessionDescription>,
        /// Where it came from.
        source: Source,
        /// The account that is called: its bound Contact is named, or its server sent this. `None`: neither; most
        /// such calls from the open network are scanners.
        account: Option<RegistrationId>,
        /// Who calls, as far as anybody vouches for it: what to show.
        who: CallerIdentity,
        /// The number that was called: of several the account has, the one a server names.
        called: Uri,
        /// What else the request names as called, best first, for an application that knows its own numbers.
        also_called: Vec<Uri>,
        /// Who diverted the call to the called number, as the account's own server says.
        diverted_by: Option<Address>,
        /// Whether the caller asks to be answered by the phone itself. Only told, never done.
        answer_mode: Option<AnswerMode>,
        /// The call this one is to take the place of (RFC 3891): accepting it ends that one.
        replaces: Option<CallId>,
    },
    /// A text or another message came (RFC 3428). Answer with `respond`: 200 takes it.
    MessageReceived {
        /// For the answer.
        id: RequestId,
        /// Whose it is: the account whose bound Contact it names, or whose server sent it.
        account: Option<RegistrationId>,
        /// Who says it is from them, as the From header has it.
        from: Address,
        /// To whom, as the To header has it.
        to: Address,
        /// What it says.
        body: Body,
        /// Where it came from.
        source: Source,
    },
    /// A message was delivered, or was not.
    MessageSent {
        /// Which.
        id: MessageId,
        /// What became of it.
        outcome: MessageOutcome,
    },
    /// A subscription changed.
    Subscription {
        /// Which.
        id: SubscriptionId,
        /// To what.
        state: SubscriptionState,
    },
    /// What a subscription is for has changed, or is told for the first time.
    Notified {
        /// Which.
        id: SubscriptionId,
        /// The state, in the package's own format.
        body: Body,
    },
    /// How many messages wait in an account's mailbox, told by its own server, asked or not (RFC 3842).
    MessageWaiting {
        /// Whose.
        account: RegistrationId,
        /// What waits.
        summary: Summary,
    },
    /// A call moved on.
    Call {
        /// Which.
        id: CallId,
        /// To what.
        state: CallState,
    },
    /// The other side offers a session, or a change of it: in a re-INVITE, an UPDATE, a PRACK, or in its response to a
    /// call placed without an offer (RFC 3261 14.2, RFC 3311, RFC 6337). Answer with `answer_reoffer` or
    /// `reject_reoffer`.
    Reoffer {
        /// Which call.
        call: CallId,
        /// The new offer; `None` when it wants ours.
        offer: Option<SessionDescription>,
    },
    /// The callee points elsewhere (3xx). Answer with `follow` or `hang_up`; nothing is followed by itself.
    Redirected {
        /// Which call.
        call: CallId,
        /// 300, 301, 302 ...
        code: u16,
        /// Where to, best first. Never empty, and nothing the call has already been to.
        targets: Vec<Target>,
    },
    /// How a transfer we asked for goes on. May come after the end of the call.
    Transfer {
        /// The call it was asked in.
        call: CallId,
        /// What has happened.
        progress: TransferProgress,
    },
    /// The other side asks us to call somebody else (REFER). Answer with `accept_transfer` or `reject_transfer`.
    TransferAsked {
        /// The call it was asked in.
        call: CallId,
        /// To be given back.
        request: TransferId,
        /// Whom to call.
        to: Uri,
        /// The dialog the call takes the place of at its target: an attended transfer.
        replaces: Option<Replaces>,
        /// Who asks, as the other side says.
        referred_by: Option<Address>,
    },
    /// The other side pressed a key and told by INFO.
    Dtmf {
        /// In which call.
        call: CallId,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digit: char,
        /// For how long.
        duration: Duration,
    },
    /// The other side told candidates after its description (RFC 8840). Read them with
    /// [`IceFragment::parse`](crate::offer_answer::IceFragment::parse).
    Trickled {
        /// In which call.
        call: CallId,
        /// `application/trickle-ice-sdpfrag`, as it came.
        body: Vec<u8>,
    },
    /// The other side takes no digits by INFO; those that waited are dropped.
    DtmfRefused {
        /// In which call.
        call: CallId,
        /// With which code.
        code: u16,
    },
    /// What became of an offer made with [`crate::Endpoint::offer`]; also the answer in a PRACK to an offer made while
    /// ringing, and the changed answer to a mere refresh.
    OfferAnswered {
        /// Which call.
        call: CallId,
        /// The other side's answer, or why the session stays as it was.
        result: Result<SessionDescription, OfferFailure>,
    },
    /// A request outside a dialog, of a method in [`crate::EndpointConfig::handles`]. Answer with `respond`.
    Request {
        /// To be given to `respond`.
        id: RequestId,
        /// The request.
        request: Box<Request>,
        /// Where it came from.
        source: Source,
    },
}

/// Where a registration stands.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "moved once, from the queue to the driver")]
pub enum RegistrationState {
    /// A REGISTER that binds is on its way. Not told for the refresh of a binding that still stands.
    Registering,
    /// Bound.
    Registered {
        /// For how long the registrar granted it; it is refreshed before.
        expires: Duration,
        /// The Contact that was bound.
        contact: Address,
        /// Our address as the server sees it (RFC 3581), where it told.
        public_address: Option<SocketAddr>,
        /// Addresses of this device that hold wherever it is (RFC 5627), where the registrar makes such.
        gruu: Option<Gruu>,
        /// Which numbers are the account's (P-Associated-URI, RFC 7315 4.1), the default one first.
        associated: Vec<Uri>,
        /// Whether the server has shown that it knows the password too (RFC 7616 3.5). Most don't try.
        proven: bool,
    },
    /// Not bound.
    Failed {
        /// Why.
        reason: RegistrationFailure,
        /// When it is tried again by itself; `None`: never, until `refresh` is called.
        retry_after: Option<Duration>,
    },
    /// The binding was removed on request. The id is spent.
    Unregistered,
}

/// Why a registration failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistrationFailure {
    /// The server refused the password for a nonce it had just given.
    WrongCredentials,
    /// 403.
    Forbidden,
    /// 404: the registrar doesn't know the address of record.
    NotFound,
    /// The server tried to prove that it knows the password, and does not (RFC 7616 3.5).
    NotAuthentic,
    /// No answer.
    Timeout,
    /// The name did not resolve, or the network refused the message.
    Unreachable,
    /// The server's certificate is not for the account's domain, or nobody trusted signed it (RFC 5922 7.2).
    Certificate,
    /// Any other failure: code and phrase.
    ServerError(u16, String),
}

/// Where a call stands. `Ended` comes once and last.
#[derive(Debug, Clone, PartialEq)]
pub enum CallState {
    /// The other side or a proxy works on it (100).
    Trying,
    /// It rings there (180).
    Ringing,
    /// Sound before the answer (183 or 180 with a description). Comes again when another branch takes over.
    EarlyMedia {
        /// The answer to our offer so far.
        sdp: SessionDescription,
        /// Which branch speaks.
        branch: BranchId,
    },
    /// The other side took the call.
    Answered {
        /// Its answer; `None` when an early answer stays valid.
        sdp: Option<SessionDescription>,
    },
    /// The three-way handshake is complete: ACK sent, or seen.
    Confirmed {
        /// The answer in the ACK, where our 200 carried the offer.
        sdp: Option<SessionDescription>,
    },
    /// Over.
    Ended(Ending),
}

/// Why an offer came to nothing. The session is as it was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfferFailure {
    /// Refused. 408, 481: the call is over too.
    Rejected {
        /// The final status; 408 for silence, 503 for a network that refuses.
        code: u16,
        /// Its words.
        phrase: String,
    },
    /// Accepted without a readable description.
    Unanswered,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// Whose doing it was.
    pub by: EndedBy,
    /// The final status, where a response ended it.
    pub code: Option<u16>,
    /// Words for it: the response's phrase, or ours.
    pub phrase: String,
    /// The Reason header of the BYE, CANCEL or response (RFC 3326).
    pub reason: Option<Reason>,
    /// What the response warned of, by code (RFC 3261 20.43); 3xx is about the description.
    pub warnings: Vec<u16>,
}

/// Whose doing the end of a call was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndedBy {
    /// This side hung up, cancelled or rejected.
    Local,
    /// The other party hung up, gave up, was busy, declined or did not answer.
    Remote,
    /// The provider refused: unknown number, no credit, wrong credentials, server trouble.
    Provider,
    /// No answer from the network.
    Network,
}

/// Counters and sizes, for tests and for a status page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Datagrams, and messages of connections, handed in.
    pub received: u64,
    /// Messages handed out.
    pub sent: u64,
    /// Datagrams that were no SIP message.
    pub garbage: u64,
    /// Broken requests answered with 400 or 505.
    pub bad_requests: u64,
    /// Responses that belong to nothing.
    pub stray_responses: u64,
    /// Datagrams dropped because the outputs were not taken, or because too many requests wait for an answer.
    pub overflow: u64,
    /// Requests of strangers, dropped ([`crate::Strangers::Drop`]).
    pub strangers: u64,
    /// Requests beyond [`crate::EndpointConfig::flood`], dropped.
    pub flooded: u64,
    /// Messages that name something of ours and cannot come from whom it concerns, dropped.
    pub forged: u64,
    /// Calls alive, lingering ones included.
    pub calls: usize,
    /// Client transactions alive.
    pub client_transactions: usize,
    /// Server transactions alive.
    pub server_transactions: usize,
    /// Connections, those being opened included.
    pub flows: usize,
    /// Timers running.
    pub timers: usize,
}
