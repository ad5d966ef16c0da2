//! A row of Recent Activity, and a call that becomes one.

use jiff::Timestamp;
use tern_provider::types::{Money, TransactionType};

use crate::api::{AccountId, ActivityId, CallDirection, CallOutcome, ErrorView, MessageState, ThreadId};

/// The row of Recent Activity with this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RowId(pub(crate) i64);

/// The conversation with this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ThreadRowId(pub(crate) i64);

impl RowId {
    /// As it crosses to the window.
    pub(crate) fn outside(self) -> ActivityId {
        ActivityId(format!("a{}", self.0))
    }

    /// Back from the window.
    pub(crate) fn inside(id: &ActivityId) -> Option<Self> {
        id.0.strip_prefix('a')?.parse().ok().map(Self)
    }
}

impl ThreadRowId {
    /// As it crosses to the window.
    pub(crate) fn outside(self) -> ThreadId {
        ThreadId(format!("t{}", self.0))
    }

    /// Back from the window.
    pub(crate) fn inside(id: &ThreadId) -> Option<Self> {
        id.0.strip_prefix('t')?.parse().ok().map(Self)
    }
}

/// A row of Recent Activity.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// Its id.
    pub(crate) id: RowId,
    /// Which account.
    pub(crate) account: AccountId,
    /// Its conversation; `None` for money.
    pub(crate) thread: Option<ThreadRowId>,
    /// The account's own number; empty when unknown.
    pub(crate) number: String,
    /// The other side, as it came.
    pub(crate) peer: String,
    /// When.
    pub(crate) at: Timestamp,
    /// Not seen yet.
    pub(crate) unread: bool,
    /// A call's recording.
    pub(crate) recording: Option<String>,
    /// Nobody wants to hear of the other side.
    pub(crate) blocked: bool,
    /// What the other side is called among the contacts.
    pub(crate) name: Option<String>,
    /// What it is.
    pub(crate) what: RowWhat,
}

impl std::fmt::Debug for Row {
    // Texts and people stay out of every log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Row").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What a row is about.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum RowWhat {
    /// An SMS.
    Message {
        /// Towards us.
        incoming: bool,
        /// The text.
        text: String,
        /// Where it stands.
        state: MessageState,
        /// Why it failed.
        error: Option<ErrorView>,
        /// What it cost.
        price: Option<Money>,
        /// While it is queued: when it leaves, where that is not now.
        leaves_at: Option<Timestamp>,
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
        price: Option<Money>,
    },
    /// Money moved.
    Ledger {
        /// Why.
        kind: TransactionType,
        /// Signed.
        amount: Money,
        /// The balance afterwards.
        balance_after: Money,
        /// The provider's words.
        description: String,
    },
    /// Something may be missing.
    Gap {
        /// From when on; until the row's own time.
        since: jiff::Timestamp,
    },
}

/// A call as SIP saw it, kept until the provider's log tells it better.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct LocalCall {
    /// Whose.
    pub(crate) account: AccountId,
    /// The SIP Call-ID, which joins it to the provider's record.
    pub(crate) sip_call_id: Option<String>,
    /// Which way.
    pub(crate) direction: CallDirection,
    /// Our number; empty when unknown.
    pub(crate) number: String,
    /// The other side.
    pub(crate) peer: String,
    /// First ring.
    pub(crate) at: Timestamp,
    /// Answered to hung up.
    pub(crate) duration_seconds: u32,
    /// How it ended.
    pub(crate) outcome: CallOutcome,
    /// The file it was recorded into.
    pub(crate) recording: Option<String>,
}

impl std::fmt::Debug for LocalCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalCall").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}
