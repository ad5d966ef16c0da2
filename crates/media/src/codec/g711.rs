//! G.711 (ITU-T, 11/88), both laws, and its decoder with concealment.
//!
//! Samples are the 16-bit form customary for G.711: the 14-bit (µ) or 13-bit (A) value shifted left, with
//! ±32768 as full scale.

use super::CodecError;
use crate::conceal::Concealer;

/// Which companding law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// µ-law, PCMU.
    Mu,
    /// A-law, PCMA.
    A,
}

impl Law {
    /// The code word of a 16-bit sample.
    pub fn compress(self, sample: i16) -> u8 {
        match self {
            Self::Mu => compress_mu(sample),
            Self::A => compress_a(sample),
        }
    }

    /// The 16-bit sample of a code word.
    pub fn expand(self, code: u8) -> i16 {
        match self {
            Self::Mu => expand_mu(code),
            Self::A => expand_a(code),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Mu => "PCMU",
            Self::A => "PCMA",
        }
    }
}

/// Appends one byte per sample.
pub(crate) fn encode(law: Law, samples: &[f32], out: &mut Vec<u8>) {
    // 32768 and not 32767: the decoder divides by it, and a tone must come back at its own level.
    out.extend(samples.iter().map(|s| law.compress((s * 32_768.0).round() as i16)));
}

/// Longest payload taken: 400 ms, twice the longest packet time anyone uses.
const MAX_PAYLOAD: usize = 3_200;

/// A G.711 decoder that remembers enough to conceal.
#[derive(Debug)]
pub struct G711Decoder {
    law: Law,
    concealer: Concealer,
}

impl G711Decoder {
    pub(crate) fn new(law: Law) -> Self {
        Self { law, concealer: Concealer::new(8_000) }
    }

    pub(crate) fn decode(&mut self, payload: &[u8], out: &mut Vec<f32>) -> Result<usize, CodecError> {
        if payload.is_empty() || payload.len() > MAX_PAYLOAD {
            return Err(CodecError::Malformed(self.law.name()));
        }
        let start = out.len();
        out.extend(payload.iter().map(|code| f32::from(self.law.expand(*code)) / 32_768.0));
        if let Some(fresh) = out.get_mut(start..) {
            self.concealer.accept(fresh);
        }
        Ok(payload.len())
    }

    pub(crate) fn conceal(&mut self, samples: usize, out: &mut Vec<f32>) {
        self.concealer.conceal(samples, out);
    }
}

/// Added before the segment is looked for, so that every segment starts at a power of two.
const MU_BIAS: i32 = 0x84;
/// The largest magnitude that still has a code word once biased.
const MU_CLIP: i32 = 32_635;

fn compress_mu(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = i32::from(sample).abs().min(MU_CLIP) + MU_BIAS;
    // The bias makes bit 7 the lowest that can be the top one: segment 0.
    let segment = (magnitude >> 7).ilog2();
    let step = (magnitude >> (segment + 3)) & 0x0F;
    // G.711 table 2: the bits go out inverted.
    !(sign | (segment as u8) << 4 | step as u8)
}

fn expand_mu(code: u8) -> i16 {
    let code = !code;
    let segment = (code >> 4) & 0x07;
    let step = i32::from(code & 0x0F);
    let magnitude = (((step << 3) + MU_BIAS) << segment) - MU_BIAS;
    (if code & 0x80 != 0 { -magnitude } else { magnitude }) as i16
}

fn compress_a(sample: i16) -> u8 {
    // One's complement for the negative half: the two halves of the A-law are mirror images without a zero.
    let (sign, magnitude) = if sample < 0 { (0, !sample >> 3) } else { (0x80, sample >> 3) };
    let magnitude = magnitude as u16 >> 1;
    let code = match magnitude.checked_ilog2() {
        // Segments 0 and 1 share one step size.
        None | Some(..=3) => magnitude as u8,
        Some(top) => {
            let segment = top - 3;
            ((segment as u8) << 4) | ((magnitude >> (segment - 1)) & 0x0F) as u8
        }
    };
    // G.711 table 1: even bits go out inverted.
    (sign | code) ^ 0x55
}

