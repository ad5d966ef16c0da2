//! RTCP packets, RFC 3550 section 6: compound packets to [`RtcpPacket`]s and back.
//!
//! What isn't here: when to send and what the numbers mean (`report`).

use thiserror::Error;

use crate::xr;

/// One packet of a compound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RtcpPacket {
    /// Sender report, section 6.4.1.
    SenderReport {
        /// The sender of this report.
        ssrc: u32,
        /// What it sent.
        info: SenderInfo,
        /// What it received.
        blocks: Vec<ReportBlock>,
    },
    /// Receiver report, section 6.4.2.
    ReceiverReport {
        /// The sender of this report.
        ssrc: u32,
        /// What it received.
        blocks: Vec<ReportBlock>,
    },
    /// Source description, section 6.5: only the CNAME of each chunk is kept.
    SourceDescription {
        /// SSRC and CNAME of each source.
        chunks: Vec<(u32, String)>,
    },
    /// Goodbye, section 6.6.
    Goodbye {
        /// The sources that leave.
        ssrcs: Vec<u32>,
    },
    /// Extended report, RFC 3611.
    ExtendedReport {
        /// The sender of this report.
        ssrc: u32,
        /// Its blocks.
        blocks: Vec<xr::Block>,
    },
    /// Any other packet type; its content is skipped.
    Other {
        /// The packet type.
        packet_type: u8,
    },
}

/// The sender half of a sender report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SenderInfo {
    /// When the report was made, as a 32.32 fixed point number of seconds.
    pub ntp: u64,
    /// The same instant on the RTP clock.
    pub rtp: u32,
    /// Packets sent so far.
    pub packets: u32,
    /// Payload bytes sent so far.
    pub octets: u32,
}

/// What a receiver tells about one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: u32,
    /// Share lost since the last report, in 256ths.
    pub fraction_lost: u8,
    /// Packets lost in all; negative when duplicates outnumber losses. 24 bits.
    pub cumulative_lost: i32,
    /// Highest sequence number with its count of wraps above it.
    pub highest_sequence: u32,
    /// Interarrival jitter in units of the RTP clock.
    pub jitter: u32,
    /// Middle 32 bits of the last sender report's NTP time, 0 if there was none.
    pub last_sender_report: u32,
    /// Since that report came in, in units of 1/65536 s.
    pub delay_since_last: u32,
}

/// Why bytes are no RTCP compound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RtcpError {
    /// Shorter than its own fields say.
    #[error("the packet is cut short")]
    Truncated,
    /// Not version 2.
    #[error("the packet has version {0}, not 2")]
    Version(u8),
}

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
const EXTENDED_REPORT: u8 = 207;
const CNAME: u8 = 1;

/// Splits a datagram into its packets. A compound whose later packets are damaged is refused whole.
pub fn parse(mut datagram: &[u8]) -> Result<Vec<RtcpPacket>, RtcpError> {
    let mut packets = Vec::new();
    if datagram.is_empty() {
        return Err(RtcpError::Truncated);
    }
    while let Some(([flags, packet_type, hi, lo], rest)) = datagram.split_first_chunk::<4>() {
        if flags >> 6 != 2 {
            return Err(RtcpError::Version(flags >> 6));
        }
        let len = usize::from(u16::from_be_bytes([*hi, *lo])) * 4;
        let (body, after) = rest.split_at_checked(len).ok_or(RtcpError::Truncated)?;
        let body = without_padding(*flags, body);
        let count = flags & 0x1F;
        packets.push(parse_one(*packet_type, count, body).ok_or(RtcpError::Truncated)?);
        datagram = after;
    }
    if datagram.is_empty() { Ok(packets) } else { Err(RtcpError::Truncated) }
}

