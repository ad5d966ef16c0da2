//! Tern without a window: accounts, calls, activity, messages and the wallet over SIP and a provider's API.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accounts;
mod activity;
mod address_books;
mod agreement;
pub mod api;
pub mod audio;
mod calls;
mod carddav;
mod clipboard;
mod codes;
mod consult;
mod contacts;
mod core;
mod deletion;
mod desk;
mod engine;
mod export;
mod gate;
mod history;
mod line;
mod link;
mod merging;
mod messages;
mod net;
mod notices;
mod pacing;
mod phone;
pub mod ports;
mod quiet;
mod rates;
mod record;
mod refusals;
mod rules;
mod storage;
mod store;
mod task;
pub mod texts;
mod vcard;
mod views;
mod voicemail;
mod wallet;
#[cfg(test)]
mod whole;

pub use engine::{
    Engine, EngineConfig, EngineHandle, EventStream, SandboxAccess, Trace, sandbox_access, sandbox_accounts,
    sandbox_clock,
};
pub use tern_provider::{
    Secret,
    sandbox::{ClockChange, SandboxClock},
    types::SipCredentials,
};
