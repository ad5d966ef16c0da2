//! The sound servers of Linux desktops, PulseAudio and PipeWire, spoken to in PulseAudio's own protocol.
//!
//! ALSA reaches them too, but through it there is one device called "default": which microphones there are, which
//! one is used and that another took its place can't be told, and each period waits longer. Without such a server
//! cpal has the devices.

mod devices;
mod stream;
mod wire;

pub(super) use devices::{Changes, list, name};
pub(super) use stream::Line;
