//! What the sound system's own thread runs: samples between a card and a ring. No lock, no allocation, no waiting.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use rtrb::{Consumer, Producer};

/// Callbacks so close to each other are of one lot of samples, nanoseconds.
const AT_ONCE_NS: u64 = 1_000_000;

/// What the callbacks count, read by the thread of the call.
#[derive(Debug)]
pub(super) struct Counters {
    base: Instant,
    /// Frames that passed.
    pub(super) frames: AtomicU64,
    /// Frames that found no room (capture) or were missing (playback).
    pub(super) slipped: AtomicU64,
    /// Times that frames slipped.
    pub(super) slips: AtomicU64,
    /// Times the sound system itself reported an overrun or underrun.
    #[cfg(feature = "device")]
    pub(super) xruns: AtomicU64,
    /// Frames of the longest callback.
    pub(super) period: AtomicU32,
    /// Frames of the latest callbacks that came at once.
    lot: AtomicU32,
    /// Nanoseconds between `base` and the latest callback.
    latest: AtomicU64,
    /// Samples were written once: only then can some be missing.
    pub(super) fed: AtomicBool,
}

impl Counters {
    pub(super) fn new() -> Self {
        Self {
            base: Instant::now(),
            frames: AtomicU64::new(0),
            slipped: AtomicU64::new(0),
            slips: AtomicU64::new(0),
            #[cfg(feature = "device")]
            xruns: AtomicU64::new(0),
            period: AtomicU32::new(0),
            lot: AtomicU32::new(0),
            latest: AtomicU64::new(0),
            fed: AtomicBool::new(false),
        }
    }

    /// When the latest callback ran.
    pub(super) fn latest(&self) -> Instant {
        self.base + std::time::Duration::from_nanos(self.latest.load(Relaxed))
    }

    /// How long after the latest callback the next one comes, by what it and those right before it took or brought at
    /// `rate` Hz; `None` before the first.
    #[cfg(any(test, feature = "device"))]
    pub(super) fn interval(&self, rate: u32) -> Option<std::time::Duration> {
        let frames = self.lot.load(Relaxed);
        (frames > 0 && rate > 0).then(|| std::time::Duration::from_secs(1) * frames / rate)
    }

    /// Whether callbacks come: the first one has, and the latest not long ago.
    #[cfg(feature = "device")]
    pub(super) fn moves(&self, now: Instant) -> bool {
        const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);
        self.period.load(Relaxed) > 0 && now.saturating_duration_since(self.latest()) < PAUSE
    }

    fn note(&self, frames: usize, slipped: usize) {
        self.note_at(self.base.elapsed().as_nanos() as u64, frames, slipped);
    }

    /// The same for a callback so many nanoseconds after `base`.
    fn note_at(&self, now: u64, frames: usize, slipped: usize) {
        self.frames.fetch_add(frames as u64, Relaxed);
        if slipped > 0 {
            self.slipped.fetch_add(slipped as u64, Relaxed);
            self.slips.fetch_add(1, Relaxed);
        }
        self.period.fetch_max(frames as u32, Relaxed);
        let at_once = now.saturating_sub(self.latest.swap(now, Relaxed)) < AT_ONCE_NS;
        let before = if at_once { self.lot.load(Relaxed) } else { 0 };
        self.lot.store(before.saturating_add(frames as u32), Relaxed);
    }
}

/// The capture callback: the mean of the channels of each frame goes into the ring; what finds no room is lost.
pub(super) fn capture<T: Copy>(
    data: &[T],
    channels: usize,
    to_f32: impl Fn(T) -> f32,
    ring: &mut Producer<f32>,
    counters: &Counters,
) {
    let frames = data.chunks_exact(channels.max(1));
    let count = frames.len();
    let scale = 1.0 / channels.max(1) as f32;
    let mut taken = 0;
    for frame in frames {
        if ring.push(frame.iter().map(|sample| to_f32(*sample)).sum::<f32>() * scale).is_err() {
            break;
        }
        taken += 1;
    }
    counters.note(count, count - taken);
}

