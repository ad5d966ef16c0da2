//! The rules an account lives under, as far as its provider tells them: what a client can know before it asks.

use jiff::{Timestamp, tz::TimeZone};

use super::DocumentKind;

/// The rules of one account. What a provider does not tell is absent; a list that it does not tell is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountRules {
    /// What the provider takes for now, as of the moment it answered.
    pub now: Option<Timestamp>,
    /// Where its days begin and end.
    pub zone: Option<TimeZone>,
    /// What becomes of a number whose fee the balance does not cover.
    pub unpaid: Option<Unpaid>,
    /// What the time in which SMS are counted is.
    pub sms_window: Option<LimitWindow>,
    /// Whose SMS are counted together.
    pub sms_scope: Option<LimitScope>,
    /// What the price of an SMS is for.
    pub sms_priced: Option<SmsPriced>,
    /// The longest text, in characters.
    pub longest_text: Option<u32>,
    /// ISO 3166 alpha-2 of countries no call is put through to.
    pub no_calls_to: Vec<String>,
    /// ISO 3166 alpha-2 of countries no SMS is sent to.
    pub no_sms_to: Vec<String>,
    /// Papers that must have been approved before calls and SMS go out.
    pub documents_missing: Vec<DocumentKind>,
}

/// What becomes of a number whose fee the balance does not cover on its day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unpaid {
    /// It expires, and can be restored for a while.
    Expires,
    /// The fee is taken anyway; the number rests until the balance is positive.
    Suspends,
}

/// What the time is in which SMS are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitWindow {
    /// The last second, hour, day, whenever it is asked.
    Rolling,
    /// From one full second, hour, day to the next.
    Calendar,
}

/// Whose SMS are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitScope {
    /// All of the account's.
    Account,
    /// Those of each number by themselves.
    Number,
}

/// What the price of an SMS is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SmsPriced {
    /// The whole message, however many segments it takes.
    Message,
    /// Each segment.
    Segment,
}
