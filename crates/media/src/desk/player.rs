//! A sound file played to this side: voicemail, a recording.

use std::path::Path;
use std::time::Duration;

use super::fader::Fader;
use crate::DEVICE_RATE;
use crate::error::AudioError;
use crate::reading::Reading;
use crate::track::Track;

/// Silence behind a file, samples: what a loudspeaker still holds of it is heard before it is closed.
const REST: usize = DEVICE_RATE as usize / 4;

/// A sound file on its way to the loudspeaker. A disk that is too slow is heard as a pause.
#[derive(Debug)]
pub struct Player {
    reading: Reading,
    length: Duration,
    piece: Vec<f32>,
    fader: Fader,
    played: u64,
    /// Samples of silence that follow.
    rest: usize,
}

impl Player {
    /// Opens a WAV or Ogg Opus file. May wait for the disk; playing it never does.
    pub fn open(path: &Path) -> Result<Self, AudioError> {
        let track = Track::open(path)?;
        let length = track.length();
        let failed =
            |error: std::io::Error| AudioError::File { path: path.to_owned(), reason: error.to_string() };
        let reading = Reading::once(track).map_err(failed)?;
        Ok(Self { reading, length, piece: Vec::new(), fader: Fader::new(true), played: 0, rest: REST })
    }

    /// How far it got.
    pub fn position(&self) -> Duration {
        Duration::from_millis(self.played * 1_000 / u64::from(DEVICE_RATE))
    }

    /// How long the file is.
    pub fn length(&self) -> Duration {
        self.length
    }

    /// Adds the next samples onto `out`; false once it has ended.
    pub(super) fn mix_into(&mut self, out: &mut [f32]) -> bool {
        self.piece.clear();
        self.reading.take(out.len(), &mut self.piece);
        self.played += self.piece.len() as u64;
        self.piece.resize(out.len(), 0.0);
        self.fader.add(&self.piece, out);
        if self.reading.is_over() {
            self.rest = self.rest.saturating_sub(out.len());
        }
        self.rest > 0 && !self.fader.is_shut()
    }

    /// Fades out; the next lots end it.
    pub(super) fn stop(&mut self) {
        self.fader.set(false);
    }
}
