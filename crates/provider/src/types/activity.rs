//! The activity: what changed, in order.

use jiff::Timestamp;

use super::{CallRecord, Cursor, Message, PageToken, RemoteId, Transaction};

/// What an activity row is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActivityObject {
    /// An SMS.
    Message(Message),
    /// A call.
    Call(CallRecord),
    /// Money moved.
    Transaction(Transaction),
    /// Something may be missing.
    Gap(Gap),
}

impl ActivityObject {
    /// Its id at the provider.
    pub fn id(&self) -> &RemoteId {
        match self {
            Self::Message(message) => &message.id,
            Self::Call(call) => &call.id,
            Self::Transaction(transaction) => &transaction.id,
            Self::Gap(gap) => &gap.id,
        }
    }

    /// When it happened; of a gap, when it ends.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Message(message) => message.at,
            Self::Call(call) => call.started_at,
            Self::Transaction(transaction) => transaction.at,
            Self::Gap(gap) => gap.until,
        }
    }

    /// Rises with each change; a gap does not change.
    pub fn version(&self) -> u64 {
        match self {
            Self::Message(message) => message.version,
            Self::Call(call) => call.version,
            Self::Transaction(transaction) => transaction.version,
            Self::Gap(_) => 1,
        }
    }
}

/// A time of which the provider keeps nothing any more, and in which nobody asked: something may be missing there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Made up by the adapter.
    pub id: RemoteId,
    /// Everything before is known.
    pub from: Timestamp,
    /// Everything after is known.
    pub until: Timestamp,
}

/// The kinds of activity rows; with account and remote id the key of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActivityKind {
    /// An SMS.
    Message,
    /// A call.
    Call,
    /// Money moved.
    Transaction,
    /// Something may be missing.
    Gap,
}

/// One change: a row is new or different, or is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The row as it is now.
    Upsert(ActivityObject),
    /// The row was deleted.
    Delete {
        /// What kind it was.
        kind: ActivityKind,
        /// Which one it was.
        id: RemoteId,
        /// The version at which it was deleted.
        version: u64,
    },
}

/// An answer of `changes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangesPage {
    /// Oldest first.
    pub changes: Vec<Change>,
    /// Where the next call continues.
    pub next: Cursor,
    /// Whether to call again at once.
    pub has_more: bool,
}

/// One page of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotPage {
    /// Newest first.
    pub objects: Vec<ActivityObject>,
    /// From where `changes` continues after the whole snapshot; the same on each page.
    pub cursor: Cursor,
    /// The next page, if any.
    pub next_page: Option<PageToken>,
    /// How many rows all pages have together, where the provider tells.
    pub total: Option<u64>,
}
