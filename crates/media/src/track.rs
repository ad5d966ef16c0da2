//! A sound file of any kind this program plays, as mono samples at the rate of the devices.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::time::Duration;

use crate::DEVICE_RATE;
use crate::error::AudioError;
use crate::oggopus::OggOpusSource;
use crate::wav::WavSource;

/// A sound file, read from its beginning to its end.
#[derive(Debug)]
pub(crate) enum Track {
    Wav(Box<WavSource>),
    Opus(Box<OggOpusSource<BufReader<File>>>),
}

impl Track {
    /// Opens a WAV or Ogg Opus file; its content says which it is.
    pub(crate) fn open(path: &Path) -> Result<Self, AudioError> {
        let failed =
            |error: std::io::Error| AudioError::File { path: path.to_owned(), reason: error.to_string() };
        let mut start = Vec::new();
        let mut file = File::open(path).map_err(failed)?;
        (&mut file).take(4).read_to_end(&mut start).map_err(failed)?;
        if start == b"OggS" {
            let source = OggOpusSource::open(BufReader::new(file))
                .map_err(|reason| AudioError::BadOpus { path: path.to_owned(), reason })?;
            return Ok(Self::Opus(Box::new(source)));
        }
        Ok(Self::Wav(Box::new(WavSource::open(path, DEVICE_RATE)?)))
    }

    /// How long the file is, as far as it can be told without reading it.
    pub(crate) fn length(&self) -> Duration {
        match self {
            Self::Wav(file) => file.length(),
            Self::Opus(file) => file.length(),
        }
    }

    /// Appends at least `count` samples unless the file ends before; false once it has ended.
    pub(crate) fn read(&mut self, count: usize, out: &mut Vec<f32>) -> bool {
        match self {
            Self::Wav(file) => file.read(count, out),
            Self::Opus(file) => file.read(count, out),
        }
    }
}
