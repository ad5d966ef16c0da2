//! Rooms with a loudspeaker, a microphone and two talkers, made from a seed, and measures of what a canceller leaves.

// The tests, the example and the comparison with others each use a part of it.
#![allow(dead_code)]

use std::f32::consts::TAU;

use rand::{Rng, SeedableRng, rngs::StdRng};
use realfft::RealFftPlanner;

const RATE: f32 = 48_000.0;
/// The block in which processors are fed.
pub(crate) const BLOCK: usize = 480;

/// What a scene is made of. Times in seconds, levels in dB relative to full scale.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) name: &'static str,
    pub(crate) seed: u64,
    pub(crate) seconds: f32,
    /// From the loudspeaker's samples to the first sound at the microphone, in ms.
    pub(crate) delay_ms: f32,
    /// Until the room's sound has fallen by 60 dB, in ms.
    pub(crate) reverberation_ms: f32,
    /// Level of the echo at the microphone.
    pub(crate) echo_db: f32,
    /// How far the loudspeaker is driven: `tanh(drive * x) / drive`.
    pub(crate) drive: f32,
    /// How lopsided it is: the share of the square that is added.
    pub(crate) lopsided: f32,
    /// Level of the noise at the microphone.
    pub(crate) noise_db: f32,
    /// When the near talker speaks too.
    pub(crate) double_talk: (f32, f32),
    /// When somebody moves the microphone.
    pub(crate) change: Option<f32>,
    /// By how much the microphone's clock is faster than the loudspeaker's, in parts of a million.
    pub(crate) drift_ppm: f32,
}

impl Room {
    pub(crate) const QUIET: Self = Self {
        name: "office",
        seed: 1,
        seconds: 60.0,
        delay_ms: 40.0,
        reverberation_ms: 250.0,
        echo_db: -26.0,
        drive: 1.5,
        lopsided: 0.0,
        noise_db: -78.0,
        double_talk: (26.0, 41.0),
        change: Some(44.0),
        drift_ppm: 0.0,
    };
}

/// The rooms of the table: sizes, ways, loudspeakers, noise, two clocks.
pub(crate) fn rooms() -> Vec<Room> {
    let office = Room::QUIET;
    vec![
        office,
        Room { name: "hall", seed: 2, reverberation_ms: 450.0, delay_ms: 60.0, ..office },
        Room { name: "200 ms away", seed: 3, delay_ms: 200.0, ..office },
        Room { name: "poor loudspeaker", seed: 4, drive: 4.0, lopsided: 0.05, ..office },
        Room { name: "noise at -55 dB", seed: 5, noise_db: -55.0, ..office },
        Room { name: "echo at -16 dB", seed: 7, echo_db: -16.0, delay_ms: 15.0, ..office },
        Room { name: "clocks 5 ppm apart", seed: 8, drift_ppm: 5.0, ..office },
        Room { name: "clocks 30 ppm apart", seed: 6, drift_ppm: 30.0, ..office },
    ]
}

/// Noises of the near side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noise {
    Fan,
    Babble,
    Keyboard,
}

impl Noise {
    pub(crate) const ALL: [Self; 3] = [Self::Fan, Self::Babble, Self::Keyboard];

    /// `count` samples of it at -30 dB.
    pub(crate) fn samples(self, speech: &[f32], count: usize, seed: u64) -> Vec<f32> {
        let mut random = StdRng::seed_from_u64(seed);
        let mut out = match self {
            Self::Fan => hiss(count, &mut random)
                .into_iter()
                .enumerate()
                .map(|(i, s)| {
                    let turn = TAU * i as f32 / RATE;
                    s + 0.02 * (turn * 120.0).sin() + 0.01 * (turn * 240.0).sin()
                })
                .collect(),
            Self::Babble => (0..8).fold(vec![0.0; count], |mut all, i| {
                let voice = talker(speech, 0.75 + 0.07 * f64::from(i), count + 300_000, &mut random);
                let from = random.random_range(0..300_000);
                all.iter_mut().zip(&voice[from..]).for_each(|(a, v)| *a += v);
                all
            }),
            Self::Keyboard => {
                let mut out: Vec<f32> = (0..count).map(|_| random.random_range(-1e-3..1e-3)).collect();
                let mut at = 0;
                while at + 4_800 < count {
                    let loud = random.random_range(0.3..1.0);
                    for (i, sample) in out[at..at + 2_400].iter_mut().enumerate() {
                        *sample += loud * random.random_range(-1.0..1.0) * (-(i as f32) / 300.0).exp();
                    }
                    at += random.random_range(4_800..14_400);
                }
                out
            }
        };
        to_level(&mut out, -30.0);
        out
    }
}

