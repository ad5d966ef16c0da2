//! Streaming conversion between sample rates, mono, of a fixed ratio.
//!
//! Every output sample falls on a point of the filter exactly (the oversampling is the denominator of the ratio),
//! so nothing is interpolated and nothing drifts. What isn't here: following the clock of a sound card, which
//! the jitter buffer does by stretching speech.

use std::collections::VecDeque;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, FixedAsync, Resampler as _, SincInterpolationParameters, SincInterpolationType, WindowFunction,
};

/// Converts a stream of samples from one rate to another.
pub struct Resampler {
    inner: Option<Inner>,
}

struct Inner {
    rubato: Async<f32>,
    waiting: VecDeque<f32>,
    chunk_in: Vec<f32>,
    chunk_out: Vec<f32>,
    from: u32,
    delay: usize,
}

/// Length of the anti-aliasing filter at the higher of both rates: 192 points at 48 kHz are 2 ms of delay.
const FILTER_MS: u32 = 4;
/// Pieces a second that the stream is cut into: the smaller, the less waits here.
const PIECES: u32 = 400;

impl Resampler {
    /// A converter from `from` to `to` Hz (both 1 kHz to 1 MHz); equal rates pass through untouched. `None` for
    /// rates that no audio has.
    pub fn new(from: u32, to: u32) -> Option<Self> {
        if ![from, to].iter().all(|rate| (1_000..=1_000_000).contains(rate)) {
            return None;
        }
        if from == to {
            return Some(Self { inner: None });
        }
        let common = gcd(from, to);
        let points = to / common;
        // A ratio like 44101:48000 would need a huge table; there, neighbouring points are blended.
        let (oversampling, interpolation) = if points <= 1_024 {
            (points as usize, SincInterpolationType::Nearest)
        } else {
            (256, SincInterpolationType::Cubic)
        };
        // The filter is as long in time whichever way: its points count input samples.
        let length = (from * FILTER_MS / 1_000).max(48 * from / from.min(to)).next_multiple_of(8) as usize;
        let parameters = SincInterpolationParameters::new(length, WindowFunction::BlackmanHarris)
            .oversampling_factor(oversampling)
            .interpolation(interpolation);
        let chunk = (from / PIECES).max(8) as usize;
        let ratio = f64::from(to) / f64::from(from);
        let rubato = Async::new_sinc(ratio, 1.0, &parameters, chunk, 1, FixedAsync::Input).ok()?;
        let chunk_out = vec![0.0; rubato.output_frames_max()];
        let delay = rubato.output_delay();
        let chunk_in = vec![0.0; chunk];
        Some(Self {
            inner: Some(Inner { rubato, waiting: VecDeque::new(), chunk_in, chunk_out, from, delay }),
        })
    }

    /// Takes samples at the input rate and appends what is ready at the output rate. Up to 2.5 ms wait for more.
    pub fn process(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let Some(inner) = &mut self.inner else {
            out.extend_from_slice(samples);
            return;
        };
        inner.waiting.extend(samples);
        while inner.waiting.len() >= inner.chunk_in.len() {
            let chunk = inner.chunk_in.len();
            inner.chunk_in.iter_mut().zip(inner.waiting.drain(..chunk)).for_each(|(to, from)| *to = from);
            inner.run(out);
        }
    }

    /// Time by which an event comes out later than it went in because of the filter, in milliseconds.
    pub fn delay_ms(&self) -> f32 {
        self.inner.as_ref().map_or(0.0, |inner| {
            let ratio = inner.rubato.resample_ratio();
            inner.delay as f32 / (ratio as f32 * inner.from as f32) * 1_000.0
        })
    }

    /// Forgets the past: what comes next has nothing to do with it.
    pub fn reset(&mut self) {
        if let Some(inner) = &mut self.inner {
            inner.rubato.reset();
            inner.waiting.clear();
        }
    }
}

impl Inner {
    fn run(&mut self, out: &mut Vec<f32>) {
        let (in_len, out_len) = (self.chunk_in.len(), self.chunk_out.len());
        let written = InterleavedSlice::new(&self.chunk_in, 1, in_len).ok().and_then(|from| {
            let mut to = InterleavedSlice::new_mut(&mut self.chunk_out, 1, out_len).ok()?;
            self.rubato.process_into_buffer(&from, &mut to, None).ok()
        });
        if let Some(made) = written.and_then(|(_, made)| self.chunk_out.get(..made)) {
            out.extend_from_slice(made);
        }
    }
}

