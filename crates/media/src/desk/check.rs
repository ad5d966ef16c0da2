//! The sound check: what the microphone hears is heard from the loudspeaker a moment later, so that a person knows
//! before a call that they will be heard, and how.
//!
//! The echo of the voice that is played back comes to the microphone again; the processing takes it out, as in a call.

use std::collections::VecDeque;

use super::fader::Fader;
use crate::DEVICE_RATE;
use crate::level::Level;

/// How much later one's own voice is heard, samples: long enough to have finished a word.
const LATER: usize = DEVICE_RATE as usize;
/// Most that waits, where the two clocks drift apart.
const MOST: usize = LATER * 2;

/// How loud the two ends of a sound check are, dB below full scale (0 is loudest, -100 silence).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CheckLevels {
    /// What the microphone hears.
    pub capture_db: f32,
    /// What the loudspeaker plays of it.
    pub playout_db: f32,
}

/// A sound check under way.
#[derive(Debug)]
pub(super) struct Check {
    voice: VecDeque<f32>,
    piece: Vec<f32>,
    fader: Fader,
    said: Level,
    heard: Level,
}

impl Check {
    pub(super) fn new() -> Self {
        Self {
            voice: std::iter::repeat_n(0.0, LATER).collect(),
            piece: Vec::new(),
            fader: Fader::new(true),
            said: Level::new(DEVICE_RATE),
            heard: Level::new(DEVICE_RATE),
        }
    }

    /// What the microphone gave.
    pub(super) fn speak(&mut self, near: &[f32]) {
        self.said.feed(near);
        self.voice.extend(near);
        let over = self.voice.len().saturating_sub(MOST);
        self.voice.drain(..over);
    }

    /// Adds what was said a moment ago onto `out`; false once it has ended.
    pub(super) fn mix_into(&mut self, out: &mut [f32]) -> bool {
        let ready = out.len().min(self.voice.len());
        self.piece.clear();
        self.piece.extend(self.voice.drain(..ready));
        self.piece.resize(out.len(), 0.0);
        self.heard.feed(&self.piece);
        self.fader.add(&self.piece, out);
        !self.fader.is_shut()
    }

    /// Fades out; the next lots end it.
    pub(super) fn stop(&mut self) {
        self.fader.set(false);
    }

    pub(super) fn levels(&self) -> CheckLevels {
        CheckLevels { capture_db: self.said.db(), playout_db: self.heard.db() }
    }
}
