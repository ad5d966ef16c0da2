//! The RTCP half of a stream: when to report (RFC 3550 section 6.2 and 6.3), what, and what the peer's reports say.
//!
//! Two parties with one source each always stay below the bandwidth share of section 6.2, so the interval is the
//! minimum one. The first report goes as soon as it can say something, which that section allows between two parties,
//! and loss is told as soon as the reports before leave room for it. There is no wall clock here: the NTP times count
//! from the start of the stream, as section 6.4.1 allows, which is all that round trips need.

use std::time::{Duration, Instant};

use rand::{Rng, rngs::StdRng};

use crate::jitter::Reception;
use crate::quality::Quality;
use crate::rtcp::{self, ReportBlock, RtcpPacket, SenderInfo};
use crate::xr::{Block, Bursts, VoipMetrics};

/// Section 6.2: the minimum interval, and half of it before the first report.
const INTERVAL: Duration = Duration::from_secs(5);
/// Between two parties the first report may even go without delay (section 6.2); so long after the first packet there is
/// something to tell, if only how long the way is.
const FIRST: Duration = Duration::from_millis(500);
/// While packets get lost: the peer's redundancy follows what it hears of that. Some 100 bytes a second stay below the
/// share of bandwidth that section 6.2 gives, for whose sake RFC 4585 lets go of the minimum.
const INTERVAL_UNDER_LOSS: Duration = Duration::from_secs(1);
/// Share lost from which it counts, 256ths.
const LOSS: u8 = 3;
/// How much of a rise of loss is believed at once, and after how long half of a fall is: one report a second covers fifty
/// packets, of which a network that loses a tenth in bursts often loses none.
const RISE: f32 = 0.5;
const HALF_FORGOTTEN: Duration = Duration::from_secs(10);
/// Reports older than this tell nothing of the last seconds.
const RECENT: Duration = Duration::from_secs(12);
/// Whoever has been sent to for so long can report on it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Section 6.3.1: compensates for the reconsideration that converges below the interval.
const COMPENSATION: f64 = std::f64::consts::E - 1.5;

/// What the jitter buffer waits at most, ms.
const BUFFER_LIMIT_MS: u16 = 1_000;

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
    /// What is to be expected of the next packets by all that was told.
    pub(crate) expected_loss: Option<f32>,
    /// In units of our RTP clock.
    pub(crate) jitter: Option<u32>,
    /// Mean time lost at once, where the peer tells of bursts.
    pub(crate) burst_ms: Option<f32>,
    /// When the peer reported last, and when on us.
    pub(crate) at: Option<Instant>,
    told: Option<Instant>,
    expected: Option<Instant>,
    /// The peer's latest report was on nothing of ours, though we had been sending.
    pub(crate) unheard: bool,
}

impl Feedback {
    fn expect(&mut self, now: Instant, loss: f32) {
        let passed = self.expected.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.expected = Some(now);
        self.expected_loss = Some(match self.expected_loss {
            None => loss,
            Some(before) if loss > before => before + (loss - before) * RISE,
            Some(before) => {
                let kept = 0.5_f32.powf(passed.as_secs_f32() / HALF_FORGOTTEN.as_secs_f32());
                loss + (before - loss) * kept
            }
        });
    }

    /// The loss, unless it was told long ago.
    pub(crate) fn recent_loss(&self, now: Instant) -> Option<f32> {
        self.told.filter(|at| now.saturating_duration_since(*at) < RECENT).and(self.loss)
    }
}

/// What is reported on beside the reception itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) quality: Option<Quality>,
    pub(crate) packet_ms: f32,
    pub(crate) buffer_ms: f32,
    pub(crate) target_ms: f32,
}

/// The source that is reported on.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    pub(crate) ssrc: u32,
    pub(crate) reception: &'a mut Reception,
    pub(crate) bursts: Bursts,
    pub(crate) figures: Figures,
}

/// Writes and reads the reports of one stream.
#[derive(Debug)]
pub(crate) struct Reporter {
    ssrc: u32,
    cname: String,
    random: StdRng,
    started: Instant,
    due: Instant,
    reported: bool,
    /// When loss may be told at the earliest.
    soonest: Instant,
    /// The peer's last sender report: middle of its NTP time, and when it came.
    heard: Option<(u32, Instant)>,
    /// The same of a peer that sends nothing: its source, its time (RFC 3611 section 4.4), and when it came.
    reference: Option<(u32, u32, Instant)>,
    extended: bool,
    feedback: Feedback,
}

