//! What the canceller leaves of the echo is turned down, bin by bin: hard while the loudspeaker speaks alone, gently
//! while this side speaks too. Where it is turned down, noise like the room's takes its place, so the line is never
//! dead.

use std::f32::consts::{FRAC_PI_2, TAU};

use super::BLOCK;
use super::clock::Lag;
use super::noise::{self, NoiseGain};
use super::spectrum::{BINS, FRAME, Spectrum, Transform};

/// Samples of the crossfade between two frames, and the delay of it all: 5 ms.
const FADE: usize = BLOCK / 2;
/// Edges of the bands in which the leak is followed, in bins of 50 Hz.
const EDGES: [usize; 21] =
    [0, 4, 8, 12, 16, 20, 24, 29, 34, 40, 48, 57, 68, 82, 100, 124, 154, 192, 240, 340, BINS];
const BANDS: usize = EDGES.len() - 1;

/// What a block keeps of the block before: of the leak's powers, of the correlation, of the ratio of speech to echo.
const KEEP_LEAK: f32 = 0.85;
const KEEP_MATCH: f32 = 0.8;
const KEEP_PRIOR: f32 = 0.8;
/// How fast the leak falls, and how slowly it rises: by 1.7 dB a second.
const LEAK_FALL: f32 = 0.2;
const LEAK_RISE: f32 = 1.004;
/// Chance correlation that is not believed, in its standard deviations; and what is left of the path's error then.
const CHANCE: f32 = 1.5;
const MISMATCHED: f32 = 0.2;
/// Blocks of that in a row in which the path is another. Two who speak at once are alike by chance for four at most.
const MOVED: u32 = 5;
/// The share of the echo that the canceller may be unsure of where its path counts as known.
const KNOWN: f32 = 0.1;
/// The residual is thought to be larger than the least leak by this, and by this many times the canceller's doubt:
/// the doubt knows nothing of what the loudspeaker bends.
const OVER: f32 = 1.5;
const UNSURE: f32 = 3.0;
/// The room's tail: what a block has of the residual of the block before.
const TAIL: f32 = 0.5;
/// This side speaks for sure when the error is above the residual by their sum, and not when by the first.
const NEAR_FROM_DB: f32 = 3.0;
const NEAR_WIDTH_DB: f32 = 6.0;
const NEAR_UP: f32 = 0.7;
const NEAR_DOWN: f32 = 0.02;
/// While the loudspeaker speaks alone: how much more is taken for residual, and what all is turned down by.
const HARD: f32 = 20.0;
const DEEP_DB: f32 = -24.0;
/// No bin is turned down by more: while both speak, and while the loudspeaker does alone.
const LEAST_DB: f32 = -12.0;
const SILENT_DB: f32 = -50.0;

/// The suppressor.
#[derive(Debug)]
pub(super) struct Suppressor {
    transform: Transform,
    analysis: Vec<f32>,
    synthesis: Vec<f32>,
    last_error: Vec<f32>,
    last_echo: Vec<f32>,
    tail: Vec<f32>,
    error: Spectrum,
    echo: Spectrum,
    power: Vec<f32>,
    echo_power: Vec<f32>,
    residual: Vec<f32>,
    gain: Vec<f32>,
    /// Power that passed the gain in the block before.
    passed: Vec<f32>,
    leak: [f32; BANDS],
    smooth_error: [f32; BANDS],
    smooth_echo: [f32; BANDS],
    /// What of the echo is in the error, by their correlation, and the echo's power, in each band.
    alike: [(f32, f32); BANDS],
    mismatch: f32,
    /// Blocks in a row in which the path was wrong.
    wrong: u32,
    lag: Lag,
    near: f32,
    noise: NoiseFloor,
    noise_gain: NoiseGain,
    /// State of the comfort noise.
    random: u32,
}

