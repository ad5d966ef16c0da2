//! A sound card without one: a loudspeaker that can be recorded, a microphone that can be spoken into.
//!
//! A PulseAudio server of this run's own with two null sinks. What a program plays goes to the sink
//! `loudspeaker`, whose monitor is what an ear in the room hears. What is played into the sink `mouth`
//! comes out of the source `microphone`. ALSA programs get there through the `pulse` plugin.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Home, Process, Result, Scratch, StageError, Variable};

/// Sample rate of both null sinks, in Hz; they are mono.
pub const RATE: u32 = 48_000;

const SOON: Duration = Duration::from_secs(20);

/// A running sound server with one virtual loudspeaker and one virtual microphone.
#[derive(Debug)]
pub struct Sound {
    _server: Process,
    server_address: String,
    folder: Scratch,
}

impl Sound {
    /// Starts the server and waits until both devices are there.
    pub fn start() -> Result<Self> {
        Self::start_with(&devices(), &["microphone", "loudspeaker.monitor"])
    }

    /// Starts a server with other devices, given as PulseAudio's own commands, and waits for the sources named.
    pub fn start_with(devices: &str, sources: &[&str]) -> Result<Self> {
        let folder = Scratch::new("sound")?;
        let socket = folder.join("native");
        let script = folder.write("default.pa", script(&socket, devices))?;
        // Its cookie and state would otherwise go to the home of whoever runs this.
        let own = |name: &str| (name.to_owned(), folder.path().display().to_string());
        let environment = ["HOME", "XDG_CONFIG_HOME", "PULSE_RUNTIME_PATH", "PULSE_STATE_PATH"].map(own);
        let script = script.display().to_string();
        let arguments = [
            "-n",
            "-F",
            &script,
            "--daemonize=no",
            "--exit-idle-time=-1",
            "--use-pid-file=no",
            "--disable-shm=yes",
            "--high-priority=no",
            "--realtime=no",
            "--log-target=stderr",
        ];
        let server = Process::start("pulseaudio", arguments, &environment)?;
        let sound = Self { _server: server, server_address: format!("unix:{}", socket.display()), folder };
        sound.wait_until_ready(sources)?;
        Ok(sound)
    }

    /// Makes ALSA programs with that home use these devices as their default ones.
    pub fn use_for(&self, home: &Home) -> Result<()> {
        home.write(".asoundrc", "pcm.!default { type pulse }\nctl.!default { type pulse }\n")?;
        Ok(())
    }

    /// Variables that lead a PulseAudio client, or ALSA's `pulse` plugin, to this server.
    pub fn environment(&self) -> Vec<Variable> {
        vec![
            ("PULSE_SERVER".into(), self.server_address.clone()),
            ("PULSE_RUNTIME_PATH".into(), self.folder.path().display().to_string()),
            // A cookie in the home of the test would be written, never needed: the socket lets this user in.
            ("PULSE_COOKIE".into(), self.folder.join("cookie").display().to_string()),
        ]
    }

    /// Speaks a WAV file into the microphone, from now on and in real time.
    ///
    /// The process ends when all of it was said; wait for it, or drop it to fall silent.
    pub fn speak(&self, wav: &Path) -> Result<Process> {
        self.speak_into("mouth", wav)
    }

    /// The same into a sink of one's own.
    pub fn speak_into(&self, sink: &str, wav: &Path) -> Result<Process> {
        let (device, wav) = (format!("--device={sink}"), wav.display().to_string());
        Process::start("paplay", [device, wav], &self.environment())
    }

    /// Records what the loudspeaker plays, from when this returns until [`Recording::finish`].
    ///
    /// The file is mono, 16 bit, at [`RATE`].
    pub fn record_loudspeaker(&self, to: &Path) -> Result<Recording> {
        self.record("loudspeaker.monitor", &["--channels=1", "--latency-msec=20"], to)
    }

    /// Records what a program would hear from the microphone, the same way.
    pub fn record_microphone(&self, to: &Path) -> Result<Recording> {
        self.record("microphone", &["--channels=1", "--latency-msec=20"], to)
    }

    /// Records all channels of a source of one's own, in the order of the map.
    ///
    /// It asks for large pieces, so that nobody's sound moves faster for being recorded.
    pub fn record_channels(&self, source: &str, map: &[&str], to: &Path) -> Result<Recording> {
        let (count, map) = (format!("--channels={}", map.len()), format!("--channel-map={}", map.join(",")));
        self.record(source, &[&count, &map, "--latency-msec=500"], to)
    }

    fn record(&self, source: &str, shape: &[&str], to: &Path) -> Result<Recording> {
        let device = format!("--device={source}");
        let rate = format!("--rate={RATE}");
        let file = to.display().to_string();
        let fixed = ["--verbose", "--format=s16le", "--file-format=wav", &device, &rate];
        let arguments = fixed.iter().chain(shape).copied().chain([file.as_str()]);
        let mut recorder = Process::start("parec", arguments, &self.environment())?;
        recorder.wait_for_line("Connected to device", SOON)?;
        Ok(Recording { recorder, file: to.to_path_buf() })
    }

    fn wait_until_ready(&self, sources: &[&str]) -> Result<()> {
        let deadline = std::time::Instant::now() + SOON;
        loop {
            let mut asked = Process::start("pactl", ["list", "short", "sources"], &self.environment())?;
            let status = asked.wait(SOON)?;
            let said = asked.output();
            if status.success() && sources.iter().all(|source| said.contains(source)) {
                return Ok(());
            }
            if std::time::Instant::now() >= deadline {
                let said = format!("{said}{}", self._server.output());
                return Err(StageError::TooLate { what: "a sound server".into(), within: SOON, said });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A recording in progress.
#[derive(Debug)]
pub struct Recording {
    recorder: Process,
    file: PathBuf,
}

impl Recording {
    /// Ends it and returns the finished WAV file.
    pub fn finish(mut self) -> Result<PathBuf> {
        // The length in the WAV header is written on an orderly end only.
        self.recorder.signal("INT");
        self.recorder.wait(SOON)?;
        Ok(self.file.clone())
    }
}

fn script(socket: &Path, devices: &str) -> String {
    let socket = socket.display();
    format!("load-module module-native-protocol-unix socket={socket} auth-anonymous=1\n{devices}")
}

fn devices() -> String {
    let sink = |name: &str| {
        format!(
            "load-module module-null-sink sink_name={name} rate={RATE} channels=1 sink_properties=device.description={name}\n"
        )
    };
    let mut devices = sink("loudspeaker") + &sink("mouth");
    // Some programs hide monitors from their list of microphones; a remapped source is an ordinary one.
    devices += "load-module module-remap-source source_name=microphone master=mouth.monitor source_properties=device.description=microphone\n";
    devices += "set-default-sink loudspeaker\nset-default-source microphone\n";
    devices
}
