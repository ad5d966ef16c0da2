//! RTP packets, RFC 3550 section 5.1: bytes to header and back. Sequence arithmetic is in [`crate::jitter`].

use thiserror::Error;

/// The header fields that matter to an audio stream. CSRCs and extensions are skipped when read, never written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Begins a talkspurt (RFC 3551 section 4.1).
    pub marker: bool,
    /// 0..=127.
    pub payload_type: u8,
    /// Counts packets, wraps.
    pub sequence: u16,
    /// Counts the codec's clock, wraps.
    pub timestamp: u32,
    /// Who sends.
    pub ssrc: u32,
}

/// Length of a header without CSRCs and extension.
pub const HEADER_LEN: usize = 12;

impl Header {
    /// Appends the twelve bytes of this header.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(2 << 6);
        out.push(u8::from(self.marker) << 7 | (self.payload_type & 0x7F));
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.ssrc.to_be_bytes());
    }
}

/// Why bytes are no RTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RtpError {
    /// Shorter than its own fields say.
    #[error("the packet is cut short")]
    Truncated,
    /// Not version 2.
    #[error("the packet has version {0}, not 2")]
    Version(u8),
    /// The padding count is zero or longer than the packet.
    #[error("the packet's padding is impossible")]
    Padding,
}

/// Splits a datagram into header and payload (RFC 3550 section 5.1, the checks of appendix A.1).
pub fn parse(datagram: &[u8]) -> Result<(Header, &[u8]), RtpError> {
    let (fixed, mut rest) = datagram.split_first_chunk::<HEADER_LEN>().ok_or(RtpError::Truncated)?;
    let [flags, kind, seq_hi, seq_lo, t0, t1, t2, t3, s0, s1, s2, s3] = *fixed;
    if flags >> 6 != 2 {
        return Err(RtpError::Version(flags >> 6));
    }
    let csrc_len = usize::from(flags & 0x0F) * 4;
    rest = rest.get(csrc_len..).ok_or(RtpError::Truncated)?;
    if flags & 0x10 != 0 {
        // RFC 3550 section 5.3.1: two bytes of profile, then the length in words.
        let ([_, _, hi, lo], after) = rest.split_first_chunk::<4>().ok_or(RtpError::Truncated)?;
        let extension = usize::from(u16::from_be_bytes([*hi, *lo])) * 4;
        rest = after.get(extension..).ok_or(RtpError::Truncated)?;
    }
    if flags & 0x20 != 0 {
        let padding = usize::from(*rest.last().ok_or(RtpError::Padding)?);
        let end = rest.len().checked_sub(padding).filter(|_| padding > 0).ok_or(RtpError::Padding)?;
        rest = rest.get(..end).ok_or(RtpError::Padding)?;
    }
    let header = Header {
        marker: kind & 0x80 != 0,
        payload_type: kind & 0x7F,
        sequence: u16::from_be_bytes([seq_hi, seq_lo]),
        timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
        ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
    };
    Ok((header, rest))
}

/// Whether a datagram on a port shared by both is RTCP (RFC 5761 section 4).
pub fn is_rtcp(datagram: &[u8]) -> bool {
    datagram.get(1).is_some_and(|kind| (64..96).contains(&(kind & 0x7F)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    const HEADER: Header = Header {
        marker: true,
        payload_type: 111,
        sequence: 0xFFFE,
        timestamp: 0x8000_0001,
        ssrc: 0xDEAD_BEEF,
    };

    fn packet() -> Vec<u8> {
        let mut bytes = Vec::new();
        HEADER.write(&mut bytes);
        bytes.extend_from_slice(b"speech");
        bytes
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(parse(&packet()), Ok((HEADER, &b"speech"[..])));
        assert!(!is_rtcp(&packet()));
    }

    #[test]
    fn csrcs_extension_and_padding_are_skipped() {
        let mut bytes = packet();
        bytes[0] |= 0x20 | 0x10 | 2;
        bytes.splice(12..12, [0_u8; 8].into_iter().chain([0xBE, 0xDE, 0, 1, 1, 2, 3, 4]));
        bytes.extend_from_slice(&[0, 0, 3]);
        assert_eq!(parse(&bytes), Ok((HEADER, &b"speech"[..])));
    }

    #[test]
    fn bad_packets_are_refused() {
        let check = |change: fn(&mut Vec<u8>), expected: RtpError| {
            let mut bytes = packet();
            change(&mut bytes);
            assert_eq!(parse(&bytes), Err(expected));
        };
        check(|b| b.truncate(11), RtpError::Truncated);
        check(|b| b.clear(), RtpError::Truncated);
        check(|b| b[0] = 0x40, RtpError::Version(1));
        check(|b| b[0] |= 0x0F, RtpError::Truncated);
        check(|b| b[0] |= 0x10, RtpError::Truncated);
        check(
            |b| {
                b[0] |= 0x20;
                *b.last_mut().unwrap() = 0;
            },
            RtpError::Padding,
        );
        check(
            |b| {
                b[0] |= 0x20;
                *b.last_mut().unwrap() = 7;
            },
            RtpError::Padding,
        );
    }

    #[test]
    fn mutations_never_panic() {
        let mut random = StdRng::seed_from_u64(3550);
        for _ in 0..200_000 {
            let mut bytes = packet();
            for _ in 0..random.random_range(1..6) {
                let at = random.random_range(0..bytes.len());
                bytes[at] = random.random();
            }
            bytes.truncate(random.random_range(0..=bytes.len()));
            if let Ok((header, payload)) = parse(&bytes) {
                assert!(payload.len() + HEADER_LEN <= bytes.len());
                assert!(header.payload_type < 128);
            }
        }
    }
}
