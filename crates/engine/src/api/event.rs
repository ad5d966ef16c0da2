//! What the engine tells its subscribers, in the past tense.
//!
//! An event is either *changed* (read the thing again) or *happened* (a person may want to know). Each subscriber
//! sees sequence numbers without gaps; a gap means: take a new [`super::Snapshot`].

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{AccountId, ActivityItem, CallId, CallView, ErrorView, PlayingView, SoundCheckView, ThreadId};

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Rises by one with each event.
    pub seq: u32,
    /// What it is.
    pub kind: EventKind,
}

/// What an event says.
#[expect(clippy::large_enum_variant, reason = "few exist at a time, and each is moved once or twice")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum EventKind {
    /// Registration, balance, numbers or feed state of an account changed, or it was added or removed.
    AccountChanged {
        /// Which one.
        account: AccountId,
    },
    /// A call changed; sent at each change of state, of mute, and each second of a connected call's figures.
    CallChanged {
        /// The call as it is now; its state `ended` is its last event.
        call: CallView,
    },
    /// Rows of Recent Activity are new or different.
    ActivityChanged {
        /// The threads they belong to; the feed's first page is to be read again in any case.
        threads: Vec<ThreadId>,
    },
    /// The history was opened, or something else keeps it closed: take a new [`super::Snapshot`].
    StorageChanged {},
    /// Contacts or blocked numbers are others.
    ContactsChanged {},
    /// Settings changed.
    SettingsChanged {},
    /// Sound devices came or went.
    DevicesChanged {},
    /// A sound file is played: sent at its start, each second, and with `None` at its end.
    PlayingChanged {
        /// How far it got.
        playing: Option<PlayingView>,
    },
    /// A sound check goes on: sent ten times a second, and with `None` at its end.
    SoundChecked {
        /// How loud both ends are.
        check: Option<SoundCheckView>,
    },
    /// An incoming call began to ring.
    CallRang {
        /// Which call.
        call: CallId,
    },
    /// The other side pressed a key.
    DigitCame {
        /// In which call.
        call: CallId,
        /// One of `0-9*#A-D`.
        digit: char,
    },
    /// An SMS came in while we were watching.
    MessageArrived {
        /// Its row.
        item: ActivityItem,
    },
    /// Something a person should know, with nothing to answer.
    NoticeRaised {
        /// What.
        notice: Notice,
    },
    /// The user asked, outside the window (notification, tray, link), to see something.
    ShowRequested {
        /// The thread to open; `None` for the window alone.
        thread: Option<ThreadId>,
    },
}

/// Something a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Notice {
    /// What arrived while Tern was off.
    WhileAway {
        /// Incoming SMS.
        messages: u32,
        /// From how many people.
        people: u32,
        /// Missed calls.
        missed_calls: u32,
    },
    /// An error nobody's command caused.
    Trouble {
        /// Which account, if one.
        account: Option<AccountId>,
        /// What.
        error: ErrorView,
    },
    /// A top-up was paid and the ledger has it.
    FundsAdded {
        /// Which account.
        account: AccountId,
        /// How much, a decimal.
        amount: String,
        /// ISO 4217.
        currency: String,
    },
    /// A top-up was declined or given up.
    FundsNotAdded {
        /// Which account.
        account: AccountId,
    },
    /// The provider has answered for every message that it was to delete.
    DeletedThere {
        /// Which account.
        account: AccountId,
        /// So many are gone there.
        deleted: u32,
        /// So many it does not delete.
        refused: u32,
    },
}
