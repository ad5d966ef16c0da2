//! What to play when a packet of a codec without concealment of its own is missing.
//!
//! libopus' neural concealment continues any sound that its decoder made last. So when a gap opens, the recent past is
//! coded and decoded once by a private Opus pair of 2.5 ms delay, and what that decoder makes up is played. The pair
//! sleeps while nothing is missing. Its delay is bridged by the last period once more, so that the continuation
//! begins where the sound broke off; that period also leads over to it, as it joins the sound more exactly.
//!
//! The invariant: `past` ends where the output ends; neither end of a gap clicks.

// Inner loops over buffers of this crate; lengths are fixed by the rate at construction.
#![allow(clippy::indexing_slicing)]

use std::collections::VecDeque;
use std::fmt;

use opusic_c::{Application, Bitrate, Channels, Decoder, Encoder, ErrorCode, SampleRate};

use crate::pitch;

/// Of the past that is coded when a gap opens, milliseconds: five frames of 20. libopus looks at the last 40.
const PAST_MS: usize = 100;
/// What a frame of the pair lasts while it is fed, and while it makes up, milliseconds.
const FED_MS: usize = 20;
const MADE_MS: usize = 10;
/// After so long nobody can say what comes; it fades to silence within as long again and more, milliseconds.
const HELD_MS: usize = 120;
const FADED_MS: usize = 200;
/// Of the last period's repetition that leads over to what is made up, milliseconds.
const LEAD_MS: usize = 5;
/// From 5 on libopus conceals with its neural network.
const DECODER_COMPLEXITY: u8 = 5;
/// Transparent at either rate; it never leaves this computer.
const BITRATE: u32 = 96_000;
/// Power of what no ear and no codec tells from nothing.
const SILENCE: f32 = 1e-8;
/// Longest frame at that rate, bytes, and then some.
const MAX_FRAME: usize = 1_275;

/// Remembers the signal and continues it where it breaks off.
pub(crate) struct Concealer {
    rate: usize,
    /// The latest samples, oldest first; always full (silence at the start).
    past: Vec<f32>,
    /// Made when first needed: most calls on a good network never do.
    pair: Option<Pair>,
    gap: Option<Gap>,
}

/// A break in the signal that is being filled.
#[derive(Debug)]
struct Gap {
    /// Made up and not played yet.
    ahead: VecDeque<f32>,
    /// Samples given out so far.
    made: usize,
    /// How far the continuation is off from what was played before it; worn off over the first samples.
    offset: f32,
    silent: bool,
    /// The last period as it probably goes on: leads over to the continuation.
    lead: Vec<f32>,
}

impl Concealer {
    /// For signals at 8000 or 16000 Hz.
    pub(crate) fn new(rate: usize) -> Self {
        Self { rate, past: vec![0.0; rate * PAST_MS / 1_000], pair: None, gap: None }
    }

    /// Takes real samples in order. Right after a gap their beginning is blended with the continuation.
    pub(crate) fn accept(&mut self, samples: &mut [f32]) {
        if let Some(mut gap) = self.gap.take() {
            // The longer the gap, the longer the way back: 4 ms and 4 more for each 10 ms, to 10 ms.
            let gap_ms = gap.made * 1_000 / self.rate;
            let blend = (self.rate * (4 + gap_ms * 2 / 5).min(10) / 1_000).min(samples.len());
            for (i, sample) in samples[..blend].iter_mut().enumerate() {
                let weight = (i + 1) as f32 / (blend + 1) as f32;
                *sample = *sample * weight + self.next(&mut gap) * (1.0 - weight);
            }
        }
        self.remember(samples);
    }

    /// Appends `count` made-up samples.
    pub(crate) fn conceal(&mut self, count: usize, out: &mut Vec<f32>) {
        let mut gap = self.gap.take().unwrap_or_else(|| self.open_gap());
        let start = out.len();
        for _ in 0..count {
            let sample = self.next(&mut gap);
            out.push(sample);
        }
        self.gap = Some(gap);
        self.remember(&out[start..]);
    }

    fn open_gap(&mut self) -> Gap {
        let mut gap = Gap { ahead: VecDeque::new(), made: 0, offset: 0.0, silent: false, lead: self.lead() };
        // Silence goes on as silence, at no cost.
        if pitch::power(&self.past) < SILENCE {
            gap.silent = true;
            return gap;
        }
        if self.pair.is_none() {
            self.pair = Pair::new(self.rate).map_err(|error| tracing::error!(error = error.message())).ok();
        }
        if let Some(pair) = &mut self.pair {
            // The pair's delay, 2.5 ms.
            let bridge = &gap.lead[..self.rate / 400];
            let latest = pair.follow(&self.past[bridge.len()..], bridge);
            gap.offset = self.past.last().unwrap_or(&0.0) - latest;
        }
        gap
    }

