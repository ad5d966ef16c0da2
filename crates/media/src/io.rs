//! Where a call's sound comes from and goes to: sound cards, files, silence, all with one shape, so that a call
//! runs the same with any of them.
//!
//! Everything is mono at [`crate::DEVICE_RATE`]. Sound cards set the pace themselves; files and silence are paced
//! by the `now` they are asked with. A sound card that is lost in the middle of a call is replaced by another; until
//! one sounds there is silence at the pace of the clock, and the call goes on.

use std::path::PathBuf;
use std::time::Instant;

use crate::DEVICE_RATE;
use crate::device::DeviceId;
#[cfg(feature = "device")]
use crate::device::{Capture, Followed, Following, Playback};
use crate::error::AudioError;
use crate::tone::{Tone, ToneSamples};
use crate::wav::{WavSink, WavSource};

/// Which source to open.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceSpec {
    /// A microphone; `None` is the system's default.
    Device(Option<DeviceId>),
    /// A sound file, once; silence follows it.
    Wav(PathBuf),
    /// Nothing to hear.
    Silence,
    /// A tone.
    Tone(Tone),
}

/// Which sink to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SinkSpec {
    /// A loudspeaker; `None` is the system's default.
    Device(Option<DeviceId>),
    /// A new sound file.
    Wav(PathBuf),
    /// Nobody listens.
    Null,
}

/// What a source or sink has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IoEvent {
    /// The file was played to its end; silence follows.
    Finished,
    /// It failed and is silent: a file for good, a device until [`Self::Using`] follows.
    Failed(AudioError),
    /// This device is the one used now: the chosen one, or what took its place.
    Using(DeviceId),
}

/// An open source.
#[derive(Debug)]
pub struct Source {
    kind: SourceKind,
    pace: Pace,
    event: Option<IoEvent>,
}

#[derive(Debug)]
enum SourceKind {
    #[cfg(feature = "device")]
    Device(Box<Following<Capture>>),
    /// The file, and samples it gave beyond what was asked for.
    Wav(Box<WavSource>, Vec<f32>),
    Silence,
    Tone(ToneSamples),
}

impl Source {
    /// Opens what is asked for. A device is opened meanwhile, and may be another than the one asked for: an event
    /// says which, or why there is none.
    pub fn open(spec: &SourceSpec) -> Result<Self, AudioError> {
        let kind = match spec {
            #[cfg(feature = "device")]
            SourceSpec::Device(id) => SourceKind::Device(Box::new(Following::new(id.clone()))),
            #[cfg(not(feature = "device"))]
            SourceSpec::Device(_) => return Err(AudioError::NoDeviceSupport),
            SourceSpec::Wav(path) => {
                SourceKind::Wav(Box::new(WavSource::open(path, DEVICE_RATE)?), Vec::new())
            }
            SourceSpec::Silence => SourceKind::Silence,
            SourceSpec::Tone(tone) => SourceKind::Tone(ToneSamples::new(*tone, DEVICE_RATE)),
        };
        Ok(Self { kind, pace: Pace::default(), event: None })
    }

    /// A source of silence: what takes the place of one that can't be opened.
    pub fn silence() -> Self {
        Self { kind: SourceKind::Silence, pace: Pace::default(), event: None }
    }

    /// Appends the samples that are there by `now`. The first call starts the pace and gives none yet.
    pub fn read(&mut self, now: Instant, out: &mut Vec<f32>) {
        // Keeps time also while a device sets the pace, for the silence that may have to follow it.
        let due = self.pace.due(now);
        match &mut self.kind {
            #[cfg(feature = "device")]
            SourceKind::Device(device) => {
                while let Some(followed) = device.poll(now) {
                    self.event = Some(followed.into());
                }
                match device.moving(now) {
                    Some(capture) => _ = capture.read(out),
                    None => out.resize(out.len() + due, 0.0),
                }
            }
            SourceKind::Wav(file, spare) => {
                let going = spare.len() >= due || file.read(due - spare.len(), spare);
                let ready = due.min(spare.len());
                out.extend(spare.drain(..ready));
                out.resize(out.len() + due - ready, 0.0);
                if !going && spare.is_empty() {
                    self.kind = SourceKind::Silence;
                    self.event = Some(IoEvent::Finished);
                }
            }
            SourceKind::Silence => out.resize(out.len() + due, 0.0),
            SourceKind::Tone(tone) => out.extend((0..due).map(|_| tone.next().unwrap_or(0.0))),
        }
    }

