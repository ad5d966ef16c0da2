//! The sound of calls as the shells choose it: files, silence, and (feature `device`) sound cards.

use std::path::PathBuf;

use tern_media::{NationalTones, SinkSpec, SourceSpec, device::DeviceId};

use crate::{
    api::{DevicesView, ErrorCode},
    ports::{Audio, RingPlace, RingTone, Ringing},
};

/// A call's sound: what its media thread is to open. What can't be opened becomes silence there, and the call says
/// so.
pub struct OpenedAudio {
    pub(crate) source: SourceSpec,
    pub(crate) sink: SinkSpec,
    /// What is missing, if that is known already.
    pub trouble: Option<ErrorCode>,
}

/// Where a call's sound comes from or goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AudioEnd {
    /// Silence in, nowhere out.
    Null,
    /// A WAV file, played once (then silence) or written anew.
    File(PathBuf),
    /// A sound device by id or name; `None` for the system's default. Silence without the feature `device`.
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

impl AudioEnd {
    fn source(&self) -> SourceSpec {
        match self {
            Self::Null => SourceSpec::Silence,
            Self::File(path) => SourceSpec::Wav(path.clone()),
            Self::Device(id) => SourceSpec::Device(id.clone().map(DeviceId::new)),
        }
    }

    fn sink(&self) -> SinkSpec {
        match self {
            Self::Null => SinkSpec::Null,
            Self::File(path) => SinkSpec::Wav(path.clone()),
            Self::Device(id) => SinkSpec::Device(id.clone().map(DeviceId::new)),
        }
    }
}

struct Quiet;

impl Ringing for Quiet {}

impl Audio for FileAudio {
    fn open(&self, _: Option<&str>, _: Option<&str>) -> OpenedAudio {
        OpenedAudio { source: self.input.source(), sink: self.output.sink(), trouble: None }
    }

    fn ring(&self, _: &RingPlace, _: RingTone, _: NationalTones) -> Box<dyn Ringing> {
        Box::new(Quiet)
    }

    fn devices(&self) -> DevicesView {
        DevicesView::default()
    }
}

#[cfg(feature = "device")]
pub use cards::DeviceAudio;

#[cfg(feature = "device")]
mod cards {
    use tern_media::{
        NationalTones, Tone,
        device::{Changes, DeviceId, DeviceInfo, RingOn, Ringer, list},
    };

    use super::{AudioEnd, FileAudio, OpenedAudio};
    use crate::{
        api::{DeviceView, DevicesView},
        ports::{Audio, RingPlace, RingTone, Ringing},
    };

    /// Sound cards, and ringing through them.
    #[derive(Default)]
    pub struct DeviceAudio {}

    impl DeviceAudio {
        /// The sound cards of this computer; none is opened before a call needs it.
        pub fn new() -> Self {
            Self {}
        }
    }

    impl Audio for DeviceAudio {
        fn open(&self, microphone: Option<&str>, speaker: Option<&str>) -> OpenedAudio {
            let end = |id: Option<&str>| AudioEnd::Device(id.map(str::to_owned));
            FileAudio::new(end(microphone), end(speaker)).open(None, None)
        }

        fn ring(&self, place: &RingPlace, tone: RingTone, whose: NationalTones) -> Box<dyn Ringing> {
            let on = match place {
                RingPlace::Default => RingOn::Default,
                RingPlace::Device(id) => RingOn::Device(DeviceId::new(id)),
                RingPlace::Everywhere => RingOn::All,
            };
            let mut ringer = Ringer::new(on);
            ringer.play(match tone {
                RingTone::Ring => Tone::Ringtone,
                RingTone::Ringback => Tone::Ringback(whose),
                RingTone::Busy => Tone::Busy(whose),
                RingTone::Congestion => Tone::Congestion(whose),
            });
            Box::new(Sounding { _ringer: ringer })
        }

        fn devices(&self) -> DevicesView {
            let views = |direction| {
                let list: Vec<DeviceInfo> = list(direction);
                list.into_iter()
                    .map(|d| DeviceView { id: d.id.as_str().to_owned(), name: d.name, default: d.is_default })
                    .collect()
            };
            DevicesView {
                inputs: views(tern_media::Direction::Capture),
                outputs: views(tern_media::Direction::Playback),
                ..DevicesView::default()
            }
        }

        fn watch(&self, changed: Box<dyn FnMut() + Send>) -> Option<Box<dyn Send>> {
            Some(Box::new(Changes::watch(changed)?))
        }
    }

    /// A tone that sounds.
    struct Sounding {
        /// Kept for its end, which is the tone's.
        _ringer: Ringer,
    }

    impl Ringing for Sounding {}
}
