//! Tern without a window: accounts, calls, activity, messages and the wallet over SIP and a provider's API.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod api;
pub mod audio;
mod engine;
pub mod ports;
pub mod texts;

pub use engine::{Engine, EngineConfig, EngineHandle, EventStream, SandboxAccess, sandbox_access};
pub use tern_provider::{Secret, types::SipCredentials};
