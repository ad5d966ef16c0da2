//! The operating system's own devices, through cpal: finding them, choosing a format, running a stream in it, and
//! what went wrong in words of this crate.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{
    BufferSize, ErrorKind, FromSample, I24, SampleFormat, SizedSample, StreamConfig, SupportedBufferSize,
    SupportedStreamConfigRange,
};
use rtrb::{Consumer, Producer};

use super::callback::{self, Counters};
use super::{DeviceId, DeviceInfo};
use crate::DEVICE_RATE;
use crate::error::{AudioError, Direction};

pub(super) fn list(direction: Direction) -> Vec<DeviceInfo> {
    let host = cpal::default_host();
    let default = default_device(&host, direction).and_then(|device| device.id().ok());
    let Ok(devices) = host.devices() else { return Vec::new() };
    let mut found: Vec<DeviceInfo> = devices
        .filter(|device| match direction {
            Direction::Capture => device.supports_input(),
            Direction::Playback => device.supports_output(),
        })
        .filter_map(|device| {
            let id = device.id().ok()?;
            let name = device.description().map_or_else(|_| id.id().to_owned(), |d| d.name().to_owned());
            let is_default = default.as_ref() == Some(&id);
            worth_showing(id.id()).then(|| DeviceInfo { id: DeviceId::new(id.to_string()), name, is_default })
        })
        .collect();
    found.sort_by_key(|device| !device.is_default);
    found
}

/// ALSA names each card in a dozen ways, and things that are no cards at all.
fn worth_showing(id: &str) -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    let kind = id.split(':').next().unwrap_or(id);
    match kind {
        // Whole: the system's choice and the sound servers. By card: the one name with mixing and conversion.
        "default" | "pulse" | "pipewire" => true,
        "sysdefault" => id.contains("CARD="),
        _ => false,
    }
}

/// The device of an id, of a name, or the default one.
pub(super) fn find(direction: Direction, id: Option<&DeviceId>) -> Result<cpal::Device, AudioError> {
    let Some(wanted) = id else {
        return default_device(&cpal::default_host(), direction).ok_or(AudioError::NoDevice(direction));
    };
    let parsed: Option<cpal::DeviceId> = wanted.as_str().parse().ok();
    let host = parsed.as_ref().map_or_else(|| Ok(cpal::default_host()), |id| cpal::host_from_id(id.host()));
    let host = host.map_err(|error| explain(direction, id, &error))?;
    // A microphone and a loudspeaker may have the same id.
    let fits = |device: &cpal::Device| match direction {
        Direction::Capture => device.supports_input(),
        Direction::Playback => device.supports_output(),
    };
    let matches = |device: &cpal::Device| {
        let named = device.description().is_ok_and(|d| d.name() == wanted.as_str());
        named || device.id().is_ok_and(|id| id.id() == wanted.as_str() || id.to_string() == wanted.as_str())
    };
    let mut devices = host.devices().map_err(|error| explain(direction, id, &error))?;
    devices
        .find(|device| fits(device) && matches(device))
        .ok_or_else(|| AudioError::DeviceGone(wanted.to_string()))
}

/// The format to open a device with: our rate, few channels, the given period, as far as it has them.
fn choose(
    direction: Direction,
    id: Option<&DeviceId>,
    device: &cpal::Device,
    period: u32,
) -> Result<(StreamConfig, SampleFormat), AudioError> {
    let ranges: Result<Vec<SupportedStreamConfigRange>, cpal::Error> = match direction {
        Direction::Capture => device.supported_input_configs().map(Iterator::collect),
        Direction::Playback => device.supported_output_configs().map(Iterator::collect),
    };
    let ranges = ranges.map_err(|error| explain(direction, id, &error))?;
    let best = ranges
        .iter()
        .filter(|range| (range.min_sample_rate()..=range.max_sample_rate()).contains(&DEVICE_RATE))
        .filter_map(|range| Some((rank(range)?, range)))
        .min_by_key(|(rank, _)| *rank);
    if let Some((_, range)) = best {
        let period = match range.buffer_size() {
            SupportedBufferSize::Range { min, max } if (*min..=*max).contains(&period) => {
                BufferSize::Fixed(period)
            }
            _ => BufferSize::Default,
        };
        let config =
            StreamConfig { channels: range.channels(), sample_rate: DEVICE_RATE, buffer_size: period };
        return Ok((config, range.sample_format()));
    }
    let default = match direction {
        Direction::Capture => device.default_input_config(),
        Direction::Playback => device.default_output_config(),
    };
    let default = default.map_err(|error| explain(direction, id, &error))?;
    let config = StreamConfig {
        channels: default.channels(),
        sample_rate: default.sample_rate(),
        buffer_size: BufferSize::Default,
    };
    Ok((config, default.sample_format()))
}

