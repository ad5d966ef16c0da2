//! Everything the core asks the outside to do.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use jiff::Timestamp;
use tern_media::{
    Expected, HoldSound, LegMode, NationalTones, ProcessConfig, RecordFormat, StreamConfig,
    path::{Candidate, IceConfig},
    secure::SecurityPlan,
};
use tern_provider::{
    Secret,
    types::{Cursor, IdempotencyKey, Money, OutgoingMessage, PageToken, RemoteId, SoughtMessage, TopUpId},
};
use tern_sip::{FlowId, Question, Transport};
use url::Url;

use super::{Act, RequestId, SecretKind, keep::Write};
use crate::{
    api::{AccountId, CallId, ErrorView, EventKind, PortRange, Reply, TurnServer},
    ports::{Notification, OneTimeCode, RingPlace, RingTone, SecretKey},
    record::RowId,
};

/// One thing to do.
#[expect(clippy::large_enum_variant, reason = "few exist at a time, and each is moved once or twice")]
#[derive(Debug)]
pub(crate) enum Effect {
    /// Answer a shell.
    Reply(RequestId, Result<Reply, ErrorView>),
    /// Tell the subscribers.
    Event(EventKind),
    /// Keep something.
    Write(Write),
    /// Open the sockets of SIP on the local address that leads to a host.
    OpenLine {
        /// Whose.
        account: AccountId,
        /// Counts its endpoints.
        line: u32,
        /// Counts the attempts; only the last one counts.
        attempt: u32,
        /// The host; `None` for everyone.
        towards: Option<String>,
    },
    /// Open them on the address that leads there now; the old ones are of no use any more.
    MoveLine {
        /// Whose.
        account: AccountId,
        /// Of which endpoint.
        line: u32,
        /// Counts the attempts; only the last one counts.
        attempt: u32,
        /// The host; `None` for everyone.
        towards: Option<String>,
    },
    /// Close them, and every connection.
    CloseLine(AccountId),
    /// Send a SIP message over UDP.
    Send {
        /// Over whose socket.
        account: AccountId,
        /// From which of its addresses.
        local: SocketAddr,
        /// To where.
        remote: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
    /// Connect.
    Connect {
        /// For whom.
        account: AccountId,
        /// For which endpoint.
        line: u32,
        /// Its name.
        flow: FlowId,
        /// Where to and how.
        to: Box<Connection>,
    },
    /// Give a connection that came from outside its name.
    NameStream {
        /// Whose line.
        account: AccountId,
        /// Which endpoint.
        line: u32,
        /// As it was told.
        number: u32,
        /// Its name.
        flow: FlowId,
    },
    /// Send SIP over a connection.
    WriteStream {
        /// Whose.
        account: AccountId,
        /// Which.
        flow: FlowId,
        /// What.
        bytes: Vec<u8>,
    },
    /// Close a connection.
    CloseStream {
        /// Whose.
        account: AccountId,
        /// Which.
        flow: FlowId,
    },
    /// Look a name up for SIP.
    Resolve {
        /// Whose.
        account: AccountId,
        /// For which endpoint.
        line: u32,
        /// To be given back.
        id: tern_sip::ResolveId,
        /// What to ask.
        question: Question,
    },
    /// A SIP message for the eyes of whoever wants to see them, credentials redacted.
    Trace(String),
    /// Set up the connection to a provider.
    OpenProvider {
        /// Whose.
        account: AccountId,
        /// Counts its connections.
        link: u32,
        /// The API's base address.
        url: String,
        /// Bearer token.
        token: Secret,
    },
    /// Give it up.
    CloseProvider(AccountId),
    /// Ask a provider.
    Ask {
        /// Whose.
        account: AccountId,
        /// Over which connection.
        link: u32,
        /// What.
        request: ProviderRequest,
    },
    /// Read a secret.
    GetSecret(AccountId, SecretKind, SecretKey),
    /// Keep a secret.
    SetSecret(SecretKey, Secret),
    /// Forget a secret.
    DeleteSecret(SecretKey),
    /// Show a notification.
    Notify(Notification),
    /// Take it away.
    CloseNotification(String),
    /// Put a code into the clipboard.
    Copy(OneTimeCode),
    /// Empty the clipboard if it still holds the code.
    ClearClipboard(OneTimeCode),
    /// Sound a tone in place of the one before; `None` for silence.
    Tone(Option<(RingTone, RingPlace, NationalTones)>),
    /// Open a page.
    Browse(Option<RequestId>, Url),
    /// Open a call's RTP socket on this local address; one that sounds already moves there.
    OpenMedia(CallId, IpAddr, Box<Reach>),
    /// Start the sound, or change where it goes and what it is.
    RunMedia(CallId, Box<MediaPlan>),
    /// How everything sounds here from now on.
    Sound(Box<SoundPlan>),
    /// Record a call.
    Record {
        /// Which.
        call: CallId,
        /// Into which file.
        to: RecordTo,
        /// How.
        format: RecordFormat,
        /// Whether both sides hear beeps.
        tone: bool,
    },
    /// End a call's recording.
    StopRecording(CallId),
    /// Play a sound file to this side.
    Play(PathBuf),
    /// End what is played.
    StopPlaying,
    /// Start a sound check, or end it.
    CheckSound(bool),
    /// Silence our microphone, or not.
    Mute(CallId, bool),
    /// Send a digit.
    Digit(CallId, char),
    /// End the sound.
    CloseMedia(CallId),
    /// Look which sound devices there are.
    ListDevices,
    /// Everything that had to be done before the end is done.
    Finished,
}

/// A connection to make for SIP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Connection {
    /// TCP or TLS.
    pub(crate) transport: Transport,
    /// The local address to come from, where one is wanted.
    pub(crate) local: Option<IpAddr>,
    /// Where to.
    pub(crate) remote: SocketAddr,
    /// Whose certificate is expected.
    pub(crate) server_name: String,
    /// The account's own authorities.
    pub(crate) ca_file: Option<PathBuf>,
}

