//! What the tests across crates share: actors that play real peers, measures of what came through, and the
//! small things a test of processes needs.
//!
//! - [`actors`]: Kamailio, baresip and our own `tern`, each started on ports that were free and stopped by
//!   process id;
//! - [`audio`]: WAV files, a speech-like signal made here, and how much of it arrived how late;
//! - [`ports`]: port numbers nobody uses.
//!
//! Displays, sound cards, keyrings and captured processes come from [`xtask::stage`].

#![cfg(unix)]

pub mod actors;
pub mod audio;
pub mod ports;

pub use xtask::stage::{Home, Process, Scratch, Stage};

/// The result of a test's preparations: any error ends it with its text.
pub type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;
