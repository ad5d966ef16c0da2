//! One call's audio stream: microphone samples to RTP, RTP to loudspeaker samples, with RTCP and telephone events.
//!
//! It is driven from outside: samples by [`Stream::capture`] and [`Stream::playout`], datagrams by
//! [`Stream::receive`] and [`Stream::poll_packet`], time by every `now`. It never waits and never fails: what can't
//! be used is counted.
//!
//! What isn't here: where samples come from (`io`), and who may send to us (the owner of the socket).

mod config;
mod receiving;
mod sending;

use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng, rngs::StdRng};

pub use config::{StreamConfig, StreamError};
use receiving::Receiving;
use sending::Sending;

use crate::codec::CodecKind;
use crate::dtmf::Digit;
use crate::jitter::Reception;
use crate::quality::{Counted, Expected, Heard, Meter};
use crate::report::{Figures, Received, Reporter, Sent};
use crate::rtcp;
use crate::rtp;
use crate::stats::StreamStats;

/// A datagram to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Where it belongs, should the two not share a port.
    pub kind: PacketKind,
    /// The datagram.
    pub bytes: Vec<u8>,
}

/// The two protocols of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketKind {
    /// Media.
    Rtp,
    /// Reports.
    Rtcp,
}

/// What happened in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEvent {
    /// The first audio packet of the peer came.
    MediaStarted,
    /// The peer pressed a key, and released it.
    DtmfReceived {
        /// The key.
        digit: Digit,
        /// How long it was held.
        held: Duration,
    },
    /// Another source sends now, as after a transfer on the other side.
    SsrcChanged {
        /// The new one.
        ssrc: u32,
    },
    /// The peer sends another codec now.
    CodecChanged {
        /// The new one.
        kind: CodecKind,
    },
    /// The peer's source said goodbye (RTCP BYE).
    PeerLeft,
}

/// Delay of a codec beyond its packet: what it looks ahead, ms.
fn look_ahead_ms(kind: CodecKind) -> f32 {
    match kind {
        CodecKind::Opus => 6.5,
        CodecKind::G722 => 1.4,
        CodecKind::Pcmu | CodecKind::Pcma => 0.0,
    }
}

/// One call's audio.
#[derive(Debug)]
pub struct Stream {
    config: StreamConfig,
    sending: Sending,
    receiving: Receiving,
    reporter: Option<Reporter>,
    random: StdRng,
    meter: Meter,
    expected: Expected,
    /// Since when the peer is expected to send.
    expected_since: Option<Instant>,
    malformed: u64,
    rtcp_sent: u64,
    rtcp_received: u64,
}

impl Stream {
    /// A stream as negotiated.
    pub fn new(config: StreamConfig) -> Result<Self, StreamError> {
        if ![10, 20, 30, 40, 60].contains(&config.packet_ms) {
            return Err(StreamError::Config("packet time"));
        }
        let receiving = Receiving::new(&config)?;
        let mut random = StdRng::seed_from_u64(config.seed);
        let sending = Sending::new(&config, &mut random)?;
        Ok(Self {
            config,
            sending,
            receiving,
            reporter: None,
            random,
            meter: Meter::default(),
            expected: Expected::Sound,
            expected_since: None,
            malformed: 0,
            rtcp_sent: 0,
            rtcp_received: 0,
        })
    }

    /// Rate of the samples that go in and come out, Hz.
    pub fn sample_rate(&self) -> u32 {
        self.config.sample_rate
    }

    /// The source that this stream's packets name.
    pub fn ssrc(&self) -> u32 {
        self.sending.ssrc
    }

    /// Takes microphone samples, any number, the last of which was recorded `now`. Packets come out of
    /// [`Self::poll_packet`].
    pub fn capture(&mut self, now: Instant, samples: &[f32]) {
        self.start(now);
        self.follow_feedback();
        self.sending.capture(now, samples);
    }

    /// The next datagram to send.
    pub fn poll_packet(&mut self) -> Option<Packet> {
        self.sending.poll()
    }

    /// Takes a datagram that arrived, RTP or RTCP.
    pub fn receive(&mut self, now: Instant, datagram: &[u8]) {
        self.start(now);
        if rtp::is_rtcp(datagram) {
            self.receive_rtcp(now, datagram);
        } else if !self.receiving.receive(now, datagram) {
            self.malformed += 1;
        } else if let (Some(reporter), Some(source)) = (&mut self.reporter, &self.receiving.source) {
            reporter.hears(now);
            // The whole of a burst tells more than its first packet.
            if source.reception.is_between_losses() {
                reporter.loses(now, source.reception.fraction_lost());
            }
        }
    }

