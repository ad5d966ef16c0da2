//! A loudspeaker: mono samples at [`crate::DEVICE_RATE`], written as it needs them.
//!
//! The invariant: what a callback will take is in the ring a margin of time before it, for the writer's unevenness, and
//! is made no sooner than that. The margin grows when it wasn't enough again and again; a single time tells more of
//! the machine than of the margin.

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

/// What a callback may take beyond the longest so far, milliseconds.
const SPARE_MS: usize = 1;

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

    /// Samples at [`DEVICE_RATE`] to write now so that the callbacks to come find what they need.
    pub fn wanted(&mut self, now: Instant) -> usize {
        let margin = self.margin.follow(now, self.counters.slips.load(Relaxed));
        // Before it has begun to play, what is written would only wait.
        let Some(rhythm) = self.rhythm() else { return 0 };
        let spare = self.card.rate as usize * SPARE_MS / 1_000;
        let goal = match rhythm.come_within(margin, now) {
            0 => 0,
            soon => soon as usize * self.counters.period.load(Relaxed) as usize + spare,
        };
        let missing = goal.saturating_sub(self.fill());
        missing * DEVICE_RATE as usize / self.card.rate.max(1) as usize
    }

    /// When more will be wanted, if nothing happens before; later than `now`. `None` while that can't be foreseen.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        self.rhythm()?.next_within(self.margin.time, now)
    }

    fn rhythm(&self) -> Option<Rhythm> {
        let interval = self.counters.interval(self.card.rate)?;
        Some(Rhythm { latest: self.counters.latest(), interval })
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

/// When callbacks come, as far as the latest one tells.
#[derive(Debug, Clone, Copy)]
struct Rhythm {
    latest: Instant,
    interval: Duration,
}

impl Rhythm {
    /// How many callbacks come within `margin` of `now`. One that is overdue may come at any moment, and no other before
    /// it.
    fn come_within(self, margin: Duration, now: Instant) -> u32 {
        let passed = now.saturating_duration_since(self.latest).min(self.interval) + margin;
        u32::try_from(passed.as_nanos() / self.interval.as_nanos().max(1)).unwrap_or(0)
    }

    /// When it will be one more; later than `now`.
    fn next_within(self, margin: Duration, now: Instant) -> Option<Instant> {
        let next = self.interval.checked_mul(self.come_within(margin, now) + 1)?;
        (self.latest + next).checked_sub(margin).filter(|at| *at > now)
    }
}

/// How long before a callback its samples are in the ring.
#[derive(Debug)]
struct Margin {
    time: Duration,
    slips: u64,
    /// When it wasn't enough last.
    slipped: Option<Instant>,
    calm_since: Option<Instant>,
}

/// A little less than the usual callbacks are apart: then the thread wakes right after one, where the microphone's come as well.
const LEAST: Duration = Duration::from_millis(9);
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
    fn samples_are_made_a_margin_before_their_callback_and_no_sooner() {
        let latest = Instant::now();
        let rhythm = Rhythm { latest, interval: Duration::from_millis(10) };
        let ms = Duration::from_millis;
        let within = |margin, now| rhythm.come_within(ms(margin), latest + ms(now));
        assert_eq!(
            [0, 3, 4, 9, 10, 13, 50].map(|now| within(6, now)),
            [0, 0, 1, 1, 1, 1, 1],
            "one that is late"
        );
        assert_eq!(
            [0, 5, 6, 10, 50].map(|now| within(14, now)),
            [1, 1, 2, 2, 2],
            "a margin of more than one"
        );
        let next = |margin, now| rhythm.next_within(ms(margin), latest + ms(now)).map(|at| at - latest);
        assert_eq!([0, 3, 4, 9].map(|now| next(6, now)), [ms(4), ms(4), ms(14), ms(14)].map(Some));
        assert_eq!(next(14, 5), Some(ms(6)));
        assert_eq!(next(6, 14), None, "an overdue one can't be foreseen");
    }

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