impl Reporter {
    pub(crate) fn new(now: Instant, ssrc: u32, cname: String, mut random: StdRng) -> Self {
        let due = now + interval(INTERVAL / 2, &mut random);
        Self {
            ssrc,
            cname,
            random,
            started: now,
            due,
            reported: false,
            soonest: now,
            heard: None,
            reference: None,
            extended: false,
            feedback: Feedback::default(),
        }
    }

    /// The same for a peer that takes extended reports, or not.
    pub(crate) fn with_extended(mut self, extended: bool) -> Self {
        self.extended = extended;
        self
    }

    pub(crate) fn feedback(&self) -> Feedback {
        self.feedback
    }

    /// When the next report is due.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// A packet of the peer came.
    pub(crate) fn hears(&mut self, now: Instant) {
        if !self.reported {
            self.due = self.due.min(now + FIRST);
        }
    }

    /// So much (256ths) was lost since the last report: the peer should know.
    pub(crate) fn loses(&mut self, now: Instant, share: u8) {
        if share >= LOSS {
            self.due = self.due.min(self.soonest.max(now));
        }
    }

    /// Nothing comes of the peer, which is at the time for it: the peer should know.
    pub(crate) fn misses(&mut self, now: Instant) {
        self.due = self.due.min(self.soonest.max(now));
    }

    /// Writes the report that is due now.
    pub(crate) fn report(
        &mut self,
        now: Instant,
        sent: Option<Sent>,
        received: Option<Received<'_>>,
    ) -> Vec<u8> {
        let packets = self.compound(now, sent, received);
        self.reported = true;
        self.soonest = now + interval(INTERVAL_UNDER_LOSS, &mut self.random);
        self.due =
            if tells_loss(&packets) { self.soonest } else { now + interval(INTERVAL, &mut self.random) };
        let mut out = Vec::new();
        rtcp::write(&packets, &mut out);
        out
    }

    /// Writes the last report, with a goodbye (section 6.6).
    pub(crate) fn goodbye(
        &mut self,
        now: Instant,
        sent: Option<Sent>,
        received: Option<Received<'_>>,
    ) -> Vec<u8> {
        let mut packets = self.compound(now, sent, received);
        packets.push(RtcpPacket::Goodbye { ssrcs: vec![self.ssrc] });
        let mut out = Vec::new();
        rtcp::write(&packets, &mut out);
        out
    }