impl Suppressor {
    pub(super) fn new() -> Self {
        let rise = FRAME - FADE;
        let analysis: Vec<f32> = (0..FRAME)
            .map(|n| {
                let n = n as f32 + 0.5;
                if n < rise as f32 {
                    (FRAC_PI_2 * n / rise as f32).sin()
                } else {
                    (FRAC_PI_2 * (n - rise as f32) / FADE as f32).cos()
                }
            })
            .collect();
        let synthesis = analysis
            .iter()
            .enumerate()
            .map(|(n, analysis)| {
                let at = n as f32 + 0.5;
                let whole = if n < FADE {
                    0.0
                } else if n < BLOCK {
                    (FRAC_PI_2 * (at - FADE as f32) / FADE as f32).sin().powi(2)
                } else if n < rise {
                    1.0
                } else {
                    (FRAC_PI_2 * (at - rise as f32) / FADE as f32).cos().powi(2)
                };
                whole / analysis
            })
            .collect();
        Self {
            transform: Transform::new(),
            analysis,
            synthesis,
            last_error: vec![0.0; BLOCK],
            last_echo: vec![0.0; BLOCK],
            tail: vec![0.0; FADE],
            error: Spectrum::new(BINS),
            echo: Spectrum::new(BINS),
            power: vec![0.0; BINS],
            echo_power: vec![0.0; BINS],
            residual: vec![0.0; BINS],
            gain: vec![1.0; BINS],
            passed: vec![0.0; BINS],
            leak: [1.0; BANDS],
            smooth_error: [0.0; BANDS],
            smooth_echo: [0.0; BANDS],
            alike: [(0.0, 0.0); BANDS],
            mismatch: 0.0,
            wrong: 0,
            lag: Lag::default(),
            near: 0.0,
            noise: NoiseFloor::new(),
            noise_gain: NoiseGain::new(),
            random: 0x6e01_5e11,
        }
    }

    /// Turns down what is left in `block`, given the `echo` that was subtracted and the power of each bin that the
    /// canceller is `unsure` of, while the loudspeaker is `active`; and the room's noise if it is to be, given whether
    /// there is speech in the block. Comes out [`FADE`] samples later.
    pub(super) fn process(
        &mut self,
        block: &mut [f32],
        echo: &[f32],
        unsure: &[f32],
        active: bool,
        noise: Option<bool>,
    ) {
        let frame = self.last_error.iter().chain(&*block).zip(&self.analysis).map(|(s, w)| s * w);
        self.transform.analyse(frame, &mut self.error);
        self.power.iter_mut().zip(self.error.powers()).for_each(|(p, power)| *p = power);
        self.noise.follow(&self.power, active);
        self.last_error.copy_from_slice(block);
        if active {
            let frame = self.last_echo.iter().chain(echo).zip(&self.analysis).map(|(s, w)| s * w);
            self.transform.analyse(frame, &mut self.echo);
            self.echo_power.iter_mut().zip(self.echo.powers()).for_each(|(p, power)| *p = power);
            self.follow_mismatch();
            self.notice_move(unsure);
            self.follow_leak();
            self.measure_lag();
            self.estimate_residual(unsure);
            self.decide();
            self.apply(if noise.is_some() { noise::LEAST * noise::LEAST } else { 1.0 });
        } else {
            self.lag = Lag::default();
            self.wrong = 0;
            self.gain.fill(1.0);
            self.residual.fill(0.0);
            self.passed.copy_from_slice(&self.power);
        }
        if let Some(speech) = noise {
            // Comfort noise is as quiet already as this makes the room.
            let gains = self.noise_gain.of(&self.power, &self.noise.floor, speech);
            let bins = self.error.re.iter_mut().zip(&mut self.error.im).zip(gains).zip(&self.gain);
            for (((re, im), gain), left) in bins {
                let gain = 1.0 - (1.0 - gain) * left;
                *re *= gain;
                *im *= gain;
            }
        }
        self.last_echo.copy_from_slice(echo);
        let wave = self.transform.synthesise(&self.error);
        let faded = wave.iter().zip(&self.synthesis).map(|(s, w)| s * w).skip(FADE);
        let tail = self.tail.iter().copied().chain(std::iter::repeat_n(0.0, BLOCK - FADE));
        for ((out, wave), tail) in block.iter_mut().zip(faded.clone()).zip(tail) {
            *out = wave + tail;
        }
        self.tail.iter_mut().zip(faded.skip(BLOCK)).for_each(|(tail, wave)| *tail = wave);
    }

    /// How likely this side speaks, 0 to 1; means something while the loudspeaker does.
    pub(super) fn near(&self) -> f32 {
        self.near
    }

    /// Whether the last block proved that the path is another.
    pub(super) fn moved(&self) -> bool {
        self.wrong == MOVED
    }

    /// How much earlier than thought the echo of the last block came; means nothing while the loudspeaker is silent.
    pub(super) fn lag(&self) -> Lag {
        self.lag
    }

