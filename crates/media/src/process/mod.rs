//! What is done to the microphone's sound before it is coded: the loudspeaker's echo and the room's noise taken out,
//! the level held, peaks kept below full scale. Each part can be switched in the middle of a call.
//!
//! The invariant: as many samples come out of [`Processor::capture`] as went in, but for the block that isn't full
//! yet; switching a part never inserts or drops a sample. While every part is off, samples come out at once.
//!
//! What deliberately isn't here: muting and the comfort noise of a muted microphone (the stream's), resampling
//! (the devices'), and the mixing of several calls (the desk's).

mod clock;
mod echo;
mod gain;
mod limiter;
mod noise;
mod reference;
mod residual;
mod spectrum;
mod speech;
mod worth;

use crate::level::Level;
use clock::Clock;
use echo::Canceller;
use gain::GainControl;
use limiter::Limiter;
use reference::Reference;
use residual::Suppressor;
use speech::SpeechDecision;
use worth::Worth;

/// Samples of a block: 10 ms at [`crate::DEVICE_RATE`].
pub(crate) const BLOCK: usize = 480;

/// Which parts work. The limiter always does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessConfig {
    /// Takes out what the loudspeaker says.
    pub echo: bool,
    /// Takes out what isn't speech.
    pub noise: bool,
    /// Brings speech to an even level.
    pub gain: bool,
}

impl ProcessConfig {
    /// Whether nothing is to be done but to keep peaks below full scale.
    fn idle(self) -> bool {
        !(self.echo || self.noise || self.gain)
    }
}

impl Default for ProcessConfig {
    fn default() -> Self {
        Self { echo: true, noise: true, gain: true }
    }
}

/// What the processor knows of the microphone at present.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProcessStats {
    /// How much of the echo is removed, in dB, over the last second in which the loudspeaker was heard. `None` when
    /// the canceller is off or has heard none yet.
    pub echo_return_loss_enhancement_db: Option<f32>,
    /// How long the loudspeaker's sound takes to come back to the microphone, in ms, as far as it is known.
    pub delay_ms: Option<f32>,
    /// The level of the microphone before anything is done to it, in dB relative to a full-scale square wave, over the
    /// last 100 ms: a microphone that works is never quite silent.
    pub near_level_db: f32,
    /// Whether the last block had speech of this side in it.
    pub speech: bool,
    /// What the gain control adds at present, in dB; 0 when it is off.
    pub gain_db: f32,
}

/// The microphone's way: mono `f32` at [`crate::DEVICE_RATE`]. It takes 5 ms besides the block
/// that fills, and nothing while every part is off.
#[derive(Debug)]
pub struct Processor {
    config: ProcessConfig,
    passage: Passage,
    /// What waits until a block is full.
    gathered: Vec<f32>,
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
    limiter: Limiter,
    level: Level,
    decision: SpeechDecision,
    speech: bool,
    /// Whether the canceller's result went out with the last block.
    cancelled: bool,
    removed: Removed,
}

impl Processor {
    /// A processor that has heard nothing yet. Everything it will ever allocate is allocated here.
    pub fn new(config: ProcessConfig) -> Self {
        Self {
            config,
            passage: if config.idle() { Passage::Past } else { Passage::Through },
            gathered: Vec::with_capacity(BLOCK),
            reference: Reference::new(),
            played: vec![0.0; BLOCK],
            raw: Vec::with_capacity(BLOCK),
            canceller: Canceller::new(),
            worth: Worth::new(),
            clock: Clock::new(),
            longer: 0.0,
            suppressor: Suppressor::new(),
            gain: GainControl::new(),
            limiter: Limiter::new(),
            level: Level::new(crate::DEVICE_RATE),
            decision: SpeechDecision::new(),
            speech: false,
            cancelled: config.echo,
            removed: Removed::default(),
        }
    }

