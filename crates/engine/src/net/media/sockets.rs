//! A call's two UDP sockets, and whom they talk to.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    time::Instant,
};

use mio::{Interest, Registry, Token};
use tern_media::{Packet, PacketKind, rtp};

use super::peer::Peer;
use crate::core::MediaPlan;

/// Tries for an even port with a free one above it (RFC 3550 section 11).
const PORT_TRIES: u32 = 32;
/// Datagrams taken at a time before the sound is looked after again.
const BURST: u32 = 64;

/// RTP and RTCP of one call.
pub(super) struct Wire {
    rtp: mio::net::UdpSocket,
    rtcp: mio::net::UdpSocket,
    address: SocketAddr,
    peer: Peer,
}

impl Wire {
    /// How many tokens it takes.
    pub(super) const TOKENS: usize = 2;

    /// Opens RTP and RTCP on neighbouring ports of `ip`.
    pub(super) fn open(ip: IpAddr) -> io::Result<Self> {
        let (rtp, rtcp) = pair(ip)?;
        let address = rtp.local_addr()?;
        rtp.set_nonblocking(true)?;
        rtcp.set_nonblocking(true)?;
        let rtp = mio::net::UdpSocket::from_std(rtp);
        let rtcp = mio::net::UdpSocket::from_std(rtcp);
        Ok(Self { rtp, rtcp, address, peer: Peer::nobody() })
    }

    /// Where RTP comes to.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Has its sockets wake whoever waits there.
    pub(super) fn register(&mut self, registry: &Registry, first: Token) -> io::Result<()> {
        registry.register(&mut self.rtp, first, Interest::READABLE)?;
        registry.register(&mut self.rtcp, Token(first.0.wrapping_add(1)), Interest::READABLE)
    }

    /// What was agreed on: whom to send to, and what counts as the other side's.
    pub(super) fn agree(&mut self, plan: &MediaPlan) {
        self.peer.agree(plan);
    }

    /// Takes what has come.
    pub(super) fn receive(&mut self, buffer: &mut [u8], mut take: impl FnMut(Instant, &[u8])) {
        for _ in 0..BURST {
            let Ok((length, from)) = self.rtcp.recv_from(buffer) else { break };
            if let Some(datagram) = buffer.get(..length).filter(|_| self.peer.takes_rtcp(from)) {
                take(Instant::now(), datagram);
            }
        }
        for _ in 0..BURST {
            match self.rtp.recv_from(buffer) {
                Ok((length, from)) => {
                    let now = Instant::now();
                    if let Some(datagram) = buffer.get(..length)
                        && let Ok((header, _)) = rtp::parse(datagram)
                        && self.peer.takes(now, from, &header)
                    {
                        take(now, datagram);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // A refused packet of ours is told on the next read; the other side may just not be ready.
                Err(_) => {}
            }
        }
    }

    /// Sends a packet, where there is somebody to take it.
    pub(super) fn send(&mut self, packet: &Packet) {
        let (socket, remote) = match packet.kind {
            PacketKind::Rtp => (&self.rtp, self.peer.rtp()),
            PacketKind::Rtcp => (&self.rtcp, self.peer.rtcp()),
        };
        if let Some(remote) = remote {
            // What the network refuses is loss like any other.
            let _ = socket.send_to(&packet.bytes, remote);
        }
    }
}

/// RTP and RTCP on neighbouring ports.
fn pair(ip: IpAddr) -> io::Result<(UdpSocket, UdpSocket)> {
    for _ in 0..PORT_TRIES {
        let first = UdpSocket::bind((ip, 0))?;
        let port = first.local_addr()?.port();
        let (rtp, rtcp) = if port % 2 == 0 {
            let Ok(rtcp) = UdpSocket::bind((ip, port.saturating_add(1))) else { continue };
            (first, rtcp)
        } else {
            let Ok(rtp) = UdpSocket::bind((ip, port.saturating_sub(1))) else { continue };
            (rtp, first)
        };
        return Ok((rtp, rtcp));
    }
    Err(io::ErrorKind::AddrInUse.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rtp_has_an_even_port_and_rtcp_the_next() {
        for _ in 0..20 {
            let wire = Wire::open([127, 0, 0, 1].into()).unwrap();
            let port = wire.address().port();
            assert_eq!(port % 2, 0);
            assert_eq!(wire.rtcp.local_addr().unwrap().port(), port + 1);
        }
    }
}
