//! Asking for money back.

use jiff::{Timestamp, civil::Date};

use super::{Money, RemoteId};

/// A request for money back. One that does not name service, amount and reason is not looked at.
#[derive(Clone, PartialEq, Eq)]
pub struct RefundRequest {
    /// The number, order or top-up that it is about.
    pub service: RemoteId,
    /// How much.
    pub amount: Money,
    /// A stable code of the provider's, such as `out_of_service` or `changed_mind`.
    pub reason: String,
    /// What happened, in the user's words.
    pub explanation: String,
    /// Where the money should go, for money that leaves the account.
    pub payment_details: Option<String>,
}

impl std::fmt::Debug for RefundRequest {
    // Bank details stay out of every log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RefundRequest")
            .field("service", &self.service)
            .field("amount", &self.amount)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// Where a request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundState {
    /// Being looked at.
    InReview {
        /// The day by which it is decided.
        decided_by: Option<Date>,
    },
    /// Granted.
    Granted {
        /// Where the money goes.
        to: RefundTo,
        /// The day by which it is there.
        paid_by: Option<Date>,
    },
    /// Refused.
    Refused {
        /// A stable code: which rule decided.
        code: String,
        /// The provider's sentence for people.
        detail: String,
    },
}

/// Where money goes back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundTo {
    /// The account's balance.
    Balance,
    /// The way it was paid, or another where that cannot take it back.
    Client,
}

/// A request that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Id at the provider.
    pub id: RemoteId,
    /// What it is about.
    pub service: RemoteId,
    /// How much is asked, or given once it is granted.
    pub amount: Money,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Where it stands.
    pub state: RefundState,
}
