//! The sandbox API's JSON and how it becomes the domain's types.
//!
//! A value this version does not know is data, not an error: an unknown kind of row is left out, an unknown state
//! becomes the nearest cautious one. A known kind of row that lacks what it must have makes the page malformed,
//! because leaving it out would lose it for good.

mod account;
mod activity;
mod number;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{ProviderError, http::refused, types};

pub(super) use account::{Account, Sip};
pub(super) use activity::{Changes, Message, Messages, NewMessage, Snapshot, Transaction, transaction_type};
pub(super) use number::{Number, Numbers, kind};

/// RFC 9457, with the stable `code` this API adds.
#[derive(Deserialize)]
struct Problem {
    code: String,
    #[serde(default)]
    detail: String,
}

/// What a problem document says.
pub(super) fn explain(status: u16, body: &[u8]) -> Option<ProviderError> {
    if matches!(status, 401 | 403) {
        return None;
    }
    let problem: Problem = serde_json::from_slice(body).ok()?;
    Some(match (status, problem.code.as_str()) {
        (410, "resync_required") => ProviderError::ResyncRequired,
        (_, code) => refused(code, &problem.detail),
    })
}

#[derive(Deserialize)]
pub(super) struct Clock {
    now: Timestamp,
    ahead_seconds: i64,
    #[serde(default)]
    next_due: Option<Timestamp>,
}

impl Clock {
    pub(super) fn map(self) -> super::SandboxClock {
        super::SandboxClock { now: self.now, ahead_seconds: self.ahead_seconds, next_due: self.next_due }
    }
}

#[derive(Deserialize)]
pub(super) struct Money {
    amount: Amount,
    currency: String,
}

/// Amounts are strings; a server that sends a JSON number is understood too, digit by digit.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Amount {
    Text(String),
    Number(serde_json::Number),
}

#[derive(Deserialize)]
pub(super) struct TopUp {
    id: String,
    state: String,
    amount: Money,
    checkout_url: Url,
}

#[derive(Serialize)]
pub(super) struct NewTopUp {
    pub(super) amount: String,
}

#[derive(Deserialize)]
pub(super) struct DemoAccounts {
    pub(super) accounts: Vec<DemoAccount>,
}

#[derive(Deserialize)]
pub(super) struct DemoAccount {
    pub(super) name: String,
    pub(super) token: String,
    #[serde(default)]
    pub(super) numbers: Vec<String>,
    pub(super) sip: Sip,
}

pub(super) type Mapped<T> = Result<T, ProviderError>;

impl Amount {
    pub(super) fn map(self) -> Mapped<Decimal> {
        let text = match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        };
        // Exact or not at all: rounding money silently would be worse than refusing the answer.
        Decimal::from_str_exact(text.trim()).map_err(|_| ProviderError::Malformed)
    }
}

impl Money {
    pub(super) fn map(self) -> Mapped<types::Money> {
        if self.currency.len() != 3 || !self.currency.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(ProviderError::Malformed);
        }
        Ok(types::Money { amount: self.amount.map()?, currency: self.currency })
    }
}

pub(super) fn price(money: Option<Money>) -> Mapped<Option<types::Money>> {
    money.map(Money::map).transpose()
}

impl TopUp {
    pub(super) fn map(self) -> Mapped<types::TopUp> {
        Ok(types::TopUp {
            id: types::TopUpId(self.id),
            state: match self.state.as_str() {
                "paid" => types::TopUpState::Paid,
                "declined" => types::TopUpState::Declined,
                "cancelled" => types::TopUpState::Cancelled,
                _ => types::TopUpState::Pending,
            },
            amount: self.amount.map()?,
            checkout_url: self.checkout_url,
        })
    }
}
