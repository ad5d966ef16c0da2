//! A leg's recording: this side on the left, what it hears of the other side on the right.
//!
//! The two sides run on the clocks of two devices; the right one crosses over to the left one's. While the other side
//! waits, both are silent: nobody talks to anybody.

use super::LegMode;
use super::crossing::Crossing;
use super::fader::Fader;
use crate::DEVICE_RATE;
use crate::error::AudioError;
use crate::recorder::{Finishing, Recorder};

/// Both sides hear that they are recorded this often, samples: 15 s.
const BEEP_EVERY: usize = DEVICE_RATE as usize * 15;

#[derive(Debug)]
pub(super) struct Recording {
    recorder: Recorder,
    /// This side, unless muted.
    me: Fader,
    them: Crossing,
    /// Samples until the next beep, where there is one.
    next_beep: Option<usize>,
    left: Vec<f32>,
    right: Vec<f32>,
}

impl Recording {
    pub(super) fn new(recorder: Recorder, beeps: bool, mode: LegMode, muted: bool) -> Self {
        let mut recording = Self {
            recorder,
            me: Fader::new(false),
            them: Crossing::new(),
            next_beep: beeps.then_some(0),
            left: Vec::new(),
            right: Vec::new(),
        };
        recording.set(mode, muted);
        recording
    }

    pub(super) fn set(&mut self, mode: LegMode, muted: bool) {
        self.me.set(mode != LegMode::Waiting && !muted);
    }

    /// What this side hears of the other.
    pub(super) fn hear(&mut self, them: &[f32]) {
        self.them.push(them);
    }

    /// What the microphone gave. True when both sides are to hear a beep now.
    pub(super) fn speak(&mut self, near: &[f32]) -> bool {
        self.me.pass(near, &mut self.left);
        self.them.take(near.len(), &mut self.right);
        self.recorder.write(&self.left, &self.right);
        match &mut self.next_beep {
            Some(left) if *left == 0 => {
                *left = BEEP_EVERY;
                true
            }
            Some(left) => {
                *left = left.saturating_sub(near.len());
                false
            }
            None => false,
        }
    }

    pub(super) fn poll_error(&mut self) -> Option<AudioError> {
        self.recorder.poll_error()
    }

    pub(super) fn finish(self) -> Finishing {
        self.recorder.finish()
    }
}
