//! Mono sound in memory and as a WAV file.

use std::path::Path;

use realfft::RealFftPlanner;

use crate::Result;

/// Mono samples, full scale at ±1.0, with their rate in Hz.
#[derive(Debug, Clone)]
pub struct Sound {
    /// Samples a second.
    pub rate: u32,
    /// The samples.
    pub samples: Vec<f32>,
}

impl Sound {
    /// Reads a WAV file of integers or floats; of several channels only the first counts.
    ///
    /// What the head promises beyond the file's end is not there: programs that go on with a file don't mend it.
    pub fn read(path: &Path) -> Result<Self> {
        let mut reader = hound::WavReader::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let spec = reader.spec();
        let all: Vec<f32> = match spec.sample_format {
            hound::SampleFormat::Float => reader.samples::<f32>().map_while(Result::ok).collect(),
            hound::SampleFormat::Int => {
                let full = 2.0_f32.powi(i32::from(spec.bits_per_sample) - 1);
                reader.samples::<i32>().map_while(Result::ok).map(|sample| sample as f32 / full).collect()
            }
        };
        let samples = all.into_iter().step_by(usize::from(spec.channels.max(1))).collect();
        Ok(Self { rate: spec.sample_rate, samples })
    }

    /// Writes a mono WAV file of 16 bits.
    pub fn write(&self, path: &Path) -> Result<()> {
        self.write_channels(path, 1)
    }

    /// The same on several channels alike.
    pub fn write_channels(&self, path: &Path, channels: u16) -> Result<()> {
        let spec = hound::WavSpec {
            channels,
            sample_rate: self.rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(path, spec)?;
        for sample in &self.samples {
            for _ in 0..channels {
                writer.write_sample((sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16)?;
            }
        }
        Ok(writer.finalize()?)
    }

    /// How long it lasts, in seconds.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate)
    }

    /// The part from one second to another; what lies outside is silently cut.
    pub fn part(&self, from: f64, to: f64) -> Self {
        let index = |seconds: f64| ((seconds * f64::from(self.rate)) as usize).min(self.samples.len());
        let (from, to) = (index(from), index(to));
        Self { rate: self.rate, samples: self.samples[from.min(to)..to].to_vec() }
    }

    /// The same sound at another rate; what the lower of both can't carry is cut off sharply.
    ///
    /// Resampling the whole signal in the frequency domain has no delay, so delays measured later stay true.
    pub fn at_rate(&self, rate: u32) -> Self {
        if rate == self.rate || self.samples.is_empty() {
            return Self { rate, samples: self.samples.clone() };
        }
        // Even lengths on both sides keep the bins aligned; the zeros at the end are cut again.
        let wanted = (self.samples.len() as u64 * u64::from(rate)).div_ceil(u64::from(self.rate)) as usize;
        let seconds = self.samples.len().div_ceil(self.rate as usize) + 1;
        let (from, to) = (seconds * self.rate as usize, seconds * rate as usize);
        let mut planner = RealFftPlanner::<f32>::new();
        let forward = planner.plan_fft_forward(from);
        let inverse = planner.plan_fft_inverse(to);
        let mut padded = self.samples.clone();
        padded.resize(from, 0.0);
        let mut bins = forward.make_output_vec();
        forward.process(&mut padded, &mut bins).expect("the buffers were made for this plan");
        let mut moved = inverse.make_input_vec();
        let kept = bins.len().min(moved.len()) - 1;
        moved[..kept].copy_from_slice(&bins[..kept]);
        let mut samples = inverse.make_output_vec();
        inverse.process(&mut moved, &mut samples).expect("the buffers were made for this plan");
        let scale = 1.0 / from as f32;
        samples.truncate(wanted);
        samples.iter_mut().for_each(|sample| *sample *= scale);
        Self { rate, samples }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scratch;

    fn tone(rate: u32, seconds: f32) -> Sound {
        let count = (rate as f32 * seconds) as usize;
        let sample = |n: usize| 0.5 * (std::f32::consts::TAU * 440.0 * n as f32 / rate as f32).sin();
        Sound { rate, samples: (0..count).map(sample).collect() }
    }

    #[test]
    fn a_file_keeps_the_samples() {
        let folder = Scratch::new("wav").unwrap();
        let path = folder.join("a.wav");
        let sound = tone(16_000, 0.1);
        sound.write(&path).unwrap();
        let read = Sound::read(&path).unwrap();
        assert_eq!((read.rate, read.samples.len()), (16_000, 1_600));
        let worst = sound.samples.iter().zip(&read.samples).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-4, "{worst}");
        sound.write_channels(&path, 2).unwrap();
        assert_eq!(Sound::read(&path).unwrap().samples.len(), 1_600);
    }

    #[test]
    fn another_rate_keeps_the_sound_in_place() {
        let there_and_back = tone(8_000, 1.0).at_rate(48_000).at_rate(8_000);
        let original = tone(8_000, 1.0);
        assert_eq!(there_and_back.samples.len(), original.samples.len());
        let inner = 400..7_600;
        let worst =
            inner.map(|n| (there_and_back.samples[n] - original.samples[n]).abs()).fold(0.0, f32::max);
        assert!(worst < 0.01, "{worst}");
    }
}
