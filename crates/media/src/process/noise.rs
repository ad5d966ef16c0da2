//! What isn't speech is turned down: the room's steady noise bin by bin, and all of it where nobody speaks.
//!
//! The bins are a Wiener filter's with the decision-directed ratio of Ephraim and Malah. A network that makes the
//! sound itself (RNNoise) was measured and left out: it takes more from speech than from noise and comes 10 ms
//! later. Its judgement of what is speech is used.

use super::spectrum::{BINS, FRAME};

/// No bin is turned down by more: 14 dB, so that the room stays a room.
pub(super) const LEAST: f32 = 0.2;
/// What is turned down besides where nobody speaks: 8 dB.
const PAUSE: f32 = 0.4;
/// A room that is quieter than this, in dB relative to full scale, is left as it is; one louder by [`FADE_DB`] is
/// turned down as far as it may be. Taking out what nobody hears only costs speech.
const QUIET_DB: f32 = -55.0;
const FADE_DB: f32 = 12.0;
/// The floor lies somewhat below the noise.
const OVER: f32 = 1.3;
const KEEP_PRIOR: f32 = 0.95;

/// The filter.
#[derive(Debug)]
pub(super) struct NoiseGain {
    /// Power of each bin that passed in the block before.
    passed: Vec<f32>,
    gain: Vec<f32>,
    /// 1 while somebody speaks, [`PAUSE`] after some time when nobody does.
    open: f32,
}

impl NoiseGain {
    pub(super) fn new() -> Self {
        Self { passed: vec![0.0; BINS], gain: vec![1.0; BINS], open: 1.0 }
    }

    /// The gain of each bin of a block of these powers, over a floor of noise; `speech` says whether there is any.
    pub(super) fn of(&mut self, power: &[f32], floor: &[f32], speech: bool) -> &[f32] {
        // At once when a word begins; over 200 ms when it is over.
        self.open = if speech { 1.0 } else { PAUSE + 0.95 * (self.open - PAUSE) };
        let depth = ((level_db(floor) - QUIET_DB) / FADE_DB).clamp(0.0, 1.0);
        let (least, open) = (LEAST.powf(depth), self.open.powf(depth));
        let bins = self.gain.iter_mut().zip(&mut self.passed).zip(power).zip(floor);
        for (((gain, passed), power), floor) in bins {
            let noise = OVER * floor + 1e-12;
            let prior = KEEP_PRIOR * *passed / noise + (1.0 - KEEP_PRIOR) * (power / noise - 1.0).max(0.0);
            let wiener = (prior / (1.0 + prior)).max(least);
            *passed = wiener * wiener * power;
            *gain = wiener * open;
        }
        &self.gain
    }
}

/// The level that a noise of these powers has where speech is, in dB relative to full scale.
fn level_db(floor: &[f32]) -> f32 {
    // A frame in its window has half its samples' power.
    const WHOLE: f32 = 0.5 * FRAME as f32 * BINS as f32;
    let power: f32 = floor.iter().take(160).skip(2).sum();
    10.0 * (power / WHOLE).max(1e-12).log10()
}
