//! Rented numbers.

use jiff::civil::Date;

use super::{Money, RemoteId};

/// How a number is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberState {
    /// Ordered, not connected yet.
    Pending,
    /// Paid and working.
    Active,
    /// The fee could not be taken and the provider keeps it: takes no calls or SMS until the debt is paid.
    Suspended,
    /// The fee could not be taken; can be restored for a while.
    Expired,
    /// Gone for good.
    Deleted,
}

/// What sort of number it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberKind {
    /// Of a city.
    Landline,
    /// Of a mobile network.
    Mobile,
    /// Free for who calls it; the owner pays.
    TollFree,
    /// Of no place.
    National,
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
    /// What it costs in use, and how it goes on.
    pub terms: NumberTerms,
}

/// What a number costs in use, what it may not be used for, and how it goes on. What a provider does not tell is
/// absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NumberTerms {
    /// What sort it is.
    pub kind: Option<NumberKind>,
    /// The day from which its periods are reckoned.
    pub ordered_on: Option<Date>,
    /// The last day it is paid for.
    pub expires_on: Option<Date>,
    /// The last day on which an expired number can be restored.
    pub restorable_until: Option<Date>,
    /// Whether it renews by itself.
    pub auto_renew: Option<bool>,
    /// Whether outgoing calls show it where that is possible.
    pub caller_id: Option<bool>,
    /// Whether it is a trial, and until when.
    pub trial_until: Option<jiff::Timestamp>,
    /// SMS left of a trial.
    pub sms_left: Option<u32>,
    /// Incoming calls left of a trial.
    pub calls_left: Option<u32>,
    /// What the next period costs by today's price, where that is another than what was paid for this one.
    pub next_fee: Option<Money>,
    /// A minute of an incoming call.
    pub incoming_minute: Option<Money>,
    /// One outgoing SMS.
    pub sms_price: Option<Money>,
    /// What it may not be used for, in the provider's words.
    pub restrictions: Vec<String>,
}
