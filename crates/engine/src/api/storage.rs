//! What keeps the kept history closed at the start, and what its user can do about it.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::Secret;

/// Why nothing kept can be read yet. Until a choice is made, every command but [`super::Command::OpenStorage`] is
/// refused with [`super::ErrorCode::StorageClosed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum StorageView {
    /// No keyring takes a key for the history: a passphrase, or no history.
    Choose {
        /// There is a history of an earlier version, which was kept in the clear.
        plain: bool,
    },
    /// The history was closed with a passphrase.
    PassphraseNeeded {},
    /// The history's key is in the keyring, which is locked or can't be reached.
    KeyringClosed {},
    /// There is a history, and no key for it any more.
    KeyLost {},
}

/// What is to be done about closed storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum StorageChoice {
    /// Opens the history with a passphrase, or closes a new one with it.
    Passphrase {
        /// As typed.
        passphrase: Secret,
    },
    /// Keeps everything in memory until the end; what lies on the disk stays there.
    NoHistory {},
    /// Asks the keyring again.
    AskKeyring {},
    /// Keeps the history that can't be opened aside, and begins a new one.
    StartAnew {
        /// Closes the new one; `None` leaves that to the keyring.
        #[serde(default)]
        #[specta(optional)]
        passphrase: Option<Secret>,
    },
}
