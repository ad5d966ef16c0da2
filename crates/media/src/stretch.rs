//! Playing a little faster or slower without changing the pitch: one period is left out or played twice, blended
//! over its length (the idea of WSOLA).
//!
//! The first and the last samples of a block stay as they are, so it joins what comes before and after.

// Inner loops over a block of this crate; the lag and the blend are bounded by its length at the entry.
#![allow(clippy::indexing_slicing)]

use crate::pitch;

/// What a stretch may do to the signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Care {
    /// Anywhere: it is a pause, and what is left out of it or put in is not missed.
    Pause,
    /// Only where nobody hears it: clear periods and near silence.
    Gentle,
    /// Also where it may be heard, because delay or a gap would be worse.
    Urgent,
}

/// Leaves out at most `most` samples of the block. Returns how many.
pub(crate) fn shorten(block: &mut Vec<f32>, rate: usize, most: usize, care: Care) -> usize {
    let Some(lag) = seam(block, rate, most, care) else {
        return 0;
    };
    let blend = lag.min(block.len() - lag);
    for i in 0..blend {
        let weight = (i + 1) as f32 / (blend + 1) as f32;
        block[i] = block[i] * (1.0 - weight) + block[i + lag] * weight;
    }
    block.drain(blend..blend + lag);
    lag
}

/// Plays at most `most` samples of the block twice. Returns how many were put in.
pub(crate) fn lengthen(block: &mut Vec<f32>, rate: usize, most: usize, care: Care) -> usize {
    let Some(lag) = seam(block, rate, most, care) else {
        return 0;
    };
    let blend = lag.min(block.len() - lag);
    let mut again = Vec::with_capacity(block.len());
    for i in 0..blend {
        let weight = (i + 1) as f32 / (blend + 1) as f32;
        again.push(block[i + lag] * (1.0 - weight) + block[i] * weight);
    }
    again.extend_from_slice(&block[blend..]);
    block.truncate(lag);
    block.append(&mut again);
    lag
}

/// The lag at which the start of the block may be joined to what comes that much later.
fn seam(block: &[f32], rate: usize, most: usize, care: Care) -> Option<usize> {
    // 400 Hz is the highest pitch of a voice; the longest lag leaves a quarter of the block to blend over.
    let (min, max) = (rate / 400, most.min(block.len() * 3 / 4).min(rate / 66));
    if max < min || min == 0 {
        return None;
    }
    // About -57 dB: what is left out of a pause is not missed, wherever it is cut.
    if pitch::power(block) < 2e-6 {
        return Some(max);
    }
    let window = (block.len() - max).min(max).max(min);
    let found = pitch::search(block, 0, window.min(block.len() - max), min, max)?;
    let wanted = match care {
        Care::Pause => -1.0,
        Care::Gentle => 0.85,
        Care::Urgent => 0.4,
    };
    (found.likeness >= wanted).then_some(found.lag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(rate: usize, hz: f32, count: usize) -> Vec<f32> {
        (0..count)
            .map(|i| {
                let t = i as f32 / rate as f32 * std::f32::consts::TAU * hz;
                0.3 * t.sin() + 0.15 * (2.0 * t + 0.5).sin() + 0.1 * (3.0 * t).sin()
            })
            .collect()
    }

    fn max_step(samples: &[f32]) -> f32 {
        samples.windows(2).fold(0.0, |a, w| a.max((w[1] - w[0]).abs()))
    }

    type Stretch = fn(&mut Vec<f32>, usize, usize, Care) -> usize;

    fn check(stretch: Stretch, sign: i64) {
        for rate in [8_000, 16_000, 48_000] {
            for hz in [85.0, 130.0, 240.0] {
                let whole = voice(rate, hz, rate / 5);
                let (before, rest) = whole.split_at(rate / 10);
                let (block, after) = rest.split_at(rate / 50);
                let mut block = block.to_vec();
                let changed = stretch(&mut block, rate, rate / 66, Care::Gentle);
                assert!(changed > 0, "{rate} {hz}");
                assert_eq!(block.len() as i64, (rate / 50) as i64 + sign * changed as i64);
                let played = [before, &block, after].concat();
                assert!(max_step(&played) < max_step(&whole) * 1.1, "{rate} {hz} clicks");
                // Still the same voice: alike to itself one period on, across the seam.
                let period = (rate as f32 / hz).round() as usize;
                let like = pitch::likeness(&played, rate / 10 - period, rate / 10, rate / 50, 1);
                assert!(like > 0.9, "{rate} {hz}: {like}");
            }
        }
    }

    #[test]
    fn a_voice_is_shortened_without_a_seam() {
        check(shorten, -1);
    }

    #[test]
    fn a_voice_is_lengthened_without_a_seam() {
        check(lengthen, 1);
    }

    #[test]
    fn never_more_than_allowed() {
        let mut block = voice(8_000, 100.0, 160);
        assert!(shorten(&mut block, 8_000, 50, Care::Urgent) <= 50);
        assert_eq!(shorten(&mut block, 8_000, 10, Care::Urgent), 0, "less than any period");
    }

    #[test]
    fn noise_is_left_alone_unless_it_is_urgent() {
        use rand::{Rng, SeedableRng, rngs::StdRng};
        let mut random = StdRng::seed_from_u64(5);
        let noise: Vec<f32> = (0..160).map(|_| random.random_range(-0.3..0.3)).collect();
        assert_eq!(shorten(&mut noise.clone(), 8_000, 120, Care::Gentle), 0);
    }

    #[test]
    fn the_noise_of_a_pause_is_cut_without_a_step() {
        use rand::{Rng, SeedableRng, rngs::StdRng};
        for stretch in [shorten, lengthen] as [Stretch; 2] {
            let mut random = StdRng::seed_from_u64(5);
            // Noise of a room: little of it is high.
            let mut last = 0.0;
            let noise: Vec<f32> = (0..960)
                .map(|_| {
                    last = last * 0.9 + random.random_range(-0.003..0.003);
                    last
                })
                .collect();
            let mut block = noise[320..640].to_vec();
            assert_ne!(stretch(&mut block, 16_000, 160, Care::Pause), 0);
            let played = [&noise[..320], &block, &noise[640..]].concat();
            assert!(max_step(&played) <= max_step(&noise) * 1.1);
            let level = pitch::power(&block) / pitch::power(&noise[320..640]);
            assert!((0.5..1.5).contains(&level), "{level}");
        }
    }

    #[test]
    fn pauses_take_any_cut() {
        let mut pause = vec![0.0001; 160];
        assert_eq!(shorten(&mut pause, 8_000, 90, Care::Gentle), 90);
        assert_eq!(pause.len(), 70);
        assert_eq!(lengthen(&mut pause, 8_000, 30, Care::Gentle), 30);
        assert_eq!(pause.len(), 100);
    }
}
