//! Codecs: which there are, how they are written in SDP, and one [`Encoder`] and [`Decoder`] over all of them.
//!
//! One more codec is one more [`CodecKind`] and one more arm here. The RTP clock of G.722 differs from its sample rate,
//! so the two are asked for separately everywhere.
//! What isn't here: when to decode what (`playout`), and the choice between codecs.

mod comfort_noise;
mod g711;
mod g722;
mod opus;

use thiserror::Error;

pub(crate) use comfort_noise::{Analyzer, Generator, Noise};
pub use g711::Law;
pub(crate) use g711::{G711Decoder, encode as encode_g711};
pub(crate) use g722::{G722Decoder, G722Encoder};
pub(crate) use opus::{OpusDecoder, OpusEncoder};

/// A codec this crate can encode and decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodecKind {
    /// Opus, RFC 6716, packed by RFC 7587.
    Opus,
    /// G.722 at 64 kbit/s, RFC 3551 section 4.5.2.
    G722,
    /// G.711 µ-law, RFC 3551 section 4.5.14.
    Pcmu,
    /// G.711 A-law, RFC 3551 section 4.5.14.
    Pcma,
}

impl CodecKind {
    /// The name used in `a=rtpmap`; compare without regard to case (RFC 4855 section 3).
    pub fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::G722 => "G722",
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }

    /// The codec of that encoding name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Opus, Self::G722, Self::Pcmu, Self::Pcma]
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// Rate of the RTP timestamp in Hz.
    pub fn clock_rate(self) -> u32 {
        match self {
            // RFC 7587 section 4.1: always 48000, whatever is coded.
            Self::Opus => 48_000,
            // RFC 3551 section 4.5.2: 8000, though twice as many samples are coded.
            Self::G722 | Self::Pcmu | Self::Pcma => 8_000,
        }
    }

    /// Rate of the samples that go in and come out, in Hz.
    pub fn sample_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::G722 => 16_000,
            Self::Pcmu | Self::Pcma => 8_000,
        }
    }

    /// Whether two tones come out as they went in, so that machines understand them.
    pub fn keeps_tones(self) -> bool {
        match self {
            Self::G722 | Self::Pcmu | Self::Pcma => true,
            Self::Opus => false,
        }
    }

    /// The channels parameter of `a=rtpmap`.
    pub fn rtpmap_channels(self) -> u8 {
        match self {
            // RFC 7587 section 7: "2" always, though we send mono.
            Self::Opus => 2,
            Self::G722 | Self::Pcmu | Self::Pcma => 1,
        }
    }
}

/// A codec under the payload type it was negotiated with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadFormat {
    /// The codec.
    pub kind: CodecKind,
    /// RTP payload type, 0..=127.
    pub payload_type: u8,
    /// Rate of the RTP timestamp in Hz.
    pub clock_rate: u32,
    /// The parameters of `a=fmtp`. Those of the peer say how it wants to be sent to; ours say what we take.
    pub fmtp: Option<String>,
}

impl PayloadFormat {
    /// The codec under a payload type, with its own clock rate and no parameters.
    pub fn new(kind: CodecKind, payload_type: u8) -> Self {
        Self { kind, payload_type, clock_rate: kind.clock_rate(), fmtp: None }
    }

    /// The same with the given `a=fmtp` parameters.
    pub fn with_fmtp(mut self, fmtp: &str) -> Self {
        self.fmtp = Some(fmtp.to_owned());
        self
    }

    /// The format that `a=rtpmap:payload_type NAME/CLOCK[/CHANNELS]` names, if this crate has it.
    pub fn from_rtpmap(payload_type: u8, rtpmap: &str, fmtp: Option<&str>) -> Option<Self> {
        let mut parts = rtpmap.trim().split('/');
        let kind = CodecKind::from_name(parts.next()?)?;
        let clock_rate: u32 = parts.next()?.parse().ok()?;
        let channels: u8 = parts.next().map_or(Some(1), |text| text.parse().ok())?;
        (payload_type <= 127 && clock_rate == kind.clock_rate() && channels == kind.rtpmap_channels())
            .then(|| Self { kind, payload_type, clock_rate, fmtp: fmtp.map(str::to_owned) })
    }

    /// The value of `a=rtpmap` after the payload type, as `opus/48000/2` (RFC 8866 section 6.6).
    pub fn rtpmap(&self) -> String {
        match self.kind.rtpmap_channels() {
            1 => format!("{}/{}", self.kind.name(), self.clock_rate),
            channels => format!("{}/{}/{channels}", self.kind.name(), self.clock_rate),
        }
    }

