//! Pairs of UDP sockets: RTP on an even port, RTCP on the next (RFC 3550 section 11).

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use tokio::net::UdpSocket;

const ATTEMPTS: usize = 64;

/// The two sockets of a stream.
#[derive(Debug)]
pub(crate) struct PortPair {
    pub(crate) rtp: UdpSocket,
    pub(crate) rtcp: UdpSocket,
    /// Where RTP comes in.
    pub(crate) address: SocketAddr,
}

impl PortPair {
    /// A free pair on an address of this machine.
    pub(crate) fn bind(ip: IpAddr) -> io::Result<Self> {
        // Odd ports are held until a pair is found, or the system would give out the same again.
        let mut unsuitable = Vec::new();
        for _ in 0..ATTEMPTS {
            let rtp = std::net::UdpSocket::bind((ip, 0))?;
            let address = rtp.local_addr()?;
            let next = address.port().checked_add(1).filter(|_| address.port() % 2 == 0);
            let rtcp = next.and_then(|port| std::net::UdpSocket::bind((ip, port)).ok());
            match rtcp {
                Some(rtcp) => return Ok(Self { rtp: ready(rtp)?, rtcp: ready(rtcp)?, address }),
                None => unsuitable.push(rtp),
            }
        }
        Err(io::ErrorKind::AddrNotAvailable.into())
    }
}

fn ready(socket: std::net::UdpSocket) -> io::Result<UdpSocket> {
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

/// The address one above, for RTCP.
pub(crate) fn rtcp_of(rtp: SocketAddr) -> Option<SocketAddr> {
    Some(SocketAddr::new(rtp.ip(), rtp.port().checked_add(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pairs_are_even_and_next_to_each_other() {
        let pairs: Vec<_> = (0..8).map(|_| PortPair::bind([127, 0, 0, 1].into()).unwrap()).collect();
        for pair in &pairs {
            assert_eq!(pair.address.port() % 2, 0);
            assert_eq!(Some(pair.rtcp.local_addr().unwrap()), rtcp_of(pair.address));
        }
    }
}
