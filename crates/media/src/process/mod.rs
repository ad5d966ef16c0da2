//! What is done to the microphone's sound before it is coded: the loudspeaker's echo and the room's noise taken out,
//! the level held, peaks kept below full scale. Each part can be switched in the middle of a call.
//!
//! The invariant: as many samples come out of [`Processor::capture`] as went in, but for the block that isn't full
//! yet; switching a part never inserts or drops a sample.
//!
//! What deliberately isn't here: muting and the comfort noise of a muted microphone (the stream's), resampling
//! (the devices'), and the mixing of several calls (the desk's).

mod limiter;

use crate::level::Level;
use limiter::Limiter;

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
    /// The level that leaves the processor, in dB relative to a full-scale square wave, over the last 100 ms.
    pub near_level_db: f32,
    /// Whether the last block had speech of this side in it.
    pub speech: bool,
    /// What the gain control adds at present, in dB; 0 when it is off.
    pub gain_db: f32,
}

/// The microphone's way: mono `f32` at [`crate::DEVICE_RATE`].
#[derive(Debug)]
pub struct Processor {
    config: ProcessConfig,
    /// What waits until a block is full.
    gathered: Vec<f32>,
    limiter: Limiter,
    level: Level,
}

impl Processor {
    /// A processor that has heard nothing yet. Everything it will ever allocate is allocated here.
    pub fn new(config: ProcessConfig) -> Self {
        Self {
            config,
            gathered: Vec::with_capacity(BLOCK),
            limiter: Limiter::new(),
            level: Level::new(crate::DEVICE_RATE),
        }
    }

    /// Switches parts on and off.
    pub fn set_config(&mut self, config: ProcessConfig) {
        self.config = config;
    }

    /// Which parts work.
    pub fn config(&self) -> ProcessConfig {
        self.config
    }

    /// What was handed to the loudspeaker, in order, any number of samples.
    pub fn render(&mut self, _samples: &[f32]) {}

    /// Takes any number of the microphone's samples and appends to `out` what became of them: whole blocks of 10 ms,
    /// so up to 10 ms wait here for the next lot.
    pub fn capture(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let mut rest = samples;
        while !rest.is_empty() {
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
            echo_return_loss_enhancement_db: None,
            delay_ms: None,
            near_level_db: self.level.db(),
            speech: self.level.db() > -50.0,
            gain_db: 0.0,
        }
    }

    fn process_block(&mut self) {
        // Anything but a number would stay in the filters for ever.
        for sample in &mut self.gathered {
            *sample = if sample.is_finite() { sample.clamp(-4.0, 4.0) } else { 0.0 };
        }
        self.limiter.process(&mut self.gathered);
        self.level.feed(&self.gathered);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let config = ProcessConfig { echo: false, noise: false, gain: false };
        let mut processor = Processor::new(config);
        let mut out = Vec::new();
        processor.capture(&[f32::NAN; BLOCK], &mut out);
        processor.capture(&[f32::INFINITY; BLOCK], &mut out);
        processor.capture(&[0.25; BLOCK], &mut out);
        assert_eq!(out.iter().filter(|s| **s == 0.25).count(), BLOCK);
        assert!(out.iter().all(|s| s.is_finite()));
    }
}
