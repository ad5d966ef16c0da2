//! Everything that can happen to the engine, as one closed enumeration.

use std::net::SocketAddr;

use jiff::{Timestamp, tz::TimeZone};
use tern_media::secure::SecurityState;
use tern_provider::{
    ProviderError, Secret,
    types::{
        AccountInfo, Capabilities, ChangesPage, IdempotencyKey, Message, Number, PageToken, Rate, RemoteId,
        SnapshotPage, TopUp,
    },
};
use tern_sip::{Answer, Disconnect, FlowId, Listener};

use super::{Act, Acted, Addresses, keep::Kept};
use crate::{
    api::{
        AccountId, CallId, CallStatsView, Command, DevicesView, ErrorCode, ErrorView, PlayingView,
        SoundCheckView,
    },
    engine::SandboxAccess,
    ports::{NotificationAction, SecretsError},
    record::{BookChange, RowId},
};

/// Joins a request to its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RequestId(pub(crate) u64);

impl RequestId {
    /// Of what no shell waits for.
    pub(crate) const NOBODYS: Self = Self(u64::MAX);
}

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
    /// A shell hands a file over for the provider.
    HandOver(RequestId, AccountId, Act),
    /// A shell hands over what became of an address book.
    AddressBook(RequestId, BookChange),
    /// A notification was answered.
    Activated(NotificationAction),
    /// The shell ends.
    Shutdown,
    /// Time passed.
    Timer,
    /// The user's time zone is another one.
    Zone(TimeZone),
    /// Bytes from a UDP socket of SIP.
    Datagram {
        /// Whose socket.
        account: AccountId,
        /// For which of its endpoints, as counted by the core.
        line: u32,
        /// The local address they came to.
        local: SocketAddr,
        /// From where.
        remote: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
    /// The sockets of SIP were opened, or could not be.
    Line {
        /// Whose.
        account: AccountId,
        /// For which endpoint, as asked for.
        line: u32,
        /// Which attempt, as asked for.
        attempt: u32,
        /// The local addresses, the preferred one first.
        result: Result<Vec<Listener>, ErrorView>,
    },
    /// Something of a connection of SIP.
    Stream {
        /// Whose.
        account: AccountId,
        /// Of which endpoint.
        line: u32,
        /// Which connection.
        flow: FlowId,
        /// What.
        news: StreamNews,
    },
    /// Somebody connected to us.
    Accepted {
        /// Whose line.
        account: AccountId,
        /// Which endpoint.
        line: u32,
        /// Its number until the endpoint names it.
        number: u32,
        /// Our side.
        local: SocketAddr,
        /// Theirs.
        remote: SocketAddr,
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
        answer: Answer,
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
    /// How far a sound file is played: each second, and `None` at its end.
    Played(Result<Option<PlayingView>, ErrorView>),
    /// How loud the ends of the sound check are: ten times a second.
    Checked(SoundCheckView),
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
    Network {
        /// The accounts that should stand on another address by now.
        moved: Vec<AccountId>,
        /// It slept: what servers were told before may be forgotten.
        slept: bool,
    },
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
    /// For the TURN server.
    TurnPassword,
}

/// What a connection of SIP says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StreamNews {
    /// It stands; our side of it.
    Connected(SocketAddr),
    /// Bytes came.
    Bytes(Vec<u8>),
    /// It is over, or never came to be.
    Ended(StreamEnd),
}

/// Why a connection ended, or never came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StreamEnd {
    /// Nobody listens there.
    Refused,
    /// No way leads there.
    NoWay,
    /// It took too long.
    TimedOut,
    /// The other side closed it.
    Closed,
    /// It broke.
    Reset,
    /// No authority we believe signed the server's certificate.
    UnknownAuthority,
    /// The certificate is another server's.
    WrongName,
    /// The certificate is not valid any more, or not yet.
    OutOfDate,
    /// The certificate is wrong in another way.
    BadCertificate(String),
    /// TLS failed otherwise.
    Handshake(String),
    /// The authorities to believe can't be read.
    NoTrust(String),
}

