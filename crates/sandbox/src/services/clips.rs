//! What the provider plays: greetings, messages, signals, music. There is no speech of its own: signals say what a voice
//! would.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use tern_media::{Tone, hold_music, tone::ToneSamples};

use crate::greeting::RATE;

/// Length of the music that is played over and over.
const MUSIC: Duration = Duration::from_secs(22);

/// Something to play.
#[derive(Debug, Clone)]
pub(crate) struct Clip {
    samples: Arc<[f32]>,
    endless: bool,
}

/// What is said without words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Speak now.
    Beep,
    /// A key is expected.
    Ask,
    /// That was right.
    Yes,
    /// That was wrong, or there is nothing.
    No,
}

impl Clip {
    /// Recorded samples.
    pub(crate) fn of(samples: &[i16]) -> Self {
        Self { samples: samples.iter().map(|s| f32::from(*s) / 32_768.0).collect(), endless: false }
    }

    /// A signal.
    pub(crate) fn signal(signal: Signal) -> Self {
        let notes: &[(f32, u32)] = match signal {
            Signal::Beep => &[(1_000.0, 300)],
            Signal::Ask => &[(660.0, 150), (0.0, 60), (660.0, 150)],
            Signal::Yes => &[(660.0, 120), (880.0, 200)],
            Signal::No => &[(440.0, 200), (330.0, 350)],
        };
        let mut samples = Vec::new();
        for (hz, milliseconds) in notes {
            let mut note = vec![0.0; (RATE / 1000 * milliseconds) as usize];
            if *hz > 0.0 {
                ToneSamples::new(Tone::Steady { hz: *hz, amplitude: 0.3 }, RATE).mix_into(&mut note);
            }
            samples.extend(note);
        }
        // A moment of silence, so that its end is heard.
        samples.resize(samples.len() + RATE as usize / 5, 0.0);
        Self { samples: samples.into(), endless: false }
    }

    /// Nothing, for so long.
    pub(crate) fn silence(length: Duration) -> Self {
        let samples = usize::try_from(length.as_millis()).unwrap_or(0).saturating_mul(RATE as usize / 1000);
        Self { samples: vec![0.0; samples].into(), endless: false }
    }

    /// This, and then that.
    pub(crate) fn then(&self, next: &Self) -> Self {
        Self {
            samples: self.samples.iter().chain(next.samples.iter()).copied().collect(),
            endless: next.endless,
        }
    }

    /// Music on hold, without end.
    pub(crate) fn music() -> Self {
        static PIECE: LazyLock<Arc<[f32]>> = LazyLock::new(|| hold_music(RATE, MUSIC).into());
        Self { samples: PIECE.clone(), endless: true }
    }

    /// Adds the samples from `at` on to `out`; `false` once all have been played.
    pub(crate) fn mix_into(&self, at: &mut usize, out: &mut [f32]) -> bool {
        for sample in out {
            if *at >= self.samples.len() && self.endless {
                *at = 0;
            }
            let Some(next) = self.samples.get(*at) else { return false };
            *sample += next;
            *at += 1;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn music_never_ends_and_signals_do() {
        let (music, mut at, mut out) = (Clip::music(), 0, vec![0.0; RATE as usize]);
        for second in 0..60 {
            out.fill(0.0);
            assert!(music.mix_into(&mut at, &mut out), "{second}");
        }
        assert!(out.iter().any(|s| s.abs() > 0.01));
        for signal in [Signal::Beep, Signal::Ask, Signal::Yes, Signal::No] {
            let (clip, mut at) = (Clip::signal(signal), 0);
            assert!(!clip.mix_into(&mut at, &mut vec![0.0; RATE as usize]), "{signal:?}");
        }
    }
}
