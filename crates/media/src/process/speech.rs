//! Whether somebody speaks: by RNNoise's network (crate `nnnoiseless`) where that is worth its time, by level alone
//! else.

use nnnoiseless::DenoiseState;

use super::BLOCK;

/// The least level of speech, in dB relative to full scale.
const LEAST_DB: f32 = -55.0;
/// How far above the room's noise it is.
const ABOVE_DB: f32 = 10.0;
/// Blocks that a word is held on for after it fell below: 150 ms.
const HELD: u32 = 15;
/// From here on the network is believed.
const LIKELY: f32 = 0.5;

/// The decision.
pub(super) struct SpeechDecision {
    network: Box<DenoiseState<'static>>,
    scaled: Vec<f32>,
    cleaned: Vec<f32>,
    /// Follows the room's noise: down at once, up by 3 dB/s.
    noise_db: f32,
    held: u32,
}

impl std::fmt::Debug for SpeechDecision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpeechDecision").field("noise_db", &self.noise_db).finish_non_exhaustive()
    }
}

impl SpeechDecision {
    pub(super) fn new() -> Self {
        let zeros = || vec![0.0; BLOCK];
        let mut network = DenoiseState::new();
        // Its tables are made with the first frame.
        network.process_frame(&mut zeros(), &zeros());
        Self { network, scaled: zeros(), cleaned: zeros(), noise_db: LEAST_DB, held: 0 }
    }

    /// Takes a block of [`BLOCK`] samples and says whether it is speech.
    pub(super) fn hear(&mut self, block: &[f32], by_network: bool) -> bool {
        let power = block.iter().map(|s| s * s).sum::<f32>() / block.len().max(1) as f32;
        let db = 10.0 * power.max(1e-10).log10();
        self.noise_db = db.min(self.noise_db + 0.03);
        let speech = if by_network {
            // It wants the numbers of 16-bit samples.
            self.scaled.iter_mut().zip(block).for_each(|(scaled, sample)| *scaled = sample * 32_768.0);
            self.network.process_frame(&mut self.cleaned, &self.scaled) > LIKELY
        } else {
            db > LEAST_DB.max(self.noise_db + ABOVE_DB)
        };
        self.held = if speech { HELD } else { self.held.saturating_sub(1) };
        self.held > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_level_words_are_speech_and_steady_noise_is_not() {
        let mut speech = SpeechDecision::new();
        let block = |amplitude: f32| [amplitude; BLOCK];
        let mut heard = (0..3_000).map(|_| speech.hear(&block(0.01), false)).collect::<Vec<_>>();
        assert!(!heard.split_off(1_500).contains(&true), "a fan is no speech for long");
        assert!(speech.hear(&block(0.1), false));
        assert!((0..10).all(|_| speech.hear(&block(0.01), false)), "the end of a word belongs to it");
        assert!(!(0..20).map(|_| speech.hear(&block(0.01), false)).last().unwrap());
    }
}
