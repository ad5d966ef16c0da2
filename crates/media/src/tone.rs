//! Tones made here: call progress, key feedback, a test tone, and the ringtone.
//!
//! The ringtone and the notification sound are composed for this program. What isn't here: who plays them.

use std::f32::consts::TAU;
use std::sync::Arc;

use crate::dtmf::Digit;

/// Something to hear that isn't a call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tone {
    /// The called phone rings.
    Ringback(NationalTones),
    /// The called number is busy.
    Busy(NationalTones),
    /// The call failed: congestion, which North America calls reorder.
    Congestion(NationalTones),
    /// A key was pressed: its two frequencies, 120 ms, once.
    Key(Digit),
    /// One frequency for ever, for tests and for trying a loudspeaker.
    Steady {
        /// Frequency in Hz.
        hz: f32,
        /// Peak amplitude, 0..=1.
        amplitude: f32,
    },
    /// Somebody calls: the ringtone, repeated with pauses.
    Ringtone,
    /// Something arrived: two short notes, once.
    Blip,
    /// This call is recorded: 1400 Hz for 0.2 s, once.
    Recording,
}

/// Whose call progress tones (ITU-T E.180, Supplement 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NationalTones {
    /// 425 Hz, as in most of Europe and by E.180 itself.
    #[default]
    Europe,
    /// Pairs of frequencies: the United States, Canada and whoever else has country code 1.
    NorthAmerica,
    /// A double ring of 400 and 450 Hz.
    UnitedKingdom,
    /// 440 Hz.
    France,
}

impl NationalTones {
    /// Those of a country by its ISO 3166 alpha-2 code.
    pub fn of_country(country: &str) -> Self {
        /// Who shares country code 1.
        const NORTH_AMERICA: [&str; 25] = [
            "US", "CA", "AG", "AI", "AS", "BB", "BM", "BS", "DM", "DO", "GD", "GU", "JM", "KN", "KY", "LC",
            "MP", "MS", "PR", "SX", "TC", "TT", "VC", "VG", "VI",
        ];
        match country {
            "GB" | "GG" | "IM" | "JE" => Self::UnitedKingdom,
            "FR" => Self::France,
            country if NORTH_AMERICA.contains(&country) => Self::NorthAmerica,
            _ => Self::Europe,
        }
    }

    /// Ringing: frequencies in Hz, and seconds on, off, on, off …
    fn ringback(self) -> (&'static [f32], &'static [f32]) {
        match self {
            Self::Europe => (&[425.0], &[1.0, 4.0]),
            Self::NorthAmerica => (&[440.0, 480.0], &[2.0, 4.0]),
            Self::UnitedKingdom => (&[400.0, 450.0], &[0.4, 0.2, 0.4, 2.0]),
            Self::France => (&[440.0], &[1.5, 3.5]),
        }
    }

    fn busy(self) -> (&'static [f32], &'static [f32]) {
        match self {
            Self::Europe => (&[425.0], &[0.5, 0.5]),
            Self::NorthAmerica => (&[480.0, 620.0], &[0.5, 0.5]),
            Self::UnitedKingdom => (&[400.0], &[0.375, 0.375]),
            Self::France => (&[440.0], &[0.5, 0.5]),
        }
    }

    fn congestion(self) -> (&'static [f32], &'static [f32]) {
        match self {
            Self::Europe => (&[425.0], &[0.25, 0.25]),
            Self::NorthAmerica => (&[480.0, 620.0], &[0.25, 0.25]),
            Self::UnitedKingdom => (&[400.0], &[0.4, 0.35, 0.225, 0.525]),
            Self::France => (&[440.0], &[0.25, 0.25]),
        }
    }
}

impl Tone {
    /// Whether it goes on until it is stopped.
    pub fn is_endless(self) -> bool {
        !matches!(self, Self::Key(_) | Self::Blip | Self::Recording)
    }
}

