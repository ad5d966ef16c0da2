//! A microphone: mono samples at [`crate::DEVICE_RATE`], ready to be read.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{BufferSize, FromSample, SampleFormat, SizedSample, StreamConfig};
use rtrb::{Consumer, Producer, RingBuffer};

use super::DeviceId;
use super::callback::{self, Counters};
use super::open::{self, Retry, Watch};
use crate::DEVICE_RATE;
use crate::error::{AudioError, Direction};
use crate::resample::Resampler;

/// An open microphone. Dropping it closes it.
pub struct Capture {
    ring: Consumer<f32>,
    rate: u32,
    resampler: Resampler,
    piece: Vec<f32>,
    counters: Arc<Counters>,
    skipped: u64,
    watch: Watch,
    retry: Retry,
    /// An error after which it may or may not go on.
    stumbled: Option<AudioError>,
    _stream: cpal::Stream,
}

/// More than this waiting means the reader slept; what is old by then is thrown away, milliseconds.
const BACKLOG_MS: usize = 150;
/// What is kept then, milliseconds.
const KEPT_MS: usize = 20;

impl Capture {
    /// Opens a microphone by id or name, or the system's default, and starts it.
    pub fn open(id: Option<&DeviceId>) -> Result<Self, AudioError> {
        Self::open_with(id, open::PERIOD)
    }

    fn open_with(id: Option<&DeviceId>, period: u32) -> Result<Self, AudioError> {
        let device = open::find(Direction::Capture, id)?;
        let (config, format) = open::choose(Direction::Capture, id, &device, period)?;
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
        let fail = |error: cpal::Error| open::explain(Direction::Capture, id, &error);
        let rate = config.sample_rate;
        let resampler = Resampler::new(rate, DEVICE_RATE)
            .ok_or_else(|| AudioError::UnsupportedFormat(format!("{id:?}"), format!("{rate} Hz")))?;
        let (to, ring) = RingBuffer::new(rate as usize);
        let counters = Arc::new(Counters::new());
        let (watch, on_error) = Watch::new(Direction::Capture, id, Arc::clone(&counters));
        let shared = Arc::clone(&counters);
        let stream = match format {
            SampleFormat::F32 => build::<f32>(device, config, to, shared, on_error),
            SampleFormat::I16 => build::<i16>(device, config, to, shared, on_error),
            SampleFormat::I32 => build::<i32>(device, config, to, shared, on_error),
            SampleFormat::U8 => build::<u8>(device, config, to, shared, on_error),
            SampleFormat::U16 => build::<u16>(device, config, to, shared, on_error),
            other => return Err(AudioError::UnsupportedFormat(format!("{id:?}"), other.to_string())),
        };
        let stream = stream.map_err(fail)?;
        stream.play().map_err(fail)?;
        Ok(Self {
            ring,
            rate,
            resampler,
            piece: Vec::new(),
            counters,
            skipped: 0,
            watch,
            retry: Retry::new(),
            stumbled: None,
            _stream: stream,
        })
    }

    /// Appends what was recorded since the last call and returns how many samples that is.
    pub fn read(&mut self, out: &mut Vec<f32>) -> usize {
        let before = out.len();
        let mut ready = self.ring.slots();
        let ms = self.rate as usize / 1_000;
        if ready > BACKLOG_MS * ms {
            let skip = ready - KEPT_MS * ms;
            (0..skip).for_each(|_| _ = self.ring.pop());
            self.skipped += skip as u64;
            ready -= skip;
        }
        self.piece.clear();
        self.piece.extend((0..ready).map_while(|_| self.ring.pop().ok()));
        self.resampler.process(&self.piece, out);
        out.len() - before
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

    /// Times samples were lost because nobody read them or the sound system ran over.
    pub fn overruns(&self) -> u64 {
        self.counters.slips.load(Relaxed) + self.counters.xruns.load(Relaxed) + u64::from(self.skipped > 0)
    }

    /// Frames the sound system delivered so far, at its own rate.
    pub fn frames(&self) -> u64 {
        self.counters.frames.load(Relaxed)
    }
}

impl std::fmt::Debug for Capture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Capture").field("rate", &self.rate).finish_non_exhaustive()
    }
}

fn build<T: SizedSample>(
    device: &cpal::Device,
    config: StreamConfig,
    mut ring: Producer<f32>,
    counters: Arc<Counters>,
    on_error: impl FnMut(cpal::Error) + Send + 'static,
) -> Result<cpal::Stream, cpal::Error>
where
    f32: FromSample<T>,
{
    let channels = usize::from(config.channels);
    device.build_input_stream(
        config,
        move |data: &[T], _: &cpal::InputCallbackInfo| {
            callback::capture(data, channels, f32::from_sample_, &mut ring, &counters);
        },
        on_error,
        None,
    )
}
