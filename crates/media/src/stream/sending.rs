//! The way out: microphone samples to packets, with digits and pauses in their place.
//!
//! What isn't here: reports (`report`), and what became of the packets.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::{Rng, rngs::StdRng};

use super::{Packet, PacketKind, StreamConfig, StreamError};
use crate::codec::{Analyzer, CodecKind, Encoder, Generator};
use crate::dtmf::{self, Digit, EventPacket, KeyTones};
use crate::level::Level;
use crate::resample::Resampler;
use crate::rtp;

/// Datagrams that may wait to be fetched.
const PACKETS: usize = 128;
/// Capture that pauses longer than this goes on at the timestamp of its own time.
const CAPTURE_PAUSE: Duration = Duration::from_millis(250);
/// A pause is described anew after this long, as DTX of Opus does: whoever waits for packets knows we are there.
const NOISE_INTERVAL_MS: u32 = 400;
/// The loudest noise of whoever is muted: a quiet room, also where a loud one, or a voice that spoke from the first
/// moment on, was taken for its noise.
const MUTED_DBOV: f32 = -60.0;
/// Captured samples above this are sound, be it only a room's noise; below is what no microphone gives.
const SOUND: f32 = 1e-4;

#[derive(Debug)]
pub(super) struct Sending {
    kind: CodecKind,
    payload_type: u8,
    encoder: Encoder,
    rate: u32,
    resampler: Resampler,
    pub(super) level: Level,
    /// At the codec's rate, less than a packet.
    waiting: VecDeque<f32>,
    frame: Vec<f32>,
    packet_ms: u32,
    frame_samples: usize,
    frame_ticks: u32,
    pub(super) ssrc: u32,
    sequence: u16,
    timestamp: u32,
    marker: bool,
    enabled: bool,
    muted: bool,
    /// 0 muted, 1 not; moves slowly enough not to click.
    gain: f32,
    /// Nothing of what was captured is left in the frames.
    silenced: bool,
    pub(super) last_capture: Option<Instant>,
    /// When sending began, or was resumed.
    pub(super) since: Option<Instant>,
    /// When something was captured last, muted or not.
    pub(super) last_sound: Option<Instant>,
    digits: Digits,
    digit_timestamp: u32,
    analyzer: Analyzer,
    generator: Generator,
    noise_payload_type: Option<u8>,
    /// Milliseconds since the pause was described.
    pausing: Option<u32>,
    scratch: Vec<f32>,
    packets: VecDeque<Packet>,
    pub(super) packets_sent: u64,
    pub(super) bytes_sent: u64,
    pub(super) packets_dropped: u64,
}

/// How digits go out.
#[derive(Debug)]
enum Digits {
    Events { payload_type: u8, sender: dtmf::Sender },
    Tones(KeyTones),
}

impl Sending {
    pub(super) fn new(config: &StreamConfig, random: &mut StdRng) -> Result<Self, StreamError> {
        let kind = config.send.kind;
        // RFC 8866 section 6.4: the packet time is a wish.
        let packet_ms = if kind == CodecKind::Opus && config.packet_ms == 30 { 20 } else { config.packet_ms };
        let resampler = Resampler::new(config.sample_rate, kind.sample_rate());
        let digits = match &config.send_events {
            Some(events) => Digits::Events {
                payload_type: events.payload_type,
                sender: dtmf::Sender::new(events.clock_rate),
            },
            None => Digits::Tones(KeyTones::new(config.sample_rate)),
        };
        Ok(Self {
            kind,
            payload_type: config.send.payload_type,
            encoder: Encoder::new(&config.send)?,
            rate: config.sample_rate,
            resampler: resampler.ok_or(StreamError::Config("sample rate"))?,
            level: Level::new(config.sample_rate),
            waiting: VecDeque::new(),
            frame: Vec::new(),
            packet_ms,
            frame_samples: (kind.sample_rate() / 1_000 * packet_ms) as usize,
            frame_ticks: kind.clock_rate() / 1_000 * packet_ms,
            ssrc: random.random(),
            // RFC 3711 3.3.1: in the lower half, so that who misses the first packets does not miss a turn of the counter.
            sequence: random.random_range(0..0x8000),
            timestamp: random.random(),
            marker: true,
            enabled: true,
            muted: false,
            gain: 1.0,
            silenced: false,
            last_capture: None,
            since: None,
            last_sound: None,
            digits,
            digit_timestamp: 0,
            analyzer: Analyzer::new(kind.sample_rate()),
            generator: Generator::new(config.seed),
            noise_payload_type: config.send_comfort_noise,
            pausing: None,
            scratch: Vec::new(),
            packets: VecDeque::new(),
            packets_sent: 0,
            bytes_sent: 0,
            packets_dropped: 0,
        })
    }

