//! Digits as tones in the sound: [`KeyTones`] makes them for peers that take no events, [`Recognizer`] finds them
//! by the rules of ITU-T Q.24.
//!
//! What isn't here: whether a digit came by an event, too (`stream`).

// Loops over arrays of fixed length.
#![allow(clippy::indexing_slicing)]

use std::collections::VecDeque;
use std::f32::consts::{PI, TAU};
use std::time::Duration;

use super::{Digit, GAP, Press, QUEUE, SHORTEST};

/// Peak of the lower tone: -9 dBm0, where a full sine has 3.14 dBm0 (ITU-T G.711).
const LOW_PEAK: f32 = 0.247;
/// Peak of the higher tone: -7 dBm0; it loses more on the way.
const HIGH_PEAK: f32 = 0.311;
/// A tone that starts or stops at once clicks.
const EDGE_S: f32 = 0.002;

/// Puts tones in the place of what is captured.
#[derive(Debug)]
pub(crate) struct KeyTones {
    rate: u32,
    waiting: VecDeque<(Digit, usize)>,
    /// The key, its length and how far it got, in samples; the gap behind it included.
    current: Option<(Digit, usize, usize)>,
}

impl KeyTones {
    /// For samples at `rate` Hz.
    pub(crate) fn new(rate: u32) -> Self {
        Self { rate, waiting: VecDeque::new(), current: None }
    }

    /// Queues a press. False when too many wait already.
    pub(crate) fn press(&mut self, digit: Digit, length: Duration) -> bool {
        if self.waiting.len() >= QUEUE {
            return false;
        }
        let length = length.clamp(SHORTEST, Duration::from_secs(8));
        self.waiting.push_back((digit, self.samples(length)));
        true
    }

    /// Whether tones sound or wait.
    pub(crate) fn is_active(&self) -> bool {
        self.current.is_some() || !self.waiting.is_empty()
    }

    /// Replaces as much of `samples` as the tones and the silence behind each take.
    pub(crate) fn replace(&mut self, samples: &mut [f32]) {
        let gap = self.samples(GAP);
        let edge = EDGE_S * self.rate as f32;
        for sample in samples {
            if self.current.is_none() {
                let Some((digit, length)) = self.waiting.pop_front() else { return };
                self.current = Some((digit, length, 0));
            }
            let Some((digit, length, position)) = &mut self.current else { return };
            let (low, high) = digit.frequencies();
            let at = *position as f32;
            let wave = |hz: f32| (TAU * (hz * at / self.rate as f32).fract()).sin();
            let ends_in = *length as f32 - at;
            let shape = (at / edge).min(ends_in / edge).clamp(0.0, 1.0);
            *sample = shape * (LOW_PEAK * wave(low) + HIGH_PEAK * wave(high));
            *position += 1;
            if *position >= *length + gap {
                self.current = None;
            }
        }
    }

    fn samples(&self, time: Duration) -> usize {
        (time.as_secs_f64() * f64::from(self.rate)) as usize
    }
}

const LOW: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
/// Rows of keys.
const KEYS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// Looked at each so many milliseconds.
const HOP_MS: usize = 5;
/// Length of what is looked at, weighted so that neighbouring tones don't mix.
const WINDOW_MS: usize = 20;
/// Q.24: a tone of 40 ms is a digit, one of 23 ms is none. Of 40 ms five windows are full or nearly so wherever they
/// lie, of 23 ms at most three.
const WINDOWS_ON: u32 = 5;
/// Q.24: 40 ms of pause separate digits, which spoil at least ten windows, and an interruption of 10 ms does not, which
/// spoils at most five.
const WINDOWS_OFF: u32 = 7;
/// Weakest tone: -27 dBm0, between -25 that must be and -29 that must not be recognized.
const WEAKEST: f32 = 0.031;
/// Q.24: the higher tone may be 4 dB stronger, the lower 8 dB; with a margin, as ratios of amplitudes.
const HIGH_STRONGER: f32 = 2.0;
const LOW_STRONGER: f32 = 3.1;
/// Share of the energy that must be in the two tones: speech has it elsewhere, too.
const PURE: f32 = 0.92;
/// The same of a first window, in which the tone may begin and whose frequencies are not known.
const PURE_AT_FIRST: f32 = 0.75;
/// A tone is as strong as before, but for where it begins; as a ratio of amplitudes.
const STEADY: f32 = 1.2;
/// And of the same frequency, Hz.
const STILL: f32 = 4.0;
/// Q.24: 1.5 % off is a tone, 3.5 % is none. With this no voice's harmonics are two of the tones: 3 and 4 of 308 Hz
/// come nearest, as `*`.
const OFF: f32 = 0.018;
/// From here on samples are taken together: more than this the tones don't need.
const ENOUGH_HZ: u32 = 16_000;

