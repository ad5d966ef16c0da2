//! Peers with a name: programs that speak SIP with each other, on loopback ports that were free.
//!
//! An actor is started by one call, tells where it is, does what a test asks, and stops when dropped.

mod agent;
mod baresip;
mod certificate;
mod kamailio;
mod linphonec;
mod metronome;
mod names;
#[cfg(target_os = "linux")]
mod network;
mod radicale;
mod rtpengine;
mod sipp;
mod tern;
mod turnserver;

pub use agent::Agent;
pub use baresip::Baresip;
pub use certificate::{Authority, Certificate};
pub use kamailio::{Digest, Exchange, Kamailio};
pub use linphonec::{Encryption, Linphone, Linphonec};
pub use metronome::{BEAT, Heard, Metronome};
pub use names::{Names, Record};
#[cfg(target_os = "linux")]
pub use network::Network;
pub use radicale::Radicale;
pub use rtpengine::Rtpengine;
pub use sipp::Sipp;
pub use tern::{Credentials, Tern, TernCall, Way};
pub use turnserver::{Relaying, Turnserver};

/// The domain of every account in these tests.
pub const DOMAIN: &str = "sip.test";
