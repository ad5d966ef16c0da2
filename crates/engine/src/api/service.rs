//! What a provider does for an account besides carrying calls and SMS: where calls go, the greeting before a voice
//! message, papers, money back, the ledger in pages.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{MoneyView, TransactionView};

/// Where a number's calls go. Without a target they reach nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ForwardingView {
    /// At most two, in the order they ring.
    pub targets: Vec<ForwardTo>,
    /// Whether they ring one after the other, and not at once.
    pub in_turn: bool,
}

/// Who rings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ForwardTo {
    /// The account's own SIP account: this phone.
    OwnSip {},
    /// Somebody else's SIP address, `user@domain`.
    Sip {
        /// The address.
        address: String,
    },
    /// The user's own server: an address, or `address:port`.
    Server {
        /// The address.
        address: String,
    },
    /// A telephone, E.164; its leg may cost like an outgoing call.
    Phone {
        /// The number.
        number: String,
    },
}

/// How a number takes voice messages, and which greetings there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AnsweringView {
    /// Whether it takes any.
    pub on: bool,
    /// The greeting that is played, by id; `None` for the provider's own words.
    pub greeting: Option<String>,
    /// Those that were uploaded.
    pub greetings: Vec<GreetingView>,
}

/// A greeting that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct GreetingView {
    /// The provider's id of it.
    pub id: String,
    /// The file's name.
    pub name: String,
    /// How long it is.
    pub seconds: u32,
}

/// A paper to hand in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum NewPaper {
    /// A photo or scan of a passport.
    Passport {
        /// The file: JPEG, PNG or PDF.
        path: String,
    },
    /// A bill or the like.
    ProofOfAddress {
        /// The file: JPEG, PNG or PDF.
        path: String,
    },
    /// Where the person is registered.
    RegistrationAddress {
        /// City.
        city: String,
        /// Street.
        street: String,
        /// Number of the building.
        building: String,
    },
}

impl std::fmt::Debug for NewPaper {
    // Where somebody lives stays out of every log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewPaper(…)")
    }
}

/// A paper that was handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PaperView {
    /// The provider's id of it.
    pub id: String,
    /// `passport`, `registration_address` or `proof_of_address`.
    pub kind: String,
    /// Where it stands.
    pub state: PaperState,
    /// Why it was rejected, in the provider's words.
    pub reason: Option<String>,
    /// When it was handed in, RFC 3339.
    pub at: String,
}

/// Where a paper stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum PaperState {
    /// Nobody has looked at it.
    InReview,
    /// Good.
    Approved,
    /// Not good.
    Rejected,
}

/// A request for money back. One that does not name service, amount and reason is not looked at.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct NewRefund {
    /// The number (E.164), order or top-up that it is about.
    pub service: String,
    /// A decimal such as `4.90`, in the account's currency.
    pub amount: String,
    /// A code of the provider's, such as `out_of_service`.
    pub reason: String,
    /// Where the money should go, for money that leaves the account.
    pub payment_details: Option<String>,
}

impl std::fmt::Debug for NewRefund {
    // Bank details stay out of every log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewRefund").field("reason", &self.reason).finish_non_exhaustive()
    }
}

/// A request for money back that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RefundView {
    /// The provider's id of it.
    pub id: String,
    /// What it is about.
    pub service: String,
    /// How much is asked, or given once it is granted.
    pub amount: MoneyView,
    /// When it was asked, RFC 3339.
    pub at: String,
    /// Where it stands.
    pub state: RefundState,
    /// `YYYY-MM-DD` by which the next step is done.
    pub due: Option<String>,
    /// Which rule refused it.
    pub ground: Option<String>,
    /// Whether granted money goes to the balance, and not back the way it was paid.
    pub to_balance: Option<bool>,
}

/// Where a request for money back stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum RefundState {
    /// Being looked at.
    InReview,
    /// Granted.
    Granted,
    /// Refused.
    Refused,
}

/// Rows of the provider's ledger, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LedgerPage {
    /// The rows.
    pub rows: Vec<LedgerRow>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<String>,
}

/// A row of the provider's ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LedgerRow {
    /// The provider's id of it.
    pub id: String,
    /// When, RFC 3339.
    pub at: String,
    /// What moved.
    pub transaction: TransactionView,
    /// The message, call, number or top-up it belongs to.
    pub reference: Option<String>,
}
