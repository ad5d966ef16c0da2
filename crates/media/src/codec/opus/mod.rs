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

/// Whether a packet carries a copy of the one before: configurations 0 to 15 have a SILK layer (RFC 6716 section 3.1), which
/// begins with a bit for each of its frames that says whether there is speech, and one more that says whether there are
/// copies; of a stereo packet both channels have them (sections 4.2.3 and 4.2.4).
pub(crate) fn carries_copy(payload: &[u8]) -> bool {
    let Some(toc) = payload.first().filter(|toc| *toc >> 3 < 16) else { return false };
    let Some(start) = first_frame(payload) else { return false };
    // Those with a CELT layer as well last 20 ms at most; the others up to 60.
    let frames = match (toc >> 3, toc >> 3 & 3) {
        (..12, 2) => 2,
        (..12, 3) => 3,
        _ => 1,
    };
    let copies = |bit: u32| start.checked_shl(bit).unwrap_or(0) & 0x80 != 0;
    let stereo = toc & 4 != 0;
    copies(frames) || (stereo && copies(2 * frames + 1))
}

/// The first octet of a packet's first frame, if that isn't empty (RFC 6716 section 3.2).
fn first_frame(payload: &[u8]) -> Option<u8> {
    let length_of = |at: usize| payload.get(at).map(|first| if *first < 252 { 1 } else { 2 });
    let empty = |at: usize| payload.get(at) == Some(&0);
    let start = match payload.first()? & 3 {
        0 | 1 => 1,
        2 if empty(1) => return None,
        2 => 1 + length_of(1)?,
        _ => {
            let count = payload.get(1)?;
            let mut at = 2;
            if count & 0x40 != 0 {
                while *payload.get(at)? == 255 {
                    at += 1;
                }
                at += 1;
            }
            if count & 0x80 != 0 {
                if count & 0x3F > 1 && empty(at) {
                    return None;
                }
                for _ in 1..count & 0x3F {
                    at += length_of(at)?;
                }
            }
            at
        }
    };
    payload.get(start).copied()
}

/// Whether something stands in the padding (RFC 6716 section 3.2.5), which is where DRED is put. A packet with
/// padding of another meaning costs a look at it, no more.
pub(crate) fn carries_description(payload: &[u8]) -> bool {
    matches!(payload, [toc, count, ..] if toc & 3 == 3 && count & 0x40 != 0)
}

fn setup(error: ErrorCode) -> CodecError {
    CodecError::Setup(error.message().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{CodecKind, PayloadFormat};

    /// A second of a voice-like sound in packets, a tenth of which gets lost as far as the encoder knows.
    fn packets(fmtp: &str) -> Vec<Vec<u8>> {
        let format = PayloadFormat { fmtp: Some(fmtp.into()), ..PayloadFormat::new(CodecKind::Opus, 96) };
        let mut encoder = OpusEncoder::new(&format).unwrap();
        encoder.set_network(0.1, None);
        let sound =
            |i: usize| (1..20).map(|n| (i as f32 * 0.02 * n as f32).sin() / n as f32).sum::<f32>() * 0.1;
        let samples: Vec<f32> = (0..48_000).map(sound).collect();
        let encode = |frame: &[f32]| {
            let mut payload = Vec::new();
            encoder.encode(frame, &mut payload).map(|()| payload).unwrap()
        };
        samples.chunks_exact(960).map(encode).collect()
    }

    #[test]
    fn copies_are_seen_where_they_are() {
        let with = |fmtp| packets(fmtp).iter().filter(|packet| carries_copy(packet)).count();
        assert_eq!(with(""), 0);
        assert!(with("useinbandfec=1") > 10, "of what it takes for speech");
    }

    #[test]
    fn the_bit_is_found_in_every_kind_of_packet() {
        // 20 ms of SILK, mono: speech, copy; the same in stereo, where the other channel's come after them.
        assert!(carries_copy(&[1 << 3, 0b1100_0000]) && carries_copy(&[1 << 3, 0b0100_0000]));
        assert!(!carries_copy(&[1 << 3, 0b1011_1111]));
        assert!(carries_copy(&[1 << 3 | 4, 0b0001_0000]) && !carries_copy(&[1 << 3, 0b0001_0000]));
        // 40 and 60 ms.
        assert!(carries_copy(&[2 << 3, 0b0010_0000]) && !carries_copy(&[2 << 3, 0b1101_1111]));
        assert!(carries_copy(&[3 << 3, 0b0001_0000]) && !carries_copy(&[3 << 3, 0b1110_1111]));
        // Two frames of lengths of their own, several with padding before them, several with lengths.
        assert!(
            carries_copy(&[1 << 3 | 2, 1, 0b0100_0000, 0])
                && !carries_copy(&[1 << 3 | 2, 1, 0b1000_0000, 0xFF])
        );
        assert!(carries_copy(&[1 << 3 | 2, 252, 0, 0b0100_0000]));
        assert!(carries_copy(&[1 << 3 | 3, 0x41, 255, 3, 0b0100_0000]));
        assert!(carries_copy(&[1 << 3 | 3, 0x83, 1, 252, 0, 0b0100_0000]));
        // Both layers, and one that has none.
        assert!(carries_copy(&[13 << 3, 0b0100_0000]) && !carries_copy(&[16 << 3, 0b0100_0000]));
        // Empty, cut off, of no frame.
        for packet in [
            [].as_slice(),
            &[8],
            &[10],
            &[10, 0, 0xFF],
            &[11],
            &[11, 0x41, 255],
            &[11, 0x83, 252],
            &[11, 0x82, 0, 0xFF],
        ] {
            assert!(!carries_copy(packet), "{packet:?}");
        }
    }
}
