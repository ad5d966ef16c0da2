//! Peers with a name: programs that speak SIP with each other, on loopback ports that were free.
//!
//! An actor is started by one call, tells where it is, does what a test asks, and stops when dropped.

mod agent;
mod baresip;
mod kamailio;
mod sipp;
mod tern;

pub use agent::Agent;
pub use baresip::Baresip;
pub use kamailio::{Digest, Kamailio};
pub use sipp::Sipp;
pub use tern::{Credentials, Tern, TernCall};

/// The domain of every account in these tests.
pub const DOMAIN: &str = "sip.test";