/// How far a call's sockets may reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Their ports; `None` for any.
    pub(crate) ports: Option<PortRange>,
    /// Whether every way is to be found and checked (RFC 8445).
    pub(crate) checks: bool,
    /// `host[:port]` of a server that tells our address as seen from outside.
    pub(crate) stun: Option<String>,
    /// A server that lends addresses.
    pub(crate) turn: Option<TurnServer>,
    /// The account's own authorities, for a server that is reached by TLS.
    pub(crate) ca_file: Option<PathBuf>,
    /// Where the other side is, for whom an address of another family is needed.
    pub(crate) towards: Option<IpAddr>,
    /// The other side waits, and takes what servers tell later (RFC 8838).
    pub(crate) at_once: bool,
}

impl Reach {
    /// Whether servers are to be asked.
    pub(crate) fn asks(&self) -> bool {
        self.stun.is_some() || self.turn.is_some()
    }
}

/// What else there is to tell of a call's sockets than where RTP comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// Where RTCP comes to.
    pub(crate) rtcp: Option<SocketAddr>,
    /// All that was found.
    pub(crate) candidates: Vec<Candidate>,
    /// Nothing more will be found.
    pub(crate) complete: bool,
}

/// What was agreed for a call's sound.
#[derive(Debug, Clone)]
pub(crate) struct MediaPlan {
    /// Where RTP goes; `None` while the other side takes none.
    pub(crate) remote: Option<SocketAddr>,
    /// Where RTCP goes.
    pub(crate) remote_rtcp: Option<SocketAddr>,
    /// RTCP shares RTP's port.
    pub(crate) rtcp_mux: bool,
    /// Checks of the way, where both sides make them.
    pub(crate) ice: Option<IceConfig>,
    /// How packets are encrypted.
    pub(crate) security: SecurityPlan,
    /// Formats, both ways.
    pub(crate) stream: StreamConfig,
    /// Whether the other side is to hear us.
    pub(crate) sending: bool,
    /// What the other side is to send.
    pub(crate) expected: Expected,
    /// Whether the user muted us.
    pub(crate) muted: bool,
    /// Whom it hears.
    pub(crate) mode: LegMode,
}

/// How everything sounds here, as the settings say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SoundPlan {
    /// Microphone by id.
    pub(crate) microphone: Option<String>,
    /// Loudspeaker by id.
    pub(crate) speaker: Option<String>,
    /// What is done to the microphone's sound.
    pub(crate) processing: ProcessConfig,
    /// What the other side hears while it waits.
    pub(crate) hold: HoldSound,
}

/// Which file a recording goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RecordTo {
    /// This one, whether it is there or not.
    File(PathBuf),
    /// A new one, named after the time and the other side.
    New {
        /// The folder, made if it isn't there.
        folder: PathBuf,
        /// The other side, as it came.
        peer: String,
        /// Now.
        at: Timestamp,
    },
}

/// A question to a provider.
#[derive(Clone, PartialEq)]
pub(crate) enum ProviderRequest {
    /// Balance and limits.
    Account,
    /// The rented numbers.
    Numbers,
    /// The newest page of everything.
    Snapshot,
    /// An older page of everything; `None` for the newest again.
    History(Option<PageToken>),
    /// What came after.
    Changes(Cursor),
    /// Hints that something came.
    Hints(Cursor),
    /// Send an SMS.
    Send(RowId, IdempotencyKey, OutgoingMessage),
    /// Look whether an SMS was sent.
    FindSent(RowId, SoughtMessage),
    /// Delete a message.
    Delete(RemoteId),
    /// Start a top-up.
    CreateTopUp(IdempotencyKey, Money),
    /// Where a top-up stands.
    TopUp(IdempotencyKey, TopUpId),
    /// What a target costs when it is called with one of the account's numbers, and whether it is allowed.
    Rate(RequestId, String, Option<String>),
    /// Do something that is done once for its key.
    Act(IdempotencyKey, Act),
}

impl std::fmt::Debug for ProviderRequest {
    // Keeps texts and people out of every log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Account => "Account",
            Self::Numbers => "Numbers",
            Self::Snapshot => "Snapshot",
            Self::History(_) => "History",
            Self::Changes(_) => "Changes",
            Self::Hints(_) => "Hints",
            Self::Send(..) => "Send",
            Self::FindSent(..) => "FindSent",
            Self::Delete(_) => "Delete",
            Self::CreateTopUp(..) => "CreateTopUp",
            Self::TopUp(..) => "TopUp",
            Self::Rate(..) => "Rate",
            Self::Act(..) => "Act",
        })
    }
}