/// The lower the better; `None` for formats that aren't read here.
fn rank(range: &SupportedStreamConfigRange) -> Option<(u16, u8)> {
    let format = match range.sample_format() {
        SampleFormat::F32 => 0,
        SampleFormat::I16 => 1,
        SampleFormat::I32 => 2,
        SampleFormat::I24 => 3,
        SampleFormat::U16 => 4,
        SampleFormat::U8 => 5,
        _ => return None,
    };
    let channels = range.channels();
    // Mono needs no mixing; beyond stereo, nobody knows which channel is the microphone.
    Some((if channels > 2 { channels + 100 } else { channels }, format))
}

/// A stream that runs.
pub(super) struct Opened<R> {
    pub(super) stream: cpal::Stream,
    pub(super) watch: Watch,
    pub(super) rate: u32,
    pub(super) ring: R,
}

/// Starts a stream in the best format there is. `build` makes it, and the ring it needs, for a configuration.
pub(super) fn start<R>(
    direction: Direction,
    id: Option<&DeviceId>,
    device: &cpal::Device,
    period: u32,
    counters: &Arc<Counters>,
    build: impl Fn(StreamConfig, SampleFormat, OnError) -> Result<(cpal::Stream, R), AudioError>,
) -> Result<Opened<R>, AudioError> {
    let (config, format) = choose(direction, id, device, period)?;
    let attempt = |config: StreamConfig| {
        let (watch, on_error) = Watch::new(direction, id, Arc::clone(counters));
        let (stream, ring) = build(config, format, on_error)?;
        stream.play().map_err(|error| explain(direction, id, &error))?;
        Ok(Opened { stream, watch, rate: config.sample_rate, ring })
    };
    // Some devices refuse the very period they say they have.
    attempt(config).or_else(|_| attempt(StreamConfig { buffer_size: BufferSize::Default, ..config }))
}

/// Records into a ring, from whichever sample format.
pub(super) fn record(
    device: &cpal::Device,
    config: StreamConfig,
    format: SampleFormat,
    ring: Producer<f32>,
    counters: Arc<Counters>,
    on_error: OnError,
) -> Result<cpal::Stream, AudioError> {
    let stream = match format {
        SampleFormat::F32 => record_as::<f32>(device, config, ring, counters, on_error),
        SampleFormat::I16 => record_as::<i16>(device, config, ring, counters, on_error),
        SampleFormat::I24 => record_as::<I24>(device, config, ring, counters, on_error),
        SampleFormat::I32 => record_as::<i32>(device, config, ring, counters, on_error),
        SampleFormat::U8 => record_as::<u8>(device, config, ring, counters, on_error),
        SampleFormat::U16 => record_as::<u16>(device, config, ring, counters, on_error),
        other => return Err(AudioError::UnsupportedFormat(id(device).to_string(), other.to_string())),
    };
    stream.map_err(|error| explain(Direction::Capture, Some(&id(device)), &error))
}

