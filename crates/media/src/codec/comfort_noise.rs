//! Comfort noise, RFC 3389: what the noise of a pause is described by, how it is made again, and how a sender
//! finds it under the speech.
//!
//! A description is a level and reflection coefficients; these are signed as those of the prediction error filter
//! `1 + a₁z⁻¹ + …` with `k₁ = a₁`, as peers in the field have it. What isn't here: when a pause is sent (`stream`).

// Loops over arrays of fixed length.
#![allow(clippy::indexing_slicing)]

use rand::{Rng, SeedableRng, rngs::StdRng};

/// Coefficients of a description sent; more than these nobody hears in noise.
const ORDER: usize = 8;
/// Coefficients of a description received that are used; more are left out, as RFC 3389 section 3 allows.
const MOST: usize = 12;
/// The quietest level that is made when nothing is known of the noise, dBov.
const QUIET_DBOV: f32 = -78.0;
/// The loudest that stands for silence: louder noise is better sent than described.
const LOUD_DBOV: f32 = -45.0;

/// What a pause sounds like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Noise {
    /// Level in dB under the overload point (RFC 3389 section 3.1), not above 0.
    level_dbov: f32,
    coefficients: [f32; MOST],
}

impl Default for Noise {
    fn default() -> Self {
        Self { level_dbov: QUIET_DBOV, coefficients: [0.0; MOST] }
    }
}

impl Noise {
    /// Reads a payload; `None` when it is empty.
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        let (level, quantized) = payload.split_first()?;
        let mut noise = Self { level_dbov: -f32::from(level & 0x7F), ..Self::default() };
        for (k, byte) in noise.coefficients.iter_mut().zip(quantized) {
            // RFC 3389 section 3.2; 255 has no value and is read as the largest.
            *k = 258.0 * (f32::from((*byte).min(254)) - 127.0) / 32_768.0;
        }
        Some(noise)
    }

    /// Appends the payload.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push((-self.level_dbov).round().clamp(0.0, 127.0) as u8);
        for k in self.coefficients.iter().take(ORDER) {
            out.push((k * 32_768.0 / 258.0 + 127.0).round().clamp(0.0, 254.0) as u8);
        }
    }

    /// The same, no louder than that.
    pub(crate) fn at_most(self, dbov: f32) -> Self {
        Self { level_dbov: self.level_dbov.min(dbov), ..self }
    }

    /// Its level, dBov.
    #[cfg(test)]
    fn level_dbov(&self) -> f32 {
        self.level_dbov
    }
}

/// Makes noise as described.
#[derive(Debug)]
pub(crate) struct Generator {
    random: StdRng,
    noise: Noise,
    /// Amplitude of what goes into the filter, moving towards that of `noise`.
    excitation: f32,
    backward: [f32; MOST + 1],
}

impl Generator {
    /// One whose noise follows from `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        let noise = Noise::default();
        Self {
            random: StdRng::seed_from_u64(seed),
            excitation: excitation(&noise),
            noise,
            backward: [0.0; MOST + 1],
        }
    }

    /// From here on the noise is this.
    pub(crate) fn set(&mut self, noise: Noise) {
        self.noise = noise;
    }

    /// Appends `samples` of noise.
    pub(crate) fn make(&mut self, samples: usize, out: &mut Vec<f32>) {
        let goal = excitation(&self.noise);
        for _ in 0..samples {
            // Steps of the level between two descriptions would be heard.
            self.excitation += (goal - self.excitation) * 0.002;
            // Uniform noise of variance 1.
            let mut forward = self.excitation * self.random.random_range(-1.0_f32..1.0) * 3.0_f32.sqrt();
            // The lattice of the all-pole filter, its last stage first.
            for stage in (0..MOST).rev() {
                let (k, before) = (self.noise.coefficients[stage], self.backward[stage]);
                forward -= k * before;
                self.backward[stage + 1] = before + k * forward;
            }
            self.backward[0] = forward;
            out.push(forward.clamp(-1.0, 1.0));
        }
    }
}

