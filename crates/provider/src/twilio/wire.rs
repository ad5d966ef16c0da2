//! Twilio's JSON and how it becomes the domain's types. Prices are negative there (a charge) and positive here (a
//! cost); dates are those of mail (RFC 2822).

use jiff::Timestamp;
use serde::Deserialize;

use crate::{ProviderError, http::refused, loose::Loose, polled::Row, types};

type Mapped<T> = Result<T, ProviderError>;

#[derive(Deserialize)]
struct Refusal {
    code: Loose,
    #[serde(default)]
    message: String,
}

/// A refusal's number as one of the domain's words, where there is one.
pub(super) fn explain(status: u16, body: &[u8]) -> Option<ProviderError> {
    if status == 401 {
        return None;
    }
    let refusal: Refusal = serde_json::from_slice(body).ok()?;
    let code = match refusal.code.0.as_str() {
        "20003" => return Some(ProviderError::Unauthorized),
        "20404" => "not_found",
        // "Cannot delete this resource before it is complete".
        "20009" => crate::NOT_YET,
        // SignalWire's own.
        "4001" => "insufficient_funds",
        "20429" => return Some(ProviderError::RateLimited { retry_after: None }),
        "21201" | "21211" | "21214" | "21604" | "21614" | "21217" | "21421" => "invalid_recipient",
        "21210" | "21212" | "21606" | "21659" | "21660" => "number_not_yours",
        "21408" | "21612" | "21610" | "21635" => "destination_not_served",
        "21602" => "empty_text",
        "21605" | "21617" => "text_too_long",
        "21611" => return Some(ProviderError::RateLimited { retry_after: None }),
        "20005" | "20010" => "account_suspended",
        "" => return None,
        other => return Some(refused(&format!("twilio_{other}"), &refusal.message)),
    };
    Some(refused(code, &refusal.message))
}

fn date(text: &Loose) -> Option<Timestamp> {
    Some(jiff::fmt::rfc2822::parse(text.text()?).ok()?.timestamp())
}

fn cost(price: &Loose, unit: &Loose) -> Mapped<Option<types::Money>> {
    let money = price.price(unit.text().unwrap_or("USD"))?;
    Ok(money.map(|m| types::Money { amount: m.amount.abs(), ..m }))
}

fn direction(text: &str) -> types::Direction {
    if text.starts_with("inbound") { types::Direction::Incoming } else { types::Direction::Outgoing }
}

#[derive(Deserialize)]
pub(super) struct Balance {
    balance: Loose,
    currency: Loose,
}

