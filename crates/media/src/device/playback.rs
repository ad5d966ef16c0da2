//! A loudspeaker: mono samples at [`crate::DEVICE_RATE`], written as it needs them.
//!
//! The invariant: the ring holds what the next callback will take and a margin for the writer's unevenness, filled
//! as time passes and not at once, so that a sample is made no sooner than it must. The margin grows when it wasn't
//! enough again and again; a single time tells more of the machine than of the margin.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use rtrb::Producer;

use super::DeviceId;
use super::callback::Counters;
use super::card::{Card, News};
use super::follow::Follows;
use crate::DEVICE_RATE;
use crate::error::AudioError;
use crate::resample::Resampler;

/// An open loudspeaker. Dropping it closes it.
pub struct Playback {
    ring: Producer<f32>,
    capacity: usize,
    resampler: Resampler,
    piece: Vec<f32>,
    counters: Arc<Counters>,
    margin: Margin,
    card: Card,
}

impl Playback {
    /// Opens a loudspeaker by id or name, or the system's default, and starts it.
    pub fn open(id: Option<&DeviceId>) -> Result<Self, AudioError> {
        let playback = Self::start(id, 1)?;
        playback.card.is_on(id)?;
        Ok(playback)
    }

    /// The same for sound that may come late, as a ringtone: callbacks are `slower` times as long.
    pub(super) fn start(id: Option<&DeviceId>, slower: u32) -> Result<Self, AudioError> {
        let counters = Arc::new(Counters::new());
        let (card, ring) = Card::playback(id, slower, &counters)?;
        let rate = card.rate;
        let resampler = Resampler::new(DEVICE_RATE, rate)
            .ok_or_else(|| AudioError::UnsupportedFormat(card.on.to_string(), format!("{rate} Hz")))?;
        let capacity = ring.slots();
        Ok(Self { ring, capacity, resampler, piece: Vec::new(), counters, margin: Margin::default(), card })
    }

    /// Samples at [`DEVICE_RATE`] to write now so that the next callback finds what it needs.
    pub fn wanted(&mut self, now: Instant) -> usize {
        let period = self.counters.period.load(Relaxed) as usize;
        if period == 0 {
            // It hasn't begun to play: what is written now would only wait.
            return 0;
        }
        let margin = self.margin.follow(now, self.counters.slips.load(Relaxed)).as_secs_f64();
        let passed = now.saturating_duration_since(self.counters.latest()).as_secs_f64();
        let rate = f64::from(self.card.rate);
        let grown = (passed * rate).min(period as f64);
        let goal = margin * rate + grown;
        let missing = goal - self.fill() as f64;
        if missing <= 0.0 { 0 } else { (missing / rate * f64::from(DEVICE_RATE)) as usize }
    }

    /// Writes samples; what finds no room is dropped.
    pub fn write(&mut self, samples: &[f32]) {
        self.piece.clear();
        self.resampler.process(samples, &mut self.piece);
        for sample in &self.piece {
            if self.ring.push(*sample).is_err() {
                break;
            }
        }
        self.counters.fed.store(true, Relaxed);
    }

    /// Samples at [`DEVICE_RATE`] until the ring holds so much.
    pub(super) fn room(&self, store: Duration) -> usize {
        let goal = (store.as_secs_f64() * f64::from(self.card.rate)) as usize;
        let missing = goal.saturating_sub(self.fill());
        missing * DEVICE_RATE as usize / self.card.rate.max(1) as usize
    }

    /// Samples that wait in the ring, at the rate of the device.
    pub fn fill(&self) -> usize {
        self.capacity - self.ring.slots()
    }

    /// Times a callback found too few samples, or the sound system ran dry.
    pub fn underruns(&self) -> u64 {
        self.counters.slips.load(Relaxed) + self.counters.xruns.load(Relaxed)
    }

    /// Frames of the longest callback so far, at the rate of the device; 0 before the first.
    pub fn period(&self) -> u32 {
        self.counters.period.load(Relaxed)
    }
}

impl Follows for Playback {
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
        self.underruns()
    }
}

impl std::fmt::Debug for Playback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Playback").field("on", &self.card.on).finish_non_exhaustive()
    }
}

/// How much the ring holds beyond a period.
#[derive(Debug)]
struct Margin {
    time: Duration,
    slips: u64,
    /// When it wasn't enough last.
    slipped: Option<Instant>,
    calm_since: Option<Instant>,
}

const LEAST: Duration = Duration::from_millis(6);
const MOST: Duration = Duration::from_millis(80);
const STEP: Duration = Duration::from_millis(4);
/// A slip so long after the one before is one alone: no margin worth its delay covers what stops a machine now and
/// then.
const ALONE: Duration = Duration::from_secs(10);
/// After this long without a slip a step is tried back.
const CALM: Duration = Duration::from_secs(60);

impl Default for Margin {
    fn default() -> Self {
        Self { time: LEAST, slips: 0, slipped: None, calm_since: None }
    }
}

impl Margin {
    fn follow(&mut self, now: Instant, slips: u64) -> Duration {
        let calm_since = *self.calm_since.get_or_insert(now);
        if slips > self.slips {
            self.slips = slips;
            if self.slipped.is_some_and(|at| now.saturating_duration_since(at) < ALONE) {
                self.time = (self.time + STEP).min(MOST);
            }
            self.slipped = Some(now);
            self.calm_since = Some(now);
        } else if now.saturating_duration_since(calm_since) > CALM {
            self.time = self.time.saturating_sub(STEP).max(LEAST);
            self.calm_since = Some(now);
        }
        self.time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margin_grows_with_slips_and_shrinks_in_calm() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut margin = Margin::default();
        assert_eq!(margin.follow(at(0), 0), LEAST);
        assert_eq!(margin.follow(at(1), 1), LEAST, "once is never");
        assert_eq!(margin.follow(at(2), 3), LEAST + STEP);
        assert_eq!(margin.follow(at(2), 3), LEAST + STEP);
        assert_eq!(margin.follow(at(3), 4), LEAST + STEP * 2);
        assert_eq!(margin.follow(at(64), 4), LEAST + STEP);
        assert_eq!(margin.follow(at(125), 4), LEAST);
        assert_eq!(margin.follow(at(300), 4), LEAST);
        (5..20).for_each(|n| assert_eq!(margin.follow(at(300 * n), n), LEAST, "one alone after the other"));
        (20..120).for_each(|slips| _ = margin.follow(at(6_000), slips));
        assert_eq!(margin.follow(at(6_001), 119), MOST);
    }
}
