//! The echo's path as a filter that learns: partitions of 10 ms in the frequency domain, each bin with a Kalman step
//! of its own. The state carries how unsure it is (`variance`), so it learns fast where it knows nothing, and stands
//! still where the error is somebody speaking.
//!
//! Kuech, Mabande, Enzner: State-space architecture of the partitioned-block-based acoustic echo controller
//! (ICASSP 2014).

use std::collections::VecDeque;

use crate::process::BLOCK;
use crate::process::spectrum::{BINS, FRAME, Spectrum, Transform};

/// A block of what the loudspeaker played, with the block before it.
#[derive(Debug, Clone)]
pub(super) struct Played {
    pub(super) spectrum: Spectrum,
    pub(super) power: Vec<f32>,
}

/// The last blocks played, newest first.
#[derive(Debug)]
pub(super) struct History {
    blocks: VecDeque<Played>,
    last: Vec<f32>,
}

impl History {
    pub(super) fn new(blocks: usize) -> Self {
        let silent = Played { spectrum: Spectrum::new(BINS), power: vec![0.0; BINS] };
        Self { blocks: vec![silent; blocks].into(), last: vec![0.0; BLOCK] }
    }

    pub(super) fn push(&mut self, block: &[f32], transform: &mut Transform) {
        let Some(mut oldest) = self.blocks.pop_back() else { return };
        transform.analyse(self.last.iter().chain(block).copied(), &mut oldest.spectrum);
        oldest.power.iter_mut().zip(oldest.spectrum.powers()).for_each(|(p, power)| *p = power);
        self.blocks.push_front(oldest);
        self.last.copy_from_slice(block);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Played> {
        self.blocks.iter()
    }
}

/// 10 ms of the path.
#[derive(Debug, Clone)]
struct Partition {
    weight: Spectrum,
    variance: Vec<f32>,
    /// The power it was thought to have before anything was learnt of it.
    prior: f32,
}

impl Partition {
    /// As at the beginning, when it may have any power up to `prior`.
    fn forget(&mut self, prior: f32) {
        self.weight.clear();
        self.variance.fill(prior);
        self.prior = prior;
    }

    /// As if it had been `prior` from the beginning: the difference is a measurement of 0 that is this uncertain.
    fn narrow_prior(&mut self, prior: f32) {
        let uncertain = 1.0 / (1.0 / prior - 1.0 / self.prior);
        self.prior = prior;
        let weights = self.weight.re.iter_mut().zip(&mut self.weight.im).zip(&mut self.variance);
        for ((re, im), variance) in weights {
            let keep = uncertain / (*variance + uncertain);
            *re *= keep;
            *im *= keep;
            *variance *= keep;
        }
    }
}

/// How much of a step's lesson is believed. Speech is much the same from block to block, so partitions next to each
/// other learn the same thing twice; the state, which takes them for independent, would be sure too soon.
const BELIEVED: f32 = 0.6;
/// The power that a partition is thought to have at most, in those that it or its neighbours are found to have.
const ROOM: f32 = 10.0;
/// Bins by which a partition's power is judged: 200 Hz to 6 kHz, where speech teaches it.
const JUDGED: std::ops::Range<usize> = 4..120;

/// The filter of one reference.
#[derive(Debug)]
pub(super) struct Branch {
    /// Of the path after the first `skipped` blocks.
    partitions: VecDeque<Partition>,
    skipped: usize,
    bins: usize,
    /// Whose turn it is to be made causal again.
    turn: usize,
    prior: f32,
    /// The power of each partition where it is judged.
    found: Vec<f32>,
}

impl Branch {
    pub(super) fn new(partitions: usize, bins: usize, prior: f32) -> Self {
        let partition = Partition { weight: Spectrum::new(bins), variance: vec![prior; bins], prior };
        let partitions: VecDeque<_> = vec![partition; partitions].into();
        let found = vec![0.0; partitions.len()];
        Self { partitions, skipped: 0, bins, turn: 0, prior, found }
    }

    /// Adds the echo's spectrum to `echo`, and how much of the error's power may be the filter's own to `unsure`.
    pub(super) fn estimate(&self, history: &History, echo: &mut Spectrum, unsure: &mut [f32]) {
        for (partition, played) in self.partitions.iter().zip(history.iter().skip(self.skipped)) {
            let x = played.spectrum.re.iter().zip(&played.spectrum.im).zip(&played.power);
            let w = partition.weight.re.iter().zip(&partition.weight.im).zip(&partition.variance);
            let out = echo.re.iter_mut().zip(&mut echo.im).zip(unsure.iter_mut());
            for (((out_re, out_im), unsure), (((xr, xi), power), ((wr, wi), variance))) in out.zip(x.zip(w)) {
                *out_re += xr * wr - xi * wi;
                *out_im += xr * wi + xi * wr;
                *unsure += 0.5 * power * variance;
            }
        }
    }

    /// One Kalman step: `error` is the error's spectrum divided by its expected power `expected`; `drift` is the share
    /// of the path's power that may change in a block.
    pub(super) fn adapt(&mut self, history: &History, error: &Spectrum, expected: &[f32], drift: f32) {
        for (partition, played) in self.partitions.iter_mut().zip(history.iter().skip(self.skipped)) {
            let x = played.spectrum.re.iter().zip(&played.spectrum.im).zip(&played.power);
            let w = partition.weight.re.iter_mut().zip(&mut partition.weight.im).zip(&mut partition.variance);
            let e = error.re.iter().zip(&error.im).zip(expected);
            for (((wr, wi), variance), (((xr, xi), power), ((er, ei), expected))) in w.zip(x.zip(e)) {
                let gain = 0.5 * *variance;
                *wr += gain * (xr * er + xi * ei);
                *wi += gain * (xr * ei - xi * er);
                let learnt = 0.25 * BELIEVED * *variance * power * expected;
                *variance = *variance * (1.0 - learnt) + drift * (*wr * *wr + *wi * *wi);
            }
        }
    }