impl std::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resampler").field("delay_ms", &self.delay_ms()).finish_non_exhaustive()
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    fn tone(rate: u32, hz: f32, seconds: f32) -> Vec<f32> {
        (0..(rate as f32 * seconds) as usize)
            .map(|i| 0.5 * (TAU * hz * i as f32 / rate as f32).sin())
            .collect()
    }

    fn convert(from: u32, to: u32, hz: f32, pieces: usize) -> Vec<f32> {
        let mut resampler = Resampler::new(from, to).unwrap();
        let mut out = Vec::new();
        tone(from, hz, 2.0).chunks(pieces).for_each(|piece| resampler.process(piece, &mut out));
        out
    }

    /// Amplitude and phase (radians) of a frequency in the second half of the samples.
    fn measure(samples: &[f32], rate: u32, hz: f32) -> (f32, f32, f32) {
        let start = samples.len() / 2;
        // Every frequency here has whole cycles in 10 ms.
        let whole = rate as usize / 100;
        let count = (samples.len() - start) / whole * whole;
        let (mut re, mut im, mut power) = (0.0_f64, 0.0_f64, 0.0_f64);
        for (i, s) in samples.iter().enumerate().skip(start).take(count) {
            let phase = f64::from(TAU) * f64::from(hz) * i as f64 / f64::from(rate);
            re += f64::from(*s) * phase.cos();
            im += f64::from(*s) * phase.sin();
            power += f64::from(*s).powi(2);
        }
        let (re, im, power) = (re * 2.0 / count as f64, im * 2.0 / count as f64, power / count as f64);
        let rest = (power - (re * re + im * im) / 2.0).max(1e-12);
        ((re * re + im * im).sqrt() as f32, im.atan2(re) as f32, 10.0 * (power / rest).log10() as f32)
    }

    const PAIRS: [(u32, u32); 8] = [
        (48_000, 8_000),
        (8_000, 48_000),
        (44_100, 48_000),
        (48_000, 44_100),
        (16_000, 48_000),
        (48_000, 16_000),
        (96_000, 48_000),
        (48_000, 96_000),
    ];

    #[test]
    fn a_second_stays_a_second_whatever_the_pieces() {
        for (from, to) in PAIRS {
            for pieces in [1, 37, 480, 5_000] {
                let made = convert(from, to, 400.0, pieces).len() as i64;
                let expected = 2 * i64::from(to);
                let waiting = i64::from(to) * 6 / 1_000;
                assert!(
                    (expected - waiting..=expected + 2).contains(&made),
                    "{from}->{to} by {pieces}: {made}"
                );
            }
        }
    }

    #[test]
    fn tones_keep_amplitude_and_come_out_clean() {
        for (from, to) in PAIRS {
            for hz in [100.0, 1_000.0, 3_000.0] {
                let (amplitude, _, snr) = measure(&convert(from, to, hz, 480), to, hz);
                assert!((amplitude - 0.5).abs() < 0.02, "{from}->{to} {hz}: {amplitude}");
                assert!(snr > 50.0, "{from}->{to} {hz}: {snr} dB");
            }
        }
    }

    #[test]
    fn the_delay_is_what_is_told() {
        for (from, to) in PAIRS {
            let hz = 100.0;
            let resampler = Resampler::new(from, to).unwrap();
            let (_, phase, _) = measure(&convert(from, to, hz, 480), to, hz);
            // A sine that lags measures pi/2 plus its lag.
            let lag = (phase - std::f32::consts::FRAC_PI_2).rem_euclid(TAU) / TAU / hz * 1_000.0;
            let lag = lag.rem_euclid(1_000.0 / hz);
            let told = resampler.delay_ms();
            assert!(told < 4.0, "{from}->{to}: {told} ms");
            assert!((lag - told).abs() < 0.3 || (lag - told).abs() > 9.7, "{from}->{to}: {lag} told {told}");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_filtered_out() {
        let (amplitude, _, _) = measure(&convert(48_000, 8_000, 5_200.0, 480), 8_000, 2_800.0);
        assert!(amplitude < 0.001, "5200 Hz must not fold to 2800 Hz: {amplitude}");
    }

    #[test]
    fn equal_rates_are_untouched() {
        let mut out = Vec::new();
        Resampler::new(48_000, 48_000).unwrap().process(&[0.1, 0.2], &mut out);
        assert_eq!(out, [0.1, 0.2]);
    }

    #[test]
    fn impossible_rates_are_refused() {
        assert!(Resampler::new(0, 48_000).is_none());
        assert!(Resampler::new(48_000, u32::MAX).is_none());
        assert!(Resampler::new(44_101, 48_000).is_some());
    }
}
