//! Extended reports, RFC 3611: the blocks, and the bursts that the VoIP metrics tell of.
//!
//! What isn't here: when they are sent and what is done with the peer's (`report`).

use crate::jitter::ON_THE_WAY;

/// A block of an extended report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// Section 4.4: the time at which a receiver that sends nothing makes its report, 32.32 fixed point seconds.
    ReferenceTime(u64),
    /// Section 4.5: the answer to it.
    DelaySinceLast {
        /// Whose time it was.
        ssrc: u32,
        /// The middle 32 bits of it.
        last: u32,
        /// How long ago it came, in 1/65536 s.
        delay: u32,
    },
    /// Section 4.7.
    VoipMetrics(VoipMetrics),
    /// Any other; its content is skipped.
    Other {
        /// The block type.
        block_type: u8,
    },
}

/// How a source's packets came and sounded (RFC 3611 section 4.7). Shares are 256ths, 127 in a field of quality is
/// "unknown".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VoipMetrics {
    /// The source.
    pub ssrc: u32,
    /// Share of packets lost since the beginning.
    pub loss_rate: u8,
    /// Share of packets that came too late to be played.
    pub discard_rate: u8,
    /// Share lost or late within bursts.
    pub burst_density: u8,
    /// The same within gaps, the times between bursts.
    pub gap_density: u8,
    /// Mean length of a burst, ms.
    pub burst_ms: u16,
    /// Mean length of a gap, ms.
    pub gap_ms: u16,
    /// Round trip, ms.
    pub round_trip_ms: u16,
    /// Delay in this end: buffer and decoder, ms.
    pub end_system_ms: u16,
    /// R factor, 0 to 100.
    pub r_factor: u8,
    /// Listening quality, MOS times ten.
    pub mos_lq: u8,
    /// Conversational quality, MOS times ten.
    pub mos_cq: u8,
    /// What the jitter buffer waits, ms.
    pub jitter_ms: u16,
    /// The most it waits at present, ms.
    pub jitter_max_ms: u16,
    /// The most it can wait, ms.
    pub jitter_limit_ms: u16,
}

const REFERENCE_TIME: u8 = 4;
const DELAY_SINCE_LAST: u8 = 5;
const VOIP_METRICS: u8 = 7;
/// Section 4.7.2: so many packets in a row must arrive to end a burst.
const GMIN: u64 = 16;
/// Section 4.7.6: enhanced concealment, an adaptive buffer.
const RECEIVER: u8 = 3 << 6 | 3 << 4;
const UNKNOWN: u8 = 127;

/// Reads the blocks of a report. `None` when one is cut short.
pub(crate) fn parse(mut body: &[u8]) -> Option<Vec<Block>> {
    let mut blocks = Vec::new();
    while let Some(([block_type, _, hi, lo], rest)) = body.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([*hi, *lo])) * 4;
        let (content, after) = rest.split_at_checked(length)?;
        match *block_type {
            REFERENCE_TIME => blocks.push(Block::ReferenceTime(long(content)?)),
            DELAY_SINCE_LAST => {
                for triple in content.chunks_exact(12) {
                    let (ssrc, last, delay) = (word(triple, 0)?, word(triple, 4)?, word(triple, 8)?);
                    blocks.push(Block::DelaySinceLast { ssrc, last, delay });
                }
            }
            VOIP_METRICS => blocks.push(Block::VoipMetrics(metrics(content)?)),
            block_type => blocks.push(Block::Other { block_type }),
        }
        body = after;
    }
    body.is_empty().then_some(blocks)
}

/// Appends the blocks. [`Block::Other`] is written without content.
pub(crate) fn write(blocks: &[Block], out: &mut Vec<u8>) {
    let header = |out: &mut Vec<u8>, block_type: u8, words: u16| {
        out.extend_from_slice(&[block_type, 0]);
        out.extend_from_slice(&words.to_be_bytes());
    };
    for block in blocks {
        match block {
            Block::ReferenceTime(ntp) => {
                header(out, REFERENCE_TIME, 2);
                out.extend_from_slice(&ntp.to_be_bytes());
            }
            Block::DelaySinceLast { ssrc, last, delay } => {
                header(out, DELAY_SINCE_LAST, 3);
                [ssrc, last, delay].iter().for_each(|n| out.extend_from_slice(&n.to_be_bytes()));
            }
            Block::VoipMetrics(m) => {
                header(out, VOIP_METRICS, 8);
                out.extend_from_slice(&m.ssrc.to_be_bytes());
                out.extend_from_slice(&[m.loss_rate, m.discard_rate, m.burst_density, m.gap_density]);
                for n in [m.burst_ms, m.gap_ms, m.round_trip_ms, m.end_system_ms] {
                    out.extend_from_slice(&n.to_be_bytes());
                }
                // Section 4.7.4: levels and echo are not measured.
                out.extend_from_slice(&[UNKNOWN, UNKNOWN, UNKNOWN, GMIN as u8]);
                out.extend_from_slice(&[m.r_factor, UNKNOWN, m.mos_lq, m.mos_cq, RECEIVER, 0]);
                for n in [m.jitter_ms, m.jitter_max_ms, m.jitter_limit_ms] {
                    out.extend_from_slice(&n.to_be_bytes());
                }
            }
            Block::Other { block_type } => header(out, *block_type, 0),
        }
    }
}

