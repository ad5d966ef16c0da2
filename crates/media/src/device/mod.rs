//! Sound cards: which there are, microphones, loudspeakers and the ringtone. Behind the feature `device`; without
//! it there are none, and everything else works the same.
//!
//! Sound is a sound server's where there is one (`served`), else cpal's (`open`). A call's device is followed: a lost one
//! is replaced, a chosen one is gone back to, another default is moved to. A sound server does that, steered by `served`;
//! elsewhere `follow` does.
//!
//! The invariant: what runs in the sound system's own thread (`callback`) takes no lock, allocates nothing and
//! never waits. It only moves samples between the card and a ring, and counts.

#[cfg(any(test, feature = "device"))]
mod callback;
#[cfg(feature = "device")]
mod capture;
#[cfg(feature = "device")]
mod card;
#[cfg(feature = "device")]
mod follow;
#[cfg(feature = "device")]
mod open;
#[cfg(feature = "device")]
mod playback;
#[cfg(feature = "device")]
mod ring;
#[cfg(all(feature = "device", target_os = "linux"))]
mod served;
#[cfg(all(feature = "device", target_os = "linux"))]
mod server;

use std::fmt;

use crate::error::Direction;

#[cfg(feature = "device")]
pub use capture::Capture;
#[cfg(feature = "device")]
pub(crate) use follow::{Followed, Following};
#[cfg(feature = "device")]
pub use playback::Playback;
#[cfg(feature = "device")]
pub use ring::{RingOn, Ringer};

/// Names a device for good: the same after a restart of the program, of the machine, and after unplugging, as far
/// as the sound system can tell.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(String);

impl DeviceId {
    /// The id that was stored, or that a person typed: also a device's whole name is taken when opening.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A device to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    /// What to store and open it by.
    pub id: DeviceId,
    /// What to show.
    pub name: String,
    /// Whether the system uses it when nothing is chosen.
    pub is_default: bool,
}

/// The devices of one direction, the default one first. Empty without any, and without the feature `device`.
/// Takes up to a second on some systems: not for the thread of a window.
pub fn list(direction: Direction) -> Vec<DeviceInfo> {
    #[cfg(feature = "device")]
    return card::list(direction);
    #[cfg(not(feature = "device"))]
    {
        let _ = direction;
        Vec::new()
    }
}

/// Word of devices that come and go. Dropping it ends it.
#[derive(Debug)]
pub struct Changes {
    #[cfg(all(feature = "device", target_os = "linux"))]
    _server: server::Changes,
}

impl Changes {
    /// Calls `changed`, from a thread of its own, whenever [`list`] may have another answer; a dozen times in a row
    /// when one device comes. `None` where the system doesn't tell: then the list is to be asked for now and then.
    pub fn watch(changed: impl FnMut() + Send + 'static) -> Option<Self> {
        #[cfg(all(feature = "device", target_os = "linux"))]
        return server::Changes::watch(changed).map(|server| Self { _server: server });
        #[cfg(not(all(feature = "device", target_os = "linux")))]
        {
            let _ = changed;
            None
        }
    }
}
