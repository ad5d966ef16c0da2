//! A stream on a sound card, and what happens to it: it is lost, or sounds elsewhere now.
//!
//! Where a sound server has the cards, a stream is one of the server, which moves it when its device vanishes or the
//! default changes; to a chosen one it is steered here, when it begins and when that one returns.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
#[cfg(target_os = "linux")]
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rtrb::{Consumer, Producer, RingBuffer};

use super::callback::Counters;
use super::open::{self, Opened, Watch};
#[cfg(target_os = "linux")]
use super::server;
use super::{DeviceId, DeviceInfo};
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

/// A running stream. Dropping it ends it.
pub(super) struct Card {
    stream: cpal::Stream,
    watch: Watch,
    stumbled: Option<AudioError>,
    /// Where it sounds.
    pub(super) on: DeviceId,
    /// Frames a second that pass through the ring.
    pub(super) rate: u32,
    counters: Arc<Counters>,
    opened: Instant,
    seat: Option<Seat>,
}

impl Card {
    /// Starts to record. `period` in frames at the rate of calls is a wish.
    pub(super) fn capture(
        wanted: Option<&DeviceId>,
        period: u32,
        counters: &Arc<Counters>,
    ) -> Result<(Self, Consumer<f32>), AudioError> {
        Self::start(Direction::Capture, wanted, period, counters, |device, config, format, watch| {
            let (to, ring) = RingBuffer::new(config.sample_rate as usize);
            Ok((open::record(device, config, format, to, Arc::clone(counters), watch)?, ring))
        })
    }

    /// Starts to play. `period` in frames at the rate of calls is a wish.
    pub(super) fn playback(
        wanted: Option<&DeviceId>,
        period: u32,
        counters: &Arc<Counters>,
    ) -> Result<(Self, Producer<f32>), AudioError> {
        Self::start(Direction::Playback, wanted, period, counters, |device, config, format, watch| {
            let (ring, from) = RingBuffer::new(config.sample_rate as usize);
            Ok((open::play(device, config, format, from, Arc::clone(counters), watch)?, ring))
        })
    }

    fn start<R>(
        direction: Direction,
        wanted: Option<&DeviceId>,
        period: u32,
        counters: &Arc<Counters>,
        build: impl Fn(
            &cpal::Device,
            cpal::StreamConfig,
            cpal::SampleFormat,
            open::OnError,
        ) -> Result<(cpal::Stream, R), AudioError>,
    ) -> Result<(Self, R), AudioError> {
        #[cfg(target_os = "linux")]
        let _alone = lock(&BEGIN);
        let (seat, wanted) = Seat::take(direction, wanted)?;
        let device = open::find(direction, wanted)?;
        let Opened { stream, watch, rate, ring } =
            open::start(direction, wanted, &device, period, counters, |config, format, watch| {
                build(&device, config, format, watch)
            })?;
        let seat = seat.and_then(Seat::settle);
        let on = seat.as_ref().map_or_else(|| open::id(&device), |seat| seat.on.clone());
        let card = Self {
            stream,
            watch,
            stumbled: None,
            on,
            rate,
            counters: Arc::clone(counters),
            opened: Instant::now(),
            seat,
        };
        Ok((card, ring))
    }

