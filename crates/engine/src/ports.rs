//! The outside as the engine asks for it: secrets, notifications, sound, time, the browser and the clipboard.
//!
//! Each shell brings its own; the ones a shell needs no desktop for are in [`plain`], those for tests in [`fake`].
//! Nothing here knows which desktop or which library answers.

#[cfg(any(test, feature = "fake"))]
pub mod fake;
pub mod plain;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use jiff::{Timestamp, tz::TimeZone};
use tern_media::NationalTones;
pub use tern_provider::Secret;
use url::Url;

pub use crate::codes::OneTimeCode;
use crate::{
    api::{AccountId, CallId, DevicesView, ThreadId},
    audio::OpenedAudio,
};

/// Everything the engine needs from outside, wired by the shell in one place.
#[derive(Clone)]
pub struct Ports {
    /// The keyring.
    pub secrets: Arc<dyn Secrets>,
    /// The desktop's notifications.
    pub notifier: Arc<dyn Notifier>,
    /// Microphone, loudspeaker and ringer.
    pub audio: Arc<dyn Audio>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The system browser.
    pub browser: Arc<dyn Browser>,
    /// The clipboard.
    pub clipboard: Arc<dyn Clipboard>,
}

/// Names one secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretKey {
    /// The entry's name, unique to this account in this database: `3f2a…/sip-password`.
    pub name: String,
    /// What a keyring's own window may show for it.
    pub label: String,
}

/// Why a secret could not be read or kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// This computer has no keyring.
    #[error("there is no keyring")]
    Unavailable,
    /// The keyring is locked, or its prompt was dismissed.
    #[error("the keyring is locked")]
    Locked,
    /// The keyring failed.
    #[error("the keyring failed")]
    Failed,
}

/// Keeps secrets outside of the database. May take as long as a person needs at a prompt.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The secret, or `None` when there is no such entry.
    async fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretsError>;
    /// Keeps or replaces it.
    async fn set(&self, key: &SecretKey, secret: &Secret) -> Result<(), SecretsError>;
    /// Forgets it; no error when it is not there.
    async fn delete(&self, key: &SecretKey) -> Result<(), SecretsError>;
}

/// How loudly a notification asks for attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// A message, a missed call.
    Normal,
    /// A call rings now: stays until it is closed.
    Critical,
}

/// What a notification's button or a click on it does; handed back through `EngineHandle::activate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotificationAction {
    /// Answers the call.
    Answer {
        /// Which call.
        call: CallId,
    },
    /// Turns the call down.
    Decline {
        /// Which call.
        call: CallId,
    },
    /// Shows a conversation.
    OpenThread {
        /// Which one.
        thread: ThreadId,
    },
    /// Copies a one-time code.
    CopyCode {
        /// Which.
        code: OneTimeCode,
    },
    /// Sends an SMS that was typed into the notification.
    Reply {
        /// Whom it answers.
        to: Correspondents,
        /// What was typed.
        text: TypedReply,
    },
    /// Shows the window.
    OpenWindow,
}

/// Both ends of a conversation.
#[derive(Clone, PartialEq, Eq)]
pub struct Correspondents {
    /// Whose.
    pub account: AccountId,
    /// The conversation.
    pub thread: ThreadId,
    /// Our number, E.164.
    pub number: String,
    /// The other side, as it came.
    pub peer: String,
}

impl std::fmt::Debug for Correspondents {
    // People's numbers stay out of every log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Correspondents").field("account", &self.account).finish_non_exhaustive()
    }
}

/// What was typed into a notification.
#[derive(Clone, PartialEq, Eq)]
pub struct TypedReply(pub String);

impl std::fmt::Debug for TypedReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TypedReply(…)")
    }
}

/// A field to answer in, where the desktop draws one.
#[derive(Clone, PartialEq, Eq)]
pub struct ReplyField {
    /// Whom it answers.
    pub to: Correspondents,
    /// The button's text, in the user's language.
    pub label: String,
    /// What stands in the empty field, in the user's language.
    pub placeholder: String,
}