fn metrics(content: &[u8]) -> Option<VoipMetrics> {
    let byte = |at: usize| content.get(at).copied();
    let short = |at: usize| Some(u16::from_be_bytes([byte(at)?, byte(at + 1)?]));
    Some(VoipMetrics {
        ssrc: word(content, 0)?,
        loss_rate: byte(4)?,
        discard_rate: byte(5)?,
        burst_density: byte(6)?,
        gap_density: byte(7)?,
        burst_ms: short(8)?,
        gap_ms: short(10)?,
        round_trip_ms: short(12)?,
        end_system_ms: short(14)?,
        r_factor: byte(20)?,
        mos_lq: byte(22)?,
        mos_cq: byte(23)?,
        jitter_ms: short(26)?,
        jitter_max_ms: short(28)?,
        jitter_limit_ms: short(30)?,
    })
}

fn word(content: &[u8], at: usize) -> Option<u32> {
    let bytes = content.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*bytes))
}

fn long(content: &[u8]) -> Option<u64> {
    content.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))
}

/// Packets behind the newest one that may still come; older ones are lost.
const WINDOW: i64 = ON_THE_WAY as i64;
/// A jump this far ahead is no loss but something else.
const JUMP: i64 = 3_000;

/// Which packets of a source came in time, in their order, counted into bursts and gaps as RFC 3611 appendix A.2
/// draws it: states of a burst and a gap, with packets received or lost in each.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    newest: Option<i64>,
    /// Bit n: the packet n behind the newest one was played or will be.
    came: u64,
    /// Packets whose fate is known.
    packets: u64,
    lost: u64,
    late: u64,
    /// Received since the last one lost.
    run: u64,
    /// Lost in the burst at hand.
    burst: u64,
    /// Received within gaps; received within bursts.
    received_in_gaps: u64,
    received_in_bursts: u64,
    /// Lost alone, within a gap; lost within bursts.
    lost_in_gaps: u64,
    lost_in_bursts: u64,
    bursts: u64,
}

/// What the losses come to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Bursts {
    /// Shares of all packets.
    pub(crate) lost: f32,
    pub(crate) late: f32,
    /// Shares of the packets in bursts, and in gaps.
    pub(crate) burst_density: f32,
    pub(crate) gap_density: f32,
    /// Mean lengths, packets.
    pub(crate) burst_packets: f32,
    pub(crate) gap_packets: f32,
}

impl Losses {
    /// A packet came, in time to be played or not.
    pub(crate) fn note(&mut self, number: i64, in_time: bool) {
        let newest = *self.newest.get_or_insert_with(|| {
            // Nothing before the first packet was lost.
            self.came = u64::MAX;
            number - 1
        });
        let ahead = number.saturating_sub(newest);
        if !(-WINDOW..=JUMP).contains(&ahead) {
            if ahead > 0 {
                self.newest = None;
                self.note(number, in_time);
            }
            return;
        }
        for _ in 0..ahead.max(0) {
            self.settle(self.came >> (WINDOW - 1) & 1 == 1);
            self.came <<= 1;
        }
        self.newest = Some(newest.max(number));
        if in_time {
            self.came |= 1 << (-ahead).max(0);
        } else {
            self.late += 1;
        }
    }

    /// The figures so far.
    pub(crate) fn bursts(&self) -> Bursts {
        let share = |part: u64, of: u64| if of == 0 { 0.0 } else { part as f32 / of as f32 };
        // The burst at hand, and what came since it or since the last gap began.
        let open_burst = if self.burst > 1 { self.burst } else { 0 };
        let lost_in_gaps = self.lost_in_gaps + self.burst - open_burst;
        let lost_in_bursts = self.lost_in_bursts + open_burst;
        let bursts = self.bursts + u64::from(open_burst > 0);
        let in_gaps = self.received_in_gaps + self.run + lost_in_gaps;
        let in_bursts = self.received_in_bursts + lost_in_bursts;
        let lost = lost_in_gaps + lost_in_bursts;
        Bursts {
            lost: share(lost.saturating_sub(self.late), self.packets),
            late: share(self.late.min(lost), self.packets),
            burst_density: share(lost_in_bursts, in_bursts),
            gap_density: share(lost_in_gaps, in_gaps),
            burst_packets: share(in_bursts, bursts),
            gap_packets: share(in_gaps, bursts + 1),
        }
    }

