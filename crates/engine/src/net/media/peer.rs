//! Whom a call's packets go to, and whose packets count.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tern_media::rtp;

use crate::core::MediaPlan;

/// How long the sender we listen to may be silent before another one takes its place.
const SILENCE: Duration = Duration::from_secs(2);
/// Packets in a row by which an address that nobody agreed on shows to be the other side's (RFC 3550 appendix A.1
/// asks for two; a guess of three is yet less likely).
const PROBATION: u32 = 3;

/// Whom we send to and listen to.
pub(super) struct Peer {
    agreed: Option<SocketAddr>,
    agreed_rtcp: Option<SocketAddr>,
    payload_types: Vec<u8>,
    /// Where its packets come from, which behind a NAT is not where it says (symmetric RTP, RFC 4961).
    heard: Option<(SocketAddr, Instant)>,
    stranger: Option<Stranger>,
}

/// Somebody at another address than agreed, who may be the other side behind a NAT, or anybody.
struct Stranger {
    from: SocketAddr,
    ssrc: u32,
    next: u16,
    packets: u32,
}

impl Peer {
    /// Before anything is agreed on.
    pub(super) fn nobody() -> Self {
        Self { agreed: None, agreed_rtcp: None, payload_types: Vec::new(), heard: None, stranger: None }
    }

    /// What is agreed on from here on. Another address means that where its packets come from is to be heard anew.
    pub(super) fn agree(&mut self, plan: &MediaPlan) {
        let formats = plan.stream.receive.iter().map(|format| format.payload_type);
        let events = plan.stream.receive_events.iter().map(|events| events.payload_type);
        self.payload_types = formats.chain(events).collect();
        if (plan.remote, plan.remote_rtcp) != (self.agreed, self.agreed_rtcp) {
            (self.agreed, self.agreed_rtcp) = (plan.remote, plan.remote_rtcp);
            (self.heard, self.stranger) = (None, None);
        }
    }

    /// Whether to take a packet from there. The agreed address always counts; another one is followed while the
    /// agreed one is silent, once it has shown that it sends what was agreed on: a single datagram from a stranger
    /// must not turn a call away.
    pub(super) fn takes(&mut self, now: Instant, from: SocketAddr, packet: &rtp::Header) -> bool {
        let known = Some(from) == self.agreed || self.heard.is_some_and(|(heard, _)| heard == from);
        let silent = self.heard.is_none_or(|(_, at)| now.saturating_duration_since(at) > SILENCE);
        let takes = known || (silent && self.proves(from, packet));
        if takes {
            self.heard = Some((from, now));
            self.stranger = None;
        }
        takes
    }

    /// Whether to take a report from there: from the host that sends the sound, or that was agreed on.
    pub(super) fn takes_rtcp(&self, from: SocketAddr) -> bool {
        self.heard.is_some_and(|(heard, _)| heard.ip() == from.ip())
            || self.agreed_rtcp.is_some_and(|agreed| agreed.ip() == from.ip())
    }

    /// Counts the packets in a row that a stranger sends.
    fn proves(&mut self, from: SocketAddr, packet: &rtp::Header) -> bool {
        if !self.payload_types.contains(&packet.payload_type) {
            return false;
        }
        let packets = match &self.stranger {
            Some(s) if (s.from, s.ssrc, s.next) == (from, packet.ssrc, packet.sequence) => s.packets + 1,
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

    pub(super) fn rtcp(&self) -> Option<SocketAddr> {
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

    fn peer(agreed: Option<SocketAddr>) -> Peer {
        let agreed_rtcp = agreed.map(|a| address(a.port() + 1));
        Peer { agreed, agreed_rtcp, payload_types: vec![8], heard: None, stranger: None }
    }

    fn packet(payload_type: u8, sequence: u16, ssrc: u32) -> rtp::Header {
        rtp::Header { marker: false, payload_type, sequence, timestamp: 0, ssrc }
    }

    /// Three packets in a row.
    fn follows(peer: &mut Peer, at: Instant, from: SocketAddr) -> [bool; 3] {
        [1, 2, 3].map(|sequence| peer.takes(at, from, &packet(8, sequence, 7)))
    }

    #[test]
    fn the_other_side_may_be_elsewhere_but_no_stranger_takes_over_a_call_that_works() {
        let (agreed, nat, stranger) = (address(4000), address(5000), address(6666));
        let start = Instant::now();
        let mut peer = peer(Some(agreed));
        assert_eq!(peer.rtp(), Some(agreed));
        assert_eq!(follows(&mut peer, start, nat), [false, false, true]);
        assert_eq!((peer.rtp(), peer.rtcp()), (Some(nat), Some(address(5001))));
        assert_eq!(follows(&mut peer, start + Duration::from_secs(1), stranger), [false; 3]);
        assert!(peer.takes(start + Duration::from_secs(1), agreed, &packet(8, 9, 9)));
        assert_eq!((peer.rtp(), peer.rtcp()), (Some(agreed), Some(address(4001))));
        let later = start + Duration::from_secs(9);
        assert_eq!(follows(&mut peer, later, nat), [false, false, true], "the other side moved");
        let mut held = self::peer(None);
        assert_eq!(follows(&mut held, start, nat), [false, false, true]);
        assert_eq!(held.rtp(), None);
    }

    #[test]
    fn garbage_before_the_first_packet_leads_nobody_astray() {
        let (agreed, stranger, other) = (address(4000), address(6666), address(6667));
        let start = Instant::now();
        let mut peer = peer(Some(agreed));
        for n in 0..20 {
            assert!(!peer.takes(start, stranger, &packet(77, n, 7)), "a payload type nobody agreed on");
            assert!(!peer.takes(start, stranger, &packet(8, n * 3, 7)), "no row");
            assert!(!peer.takes(start, stranger, &packet(8, n, u32::from(n))), "not one source");
            assert!(
                !peer.takes(start, if n % 2 == 0 { stranger } else { other }, &packet(8, n, 7)),
                "not one place"
            );
        }
        assert_eq!(peer.rtp(), Some(agreed));
        assert!(peer.takes(start, agreed, &packet(8, 1, 1)));
    }
}
