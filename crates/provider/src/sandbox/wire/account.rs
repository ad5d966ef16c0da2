//! An account: what it holds, the rules it lives under, its way in by SIP.

use jiff::{Timestamp, tz::TimeZone};
use serde::Deserialize;

use super::{Amount, Mapped, Money};
use crate::{Secret, sandbox::offers::document_kind, types};

#[derive(Deserialize)]
pub(crate) struct Account {
    name: String,
    balance: Money,
    #[serde(default)]
    topup: Option<TopUpLimits>,
    #[serde(default)]
    automatic_topup: Option<AutomaticTopUp>,
    #[serde(default)]
    cashback_percent: Option<Amount>,
    #[serde(default)]
    lifetime_spend: Option<Money>,
    #[serde(default)]
    sms_limits: Option<SmsLimits>,
    #[serde(default)]
    documents_missing: Vec<String>,
    #[serde(default)]
    now: Option<Timestamp>,
    #[serde(default)]
    rules: Rules,
}

/// What this version does not know counts as not told.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Rules {
    billing_zone: Option<String>,
    unpaid: Option<String>,
    sms_window: Option<String>,
    sms_scope: Option<String>,
    sms_billing: Option<String>,
    sms_max_chars: Option<u32>,
    no_calls_to: Vec<String>,
    no_sms_to: Vec<String>,
}

#[derive(Deserialize)]
struct AutomaticTopUp {
    threshold: Money,
    amount: Money,
}

#[derive(Deserialize)]
struct SmsLimits {
    per_second: Option<u32>,
    per_hour: Option<u32>,
    per_day: Option<u32>,
}

#[derive(Deserialize)]
struct TopUpLimits {
    min: Amount,
    max: Amount,
}

#[derive(Deserialize)]
pub(crate) struct Sip {
    user: String,
    domain: String,
    password: String,
    #[serde(default)]
    proxy: Option<String>,
}

impl Account {
    pub(crate) fn map(self) -> Mapped<types::AccountInfo> {
        let topup_limits = match self.topup {
            Some(limits) => Some((limits.min.map()?, limits.max.map()?)),
            None => None,
        };
        Ok(types::AccountInfo {
            name: self.name,
            balance: self.balance.map()?,
            topup_limits,
            automatic_topup: match self.automatic_topup {
                Some(auto) => Some(types::AutomaticTopUp {
                    below: auto.threshold.map()?.amount,
                    amount: auto.amount.map()?.amount,
                }),
                None => None,
            },
            cashback: match (self.cashback_percent, self.lifetime_spend) {
                (Some(rate), Some(spend)) => {
                    Some(types::Cashback { rate_percent: rate.map()?, lifetime_spend: spend.map()? })
                }
                _ => None,
            },
            send_limits: self.sms_limits.map(|limits| types::SendLimits {
                per_second: limits.per_second,
                per_hour: limits.per_hour,
                per_day: limits.per_day,
            }),
            rules: self.rules.map(self.now, &self.documents_missing),
        })
    }
}

impl Rules {
    pub(crate) fn map(self, now: Option<Timestamp>, documents: &[String]) -> types::AccountRules {
        types::AccountRules {
            now,
            zone: self.billing_zone.and_then(|name| TimeZone::get(&name).ok()),
            unpaid: match self.unpaid.as_deref() {
                Some("expires") => Some(types::Unpaid::Expires),
                Some("suspends") => Some(types::Unpaid::Suspends),
                _ => None,
            },
            sms_window: match self.sms_window.as_deref() {
                Some("rolling") => Some(types::LimitWindow::Rolling),
                Some("calendar") => Some(types::LimitWindow::Calendar),
                _ => None,
            },
            sms_scope: match self.sms_scope.as_deref() {
                Some("account") => Some(types::LimitScope::Account),
                Some("number") => Some(types::LimitScope::Number),
                _ => None,
            },
            sms_priced: match self.sms_billing.as_deref() {
                Some("message") => Some(types::SmsPriced::Message),
                Some("segment") => Some(types::SmsPriced::Segment),
                _ => None,
            },
            longest_text: self.sms_max_chars,
            no_calls_to: self.no_calls_to,
            no_sms_to: self.no_sms_to,
            documents_missing: documents.iter().filter_map(|word| document_kind(word)).collect(),
        }
    }
}

impl Sip {
    pub(crate) fn map(self) -> types::SipCredentials {
        types::SipCredentials {
            user: self.user,
            domain: self.domain,
            password: Secret::new(self.password),
            proxy: self.proxy,
        }
    }
}
