//! How much of a signal is in a recording, and how late.
//!
//! The normalised cross-correlation: 1.0 when the recording holds the reference unchanged but for its
//! loudness, near 0 when it holds something else. Loudness does not count, delay is found, missing or
//! inserted pieces do count: a slip of the clock in the middle leaves only one side aligned.

use realfft::RealFftPlanner;

use super::Sound;

/// Where a reference was found, and how well it fits there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// From -1.0 (inverted) to 1.0 (the same).
    pub correlation: f64,
    /// How much later than in the reference it begins in the recording, in seconds; negative when the
    /// beginning is cut off.
    pub delay: f64,
}

/// The shorter signal has to overlap the other by this share, or a few samples at an edge could fit by chance.
const LEAST_OVERLAP: f64 = 0.6;

/// Finds the delay at which the recording resembles the reference most.
///
/// Rates may differ: both are compared at the lower one. Silence on either side gives 0.
pub fn correlate(reference: &Sound, recording: &Sound) -> Match {
    let rate = reference.rate.min(recording.rate);
    let (reference, recording) = (reference.at_rate(rate), recording.at_rate(rate));
    let (x, y) = (&reference.samples, &recording.samples);
    let least = ((x.len().min(y.len())) as f64 * LEAST_OVERLAP).ceil().max(1.0) as usize;
    if x.is_empty() || y.is_empty() {
        return Match { correlation: 0.0, delay: 0.0 };
    }
    let products = cross(x, y);
    let (energy_x, energy_y) = (running_energy(x), running_energy(y));
    let mut best = Match { correlation: 0.0, delay: 0.0 };
    let first = -(x.len() as i64 - least as i64);
    let last = y.len() as i64 - least as i64;
    for lag in first..=last {
        // x[n] meets y[n + lag].
        let from = (-lag).max(0) as usize;
        let to = (y.len() as i64 - lag).clamp(0, x.len() as i64) as usize;
        if to < from + least {
            continue;
        }
        let in_x = energy_x[to] - energy_x[from];
        let shifted = |n: usize| (n as i64 + lag) as usize;
        let in_y = energy_y[shifted(to)] - energy_y[shifted(from)];
        // A part with next to nothing in it would fit anything.
        if in_x < 0.2 * energy_x[x.len()] || in_y <= f64::EPSILON {
            continue;
        }
        let product = products[lag.rem_euclid(products.len() as i64) as usize];
        let correlation = f64::from(product) / (in_x * in_y).sqrt();
        if correlation > best.correlation {
            best = Match { correlation, delay: lag as f64 / f64::from(rate) };
        }
    }
    best
}

/// Aligns each piece of the reference by itself and gives the mean, weighted by the pieces' energy.
///
/// For recordings of a phone that stretches time to follow the network: the whole slides apart, a second of
/// it hardly does. The delay is that of the whole.
pub fn correlate_pieces(reference: &Sound, recording: &Sound, piece_seconds: f64) -> Match {
    const SLACK: f64 = 0.25;
    let whole = correlate(reference, recording);
    let (mut sum, mut weight) = (0.0, 0.0);
    let mut start = 0.0;
    while start + piece_seconds <= reference.seconds() {
        let piece = reference.part(start, start + piece_seconds);
        let from = start + whole.delay - SLACK;
        if from >= 0.0 && from + piece_seconds + 2.0 * SLACK <= recording.seconds() {
            let energy = running_energy(&piece.samples)[piece.samples.len()];
            let there = recording.part(from, from + piece_seconds + 2.0 * SLACK);
            sum += energy * correlate(&piece, &there).correlation;
            weight += energy;
        }
        start += piece_seconds;
    }
    let correlation = if weight > 0.0 { sum / weight } else { 0.0 };
    Match { correlation, delay: whole.delay }
}

/// At index `lag` (modulo its length) the sum over n of x[n]·y[n + lag].
fn cross(x: &[f32], y: &[f32]) -> Vec<f32> {
    // Long enough that the circle never closes on itself.
    let length = (x.len() + y.len()).next_power_of_two();
    let mut planner = RealFftPlanner::<f32>::new();
    let forward = planner.plan_fft_forward(length);
    let inverse = planner.plan_fft_inverse(length);
    let spectrum = |signal: &[f32]| {
        let mut padded = signal.to_vec();
        padded.resize(length, 0.0);
        let mut bins = forward.make_output_vec();
        forward.process(&mut padded, &mut bins).expect("the buffers were made for this plan");
        bins
    };
    let mut bins: Vec<_> = spectrum(x).iter().zip(spectrum(y)).map(|(a, b)| a.conj() * b).collect();
    // Both are real for real signals; rounding leaves dust that the inverse refuses.
    for edge in [0, length / 2] {
        bins[edge].im = 0.0;
    }
    let mut result = inverse.make_output_vec();
    inverse.process(&mut bins, &mut result).expect("the buffers were made for this plan");
    result.iter_mut().for_each(|value| *value /= length as f32);
    result
}

