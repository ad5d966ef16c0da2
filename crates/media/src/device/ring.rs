//! Ringing: tones outside of a call, on a device of their own or on all of them. rodio plays the tone, the
//! loudspeakers are those of calls.
//!
//! A tone may come late but must not break off, so more of it waits in a loudspeaker than of a call; what waits
//! there goes with the loudspeaker, so a tone stops at once.

use std::num::NonZero;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use rodio::queue::SourcesQueueOutput;
use rodio::{Player, Source};

use super::follow::{Followed, Following};
use super::{DeviceId, Playback, list};
use crate::DEVICE_RATE;
use crate::device::follow::Follows;
use crate::error::{AudioError, Direction};
use crate::tone::{Tone, ToneSamples};

/// Time between two looks at the loudspeakers.
const LOOK: Duration = Duration::from_millis(40);
/// How much waits in a loudspeaker.
const STORE: Duration = Duration::from_millis(160);
/// Callbacks are so many times as long as those of a call.
const SLOWER: u32 = 4;
/// More loudspeakers than anyone has.
const MOST: usize = 8;

/// Where a tone sounds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RingOn {
    /// On the system's default loudspeaker.
    #[default]
    Default,
    /// On this one, and on the default one while it isn't there.
    Device(DeviceId),
    /// On all there are.
    All,
}

/// Plays one tone at a time: ringtone, ringback, busy, notification. The device is only held while it sounds.
/// Dropping it ends the tone at once.
#[derive(Debug, Default)]
pub struct Ringer {
    on: RingOn,
    playing: Option<Playing>,
}

/// A thread that plays, until its end of `stop` goes.
#[derive(Debug)]
struct Playing {
    _stop: SyncSender<()>,
    errors: Receiver<AudioError>,
    /// Closed by the end of the tone.
    sounding: Receiver<()>,
}

impl Ringer {
    /// A ringer.
    pub fn new(on: RingOn) -> Self {
        Self { on, playing: None }
    }

    /// Chooses where the next tone sounds.
    pub fn set_on(&mut self, on: RingOn) {
        self.on = on;
    }

    /// Starts a tone in place of what sounds. Endless ones go on until [`Self::stop`].
    pub fn play(&mut self, tone: Tone) {
        self.stop();
        let (stop, stopped) = sync_channel(0);
        let (tell, errors) = sync_channel(4);
        let (sounds, sounding) = sync_channel(0);
        let on = self.on.clone();
        let ring = move || {
            let _sounds: SyncSender<()> = sounds;
            ring(&on, tone, &stopped, &tell);
        };
        match std::thread::Builder::new().name("tern-ring".into()).spawn(ring) {
            Ok(_) => self.playing = Some(Playing { _stop: stop, errors, sounding }),
            Err(error) => tracing::warn!(%error, "no thread for a tone"),
        }
    }

    /// Ends the tone and lets the device go.
    pub fn stop(&mut self) {
        self.playing = None;
    }

    /// Whether a tone sounds.
    pub fn is_playing(&mut self) -> bool {
        use std::sync::mpsc::TryRecvError::Disconnected;
        if self.playing.as_ref().is_some_and(|playing| playing.sounding.try_recv() == Err(Disconnected)) {
            self.playing = None;
        }
        self.playing.is_some()
    }

    /// Why the tone can't be heard at present, if so; told once. It goes on when a loudspeaker comes.
    pub fn poll_error(&mut self) -> Option<AudioError> {
        self.playing.as_ref()?.errors.try_recv().ok()
    }
}

/// A tone on one loudspeaker.
struct Voice {
    speaker: Speaker,
    player: Player,
    samples: SourcesQueueOutput,
    piece: Vec<f32>,
    /// Where nobody hears it, the tone passes as time does.
    passed: Instant,
}

enum Speaker {
    Followed(Following<Playback>),
    /// One of all: when it goes, the others remain.
    Fixed(Playback),
}

impl Voice {
    fn new(speaker: Speaker, tone: Tone, now: Instant) -> Self {
        let (player, samples) = Player::new();
        player.append(ToneSource(ToneSamples::new(tone, DEVICE_RATE)));
        Self { speaker, player, samples, piece: Vec::new(), passed: now }
    }

    /// Brings the loudspeaker what it needs. False when it has gone.
    fn step(&mut self, now: Instant, errors: &SyncSender<AudioError>) -> bool {
        let playback = match &mut self.speaker {
            Speaker::Followed(following) => {
                while let Some(followed) = following.poll(now) {
                    if let Followed::Nowhere(error) = followed {
                        let _ = errors.try_send(error);
                    }
                }
                following.moving(now)
            }
            Speaker::Fixed(playback) => {
                if playback.news(now).is_some() {
                    return false;
                }
                Some(playback).filter(|playback| playback.moves(now))
            }
        };
        let passed = now.saturating_duration_since(std::mem::replace(&mut self.passed, now));
        let count = match &playback {
            Some(playback) => playback.room(STORE),
            None => (passed.as_secs_f64() * f64::from(DEVICE_RATE)) as usize,
        };
        self.piece.clear();
        self.piece.extend(self.samples.by_ref().take(count));
        if let Some(playback) = playback {
            playback.write(&self.piece);
        }
        true
    }
}

/// The thread: plays until it is stopped or the tone has ended.
fn ring(on: &RingOn, tone: Tone, stopped: &Receiver<()>, errors: &SyncSender<AudioError>) {
    let start = Instant::now();
    let followed = |id| vec![Voice::new(Speaker::Followed(Following::slow(id, SLOWER)), tone, start)];
    let mut voices = match on {
        RingOn::Default => followed(None),
        RingOn::Device(id) => followed(Some(id.clone())),
        RingOn::All => everywhere(tone, start),
    };
    if voices.is_empty() {
        voices = followed(None);
    }
    loop {
        let now = Instant::now();
        voices.retain_mut(|voice| voice.step(now, errors));
        // What is in store is still to be heard.
        let rest = if voices.iter().all(|voice| voice.player.empty()) { STORE } else { LOOK };
        match stopped.recv_timeout(rest) {
            Err(RecvTimeoutError::Timeout) if rest == LOOK => {}
            _ => return,
        }
    }
}

fn everywhere(tone: Tone, now: Instant) -> Vec<Voice> {
    let open = |id: &DeviceId| match Playback::start(Some(id), SLOWER) {
        Ok(playback) => Some(Voice::new(Speaker::Fixed(playback), tone, now)),
        Err(error) => {
            tracing::info!(code = error.code(), "one loudspeaker doesn't ring");
            None
        }
    };
    list(Direction::Playback).iter().take(MOST).filter_map(|device| open(&device.id)).collect()
}

struct ToneSource(ToneSamples);

impl Iterator for ToneSource {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        self.0.next()
    }
}

impl Source for ToneSource {
    fn current_span_len(&self) -> Option<usize> {
        None
    }

    fn channels(&self) -> NonZero<u16> {
        NonZero::<u16>::MIN
    }

    fn sample_rate(&self) -> NonZero<u32> {
        const RATE: NonZero<u32> = NonZero::new(DEVICE_RATE).unwrap();
        RATE
    }

    fn total_duration(&self) -> Option<Duration> {
        None
    }
}