/// Plays from a ring, into whichever sample format.
pub(super) fn play(
    device: &cpal::Device,
    config: StreamConfig,
    format: SampleFormat,
    ring: Consumer<f32>,
    counters: Arc<Counters>,
    on_error: OnError,
) -> Result<cpal::Stream, AudioError> {
    let stream = match format {
        SampleFormat::F32 => play_as::<f32>(device, config, ring, counters, on_error),
        SampleFormat::I16 => play_as::<i16>(device, config, ring, counters, on_error),
        SampleFormat::I24 => play_as::<I24>(device, config, ring, counters, on_error),
        SampleFormat::I32 => play_as::<i32>(device, config, ring, counters, on_error),
        SampleFormat::U8 => play_as::<u8>(device, config, ring, counters, on_error),
        SampleFormat::U16 => play_as::<u16>(device, config, ring, counters, on_error),
        other => return Err(AudioError::UnsupportedFormat(id(device).to_string(), other.to_string())),
    };
    stream.map_err(|error| explain(Direction::Playback, Some(&id(device)), &error))
}

/// What a device is stored and opened by.
pub(super) fn id(device: &cpal::Device) -> DeviceId {
    DeviceId::new(device.id().map_or_else(|_| "default".to_owned(), |id| id.to_string()))
}

/// What a stream reports its errors to.
pub(super) type OnError = Box<dyn FnMut(cpal::Error) + Send>;

/// Where a running device reports what happens to it.
pub(super) struct Watch {
    errors: Receiver<cpal::Error>,
    direction: Direction,
    id: Option<DeviceId>,
}

impl Watch {
    /// The watch and the callback that feeds it. Recoverable glitches are only counted.
    pub(super) fn new(
        direction: Direction,
        id: Option<&DeviceId>,
        counters: Arc<Counters>,
    ) -> (Self, OnError) {
        let (sender, errors): (SyncSender<cpal::Error>, _) = sync_channel(4);
        let callback = move |error: cpal::Error| match error.kind() {
            ErrorKind::Xrun => {
                counters.xruns.fetch_add(1, Relaxed);
            }
            // The stream goes on in these cases.
            ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied => {}
            // A full queue holds an error already, and one is enough.
            _ => drop(sender.try_send(error)),
        };
        (Self { errors, direction, id: id.cloned() }, Box::new(callback))
    }

    /// Why the device stopped, once.
    pub(super) fn poll(&self) -> Option<AudioError> {
        self.errors.try_recv().ok().map(|error| explain(self.direction, self.id.as_ref(), &error))
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("direction", &self.direction).finish_non_exhaustive()
    }
}

pub(super) fn explain(direction: Direction, id: Option<&DeviceId>, error: &cpal::Error) -> AudioError {
    let name = || id.map_or_else(|| "default".to_owned(), ToString::to_string);
    match error.kind() {
        ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable | ErrorKind::UnsupportedOperation => {
            match id {
                Some(id) => AudioError::DeviceGone(id.to_string()),
                None => AudioError::NoDevice(direction),
            }
        }
        ErrorKind::DeviceBusy => AudioError::DeviceBusy(name()),
        ErrorKind::PermissionDenied => AudioError::PermissionDenied(name()),
        ErrorKind::UnsupportedConfig | ErrorKind::InvalidInput => {
            AudioError::UnsupportedFormat(name(), error.to_string())
        }
        ErrorKind::StreamInvalidated => AudioError::DeviceGone(name()),
        _ => AudioError::Backend(error.to_string()),
    }
}

fn default_device(host: &cpal::Host, direction: Direction) -> Option<cpal::Device> {
    match direction {
        Direction::Capture => host.default_input_device(),
        Direction::Playback => host.default_output_device(),
    }
}

fn record_as<T: SizedSample>(
    device: &cpal::Device,
    config: StreamConfig,
    mut ring: Producer<f32>,
    counters: Arc<Counters>,
    on_error: OnError,
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

fn play_as<T: SizedSample + FromSample<f32>>(
    device: &cpal::Device,
    config: StreamConfig,
    mut ring: Consumer<f32>,
    counters: Arc<Counters>,
    on_error: OnError,
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
