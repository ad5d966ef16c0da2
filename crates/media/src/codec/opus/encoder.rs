//! The Opus encoder: what the peer says in `a=fmtp` binds it (RFC 7587 section 7), what the network loses steers it.

use std::fmt;

use opusic_c::{
    Application, Bandwidth, Bitrate, Channels, Encoder as RawEncoder, ErrorCode, InbandFec, SampleRate,
    Signal,
};

use super::effort::Effort;
use super::{DESCRIBED_MS, setup};
use crate::codec::{CodecError, PayloadFormat};

/// Less than G.711 takes, and the copies cost the speech nothing that is heard.
const BITRATE: u32 = 56_000;
/// With loss, the copies take bits from the speech; these give them back. As much as G.711 takes.
const BITRATE_UNDER_LOSS: u32 = 64_000;
/// With bursts of loss, likewise for both kinds of redundancy; as much as G.711 takes.
const BITRATE_UNDER_BURSTS: u32 = 64_000;
/// The loss libopus is told of then: the share of the bits that it gives to descriptions follows from it.
const LOSS_UNDER_BURSTS: u8 = 25;
/// Longest payload of one packet: RFC 6716 section 3.2, 1275 bytes a frame, one frame at 20 ms.
const MAX_PAYLOAD: usize = 1_500;
/// Mean length of bursts from which a copy of one packet isn't enough, milliseconds.
const BURSTY_MS: f32 = 45.0;
/// Past that each packet describes when losses come in bursts, units of 10 ms.
const DESCRIBED: u8 = (DESCRIBED_MS / 10) as u8;

/// An Opus encoder for speech.
pub struct OpusEncoder {
    raw: RawEncoder,
    peer_uses_copies: bool,
    peer_uses_descriptions: bool,
    ceiling: Option<u32>,
    network: Network,
    effort: Effort,
}

/// What the network does to our packets, as far as the encoder cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    loss_percent: u8,
    bursty: bool,
}

impl OpusEncoder {
    pub(crate) fn new(format: &PayloadFormat) -> Result<Self, CodecError> {
        let mut raw =
            RawEncoder::new(Channels::Mono, SampleRate::Hz48000, Application::Voip).map_err(setup)?;
        raw.set_signal(Signal::Voice).map_err(setup)?;
        let effort = Effort::default();
        raw.set_complexity(effort.complexity()).map_err(setup)?;
        // RFC 7587 section 6.1: the defaults of each are what the peer gets when it names none.
        let number = |name| format.parameter(name).and_then(|text| text.parse::<u32>().ok());
        raw.set_vbr(number("cbr") != Some(1)).map_err(setup)?;
        raw.set_dtx(number("usedtx") == Some(1)).map_err(setup)?;
        if let Some(rate) = number("maxplaybackrate") {
            raw.set_max_bandwidth(bandwidth_for(rate)).map_err(setup)?;
        }
        let mut encoder = Self {
            raw,
            peer_uses_copies: number("useinbandfec") == Some(1),
            peer_uses_descriptions: number("usedred") == Some(1),
            ceiling: number("maxaveragebitrate").map(|rate| rate.clamp(6_000, 510_000)),
            network: Network { loss_percent: 0, bursty: false },
            effort,
        };
        encoder.raw.set_inband_fec(encoder.copies()).map_err(setup)?;
        encoder.apply(encoder.network).map_err(setup)?;
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

    pub(crate) fn set_network(&mut self, loss: f32, burst_ms: Option<f32>) {
        let loss_percent = (loss.clamp(0.0, 1.0) * 100.0).round() as u8;
        // Without a word about bursts, what was known of them holds; less than the limit has to be clearly less.
        let bursty = burst_ms.map_or(self.network.bursty, |ms| {
            ms > if self.network.bursty { BURSTY_MS * 0.7 } else { BURSTY_MS }
        });
        let network = Network { loss_percent, bursty };
        if network != self.network
            && let Err(error) = self.apply(network)
        {
            tracing::warn!(error = error.message(), "opus refused the expected loss");
        }
    }

    /// The thread that encodes was at work for this share of its time lately.
    pub(crate) fn set_load(&mut self, load: f32) {
        let effort = self.effort.after(load);
        if effort.complexity() != self.effort.complexity()
            && let Err(error) = self.raw.set_complexity(effort.complexity())
        {
            tracing::warn!(error = error.message(), "opus refused another complexity");
        }
        self.effort = effort;
    }

    fn apply(&mut self, network: Network) -> Result<(), ErrorCode> {
        let Network { loss_percent, bursty } = network;
        let describing = bursty && loss_percent > 0 && self.peer_uses_descriptions;
        self.raw.set_dred_duration(if describing { DESCRIBED } else { 0 })?;
        // libopus drops the copies at 0 %, and the first losses of a call come before the first report of them.
        let floor = match (describing, self.peer_uses_copies) {
            (true, _) => LOSS_UNDER_BURSTS,
            (false, true) => 3,
            (false, false) => 0,
        };
        self.raw.set_packet_loss(loss_percent.max(floor).min(30))?;
        let wanted = match loss_percent {
            _ if describing => BITRATE_UNDER_BURSTS,
            3.. => BITRATE_UNDER_LOSS,
            _ => BITRATE,
        };
        self.raw.set_bitrate(Bitrate::Value(wanted.min(self.ceiling.unwrap_or(u32::MAX))))?;
        self.network = network;
        Ok(())
    }

    fn copies(&self) -> InbandFec {
        if self.peer_uses_copies { InbandFec::Mode1 } else { InbandFec::Off }
    }
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

impl fmt::Debug for OpusEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpusEncoder")
            .field("network", &self.network)
            .field("effort", &self.effort)
            .finish_non_exhaustive()
    }
}