/// Appends a compound (section 6.1: the caller puts a report first and the CNAME behind it).
pub fn write(packets: &[RtcpPacket], out: &mut Vec<u8>) {
    for packet in packets {
        match packet {
            RtcpPacket::SenderReport { ssrc, info, blocks } => {
                write_one(SENDER_REPORT, blocks.len(), out, |out| {
                    out.extend_from_slice(&ssrc.to_be_bytes());
                    out.extend_from_slice(&info.ntp.to_be_bytes());
                    for field in [info.rtp, info.packets, info.octets] {
                        out.extend_from_slice(&field.to_be_bytes());
                    }
                    write_blocks(blocks, out);
                })
            }
            RtcpPacket::ReceiverReport { ssrc, blocks } => {
                write_one(RECEIVER_REPORT, blocks.len(), out, |out| {
                    out.extend_from_slice(&ssrc.to_be_bytes());
                    write_blocks(blocks, out);
                })
            }
            RtcpPacket::SourceDescription { chunks } => {
                write_one(SOURCE_DESCRIPTION, chunks.len(), out, |out| {
                    for (ssrc, cname) in chunks {
                        let cname = cname.as_bytes();
                        let cname = cname.get(..255).unwrap_or(cname);
                        out.extend_from_slice(&ssrc.to_be_bytes());
                        out.extend_from_slice(&[CNAME, cname.len() as u8]);
                        out.extend_from_slice(cname);
                        // Section 6.5: at least one zero ends the items, more fill the word.
                        let zeros = 4 - (2 + cname.len()) % 4;
                        out.resize(out.len() + zeros, 0);
                    }
                });
            }
            RtcpPacket::Goodbye { ssrcs } => write_one(GOODBYE, ssrcs.len(), out, |out| {
                ssrcs.iter().for_each(|ssrc| out.extend_from_slice(&ssrc.to_be_bytes()));
            }),
            RtcpPacket::ExtendedReport { ssrc, blocks } => write_one(EXTENDED_REPORT, 0, out, |out| {
                out.extend_from_slice(&ssrc.to_be_bytes());
                xr::write(blocks, out);
            }),
            RtcpPacket::Other { packet_type } => write_one(*packet_type, 0, out, |_| {}),
        }
    }
}

fn without_padding(flags: u8, body: &[u8]) -> &[u8] {
    let padding = if flags & 0x20 == 0 { 0 } else { body.last().copied().unwrap_or(0) };
    body.len().checked_sub(usize::from(padding)).and_then(|end| body.get(..end)).unwrap_or(body)
}

fn parse_one(packet_type: u8, count: u8, mut body: &[u8]) -> Option<RtcpPacket> {
    let body = &mut body;
    Some(match packet_type {
        SENDER_REPORT => {
            let ssrc = word(body)?;
            let ntp = u64::from(word(body)?) << 32 | u64::from(word(body)?);
            let info = SenderInfo { ntp, rtp: word(body)?, packets: word(body)?, octets: word(body)? };
            RtcpPacket::SenderReport { ssrc, info, blocks: blocks(count, body)? }
        }
        RECEIVER_REPORT => RtcpPacket::ReceiverReport { ssrc: word(body)?, blocks: blocks(count, body)? },
        SOURCE_DESCRIPTION => RtcpPacket::SourceDescription { chunks: chunks(count, body)? },
        GOODBYE => RtcpPacket::Goodbye { ssrcs: (0..count).map(|_| word(body)).collect::<Option<_>>()? },
        EXTENDED_REPORT => RtcpPacket::ExtendedReport { ssrc: word(body)?, blocks: xr::parse(body)? },
        packet_type => RtcpPacket::Other { packet_type },
    })
}

fn word(body: &mut &[u8]) -> Option<u32> {
    let (bytes, rest) = body.split_first_chunk::<4>()?;
    *body = rest;
    Some(u32::from_be_bytes(*bytes))
}

