//! What was handed to the loudspeaker waits here until the microphone's block of that time comes.
//!
//! The two come from different clocks and in lots of different sizes. The queue runs at the lowest level that never
//! runs dry: where it does, silence is put in once and the level is right from then on; where it stands too high for
//! a second, the surplus goes. Either is a new path for the canceller, so neither may happen often.

use std::collections::VecDeque;

use super::BLOCK;

/// More than ever waits: the microphone has stopped, and the oldest goes.
const MOST: usize = 50 * BLOCK;
/// A level that is never gone below for [`WINDOW`] blocks and is higher than this is surplus.
const SURPLUS: usize = 4 * BLOCK;
const WINDOW: usize = 100;

/// The queue.
#[derive(Debug)]
pub(super) struct Reference {
    samples: VecDeque<f32>,
    lowest: usize,
    blocks: usize,
}

impl Reference {
    pub(super) fn new() -> Self {
        Self { samples: VecDeque::with_capacity(MOST), lowest: usize::MAX, blocks: 0 }
    }

    pub(super) fn push(&mut self, samples: &[f32]) {
        let newest = samples.len().saturating_sub(MOST);
        let samples = samples.iter().skip(newest);
        let surplus = (self.samples.len() + samples.len()).saturating_sub(MOST);
        self.samples.drain(..surplus.min(self.samples.len()));
        self.samples.extend(samples.map(|s| if s.is_finite() { s.clamp(-4.0, 4.0) } else { 0.0 }));
    }

    /// The block that was played while the microphone's was recorded, or earlier.
    pub(super) fn pop(&mut self, block: &mut [f32]) {
        let ready = self.samples.len().min(block.len());
        for (sample, played) in
            block.iter_mut().zip(self.samples.drain(..ready).chain(std::iter::repeat(0.0)))
        {
            *sample = played;
        }
        self.lowest = self.lowest.min(self.samples.len());
        self.blocks += 1;
        if self.blocks >= WINDOW {
            if self.lowest > SURPLUS {
                self.samples.drain(..(self.lowest - BLOCK).min(self.samples.len()));
            }
            (self.blocks, self.lowest) = (0, usize::MAX);
        }
    }
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
            reference.pop(&mut block);
            heard.extend_from_slice(&block);
        }
        let first = heard.iter().position(|s| *s != 0.0).unwrap();
        assert!(heard[first + 3 * BLOCK..].iter().all(|s| *s != 0.0), "silence is put in once");
        assert!(heard[first..].windows(2).all(|w| w[1] == 0.0 || w[1] >= w[0]));
    }

    #[test]
    fn what_gathers_while_the_microphone_is_away_goes_within_a_second_or_two() {
        let mut reference = Reference::new();
        let mut block = [0.0; BLOCK];
        reference.push(&vec![0.5; 200 * BLOCK]);
        assert_eq!(reference.samples.len(), MOST);
        for _ in 0..2 * WINDOW {
            reference.push(&[0.5; BLOCK]);
            reference.pop(&mut block);
        }
        assert!(reference.samples.len() <= SURPLUS, "{}", reference.samples.len());
    }
}