/// Finds digits in samples.
#[derive(Debug)]
pub(crate) struct Recognizer {
    /// Samples taken together as one, the sum of those at hand and their count.
    together: usize,
    sum: f32,
    summed: usize,
    hop: usize,
    /// The latest samples, oldest first, and how many of them are new.
    window: VecDeque<f32>,
    length: usize,
    fresh: usize,
    weights: Vec<f32>,
    /// Weighted waves of each tone: cosine and sine.
    waves: Vec<Vec<(f32, f32)>>,
    /// By how much the phase of each tone goes on from hop to hop.
    advances: [f32; 8],
    angles: [f32; 8],
    /// Amplitudes of the tones of the window before, and how far they were off, Hz, once known.
    before: [(f32, Option<f32>); 2],
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Nothing,
    /// This key for so many windows, not yet enough.
    Perhaps(char, u32),
    /// A digit for so many windows, and then `off` that were not it.
    Pressed {
        key: char,
        windows: u32,
        off: u32,
    },
}

impl Recognizer {
    /// For samples at `rate` Hz, at least 8000.
    pub(crate) fn new(rate: u32) -> Self {
        let together = (rate / ENOUGH_HZ).max(1);
        let rate = rate / together;
        let hop = rate as usize * HOP_MS / 1_000;
        let length = rate as usize * WINDOW_MS / 1_000;
        let weights: Vec<f32> =
            (0..length).map(|i| 0.5 - 0.5 * (TAU * (i as f32 + 0.5) / length as f32).cos()).collect();
        let tones = || LOW.into_iter().chain(HIGH);
        let wave = |hz: f32| {
            let at = |i: usize| TAU * (hz * i as f32 / rate as f32).fract();
            weights
                .iter()
                .enumerate()
                .map(|(i, weight)| (weight * at(i).cos(), weight * at(i).sin()))
                .collect()
        };
        let mut advances = [0.0; 8];
        advances.iter_mut().zip(tones()).for_each(|(advance, hz)| {
            *advance = TAU * (hz * HOP_MS as f32 / 1_000.0).fract();
        });
        Self {
            together: together as usize,
            sum: 0.0,
            summed: 0,
            hop,
            window: std::iter::repeat_n(0.0, length).collect(),
            length,
            fresh: 0,
            waves: tones().map(wave).collect(),
            weights,
            advances,
            angles: [0.0; 8],
            before: [(0.0, None); 2],
            state: State::Nothing,
        }
    }

    /// Takes samples in order; tells of presses that ended in them.
    pub(crate) fn feed(&mut self, samples: &[f32], mut tell: impl FnMut(Press)) {
        for sample in samples {
            self.sum += sample;
            self.summed += 1;
            if self.summed < self.together {
                continue;
            }
            if self.window.len() == self.length {
                self.window.pop_front();
            }
            self.window.push_back(self.sum / self.together as f32);
            (self.sum, self.summed) = (0.0, 0);
            self.fresh += 1;
            if self.fresh == self.hop {
                self.fresh = 0;
                if let Some(press) = self.look() {
                    tell(press);
                }
            }
        }
    }