    pub(super) fn packet_ms(&self) -> u32 {
        self.packet_ms
    }

    pub(super) fn clock_rate(&self) -> u32 {
        self.kind.clock_rate()
    }

    pub(super) fn is_muted(&self) -> bool {
        self.muted
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.enabled
    }

    pub(super) fn encoder(&mut self) -> &mut Encoder {
        &mut self.encoder
    }

    /// The RTP timestamp of `now`.
    pub(super) fn timestamp(&self, now: Instant) -> u32 {
        let since = self.last_capture.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        self.timestamp.wrapping_add((since * f64::from(self.kind.clock_rate())) as u32)
    }

    pub(super) fn capture(&mut self, now: Instant, samples: &[f32]) {
        self.notice_pause(now, samples.len());
        self.last_capture = Some(now);
        if self.enabled {
            self.since.get_or_insert(now);
        }
        if samples.iter().any(|sample| sample.abs() > SOUND) {
            self.last_sound = Some(now);
        }
        self.level.feed(samples);
        let mut gained = self.gain(samples);
        if let Digits::Tones(tones) = &mut self.digits {
            tones.replace(&mut gained);
        }
        let mut converted = std::mem::take(&mut self.frame);
        converted.clear();
        self.resampler.process(&gained, &mut converted);
        self.waiting.extend(&converted);
        self.frame = converted;
        self.scratch = gained;
        while self.waiting.len() >= self.frame_samples {
            self.send_frame();
        }
    }

    /// Capture that stopped for a while goes on at its own time.
    fn notice_pause(&mut self, now: Instant, samples: usize) {
        let length = Duration::from_secs_f64(samples as f64 / f64::from(self.rate));
        let Some(last) = self.last_capture else { return };
        let missing = now.saturating_duration_since(last).saturating_sub(length);
        if missing <= CAPTURE_PAUSE {
            return;
        }
        // What waited for the rest of its packet is given up, and its time with it.
        let given_up = self.waiting.len() as f64 / f64::from(self.kind.sample_rate());
        let ticks = (missing.as_secs_f64() + given_up) * f64::from(self.kind.clock_rate());
        self.timestamp = self.timestamp.wrapping_add(ticks as u32);
        self.waiting.clear();
        self.resampler.reset();
        self.marker = true;
    }

    pub(super) fn press(&mut self, digit: Digit, length: Duration) -> Result<(), StreamError> {
        let taken = match &mut self.digits {
            Digits::Events { sender, .. } => sender.press(digit, length),
            Digits::Tones(tones) => tones.press(digit, length),
        };
        if taken { Ok(()) } else { Err(StreamError::TooManyDigits) }
    }

