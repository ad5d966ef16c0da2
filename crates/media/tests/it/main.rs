//! The crate from outside: whole streams over a network made of rules, on virtual time.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used)]

mod calls;
mod comfort_noise;
mod concealment;
mod desk;
#[cfg(feature = "device")]
mod devices;
mod dtmf;
mod echo;
mod fuzz;
mod hostile;
mod jitter;
mod network;
mod quality;
mod redundancy;
mod reports;
mod scenes;
mod soak;
mod speech;
mod stats;
