//! An account as a window shows it: its registration, its numbers, its money.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{AccountId, ErrorView, MediaOptions, TopUpId, VoicemailView};

/// An account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    /// Its id.
    pub id: AccountId,
    /// Its name for people.
    pub name: String,
    /// `user@domain`.
    pub address: String,
    /// Whether it is the embedded sandbox: no real money, no real phones.
    pub sandbox: bool,
    /// Where registration stands.
    pub registration: RegistrationState,
    /// Rented numbers, in the provider's order.
    pub numbers: Vec<NumberView>,
    /// The balance; `None` where the provider reports none or it was never read.
    pub balance: Option<BalanceView>,
    /// Where the activity feed stands.
    pub feed: FeedState,
    /// While older activity is read in the background: how far that got.
    #[serde(default)]
    #[specta(optional)]
    pub history: Option<HistoryView>,
    /// The least and the most a top-up may be, decimals; `None` where top-up is not offered.
    pub topup_limits: Option<(String, String)>,
    /// Top-ups that are not finished.
    pub topups: Vec<TopUpView>,
    /// How its calls sound and travel; passwords are left out.
    pub media: MediaOptions,
    /// Voicemail, where the server tells of it.
    pub voicemail: Option<VoicemailView>,
    /// Whether a conversation can be deleted at the provider too: its messages, not its calls.
    #[serde(default)]
    #[specta(optional)]
    pub deletes_threads: bool,
    /// Messages that the provider is still to delete.
    #[serde(default)]
    #[specta(optional)]
    pub deleting: u32,
}

/// Where registration stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RegistrationState {
    /// Not started, or un-registered.
    Offline {},
    /// On its way.
    Registering {},
    /// Calls arrive.
    Registered {},
    /// No password is known: ask for it.
    PasswordNeeded {
        /// Why it is asked.
        error: ErrorView,
    },
    /// Will be tried again by itself.
    Retrying {
        /// Why it failed.
        error: ErrorView,
        /// When it is tried next, RFC 3339.
        next_try: Option<String>,
    },
    /// Will not be tried again until the user does something.
    Stopped {
        /// Why.
        error: ErrorView,
    },
}

/// Where the activity feed stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FeedState {
    /// The provider has none.
    None {},
    /// First rows are on their way.
    Loading {},
    /// As the provider has it.
    Fresh {},
    /// The last known rows, because the provider can't be read now.
    Stale {
        /// Since when, RFC 3339.
        since: String,
        /// Why.
        error: ErrorView,
    },
}

/// How far the reading of older activity got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct HistoryView {
    /// Rows read so far.
    pub rows: u32,
    /// Rows there are in all, where the provider tells.
    pub total: Option<u32>,
}

/// A rented number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct NumberView {
    /// E.164.
    pub e164: String,
    /// Written as people of its country do, with the country code.
    pub formatted: String,
    /// ISO 3166 alpha-2.
    pub country: String,
    /// City, for landlines.
    pub city: Option<String>,
    /// The user's name for it.
    pub label: Option<String>,
    /// Takes and makes calls.
    pub calls: bool,
    /// Takes and sends SMS.
    pub sms: bool,
    /// `YYYY-MM-DD` of the next charge.
    pub renews_on: Option<String>,
    /// Works now.
    pub active: bool,
}

/// An amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct MoneyView {
    /// An exact decimal such as `10.34` or `-0.08`.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
}

/// The balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BalanceView {
    /// How much.
    pub money: MoneyView,
    /// When it was read, RFC 3339.
    pub at: String,
    /// Whether it may be old.
    pub stale: bool,
}

/// A top-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TopUpView {
    /// Its id.
    pub id: TopUpId,
    /// How much.
    pub amount: MoneyView,
    /// Where it stands.
    pub state: TopUpState,
    /// The host of the checkout page.
    pub host: String,
}

/// Where a top-up stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum TopUpState {
    /// Not paid yet.
    Pending,
    /// Paid; the balance follows.
    Paid,
    /// Declined by the payment provider.
    Declined,
    /// Given up.
    Cancelled,
}
