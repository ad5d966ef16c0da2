//! What a window shows, ready to be shown: nothing here needs another look-up, nothing here is a secret.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{
    AccountId, ActivityId, CallId, ErrorView, MediaOptions, Notice, QualityView, Settings, StorageView,
    ThreadId, TopUpId,
};

/// Everything a window needs to start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Events continue from here: the next one has `seq + 1`.
    pub seq: u32,
    /// In the order they were added.
    pub accounts: Vec<AccountView>,
    /// Calls that live.
    pub calls: Vec<CallView>,
    /// Recent Activity's first page.
    pub activity: ActivityPage,
    /// Sound devices.
    pub devices: DevicesView,
    /// Settings.
    pub settings: Settings,
    /// What a person should know and may have missed because it was raised before any window was open. The same
    /// notices come as events to whoever had subscribed by then.
    #[serde(default)]
    #[specta(optional)]
    pub notices: Option<Vec<Notice>>,
    /// The sound file that is played now.
    #[serde(default)]
    #[specta(optional)]
    pub playing: Option<PlayingView>,
    /// What keeps the history closed; `None` once it is open. Everything else is empty before.
    #[serde(default)]
    #[specta(optional)]
    pub storage: Option<StorageView>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    /// Its id.
    pub id: AccountId,
    /// Its name for people.
    pub name: String,
    /// `user@domain`.
    pub address: String,
    /// Whether it is the embedded sandbox: no real money, no real phones.
    pub sandbox: bool,
    /// Where registration stands.
    pub registration: RegistrationState,
    /// Rented numbers, in the provider's order.
    pub numbers: Vec<NumberView>,
    /// The balance; `None` where the provider reports none or it was never read.
    pub balance: Option<BalanceView>,
    /// Where the activity feed stands.
    pub feed: FeedState,
    /// While older activity is read in the background: how far that got.
    #[serde(default)]
    #[specta(optional)]
    pub history: Option<HistoryView>,
    /// The least and the most a top-up may be, decimals; `None` where top-up is not offered.
    pub topup_limits: Option<(String, String)>,
    /// Top-ups that are not finished.
    pub topups: Vec<TopUpView>,
    /// How its calls sound and travel; passwords are left out.
    pub media: MediaOptions,
    /// Voicemail, where the server tells of it.
    pub voicemail: Option<VoicemailView>,
    /// Whether a conversation can be deleted at the provider too: its messages, not its calls.
    #[serde(default)]
    #[specta(optional)]
    pub deletes_threads: bool,
    /// Messages that the provider is still to delete.
    #[serde(default)]
    #[specta(optional)]
    pub deleting: u32,
}

/// Messages on the server's answering machine (RFC 3842).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct VoicemailView {
    /// Messages not heard yet; 1 where the server says that there are some and does not count them.
    pub new: u32,
    /// Messages heard and kept.
    pub old: u32,
    /// Urgent ones among the new.
    pub urgent: u32,
    /// Whom to call to hear them, as the server says.
    pub mailbox: Option<String>,
}

/// A voice message at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct VoiceMessageView {
    /// Its id at the provider.
    pub id: String,
    /// The call that left it; `None` where no row goes with it.
    pub call: Option<ActivityId>,
    /// Who spoke, for people.
    pub peer_name: String,
    /// When, RFC 3339.
    pub at: String,
    /// How long.
    pub seconds: u32,
    /// Whether it was listened to.
    pub heard: bool,
}

/// Where registration stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RegistrationState {
    /// Not started, or un-registered.
    Offline {},
    /// On its way.
    Registering {},
    /// Calls arrive.
    Registered {},
    /// No password is known: ask for it.
    PasswordNeeded {
        /// Why it is asked.
        error: ErrorView,
    },
    /// Will be tried again by itself.
    Retrying {
        /// Why it failed.
        error: ErrorView,
        /// When it is tried next, RFC 3339.
        next_try: Option<String>,
    },
    /// Will not be tried again until the user does something.
    Stopped {
        /// Why.
        error: ErrorView,
    },
}

/// Where the activity feed stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FeedState {
    /// The provider has none.
    None {},
    /// First rows are on their way.
    Loading {},
    /// As the provider has it.
    Fresh {},
    /// The last known rows, because the provider can't be read now.
    Stale {
        /// Since when, RFC 3339.
        since: String,
        /// Why.
        error: ErrorView,
    },
}

/// How far the reading of older activity got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct HistoryView {
    /// Rows read so far.
    pub rows: u32,
    /// Rows there are in all, where the provider tells.
    pub total: Option<u32>,
}

/// A rented number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct NumberView {
    /// E.164.
    pub e164: String,
    /// Written as people of its country do, with the country code.
    pub formatted: String,
    /// ISO 3166 alpha-2.
    pub country: String,
    /// City, for landlines.
    pub city: Option<String>,
    /// The user's name for it.
    pub label: Option<String>,
    /// Takes and makes calls.
    pub calls: bool,
    /// Takes and sends SMS.
    pub sms: bool,
    /// `YYYY-MM-DD` of the next charge.
    pub renews_on: Option<String>,
    /// Works now.
    pub active: bool,
}

/// An amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct MoneyView {
    /// An exact decimal such as `10.34` or `-0.08`.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
}

/// The balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BalanceView {
    /// How much.
    pub money: MoneyView,
    /// When it was read, RFC 3339.
    pub at: String,
    /// Whether it may be old.
    pub stale: bool,
}

/// A top-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TopUpView {
    /// Its id.
    pub id: TopUpId,
    /// How much.
    pub amount: MoneyView,
    /// Where it stands.
    pub state: TopUpState,
    /// The host of the checkout page.
    pub host: String,
}

