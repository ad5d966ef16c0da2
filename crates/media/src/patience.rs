//! When the delay may be corrected: best in a pause, where nobody hears it; in speech only once it has waited long, or
//! when it is urgent.
//!
//! What isn't here: how much to correct (`jitter`), and how (`stretch`).

use crate::jitter::Correction;
use crate::stretch::Care;

/// Too much delay waits this long for a pause of the speaker, too little this long, milliseconds. Too little may lose
/// packets.
const SURPLUS_WAITS_MS: u32 = 3_000;
const DEFICIT_WAITS_MS: u32 = 300;
/// So long there must have been something to spare before it is cut, also of a pause: twice what the aim remembers, or
/// what is cut now is put in again at the next disturbance.
const SPARE_WAITS_MS: u32 = 20_000;
/// Off the aim by this much, nothing is waited for, seconds.
const PRESSING: f64 = 0.030;
/// Off the aim by this much, it may even be heard, seconds.
const URGENT: f64 = 0.080;
/// Between two corrections within speech, milliseconds, unless it is pressing.
const BETWEEN_MS: u32 = 60;
/// Power of a pause in that of speech: 25 dB less.
const PAUSE: f32 = 0.003;
/// Power that is silence whatever was said before, about -57 dB.
const SILENCE: f32 = 2e-6;
/// What remains after each block of the loudest lately: half in about 10 s.
const FORGET: f32 = 0.9985;

/// What was heard lately, and how long a correction has been wanted.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// Power of speech lately.
    speech: f32,
    /// Milliseconds since the delay began to be off.
    wanted: u32,
    /// Milliseconds since there was something to spare and nothing lacked.
    spare: u32,
    /// Milliseconds since the last correction.
    since: u32,
}

impl Patience {
    /// What may be done to a block of this power and length, if anything.
    pub(crate) fn judge(
        &mut self,
        correction: Correction,
        clock_rate: u32,
        power: f32,
        block_ms: u32,
    ) -> Option<Care> {
        self.speech = (self.speech * FORGET).max(power);
        self.since = self.since.saturating_add(block_ms);
        let pause = power < (self.speech * PAUSE).max(SILENCE);
        let (ticks, waits) = match correction {
            Correction::None => {
                self.wanted = 0;
                return None;
            }
            Correction::Trim(_) => {
                self.wanted = 0;
                self.spare = self.spare.saturating_add(block_ms);
                return (pause && self.spare > SPARE_WAITS_MS).then_some(Care::Pause);
            }
            Correction::Shorten(ticks) => (ticks, SURPLUS_WAITS_MS),
            Correction::Lengthen(ticks) => {
                self.spare = 0;
                (ticks, DEFICIT_WAITS_MS)
            }
        };
        self.wanted = self.wanted.saturating_add(block_ms);
        let off = f64::from(ticks) / f64::from(clock_rate.max(1));
        if pause {
            return Some(Care::Pause);
        }
        if off > URGENT {
            return Some(Care::Urgent);
        }
        let due = off > PRESSING || (self.wanted > waits && self.since >= BETWEEN_MS);
        due.then_some(Care::Gentle)
    }

    /// The delay was corrected just now.
    pub(crate) fn corrected(&mut self) {
        self.since = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEECH: f32 = 0.01;

    fn judged(correction: Correction, powers: impl IntoIterator<Item = f32>) -> Vec<Option<Care>> {
        let mut patience = Patience::default();
        (0..50).for_each(|_| {
            patience.judge(Correction::None, 8_000, SPEECH, 20);
        });
        powers.into_iter().map(|power| patience.judge(correction, 8_000, power, 20)).collect()
    }

    #[test]
    fn little_surplus_waits_for_a_pause() {
        let little = Correction::Shorten(160);
        assert_eq!(judged(little, [SPEECH, SPEECH, SPEECH * 0.001]), [None, None, Some(Care::Pause)]);
        let long = judged(little, [SPEECH; 200]);
        assert!(long[..150].iter().all(Option::is_none), "three seconds of speech without one");
        assert_eq!(long[160], Some(Care::Gentle));
    }

    #[test]
    fn what_is_to_spare_is_taken_out_of_pauses_alone() {
        let pause = SPEECH * 0.001;
        let powers = [[SPEECH; 900].as_slice(), &[pause], &[SPEECH; 500], &[pause]].concat();
        let judged = judged(Correction::Trim(80), powers);
        assert!(judged[..1_401].iter().all(Option::is_none), "after 18 s, and in speech");
        assert_eq!(judged[1_401], Some(Care::Pause), "after 28 s");
    }

    #[test]
    fn what_was_put_in_is_not_to_spare() {
        let mut patience = Patience::default();
        let mut judge = |correction, blocks: usize| {
            (0..blocks).fold(None, |_, _| patience.judge(correction, 8_000, 0.0, 20))
        };
        judge(Correction::Trim(80), 900);
        judge(Correction::Lengthen(80), 1);
        assert_eq!(judge(Correction::Trim(80), 900), None);
        assert_eq!(judge(Correction::Trim(80), 101), Some(Care::Pause));
    }

    #[test]
    fn too_little_delay_waits_less() {
        let long = judged(Correction::Lengthen(160), [SPEECH; 40]);
        assert_eq!((long[10], long[30]), (None, Some(Care::Gentle)));
    }

    #[test]
    fn much_is_corrected_at_once() {
        for correction in [Correction::Shorten, Correction::Lengthen] {
            assert_eq!(judged(correction(320), [SPEECH]), [Some(Care::Gentle)]);
            assert_eq!(judged(correction(800), [SPEECH]), [Some(Care::Urgent)]);
            assert_eq!(judged(correction(800), [0.0]), [Some(Care::Pause)]);
        }
    }

    #[test]
    fn a_pause_is_measured_by_the_speech_around_it() {
        // Quiet speech is not the pause of a loud talker for ever.
        let quiet = judged(Correction::Shorten(160), [SPEECH * 0.002; 1_400]);
        assert_eq!(quiet[0], Some(Care::Pause));
        assert_eq!(quiet[1_399], Some(Care::Gentle));
    }
}