impl Balance {
    pub(super) fn map(self, name: &str) -> Mapped<types::AccountInfo> {
        Ok(types::AccountInfo {
            name: name.to_owned(),
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
    pub(super) incoming_phone_numbers: Vec<Number>,
    #[serde(default)]
    pub(super) next_page_uri: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Number {
    sid: String,
    phone_number: String,
    #[serde(default)]
    friendly_name: Loose,
    #[serde(default)]
    capabilities: Option<Abilities>,
}

#[derive(Deserialize, Default)]
struct Abilities {
    #[serde(default)]
    voice: Loose,
    #[serde(default)]
    sms: Loose,
}

impl Number {
    pub(super) fn map(self) -> types::Number {
        let able = self.capabilities.unwrap_or_default();
        types::Number {
            id: types::RemoteId(self.sid),
            e164: self.phone_number,
            // Not told.
            country: "ZZ".to_owned(),
            city: None,
            label: self.friendly_name.text().map(str::to_owned),
            calls: able.voice.is_yes(),
            sms: able.sms.is_yes(),
            monthly_fee: None,
            renews_on: None,
            state: types::NumberState::Active,
            terms: types::NumberTerms::default(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Messages {
    pub(super) messages: Vec<Message>,
    #[serde(default)]
    pub(super) next_page_uri: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Message {
    sid: String,
    direction: String,
    status: String,
    #[serde(default)]
    from: Loose,
    #[serde(default)]
    to: Loose,
    #[serde(default)]
    body: Loose,
    #[serde(default)]
    num_media: Loose,
    #[serde(default)]
    date_created: Loose,
    #[serde(default)]
    date_sent: Loose,
    #[serde(default)]
    error_code: Loose,
    #[serde(default)]
    price: Loose,
    #[serde(default)]
    price_unit: Loose,
}

impl Message {
    pub(super) fn map(self) -> Mapped<Row> {
        let direction = direction(&self.direction);
        let failed = || {
            let code = self.error_code.text().unwrap_or("unknown");
            types::MessageState::Failed { code: format!("twilio_{code}") }
        };
        // How far it has come: a later state has a higher version, and so has one whose price is known.
        let (state, rank, settled) = match (self.status.as_str(), direction) {
            ("failed" | "undelivered" | "canceled", _) => (failed(), 4, true),
            ("receiving", _) => (types::MessageState::Received, 1, false),
            (_, types::Direction::Incoming) => (types::MessageState::Received, 4, true),
            ("delivered" | "read" | "partially_delivered", _) => (types::MessageState::Delivered, 4, true),
            ("sent", _) => (types::MessageState::Sent, 3, false),
            ("sending", _) => (types::MessageState::Accepted, 2, false),
            _ => (types::MessageState::Accepted, 1, false),
        };
        let price = cost(&self.price, &self.price_unit)?;
        let (number, peer) = match direction {
            types::Direction::Incoming => (self.to.0, self.from.0),
            types::Direction::Outgoing => (self.from.0, self.to.0),
        };
        let mut text = self.body.0;
        // Pictures cannot be shown without the account's password; that there are some can.
        for _ in 0..self.num_media.count().min(10) {
            text.push('📎');
        }
        let at = date(&self.date_created).or(date(&self.date_sent)).ok_or(ProviderError::Malformed)?;
        let object = types::ActivityObject::Message(types::Message {
            id: types::RemoteId(self.sid),
            version: rank * 2 + u64::from(price.is_some()),
            direction,
            number,
            peer,
            text,
            state,
            at,
            price,
            idempotency_key: None,
        });
        Ok(Row { object, settled })
    }
}

#[derive(Deserialize)]
pub(super) struct Calls {
    pub(super) calls: Vec<Call>,
    #[serde(default)]
    pub(super) next_page_uri: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Call {
    sid: String,
    direction: String,
    status: String,
    #[serde(default)]
    from: Loose,
    #[serde(default)]
    to: Loose,
    #[serde(default)]
    start_time: Loose,
    #[serde(default)]
    date_created: Loose,
    #[serde(default)]
    duration: Loose,
    #[serde(default)]
    price: Loose,
    #[serde(default)]
    price_unit: Loose,
}

impl Call {
    /// `None` while it goes on: whether it was missed is known when it has ended.
    pub(super) fn map(self) -> Mapped<Option<Row>> {
        let direction = direction(&self.direction);
        let is_incoming = direction == types::Direction::Incoming;
        let outcome = match self.status.as_str() {
            "queued" | "initiated" | "ringing" | "in-progress" => return Ok(None),
            "completed" => types::CallOutcome::Answered,
            _ if is_incoming => types::CallOutcome::Missed,
            "busy" => types::CallOutcome::Busy,
            "no-answer" | "canceled" => types::CallOutcome::Unanswered,
            _ => types::CallOutcome::Failed,
        };
        let is_answered = outcome == types::CallOutcome::Answered;
        let price = cost(&self.price, &self.price_unit)?;
        let (number, peer) = if is_incoming { (self.to.0, self.from.0) } else { (self.from.0, self.to.0) };
        let object = types::ActivityObject::Call(types::CallRecord {
            id: types::RemoteId(self.sid),
            version: 1 + u64::from(price.is_some()),
            sip_call_id: None,
            direction,
            number,
            peer,
            started_at: date(&self.start_time)
                .or(date(&self.date_created))
                .ok_or(ProviderError::Malformed)?,
            duration_seconds: if is_answered { self.duration.count() } else { 0 },
            outcome,
            price,
        });
        Ok(Some(Row { object, settled: true }))
    }
}

#[derive(Deserialize)]
pub(super) struct VoicePrice {
    #[serde(default)]
    country: Loose,
    #[serde(default)]
    iso_country: Loose,
    #[serde(default)]
    outbound_call_prices: Vec<CallPrice>,
    #[serde(default)]
    price_unit: Loose,
}

#[derive(Deserialize)]
struct CallPrice {
    current_price: Loose,
}

#[derive(Deserialize)]
pub(super) struct MessagePrice {
    #[serde(default)]
    outbound_sms_prices: Vec<Carrier>,
    #[serde(default)]
    price_unit: Loose,
}

#[derive(Deserialize)]
struct Carrier {
    #[serde(default)]
    prices: Vec<CallPrice>,
}

impl VoicePrice {
    pub(super) fn country(&self) -> Option<&str> {
        self.iso_country.text().filter(|c| c.len() == 2 && c.bytes().all(|b| b.is_ascii_alphabetic()))
    }

    pub(super) fn map(self, target: &str, sms: Option<MessagePrice>) -> Mapped<types::Rate> {
        let call = dearest(self.outbound_call_prices.iter(), &self.price_unit)?;
        let sms = match &sms {
            Some(sms) => dearest(sms.outbound_sms_prices.iter().flat_map(|c| &c.prices), &sms.price_unit)?,
            None => types::Permission::Unknown,
        };
        Ok(types::Rate {
            target: target.to_owned(),
            country: self.country().map(str::to_ascii_uppercase),
            name: self.country.text().map(str::to_owned),
            call,
            sms,
            shown: types::Shown::Unknown,
        })
    }
}

/// Prices differ by carrier and origin: the highest is what it costs at most.
fn dearest<'a>(prices: impl Iterator<Item = &'a CallPrice>, unit: &Loose) -> Mapped<types::Permission> {
    let mut dearest: Option<types::Money> = None;
    for price in prices {
        let money = price.current_price.money(unit.text().unwrap_or("USD"))?;
        if dearest.as_ref().is_none_or(|d| d.amount < money.amount) {
            dearest = Some(money);
        }
    }
    Ok(match dearest {
        Some(price) => types::Permission::Allowed { price: Some(price) },
        None => types::Permission::Unknown,
    })
}
