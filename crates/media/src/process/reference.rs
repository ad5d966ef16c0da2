//! What was handed to the loudspeaker waits here until the microphone's block of that time comes.
//!
//! The two come from different clocks and in lots of different sizes. It is read at the rate of the microphone's clock,
//! between samples where need be. The queue runs at the lowest level that never runs dry: where it does, silence is put in once and the level is right from then on; where it stands too high for
//! a second, the surplus goes. Either is a new path for the canceller, so neither may happen often.

use std::collections::VecDeque;
use std::f32::consts::PI;

use super::BLOCK;

/// More than ever waits: the microphone has stopped, and the oldest goes.
const MOST: usize = 50 * BLOCK;
/// A level that is never gone below for [`WINDOW`] blocks and is higher than this is surplus.
const SURPLUS: usize = 4 * BLOCK;
const WINDOW: usize = 100;
/// Samples on either side that reading between two of them takes.
const HALF: usize = 16;
const TAPS: usize = 2 * HALF;

/// The queue.
#[derive(Debug)]
pub(super) struct Reference {
    /// From [`HALF`] - 1 samples before the place that is read next.
    samples: VecDeque<f32>,
    /// Where between two samples that place is.
    part: f32,
    /// What a block is made of.
    piece: Vec<f32>,
    lowest: usize,
    blocks: usize,
}

impl Reference {
    pub(super) fn new() -> Self {
        let mut samples = VecDeque::with_capacity(MOST + TAPS);
        samples.extend([0.0; TAPS]);
        Self { samples, part: 0.0, piece: vec![0.0; BLOCK + TAPS], lowest: usize::MAX, blocks: 0 }
    }

    pub(super) fn push(&mut self, samples: &[f32]) {
        let newest = samples.len().saturating_sub(MOST);
        let samples = samples.iter().skip(newest);
        let surplus = (self.samples.len() + samples.len()).saturating_sub(MOST);
        self.samples.drain(..surplus.min(self.samples.len()));
        self.samples.extend(samples.map(|s| if s.is_finite() { s.clamp(-4.0, 4.0) } else { 0.0 }));
    }

    /// The block that was played while the microphone's was recorded, or earlier: read over `longer` samples more
    /// than it has, or less.
    pub(super) fn pop(&mut self, block: &mut [f32], longer: f32) {
        let missing = (BLOCK + 1 + TAPS).saturating_sub(self.samples.len());
        self.samples.extend(std::iter::repeat_n(0.0, missing));
        self.piece.iter_mut().zip(&self.samples).for_each(|(piece, sample)| *piece = *sample);
        let place = self.part + longer;
        if self.part == 0.0 && longer == 0.0 {
            block.iter_mut().zip(self.piece.iter().skip(HALF - 1)).for_each(|(b, p)| *b = *p);
        } else {
            let (from, to) = (kernel(self.part), kernel(place));
            for (i, (sample, around)) in block.iter_mut().zip(self.piece.windows(TAPS)).enumerate() {
                let share = i as f32 / BLOCK as f32;
                *sample = dot(around, &from) * (1.0 - share) + dot(around, &to) * share;
            }
        }
        self.part = place - place.floor();
        let read = BLOCK.saturating_add_signed(place.floor() as isize);
        self.samples.drain(..read.min(self.samples.len()));
        self.lowest = self.lowest.min(self.samples.len().saturating_sub(TAPS));
        self.blocks += 1;
        if self.blocks >= WINDOW {
            if self.lowest > SURPLUS {
                self.samples.drain(..(self.lowest - BLOCK).min(self.samples.len()));
            }
            (self.blocks, self.lowest) = (0, usize::MAX);
        }
    }
}

/// What each sample counts at a place `part` after the last one of the first half: a sine cardinal in a window.
fn kernel(part: f32) -> [f32; TAPS] {
    let mut taps = [0.0; TAPS];
    for (i, tap) in taps.iter_mut().enumerate() {
        let x = PI * (i as f32 - (HALF - 1) as f32 - part);
        let window = 0.5 + 0.5 * (x / (HALF as f32 + 0.5)).cos();
        *tap = if x.abs() < 1e-5 { 1.0 } else { x.sin() / x * window };
    }
    taps
}

fn dot(samples: &[f32], taps: &[f32; TAPS]) -> f32 {
    let mut sums = [0.0_f32; 8];
    for (samples, taps) in samples.chunks_exact(8).zip(taps.chunks_exact(8)) {
        sums.iter_mut().zip(samples).zip(taps).for_each(|((sum, s), t)| *sum += s * t);
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lots_of_any_size_come_out_in_order_once_it_never_runs_dry() {
        let mut reference = Reference::new();
        let (mut next, mut block, mut heard) = (1.0, [0.0; BLOCK], Vec::new());
        // 30 ms at once, then nothing while three blocks go.
        for step in 0..300 {
            if step % 3 == 1 {
                let lot: Vec<f32> = (0..3 * BLOCK).map(|i| next + i as f32 * 1e-5).collect();
                next += lot.len() as f32 * 1e-5;
                reference.push(&lot);
            }
            reference.pop(&mut block, 0.0);
            heard.extend_from_slice(&block);
        }
        let first = heard.iter().position(|s| *s != 0.0).unwrap();
        assert!(heard[first + 3 * BLOCK..].iter().all(|s| *s != 0.0), "silence is put in once");
        assert!(heard[first..].windows(2).all(|w| w[1] == 0.0 || w[1] >= w[0]));
    }

    #[test]
    fn it_is_read_faster_or_slower_without_a_step() {
        for longer in [-0.1, 0.1] {
            let mut reference = Reference::new();
            let wave = |at: f64| (at * 0.2).sin() as f32;
            let samples: Vec<f32> = (0..40 * BLOCK).map(|i| wave(i as f64)).collect();
            reference.push(&samples);
            let (mut block, mut heard) = ([0.0; BLOCK], Vec::new());
            for _ in 0..35 {
                reference.pop(&mut block, longer);
                heard.extend_from_slice(&block);
            }
            let step = 1.0 + f64::from(longer) / BLOCK as f64;
            for (i, sample) in heard.iter().enumerate().skip(BLOCK) {
                let expected = wave(i as f64 * step - (HALF + 1) as f64);
                assert!((sample - expected).abs() < 3e-3, "{longer}, {i}: {sample}, {expected}");
            }
        }
    }

    #[test]
    fn what_gathers_while_the_microphone_is_away_goes_within_a_second_or_two() {
        let mut reference = Reference::new();
        let mut block = [0.0; BLOCK];
        reference.push(&vec![0.5; 200 * BLOCK]);
        assert_eq!(reference.samples.len(), MOST);
        for _ in 0..2 * WINDOW {
            reference.push(&[0.5; BLOCK]);
            reference.pop(&mut block, 0.0);
        }
        assert!(reference.samples.len() <= SURPLUS + TAPS, "{}", reference.samples.len());
    }
}
