//! Recorded sound: the greetings customers upload, of which exactly one format plays, and the messages left for them,
//! which are written in the same one.
//!
//! WAV (RIFF, Microsoft 1991), PCM, 8 kHz, 16 bit, mono. Not here: who hears it, and when.

use std::time::Duration;

/// Samples a second.
pub(crate) const RATE: u32 = 8_000;
/// A longer greeting nobody waits for.
const LONGEST: Duration = Duration::from_secs(120);
/// Format tag of PCM.
const PCM: u16 = 1;
/// Format tag of what is described further in the chunk: what some programs write for plain PCM.
const EXTENSIBLE: u16 = 0xFFFE;

/// What is wrong with an uploaded greeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadGreeting {
    #[error("This is not a WAV file.")]
    NotWav,
    #[error("The WAV file is cut short or damaged: {0}.")]
    Damaged(&'static str),
    #[error("The sound must be PCM; this file has format {0}.")]
    NotPcm(u16),
    #[error("The sound must be sampled at 8000 Hz; this file has {0} Hz.")]
    Rate(u32),
    #[error("The sound must have 16 bits a sample; this file has {0}.")]
    Bits(u16),
    #[error("The sound must be mono; this file has {0} channels.")]
    Channels(u16),
    #[error("There is no sound in the file.")]
    Empty,
    #[error("A greeting lasts at most {longest} seconds; this one lasts {0}.", longest = LONGEST.as_secs())]
    TooLong(u64),
}

impl BadGreeting {
    /// Stable; clients branch on it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::NotWav => "greeting_not_wav",
            Self::Damaged(_) => "greeting_damaged",
            Self::NotPcm(_) => "greeting_not_pcm",
            Self::Rate(_) => "greeting_not_8_khz",
            Self::Bits(_) => "greeting_not_16_bit",
            Self::Channels(_) => "greeting_not_mono",
            Self::Empty => "greeting_empty",
            Self::TooLong(_) => "greeting_too_long",
        }
    }
}

/// The samples of a greeting, if it is in the one format that plays.
pub(crate) fn check(wav: &[u8]) -> Result<Vec<i16>, BadGreeting> {
    let rest = wav.strip_prefix(b"RIFF").ok_or(BadGreeting::NotWav)?;
    let (_size, rest) = rest.split_first_chunk::<4>().ok_or(BadGreeting::NotWav)?;
    let mut chunks = rest.strip_prefix(b"WAVE").ok_or(BadGreeting::NotWav)?;
    let mut is_described = false;
    while let Some((id, rest)) = chunks.split_first_chunk::<4>() {
        let (size, rest) =
            rest.split_first_chunk::<4>().ok_or(BadGreeting::Damaged("a chunk has no size"))?;
        let size = usize::try_from(u32::from_le_bytes(*size)).unwrap_or(usize::MAX);
        let body = rest.get(..size).ok_or(BadGreeting::Damaged("a chunk is longer than the file"))?;
        match id {
            b"fmt " => {
                describe(body)?;
                is_described = true;
            }
            b"data" if !is_described => return Err(BadGreeting::Damaged("sound before its description")),
            b"data" => return samples(body),
            _ => {}
        }
        // Chunks begin at even places.
        let next = size.saturating_add(size % 2);
        chunks = rest.get(next..).unwrap_or_default();
    }
    Err(if is_described { BadGreeting::Empty } else { BadGreeting::Damaged("no description of the sound") })
}

/// Samples as a WAV file of the same format.
pub(crate) fn write(samples: &[i16]) -> Vec<u8> {
    let bytes = u32::try_from(samples.len()).unwrap_or(u32::MAX / 2).saturating_mul(2);
    let mut wav = Vec::with_capacity(samples.len().saturating_mul(2).saturating_add(44));
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&bytes.saturating_add(36).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend_from_slice(&RATE.to_le_bytes());
    wav.extend_from_slice(&RATE.saturating_mul(2).to_le_bytes());
    wav.extend_from_slice(b"\x02\0\x10\0data");
    wav.extend_from_slice(&bytes.to_le_bytes());
    samples.iter().for_each(|sample| wav.extend_from_slice(&sample.to_le_bytes()));
    wav
}

/// How long samples last, whole seconds begun.
pub(crate) fn seconds(samples: usize) -> u64 {
    u64::try_from(samples).unwrap_or(u64::MAX).div_ceil(RATE.into())
}

