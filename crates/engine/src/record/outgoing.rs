//! SMS on their way out.

use jiff::Timestamp;
use tern_provider::types::IdempotencyKey;

use super::RowId;
use crate::api::{AccountId, MessageState};

/// An SMS that the provider took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    /// When.
    pub(crate) at: Timestamp,
    /// From which number.
    pub(crate) number: String,
}

/// An SMS on its way out.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// Its row of Recent Activity.
    pub(crate) row: RowId,
    /// Whose.
    pub(crate) account: AccountId,
    /// One per intent.
    pub(crate) key: IdempotencyKey,
    /// From.
    pub(crate) from: String,
    /// To.
    pub(crate) to: String,
    /// The text.
    pub(crate) text: String,
    /// When it was asked for.
    pub(crate) at: jiff::Timestamp,
    /// Queued, sending, unknown or failed.
    pub(crate) state: MessageState,
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing").field("row", &self.row).field("state", &self.state).finish_non_exhaustive()
    }
}

/// An SMS to be kept before it is sent.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct NewOutgoing {
    /// Whose.
    pub(crate) account: AccountId,
    /// One per intent.
    pub(crate) key: IdempotencyKey,
    /// From.
    pub(crate) from: String,
    /// To.
    pub(crate) to: String,
    /// The text.
    pub(crate) text: String,
    /// When it was asked for.
    pub(crate) at: Timestamp,
    /// A failed row that this one takes the place of.
    pub(crate) replaces: Option<RowId>,
}

impl std::fmt::Debug for NewOutgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewOutgoing").field("account", &self.account).finish_non_exhaustive()
    }
}
