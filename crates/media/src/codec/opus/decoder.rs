//! The Opus decoder: packets, what is made up for lost ones, and what later packets tell of them.

use std::fmt;

use opusic_c::dred::Dred;
use opusic_c::{Channels, Decoder as RawDecoder, SampleRate, utils};

use super::{DESCRIBED_MS, carries_copy, carries_description, setup};
use crate::codec::{CodecError, Redundancy};

/// Longest audio in one packet, samples: 120 ms (RFC 6716 section 3.2.5).
const MAX_SAMPLES: usize = 5_760;
/// libopus conceals in multiples of 2.5 ms.
const STEP: usize = 120;
/// Longest past that is made from a description at once, samples.
const MAX_DESCRIBED: usize = DESCRIBED_MS as usize * 48;
/// From 5 on libopus conceals with its neural network; higher ones cost more without being built in.
const COMPLEXITY: u8 = 5;

/// An Opus decoder; its library conceals by itself.
pub struct OpusDecoder {
    raw: Dred,
    /// Length of the latest packet, samples.
    packet: usize,
}

impl OpusDecoder {
    pub(crate) fn new() -> Result<Self, CodecError> {
        let mut raw = RawDecoder::new(Channels::Mono, SampleRate::Hz48000).map_err(setup)?;
        raw.set_complexity(COMPLEXITY).map_err(setup)?;
        Ok(Self { raw: Dred::new(raw).map_err(setup)?, packet: 960 })
    }

    pub(crate) fn decode(&mut self, payload: &[u8], out: &mut Vec<f32>) -> Result<usize, CodecError> {
        let malformed = || CodecError::Malformed("opus");
        if payload.is_empty() || payload.len() > u16::MAX as usize {
            return Err(malformed());
        }
        let samples = utils::get_nb_samples(payload, SampleRate::Hz48000).map_err(|_| malformed())?;
        if samples == 0 || samples > MAX_SAMPLES {
            return Err(malformed());
        }
        self.packet = samples;
        self.run(samples, out, |raw, room| raw.decoder_mut().decode_float_to_slice(payload, room, false).ok())
            .ok_or_else(malformed)
    }

    pub(crate) fn conceal(&mut self, samples: usize, out: &mut Vec<f32>) {
        let end = out.len() + samples;
        let mut left = samples.next_multiple_of(STEP);
        while left > 0 {
            // Pieces of 20 ms: the size the neural concealment was trained to make.
            let piece = left.min(960);
            let made = self
                .run(piece, out, |raw, room| raw.decoder_mut().decode_float_to_slice(&[], room, false).ok());
            if made.is_none() {
                break;
            }
            left -= piece;
        }
        out.resize(end, 0.0);
    }

    pub(crate) fn redundancy(payload: &[u8]) -> Redundancy {
        if carries_description(payload) {
            Redundancy::Description { reach_ms: DESCRIBED_MS }
        } else if carries_copy(payload) {
            Redundancy::Copy
        } else {
            Redundancy::None
        }
    }

    /// A hole of one packet from the copy of it, which is the better; a longer one from the description.
    pub(crate) fn recover(&mut self, next: &[u8], samples: usize, out: &mut Vec<f32>) -> bool {
        if samples == 0 || samples > MAX_DESCRIBED || !samples.is_multiple_of(STEP) {
            return false;
        }
        if carries_description(next) && (samples > self.packet || !carries_copy(next)) {
            // The library takes the length as the distance from the packet as well: the hole ends right before it.
            return self.run(samples, out, |raw, room| raw.decode_float_to_slice(next, room).ok()).is_some();
        }
        if !carries_copy(next) {
            return false;
        }
        let copy = samples.min(self.packet);
        if samples > copy {
            self.conceal(samples - copy, out);
        }
        let run =
            |raw: &mut Dred, room: &mut [f32]| raw.decoder_mut().decode_float_to_slice(next, room, true).ok();
        if self.run(copy, out, run).is_none() {
            self.conceal(copy, out);
        }
        true
    }

    fn run(
        &mut self,
        samples: usize,
        out: &mut Vec<f32>,
        decode: impl FnOnce(&mut Dred, &mut [f32]) -> Option<usize>,
    ) -> Option<usize> {
        let start = out.len();
        out.resize(start + samples, 0.0);
        let made = out.get_mut(start..).and_then(|room| decode(&mut self.raw, room)).filter(|made| *made > 0);
        out.truncate(start + made.unwrap_or(0));
        made
    }
}