    /// That it isn't another one than was asked for.
    pub(super) fn is_on(&self, wanted: Option<&DeviceId>) -> Result<(), AudioError> {
        match wanted {
            Some(id) if self.seat.as_ref().is_some_and(|seat| seat.chosen.as_ref() != Some(&self.on)) => {
                Err(AudioError::DeviceGone(id.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// What happened since the last call.
    pub(super) fn news(&mut self, now: Instant) -> Option<News> {
        match self.watch.poll() {
            // Most stumbles are over by the next callback.
            Some(error @ AudioError::Backend(_)) => self.stumbled = Some(error),
            Some(error) => return Some(News::Ended(error)),
            None => {}
        }
        if let Some(on) = self.seat.as_ref().and_then(Seat::moved).filter(|on| *on != self.on) {
            self.on.clone_from(&on);
            return Some(News::On(on));
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
        let _ = self.stream.pause();
    }
}

/// A stream's place on a sound server.
#[cfg(target_os = "linux")]
struct Seat {
    place: Arc<Place>,
    /// The id of what was chosen, where it was chosen by name.
    chosen: Option<DeviceId>,
    on: DeviceId,
    _changes: server::Changes,
}

#[cfg(not(target_os = "linux"))]
struct Seat {
    chosen: Option<DeviceId>,
    on: DeviceId,
}

/// What the thread that hears of changes shares with the one of the sound.
#[cfg(target_os = "linux")]
struct Place {
    direction: Direction,
    chosen: Option<DeviceId>,
    /// The stream, once it is known.
    stream: Mutex<Option<u32>>,
    /// Where it sounds by the latest change, until that is looked at.
    latest: Mutex<Option<DeviceId>>,
}

/// How long a stream may take to be known to the server, and how often that is looked at.
#[cfg(target_os = "linux")]
const SETTLE: (Duration, u32) = (Duration::from_millis(10), 50);

/// The streams that are somebody's.
#[cfg(target_os = "linux")]
static CLAIMED: Mutex<Vec<(Direction, u32)>> = Mutex::new(Vec::new());

/// One stream begins at a time: which is the new one must be clear.
#[cfg(target_os = "linux")]
static BEGIN: Mutex<()> = Mutex::new(());

#[cfg(target_os = "linux")]
impl Seat {
    /// Takes a place on the server for a stream that is to be opened now, and tells what to open; `None` for a device
    /// that isn't the server's.
    fn take(
        direction: Direction,
        wanted: Option<&DeviceId>,
    ) -> Result<(Option<Self>, Option<&DeviceId>), AudioError> {
        let Some(list) = server::list(direction) else { return Ok((None, wanted)) };
        let chosen = wanted.and_then(|id| list.iter().find(|d| d.id == *id || d.name == id.as_str()));
        let chosen = chosen.map(|device| device.id.clone());
        if chosen.is_none() && wanted.is_some_and(|id| !server::is_its(id)) {
            return Ok((None, wanted));
        }
        // One that isn't there now may come.
        let chosen = chosen.or_else(|| wanted.cloned());
        let place =
            Place { direction, chosen: chosen.clone(), stream: Mutex::new(None), latest: Mutex::new(None) };
        let place = Arc::new(place);
        let seen = Arc::clone(&place);
        let Some(changes) = server::Changes::watch(move || seen.see()) else { return Ok((None, wanted)) };
        let on = place.right(&list).ok_or(AudioError::NoDevice(direction))?;
        Ok((Some(Self { place, chosen, on, _changes: changes }), None))
    }

    /// Finds the stream that has begun, and steers it. `None` where it isn't one of the server.
    fn settle(mut self) -> Option<Self> {
        let (wait, tries) = SETTLE;
        (0..tries).find(|_| {
            let found = self.place.stream().is_some();
            if !found {
                std::thread::sleep(wait);
            }
            found
        })?;
        if let Some(on) = self.place.steered() {
            self.on = on;
        }
        Some(self)
    }

    /// Where it sounds, once after each change.
    fn moved(&self) -> Option<DeviceId> {
        // What is written just now is seen at the next look.
        self.place.latest.try_lock().ok()?.take()
    }
}

#[cfg(not(target_os = "linux"))]
impl Seat {
    fn take(
        _: Direction,
        wanted: Option<&DeviceId>,
    ) -> Result<(Option<Self>, Option<&DeviceId>), AudioError> {
        Ok((None, wanted))
    }

    fn settle(self) -> Option<Self> {
        Some(self)
    }

    fn moved(&self) -> Option<DeviceId> {
        None
    }
}

#[cfg(target_os = "linux")]
impl Place {
    /// The chosen device, or the default one.
    fn right(&self, list: &[DeviceInfo]) -> Option<DeviceId> {
        let chosen = self.chosen.as_ref().filter(|id| list.iter().any(|device| device.id == **id));
        let default = || list.iter().find(|device| device.is_default).map(|device| device.id.clone());
        chosen.cloned().or_else(default)
    }

    /// Has the stream go to the chosen device if it is there, and tells where it goes.
    fn steered(&self) -> Option<DeviceId> {
        let right = self.right(&server::list(self.direction)?)?;
        if self.chosen.as_ref() == Some(&right)
            && let Some(stream) = self.stream()
            && let Err(error) = server::steer(self.direction, stream, &right)
        {
            tracing::info!(%error, "a stream stays where it is");
        }
        Some(right)
    }

    /// The stream: the known one, or one that nobody has yet.
    fn stream(&self) -> Option<server::OurStream> {
        let mut claimed = lock(&CLAIMED);
        let mut known = lock(&self.stream);
        let there = server::streams(self.direction);
        if let Some(stream) = there.iter().find(|stream| *known == Some(stream.index)) {
            return Some(*stream);
        }
        let claim = |stream: &server::OurStream| (self.direction, stream.index);
        let free = *there.iter().find(|stream| !claimed.contains(&claim(stream)))?;
        claimed.retain(|(direction, index)| (*direction, Some(*index)) != (self.direction, *known));
        claimed.push(claim(&free));
        *known = Some(free.index);
        Some(free)
    }

    /// Something changed.
    fn see(&self) {
        if lock(&self.stream).is_some()
            && let Some(on) = self.steered()
        {
            *lock(&self.latest) = Some(on);
        }
    }
}

#[cfg(target_os = "linux")]
impl Drop for Seat {
    fn drop(&mut self) {
        let mut claimed = lock(&CLAIMED);
        let known = *lock(&self.place.stream);
        claimed.retain(|(direction, index)| (*direction, Some(*index)) != (self.place.direction, known));
    }
}

#[cfg(target_os = "linux")]
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The devices of one direction, the default one first.
pub(super) fn list(direction: Direction) -> Vec<DeviceInfo> {
    #[cfg(target_os = "linux")]
    if let Some(list) = server::list(direction) {
        return list.into_iter().filter(server::worth_showing).collect();
    }
    open::list(direction)
}
