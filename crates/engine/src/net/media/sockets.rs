//! A call's two UDP sockets, and what wakes its thread when something comes.

use std::{
    io,
    net::{IpAddr, UdpSocket},
    time::Instant,
};

use mio::{Events, Interest, Poll, Token};

/// Tries for an even port with a free one above it (RFC 3550 section 11).
const PORT_TRIES: u32 = 32;

/// RTP and RTCP, and what wakes when something comes.
///
/// A socket's own time-out is counted in the kernel's ticks, 4 ms and more: packets would leave by as much too late.
pub(super) struct Sockets {
    pub(super) rtp: mio::net::UdpSocket,
    pub(super) rtcp: mio::net::UdpSocket,
    poll: Poll,
    events: Events,
}

impl Sockets {
    pub(super) fn new(rtp: UdpSocket, rtcp: UdpSocket) -> io::Result<Self> {
        rtp.set_nonblocking(true)?;
        rtcp.set_nonblocking(true)?;
        let mut rtp = mio::net::UdpSocket::from_std(rtp);
        let mut rtcp = mio::net::UdpSocket::from_std(rtcp);
        let poll = Poll::new()?;
        poll.registry().register(&mut rtp, Token(0), Interest::READABLE)?;
        poll.registry().register(&mut rtcp, Token(1), Interest::READABLE)?;
        Ok(Self { rtp, rtcp, poll, events: Events::with_capacity(4) })
    }

    /// Waits until something comes, or until `wake`.
    pub(super) fn wait(&mut self, wake: Instant) {
        let wait = wake.saturating_duration_since(Instant::now());
        if !wait.is_zero()
            && let Err(error) = self.poll.poll(&mut self.events, Some(wait))
            && error.kind() != io::ErrorKind::Interrupted
        {
            // Better late packets than a thread that spins.
            std::thread::sleep(wait);
        }
    }
}

/// RTP and RTCP on neighbouring ports.
pub(super) fn pair(ip: IpAddr) -> io::Result<(UdpSocket, UdpSocket)> {
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
            let (rtp, rtcp) = pair([127, 0, 0, 1].into()).unwrap();
            let port = rtp.local_addr().unwrap().port();
            assert_eq!(port % 2, 0);
            assert_eq!(rtcp.local_addr().unwrap().port(), port + 1);
        }
    }
}
