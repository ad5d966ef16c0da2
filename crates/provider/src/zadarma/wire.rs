//! Zadarma's JSON and how it becomes the domain's types. Dates are wall clocks of the account's time zone.

use jiff::{Timestamp, civil, tz::Offset};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    ProviderError,
    http::refused,
    loose::{Loose, many},
    polled::Row,
    types,
};

type Mapped<T> = Result<T, ProviderError>;

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

/// A refusal's sentence; it has no code.
pub(super) fn explain(status: u16, body: &[u8]) -> Option<ProviderError> {
    if status == 401 {
        return None;
    }
    let refusal: Refusal = serde_json::from_slice(body).ok()?;
    Some(said(&refusal.message))
}

fn said(message: &str) -> ProviderError {
    let lower = message.to_ascii_lowercase();
    let code = if lower.contains("money") || lower.contains("balance") {
        "insufficient_funds"
    } else if lower.contains("not authorized") || lower.contains("signature") {
        return ProviderError::Unauthorized;
    } else if lower.contains("limit") {
        return ProviderError::RateLimited { retry_after: None };
    } else if lower.contains("number") {
        "invalid_recipient"
    } else {
        "refused"
    };
    refused(code, message)
}

/// Takes an answer out of its envelope: what `status` says decides.
pub(super) fn open<T: DeserializeOwned>(answer: serde_json::Value) -> Mapped<T> {
    match answer.get("status").and_then(|s| s.as_str()) {
        Some("success") => serde_json::from_value(answer).map_err(|_| ProviderError::Malformed),
        Some("error") => Err(said(answer.get("message").and_then(|m| m.as_str()).unwrap_or_default())),
        _ => Err(ProviderError::Malformed),
    }
}

