//! The rooms of both phones: a microphone and a loudspeaker each, without any hardware.
//!
//! Invariant: all four are channels of one virtual sound card. What is recorded of it holds what was said and what
//! was heard on one clock, to the sample.

use std::path::Path;

use tern_tests::audio::Sound as Samples;
use tern_tests::{Home, Result, Scratch};
use xtask::stage::{RATE, Recording, Sound, Variable};

/// The channels of the card: what goes into each mouth's microphone, what comes out at each ear.
const CHANNELS: [&str; 4] = ["front-left", "front-right", "rear-left", "rear-right"];

/// One sound card for two phones.
pub(crate) struct Rooms {
    sound: Sound,
    homes: [Home; 2],
    folder: Scratch,
}

/// What was said and heard in a call; of each direction the speaker's channel and the listener's.
pub(crate) struct Heard {
    /// By speaker.
    pub(crate) said: [Samples; 2],
    /// By speaker: what the other one heard of it.
    pub(crate) heard: [Samples; 2],
}

impl Rooms {
    /// Starts the sound card.
    pub(crate) fn new() -> Result<Self> {
        // Without `norewinds` a null sink sleeps for up to two seconds, and whoever joins waits for it.
        let mut devices = format!(
            "load-module module-null-sink sink_name=card rate={RATE} channels=4 channel_map={} norewinds=1\n",
            CHANNELS.join(",")
        );
        for (index, [mouth, ear]) in places().into_iter().enumerate() {
            let part = |what: &str, name: &str, master: &str, channel: &str| {
                format!(
                    "load-module module-remap-{what} {what}_name={name}-{index} master={master} channels=1 \
                     channel_map=mono master_channel_map={channel} remix=no \
                     {what}_properties=device.description={name}-{index}\n"
                )
            };
            devices += &part("sink", "mouth", "card", mouth);
            devices += &part("sink", "ear", "card", ear);
            devices += &part("source", "microphone", "card.monitor", mouth);
        }
        let sound = Sound::start_with(&devices, &["microphone-0", "microphone-1"])?;
        let homes = [Home::new()?, Home::new()?];
        for home in &homes {
            sound.use_for(home)?;
        }
        Ok(Self { sound, homes, folder: Scratch::new("rooms")? })
    }

    /// Everything a phone needs to hear and speak in one of the rooms.
    pub(crate) fn environment(&self, room: usize) -> Vec<Variable> {
        let mut all = self.homes[room].environment();
        all.extend(self.sound.environment());
        let [microphone, ear] = Self::devices(room);
        all.push(("PULSE_SINK".into(), ear));
        all.push(("PULSE_SOURCE".into(), microphone));
        all
    }

    /// The names and descriptions of a room's microphone and loudspeaker.
    pub(crate) fn devices(room: usize) -> [String; 2] {
        [format!("microphone-{room}"), format!("ear-{room}")]
    }

    /// Begins to record both rooms.
    pub(crate) fn record(&self) -> Result<Recording> {
        Ok(self.sound.record_channels("card.monitor", &CHANNELS, &self.folder.join("rooms.wav"))?)
    }

    /// Speaks into both microphones at once until each has said all.
    pub(crate) fn speak(&self, voices: &[Samples; 2], meanwhile: impl FnOnce() -> Result<()>) -> Result<()> {
        let mut speaking = Vec::new();
        for (room, voice) in voices.iter().enumerate() {
            let file = self.folder.join(format!("voice-{room}.wav"));
            voice.write(&file)?;
            speaking.push((self.sound.speak_into(&format!("mouth-{room}"), &file)?, voice.seconds()));
        }
        meanwhile()?;
        for (mut process, seconds) in speaking {
            process.wait(std::time::Duration::from_secs_f64(seconds + 20.0))?;
        }
        Ok(())
    }

    /// Takes a recording apart.
    pub(crate) fn heard(&self, recording: Recording) -> Result<Heard> {
        let file = recording.finish()?;
        let [said_0, said_1, heard_by_0, heard_by_1] = channels(&file)?;
        Ok(Heard { said: [said_0, said_1], heard: [heard_by_1, heard_by_0] })
    }
}

/// The channel of each room's mouth and ear.
fn places() -> [[&'static str; 2]; 2] {
    let [mouth_0, mouth_1, ear_0, ear_1] = CHANNELS;
    [[mouth_0, ear_0], [mouth_1, ear_1]]
}

fn channels(file: &Path) -> Result<[Samples; 4]> {
    let mut reader = hound::WavReader::open(file)?;
    let rate = reader.spec().sample_rate;
    let mut apart: [Samples; 4] = std::array::from_fn(|_| Samples { rate, samples: Vec::new() });
    for (index, sample) in reader.samples::<i16>().enumerate() {
        apart[index % 4].samples.push(f32::from(sample?) / 32_768.0);
    }
    Ok(apart)
}
