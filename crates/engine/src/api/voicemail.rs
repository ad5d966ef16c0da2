//! Messages that callers left: on the server's answering machine, and one by one at the provider.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::ActivityId;

/// Messages on the server's answering machine (RFC 3842).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct VoicemailView {
    /// Messages not heard yet; 1 where the server says that there are some and does not count them.
    pub new: u32,
    /// Messages heard and kept.
    pub old: u32,
    /// Urgent ones among the new.
    pub urgent: u32,
    /// Whom to call to hear them, as the server says.
    pub mailbox: Option<String>,
}

/// A voice message at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct VoiceMessageView {
    /// Its id at the provider.
    pub id: String,
    /// The call that left it; `None` where no row goes with it.
    pub call: Option<ActivityId>,
    /// Who spoke, for people.
    pub peer_name: String,
    /// When, RFC 3339.
    pub at: String,
    /// How long.
    pub seconds: u32,
    /// Whether it was listened to.
    pub heard: bool,
}
