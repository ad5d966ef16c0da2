//! The RTCP half of a stream: when to report (RFC 3550 section 6.2 and 6.3), what, and what the peer's reports say.
//!
//! Two parties with one source each always stay below the bandwidth share of section 6.2, so the interval is the
//! minimum one. There is no wall clock here: the NTP times count from the start of the stream, as section 6.4.1
//! allows, which is all that round trips need.

use std::time::{Duration, Instant};

use rand::{Rng, rngs::StdRng};

use crate::jitter::Reception;
use crate::rtcp::{self, ReportBlock, RtcpPacket, SenderInfo};

/// Section 6.2: the minimum interval, and half of it before the first report.
const INTERVAL: Duration = Duration::from_secs(5);
/// Section 6.3.1: compensates for the reconsideration that converges below the interval.
const COMPENSATION: f64 = std::f64::consts::E - 1.5;

/// What was sent so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    /// The RTP timestamp of this instant.
    pub(crate) timestamp: u32,
    pub(crate) packets: u64,
    pub(crate) octets: u64,
}

/// What the peer's reports told lately.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Feedback {
    pub(crate) round_trip: Option<Duration>,
    /// Share of our packets lost since the report before.
    pub(crate) loss: Option<f32>,
    /// In units of our RTP clock.
    pub(crate) jitter: Option<u32>,
}

/// Writes and reads the reports of one stream.
#[derive(Debug)]
pub(crate) struct Reporter {
    ssrc: u32,
    cname: String,
    random: StdRng,
    started: Instant,
    due: Instant,
    /// The peer's last sender report: middle of its NTP time, and when it came.
    heard: Option<(u32, Instant)>,
    feedback: Feedback,
}

impl Reporter {
    pub(crate) fn new(now: Instant, ssrc: u32, cname: String, mut random: StdRng) -> Self {
        let due = now + interval(INTERVAL / 2, &mut random);
        Self { ssrc, cname, random, started: now, due, heard: None, feedback: Feedback::default() }
    }

    pub(crate) fn feedback(&self) -> Feedback {
        self.feedback
    }

    /// When the next report is due.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// Writes the report that is due now.
    pub(crate) fn report(
        &mut self,
        now: Instant,
        sent: Option<Sent>,
        received: Option<(u32, &mut Reception)>,
    ) -> Vec<u8> {
        self.due = now + interval(INTERVAL, &mut self.random);
        let mut out = Vec::new();
        rtcp::write(&self.compound(now, sent, received), &mut out);
        out
    }

    /// Writes the last report, with a goodbye (section 6.6).
    pub(crate) fn goodbye(
        &mut self,
        now: Instant,
        sent: Option<Sent>,
        received: Option<(u32, &mut Reception)>,
    ) -> Vec<u8> {
        let mut packets = self.compound(now, sent, received);
        packets.push(RtcpPacket::Goodbye { ssrcs: vec![self.ssrc] });
        let mut out = Vec::new();
        rtcp::write(&packets, &mut out);
        out
    }

    /// Reads a compound of the peer. Gives the sources that said goodbye.
    pub(crate) fn receive(&mut self, now: Instant, packets: &[RtcpPacket]) -> Vec<u32> {
        let mut gone = Vec::new();
        for packet in packets {
            match packet {
                RtcpPacket::SenderReport { info, blocks, .. } => {
                    self.heard = Some((middle(info.ntp), now));
                    self.read_blocks(now, blocks);
                }
                RtcpPacket::ReceiverReport { blocks, .. } => self.read_blocks(now, blocks),
                RtcpPacket::Goodbye { ssrcs } => gone.extend(ssrcs),
                RtcpPacket::SourceDescription { .. } | RtcpPacket::Other { .. } => {}
            }
        }
        gone
    }

    fn read_blocks(&mut self, now: Instant, blocks: &[ReportBlock]) {
        for block in blocks.iter().filter(|block| block.ssrc == self.ssrc) {
            self.feedback.loss = Some(f32::from(block.fraction_lost) / 256.0);
            self.feedback.jitter = Some(block.jitter);
            if block.last_sender_report != 0 {
                // Section 6.4.1: A - LSR - DLSR, in 1/65536 s. Nonsense comes out huge and is ignored.
                let trip = middle(self.ntp(now))
                    .wrapping_sub(block.last_sender_report)
                    .wrapping_sub(block.delay_since_last);
                if trip < 60 << 16 {
                    self.feedback.round_trip = Some(Duration::from_secs_f64(f64::from(trip) / 65_536.0));
                }
            }
        }
    }

