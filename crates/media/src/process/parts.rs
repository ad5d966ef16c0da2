//! What works on the microphone's blocks while any of it is on, and how the sound goes over to it and back.

use super::clock::Clock;
use super::echo::Canceller;
use super::gain::GainControl;
use super::reference::Reference;
use super::residual::Suppressor;
use super::speech::SpeechDecision;
use super::worth::Worth;
use super::{BLOCK, ProcessConfig};

/// Echo cancellation, suppression and gain.
#[derive(Debug)]
pub(super) struct Parts {
    passage: Passage,
    reference: Reference,
    played: Vec<f32>,
    /// The microphone's block as it came.
    raw: Vec<f32>,
    canceller: Canceller,
    worth: Worth,
    clock: Clock,
    /// By how many samples the next block of the loudspeaker's is longer than the microphone's.
    longer: f32,
    suppressor: Suppressor,
    gain: GainControl,
    decision: SpeechDecision,
    speech: bool,
    /// Whether the canceller's result went out with the last block.
    cancelled: bool,
    removed: Removed,
}

/// How far the sound has gone over to the parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
    /// The next block is the first that is processed. What was before it is not known yet, so it is not heard.
    Beginning,
    /// The next block is the first that is heard processed.
    Entering,
    Through,
    /// The block that fills is the last.
    Leaving,
}

impl Parts {
    /// They have heard nothing yet.
    pub(super) fn new(config: ProcessConfig, passage: Passage) -> Self {
        Self {
            passage,
            reference: Reference::new(),
            played: vec![0.0; BLOCK],
            raw: Vec::with_capacity(BLOCK),
            canceller: Canceller::new(),
            worth: Worth::new(),
            clock: Clock::new(),
            longer: 0.0,
            suppressor: Suppressor::new(),
            gain: GainControl::new(),
            decision: SpeechDecision::new(),
            speech: false,
            cancelled: config.echo,
            removed: Removed::default(),
        }
    }

    /// Other ones are on from now.
    pub(super) fn switch(&mut self, config: ProcessConfig) {
        self.passage = match (self.passage, config.idle()) {
            (Passage::Through, true) => Passage::Leaving,
            (Passage::Leaving, false) => Passage::Through,
            // What begins is heard for a block before it ends.
            (unchanged, _) => unchanged,
        };
    }

    /// Takes what was handed to the loudspeaker.
    pub(super) fn render(&mut self, samples: &[f32]) {
        self.reference.push(samples);
    }

    /// Works on a block. Whether there is to be another one.
    pub(super) fn process(&mut self, block: &mut [f32], config: ProcessConfig) -> bool {
        self.raw.clear();
        self.raw.extend_from_slice(block);
        self.clean(block, config);
        self.gain.process(block, self.speech, config.gain);
        match self.passage {
            Passage::Beginning => {
                block.copy_from_slice(&self.raw);
                self.passage = Passage::Entering;
            }
            Passage::Entering => {
                fade(block, &self.raw, true);
                self.passage = if config.idle() { Passage::Leaving } else { Passage::Through };
            }
            Passage::Leaving => {
                fade(block, &self.raw, false);
                return false;
            }
            Passage::Through => {}
        }
        true
    }

    pub(super) fn removed_db(&self) -> Option<f32> {
        self.removed.db()
    }

    pub(super) fn delay_ms(&self) -> Option<f32> {
        self.canceller.delay_ms()
    }

    pub(super) fn speech(&self) -> bool {
        self.speech
    }

    pub(super) fn gain_db(&self) -> f32 {
        self.gain.gain_db()
    }

    /// Takes echo and noise out of a block.
    fn clean(&mut self, block: &mut [f32], config: ProcessConfig) {
        self.reference.pop(&mut self.played, self.longer);
        if config.echo || self.cancelled {
            if self.suppressor.moved() {
                self.canceller.doubt();
            }
            self.canceller.process(&self.played, block);
            if self.canceller.active() {
                self.worth.judge(&self.raw, self.canceller.echo());
                if self.worth.starts_over() {
                    self.canceller.forget();
                }
            }
        } else {
            self.canceller.listen(&self.played);
        }
        let echo = config.echo && self.worth.pays();
        if echo != self.cancelled {
            fade(block, &self.raw, echo);
            self.cancelled = echo;
        } else if !echo {
            block.copy_from_slice(&self.raw);
        }
        let active = echo && self.canceller.active();
        let likely = self.decision.hear(block, config.noise || config.gain);
        // What the suppressor held down just now was the loudspeaker speaking.
        self.speech = likely && (!active || self.suppressor.near() > 0.5);
        let noise = config.noise.then_some(self.speech);
        let (echo, unsure) = (self.canceller.echo(), self.canceller.unsure());
        self.suppressor.process(block, echo, unsure, active, noise);
        self.longer = self.clock.follow(self.suppressor.lag());
        if active && self.suppressor.near() < 0.3 {
            self.removed.feed(&self.raw, block);
        }
    }
}

/// Leads over within a block: from `raw` to the block where the way is `into` it, and from it to `raw` where not.
fn fade(block: &mut [f32], raw: &[f32], into: bool) {
    let shares = (0..BLOCK).map(|i| i as f32 / BLOCK as f32);
    for ((sample, raw), share) in block.iter_mut().zip(raw).zip(shares) {
        let share = if into { share } else { 1.0 - share };
        *sample = *sample * share + raw * (1.0 - share);
    }
}

/// Power before and after, over the last second of the loudspeaker speaking alone.
#[derive(Debug, Default)]
struct Removed {
    before: f32,
    after: f32,
    blocks: u32,
}

impl Removed {
    fn feed(&mut self, before: &[f32], after: &[f32]) {
        let power = |samples: &[f32]| samples.iter().map(|s| s * s).sum::<f32>() / BLOCK as f32;
        self.before += 0.01 * (power(before) - self.before);
        self.after += 0.01 * (power(after) - self.after);
        self.blocks = self.blocks.saturating_add(1);
    }

    fn db(&self) -> Option<f32> {
        // Half a second, and more than the microphone's own noise.
        let known = self.blocks >= 50 && self.before > 1e-8;
        known.then(|| 10.0 * (self.before / self.after.max(1e-12)).log10())
    }
}