    /// The next packet's fate.
    fn settle(&mut self, received: bool) {
        self.packets += 1;
        if received {
            self.run += 1;
            return;
        }
        self.lost += 1;
        if self.run >= GMIN || self.lost == 1 {
            // What went before has ended: one lost alone belongs to the gap around it.
            match std::mem::take(&mut self.burst) {
                0 => {}
                1 => self.lost_in_gaps += 1,
                burst => {
                    self.lost_in_bursts += burst;
                    self.bursts += 1;
                }
            }
            self.received_in_gaps += self.run;
        } else {
            self.received_in_bursts += self.run;
        }
        self.burst += 1;
        self.run = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    const METRICS: VoipMetrics = VoipMetrics {
        ssrc: 0x0102_0304,
        loss_rate: 13,
        discard_rate: 2,
        burst_density: 100,
        gap_density: 5,
        burst_ms: 320,
        gap_ms: 4_000,
        round_trip_ms: 90,
        end_system_ms: 60,
        r_factor: 88,
        mos_lq: 42,
        mos_cq: 40,
        jitter_ms: 40,
        jitter_max_ms: 60,
        jitter_limit_ms: 500,
    };

    #[test]
    fn what_is_written_is_read() {
        let blocks = [
            Block::ReferenceTime(0x0001_0203_0405_0607),
            Block::DelaySinceLast { ssrc: 9, last: 8, delay: 7 },
            Block::VoipMetrics(METRICS),
        ];
        let mut bytes = Vec::new();
        write(&blocks, &mut bytes);
        assert_eq!(bytes.len(), 12 + 16 + 36, "RFC 3611 sections 4.4, 4.5 and 4.7");
        assert_eq!(parse(&bytes), Some(blocks.to_vec()));
        // Section 4.7.4 and 4.7.6: what is fixed, where the picture has it.
        let voip = &bytes[28..];
        assert_eq!((voip[0], voip[3], voip[23], voip[28]), (7, 8, 16, 0xF0));
        assert_eq!(parse(&bytes[..bytes.len() - 1]), None);
        assert_eq!(parse(&[1, 0, 0, 0, 9]), None, "what is behind a block begins another");
        assert_eq!(parse(&[1, 0, 0, 1, 0, 0, 0, 0]), Some(vec![Block::Other { block_type: 1 }]));
    }

    #[test]
    fn junk_never_panics() {
        let mut random = StdRng::seed_from_u64(3_611);
        for _ in 0..50_000 {
            let length = random.random_range(0..80);
            let bytes: Vec<u8> = (0..length).map(|i| if i % 4 == 2 { 0 } else { random.random() }).collect();
            let _ = parse(&bytes);
        }
    }

    fn bursts(pattern: impl Iterator<Item = bool>) -> Bursts {
        let mut losses = Losses::default();
        for (number, came) in (0..).zip(pattern.chain(std::iter::repeat_n(true, 33))) {
            if came {
                losses.note(number, true);
            }
        }
        losses.bursts()
    }

    #[test]
    fn one_lost_alone_is_of_a_gap_and_two_close_ones_are_a_burst() {
        let near = |a: f32, b: f32| assert!((a - b).abs() < 0.002, "{a} {b}");
        let alone = bursts((0..1_000).map(|n| n % 50 != 49));
        near(alone.lost, 0.02);
        near(alone.gap_density, 0.02);
        assert_eq!((alone.burst_density, alone.burst_packets), (0.0, 0.0));
        // Every 100 packets three of five in a row are lost: the first and the last of a burst are lost ones.
        let close = bursts((0..1_000).map(|n| ![50, 52, 54].contains(&(n % 100))));
        near(close.lost, 0.03);
        near(close.burst_density, 0.6);
        near(close.gap_density, 0.0);
        assert_eq!(close.burst_packets, 5.0);
        assert!((85.0..96.0).contains(&close.gap_packets), "{close:?}");
    }

    #[test]
    fn sixteen_that_came_end_a_burst_and_fifteen_do_not() {
        // Section 4.7.2, Gmin.
        let every = |n: i64| bursts((0..20 * n).map(|i| i % n != n - 1));
        assert!(every(16).burst_density > 0.06 && every(16).gap_density == 0.0, "{:?}", every(16));
        assert!(every(17).burst_density == 0.0 && every(17).gap_density > 0.05, "{:?}", every(17));
    }

    #[test]
    fn what_is_too_late_counts_once_its_fate_is_known() {
        let mut losses = Losses::default();
        (0..100).for_each(|n| losses.note(n, n < 95));
        assert_eq!(losses.bursts().late, 0.0);
        (100..130).for_each(|n| losses.note(n, true));
        assert!(losses.bursts().late > 0.03);
    }

    #[test]
    fn late_ones_are_told_apart_and_reordered_ones_are_not_lost() {
        let mut losses = Losses::default();
        for n in 0..400_i64 {
            // Each pair in the wrong order.
            losses.note(n ^ 1, n % 100 != 7);
        }
        let figures = losses.bursts();
        assert_eq!(figures.lost, 0.0, "{figures:?}");
        assert!((figures.late - 4.0 / 368.0).abs() < 0.003, "{figures:?}");
        losses.note(1_000_000, true);
        losses.note(-5, true);
        assert!(losses.bursts().lost < 0.01, "a jump is no loss");
    }
}
