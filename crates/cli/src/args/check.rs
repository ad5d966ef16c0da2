//! What can be typed after `tern check` and `tern play`, which need no account.

use std::path::PathBuf;

use crate::audio::End;

#[derive(Debug, clap::Args)]
pub(crate) struct Play {
    /// A WAV or Ogg Opus file
    pub(crate) file: PathBuf,
    /// Where it is heard: device, device:NAME, FILE.wav or null
    #[arg(long, value_name = "FILE|device[:NAME]|null", default_value = "device")]
    pub(crate) audio_out: End,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// What is heard: device, device:NAME, FILE.wav or null
    #[arg(long, value_name = "FILE|device[:NAME]|null", default_value = "device")]
    pub(crate) audio_in: End,
    /// Where it is played back: device, device:NAME, FILE.wav or null
    #[arg(long, value_name = "FILE|device[:NAME]|null", default_value = "device")]
    pub(crate) audio_out: End,
    /// How long
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) seconds: u32,
}
