//! Voice messages and the greeting before them.

use jiff::Timestamp;

use super::RemoteId;

/// A greeting that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// Id at the provider.
    pub id: RemoteId,
    /// The file's name.
    pub name: String,
    /// How long it is.
    pub seconds: u32,
}

/// How a number takes voice messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VoicemailSettings {
    /// Whether it does.
    pub on: bool,
    /// What it says first; `None` for the provider's own words.
    pub greeting: Option<RemoteId>,
}

/// A voice message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoicemailMessage {
    /// Id at the provider.
    pub id: RemoteId,
    /// The account's own number, E.164; or a mailbox, where the provider has them.
    pub number: String,
    /// Who spoke.
    pub peer: String,
    /// When.
    pub at: Timestamp,
    /// How long.
    pub seconds: u32,
    /// Whether it was listened to.
    pub heard: bool,
}
