//! The sandbox API's JSON and how it becomes the domain's types.
//!
//! A value this version does not know is data, not an error: an unknown kind of row is left out, an unknown state
//! becomes the nearest cautious one. A known kind of row that lacks what it must have makes the page malformed,
//! because leaving it out would lose it for good.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use url::Url;

use super::offers::{Restriction, document_kind};
use crate::{ProviderError, Secret, http::refused, types};

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
pub(super) struct Account {
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
pub(super) struct Numbers {
    pub(super) numbers: Vec<Number>,
}

#[derive(Deserialize)]
pub(super) struct Number {
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

#[derive(Deserialize)]
pub(super) struct Sip {
    user: String,
    domain: String,
    password: String,
    #[serde(default)]
    proxy: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Snapshot {
    cursor: String,
    items: Vec<Row>,
    #[serde(default)]
    next_page: Option<String>,
    #[serde(default)]
    rows: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct Changes {
    changes: Vec<Row>,
    next: String,
    has_more: bool,
}

/// A row of a snapshot (always an upsert) or of the change feed.
#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    op: Option<String>,
    kind: String,
    id: String,
    version: u64,
    #[serde(default)]
    object: Option<serde_json::Value>,
}

#[derive(Deserialize)]
pub(super) struct Messages {
    pub(super) messages: Vec<Message>,
}

#[derive(Deserialize)]
pub(super) struct Message {
    id: String,
    #[serde(default)]
    version: Option<u64>,
    direction: String,
    number: String,
    peer: String,
    text: String,
    state: String,
    #[serde(default)]
    failure: Option<String>,
    at: Timestamp,
    #[serde(default)]
    price: Option<Money>,
    #[serde(default)]
    idempotency_key: Option<String>,
}

#[derive(Deserialize)]
struct Call {
    id: String,
    #[serde(default)]
    sip_call_id: Option<String>,
    direction: String,
    number: String,
    peer: String,
    started_at: Timestamp,
    duration_seconds: u32,
    outcome: String,
    #[serde(default)]
    price: Option<Money>,
}

#[derive(Deserialize)]
pub(super) struct Transaction {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    amount: Money,
    balance_after: Money,
    at: Timestamp,
    #[serde(default)]
    description: String,
    #[serde(default)]
    reference: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct TopUp {
    id: String,
    state: String,
    amount: Money,
    checkout_url: Url,
}

#[derive(Serialize)]
pub(super) struct NewMessage<'a> {
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    pub(super) text: &'a str,
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

impl Account {
    pub(super) fn map(self) -> Mapped<types::AccountInfo> {
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
    fn map(self, now: Option<Timestamp>, documents: &[String]) -> types::AccountRules {
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

impl Number {
    pub(super) fn map(self) -> Mapped<types::Number> {
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
    pub(super) fn disposable(self) -> Option<Mapped<types::DisposableNumber>> {
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
pub(super) fn kind(word: &str) -> Option<types::NumberKind> {
    match word {
        "mobile" => Some(types::NumberKind::Mobile),
        "landline" => Some(types::NumberKind::Landline),
        "toll_free" => Some(types::NumberKind::TollFree),
        "national" => Some(types::NumberKind::National),
        _ => None,
    }
}

impl Sip {
    pub(super) fn map(self) -> types::SipCredentials {
        types::SipCredentials {
            user: self.user,
            domain: self.domain,
            password: Secret::new(self.password),
            proxy: self.proxy,
        }
    }
}

impl Snapshot {
    pub(super) fn map(self) -> Mapped<types::SnapshotPage> {
        let mut objects = Vec::with_capacity(self.items.len());
        for row in self.items {
            if let Some(types::Change::Upsert(object)) = row.map()? {
                objects.push(object);
            }
        }
        Ok(types::SnapshotPage {
            objects,
            cursor: types::Cursor(self.cursor),
            next_page: self.next_page.map(types::PageToken),
            total: self.rows,
        })
    }
}

impl Changes {
    pub(super) fn map(self) -> Mapped<types::ChangesPage> {
        let mut changes = Vec::with_capacity(self.changes.len());
        for row in self.changes {
            changes.extend(row.map()?);
        }
        Ok(types::ChangesPage { changes, next: types::Cursor(self.next), has_more: self.has_more })
    }
}

impl Row {
    /// `None`: something this version has no place for.
    fn map(self) -> Mapped<Option<types::Change>> {
        let kind = match self.kind.as_str() {
            "message" => types::ActivityKind::Message,
            "call" => types::ActivityKind::Call,
            "transaction" => types::ActivityKind::Transaction,
            _ => return Ok(None),
        };
        match self.op.as_deref() {
            None | Some("upsert") => {}
            Some("delete") => {
                let id = types::RemoteId(self.id);
                return Ok(Some(types::Change::Delete { kind, id, version: self.version }));
            }
            Some(_) => return Ok(None),
        }
        let object = self.object.ok_or(ProviderError::Malformed)?;
        let object = match kind {
            // Of a feed nothing is missing.
            types::ActivityKind::Gap => None,
            types::ActivityKind::Message => {
                parse::<Message>(object)?.map(Some(self.version))?.map(types::ActivityObject::Message)
            }
            types::ActivityKind::Call => {
                parse::<Call>(object)?.map(self.version)?.map(types::ActivityObject::Call)
            }
            types::ActivityKind::Transaction => {
                Some(types::ActivityObject::Transaction(parse::<Transaction>(object)?.map(self.version)?))
            }
        };
        Ok(object.map(types::Change::Upsert))
    }
}

pub(super) fn transaction_type(word: &str) -> types::TransactionType {
    match word {
        "order" => types::TransactionType::Order,
        "renewal" => types::TransactionType::Renewal,
        "restore" => types::TransactionType::Restore,
        "call" => types::TransactionType::Call,
        "sms" => types::TransactionType::Sms,
        "top_up" => types::TransactionType::TopUp,
        "cashback" => types::TransactionType::Cashback,
        "refund" => types::TransactionType::Refund,
        // The money moved whatever it is called; the description says why.
        _ => types::TransactionType::Adjustment,
    }
}

fn parse<'de, T: Deserialize<'de>>(value: serde_json::Value) -> Mapped<T> {
    T::deserialize(value).map_err(|_| ProviderError::Malformed)
}

fn direction(text: &str) -> Option<types::Direction> {
    match text {
        "incoming" => Some(types::Direction::Incoming),
        "outgoing" => Some(types::Direction::Outgoing),
        _ => None,
    }
}

impl Message {
    /// `None` when even the direction is one this version does not know.
    pub(super) fn map(self, version: Option<u64>) -> Mapped<Option<types::Message>> {
        let Some(direction) = direction(&self.direction) else { return Ok(None) };
        let state = match (self.state.as_str(), direction) {
            ("failed", _) => {
                types::MessageState::Failed { code: self.failure.unwrap_or_else(|| "unknown".into()) }
            }
            (_, types::Direction::Incoming) => types::MessageState::Received,
            ("sent", _) => types::MessageState::Sent,
            ("delivered", _) => types::MessageState::Delivered,
            // Not final, so an unknown state is looked at again.
            _ => types::MessageState::Accepted,
        };
        Ok(Some(types::Message {
            id: types::RemoteId(self.id),
            version: version.or(self.version).unwrap_or(0),
            direction,
            number: self.number,
            peer: self.peer,
            text: self.text,
            state,
            at: self.at,
            price: price(self.price)?,
            idempotency_key: self.idempotency_key.map(types::IdempotencyKey),
        }))
    }
}

impl Call {
    fn map(self, version: u64) -> Mapped<Option<types::CallRecord>> {
        let Some(direction) = direction(&self.direction) else { return Ok(None) };
        Ok(Some(types::CallRecord {
            id: types::RemoteId(self.id),
            version,
            sip_call_id: self.sip_call_id,
            direction,
            number: self.number,
            peer: self.peer,
            started_at: self.started_at,
            duration_seconds: self.duration_seconds,
            outcome: match self.outcome.as_str() {
                "answered" => types::CallOutcome::Answered,
                "missed" => types::CallOutcome::Missed,
                "declined" => types::CallOutcome::Declined,
                "busy" => types::CallOutcome::Busy,
                "unanswered" => types::CallOutcome::Unanswered,
                _ => types::CallOutcome::Failed,
            },
            price: price(self.price)?,
        }))
    }
}

impl Transaction {
    pub(super) fn map(self, version: u64) -> Mapped<types::Transaction> {
        Ok(types::Transaction {
            id: types::RemoteId(self.id),
            version,
            kind: transaction_type(&self.kind),
            amount: self.amount.map()?,
            balance_after: self.balance_after.map()?,
            at: self.at,
            description: self.description,
            reference: self.reference,
        })
    }
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
