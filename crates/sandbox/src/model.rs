//! What the provider keeps about its customers: accounts, numbers, messages, calls, ledger rows, top-ups.
//!
//! These are the rows of the store. How they look in the API stands in [`crate::rest`].

use jiff::{Timestamp, civil::Date};
use rand::seq::IndexedRandom;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tern_provider::Secret;

/// An account, inside this sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct AccountId(pub(crate) i64);

/// Declares an enum that is stored and sent as a word.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub(crate) enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            pub(crate) fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl rusqlite::ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok(self.word().into())
            }
        }

        impl rusqlite::types::FromSql for $name {
            fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
                match value.as_str()? {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(rusqlite::types::FromSqlError::InvalidType),
                }
            }
        }
    };
}

pub(crate) use words;

words!(
    /// Which set of rules an account lives under.
    Profile { Numgo = "numgo", Prepaid = "prepaid" }
);
words!(
    /// What sort of number.
    NumberKind { Mobile = "mobile", Landline = "landline" }
);
words!(
    /// How a number is doing.
    NumberState { Active = "active", Expired = "expired", Deleted = "deleted" }
);
words!(
    /// Seen from the account.
    Direction { Incoming = "incoming", Outgoing = "outgoing" }
);
words!(
    /// Where an SMS stands.
    MessageState {
        Received = "received",
        Accepted = "accepted",
        Sent = "sent",
        Delivered = "delivered",
        Failed = "failed",
    }
);
words!(
    /// How a call ended, seen from the account.
    Outcome {
        Answered = "answered",
        Missed = "missed",
        Declined = "declined",
        Busy = "busy",
        Unanswered = "unanswered",
        Failed = "failed",
    }
);
words!(
    /// Why money moved.
    TransactionKind {
        Order = "order",
        Renewal = "renewal",
        Restore = "restore",
        Call = "call",
        Sms = "sms",
        TopUp = "top_up",
        Cashback = "cashback",
        Refund = "refund",
        Adjustment = "adjustment",
    }
);
words!(
    /// Where a top-up stands.
    TopUpState { Pending = "pending", Paid = "paid", Declined = "declined", Cancelled = "cancelled" }
);
words!(
    /// What a row of the activity feed is about.
    Kind { Message = "message", Call = "call", Transaction = "transaction" }
);

/// A customer.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: AccountId,
    pub(crate) public_id: String,
    pub(crate) name: String,
    pub(crate) profile: Profile,
    pub(crate) currency: String,
    pub(crate) token: Secret,
    pub(crate) sip_user: String,
    pub(crate) sip_password: Secret,
    /// The account's latest change.
    pub(crate) seq: u64,
    /// The earliest place in the feed from which nothing has been thrown away.
    pub(crate) oldest_cursor: u64,
}

/// A rented number.
#[derive(Debug, Clone)]
pub(crate) struct Number {
    pub(crate) id: String,
    pub(crate) account: AccountId,
    pub(crate) e164: String,
    pub(crate) country: String,
    pub(crate) city: Option<String>,
    pub(crate) label: Option<String>,
    pub(crate) kind: NumberKind,
    pub(crate) calls: bool,
    pub(crate) sms: bool,
    pub(crate) monthly_fee: Decimal,
    pub(crate) incoming_minute: Decimal,
    pub(crate) sms_price: Option<Decimal>,
    pub(crate) ordered_on: Date,
    pub(crate) renews_on: Option<Date>,
    pub(crate) state: NumberState,
}

/// An SMS.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) account: AccountId,
    pub(crate) version: u64,
    pub(crate) direction: Direction,
    pub(crate) number: String,
    pub(crate) peer: String,
    pub(crate) text: String,
    pub(crate) state: MessageState,
    pub(crate) failure: Option<String>,
    pub(crate) at: Timestamp,
    pub(crate) price: Option<Decimal>,
    pub(crate) idempotency_key: Option<String>,
}

/// A call, as one account's log has it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) account: AccountId,
    pub(crate) version: u64,
    pub(crate) sip_call_id: Option<String>,
    pub(crate) direction: Direction,
    pub(crate) number: String,
    pub(crate) peer: String,
    pub(crate) started_at: Timestamp,
    pub(crate) duration_seconds: u32,
    pub(crate) outcome: Outcome,
    pub(crate) price: Option<Decimal>,
}

/// A row of the ledger.
#[derive(Debug, Clone)]
pub(crate) struct Transaction {
    pub(crate) id: String,
    pub(crate) account: AccountId,
    pub(crate) version: u64,
    pub(crate) kind: TransactionKind,
    /// Signed: positive is a credit.
    pub(crate) amount: Decimal,
    pub(crate) balance_after: Decimal,
    pub(crate) at: Timestamp,
    pub(crate) description: String,
    pub(crate) reference: Option<String>,
}

/// A payment the customer was sent to the checkout page for.
#[derive(Debug, Clone)]
pub(crate) struct TopUp {
    pub(crate) id: String,
    pub(crate) account: AccountId,
    pub(crate) state: TopUpState,
    pub(crate) amount: Decimal,
    pub(crate) created_at: Timestamp,
}

/// An id nobody can guess and no other sandbox gives out: a client keeps rows of several sandboxes side by side.
pub(crate) fn new_id(prefix: &str) -> String {
    format!("{prefix}_{}", random_word(20))
}

/// Random lower-case letters and digits that cannot be confused with one another.
pub(crate) fn random_word(length: usize) -> String {
    const LETTERS: &[char] = &[
        'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'm', 'n', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w',
        'x', 'y', 'z', '2', '3', '4', '5', '6', '7', '8', '9',
    ];
    let mut random = rand::rng();
    std::iter::repeat_with(|| LETTERS.choose(&mut random)).flatten().take(length).collect()
}
