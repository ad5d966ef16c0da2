//! The domain's types as every provider speaks them. They carry no behaviour and do not serialize: each adapter
//! maps its own wire format.

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use url::Url;

use crate::Secret;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub String);
    };
}

text_id!(
    /// A place in an account's sequence of changes; opaque to the client.
    Cursor
);
text_id!(
    /// The next page of a snapshot; opaque to the client.
    PageToken
);
text_id!(
    /// Chosen by the client, one per intent; the same key never acts twice.
    IdempotencyKey
);
text_id!(
    /// A row's id at the provider, unique within account and kind.
    RemoteId
);
text_id!(
    /// A top-up's id at the provider.
    TopUpId
);

/// What a provider can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Reports a balance.
    pub balance: bool,
    /// Sends SMS.
    pub send_message: bool,
    /// Sending twice with the same key sends once.
    pub idempotent_send: bool,
    /// Offers hosted top-up pages.
    pub topup: bool,
    /// Offers an ordered change feed; otherwise the engine polls.
    pub change_feed: bool,
    /// Hands out the SIP account's credentials.
    pub sip_credentials: bool,
}

/// An exact amount in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Money {
    /// Signed, as exact as the provider gave it.
    pub amount: Decimal,
    /// ISO 4217, such as `USD`.
    pub currency: String,
}

/// The account itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountInfo {
    /// The account's name at the provider.
    pub name: String,
    /// What can be spent now; negative on the prepaid profile's debt.
    pub balance: Money,
    /// The least and the most a top-up may be, in the balance's currency.
    pub topup_limits: Option<(Decimal, Decimal)>,
}

/// The SIP account of a provider's customer.
#[derive(Debug, Clone)]
pub struct SipCredentials {
    /// User part and digest username.
    pub user: String,
    /// Domain of the address of record.
    pub domain: String,
    /// Digest password.
    pub password: Secret,
    /// Where to send, as `host:port`; `None` to look the domain up.
    pub proxy: Option<String>,
}

/// How a number is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberState {
    /// Paid and working.
    Active,
    /// The fee could not be taken; can be restored for a while.
    Expired,
    /// Gone for good.
    Deleted,
}

/// A rented number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// Id at the provider.
    pub id: RemoteId,
    /// E.164 with the plus.
    pub e164: String,
    /// ISO 3166 alpha-2, such as `DE`.
    pub country: String,
    /// City, for landlines.
    pub city: Option<String>,
    /// The user's own name for it.
    pub label: Option<String>,
    /// Takes and makes calls.
    pub calls: bool,
    /// Takes and sends SMS.
    pub sms: bool,
    /// Charged each period.
    pub monthly_fee: Option<Money>,
    /// The next charge's day.
    pub renews_on: Option<Date>,
    /// How it is doing.
    pub state: NumberState,
}

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

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransactionType {
    /// A number was ordered.
    Order,
    /// A number was renewed.
    Renewal,
    /// An expired number was restored.
    Restore,
    /// A call's charge.
    Call,
    /// An SMS' charge.
    Sms,
    /// Money came in.
    TopUp,
    /// The provider's cashback.
    Cashback,
    /// Money came back.
    Refund,
    /// Anything corrected by hand.
    Adjustment,
}

/// One row of the provider's ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Id at the provider.
    pub id: RemoteId,
    /// Rises with each change of this row.
    pub version: u64,
    /// Why.
    pub kind: TransactionType,
    /// Signed: positive is a credit.
    pub amount: Money,
    /// The balance once this row is counted.
    pub balance_after: Money,
    /// When.
    pub at: Timestamp,
    /// The provider's sentence for people.
    pub description: String,
    /// The row it belongs to: a message, call or top-up id.
    pub reference: Option<String>,
}

/// What an activity row is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActivityObject {
    /// An SMS.
    Message(Message),
    /// A call.
    Call(CallRecord),
    /// Money moved.
    Transaction(Transaction),
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

/// Where a top-up stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopUpState {
    /// The user has not finished on the checkout page.
    Pending,
    /// Paid; the ledger row follows.
    Paid,
    /// The payment was declined.
    Declined,
    /// The user gave up, or the page expired.
    Cancelled,
}

/// A top-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopUp {
    /// Id at the provider.
    pub id: TopUpId,
    /// Where it stands.
    pub state: TopUpState,
    /// How much.
    pub amount: Money,
    /// The provider's hosted page; opened in the system browser only after its host was checked.
    pub checkout_url: Url,
}