/// Of white noise through the filter comes noise of the level: the filter's gain is taken out.
fn excitation(noise: &Noise) -> f32 {
    let gain: f32 = noise.coefficients.iter().map(|k| 1.0 - k * k).product();
    10.0_f32.powf(noise.level_dbov / 20.0) * gain.max(0.0).sqrt()
}

/// Finds the noise under the speech, and the pauses.
#[derive(Debug)]
pub(crate) struct Analyzer {
    rate: u32,
    /// Power of the noise; unknown at first.
    floor: Option<f32>,
    /// Smoothed correlation of what was noise.
    correlation: [f32; ORDER + 1],
    /// Samples since what was no noise.
    quiet: u32,
}

/// Frames at most this much louder than the noise are noise, as a ratio of powers: 4 dB.
const NOISE_MARGIN: f32 = 2.5;
/// Power below what 16 bits hold.
const NOTHING: f32 = 1e-10;
/// The noise is believed to rise by this much a second, as a ratio: 3 dB.
const RISE: f32 = 2.0;
/// A pause begins when there was only noise for so long: words end softly.
const HANGOVER_MS: u32 = 400;

impl Analyzer {
    /// One for samples at `rate` Hz.
    pub(crate) fn new(rate: u32) -> Self {
        Self { rate, floor: None, correlation: [0.0; ORDER + 1], quiet: 0 }
    }

    /// Takes the next frame. True while it is part of a pause.
    pub(crate) fn pauses(&mut self, frame: &[f32]) -> bool {
        let count = frame.len().max(1) as f32;
        let power = frame.iter().map(|s| s * s).sum::<f32>() / count;
        if power < NOTHING {
            // Digital silence is a pause that says nothing of the room.
            self.quiet = self.quiet.saturating_add(frame.len() as u32);
            return self.quiet >= self.hangover();
        }
        if power > 10.0_f32.powf(LOUD_DBOV / 10.0) {
            self.quiet = 0;
            return false;
        }
        let rise = RISE.powf(count / self.rate as f32);
        let floor = self.floor.map_or(power, |floor| (floor * rise).min(power));
        self.floor = Some(floor);
        if power > floor * NOISE_MARGIN {
            self.quiet = 0;
            return false;
        }
        self.quiet = self.quiet.saturating_add(frame.len() as u32);
        for (lag, smoothed) in self.correlation.iter_mut().enumerate() {
            let products = frame.iter().zip(frame.iter().skip(lag)).map(|(a, b)| a * b);
            *smoothed += (products.sum::<f32>() / count - *smoothed) * 0.1;
        }
        self.quiet >= self.hangover()
    }

    fn hangover(&self) -> u32 {
        self.rate / 1_000 * HANGOVER_MS
    }

    /// The noise as far as it is known.
    pub(crate) fn noise(&self) -> Noise {
        let Some(floor) = self.floor else { return Noise::default() };
        let level = 10.0 * floor.log10() + 1.0;
        Noise { level_dbov: level.clamp(QUIET_DBOV, LOUD_DBOV), coefficients: reflection(&self.correlation) }
    }
}

