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
mod parts;
mod reference;
mod residual;
mod spectrum;
mod speech;
mod worth;

use crate::level::Level;
use limiter::Limiter;
use parts::{Parts, Passage};

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
    /// No part works.
    pub const OFF: Self = Self { echo: false, noise: false, gain: false };

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
    /// What waits until a block is full.
    gathered: Vec<f32>,
    /// While one is on.
    parts: Option<Box<Parts>>,
    limiter: Limiter,
    level: Level,
}

impl Processor {
    /// A processor that has heard nothing yet. Everything it will ever allocate is allocated here, unless every part is
    /// off.
    pub fn new(config: ProcessConfig) -> Self {
        Self {
            config,
            gathered: Vec::with_capacity(BLOCK),
            parts: (!config.idle()).then(|| Box::new(Parts::new(config, Passage::Through))),
            limiter: Limiter::new(),
            level: Level::new(crate::DEVICE_RATE),
        }
    }

    /// Switches parts on and off. When all were off, what was known of the room is not any more: it is allocated anew.
    pub fn set_config(&mut self, config: ProcessConfig) {
        match &mut self.parts {
            Some(parts) => parts.switch(config),
            None if config.idle() => {}
            None => self.parts = Some(Box::new(Parts::new(config, Passage::Beginning))),
        }
        self.config = config;
    }

    /// Which parts work.
    pub fn config(&self) -> ProcessConfig {
        self.config
    }

    /// What was handed to the loudspeaker, in order, any number of samples.
    pub fn render(&mut self, samples: &[f32]) {
        if let Some(parts) = &mut self.parts {
            parts.render(samples);
        }
    }

    /// Takes any number of the microphone's samples and appends to `out` what became of them: whole blocks of 10 ms,
    /// so up to 10 ms wait here for the next lot.
    pub fn capture(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let mut rest = samples;
        while !rest.is_empty() {
            let Some(parts) = &mut self.parts else {
                self.pass(rest, out);
                return;
            };
            let (now, later) = rest.split_at(rest.len().min(BLOCK - self.gathered.len()));
            self.gathered.extend(now.iter().copied().map(number));
            rest = later;
            if self.gathered.len() < BLOCK {
                continue;
            }
            self.level.feed(&self.gathered);
            if !parts.process(&mut self.gathered, self.config) {
                self.parts = None;
            }
            self.limiter.process(&mut self.gathered);
            out.extend_from_slice(&self.gathered);
            self.gathered.clear();
        }
    }

    /// The numbers at present.
    pub fn stats(&self) -> ProcessStats {
        let parts = self.parts.as_ref();
        let cancels = parts.filter(|_| self.config.echo);
        ProcessStats {
            echo_return_loss_enhancement_db: cancels.and_then(|parts| parts.removed_db()),
            delay_ms: cancels.and_then(|parts| parts.delay_ms()),
            near_level_db: self.level.db(),
            speech: parts.is_some_and(|parts| parts.speech()),
            gain_db: parts.map_or(0.0, |parts| parts.gain_db()),
        }
    }

    /// Lets samples go by at once.
    fn pass(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        for piece in samples.chunks(BLOCK) {
            let from = out.len();
            out.extend(piece.iter().copied().map(number));
            let piece = out.get_mut(from..).unwrap_or_default();
            self.level.feed(piece);
            self.limiter.process(piece);
        }
    }
}

/// Anything but a number would stay in the filters for ever.
fn number(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-4.0, 4.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFF: ProcessConfig = ProcessConfig::OFF;
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
