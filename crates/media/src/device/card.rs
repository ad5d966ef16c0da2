//! A stream on a sound card, through whichever sound system has it, and what happens to it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use rtrb::{Consumer, Producer, RingBuffer};

use super::callback::Counters;
use super::open::{self, Watch};
#[cfg(target_os = "linux")]
use super::server;
use super::{DeviceId, DeviceInfo};
use crate::DEVICE_RATE;
use crate::error::{AudioError, Direction};

/// After an error, a device without a callback for this long has stopped.
const STANDSTILL: Duration = Duration::from_millis(150);
/// Without an error, too, but only after this long.
const SILENT_STANDSTILL: Duration = Duration::from_secs(1);
/// A device that has just been opened may take this long to its first callback.
const START: Duration = Duration::from_secs(3);

/// What a stream has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// It sounds here now.
    On(DeviceId),
    /// There is no device; it goes on by itself when one comes.
    Nowhere(AudioError),
    /// It has ended for good.
    Ended(AudioError),
}

/// A running stream. Dropping it ends it.
pub(super) struct Card {
    system: System,
    /// Where it began.
    pub(super) began: DeviceId,
    /// Frames a second that pass through the ring.
    pub(super) rate: u32,
    counters: Arc<Counters>,
    opened: Instant,
}

enum System {
    /// What the operating system itself offers.
    Own { _stream: cpal::Stream, watch: Watch, stumbled: Option<AudioError> },
    #[cfg(target_os = "linux")]
    Server(server::Line),
}

impl Card {
    /// Starts to record. `period` in frames at [`DEVICE_RATE`] is a wish.
    pub(super) fn capture(
        id: Option<&DeviceId>,
        period: u32,
        counters: &Arc<Counters>,
    ) -> Result<(Self, Consumer<f32>), AudioError> {
        let direction = Direction::Capture;
        #[cfg(target_os = "linux")]
        if let Some(line) = on_server(direction, id, |id| {
            let (to, ring) = RingBuffer::new(DEVICE_RATE as usize);
            Ok((server::Line::capture(id, period, to, Arc::clone(counters))?, ring))
        }) {
            return line.map(|(line, ring)| (Self::server(line, counters), ring));
        }
        let device = open::find(direction, id)?;
        let (stream, watch, rate, ring) = open::start(
            direction,
            id,
            &device,
            period,
            |config, format, rate, watch| {
                let (to, ring) = RingBuffer::new(rate as usize);
                Ok((open::record(&device, config, format, to, Arc::clone(counters), watch)?, ring))
            },
            counters,
        )?;
        Ok((Self::own(&device, stream, watch, rate, counters), ring))
    }

    /// Starts to play. `period` in frames at [`DEVICE_RATE`] is a wish.
    pub(super) fn playback(
        id: Option<&DeviceId>,
        period: u32,
        counters: &Arc<Counters>,
    ) -> Result<(Self, Producer<f32>), AudioError> {
        let direction = Direction::Playback;
        #[cfg(target_os = "linux")]
        if let Some(line) = on_server(direction, id, |id| {
            let (ring, from) = RingBuffer::new(DEVICE_RATE as usize);
            Ok((server::Line::playback(id, period, from, Arc::clone(counters))?, ring))
        }) {
            return line.map(|(line, ring)| (Self::server(line, counters), ring));
        }
        let device = open::find(direction, id)?;
        let (stream, watch, rate, ring) = open::start(
            direction,
            id,
            &device,
            period,
            |config, format, rate, watch| {
                let (ring, from) = RingBuffer::new(rate as usize);
                Ok((open::play(&device, config, format, from, Arc::clone(counters), watch)?, ring))
            },
            counters,
        )?;
        Ok((Self::own(&device, stream, watch, rate, counters), ring))
    }

    #[cfg(target_os = "linux")]
    fn server(line: server::Line, counters: &Arc<Counters>) -> Self {
        let began = line.began.clone();
        Self::new(System::Server(line), began, DEVICE_RATE, counters)
    }

    fn own(
        device: &cpal::Device,
        stream: cpal::Stream,
        watch: Watch,
        rate: u32,
        counters: &Arc<Counters>,
    ) -> Self {
        let began = open::id(device);
        Self::new(System::Own { _stream: stream, watch, stumbled: None }, began, rate, counters)
    }

    fn new(system: System, began: DeviceId, rate: u32, counters: &Arc<Counters>) -> Self {
        Self { system, began, rate, counters: Arc::clone(counters), opened: Instant::now() }
    }

    /// That it isn't another one than was asked for: a server gives its default one for one that isn't there.
    pub(super) fn is_on(&self, id: Option<&DeviceId>) -> Result<(), AudioError> {
        #[cfg(target_os = "linux")]
        if let Some(id) = id.filter(|id| server::name(id).is_some_and(|_| **id != self.began)) {
            return Err(AudioError::DeviceGone(id.to_string()));
        }
        let _ = id;
        Ok(())
    }

    /// What happened since the last call.
    pub(super) fn news(&mut self, now: Instant) -> Option<News> {
        let (watch, stumbled) = match &mut self.system {
            #[cfg(target_os = "linux")]
            System::Server(line) => return line.news(),
            System::Own { watch, stumbled, .. } => (watch, stumbled),
        };
        match watch.poll() {
            // Most stumbles are over by the next callback.
            Some(error @ AudioError::Backend(_)) => *stumbled = Some(error),
            Some(error) => return Some(News::Ended(error)),
            None => {}
        }
        let started = self.counters.period.load(Relaxed) > 0;
        let (since, patience) = match (&stumbled, started) {
            (Some(_), _) => (self.counters.latest(), STANDSTILL),
            (None, true) => (self.counters.latest(), SILENT_STANDSTILL),
            (None, false) => (self.opened, START),
        };
        if now.saturating_duration_since(since) < patience {
            return None;
        }
        let still = || AudioError::Backend("the device stands still".into());
        Some(News::Ended(stumbled.take().unwrap_or_else(still)))
    }
}

/// The devices of one direction, the default one first.
pub(super) fn list(direction: Direction) -> Vec<DeviceInfo> {
    #[cfg(target_os = "linux")]
    if let Some(list) = server::list(direction) {
        return list;
    }
    open::list(direction)
}

/// Opens a stream on the sound server where it is the one to ask: for its own devices, and for the default one.
#[cfg(target_os = "linux")]
fn on_server<T>(
    direction: Direction,
    id: Option<&DeviceId>,
    start: impl FnOnce(Option<&DeviceId>) -> Result<T, AudioError>,
) -> Option<Result<T, AudioError>> {
    let Some(id) = id else {
        // Where there is no server the system's own default is taken.
        return match start(None) {
            Err(AudioError::Backend(_)) => None,
            other => Some(other),
        };
    };
    if server::name(id).is_some() {
        return Some(start(Some(id)));
    }
    // A person may give a device's name instead.
    let named = server::list(direction)?.into_iter().find(|device| device.name == id.as_str())?;
    Some(start(Some(&named.id)))
}
