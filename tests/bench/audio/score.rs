//! How good what was heard is, beside what was said, and how late.
//!
//! Both come from one recording, so on one clock. PESQ (ITU-T P.862) wants pieces of about eight seconds.

use pesq::{pesq_8k, pesq_wb, score::mos_lqo};
use tern_tests::Result;
use tern_tests::audio::{Sound, correlate};

/// What the ear says of a piece.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Score {
    /// PESQ wide band (P.862.2), 1.0 to 4.6.
    pub(crate) wide: f64,
    /// PESQ narrow band (P.862.1), 1.0 to 4.5.
    pub(crate) narrow: f64,
    /// Mouth to ear, in seconds.
    pub(crate) delay: f64,
}

/// Length of a piece in seconds.
pub(crate) const PIECE: f64 = 8.0;

/// Longest delay looked for, in seconds.
const LATEST: f64 = 2.0;

/// Scores each piece of what was said from one second to another.
///
/// What never arrived scores the worst there is.
pub(crate) fn score(said: &Sound, heard: &Sound, from: f64, to: f64) -> Result<Vec<Score>> {
    let mut scores = Vec::new();
    let mut start = from;
    while start + PIECE <= to + 1e-6 {
        let delay = delay(said, heard, start)?;
        let piece = said.part(start, start + PIECE);
        let there = heard.part(start + delay, start + delay + PIECE);
        let wide = pesq_wb(&integers(&piece, 16_000), &integers(&there, 16_000)).map_or(1.0, f64::from);
        let narrow = pesq_8k(&integers(&piece, 8_000), &integers(&there, 8_000))
            .map_or(1.0, |raw| f64::from(mos_lqo(f64::from(raw))));
        scores.push(Score { wide, narrow, delay });
        start += PIECE;
    }
    Ok(scores)
}

/// The median delay of the seconds in a piece: jitter buffers move within it.
fn delay(said: &Sound, heard: &Sound, start: f64) -> Result<f64> {
    const LENGTH: f64 = 2.0;
    // Enough for a millisecond, and a sixth of the work.
    const RATE: u32 = 8_000;
    let mut delays = Vec::new();
    let mut at = start;
    while at + LENGTH <= start + PIECE + 1e-6 {
        let word = said.part(at, at + LENGTH).at_rate(RATE);
        let around = heard.part(at, at + LENGTH + LATEST).at_rate(RATE);
        let found = correlate(&word, &around);
        if found.correlation > 0.3 {
            delays.push(found.delay.max(0.0));
        }
        at += LENGTH;
    }
    median(&mut delays).ok_or_else(|| "nothing of what was said was heard".into())
}

/// The middle one, or the mean of the middle two.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

fn integers(sound: &Sound, rate: u32) -> Vec<i16> {
    let scaled = |sample: &f32| (sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16;
    sound.at_rate(rate).samples.iter().map(scaled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tern_tests::audio::speech;

    #[test]
    fn the_same_later_is_perfect_and_its_delay_known() {
        let said = speech(16_000, 10.0, 1);
        let mut heard = Sound { rate: 16_000, samples: vec![0.0; 1_920] };
        heard.samples.extend(&said.samples);
        let scores = score(&said, &heard, 1.0, 9.0).unwrap();
        assert_eq!(scores.len(), 1);
        assert!(scores[0].wide > 4.4 && scores[0].narrow > 4.4, "{scores:?}");
        assert!((scores[0].delay - 0.120).abs() < 0.001, "{scores:?}");
    }

    #[test]
    fn gaps_cost() {
        let said = speech(16_000, 10.0, 1);
        let mut heard = said.clone();
        for gap in heard.samples.chunks_mut(3_200) {
            gap[..640].fill(0.0);
        }
        let scores = score(&said, &heard, 1.0, 9.0).unwrap();
        assert!(scores[0].wide < 2.0 && scores[0].narrow < 3.0, "{scores:?}");
    }

    #[test]
    fn silence_is_told() {
        let said = speech(16_000, 10.0, 1);
        let heard = Sound { rate: 16_000, samples: vec![0.0; 160_000] };
        assert!(score(&said, &heard, 1.0, 9.0).is_err());
    }

    #[test]
    fn medians() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