/// A tone as samples, one after the other. Costs no allocation once made.
#[derive(Debug, Clone)]
pub struct ToneSamples {
    /// One period of the tone's on and off pattern.
    cycle: Arc<[f32]>,
    position: usize,
    endless: bool,
}

impl ToneSamples {
    /// The samples of a tone at `rate` Hz.
    pub fn new(tone: Tone, rate: u32) -> Self {
        let cycle = match tone {
            Tone::Ringback(whose) => cadence(rate, whose.ringback()),
            Tone::Busy(whose) => cadence(rate, whose.busy()),
            Tone::Congestion(whose) => cadence(rate, whose.congestion()),
            Tone::Key(digit) => {
                let (low, high) = digit.frequencies();
                let mut cycle = vec![0.0; frames(rate, 0.12)];
                add(&mut cycle, rate, low, KEY_LEVEL);
                add(&mut cycle, rate, high, KEY_LEVEL);
                soften(&mut cycle, rate);
                cycle
            }
            Tone::Steady { hz, amplitude } => steady(rate, hz, amplitude.clamp(0.0, 1.0)),
            Tone::Ringtone => ringtone(rate),
            Tone::Blip => blip(rate),
            Tone::Recording => cadence(rate, (&[1_400.0], &[0.2])),
        };
        Self { cycle: cycle.into(), position: 0, endless: tone.is_endless() }
    }

    /// Adds the next samples onto `out`; false once a tone that ends has ended.
    pub fn mix_into(&mut self, out: &mut [f32]) -> bool {
        for sample in out {
            match self.next() {
                Some(value) => *sample += value,
                None => return false,
            }
        }
        self.endless || self.position < self.cycle.len()
    }
}

impl Iterator for ToneSamples {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        if self.endless && self.position == self.cycle.len() {
            self.position = 0;
        }
        let sample = self.cycle.get(self.position).copied()?;
        self.position += 1;
        Some(sample)
    }
}

/// Call progress tones are heard at the ear: 20 dB below full scale is loud enough.
const PROGRESS_LEVEL: f32 = 0.1;
const KEY_LEVEL: f32 = 0.07;
/// A tone that starts or stops at once clicks.
const SOFT_EDGE_S: f32 = 0.005;

fn frames(rate: u32, seconds: f32) -> usize {
    (rate as f32 * seconds).round() as usize
}

fn add(out: &mut [f32], rate: u32, hz: f32, amplitude: f32) {
    for (i, sample) in out.iter_mut().enumerate() {
        *sample += amplitude * (TAU * hz * i as f32 / rate as f32).sin();
    }
}

fn soften(out: &mut [f32], rate: u32) {
    let edge = frames(rate, SOFT_EDGE_S).min(out.len() / 2).max(1);
    let ramp = |i: usize| 0.5 - 0.5 * (std::f32::consts::PI * i as f32 / edge as f32).cos();
    out.iter_mut().take(edge).enumerate().for_each(|(i, sample)| *sample *= ramp(i));
    out.iter_mut().rev().take(edge).enumerate().for_each(|(i, sample)| *sample *= ramp(i));
}

fn cadence(rate: u32, (hz, times): (&[f32], &[f32])) -> Vec<f32> {
    let mut cycle = Vec::new();
    for (i, seconds) in times.iter().enumerate() {
        let mut part = vec![0.0; frames(rate, *seconds)];
        if i % 2 == 0 {
            // Two frequencies are together as loud as one.
            let level = PROGRESS_LEVEL / (hz.len() as f32).sqrt();
            hz.iter().for_each(|hz| add(&mut part, rate, *hz, level));
            soften(&mut part, rate);
        }
        cycle.append(&mut part);
    }
    cycle
}