    fn next(&mut self, gap: &mut Gap) -> f32 {
        if gap.ahead.is_empty() {
            let count = self.rate * MADE_MS / 1_000;
            if let Some(pair) = self.pair.as_mut().filter(|_| !gap.silent) {
                gap.ahead.extend(pair.make_up(count));
            }
            gap.ahead.resize(count, 0.0);
        }
        let at = gap.made;
        gap.made += 1;
        let wear = 1.0 - at as f32 / (self.rate / 500) as f32;
        let sample = gap.ahead.pop_front().unwrap_or(0.0) + gap.offset * wear.max(0.0);
        let Some(lead) = gap.lead.get(at) else {
            let beyond = at.saturating_sub(self.rate * HELD_MS / 1_000);
            return sample * (1.0 - beyond as f32 / (self.rate * FADED_MS / 1_000) as f32).max(0.0);
        };
        let weight = (at + 1) as f32 / (gap.lead.len() + 1) as f32;
        sample * weight + lead * (1.0 - weight)
    }

    /// What probably comes next: the last period again and again, from where it is most like what was played last.
    fn lead(&self) -> Vec<f32> {
        let (min, max) = (self.rate / 200, self.rate * 15 / 1_000);
        let reversed: Vec<f32> = self.past.iter().rev().copied().collect();
        let found = pitch::search(&reversed, 0, self.rate * 20 / 1_000, min, max);
        let period = found.map_or(max, |pitch| pitch.lag);
        let start = self.past.len() - period;
        let count = self.rate * LEAD_MS / 1_000;
        // Where the period doesn't join exactly, it is bent to do so at first.
        let offset = self.past[self.past.len() - 1] - self.past[start - 1];
        let wear = |at: usize| (1.0 - at as f32 / (self.rate / 500) as f32).max(0.0);
        let repeated = self.past[start..].iter().cycle().take(count);
        repeated.enumerate().map(|(at, sample)| sample + offset * wear(at)).collect()
    }

    fn remember(&mut self, samples: &[f32]) {
        let keep = self.past.len();
        let fresh = &samples[samples.len().saturating_sub(keep)..];
        self.past.drain(..fresh.len());
        self.past.extend_from_slice(fresh);
    }
}

impl fmt::Debug for Concealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Concealer").field("rate", &self.rate).field("gap", &self.gap).finish_non_exhaustive()
    }
}

/// An Opus coder and decoder back to back, in the mode with 2.5 ms of delay.
struct Pair {
    encoder: Encoder,
    decoder: Decoder,
    frame: usize,
    decoded: Vec<f32>,
    coded: Vec<u8>,
}

impl Pair {
    fn new(rate: usize) -> Result<Self, ErrorCode> {
        let opus_rate = if rate == 8_000 { SampleRate::Hz8000 } else { SampleRate::Hz16000 };
        let mut encoder = Encoder::new(Channels::Mono, opus_rate, Application::LowDelay)?;
        encoder.set_complexity(0)?;
        encoder.set_bitrate(Bitrate::Value(BITRATE))?;
        let mut decoder = Decoder::new(Channels::Mono, opus_rate)?;
        decoder.set_complexity(DECODER_COMPLEXITY)?;
        let frame = rate * FED_MS / 1_000;
        Ok(Self { encoder, decoder, frame, decoded: vec![0.0; frame], coded: vec![0; MAX_FRAME] })
    }

    /// Codes and decodes `past` and the `bridge` behind it, so that the decoder stands where `past` ends. Returns the
    /// latest sample decoded.
    fn follow(&mut self, past: &[f32], bridge: &[f32]) -> f32 {
        let all: Vec<f32> = past.iter().chain(bridge).copied().collect();
        // What was made up for the last gap is no past; with it forgotten, single losses sound better.
        if self.encoder.reset().and_then(|()| self.decoder.reset()).is_err() {
            return 0.0;
        }
        for frame in all.chunks_exact(self.frame) {
            let Ok(length) = self.encoder.encode_float_to_slice(frame, &mut self.coded) else { return 0.0 };
            let coded = self.coded.get(..length).unwrap_or_default();
            if self.decoder.decode_float_to_slice(coded, &mut self.decoded, false).is_err() {
                return 0.0;
            }
        }
        self.decoded.last().copied().unwrap_or(0.0)
    }

