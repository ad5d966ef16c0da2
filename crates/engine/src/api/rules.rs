//! What is known of a call, an SMS or a number before its user hits a wall: the answers of [`super::Query::Target`],
//! [`super::Query::Composed`] and [`super::Query::NumberTerms`].

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{ErrorView, MoneyView};

/// What dialling something comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TargetView {
    /// What will be dialled: E.164, a name or a SIP address; `None` where nothing can be made of what was typed.
    pub dialled: Option<String>,
    /// For people: a number as usual with its country code, anything else as typed.
    pub formatted: String,
    /// ISO 3166 alpha-2, as far as it shows.
    pub country: Option<String>,
    /// What sort of line it is.
    pub line: LineKind,
    /// The account's own number the call is placed with, E.164; `None` where the provider chooses, or none is shown.
    pub number: Option<String>,
    /// Whether it can be called.
    pub call: Verdict,
    /// What a minute costs.
    pub minute: Price,
    /// How many whole minutes the balance buys; `None` where either is not known, or minutes cost nothing.
    pub minutes: Option<u32>,
    /// What the called side sees as caller.
    pub shown: CallerShown,
    /// Whether an SMS can be sent there.
    pub sms: Verdict,
    /// What one SMS costs.
    pub sms_price: Price,
}

/// What sort of line a number is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum LineKind {
    /// A city's line.
    Landline,
    /// A mobile phone.
    Mobile,
    /// Either: the country's numbers do not tell.
    LandlineOrMobile,
    /// Free for who calls it.
    TollFree,
    /// Dearer than a usual call.
    Premium,
    /// The called side pays a part.
    SharedCost,
    /// Over the internet.
    Voip,
    /// Anything else the numbering plan knows.
    Other,
    /// A name or an extension of the provider, or a SIP address.
    NoNumber,
    /// Not to be seen from the number.
    Unknown,
}

/// Whether something can be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Verdict {
    /// It can.
    Allowed {},
    /// It can, and there is something to know first.
    Warned {
        /// What.
        error: ErrorView,
    },
    /// It can't.
    Refused {
        /// Why.
        error: ErrorView,
    },
    /// Nobody has said yet; it may be tried.
    Unknown {},
}

/// What something costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Price {
    /// So much.
    Known {
        /// How much.
        price: MoneyView,
        /// Who says so.
        source: PriceSource,
        /// When they said it, RFC 3339.
        at: String,
        /// How long ago that was.
        age_seconds: u32,
    },
    /// The provider knows and was not asked yet: [`super::Command::AskRate`] does.
    NotAsked {},
    /// It is not known.
    NotKnown {
        /// Why not.
        why: PriceGap,
    },
}

/// Who says what something costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum PriceSource {
    /// The provider, asked about this target.
    Rate,
    /// The terms of the account's own number.
    NumberTerms,
}

/// Why a price is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum PriceGap {
    /// The account has no provider.
    NoProvider,
    /// The provider tells no prices.
    NoRates,
    /// The provider was asked and told none.
    NotTold,
    /// No number: what a name or a SIP address costs is its server's business.
    NoNumber,
}

/// What the called side sees as caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum CallerShown {
    /// One of the account's numbers.
    Number {
        /// E.164.
        number: String,
        /// For people.
        formatted: String,
    },
    /// Another number of the provider's, or none.
    Hidden {
        /// Why.
        why: HiddenWhy,
    },
    /// Not known.
    Unknown {},
}

/// Why the called side does not see the account's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum HiddenWhy {
    /// The user withholds it.
    Withheld,
    /// The number's CallerID service is off.
    ServiceOff,
    /// It shows only in the number's own country.
    OtherCountry,
    /// The provider says so, without a reason.
    ProviderSays,
}

/// What an SMS that is being written comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ComposedView {
    /// The number it is sent from, E.164.
    pub from: Option<String>,
    /// To whom, E.164; `None` where nothing can be made of what was typed.
    pub to: Option<String>,
    /// To whom, for people.
    pub to_formatted: String,
    /// How it is written on the air.
    pub encoding: SmsEncoding,
    /// What it takes, at least 1.
    pub segments: u32,
    /// What it takes in all: septets of GSM-7, code units of UCS-2.
    pub units: u32,
    /// How many more fit into the last segment.
    pub units_left: u32,
    /// What all of it costs.
    pub price: Price,
    /// Whether it can be sent.
    pub verdict: Verdict,
    /// What is left of the provider's limits, the shortest time first; empty where it has none, or tells none.
    pub limits: Vec<SendLimitView>,
    /// When the next one may leave, RFC 3339; `None` for now.
    pub next_at: Option<String>,
}

