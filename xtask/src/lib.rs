//! What `cargo xtask` does: [`setup`] a machine, [`run`] the app, [`suite`] of all tests, [`codegen`] of the
//! window's types, [`tidy`] rules of the house; and [`stage`], the outside world that tests play on.
//!
//! It has to compile in seconds on a machine that has nothing yet, so it depends on next to nothing and on
//! none of Tern's own crates.

pub mod bench;
pub mod codegen;
pub mod fuzz;
pub mod licences;
pub mod repository;
pub mod run;
pub mod say;
pub mod setup;
#[cfg(unix)]
pub mod stage;
pub mod suite;
pub mod tidy;
