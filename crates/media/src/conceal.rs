//! What to play when a packet of a codec without concealment of its own is missing: the last pitch periods go on,
//! fading, and the next real samples are blended in. The idea of ITU-T G.711 Appendix I, without its delay of
//! 3.75 ms: the seam is made in the continuation instead of in what was already played.

// Inner loops over buffers of this crate; lengths are fixed by the rate at construction.
#![allow(clippy::indexing_slicing)]

use crate::pitch;

/// Remembers the signal and continues it where it breaks off.
#[derive(Debug)]
pub(crate) struct Concealer {
    rate: usize,
    /// The latest samples, oldest first; always full (silence at the start).
    past: Vec<f32>,
    gap: Option<Gap>,
}

/// A break in the signal that is being filled.
#[derive(Debug)]
struct Gap {
    /// What is repeated: one or more pitch periods whose end flows into their start.
    cycle: Vec<f32>,
    /// The pitch period, samples.
    period: usize,
    /// How often the period fits into `cycle`.
    periods: usize,
    position: usize,
    /// Samples made so far.
    made: usize,
    /// How far what is repeated is off from what was played before it; worn off over the next samples.
    offset: f32,
    /// Samples since `offset` was set.
    worn: usize,
    /// The latest sample before fading.
    latest: f32,
    voiced: bool,
}

impl Concealer {
    pub(crate) fn new(rate: usize) -> Self {
        Self { rate, past: vec![0.0; rate * PAST_MS / 1_000], gap: None }
    }

    /// Takes real samples in order. Right after a gap their beginning is blended with the continuation.
    pub(crate) fn accept(&mut self, samples: &mut [f32]) {
        if let Some(mut gap) = self.gap.take() {
            // Appendix I: the longer the gap, the longer the way back, 4 ms and 4 more for each 10 ms, to 10 ms.
            let gap_ms = gap.made * 1_000 / self.rate;
            let blend = (self.rate * (4 + gap_ms * 2 / 5).min(10) / 1_000).min(samples.len());
            for (i, sample) in samples[..blend].iter_mut().enumerate() {
                let weight = (i + 1) as f32 / (blend + 1) as f32;
                *sample = *sample * weight + gap.next(self.rate) * (1.0 - weight);
            }
        }
        self.remember(samples);
    }

    /// Appends `count` made-up samples.
    pub(crate) fn conceal(&mut self, count: usize, out: &mut Vec<f32>) {
        let mut gap = self.gap.take().unwrap_or_else(|| self.open_gap());
        for _ in 0..count {
            self.lengthen(&mut gap);
            out.push(gap.next(self.rate));
        }
        self.gap = Some(gap);
    }

    fn open_gap(&self) -> Gap {
        let (min, max) = (self.rate / 200, self.rate * 15 / 1_000);
        let window = self.rate * 20 / 1_000;
        let reversed: Vec<f32> = self.past.iter().rev().copied().collect();
        let found = pitch::search(&reversed, 0, window, min, max);
        let voiced = found.is_some_and(|p| p.likeness > 0.5);
        // Noise repeated quickly hums; repeated slowly it stays noise.
        let period = found.filter(|_| voiced).map_or(max, |p| p.lag);
        let cycle = self.cycle(period, 1);
        let end = self.past.len();
        let latest = self.past[end - 1];
        let offset = latest - self.past[end - period - 1];
        Gap { cycle, period, periods: 1, position: 0, made: 0, offset, worn: 0, latest, voiced }
    }

    /// The last `count` periods, their final quarter period blended into what precedes their start.
    fn cycle(&self, period: usize, count: usize) -> Vec<f32> {
        let end = self.past.len();
        let length = period * count;
        let start = end - length;
        let mut cycle = self.past[start..].to_vec();
        let seam = (period / 4).max(1);
        for i in 0..seam {
            let weight = (i + 1) as f32 / (seam + 1) as f32;
            let at = length - seam + i;
            let before_start = self.past[start - seam + i];
            cycle[at] = cycle[at] * (1.0 - weight) + before_start * weight;
        }
        cycle
    }

