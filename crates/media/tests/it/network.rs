//! Two streams and the network between them, moved along in steps of virtual time.

use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng, rngs::StdRng};
use tern_media::{
    CodecKind, Packet, PacketKind, PayloadFormat, Stream, StreamConfig, StreamEvent, TelephoneEvent,
};

/// What the network does to a packet. All is decided by the packet's number and the seed.
pub(crate) struct Rules {
    /// Least time on the way, milliseconds.
    pub(crate) delay_ms: f64,
    /// On top, for packet `n` with a random number in 0..1: milliseconds.
    pub(crate) jitter_ms: fn(n: usize, random: f64) -> f64,
    /// Whether packet `n` is lost.
    pub(crate) lost: fn(n: usize, random: f64) -> bool,
    /// Whether packet `n` comes twice.
    pub(crate) doubled: fn(n: usize) -> bool,
    /// How much faster the sender's clock runs, parts per million.
    pub(crate) drift_ppm: f64,
    /// Steps whose samples the receiver's sound card takes at once.
    pub(crate) lot: u64,
    /// How many steps the receiver's thread wakes too late for a lot, with a random number in 0..1. What comes meanwhile
    /// waits for it.
    pub(crate) late: fn(random: f64) -> u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            delay_ms: 20.0,
            jitter_ms: |_, _| 0.0,
            lost: |_, _| false,
            doubled: |_| false,
            drift_ppm: 0.0,
            lot: 1,
            late: |_| 0,
        }
    }
}

/// One direction of a call: speech goes into a sender, comes out of a receiver.
pub(crate) struct Line {
    pub(crate) sender: Stream,
    pub(crate) receiver: Stream,
    pub(crate) rules: Rules,
    pub(crate) start: Instant,
    pub(crate) heard: Vec<f32>,
    pub(crate) events: Vec<StreamEvent>,
    /// Delay of the buffer over the fastest packet, milliseconds, at each step.
    pub(crate) delays: Vec<f32>,
    /// Payloads of the RTP packets that were sent, lost ones too.
    pub(crate) sent: Vec<Vec<u8>>,
    /// When the receiver reported, and how much, bytes.
    pub(crate) reports: Vec<(Instant, usize)>,
    random: StdRng,
    /// That of the receiver's thread.
    wakes: StdRng,
    /// Steps until it wakes, and when it last woke late.
    asleep: u64,
    woke: Instant,
    /// Steps for which its sound card wants samples.
    wanted: u64,
    way: Vec<(Instant, Vec<u8>)>,
    back: Vec<(Instant, Vec<u8>)>,
    number: usize,
    sent_steps: u64,
    played: u64,
}

/// Samples handed over at a time at 48 kHz: 5 ms, as a sound card might.
const STEP: usize = 240;

pub(crate) fn config(kind: CodecKind, seed: u64) -> StreamConfig {
    let format = tern_media::supported_formats().into_iter().find(|f| f.kind == kind).unwrap();
    StreamConfig::new(format, seed).with_events(TelephoneEvent { payload_type: 101, clock_rate: 8_000 })
}

impl Line {
    pub(crate) fn new(kind: CodecKind, rules: Rules) -> Self {
        Self::with(config(kind, 1), config(kind, 2), rules)
    }

    pub(crate) fn with(sender: StreamConfig, receiver: StreamConfig, rules: Rules) -> Self {
        let start = Instant::now();
        Self {
            sender: Stream::new(sender).unwrap(),
            receiver: Stream::new(receiver).unwrap(),
            rules,
            start,
            heard: Vec::new(),
            events: Vec::new(),
            delays: Vec::new(),
            sent: Vec::new(),
            reports: Vec::new(),
            random: StdRng::seed_from_u64(42),
            wakes: StdRng::seed_from_u64(43),
            asleep: 0,
            woke: start,
            wanted: 0,
            way: Vec::new(),
            back: Vec::new(),
            number: 0,
            sent_steps: 0,
            played: 0,
        }
    }

    pub(crate) fn pcmu(rules: Rules) -> Self {
        Self::new(CodecKind::Pcmu, rules)
    }

    /// Sends `samples` (48 kHz) and plays as long as that lasts. A sender whose clock runs fast goes on from the
    /// beginning when it runs out.
    pub(crate) fn run(&mut self, samples: &[f32]) {
        let mut pieces = samples.chunks(STEP).cycle();
        (0..samples.len().div_ceil(STEP)).for_each(|_| self.step(|| pieces.next()));
    }

