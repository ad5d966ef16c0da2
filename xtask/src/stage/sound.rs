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
        let folder = Scratch::new("sound")?;
        let socket = folder.join("native");
        let script = folder.write("default.pa", script(&socket))?;
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
        sound.wait_until_ready()?;
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
        let wav = wav.display().to_string();
        Process::start("paplay", ["--device=mouth", &wav], &self.environment())
    }

    /// Records what the loudspeaker plays, from when this returns until [`Recording::finish`].
    ///
    /// The file is mono, 16 bit, at [`RATE`].
    pub fn record_loudspeaker(&self, to: &Path) -> Result<Recording> {
        self.record("loudspeaker.monitor", to)
    }

    /// Records what a program would hear from the microphone, the same way.
    pub fn record_microphone(&self, to: &Path) -> Result<Recording> {
        self.record("microphone", to)
    }

    fn record(&self, source: &str, to: &Path) -> Result<Recording> {
        let device = format!("--device={source}");
        let rate = format!("--rate={RATE}");
        let file = to.display().to_string();
        let arguments = [
            "--verbose",
            "--format=s16le",
            "--channels=1",
            "--latency-msec=20",
            "--file-format=wav",
            &device,
            &rate,
            &file,
        ];
        let mut recorder = Process::start("parec", arguments, &self.environment())?;
        recorder.wait_for_line("Connected to device", SOON)?;
        Ok(Recording { recorder, file: to.to_path_buf() })
    }

    fn wait_until_ready(&self) -> Result<()> {
        let deadline = std::time::Instant::now() + SOON;
        loop {
            let mut asked = Process::start("pactl", ["list", "short", "sources"], &self.environment())?;
            let status = asked.wait(SOON)?;
            let said = asked.output();
            if status.success() && said.contains("microphone") && said.contains("loudspeaker.monitor") {
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

fn script(socket: &Path) -> String {
    let sink = |name: &str| {
        format!(
            "load-module module-null-sink sink_name={name} rate={RATE} channels=1 sink_properties=device.description={name}\n"
        )
    };
    let mut script =
        format!("load-module module-native-protocol-unix socket={} auth-anonymous=1\n", socket.display());
    script += &sink("loudspeaker");
    script += &sink("mouth");
    // Some programs hide monitors from their list of microphones; a remapped source is an ordinary one.
    script += "load-module module-remap-source source_name=microphone master=mouth.monitor source_properties=device.description=microphone\n";
    script += "set-default-sink loudspeaker\nset-default-source microphone\n";
    script
}
