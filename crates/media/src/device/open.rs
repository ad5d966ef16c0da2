//! Finding devices, choosing a format, and what went wrong in words of this crate.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use cpal::traits::{DeviceTrait, HostTrait};
use cpal::{
    BufferSize, ErrorKind, SampleFormat, StreamConfig, SupportedBufferSize, SupportedStreamConfigRange,
};

use super::callback::Counters;
use super::{DeviceId, DeviceInfo};
use crate::DEVICE_RATE;
use crate::error::{AudioError, Direction};

/// Frames per callback asked for at 48 kHz: 15 ms. Less than a packet, and still enough for a busy machine.
pub(super) const PERIOD: u32 = 720;

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
    let host = cpal::default_host();
    let Some(wanted) = id else {
        return default_device(&host, direction).ok_or(AudioError::NoDevice(direction));
    };
    if let Some(device) = wanted.as_str().parse().ok().and_then(|id| host.device_by_id(&id)) {
        return Ok(device);
    }
    let matches = |device: &cpal::Device| {
        let named = device.description().is_ok_and(|d| d.name() == wanted.as_str());
        named || device.id().is_ok_and(|id| id.id() == wanted.as_str() || id.to_string() == wanted.as_str())
    };
    let mut devices = host.devices().map_err(|error| explain(direction, id, &error))?;
    devices.find(matches).ok_or_else(|| AudioError::DeviceGone(wanted.to_string()))
}

/// The format to open a device with: our rate, few channels, the given period, as far as it has them.
pub(super) fn choose(
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
        _ => return None,
    };
    let channels = range.channels();
    // Mono needs no mixing; beyond stereo, nobody knows which channel is the microphone.
    Some((if channels > 2 { channels + 100 } else { channels }, format))
}

/// How often in a row a device that stumbles is opened again.
const RETRIES: u32 = 6;
/// A device without a callback for this long stands still.
pub(super) const STANDSTILL: Duration = Duration::from_millis(300);
/// A device that ran this long had not stumbled in a row.
const STEADY: Duration = Duration::from_secs(10);

/// Opens a device that stumbled again, with longer periods, as long as there is hope.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retry {
    period: u32,
    count: u32,
    last: Option<Instant>,
}

impl Retry {
    pub(super) fn new() -> Self {
        Self { period: PERIOD, count: 0, last: None }
    }

    /// The period to try next, or that it is enough.
    pub(super) fn next(&mut self, now: Instant) -> Option<u32> {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) > STEADY) {
            self.count = 0;
        }
        self.last = Some(now);
        self.count += 1;
        self.period = (self.period * 2).min(PERIOD * 4);
        (self.count <= RETRIES).then_some(self.period)
    }
}

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
    ) -> (Self, impl FnMut(cpal::Error) + Send + 'static) {
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
        (Self { errors, direction, id: id.cloned() }, callback)
    }

    /// What it was opened by.
    pub(super) fn id(&self) -> Option<&DeviceId> {
        self.id.as_ref()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_stumbles_is_tried_with_longer_periods_and_not_for_ever() {
        let start = Instant::now();
        let mut retry = Retry::new();
        let periods: Vec<_> = (0..8).map(|_| retry.next(start)).collect();
        let (first, second) = (Some(PERIOD * 2), Some(PERIOD * 4));
        assert_eq!(periods, [first, second, second, second, second, second, None, None]);
        assert_eq!(retry.next(start + STEADY * 2), second, "after a steady time there is new hope");
    }
}