fn blocks(count: u8, body: &mut &[u8]) -> Option<Vec<ReportBlock>> {
    (0..count)
        .map(|_| {
            let ssrc = word(body)?;
            let lost = word(body)?;
            Some(ReportBlock {
                ssrc,
                fraction_lost: (lost >> 24) as u8,
                // 24 bits, signed: shift the sign up and back down.
                cumulative_lost: (lost << 8) as i32 >> 8,
                highest_sequence: word(body)?,
                jitter: word(body)?,
                last_sender_report: word(body)?,
                delay_since_last: word(body)?,
            })
        })
        .collect()
}

fn chunks(count: u8, body: &mut &[u8]) -> Option<Vec<(u32, String)>> {
    let mut chunks = Vec::new();
    for _ in 0..count {
        let ssrc = word(body)?;
        let mut cname = String::new();
        let mut used = 0_usize;
        loop {
            let (kind, rest) = body.split_first()?;
            used += 1;
            *body = rest;
            if *kind == 0 {
                break;
            }
            let (len, rest) = rest.split_first()?;
            let (text, rest) = rest.split_at_checked(usize::from(*len))?;
            if *kind == CNAME {
                cname = String::from_utf8_lossy(text).into_owned();
            }
            used += 1 + text.len();
            *body = rest;
        }
        *body = body.get((4 - used % 4) % 4..)?;
        chunks.push((ssrc, cname));
    }
    Some(chunks)
}

fn write_one(packet_type: u8, count: usize, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[2 << 6 | (count as u8 & 0x1F), packet_type, 0, 0]);
    body(out);
    let words = (out.len() - start) / 4 - 1;
    if let Some(length) = out.get_mut(start + 2..start + 4) {
        length.copy_from_slice(&(words as u16).to_be_bytes());
    }
}

