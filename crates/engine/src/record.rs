//! What is kept, as the rules see it: no SQL, nothing for people to read.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::PathBuf,
};

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use tern_provider::types::{
    AccountRules, ActivityKind, Change, Cursor, DocumentKind, IdempotencyKey, Money, Number, OrderRequest,
    PageToken, Rate, RefundRequest, RemoteId, SendLimits, Transaction, TransactionType,
};
use url::Url;

use crate::{
    api::{
        AccountId, ActivityId, AddressBookId, CallDirection, CallOutcome, ContactId, ErrorCode, ErrorView,
        MediaOptions, MessageState, Settings, ThreadId, TopUpState, Transport,
    },
    carddav::Pull,
    vcard::Card,
};

/// An account's own settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Profile {
    /// Its id.
    pub(crate) id: AccountId,
    /// Its name for people.
    pub(crate) name: String,
    /// User part and digest username.
    pub(crate) user: String,
    /// Domain of the address of record.
    pub(crate) domain: String,
    /// Each `host` or `host:port`, in the order to try; empty where it is the domain.
    pub(crate) proxies: Vec<String>,
    /// How SIP travels.
    pub(crate) transport: Transport,
    /// Authorities of the account's own, in place of the platform's.
    pub(crate) ca_file: Option<String>,
    /// This phone among all of the account's (RFC 5626 section 4.1), as `urn:uuid:…`; made once.
    pub(crate) instance: Option<String>,
    /// Whether to register by RFC 5626.
    pub(crate) outbound: bool,
    /// How its calls sound and travel.
    pub(crate) media: MediaOptions,
    /// The provider's base address, where it has one.
    pub(crate) provider_url: Option<String>,
    /// Handed over by a shell at each start; its secrets are kept nowhere.
    pub(crate) sandbox: bool,
    /// Names its secrets in the keyring; random, so that two databases never share an entry.
    pub(crate) secret_name: String,
}

impl Profile {
    /// `user@domain`.
    pub(crate) fn address(&self) -> String {
        format!("{}@{}", self.user, self.domain)
    }
}

/// A balance and what may be added to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Balance {
    /// How much.
    pub(crate) money: Money,
    /// When it was read.
    pub(crate) at: Timestamp,
    /// The least and the most of a top-up.
    pub(crate) limits: Option<(Decimal, Decimal)>,
}

/// The rules an account lives under, as its provider told them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownRules {
    /// When it did, by the provider's clock.
    pub(crate) at: Timestamp,
    /// By how much the provider's clock is ahead of ours.
    pub(crate) ahead: SignedDuration,
    /// The account's own limits for SMS, where it has some.
    pub(crate) send_limits: Option<SendLimits>,
    /// The rules; without `now`, which is `ahead`.
    pub(crate) rules: AccountRules,
}

/// What is kept of what the provider said of targets, for each account.
pub(crate) const MOST_RATES: u32 = 300;

/// What the provider said of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptRate {
    /// As it was asked about, E.164.
    pub(crate) target: String,
    /// The account's number it was asked with.
    pub(crate) number: Option<String>,
    /// When, by the provider's clock.
    pub(crate) at: Timestamp,
    /// What it said.
    pub(crate) rate: Rate,
}

/// Something that costs money or asks for it back, kept until the provider has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Intent {
    /// Whose.
    pub(crate) account: AccountId,
    /// The provider does it once for this.
    pub(crate) key: IdempotencyKey,
    /// When it was asked for.
    pub(crate) at: Timestamp,
    /// What.
    pub(crate) what: IntentWhat,
}

/// What is to be done once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IntentWhat {
    /// An order.
    Order(OrderRequest),
    /// Bring this number back.
    Restore(RemoteId),
    /// A request for money back.
    Refund(RefundRequest),
}

/// An SMS that the provider took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    /// When.
    pub(crate) at: Timestamp,
    /// From which number.
    pub(crate) number: String,
}

/// A sort of paper as one word.
pub(crate) fn paper_word(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Passport => "passport",
        DocumentKind::RegistrationAddress => "registration_address",
        DocumentKind::ProofOfAddress => "proof_of_address",
    }
}

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

impl std::fmt::Debug for NewOutgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewOutgoing").field("account", &self.account).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for LocalCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalCall").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}

/// A top-up that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopUpRecord {
    /// Whose.
    pub(crate) account: AccountId,
    /// One per intent.
    pub(crate) key: IdempotencyKey,
    /// The provider's id, once it answered.
    pub(crate) id: Option<String>,
    /// How much.
    pub(crate) amount: Money,
    /// Where it stands.
    pub(crate) state: TopUpState,
    /// The hosted page.
    pub(crate) url: Option<Url>,
    /// When it was asked for.
    pub(crate) at: Timestamp,
}

