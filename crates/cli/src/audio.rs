//! Where a call's sound comes from and goes to, checked before anybody's phone rings.

use std::{
    convert::Infallible,
    fs::{File, OpenOptions},
    io::BufReader,
    path::Path,
    path::PathBuf,
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use tern_engine::{
    api::DeviceView,
    audio::{AudioEnd, DeviceAudio, FileAudio},
    ports::Audio,
};

use crate::{args::Sound, failure::Failure};

/// One end of the sound, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    Null,
    Device(Option<String>),
    File(PathBuf),
}

impl FromStr for End {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "null" => Self::Null,
            "device" => Self::Device(None),
            _ => match text.strip_prefix("device:") {
                Some(name) => Self::Device(Some(name.to_owned())),
                None => Self::File(text.into()),
            },
        })
    }
}

/// A call's sound, ready.
pub(crate) struct Opened {
    pub(crate) audio: Arc<dyn Audio>,
    /// How long the file that is played lasts; `None` when no file is played.
    pub(crate) lasts: Option<Duration>,
}

/// Looks at both ends.
///
/// # Errors
/// A file that is missing, no WAV, or can't be written; a device that is not there.
pub(crate) fn open(sound: &Sound) -> Result<Opened, Failure> {
    between(&sound.audio_in, &sound.audio_out)
}

/// The same for sound without a call.
pub(crate) fn between(from: &End, to: &End) -> Result<Opened, Failure> {
    let named = |end: &End| matches!(end, End::Device(Some(_)));
    // Listing devices wakes the sound system up: only when a name is to be found.
    let devices = (named(from) || named(to)).then(|| DeviceAudio::new().devices());
    let (inputs, outputs) = devices.map(|d| (d.inputs, d.outputs)).unwrap_or_default();
    let mut lasts = None;
    let input = match from {
        End::File(path) => {
            lasts = Some(duration(path)?);
            AudioEnd::File(path.clone())
        }
        End::Device(name) => AudioEnd::Device(find(name.as_deref(), &inputs)?),
        End::Null => AudioEnd::Null,
    };
    let output = match to {
        End::File(path) => {
            writable(path)?;
            AudioEnd::File(path.clone())
        }
        End::Device(name) => AudioEnd::Device(find(name.as_deref(), &outputs)?),
        End::Null => AudioEnd::Null,
    };
    Ok(Opened { audio: Arc::new(FileAudio::new(input, output)), lasts })
}

fn duration(path: &Path) -> Result<Duration, Failure> {
    let shown = path.display();
    let file = File::open(path).map_err(|error| {
        Failure::machine(
            "audioFileUnreadable",
            format!("The sound file {shown} can't be read."),
            error.to_string(),
        )
    })?;
    let wav = hound::WavReader::new(BufReader::new(file)).map_err(|error| {
        Failure::machine("audioFileNotWav", format!("{shown} is not a WAV file."), error.to_string())
    })?;
    let rate = wav.spec().sample_rate;
    if rate == 0 || wav.duration() == 0 {
        return Err(Failure::machine("audioFileNotWav", format!("{shown} has no sound in it."), "0 samples"));
    }
    Ok(Duration::from_secs_f64(f64::from(wav.duration()) / f64::from(rate)))
}

fn writable(path: &Path) -> Result<(), Failure> {
    OpenOptions::new().create(true).write(true).truncate(false).open(path).map(drop).map_err(|error| {
        Failure::machine(
            "audioFileUnwritable",
            format!("The recording {} can't be written.", path.display()),
            error.to_string(),
        )
    })
}

/// The id of the device whose id or name is `name`, or else the only one that has it in its name.
fn find(name: Option<&str>, devices: &[DeviceView]) -> Result<Option<String>, Failure> {
    let Some(name) = name else { return Ok(None) };
    if let Some(device) = devices.iter().find(|d| d.id == name || d.name == name) {
        return Ok(Some(device.id.clone()));
    }
    let part = name.to_lowercase();
    let mut like = devices.iter().filter(|d| d.name.to_lowercase().contains(&part));
    match (like.next(), like.next()) {
        (Some(device), None) => Ok(Some(device.id.clone())),
        _ => {
            let there: Vec<&str> = devices.iter().map(|d| d.name.as_str()).collect();
            Err(Failure::machine(
                "noSuchDevice",
                format!("There is not exactly one sound device called {name}."),
                if there.is_empty() { "there are none".to_owned() } else { there.join(", ") },
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn code(failure: Failure) -> String {
        let Failure::Told(told) = failure else { panic!("told") };
        assert_eq!(told.exit, Exit::Machine);
        told.code
    }

    #[test]
    fn ends_are_read() {
        let check = |text: &str, expect| assert_eq!(text.parse(), Ok(expect));
        check("null", End::Null);
        check("device", End::Device(None));
        check("device:USB Headset", End::Device(Some("USB Headset".into())));
        check("null.wav", End::File("null.wav".into()));
    }

    #[test]
    fn a_file_must_be_there_and_be_a_wav() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(duration(&dir.path().join("none.wav")).map_err(code), Err("audioFileUnreadable".into()));
        let text = dir.path().join("text.wav");
        for content in ["", "hello", "RIFF....WAVEnothing"] {
            std::fs::write(&text, content).unwrap();
            assert_eq!(duration(&text).map_err(code), Err("audioFileNotWav".into()), "{content:?}");
        }
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let good = dir.path().join("good.wav");
        let mut wav = hound::WavWriter::create(&good, spec).unwrap();
        (0..4000).for_each(|_| wav.write_sample(0i16).unwrap());
        wav.finalize().unwrap();
        assert_eq!(duration(&good).map_err(code), Ok(Duration::from_millis(500)));
    }

    #[test]
    fn a_recording_needs_a_place() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(
            writable(&dir.path().join("no/such/dir.wav")).map_err(code),
            Err("audioFileUnwritable".into())
        );
        assert!(writable(&dir.path().join("heard.wav")).is_ok());
    }

    #[test]
    fn a_device_is_found_by_id_name_or_a_part_only_it_has() {
        let device = |id: &str, name: &str| DeviceView { id: id.into(), name: name.into(), default: false };
        let devices = [device("a", "USB Headset"), device("b", "USB Speaker"), device("c", "USB")];
        let check = |name, expect: Result<&str, &str>| {
            let found = find(Some(name), &devices).map(Option::unwrap).map_err(code);
            assert_eq!(found.as_deref().map_err(String::as_str), expect, "{name}");
        };
        check("b", Ok("b"));
        check("USB", Ok("c"));
        check("headset", Ok("a"));
        check("usb s", Ok("b"));
        check("usb", Err("noSuchDevice"));
        check("Bluetooth", Err("noSuchDevice"));
        assert_eq!(find(None, &devices).unwrap(), None);
    }
}
