//! What the user can set.

use serde::{Deserialize, Serialize};
use specta::Type;

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
