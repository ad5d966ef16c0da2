//! The ledger, refunds and documents, as the sandbox's API writes them.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    offers::document_kind,
    wire::{Mapped, Money, Transaction},
};
use crate::types;

#[derive(Deserialize)]
pub(super) struct Transactions {
    transactions: Vec<Listed>,
    #[serde(default)]
    next_page: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    version: u64,
    #[serde(flatten)]
    row: Transaction,
}

#[derive(Serialize)]
pub(super) struct NewRefund<'a> {
    pub(super) service: &'a str,
    pub(super) reason: &'a str,
    pub(super) amount: String,
    pub(super) payment_details: Option<&'a str>,
}

#[derive(Deserialize)]
pub(super) struct Refunds {
    pub(super) refunds: Vec<Refund>,
}

#[derive(Deserialize)]
pub(super) struct Refund {
    id: String,
    service: String,
    amount: Money,
    state: String,
    #[serde(default)]
    ground: Option<String>,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    granted: Option<Money>,
    at: Timestamp,
    #[serde(default)]
    due: Option<Timestamp>,
}

#[derive(Deserialize)]
pub(super) struct Documents {
    pub(super) documents: Vec<Document>,
}

#[derive(Deserialize)]
pub(super) struct Document {
    id: String,
    kind: String,
    state: String,
    #[serde(default)]
    reason: Option<String>,
    at: Timestamp,
}

impl Transactions {
    pub(super) fn map(self) -> Mapped<types::Page<types::Transaction>> {
        let rows = self.transactions.into_iter().map(|listed| listed.row.map(listed.version));
        Ok(types::Page {
            rows: rows.collect::<Mapped<_>>()?,
            next_page: self.next_page.map(types::PageToken),
        })
    }
}

/// A kind of transaction as the API names it.
pub(super) fn transaction_word(kind: types::TransactionType) -> &'static str {
    use types::TransactionType as T;
    match kind {
        T::Order => "order",
        T::Renewal => "renewal",
        T::Restore => "restore",
        T::Call => "call",
        T::Sms => "sms",
        T::TopUp => "top_up",
        T::Cashback => "cashback",
        T::Refund => "refund",
        T::Adjustment => "adjustment",
    }
}

impl Refund {
    pub(super) fn map(self) -> Mapped<types::Refund> {
        let due = self.due.map(|at| at.to_zoned(TimeZone::UTC).date());
        let to = match self.to.as_deref() {
            Some("client") => types::RefundTo::Client,
            _ => types::RefundTo::Balance,
        };
        let state = match self.state.as_str() {
            "approved" | "paid" => types::RefundState::Granted { to, paid_by: due },
            "declined" | "alternative_offered" => {
                types::RefundState::Refused { code: self.ground.unwrap_or_default(), detail: String::new() }
            }
            _ => types::RefundState::InReview { decided_by: due },
        };
        Ok(types::Refund {
            id: types::RemoteId(self.id),
            service: types::RemoteId(self.service),
            amount: self.granted.unwrap_or(self.amount).map()?,
            asked_at: self.at,
            state,
        })
    }
}

impl Document {
    /// `None` for a kind this version does not know.
    pub(super) fn map(self) -> Option<types::Document> {
        Some(types::Document {
            id: types::RemoteId(self.id),
            kind: document_kind(&self.kind)?,
            state: match self.state.as_str() {
                "approved" => types::DocumentState::Approved,
                "rejected" => types::DocumentState::Rejected { reason: self.reason.unwrap_or_default() },
                _ => types::DocumentState::InReview,
            },
            at: self.at,
        })
    }
}

/// A paper as the API takes it.
pub(super) fn paper(document: &types::NewDocument) -> Value {
    match document {
        types::NewDocument::Passport(file) => {
            json!({"kind": "passport", "file": STANDARD.encode(&file.bytes)})
        }
        types::NewDocument::ProofOfAddress(file) => {
            json!({"kind": "proof_of_address", "file": STANDARD.encode(&file.bytes)})
        }
        types::NewDocument::RegistrationAddress { city, street, building } => json!({
            "kind": "registration_address",
            "address": {"city": city, "street": street, "building": building},
        }),
    }
}
