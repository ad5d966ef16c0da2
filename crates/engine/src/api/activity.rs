//! Recent Activity in rows and conversations: SMS, calls that ended, money that moved.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{AccountId, ActivityId, ErrorView, MoneyView, ThreadId};

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
