//! Where packets go and whose count, where no connectivity checks tell (symmetric RTP, RFC 4961).
//!
//! Invariant: the address we send to changes only after signalling, after an authenticated packet, or after the
//! agreed sender has been silent and another one has shown that it sends what was agreed on.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::rtp;

/// How long the sender we listen to may be silent before another one takes its place.
const SILENCE: Duration = Duration::from_secs(2);
/// Packets in a row by which an address that nobody agreed on shows to be the other side's (RFC 3550 appendix A.1
/// asks for two; a guess of three is yet less likely).
const PROBATION: u32 = 3;

/// Whom we send to and listen to.
#[derive(Debug)]
pub(super) struct Latch {
    agreed: Option<SocketAddr>,
    agreed_rtcp: Option<SocketAddr>,
    payload_types: Vec<u8>,
    /// Where its packets come from, which behind a NAT is not where it says.
    heard: Option<(SocketAddr, Instant)>,
    /// Where its reports come from, where they were authenticated.
    heard_rtcp: Option<SocketAddr>,
    stranger: Option<Stranger>,
}

/// Somebody at another address than agreed, who may be the other side behind a NAT, or anybody.
#[derive(Debug)]
struct Stranger {
    from: SocketAddr,
    ssrc: u32,
    next: u16,
    packets: u32,
}

impl Latch {
    pub(super) fn new(
        agreed: Option<SocketAddr>,
        agreed_rtcp: Option<SocketAddr>,
        payload_types: Vec<u8>,
    ) -> Self {
        Self { agreed, agreed_rtcp, payload_types, heard: None, heard_rtcp: None, stranger: None }
    }

    /// What signalling says now. An address that it has not changed stays followed to where it was heard.
    pub(super) fn agree(
        &mut self,
        agreed: Option<SocketAddr>,
        agreed_rtcp: Option<SocketAddr>,
        payload_types: Vec<u8>,
    ) {
        if (self.agreed, self.agreed_rtcp) == (agreed, agreed_rtcp) {
            self.payload_types = payload_types;
        } else {
            *self = Self::new(agreed, agreed_rtcp, payload_types);
        }
    }

    /// What comes to other sockets than before may come from elsewhere.
    pub(super) fn forget(&mut self) {
        self.heard = None;
        self.heard_rtcp = None;
        self.stranger = None;
    }

    /// Whether to take a packet that nothing but its address vouches for. The agreed address always counts; another
    /// one is followed while the agreed one is silent, once it has shown that it sends what was agreed on: a single
    /// datagram from a stranger must not turn a call away.
    pub(super) fn takes(&mut self, now: Instant, from: SocketAddr, packet: &rtp::Header) -> bool {
        let known = self.knows(from);
        let silent = self.heard.is_none_or(|(_, at)| now.saturating_duration_since(at) > SILENCE);
        let takes = known || (silent && self.proves(from, packet));
        if takes {
            self.heard = Some((from, now));
            self.stranger = None;
        }
        takes
    }

    /// Whether to take a report that nothing but its address vouches for: from the host that sends the sound, or that
    /// was agreed on.
    pub(super) fn takes_rtcp(&self, from: SocketAddr) -> bool {
        self.heard.is_some_and(|(heard, _)| heard.ip() == from.ip())
            || self.agreed_rtcp.is_some_and(|agreed| agreed.ip() == from.ip())
    }

    /// Whether that is where signalling or a packet has shown the other side to be.
    pub(super) fn knows(&self, from: SocketAddr) -> bool {
        Some(from) == self.agreed || self.heard.is_some_and(|(heard, _)| heard == from)
    }

    /// An authenticated packet came from there: nobody else can have sent it, so that is where the other side is.
    pub(super) fn authenticated(&mut self, now: Instant, from: SocketAddr) {
        self.heard = Some((from, now));
        self.stranger = None;
    }

    /// The same for a report on a port of its own.
    pub(super) fn authenticated_rtcp(&mut self, from: SocketAddr) {
        self.heard_rtcp = Some(from);
    }

    /// Counts the packets in a row that a stranger sends.
    fn proves(&mut self, from: SocketAddr, packet: &rtp::Header) -> bool {
        if !self.payload_types.contains(&packet.payload_type) {
            return false;
        }
        let packets = match &self.stranger {
            Some(s) if (s.from, s.ssrc, s.next) == (from, packet.ssrc, packet.sequence) => {
                s.packets.saturating_add(1)
            }
            _ => 1,
        };
        let next = packet.sequence.wrapping_add(1);
        self.stranger = Some(Stranger { from, ssrc: packet.ssrc, next, packets });
        packets >= PROBATION
    }

