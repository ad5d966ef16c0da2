//! A microphone: mono samples at [`crate::DEVICE_RATE`], ready to be read.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use rtrb::Consumer;

use super::DeviceId;
use super::callback::Counters;
use super::card::{Card, News};
use super::follow::Follows;
use crate::DEVICE_RATE;
use crate::error::AudioError;
use crate::resample::Resampler;

/// An open microphone. Dropping it closes it.
pub struct Capture {
    ring: Consumer<f32>,
    resampler: Resampler,
    piece: Vec<f32>,
    counters: Arc<Counters>,
    skipped: u64,
    card: Card,
}

/// What a callback may be later than foreseen.
const ON_ITS_WAY: Duration = Duration::from_micros(500);
/// How long until one that is later still is looked for again.
const AGAIN: Duration = Duration::from_millis(1);
/// More than this waiting means the reader slept; what is old by then is thrown away, milliseconds.
const BACKLOG_MS: usize = 150;
/// What is kept then, milliseconds.
const KEPT_MS: usize = 20;

impl Capture {
    /// Opens a microphone by id or name, or the system's default, and starts it.
    pub fn open(id: Option<&DeviceId>) -> Result<Self, AudioError> {
        let capture = Self::start(id, 1)?;
        capture.card.is_on(id)?;
        Ok(capture)
    }

    fn start(id: Option<&DeviceId>, slower: u32) -> Result<Self, AudioError> {
        let counters = Arc::new(Counters::new());
        let (card, ring) = Card::capture(id, slower, &counters)?;
        let rate = card.rate;
        let resampler = Resampler::new(rate, DEVICE_RATE)
            .ok_or_else(|| AudioError::UnsupportedFormat(card.on.to_string(), format!("{rate} Hz")))?;
        Ok(Self { ring, resampler, piece: Vec::new(), counters, skipped: 0, card })
    }

    /// Appends what was recorded since the last call and returns how many samples that is.
    pub fn read(&mut self, out: &mut Vec<f32>) -> usize {
        let before = out.len();
        let mut ready = self.ring.slots();
        let ms = self.card.rate as usize / 1_000;
        if ready > BACKLOG_MS * ms {
            let skip = ready - KEPT_MS * ms;
            (0..skip).for_each(|_| _ = self.ring.pop());
            self.skipped += 1;
            ready -= skip;
        }
        self.piece.clear();
        self.piece.extend((0..ready).map_while(|_| self.ring.pop().ok()));
        self.resampler.process(&self.piece, out);
        out.len() - before
    }

    /// When there will be more to read, as far as can be foreseen; later than `now`. `None` before the first samples.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let interval = self.counters.interval(self.card.rate)?;
        Some((self.counters.latest() + interval + ON_ITS_WAY).max(now + AGAIN))
    }

    /// Times samples were lost because nobody read them or the sound system ran over.
    pub fn overruns(&self) -> u64 {
        self.counters.slips.load(Relaxed) + self.counters.xruns.load(Relaxed) + self.skipped
    }

    /// Frames the sound system delivered so far, at its own rate.
    pub fn frames(&self) -> u64 {
        self.counters.frames.load(Relaxed)
    }
}

impl Follows for Capture {
    fn open(id: Option<&DeviceId>, slower: u32) -> Result<Self, AudioError> {
        Self::start(id, slower)
    }

    fn on(&self) -> &DeviceId {
        &self.card.on
    }

    fn news(&mut self, now: Instant) -> Option<News> {
        self.card.news(now)
    }

    fn moves(&self, now: Instant) -> bool {
        self.counters.moves(now)
    }

    fn slips(&self) -> u64 {
        self.overruns()
    }
}

impl std::fmt::Debug for Capture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Capture").field("on", &self.card.on).finish_non_exhaustive()
    }
}
