//! An account as it is kept: its settings, its rules, what it is in the middle of.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use tern_provider::types::{
    AccountRules, Cursor, DocumentKind, IdempotencyKey, Money, Number, OrderRequest, Rate, RefundRequest,
    RemoteId, SendLimits,
};
use url::Url;

use super::{Book, HistoryPlace, Outgoing};
use crate::api::{AccountId, MediaOptions, Settings, TopUpState, Transport};

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

/// A sort of paper as one word.
pub(crate) fn paper_word(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Passport => "passport",
        DocumentKind::RegistrationAddress => "registration_address",
        DocumentKind::ProofOfAddress => "proof_of_address",
    }
}
