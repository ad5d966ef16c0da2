//! Carries samples from the loudspeaker's clock to the microphone's.
//!
//! The two devices ask for and give lots of their own sizes at clocks of their own. What is written waits no longer
//! than the unevenness of the two asks for: missing samples are stretched over, surplus ones squeezed out, a few at a
//! time, so that neither is heard.

use std::collections::VecDeque;

use crate::DEVICE_RATE;

/// Most that waits: whoever isn't read for longer starts anew.
const MOST: usize = DEVICE_RATE as usize / 2;
/// How often the surplus is looked at, samples.
const WINDOW: usize = DEVICE_RATE as usize;
/// What may stay over after each reading.
const SPARE: usize = DEVICE_RATE as usize / 1_000;
/// The least part of a lot that can be stretched over all of it.
const STRETCH: usize = 2;
/// A lot is squeezed by one of so many samples.
const SQUEEZE: usize = 64;

/// A queue between two clocks.
#[derive(Debug)]
pub(super) struct Crossing {
    waiting: VecDeque<f32>,
    /// The sample read last, where a stretched lot begins.
    last: f32,
    /// The least that stayed over in this window.
    least: usize,
    read: usize,
    /// To be squeezed out.
    surplus: usize,
}

impl Crossing {
    pub(super) fn new() -> Self {
        Self { waiting: VecDeque::new(), last: 0.0, least: MOST, read: 0, surplus: 0 }
    }

    /// Writes what was played.
    pub(super) fn push(&mut self, samples: &[f32]) {
        self.waiting.extend(samples);
        let over = self.waiting.len().saturating_sub(MOST);
        self.waiting.drain(..over);
    }

    /// Reads `count` samples in place of what is in `out`.
    pub(super) fn take(&mut self, count: usize, out: &mut Vec<f32>) {
        out.clear();
        let squeeze = self.surplus.min(count / SQUEEZE);
        let used = (count + squeeze).min(self.waiting.len());
        if used * STRETCH < count {
            // Nothing to stretch: what there is fades, and silence follows.
            let fade = used.max(1) as f32;
            out.extend(self.waiting.drain(..used).enumerate().map(|(i, s)| s * (1.0 - i as f32 / fade)));
            out.resize(count, 0.0);
        } else if used == count {
            out.extend(self.waiting.drain(..used));
        } else {
            self.surplus -= squeeze.min(used.saturating_sub(count));
            self.resize(used, count, out);
        }
        self.last = out.last().copied().unwrap_or(self.last);
        self.note(count);
    }

    /// Reads `used` samples as `count`.
    fn resize(&mut self, used: usize, count: usize, out: &mut Vec<f32>) {
        let step = used as f32 / count as f32;
        let mut before = self.last;
        let mut after = self.waiting.pop_front().unwrap_or(before);
        let mut popped = 1;
        for i in 1..=count {
            let place = i as f32 * step;
            while popped < used && place > popped as f32 {
                before = after;
                after = self.waiting.pop_front().unwrap_or(before);
                popped += 1;
            }
            let share = (place - (popped as f32 - 1.0)).clamp(0.0, 1.0);
            out.push(before + (after - before) * share);
        }
        while popped < used {
            self.waiting.pop_front();
            popped += 1;
        }
    }

    fn note(&mut self, count: usize) {
        self.least = self.least.min(self.waiting.len());
        self.read += count;
        if self.read >= WINDOW {
            self.surplus = self.least.saturating_sub(SPARE);
            self.least = MOST;
            self.read = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(from: usize, count: usize) -> Vec<f32> {
        (from..from + count).map(|i| 0.5 * (i as f32 * 0.05).sin()).collect()
    }

    #[test]
    fn with_one_clock_nothing_waits_and_nothing_changes() {
        let mut crossing = Crossing::new();
        let mut out = Vec::new();
        for i in 0..100 {
            let lot = tone(i * 192, 192);
            crossing.push(&lot);
            crossing.take(192, &mut out);
            assert_eq!(out, lot);
        }
    }

    #[test]
    fn who_is_not_read_keeps_the_latest_half_second() {
        let mut crossing = Crossing::new();
        let mut out = Vec::new();
        (0..100).for_each(|i| crossing.push(&tone(i * 960, 960)));
        crossing.take(480, &mut out);
        assert_eq!(out, tone(96_000 - MOST, 480));
    }

    #[test]
    fn a_little_too_little_is_stretched_and_much_too_little_fades() {
        let mut crossing = Crossing::new();
        let mut out = Vec::new();
        let mut cross = |count: usize, out: &mut Vec<f32>| {
            crossing.push(&vec![0.5; count]);
            crossing.take(192, out);
        };
        cross(192, &mut out);
        cross(150, &mut out);
        assert!(out.iter().all(|sample| (sample - 0.5).abs() < 1e-6), "{out:?}");
        cross(60, &mut out);
        let steps = out.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(out[0] > 0.49 && steps < 0.01 && out[60..].iter().all(|sample| *sample == 0.0), "{out:?}");
    }

    #[test]
    fn a_surplus_is_squeezed_out_to_what_may_stay() {
        for (surplus, changed) in [(SPARE - 8, false), (500, true)] {
            let mut crossing = Crossing::new();
            let mut out = Vec::new();
            crossing.push(&vec![0.0; surplus]);
            let mut same = true;
            for i in 0..1_000 {
                crossing.push(&tone(i * 192, 192));
                crossing.take(192, &mut out);
                let expected = (i * 192 + 192).saturating_sub(surplus) as f32;
                let last = if expected > 0.0 { 0.5 * ((expected - 1.0) * 0.05).sin() } else { 0.0 };
                same &= (out[191] - last).abs() < 1e-6;
            }
            assert_eq!(same, !changed, "{surplus}");
            let left = crossing.waiting.len();
            assert!((SPARE - 8..=SPARE + 2).contains(&left), "{surplus}: {left}");
        }
    }

    #[test]
    fn uneven_lots_wait_as_long_as_they_must_and_drift_is_followed() {
        let mut crossing = Crossing::new();
        let (mut out, mut all) = (Vec::new(), Vec::new());
        let (mut written, mut most) = (0, 0);
        // Lots of 10 ms against lots of 4 ms, one of the clocks 500 ppm fast, for a minute.
        for i in 0..15_000_usize {
            let due = (i as f64 * 192.0 * 1.000_5) as usize / 480 * 480;
            if due > written {
                crossing.push(&tone(written, due - written));
                written = due;
            }
            crossing.take(192, &mut out);
            all.extend_from_slice(&out);
            if i > 1_000 {
                most = most.max(crossing.waiting.len());
            }
        }
        assert!(most < 480 + 192 + 400, "{most}");
        // The tone's own steepest step is 0.025.
        let steps = all[48_000..].windows(2).map(|p| (p[1] - p[0]).abs()).fold(0.0, f32::max);
        assert!(steps < 0.04, "{steps}");
    }
}
