//! What carries SIP messages. Sockets and connections are the driver's; this crate only needs to know their kind.

use std::net::SocketAddr;

/// A transport protocol (RFC 3261 18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Datagrams: unreliable, so transactions retransmit.
    Udp,
    /// Streams.
    Tcp,
    /// TLS over TCP.
    Tls,
}

/// A local address the driver receives on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The kind.
    pub transport: Transport,
    /// The concrete local address, never `0.0.0.0`: it is written into Via and Contact.
    pub address: SocketAddr,
}

/// Bytes that came in: one datagram, or one message that the driver cut out of a stream.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    /// How it came.
    pub transport: Transport,
    /// The local address it came to.
    pub local: SocketAddr,
    /// The sender.
    pub remote: SocketAddr,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// Where a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// How it came.
    pub transport: Transport,
    /// The local address it came to.
    pub local: SocketAddr,
    /// The sender.
    pub remote: SocketAddr,
}

impl Transport {
    /// Whether the transport delivers by itself, so that nothing is retransmitted (RFC 3261 17).
    pub fn is_reliable(self) -> bool {
        match self {
            Transport::Udp => false,
            Transport::Tcp | Transport::Tls => true,
        }
    }

    /// The token in Via (RFC 3261 20.42).
    pub fn via_token(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
        }
    }

    /// The port where none is given (RFC 3261 19.1.2).
    pub fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 5060,
            Transport::Tls => 5061,
        }
    }

    /// Reads a `transport` URI parameter or a Via token.
    pub fn parse(token: &str) -> Option<Transport> {
        [Transport::Udp, Transport::Tcp, Transport::Tls]
            .into_iter()
            .find(|t| t.via_token().eq_ignore_ascii_case(token))
    }
}

impl std::fmt::Display for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.via_token())
    }
}
