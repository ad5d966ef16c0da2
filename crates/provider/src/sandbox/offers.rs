//! Numbers to be had and orders, as the sandbox's API writes them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::wire::{Amount, Mapped, Money, Number, kind, price};
use crate::{ProviderError, types};

#[derive(Deserialize)]
pub(super) struct Catalogue {
    pub(super) products: Vec<Product>,
}

#[derive(Deserialize)]
pub(super) struct Product {
    pub(super) id: String,
    pub(super) country: String,
    #[serde(default)]
    city: Option<String>,
    kind: String,
    #[serde(default)]
    pub(super) sort: String,
    calls: bool,
    sms: bool,
    monthly_fee: Money,
    #[serde(default)]
    incoming_minute: Option<Money>,
    #[serde(default)]
    sms_price: Option<Money>,
    #[serde(default)]
    pub(super) in_stock: Option<u32>,
    #[serde(default)]
    trial: Option<Trial>,
    #[serde(default)]
    connection_days: Option<Days>,
    #[serde(default)]
    restrictions: Vec<Restriction>,
    #[serde(default)]
    documents: Vec<String>,
    #[serde(default)]
    pub(super) services: Vec<String>,
}

#[derive(Deserialize)]
struct Trial {
    hours: u16,
    #[serde(default)]
    messages: Option<u16>,
    #[serde(default)]
    calls: Option<u16>,
}

#[derive(Deserialize)]
struct Days {
    least: u8,
    most: u8,
}

#[derive(Deserialize)]
pub(super) struct Restriction {
    pub(super) text: String,
}

#[derive(Serialize)]
pub(super) struct NewOrder<'a> {
    pub(super) product: &'a str,
    pub(super) count: u8,
    pub(super) months: u8,
    pub(super) trial: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service: Option<&'a str>,
}

#[derive(Deserialize)]
pub(super) struct Quote {
    list: Money,
    discount_percent: Amount,
    total: Money,
    #[serde(default)]
    cashback: Option<Money>,
}

#[derive(Deserialize)]
pub(super) struct Orders {
    pub(super) orders: Vec<Order>,
}

#[derive(Deserialize)]
pub(super) struct Order {
    id: String,
    #[serde(default)]
    pub(super) purpose: String,
    total: Money,
    at: Timestamp,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    state: String,
    #[serde(default)]
    number: Option<Number>,
}

impl Product {
    pub(super) fn offer(self) -> Mapped<types::Offer> {
        Ok(types::Offer {
            id: types::RemoteId(self.id),
            e164: None,
            country: self.country,
            city: self.city,
            // What this version does not know is nearest to a number of the whole country.
            kind: kind(&self.kind).unwrap_or(types::NumberKind::National),
            calls: self.calls,
            sms: self.sms,
            monthly_fee: self.monthly_fee.map()?,
            setup_fee: None,
            incoming_minute: price(self.incoming_minute)?,
            sms_price: price(self.sms_price)?,
            restrictions: self.restrictions.into_iter().map(|r| r.text).collect(),
            documents: self.documents.iter().filter_map(|word| document_kind(word)).collect(),
            activation: match self.connection_days {
                None => types::Activation::AtOnce,
                Some(days) => types::Activation::WorkingDays { least: days.least, most: days.most },
            },
            stock: self.in_stock,
            trial: self.trial.map(|t| types::TrialTerms {
                hours: t.hours,
                messages: t.messages,
                calls: t.calls,
            }),
        })
    }

    /// A disposable product's services, each with the whole price.
    pub(super) fn disposable(self) -> Mapped<Vec<types::DisposableOffer>> {
        let price = self.monthly_fee.map()?;
        let offer = |service| types::DisposableOffer {
            country: self.country.clone(),
            service,
            price: price.clone(),
            stock: self.in_stock,
        };
        Ok(self.services.into_iter().map(offer).collect())
    }
}

impl Quote {
    pub(super) fn map(self) -> Mapped<types::Quote> {
        Ok(types::Quote {
            list_price: self.list.map()?,
            discount_percent: self.discount_percent.map()?,
            total: self.total.map()?,
            cashback: price(self.cashback)?,
            renews_on: None,
        })
    }
}

impl Order {
    pub(super) fn map(self) -> Mapped<types::Order> {
        let any = |state: &str| self.items.iter().any(|item| item.state == state);
        let state = if any("awaiting_documents") {
            types::OrderState::NeedsDocuments
        } else if any("connecting") {
            types::OrderState::Connecting { expected: None }
        } else {
            types::OrderState::Done
        };
        let numbers = self.items.into_iter().filter_map(|item| item.number).map(Number::map);
        Ok(types::Order {
            id: types::RemoteId(self.id),
            state,
            total: self.total.map()?,
            placed_at: self.at,
            numbers: numbers.collect::<Mapped<_>>()?,
        })
    }

    /// The disposable numbers of the order.
    pub(super) fn disposable(self) -> Mapped<Vec<types::DisposableNumber>> {
        let numbers = self.items.into_iter().filter_map(|item| item.number);
        numbers.map(|number| number.disposable().ok_or(ProviderError::Malformed)?).collect()
    }
}

pub(super) fn document_kind(word: &str) -> Option<types::DocumentKind> {
    match word {
        "passport" => Some(types::DocumentKind::Passport),
        "registration_address" => Some(types::DocumentKind::RegistrationAddress),
        "proof_of_address" => Some(types::DocumentKind::ProofOfAddress),
        _ => None,
    }
}
