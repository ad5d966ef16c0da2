//! Sound devices, and what they play and hear without a call.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::ErrorView;

/// A sound file that is played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PlayingView {
    /// The file.
    pub path: String,
    /// How far it got.
    pub position_ms: u32,
    /// How long it is.
    pub length_ms: u32,
}

/// A sound check: how loud both ends are, 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SoundCheckView {
    /// What the microphone hears.
    pub level_in: f32,
    /// What the loudspeaker plays of it, a second later.
    pub level_out: f32,
    /// What is missing: a microphone, a loudspeaker.
    pub trouble: Option<ErrorView>,
}

/// The sound devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DevicesView {
    /// Microphones.
    pub inputs: Vec<DeviceView>,
    /// Loudspeakers and headphones.
    pub outputs: Vec<DeviceView>,
    /// The microphone that calls use now, by id: the one of the settings, or what takes its place. `None` while no
    /// call sounds, or where there is none.
    pub microphone: Option<String>,
    /// The loudspeaker that calls use now, in the same way.
    pub speaker: Option<String>,
}

/// A sound device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DeviceView {
    /// Stable across restarts.
    pub id: String,
    /// For people.
    pub name: String,
    /// The system's default.
    pub default: bool,
}