/// A button of a notification.
#[derive(Clone, PartialEq, Eq)]
pub struct NotificationButton {
    /// What it does.
    pub action: NotificationAction,
    /// Its text, in the user's language.
    pub label: String,
}

/// A notification, in the user's language.
#[derive(Clone, PartialEq, Eq)]
pub struct Notification {
    /// A notification of the same tag replaces this one.
    pub tag: String,
    /// How loudly.
    pub urgency: Urgency,
    /// Plain text.
    pub title: String,
    /// Plain text, untrusted: whoever shows it as markup must escape it.
    pub body: String,
    /// Left to right.
    pub buttons: Vec<NotificationButton>,
    /// A field to answer in; who can't draw one leaves it out.
    pub reply: Option<ReplyField>,
    /// What a click on the notification itself does.
    pub default: NotificationAction,
    /// When it goes by itself; `None` leaves it to the desktop, or until closed when critical.
    pub timeout: Option<Duration>,
}

impl std::fmt::Debug for Notification {
    // Title and body hold people's numbers and texts.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notification").field("urgency", &self.urgency).finish_non_exhaustive()
    }
}

/// Shows notifications. Failing to is logged and otherwise nobody's problem.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Shows one, replacing the one of the same tag.
    async fn show(&self, notification: Notification);
    /// Takes it away if it is still there.
    async fn close(&self, tag: &str);
}

/// What is to be heard while nobody talks yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RingTone {
    /// Somebody calls us.
    Ring,
    /// It rings at the other side, and the provider sends no sound of its own.
    Ringback,
    /// The other side is busy, or turned the call down.
    Busy,
    /// The call could not be put through, or was lost.
    Congestion,
}

/// Where a tone sounds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum RingPlace {
    /// On the system's default loudspeaker.
    #[default]
    Default,
    /// On this one, by its id.
    Device(String),
    /// On all there are.
    Everywhere,
}

/// A tone that sounds until this is dropped.
pub trait Ringing: Send {}

/// Microphone, loudspeaker and ringer. Devices are named by the ids of [`DevicesView`]; `None` is the system's default.
pub trait Audio: Send + Sync {
    /// Prepares the sound of a call; what is missing is replaced by silence and told in `trouble`.
    fn open(&self, microphone: Option<&str>, speaker: Option<&str>) -> OpenedAudio;
    /// Starts a tone, as it sounds where `whose` says.
    fn ring(&self, place: &RingPlace, tone: RingTone, whose: NationalTones) -> Box<dyn Ringing>;
    /// The devices there are; may take a while.
    fn devices(&self) -> DevicesView;
    /// Calls `changed`, from a thread of its own, when the devices may be others, until what it returns is dropped;
    /// `None` where nothing tells. May take a while.
    fn watch(&self, changed: Box<dyn FnMut() + Send>) -> Option<Box<dyn Send>> {
        drop(changed);
        None
    }
}

/// Time, so that a test can bring its own.
pub trait Clock: Send + Sync {
    /// Steady time, for waiting.
    fn now(&self) -> Instant;
    /// The wall clock, for people.
    fn wall(&self) -> Timestamp;
    /// Where that wall is.
    fn zone(&self) -> TimeZone;
}

/// Why no browser was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no browser could be opened")]
pub struct BrowserError;

/// The system browser. Addresses were checked before they come here.
#[async_trait]
pub trait Browser: Send + Sync {
    /// Opens a page.
    async fn open(&self, url: &Url) -> Result<(), BrowserError>;
}

/// Why nothing was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no clipboard")]
pub struct ClipboardError;

/// The clipboard, for one-time codes only.
#[async_trait]
pub trait Clipboard: Send + Sync {
    /// Puts a code there, marked as nothing to remember where the desktop knows such a mark.
    async fn copy(&self, code: &OneTimeCode) -> Result<(), ClipboardError>;
    /// Empties it if it still holds the code.
    async fn clear(&self, code: &OneTimeCode);
}