/// What loudspeaker and microphone have of it, and what it is made of.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub(crate) room: Room,
    pub(crate) render: Vec<f32>,
    pub(crate) microphone: Vec<f32>,
    pub(crate) echo: Vec<f32>,
    pub(crate) near: Vec<f32>,
}

impl Scene {
    pub(crate) fn new(room: Room, speech: &[f32]) -> Self {
        let count = (room.seconds * RATE) as usize;
        let mut random = StdRng::seed_from_u64(room.seed);
        let render = talker(speech, 0.84, count, &mut random);
        let mut played: Vec<f32> = render
            .iter()
            .map(|x| {
                let bent = (room.drive * x).tanh() / room.drive;
                bent + room.lopsided * bent * bent
            })
            .collect();
        if room.drift_ppm != 0.0 {
            played = resampled(&played, 1.0 - f64::from(room.drift_ppm) * 1e-6, count);
        }
        let mut echo = convolved(&played, &response(&room, &mut random));
        if let Some(change) = room.change {
            let after = convolved(&played, &response(&room, &mut random));
            let at = (change * RATE) as usize;
            echo[at..].copy_from_slice(&after[at..]);
        }
        to_level(&mut echo, room.echo_db);
        let mut near = vec![0.0; count];
        let (from, to) = span(room.double_talk);
        let mut voice = talker(speech, 1.0, to.min(count).saturating_sub(from), &mut random);
        to_level(&mut voice, -25.0);
        near[from..from + voice.len()].copy_from_slice(&voice);
        let mut noise = hiss(count, &mut random);
        to_level(&mut noise, room.noise_db);
        let microphone = echo.iter().zip(&near).zip(&noise).map(|((e, n), z)| e + n + z).collect();
        Self { room, render, microphone, echo, near }
    }

    /// Plays the scene through a canceller that takes the loudspeaker's and the microphone's blocks.
    pub(crate) fn through(&self, mut canceller: impl FnMut(&[f32], &[f32], &mut Vec<f32>)) -> Vec<f32> {
        let mut out = Vec::with_capacity(self.microphone.len());
        for (render, microphone) in self.render.chunks_exact(BLOCK).zip(self.microphone.chunks_exact(BLOCK)) {
            canceller(render, microphone, &mut out);
        }
        out
    }

    /// How much of the echo is gone between two times, in dB. Only says something where the near talker is silent.
    pub(crate) fn removed(&self, out: &[f32], from: f32, to: f32) -> f32 {
        let (from, to) = span((from, to));
        let to = to.min(out.len());
        10.0 * (power(&self.echo[from..to]) / power(&out[from..to]).max(1e-12)).log10()
    }

    /// Seconds after `from` until 20 dB are gone: in a quarter of a second, and in the second from there on.
    pub(crate) fn time_to_20_db(&self, out: &[f32], from: f32) -> f32 {
        (0..40)
            .map(|quarter| quarter as f32 * 0.25)
            .filter(|after| from + after + 1.25 <= self.room.seconds)
            .find(|after| {
                let at = from + after;
                self.removed(out, at, at + 0.25) >= 20.0 && self.removed(out, at, at + 1.25) >= 20.0
            })
            .map_or(f32::INFINITY, |after| after + 0.25)
    }

