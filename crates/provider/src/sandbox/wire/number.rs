//! Rented numbers.

use jiff::{Timestamp, civil::Date};
use serde::Deserialize;

use super::{Mapped, Money, price};
use crate::{sandbox::offers::Restriction, types};

#[derive(Deserialize)]
pub(crate) struct Numbers {
    pub(crate) numbers: Vec<Number>,
}

#[derive(Deserialize)]
pub(crate) struct Number {
    id: String,
    e164: String,
    country: String,
    #[serde(default)]
    city: Option<String>,
    #[serde(default)]
    label: Option<String>,
    calls: bool,
    sms: bool,
    #[serde(default)]
    monthly_fee: Option<Money>,
    #[serde(default)]
    renews_on: Option<Date>,
    state: String,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    ordered_on: Option<Date>,
    #[serde(default)]
    restore_until: Option<Date>,
    #[serde(default)]
    auto_renew: Option<bool>,
    #[serde(default)]
    caller_id: Option<bool>,
    #[serde(default)]
    purpose: Option<String>,
    #[serde(default)]
    ends_at: Option<Timestamp>,
    #[serde(default)]
    incoming_minute: Option<Money>,
    #[serde(default)]
    sms_price: Option<Money>,
    #[serde(default)]
    restrictions: Vec<Restriction>,
    #[serde(default)]
    next_fee: Option<Money>,
    #[serde(default)]
    sms_left: Option<u32>,
    #[serde(default)]
    calls_left: Option<u32>,
    #[serde(default)]
    service: Option<String>,
    #[serde(default)]
    disposal: Option<String>,
}

impl Number {
    pub(crate) fn map(self) -> Mapped<types::Number> {
        Ok(types::Number {
            id: types::RemoteId(self.id),
            e164: self.e164,
            country: self.country,
            city: self.city,
            label: self.label,
            calls: self.calls,
            sms: self.sms,
            monthly_fee: price(self.monthly_fee)?,
            renews_on: self.renews_on,
            state: match self.state.as_str() {
                "active" => types::NumberState::Active,
                "deleted" => types::NumberState::Deleted,
                "pending" => types::NumberState::Pending,
                "suspended" => types::NumberState::Suspended,
                // An unknown state is one in which the number should not be relied on.
                _ => types::NumberState::Expired,
            },
            terms: types::NumberTerms {
                kind: self.kind.as_deref().and_then(kind),
                ordered_on: self.ordered_on,
                expires_on: self.renews_on.filter(|_| self.auto_renew == Some(false)),
                restorable_until: self.restore_until,
                auto_renew: self.auto_renew,
                caller_id: self.caller_id,
                trial_until: self.ends_at.filter(|_| self.purpose.as_deref() == Some("trial")),
                incoming_minute: price(self.incoming_minute)?,
                sms_price: price(self.sms_price)?,
                sms_left: self.sms_left,
                calls_left: self.calls_left,
                next_fee: price(self.next_fee)?,
                restrictions: self.restrictions.into_iter().map(|r| r.text).collect(),
            },
        })
    }

    /// As a number for one SMS; `None` where it is none.
    pub(crate) fn disposable(self) -> Option<Mapped<types::DisposableNumber>> {
        let (service, until, fee) = (self.service?, self.ends_at?, self.monthly_fee?);
        Some(fee.map().map(|price| types::DisposableNumber {
            id: types::RemoteId(self.id),
            e164: self.e164,
            country: self.country,
            service,
            price,
            until,
            state: match self.disposal.as_deref() {
                Some("used") => types::DisposableState::Received,
                Some(_) => types::DisposableState::Refunded,
                None => types::DisposableState::Waiting,
            },
        }))
    }
}

/// A sort of number; `None` for one this version does not know.
pub(crate) fn kind(word: &str) -> Option<types::NumberKind> {
    match word {
        "mobile" => Some(types::NumberKind::Mobile),
        "landline" => Some(types::NumberKind::Landline),
        "toll_free" => Some(types::NumberKind::TollFree),
        "national" => Some(types::NumberKind::National),
        _ => None,
    }
}
