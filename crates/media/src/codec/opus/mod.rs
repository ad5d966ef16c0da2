//! Opus over RTP (RFC 6716, RFC 7587) through libopus: 48 kHz, mono, in-band redundancy, neural concealment.
//!
//! What the peer says in `a=fmtp` binds the encoder (RFC 7587 section 7). Deep redundancy (DRED) is decoded by
//! nobody yet and stays off.

use std::fmt;

use opusic_c::{
    Application, Bandwidth, Bitrate, Channels, Decoder as RawDecoder, Encoder as RawEncoder, ErrorCode,
    InbandFec, SampleRate, Signal, utils,
};

use super::{CodecError, PayloadFormat};

/// What we tell peers: redundancy is worth sending to us, stereo is not.
pub(crate) const OFFERED_FMTP: &str = "minptime=10;useinbandfec=1";

/// Speech is transparent here; more buys little, less costs the redundancy its share.
const BITRATE: u32 = 32_000;
/// With loss, the redundancy takes bits from the speech; these give them back.
const BITRATE_UNDER_LOSS: u32 = 40_000;
/// Longest payload of one packet: RFC 6716 section 3.2, 1275 bytes a frame, one frame at 20 ms.
const MAX_PAYLOAD: usize = 1_500;
/// Longest audio in one packet, samples: 120 ms (RFC 6716 section 3.2.5).
const MAX_SAMPLES: usize = 5_760;
/// libopus conceals in multiples of 2.5 ms.
const CONCEAL_STEP: usize = 120;
/// From 5 on libopus conceals with its neural network; higher ones cost more without being built in.
const DECODER_COMPLEXITY: u8 = 5;

/// An Opus encoder for speech.
pub struct OpusEncoder {
    raw: RawEncoder,
    peer_uses_redundancy: bool,
    ceiling: Option<u32>,
    redundancy: bool,
    expected_loss: u8,
}

impl OpusEncoder {
    pub(crate) fn new(format: &PayloadFormat) -> Result<Self, CodecError> {
        let mut raw =
            RawEncoder::new(Channels::Mono, SampleRate::Hz48000, Application::Voip).map_err(setup)?;
        raw.set_signal(Signal::Voice).map_err(setup)?;
        raw.set_complexity(8).map_err(setup)?;
        // RFC 7587 section 6.1: the defaults of each are what the peer gets when it names none.
        let number = |name| format.parameter(name).and_then(|text| text.parse::<u32>().ok());
        raw.set_vbr(number("cbr") != Some(1)).map_err(setup)?;
        raw.set_dtx(number("usedtx") == Some(1)).map_err(setup)?;
        if let Some(rate) = number("maxplaybackrate") {
            raw.set_max_bandwidth(bandwidth_for(rate)).map_err(setup)?;
        }
        let mut encoder = Self {
            raw,
            peer_uses_redundancy: number("useinbandfec") == Some(1),
            ceiling: number("maxaveragebitrate").map(|rate| rate.clamp(6_000, 510_000)),
            redundancy: false,
            expected_loss: 0,
        };
        encoder.apply_loss(0).map_err(setup)?;
        Ok(encoder)
    }

    pub(crate) fn encode(&mut self, samples: &[f32], out: &mut Vec<u8>) -> Result<(), CodecError> {
        let start = out.len();
        out.resize(start + MAX_PAYLOAD, 0);
        let room = out.get_mut(start..).unwrap_or_default();
        let written = self.raw.encode_float_to_slice(samples, room);
        out.truncate(start + written.as_ref().map_or(0, |n| *n));
        match written {
            Ok(_) => Ok(()),
            Err(ErrorCode::BadArg) => Err(CodecError::PacketTime((samples.len() / 48) as u32)),
            Err(error) => Err(setup(error)),
        }
    }

    pub(crate) fn set_expected_loss(&mut self, share: f32) {
        let percent = (share.clamp(0.0, 1.0) * 100.0).round() as u8;
        if percent != self.expected_loss
            && let Err(error) = self.apply_loss(percent)
        {
            tracing::warn!(error = error.message(), "opus refused the expected loss");
        }
    }

    fn apply_loss(&mut self, percent: u8) -> Result<(), ErrorCode> {
        let redundancy = self.peer_uses_redundancy;
        if redundancy != self.redundancy {
            self.raw.set_inband_fec(if redundancy { InbandFec::Mode1 } else { InbandFec::Off })?;
            self.redundancy = redundancy;
        }
        // libopus drops the redundancy at 0 %, and the first losses of a call come before the first report of them.
        let floor = if redundancy { 3 } else { 0 };
        self.raw.set_packet_loss(percent.max(floor).min(30))?;
        let wanted = if percent >= 3 { BITRATE_UNDER_LOSS } else { BITRATE };
        self.raw.set_bitrate(Bitrate::Value(wanted.min(self.ceiling.unwrap_or(u32::MAX))))?;
        self.expected_loss = percent;
        Ok(())
    }
}

/// An Opus decoder; its library conceals by itself.
pub struct OpusDecoder {
    raw: RawDecoder,
}

impl OpusDecoder {
    pub(crate) fn new() -> Result<Self, CodecError> {
        let mut raw = RawDecoder::new(Channels::Mono, SampleRate::Hz48000).map_err(setup)?;
        raw.set_complexity(DECODER_COMPLEXITY).map_err(setup)?;
        Ok(Self { raw })
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
        self.run(payload, samples, false, out).ok_or_else(malformed)
    }

    pub(crate) fn conceal(&mut self, samples: usize, out: &mut Vec<f32>) {
        let end = out.len() + samples;
        let mut left = samples.next_multiple_of(CONCEAL_STEP);
        while left > 0 {
            // Pieces of 20 ms: the size the neural concealment was trained to make.
            let piece = left.min(960);
            if self.run(&[], piece, false, out).is_none() {
                break;
            }
            left -= piece;
        }
        out.resize(end, 0.0);
    }

    pub(crate) fn recover(&mut self, next: &[u8], samples: usize, out: &mut Vec<f32>) -> bool {
        let fits = samples > 0 && samples <= MAX_SAMPLES && samples.is_multiple_of(CONCEAL_STEP);
        fits && carries_redundancy(next) && self.run(next, samples, true, out).is_some()
    }

    fn run(&mut self, payload: &[u8], samples: usize, redundancy: bool, out: &mut Vec<f32>) -> Option<usize> {
        let start = out.len();
        out.resize(start + samples, 0.0);
        let made = out
            .get_mut(start..)
            .and_then(|room| self.raw.decode_float_to_slice(payload, room, redundancy).ok())
            .filter(|made| *made > 0);
        out.truncate(start + made.unwrap_or(0));
        made
    }
}

/// RFC 6716 section 3.1: configurations 0 to 15 hold a SILK layer, and only that has redundancy.
pub(crate) fn carries_redundancy(payload: &[u8]) -> bool {
    payload.first().is_some_and(|toc| toc >> 3 < 16)
}

fn bandwidth_for(playback_rate: u32) -> Bandwidth {
    match playback_rate {
        0..=8_000 => Bandwidth::Narrow,
        8_001..=12_000 => Bandwidth::Medium,
        12_001..=16_000 => Bandwidth::Wide,
        16_001..=24_000 => Bandwidth::Superwide,
        _ => Bandwidth::Full,
    }
}

fn setup(error: ErrorCode) -> CodecError {
    CodecError::Setup(error.message().to_owned())
}

impl fmt::Debug for OpusEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpusEncoder")
            .field("redundancy", &self.redundancy)
            .field("expected_loss", &self.expected_loss)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for OpusDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpusDecoder").finish_non_exhaustive()
    }
}
