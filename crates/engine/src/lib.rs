//! Tern without a window: accounts, calls, activity, messages and the wallet over SIP and a provider's API.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod api;
