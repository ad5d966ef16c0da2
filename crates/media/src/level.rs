//! A level meter: the mean power of the last fraction of a second, in dB.

/// What silence measures.
pub(crate) const SILENCE_DB: f32 = -100.0;

/// Follows the power of a signal with the ballistics of a meter on a screen.
#[derive(Debug)]
pub(crate) struct Level {
    power: f32,
    keep_per_sample: f32,
}

impl Level {
    /// A meter for samples at `rate` Hz.
    pub(crate) fn new(rate: u32) -> Self {
        // 100 ms: fast enough to follow syllables, slow enough to read.
        Self { power: 0.0, keep_per_sample: (-1.0 / (0.1 * rate as f32)).exp() }
    }

    pub(crate) fn feed(&mut self, samples: &[f32]) {
        if samples.is_empty() {
            return;
        }
        let mean = samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32;
        let keep = self.keep_per_sample.powi(samples.len() as i32);
        // Anything but a number would stay in the meter for ever.
        self.power = if mean.is_finite() { self.power * keep + mean * (1.0 - keep) } else { 0.0 };
    }

    /// Decibels relative to a full-scale square wave, at least [`SILENCE_DB`].
    pub(crate) fn db(&self) -> f32 {
        (10.0 * self.power.max(1e-12).log10()).max(SILENCE_DB)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_scale_sine_is_three_below() {
        let mut level = Level::new(48_000);
        assert_eq!(level.db(), SILENCE_DB);
        let sine: Vec<f32> = (0..48_000).map(|i| (i as f32 * 0.13).sin()).collect();
        sine.chunks(960).for_each(|chunk| level.feed(chunk));
        assert!((level.db() + 3.0).abs() < 0.2, "{}", level.db());
        level.feed(&[f32::NAN; 10]);
        level.feed(&[0.0; 10]);
        assert_eq!(level.db(), SILENCE_DB);
    }
}