/// At index n the energy of the first n samples.
fn running_energy(signal: &[f32]) -> Vec<f64> {
    let mut sums = Vec::with_capacity(signal.len() + 1);
    let mut sum = 0.0;
    sums.push(sum);
    for sample in signal {
        sum += f64::from(*sample) * f64::from(*sample);
        sums.push(sum);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::super::speech;
    use super::*;

    fn delayed(sound: &Sound, seconds: f64, gain: f32) -> Sound {
        let mut samples = vec![0.0; (seconds * f64::from(sound.rate)) as usize];
        samples.extend(sound.samples.iter().map(|sample| sample * gain));
        Sound { rate: sound.rate, samples }
    }

    #[track_caller]
    fn check(found: Match, correlation: std::ops::RangeInclusive<f64>, delay: f64) {
        assert!(correlation.contains(&found.correlation), "{found:?}");
        assert!((found.delay - delay).abs() < 0.002, "{found:?}");
    }

    #[test]
    fn a_quieter_later_copy_is_the_same() {
        let voice = speech(8_000, 4.0, 1);
        check(correlate(&voice, &delayed(&voice, 0.7, 0.1)), 0.999..=1.001, 0.7);
    }

    #[test]
    fn a_cut_beginning_gives_a_negative_delay() {
        let voice = speech(8_000, 4.0, 1);
        check(correlate(&voice, &voice.part(0.5, 4.0)), 0.999..=1.001, -0.5);
    }

    #[test]
    fn a_recording_that_ends_early_still_matches() {
        let voice = speech(8_000, 6.0, 1);
        check(correlate(&voice, &delayed(&voice.part(0.0, 4.0), 0.2, 1.0)), 0.999..=1.001, 0.2);
    }

    #[test]
    fn another_rate_is_the_same_sound() {
        let voice = speech(48_000, 3.0, 1);
        check(correlate(&voice.at_rate(8_000), &delayed(&voice, 0.25, 0.8)), 0.98..=1.001, 0.25);
    }

    #[test]
    fn another_voice_silence_and_noise_do_not_match() {
        let voice = speech(8_000, 4.0, 1);
        let other = correlate(&voice, &speech(8_000, 4.0, 2));
        assert!(other.correlation < 0.3, "{other:?}");
        let silence = Sound { rate: 8_000, samples: vec![0.0; 32_000] };
        assert!(correlate(&voice, &silence).correlation.abs() < 1e-9);
        assert!(correlate(&silence, &voice).correlation.abs() < 1e-9);
        let mut state = 1_u32;
        let noise = (0..32_000).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as f32 / 32_768.0 - 1.0
        });
        let noise = correlate(&voice, &Sound { rate: 8_000, samples: noise.collect() });
        assert!(noise.correlation < 0.2, "{noise:?}");
    }

    #[test]
    fn noise_over_the_voice_lowers_the_correlation_as_it_should() {
        let voice = speech(8_000, 4.0, 1);
        let other = speech(8_000, 4.0, 2);
        let mixed = voice.samples.iter().zip(&other.samples).map(|(a, b)| a + b).collect();
        let found = correlate(&voice, &Sound { rate: 8_000, samples: mixed });
        // Two unrelated signals of equal energy: one over the square root of two.
        assert!((0.6..0.8).contains(&found.correlation), "{found:?}");
    }

    #[test]
    fn a_slip_in_the_middle_costs_the_whole_but_not_the_pieces() {
        let voice = speech(8_000, 6.0, 1);
        let mut slipped = voice.clone();
        slipped.samples.splice(24_000..24_000, std::iter::repeat_n(0.0, 240));
        assert!(correlate(&voice, &slipped).correlation < 0.9);
        let padded = delayed(&slipped, 0.5, 1.0);
        let pieces = correlate_pieces(&voice, &padded, 0.5);
        assert!(pieces.correlation > 0.9, "{pieces:?}");
    }
}