    fn look(&mut self) -> Option<Press> {
        let energy: f32 = self.window.iter().zip(&self.weights).map(|(s, w)| (s * w).powi(2)).sum();
        let power = energy / self.weights.iter().map(|w| w * w).sum::<f32>();
        // Most of a call is no tone: two of the weakest have this much.
        if power < WEAKEST * WEAKEST * 0.5 {
            return self.follow(None);
        }
        let whole: f32 = self.weights.iter().sum();
        let mut amplitudes = [0.0_f32; 8];
        let mut drifts = [0.0_f32; 8];
        for (i, wave) in self.waves.iter().enumerate() {
            let (mut re, mut im) = (0.0, 0.0);
            for (sample, (cos, sin)) in self.window.iter().zip(wave) {
                re += sample * cos;
                im -= sample * sin;
            }
            amplitudes[i] = 2.0 * re.hypot(im) / whole;
            let angle = im.atan2(re);
            drifts[i] = wrapped(angle - self.angles[i] - self.advances[i]);
            self.angles[i] = angle;
        }
        let known = match self.state {
            State::Nothing => None,
            State::Perhaps(key, _) | State::Pressed { key, .. } => Some(key),
        };
        let key = self.key(&amplitudes, &drifts, power, known);
        self.follow(key)
    }

    /// The key of a window. The first window of a key tells nothing of its frequencies: the phase before was another's.
    fn key(
        &mut self,
        amplitudes: &[f32; 8],
        drifts: &[f32; 8],
        power: f32,
        known: Option<char>,
    ) -> Option<char> {
        let strongest = |from: usize| {
            (from..from + 4).max_by(|a, b| amplitudes[*a].total_cmp(&amplitudes[*b])).unwrap_or(from)
        };
        let (row, column) = (strongest(0), strongest(4));
        let key = KEYS[row][column - 4];
        let goes_on = known == Some(key);
        let off = |i: usize| drifts[i] / TAU * 1_000.0 / HOP_MS as f32;
        // How far each is off its frequency took from its amplitude, by the shape of the window.
        let whole = |i: usize| {
            let x = (off(i) * WINDOW_MS as f32 / 1_000.0).abs().min(0.9);
            let taken = if x > 1e-3 { (PI * x).sin() / (PI * x) / (1.0 - x * x) } else { 1.0 };
            if goes_on { amplitudes[i] / taken } else { amplitudes[i] }
        };
        let (low, high) = (whole(row), whole(column));
        let exact = |i: usize, hz: f32| !goes_on || off(i).abs() <= hz * OFF;
        let pure = if goes_on { PURE } else { PURE_AT_FIRST };
        let steady = |now: f32, i: usize, (before, off_before): (f32, Option<f32>)| {
            let strength = (before / STEADY..=before * STEADY).contains(&now);
            !goes_on || (strength && off_before.is_none_or(|before| (off(i) - before).abs() <= STILL))
        };
        let is = low >= WEAKEST
            && high >= WEAKEST
            && high <= low * HIGH_STRONGER
            && low <= high * LOW_STRONGER
            && (low * low + high * high) / 2.0 >= pure * power
            && exact(row, LOW[row])
            && exact(column, HIGH[column - 4])
            && steady(low, row, self.before[0])
            && steady(high, column, self.before[1]);
        let offs = |i: usize| goes_on.then(|| off(i));
        self.before = [(low, offs(row)), (high, offs(column))];
        is.then_some(key)
    }

    fn follow(&mut self, heard: Option<char>) -> Option<Press> {
        let (next, ended) = match (self.state, heard) {
            (State::Perhaps(key, windows), Some(heard)) if key == heard => {
                let windows = windows + 1;
                let pressed = State::Pressed { key, windows, off: 0 };
                (if windows >= WINDOWS_ON { pressed } else { State::Perhaps(key, windows) }, None)
            }
            (State::Pressed { key, windows, off }, Some(heard)) if key == heard => {
                (State::Pressed { key, windows: windows.saturating_add(off + 1), off: 0 }, None)
            }
            (State::Pressed { key, windows, off }, _) if off + 1 < WINDOWS_OFF => {
                (State::Pressed { key, windows, off: off + 1 }, None)
            }
            (State::Pressed { key, windows, .. }, heard) => (begun(heard), Some((key, windows))),
            (_, heard) => (begun(heard), None),
        };
        self.state = next;
        let (key, windows) = ended?;
        // The first and the last were nearly full: what lies between their middles, and a little more.
        let held = Duration::from_millis((windows as usize * HOP_MS + WINDOW_MS / 2) as u64);
        Some(Press { digit: Digit::from_char(key)?, held })
    }
}

