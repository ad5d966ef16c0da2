//! What a provider of virtual numbers offers: one trait with capability flags, the domain's types, and one
//! adapter per provider.
//!
//! Here belong the types every provider speaks (numbers, messages, calls, ledger) and how each provider's API is
//! mapped to them. Retrying policy, storage and anything a person sees belong to the engine.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod error;
pub mod sandbox;
mod secret;
pub mod types;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;

pub use error::ProviderError;
pub use secret::Secret;
use types::*;

/// A provider's account, reached over its API. Shared between tasks; every call is one request and may be dropped.
#[async_trait]
pub trait Provider: Send + Sync {
    /// What this provider can do; never changes while the account lives.
    fn capabilities(&self) -> Capabilities;

    /// Account name, balance and top-up limits.
    async fn account(&self) -> Result<AccountInfo, ProviderError>;

    /// Every number the account rents, in the provider's order.
    async fn numbers(&self) -> Result<Vec<Number>, ProviderError>;

    /// The SIP account that goes with it; `None` where the user types it in.
    async fn sip_credentials(&self) -> Result<Option<SipCredentials>, ProviderError>;

    /// One page of the whole activity, newest first. The first page's cursor was taken before its rows were read:
    /// `changes` from there misses nothing.
    async fn snapshot(&self, page: Option<PageToken>, limit: u32) -> Result<SnapshotPage, ProviderError>;

    /// What changed after `since`, oldest first. [`ProviderError::ResyncRequired`] when the cursor has expired.
    async fn changes(&self, since: &Cursor, limit: u32) -> Result<ChangesPage, ProviderError>;

    /// A stream of hints that `changes` has something new. Ends when the connection does; may lose hints, so it
    /// only ever shortens the wait.
    async fn hints(
        &self,
        since: &Cursor,
    ) -> Result<BoxStream<'static, Result<(), ProviderError>>, ProviderError>;

    /// Sends an SMS. The same key never sends twice where `capabilities().idempotent_send` holds.
    async fn send_message(
        &self,
        key: &IdempotencyKey,
        message: &OutgoingMessage,
    ) -> Result<Message, ProviderError>;

    /// Looks for a message whose sending was not confirmed.
    async fn find_sent(&self, key: &IdempotencyKey) -> Result<Option<Message>, ProviderError>;

    /// Starts a top-up: answers with the checkout page the user pays on.
    async fn create_topup(&self, key: &IdempotencyKey, amount: Money) -> Result<TopUp, ProviderError>;

    /// The top-up's state.
    async fn topup(&self, id: &TopUpId) -> Result<TopUp, ProviderError>;
}

/// A provider behind a pointer, as the engine holds it.
pub type SharedProvider = Arc<dyn Provider>;