    /// What is left of the near talker under the echo: PESQ, wide band.
    pub(crate) fn double_talk_pesq(&self, out: &[f32]) -> f32 {
        let (from, to) = self.room.double_talk;
        pesq(&self.near, out, from, to)
    }
}

/// What a canceller made of a scene.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    /// Seconds until 20 dB are gone, from the loudspeaker's first word.
    pub(crate) first: f32,
    /// dB from 5 to 20 s, and from there to the double talk.
    pub(crate) early: f32,
    pub(crate) late: f32,
    /// PESQ of the near talker.
    pub(crate) near: f32,
    /// Seconds until 20 dB are gone after the change, and dB from a second after it on.
    pub(crate) again: f32,
    pub(crate) changed: f32,
}

impl Figures {
    pub(crate) const HEAD: &str =
        "20 dB after | 5-20 s | 20-26 s | near PESQ | change: 20 dB after | from 1 s on";

    pub(crate) fn of(scene: &Scene, out: &[f32]) -> Self {
        let change = scene.room.change.unwrap_or(scene.room.double_talk.1 + 1.0);
        Self {
            first: scene.time_to_20_db(out, scene.room.delay_ms / 1_000.0),
            early: scene.removed(out, 5.0, 20.0),
            late: scene.removed(out, 20.0, scene.room.double_talk.0),
            near: scene.double_talk_pesq(out),
            again: scene.time_to_20_db(out, change),
            changed: scene.removed(out, change + 1.0, scene.room.seconds),
        }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { first, early, late, near, again, changed } = self;
        write!(f, "{first:.2} s | {early:.1} dB | {late:.1} dB | {near:.2} | {again:.2} s | {changed:.1} dB")
    }
}

/// PESQ wide band between two times, the mean of pieces of about eight seconds.
pub(crate) fn pesq(reference: &[f32], out: &[f32], from: f32, to: f32) -> f32 {
    let (from, to) = span((from, to));
    let to = to.min(out.len()).min(reference.len());
    let pieces = ((to - from) as f32 / (8.0 * RATE)).round().max(1.0) as usize;
    let piece = (to - from) / pieces;
    let scores: Vec<f32> = (0..pieces)
        .map(|i| {
            let (a, b) = (from + i * piece, from + (i + 1) * piece);
            let (reference, out) = (to_16k(&reference[a..b]), to_16k(&out[a..b]));
            pesq::pesq_wb(&reference, &out).unwrap_or(0.0)
        })
        .collect();
    scores.iter().sum::<f32>() / pieces as f32
}

pub(crate) fn power(samples: &[f32]) -> f32 {
    samples.iter().map(|s| s * s).sum::<f32>() / samples.len().max(1) as f32
}

/// Brings samples to a mean level.
pub(crate) fn to_level(samples: &mut [f32], db: f32) {
    let scale = 10_f32.powf(db / 20.0) / power(samples).sqrt().max(1e-9);
    samples.iter_mut().for_each(|s| *s *= scale);
}

/// The sentence over and over with pauses between, in another voice: faster is higher.
pub(crate) fn talker(speech: &[f32], voice: f64, count: usize, random: &mut StdRng) -> Vec<f32> {
    let sentence = resampled(speech, voice, (speech.len() as f64 / voice) as usize);
    let mut out = Vec::with_capacity(count);
    while out.len() < count {
        out.extend_from_slice(&sentence);
        out.extend(std::iter::repeat_n(0.0, random.random_range(4_800..24_000)));
    }
    out.truncate(count);
    out
}

/// Noise as of a room: louder the lower.
pub(crate) fn hiss(count: usize, random: &mut StdRng) -> Vec<f32> {
    let mut low = 0.0;
    (0..count)
        .map(|_| {
            let white: f32 = random.random_range(-1.0..1.0);
            low += 0.05 * (white - low);
            0.2 * white + low
        })
        .collect()
}

fn span((from, to): (f32, f32)) -> (usize, usize) {
    ((from * RATE) as usize, (to * RATE) as usize)
}