    /// When a device will have more samples; `None` where none sets the pace.
    pub fn due(&mut self, now: Instant) -> Option<Instant> {
        #[cfg(not(feature = "device"))]
        let _ = now;
        match &mut self.kind {
            #[cfg(feature = "device")]
            SourceKind::Device(device) => device.moving(now)?.due(now),
            _ => None,
        }
    }

    /// Times samples of a device were lost because they weren't fetched in time.
    pub fn overruns(&self) -> u64 {
        match &self.kind {
            #[cfg(feature = "device")]
            SourceKind::Device(device) => device.slips(),
            _ => 0,
        }
    }

    /// What happened since the last call.
    pub fn poll_event(&mut self) -> Option<IoEvent> {
        self.event.take()
    }

    /// Whether a sound card sets the pace.
    pub fn is_device(&self) -> bool {
        #[cfg(feature = "device")]
        return matches!(self.kind, SourceKind::Device(_));
        #[cfg(not(feature = "device"))]
        return false;
    }
}

/// An open sink.
#[derive(Debug)]
pub struct Sink {
    kind: SinkKind,
    pace: Pace,
    event: Option<IoEvent>,
}

#[derive(Debug)]
enum SinkKind {
    #[cfg(feature = "device")]
    Device(Box<Following<Playback>>, Presence),
    Wav(Box<WavSink>),
    Null,
}

/// Whether a loudspeaker is there: what is written is for nobody unless it is.
#[cfg(feature = "device")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Opening,
    Here,
    /// There is none.
    Nowhere,
}

impl Sink {
    /// Opens what is asked for; a device as [`Source::open`] does.
    pub fn open(spec: &SinkSpec) -> Result<Self, AudioError> {
        let kind = match spec {
            #[cfg(feature = "device")]
            SinkSpec::Device(id) => SinkKind::Device(Box::new(Following::new(id.clone())), Presence::Opening),
            #[cfg(not(feature = "device"))]
            SinkSpec::Device(_) => return Err(AudioError::NoDeviceSupport),
            SinkSpec::Wav(path) => SinkKind::Wav(Box::new(WavSink::create(path, DEVICE_RATE)?)),
            SinkSpec::Null => SinkKind::Null,
        };
        Ok(Self { kind, pace: Pace::default(), event: None })
    }

    /// A sink that nobody hears: what takes the place of one that can't be opened.
    pub fn null() -> Self {
        Self { kind: SinkKind::Null, pace: Pace::default(), event: None }
    }

    /// Samples that should be written at `now` so that it never runs dry and holds no more than needed.
    pub fn wanted(&mut self, now: Instant) -> usize {
        let due = self.pace.due(now);
        #[cfg(feature = "device")]
        if let SinkKind::Device(device, presence) = &mut self.kind {
            while let Some(followed) = device.poll(now) {
                *presence = match &followed {
                    Followed::On(_) => Presence::Opening,
                    Followed::Nowhere(_) => Presence::Nowhere,
                };
                self.event = Some(followed.into());
            }
            let playback = device.moving(now);
            *presence = match (&playback, *presence) {
                (Some(_), _) => Presence::Here,
                (None, Presence::Here) => Presence::Opening,
                (None, other) => other,
            };
            return playback.map_or(due, |playback| playback.wanted(now));
        }
        due
    }

    /// Writes samples.
    pub fn write(&mut self, samples: &[f32]) {
        let failed: Option<AudioError> = match &mut self.kind {
            #[cfg(feature = "device")]
            SinkKind::Device(device, presence) => {
                if let Some(playback) = device.device().filter(|_| *presence == Presence::Here) {
                    playback.write(samples);
                }
                None
            }
            SinkKind::Wav(file) => file.write(samples).err(),
            SinkKind::Null => None,
        };
        if let Some(error) = failed {
            self.fail(error);
        }
    }

    /// When a device will want more samples; `None` where none sets the pace.
    pub fn due(&mut self, now: Instant) -> Option<Instant> {
        #[cfg(not(feature = "device"))]
        let _ = now;
        match &mut self.kind {
            #[cfg(feature = "device")]
            SinkKind::Device(device, _) => device.moving(now)?.due(now),
            _ => None,
        }
    }

    /// Whether what is written now is heard by nobody, but will be soon: a loudspeaker is being opened.
    pub fn is_opening(&self) -> bool {
        #[cfg(feature = "device")]
        return matches!(self.kind, SinkKind::Device(_, Presence::Opening));
        #[cfg(not(feature = "device"))]
        return false;
    }

