//! Opus over RTP (RFC 6716, RFC 7587) through libopus: 48 kHz, mono, neural concealment, and two kinds of redundancy:
//! a copy of the packet before at a low rate (in-band FEC), and a short description of a longer past (DRED), from
//! which whole bursts of losses are made good.
//!
//! What isn't here: when to decode from redundancy (`playout`), and how long to wait for it (`jitter`).

mod decoder;
mod effort;
mod encoder;

pub(crate) use decoder::OpusDecoder;
pub(crate) use encoder::OpusEncoder;

use opusic_c::ErrorCode;

use super::CodecError;

/// What we tell peers: both kinds of redundancy are worth sending to us, stereo is not. RFC 7587 has no parameter for
/// DRED (draft-ietf-mlcodec-opus-dred leaves it to those who agree); a peer that doesn't know ours passes over it.
pub(crate) const OFFERED_FMTP: &str = "minptime=10;useinbandfec=1;usedred=1";

/// Past that a packet describes when losses come in bursts: libopus would go to a second, but nobody waits so long.
const DESCRIBED_MS: u32 = 160;

/// RFC 6716 section 3.1: configurations 0 to 15 hold a SILK layer, and only that has copies.
pub(crate) fn carries_copy(payload: &[u8]) -> bool {
    payload.first().is_some_and(|toc| toc >> 3 < 16)
}

/// Whether something stands in the padding (RFC 6716 section 3.2.5), which is where DRED is put. A packet with
/// padding of another meaning costs a look at it, no more.
pub(crate) fn carries_description(payload: &[u8]) -> bool {
    matches!(payload, [toc, count, ..] if toc & 3 == 3 && count & 0x40 != 0)
}

fn setup(error: ErrorCode) -> CodecError {
    CodecError::Setup(error.message().to_owned())
}