/// Levinson and Durbin's recursion.
fn reflection(correlation: &[f32; ORDER + 1]) -> [f32; MOST] {
    let mut out = [0.0; MOST];
    let mut filter: Vec<f32> = Vec::with_capacity(ORDER);
    let Some((zeroth, lags)) = correlation.split_first() else { return out };
    // A little white noise keeps the filter from ringing.
    let mut error = zeroth * 1.01;
    if error <= 1e-12 {
        return out;
    }
    for (i, (k, lag)) in out.iter_mut().zip(lags).enumerate() {
        let earlier = lags.iter().take(i).rev();
        let predicted: f32 = filter.iter().zip(earlier).map(|(a, r)| a * r).sum();
        *k = (-(lag + predicted) / error).clamp(-0.98, 0.98);
        let reversed: Vec<f32> = filter.iter().rev().copied().collect();
        filter.iter_mut().zip(&reversed).for_each(|(a, b)| *a += *k * b);
        filter.push(*k);
        error *= 1.0 - *k * *k;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn power_db(samples: &[f32]) -> f32 {
        10.0 * (samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32).log10()
    }

    fn lag_one(samples: &[f32]) -> f32 {
        let products: f32 = samples.windows(2).map(|w| w[0] * w[1]).sum();
        products / samples.iter().map(|s| s * s).sum::<f32>()
    }

    /// RFC 3389 sections 3.1 and 3.2.
    #[test]
    fn a_payload_is_a_level_and_coefficients() {
        let noise = Noise::parse(&[0x80 | 63, 0, 127, 254]).unwrap();
        assert_eq!(noise.level_dbov(), -63.0);
        let expected = [-0.999_938_96, 0.0, 0.999_938_96, 0.0];
        assert!(noise.coefficients.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{noise:?}");
        let mut payload = Vec::new();
        noise.write(&mut payload);
        assert_eq!(payload, [63, 0, 127, 254, 127, 127, 127, 127, 127]);
        assert_eq!(Noise::parse(&[]), None);
        assert!(Noise::parse(&[255; 200]).is_some());
    }

    #[test]
    fn noise_has_the_level_and_colour_of_its_description() {
        for (level, k) in [(40_u8, 127_u8), (60, 64), (50, 200)] {
            let mut generator = Generator::new(7);
            generator.set(Noise::parse(&[level, k]).unwrap());
            let mut out = Vec::new();
            generator.make(40_000, &mut out);
            let settled = &out[8_000..];
            assert!((power_db(settled) + f32::from(level)).abs() < 1.0, "{} at {level}", power_db(settled));
            let expected = -258.0 * (f32::from(k) - 127.0) / 32_768.0;
            assert!((lag_one(settled) - expected).abs() < 0.05, "{} at {k}", lag_one(settled));
        }
    }

    #[test]
    fn what_is_heard_under_speech_is_made_again() {
        let mut source = Generator::new(3);
        source.set(Noise::parse(&[58, 40, 170]).unwrap());
        let mut room = Vec::new();
        source.make(80_000, &mut room);
        for (i, sample) in room.iter_mut().enumerate() {
            // Half a second of voice, half a second of none.
            if i / 4_000 % 2 == 0 {
                *sample += 0.2 * (i as f32 * 0.3).sin();
            }
        }
        let mut analyzer = Analyzer::new(8_000);
        let pauses = room.chunks(160).filter(|frame| analyzer.pauses(frame)).count();
        assert!((30..=60).contains(&pauses), "{pauses} of 500: the last 100 ms of each second");
        let found = analyzer.noise();
        assert!((found.level_dbov() + 58.0).abs() < 3.0, "{found:?}");
        let mut again = Generator::new(4);
        again.set(found);
        let mut out = Vec::new();
        again.make(40_000, &mut out);
        let (was, is) = (lag_one(&room[4_000..8_000]), lag_one(&out[8_000..]));
        assert!((was - is).abs() < 0.15, "{was} {is}");
    }

    #[test]
    fn descriptions_of_anything_stay_within_bounds() {
        let mut random = StdRng::seed_from_u64(3_389);
        let mut generator = Generator::new(1);
        let mut out = Vec::new();
        for _ in 0..300 {
            let length = random.random_range(1..20);
            let payload: Vec<u8> = (0..length).map(|_| random.random()).collect();
            generator.set(Noise::parse(&payload).unwrap());
            out.clear();
            generator.make(800, &mut out);
            assert!(out.iter().all(|s| s.is_finite() && s.abs() <= 1.0));
        }
        let mut analyzer = Analyzer::new(8_000);
        for frame in [vec![0.0; 160], vec![1.0; 160], vec![0.0; 160], Vec::new()] {
            analyzer.pauses(&frame);
            assert!(analyzer.noise().level_dbov().is_finite());
        }
    }
}
