//! What the tests across crates share: actors that play real peers, measures of what came through, and the
//! small things a test of processes needs.
//!
//! - [`actors`]: Kamailio, baresip, other foreign programs and our own `tern`, each started on ports that were free
//!   and stopped by process id;
//! - [`audio`]: WAV files, a speech-like signal made here, and how much of it arrived how late;
//! - `moving`: a computer that changes its network, and what that costs;
//! - [`ports`]: port numbers nobody uses.
//!
//! Displays, sound cards, keyrings and captured processes come from [`xtask::stage`].

#![cfg(unix)]

pub mod actors;
pub mod audio;
#[cfg(target_os = "linux")]
pub mod moving;
pub mod ports;

pub use xtask::stage::{Home, Process, Scratch, Stage, find_program};

/// The result of a test's preparations: any error ends it with its text.
pub type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// What went wrong, in lines that a person reads: a test that ends with an error prints its `Debug`.
pub(crate) struct Failure(pub(crate) String);

impl std::fmt::Debug for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}