    /// Reads a compound of the peer, which we have sent to since then. Gives the sources that said goodbye.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        sending_since: Option<Instant>,
        packets: &[RtcpPacket],
    ) -> Vec<u32> {
        let mut gone = Vec::new();
        self.feedback.at = Some(now);
        let told = self.feedback.told.take();
        for packet in packets {
            match packet {
                RtcpPacket::SenderReport { info, blocks, .. } => {
                    self.heard = Some((middle(info.ntp), now));
                    self.read_blocks(now, blocks);
                }
                RtcpPacket::ReceiverReport { blocks, .. } => self.read_blocks(now, blocks),
                RtcpPacket::Goodbye { ssrcs } => gone.extend(ssrcs),
                RtcpPacket::ExtendedReport { ssrc, blocks } => self.read_extended(now, *ssrc, blocks),
                RtcpPacket::SourceDescription { .. } | RtcpPacket::Other { .. } => {}
            }
        }
        let reports = packets.iter().any(|packet| {
            matches!(packet, RtcpPacket::SenderReport { .. } | RtcpPacket::ReceiverReport { .. })
        });
        if reports {
            let patient = sending_since.is_some_and(|at| now.saturating_duration_since(at) >= PATIENCE);
            self.feedback.unheard = patient && self.feedback.told.is_none();
        }
        self.feedback.told = self.feedback.told.or(told);
        gone
    }

    fn read_blocks(&mut self, now: Instant, blocks: &[ReportBlock]) {
        let ours = self.ssrc;
        for block in blocks.iter().filter(|block| block.ssrc == ours) {
            self.feedback.told = Some(now);
            let loss = f32::from(block.fraction_lost) / 256.0;
            self.feedback.loss = Some(loss);
            self.feedback.expect(now, loss);
            self.feedback.jitter = Some(block.jitter);
            if block.last_sender_report != 0 {
                self.round_trip(now, block.last_sender_report, block.delay_since_last);
            }
        }
    }

    fn read_extended(&mut self, now: Instant, from: u32, blocks: &[Block]) {
        for block in blocks {
            match block {
                Block::ReferenceTime(ntp) => self.reference = Some((from, middle(*ntp), now)),
                Block::DelaySinceLast { ssrc, last, delay } if *ssrc == self.ssrc => {
                    self.round_trip(now, *last, *delay);
                }
                Block::VoipMetrics(metrics) if metrics.ssrc == self.ssrc => {
                    // A burst of which most is lost is lost at once, or nearly; in others losses are single. What came
                    // too late counts into bursts too: against that more delay helps, and no repetition.
                    let lost = f32::from(metrics.burst_ms) * f32::from(metrics.burst_density) / 256.0;
                    let lossy = metrics.burst_density >= 128 && metrics.loss_rate > metrics.discard_rate;
                    self.feedback.burst_ms = lossy.then_some(lost);
                }
                _ => {}
            }
        }
    }

    /// RFC 3550 section 6.4.1: A - LSR - DLSR, in 1/65536 s. Nonsense comes out huge and is ignored.
    fn round_trip(&mut self, now: Instant, last: u32, delay: u32) {
        let trip = middle(self.ntp(now)).wrapping_sub(last).wrapping_sub(delay);
        if last != 0 && trip < 60 << 16 {
            self.feedback.round_trip = Some(Duration::from_secs_f64(f64::from(trip) / 65_536.0));
        }
    }

    fn metrics(&self, received: &Received<'_>) -> Block {
        let share = |share: f32| (share * 256.0).clamp(0.0, 255.0) as u8;
        let ms = |ms: f32| ms.round().clamp(0.0, 65_535.0) as u16;
        let Received { ssrc, bursts, figures, .. } = received;
        // Section 4.7.5: 127 is unknown.
        let tenths = |mos: Option<f32>| mos.map_or(127, |mos| (mos * 10.0).round() as u8);
        Block::VoipMetrics(VoipMetrics {
            ssrc: *ssrc,
            loss_rate: share(bursts.lost),
            discard_rate: share(bursts.late),
            burst_density: share(bursts.burst_density),
            gap_density: share(bursts.gap_density),
            burst_ms: ms(bursts.burst_packets * figures.packet_ms),
            gap_ms: ms(bursts.gap_packets * figures.packet_ms),
            round_trip_ms: ms(self.feedback.round_trip.map_or(0.0, |trip| trip.as_secs_f32() * 1_000.0)),
            end_system_ms: ms(figures.buffer_ms),
            r_factor: figures.quality.map_or(127, |quality| quality.rating.round() as u8),
            mos_lq: tenths(figures.quality.map(|quality| quality.mos_listening)),
            mos_cq: tenths(figures.quality.map(|quality| quality.mos)),
            jitter_ms: ms(figures.target_ms),
            jitter_max_ms: ms(figures.target_ms),
            jitter_limit_ms: BUFFER_LIMIT_MS,
        })
    }

    fn compound(&self, now: Instant, sent: Option<Sent>, received: Option<Received<'_>>) -> Vec<RtcpPacket> {
        let mut extended = Vec::new();
        if let Some((ssrc, last, at)) = self.reference {
            extended.push(Block::DelaySinceLast { ssrc, last, delay: since(now, at) });
        }
        if self.extended {
            if sent.is_none() {
                extended.push(Block::ReferenceTime(self.ntp(now)));
            }
            extended.extend(received.as_ref().map(|received| self.metrics(received)));
        }
        // Section 6.4: of a source that was not heard since the last report nothing is told, which tells its sender.
        let heard = received.filter(|received| received.reception.is_heard());
        let blocks: Vec<_> =
            heard.map(|received| self.block(now, received.ssrc, received.reception)).into_iter().collect();
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
        let name = RtcpPacket::SourceDescription { chunks: vec![(self.ssrc, self.cname.clone())] };
        let mut packets = vec![report, name];
        if !extended.is_empty() {
            packets.push(RtcpPacket::ExtendedReport { ssrc: self.ssrc, blocks: extended });
        }
        packets
    }

    fn block(&self, now: Instant, ssrc: u32, reception: &mut Reception) -> ReportBlock {
        ReportBlock {
            ssrc,
            fraction_lost: reception.take_fraction_lost(),
            cumulative_lost: reception.cumulative_lost(),
            highest_sequence: reception.highest(),
            jitter: reception.jitter() as u32,
            last_sender_report: self.heard.map_or(0, |(ntp, _)| ntp),
            delay_since_last: self.heard.map_or(0, |(_, at)| since(now, at)),
        }
    }

    /// 32.32 fixed point since the start, plus a second: 0 would read as "no report".
    fn ntp(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.started) + Duration::from_secs(1);
        (elapsed.as_secs() << 32) | ((u64::from(elapsed.subsec_nanos()) << 32) / 1_000_000_000)
    }
}

