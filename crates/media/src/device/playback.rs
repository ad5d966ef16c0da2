//! A loudspeaker: mono samples at [`crate::DEVICE_RATE`], written as it needs them.
//!
//! The invariant: the ring holds what the next callback will take and a margin for the writer's unevenness, filled
//! as time passes and not at once, so that a sample is made no sooner than it must. The margin grows with each
//! time it wasn't enough.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{BufferSize, FromSample, SampleFormat, SizedSample, StreamConfig};
use rtrb::{Consumer, Producer, RingBuffer};

use super::DeviceId;
use super::callback::{self, Counters};
use super::open::{self, Retry, Watch};
use crate::DEVICE_RATE;
use crate::error::{AudioError, Direction};
use crate::resample::Resampler;

/// An open loudspeaker. Dropping it closes it.
pub struct Playback {
    ring: Producer<f32>,
    capacity: usize,
    rate: u32,
    resampler: Resampler,
    piece: Vec<f32>,
    counters: Arc<Counters>,
    margin: Margin,
    watch: Watch,
    retry: Retry,
    /// An error after which it may or may not go on.
    stumbled: Option<AudioError>,
    _stream: cpal::Stream,
}

impl Playback {
    /// Opens a loudspeaker by id or name, or the system's default, and starts it.
    pub fn open(id: Option<&DeviceId>) -> Result<Self, AudioError> {
        Self::open_with(id, open::PERIOD)
    }

    fn open_with(id: Option<&DeviceId>, period: u32) -> Result<Self, AudioError> {
        let device = open::find(Direction::Playback, id)?;
        let (config, format) = open::choose(Direction::Playback, id, &device, period)?;
        let default_period = StreamConfig { buffer_size: BufferSize::Default, ..config };
        // Some devices refuse the very period they say they have.
        Self::start(&device, id, config, format).or_else(|_| Self::start(&device, id, default_period, format))
    }

    fn start(
        device: &cpal::Device,
        id: Option<&DeviceId>,
        config: StreamConfig,
        format: SampleFormat,
    ) -> Result<Self, AudioError> {
        let fail = |error: cpal::Error| open::explain(Direction::Playback, id, &error);
        let rate = config.sample_rate;
        let resampler = Resampler::new(DEVICE_RATE, rate)
            .ok_or_else(|| AudioError::UnsupportedFormat(format!("{id:?}"), format!("{rate} Hz")))?;
        let capacity = rate as usize;
        let (ring, from) = RingBuffer::new(capacity);
        let counters = Arc::new(Counters::new());
        let (watch, on_error) = Watch::new(Direction::Playback, id, Arc::clone(&counters));
        let shared = Arc::clone(&counters);
        let stream = match format {
            SampleFormat::F32 => build::<f32>(device, config, from, shared, on_error),
            SampleFormat::I16 => build::<i16>(device, config, from, shared, on_error),
            SampleFormat::I32 => build::<i32>(device, config, from, shared, on_error),
            SampleFormat::U8 => build::<u8>(device, config, from, shared, on_error),
            SampleFormat::U16 => build::<u16>(device, config, from, shared, on_error),
            other => return Err(AudioError::UnsupportedFormat(format!("{id:?}"), other.to_string())),
        };
        let stream = stream.map_err(fail)?;
        stream.play().map_err(fail)?;
        let (piece, margin) = (Vec::new(), Margin::default());
        Ok(Self {
            ring,
            capacity,
            rate,
            resampler,
            piece,
            counters,
            margin,
            watch,
            retry: Retry::new(),
            stumbled: None,
            _stream: stream,
        })
    }

    /// Samples at [`DEVICE_RATE`] to write now so that the next callback finds what it needs.
    pub fn wanted(&mut self, now: Instant) -> usize {
        let period = self.counters.period.load(Relaxed) as usize;
        if period == 0 {
            // It hasn't begun to play: what is written now would only wait.
            return 0;
        }
        let margin = self.margin.follow(now, self.counters.slips.load(Relaxed)).as_secs_f64();
        let passed = now.saturating_duration_since(self.counters.latest()).as_secs_f64();
        let rate = f64::from(self.rate);
        let grown = (passed * rate).min(period as f64);
        let goal = margin * rate + grown;
        let missing = goal - self.fill() as f64;
        if missing <= 0.0 { 0 } else { (missing / rate * f64::from(DEVICE_RATE)) as usize }
    }

