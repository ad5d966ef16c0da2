//! Numbers for a single SMS.

use jiff::Timestamp;

use super::{Money, RemoteId};

/// A service that a disposable number can be had for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisposableOffer {
    /// ISO 3166 alpha-2 of the number.
    pub country: String,
    /// The named service whose SMS it takes.
    pub service: String,
    /// For one SMS.
    pub price: Money,
    /// How many there are; `None` where the provider does not tell.
    pub stock: Option<u32>,
}

/// Where a disposable number stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisposableState {
    /// The SMS has not come.
    Waiting,
    /// It came, is a message of the activity, and the number is done with.
    Received,
    /// None came; the price is back on the balance.
    Refunded,
}

/// A number for one SMS of one service; never issued twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisposableNumber {
    /// Id at the provider.
    pub id: RemoteId,
    /// E.164.
    pub e164: String,
    /// ISO 3166 alpha-2.
    pub country: String,
    /// Whose SMS it takes.
    pub service: String,
    /// What it cost.
    pub price: Money,
    /// Refunded by itself at this time.
    pub until: Timestamp,
    /// Where it stands.
    pub state: DisposableState,
}
