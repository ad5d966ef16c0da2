//! What is said: a person who reads, from a package of telephone prompts that Debian has.
//!
//! PESQ was made for speech; what it says of synthetic voices is worth less.

use std::path::Path;

use audio_codec::Decoder as _;
use audio_codec::g722::G722Decoder;
use tern_tests::Result;
use tern_tests::audio::Sound;

/// More than a minute of somebody who explains something (package asterisk-core-sounds-en-g722).
const PROMPT: &str = "/usr/share/asterisk/sounds/en_US_f_Allison/demo-instruct.g722";

/// Two voices of so many seconds, at the sound card's rate; they say different things at the same time.
pub(crate) fn voices(file: Option<&Path>, seconds: f64) -> Result<[Sound; 2]> {
    let all = match file {
        Some(file) => Sound::read(file)?,
        None => prompt()?,
    };
    if all.seconds() < seconds {
        return Err(format!("{seconds} seconds of speech are needed, there are {:.1}", all.seconds()).into());
    }
    let second = (all.seconds() - seconds).min(all.seconds() / 2.0);
    Ok([all.part(0.0, seconds), all.part(second, second + seconds)].map(|voice| voice.at_rate(48_000)))
}

fn prompt() -> Result<Sound> {
    let bytes = std::fs::read(PROMPT).map_err(|error| format!("{PROMPT}: {error}"))?;
    let mut decoder = G722Decoder::default();
    let mut samples = vec![0; decoder.max_decode_samples(bytes.len())];
    let count = decoder.decode_into(&bytes, &mut samples).map_err(|error| format!("{PROMPT}: {error:?}"))?;
    samples.truncate(count);
    Ok(Sound { rate: 16_000, samples: samples.iter().map(|sample| f32::from(*sample) / 32_768.0).collect() })
}