fn describe(format: &[u8]) -> Result<(), BadGreeting> {
    let short = || BadGreeting::Damaged("the description of the sound is cut short");
    let (fields, rest) = format.split_first_chunk::<16>().ok_or_else(short)?;
    let [t0, t1, c0, c1, r0, r1, r2, r3, _, _, _, _, _, _, b0, b1] = *fields;
    let mut tag = u16::from_le_bytes([t0, t1]);
    if tag == EXTENSIBLE {
        // The real tag begins the GUID after size, valid bits and speaker mask.
        let real = rest.get(8..10).and_then(|two| two.first_chunk::<2>()).ok_or_else(short)?;
        tag = u16::from_le_bytes(*real);
    }
    if tag != PCM {
        return Err(BadGreeting::NotPcm(tag));
    }
    match (u32::from_le_bytes([r0, r1, r2, r3]), u16::from_le_bytes([b0, b1]), u16::from_le_bytes([c0, c1])) {
        (RATE, 16, 1) => Ok(()),
        (RATE, 16, channels) => Err(BadGreeting::Channels(channels)),
        (RATE, bits, _) => Err(BadGreeting::Bits(bits)),
        (rate, ..) => Err(BadGreeting::Rate(rate)),
    }
}

fn samples(data: &[u8]) -> Result<Vec<i16>, BadGreeting> {
    let (pairs, odd) = data.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(BadGreeting::Damaged("half a sample at the end"));
    }
    if pairs.is_empty() {
        return Err(BadGreeting::Empty);
    }
    let seconds = seconds(pairs.len());
    if seconds > LONGEST.as_secs() {
        return Err(BadGreeting::TooLong(seconds));
    }
    Ok(pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A WAV file of a tenth of a second.
    fn wav(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
        let mut file = write(&[7; 800]);
        file[20..22].copy_from_slice(&tag.to_le_bytes());
        file[22..24].copy_from_slice(&channels.to_le_bytes());
        file[24..28].copy_from_slice(&rate.to_le_bytes());
        file[34..36].copy_from_slice(&bits.to_le_bytes());
        file
    }

    #[test]
    fn a_greeting_is_wav_pcm_8_khz_16_bit_mono_and_nothing_else() {
        assert_eq!(check(&wav(1, 1, 8_000, 16)), Ok(vec![7; 800]));
        for (file, code, names) in [
            (wav(1, 1, 44_100, 16), "greeting_not_8_khz", "44100 Hz"),
            (wav(1, 1, 16_000, 16), "greeting_not_8_khz", "16000 Hz"),
            (wav(1, 2, 8_000, 16), "greeting_not_mono", "2 channels"),
            (wav(1, 1, 8_000, 8), "greeting_not_16_bit", "this file has 8"),
            (wav(1, 1, 8_000, 24), "greeting_not_16_bit", "this file has 24"),
            (wav(3, 1, 8_000, 32), "greeting_not_pcm", "format 3"),
            (wav(6, 1, 8_000, 8), "greeting_not_pcm", "format 6"),
            (wav(7, 1, 8_000, 8), "greeting_not_pcm", "format 7"),
            (b"ID3\x03 an mp3 file".to_vec(), "greeting_not_wav", "not a WAV"),
            (Vec::new(), "greeting_not_wav", "not a WAV"),
            (write(&[]), "greeting_empty", "no sound"),
            (write(&vec![0; 8_000 * 121]), "greeting_too_long", "lasts 121"),
        ] {
            let wrong = check(&file).unwrap_err();
            assert_eq!(wrong.code(), code);
            assert!(wrong.to_string().contains(names), "{wrong}");
        }
    }

    #[test]
    fn chunks_in_between_and_the_long_form_of_pcm_are_read() {
        let plain = write(&[1, -1]);
        let mut listed = plain[..12].to_vec();
        listed.extend_from_slice(b"LIST\x03\0\0\0abc\0");
        listed.extend_from_slice(&plain[12..]);
        assert_eq!(check(&listed), Ok(vec![1, -1]));
        let mut long = plain[..16].to_vec();
        long.extend_from_slice(&[40, 0, 0, 0, 0xFE, 0xFF]);
        long.extend_from_slice(&plain[22..36]);
        long.extend_from_slice(&[22, 0, 16, 0, 4, 0, 0, 0]);
        long.extend_from_slice(b"\x01\0\0\0\0\0\x10\0\x80\0\0\xAA\0\x38\x9B\x71");
        long.extend_from_slice(&plain[36..]);
        assert_eq!(check(&long), Ok(vec![1, -1]));
    }

    #[test]
    fn broken_files_are_told_apart_and_never_read_past_their_end() {
        let whole = write(&[5; 100]);
        for length in 0..whole.len() {
            assert!(check(&whole[..length]).is_err(), "{length}");
        }
        let mut endless = whole.clone();
        endless[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(check(&endless).unwrap_err().code(), "greeting_damaged");
    }
}