fn write_blocks(blocks: &[ReportBlock], out: &mut Vec<u8>) {
    for block in blocks {
        let lost = block.cumulative_lost.clamp(-0x80_0000, 0x7F_FFFF) as u32 & 0xFF_FFFF;
        for field in [
            block.ssrc,
            u32::from(block.fraction_lost) << 24 | lost,
            block.highest_sequence,
            block.jitter,
            block.last_sender_report,
            block.delay_since_last,
        ] {
            out.extend_from_slice(&field.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    fn compound() -> Vec<RtcpPacket> {
        let block = ReportBlock {
            ssrc: 7,
            fraction_lost: 25,
            cumulative_lost: -3,
            highest_sequence: 0x0001_FFFF,
            jitter: 160,
            last_sender_report: 0x1234_5678,
            delay_since_last: 65_536,
        };
        let info = SenderInfo { ntp: 0x0102_0304_8000_0000, rtp: 9, packets: 10, octets: 1_600 };
        vec![
            RtcpPacket::SenderReport { ssrc: 1, info, blocks: vec![block] },
            RtcpPacket::ReceiverReport { ssrc: 1, blocks: vec![block, ReportBlock::default()] },
            RtcpPacket::SourceDescription { chunks: vec![(1, "a".into()), (2, "cname@host".into())] },
            RtcpPacket::Goodbye { ssrcs: vec![1, 2] },
            RtcpPacket::Other { packet_type: 205 },
        ]
    }

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        write(&compound(), &mut bytes);
        assert!(crate::rtp::is_rtcp(&bytes));
        assert_eq!(parse(&bytes), Ok(compound()));
    }

    #[test]
    fn cnames_of_every_length_fill_whole_words() {
        for len in 0..=255 {
            let packet =
                [RtcpPacket::SourceDescription { chunks: vec![(5, "x".repeat(len)), (6, "y".into())] }];
            let mut bytes = Vec::new();
            write(&packet, &mut bytes);
            assert_eq!(bytes.len() % 4, 0);
            assert_eq!(parse(&bytes).as_deref(), Ok(&packet[..]), "{len}");
        }
    }

    #[test]
    fn a_receiver_report_in_bytes() {
        let bytes = [
            0x81, 201, 0, 7, 0, 0, 0, 9, // header, sender
            0, 0, 0, 8, 0x40, 0xFF, 0xFF, 0xFE, 0, 0, 0x10, 0, 0, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2,
        ];
        let block = ReportBlock {
            ssrc: 8,
            fraction_lost: 64,
            cumulative_lost: -2,
            highest_sequence: 0x1000,
            jitter: 80,
            last_sender_report: 1,
            delay_since_last: 2,
        };
        assert_eq!(parse(&bytes), Ok(vec![RtcpPacket::ReceiverReport { ssrc: 9, blocks: vec![block] }]));
    }

    #[test]
    fn padding_of_the_last_packet_is_skipped() {
        let bytes = [0xA1, 203, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4];
        assert_eq!(parse(&bytes), Ok(vec![RtcpPacket::Goodbye { ssrcs: vec![3] }]));
    }

    #[test]
    fn more_losses_than_24_bits_hold_are_the_most_they_hold() {
        // Section 6.4.1, and appendix A.3.
        for (lost, told) in [(9_000_000, 0x7F_FFFF), (-9_000_000, -0x80_0000)] {
            let block = ReportBlock { cumulative_lost: lost, ..ReportBlock::default() };
            let mut bytes = Vec::new();
            write(&[RtcpPacket::ReceiverReport { ssrc: 1, blocks: vec![block] }], &mut bytes);
            let blocks = vec![ReportBlock { cumulative_lost: told, ..block }];
            assert_eq!(parse(&bytes), Ok(vec![RtcpPacket::ReceiverReport { ssrc: 1, blocks }]));
        }
    }

    #[test]
    fn what_pads_an_extended_report_is_no_block_of_it() {
        // Section 6.4.1: the last octet counts the padding.
        let bytes = [0xA0, EXTENDED_REPORT, 0, 3, 0, 0, 0, 9, 1, 0, 0, 0, 0, 0, 0, 4];
        let blocks = vec![xr::Block::Other { block_type: 1 }];
        assert_eq!(parse(&bytes), Ok(vec![RtcpPacket::ExtendedReport { ssrc: 9, blocks }]));
    }

    #[test]
    fn a_name_is_not_the_canonical_one() {
        // Section 6.5: CNAME "a", NAME "bcd", the end.
        let bytes =
            [0x81, SOURCE_DESCRIPTION, 0, 4, 0, 0, 0, 9, 1, 1, b'a', 2, 3, b'b', b'c', b'd', 0, 0, 0, 0];
        assert_eq!(parse(&bytes), Ok(vec![RtcpPacket::SourceDescription { chunks: vec![(9, "a".into())] }]));
    }

    #[test]
    fn damaged_compounds_are_refused() {
        let mut bytes = Vec::new();
        write(&compound(), &mut bytes);
        assert_eq!(parse(&[]), Err(RtcpError::Truncated));
        assert_eq!(parse(&bytes[..bytes.len() - 1]), Err(RtcpError::Truncated));
        assert_eq!(parse(&[0x40, 200, 0, 0]), Err(RtcpError::Version(1)));
        // A report that counts more blocks than it holds.
        assert_eq!(parse(&[0x82, 201, 0, 1, 0, 0, 0, 1]), Err(RtcpError::Truncated));
    }

    #[test]
    fn mutations_never_panic() {
        let mut random = StdRng::seed_from_u64(3550);
        let mut whole = Vec::new();
        write(&compound(), &mut whole);
        let mut accepted = 0;
        for _ in 0..200_000 {
            let mut bytes = whole.clone();
            for _ in 0..random.random_range(1..5) {
                let at = random.random_range(0..bytes.len());
                bytes[at] = random.random();
            }
            if random.random_bool(0.3) {
                bytes.truncate(random.random_range(0..=bytes.len()));
            }
            if let Ok(packets) = parse(&bytes) {
                accepted += 1;
                let mut again = Vec::new();
                write(&packets, &mut again);
            }
        }
        assert!(accepted > 1_000, "the mutations must also reach the insides: {accepted}");
    }
}
