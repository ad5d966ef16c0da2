//! A call while it lives: where it stands, what becomes of it, its figures.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{AccountId, CallDirection, CallId, CallOutcome, ErrorView, QualityView};

/// Which number the called side sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum CallAs {
    /// One of the account's numbers.
    Number {
        /// E.164.
        number: String,
    },
    /// None; the provider knows it nevertheless.
    Anonymous {},
}

/// A call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct CallView {
    /// Its id.
    pub id: CallId,
    /// Which account.
    pub account: AccountId,
    /// Which way.
    pub direction: CallDirection,
    /// The other side, as it came.
    pub peer: String,
    /// The other side for people.
    pub peer_name: String,
    /// The account's own number that was called, E.164, where known.
    pub number: Option<String>,
    /// Where it stands.
    pub state: CallState,
    /// Our microphone is muted.
    pub muted: bool,
    /// Who waits for whom.
    pub hold: HoldState,
    /// A change we asked for is not answered yet.
    pub changing: bool,
    /// Where handing the call over to somebody stands.
    pub transfer: Option<TransferView>,
    /// The other side asks us to call this one in its place: answered by a command, never followed by itself.
    pub transfer_asked: Option<TransferAskView>,
    /// In state `redirected`: whom to call instead, as the called side says, best first.
    pub redirect: Vec<RedirectView>,
    /// Incoming: who sent the call on to us, for people, where the provider tells.
    pub diverted_by: Option<String>,
    /// Incoming: the caller withholds who it is.
    pub anonymous: bool,
    /// When it was answered, RFC 3339.
    pub answered_at: Option<String>,
    /// How it ended, once it has.
    pub end: Option<CallEndView>,
    /// Figures of the last second, once sound flows.
    pub stats: Option<CallStatsView>,
    /// What is missing here: the call goes on without microphone or loudspeaker.
    pub audio_trouble: Option<ErrorView>,
    /// How its sound is protected on the way.
    pub security: CallSecurityView,
    /// Its recording, while it goes on.
    pub recording: Option<RecordingView>,
    /// Whether it is part of the conference on this computer.
    pub joined: bool,
}

/// How a call's sound is protected, as it really is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct CallSecurityView {
    /// Who agreed on the keys, and how.
    pub protocol: SecurityProtocol,
    /// The cipher suite as its RFC names it, such as `AEAD_AES_256_GCM`.
    pub suite: Option<String>,
    /// Whether the keys' own way was protected: DTLS with the announced certificate, or SDES over TLS. Otherwise
    /// whoever reads the signalling can listen.
    pub keys_protected: bool,
}

/// How keys for a call's sound were agreed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum SecurityProtocol {
    /// Not at all: the sound travels in the clear.
    #[default]
    None,
    /// In the session descriptions (RFC 4568).
    Sdes,
    /// Between the two ends (RFC 5764).
    Dtls,
}

/// A recording under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RecordingView {
    /// The file.
    pub path: String,
    /// Since when, RFC 3339.
    pub started_at: String,
}

/// Who waits for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum HoldState {
    /// Nobody.
    None,
    /// We put the other side on hold.
    Here,
    /// The other side put us on hold.
    There,
    /// Each the other.
    Both,
}

/// A call on its way to somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TransferView {
    /// How far it is.
    pub state: TransferState,
    /// To whom, as it goes out.
    pub to: String,
    /// To whom, for people.
    pub to_name: String,
    /// Why it failed.
    pub error: Option<ErrorView>,
}

/// The other side's wish that we call somebody in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TransferAskView {
    /// Whom, as it came.
    pub to: String,
    /// Whom, for people.
    pub to_name: String,
    /// Who wishes it, for people, where that is told.
    pub by: Option<String>,
}

/// Somebody to call instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RedirectView {
    /// As it came.
    pub target: String,
    /// For people.
    pub name: String,
}

/// How far handing a call over is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum TransferState {
    /// The other side was asked.
    Asked,
    /// It calls there.
    Trying,
    /// It rings there.
    Ringing,
    /// They talk; our call ends.
    Done,
    /// They do not; our call goes on.
    Failed,
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum CallState {
    /// Outgoing: on its way, nothing rings yet.
    Dialing,
    /// It rings: there when outgoing, here when incoming.
    Ringing,
    /// Answered here, the way is being made.
    Connecting,
    /// Outgoing: the called side names others to call instead; waits for a choice.
    Redirected,
    /// Talking.
    Connected,
    /// Over.
    Ended,
}

/// Who ended a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum EndedBy {
    /// We did.
    Local,
    /// The other side or the provider did.
    Remote,
    /// The network did.
    Network,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct CallEndView {
    /// Who ended it.
    pub by: EndedBy,
    /// How it counts.
    pub outcome: CallOutcome,
    /// Why, where it is more than hanging up.
    pub error: Option<ErrorView>,
}

/// A call's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct CallStatsView {
    /// Codec as in its rtpmap, such as `opus`.
    pub codec: String,
    /// RTP packets sent.
    pub packets_sent: u32,
    /// RTP packets received.
    pub packets_received: u32,
    /// RTP packets that never came.
    pub packets_lost: u32,
    /// Packets that came in and were of no use: garbage, or encrypted with other keys than agreed.
    pub packets_unusable: u32,
    /// Sound made up for what was missing.
    pub concealed_ms: u32,
    /// Interarrival jitter (RFC 3550 section 6.4.1).
    pub jitter_ms: f32,
    /// Round trip by RTCP, once known.
    pub round_trip_ms: Option<f32>,
    /// Loudness of our microphone, 0 to 1.
    pub level_in: f32,
    /// Loudness of the other side, 0 to 1.
    pub level_out: f32,
    /// How often the way for the sound was looked for anew, by either side.
    pub ways_renewed: u32,
    /// How well it sounds.
    pub quality: Option<QualityView>,
}
