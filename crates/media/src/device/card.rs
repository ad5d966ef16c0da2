//! A stream on a sound card, and what happens to it: it is lost, or sounds elsewhere now. Where a sound server has the
//! cards it is one of the server (`served`), else cpal's (`open`).

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use rtrb::{Consumer, Producer, RingBuffer};

use super::callback::Counters;
use super::open::{self, Opened, Watch};
#[cfg(target_os = "linux")]
use super::served::Served;
#[cfg(target_os = "linux")]
use super::server;
use super::{DeviceId, DeviceInfo};
use crate::DEVICE_RATE;
use crate::error::{AudioError, Direction};

/// After an error, a device without a callback for this long has stopped.
const STANDSTILL: Duration = Duration::from_millis(200);
/// Without an error, too, but only after this long.
const SILENT_STANDSTILL: Duration = Duration::from_secs(1);
/// A device that has just been opened may take this long to its first callback.
const START: Duration = Duration::from_secs(3);

/// What a stream has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// It sounds here now.
    On(DeviceId),
    /// It has ended for good.
    Ended(AudioError),
}

/// Frames that pass at a time where no sound server has the cards: shorter ones leave gaps on a busy machine, with every
/// sound system tried.
const PERIOD: u32 = DEVICE_RATE * 15 / 1_000;

/// A running stream. Dropping it ends it.
pub(super) struct Card {
    run: Run,
    stumbled: Option<AudioError>,
    /// Where it sounds.
    pub(super) on: DeviceId,
    /// Frames a second that pass through the ring.
    pub(super) rate: u32,
    counters: Arc<Counters>,
    opened: Instant,
}

enum Run {
    #[cfg(target_os = "linux")]
    Served(Served),
    Own(cpal::Stream, Watch),
}

impl Card {
    /// Starts to record. Periods are `slower` times as long as those of calls, as far as the system does that.
    pub(super) fn capture(
        wanted: Option<&DeviceId>,
        slower: u32,
        counters: &Arc<Counters>,
    ) -> Result<(Self, Consumer<f32>), AudioError> {
        #[cfg(target_os = "linux")]
        if let Some((served, ring)) = Served::capture(wanted, slower, counters)? {
            return Ok((Self::served(served, counters), ring));
        }
        Self::own(Direction::Capture, wanted, slower, counters, |device, config, format, watch| {
            let (to, ring) = RingBuffer::new(config.sample_rate as usize);
            Ok((open::record(device, config, format, to, Arc::clone(counters), watch)?, ring))
        })
    }

    /// Starts to play, the same way.
    pub(super) fn playback(
        wanted: Option<&DeviceId>,
        slower: u32,
        counters: &Arc<Counters>,
    ) -> Result<(Self, Producer<f32>), AudioError> {
        #[cfg(target_os = "linux")]
        if let Some((served, ring)) = Served::playback(wanted, slower, counters)? {
            return Ok((Self::served(served, counters), ring));
        }
        Self::own(Direction::Playback, wanted, slower, counters, |device, config, format, watch| {
            let (ring, from) = RingBuffer::new(config.sample_rate as usize);
            Ok((open::play(device, config, format, from, Arc::clone(counters), watch)?, ring))
        })
    }

    #[cfg(target_os = "linux")]
    fn served(served: Served, counters: &Arc<Counters>) -> Self {
        let on = served.begins_on.clone();
        Self::new(Run::Served(served), on, DEVICE_RATE, counters)
    }

    fn own<R>(
        direction: Direction,
        wanted: Option<&DeviceId>,
        slower: u32,
        counters: &Arc<Counters>,
        build: impl Fn(
            &cpal::Device,
            cpal::StreamConfig,
            cpal::SampleFormat,
            open::OnError,
        ) -> Result<(cpal::Stream, R), AudioError>,
    ) -> Result<(Self, R), AudioError> {
        let device = open::find(direction, wanted)?;
        let period = PERIOD.saturating_mul(slower);
        let Opened { stream, watch, rate, ring } =
            open::start(direction, wanted, &device, period, counters, |config, format, watch| {
                build(&device, config, format, watch)
            })?;
        Ok((Self::new(Run::Own(stream, watch), open::id(&device), rate, counters), ring))
    }

    fn new(run: Run, on: DeviceId, rate: u32, counters: &Arc<Counters>) -> Self {
        Self { run, stumbled: None, on, rate, counters: Arc::clone(counters), opened: Instant::now() }
    }

    /// That it isn't another one than was asked for.
    pub(super) fn is_on(&self, wanted: Option<&DeviceId>) -> Result<(), AudioError> {
        #[cfg(target_os = "linux")]
        if let (Run::Served(served), Some(id)) = (&self.run, wanted)
            && served.chosen.as_ref() != Some(&self.on)
        {
            return Err(AudioError::DeviceGone(id.to_string()));
        }
        let _ = wanted;
        Ok(())
    }

    /// What happened since the last call.
    pub(super) fn news(&mut self, now: Instant) -> Option<News> {
        match &self.run {
            #[cfg(target_os = "linux")]
            Run::Served(served) => match served.news() {
                Some(News::On(on)) if on == self.on => {}
                Some(News::On(on)) => {
                    self.on.clone_from(&on);
                    return Some(News::On(on));
                }
                Some(ended) => return Some(ended),
                None => {}
            },
            Run::Own(_, watch) => match watch.poll() {
                // Most stumbles are over by the next callback.
                Some(error @ AudioError::Backend(_)) => self.stumbled = Some(error),
                Some(error) => return Some(News::Ended(error)),
                None => {}
            },
        }
        let started = self.counters.period.load(Relaxed) > 0;
        let (since, patience) = match (&self.stumbled, started) {
            (Some(_), _) => (self.counters.latest(), STANDSTILL),
            (None, true) => (self.counters.latest(), SILENT_STANDSTILL),
            (None, false) => (self.opened, START),
        };
        if now.saturating_duration_since(since) < patience {
            return None;
        }
        let still = || AudioError::Backend("the device stands still".into());
        Some(News::Ended(self.stumbled.take().unwrap_or_else(still)))
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        // Silence at once; ending a stream for good may take its threads a while.
        use cpal::traits::StreamTrait;
        match &self.run {
            #[cfg(target_os = "linux")]
            Run::Served(_) => {}
            Run::Own(stream, _) => _ = stream.pause(),
        }
    }
}

/// The devices of one direction, the default one first.
pub(super) fn list(direction: Direction) -> Vec<DeviceInfo> {
    #[cfg(target_os = "linux")]
    if let Some(list) = server::list(direction) {
        return list.into_iter().filter(server::worth_showing).collect();
    }
    open::list(direction)
}