/// Whether a report tells of loss.
fn tells_loss(packets: &[RtcpPacket]) -> bool {
    packets.iter().any(|packet| match packet {
        RtcpPacket::SenderReport { blocks, .. } | RtcpPacket::ReceiverReport { blocks, .. } => {
            blocks.iter().any(|block| block.fraction_lost >= LOSS)
        }
        _ => false,
    })
}

/// In 1/65536 s.
fn since(now: Instant, at: Instant) -> u32 {
    (now.saturating_duration_since(at).as_secs_f64() * 65_536.0) as u32
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

    fn received(reception: &mut Reception) -> Received<'_> {
        let quality = Quality {
            rating: 80.4,
            mos: 4.02,
            mos_listening: 4.1,
            loss: 0.0,
            concealed: 0.0,
            delay_ms: 60.0,
            jitter_ms: 3.0,
            bad_side: None,
            silence: None,
        };
        let figures = Figures { quality: Some(quality), packet_ms: 20.0, buffer_ms: 41.0, target_ms: 40.0 };
        let bursts = Bursts {
            lost: 0.0625,
            late: 0.01,
            burst_density: 0.5,
            gap_density: 0.01,
            burst_packets: 8.0,
            gap_packets: 400.0,
        };
        Received { ssrc: 1, reception, bursts, figures }
    }

    #[test]
    fn the_peer_hears_of_bursts_and_of_its_time_by_extended_reports() {
        let start = Instant::now();
        let ms = |n| start + Duration::from_millis(n);
        let (mut a, mut b) = (reporter(start, 1), reporter(ms(900), 2).with_extended(true));
        let mut of_a = Reception::new(ms(0), 0, 8_000);
        // Neither sends sound: without these no round trip could be known (RFC 3611 section 4.4).
        let report = b.report(ms(2_000), None, Some(received(&mut of_a)));
        a.receive(ms(2_030), None, &rtcp::parse(&report).unwrap());
        assert_eq!(a.feedback().burst_ms, Some(80.0), "8 packets of 20 ms, half of them lost");
        let report = a.report(ms(3_030), None, None);
        b.receive(ms(3_060), None, &rtcp::parse(&report).unwrap());
        let trip = b.feedback().round_trip.unwrap().as_secs_f64();
        assert!((trip - 0.060).abs() < 0.001, "{trip}");
        let report = b.report(ms(4_000), None, Some(received(&mut of_a)));
        let packets = rtcp::parse(&report).unwrap();
        let RtcpPacket::ExtendedReport { blocks, .. } = &packets[2] else { panic!("{packets:?}") };
        let Some(Block::VoipMetrics(metrics)) = blocks.last() else { panic!("{blocks:?}") };
        assert_eq!((metrics.loss_rate, metrics.burst_density, metrics.gap_ms), (16, 128, 8_000));
        assert_eq!((metrics.r_factor, metrics.mos_lq, metrics.mos_cq), (80, 41, 40));
        assert_eq!((metrics.round_trip_ms, metrics.end_system_ms), (60, 41));
        let plain = rtcp::parse(&reporter(start, 3).report(start, None, None)).unwrap();
        assert_eq!(plain.len(), 2, "who did not ask for them gets none");
    }

    #[test]
    fn loss_is_told_within_about_a_second_and_a_peer_that_hears_nothing_is_noticed() {
        let start = Instant::now();
        let mut a = reporter(start, 1);
        for lossy in [true, false] {
            let mut reception = Reception::new(start, 0, 8_000);
            (0..100).filter(|n| !lossy || n % 10 != 5).for_each(|n| {
                reception.count(n);
            });
            a.report(start, None, Some(received(&mut reception)));
            let wait = a.due() - start;
            assert_eq!(wait < Duration::from_millis(1_300), lossy, "{wait:?}");
        }
        let nothing = [RtcpPacket::ReceiverReport { ssrc: 2, blocks: Vec::new() }];
        let later = start + Duration::from_secs(5);
        a.receive(later, None, &nothing);
        assert!(!a.feedback().unheard, "nothing was sent");
        a.receive(later, Some(later - Duration::from_secs(1)), &nothing);
        assert!(!a.feedback().unheard, "not for long");
        a.receive(later, Some(start), &nothing);
        assert!(a.feedback().unheard);
        let block = ReportBlock { ssrc: 1, fraction_lost: 64, ..ReportBlock::default() };
        a.receive(later, Some(start), &[RtcpPacket::ReceiverReport { ssrc: 2, blocks: vec![block] }]);
        let feedback = a.feedback();
        assert!(!feedback.unheard);
        assert_eq!(feedback.recent_loss(later), Some(0.25));
        assert_eq!(feedback.recent_loss(later + RECENT), None, "that is history");
        // A compound that tells nothing of it takes nothing back.
        a.receive(later, Some(later), &nothing);
        assert_eq!(a.feedback().recent_loss(later), Some(0.25));
    }

    #[test]
    fn bursts_are_what_the_network_lost_of_ours_at_once() {
        let start = Instant::now();
        let told = |change: fn(&mut VoipMetrics)| {
            let mut metrics = VoipMetrics {
                ssrc: 1,
                loss_rate: 20,
                burst_density: 128,
                burst_ms: 100,
                ..VoipMetrics::default()
            };
            change(&mut metrics);
            let mut a = reporter(start, 1);
            let blocks = vec![Block::VoipMetrics(metrics)];
            a.receive(start, None, &[RtcpPacket::ExtendedReport { ssrc: 2, blocks }]);
            a.feedback().burst_ms
        };
        assert_eq!(told(|_| {}), Some(50.0));
        assert_eq!(told(|metrics| metrics.burst_density = 100), None, "single losses");
        assert_eq!(told(|metrics| metrics.discard_rate = 30), None, "what came too late wants more delay");
        assert_eq!(told(|metrics| metrics.ssrc = 7), None, "another's");
    }

    #[test]
    fn a_sender_asks_for_no_time_and_the_first_report_has_one() {
        let start = Instant::now();
        let mut a = reporter(start, 1).with_extended(true);
        let sent = Sent { timestamp: 9, packets: 5, octets: 800 };
        let packets = rtcp::parse(&a.report(start, Some(sent), None)).unwrap();
        let RtcpPacket::SenderReport { info, .. } = &packets[0] else { panic!("{packets:?}") };
        // RFC 3550 section 6.4.1: in the peer's report 0 would say that there was none.
        assert_ne!(middle(info.ntp), 0);
        assert_eq!(packets.len(), 2, "RFC 3611 section 4.4: the reference time is of those who send nothing");
    }

    #[test]
    fn who_is_not_heard_any_more_is_left_out_of_the_next_report() {
        let start = Instant::now();
        let ms = |n| start + Duration::from_millis(n);
        let mut a = reporter(start, 1);
        let mut of_b = Reception::new(start, 0, 8_000);
        (0..50).for_each(|number| _ = of_b.count(number));
        let mut blocks = |now, reception: &mut Reception| {
            let packets = rtcp::parse(&a.report(now, None, Some(received(reception)))).unwrap();
            let RtcpPacket::ReceiverReport { blocks, .. } = &packets[0] else { panic!("{packets:?}") };
            blocks.len()
        };
        assert_eq!(blocks(ms(1_000), &mut of_b), 1);
        assert_eq!(blocks(ms(6_000), &mut of_b), 0, "section 6.4: heard since the last report");
        of_b.count(50);
        assert_eq!(blocks(ms(11_000), &mut of_b), 1);
        assert!(a.due() > ms(13_000));
        a.misses(ms(11_500));
        let told = a.due() - ms(11_000);
        assert!(told < INTERVAL_UNDER_LOSS.mul_f64(1.3), "{told:?}");
        assert!(a.due() >= ms(11_400), "no more often than the bandwidth allows");
    }

    #[test]
    fn the_round_trip_is_measured() {
        let start = Instant::now();
        let ms = |n| start + Duration::from_millis(n);
        let (mut a, mut b) = (reporter(start, 1), reporter(ms(700), 2));
        let sent = Sent { timestamp: 9, packets: 5, octets: 800 };
        let report = a.report(ms(3_000), Some(sent), None);
        b.receive(ms(3_040), None, &rtcp::parse(&report).unwrap());
        let mut of_a = Reception::new(ms(0), 0, 8_000);
        of_a.count(0);
        (31..60).for_each(|number| _ = of_a.count(number));
        let report = b.report(ms(4_500), None, Some(received(&mut of_a)));
        a.receive(ms(4_570), None, &rtcp::parse(&report).unwrap());
        let feedback = a.feedback();
        let trip = feedback.round_trip.unwrap().as_secs_f64();
        assert!((trip - 0.110).abs() < 0.001, "{trip}");
        assert_eq!(feedback.loss, Some(0.5));
    }

    #[test]
    fn a_second_without_loss_does_not_make_a_network_good() {
        let start = Instant::now();
        let mut a = reporter(start, 1);
        let mut tell = |second: u64, fraction_lost: u8| {
            let block = ReportBlock { ssrc: 1, fraction_lost, ..ReportBlock::default() };
            let report = RtcpPacket::ReceiverReport { ssrc: 2, blocks: vec![block] };
            a.receive(start + Duration::from_secs(second), None, &[report]);
            a.feedback().expected_loss.unwrap()
        };
        assert_eq!(tell(0, 0), 0.0);
        assert_eq!(tell(1, 64), 0.125, "half of a quarter");
        assert_eq!(tell(2, 64), 0.1875);
        assert!((tell(7, 0) - 0.1326).abs() < 0.001, "half a half-life");
        assert!((tell(17, 0) - 0.0663).abs() < 0.001);
        assert!(tell(100, 0) < 0.001, "but it may become good");
    }

    #[test]
    fn reports_about_others_and_nonsense_are_ignored() {
        let start = Instant::now();
        let mut a = reporter(start, 1);
        let block = ReportBlock { ssrc: 99, fraction_lost: 200, ..ReportBlock::default() };
        a.receive(start, None, &[RtcpPacket::ReceiverReport { ssrc: 2, blocks: vec![block] }]);
        assert_eq!((a.feedback().loss, a.feedback().round_trip), (None, None));
        let block = ReportBlock { ssrc: 1, last_sender_report: 0x0002_0000, delay_since_last: 7, ..block };
        a.receive(start, None, &[RtcpPacket::ReceiverReport { ssrc: 2, blocks: vec![block] }]);
        assert_eq!(a.feedback().round_trip, None);
        for answer in [(99, 0x0001_0000), (1, 0)] {
            let blocks = vec![Block::DelaySinceLast { ssrc: answer.0, last: answer.1, delay: 0 }];
            a.receive(start, None, &[RtcpPacket::ExtendedReport { ssrc: 2, blocks }]);
            assert_eq!(a.feedback().round_trip, None, "{answer:?}");
        }
    }

    #[test]
    fn intervals_are_random_around_five_seconds() {
        let start = Instant::now();
        let mut a = reporter(start, 1);
        let first = a.due() - start;
        assert!((Duration::from_millis(1_000)..Duration::from_millis(3_100)).contains(&first), "{first:?}");
        let mut now = a.due();
        let mut all = std::collections::HashSet::new();
        for _ in 0..50 {
            a.report(now, None, None);
            let next = a.due() - now;
            assert!(all.insert(next), "section 6.3.1: nobody marches in step");
            assert!((Duration::from_millis(2_050)..Duration::from_millis(6_160)).contains(&next), "{next:?}");
            now = a.due();
        }
    }

    #[test]
    fn the_first_report_follows_the_first_packet_and_loss_is_told_at_once() {
        let start = Instant::now();
        let ms = |n| start + Duration::from_millis(n);
        let mut a = reporter(start, 1);
        a.hears(ms(100));
        a.hears(ms(120));
        assert_eq!(a.due(), ms(600), "half a second after the first");
        a.loses(ms(450), LOSS - 1);
        assert_eq!(a.due(), ms(600), "so little needs no haste");
        a.loses(ms(450), LOSS);
        assert_eq!(a.due(), ms(450), "section 6.2: the first may go without delay");
        a.report(ms(450), None, None);
        a.hears(ms(460));
        assert!(a.due() > ms(2_500), "the usual interval follows");
        a.loses(ms(470), 100);
        let told = a.due() - ms(450);
        assert!(
            told > INTERVAL_UNDER_LOSS.mul_f64(0.4) && told < INTERVAL_UNDER_LOSS.mul_f64(1.3),
            "{told:?}"
        );
        a.loses(ms(9_000), 100);
        assert_eq!(a.due() - ms(450), told, "no later by being lost again");
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
