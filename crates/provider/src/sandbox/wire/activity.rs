//! Recent Activity: pages of it, and what its rows hold.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Mapped, Money, price};
use crate::{ProviderError, types};

#[derive(Deserialize)]
pub(crate) struct Snapshot {
    cursor: String,
    items: Vec<Row>,
    #[serde(default)]
    next_page: Option<String>,
    #[serde(default)]
    rows: Option<u64>,
}

#[derive(Deserialize)]
pub(crate) struct Changes {
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
pub(crate) struct Messages {
    pub(crate) messages: Vec<Message>,
}

#[derive(Deserialize)]
pub(crate) struct Message {
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
pub(crate) struct Transaction {
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

#[derive(Serialize)]
pub(crate) struct NewMessage<'a> {
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    pub(crate) text: &'a str,
}

impl Snapshot {
    pub(crate) fn map(self) -> Mapped<types::SnapshotPage> {
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
    pub(crate) fn map(self) -> Mapped<types::ChangesPage> {
        let mut changes = Vec::with_capacity(self.changes.len());
        for row in self.changes {
            changes.extend(row.map()?);
        }
        Ok(types::ChangesPage { changes, next: types::Cursor(self.next), has_more: self.has_more })
    }
}

impl Row {
    /// `None`: something this version has no place for.
    pub(crate) fn map(self) -> Mapped<Option<types::Change>> {
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

pub(crate) fn transaction_type(word: &str) -> types::TransactionType {
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
    pub(crate) fn map(self, version: Option<u64>) -> Mapped<Option<types::Message>> {
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
    pub(crate) fn map(self, version: u64) -> Mapped<Option<types::CallRecord>> {
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
    pub(crate) fn map(self, version: u64) -> Mapped<types::Transaction> {
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
