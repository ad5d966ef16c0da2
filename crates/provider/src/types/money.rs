//! Money: amounts, the ledger, top-ups.

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use url::Url;

use super::{RemoteId, TopUpId};

/// An exact amount in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Money {
    /// Signed, as exact as the provider gave it.
    pub amount: Decimal,
    /// ISO 4217, such as `USD`.
    pub currency: String,
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

/// Which rows of the ledger to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransactionFilter {
    /// The first day.
    pub from: Option<Date>,
    /// The last day, included.
    pub to: Option<Date>,
    /// Only these reasons; empty for all.
    pub kinds: Vec<TransactionType>,
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

/// Tops up by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutomaticTopUp {
    /// When the balance falls below this, in its currency.
    pub below: Decimal,
    /// By how much, in the balance's currency.
    pub amount: Decimal,
}

/// What comes back of what is spent on orders and renewals; spendable, not withdrawable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cashback {
    /// This account's rate, in percent.
    pub rate_percent: Decimal,
    /// All that was ever spent; the rate rises with it.
    pub lifetime_spend: Money,
}