    /// Makes `count` partitions causal again, and the loudest one: what the step put into their second half belongs
    /// to the next.
    pub(super) fn constrain(&mut self, count: usize, loudest: usize, transform: &mut Transform) {
        for _ in 0..count {
            self.turn = (self.turn + 1) % self.partitions.len().max(1);
            self.constrain_one(self.turn, transform);
        }
        self.constrain_one(loudest, transform);
        self.constrain_one(loudest + 1, transform);
    }

    fn constrain_one(&mut self, which: usize, transform: &mut Transform) {
        let Some(partition) = self.partitions.get_mut(which) else { return };
        let mut first = [0.0; BLOCK];
        first.iter_mut().zip(transform.synthesise(&partition.weight)).for_each(|(f, w)| *f = *w);
        transform.analyse(first.iter().copied(), &mut partition.weight);
    }

    /// The power of each partition.
    pub(super) fn powers(&self) -> impl Iterator<Item = f32> {
        self.partitions.iter().map(|p| p.weight.powers().sum::<f32>() / self.bins as f32)
    }

    /// Takes the weights of `other` in the bins both have.
    pub(super) fn take_weights(&mut self, other: &Self) {
        for (ours, theirs) in self.partitions.iter_mut().zip(&other.partitions) {
            ours.weight.re.iter_mut().zip(&theirs.weight.re).for_each(|(o, t)| *o = *t);
            ours.weight.im.iter_mut().zip(&theirs.weight.im).for_each(|(o, t)| *o = *t);
        }
    }

    /// Knows nothing again.
    pub(super) fn forget(&mut self) {
        for partition in &mut self.partitions {
            partition.forget(self.prior);
        }
    }

    /// Becomes unsure again: of each partition as much as it is strong, and half as much as all of them are, since the
    /// other path may be strong elsewhere.
    pub(super) fn doubt(&mut self) {
        let all: f32 = self.powers().sum();
        for partition in &mut self.partitions {
            let mean = partition.weight.powers().sum::<f32>() / self.bins as f32;
            let least = mean + 0.5 * all + 1e-3 * self.prior;
            partition.variance.iter_mut().for_each(|v| *v = v.max(least));
            partition.prior = partition.prior.max(least);
        }
    }

    /// Puts what is known now of each partition's power in place of what was thought of it at first. A room's sound
    /// is in few of them; while all may have any power, each takes its share of whatever this side says.
    pub(super) fn learn_prior(&mut self) {
        let judged = JUDGED.start..JUDGED.end.min(self.bins);
        for (found, partition) in self.found.iter_mut().zip(&self.partitions) {
            let powers = partition.weight.powers().skip(judged.start).take(judged.len());
            *found = powers.sum::<f32>() / judged.len() as f32;
        }
        let before = std::iter::once(0.0).chain(self.found.iter().copied());
        let after = self.found.iter().skip(1).copied().chain([0.0]);
        let around = before.zip(&self.found).zip(after).map(|((b, f), a)| b.max(*f).max(a));
        for (partition, around) in self.partitions.iter_mut().zip(around) {
            let prior = (ROOM * around).max(1e-7);
            if prior < 0.5 * partition.prior {
                partition.narrow_prior(prior);
            }
        }
    }

    /// Moves its window over the path: what it knew of the blocks that stay is kept.
    pub(super) fn move_to(&mut self, skipped: usize) {
        while self.skipped < skipped {
            self.skipped += 1;
            let Some(mut first) = self.partitions.pop_front() else { return };
            first.forget(self.prior);
            self.partitions.push_back(first);
        }
        while self.skipped > skipped {
            self.skipped -= 1;
            let Some(mut last) = self.partitions.pop_back() else { return };
            last.forget(self.prior);
            self.partitions.push_front(last);
        }
    }

    /// The first block of the path that it covers.
    pub(super) fn skipped(&self) -> usize {
        self.skipped
    }

    /// The sample of a partition that is largest.
    pub(super) fn peak(&self, which: usize, transform: &mut Transform) -> usize {
        let Some(partition) = self.partitions.get(which) else { return 0 };
        let wave = transform.synthesise(&partition.weight).iter().take(BLOCK).enumerate();
        wave.fold((0, 0.0), |best: (usize, f32), (i, s)| if s.abs() > best.1 { (i, s.abs()) } else { best }).0
    }
}

/// The time-domain error of a block: the microphone less the echo, which is the second half of the frame.
pub(super) fn error(
    microphone: &[f32],
    echo: &Spectrum,
    transform: &mut Transform,
    echo_out: &mut [f32],
    error_out: &mut [f32],
) {
    let wave = transform.synthesise(echo);
    let latter = wave.iter().skip(FRAME - BLOCK);
    for (((echo, error), wave), sample) in echo_out.iter_mut().zip(error_out).zip(latter).zip(microphone) {
        *echo = *wave;
        *error = sample - wave;
    }
}
