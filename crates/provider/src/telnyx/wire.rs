//! Telnyx' JSON and how it becomes the domain's types. Everything is wrapped in `data`; dates are RFC 3339.

use jiff::Timestamp;
use serde::Deserialize;

use crate::{ProviderError, Secret, http::refused, loose::Loose, polled::Row, types};

type Mapped<T> = Result<T, ProviderError>;

#[derive(Deserialize)]
struct Refusals {
    errors: Vec<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    code: Loose,
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: String,
}

/// A refusal's number as one of the domain's words, where there is one.
pub(super) fn explain(status: u16, body: &[u8]) -> Option<ProviderError> {
    if status == 401 {
        return None;
    }
    let refusals: Refusals = serde_json::from_slice(body).ok()?;
    let refusal = refusals.errors.into_iter().next()?;
    let detail = if refusal.detail.is_empty() { refusal.title } else { refusal.detail };
    let code = match refusal.code.0.as_str() {
        "10009" | "10010" => return Some(ProviderError::Unauthorized),
        "10011" => return Some(ProviderError::RateLimited { retry_after: None }),
        "10005" => "not_found",
        "20100" => "insufficient_funds",
        "40013" | "40305" => "number_not_yours",
        // Who gets it has forbidden it.
        "40300" => "destination_not_served",
        "40001" | "40012" | "40310" => "invalid_recipient",
        "40302" => "text_too_long",
        "" => return None,
        other => return Some(refused(&format!("telnyx_{other}"), &detail)),
    };
    Some(refused(code, &detail))
}

#[derive(Deserialize)]
pub(super) struct One<T> {
    pub(super) data: T,
}

#[derive(Deserialize)]
pub(super) struct Many<T> {
    pub(super) data: Vec<T>,
    #[serde(default)]
    meta: Meta,
}

#[derive(Deserialize, Default)]
struct Meta {
    #[serde(default)]
    total_pages: Loose,
}