/// Whole periods that end where they began, so that the repetition can't be heard.
fn steady(rate: u32, hz: f32, amplitude: f32) -> Vec<f32> {
    let hz = if hz.is_finite() { hz.clamp(1.0, rate as f32 / 2.0) } else { 1_000.0 };
    let seconds = (1..=20).map(|n| n as f32).find(|s| (hz * s).fract() < 1e-3).unwrap_or(1.0);
    let mut cycle = vec![0.0; frames(rate, seconds)];
    add(&mut cycle, rate, hz, amplitude);
    cycle
}

/// A struck bar: a fundamental and two inharmonic partials that die away faster.
fn strike(out: &mut [f32], rate: u32, at_s: f32, hz: f32, amplitude: f32) {
    let start = frames(rate, at_s);
    for (partial, level, decay) in [(1.0, 1.0, 3.2), (2.756, 0.32, 7.0), (5.404, 0.12, 14.0)] {
        if hz * partial > rate as f32 * 0.45 {
            continue;
        }
        for (i, sample) in out.iter_mut().skip(start).enumerate() {
            let t = i as f32 / rate as f32;
            // 2 ms of attack keep the strike from clicking.
            let attack = (t / 0.002).min(1.0);
            *sample += amplitude * level * attack * (-decay * t).exp() * (TAU * hz * partial * t).sin();
        }
    }
}

/// Two bars of a rising figure on a major ninth, answered a fourth higher, then a rest.
fn ringtone(rate: u32) -> Vec<f32> {
    const NOTE: f32 = 0.16;
    // Semitones above D5.
    const FIGURE: [f32; 12] = [0.0, 4.0, 7.0, 14.0, 11.0, 7.0, 5.0, 9.0, 12.0, 16.0, 14.0, 12.0];
    let mut cycle = vec![0.0; frames(rate, 4.0)];
    for (i, semitones) in FIGURE.iter().enumerate() {
        let hz = 587.33 * (semitones / 12.0).exp2();
        let accent = if i % 6 == 0 { 0.30 } else { 0.22 };
        strike(&mut cycle, rate, i as f32 * NOTE, hz, accent);
    }
    // The last second rests: let what still sounds die away before the figure returns.
    let rest = frames(rate, 1.0);
    cycle.iter_mut().rev().take(rest).enumerate().for_each(|(i, s)| *s *= (i as f32 / rest as f32).powi(2));
    cycle
}