    fn compound(
        &self,
        now: Instant,
        sent: Option<Sent>,
        received: Option<(u32, &mut Reception)>,
    ) -> Vec<RtcpPacket> {
        let blocks: Vec<_> =
            received.map(|(ssrc, reception)| self.block(now, ssrc, reception)).into_iter().collect();
        let report = match sent {
            Some(sent) => RtcpPacket::SenderReport {
                ssrc: self.ssrc,
                info: SenderInfo {
                    ntp: self.ntp(now),
                    rtp: sent.timestamp,
                    packets: sent.packets as u32,
                    octets: sent.octets as u32,
                },
                blocks,
            },
            None => RtcpPacket::ReceiverReport { ssrc: self.ssrc, blocks },
        };
        vec![report, RtcpPacket::SourceDescription { chunks: vec![(self.ssrc, self.cname.clone())] }]
    }

    fn block(&self, now: Instant, ssrc: u32, reception: &mut Reception) -> ReportBlock {
        let since = |at: Instant| (now.saturating_duration_since(at).as_secs_f64() * 65_536.0) as u32;
        ReportBlock {
            ssrc,
            fraction_lost: reception.take_fraction_lost(),
            cumulative_lost: reception.cumulative_lost(),
            highest_sequence: reception.highest(),
            jitter: reception.jitter() as u32,
            last_sender_report: self.heard.map_or(0, |(ntp, _)| ntp),
            delay_since_last: self.heard.map_or(0, |(_, at)| since(at)),
        }
    }

    /// 32.32 fixed point since the start, plus a second: 0 would read as "no report".
    fn ntp(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.started) + Duration::from_secs(1);
        (elapsed.as_secs() << 32) | ((u64::from(elapsed.subsec_nanos()) << 32) / 1_000_000_000)
    }
}

fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// Section 6.3.1: between half and one and a half of it, so that nobody marches in step.
fn interval(base: Duration, random: &mut StdRng) -> Duration {
    base.mul_f64(random.random_range(0.5..1.5) / COMPENSATION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn reporter(now: Instant, ssrc: u32) -> Reporter {
        Reporter::new(now, ssrc, "x@y".into(), StdRng::seed_from_u64(u64::from(ssrc)))
    }

    #[test]
    fn the_round_trip_is_measured() {
        let start = Instant::now();
        let ms = |n| start + Duration::from_millis(n);
        let (mut a, mut b) = (reporter(start, 1), reporter(ms(700), 2));
        let sent = Sent { timestamp: 9, packets: 5, octets: 800 };
        let report = a.report(ms(3_000), Some(sent), None);
        b.receive(ms(3_040), &rtcp::parse(&report).unwrap());
        let mut of_a = Reception::new(ms(0), 0, 8_000);
        of_a.count(0);
        of_a.count(3);
        let report = b.report(ms(4_500), None, Some((1, &mut of_a)));
        a.receive(ms(4_570), &rtcp::parse(&report).unwrap());
        let feedback = a.feedback();
        let trip = feedback.round_trip.unwrap().as_secs_f64();
        assert!((trip - 0.110).abs() < 0.001, "{trip}");
        assert_eq!(feedback.loss, Some(0.5));
    }

    #[test]
    fn reports_about_others_and_nonsense_are_ignored() {
        let start = Instant::now();
        let mut a = reporter(start, 1);
        let block = ReportBlock { ssrc: 99, fraction_lost: 200, ..ReportBlock::default() };
        a.receive(start, &[RtcpPacket::ReceiverReport { ssrc: 2, blocks: vec![block] }]);
        assert_eq!(a.feedback(), Feedback::default());
        let block = ReportBlock { ssrc: 1, last_sender_report: 0x0002_0000, delay_since_last: 7, ..block };
        a.receive(start, &[RtcpPacket::ReceiverReport { ssrc: 2, blocks: vec![block] }]);
        assert_eq!(a.feedback().round_trip, None);
    }

    #[test]
    fn intervals_are_random_around_five_seconds() {
        let start = Instant::now();
        let mut a = reporter(start, 1);
        let first = a.due() - start;
        assert!((Duration::from_millis(1_000)..Duration::from_millis(3_100)).contains(&first), "{first:?}");
        let mut now = a.due();
        for _ in 0..50 {
            a.report(now, None, None);
            let next = a.due() - now;
            assert!((Duration::from_millis(2_050)..Duration::from_millis(6_160)).contains(&next), "{next:?}");
            now = a.due();
        }
    }

    #[test]
    fn a_compound_starts_with_a_report_and_has_the_cname() {
        let start = Instant::now();
        let packets = rtcp::parse(&reporter(start, 1).goodbye(start, None, None)).unwrap();
        assert!(matches!(
            packets.as_slice(),
            [
                RtcpPacket::ReceiverReport { ssrc: 1, .. },
                RtcpPacket::SourceDescription { .. },
                RtcpPacket::Goodbye { .. }
            ]
        ));
    }
}
