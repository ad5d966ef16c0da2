//! Sockets: the one SIP travels on, names to addresses, and each call's sound.

pub(crate) mod media;
pub(crate) mod udp;
