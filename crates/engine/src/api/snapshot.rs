//! Everything as it is now, which a window starts from.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{AccountView, ActivityPage, CallView, DevicesView, Notice, PlayingView, Settings, StorageView};

/// Everything a window needs to start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Events continue from here: the next one has `seq + 1`.
    pub seq: u32,
    /// In the order they were added.
    pub accounts: Vec<AccountView>,
    /// Calls that live.
    pub calls: Vec<CallView>,
    /// Recent Activity's first page.
    pub activity: ActivityPage,
    /// Sound devices.
    pub devices: DevicesView,
    /// Settings.
    pub settings: Settings,
    /// What a person should know and may have missed because it was raised before any window was open. The same
    /// notices come as events to whoever had subscribed by then.
    #[serde(default)]
    #[specta(optional)]
    pub notices: Option<Vec<Notice>>,
    /// The sound file that is played now.
    #[serde(default)]
    #[specta(optional)]
    pub playing: Option<PlayingView>,
    /// What keeps the history closed; `None` once it is open. Everything else is empty before.
    #[serde(default)]
    #[specta(optional)]
    pub storage: Option<StorageView>,
}