impl fmt::Debug for OpusDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpusDecoder").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OFFERED_FMTP, OpusEncoder};
    use super::*;
    use crate::codec::{CodecKind, PayloadFormat};
    use crate::pitch;

    const FRAME: usize = 960;

    /// A voice that says one vowel after the other, so that what comes next can't be guessed from what was.
    fn vowels(frames: usize) -> Vec<f32> {
        (0..frames * FRAME)
            .map(|i| {
                let t = i as f32 / 48_000.0;
                let vowel = [(700.0, 1_100.0), (300.0, 2_300.0), (450.0, 800.0)][(t * 6.0) as usize % 3];
                let loud = |hz: f32| {
                    let near = |f: f32| 1.0 / (1.0 + ((hz - f) / 90.0).powi(2));
                    near(vowel.0) + near(vowel.1) * 0.6
                };
                let phase = t * 120.0 * std::f32::consts::TAU;
                (1..=40).map(|h| 0.06 * loud(h as f32 * 120.0) * (h as f32 * phase).cos()).sum()
            })
            .collect()
    }

    fn packets(fmtp: &str, loss: f32, burst_ms: Option<f32>, said: &[f32]) -> Vec<Vec<u8>> {
        let mut encoder = OpusEncoder::new(&PayloadFormat::new(CodecKind::Opus, 96).with_fmtp(fmtp)).unwrap();
        encoder.set_network(loss, burst_ms);
        let encode = |frame: &[f32]| {
            let mut payload = Vec::new();
            encoder.encode(frame, &mut payload).unwrap();
            payload
        };
        said.chunks(FRAME).map(encode).collect()
    }

    fn described(packets: &[Vec<u8>]) -> usize {
        packets.iter().filter(|payload| carries_description(payload)).count()
    }

    #[test]
    fn only_bursts_and_a_peer_that_knows_them_make_descriptions() {
        let said = vowels(100);
        assert!(described(&packets(OFFERED_FMTP, 0.1, Some(80.0), &said)) > 80);
        assert_eq!(described(&packets(OFFERED_FMTP, 0.1, Some(20.0), &said)), 0, "single losses");
        assert_eq!(described(&packets(OFFERED_FMTP, 0.1, None, &said)), 0, "bursts unknown");
        assert_eq!(described(&packets("useinbandfec=1", 0.1, Some(80.0), &said)), 0, "peer doesn't know");
        assert_eq!(described(&packets("", 0.3, Some(80.0), &said)), 0);
    }

    #[test]
    fn a_lost_burst_is_made_good_from_its_description() {
        let said = vowels(120);
        let sent = packets(OFFERED_FMTP, 0.1, Some(80.0), &said);
        let played = |described: bool| {
            let mut decoder = OpusDecoder::new().unwrap();
            let mut out = Vec::new();
            let mut at = 0;
            while at < sent.len() {
                // Four of each fifteen are lost.
                if at % 15 == 10 {
                    if !described || !decoder.recover(&sent[at + 4], 4 * FRAME, &mut out) {
                        decoder.conceal(4 * FRAME, &mut out);
                    }
                    at += 4;
                }
                assert_eq!(decoder.decode(&sent[at], &mut out), Ok(FRAME));
                at += 1;
            }
            out
        };
        // How the power of each 10 ms of two bands compares with that of the sound without loss.
        let whole = {
            let mut decoder = OpusDecoder::new().unwrap();
            let mut out = Vec::new();
            sent.iter().for_each(|payload| {
                decoder.decode(payload, &mut out).unwrap();
            });
            out
        };
        let rough = |signal: &[f32]| signal.windows(2).map(|w| w[1] - w[0]).collect::<Vec<f32>>();
        let distance = |out: &[f32]| -> f32 {
            let bands = [(whole.clone(), out.to_vec()), (rough(&whole), rough(out))];
            let of = |(a, b): &(Vec<f32>, Vec<f32>)| -> f32 {
                let db = |s: &[f32]| 10.0 * (pitch::power(s) + 1e-9).log10();
                a.chunks_exact(480).zip(b.chunks_exact(480)).map(|(a, b)| (db(a) - db(b)).abs()).sum()
            };
            bands.iter().map(of).sum()
        };
        let (described, guessed) = (distance(&played(true)), distance(&played(false)));
        assert!(described < guessed * 0.7, "{described} dB off with descriptions, {guessed} without");
    }

    #[test]
    fn damaged_descriptions_are_survived() {
        use rand::{Rng, SeedableRng, rngs::StdRng};
        let sent = packets(OFFERED_FMTP, 0.1, Some(80.0), &vowels(40));
        let mut random = StdRng::seed_from_u64(3);
        let mut decoder = OpusDecoder::new().unwrap();
        for payload in sent.iter().cycle().take(400) {
            let mut payload = payload.clone();
            for _ in 0..random.random_range(1..5) {
                let at = random.random_range(2..payload.len());
                payload[at] = random.random();
            }
            let mut out = Vec::new();
            decoder.recover(&payload, 3 * FRAME, &mut out);
            assert!(out.iter().all(|sample| sample.is_finite()) && out.len() <= 3 * FRAME);
        }
    }
}
