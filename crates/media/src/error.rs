//! What can go wrong with sound on this machine. Faults of the network are no errors here: a bad packet is
//! counted in [`crate::StreamStats`] and that is all.

use std::path::PathBuf;

use thiserror::Error;

/// Whose fault an [`AudioError`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The person can put it right: choose another device or file, plug one in, grant access.
    User,
    /// The machine's sound system refuses to work.
    Machine,
}

/// A sound card or a sound file that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AudioError {
    /// The machine has no device of this direction.
    #[error("no {0} device was found")]
    NoDevice(Direction),
    /// The chosen device isn't there (any more).
    #[error("the audio device {0:?} is not available")]
    DeviceGone(String),
    /// Another program holds the device.
    #[error("the audio device {0:?} is in use by another program")]
    DeviceBusy(String),
    /// The operating system keeps this program from the device, as with a microphone permission.
    #[error("access to the audio device {0:?} was denied")]
    PermissionDenied(String),
    /// The device has no format that can be used.
    #[error("the audio device {0:?} has no usable format: {1}")]
    UnsupportedFormat(String, String),
    /// The sound system failed in a way it doesn't explain further.
    #[error("the sound system failed: {0}")]
    Backend(String),
    /// The program was built without sound cards (feature `device`).
    #[error("this build has no support for audio devices")]
    NoDeviceSupport,
    /// A file can't be opened, read or written.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        reason: String,
    },
    /// A file isn't a WAV file that can be played.
    #[error("{path} is not a usable WAV file: {reason}")]
    BadWav {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file isn't an Ogg Opus file that can be played.
    #[error("{path} is not a usable Ogg Opus file: {reason}")]
    BadOpus {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk is slower than the sound that is to be kept.
    #[error("{path}: the disk is too slow for a recording")]
    DiskTooSlow {
        /// The file.
        path: PathBuf,
    },
}

impl AudioError {
    /// A stable code to branch on and to translate by.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoDevice(Direction::Capture) => "no_microphone",
            Self::NoDevice(Direction::Playback) => "no_loudspeaker",
            Self::DeviceGone(_) => "audio_device_gone",
            Self::DeviceBusy(_) => "audio_device_busy",
            Self::PermissionDenied(_) => "audio_permission_denied",
            Self::UnsupportedFormat(..) => "audio_format_unsupported",
            Self::Backend(_) => "audio_backend_failed",
            Self::NoDeviceSupport => "audio_no_device_support",
            Self::File { .. } => "audio_file_failed",
            Self::BadWav { .. } => "audio_file_not_wav",
            Self::BadOpus { .. } => "audio_file_not_opus",
            Self::DiskTooSlow { .. } => "audio_disk_too_slow",
        }
    }

    /// Whose fault this is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Backend(_) | Self::NoDeviceSupport | Self::DiskTooSlow { .. } => Fault::Machine,
            _ => Fault::User,
        }
    }
}

/// Which way sound flows through a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Microphone to program.
    Capture,
    /// Program to loudspeaker.
    Playback,
}

impl std::fmt::Display for Direction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Capture => "recording",
            Self::Playback => "playback",
        })
    }
}
