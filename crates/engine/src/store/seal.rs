//! The note beside the database that says where its key is; the key itself is never in it.

use std::{io, io::Write as _, path::Path};

use serde::{Deserialize, Serialize};

/// Where the key of a database is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "key", rename_all = "camelCase")]
pub(crate) enum Seal {
    /// In the keyring.
    Keyring {
        /// The entry's name.
        entry: String,
    },
    /// In somebody's head.
    Passphrase {},
}

impl Seal {
    /// Reads the note; `None` when there is none, or none that can be read.
    pub(super) fn read(path: &Path) -> io::Result<Option<Self>> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes it, whole or not at all.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let text = serde_json::to_vec(self)?;
        let draft = path.with_extension("draft");
        let mut file = std::fs::File::create(&draft)?;
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&draft, path)
    }
}
