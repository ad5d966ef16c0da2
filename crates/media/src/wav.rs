//! WAV files as sources and recordings: any PCM or float file in, mono, at the rate asked for; 16-bit PCM out.

use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hound::{SampleFormat, WavIntoSamples, WavReader, WavSpec};

use crate::error::AudioError;
use crate::resample::Resampler;

/// Reads a WAV file as mono samples at a given rate.
#[derive(Debug)]
pub struct WavSource {
    samples: Samples,
    channels: usize,
    resampler: Resampler,
    piece: Vec<f32>,
    ended: bool,
    length: Duration,
}

enum Samples {
    /// The samples and what full scale is.
    Int(WavIntoSamples<BufReader<File>, i32>, f32),
    Float(WavIntoSamples<BufReader<File>, f32>),
}

impl std::fmt::Debug for Samples {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Int(..) => "Int",
            Self::Float(_) => "Float",
        })
    }
}

/// Frames converted at a time.
const PIECE: usize = 1_024;

impl WavSource {
    /// Opens a file of 8 to 32-bit PCM or 32-bit float, any rate from 1 kHz, any channels (they are averaged).
    pub fn open(path: &Path, rate: u32) -> Result<Self, AudioError> {
        let bad = |reason: &str| AudioError::BadWav { path: path.to_owned(), reason: reason.to_owned() };
        let reader = WavReader::open(path).map_err(|error| explain(path, error))?;
        let spec = reader.spec();
        if spec.channels == 0 {
            return Err(bad("it has no channels"));
        }
        let resampler =
            Resampler::new(spec.sample_rate, rate).ok_or_else(|| bad("its sample rate is impossible"))?;
        let length =
            Duration::from_secs_f64(f64::from(reader.duration()) / f64::from(spec.sample_rate.max(1)));
        let samples = match (spec.sample_format, spec.bits_per_sample) {
            (SampleFormat::Int, bits @ 1..=32) => {
                Samples::Int(reader.into_samples(), (1_u64 << (bits - 1)) as f32)
            }
            (SampleFormat::Float, 32) => Samples::Float(reader.into_samples()),
            _ => return Err(bad("its sample format is not supported")),
        };
        Ok(Self {
            samples,
            channels: usize::from(spec.channels),
            resampler,
            piece: Vec::new(),
            ended: false,
            length,
        })
    }

    /// How long the file says it is.
    pub fn length(&self) -> Duration {
        self.length
    }

    /// Appends at least `count` samples unless the file ends before; false once it has ended. A file that is cut
    /// short ends where it is cut.
    pub fn read(&mut self, count: usize, out: &mut Vec<f32>) -> bool {
        let goal = out.len() + count;
        while out.len() < goal && !self.ended {
            self.piece.clear();
            while self.piece.len() < PIECE {
                match self.frame() {
                    Some(sample) => self.piece.push(sample),
                    None => {
                        self.ended = true;
                        break;
                    }
                }
            }
            if self.ended {
                // What the resampler still holds back comes out when silence follows.
                self.piece.resize(self.piece.len() + PIECE, 0.0);
            }
            self.resampler.process(&self.piece, out);
        }
        !self.ended
    }

    /// The mean of the channels of the next frame.
    fn frame(&mut self) -> Option<f32> {
        let mut sum = 0.0;
        for _ in 0..self.channels {
            let sample = match &mut self.samples {
                Samples::Int(samples, full) => samples.next()?.ok()? as f32 / *full,
                Samples::Float(samples) => samples.next()?.ok()?,
            };
            sum += if sample.is_finite() { sample } else { 0.0 };
        }
        Some((sum / self.channels as f32).clamp(-1.0, 1.0))
    }
}

/// Writes mono 16-bit PCM. The header is brought up to date every second, so what was recorded before a crash
/// can be played.
pub struct WavSink {
    writer: hound::WavWriter<BufWriter<File>>,
    path: PathBuf,
    rate: u32,
    unsaved: u32,
}

impl WavSink {
    /// Creates the file, replacing one that is there.
    pub fn create(path: &Path, rate: u32) -> Result<Self, AudioError> {
        let spec =
            WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let writer = hound::WavWriter::create(path, spec).map_err(|error| explain(path, error))?;
        Ok(Self { writer, path: path.to_owned(), rate, unsaved: 0 })
    }

    /// Appends samples.
    pub fn write(&mut self, samples: &[f32]) -> Result<(), AudioError> {
        let mut write = || -> Result<(), hound::Error> {
            for sample in samples {
                self.writer.write_sample((sample * 32_768.0).round() as i16)?;
            }
            self.unsaved += samples.len() as u32;
            if self.unsaved >= self.rate {
                self.unsaved = 0;
                self.writer.flush()?;
            }
            Ok(())
        };
        write().map_err(|error| explain(&self.path, error))
    }

    /// Completes the file.
    pub fn finish(self) -> Result<(), AudioError> {
        self.writer.finalize().map_err(|error| explain(&self.path, error))
    }
}

impl std::fmt::Debug for WavSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WavSink").field("path", &self.path).finish_non_exhaustive()
    }
}

