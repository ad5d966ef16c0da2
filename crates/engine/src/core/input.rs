//! Everything that can happen to the engine, as one closed enumeration.

use std::net::SocketAddr;

use jiff::Timestamp;
use tern_provider::{
    ProviderError, Secret,
    types::{AccountInfo, Capabilities, ChangesPage, IdempotencyKey, Message, Number, SnapshotPage, TopUp},
};

use super::keep::Kept;
use crate::{
    api::{AccountId, CallId, CallStatsView, Command, DevicesView, ErrorView},
    engine::SandboxAccess,
    ports::{NotificationAction, SecretsError},
    record::RowId,
};

/// Joins a request to its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RequestId(pub(crate) u64);

/// The time an input came at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now {
    /// Steady time.
    pub(crate) instant: std::time::Instant,
    /// For people.
    pub(crate) wall: Timestamp,
}

/// One thing that happened.
#[derive(Debug)]
pub(crate) enum Input {
    /// A shell asks.
    Command(RequestId, Command),
    /// A shell hands over a sandbox's account.
    Attach(RequestId, SandboxAccess),
    /// A notification was answered.
    Activated(NotificationAction),
    /// The shell ends.
    Shutdown,
    /// Time passed.
    Timer,
    /// Bytes from the SIP socket.
    Datagram {
        /// Whose socket.
        account: AccountId,
        /// Which of its sockets, as counted by the core.
        line: u32,
        /// From where.
        remote: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
    /// The SIP socket was opened on a local address, or could not be.
    Line {
        /// Whose.
        account: AccountId,
        /// Which, as asked for.
        line: u32,
        /// The local address.
        result: Result<SocketAddr, ErrorView>,
    },
    /// A name was looked up for SIP.
    Resolved {
        /// Whose.
        account: AccountId,
        /// For which socket.
        line: u32,
        /// What was asked.
        id: tern_sip::ResolveId,
        /// The answer.
        answer: tern_sip::Answer,
    },
    /// The network refused a SIP datagram.
    SendFailed {
        /// Whose.
        account: AccountId,
        /// Which socket.
        line: u32,
        /// To where.
        remote: SocketAddr,
    },
    /// A call's sound.
    Media(CallId, MediaReport),
    /// A provider answered.
    Provider {
        /// Whose.
        account: AccountId,
        /// Over which connection, as counted by the core.
        link: u32,
        /// What.
        report: ProviderReport,
    },
    /// The store did what it was asked.
    Kept(Kept),
    /// The keyring answered.
    Secret(AccountId, SecretKind, Result<Option<Secret>, SecretsError>),
    /// The sound devices there are.
    Devices(DevicesView),
    /// The computer's addresses changed, or it woke up.
    Network,
    /// The browser was opened, or was not.
    Browsed(Option<RequestId>, bool),
}

/// Which secret of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum SecretKind {
    /// For digest.
    SipPassword,
    /// For the provider's API.
    ProviderToken,
}

/// What a call's media thread says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum MediaReport {
    /// The RTP socket is open here.
    Opened(SocketAddr),
    /// It could not be.
    NotOpened,
    /// The figures of the last second.
    Stats(CallStatsView),
    /// Microphone or loudspeaker failed; the call goes on.
    Trouble(ErrorView),
    /// The sound has ended; its last figures.
    Closed(CallStatsView),
    /// The other side's sound began.
    Started,
    /// The sound file has been played to its end.
    SourceFinished,
}

/// What a provider said.
#[derive(Debug)]
pub(crate) enum ProviderReport {
    /// The connection is set up.
    Opened(Capabilities),
    /// It could not be.
    NotOpened(ErrorView),
    /// To [`super::ProviderRequest::Account`].
    Account(Result<AccountInfo, ProviderError>),
    /// To [`super::ProviderRequest::Numbers`].
    Numbers(Result<Vec<Number>, ProviderError>),
    /// To [`super::ProviderRequest::Snapshot`].
    Snapshot(Result<SnapshotPage, ProviderError>),
    /// To [`super::ProviderRequest::Changes`].
    Changes(Result<ChangesPage, ProviderError>),
    /// The feed has something new.
    Hint,
    /// The stream of hints has ended.
    HintsEnded,
    /// To [`super::ProviderRequest::Send`].
    Sent(RowId, Result<Message, ProviderError>),
    /// To [`super::ProviderRequest::FindSent`].
    FoundSent(RowId, Result<Option<Message>, ProviderError>),
    /// To [`super::ProviderRequest::CreateTopUp`].
    TopUpCreated(IdempotencyKey, Result<TopUp, ProviderError>),
    /// To [`super::ProviderRequest::TopUp`].
    TopUp(IdempotencyKey, Result<TopUp, ProviderError>),
}