    pub(super) fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
        if self.last_capture.is_none() {
            // Nothing was said yet that could click: who is muted from the start is not heard at all.
            self.gain = if muted { 0.0 } else { 1.0 };
            self.silenced = muted;
        }
    }

    pub(super) fn set_enabled(&mut self, enabled: bool) {
        if enabled && !self.enabled {
            self.marker = true;
            self.pausing = None;
        }
        if !enabled {
            self.since = None;
        }
        self.enabled = enabled;
    }

    pub(super) fn push(&mut self, packet: Packet) {
        if self.packets.len() >= PACKETS {
            // Old audio helps nobody.
            self.packets.pop_front();
            self.packets_dropped += 1;
        }
        self.packets.push_back(packet);
    }

    pub(super) fn poll(&mut self) -> Option<Packet> {
        self.packets.pop_front()
    }

    fn send_frame(&mut self) {
        self.frame.clear();
        self.frame.extend(self.waiting.drain(..self.frame_samples));
        let timestamp = self.timestamp;
        self.timestamp = timestamp.wrapping_add(self.frame_ticks);
        let packet_time = Duration::from_millis(u64::from(self.packet_ms));
        let event = match &mut self.digits {
            Digits::Events { payload_type, sender } => {
                sender.next(packet_time).map(|event| (*payload_type, event))
            }
            Digits::Tones(_) => None,
        };
        let pauses = self.pauses();
        // The encoder hears the audio under a digit and in a pause too: its state must not jump afterwards.
        let mut payload = Vec::new();
        let encoded = self.encoder.encode(&self.frame, &mut payload);
        if !self.enabled {
            return;
        }
        match (event, encoded) {
            (Some((payload_type, event)), _) => self.push_event(payload_type, event, timestamp),
            (None, _) if pauses && self.noise_payload_type.is_some() => self.push_noise(timestamp),
            // RFC 7587 section 3.1.3: with DTX a packet of one or two bytes needs no sending.
            (None, Ok(())) if self.kind == CodecKind::Opus && payload.len() <= 2 => self.marker = true,
            (None, Ok(())) => {
                self.pausing = None;
                let marker = std::mem::take(&mut self.marker);
                self.push_rtp(self.payload_type, marker, timestamp, &payload);
            }
            (None, Err(error)) => tracing::error!(%error, "a frame could not be encoded"),
        }
    }

    /// Whether the frame is noise only, which it is made to be while muted: a line that is suddenly dead makes the
    /// other side ask whether anybody is there.
    fn pauses(&mut self) -> bool {
        let tones = matches!(&self.digits, Digits::Tones(tones) if tones.is_active());
        if !self.muted || tones {
            self.silenced = false;
            // What fades in or out is no measure of the room.
            return self.gain >= 1.0 && self.analyzer.pauses(&self.frame) && !tones;
        }
        if !std::mem::replace(&mut self.silenced, self.gain == 0.0) {
            return false;
        }
        self.generator.set(self.analyzer.noise().at_most(MUTED_DBOV));
        let count = self.frame.len();
        self.frame.clear();
        self.generator.make(count, &mut self.frame);
        true
    }

    /// RFC 3389 section 4.
    fn push_noise(&mut self, timestamp: u32) {
        let Some(payload_type) = self.noise_payload_type else { return };
        let elapsed = self.pausing.map(|ms| ms.saturating_add(self.packet_ms));
        self.pausing = elapsed.or(Some(0));
        if elapsed.is_some_and(|ms| ms < NOISE_INTERVAL_MS) {
            return;
        }
        self.pausing = Some(0);
        let mut payload = Vec::new();
        self.analyzer.noise().write(&mut payload);
        self.push_rtp(payload_type, false, timestamp, &payload);
        // RFC 3551 section 4.1: the first packet after a silence is marked.
        self.marker = true;
    }

    fn push_event(&mut self, payload_type: u8, event: EventPacket, timestamp: u32) {
        if event.first {
            self.digit_timestamp = timestamp;
        }
        let mut payload = Vec::new();
        event.payload.write(&mut payload);
        self.push_rtp(payload_type, event.first, self.digit_timestamp, &payload);
        self.marker = true;
        self.pausing = None;
    }

    fn push_rtp(&mut self, payload_type: u8, marker: bool, timestamp: u32, payload: &[u8]) {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        let header = rtp::Header { marker, payload_type, sequence, timestamp, ssrc: self.ssrc };
        let mut bytes = Vec::with_capacity(rtp::HEADER_LEN + payload.len());
        header.write(&mut bytes);
        bytes.extend_from_slice(payload);
        self.packets_sent += 1;
        self.bytes_sent += payload.len() as u64;
        self.push(Packet { kind: PacketKind::Rtp, bytes });
    }

    /// The samples with mute applied, moving over 5 ms.
    fn gain(&mut self, samples: &[f32]) -> Vec<f32> {
        let goal = if self.muted { 0.0 } else { 1.0 };
        let step = 200.0 / self.rate as f32;
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        out.extend(samples.iter().map(|sample| {
            if self.gain != goal {
                self.gain += (goal - self.gain).clamp(-step, step);
            }
            // What is no number would poison every filter behind it.
            if sample.is_finite() { sample.clamp(-1.0, 1.0) * self.gain } else { 0.0 }
        }));
        out
    }
}