    /// Times a device needed samples that weren't there in time.
    pub fn underruns(&self) -> u64 {
        match &self.kind {
            #[cfg(feature = "device")]
            SinkKind::Device(device, _) => device.slips(),
            _ => 0,
        }
    }

    /// What happened since the last call.
    pub fn poll_event(&mut self) -> Option<IoEvent> {
        self.event.take()
    }

    /// Whether a sound card sets the pace.
    pub fn is_device(&self) -> bool {
        #[cfg(feature = "device")]
        return matches!(self.kind, SinkKind::Device(..));
        #[cfg(not(feature = "device"))]
        return false;
    }

    fn fail(&mut self, error: AudioError) {
        self.kind = SinkKind::Null;
        self.event = Some(IoEvent::Failed(error));
    }
}

#[cfg(feature = "device")]
impl From<Followed> for IoEvent {
    fn from(followed: Followed) -> Self {
        match followed {
            Followed::On(id) => Self::Using(id),
            Followed::Nowhere(error) => Self::Failed(error),
        }
    }
}

/// Longest time made up for at once: a program that slept doesn't owe all it missed, samples.
const CATCH_UP: u64 = DEVICE_RATE as u64 / 2;

/// Counts how many samples a clock owes.
#[derive(Debug, Default)]
struct Pace {
    started: Option<Instant>,
    given: u64,
}

impl Pace {
    fn due(&mut self, now: Instant) -> usize {
        let started = *self.started.get_or_insert(now);
        let micros = now.saturating_duration_since(started).as_micros();
        let total = u64::try_from(micros * u128::from(DEVICE_RATE) / 1_000_000).unwrap_or(u64::MAX);
        let due = total.saturating_sub(self.given);
        self.given = self.given.max(total);
        due.min(CATCH_UP) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn files_and_silence_keep_the_pace_of_the_clock() {
        let start = Instant::now();
        let mut source = Source::open(&SourceSpec::Silence).unwrap();
        let mut sink = Sink::open(&SinkSpec::Null).unwrap();
        let mut out = Vec::new();
        let (mut read, mut wanted) = (0, 0);
        for i in 0..=1_000_u64 {
            // Uneven ticks: 0 to 6 ms off.
            let now = start + Duration::from_micros(i * 10_000 + i * 7_919 % 6_000);
            out.clear();
            source.read(now, &mut out);
            read += out.len();
            wanted += sink.wanted(now);
        }
        assert!((480_000..480_300).contains(&read), "{read}");
        assert_eq!(read, wanted);
    }

    #[test]
    fn a_program_that_slept_owes_half_a_second() {
        let start = Instant::now();
        let mut sink = Sink::null();
        assert_eq!(sink.wanted(start), 0);
        assert_eq!(sink.wanted(start + Duration::from_secs(3_600)), 24_000);
        assert_eq!(sink.wanted(start + Duration::from_secs(3_600)), 0);
    }

    #[test]
    fn a_file_is_followed_by_silence_and_says_so() {
        let path = std::env::temp_dir().join(format!("tern-io-{}.wav", std::process::id()));
        let mut file = WavSink::create(&path, 8_000).unwrap();
        file.write(&[0.5; 4_000]).unwrap();
        file.finish().unwrap();
        let mut source = Source::open(&SourceSpec::Wav(path.clone())).unwrap();
        let start = Instant::now();
        let (mut out, mut finished_at) = (Vec::new(), None);
        for i in 0..=100_u32 {
            source.read(start + Duration::from_millis(20) * i, &mut out);
            if source.poll_event() == Some(IoEvent::Finished) {
                finished_at = Some(out.len());
            }
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(out.len(), 96_000);
        assert!(out[2_000..23_000].iter().all(|s| (s - 0.5).abs() < 0.01));
        assert!(out[40_000..].iter().all(|s| *s == 0.0));
        assert!(finished_at.is_some_and(|at| (24_000..34_000).contains(&at)), "{finished_at:?}");
    }

    #[cfg(not(feature = "device"))]
    #[test]
    fn without_the_feature_there_are_no_devices() {
        assert_eq!(Source::open(&SourceSpec::Device(None)).unwrap_err().code(), "audio_no_device_support");
        assert_eq!(Sink::open(&SinkSpec::Device(None)).unwrap_err().code(), "audio_no_device_support");
    }
}
