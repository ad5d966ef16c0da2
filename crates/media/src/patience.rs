//! When the delay may be corrected: best in a pause, where nobody hears it; in speech only once it has waited long, or
//! when it is urgent.
//!
//! What isn't here: how much to correct (`jitter`), and how (`stretch`).

use crate::jitter::Correction;
use crate::stretch::Care;

/// Too much delay waits this long for a pause of the speaker, milliseconds: the more there is, the less. Every cut within
/// speech may be heard; that a while passes before an answer is noticed in a conversation alone.
const SURPLUS_WAITS_MS: [(f64, u32); 3] = [(0.120, 400), (0.050, 1_500), (0.0, 3_000)];
/// Too little waits this long, milliseconds: it may lose packets.
const DEFICIT_WAITS_MS: u32 = 300;
/// So long there must have been something to spare before it is cut, also of a pause: twice what the aim remembers, or
/// what is cut now is put in again at the next disturbance.
const SPARE_WAITS_MS: u32 = 20_000;
/// With so much too little, nothing is waited for, seconds.
const PRESSING: f64 = 0.030;
/// With so much too little, or too much, it may even be heard, seconds.
const URGENT: f64 = 0.080;
const URGENT_SURPLUS: f64 = 0.200;
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
        let seconds = |ticks: u32| f64::from(ticks) / f64::from(clock_rate.max(1));
        let (off, waits, pressing, urgent) = match correction {
            Correction::None => {
                self.wanted = 0;
                return None;
            }
            Correction::Trim(_) => {
                self.wanted = 0;
                self.spare = self.spare.saturating_add(block_ms);
                return (pause && self.spare > SPARE_WAITS_MS).then_some(Care::Pause);
            }
            Correction::Shorten(ticks) => {
                let off = seconds(ticks);
                let waits = SURPLUS_WAITS_MS.iter().find(|(least, _)| off >= *least).map_or(0, |(_, ms)| *ms);
                (off, waits, f64::INFINITY, URGENT_SURPLUS)
            }
            Correction::Lengthen(ticks) => {
                self.spare = 0;
                (seconds(ticks), DEFICIT_WAITS_MS, PRESSING, URGENT)
            }
        };
        self.wanted = self.wanted.saturating_add(block_ms);
        if pause {
            return Some(Care::Pause);
        }
        if off > urgent {
            return Some(Care::Urgent);
        }
        let due = off > pressing || (self.wanted > waits && self.since >= BETWEEN_MS);
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
    fn what_was_right_in_between_waits_anew() {
        for between in [Correction::None, Correction::Trim(80)] {
            let mut patience = Patience::default();
            let mut judge = |correction, blocks: usize| -> Vec<_> {
                (0..blocks).map(|_| patience.judge(correction, 8_000, SPEECH, 20)).collect()
            };
            for _ in 0..5 {
                assert_eq!(judge(Correction::Lengthen(160), 12), [None; 12], "240 ms are not 300");
                assert_eq!(judge(between, 1), [None]);
            }
        }
    }

    #[test]
    fn much_too_little_is_corrected_at_once() {
        let lengthen = Correction::Lengthen;
        assert_eq!(judged(lengthen(320), [SPEECH]), [Some(Care::Gentle)]);
        assert_eq!(judged(lengthen(800), [SPEECH]), [Some(Care::Urgent)]);
        assert_eq!(judged(lengthen(800), [0.0]), [Some(Care::Pause)]);
    }

    #[test]
    fn much_too_much_waits_less_for_a_pause_and_goes_in_small_steps() {
        for (surplus, waits) in [(320, 150), (560, 75), (1_120, 20)] {
            let judged = judged(Correction::Shorten(surplus), [SPEECH; 300]);
            let first = judged.iter().position(Option::is_some);
            assert_eq!(first, Some(waits), "{surplus}: as many blocks of 20 ms");
            assert!(judged.iter().flatten().all(|care| *care == Care::Gentle));
        }
        assert_eq!(judged(Correction::Shorten(1_120), [0.0]), [Some(Care::Pause)]);
        assert_eq!(judged(Correction::Shorten(2_400), [SPEECH]), [Some(Care::Urgent)], "no conversation");
    }

    #[test]
    fn steps_within_speech_keep_their_distance() {
        let mut patience = Patience::default();
        let surplus = Correction::Shorten(1_120);
        let cuts: Vec<usize> = (0..100)
            .filter(|_| {
                let due = patience.judge(surplus, 8_000, SPEECH, 20).is_some();
                if due {
                    patience.corrected();
                }
                due
            })
            .collect();
        assert!(cuts.windows(2).all(|pair| pair[1] - pair[0] == 3), "{cuts:?}");
    }

    #[test]
    fn a_pause_is_measured_by_the_speech_around_it() {
        // Quiet speech is not the pause of a loud talker for ever.
        let quiet = judged(Correction::Shorten(160), [SPEECH * 0.002; 1_400]);
        assert_eq!(quiet[0], Some(Care::Pause));
        assert_eq!(quiet[1_399], Some(Care::Gentle));
    }
}