impl<T> Many<T> {
    pub(super) fn is_last(&self, page: u32) -> bool {
        self.data.is_empty() || self.meta.total_pages.count() <= page
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
            name: "Telnyx".to_owned(),
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
pub(super) struct Number {
    id: Loose,
    phone_number: String,
    #[serde(default)]
    country_iso_alpha2: Loose,
    #[serde(default)]
    status: Loose,
    #[serde(default)]
    phone_number_type: Loose,
    #[serde(default)]
    messaging_profile_id: Loose,
    #[serde(default)]
    connection_id: Loose,
    #[serde(default)]
    connection_name: Loose,
}

impl Number {
    pub(super) fn map(self) -> types::Number {
        let kind = match self.phone_number_type.0.as_str() {
            "local" => Some(types::NumberKind::Landline),
            "mobile" => Some(types::NumberKind::Mobile),
            "toll_free" => Some(types::NumberKind::TollFree),
            "national" => Some(types::NumberKind::National),
            _ => None,
        };
        let state = match self.status.0.as_str() {
            "active" => types::NumberState::Active,
            "deleted" | "ported_out" | "port_out_done" => types::NumberState::Deleted,
            status if status.contains("pending") => types::NumberState::Pending,
            _ => types::NumberState::Expired,
        };
        types::Number {
            id: types::RemoteId(self.id.0),
            e164: self.phone_number,
            country: self.country_iso_alpha2.text().unwrap_or("ZZ").to_owned(),
            city: None,
            label: self.connection_name.text().map(str::to_owned),
            // What no connection has been chosen for rings nowhere.
            calls: self.connection_id.text().is_some(),
            sms: self.messaging_profile_id.text().is_some(),
            monthly_fee: None,
            renews_on: None,
            state,
            terms: types::NumberTerms { kind, ..types::NumberTerms::default() },
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Credential {
    #[serde(default)]
    sip_username: Loose,
    #[serde(default)]
    sip_password: Loose,
    #[serde(default)]
    expired: Loose,
}

impl Credential {
    pub(super) fn map(self, domain: &str) -> Option<types::SipCredentials> {
        if self.expired.is_yes() {
            return None;
        }
        Some(types::SipCredentials {
            user: self.sip_username.text()?.to_owned(),
            domain: domain.to_owned(),
            password: Secret::new(self.sip_password.text()?),
            proxy: None,
        })
    }
}

/// A message as the detail records tell it: without its text.
#[derive(Deserialize)]
pub(super) struct MessageRecord {
    uuid: String,
    #[serde(default)]
    direction: Loose,
    #[serde(default)]
    cli: Loose,
    #[serde(default)]
    cld: Loose,
    #[serde(default)]
    status: Loose,
    #[serde(default)]
    created_at: Option<Timestamp>,
    #[serde(default)]
    sent_at: Option<Timestamp>,
    #[serde(default)]
    cost: Loose,
    #[serde(default)]
    currency: Loose,
}

impl MessageRecord {
    pub(super) fn id(&self) -> &str {
        &self.uuid
    }

    pub(super) fn at(&self) -> Option<Timestamp> {
        self.created_at.or(self.sent_at)
    }

    /// Records are written when a message has come as far as it will.
    pub(super) fn map(self, text: String) -> Mapped<Row> {
        let at = self.at().ok_or(ProviderError::Malformed)?;
        let direction = direction(&self.direction.0);
        let state = state(&self.status.0, direction);
        let (number, peer) = match direction {
            types::Direction::Incoming => (self.cld.0, self.cli.0),
            types::Direction::Outgoing => (self.cli.0, self.cld.0),
        };
        let object = types::ActivityObject::Message(types::Message {
            id: types::RemoteId(self.uuid),
            version: VERSION_OF_RECORD,
            direction,
            number,
            peer,
            text,
            state: state.0,
            at,
            price: self.cost.price(self.currency.text().unwrap_or("USD"))?,
            idempotency_key: None,
        });
        Ok(Row { object, settled: true })
    }
}

/// A record is later than anything the message itself said while it was on its way.
const VERSION_OF_RECORD: u64 = 10;

fn direction(text: &str) -> types::Direction {
    if text == "inbound" { types::Direction::Incoming } else { types::Direction::Outgoing }
}

/// The state, how far it is, and whether it is final.
fn state(status: &str, direction: types::Direction) -> (types::MessageState, u64, bool) {
    match (status, direction) {
        (_, types::Direction::Incoming) => (types::MessageState::Received, 4, true),
        ("delivered", _) => (types::MessageState::Delivered, 4, true),
        ("delivery_failed" | "sending_failed" | "failed" | "gw_reject" | "gw_timeout" | "expired", _) => {
            (types::MessageState::Failed { code: format!("telnyx_{status}") }, 4, true)
        }
        // Nothing more will be heard of it.
        ("delivery_unconfirmed" | "dlr_unconfirmed" | "dlr_timeout", _) => {
            (types::MessageState::Sent, 4, true)
        }
        ("sent", _) => (types::MessageState::Sent, 3, false),
        ("sending", _) => (types::MessageState::Accepted, 2, false),
        _ => (types::MessageState::Accepted, 1, false),
    }
}

/// A message itself, with its text.
#[derive(Deserialize)]
pub(super) struct Message {
    id: String,
    #[serde(default)]
    direction: Loose,
    #[serde(default)]
    from: Option<Party>,
    #[serde(default)]
    to: Vec<Party>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    media: Option<Vec<Media>>,
    #[serde(default)]
    received_at: Option<Timestamp>,
    #[serde(default)]
    sent_at: Option<Timestamp>,
    #[serde(default)]
    cost: Option<Cost>,
}

#[derive(Deserialize, Default)]
struct Party {
    #[serde(default)]
    phone_number: Loose,
    #[serde(default)]
    status: Loose,
}

#[derive(Deserialize)]
struct Media {
    #[serde(default)]
    url: Loose,
}

#[derive(Deserialize)]
struct Cost {
    #[serde(default)]
    amount: Loose,
    #[serde(default)]
    currency: Loose,
}

impl Message {
    /// The text; the addresses of an MMS' pictures follow it, each on a line of its own.
    pub(super) fn text(self) -> String {
        let mut text = self.text.unwrap_or_default();
        for media in self.media.unwrap_or_default() {
            if let Some(address) = media.url.text().filter(|a| a.starts_with("https://")) {
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(address);
            }
        }
        text
    }

    pub(super) fn map(self) -> Mapped<Row> {
        let direction = direction(&self.direction.0);
        let from = self.from.as_ref().map(|f| f.phone_number.0.clone()).unwrap_or_default();
        let to = self.to.first();
        let (to, status) = to.map(|t| (t.phone_number.0.clone(), t.status.0.clone())).unwrap_or_default();
        let (state, rank, settled) = state(&status, direction);
        let (number, peer) = match direction {
            types::Direction::Incoming => (to, from),
            types::Direction::Outgoing => (from, to),
        };
        let at = self.received_at.or(self.sent_at).unwrap_or_else(Timestamp::now);
        let price = match &self.cost {
            Some(cost) => cost.amount.price(cost.currency.text().unwrap_or("USD"))?,
            None => None,
        };
        let id = types::RemoteId(self.id.clone());
        let object = types::ActivityObject::Message(types::Message {
            id,
            version: rank,
            direction,
            number,
            peer,
            text: self.text(),
            state,
            at,
            price,
            idempotency_key: None,
        });
        Ok(Row { object, settled })
    }
}

/// A leg of a call over a SIP connection.
#[derive(Deserialize)]
pub(super) struct CallRecord {
    id: Loose,
    #[serde(default)]
    direction: Loose,
    #[serde(default)]
    cli: Loose,
    #[serde(default)]
    cld: Loose,
    #[serde(default)]
    started_at: Option<Timestamp>,
    #[serde(default)]
    answered_at: Option<Timestamp>,
    #[serde(default)]
    call_sec: Loose,
    #[serde(default)]
    hangup_cause: Loose,
    #[serde(default)]
    cost: Loose,
    #[serde(default)]
    currency: Loose,
}

impl CallRecord {
    pub(super) fn map(self) -> Mapped<Row> {
        let direction = direction(&self.direction.0);
        let is_incoming = direction == types::Direction::Incoming;
        let cause = self.hangup_cause.0.to_ascii_lowercase();
        let outcome = match self.answered_at {
            Some(_) => types::CallOutcome::Answered,
            None if is_incoming => types::CallOutcome::Missed,
            None if cause.contains("busy") => types::CallOutcome::Busy,
            None => types::CallOutcome::Unanswered,
        };
        let (number, peer) = if is_incoming { (self.cld.0, self.cli.0) } else { (self.cli.0, self.cld.0) };
        let object = types::ActivityObject::Call(types::CallRecord {
            id: types::RemoteId(self.id.text().ok_or(ProviderError::Malformed)?.to_owned()),
            version: 1,
            // What the record names is a leg of Telnyx's own, which need not be the one to this phone.
            sip_call_id: None,
            direction,
            number,
            peer,
            started_at: self.started_at.ok_or(ProviderError::Malformed)?,
            duration_seconds: if self.answered_at.is_some() { self.call_sec.count() } else { 0 },
            outcome,
            price: self.cost.price(self.currency.text().unwrap_or("USD"))?,
        });
        Ok(Row { object, settled: true })
    }
}