fn expand_a(code: u8) -> i16 {
    let code = code ^ 0x55;
    let segment = (code >> 4) & 0x07;
    let step = i16::from(code & 0x0F);
    let magnitude = match segment {
        0 => (step << 4) + 8,
        _ => ((step << 4) + 0x108) << (segment - 1),
    };
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decision and output values of the positive half of G.711 tables 2a (µ) and 1a (A), in the 16-bit form:
    /// code word, decoder output.
    #[test]
    fn known_code_words_of_mu_law() {
        // Segment ends of table 2a: output values 0, 2, .. 8031 in 14 bits, times 4.
        for (code, value) in [
            (0xFF, 0),
            (0xFE, 2 * 4),
            (0xF0, 30 * 4),
            (0xEF, 33 * 4),
            (0xE0, 93 * 4),
            (0xDF, 99 * 4),
            (0xD0, 219 * 4),
            (0xCF, 231 * 4),
            (0xC0, 471 * 4),
            (0xBF, 495 * 4),
            (0xB0, 975 * 4),
            (0xAF, 1023 * 4),
            (0xA0, 1983 * 4),
            (0x9F, 2079 * 4),
            (0x90, 3999 * 4),
            (0x8F, 4191 * 4),
            (0x80, 8031 * 4),
        ] {
            assert_eq!(Law::Mu.expand(code), value, "{code:02x}");
            assert_eq!(Law::Mu.expand(code & 0x7F), -value, "{:02x}", code & 0x7F);
        }
    }

    #[test]
    fn known_code_words_of_a_law() {
        // Table 1a: output values 1, 3, .. 4032 in 13 bits, times 8; code words before the even bits are inverted.
        for (code, value) in [
            (0x80_u8, 1),
            (0x81, 3),
            (0x8F, 31),
            (0x90, 33),
            (0x9F, 63),
            (0xA0, 66),
            (0xAF, 126),
            (0xB0, 132),
            (0xBF, 252),
            (0xC0, 264),
            (0xCF, 504),
            (0xD0, 528),
            (0xDF, 1008),
            (0xE0, 1056),
            (0xEF, 2016),
            (0xF0, 2112),
            (0xFF, 4032),
        ] {
            assert_eq!(Law::A.expand(code ^ 0x55), value * 8, "{code:02x}");
            assert_eq!(Law::A.expand((code & 0x7F) ^ 0x55), -value * 8, "{:02x}", code & 0x7F);
        }
    }

    /// G.711 asks that a code word decoded and coded again is itself; µ-law has two zeros.
    #[test]
    fn every_code_word_survives_a_round_trip() {
        for law in [Law::Mu, Law::A] {
            for code in 0..=255_u8 {
                let again = law.compress(law.expand(code));
                let negative_zero = law == Law::Mu && code == 0x7F;
                assert_eq!(again, if negative_zero { 0xFF } else { code }, "{law:?} {code:02x}");
            }
        }
    }

    /// The decision values between segments, tables 2a and 1a: the first value of each segment from the second on.
    #[test]
    fn segments_begin_where_the_tables_say() {
        for (decision, code) in
            [(31, 0xEF), (95, 0xDF), (223, 0xCF), (479, 0xBF), (991, 0xAF), (2_015, 0x9F), (4_063, 0x8F)]
        {
            assert_eq!(Law::Mu.compress(decision * 4), code);
            assert_eq!(Law::Mu.compress(decision * 4 - 1), code + 1);
        }
        for (decision, code) in
            [(32, 0x90_u8), (64, 0xA0), (128, 0xB0), (256, 0xC0), (512, 0xD0), (1_024, 0xE0), (2_048, 0xF0)]
        {
            assert_eq!(Law::A.compress(decision * 8) ^ 0x55, code);
            assert_eq!(Law::A.compress(decision * 8 - 1) ^ 0x55, code - 1);
        }
    }

    /// The tables written out by their own rule: 16 steps a segment, each segment's steps twice the last one's. In the
    /// A-law the first two segments share theirs, in the µ-law the first step is half a one.
    #[test]
    fn every_sample_and_every_code_word_is_that_of_the_tables() {
        for (law, scale, first, steps) in
            [(Law::A, 8, 0, [2, 2, 4, 8, 16, 32, 64, 128]), (Law::Mu, 4, -1, [2, 4, 8, 16, 32, 64, 128, 256])]
        {
            let mut at = first;
            let mut decisions = Vec::new();
            for step in steps {
                for _ in 0..16 {
                    at += step;
                    decisions.push(at);
                }
            }
            assert_eq!(at, if law == Law::A { 4_096 } else { 8_159 });
            let word = |number: usize, positive: bool| match law {
                Law::A => (if positive { 0x80 | number as u8 } else { number as u8 }) ^ 0x55,
                Law::Mu => (if positive { 0xFF } else { 0x7F }) - number as u8,
            };
            for sample in i16::MIN..=i16::MAX {
                let magnitude = match law {
                    Law::A if sample < 0 => i32::from(!sample),
                    _ => i32::from(sample).abs(),
                };
                let number = decisions.partition_point(|d| d * scale <= magnitude).min(127);
                assert_eq!(law.compress(sample), word(number, sample >= 0), "{law:?} {sample}");
            }
            for number in 0..128_usize {
                let lower = if number == 0 { first.max(-decisions[0]) } else { decisions[number - 1] };
                let value = (lower + decisions[number]) * scale / 2;
                assert_eq!(i32::from(law.expand(word(number, true))), value, "{law:?} {number}");
                assert_eq!(i32::from(law.expand(word(number, false))), -value, "{law:?} -{number}");
            }
        }
    }

    /// Half a step of the sample's segment is the largest error there is.
    #[test]
    fn every_sample_is_as_near_as_its_segment_allows() {
        for sample in i16::MIN..=i16::MAX {
            let magnitude = i32::from(sample).abs();
            let off = |law: Law| (i32::from(law.expand(law.compress(sample))) - i32::from(sample)).abs();
            let half_mu = 4 << ((magnitude.min(MU_CLIP) + MU_BIAS) >> 7).ilog2();
            assert!(off(Law::Mu) <= half_mu.max(magnitude - 32_124), "mu {sample}");
            let half_a = 8 << (magnitude >> 8).max(1).ilog2();
            assert!(off(Law::A) <= half_a, "a {sample}");
        }
    }

    #[test]
    fn a_tone_keeps_its_level_and_is_clean() {
        let tone: Vec<f32> =
            (0..8_000).map(|i| 0.5 * (i as f32 * 1_004.0 / 8_000.0 * std::f32::consts::TAU).sin()).collect();
        for law in [Law::Mu, Law::A] {
            let (mut bytes, mut back) = (Vec::new(), Vec::new());
            for frame in tone.chunks(160) {
                bytes.clear();
                encode(law, frame, &mut bytes);
                let mut decoder = G711Decoder::new(law);
                assert_eq!(decoder.decode(&bytes, &mut back), Ok(160));
            }
            let noise: f32 = tone.iter().zip(&back).map(|(a, b)| (a - b).powi(2)).sum();
            let signal: f32 = tone.iter().map(|a| a * a).sum();
            let snr = 10.0 * (signal / noise).log10();
            assert!(snr > 36.0, "{law:?}: {snr} dB");
        }
    }

    #[test]
    fn full_scale_clips_instead_of_wrapping() {
        let mut bytes = Vec::new();
        encode(Law::Mu, &[1.5, -1.5, f32::NAN], &mut bytes);
        assert_eq!(bytes, [0x80, 0x00, 0xFF]);
        bytes.clear();
        encode(Law::A, &[1.5, -1.5], &mut bytes);
        assert_eq!(bytes, [0xFF ^ 0x55, 0x7F ^ 0x55]);
    }

    #[test]
    fn payloads_that_are_no_audio_are_refused() {
        let mut decoder = G711Decoder::new(Law::A);
        assert!(decoder.decode(&[], &mut Vec::new()).is_err());
        assert!(decoder.decode(&[0; MAX_PAYLOAD + 1], &mut Vec::new()).is_err());
    }
}