/// Changes to keep in one transaction, with the place in the feed they lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Whose.
    pub(crate) account: AccountId,
    /// Oldest first.
    pub(crate) changes: Vec<Change>,
    /// Where the feed continues after them.
    pub(crate) cursor: Option<Cursor>,
    /// Where the reading of the past stands after them.
    pub(crate) history: HistoryMove,
    /// What is dated up to here is the past as it was before the account was added: no news to its user.
    pub(crate) past: Timestamp,
    /// Which of the two readings brought them.
    pub(crate) of: Reading,
    /// Nobody watched: what is new of it is told of later, together.
    pub(crate) aside: bool,
}

/// The two readings of a provider's activity, which go on side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Reading {
    /// What happens.
    #[default]
    Live,
    /// What happened before the account was added, or before its place in the feed was lost.
    History,
}

/// How far the past has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HistoryPlace {
    /// The page to read next; `None` for the newest.
    pub(crate) page: Option<PageToken>,
    /// Rows read so far.
    pub(crate) rows: u64,
    /// Rows there are, where the provider tells.
    pub(crate) total: Option<u64>,
    /// What is dated up to here is no news to the account's user.
    pub(crate) until: Timestamp,
}

/// What becomes of the place in the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HistoryMove {
    /// Nothing.
    Stays,
    /// It moves here.
    To(HistoryPlace),
    /// The past has been read.
    Ends,
}

/// Rows kept in one transaction at most: other writes get in between.
const PART: usize = 200;

impl Batch {
    /// Cuts changes, oldest first, into batches to be kept one after another; the places move on with the last one.
    pub(crate) fn parts(mut whole: Self) -> VecDeque<Self> {
        let mut parts = VecDeque::new();
        while whole.changes.len() > PART {
            let rest = whole.changes.split_off(PART);
            let changes = std::mem::replace(&mut whole.changes, rest);
            parts.push_back(Self {
                account: whole.account.clone(),
                changes,
                cursor: None,
                history: HistoryMove::Stays,
                ..whole
            });
        }
        parts.push_back(whole);
        parts
    }
}

/// What a [`Batch`] changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Applied {
    /// Whose.
    pub(crate) of: Reading,
    /// Incoming messages and missed calls never seen before, oldest first.
    pub(crate) fresh: Vec<Row>,
    /// Ledger rows never seen before, oldest first.
    pub(crate) ledger: Vec<Transaction>,
    /// Conversations with new or different rows.
    pub(crate) threads: Vec<ThreadRowId>,
    /// SMS of the outbox that the feed shows as sent.
    pub(crate) settled: Vec<RowId>,
    /// SMS that were sent from elsewhere.
    pub(crate) departed: Vec<Sent>,
    /// Messages of conversations that were removed, which the provider is to delete.
    pub(crate) doomed: Vec<RemoteId>,
    /// Rows that were new or different.
    pub(crate) changed: u32,
    /// What is fresh was put aside.
    pub(crate) aside: bool,
}

/// What was put aside, counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct AwayCount {
    /// Incoming SMS.
    pub(crate) messages: u32,
    /// Who sent them, and to which account.
    pub(crate) people: BTreeSet<(AccountId, String)>,
    /// Missed calls.
    pub(crate) missed_calls: u32,
    /// More waits until its number is not quiet any more.
    pub(crate) waiting: bool,
}

/// A contact as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contact {
    /// Its id.
    pub(crate) id: ContactId,
    /// Name, note and numbers.
    pub(crate) card: Card,
    /// Whether its calls ring while everybody else's don't.
    pub(crate) favourite: bool,
}

/// What taking contacts over came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Imported {
    /// Contacts that were not there.
    pub(crate) added: u32,
    /// Contacts that say something else now.
    pub(crate) changed: u32,
    /// Contacts that said the same before.
    pub(crate) same: u32,
}

/// What was typed and not sent.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct DraftRow {
    /// Whose.
    pub(crate) account: AccountId,
    /// Our number.
    pub(crate) number: String,
    /// To whom.
    pub(crate) peer: String,
    /// The text.
    pub(crate) text: String,
}

impl std::fmt::Debug for DraftRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DraftRow").field("account", &self.account).finish_non_exhaustive()
    }
}

/// A number nobody wants to hear of.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Blocked {
    /// As the activity has it.
    pub(crate) number: String,
    /// Because it sends spam.
    pub(crate) spam: bool,
    /// Since when.
    pub(crate) at: Timestamp,
}

impl std::fmt::Debug for Blocked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blocked").field("spam", &self.spam).finish_non_exhaustive()
    }
}