impl StreamEnd {
    /// What the endpoint needs to know.
    pub(crate) fn disconnect(&self) -> Disconnect {
        match self {
            Self::Refused | Self::NoWay | Self::TimedOut => Disconnect::Refused,
            Self::Closed => Disconnect::Closed,
            Self::Reset => Disconnect::Reset,
            Self::UnknownAuthority
            | Self::WrongName
            | Self::OutOfDate
            | Self::BadCertificate(_)
            | Self::NoTrust(_) => Disconnect::Certificate,
            Self::Handshake(_) => Disconnect::Handshake,
        }
    }

    /// What a person needs to know, where it is more than that the network broke.
    pub(crate) fn error(&self) -> Option<ErrorView> {
        Some(match self {
            Self::Refused => ErrorView::new(ErrorCode::SipRefused),
            Self::NoWay | Self::TimedOut => ErrorView::new(ErrorCode::SipUnreachable),
            Self::Closed | Self::Reset => return None,
            Self::UnknownAuthority => ErrorView::new(ErrorCode::CertificateUntrusted),
            Self::WrongName => ErrorView::new(ErrorCode::CertificateWrongName),
            Self::OutOfDate => ErrorView::new(ErrorCode::CertificateOutOfDate),
            Self::BadCertificate(why) => ErrorView::with_detail(ErrorCode::CertificateUntrusted, why),
            Self::Handshake(why) => ErrorView::with_detail(ErrorCode::EncryptionFailed, why),
            Self::NoTrust(why) => ErrorView::with_detail(ErrorCode::CaFileUnreadable, why),
        })
    }
}

/// What a call's media thread says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum MediaReport {
    /// The sockets are open; RTP comes to here.
    Opened(SocketAddr, Addresses),
    /// It could not be.
    NotOpened,
    /// This computer has no address of the family that the other side is at.
    Unreachable,
    /// Servers told of further addresses of its sockets; these are all there are now.
    Found(Addresses),
    /// Checks reach the other side, or reach it no more.
    Way(bool),
    /// The other side answers no checks; where RTP comes to, and what else is known of the sockets now.
    Silent(SocketAddr, Addresses),
    /// The account's TURN server lends no address, and why.
    NoRelay(String),
    /// The figures of the last second.
    Stats(CallStatsView),
    /// Microphone or loudspeaker failed; the call goes on.
    Trouble(ErrorView),
    /// The microphone used from now on, by its id.
    Microphone(String),
    /// The loudspeaker used from now on, by its id.
    Speaker(String),
    /// The sound has ended; its last figures.
    Closed(CallStatsView),
    /// The other side pressed a key (RFC 4733).
    Digit(char),
    /// It is recorded now, into this file.
    RecordingStarted(String),
    /// It is not recorded, or no more; the call goes on.
    RecordingFailed(ErrorView),
    /// What became of the keys.
    Security(SecurityState),
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
    /// To [`super::ProviderRequest::History`]: the page that was asked for.
    History(Option<PageToken>, Result<SnapshotPage, ProviderError>),
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
    /// To [`super::ProviderRequest::Delete`].
    Deleted(RemoteId, Result<(), ProviderError>),
    /// To [`super::ProviderRequest::CreateTopUp`].
    TopUpCreated(IdempotencyKey, Result<TopUp, ProviderError>),
    /// To [`super::ProviderRequest::TopUp`].
    TopUp(IdempotencyKey, Result<TopUp, ProviderError>),
    /// To [`super::ProviderRequest::Rate`]: of which target, with which number.
    Rate(RequestId, String, Option<String>, Result<Rate, ProviderError>),
    /// To [`super::ProviderRequest::Act`].
    Acted(IdempotencyKey, Result<Acted, ProviderError>),
}
