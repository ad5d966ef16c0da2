//! What a provider of virtual numbers offers: one trait with capability flags, the domain's types, and one
//! adapter per provider.
//!
//! Here belong the types every provider speaks (numbers, messages, calls, ledger) and how each provider's API is
//! mapped to them. Retrying policy, storage and anything a person sees belong to the engine.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod adapter;
#[cfg(test)]
mod canary;
mod error;
mod http;
mod loose;
mod polled;
mod provider;
pub mod sandbox;
mod secret;
pub mod telnyx;
pub mod twilio;
pub mod types;
pub mod voipms;
pub mod zadarma;

pub use adapter::{Adapter, connect};
pub use error::{NOT_YET, ProviderError};
pub use http::SetupError;
pub use provider::{Provider, SharedProvider};
pub use secret::Secret;
