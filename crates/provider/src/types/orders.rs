//! Numbers to be had, and ordering them.

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;

use super::{DocumentKind, Money, Number, NumberKind, RemoteId};

/// Which of the numbers to be had to list; `None` and `false` do not narrow it down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CatalogueFilter {
    /// ISO 3166 alpha-2.
    pub country: Option<String>,
    /// City, as the catalogue spells it.
    pub city: Option<String>,
    /// What sort.
    pub kind: Option<NumberKind>,
    /// Only such as take and send SMS.
    pub sms: bool,
    /// Only such as can be tried.
    pub trial: bool,
}

/// Something to be ordered: one number, or one of a sort where the provider chooses which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// For [`OrderRequest::offer`].
    pub id: RemoteId,
    /// The number; `None` where it is known only once it is connected.
    pub e164: Option<String>,
    /// ISO 3166 alpha-2.
    pub country: String,
    /// City, for landlines.
    pub city: Option<String>,
    /// What sort.
    pub kind: NumberKind,
    /// Takes and makes calls.
    pub calls: bool,
    /// Takes and sends SMS.
    pub sms: bool,
    /// Each month.
    pub monthly_fee: Money,
    /// Once, on top of the first month.
    pub setup_fee: Option<Money>,
    /// A minute of an incoming call.
    pub incoming_minute: Option<Money>,
    /// One outgoing SMS.
    pub sms_price: Option<Money>,
    /// What it may not be used for, in the provider's words; to be shown before the order.
    pub restrictions: Vec<String>,
    /// Papers that must have been approved before it is connected.
    pub documents: Vec<DocumentKind>,
    /// How long connecting takes.
    pub activation: Activation,
    /// How many there are; `None` where the provider does not tell.
    pub stock: Option<u32>,
    /// What can be tried for nothing.
    pub trial: Option<TrialTerms>,
}

/// How long it takes from an order to a working number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// None.
    AtOnce,
    /// Days or, for some numbers, weeks.
    WorkingDays {
        /// At the least.
        least: u8,
        /// At the most.
        most: u8,
    },
}

/// What a trial is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrialTerms {
    /// How long, in hours.
    pub hours: u16,
    /// Outgoing and incoming SMS in all.
    pub messages: Option<u16>,
    /// Incoming calls.
    pub calls: Option<u16>,
}

/// What is to be ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRequest {
    /// Of which offer.
    pub offer: RemoteId,
    /// How many; 1 to 20 where the provider has no other bounds.
    pub quantity: u8,
    /// For how many months; 1 to 12.
    pub months: u8,
    /// As a trial: nothing is charged and it ends by itself.
    pub trial: bool,
}

/// What an order would cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Without discounts.
    pub list_price: Money,
    /// For several months or several numbers, in percent.
    pub discount_percent: Decimal,
    /// What would be charged.
    pub total: Money,
    /// What would be credited at once.
    pub cashback: Option<Money>,
    /// The first renewal's day, if ordered today.
    pub renews_on: Option<Date>,
}

/// Where an order stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderState {
    /// Waiting for papers to be approved.
    NeedsDocuments,
    /// With the operator.
    Connecting {
        /// The day the provider expects to be done.
        expected: Option<Date>,
    },
    /// Every number works.
    Done,
    /// Cannot be provided.
    Failed {
        /// A stable code.
        code: String,
    },
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Id at the provider.
    pub id: RemoteId,
    /// Where it stands.
    pub state: OrderState,
    /// What was charged.
    pub total: Money,
    /// When.
    pub placed_at: Timestamp,
    /// The numbers that it brought so far.
    pub numbers: Vec<Number>,
}
