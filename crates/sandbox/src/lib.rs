//! A whole provider of virtual numbers on loopback, to try Tern out with and to test against: REST API, SIP
//! registrar and switch, echo and call-me services, SMS, a ledger, a checkout page. It runs inside another program.
//!
//! The rules a provider has (limits, prices, refusals) are enforced here and nowhere else in the workspace; how a
//! client shows them is not known here.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod backlog;
mod billing;
mod call_log;
mod catalogue;
mod checkout;
mod clock;
mod conference;
mod contacts;
mod days;
mod destinations;
mod dialling;
mod documents;
mod faults;
mod gate;
mod greeting;
mod invoices;
mod ledger;
mod lifecycle;
mod media;
mod metering;
mod model;
mod notices;
mod operator;
mod orders;
mod outside;
#[cfg(test)]
mod promises;
mod quote;
mod refund_rule;
mod refunds;
mod refusal;
mod registrar;
mod rest;
mod routing;
mod sandbox;
mod seed;
mod segments;
mod services;
mod settings;
mod sms;
mod store;
mod switch;
mod world;

pub use clock::{Clock, SetClock, WallClock};
pub use sandbox::{DemoAccount, Sandbox, SandboxConfig, SipAccount, StartError};
pub use settings::{
    DigestAlgorithm, LimitScope, LimitWindow, MinuteRounding, RestoreAnchor, Settings, SettingsError,
    SmsBilling, SmsLimits,
};
pub use store::StoreError;

/// The domain of the sandbox's SIP addresses. It never resolves: clients are told where to send.
pub const DOMAIN: &str = "sandbox.tern.example";
