//! Sums over a time.

use jiff::civil::Date;

use super::{Money, TransactionType};

/// Days, both included, in the provider's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
}

/// What happened in a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Calls towards the account, whatever became of them.
    pub incoming_calls: u32,
    /// Of those, the ones nobody answered.
    pub missed_calls: u32,
    /// Calls from the account.
    pub outgoing_calls: u32,
    /// Talked in all, in seconds.
    pub call_seconds: u64,
    /// SMS received.
    pub messages_received: u32,
    /// SMS sent.
    pub messages_sent: u32,
    /// Money that moved, per reason.
    pub money: Vec<Moved>,
}

/// Money that moved for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Why.
    pub kind: TransactionType,
    /// How many rows.
    pub count: u32,
    /// Signed: positive is a credit.
    pub amount: Money,
}
