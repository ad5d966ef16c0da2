//! Peers with a name: programs that speak SIP with each other, on loopback ports that were free.
//!
//! An actor is started by one call, tells where it is, does what a test asks, and stops when dropped.

mod baresip;
mod kamailio;
mod tern;

pub use baresip::Baresip;
pub use kamailio::{Digest, Kamailio};
pub use tern::{Credentials, Tern, TernCall};

/// The domain of every account in these tests.
pub const DOMAIN: &str = "sip.test";