    /// The value of one `a=fmtp` parameter, without regard to the case of its name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.fmtp.as_deref()?.split(';').find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// `telephone-event` (RFC 4733) under the payload type it was negotiated with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelephoneEvent {
    /// RTP payload type, 0..=127.
    pub payload_type: u8,
    /// Rate that durations are counted in, Hz. RFC 4733 section 2.1: the rate of the audio it goes with.
    pub clock_rate: u32,
}

impl TelephoneEvent {
    /// Its `a=fmtp`: the sixteen DTMF events.
    pub const FMTP: &'static str = "0-15";

    /// The value of `a=rtpmap` after the payload type, as `telephone-event/8000`.
    pub fn rtpmap(&self) -> String {
        format!("telephone-event/{}", self.clock_rate)
    }
}

/// What an offer should hold, the best first, with the payload types we choose for ourselves.
pub fn supported_formats() -> Vec<PayloadFormat> {
    vec![
        PayloadFormat::new(CodecKind::Opus, 111).with_fmtp(opus::OFFERED_FMTP),
        PayloadFormat::new(CodecKind::G722, 9),
        PayloadFormat::new(CodecKind::Pcmu, 0),
        PayloadFormat::new(CodecKind::Pcma, 8),
    ]
}

/// The `telephone-event` formats that belong to the clock rates of [`supported_formats`].
pub fn supported_telephone_events() -> Vec<TelephoneEvent> {
    vec![
        TelephoneEvent { payload_type: 110, clock_rate: 48_000 },
        TelephoneEvent { payload_type: 101, clock_rate: 8_000 },
    ]
}

/// The payload type of comfort noise (RFC 3389) at 8000 Hz, which [`supported_formats`] but Opus go with: it has its own.
pub const COMFORT_NOISE: u8 = 13;

/// A codec that can't be set up, or a payload that is no audio.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CodecError {
    /// The bytes are no packet of this codec. The peer's fault.
    #[error("the payload is no {0} packet")]
    Malformed(&'static str),
    /// The codec library refused to start. This machine's fault.
    #[error("the codec could not be set up: {0}")]
    Setup(String),
    /// A packet time the codec can't make.
    #[error("{0} ms is no packet time of this codec")]
    PacketTime(u32),
}

/// Samples to payloads, one codec, mono.
#[derive(Debug)]
pub enum Encoder {
    /// G.711.
    G711(Law),
    /// G.722.
    G722(G722Encoder),
    /// Opus.
    Opus(OpusEncoder),
}

impl Encoder {
    /// An encoder that follows the parameters the peer asked for in `format`.
    pub fn new(format: &PayloadFormat) -> Result<Self, CodecError> {
        Ok(match format.kind {
            CodecKind::Opus => Self::Opus(OpusEncoder::new(format)?),
            CodecKind::G722 => Self::G722(G722Encoder::new()),
            CodecKind::Pcmu => Self::G711(Law::Mu),
            CodecKind::Pcma => Self::G711(Law::A),
        })
    }

    /// Appends the payload of one packet to `out`. The samples are at [`CodecKind::sample_rate`]; Opus takes
    /// 2.5, 5, 10, 20, 40 or 60 ms of them.
    pub fn encode(&mut self, samples: &[f32], out: &mut Vec<u8>) -> Result<(), CodecError> {
        match self {
            Self::G711(law) => {
                encode_g711(*law, samples, out);
                Ok(())
            }
            Self::G722(encoder) => encoder.encode(samples, out),
            Self::Opus(encoder) => encoder.encode(samples, out),
        }
    }

    /// Tells the encoder what the network does to its packets, as the peer reports it: the share that doesn't arrive
    /// (0..=1), and how long the losses last on average, milliseconds, where that is known. It spends bits on
    /// redundancy accordingly.
    pub fn set_network(&mut self, loss: f32, burst_ms: Option<f32>) {
        if let Self::Opus(encoder) = self {
            encoder.set_network(loss, burst_ms);
        }
    }

    /// Tells the encoder which share of its time (0..=1) the thread that drives it was at work lately, about once a
    /// second. It puts less work into packets when there is no time for more.
    pub fn set_load(&mut self, load: f32) {
        if let Self::Opus(encoder) = self {
            encoder.set_load(load);
        }
    }
}

