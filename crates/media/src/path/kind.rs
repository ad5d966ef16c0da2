//! What a datagram on a socket shared by several protocols is (RFC 7983 section 7, RFC 5761 section 4).

use crate::{PacketKind, rtp};

/// What a datagram's first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DatagramKind {
    Stun,
    Dtls,
    /// Data that a TURN server relays.
    Channel,
    Rtp,
    Rtcp,
    /// None of them.
    Unknown,
}

impl DatagramKind {
    pub(super) fn of(datagram: &[u8]) -> Self {
        match datagram.first() {
            Some(0..=3) => Self::Stun,
            Some(20..=63) => Self::Dtls,
            Some(64..=79) => Self::Channel,
            Some(128..=191) if rtp::is_rtcp(datagram) => Self::Rtcp,
            Some(128..=191) => Self::Rtp,
            _ => Self::Unknown,
        }
    }
}

impl From<DatagramKind> for Option<PacketKind> {
    fn from(kind: DatagramKind) -> Self {
        match kind {
            DatagramKind::Rtp => Some(PacketKind::Rtp),
            DatagramKind::Rtcp => Some(PacketKind::Rtcp),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_tells_the_protocols_apart() {
        let check = |bytes: &[u8], expected: DatagramKind| {
            assert_eq!(DatagramKind::of(bytes), expected, "{bytes:?}");
        };
        check(&[0, 1], DatagramKind::Stun);
        check(&[3, 1], DatagramKind::Stun);
        check(&[4, 1], DatagramKind::Unknown);
        check(&[19, 1], DatagramKind::Unknown);
        check(&[20, 254], DatagramKind::Dtls);
        check(&[63, 254], DatagramKind::Dtls);
        check(&[0x40, 0], DatagramKind::Channel);
        check(&[79, 0], DatagramKind::Channel);
        check(&[80, 0], DatagramKind::Unknown);
        check(&[0x80, 111], DatagramKind::Rtp);
        check(&[0x80, 0x80 | 96], DatagramKind::Rtp);
        // RFC 5761 section 4: 64 to 95 with the marker bit set are reports.
        check(&[0x80, 200], DatagramKind::Rtcp);
        check(&[0xBF, 207], DatagramKind::Rtcp);
        check(&[0xC0, 200], DatagramKind::Unknown);
        check(&[], DatagramKind::Unknown);
    }
}
