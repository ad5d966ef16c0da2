//! What the user can set.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::QuietSettings;

/// All settings. Unknown or missing fields take their default, so an older file still opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Language of window and notifications.
    pub language: Language,
    /// Light, dark, or as the desktop has it.
    pub appearance: Appearance,
    /// Microphone by id; `None` follows the system's default.
    pub microphone: Option<String>,
    /// Loudspeaker by id; `None` follows the system's default.
    pub speaker: Option<String>,
    /// Where it rings; `None` follows the system's default.
    pub ringer: Option<String>,
    /// Whether notifications show an SMS' text.
    pub show_message_text: bool,
    /// How long a copied one-time code stays in the clipboard, seconds; `None` until something else is copied.
    pub code_seconds: Option<u32>,
    /// Whether a ringing call is heard from every loudspeaker, and not only from `ringer`.
    pub ring_everywhere: bool,
    /// Whether the other side's voice is taken out of what our microphone picks up.
    pub echo_cancellation: bool,
    /// Whether steady noise around us is taken out.
    pub noise_suppression: bool,
    /// Whether our voice is brought to an even loudness.
    pub gain_control: bool,
    /// What the other side hears while we let it wait.
    pub hold_music: HoldSound,
    /// How recordings are kept.
    pub record_format: RecordFormat,
    /// Whether both sides hear a beep while a call is recorded.
    pub record_tone: bool,
    /// Where recordings are kept; `None` is the folder of this computer's user for music, or Tern's own.
    pub recordings_folder: Option<String>,
    /// UDP ports for the sound of calls; `None` leaves them to the system.
    pub media_ports: Option<PortRange>,
    /// When nothing rings and nothing is shown outside of the window.
    pub quiet: QuietSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: Language::System,
            appearance: Appearance::System,
            microphone: None,
            speaker: None,
            ringer: None,
            show_message_text: true,
            code_seconds: Some(60),
            ring_everywhere: false,
            echo_cancellation: true,
            noise_suppression: true,
            gain_control: true,
            hold_music: HoldSound::Music {},
            record_format: RecordFormat::Wav,
            record_tone: true,
            recordings_folder: None,
            media_ports: None,
            quiet: QuietSettings::default(),
        }
    }
}

/// Language of window and notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum Language {
    /// As the desktop has it, English where Tern lacks it.
    System,
    /// English.
    En,
    /// French.
    Fr,
    /// Russian.
    Ru,
}

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum Appearance {
    /// As the desktop has it.
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// What the other side hears while it waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum HoldSound {
    /// Tern's own short piece.
    Music {},
    /// Quiet noise: the line is not dead.
    Silence {},
    /// A sound file of the user's, over and over.
    File {
        /// WAV or Ogg Opus.
        path: String,
    },
}

/// How a recording is kept. Both hold two channels: this side left, the other right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum RecordFormat {
    /// WAV, 16 bits: about 11 MB a minute.
    Wav,
    /// Opus in Ogg (RFC 7845): about 0.4 MB a minute.
    Opus,
}

/// UDP ports, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PortRange {
    /// The lowest.
    pub from: u16,
    /// The highest.
    pub to: u16,
}
