//! No sample over full scale. It looks ahead within its block, so a peak is turned down before it comes and not cut;
//! only a peak in the first samples of a block is.

/// Below full scale by 0.2 dB: the coder and the far resampler overshoot a little.
const CEILING: f32 = 0.977;
/// The gain may fall by this much per sample: to half in 1 ms.
const FALL: f32 = 0.5 / 48.0;
/// And come back by this much: from half in 100 ms, slow enough not to bend the wave.
const RISE: f32 = 0.5 / 4_800.0;

/// The gain that keeps samples below full scale.
#[derive(Debug)]
pub(super) struct Limiter {
    gain: f32,
    /// The gain of each sample of the block at hand.
    curve: [f32; super::BLOCK],
}

impl Limiter {
    pub(super) fn new() -> Self {
        Self { gain: 1.0, curve: [1.0; super::BLOCK] }
    }

    /// Limits a block of at most 10 ms.
    pub(super) fn process(&mut self, block: &mut [f32]) {
        let peak = block.iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
        if peak <= CEILING && self.gain >= 1.0 {
            return;
        }
        // Backwards: each sample's own limit, and the slope down to those that follow.
        let mut next = f32::INFINITY;
        for (gain, sample) in self.curve.iter_mut().zip(&*block).rev() {
            *gain = (CEILING / sample.abs().max(CEILING)).min(next + FALL);
            next = *gain;
        }
        for (gain, sample) in self.curve.iter().zip(block) {
            self.gain = gain.min(self.gain + RISE).min(1.0);
            *sample = (*sample * self.gain).clamp(-CEILING, CEILING);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::BLOCK;

    fn limited(samples: &[f32]) -> Vec<f32> {
        let mut limiter = Limiter::new();
        let mut out = samples.to_vec();
        out.chunks_mut(BLOCK).for_each(|block| limiter.process(block));
        out
    }

    fn sine(amplitude: f32, count: usize) -> Vec<f32> {
        (0..count).map(|i| amplitude * (i as f32 * 0.05).sin()).collect()
    }

    #[test]
    fn what_fits_is_left_alone() {
        let fits = sine(0.97, 9_600);
        assert_eq!(limited(&fits), fits);
    }

    #[test]
    fn what_does_not_fit_is_turned_down_and_keeps_its_shape() {
        let loud = sine(3.0, 48_000);
        let out = limited(&loud);
        assert!(out.iter().all(|s| s.abs() <= CEILING));
        // Once settled, the wave is the same but for its size: no harmonics of cutting.
        let (loud, out) = (&loud[24_000..], &out[24_000..]);
        let scale =
            out.iter().zip(loud).map(|(o, l)| o * l).sum::<f32>() / loud.iter().map(|l| l * l).sum::<f32>();
        let left: f32 = out.iter().zip(loud).map(|(o, l)| (o - l * scale).powi(2)).sum();
        let all: f32 = out.iter().map(|o| o * o).sum();
        assert!(left / all < 1e-3, "{}", left / all);
    }

    #[test]
    fn the_gain_comes_back() {
        let mut samples = sine(2.0, 9_600);
        samples.extend(sine(0.5, 19_200));
        let out = limited(&samples);
        assert_eq!(out[24_000..], samples[24_000..]);
    }
}
