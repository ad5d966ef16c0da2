//! A sound file played to this side: voicemail, a recording.

use std::path::Path;
use std::time::Duration;

use super::fader::Fader;
use crate::DEVICE_RATE;
use crate::error::AudioError;
use crate::track::Track;

/// A sound file on its way to the loudspeaker.
#[derive(Debug)]
pub struct Player {
    track: Track,
    waiting: Vec<f32>,
    fader: Fader,
    played: u64,
    going: bool,
}

impl Player {
    /// Opens a WAV or Ogg Opus file.
    pub fn open(path: &Path) -> Result<Self, AudioError> {
        let track = Track::open(path)?;
        Ok(Self { track, waiting: Vec::new(), fader: Fader::new(true), played: 0, going: true })
    }

    /// How far it got.
    pub fn position(&self) -> Duration {
        Duration::from_millis(self.played * 1_000 / u64::from(DEVICE_RATE))
    }

    /// How long the file is.
    pub fn length(&self) -> Duration {
        self.track.length()
    }

    /// Adds the next samples onto `out`; false once it has ended.
    pub(super) fn mix_into(&mut self, out: &mut [f32]) -> bool {
        if self.going && self.waiting.len() < out.len() {
            self.going = self.track.read(out.len() - self.waiting.len(), &mut self.waiting);
        }
        let ready = self.waiting.len().min(out.len());
        self.fader.add(self.waiting.get(..ready).unwrap_or_default(), out);
        self.waiting.drain(..ready);
        self.played += ready as u64;
        (self.going || !self.waiting.is_empty()) && !self.fader.is_shut()
    }

    /// Fades out; the next lots end it.
    pub(super) fn stop(&mut self) {
        self.fader.set(false);
    }
}
