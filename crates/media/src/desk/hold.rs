//! What the other side hears while it waits: a short piece of our own, a file of the user's, or quiet noise.

use std::collections::VecDeque;
use std::f32::consts::TAU;
use std::path::PathBuf;
use std::time::Duration;

use crate::DEVICE_RATE;
use crate::reading::Reading;
use crate::resample::Resampler;

/// What is to be heard while waiting.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum HoldSound {
    /// The piece of this program.
    #[default]
    Music,
    /// Quiet noise: a line that is not dead.
    Silence,
    /// A sound file (WAV or Ogg Opus), over and over.
    File(PathBuf),
}

/// Loudness of music, dB below full scale: that of speech.
const LOUDNESS_DB: f32 = -20.0;
/// Peak of the quiet noise: 60 dB below full scale.
const NOISE: f32 = 0.001_7;
/// Seconds over which a file's loudness is followed.
const FOLLOW_S: f32 = 2.0;

/// What one waiting side hears, sample after sample.
#[derive(Debug)]
pub(super) enum HoldPlayer {
    Music(Music),
    Noise(u32),
    File(Box<Looped>),
}

impl HoldPlayer {
    /// From the beginning. A file that can't be played gives way to the music.
    pub(super) fn new(sound: &HoldSound) -> Self {
        match sound {
            HoldSound::Music => Self::Music(Music::new()),
            HoldSound::Silence => Self::Noise(1),
            HoldSound::File(path) => match Reading::over_and_over(path.clone()) {
                Ok(reading) => Self::File(Box::new(Looped::new(reading))),
                Err(error) => {
                    tracing::warn!(%error, "no thread for the file that waiting callers hear");
                    Self::Music(Music::new())
                }
            },
        }
    }

    /// Puts the next `count` samples in place of what is in `out`.
    pub(super) fn fill(&mut self, count: usize, out: &mut Vec<f32>) {
        out.clear();
        match self {
            Self::Music(music) => out.extend((0..count).map(|_| music.next())),
            Self::Noise(state) => out.extend((0..count).map(|_| NOISE * noise(state))),
            Self::File(file) => {
                let going = file.fill(count, out);
                out.resize(count, 0.0);
                if !going {
                    *self = Self::Music(Music::new());
                }
            }
        }
    }
}

/// The beginning of the music at another rate, for whoever plays it to many at once. Empty where the rate is impossible.
pub fn hold_music(rate: u32, length: Duration) -> Vec<f32> {
    let Some(mut resampler) = Resampler::new(DEVICE_RATE, rate) else { return Vec::new() };
    let mut music = Music::new();
    let piece: Vec<f32> =
        (0..(length.as_secs_f32() * DEVICE_RATE as f32) as usize).map(|_| music.next()).collect();
    let mut out = Vec::new();
    piece.chunks(DEVICE_RATE as usize / 50).for_each(|samples| resampler.process(samples, &mut out));
    out
}

/// -1..=1, the same after the same (a linear congruence of Numerical Recipes).
fn noise(state: &mut u32) -> f32 {
    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    (*state >> 8) as f32 / (1 << 23) as f32 - 1.0
}

/// Seconds of one note of the piece.
const NOTE_S: f32 = 0.34;
/// Semitones above A2 of each bar's eight notes; the first one also sounds an octave lower.
const BARS: [[i32; 8]; 8] = [
    [0, 7, 12, 15, 19, 15, 12, 7],
    [8, 15, 20, 24, 27, 24, 20, 15],
    [3, 10, 15, 19, 22, 19, 15, 10],
    [10, 17, 22, 26, 29, 26, 22, 17],
    [0, 7, 12, 15, 24, 19, 15, 12],
    [5, 12, 17, 20, 24, 20, 17, 12],
    [8, 15, 20, 24, 27, 24, 20, 15],
    [7, 14, 19, 23, 26, 23, 19, 14],
];
/// Brings the piece to [`LOUDNESS_DB`].
const MUSIC_LEVEL: f32 = 0.198;

/// The piece: broken chords of plucked strings, made as it is played.
#[derive(Debug)]
pub(super) struct Music {
    /// Notes played so far.
    note: usize,
    /// Samples left of the present one.
    left: usize,
    ringing: VecDeque<Partial>,
}

/// A sine that dies away: each sample follows from the two before it.
#[derive(Debug)]
struct Partial {
    now: f32,
    before: f32,
    turn: f32,
    loss: f32,
    /// Samples it is still worth hearing.
    left: usize,
}

impl Music {
    fn new() -> Self {
        Self { note: 0, left: 0, ringing: VecDeque::new() }
    }

    fn next(&mut self) -> f32 {
        if self.left == 0 {
            self.left = (NOTE_S * DEVICE_RATE as f32) as usize;
            self.pluck();
        }
        self.left -= 1;
        let sum: f32 = self.ringing.iter_mut().map(Partial::next).sum();
        while self.ringing.front().is_some_and(|partial| partial.left == 0) {
            self.ringing.pop_front();
        }
        sum * MUSIC_LEVEL
    }