    /// Fills `out` with what is to be heard from `now` on. Call it when the loudspeaker needs it and not before:
    /// packets may arrive until then.
    pub fn playout(&mut self, now: Instant, out: &mut [f32]) {
        self.receiving.play(now, out);
        self.look(now);
    }

    /// When [`Self::handle_timeout`] must be called at the latest. Ask again after every other call.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let report = self.reporter.as_ref().map(Reporter::due);
        [self.receiving.poll_timeout(), report].into_iter().flatten().min()
    }

    /// Does what the time asks for: reports, ends of digits.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.receiving.handle_timeout(now);
        if let Some(reporter) =
            self.reporter.as_mut().filter(|_| is_missing(now, self.expected, &self.receiving))
        {
            reporter.misses(now);
        }
        if self.reporter.as_ref().is_some_and(|reporter| reporter.due() <= now) {
            self.report(now, false);
        }
        self.look(now);
    }

    /// Sends a digit, after those already waiting: as a telephone event, or as tones where the peer takes none. It
    /// needs [`Self::capture`] to go on.
    pub fn send_dtmf(&mut self, digit: Digit, length: Duration) -> Result<(), StreamError> {
        self.sending.press(digit, length)
    }

    /// Sends the room's noise, made anew, in place of what is captured. Digits are still sent.
    pub fn set_muted(&mut self, muted: bool) {
        self.sending.set_muted(muted);
    }

    /// Whether noise is sent in place of what is captured.
    pub fn is_muted(&self) -> bool {
        self.sending.is_muted()
    }

    /// Stops or resumes sending RTP altogether, as while on hold (`a=recvonly`, `a=inactive`).
    pub fn set_sending(&mut self, enabled: bool) {
        self.sending.set_enabled(enabled);
    }

    /// Which share of its time (0..=1) the thread that drives this was at work lately; to be told about once a second.
    /// The encoder works less where there is no time for more.
    pub fn set_load(&mut self, load: f32) {
        self.sending.encoder().set_load(load);
    }

    /// What the peer is to send, as the signalling says; sound until this is called.
    pub fn set_expected(&mut self, expected: Expected) {
        if self.expected != expected {
            self.expected = expected;
            // Whoever begins to send gets the time it takes.
            self.expected_since = None;
        }
    }

    /// Ends the stream: queues the last report with a goodbye.
    pub fn close(&mut self, now: Instant) {
        self.start(now);
        self.report(now, true);
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<StreamEvent> {
        self.receiving.poll_event()
    }

    /// The numbers at present.
    pub fn stats(&self) -> StreamStats {
        let (sending, receiving) = (&self.sending, &self.receiving);
        let playout = &receiving.playout;
        let jitter = playout.jitter();
        let played = playout.played();
        let feedback = self.reporter.as_ref().map(Reporter::feedback).unwrap_or_default();
        let reception = receiving.source.as_ref().map(|source| &source.reception);
        let send_clock = sending.clock_rate() as f32;
        StreamStats {
            send_codec: Some(self.config.send.kind),
            receive_codec: receiving.heard_kind,
            packets_sent: sending.packets_sent,
            bytes_sent: sending.bytes_sent,
            packets_received: receiving.counts.packets,
            bytes_received: receiving.counts.bytes,
            packets_lost: receiving.lost(),
            packets_late: receiving.counts.late,
            packets_duplicate: receiving.counts.duplicate,
            packets_reordered: receiving.counts.reordered,
            packets_malformed: self.malformed + played.malformed,
            packets_dropped: sending.packets_dropped + jitter.dropped(),
            samples_concealed: played.concealed,
            samples_recovered: played.recovered,
            samples_played: played.samples,
            samples_accelerated: played.accelerated,
            samples_expanded: played.expanded,
            jitter_ms: reception.map_or(0.0, Reception::jitter_ms),
            buffer_ms: jitter.delay_ms(),
            target_ms: jitter.target_ms(),
            round_trip_ms: feedback.round_trip.map(|trip| trip.as_secs_f32() * 1_000.0),
            peer_loss: feedback.loss,
            peer_jitter_ms: feedback.jitter.map(|units| units as f32 / send_clock * 1_000.0),
            rtcp_sent: self.rtcp_sent,
            rtcp_received: self.rtcp_received,
            capture_level_db: sending.level.db(),
            playout_level_db: receiving.level.db(),
            quality: self.meter.latest(),
        }
    }

    fn start(&mut self, now: Instant) {
        self.expected_since.get_or_insert(now);
        if self.reporter.is_none() {
            let random = StdRng::seed_from_u64(self.random.random());
            let reporter = Reporter::new(now, self.sending.ssrc, self.config.cname.clone(), random);
            self.reporter = Some(reporter.with_extended(self.config.extended_reports));
        }
    }

    /// Looks at how it sounds, once a second.
    fn look(&mut self, now: Instant) {
        if self.expected_since.is_none() || self.meter.due().is_some_and(|due| now < due) {
            return;
        }
        let feedback = self.reporter.as_ref().map(Reporter::feedback).unwrap_or_default();
        let (receiving, sending) = (&self.receiving, &self.sending);
        let played = receiving.playout.played();
        let reception = receiving.source.as_ref().map(|source| &source.reception);
        let counted = Counted {
            kind: receiving.heard_kind.unwrap_or(self.config.send.kind),
            received: receiving.counts.packets,
            lost: receiving.lost(),
            late: receiving.counts.late,
            played: played.samples,
            concealed: played.concealed,
            jitter_ms: reception.map_or(0.0, Reception::jitter_ms),
            delay_ms: self.delay_ms(feedback.round_trip),
            loss_there: feedback.recent_loss(now),
        };
        let heard = Heard {
            expected: self.expected,
            since: self.expected_since,
            last_packet: receiving.last_packet,
            last_sound: receiving.last_sound,
            pausing: receiving.pausing,
            last_report: feedback.at,
            muted: sending.is_muted(),
            sending_since: sending.since.filter(|_| sending.is_enabled()),
            last_captured_sound: sending.last_sound,
            last_capture: sending.last_capture,
            unheard: feedback.unheard,
        };
        self.meter.look(now, counted, &heard);
    }

    /// From the peer's mouth to the ear here, without the devices: its packet, the way, what waits here.
    fn delay_ms(&self, round_trip: Option<Duration>) -> f32 {
        let way = round_trip.map_or(0.0, |trip| trip.as_secs_f32() * 500.0);
        let kind = self.receiving.heard_kind.unwrap_or(self.config.send.kind);
        self.sending.packet_ms() as f32
            + look_ahead_ms(kind)
            + way
            + self.receiving.playout.jitter().delay_ms()
    }

    fn follow_feedback(&mut self) {
        let feedback = self.reporter.as_ref().map(Reporter::feedback).unwrap_or_default();
        if let Some(loss) = feedback.expected_loss {
            self.sending.encoder().set_network(loss, feedback.burst_ms);
        }
    }

    fn report(&mut self, now: Instant, last: bool) {
        let sent = (self.sending.packets_sent > 0).then(|| Sent {
            timestamp: self.sending.timestamp(now),
            packets: self.sending.packets_sent,
            octets: self.sending.bytes_sent,
        });
        let jitter = self.receiving.playout.jitter();
        let figures = Figures {
            quality: self.meter.latest(),
            packet_ms: self.sending.packet_ms() as f32,
            buffer_ms: jitter.delay_ms(),
            target_ms: jitter.target_ms(),
        };
        let received = self.receiving.source.as_mut().map(|source| Received {
            ssrc: source.ssrc,
            reception: &mut source.reception,
            bursts: source.losses.bursts(),
            figures,
        });
        let Some(reporter) = &mut self.reporter else { return };
        let bytes =
            if last { reporter.goodbye(now, sent, received) } else { reporter.report(now, sent, received) };
        self.rtcp_sent += 1;
        self.sending.push(Packet { kind: PacketKind::Rtcp, bytes });
    }

    fn receive_rtcp(&mut self, now: Instant, datagram: &[u8]) {
        let Ok(packets) = rtcp::parse(datagram) else {
            self.malformed += 1;
            return;
        };
        self.rtcp_received += 1;
        let since = self.sending.since;
        let gone =
            self.reporter.as_mut().map(|reporter| reporter.receive(now, since, &packets)).unwrap_or_default();
        if self.receiving.source.as_ref().is_some_and(|source| gone.contains(&source.ssrc)) {
            self.receiving.push_event(StreamEvent::PeerLeft);
        }
    }
}

/// After so long without a packet the peer is told that nothing comes, and for so long.
const MISSING: std::ops::Range<Duration> = Duration::from_millis(500)..Duration::from_secs(5);

/// Whether packets that should come do not, since a moment ago.
fn is_missing(now: Instant, expected: Expected, receiving: &Receiving) -> bool {
    let quiet = receiving.last_packet.map(|last| now.saturating_duration_since(last));
    expected == Expected::Sound && !receiving.pausing && quiet.is_some_and(|quiet| MISSING.contains(&quiet))
}