    /// Lets time pass without anything captured, as when the peer pauses.
    pub(crate) fn idle(&mut self, ms: u64) {
        (0..ms / 5).for_each(|_| self.step(|| None));
    }

    pub(crate) fn now(&self) -> Instant {
        self.at(self.played)
    }

    pub(crate) fn heard_since(&self, ms: usize) -> &[f32] {
        &self.heard[ms * 48..]
    }

    fn at(&self, steps: u64) -> Instant {
        self.start + Duration::from_micros(steps * 5_000)
    }

    fn step<'a>(&mut self, mut next_piece: impl FnMut() -> Option<&'a [f32]>) {
        let now = self.at(self.played);
        // The sender's sound card runs at its own pace: a step of it takes a little less or more than 5 ms.
        loop {
            let sender_time = self.sent_steps as f64 * 5_000.0 / (1.0 + self.rules.drift_ppm / 1e6);
            let sender_now = self.start + Duration::from_micros(sender_time as u64);
            if sender_now > now {
                break;
            }
            if let Some(piece) = next_piece() {
                self.sender.capture(sender_now, piece);
            }
            self.sent_steps += 1;
            while let Some(Packet { kind, bytes }) = self.sender.poll_packet() {
                self.send(sender_now, kind, bytes);
            }
        }
        self.sender.handle_timeout(now);
        while let Some(Packet { kind, bytes }) = self.sender.poll_packet() {
            self.send(now, kind, bytes);
        }
        self.wanted += 1;
        if self.wanted.is_multiple_of(self.rules.lot) && self.asleep == 0 {
            self.asleep = (self.rules.late)(self.wakes.random());
        }
        match self.asleep.checked_sub(1) {
            None => self.hear(now),
            Some(left) => {
                self.asleep = left;
                self.woke = self.at(self.played + 1);
            }
        }
        while self.back.first().is_some_and(|(at, _)| *at <= now) {
            let (at, bytes) = self.back.remove(0);
            self.sender.receive(at, &bytes);
        }
        self.played += 1;
    }

    /// The receiver's thread is awake.
    fn hear(&mut self, now: Instant) {
        self.way.sort_by_key(|(at, _)| *at);
        while self.way.first().is_some_and(|(at, _)| *at <= now) {
            let (at, bytes) = self.way.remove(0);
            self.receiver.receive(at.max(self.woke), &bytes);
        }
        while self.wanted >= self.rules.lot {
            self.wanted -= self.rules.lot;
            let mut out = vec![0.0; STEP * self.rules.lot as usize];
            self.receiver.playout(now, &mut out);
            self.heard.extend_from_slice(&out);
            self.delays.push(self.receiver.stats().buffer_ms);
        }
        self.receiver.handle_timeout(now);
        while let Some(packet) = self.receiver.poll_packet() {
            self.reports.push((now, packet.bytes.len()));
            self.back.push((now + Duration::from_secs_f64(self.rules.delay_ms / 1_000.0), packet.bytes));
        }
        self.events.extend(std::iter::from_fn(|| self.receiver.poll_event()));
    }

    fn send(&mut self, sent: Instant, kind: PacketKind, bytes: Vec<u8>) {
        let (jitter, loss) = (self.random.random(), self.random.random());
        let n = self.number;
        let mut delay = self.rules.delay_ms;
        if kind == PacketKind::Rtp {
            self.number += 1;
            self.sent.push(bytes.get(tern_media::rtp::HEADER_LEN..).unwrap_or_default().to_vec());
            if (self.rules.lost)(n, loss) {
                return;
            }
            delay += (self.rules.jitter_ms)(n, jitter);
            if (self.rules.doubled)(n) {
                self.way.push((sent + Duration::from_secs_f64(delay / 1_000.0 + 0.003), bytes.clone()));
            }
        }
        self.way.push((sent + Duration::from_secs_f64(delay / 1_000.0), bytes));
    }
}

/// A PCMU packet by hand, for rules that no sender of ours would break.
pub(crate) fn pcmu_packet(sequence: u16, timestamp: u32, ssrc: u32, level: u8) -> Vec<u8> {
    let header = tern_media::rtp::Header { marker: false, payload_type: 0, sequence, timestamp, ssrc };
    let mut bytes = Vec::new();
    header.write(&mut bytes);
    bytes.resize(bytes.len() + 160, level);
    bytes
}

pub(crate) fn pcmu_stream() -> Stream {
    Stream::new(StreamConfig {
        sample_rate: 8_000,
        ..StreamConfig::new(PayloadFormat::new(CodecKind::Pcmu, 0), 5)
    })
    .unwrap()
}
