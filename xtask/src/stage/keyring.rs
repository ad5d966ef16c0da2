//! A Secret Service, unlocked and empty.

use std::time::Duration;

use super::{Bus, Home, Process, Result};

/// The name the Secret Service has on the bus.
const NAME: &str = "org.freedesktop.secrets";

/// A keyring daemon whose default collection is unlocked, so that nothing prompts.
#[derive(Debug)]
pub struct Keyring {
    _daemon: Process,
}

impl Keyring {
    /// Starts the daemon on a bus; its file goes into the home given and disappears with it.
    pub fn start(bus: &Bus, home: &Home) -> Result<Self> {
        let mut environment = home.environment();
        environment.extend(bus.environment());
        let control = format!("--control-directory={}", bus.runtime_directory().join("keyring").display());
        let arguments = ["--foreground", "--unlock", "--components=secrets", &control];
        let mut daemon = Process::start("gnome-keyring-daemon", arguments, &environment)?;
        // The whole of stdin is the password, a newline would be part of it.
        daemon.write("stage")?;
        daemon.close_stdin();
        bus.wait_for_name(NAME, Duration::from_secs(20))?;
        Ok(Self { _daemon: daemon })
    }
}