pub(super) fn wall_clock(at: Timestamp, offset: Offset) -> String {
    offset.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn instant(text: &str, offset: Offset) -> Mapped<Timestamp> {
    let at: civil::DateTime = text.trim().parse().map_err(|_| ProviderError::Malformed)?;
    offset.to_timestamp(at).map_err(|_| ProviderError::Malformed)
}

/// With the plus, where it is a number.
fn e164(written: &str) -> String {
    let digits = written.trim().trim_start_matches('+');
    if digits.len() >= 7 && digits.bytes().all(|b| b.is_ascii_digit()) {
        format!("+{digits}")
    } else {
        written.trim().to_owned()
    }
}

#[derive(Deserialize)]
pub(super) struct Timezone {
    #[serde(default)]
    timezone: Loose,
}

impl Timezone {
    /// From `UTC+3`, `UTC-03:30`; what cannot be read is UTC.
    pub(super) fn offset(&self) -> Offset {
        let text = self.timezone.0.trim().trim_start_matches("UTC");
        let (hours, minutes) = text.split_once(':').unwrap_or((text, "0"));
        let (Ok(hours), Ok(minutes)) = (hours.trim_start_matches('+').parse::<i32>(), minutes.parse::<i32>())
        else {
            return Offset::UTC;
        };
        let minutes = if text.starts_with('-') { minutes.saturating_neg() } else { minutes };
        let seconds = hours.saturating_mul(3600).saturating_add(minutes.saturating_mul(60));
        Offset::from_seconds(seconds).unwrap_or(Offset::UTC)
    }
}

#[derive(Deserialize)]
pub(super) struct Balance {
    balance: Loose,
    currency: Loose,
}

impl Balance {
    pub(super) fn map(self) -> Mapped<types::AccountInfo> {
        Ok(types::AccountInfo {
            name: "Zadarma".to_owned(),
            balance: self.balance.money(&self.currency.0)?,
            topup_limits: None,
            automatic_topup: None,
            cashback: None,
            send_limits: None,
            rules: types::AccountRules::default(),
        })
    }
}

#[derive(Deserialize)]
pub(super) struct Numbers {
    #[serde(default, deserialize_with = "many")]
    pub(super) info: Vec<Number>,
}

#[derive(Deserialize)]
pub(super) struct Number {
    number: Loose,
    #[serde(default)]
    status: Loose,
    #[serde(default)]
    description: Loose,
    #[serde(default)]
    number_name: Loose,
    #[serde(default)]
    stop_date: Loose,
    #[serde(default)]
    monthly_fee: Loose,
    #[serde(default)]
    currency: Loose,
    #[serde(default)]
    autorenew: Loose,
}

impl Number {
    pub(super) fn map(self) -> Mapped<types::Number> {
        let state = match self.status.0.to_ascii_lowercase().as_str() {
            "on" => types::NumberState::Active,
            "checking" => types::NumberState::Pending,
            // Parked or switched off: takes nothing.
            _ => types::NumberState::Suspended,
        };
        let until = self.stop_date.0.get(..10).and_then(|day| day.parse::<civil::Date>().ok());
        Ok(types::Number {
            id: types::RemoteId(self.number.0.clone()),
            e164: e164(&self.number.0),
            // Only the country's name is told.
            country: "ZZ".to_owned(),
            city: self.description.text().map(str::to_owned),
            label: self.number_name.text().map(str::to_owned),
            calls: true,
            sms: true,
            monthly_fee: match self.currency.text() {
                Some(currency) => self.monthly_fee.price(currency)?,
                None => None,
            },
            renews_on: until,
            state,
            terms: types::NumberTerms {
                expires_on: until,
                auto_renew: self.autorenew.text().map(|_| self.autorenew.is_yes()),
                ..types::NumberTerms::default()
            },
        })
    }
}

#[derive(Deserialize)]
pub(super) struct Statistics {
    #[serde(default, deserialize_with = "many")]
    pub(super) stats: Vec<Call>,
}

#[derive(Deserialize)]
pub(super) struct Call {
    id: Loose,
    callstart: Loose,
    from: Loose,
    to: Loose,
    disposition: Loose,
    #[serde(default)]
    billseconds: Loose,
    #[serde(default)]
    billcost: Loose,
    #[serde(default)]
    currency: Loose,
}

impl Call {
    pub(super) fn map(self, direction: types::Direction, offset: Offset) -> Mapped<Row> {
        let is_incoming = direction == types::Direction::Incoming;
        let outcome = match (self.disposition.0.as_str(), is_incoming) {
            ("answered", _) => types::CallOutcome::Answered,
            (_, true) => types::CallOutcome::Missed,
            ("busy", false) => types::CallOutcome::Busy,
            ("cancel" | "no answer", false) => types::CallOutcome::Unanswered,
            _ => types::CallOutcome::Failed,
        };
        let is_answered = outcome == types::CallOutcome::Answered;
        let (from, to) = (e164(&self.from.0), e164(&self.to.0));
        let (number, peer) = if is_incoming { (to, from) } else { (from, to) };
        let prefix = if is_incoming { "in" } else { "out" };
        let object = types::ActivityObject::Call(types::CallRecord {
            id: types::RemoteId(format!("{prefix}-{}", self.id.text().ok_or(ProviderError::Malformed)?)),
            version: 1,
            sip_call_id: None,
            direction,
            number,
            peer,
            started_at: instant(&self.callstart.0, offset)?,
            duration_seconds: if is_answered { self.billseconds.count() } else { 0 },
            outcome,
            price: match self.currency.text() {
                Some(currency) => self.billcost.price(currency)?,
                None => None,
            },
        });
        Ok(Row { object, settled: true })
    }
}

#[derive(Deserialize)]
pub(super) struct Price {
    info: PriceInfo,
}

#[derive(Deserialize)]
struct PriceInfo {
    #[serde(default)]
    description: Loose,
    price: Loose,
    currency: Loose,
}

impl Price {
    pub(super) fn map(self, target: &str) -> Mapped<types::Rate> {
        Ok(types::Rate {
            target: target.to_owned(),
            country: None,
            name: self.info.description.text().map(str::to_owned),
            call: types::Permission::Allowed { price: self.info.price.price(&self.info.currency.0)? },
            sms: types::Permission::Unknown,
            shown: types::Shown::Unknown,
        })
    }
}

#[derive(Deserialize)]
pub(super) struct Sent {
    #[serde(default)]
    cost: Loose,
    #[serde(default)]
    currency: Loose,
}

impl Sent {
    pub(super) fn price(&self) -> Mapped<Option<types::Money>> {
        match self.currency.text() {
            Some(currency) => self.cost.price(currency),
            None => Ok(None),
        }
    }
}
