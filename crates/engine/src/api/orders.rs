//! Numbers to be had, and ordering them.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{LineKind, MoneyView};

/// Something to be ordered: one number, or one of a sort where the provider chooses which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct OfferView {
    /// For [`NumberOrder::offer`].
    pub id: String,
    /// ISO 3166 alpha-2.
    pub country: String,
    /// City, for landlines.
    pub city: Option<String>,
    /// What sort.
    pub line: LineKind,
    /// Takes and makes calls.
    pub calls: bool,
    /// Takes and sends SMS.
    pub sms: bool,
    /// Each month.
    pub monthly_fee: MoneyView,
    /// Once, on top of the first month.
    pub setup_fee: Option<MoneyView>,
    /// What an incoming minute costs.
    pub incoming_minute: Option<MoneyView>,
    /// What an SMS costs.
    pub sms_price: Option<MoneyView>,
    /// What it may not be used for, in the provider's words.
    pub restrictions: Vec<String>,
    /// Papers that must have been approved: `passport`, `registration_address`, `proof_of_address`.
    pub documents: Vec<String>,
    /// Working days until it is connected, at the least and at the most; `None` for at once.
    pub connection_days: Option<(u8, u8)>,
    /// How many there are, where the provider tells.
    pub stock: Option<u32>,
    /// Hours it can be tried for nothing.
    pub trial_hours: Option<u16>,
}

/// What is to be ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct NumberOrder {
    /// Of which offer.
    pub offer: String,
    /// How many.
    pub count: u8,
    /// For how many months.
    pub months: u8,
    /// As a trial: nothing is charged, and it ends by itself.
    pub trial: bool,
}

/// What an order would cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct QuoteView {
    /// Without discounts.
    pub list_price: MoneyView,
    /// For several months or several numbers, a decimal.
    pub discount_percent: String,
    /// What would be charged.
    pub total: MoneyView,
    /// What would be credited at once.
    pub cashback: Option<MoneyView>,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct OrderView {
    /// The provider's id of it.
    pub id: String,
    /// Where it stands.
    pub state: OrderState,
    /// What was charged.
    pub total: MoneyView,
    /// The numbers it brought so far, E.164.
    pub numbers: Vec<String>,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum OrderState {
    /// Waits for papers to be approved.
    DocumentsNeeded,
    /// With the operator.
    Connecting,
    /// Every number works.
    Done,
    /// Can't be provided.
    Failed,
}