fn blip(rate: u32) -> Vec<f32> {
    let mut sound = vec![0.0; frames(rate, 0.6)];
    strike(&mut sound, rate, 0.0, 880.0, 0.22);
    strike(&mut sound, rate, 0.11, 1_174.66, 0.22);
    soften(&mut sound, rate);
    sound
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;

    fn power_at(samples: &[f32], hz: f32) -> f32 {
        let (mut re, mut im) = (0.0_f32, 0.0_f32);
        for (i, s) in samples.iter().enumerate() {
            let phase = TAU * hz * i as f32 / RATE as f32;
            re += s * phase.cos();
            im += s * phase.sin();
        }
        (re * re + im * im).sqrt() / samples.len() as f32
    }

    /// Frequencies in Hz, and seconds on, off, on, off …
    type Pattern = (&'static [f32], &'static [f32]);

    /// Ringing, busy and congestion as ITU-T E.180, Supplement 2, has them.
    #[test]
    fn tones_have_the_frequencies_and_times_of_their_countries() {
        const FREQUENCIES: [f32; 7] = [400.0, 425.0, 440.0, 450.0, 480.0, 620.0, 350.0];
        let table: [(&str, [Pattern; 3]); 5] = [
            ("DE", [(&[425.0], &[1.0, 4.0]), (&[425.0], &[0.5, 0.5]), (&[425.0], &[0.25, 0.25])]),
            (
                "US",
                [
                    (&[440.0, 480.0], &[2.0, 4.0]),
                    (&[480.0, 620.0], &[0.5, 0.5]),
                    (&[480.0, 620.0], &[0.25, 0.25]),
                ],
            ),
            (
                "JM",
                [
                    (&[440.0, 480.0], &[2.0, 4.0]),
                    (&[480.0, 620.0], &[0.5, 0.5]),
                    (&[480.0, 620.0], &[0.25, 0.25]),
                ],
            ),
            (
                "GB",
                [
                    (&[400.0, 450.0], &[0.4, 0.2, 0.4, 2.0]),
                    (&[400.0], &[0.375, 0.375]),
                    (&[400.0], &[0.4, 0.35, 0.225, 0.525]),
                ],
            ),
            ("FR", [(&[440.0], &[1.5, 3.5]), (&[440.0], &[0.5, 0.5]), (&[440.0], &[0.25, 0.25])]),
        ];
        for (country, patterns) in table {
            let whose = NationalTones::of_country(country);
            let tones = [Tone::Ringback(whose), Tone::Busy(whose), Tone::Congestion(whose)];
            for (tone, (hz, times)) in tones.into_iter().zip(patterns) {
                let period: usize = times.iter().map(|seconds| frames(RATE, *seconds)).sum();
                let samples: Vec<f32> = ToneSamples::new(tone, RATE).take(period * 2).collect();
                assert_eq!(samples[..period], samples[period..], "{country} {tone:?} goes on");
                let mut rest = &samples[..period];
                for (i, seconds) in times.iter().enumerate() {
                    let (part, after) = rest.split_at(frames(RATE, *seconds));
                    rest = after;
                    if i % 2 == 1 {
                        assert!(part.iter().all(|s| *s == 0.0), "{country} {tone:?}");
                        continue;
                    }
                    for frequency in FREQUENCIES {
                        // A fifth of a second tells 25 Hz apart.
                        let power = power_at(&part[480..part.len().min(9_600 + 480)], frequency);
                        assert_eq!(
                            power > 0.02,
                            hz.contains(&frequency),
                            "{country} {tone:?} {frequency} {power}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_key_sounds_its_two_frequencies_once() {
        let digit = Digit::from_char('8').unwrap();
        let mut tone = ToneSamples::new(Tone::Key(digit), RATE);
        let mut out = vec![0.0; 9_600];
        assert!(!tone.mix_into(&mut out));
        let sound = &out[..5_760];
        for (hz, there) in [(852.0, true), (1_336.0, true), (697.0, false), (1_633.0, false)] {
            assert_eq!(power_at(sound, hz) > 0.02, there, "{hz}");
        }
        assert!(out[5_760..].iter().all(|s| *s == 0.0));
    }

    #[test]
    fn nothing_clips_or_clicks() {
        for tone in [
            Tone::Ringback(NationalTones::Europe),
            Tone::Ringback(NationalTones::UnitedKingdom),
            Tone::Busy(NationalTones::NorthAmerica),
            Tone::Ringtone,
            Tone::Blip,
            Tone::Key(Digit::from_code(15).unwrap()),
            Tone::Steady { hz: 440.5, amplitude: 0.5 },
        ] {
            let length = if tone.is_endless() { 10 * RATE as usize } else { RATE as usize };
            let samples: Vec<f32> = ToneSamples::new(tone, RATE).take(length).collect();
            let peak = samples.iter().fold(0.0_f32, |a, s| a.max(s.abs()));
            assert!((0.05..0.95).contains(&peak), "{tone:?} peaks at {peak}");
            let step = samples.windows(2).fold(0.0_f32, |a, w| a.max((w[1] - w[0]).abs()));
            assert!(step < 0.2, "{tone:?} steps by {step}");
            assert!(samples[0].abs() < 0.02, "{tone:?} starts at {}", samples[0]);
        }
    }

    #[test]
    fn silly_frequencies_are_tamed() {
        for hz in [0.0, -5.0, 1e9, f32::NAN, f32::INFINITY] {
            let samples: Vec<f32> =
                ToneSamples::new(Tone::Steady { hz, amplitude: 2.0 }, RATE).take(100).collect();
            assert!(samples.iter().all(|s| s.abs() <= 1.0));
        }
    }
}
