//! SMS.

use jiff::Timestamp;

use super::{IdempotencyKey, Money, RemoteId};

/// Which way a message or call went, seen from the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Towards the account.
    Incoming,
    /// From the account.
    Outgoing,
}

/// Where an SMS stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageState {
    /// Incoming, complete.
    Received,
    /// Outgoing, accepted by the provider, not yet handed on.
    Accepted,
    /// Outgoing, handed to the operator.
    Sent,
    /// Outgoing, confirmed by the operator.
    Delivered,
    /// Outgoing, will not arrive; the code says why.
    Failed {
        /// A stable code, such as `operator_rejected`.
        code: String,
    },
}

/// An SMS as the provider tells it.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Id at the provider.
    pub id: RemoteId,
    /// Rises with each change of this row.
    pub version: u64,
    /// Which way it went.
    pub direction: Direction,
    /// The account's own number, E.164.
    pub number: String,
    /// The other side: E.164, a short code or an alphanumeric sender.
    pub peer: String,
    /// The text as received, never markup.
    pub text: String,
    /// Where it stands.
    pub state: MessageState,
    /// When the provider took it in.
    pub at: Timestamp,
    /// What it cost, once known.
    pub price: Option<Money>,
    /// The client's key, for messages sent with one.
    pub idempotency_key: Option<IdempotencyKey>,
}

impl std::fmt::Debug for Message {
    // Message texts and the people behind them stay out of every log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}

/// An SMS to send.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingMessage {
    /// One of the account's own numbers, E.164.
    pub from: String,
    /// E.164.
    pub to: String,
    /// Plain text.
    pub text: String,
}

impl std::fmt::Debug for OutgoingMessage {
    // Message texts and the people behind them stay out of every log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutgoingMessage").finish_non_exhaustive()
    }
}

/// A message whose sending was not confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoughtMessage {
    /// The key that it was sent with.
    pub key: IdempotencyKey,
    /// What was sent.
    pub message: OutgoingMessage,
    /// When it was asked for; it left then or later.
    pub since: Timestamp,
}
