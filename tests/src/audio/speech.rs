//! A voice made here: no recording of anybody, the same samples everywhere.
//!
//! A pulse train whose pitch wanders excites four resonators that glide between the formants of vowels;
//! hiss stands between some syllables and silence between phrases. It is not language, but has what codecs,
//! jitter buffers and correlation care about: voiced and unvoiced parts, pauses, a spectrum like a mouth's,
//! and no second moment like the first.

use super::Sound;

/// The rate at which it is made; others are derived from it, so that all rates carry the same voice.
const RATE: u32 = 48_000;

/// First to fourth formant of some vowels, in Hz.
const VOWELS: [[f32; 4]; 6] = [
    [730.0, 1_090.0, 2_440.0, 3_400.0],
    [270.0, 2_290.0, 3_010.0, 3_600.0],
    [300.0, 870.0, 2_240.0, 3_300.0],
    [530.0, 1_840.0, 2_480.0, 3_500.0],
    [570.0, 840.0, 2_410.0, 3_300.0],
    [490.0, 1_350.0, 1_690.0, 3_200.0],
];

/// How wide the formants are, in Hz, and how loud beside each other.
const BANDWIDTHS: [f32; 4] = [70.0, 90.0, 130.0, 200.0];
const GAINS: [f32; 4] = [1.0, 0.6, 0.3, 0.15];

/// Makes `seconds` of the voice number `voice` at `rate` Hz. Peaks at 0.6 of full scale.
///
/// The first samples are already speech: a test that loses the beginning will see it.
pub fn speech(rate: u32, seconds: f64, voice: u32) -> Sound {
    let count = (seconds * f64::from(RATE)) as usize;
    let mut samples = Vec::with_capacity(count + RATE as usize);
    let mut mouth = Mouth::new(voice);
    while samples.len() < count {
        mouth.phrase(&mut samples);
    }
    samples.truncate(count);
    let mut sound = Sound { rate: RATE, samples }.at_rate(rate);
    let peak = sound.samples.iter().fold(f32::EPSILON, |peak, sample| peak.max(sample.abs()));
    sound.samples.iter_mut().for_each(|sample| *sample *= 0.6 / peak);
    sound
}

struct Mouth {
    dice: Dice,
    pitch: f32,
    phase: f32,
    formants: [f32; 4],
    resonators: [Resonator; 4],
    hiss: Resonator,
}

impl Mouth {
    fn new(voice: u32) -> Self {
        let mut dice = Dice(voice.wrapping_mul(2_654_435_761).wrapping_add(97));
        let pitch = dice.between(95.0, 190.0);
        Self {
            dice,
            pitch,
            phase: 0.0,
            formants: VOWELS[0],
            resonators: Default::default(),
            hiss: Resonator::default(),
        }
    }

    /// Some syllables and a pause.
    fn phrase(&mut self, out: &mut Vec<f32>) {
        let syllables = 3 + self.dice.below(5);
        for _ in 0..syllables {
            if self.dice.below(3) == 0 {
                self.consonant(out);
            }
            self.vowel(out);
        }
        let pause = self.dice.between(0.08, 0.3);
        out.extend(std::iter::repeat_n(0.0, (pause * RATE as f32) as usize));
    }

