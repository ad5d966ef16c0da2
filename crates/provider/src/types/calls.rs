//! Calls as a provider's log tells them.

use jiff::Timestamp;

use super::{Direction, Money, RemoteId};

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallOutcome {
    /// Someone talked.
    Answered,
    /// Incoming and nobody answered.
    Missed,
    /// Incoming and turned down.
    Declined,
    /// Outgoing and the other side was busy.
    Busy,
    /// Outgoing and nobody answered, or given up.
    Unanswered,
    /// Could not be put through.
    Failed,
}

/// A call as the provider's log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// Id at the provider.
    pub id: RemoteId,
    /// Rises with each change of this row.
    pub version: u64,
    /// The SIP Call-ID of the leg to the account, where the provider tells it: joins it to what SIP saw.
    pub sip_call_id: Option<String>,
    /// Which way it went.
    pub direction: Direction,
    /// The account's own number, E.164.
    pub number: String,
    /// The other side.
    pub peer: String,
    /// First ring.
    pub started_at: Timestamp,
    /// Answered to hung up, in seconds; 0 when not answered.
    pub duration_seconds: u32,
    /// How it ended.
    pub outcome: CallOutcome,
    /// What it cost, once known.
    pub price: Option<Money>,
}
