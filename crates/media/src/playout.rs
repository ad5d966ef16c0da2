//! From waiting packets to one continuous signal: takes from the jitter buffer what is due, decodes it, makes up
//! what is missing, and stretches it to keep the delay where it should be.
//!
//! Samples are made only when asked for: a packet may arrive until the very moment its first sample is needed.

use std::collections::VecDeque;
use std::time::Instant;

use crate::codec::{CodecError, CodecKind, Decoder, Generator, Noise, Redundancy};
use crate::jitter::{Correction, Inserted, JitterBuffer, Next, Waiting};
use crate::patience::Patience;
use crate::pitch;
use crate::stretch;

/// Made up at once when nothing arrives, milliseconds: the less, the sooner a late packet is played.
const HELD_MS: u32 = 10;
/// What follows the end of a stream is made up this long (comfort noise of a pausing peer); then it is silent.
const AFTERSOUND_MS: u32 = 1_000;
/// Noise is noise: nobody hears which.
const NOISE_SEED: u64 = 3_389;

/// What the playout counted, in samples at the codec's rate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Played {
    pub(crate) samples: u64,
    pub(crate) concealed: u64,
    pub(crate) recovered: u64,
    pub(crate) accelerated: u64,
    pub(crate) expanded: u64,
    pub(crate) malformed: u64,
}

/// The receiving half of an audio stream after the network.
#[derive(Debug)]
pub(crate) struct Playout {
    formats: Vec<(u8, CodecKind)>,
    noise_payload_types: Vec<u8>,
    noise: Generator,
    /// A pause was described (RFC 3389): its noise stands for what does not come.
    pausing: bool,
    kind: CodecKind,
    decoder: Option<Decoder>,
    jitter: JitterBuffer,
    ready: VecDeque<f32>,
    block: Vec<f32>,
    played: Played,
    /// Made up while nothing was there, not yet known to stand for lost packets or for a pause.
    unexplained: u64,
    patience: Patience,
    /// Milliseconds since a packet was played.
    since_packet: u32,
}

impl Playout {
    /// For packets of these payload types, all of one clock rate.
    pub(crate) fn new(formats: Vec<(u8, CodecKind)>, kind: CodecKind) -> Self {
        Self {
            formats,
            noise_payload_types: Vec::new(),
            noise: Generator::new(NOISE_SEED),
            pausing: false,
            kind,
            decoder: None,
            jitter: JitterBuffer::new(kind.clock_rate()),
            ready: VecDeque::new(),
            block: Vec::new(),
            played: Played::default(),
            unexplained: 0,
            patience: Patience::default(),
            since_packet: AFTERSOUND_MS,
        }
    }

    /// The same with comfort noise under these payload types.
    pub(crate) fn with_comfort_noise(mut self, payload_types: Vec<u8>) -> Self {
        self.noise_payload_types = payload_types;
        self
    }

    /// Rate of the samples given out, Hz.
    pub(crate) fn sample_rate(&self) -> u32 {
        self.kind.sample_rate()
    }

    pub(crate) fn jitter(&self) -> &JitterBuffer {
        &self.jitter
    }

    pub(crate) fn note_other(&mut self, sequence: i64) {
        self.jitter.note_other(sequence);
    }

    pub(crate) fn sequence_restarted(&mut self) {
        self.jitter.sequence_restarted();
    }

    /// Another source took over, or the clock of the timestamps changed. The counts go on.
    pub(crate) fn replace_source(&mut self, kind: CodecKind) {
        self.kind = kind;
        self.decoder = None;
        self.pausing = false;
        self.jitter = JitterBuffer::new(kind.clock_rate());
        self.unexplained = 0;
    }

    pub(crate) fn played(&self) -> Played {
        self.played
    }

    /// Puts in a packet of one of the formats.
    pub(crate) fn insert(
        &mut self,
        now: Instant,
        sequence: i64,
        timestamp: u32,
        payload_type: u8,
        payload: &[u8],
    ) -> Inserted {
        let redundancy = match &self.decoder {
            Some(decoder) => decoder.redundancy(payload),
            None => Redundancy::None,
        };
        self.jitter.note_reach(match redundancy {
            Redundancy::None => 0,
            Redundancy::Copy => self.jitter.packet_ticks(),
            Redundancy::Description { reach_ms } => self.ticks(self.samples_of_ms(reach_ms)),
        });
        self.jitter.insert(now, sequence, timestamp, payload_type, payload)
    }

    /// So many samples are fetched at once.
    pub(crate) fn fetched(&mut self, now: Instant, samples: usize) {
        self.jitter.fetched(now, samples as f64 / f64::from(self.sample_rate()));
    }

    /// Fills `out` with what is to be heard `ahead` samples from `now` on.
    pub(crate) fn fill(&mut self, now: Instant, ahead: usize, out: &mut [f32]) {
        while self.ready.len() < out.len() {
            self.block.clear();
            let ahead = (ahead + self.ready.len()) as f64 / f64::from(self.sample_rate());
            self.produce(now, ahead, out.len() - self.ready.len());
            self.ready.extend(self.block.drain(..));
        }
        let count = out.len();
        out.iter_mut().zip(self.ready.drain(..count)).for_each(|(to, from)| *to = from);
        self.played.samples += out.len() as u64;
    }

