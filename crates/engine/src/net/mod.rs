//! Sockets: those SIP travels on, names to addresses, changes of the network, and each call's sound.

pub(crate) mod dns;
pub(crate) mod media;
pub(crate) mod stream;
pub(crate) mod tls;
pub(crate) mod udp;
pub(crate) mod watch;
pub(crate) mod wires;