/// The playback callback: each sample of the ring goes to all channels; where the ring is empty there is silence.
pub(super) fn playback<T: Copy>(
    data: &mut [T],
    channels: usize,
    from_f32: impl Fn(f32) -> T,
    ring: &mut Consumer<f32>,
    counters: &Counters,
) {
    let frames = data.chunks_exact_mut(channels.max(1));
    let count = frames.len();
    let mut given = 0;
    for frame in frames {
        let sample = match ring.pop() {
            Ok(sample) => {
                given += 1;
                sample
            }
            Err(_) => 0.0,
        };
        frame.fill(from_f32(sample));
    }
    let missing = if counters.fed.load(Relaxed) { count - given } else { 0 };
    counters.note(count, missing);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtrb::RingBuffer;

    fn to_f32(sample: i16) -> f32 {
        f32::from(sample) / 32_768.0
    }

    fn from_f32(sample: f32) -> i16 {
        (sample * 32_767.0) as i16
    }

    #[test]
    fn channels_are_averaged_and_what_finds_no_room_is_counted() {
        let (mut to, mut from) = RingBuffer::new(3);
        let counters = Counters::new();
        capture(&[16_384, 0, -16_384, -16_384, 0, 0, 8_192, 8_192], 2, to_f32, &mut to, &counters);
        assert_eq!(std::iter::from_fn(|| from.pop().ok()).collect::<Vec<_>>(), [0.25, -0.5, 0.0]);
        assert_eq!(counters.frames.load(Relaxed), 4);
        assert_eq!((counters.slips.load(Relaxed), counters.slipped.load(Relaxed)), (1, 1));
        assert_eq!(counters.period.load(Relaxed), 4);
    }

    #[test]
    fn the_next_callback_comes_when_all_of_the_latest_lot_is_used_up() {
        let counters = Counters::new();
        let interval = || counters.interval(48_000).map(|interval| interval.as_micros());
        assert_eq!(interval(), None);
        counters.note_at(10_000_000, 480, 0);
        assert_eq!(interval(), Some(10_000));
        counters.note_at(10_040_000, 24, 0);
        assert_eq!(interval(), Some(10_500));
        counters.note_at(20_500_000, 240, 0);
        assert_eq!(interval(), Some(5_000));
    }

    #[test]
    fn an_empty_ring_is_silence_and_is_counted_once_it_was_fed() {
        let (mut to, mut from) = RingBuffer::new(8);
        let counters = Counters::new();
        let mut out = [7_i16; 8];
        playback(&mut out, 2, from_f32, &mut from, &counters);
        assert_eq!((out, counters.slipped.load(Relaxed)), ([0; 8], 0));
        to.push(1.0).unwrap();
        counters.fed.store(true, Relaxed);
        playback(&mut out, 2, from_f32, &mut from, &counters);
        assert_eq!(out, [32_767, 32_767, 0, 0, 0, 0, 0, 0]);
        assert_eq!((counters.slips.load(Relaxed), counters.slipped.load(Relaxed)), (1, 3));
    }

    /// Both directions in one of the formats that cpal gives, with full and empty rings.
    #[cfg(feature = "device")]
    fn passes<T: cpal::SizedSample + cpal::FromSample<f32>>(tolerance: f32)
    where
        f32: cpal::FromSample<T>,
    {
        use cpal::FromSample as _;
        let (mut to, mut from) = RingBuffer::new(600);
        let counters = Counters::new();
        let input = [T::from_sample_(0.5); 960];
        let mut output = [T::from_sample_(-0.5); 960];
        let info = allocation_counter::measure(|| {
            for _ in 0..3 {
                capture(&input, 2, f32::from_sample_, &mut to, &counters);
            }
            for _ in 0..2 {
                playback(&mut output, 2, T::from_sample_, &mut from, &counters);
            }
        });
        assert_eq!((info.count_total, info.bytes_total), (0, 0), "{}", std::any::type_name::<T>());
        let level = |at: usize| f32::from_sample_(output[at]);
        // Of the 600 frames in the ring, the second call has 120, and silence after them.
        assert!(
            (level(239) - 0.5).abs() < tolerance && level(240).abs() < tolerance,
            "{} {}",
            level(239),
            level(240)
        );
        assert_eq!(counters.slipped.load(Relaxed), 3 * 480 - 600);
    }

    #[cfg(feature = "device")]
    #[test]
    fn every_format_passes_both_ways_and_allocates_nothing() {
        passes::<f32>(1e-6);
        passes::<i16>(1e-4);
        passes::<i32>(1e-6);
        passes::<cpal::I24>(1e-5);
        passes::<u8>(1e-2);
        passes::<u16>(1e-4);
    }

    /// The promise of this module, with full and empty rings, counted by a global allocator that counts.
    #[test]
    fn the_callbacks_allocate_nothing() {
        let (mut to, mut from) = RingBuffer::new(1_000);
        let counters = Counters::new();
        let input = [100_i16; 960];
        let mut output = [0.0_f32; 960];
        let info = allocation_counter::measure(|| {
            for _ in 0..10 {
                capture(&input, 2, to_f32, &mut to, &counters);
            }
            for _ in 0..10 {
                playback(&mut output, 2, |s| s, &mut from, &counters);
            }
            counters.latest();
        });
        assert_eq!((info.count_total, info.bytes_total), (0, 0));
        let proof = allocation_counter::measure(|| drop(std::hint::black_box(vec![1_u8; 10])));
        assert_eq!(proof.count_total, 1, "the counter counts");
    }
}