    fn vowel(&mut self, out: &mut Vec<f32>) {
        let length = (self.dice.between(0.07, 0.22) * RATE as f32) as usize;
        let target = VOWELS[self.dice.below(VOWELS.len() as u32) as usize];
        let start = self.formants;
        let rise = self.dice.between(0.85, 1.2);
        let loudness = self.dice.between(0.5, 1.0);
        for n in 0..length {
            let at = n as f32 / length as f32;
            // Real pitch is never quite steady, and a steady one would correlate with itself.
            let pitch = self.pitch * (1.0 + (rise - 1.0) * at) * (1.0 + 0.01 * self.dice.between(-1.0, 1.0));
            self.phase += pitch / RATE as f32;
            let mut pulse = 0.0;
            if self.phase >= 1.0 {
                self.phase -= 1.0;
                pulse = 1.0 + 0.2 * self.dice.between(-1.0, 1.0);
            }
            let breath = 0.01 * self.dice.between(-1.0, 1.0);
            let mut sample = 0.0;
            for (index, resonator) in self.resonators.iter_mut().enumerate() {
                // The tongue needs a part of the syllable to arrive.
                let glide = (at * 2.5).min(1.0);
                self.formants[index] = start[index] + (target[index] - start[index]) * glide;
                sample +=
                    GAINS[index] * resonator.step(pulse + breath, self.formants[index], BANDWIDTHS[index]);
            }
            out.push(sample * loudness * edges(n, length));
        }
    }

    fn consonant(&mut self, out: &mut Vec<f32>) {
        let length = (self.dice.between(0.03, 0.09) * RATE as f32) as usize;
        let centre = self.dice.between(2_000.0, 5_500.0);
        for n in 0..length {
            let noise = self.dice.between(-1.0, 1.0);
            out.push(0.25 * self.hiss.step(noise, centre, 1_200.0) * edges(n, length));
        }
    }
}

/// Soft edges, so that nothing clicks.
fn edges(n: usize, length: usize) -> f32 {
    let ramp = 0.012 * RATE as f32;
    let nearest = n.min(length - n) as f32;
    (nearest / ramp).min(1.0)
}

/// A two-pole resonator with unity gain around its centre.
#[derive(Default)]
struct Resonator {
    one_ago: f32,
    two_ago: f32,
}

impl Resonator {
    fn step(&mut self, input: f32, centre: f32, bandwidth: f32) -> f32 {
        let radius = (-std::f32::consts::PI * bandwidth / RATE as f32).exp();
        let turn = (std::f32::consts::TAU * centre / RATE as f32).cos();
        let output =
            input * (1.0 - radius) + 2.0 * radius * turn * self.one_ago - radius * radius * self.two_ago;
        self.two_ago = self.one_ago;
        self.one_ago = output;
        output
    }
}

/// A linear congruential generator: the same on every machine.
struct Dice(u32);

impl Dice {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // The low bits of such a generator hardly vary.
        self.0 >> 8
    }

    fn below(&mut self, limit: u32) -> u32 {
        self.next() % limit
    }

    fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * (self.next() as f32 / 16_777_216.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::correlate;
    use super::*;
    use std::path::Path;

    #[test]
    fn it_has_the_length_asked_for_and_is_loud_but_not_clipped() {
        for rate in [8_000, 16_000, 48_000] {
            let voice = speech(rate, 2.0, 1);
            assert_eq!(voice.samples.len(), rate as usize * 2);
            let peak = voice.samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            assert!((0.59..0.61).contains(&peak), "{peak}");
            let energy: f32 = voice.samples.iter().map(|s| s * s).sum::<f32>() / voice.samples.len() as f32;
            assert!(energy.sqrt() > 0.03, "{}", energy.sqrt());
        }
    }

    #[test]
    fn no_moment_is_like_another() {
        let voice = speech(8_000, 8.0, 1);
        let other = correlate(&voice.part(0.0, 2.0), &voice.part(3.0, 8.0));
        assert!(other.correlation < 0.5, "{other:?}");
    }

    /// The committed files are this voice; whoever changes it writes them anew with the example `speech`.
    #[test]
    fn the_fixtures_are_what_is_made_here() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        for (file, rate) in [("speech-8k.wav", 8_000), ("speech-48k.wav", 48_000)] {
            let committed = Sound::read(&folder.join(file)).unwrap();
            let made = speech(rate, 5.0, 1);
            assert_eq!((committed.rate, committed.samples.len()), (rate, made.samples.len()));
            let found = correlate(&made, &committed);
            assert!(found.correlation > 0.999 && found.delay == 0.0, "{file}: {found:?}");
        }
    }
}
