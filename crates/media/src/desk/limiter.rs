//! Keeps a sum of voices within full scale.
//!
//! One voice passes as it is. Several loud ones are turned down together, at once and smoothly, and come back
//! slowly: no sample wraps, none is cut off square.

/// What is not touched.
const CEILING: f32 = 0.95;
/// Share of the way to a louder peak taken with each sample: most of it within 1 ms.
const ATTACK: f32 = 0.05;
/// What is left of the peak after each quieter sample: half of it after 150 ms.
const RELEASE: f32 = 0.999_904;

/// One output's limiter.
#[derive(Debug, Clone, Default)]
pub struct Limiter {
    peak: f32,
}

impl Limiter {
    /// Limits samples in place to -1..=1.
    pub fn limit(&mut self, samples: &mut [f32]) {
        for sample in samples {
            // What is no number would stay in the follower for ever.
            let value = if sample.is_finite() { *sample } else { 0.0 };
            let size = value.abs();
            self.peak =
                if size > self.peak { self.peak + (size - self.peak) * ATTACK } else { self.peak * RELEASE };
            let turned = if self.peak > CEILING { value * (CEILING / self.peak) } else { value };
            *sample = soften(turned);
        }
    }
}

/// The peaks that come before the follower: bent, not cut.
fn soften(value: f32) -> f32 {
    let size = value.abs();
    if size <= CEILING {
        return value;
    }
    let room = 1.0 - CEILING;
    (CEILING + room * ((size - CEILING) / room).tanh()).copysign(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_voice_passes_and_three_loud_ones_stay_within_full_scale() {
        let sine = |i: usize, hz: f32| (i as f32 * hz * std::f32::consts::TAU / 48_000.0).sin();
        let one: Vec<f32> = (0..48_000).map(|i| 0.9 * sine(i, 300.0)).collect();
        let mut out = one.clone();
        Limiter::default().limit(&mut out);
        assert_eq!(out, one);
        let mut three: Vec<f32> =
            (0..48_000).map(|i| 0.9 * (sine(i, 300.0) + sine(i, 410.0) + sine(i, 530.0))).collect();
        Limiter::default().limit(&mut three);
        assert!(three.iter().all(|s| s.abs() <= 1.0));
        // A sample cut off or wrapped would make a step steeper than any of the sum itself.
        let own = 0.9 * (300.0 + 410.0 + 530.0) * std::f32::consts::TAU / 48_000.0;
        let steepest = three.windows(2).map(|p| (p[1] - p[0]).abs()).fold(0.0, f32::max);
        assert!(steepest <= own * 1.001, "{steepest} {own}");
        let mut odd = [f32::NAN, f32::INFINITY, -4.0, 0.5];
        Limiter::default().limit(&mut odd);
        assert!(odd.iter().all(|s| s.is_finite() && s.abs() <= 1.0));
    }
}