    /// The error has the echo's derivative in it when the echo comes earlier or later than the filter thinks: the
    /// slope of the phase between them, each bin weighted by how little else is in the error.
    fn measure_lag(&mut self) {
        const TURN: f32 = TAU / FRAME as f32;
        self.lag = Lag::default();
        for (smooth_error, edges) in self.smooth_error.iter().zip(EDGES.windows(2)) {
            let &[from, to] = edges else { continue };
            if from < 4 || to > 154 {
                continue;
            }
            let wide = to - from;
            let sum = |powers: &[f32]| powers.iter().skip(from).take(wide).sum::<f32>();
            let error = smooth_error.max(sum(&self.power)) + sum(&self.noise.floor);
            let weight = wide as f32 / (error + 1e-7);
            let error = self.error.re.iter().zip(&self.error.im);
            let echo = self.echo.re.iter().zip(&self.echo.im).zip(&self.echo_power);
            for (bin, ((er, ei), ((yr, yi), power))) in error.zip(echo).enumerate().skip(from).take(wide) {
                let turn = TURN * bin as f32;
                self.lag.sum += weight * turn * (ei * yr - er * yi);
                self.lag.weight += weight * turn * turn * power;
            }
        }
    }

    /// The amplitude of the subtracted echo that the error has in it: 0 as long as the path is right, whoever speaks;
    /// near 1 at once when the path is another.
    fn follow_mismatch(&mut self) {
        let (mut sum, mut chance, mut count) = (0.0, 0.0, 0.0);
        let bands =
            self.alike.iter_mut().zip(&self.smooth_error).zip(&self.smooth_echo).zip(EDGES.windows(2));
        for (((alike, smooth_error), smooth_echo), edges) in bands {
            let &[from, to] = edges else { continue };
            if from < 4 || to > 124 {
                continue;
            }
            let wide = (to - from) as f32;
            let error = self.error.re.iter().zip(&self.error.im).skip(from).take(to - from);
            let echo = self.echo.re.iter().zip(&self.echo.im);
            let cross: f32 = error.zip(echo.skip(from)).map(|((er, ei), (yr, yi))| er * yr + ei * yi).sum();
            let power: f32 = self.echo_power.iter().skip(from).take(to - from).sum();
            let floor: f32 = self.noise.floor.iter().skip(from).take(to - from).sum();
            alike.0 = KEEP_MATCH * alike.0 + (1.0 - KEEP_MATCH) * cross;
            alike.1 = KEEP_MATCH * alike.1 + (1.0 - KEEP_MATCH) * power;
            if alike.1 > 4.0 * floor + 1e-5 * wide {
                sum += (alike.0 / alike.1).clamp(-1.5, 1.5);
                // Sounds that have nothing to do with each other are alike by chance.
                chance += (smooth_error / smooth_echo.max(1e-9)).min(100.0) / (3.0 * wide);
                count += 1.0;
            }
        }
        self.mismatch = if count >= 6.0 {
            ((sum / count).abs() - CHANCE * chance.sqrt() / count).max(0.0)
        } else {
            0.8 * self.mismatch
        };
    }

    /// While little is known of the path, it is wrong anyway.
    fn notice_move(&mut self, unsure: &[f32]) {
        let speech = |powers: &[f32]| powers.iter().take(120).skip(4).sum::<f32>();
        let known = speech(unsure) < KNOWN * speech(&self.echo_power);
        let before = if self.wrong >= MOVED { 0 } else { self.wrong };
        self.wrong = if known && self.mismatch > MISMATCHED { before + 1 } else { 0 };
    }

    /// The share of the subtracted echo that stays, in each band: the least that was seen of late, since whatever this
    /// side says only adds to it.
    fn follow_leak(&mut self) {
        let bands = self.leak.iter_mut().zip(&mut self.smooth_error).zip(&mut self.smooth_echo);
        let floor = &self.noise.floor;
        for (((leak, error), echo), edges) in bands.zip(EDGES.windows(2)) {
            let &[from, to] = edges else { continue };
            let sum = |powers: &[f32]| powers.iter().skip(from).take(to - from).sum::<f32>();
            let noise = sum(floor);
            *error = KEEP_LEAK * *error + (1.0 - KEEP_LEAK) * (sum(&self.power) - noise).max(0.0);
            *echo = KEEP_LEAK * *echo + (1.0 - KEEP_LEAK) * sum(&self.echo_power);
            if *echo > 4.0 * noise + 1e-6 {
                let share = (*error / *echo).min(4.0);
                if share < *leak {
                    *leak += LEAK_FALL * (share - *leak);
                } else {
                    *leak = (*leak * LEAK_RISE).min(share);
                }
            }
        }
    }

    fn estimate_residual(&mut self, unsure: &[f32]) {
        let wrong = if self.mismatch > MISMATCHED { self.mismatch * self.mismatch } else { 0.0 };
        for (leak, edges) in self.leak.iter().zip(EDGES.windows(2)) {
            let &[from, to] = edges else { continue };
            let wide = to - from;
            let mean = self.echo_power.iter().skip(from).take(wide).sum::<f32>() / wide as f32;
            let bins = self.residual.iter_mut().zip(&self.echo_power).zip(unsure).skip(from).take(wide);
            for ((residual, echo), unsure) in bins {
                let now = OVER * leak.max(wrong) * (0.5 * echo + 0.5 * mean) + UNSURE * unsure;
                *residual = now.max(TAIL * *residual);
            }
        }
    }