    /// Appendix I: after 10 ms two periods are repeated, after 20 ms three, so that it doesn't sound like a buzzer.
    fn lengthen(&self, gap: &mut Gap) {
        let wanted = 1 + (gap.made / (self.rate / 100)).min(2);
        if gap.position == 0 && gap.made > 0 && wanted > gap.periods {
            let longest = (self.past.len() - gap.period / 4 - 1) / gap.period;
            gap.periods = wanted.min(longest).max(1);
            gap.cycle = self.cycle(gap.period, gap.periods);
            gap.offset = gap.latest - self.past[self.past.len() - gap.cycle.len() - 1];
            gap.worn = 0;
        }
    }

    fn remember(&mut self, samples: &[f32]) {
        let keep = self.past.len();
        let fresh = &samples[samples.len().saturating_sub(keep)..];
        self.past.drain(..fresh.len());
        self.past.extend_from_slice(fresh);
    }
}

impl Gap {
    fn next(&mut self, rate: usize) -> f32 {
        let ms = |n: usize| rate * n / 1_000;
        // Full for 10 ms, then 20 % less each 10 ms; noise fades sooner because it can't be continued.
        let (hold, fade) = if self.voiced { (ms(10), ms(50)) } else { (ms(5), ms(35)) };
        let gain = 1.0 - self.made.saturating_sub(hold) as f32 / fade as f32;
        let wear = 1.0 - self.worn as f32 / ms(2) as f32;
        self.latest = self.cycle[self.position] + self.offset * wear.max(0.0);
        self.position = (self.position + 1) % self.cycle.len();
        self.made += 1;
        self.worn += 1;
        self.latest * gain.max(0.0)
    }
}

/// Three of the longest periods and a quarter, rounded up.
const PAST_MS: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: usize = 8_000;

    fn voice(from: usize, count: usize, hz: f32) -> Vec<f32> {
        (from..from + count)
            .map(|i| {
                let t = i as f32 / RATE as f32 * std::f32::consts::TAU * hz;
                0.3 * t.sin() + 0.15 * (2.0 * t + 0.5).sin() + 0.1 * (3.0 * t).sin()
            })
            .collect()
    }

    fn max_step(samples: &[f32]) -> f32 {
        samples.windows(2).fold(0.0, |a, w| a.max((w[1] - w[0]).abs()))
    }

    /// Speech with gaps of whole frames, concealed.
    fn play(hz: f32, frames: usize, lost: impl Fn(usize) -> bool) -> (Vec<f32>, Vec<f32>) {
        let mut concealer = Concealer::new(RATE);
        let (mut whole, mut out) = (Vec::new(), Vec::new());
        for frame in 0..frames {
            let mut samples = voice(frame * 160, 160, hz);
            whole.extend_from_slice(&samples);
            if lost(frame) {
                concealer.conceal(160, &mut out);
            } else {
                concealer.accept(&mut samples);
                out.extend_from_slice(&samples);
            }
        }
        (whole, out)
    }

    #[test]
    fn a_lost_frame_of_a_steady_voice_is_hardly_missed() {
        for hz in [80.0, 121.0, 200.0, 317.0] {
            let (whole, out) = play(hz, 20, |f| f == 9);
            let error: f32 =
                whole[1_440..1_600].iter().zip(&out[1_440..]).map(|(a, b)| (a - b).powi(2)).sum();
            let signal: f32 = whole[1_440..1_600].iter().map(|s| s * s).sum();
            assert!(signal / error > 10.0, "{hz} Hz: {} dB", 10.0 * (signal / error).log10());
        }
    }

    #[test]
    fn no_gap_clicks() {
        for hz in [80.0, 121.0, 200.0, 317.0] {
            for gap in 1..12 {
                for start in 5..9 {
                    let (whole, out) = play(hz, 30, |f| (start..start + gap).contains(&f));
                    let (natural, made) = (max_step(&whole), max_step(&out));
                    assert!(
                        made < natural * 1.35,
                        "{hz} Hz, {gap} frames from {start}: {made} against {natural}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_long_gap_fades_to_silence() {
        let (_, out) = play(150.0, 30, |f| (10..20).contains(&f));
        let power_of = |ms: usize| pitch::power(&out[1_600 + ms * 8..1_600 + ms * 8 + 80]);
        assert!(power_of(30) < power_of(0) * 0.7);
        assert!(power_of(65) == 0.0, "silent after 60 ms: {}", power_of(65));
    }

    #[test]
    fn silence_stays_silence() {
        let mut concealer = Concealer::new(RATE);
        let mut out = Vec::new();
        concealer.conceal(1_600, &mut out);
        assert!(out.iter().all(|s| *s == 0.0));
    }
}
