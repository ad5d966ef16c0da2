//! The outside world, set up for one run: a display, a session bus, a sound card, a keyring.
//!
//! Invariant: whatever is started here is stopped here, by its own process id, even when the
//! process that asked for it is killed (see [`warden`]). Nothing is looked up by name and nothing of the
//! user's session is touched: every part lives in a directory of its own and is reached only through the
//! environment that [`Stage::environment`] hands out.
//!
//! Here belong the things a desktop has around an application. Peers of a call (registrars, phones) and
//! anything that knows what Tern is do not: those are the tests'.

mod bus;
mod display;
mod error;
mod keyring;
mod process;
mod scratch;
mod sound;
mod warden;

pub use bus::Bus;
pub use display::Display;
pub use error::{Result, StageError};
pub use keyring::Keyring;
pub use process::{Process, find_program};
pub use scratch::{Home, Scratch};
pub use sound::{RATE, Recording, Sound};

use std::process::Command;

/// One environment variable and its value.
pub type Variable = (String, String);

/// A whole desktop without hardware: home, display, bus, sound card and, if wanted, a keyring.
///
/// Dropping it stops everything, in the reverse of the order in which it was started.
pub struct Stage {
    /// The Secret Service, where one was asked for. First, so that it stops before its bus.
    pub keyring: Option<Keyring>,
    /// Loudspeaker and microphone.
    pub sound: Sound,
    /// The session bus and the runtime directory.
    pub bus: Bus,
    /// The X display.
    pub display: Display,
    /// The home directory that programs on this stage see.
    pub home: Home,
}

impl Stage {
    /// Starts everything, with a Secret Service that is unlocked.
    pub fn start() -> Result<Self> {
        let mut stage = Self::start_without_keyring()?;
        stage.keyring = Some(Keyring::start(&stage.bus, &stage.home)?);
        Ok(stage)
    }

    /// Starts everything but the Secret Service: the machine of someone who has none.
    pub fn start_without_keyring() -> Result<Self> {
        let home = Home::new()?;
        let display = Display::start()?;
        let bus = Bus::start()?;
        let sound = Sound::start()?;
        sound.use_for(&home)?;
        Ok(Self { keyring: None, sound, bus, display, home })
    }

    /// Everything a program needs to run on this stage and nowhere else.
    pub fn environment(&self) -> Vec<Variable> {
        let mut all = self.home.environment();
        all.extend(self.display.environment());
        all.extend(self.bus.environment());
        all.extend(self.sound.environment());
        all
    }

    /// Puts a command on this stage: adds the environment, removes what would lead it off.
    pub fn place(&self, command: &mut Command) {
        command.envs(self.environment());
        // A Wayland socket or an X cookie of the person's own session would win over the display here.
        command.env_remove("WAYLAND_DISPLAY").env_remove("XAUTHORITY").env_remove("XDG_SESSION_TYPE");
    }
}
