//! Two sound cards have two clocks. How much faster the microphone's is than the loudspeaker's is followed by how
//! much earlier or later the echo comes than the canceller's filter thinks, a loop of the second order: the filter is
//! its reference, and need not turn with the clocks by itself, which it can't while this side speaks.

use super::BLOCK;

/// No two sound cards are further apart, in samples a block: 300 ppm.
const FURTHEST: f32 = 300e-6 * BLOCK as f32;
/// What the reading place and the rate take of a lag.
const PLACE: f32 = 0.02;
const RATE: f32 = 2e-4;
/// The variance that a lag is thought to have, in square samples: of one measured less surely, less is believed.
const USUAL: f32 = 0.01;
/// A lag that is larger, in samples, is another path and no other clock.
const LARGEST: f32 = 0.5;
/// Blocks of the loudspeaker's sound until the filter knows enough to be a reference.
const FROM: u32 = 200;

/// How much earlier than thought the echo comes in a block, in samples: `sum / weight`, and 1 / (2 `weight`) is its
/// variance.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Lag {
    pub(super) sum: f32,
    pub(super) weight: f32,
}

/// The two clocks.
#[derive(Debug)]
pub(super) struct Clock {
    /// Samples of the loudspeaker's in a block of the microphone's, less a block.
    rate: f32,
    blocks: u32,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { rate: 0.0, blocks: 0 }
    }

    /// Takes a block's lag; by how many samples the next block of the loudspeaker's is longer than a block.
    pub(super) fn follow(&mut self, lag: Lag) -> f32 {
        if lag.weight <= 0.0 {
            return self.rate;
        }
        self.blocks = self.blocks.saturating_add(1);
        if self.blocks < FROM {
            return 0.0;
        }
        let samples = (lag.sum / lag.weight).clamp(-LARGEST, LARGEST);
        let sure = USUAL / (USUAL + 0.5 / lag.weight);
        self.rate = (self.rate + RATE * sure * samples).clamp(-FURTHEST, FURTHEST);
        (self.rate + PLACE * sure * samples).clamp(-FURTHEST, FURTHEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path that moves by `drift` samples a block, and a filter that follows it over a second.
    fn rate_after(drift: f32, blocks: usize) -> f32 {
        let (mut clock, mut off, mut longer) = (Clock::new(), 0.0, 0.0);
        for _ in 0..blocks {
            off = 0.99 * (off + drift - longer);
            longer = clock.follow(Lag { sum: 1_000.0 * off, weight: 1_000.0 });
        }
        clock.rate
    }

    #[test]
    fn the_rate_of_the_other_clock_is_found_in_some_ten_seconds() {
        for ppm in [-80.0, -5.0, 0.0, 30.0, 200.0] {
            let drift = ppm * 1e-6 * BLOCK as f32;
            let found = rate_after(drift, 1_500) / BLOCK as f32 * 1e6;
            assert!((found - ppm).abs() < 1.0 + 0.05 * f32::abs(ppm), "{ppm}: {found}");
        }
    }

    #[test]
    fn what_is_measured_unsurely_moves_it_little() {
        let rate = |weight: f32| {
            let mut clock = Clock::new();
            (0..400).for_each(|_| {
                clock.follow(Lag { sum: 0.1 * weight, weight });
            });
            clock.rate
        };
        assert!(rate(1.0) < 0.05 * rate(1_000.0));
        assert!(rate(1e9) <= FURTHEST);
    }
}
