//! The rules of a provider as its customer meets them: what may be called, what the called side sees, what an SMS
//! takes, when a number is charged.
//!
//! Everything here is a pure function over [`Facts`]: what was told by the provider and kept. Figures are the
//! provider's; where it tells none, the answer is that they are not known. Asking the provider is the business of
//! the modules beside this one.

mod dialling;
mod renewal;
mod segments;
mod sending;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use tern_provider::types::{Capabilities, Money, Number, NumberState};

use crate::{
    api::{CallAs, ErrorCode, ErrorView, Price, PriceSource, Verdict},
    record::{KeptRate, KnownRules},
};

pub(crate) use dialling::{rate_asked, target};
pub(crate) use renewal::terms;
pub(crate) use sending::{Draft, composed};

/// What an account knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// By the provider's clock.
    pub(crate) now: Timestamp,
    /// What its provider can do; `None` for plain SIP.
    pub(crate) capabilities: Option<Capabilities>,
    /// Numbers typed without a country code are of there.
    pub(crate) region: Option<String>,
    /// Its numbers, in the provider's order.
    pub(crate) numbers: Vec<Number>,
    /// What it can spend.
    pub(crate) balance: Option<Money>,
    /// The rules it lives under; `None` where the provider never told them.
    pub(crate) rules: Option<KnownRules>,
    /// What the provider said of targets.
    pub(crate) rates: Vec<KeptRate>,
    /// The numbers that SMS wait to leave from, one for each SMS.
    pub(crate) unsent: Vec<String>,
}

impl Facts {
    /// The day it is where the provider counts days.
    fn today(&self) -> Date {
        let zone = self.rules.as_ref().and_then(|known| known.rules.zone.clone()).unwrap_or(TimeZone::UTC);
        self.now.to_zoned(zone).date()
    }

    /// The account's number called `e164`.
    fn own(&self, e164: &str) -> Option<&Number> {
        self.numbers.iter().find(|number| number.e164 == e164)
    }

    /// What was said of a target that is called with `number`.
    fn rate(&self, target: &str, number: Option<&str>) -> Option<&KeptRate> {
        self.rates.iter().find(|kept| kept.target == target && kept.number.as_deref() == number)
    }

    /// The papers that are missing before anything goes out, where the provider tells.
    fn papers(&self) -> Option<ErrorView> {
        let missing = &self.rules.as_ref()?.rules.documents_missing;
        let words: Vec<&str> = missing.iter().map(|kind| crate::record::paper_word(*kind)).collect();
        (!words.is_empty()).then(|| ErrorView::with_detail(ErrorCode::DocumentsNeeded, words.join(", ")))
    }

    /// Whether the balance is below `price`; `None` where it is not known, or another currency's.
    fn falls_short(&self, price: &Money) -> Option<bool> {
        let balance = self.balance.as_ref().filter(|balance| balance.currency == price.currency)?;
        Some(balance.amount < price.amount)
    }

    /// What the provider refuses, as far as nobody here knows it better: the balance and the papers may have changed
    /// since it was asked.
    fn still_refused(&self, code: &str, detail: &str) -> Option<ErrorView> {
        let outdated = match code {
            "insufficient_funds" => self.balance.is_some(),
            "documents_required" => self.rules.is_some(),
            _ => false,
        };
        (!outdated).then(|| crate::refusals::refusal(code, detail))
    }

    /// A price as told at `at`.
    fn known(&self, price: &Money, source: PriceSource, at: Timestamp) -> Price {
        let age = self.now.duration_since(at).as_secs().max(0);
        Price::Known {
            price: crate::accounts::money_view(price),
            source,
            at: at.to_string(),
            age_seconds: u32::try_from(age).unwrap_or(u32::MAX),
        }
    }
}

/// Which of the account's numbers is wished for.
fn wished(show: Option<&CallAs>) -> Option<&str> {
    match show {
        Some(CallAs::Number { number }) => Some(number),
        Some(CallAs::Anonymous {}) | None => None,
    }
}

/// Why a number of the account's can't be used now.
fn resting(number: &Number) -> Option<ErrorView> {
    match number.state {
        NumberState::Active => None,
        NumberState::Suspended => Some(ErrorView::new(ErrorCode::NumberSuspended)),
        NumberState::Pending | NumberState::Expired | NumberState::Deleted => {
            Some(ErrorView::new(ErrorCode::NumberNotYours))
        }
    }
}

fn refused(code: ErrorCode) -> Verdict {
    Verdict::Refused { error: ErrorView::new(code) }
}

#[cfg(test)]
mod tests;