    /// Switches parts on and off. When all were off, what was known of the room is not any more: it is allocated anew.
    pub fn set_config(&mut self, config: ProcessConfig) {
        match (self.passage, config.idle()) {
            (Passage::Past, false) => {
                let mut new = Self { passage: Passage::Beginning, ..Self::new(config) };
                std::mem::swap(&mut new.level, &mut self.level);
                std::mem::swap(&mut new.limiter, &mut self.limiter);
                *self = new;
            }
            (Passage::Through, true) => self.passage = Passage::Leaving,
            (Passage::Leaving, false) => self.passage = Passage::Through,
            // What begins is heard for a block before it ends.
            (Passage::Beginning | Passage::Entering, _)
            | (Passage::Past | Passage::Leaving, true)
            | (Passage::Through, false) => {}
        }
        self.config = config;
    }

    /// Which parts work.
    pub fn config(&self) -> ProcessConfig {
        self.config
    }

    /// What was handed to the loudspeaker, in order, any number of samples.
    pub fn render(&mut self, samples: &[f32]) {
        if self.passage != Passage::Past {
            self.reference.push(samples);
        }
    }

    /// Takes any number of the microphone's samples and appends to `out` what became of them: whole blocks of 10 ms,
    /// so up to 10 ms wait here for the next lot.
    pub fn capture(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let mut rest = samples;
        while !rest.is_empty() {
            if self.passage == Passage::Past {
                self.pass(rest, out);
                return;
            }
            let (now, later) = rest.split_at(rest.len().min(BLOCK - self.gathered.len()));
            self.gathered.extend_from_slice(now);
            rest = later;
            if self.gathered.len() == BLOCK {
                self.process_block();
                out.extend_from_slice(&self.gathered);
                self.gathered.clear();
            }
        }
    }

    /// The numbers at present.
    pub fn stats(&self) -> ProcessStats {
        ProcessStats {
            echo_return_loss_enhancement_db: self.removed.db().filter(|_| self.config.echo),
            delay_ms: self.canceller.delay_ms().filter(|_| self.config.echo),
            near_level_db: self.level.db(),
            speech: self.speech,
            gain_db: self.gain.gain_db(),
        }
    }

    /// Lets samples go by at once.
    fn pass(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        for piece in samples.chunks(BLOCK) {
            let from = out.len();
            out.extend(piece.iter().map(|sample| number(*sample)));
            let piece = out.get_mut(from..).unwrap_or_default();
            self.level.feed(piece);
            self.limiter.process(piece);
        }
    }

    fn process_block(&mut self) {
        for sample in &mut self.gathered {
            *sample = number(*sample);
        }
        self.level.feed(&self.gathered);
        self.raw.clear();
        self.raw.extend_from_slice(&self.gathered);
        self.clean();
        self.gain.process(&mut self.gathered, self.speech, self.config.gain);
        match self.passage {
            Passage::Beginning => {
                self.gathered.copy_from_slice(&self.raw);
                self.passage = Passage::Entering;
            }
            Passage::Entering => {
                fade(&mut self.gathered, &self.raw, true);
                self.passage = if self.config.idle() { Passage::Leaving } else { Passage::Through };
            }
            Passage::Leaving => {
                fade(&mut self.gathered, &self.raw, false);
                self.passage = Passage::Past;
                (self.speech, self.removed) = (false, Removed::default());
                self.gain = GainControl::new();
            }
            Passage::Through | Passage::Past => {}
        }
        self.limiter.process(&mut self.gathered);
    }

    /// Takes echo and noise out of the gathered block.
    fn clean(&mut self) {
        self.reference.pop(&mut self.played, self.longer);
        if self.config.echo || self.cancelled {
            if self.suppressor.moved() {
                self.canceller.doubt();
            }
            self.canceller.process(&self.played, &mut self.gathered);
            if self.canceller.active() {
                self.worth.judge(&self.raw, self.canceller.echo());
                if self.worth.starts_over() {
                    self.canceller.forget();
                }
            }
        } else {
            self.canceller.listen(&self.played);
        }
        let echo = self.config.echo && self.worth.pays();
        if echo != self.cancelled {
            fade(&mut self.gathered, &self.raw, echo);
            self.cancelled = echo;
        } else if !echo {
            self.gathered.copy_from_slice(&self.raw);
        }
        let active = echo && self.canceller.active();
        let likely = self.decision.hear(&self.gathered, self.config.noise || self.config.gain);
        // What the suppressor held down just now was the loudspeaker speaking.
        self.speech = likely && (!active || self.suppressor.near() > 0.5);
        let noise = self.config.noise.then_some(self.speech);
        let (echo, unsure) = (self.canceller.echo(), self.canceller.unsure());
        self.suppressor.process(&mut self.gathered, echo, unsure, active, noise);
        self.longer = self.clock.follow(self.suppressor.lag());
        if active && self.suppressor.near() < 0.3 {
            self.removed.feed(&self.raw, &self.gathered);
        }
    }
}