    fn decide(&mut self) {
        // Where speech is: 200 Hz to 6 kHz.
        let speech = |powers: &[f32]| powers.iter().take(120).skip(4).sum::<f32>();
        let (power, residual, noise) =
            (speech(&self.power), speech(&self.residual), speech(&self.noise.floor));
        let ratio = (power - 2.0 * noise).max(0.0) / (residual + noise + 1e-9);
        let db = 10.0 * ratio.max(1e-3).log10();
        let now = ((db - NEAR_FROM_DB) / NEAR_WIDTH_DB).clamp(0.0, 1.0);
        self.near = if now > self.near {
            self.near + NEAR_UP * (now - self.near)
        } else {
            self.near + NEAR_DOWN * (now - self.near)
        };
        let near = self.near;
        let more = 1.0 + (1.0 - near) * HARD;
        let all = 10_f32.powf((1.0 - near) * DEEP_DB / 20.0);
        let least = 10_f32.powf((near * LEAST_DB + (1.0 - near) * SILENT_DB) / 20.0);
        let bins = self.gain.iter_mut().zip(&self.power).zip(&self.residual).zip(&mut self.passed);
        for (((gain, power), residual), passed) in bins {
            let residual = more * residual + 1e-12;
            let prior =
                KEEP_PRIOR * *passed / residual + (1.0 - KEEP_PRIOR) * (power / residual - 1.0).max(0.0);
            let wiener = prior / (1.0 + prior);
            *gain = (wiener * all).max(least).min(1.0);
            *passed = wiener * wiener * power;
        }
    }

    /// The gain, and this share of the room's noise where it takes something away.
    fn apply(&mut self, share: f32) {
        let bins = self.error.re.iter_mut().zip(&mut self.error.im).zip(&self.gain).zip(&self.noise.floor);
        for (((re, im), gain), noise) in bins {
            // Two even distributions of this width have the noise's power together.
            let width = (1.5 * share * noise * (1.0 - gain * gain)).max(0.0).sqrt();
            *re = *re * gain + width * next_random(&mut self.random);
            *im = *im * gain + width * next_random(&mut self.random);
        }
    }
}

/// Marsaglia's xorshift: -1 to 1.
fn next_random(state: &mut u32) -> f32 {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    *state as i32 as f32 / 2_147_483_648.0
}

/// The power of the room's noise in each bin: the least of the last seconds, smoothed.
#[derive(Debug)]
struct NoiseFloor {
    floor: Vec<f32>,
    smooth: Vec<f32>,
    least: Vec<f32>,
    least_before: Vec<f32>,
    blocks: usize,
    windows: usize,
}

/// Blocks in which a pause of speech is sure to be.
const WINDOW: usize = 120;
/// How fast the floor rises while the loudspeaker is heard, 1.7 dB a second: its echo may have no pause so long as it
/// isn't taken out. And the floor that may always be reached, -90 dB relative to full scale.
const FLOOR_RISE: f32 = 1.004;
const FLOOR_LEAST: f32 = 4.8e-7;

impl NoiseFloor {
    fn new() -> Self {
        Self {
            floor: vec![0.0; BINS],
            smooth: vec![0.0; BINS],
            least: vec![f32::INFINITY; BINS],
            least_before: vec![f32::INFINITY; BINS],
            blocks: 0,
            windows: 0,
        }
    }

    /// Takes the powers of a block, `echoing` while there may be echo in it.
    fn follow(&mut self, power: &[f32], echoing: bool) {
        self.blocks += 1;
        for ((smooth, least), power) in self.smooth.iter_mut().zip(&mut self.least).zip(power) {
            *smooth += 0.2 * (power - *smooth);
            if self.blocks > 10 || self.windows > 0 {
                *least = least.min(*smooth);
            }
        }
        if self.windows > 0 {
            let least = self.least.iter().zip(&self.least_before);
            for (floor, (now, before)) in self.floor.iter_mut().zip(least) {
                // The least of a smoothed noise lies below its mean by this much.
                let to = 2.0 * now.min(*before);
                if echoing && self.windows > 1 && to > *floor {
                    *floor = to.min((*floor * FLOOR_RISE).max(FLOOR_LEAST));
                } else {
                    *floor += 0.1 * (to - *floor);
                }
            }
        }
        if self.blocks >= WINDOW {
            std::mem::swap(&mut self.least, &mut self.least_before);
            self.least.fill(f32::INFINITY);
            (self.blocks, self.windows) = (0, self.windows + 1);
        }
    }
}