    /// Writes samples; what finds no room is dropped.
    pub fn write(&mut self, samples: &[f32]) {
        self.piece.clear();
        self.resampler.process(samples, &mut self.piece);
        for sample in &self.piece {
            if self.ring.push(*sample).is_err() {
                break;
            }
        }
        self.counters.fed.store(true, Relaxed);
    }

    /// Samples that wait in the ring, at the rate of the device.
    pub fn fill(&self) -> usize {
        self.capacity - self.ring.slots()
    }

    /// Why it stopped, if it did; told once. A sound system that stumbles and stands still is first tried again,
    /// with longer periods.
    pub fn poll_error(&mut self) -> Option<AudioError> {
        let now = Instant::now();
        match self.watch.poll() {
            Some(error @ AudioError::Backend(_)) => self.stumbled = Some(error),
            Some(error) => return Some(error),
            None => {}
        }
        // Most stumbles are over by the next callback.
        if self.stumbled.is_none() || now.saturating_duration_since(self.counters.latest()) < open::STANDSTILL
        {
            return None;
        }
        let error = self.stumbled.take()?;
        let mut retry = self.retry;
        let Some(period) = retry.next(now) else { return Some(error) };
        tracing::warn!(%error, period, "the audio device stands still and is opened again");
        let id = self.watch.id().cloned();
        match Self::open_with(id.as_ref(), period) {
            Ok(fresh) => {
                *self = Self { retry, ..fresh };
                None
            }
            Err(error) => Some(error),
        }
    }

    /// Times a callback found too few samples, or the sound system ran dry.
    pub fn underruns(&self) -> u64 {
        self.counters.slips.load(Relaxed) + self.counters.xruns.load(Relaxed)
    }

    /// Frames of the longest callback so far, at the rate of the device; 0 before the first.
    pub fn period(&self) -> u32 {
        self.counters.period.load(Relaxed)
    }
}

impl std::fmt::Debug for Playback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Playback").field("rate", &self.rate).finish_non_exhaustive()
    }
}

/// How much the ring holds beyond a period.
#[derive(Debug)]
struct Margin {
    time: Duration,
    slips: u64,
    calm_since: Option<Instant>,
}

const LEAST: Duration = Duration::from_millis(6);
const MOST: Duration = Duration::from_millis(80);
const STEP: Duration = Duration::from_millis(4);
/// After this long without a slip a step is tried back.
const CALM: Duration = Duration::from_secs(60);

impl Default for Margin {
    fn default() -> Self {
        Self { time: LEAST, slips: 0, calm_since: None }
    }
}

impl Margin {
    fn follow(&mut self, now: Instant, slips: u64) -> Duration {
        let calm_since = *self.calm_since.get_or_insert(now);
        if slips > self.slips {
            self.slips = slips;
            self.time = (self.time + STEP).min(MOST);
            self.calm_since = Some(now);
        } else if now.saturating_duration_since(calm_since) > CALM {
            self.time = self.time.saturating_sub(STEP).max(LEAST);
            self.calm_since = Some(now);
        }
        self.time
    }
}

fn build<T: SizedSample + FromSample<f32>>(
    device: &cpal::Device,
    config: StreamConfig,
    mut ring: Consumer<f32>,
    counters: Arc<Counters>,
    on_error: impl FnMut(cpal::Error) + Send + 'static,
) -> Result<cpal::Stream, cpal::Error> {
    let channels = usize::from(config.channels);
    device.build_output_stream(
        config,
        move |data: &mut [T], _: &cpal::OutputCallbackInfo| {
            callback::playback(data, channels, T::from_sample_, &mut ring, &counters);
        },
        on_error,
        None,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margin_grows_with_slips_and_shrinks_in_calm() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut margin = Margin::default();
        assert_eq!(margin.follow(at(0), 0), LEAST);
        assert_eq!(margin.follow(at(1), 3), LEAST + STEP);
        assert_eq!(margin.follow(at(2), 3), LEAST + STEP);
        assert_eq!(margin.follow(at(3), 4), LEAST + STEP * 2);
        assert_eq!(margin.follow(at(64), 4), LEAST + STEP);
        assert_eq!(margin.follow(at(125), 4), LEAST);
        assert_eq!(margin.follow(at(300), 4), LEAST);
        (5..100).for_each(|slips| _ = margin.follow(at(301), slips));
        assert_eq!(margin.follow(at(302), 99), MOST);
    }
}
