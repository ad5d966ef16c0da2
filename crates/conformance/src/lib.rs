//! Whether a server keeps the promises of `docs/provider-api.md`, asked from outside, rule by rule.
//!
//! It knows the page and no server: nothing of the sandbox, no adapter's types, only requests and what came back. What
//! a rule says stands in [`RULES`] and, word for word, in the page; a test holds the two lists against each other.
//!
//! Invariant: without [`Options::spend`] nothing is sent, bought or begun. What is asked for then is read, or refused
//! by every server that keeps the rule in question; only a token that may read is made, and taken back.
//!
//! What an account holds never stands in a verdict: a fault is told by status, code, field and type.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod http;
mod rule;
mod rules;
mod run;
mod scene;

pub use rule::{Needs, RULES, Rule, Verdict};
pub use run::{CheckError, Options, Outcome, Summary, check};
/// What a token is given as.
pub use tern_provider::Secret;