    fn make_up(&mut self, count: usize) -> Vec<f32> {
        let mut made = vec![0.0; count];
        match self.decoder.decode_float_to_slice(&[], &mut made, false) {
            Ok(length) => made.truncate(length),
            Err(_) => made.clear(),
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: usize = 8_000;

    /// Pulses of a throat through a mouth that says a.
    fn voice(from: usize, count: usize, hz: f32) -> Vec<f32> {
        let harmonics = (3_600.0 / hz) as usize;
        let formant =
            |hz: f32| [600.0_f32, 1_100.0, 2_500.0].map(|f| 1.0 / (1.0 + ((hz - f) / 120.0).powi(2)));
        (from..from + count)
            .map(|i| {
                let t = i as f32 / RATE as f32 * std::f32::consts::TAU * hz;
                let loud = |h: f32| formant(h * hz).iter().sum::<f32>() / h.sqrt() + 0.05;
                (1..=harmonics).map(|h| 0.1 * loud(h as f32) * (h as f32 * t).cos()).sum()
            })
            .collect()
    }

    fn max_step(samples: &[f32]) -> f32 {
        samples.windows(2).fold(0.0, |a, w| a.max((w[1] - w[0]).abs()))
    }

    /// Speech with gaps of whole frames, concealed.
    fn play(hz: f32, frames: usize, lost: impl Fn(usize) -> bool) -> (Vec<f32>, Vec<f32>) {
        let mut concealer = Concealer::new(RATE);
        let (mut whole, mut out) = (Vec::new(), Vec::new());
        for frame in 0..frames {
            let mut samples = voice(frame * 160, 160, hz);
            whole.extend_from_slice(&samples);
            if lost(frame) {
                concealer.conceal(160, &mut out);
            } else {
                concealer.accept(&mut samples);
                out.extend_from_slice(&samples);
            }
        }
        (whole, out)
    }

    #[test]
    fn a_lost_frame_of_a_steady_voice_is_hardly_missed() {
        for hz in [80.0, 121.0, 200.0, 317.0] {
            let (whole, out) = play(hz, 20, |f| f == 9);
            let (said, made) = (&whole[1_440..1_600], &out[1_440..1_600]);
            let level = 10.0 * (pitch::power(made) / pitch::power(said)).log10();
            let both = [said, made].concat();
            let like = pitch::likeness(&both, 0, 160, 160, 1);
            assert!(level.abs() < 5.0 && like > 0.6, "{hz} Hz: {level} dB, {like}");
        }
    }

    #[test]
    fn neither_end_of_a_gap_clicks() {
        for hz in [80.0, 121.0, 200.0, 317.0] {
            for gap in 1..12 {
                for start in 5..9 {
                    let (whole, out) = play(hz, 30, |f| (start..start + gap).contains(&f));
                    for seam in [start * 160, (start + gap) * 160] {
                        let (natural, made) = (max_step(&whole), max_step(&out[seam - 8..seam + 8]));
                        assert!(
                            made < natural * 1.35,
                            "{hz} Hz, {gap} frames from {start}, at {seam}: {made} against {natural}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_long_gap_fades_away() {
        let (whole, out) = play(150.0, 60, |f| (10..40).contains(&f));
        let power_of = |ms: usize| pitch::power(&out[1_600 + ms * 8..1_600 + ms * 8 + 160]);
        assert!(power_of(0) > pitch::power(&whole) * 0.3, "goes on first: {}", power_of(0));
        assert!(power_of(200) < power_of(0) * 0.6, "{} after 200 ms", power_of(200));
        assert_eq!(power_of(330), 0.0);
    }

    #[test]
    fn what_is_made_up_is_the_same_however_it_is_asked_for() {
        let lots = |sizes: &[usize]| {
            let mut concealer = Concealer::new(RATE);
            concealer.accept(&mut voice(0, 1_600, 121.0));
            let mut out = Vec::new();
            sizes.iter().for_each(|size| concealer.conceal(*size, &mut out));
            out
        };
        assert_eq!(lots(&[160, 160]), lots(&[1, 39, 81, 199]));
    }

    #[test]
    fn silence_stays_silence() {
        let mut concealer = Concealer::new(RATE);
        let mut out = Vec::new();
        concealer.conceal(1_600, &mut out);
        assert!(out.iter().all(|s| *s == 0.0));
    }
}