/// How an SMS is written on the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum SmsEncoding {
    /// 160 septets, 153 in each of several segments.
    Gsm7,
    /// 70 code units, 67 in each of several segments.
    Ucs2,
}

/// What is left of one limit for SMS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SendLimitView {
    /// The time it is counted in: 1, 3600 or 86400 seconds.
    pub seconds: u32,
    /// The most.
    pub limit: u32,
    /// What is left of it now.
    pub left: u32,
    /// When nothing is left: when there is again, RFC 3339.
    pub free_at: Option<String>,
}

/// How the account's numbers go on, and what they cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TermsView {
    /// `YYYY-MM-DD` by the provider's clock: from here the days are counted.
    pub today: String,
    /// In the provider's order.
    pub numbers: Vec<NumberTermsView>,
    /// What the next 30 days cost in all, by today's prices; `None` where no number has a price.
    pub next_30_days: Option<MoneyView>,
    /// Whether the balance covers all of that; `None` where either is not known.
    pub covered: Option<bool>,
    /// Numbers that renew in that time at a price that is not known, and stand in no sum.
    pub not_priced: u32,
}

/// How one number goes on, and what it costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct NumberTermsView {
    /// The provider's id of it.
    pub id: String,
    /// E.164.
    pub e164: String,
    /// For people.
    pub formatted: String,
    /// How it is doing.
    pub state: NumberStateView,
    /// What sort it is, where the provider tells.
    pub line: LineKind,
    /// What comes next.
    pub renewal: RenewalView,
    /// What the next 30 days cost, by today's price; `None` where that is not known.
    pub next_30_days: Option<MoneyView>,
    /// Whether it renews by itself, where that can be chosen.
    pub auto_renew: Option<bool>,
    /// Whether outgoing calls show it where that is possible, where the provider has that service.
    pub caller_id: Option<bool>,
    /// `YYYY-MM-DD`: its periods are reckoned from here.
    pub ordered_on: Option<String>,
    /// What an incoming minute costs.
    pub incoming_minute: Option<MoneyView>,
    /// What an SMS costs.
    pub sms_price: Option<MoneyView>,
    /// SMS left of a trial.
    pub sms_left: Option<u32>,
    /// Incoming calls left of a trial.
    pub calls_left: Option<u32>,
    /// What it may not be used for, in the provider's words.
    pub restrictions: Vec<String>,
}

/// How a number is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum NumberStateView {
    /// Ordered, not connected yet.
    Pending,
    /// Works.
    Active,
    /// Kept, but rests until the balance is positive.
    Suspended,
    /// Not paid for; can be restored for a while.
    Expired,
    /// Gone.
    Deleted,
}

/// What comes next for a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RenewalView {
    /// It is charged and goes on.
    Renews {
        /// `YYYY-MM-DD`.
        on: String,
        /// Days until then; 0 is today.
        days: i32,
        /// How much, by today's price.
        fee: Option<MoneyView>,
        /// Whether the balance covers it, after what renews before; `None` where that is not known.
        covered: Option<bool>,
        /// What happens if it does not.
        unpaid: Option<UnpaidView>,
    },
    /// It ends: its renewal is off, or it is a trial.
    Ends {
        /// `YYYY-MM-DD`, the last day.
        on: String,
        /// Days until then; 0 is today.
        days: i32,
    },
    /// It has expired and can be brought back.
    Restorable {
        /// `YYYY-MM-DD`, the last day for it.
        until: String,
        /// Days until then; 0 is today, the last day.
        days: i32,
        /// What that costs.
        fee: Option<MoneyView>,
        /// Whether the balance covers it.
        covered: Option<bool>,
    },
    /// It rests until the balance is positive.
    Suspended {
        /// What must come in at the least for that to end, where it is known. A balance of nothing is not positive
        /// everywhere.
        owed: Option<MoneyView>,
    },
    /// Nothing is known.
    NotKnown {},
}

/// What becomes of a number whose fee the balance does not cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum UnpaidView {
    /// It expires, and can be restored for a while.
    Expires,
    /// The fee is taken anyway; the number rests until the balance is positive.
    Suspends,
}
