//! Speech is brought to an even level, slowly; what isn't speech never moves the gain.

use super::BLOCK;

/// Where speech should be, in dB relative to full scale.
const TARGET_DB: f32 = -20.0;
/// How far it may go, in dB.
const RANGE_DB: std::ops::RangeInclusive<f32> = -9.0..=15.0;
/// Up and down, in dB a block: 4 dB/s and 12 dB/s.
const UP: f32 = 0.04;
const DOWN: f32 = 0.12;
/// Within this many dB of the target nothing is to be mended.
const GOOD_ENOUGH: f32 = 1.5;
/// Blocks of speech until its level is believed.
const BELIEVED: u32 = 20;

/// The gain and the level it goes by.
#[derive(Debug)]
pub(super) struct GainControl {
    gain_db: f32,
    /// Mean power of speech.
    power: f32,
    heard: u32,
}

impl GainControl {
    pub(super) fn new() -> Self {
        Self { gain_db: 0.0, power: 0.0, heard: 0 }
    }

    /// What is added at present, in dB.
    pub(super) fn gain_db(&self) -> f32 {
        self.gain_db
    }

    /// Holds the level of a block; `speech` says whether this side speaks in it.
    pub(super) fn process(&mut self, block: &mut [f32], speech: bool, on: bool) {
        let before = self.gain_db;
        if on && speech {
            let power = block.iter().map(|s| s * s).sum::<f32>() / BLOCK as f32;
            // The ends of words are no measure of how loud they are.
            if power > 0.05 * self.power {
                self.heard = self.heard.saturating_add(1);
                // At first a plain mean, then one over two seconds of speech.
                self.power += (power - self.power) / (self.heard.min(200) as f32);
            }
            if self.heard >= BELIEVED {
                let wanted = TARGET_DB - 10.0 * self.power.max(1e-9).log10();
                self.move_to(wanted.clamp(*RANGE_DB.start(), *RANGE_DB.end()));
            }
        } else if !on {
            self.move_to(0.0);
        }
        if before == 0.0 && self.gain_db == 0.0 {
            return;
        }
        let (from, to) = (linear(before), linear(self.gain_db));
        for (i, sample) in block.iter_mut().enumerate() {
            *sample *= from + (to - from) * i as f32 / BLOCK as f32;
        }
    }

    fn move_to(&mut self, wanted: f32) {
        let off = wanted - self.gain_db;
        if wanted == 0.0 || off.abs() > GOOD_ENOUGH {
            self.gain_db += off.clamp(-DOWN, UP);
        }
    }
}

fn linear(db: f32) -> f32 {
    10_f32.powf(db / 20.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(block: &[f32]) -> f32 {
        10.0 * (block.iter().map(|s| s * s).sum::<f32>() / block.len() as f32).log10()
    }

    fn block(db: f32, at: usize) -> Vec<f32> {
        let amplitude = linear(db) * std::f32::consts::SQRT_2;
        (0..BLOCK).map(|i| amplitude * ((at * BLOCK + i) as f32 * 0.2).sin()).collect()
    }

    #[test]
    fn quiet_and_loud_speech_come_to_the_same_level() {
        for db in [-32.0, -26.0, -12.0] {
            let mut gain = GainControl::new();
            let mut last = 0.0;
            for at in 0..1_000 {
                let mut block = block(db, at);
                gain.process(&mut block, true, true);
                last = level(&block);
            }
            assert!((last - TARGET_DB).abs() < 2.0, "{db}: {last}");
        }
    }

    #[test]
    fn whispers_are_raised_no_further_than_its_range() {
        let mut gain = GainControl::new();
        (0..3_000).for_each(|at| gain.process(&mut block(-60.0, at), true, true));
        assert!(gain.gain_db() <= *RANGE_DB.end() && gain.gain_db() > 12.0, "{}", gain.gain_db());
    }

    #[test]
    fn noise_does_not_move_it() {
        let mut gain = GainControl::new();
        (0..500).for_each(|at| gain.process(&mut block(-30.0, at), true, true));
        let held = gain.gain_db();
        assert!(held > 5.0);
        (0..3_000).for_each(|at| gain.process(&mut block(-55.0, at), false, true));
        assert_eq!(gain.gain_db(), held);
        (0..1_000).for_each(|at| gain.process(&mut block(-30.0, at), true, false));
        assert_eq!(gain.gain_db(), 0.0, "off, it goes back without a step");
    }
}