fn begun(heard: Option<char>) -> State {
    heard.map_or(State::Nothing, |key| State::Perhaps(key, 1))
}

fn wrapped(angle: f32) -> f32 {
    angle - TAU * (angle / TAU).round()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    /// A press as a test wants it.
    #[derive(Clone, Copy)]
    struct Sound {
        key: char,
        ms: u32,
        low: f32,
        high: f32,
        off: f32,
    }

    const NORMAL: Sound = Sound { key: '5', ms: 80, low: 0.2, high: 0.2, off: 0.0 };

    fn sound(rate: u32, presses: &[Sound], noise: f32, lead: usize) -> Vec<f32> {
        let mut random = StdRng::seed_from_u64(24);
        let mut out = vec![0.0; lead];
        for press in presses {
            let (low, high) = Digit::from_char(press.key).unwrap().frequencies();
            for i in 0..(rate * press.ms / 1_000) {
                let wave = |hz: f32| (TAU * hz * (1.0 + press.off) * i as f32 / rate as f32).sin();
                out.push(press.low * wave(low) + press.high * wave(high));
            }
            out.resize(out.len() + rate as usize / 25, 0.0);
        }
        out.iter_mut().for_each(|s| *s += noise * random.random_range(-1.0..1.0));
        out
    }

    fn keys(rate: u32, samples: &[f32]) -> String {
        let mut recognizer = Recognizer::new(rate);
        let mut keys = String::new();
        for lot in samples.chunks(77) {
            recognizer.feed(lot, |press| keys.push(press.digit.as_char()));
        }
        recognizer.feed(&vec![0.0; rate as usize / 10], |press| keys.push(press.digit.as_char()));
        keys
    }

    fn check(press: Sound, recognized: bool, why: &str) {
        // Wherever the pieces begin.
        for lead in (0..80).step_by(7) {
            let seen = keys(8_000, &sound(8_000, &[press], 0.0, lead));
            assert_eq!(seen == press.key.to_string(), recognized, "{why}, {lead}: {seen}");
            assert!(recognized || seen.is_empty(), "{why}, {lead}: {seen}");
        }
    }

    #[test]
    fn every_key_is_recognized_at_every_rate_also_the_shortest_under_noise() {
        let presses: Vec<Sound> =
            "1234567890*#ABCD".chars().map(|key| Sound { key, ms: 41, ..NORMAL }).collect();
        for rate in [8_000, 16_000, 48_000] {
            for noise in [0.0, 0.03] {
                for lead in [0, 13, 61] {
                    let seen = keys(rate, &sound(rate, &presses, noise, lead));
                    assert_eq!(seen, "1234567890*#ABCD", "{rate} Hz, {noise}, {lead}");
                }
            }
        }
    }

    /// ITU-T Q.24: each limit from both sides.
    #[test]
    fn the_limits_of_q24_are_kept() {
        for key in ['1', 'D', '7', '3'] {
            let normal = Sound { key, ..NORMAL };
            check(Sound { ms: 40, ..normal }, true, "40 ms");
            check(Sound { ms: 23, ..normal }, false, "23 ms");
            for off in [0.015, -0.015] {
                check(Sound { off, ..normal }, true, "1.5 % off");
            }
            for off in [0.035, -0.035] {
                check(Sound { off, ..normal }, false, "3.5 % off");
            }
            let db = |db: f32| 10.0_f32.powf(db / 20.0);
            check(Sound { high: 0.2 * db(4.0), ..normal }, true, "4 dB twist");
            check(Sound { low: 0.2 * db(8.0), ..normal }, true, "8 dB reverse twist");
            check(Sound { high: 0.2 * db(9.0), ..normal }, false, "9 dB twist");
            check(Sound { low: 0.2 * db(12.0), ..normal }, false, "12 dB reverse twist");
            // A full sine is 3.1 dBm0.
            let level = |dbm0: f32| db(dbm0 - 3.1);
            check(Sound { low: level(-25.0), high: level(-25.0), ..normal }, true, "-25 dBm0");
            check(Sound { low: level(-29.0), high: level(-29.0), ..normal }, false, "-29 dBm0");
        }
    }

    #[test]
    fn a_short_break_is_no_pause_and_a_repeated_key_is_two() {
        let long = Sound { ms: 150, ..NORMAL };
        for lead in 0..80 {
            let mut broken = sound(8_000, &[long], 0.0, lead);
            broken[lead + 500..lead + 572].fill(0.0);
            assert_eq!(keys(8_000, &broken), "5", "9 ms, {lead}");
        }
        assert_eq!(keys(8_000, &sound(8_000, &[NORMAL, NORMAL], 0.0, 5)), "55");
        let mut held = Vec::new();
        Recognizer::new(8_000)
            .feed(&sound(8_000, &[long, Sound { ms: 1, ..NORMAL }], 0.0, 0), |press| held.push(press.held));
        assert!(held[0].abs_diff(Duration::from_millis(150)) <= Duration::from_millis(10), "{held:?}");
    }

    #[test]
    fn what_is_made_here_is_recognized_here() {
        let mut tones = KeyTones::new(48_000);
        for key in "0123456789ABCD*#".chars() {
            assert!(tones.press(Digit::from_char(key).unwrap(), Duration::ZERO));
        }
        let mut out = vec![0.9; 48_000 * 3];
        out.chunks_mut(480).for_each(|lot| tones.replace(lot));
        assert!(!tones.is_active());
        assert!(out.iter().take(48_000).all(|s| s.abs() < 0.57));
        let speech = out.iter().position(|s| *s == 0.9).unwrap();
        assert_eq!(speech, 16 * (2_880 + 2_880), "60 ms of tone and 60 ms of silence each");
        assert_eq!(keys(48_000, &out[..speech]), "0123456789ABCD*#");
        let taken = (0..100).filter(|_| tones.press(Digit::from_code(1).unwrap(), SHORTEST)).count();
        assert_eq!(taken, QUEUE);
    }

    /// Voiced sounds with moving pitch and formants, and two whistled tones that are no digit.
    #[test]
    fn voices_and_whistles_are_no_digits() {
        let mut random = StdRng::seed_from_u64(9);
        let mut samples = Vec::new();
        let mut phase = 0.0_f32;
        for syllable in 0..4_000 {
            let pitch = random.random_range(80.0..400.0_f32);
            let glide = random.random_range(-0.3..0.3_f32);
            let formants = [random.random_range(250.0..1_000.0), random.random_range(900.0..2_200.0_f32)];
            let length = random.random_range(800..2_400);
            for i in 0..length {
                let hz = pitch * (1.0 + glide * i as f32 / length as f32);
                phase = (phase + hz / 8_000.0).fract();
                let voice: f32 = (1..20)
                    .map(|n| n as f32)
                    .filter(|n| n * hz < 3_600.0)
                    .map(|n| {
                        let near = |f: f32| 1.0 / (1.0 + ((n * hz - f) / 110.0).powi(2));
                        (near(formants[0]) + near(formants[1]) + 0.05) * (TAU * phase * n).sin()
                    })
                    .sum();
                samples.push(0.2 * voice);
            }
            if syllable % 5 == 0 {
                samples.resize(samples.len() + 400, 0.0);
            }
        }
        assert_eq!(keys(8_000, &samples), "", "in {} s", samples.len() / 8_000);
        let mut dial = Vec::new();
        for i in 0..80_000 {
            let wave = |hz: f32| (TAU * hz * i as f32 / 8_000.0).sin();
            dial.push(0.2 * (wave(350.0) + wave(440.0)) + 0.1 * wave(941.0));
        }
        assert_eq!(keys(8_000, &dial), "");
    }
}
