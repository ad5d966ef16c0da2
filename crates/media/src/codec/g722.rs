//! G.722 (ITU-T, 9/12) at 64 kbit/s, one octet per two samples, and its decoder with concealment.
//!
//! The codec itself is a library's. RFC 3551 section 4.5.2: the RTP clock runs at 8000 Hz though 16000 samples a
//! second are coded; the first text said so by mistake, and everybody followed it.

use audio_codec::g722::{G722Decoder as Library, G722Encoder as LibraryEncoder};
use audio_codec::{Decoder as _, Encoder as _};

use super::CodecError;
use crate::conceal::Concealer;

/// Longest payload taken: 400 ms, twice the longest packet time anyone uses.
const MAX_PAYLOAD: usize = 3_200;

const MALFORMED: CodecError = CodecError::Malformed("G722");

/// A G.722 encoder; its predictors adapt to what went before.
pub struct G722Encoder {
    library: Box<LibraryEncoder>,
    samples: Vec<i16>,
}

impl G722Encoder {
    pub(crate) fn new() -> Self {
        Self { library: Box::default(), samples: Vec::new() }
    }

    /// Appends one octet for each two samples.
    pub(crate) fn encode(&mut self, samples: &[f32], out: &mut Vec<u8>) -> Result<(), CodecError> {
        self.samples.clear();
        self.samples.extend(samples.iter().map(|s| (s * 32_768.0).round() as i16));
        let start = out.len();
        out.resize(start + self.library.max_encode_bytes(self.samples.len()), 0);
        let octets = out.get_mut(start..).unwrap_or_default();
        let written = self.library.encode_into(&self.samples, octets).map_err(|_| MALFORMED)?;
        out.truncate(start + written);
        Ok(())
    }
}

/// A G.722 decoder that remembers enough to conceal.
pub struct G722Decoder {
    library: Box<Library>,
    samples: Vec<i16>,
    concealer: Concealer,
}

impl G722Decoder {
    pub(crate) fn new() -> Self {
        Self { library: Box::default(), samples: Vec::new(), concealer: Concealer::new(16_000) }
    }

    pub(crate) fn decode(&mut self, payload: &[u8], out: &mut Vec<f32>) -> Result<usize, CodecError> {
        // Every octet is a code word, so nothing but the length can be wrong.
        if payload.is_empty() || payload.len() > MAX_PAYLOAD {
            return Err(MALFORMED);
        }
        self.samples.resize(self.library.max_decode_samples(payload.len()), 0);
        let written = self.library.decode_into(payload, &mut self.samples).map_err(|_| MALFORMED)?;
        let start = out.len();
        out.extend(self.samples.iter().take(written).map(|s| f32::from(*s) / 32_768.0));
        if let Some(fresh) = out.get_mut(start..) {
            self.concealer.accept(fresh);
        }
        Ok(written)
    }

    pub(crate) fn conceal(&mut self, samples: usize, out: &mut Vec<f32>) {
        self.concealer.conceal(samples, out);
    }
}

impl std::fmt::Debug for G722Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("G722Encoder")
    }
}

impl std::fmt::Debug for G722Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("G722Decoder")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(signal: &[f32]) -> Vec<f32> {
        let (mut encoder, mut decoder) = (G722Encoder::new(), G722Decoder::new());
        let mut back = Vec::new();
        for frame in signal.chunks(320) {
            let mut octets = Vec::new();
            encoder.encode(frame, &mut octets).unwrap();
            assert_eq!(octets.len(), 160, "64 kbit/s");
            assert_eq!(decoder.decode(&octets, &mut back), Ok(320));
        }
        back
    }

    fn tone(hz: f32, peak: f32) -> Vec<f32> {
        (0..16_000).map(|i| peak * (i as f32 * hz / 16_000.0 * std::f32::consts::TAU).sin()).collect()
    }

    /// 1 and 3 kHz are of the lower band with its six bits a sample, 6 kHz of the upper with two.
    #[test]
    fn tones_of_both_bands_keep_their_level_and_are_clean() {
        for (hz, least) in [(1_004.0, 25.0), (3_000.0, 20.0), (6_000.0, 12.0)] {
            let said = tone(hz, 0.3);
            let back = there_and_back(&said);
            // The first 100 ms are the predictors finding their way.
            let snr = (0..=64)
                .map(|lag| {
                    let pairs = || said.iter().zip(back.iter().skip(lag)).skip(1_600).take(8_000);
                    let noise: f32 = pairs().map(|(a, b)| (a - b).powi(2)).sum();
                    let signal: f32 = pairs().map(|(a, _)| a * a).sum();
                    10.0 * (signal / noise).log10()
                })
                .fold(f32::MIN, f32::max);
            assert!(snr > least, "{hz} Hz: {snr} dB");
        }
    }

    #[test]
    fn silence_stays_silent() {
        let back = there_and_back(&vec![0.0; 16_000]);
        assert!(back.iter().skip(1_600).all(|s| s.abs() < 0.001));
    }

    #[test]
    fn any_octets_are_sound_and_wrong_lengths_are_not() {
        let mut decoder = G722Decoder::new();
        let mut out = Vec::new();
        for seed in 0..=255_u8 {
            let noise: Vec<u8> = (0..160_u8).map(|i| i.wrapping_mul(seed).wrapping_add(seed)).collect();
            assert_eq!(decoder.decode(&noise, &mut out), Ok(320));
        }
        assert!(out.iter().all(|s| (-1.0..=1.0).contains(s)));
        assert!(decoder.decode(&[], &mut out).is_err());
        assert!(decoder.decode(&[0; MAX_PAYLOAD + 1], &mut out).is_err());
    }
}
