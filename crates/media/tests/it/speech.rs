//! Signals to send and measures of what came out.

use std::f32::consts::TAU;

use rand::{Rng, SeedableRng, rngs::StdRng};

/// Something like speech: syllables of a gliding voice with noise between them, and a pause every few.
pub(crate) fn speech(rate: u32, seconds: f32, seed: u64) -> Vec<f32> {
    let mut random = StdRng::seed_from_u64(seed);
    let count = (rate as f32 * seconds) as usize;
    let mut out = Vec::with_capacity(count);
    let mut phase = 0.0_f32;
    while out.len() < count {
        let syllable = rate as usize * random.random_range(120..260) / 1_000;
        let (from, to) = (random.random_range(95.0..190.0), random.random_range(95.0..190.0));
        let loudness = random.random_range(0.2..0.5);
        for i in 0..syllable {
            let at = i as f32 / syllable as f32;
            phase = (phase + (from + (to - from) * at) / rate as f32).fract();
            let envelope = (at * std::f32::consts::PI).sin();
            let voice: f32 = (1..=12)
                .map(|h| (TAU * phase * h as f32).sin() / (1.0 + (h as f32 - 4.0).abs()))
                .sum::<f32>()
                * 0.35;
            out.push(voice * envelope * loudness);
        }
        let pause =
            rate as usize * if random.random_bool(0.2) { random.random_range(150..500) } else { 30 } / 1_000;
        out.extend((0..pause).map(|_| random.random_range(-0.0005..0.0005)));
    }
    out.truncate(count);
    out
}

pub(crate) fn tone(rate: u32, hz: f32, seconds: f32) -> Vec<f32> {
    (0..(rate as f32 * seconds) as usize).map(|i| 0.3 * (TAU * hz * i as f32 / rate as f32).sin()).collect()
}

/// The lag of `later` behind `earlier` within `0..=most` at which they correlate best, and how well (-1..=1).
/// Compares `window` samples from `at` on.
pub(crate) fn align(earlier: &[f32], later: &[f32], at: usize, window: usize, most: usize) -> (usize, f32) {
    if most <= 1_000 {
        return best_lag(earlier, later, at, window, 0..=most);
    }
    // First on thinned signals, then exactly around the best.
    const THIN: usize = 6;
    let thin = |s: &[f32]| s.chunks(THIN).map(|c| c.iter().sum::<f32>()).collect::<Vec<_>>();
    let (rough, _) = best_lag(&thin(earlier), &thin(later), at / THIN, window / THIN, 0..=most / THIN);
    let around = (rough * THIN).saturating_sub(THIN)..=rough * THIN + THIN;
    best_lag(earlier, later, at, window, around)
}

fn best_lag(
    earlier: &[f32],
    later: &[f32],
    at: usize,
    window: usize,
    lags: std::ops::RangeInclusive<usize>,
) -> (usize, f32) {
    lags.filter(|lag| at + lag + window <= later.len() && at + window <= earlier.len())
        .map(|lag| (lag, correlation(&earlier[at..at + window], &later[at + lag..at + lag + window])))
        .fold((0, -1.0), |best, next| if next.1 > best.1 { next } else { best })
}

pub(crate) fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let cross: f32 = a.iter().zip(b).map(|(x, y)| x * y).sum();
    let power = |s: &[f32]| s.iter().map(|x| x * x).sum::<f32>();
    cross / (power(a) * power(b)).sqrt().max(1e-9)
}

pub(crate) fn snr_db(clean: &[f32], noisy: &[f32]) -> f32 {
    let signal: f32 = clean.iter().map(|s| s * s).sum();
    let noise: f32 = clean.iter().zip(noisy).map(|(a, b)| (a - b).powi(2)).sum();
    10.0 * (signal / noise.max(1e-12)).log10()
}

pub(crate) fn max_step(samples: &[f32]) -> f32 {
    samples.windows(2).fold(0.0, |a, w| a.max((w[1] - w[0]).abs()))
}

pub(crate) fn rms(samples: &[f32]) -> f32 {
    (samples.iter().map(|s| s * s).sum::<f32>() / samples.len().max(1) as f32).sqrt()
}

/// The share of 20 ms pieces at 48 kHz in which somebody speaks: no more than 25 dB below all of it.
pub(crate) fn spoken(samples: &[f32]) -> f32 {
    let least = rms(samples) * 0.056;
    let pieces = samples.chunks_exact(960);
    let count = pieces.len() as f32;
    pieces.filter(|piece| rms(piece) > least).count() as f32 / count
}