    pub(super) fn rtp(&self) -> Option<SocketAddr> {
        // The other side takes no sound at all: then none is sent, wherever it sends from.
        self.agreed?;
        self.heard.map(|(heard, _)| heard).or(self.agreed)
    }

    /// Where reports go that have a port of their own.
    pub(super) fn rtcp(&self) -> Option<SocketAddr> {
        if self.heard_rtcp.is_some() {
            return self.heard_rtcp;
        }
        match self.heard {
            Some((heard, _)) if Some(heard) != self.agreed => {
                Some(SocketAddr::new(heard.ip(), heard.port().checked_add(1)?))
            }
            _ => self.agreed_rtcp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn latch(agreed: Option<SocketAddr>) -> Latch {
        Latch::new(agreed, agreed.map(|a| address(a.port() + 1)), vec![8])
    }

    fn packet(payload_type: u8, sequence: u16, ssrc: u32) -> rtp::Header {
        rtp::Header { marker: false, payload_type, sequence, timestamp: 0, ssrc }
    }

    /// Three packets in a row.
    fn follows(latch: &mut Latch, at: Instant, from: SocketAddr) -> [bool; 3] {
        [1, 2, 3].map(|sequence| latch.takes(at, from, &packet(8, sequence, 7)))
    }

    #[test]
    fn the_other_side_may_be_elsewhere_but_no_stranger_takes_over_a_call_that_works() {
        let (agreed, nat, stranger) = (address(4000), address(5000), address(6666));
        let start = Instant::now();
        let mut latch = latch(Some(agreed));
        assert_eq!(latch.rtp(), Some(agreed));
        assert_eq!(follows(&mut latch, start, nat), [false, false, true]);
        assert_eq!((latch.rtp(), latch.rtcp()), (Some(nat), Some(address(5001))));
        assert_eq!(follows(&mut latch, start + Duration::from_secs(1), stranger), [false; 3]);
        assert!(latch.takes(start + Duration::from_secs(1), agreed, &packet(8, 9, 9)));
        assert_eq!((latch.rtp(), latch.rtcp()), (Some(agreed), Some(address(4001))));
        let later = start + Duration::from_secs(9);
        assert_eq!(follows(&mut latch, later, nat), [false, false, true], "the other side moved");
        let mut held = self::latch(None);
        assert_eq!(follows(&mut held, start, nat), [false, false, true]);
        assert_eq!(held.rtp(), None);
    }

    #[test]
    fn garbage_before_the_first_packet_leads_nobody_astray() {
        let (agreed, stranger, other) = (address(4000), address(6666), address(6667));
        let start = Instant::now();
        let mut latch = latch(Some(agreed));
        for n in 0..20 {
            assert!(!latch.takes(start, stranger, &packet(77, n, 7)), "a payload type nobody agreed on");
            assert!(!latch.takes(start, stranger, &packet(8, n * 3, 7)), "no row");
            assert!(!latch.takes(start, stranger, &packet(8, n, u32::from(n))), "not one source");
            assert!(
                !latch.takes(start, if n % 2 == 0 { stranger } else { other }, &packet(8, n, 7)),
                "not one place"
            );
        }
        assert_eq!(latch.rtp(), Some(agreed));
        assert!(latch.takes(start, agreed, &packet(8, 1, 1)));
    }

    #[test]
    fn signalling_moves_at_once_and_what_it_leaves_alone_stays() {
        let (agreed, nat, elsewhere) = (address(4000), address(5000), address(7000));
        let start = Instant::now();
        let mut latch = latch(Some(agreed));
        follows(&mut latch, start, nat);
        latch.agree(Some(agreed), Some(address(4001)), vec![8, 0]);
        assert_eq!(latch.rtp(), Some(nat), "a hold that names the same address is no reason to lose the way");
        latch.agree(Some(elsewhere), Some(address(7001)), vec![8]);
        assert_eq!((latch.rtp(), latch.rtcp()), (Some(elsewhere), Some(address(7001))));
    }

    #[test]
    fn an_authenticated_packet_moves_at_once() {
        let (agreed, nat) = (address(4000), address(5000));
        let start = Instant::now();
        let mut latch = latch(Some(agreed));
        assert!(latch.takes(start, agreed, &packet(8, 1, 1)));
        latch.authenticated(start, nat);
        assert_eq!((latch.rtp(), latch.rtcp()), (Some(nat), Some(address(5001))));
        latch.authenticated_rtcp(address(5999));
        assert_eq!(latch.rtcp(), Some(address(5999)));
    }
}