pub(crate) fn explain(path: &Path, error: hound::Error) -> AudioError {
    let path = path.to_owned();
    match error {
        // An end that comes too early, which hound tells as an error of no kind, says nothing about the disk.
        hound::Error::IoError(error)
            if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::Other) =>
        {
            AudioError::BadWav { path, reason: "it ends within its header".to_owned() }
        }
        hound::Error::IoError(error) => AudioError::File { path, reason: error.to_string() },
        hound::Error::FormatError(reason) => AudioError::BadWav { path, reason: reason.to_owned() },
        other => AudioError::BadWav { path, reason: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file in a directory of the test's own, removed with it.
    struct Temp(PathBuf);

    impl Temp {
        fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("tern-wav-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&dir).unwrap();
            Self(dir)
        }

        fn file(&self) -> PathBuf {
            self.0.join("test.wav")
        }
    }

    impl Drop for Temp {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn read_all(path: &Path, rate: u32) -> Vec<f32> {
        let mut source = WavSource::open(path, rate).unwrap();
        let mut out = Vec::new();
        while source.read(500, &mut out) {}
        out
    }

    #[test]
    fn what_is_recorded_is_read() {
        let temp = Temp::new("round");
        let tone: Vec<f32> = (0..48_000).map(|i| 0.5 * (i as f32 * 0.05).sin()).collect();
        let mut sink = WavSink::create(&temp.file(), 48_000).unwrap();
        tone.chunks(960).for_each(|chunk| sink.write(chunk).unwrap());
        sink.finish().unwrap();
        let back = read_all(&temp.file(), 48_000);
        assert!(tone.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-4));
    }

    #[test]
    fn a_recording_survives_a_crash() {
        let temp = Temp::new("crash");
        let mut sink = WavSink::create(&temp.file(), 8_000).unwrap();
        (0..160).for_each(|_| sink.write(&[0.25; 160]).unwrap());
        // Neither finished nor dropped: as if the process had died.
        std::mem::forget(sink);
        let back = read_all(&temp.file(), 8_000);
        assert!(back.iter().filter(|s| (**s - 0.25).abs() < 1e-3).count() >= 24_000);
    }

    #[test]
    fn formats_rates_and_channels() {
        let temp = Temp::new("formats");
        for (format, bits, channels, rate) in [
            (SampleFormat::Int, 8, 1, 8_000),
            (SampleFormat::Int, 16, 2, 44_100),
            (SampleFormat::Int, 24, 2, 48_000),
            (SampleFormat::Int, 32, 6, 96_000),
            (SampleFormat::Float, 32, 2, 22_050),
        ] {
            let spec = WavSpec { channels, sample_rate: rate, bits_per_sample: bits, sample_format: format };
            let mut writer = hound::WavWriter::create(temp.file(), spec).unwrap();
            for _ in 0..rate {
                for channel in 0..channels {
                    // The first channel alone sounds: the mean of all is what must come out.
                    let value = if channel == 0 { 0.5_f32 } else { 0.0 };
                    match format {
                        SampleFormat::Float => writer.write_sample(value).unwrap(),
                        SampleFormat::Int => {
                            writer.write_sample((value * (1_u64 << (bits - 1)) as f32) as i32).unwrap();
                        }
                    }
                }
            }
            writer.finalize().unwrap();
            let back = read_all(&temp.file(), 16_000);
            let middle = back[8_000];
            assert!(
                (middle - 0.5 / f32::from(channels)).abs() < 0.01,
                "{format:?} {bits} {channels}: {middle}"
            );
            assert!((16_000..18_100).contains(&back.len()), "{rate}: {}", back.len());
        }
    }

    #[test]
    fn bad_files_say_what_is_wrong() {
        let temp = Temp::new("bad");
        let check = |bytes: Option<&[u8]>, code: &str| {
            match bytes {
                Some(bytes) => std::fs::write(temp.file(), bytes).unwrap(),
                None => std::fs::remove_file(temp.file()).unwrap_or_default(),
            }
            let error = WavSource::open(&temp.file(), 48_000).unwrap_err();
            assert_eq!(error.code(), code, "{error}");
            assert!(error.to_string().contains("test.wav"), "{error}");
        };
        check(None, "audio_file_failed");
        check(Some(b""), "audio_file_not_wav");
        check(Some(b"RIFF"), "audio_file_not_wav");
        check(Some(b"this is a text and no sound at all, however long it goes on"), "audio_file_not_wav");
        check(Some(b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0"), "audio_file_not_wav");
        // A format tag nobody knows, and a sample rate of zero.
        check(
            Some(b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x55\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0"),
            "audio_file_not_wav",
        );
        check(
            Some(b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\x02\0\x10\0data\0\0\0\0"),
            "audio_file_not_wav",
        );
    }

    #[test]
    fn a_file_cut_short_plays_to_the_cut() {
        let temp = Temp::new("cut");
        let mut sink = WavSink::create(&temp.file(), 8_000).unwrap();
        sink.write(&[0.5; 8_000]).unwrap();
        sink.finish().unwrap();
        let bytes = std::fs::read(temp.file()).unwrap();
        std::fs::write(temp.file(), &bytes[..bytes.len() / 2 + 1]).unwrap();
        let back = read_all(&temp.file(), 8_000);
        assert!((3_900..4_100).contains(&back.iter().filter(|s| **s > 0.4).count()));
    }
}