/// Where the microphone's samples go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passage {
    /// Past all the parts, which are off.
    Past,
    /// The next block is the first that is processed. What was before it is not known yet, so it is not heard.
    Beginning,
    /// The next block is the first that is heard processed.
    Entering,
    Through,
    /// The block that fills is the last.
    Leaving,
}

/// Anything but a number would stay in the filters for ever.
fn number(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-4.0, 4.0) } else { 0.0 }
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

#[cfg(test)]
mod tests {
    use super::*;

    const OFF: ProcessConfig = ProcessConfig { echo: false, noise: false, gain: false };
    const ON: ProcessConfig = ProcessConfig { echo: true, noise: true, gain: false };

    fn sine(samples: std::ops::Range<usize>) -> Vec<f32> {
        samples.map(|i| 0.3 * (i as f32 * 0.03).sin()).collect()
    }

    #[test]
    fn with_every_part_off_what_comes_goes_out_in_the_same_call() {
        let mut processor = Processor::new(OFF);
        let (mut out, mut at) = (Vec::new(), 0);
        for lot in [1, 160, 480, 1_001, 7] {
            let samples = sine(at..at + lot);
            processor.render(&samples);
            out.clear();
            processor.capture(&samples, &mut out);
            assert_eq!(out, samples);
            at += lot;
        }
        assert!(
            (processor.stats().near_level_db - 10.0 * 0.045_f32.log10()).abs() < 6.0,
            "it is measured still"
        );
    }

    #[test]
    fn switching_between_all_and_nothing_makes_no_step_and_loses_no_sample() {
        let mut processor = Processor::new(OFF);
        let (mut out, mut at) = (Vec::new(), 0);
        for turn in 0..60 {
            if turn % 10 == 5 {
                processor.set_config(if turn % 20 == 5 { ON } else { OFF });
            }
            let lot = 441 + turn % 3;
            processor.capture(&sine(at..at + lot), &mut out);
            at += lot;
            assert_eq!(out.len() + processor.gathered.len(), at);
        }
        let step = out.windows(2).map(|two| (two[1] - two[0]).abs()).fold(0.0, f32::max);
        assert!(step < 1.5 * 0.3 * 0.03, "{step}");
    }

    #[test]
    fn whole_blocks_come_out_whatever_the_lots() {
        let mut processor = Processor::new(ProcessConfig::default());
        let mut out = Vec::new();
        let (mut given, mut lot) = (0, 1);
        while given < 20_000 {
            processor.render(&vec![0.0; lot]);
            processor.capture(&vec![0.1; lot], &mut out);
            given += lot;
            assert_eq!(out.len(), given / BLOCK * BLOCK);
            lot = lot * 7 % 1_301;
        }
    }

    #[test]
    fn what_is_no_number_is_silence_and_passes() {
        for config in [ProcessConfig::default(), ProcessConfig { echo: false, noise: false, gain: false }] {
            let mut processor = Processor::new(config);
            let mut out = Vec::new();
            let mut both = |value: f32| {
                processor.render(&[value; BLOCK]);
                processor.capture(&[value; BLOCK], &mut out);
            };
            [f32::NAN, f32::INFINITY, -f32::MAX].into_iter().for_each(&mut both);
            (0..200).for_each(|_| both(0.0));
            assert!(out.iter().all(|s| s.is_finite() && s.abs() <= 1.0));
            let speech: Vec<f32> = (0..20 * BLOCK).map(|i| 0.2 * (i as f32 * 0.03).sin()).collect();
            out.clear();
            processor.capture(&speech, &mut out);
            assert!(out.iter().any(|s| s.abs() > 0.02), "it works on");
        }
    }
}
