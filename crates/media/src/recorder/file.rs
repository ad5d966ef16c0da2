//! A recording's file. What was written up to the last second can be played whatever happens then.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;

use hound::{SampleFormat, WavSpec, WavWriter};

use super::RecordFormat;
use crate::DEVICE_RATE;
use crate::oggopus::OggOpusSink;

/// Bytes of sound in a WAV file at most: its sizes have 32 bits. Six hours.
const WAV_MOST: u64 = 4_294_000_000;

/// What is written to: a file, or in tests a full disk.
pub(super) trait Disk: Write + Seek + Send {}

impl<T: Write + Seek + Send> Disk for T {}

pub(super) enum RecordFile {
    Wav { writer: Box<WavWriter<BufWriter<Box<dyn Disk>>>>, bytes: u64, unsaved: u32 },
    Opus(Box<OggOpusSink<BufWriter<Box<dyn Disk>>>>),
}

impl RecordFile {
    pub(super) fn create(path: &Path, format: RecordFormat) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        // What was said is nobody else's on this computer.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Self::new(Box::new(options.open(path)?), format)
    }

    pub(super) fn new(disk: Box<dyn Disk>, format: RecordFormat) -> io::Result<Self> {
        let file = BufWriter::new(disk);
        Ok(match format {
            RecordFormat::Wav => {
                let spec = WavSpec {
                    channels: 2,
                    sample_rate: DEVICE_RATE,
                    bits_per_sample: 16,
                    sample_format: SampleFormat::Int,
                };
                let mut writer = WavWriter::new(file, spec).map_err(plain)?;
                writer.flush().map_err(plain)?;
                Self::Wav { writer: Box::new(writer), bytes: 0, unsaved: 0 }
            }
            RecordFormat::Opus => {
                let serial = rand::random();
                Self::Opus(Box::new(OggOpusSink::new(file, serial)?))
            }
        })
    }

    pub(super) fn write(&mut self, pairs: &[[f32; 2]]) -> io::Result<()> {
        match self {
            Self::Wav { writer, bytes, unsaved } => {
                for sample in pairs.as_flattened() {
                    writer.write_sample((sample * 32_767.0).round() as i16).map_err(plain)?;
                }
                *bytes += pairs.len() as u64 * 4;
                if *bytes > WAV_MOST {
                    return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a WAV file ends at 4 GiB"));
                }
                *unsaved += pairs.len() as u32;
                if *unsaved >= DEVICE_RATE {
                    *unsaved = 0;
                    // Brings the sizes in the header up to date, too.
                    writer.flush().map_err(plain)?;
                }
                Ok(())
            }
            Self::Opus(sink) => sink.write(pairs),
        }
    }

    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Wav { writer, .. } => writer.finalize().map_err(plain),
            Self::Opus(sink) => sink.finish(),
        }
    }
}

fn plain(error: hound::Error) -> io::Error {
    match error {
        hound::Error::IoError(error) => error,
        other => io::Error::other(other),
    }
}