    fn pluck(&mut self) {
        let place = self.note % BARS.as_flattened().len();
        self.note = self.note.wrapping_add(1);
        let Some(semitones) = BARS.as_flattened().get(place) else { return };
        let hz = 110.0 * (*semitones as f32 / 12.0).exp2();
        let first = place.is_multiple_of(8);
        if first {
            self.strike(hz / 2.0, 0.8);
        }
        self.strike(hz, if first { 1.0 } else { 0.8 });
    }

    fn strike(&mut self, hz: f32, loudness: f32) {
        for (partial, level) in [(1.0, 1.0), (2.0, 0.5), (3.0, 0.25), (4.0, 0.1)] {
            self.ringing.push_back(Partial::new(hz * partial, loudness * level, 2.0 + partial));
        }
    }
}

impl Partial {
    /// `decay` is how often per second it falls to 1/e.
    fn new(hz: f32, amplitude: f32, decay: f32) -> Self {
        let angle = TAU * hz / DEVICE_RATE as f32;
        let fall = (-decay / DEVICE_RATE as f32).exp();
        // All partials of a note are heard for one length, so that the oldest always go first.
        let left = DEVICE_RATE as usize * 5 / 2;
        Self {
            now: 0.0,
            before: -amplitude * angle.sin() / fall,
            turn: 2.0 * fall * angle.cos(),
            loss: fall * fall,
            left,
        }
    }

    fn next(&mut self) -> f32 {
        let value = self.now;
        self.now = self.turn * value - self.loss * self.before;
        self.before = value;
        self.left = self.left.saturating_sub(1);
        value
    }
}

/// A file over and over, brought to the loudness of speech.
#[derive(Debug)]
pub(super) struct Looped {
    reading: Reading,
    power: f32,
}

impl Looped {
    fn new(reading: Reading) -> Self {
        Self { reading, power: 10_f32.powf(LOUDNESS_DB / 10.0) }
    }

    /// Appends what is there of the next `count` samples. False when nothing more can be had of it.
    fn fill(&mut self, count: usize, out: &mut Vec<f32>) -> bool {
        let from = out.len();
        self.reading.take(count, out);
        let goal = 10_f32.powf(LOUDNESS_DB / 10.0);
        let keep = (-1.0 / (FOLLOW_S * DEVICE_RATE as f32)).exp();
        for sample in out.iter_mut().skip(from) {
            self.power = self.power * keep + *sample * *sample * (1.0 - keep);
            // Silence in the file stays silence: what is far below is left where it is.
            *sample = (*sample * (goal / self.power.max(goal / 16.0)).sqrt()).clamp(-1.0, 1.0);
        }
        !self.reading.is_over()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn db(samples: &[f32]) -> f32 {
        10.0 * (samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32).log10()
    }

    fn played(sound: &HoldSound, seconds: usize) -> Vec<f32> {
        let mut player = HoldPlayer::new(sound);
        let (mut out, mut all) = (Vec::new(), Vec::new());
        for _ in 0..seconds * 50 {
            if let HoldPlayer::File(file) = &mut player {
                file.reading.settle(960);
            }
            player.fill(960, &mut out);
            all.extend_from_slice(&out);
        }
        all
    }

    #[test]
    fn the_piece_is_as_loud_as_speech_and_never_clicks() {
        let piece = played(&HoldSound::Music, 30);
        let loudness = db(&piece[48_000..]);
        assert!((loudness + 20.0).abs() < 1.5, "{loudness}");
        assert!(piece.iter().all(|s| s.abs() < 0.9));
        let step = piece.windows(2).map(|p| (p[1] - p[0]).abs()).fold(0.0, f32::max);
        assert!(step < 0.06, "{step}");
    }

    #[test]
    fn silence_is_no_digital_silence() {
        let quiet = played(&HoldSound::Silence, 2);
        assert!((-70.0..-55.0).contains(&db(&quiet)), "{}", db(&quiet));
    }

    #[test]
    fn a_file_is_repeated_at_the_loudness_of_speech() {
        let path = std::env::temp_dir().join(format!("tern-hold-{}.wav", std::process::id()));
        let mut file = crate::wav::WavSink::create(&path, 16_000).unwrap();
        let tone: Vec<f32> = (0..32_000).map(|i| 0.7 * (i as f32 * 0.2).sin()).collect();
        file.write(&tone).unwrap();
        file.finish().unwrap();
        let heard = played(&HoldSound::File(path.clone()), 9);
        std::fs::remove_file(&path).unwrap();
        let loudness = db(&heard[5 * 48_000..]);
        assert!((loudness + 20.0).abs() < 2.0, "{loudness}");
        let missing = played(&HoldSound::File(path), 1);
        assert!(db(&missing) > -35.0, "the music takes its place");
    }
}