/// Where a top-up stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum TopUpState {
    /// Not paid yet.
    Pending,
    /// Paid; the balance follows.
    Paid,
    /// Declined by the payment provider.
    Declined,
    /// Given up.
    Cancelled,
}

/// One page of Recent Activity, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ActivityPage {
    /// The rows.
    pub items: Vec<ActivityItem>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<String>,
    /// Rows not seen yet, in all.
    pub unread: u32,
}

/// A row of Recent Activity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ActivityItem {
    /// Its id.
    pub id: ActivityId,
    /// Which account.
    pub account: AccountId,
    /// Its conversation: messages and calls with the same peer over the same number; `None` for money.
    pub thread: Option<ThreadId>,
    /// The account's own number, E.164; empty when unknown.
    pub number: String,
    /// The other side, as it came: E.164, short code, name or SIP address.
    pub peer: String,
    /// The other side for people: a name, or the number written as usual.
    pub peer_name: String,
    /// When, RFC 3339.
    pub at: String,
    /// Not seen yet.
    pub unread: bool,
    /// A call's recording: the path of its file.
    #[serde(default)]
    #[specta(optional)]
    pub recording: Option<String>,
    /// What it is.
    pub what: ActivityWhat,
}

/// What a row is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ActivityWhat {
    /// An SMS.
    Message {
        /// The message.
        message: MessageView,
    },
    /// A call.
    Call {
        /// Which way.
        direction: CallDirection,
        /// How it ended.
        outcome: CallOutcome,
        /// Answered to hung up.
        duration_seconds: u32,
        /// What it cost.
        price: Option<MoneyView>,
    },
    /// Money moved.
    Transaction {
        /// The ledger row.
        transaction: TransactionView,
    },
    /// The provider keeps nothing any more of a time in which Tern did not ask: something may be missing there.
    Gap {
        /// From when on, RFC 3339; until the row's own time.
        since: String,
    },
}

/// An SMS.
#[derive(Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct MessageView {
    /// Towards us.
    pub incoming: bool,
    /// Untrusted plain text.
    pub text: String,
    /// Where it stands.
    pub state: MessageState,
    /// Why it failed.
    pub error: Option<ErrorView>,
    /// What it cost.
    pub price: Option<MoneyView>,
    /// In state `queued`: when it leaves, RFC 3339, where the provider's limits make it wait.
    #[serde(default)]
    #[specta(optional)]
    pub leaves_at: Option<String>,
    /// The one-time code in it, as it is to be pasted.
    #[serde(default)]
    #[specta(optional)]
    pub code: Option<String>,
}

impl std::fmt::Debug for MessageView {
    // Texts stay out of every log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MessageView").field("state", &self.state).finish_non_exhaustive()
    }
}

/// Where an SMS stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum MessageState {
    /// Came in.
    Received,
    /// Kept here, not sent yet.
    Queued,
    /// On its way to the provider.
    Sending,
    /// The provider has it.
    Sent,
    /// The operator confirmed it.
    Delivered,
    /// Will not arrive.
    Failed,
    /// It is not known whether the provider has it; being looked up.
    Unknown,
}

/// Which way a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum CallDirection {
    /// Towards us.
    Incoming,
    /// From us.
    Outgoing,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum CallOutcome {
    /// Someone talked.
    Answered,
    /// Incoming, nobody answered.
    Missed,
    /// Incoming, turned down here.
    Declined,
    /// Outgoing, the other side was busy or turned it down.
    Busy,
    /// Outgoing, nobody answered or given up.
    Unanswered,
    /// Could not be put through.
    Failed,
}

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum TransactionKind {
    /// A number was ordered.
    Order,
    /// A number was renewed.
    Renewal,
    /// A number was restored.
    Restore,
    /// A call.
    Call,
    /// An SMS.
    Sms,
    /// Money came in.
    TopUp,
    /// Cashback.
    Cashback,
    /// Money came back.
    Refund,
    /// A correction.
    Adjustment,
}

/// A ledger row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TransactionView {
    /// Why.
    pub kind: TransactionKind,
    /// Signed.
    pub amount: MoneyView,
    /// The balance afterwards.
    pub balance_after: MoneyView,
    /// The provider's words.
    pub description: String,
}

/// One conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ThreadView {
    /// Its id.
    pub id: ThreadId,
    /// Which account.
    pub account: AccountId,
    /// Our number, E.164.
    pub number: String,
    /// The other side, as it came.
    pub peer: String,
    /// The other side for people.
    pub peer_name: String,
    /// Whether an answer can be sent: an alphanumeric sender takes none.
    pub can_reply: bool,
    /// Typed and not sent.
    pub draft: String,
    /// Messages and calls, newest first.
    pub items: Vec<ActivityItem>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<String>,
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

/// A sound file that is played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PlayingView {
    /// The file.
    pub path: String,
    /// How far it got.
    pub position_ms: u32,
    /// How long it is.
    pub length_ms: u32,
}

/// A sound check: how loud both ends are, 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SoundCheckView {
    /// What the microphone hears.
    pub level_in: f32,
    /// What the loudspeaker plays of it, a second later.
    pub level_out: f32,
    /// What is missing: a microphone, a loudspeaker.
    pub trouble: Option<ErrorView>,
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

/// The sound devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DevicesView {
    /// Microphones.
    pub inputs: Vec<DeviceView>,
    /// Loudspeakers and headphones.
    pub outputs: Vec<DeviceView>,
    /// The microphone that calls use now, by id: the one of the settings, or what takes its place. `None` while no
    /// call sounds, or where there is none.
    pub microphone: Option<String>,
    /// The loudspeaker that calls use now, in the same way.
    pub speaker: Option<String>,
}

/// A sound device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DeviceView {
    /// Stable across restarts.
    pub id: String,
    /// For people.
    pub name: String,
    /// The system's default.
    pub default: bool,
}
