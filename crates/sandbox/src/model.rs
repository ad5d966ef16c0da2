//! What the provider keeps about its customers: accounts, numbers, messages, calls, ledger rows, top-ups.
//!
//! These are the rows of the store. How they look in the API stands in [`crate::rest`].

use jiff::{Timestamp, civil::Date};
use rand::seq::IndexedRandom;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tern_provider::Secret;

use crate::settings::SmsLimits;

/// An account, inside this sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct AccountId(pub(crate) i64);

/// Declares an enum that is stored and sent as a word.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:tt),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord,
            serde::Serialize, serde::Deserialize, utoipa::ToSchema,
        )]
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
    NumberKind { Mobile = "mobile", Landline = "landline", TollFree = "toll_free" }
);
words!(
    /// How a number is doing. Before it is connected its customer does not know it.
    NumberState {
        AwaitingDocuments = "awaiting_documents",
        Connecting = "connecting",
        Active = "active",
        // Kept, but takes no calls or SMS until the balance is positive (`prepaid`).
        Suspended = "suspended",
        Expired = "expired",
        Deleted = "deleted",
    }
);
words!(
    /// What a number is rented for.
    Purpose { Rental = "rental", Trial = "trial", Disposable = "disposable" }
);
words!(
    /// What is wrong with a number.
    Trouble {
        OutOfService = "out_of_service",
        BlockedByOperator = "blocked_by_operator",
        CannotBeProvided = "cannot_be_provided",
        LocalProviderFailed = "local_provider_failed",
    }
);
words!(
    /// How a disposable number ended.
    Disposal { Used = "used", Refunded = "refunded" }
);
words!(
    /// A paper.
    DocumentKind {
        Passport = "passport",
        RegistrationAddress = "registration_address",
        ProofOfAddress = "proof_of_address",
    }
);
words!(
    /// Where a document stands.
    DocumentState { Submitted = "submitted", Approved = "approved", Rejected = "rejected" }
);
words!(
    /// Why a refund is asked for.
    RefundReason {
        EarlyCancellation = "early_cancellation",
        UnusedBalance = "unused_balance",
        DocumentsRefused = "documents_refused",
        UnlawfulUse = "unlawful_use",
        SmsRestrictionsIgnored = "sms_restrictions_ignored",
        OneServiceUnsupported = "one_service_unsupported",
        CallerIdImpossible = "caller_id_impossible",
        ChangedMind = "changed_mind",
        AccidentalTopUp = "accidental_topup",
        Misunderstanding = "misunderstanding",
        OutOfService = "out_of_service",
        BlockedByOperator = "blocked_by_operator",
        CannotBeProvided = "cannot_be_provided",
        NotProvidedThoughOffered = "not_provided_though_offered",
        LocalProviderFailed = "local_provider_failed",
    }
);
words!(
    /// Where a request for a refund stands.
    RefundState {
        Reviewing = "reviewing",
        Approved = "approved",
        // The payment method cannot take it back; the balance can.
        AlternativeOffered = "alternative_offered",
        Declined = "declined",
        Paid = "paid",
    }
);
words!(
    /// What the provider tells its customer by itself.
    NoticeKind {
        ExpiryWarning = "expiry_warning",
        NumberConnected = "number_connected",
        NumberRenewed = "number_renewed",
        NumberExpired = "number_expired",
        NumberRestored = "number_restored",
        NumberSuspended = "number_suspended",
        NumberResumed = "number_resumed",
        NumberDeleted = "number_deleted",
        TrialEnded = "trial_ended",
        DisposableRefunded = "disposable_refunded",
        DocumentReviewed = "document_reviewed",
        RefundDecided = "refund_decided",
        AutoTopUpDeclined = "auto_topup_declined",
        Invoice = "invoice",
    }
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
    Kind { Message = "message", Call = "call", Transaction = "transaction", Notice = "notice" }
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
    /// Limits of its own for sending SMS; `None`: everybody's.
    pub(crate) sms_limits: Option<SmsLimits>,
    /// Top-ups that happen by themselves.
    pub(crate) auto_topup: Option<AutoTopUp>,
    /// Whether a payment has been made whose method can be used again.
    pub(crate) payment_method: bool,
}

