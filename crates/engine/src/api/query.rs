//! Plain reads. They change nothing and may run beside each other.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{ActivityPage, DevicesView, Snapshot, ThreadId, ThreadView};

/// A question.
#[derive(Debug, Clone, Serialize, Deserialize, Type)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Query {
    /// Everything a window needs to start, with the sequence number its events continue from.
    Snapshot {},
    /// Recent Activity, newest first.
    Activity {
        /// Where the last page ended; `None` for the newest.
        before: Option<String>,
        /// At most this many rows, 1 to 200.
        limit: u32,
    },
    /// One conversation.
    Thread {
        /// Which one.
        thread: ThreadId,
        /// Where the last page ended; `None` for the newest.
        before: Option<String>,
        /// At most this many rows, 1 to 200.
        limit: u32,
    },
    /// The sound devices present now.
    Devices {},
}

/// An answer, of the same name as its question.
#[expect(clippy::large_enum_variant, reason = "few exist at a time, and each is moved once or twice")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Answer {
    /// To [`Query::Snapshot`].
    Snapshot {
        /// The snapshot.
        snapshot: Snapshot,
    },
    /// To [`Query::Activity`].
    Activity {
        /// The page.
        page: ActivityPage,
    },
    /// To [`Query::Thread`].
    Thread {
        /// The conversation.
        thread: ThreadView,
    },
    /// To [`Query::Devices`].
    Devices {
        /// The devices.
        devices: DevicesView,
    },
}
