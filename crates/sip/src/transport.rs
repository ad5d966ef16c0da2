//! What carries SIP messages, and what the DNS is asked. Sockets, connections and the resolver are the driver's.

use crate::ids::FlowId;
use std::net::{IpAddr, SocketAddr};

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

/// One datagram that came in over UDP.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
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
    /// The connection it came over; UDP has none.
    pub flow: Option<FlowId>,
}

/// Why a connection ended, or never came to be; given to [`crate::Endpoint::disconnected`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Disconnect {
    /// Nobody listens there, or there is no way to the host.
    Refused,
    /// The other side closed it in order.
    Closed,
    /// It broke.
    Reset,
    /// The certificate is not one for `server_name`, or nobody trusted signed it (RFC 5922 7.2, 7.3).
    Certificate,
    /// TLS failed otherwise.
    Handshake,
}

/// What the DNS is to be asked (RFC 3263 4).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Question {
    /// NAPTR records of a domain.
    Naptr(String),
    /// SRV records of a name such as `_sip._udp.example.com`.
    Srv(String),
    /// A and AAAA records of a host. Whatever else names hosts on this machine may be asked as well.
    Addresses(String),
}

/// What the DNS said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To [`Question::Naptr`], in any order.
    Naptr(Vec<NaptrRecord>),
    /// To [`Question::Srv`], in any order.
    Srv(Vec<SrvRecord>),
    /// To [`Question::Addresses`], the preferred one first (RFC 6724).
    Addresses(Vec<IpAddr>),
    /// No such record, or the DNS does not answer.
    Nothing,
}

/// A NAPTR record (RFC 3403 4.1). Those with a regular expression mean nothing here (RFC 3263 4.1) and may be left
/// out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NaptrRecord {
    /// Lowest first; records of another order are no alternatives.
    pub order: u16,
    /// Among those of one order, lowest first.
    pub preference: u16,
    /// `s` where `replacement` names SRV records.
    pub flags: String,
    /// `SIP+D2U`, `SIP+D2T`, `SIPS+D2T` ...
    pub services: String,
    /// The name to ask next.
    pub replacement: String,
}

/// An SRV record (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SrvRecord {
    /// Lowest first.
    pub priority: u16,
    /// The share among those of one priority.
    pub weight: u16,
    /// The port of the service.
    pub port: u16,
    /// The host; `.` says that there is no such service.
    pub target: String,
}

/// Records of one answer that are looked at; beyond, a hostile zone could keep us busy.
pub(crate) const MAX_RECORDS: usize = 16;

impl SrvRecord {
    /// The hosts of a service in the order to try them (RFC 2782): by priority, and within one by chance, each according
    /// to its weight; without the dot at the end of their names. `below` gives a random number less than its argument.
    /// None is left where the only target is `.`: there is no such service.
    pub fn ordered(mut records: Vec<Self>, mut below: impl FnMut(u32) -> u32) -> Vec<Self> {
        // Those without weight stand first, so that they have a small chance too.
        records.sort_by_key(|r| (r.priority, r.weight != 0));
        records.truncate(MAX_RECORDS);
        let mut order = Vec::with_capacity(records.len());
        while let Some(first) = records.first() {
            let priority = first.priority;
            let rivals = records.iter().filter(|r| r.priority == priority);
            let total: u32 = rivals.map(|r| u32::from(r.weight)).sum();
            let mark = below(total.saturating_add(1));
            let mut sum = 0u32;
            let hit = records.iter().position(|r| {
                sum = sum.saturating_add(r.weight.into());
                sum >= mark
            });
            let mut hit = records.remove(hit.unwrap_or(0));
            hit.target.truncate(hit.target.trim_end_matches('.').len());
            if !hit.target.is_empty() {
                order.push(hit);
            }
        }
        order
    }
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
