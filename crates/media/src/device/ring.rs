//! Ringing: tones outside of a call, on a device of their own, through rodio.

use std::num::NonZero;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use rodio::{DeviceSinkBuilder, MixerDeviceSink, Player, Source};

use super::DeviceId;
use super::open;
use crate::DEVICE_RATE;
use crate::error::{AudioError, Direction};
use crate::tone::{Tone, ToneSamples};

/// Plays one tone at a time: ringtone, ringback, busy, notification. The device is only held while it sounds.
#[derive(Debug, Default)]
pub struct Ringer {
    device: Option<DeviceId>,
    playing: Option<Playing>,
}

struct Playing {
    player: Player,
    errors: Receiver<cpal::Error>,
    _sink: MixerDeviceSink,
}

impl Ringer {
    /// A ringer on a device, or on the system's default.
    pub fn new(device: Option<DeviceId>) -> Self {
        Self { device, playing: None }
    }

    /// Chooses where the next tone sounds.
    pub fn set_device(&mut self, device: Option<DeviceId>) {
        self.device = device;
    }

    /// Starts a tone in place of what sounds. Endless ones go on until [`Self::stop`].
    pub fn play(&mut self, tone: Tone) -> Result<(), AudioError> {
        self.stop();
        let id = self.device.as_ref();
        let device = open::find(Direction::Playback, id)?;
        let (sender, errors) = sync_channel(4);
        let mut sink = DeviceSinkBuilder::from_device(device)
            .map_err(|error| explain(id, error))?
            .with_error_callback(move |error| drop(sender.try_send(error)))
            .open_stream()
            .map_err(|error| explain(id, error))?;
        sink.log_on_drop(false);
        let player = Player::connect_new(sink.mixer());
        player.append(ToneSource(ToneSamples::new(tone, DEVICE_RATE)));
        self.playing = Some(Playing { player, errors, _sink: sink });
        Ok(())
    }

    /// Ends the tone and lets the device go.
    pub fn stop(&mut self) {
        self.playing = None;
    }

    /// Whether a tone sounds. Lets the device go once a tone that ends has ended, so ask now and then.
    pub fn is_playing(&mut self) -> bool {
        if self.playing.as_ref().is_some_and(|playing| playing.player.empty()) {
            self.playing = None;
        }
        self.playing.is_some()
    }

    /// Why the tone can't be heard any more, if so; told once.
    pub fn poll_error(&mut self) -> Option<AudioError> {
        // Glitches and stumbles pass; the tone goes on after them.
        let passing = [cpal::ErrorKind::Xrun, cpal::ErrorKind::BackendError];
        let error = self.playing.as_ref()?.errors.try_iter().find(|e| !passing.contains(&e.kind()))?;
        self.playing = None;
        Some(open::explain(Direction::Playback, self.device.as_ref(), &error))
    }
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

impl std::fmt::Debug for Playing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Playing").finish_non_exhaustive()
    }
}

fn explain(id: Option<&DeviceId>, error: rodio::DeviceSinkError) -> AudioError {
    use rodio::DeviceSinkError as E;
    match error {
        E::PlayError(e) | E::DefaultSinkConfigError(e) | E::BuildError(e) | E::SupportedConfigsError(e) => {
            open::explain(Direction::Playback, id, &e)
        }
        E::NoDevice => AudioError::NoDevice(Direction::Playback),
        other => AudioError::Backend(other.to_string()),
    }
}
