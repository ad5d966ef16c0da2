//! Similarity of a signal with its own past: the pitch search under concealment and time stretching.

// Inner loops over buffers of this crate; every length is checked once at the entry.
#![allow(clippy::indexing_slicing)]

/// A lag and how alike the signal is to itself that much earlier.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pitch {
    /// In samples.
    pub(crate) lag: usize,
    /// Normalised correlation, -1..=1; 0 for silence.
    pub(crate) likeness: f32,
}

/// Finds the lag within `min..=max` at which the `window` samples from `at` on are most alike those `lag` later.
///
/// Searches coarsely on a thinned signal when lags are long, then finely around the best. `None` when the
/// signal is too short.
pub(crate) fn search(signal: &[f32], at: usize, window: usize, min: usize, max: usize) -> Option<Pitch> {
    if min == 0 || max < min || window == 0 || at + window + max > signal.len() {
        return None;
    }
    // Speech has its pitch below 500 Hz: 8 kHz are enough to see it.
    let thin = (max / 120).clamp(1, 8);
    let coarse = (min..=max)
        .step_by(thin)
        .map(|lag| Pitch { lag, likeness: likeness(signal, at, at + lag, window, thin) })
        .fold(None, better)?;
    let fine = coarse.lag.saturating_sub(thin).max(min)..=(coarse.lag + thin).min(max);
    fine.map(|lag| Pitch { lag, likeness: likeness(signal, at, at + lag, window, 1) }).fold(None, better)
}

/// Normalised correlation of two stretches of a signal, looking at every `thin`th sample. Both must lie in it.
pub(crate) fn likeness(signal: &[f32], a: usize, b: usize, window: usize, thin: usize) -> f32 {
    let (mut cross, mut power_a, mut power_b) = (0.0_f32, 0.0_f32, 0.0_f32);
    let pairs = signal[a..a + window].iter().zip(&signal[b..b + window]).step_by(thin);
    for (x, y) in pairs {
        cross += x * y;
        power_a += x * x;
        power_b += y * y;
    }
    // The floor makes silence alike to nothing instead of dividing by zero.
    cross / (power_a * power_b).sqrt().max(1e-7)
}

/// Mean power.
pub(crate) fn power(signal: &[f32]) -> f32 {
    signal.iter().map(|s| s * s).sum::<f32>() / signal.len().max(1) as f32
}

fn better(best: Option<Pitch>, next: Pitch) -> Option<Pitch> {
    // A multiple of the period is as alike as the period: it has to be clearly better to win.
    Some(best.filter(|b| b.likeness >= next.likeness - 0.005).unwrap_or(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_period_of_a_voice_is_found() {
        for (rate, hz) in [(8_000.0_f32, 100.0), (8_000.0, 250.0), (48_000.0, 90.0), (48_000.0, 220.0)] {
            let signal: Vec<f32> = (0..(rate * 0.06) as usize)
                .map(|i| {
                    let t = i as f32 / rate * std::f32::consts::TAU * hz;
                    t.sin() + 0.5 * (2.0 * t).sin() + 0.3 * (5.0 * t + 1.0).sin()
                })
                .collect();
            let (min, max) = ((rate / 400.0) as usize, (rate / 70.0) as usize);
            let found = search(&signal, 0, max, min, max).unwrap();
            assert!((found.lag as f32 - rate / hz).abs() <= 1.0 + rate / hz * 0.02, "{rate} {hz}: {found:?}");
            assert!(found.likeness > 0.95);
        }
    }

    #[test]
    fn silence_and_short_signals() {
        assert_eq!(search(&[0.0; 400], 0, 100, 20, 100).map(|p| p.likeness), Some(0.0));
        assert_eq!(search(&[0.0; 100], 0, 100, 20, 100), None);
        assert_eq!(search(&[], 0, 0, 0, 0), None);
    }
}
