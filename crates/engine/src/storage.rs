//! Opening what is kept: where its key is, and who has to be asked for it.
//!
//! Invariant: nothing is ever kept in the clear. Without a keyring nothing is opened until its user has chosen a
//! passphrase, or that nothing is kept. A file that can't be opened is never deleted.

use std::{path::PathBuf, sync::Arc};

use tern_provider::Secret;

use crate::{
    api::{self, ErrorCode, ErrorView, StorageChoice, StorageView},
    ports::{Clock, Ports, SecretKey, Secrets, SecretsError},
    record::Loaded,
    store::{FileKind, Folder, Key, Seal, Store, StoreError},
};

/// Characters of the shortest passphrase that a new history is closed with.
const SHORTEST: usize = 8;

/// Where things are kept, and who has the key.
pub(crate) struct Storage {
    /// `None` keeps everything in memory.
    folder: Option<Folder>,
    secrets: Arc<dyn Secrets>,
    clock: Arc<dyn Clock>,
}

/// What opening came to.
pub(crate) enum Opened {
    /// It is open.
    Open(Box<(Store, Loaded)>),
    /// Its user has to choose.
    Closed(StorageView),
}

impl Storage {
    /// Storage in `directory`, which is made if it isn't there.
    pub(crate) fn new(directory: Option<PathBuf>, ports: &Ports) -> Result<Self, ErrorView> {
        let folder = directory.as_deref().map(Folder::make).transpose().map_err(|e| failed(&e))?;
        Ok(Self { folder, secrets: ports.secrets.clone(), clock: ports.clock.clone() })
    }

    /// Opens it with a key of the keyring's, one made now where there is nothing yet.
    pub(crate) async fn open(&self) -> Result<Opened, ErrorView> {
        let Some(folder) = &self.folder else { return self.unseal(None).await };
        match (folder.kind().map_err(|e| failed(&e))?, folder.seal().map_err(|e| failed(&e))?) {
            (FileKind::Sealed, Some(Seal::Keyring { entry })) => {
                match self.secrets.get(&secret_key(&entry)).await {
                    Ok(found) => match found.and_then(|hex| Key::from_hex(hex.reveal())) {
                        Some(key) => self.unseal(Some((folder, key))).await,
                        None => Ok(Opened::Closed(StorageView::KeyLost {})),
                    },
                    Err(_) => Ok(Opened::Closed(StorageView::KeyringClosed {})),
                }
            }
            (FileKind::Sealed, Some(Seal::Passphrase {})) => {
                Ok(Opened::Closed(StorageView::PassphraseNeeded {}))
            }
            (FileKind::Sealed, None) => Ok(Opened::Closed(StorageView::KeyLost {})),
            (kind @ (FileKind::Plain | FileKind::None), _) => {
                // The note comes before the database: a key without one is only an entry too many.
                match self.make_key(folder).await {
                    Ok(key) => self.unseal(Some((folder, key))).await,
                    Err(_) => Ok(Opened::Closed(StorageView::Choose { plain: kind == FileKind::Plain })),
                }
            }
        }
    }

    /// Does what its user chose.
    ///
    /// # Errors
    /// [`ErrorCode::WrongPassphrase`], [`ErrorCode::PassphraseTooShort`], [`ErrorCode::StorageFailed`]; nothing has
    /// changed then.
    pub(crate) async fn choose(&self, choice: StorageChoice) -> Result<Opened, ErrorView> {
        let Some(folder) = &self.folder else { return self.open().await };
        match choice {
            StorageChoice::NoHistory {} => self.unseal(None).await,
            StorageChoice::AskKeyring {} => self.open().await,
            StorageChoice::Passphrase { passphrase } => {
                let kind = folder.kind().map_err(|e| failed(&e))?;
                if kind != FileKind::Sealed {
                    return self.close_with(folder, &passphrase).await;
                }
                let key = Key::passphrase(&passphrase.0).ok_or(ErrorView::new(ErrorCode::WrongPassphrase))?;
                let opened = self.unseal(Some((folder, key))).await?;
                // Known from now on, should the note have been lost.
                folder.note(&Seal::Passphrase {}).map_err(|e| failed(&e))?;
                Ok(opened)
            }
            StorageChoice::StartAnew { passphrase } => {
                if let Some(passphrase) = &passphrase {
                    long_enough(passphrase)?;
                }
                if folder.kind().map_err(|e| failed(&e))? == FileKind::Sealed {
                    folder.start_anew(self.clock.wall()).map_err(|e| failed(&e))?;
                }
                match passphrase {
                    Some(passphrase) => self.close_with(folder, &passphrase).await,
                    None => self.open().await,
                }
            }
        }
    }

    /// Begins a history, or seals a plain one, with a passphrase.
    async fn close_with(&self, folder: &Folder, passphrase: &api::Secret) -> Result<Opened, ErrorView> {
        let key = long_enough(passphrase)?;
        folder.note(&Seal::Passphrase {}).map_err(|e| failed(&e))?;
        self.unseal(Some((folder, key))).await
    }

    /// A new key that the keyring has taken and gives back.
    async fn make_key(&self, folder: &Folder) -> Result<Key, SecretsError> {
        let key = Key::random().ok_or(SecretsError::Failed)?;
        let hex = key.hex().ok_or(SecretsError::Failed)?;
        let name = Key::random().and_then(|k| k.hex()).ok_or(SecretsError::Failed)?;
        let entry = format!("{}/database", name.get(..32).unwrap_or_default());
        let secret = Secret::new(hex.as_str());
        self.secrets.set(&secret_key(&entry), &secret).await?;
        // Some keyrings take everything and keep nothing.
        if self.secrets.get(&secret_key(&entry)).await?.as_ref() != Some(&secret) {
            return Err(SecretsError::Unavailable);
        }
        folder.note(&Seal::Keyring { entry }).map_err(|_| SecretsError::Failed)?;
        Ok(key)
    }

    async fn unseal(&self, sealed: Option<(&Folder, Key)>) -> Result<Opened, ErrorView> {
        let sealed = sealed.map(|(folder, key)| (folder.clone(), key));
        let now = self.clock.wall();
        let opened = tokio::task::spawn_blocking(move || {
            Store::open(sealed.as_ref().map(|(folder, key)| (folder, key)), now)
        });
        match opened.await {
            Ok(Ok(opened)) => Ok(Opened::Open(Box::new(opened))),
            Ok(Err(error)) => Err(failed(&error)),
            Err(_) => Err(ErrorView::new(ErrorCode::StorageFailed)),
        }
    }
}

/// What a shell is told.
pub(crate) fn failed(error: &StoreError) -> ErrorView {
    match error {
        StoreError::WrongKey => ErrorView::new(ErrorCode::WrongPassphrase),
        error => {
            tracing::error!(%error, "the database can't be opened");
            ErrorView::with_detail(ErrorCode::StorageFailed, error.to_string())
        }
    }
}

fn long_enough(passphrase: &api::Secret) -> Result<Key, ErrorView> {
    let short = || ErrorView::with_detail(ErrorCode::PassphraseTooShort, SHORTEST.to_string());
    if passphrase.0.chars().count() < SHORTEST {
        return Err(short());
    }
    Key::passphrase(&passphrase.0).ok_or_else(short)
}

fn secret_key(entry: &str) -> SecretKey {
    SecretKey { name: entry.to_owned(), label: String::from("Tern: history") }
}

#[cfg(test)]
mod tests;