/// A top-up that happens by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AutoTopUp {
    /// Below which balance.
    pub(crate) threshold: Decimal,
    /// How much.
    pub(crate) amount: Decimal,
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
    /// The product it was ordered as; empty where that is not known.
    pub(crate) product: String,
    pub(crate) purpose: Purpose,
    /// From which day its periods count: the order's, or the connection's (`prepaid`).
    pub(crate) ordered_on: Date,
    /// The day of the next charge; `None` where there is none.
    pub(crate) renews_on: Option<Date>,
    pub(crate) auto_renew: bool,
    pub(crate) state: NumberState,
    pub(crate) order: Option<String>,
    /// A trial's or a disposable number's last moment.
    pub(crate) ends_at: Option<Timestamp>,
    /// What is left of a trial.
    pub(crate) sms_left: Option<u32>,
    pub(crate) calls_left: Option<u32>,
    /// The service a disposable number is for, and how it ended.
    pub(crate) service: Option<String>,
    pub(crate) disposal: Option<Disposal>,
    pub(crate) trouble: Option<NumberTrouble>,
    /// When its customer reported that it does not work.
    pub(crate) reported_at: Option<Timestamp>,
}

/// Something is wrong with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NumberTrouble {
    pub(crate) kind: Trouble,
    /// Through its customer's own fault.
    pub(crate) clients_fault: bool,
    /// There is another one in the same country and city.
    pub(crate) replacement: bool,
    /// When it was mended.
    pub(crate) mended_at: Option<Timestamp>,
}

impl Number {
    /// Whether calls reach it.
    pub(crate) fn takes_calls(&self) -> bool {
        self.state == NumberState::Active && self.calls && self.calls_left != Some(0)
    }

    /// Whether its customer knows it yet.
    pub(crate) fn is_connected(&self) -> bool {
        !matches!(self.state, NumberState::AwaitingDocuments | NumberState::Connecting)
    }
}

/// An order of numbers.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) account: AccountId,
    pub(crate) product: String,
    pub(crate) purpose: Purpose,
    pub(crate) count: u32,
    pub(crate) months: u32,
    pub(crate) service: Option<String>,
    pub(crate) discount_percent: Decimal,
    pub(crate) total: Decimal,
    pub(crate) cashback: Decimal,
    pub(crate) at: Timestamp,
}

/// Something the provider tells its customer by itself.
#[derive(Debug, Clone)]
pub(crate) struct Notice {
    pub(crate) id: String,
    pub(crate) account: AccountId,
    pub(crate) kind: NoticeKind,
    /// The number it is about, E.164.
    pub(crate) number: Option<String>,
    pub(crate) at: Timestamp,
    /// A sentence for people.
    pub(crate) text: String,
    /// The number, order, document, refund or invoice it belongs to.
    pub(crate) reference: Option<String>,
}

/// A paper handed in. What it shows is not kept.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) id: String,
    pub(crate) account: AccountId,
    pub(crate) kind: DocumentKind,
    pub(crate) state: DocumentState,
    /// Why it was rejected.
    pub(crate) reason: Option<String>,
    /// Of an address, its city, street and building; of a file, its type.
    pub(crate) content: String,
    pub(crate) at: Timestamp,
}

/// A request for a refund.
#[derive(Debug, Clone)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) account: AccountId,
    /// The number's, order's or top-up's id it is about.
    pub(crate) service: String,
    pub(crate) reason: RefundReason,
    pub(crate) asked: Decimal,
    pub(crate) state: RefundState,
    /// Why it was decided so; a stable code.
    pub(crate) ground: Option<String>,
    /// `balance` or `client`.
    pub(crate) way: Option<String>,
    pub(crate) granted: Option<Decimal>,
    pub(crate) at: Timestamp,
    /// By when the next step is done.
    pub(crate) due: Option<Timestamp>,
}

/// The conference minutes of a month.
#[derive(Debug, Clone)]
pub(crate) struct Invoice {
    pub(crate) id: String,
    pub(crate) account: AccountId,
    /// Such as `2026-05`.
    pub(crate) month: String,
    pub(crate) minutes: u64,
    pub(crate) total: Decimal,
    pub(crate) at: Timestamp,
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
    /// The part of the balance that came as cashback.
    pub(crate) cashback_after: Decimal,
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
    /// By itself, with the payment method used before.
    pub(crate) automatic: bool,
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