/// What is looked up for each call and message.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Book {
    /// Names by number.
    pub(crate) names: BTreeMap<String, String>,
    /// Whom nobody wants to hear of.
    pub(crate) blocked: BTreeSet<String>,
    /// Whose calls ring all the same.
    pub(crate) favourites: BTreeSet<String>,
}

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Book").field("names", &self.names.len()).finish_non_exhaustive()
    }
}

/// What is looked for.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Sought {
    /// As typed.
    pub(crate) text: String,
    /// Only rows of this number of the user's own.
    pub(crate) number: Option<String>,
    /// Only rows of this kind.
    pub(crate) kind: Option<ActivityKind>,
    /// Only rows of this moment or later.
    pub(crate) since: Option<Timestamp>,
    /// Only rows before this moment.
    pub(crate) until: Option<Timestamp>,
    /// Only rows not seen yet.
    pub(crate) unread: bool,
    /// Only rows of blocked numbers, which are left out otherwise.
    pub(crate) blocked: bool,
}

/// Everything kept that the rules work with, read once at the start.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// In the order they were added.
    pub(crate) accounts: Vec<LoadedAccount>,
    /// Greater than every account's id there ever was.
    pub(crate) next_account: u32,
    /// The settings.
    pub(crate) settings: Settings,
    /// Names by number, and who is blocked.
    pub(crate) book: Book,
    /// Where the database is kept that was damaged and has been rebuilt.
    pub(crate) damage: Option<PathBuf>,
}

/// One account as it was left.
#[derive(Debug)]
pub(crate) struct LoadedAccount {
    /// Itself.
    pub(crate) profile: Profile,
    /// Its numbers.
    pub(crate) numbers: Vec<Number>,
    /// Its balance.
    pub(crate) balance: Option<Balance>,
    /// Its place in the feed.
    pub(crate) cursor: Option<Cursor>,
    /// How far its past has been read; `None` once it has been.
    pub(crate) history: Option<HistoryPlace>,
    /// SMS that did not leave, oldest first.
    pub(crate) outbox: Vec<Outgoing>,
    /// Top-ups that did not end.
    pub(crate) topups: Vec<TopUpRecord>,
    /// The rules it lives under.
    pub(crate) rules: Option<KnownRules>,
    /// What the provider said of targets, the latest first.
    pub(crate) rates: Vec<KeptRate>,
    /// What the provider was asked to do and has not answered.
    pub(crate) intents: Vec<Intent>,
    /// Messages it is still to delete.
    pub(crate) deletions: Vec<RemoteId>,
}

/// An address book at a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AddressBook {
    /// `None` for one that is not kept yet.
    pub(crate) id: Option<AddressBookId>,
    /// Of the collection.
    pub(crate) url: String,
    /// Who is known there.
    pub(crate) user: String,
    /// The server's word for it.
    pub(crate) name: String,
    /// Its password's entry in the keyring; the books of one user share it.
    pub(crate) secret_name: String,
    /// When it was pulled last.
    pub(crate) synced_at: Option<Timestamp>,
}

/// What becomes of an address book.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is moved once or twice")]
pub(crate) enum BookChange {
    /// Its server told this.
    Pulled(AddressBook, Pull),
    /// It is forgotten; its contacts stay.
    Remove(AddressBookId),
}

/// What a removed conversation leaves at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Removed {
    /// Whose it was.
    pub(crate) account: AccountId,
    /// Messages that the provider is to delete.
    pub(crate) doomed: Vec<RemoteId>,
    /// Rows that stay there.
    pub(crate) staying: u32,
}

/// What became of a message at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deleted {
    /// It is there no more.
    Gone,
    /// It stays.
    Refused,
}

/// The engine's code for a provider's problem code.
pub(crate) fn refusal(code: &str, detail: &str) -> ErrorView {
    let known = match code {
        "destination_not_served" | "destination_sanctioned" => ErrorCode::DestinationNotServed,
        "number_not_yours" | "number_expired" | "number_without_sms" => ErrorCode::NumberNotYours,
        "empty_text" => ErrorCode::EmptyMessage,
        "text_too_long" => ErrorCode::MessageTooLong,
        "insufficient_funds" => ErrorCode::InsufficientFunds,
        "topup_amount" => ErrorCode::InvalidAmount,
        "rate_limited" => ErrorCode::RateLimited,
        "invalid_recipient" => ErrorCode::InvalidRecipient,
        "emergency_number" | "emergency_not_supported" => ErrorCode::EmergencyNotSupported,
        "documents_required" => ErrorCode::DocumentsNeeded,
        "number_suspended" => ErrorCode::NumberSuspended,
        "trial_used_up" => ErrorCode::TrialUsedUp,
        _ => ErrorCode::ProviderRefused,
    };
    let words = if detail.is_empty() { code } else { detail };
    ErrorView::with_detail(known, words)
}