/// From the loudspeaker to the microphone: a small box that has no bass, the way, first reflections, a tail of noise.
fn response(room: &Room, random: &mut StdRng) -> Vec<f32> {
    let delay = (room.delay_ms * RATE / 1_000.0) as usize;
    let tail = (room.reverberation_ms * 1.1 * RATE / 1_000.0) as usize;
    let decay = 6.9 / (room.reverberation_ms * RATE / 1_000.0);
    let mut out = vec![0.0_f32; delay + tail];
    out[delay] = 1.0;
    for _ in 0..8 {
        let at = random.random_range(20..900_usize.min(tail));
        out[delay + at] += random.random_range(-0.5..0.5) * (-decay * at as f32).exp();
    }
    for (i, sample) in out[delay..].iter_mut().enumerate() {
        *sample += 0.05 * random.random_range(-1.0_f32..1.0) * (-decay * i as f32).exp();
    }
    let (mut low, keep) = (0.0, 1.0 - TAU * 200.0 / RATE);
    for sample in &mut out {
        low = keep * low + (1.0 - keep) * *sample;
        *sample -= low;
    }
    out
}

/// `samples` read at `step` samples per sample, with a cubic between them.
fn resampled(samples: &[f32], step: f64, count: usize) -> Vec<f32> {
    let at = |i: usize| samples.get(i).copied().unwrap_or(0.0);
    (0..count)
        .map(|i| {
            let place = i as f64 * step;
            let (whole, part) = (place as usize, place.fract() as f32);
            let (a, b, c, d) = (at(whole.saturating_sub(1)), at(whole), at(whole + 1), at(whole + 2));
            b + 0.5
                * part
                * (c - a + part * (2.0 * a - 5.0 * b + 4.0 * c - d + part * (3.0 * (b - c) + d - a)))
        })
        .collect()
}

fn convolved(samples: &[f32], response: &[f32]) -> Vec<f32> {
    let size = (4 * response.len()).next_power_of_two();
    let hop = size - response.len();
    let mut planner = RealFftPlanner::<f32>::new();
    let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
    let spectrum = |piece: &[f32]| {
        let mut padded = piece.to_vec();
        padded.resize(size, 0.0);
        let mut spectrum = forward.make_output_vec();
        forward.process(&mut padded, &mut spectrum).unwrap();
        spectrum
    };
    let filter = spectrum(response);
    let mut out = vec![0.0; samples.len() + size];
    for (i, piece) in samples.chunks(hop).enumerate() {
        let mut product = spectrum(piece);
        product.iter_mut().zip(&filter).for_each(|(p, f)| *p *= f);
        let mut wave = inverse.make_output_vec();
        inverse.process(&mut product, &mut wave).unwrap();
        out[i * hop..].iter_mut().zip(&wave).for_each(|(o, w)| *o += w / size as f32);
    }
    out.truncate(samples.len());
    out
}

/// A third of the rate, in 16 bit, as PESQ wants it.
fn to_16k(samples: &[f32]) -> Vec<i16> {
    const HALF: usize = 48;
    let taps: Vec<f32> = (0..=2 * HALF)
        .map(|i| {
            let x = (i as f32 - HALF as f32) / 3.0 * 0.94;
            let sinc = if x == 0.0 { 1.0 } else { (x * TAU / 2.0).sin() / (x * TAU / 2.0) };
            sinc * (0.5 - 0.5 * (TAU * i as f32 / (2 * HALF) as f32).cos())
        })
        .collect();
    let gain: f32 = taps.iter().sum();
    (0..samples.len() / 3)
        .map(|i| {
            let sum: f32 = taps
                .iter()
                .enumerate()
                .filter_map(|(t, tap)| {
                    (3 * i + t).checked_sub(HALF).and_then(|at| samples.get(at)).map(|s| s * tap)
                })
                .sum();
            (sum / gain * 32_768.0).clamp(-32_768.0, 32_767.0) as i16
        })
        .collect()
}