    /// Puts the next samples, at least one, into the empty block.
    fn produce(&mut self, now: Instant, ahead: f64, missing: usize) {
        match self.jitter.next(now, ahead) {
            Next::Packet { packet, after_pause } => {
                let unexplained = std::mem::take(&mut self.unexplained);
                self.played.concealed += if after_pause { 0 } else { unexplained };
                self.play(&packet);
            }
            Next::Hole { ticks, lost, follower } => self.fill_hole(ticks, lost, follower.as_ref()),
            Next::Empty => {
                let samples = self.samples_of_ms(HELD_MS);
                self.make_up(samples);
                self.unexplained += samples as u64;
                self.jitter.held(self.ticks(samples));
            }
            Next::Starting => {
                // Only as much as is asked for: a packet may be due right after.
                let samples = missing.min(self.samples_of_ms(HELD_MS));
                self.make_up(samples);
            }
        }
        if self.block.is_empty() {
            self.block.resize(missing.max(1), 0.0);
        }
    }

    fn play(&mut self, packet: &Waiting) {
        if self.noise_payload_types.contains(&packet.payload_type) {
            return self.play_noise(packet);
        }
        self.pausing = false;
        self.select(packet.payload_type);
        let decoded = match &mut self.decoder {
            Some(decoder) => decoder.decode(&packet.payload, &mut self.block),
            None => Err(CodecError::Malformed("unknown")),
        };
        match decoded {
            Ok(samples) => {
                self.jitter.played(self.ticks(samples));
                self.since_packet = 0;
                self.correct();
            }
            Err(_) => {
                self.played.malformed += 1;
                let ticks = self.jitter.packet_ticks();
                let samples = self.samples(ticks).max(1);
                self.make_up(samples);
                self.played.concealed += samples as u64;
                self.jitter.played(ticks);
            }
        }
    }

    fn play_noise(&mut self, packet: &Waiting) {
        match Noise::parse(&packet.payload) {
            Some(noise) => self.noise.set(noise),
            None => self.played.malformed += 1,
        }
        self.pausing = true;
        let ticks = self.jitter.packet_ticks();
        let samples = self.samples(ticks).max(1);
        self.make_up(samples);
        self.jitter.played(ticks);
    }

    fn fill_hole(&mut self, ticks: u32, lost: bool, follower: Option<&Waiting>) {
        let samples = self.samples(ticks).max(1);
        let unexplained = std::mem::take(&mut self.unexplained);
        if lost {
            self.played.concealed += unexplained;
        }
        let recovered = lost
            && follower.is_some_and(|next| match &mut self.decoder {
                Some(decoder) => decoder.recover(&next.payload, samples, &mut self.block),
                None => false,
            });
        if recovered {
            self.played.recovered += samples as u64;
        } else {
            self.make_up(samples);
            if lost {
                self.played.concealed += samples as u64;
            }
        }
    }

    /// Stretches the block just decoded if the delay asks for it.
    fn correct(&mut self) {
        let rate = self.sample_rate() as usize;
        let ms = (self.block.len() * 1_000 / rate) as u32;
        let correction = self.jitter.correction();
        let care = self.patience.judge(correction, self.kind.clock_rate(), pitch::power(&self.block), ms);
        let change = match (correction, care) {
            (Correction::None, _) | (_, None) => 0,
            (Correction::Trim(ticks) | Correction::Shorten(ticks), Some(care)) => {
                let most = self.samples(ticks);
                let removed = stretch::shorten(&mut self.block, rate, most, care);
                self.played.accelerated += removed as u64;
                -(removed as i64)
            }
            (Correction::Lengthen(ticks), Some(care)) => {
                let most = self.samples(ticks);
                let added = stretch::lengthen(&mut self.block, rate, most, care);
                self.played.expanded += added as u64;
                added as i64
            }
        };
        if change != 0 {
            self.patience.corrected();
            let ticks = i64::from(self.ticks(change.unsigned_abs() as usize));
            self.jitter.stretched(ticks * change.signum());
        }
    }

    fn make_up(&mut self, samples: usize) {
        let ms = (samples * 1_000 / self.sample_rate() as usize) as u32;
        if self.pausing {
            self.noise.make(samples, &mut self.block);
            return;
        }
        match &mut self.decoder {
            Some(decoder) if self.since_packet < AFTERSOUND_MS => decoder.conceal(samples, &mut self.block),
            _ => self.block.resize(self.block.len() + samples, 0.0),
        }
        self.since_packet = self.since_packet.saturating_add(ms);
    }

    fn select(&mut self, payload_type: u8) {
        let Some(kind) = self.formats.iter().find(|(pt, _)| *pt == payload_type).map(|(_, kind)| *kind)
        else {
            return;
        };
        if self.decoder.is_none() || kind != self.kind {
            self.kind = kind;
            self.decoder = match Decoder::new(kind) {
                Ok(decoder) => Some(decoder),
                Err(error) => {
                    tracing::error!(%error, "no decoder");
                    None
                }
            };
        }
    }

    fn samples_of_ms(&self, ms: u32) -> usize {
        (self.sample_rate() * ms / 1_000) as usize
    }

    fn samples(&self, ticks: u32) -> usize {
        (u64::from(ticks) * u64::from(self.kind.sample_rate()) / u64::from(self.kind.clock_rate())) as usize
    }

    fn ticks(&self, samples: usize) -> u32 {
        let ticks = samples as u64 * u64::from(self.kind.clock_rate()) / u64::from(self.kind.sample_rate());
        u32::try_from(ticks).unwrap_or(u32::MAX)
    }
}