/// What a payload tells of those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redundancy {
    /// Nothing.
    None,
    /// The one right before it.
    Copy,
    /// A longer past.
    Description {
        /// How long, milliseconds.
        reach_ms: u32,
    },
}

/// Payloads to samples, one codec, mono, with what to play when a payload is missing.
///
/// Consecutive calls make one continuous signal: the decoder joins made-up audio and real audio itself.
#[derive(Debug)]
pub enum Decoder {
    /// G.711.
    G711(G711Decoder),
    /// G.722.
    G722(G722Decoder),
    /// Opus.
    Opus(OpusDecoder),
}

impl Decoder {
    /// A decoder with an empty past.
    pub fn new(kind: CodecKind) -> Result<Self, CodecError> {
        Ok(match kind {
            CodecKind::Opus => Self::Opus(OpusDecoder::new()?),
            CodecKind::G722 => Self::G722(G722Decoder::new()),
            CodecKind::Pcmu => Self::G711(G711Decoder::new(Law::Mu)),
            CodecKind::Pcma => Self::G711(G711Decoder::new(Law::A)),
        })
    }

    /// Appends the samples of one payload to `out` and returns how many.
    pub fn decode(&mut self, payload: &[u8], out: &mut Vec<f32>) -> Result<usize, CodecError> {
        match self {
            Self::G711(decoder) => decoder.decode(payload, out),
            Self::G722(decoder) => decoder.decode(payload, out),
            Self::Opus(decoder) => decoder.decode(payload, out),
        }
    }

    /// Appends `samples` of made-up audio for a payload that is missing, as a continuation of what was decoded.
    pub fn conceal(&mut self, samples: usize, out: &mut Vec<f32>) {
        match self {
            Self::G711(decoder) => decoder.conceal(samples, out),
            Self::G722(decoder) => decoder.conceal(samples, out),
            Self::Opus(decoder) => decoder.conceal(samples, out),
        }
    }

    /// Appends the `samples` that came just before `next`, from the redundancy `next` carries, as far as it reaches.
    /// False, with nothing appended, when it carries none.
    pub fn recover(&mut self, next: &[u8], samples: usize, out: &mut Vec<f32>) -> bool {
        match self {
            Self::G711(_) | Self::G722(_) => false,
            Self::Opus(decoder) => decoder.recover(next, samples, out),
        }
    }

    /// What a payload tells of those before it.
    pub fn redundancy(&self, payload: &[u8]) -> Redundancy {
        match self {
            Self::G711(_) | Self::G722(_) => Redundancy::None,
            Self::Opus(_) => OpusDecoder::redundancy(payload),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_written_as_sdp_wants_them() {
        let offer: Vec<_> = supported_formats().iter().map(|f| (f.payload_type, f.rtpmap())).collect();
        assert_eq!(
            offer,
            [
                (111, "opus/48000/2".to_owned()),
                (9, "G722/8000".to_owned()),
                (0, "PCMU/8000".to_owned()),
                (8, "PCMA/8000".to_owned())
            ]
        );
        for format in supported_formats() {
            let back =
                PayloadFormat::from_rtpmap(format.payload_type, &format.rtpmap(), format.fmtp.as_deref());
            assert_eq!(back, Some(format));
        }
    }

    #[test]
    fn rtpmaps_of_peers() {
        let check = |text: &str, kind: Option<CodecKind>| {
            assert_eq!(PayloadFormat::from_rtpmap(96, text, None).map(|f| f.kind), kind, "{text}");
        };
        check("OPUS/48000/2", Some(CodecKind::Opus));
        check("opus/48000", None);
        check("opus/16000/2", None);
        check("pcmu/8000/1", Some(CodecKind::Pcmu));
        check("PCMA/8000", Some(CodecKind::Pcma));
        check("PCMA/16000", None);
        check("g722/8000", Some(CodecKind::G722));
        check("G722/16000", None);
        check("G729/8000", None);
        check("PCMA", None);
        check("/", None);
        check("", None);
        check("PCMA/99999999999999999999", None);
    }

    #[test]
    fn parameters_are_found_in_any_case_and_spacing() {
        let format = PayloadFormat::new(CodecKind::Opus, 96).with_fmtp("stereo=0; UseInbandFEC = 1;;x; cbr=");
        assert_eq!(format.parameter("useinbandfec"), Some("1"));
        assert_eq!(format.parameter("stereo"), Some("0"));
        assert_eq!(format.parameter("cbr"), Some(""));
        assert_eq!(format.parameter("x"), None);
    }
}
