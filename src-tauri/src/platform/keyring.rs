//! Secrets in the desktop's keyring: Secret Service, Keychain or Credential Manager. Nothing is ever kept elsewhere.
//!
//! Invariant: at most one question is before the keyring at a time. A locked keyring shows a prompt and answers
//! when the person does; questions behind it would only pile up threads.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use keyring::{Entry, Error};
use tern_engine::ports::{Secret, SecretKey, Secrets, SecretsError};
use tokio::sync::Semaphore;

/// How long a person has for the keyring's prompt before Tern asks for the account's password itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// The keyring of the desktop's session.
pub(crate) struct Keyring {
    turn: Arc<Semaphore>,
    patience: Duration,
}

impl Keyring {
    /// Talks to the keyring on first use, not before.
    pub(crate) fn new() -> Self {
        Self { turn: Arc::new(Semaphore::new(1)), patience: PATIENCE }
    }

    /// Asks on a thread of its own: the keyring's calls block, and block for as long as a prompt is open.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, SecretsError> {
        let asked = async {
            let turn = self.turn.clone().acquire_owned().await.map_err(|_| SecretsError::Failed)?;
            let answer = tokio::task::spawn_blocking(move || {
                // Given back when the keyring answers, not when we lose patience.
                let _turn = turn;
                question()
            });
            answer.await.map_err(|_| SecretsError::Failed)?.map_err(|error| explain(&error))
        };
        tokio::time::timeout(self.patience, asked).await.unwrap_or(Err(SecretsError::Locked))
    }
}

#[async_trait]
impl Secrets for Keyring {
    async fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretsError> {
        let name = key.name.clone();
        self.ask(move || match entry(&name)?.get_password() {
            Ok(secret) => Ok(Some(Secret::new(secret))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    async fn set(&self, key: &SecretKey, secret: &Secret) -> Result<(), SecretsError> {
        let (name, secret) = (key.name.clone(), secret.clone());
        self.ask(move || entry(&name)?.set_password(secret.reveal())).await
    }

    async fn delete(&self, key: &SecretKey) -> Result<(), SecretsError> {
        let name = key.name.clone();
        self.ask(move || match entry(&name)?.delete_credential() {
            Err(Error::NoEntry) => Ok(()),
            other => other,
        })
        .await
    }
}

fn entry(name: &str) -> Result<Entry, Error> {
    Entry::new(super::IDENTIFIER, name)
}

/// The keyring's own words stay out of the log: some of its errors carry what was to be kept.
fn explain(error: &Error) -> SecretsError {
    match error {
        Error::NoDefaultStore => SecretsError::Unavailable,
        Error::NoStorageAccess(_) => SecretsError::Locked,
        // The bus is there and nobody on it answers for secrets.
        Error::PlatformFailure(cause) if nobody_answers(&cause.to_string()) => SecretsError::Unavailable,
        _ => SecretsError::Failed,
    }
}

fn nobody_answers(cause: &str) -> bool {
    ["ServiceUnknown", "NameHasNoOwner", "not provided by any .service files"]
        .iter()
        .any(|sign| cause.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring(patience: Duration) -> Keyring {
        Keyring { turn: Arc::new(Semaphore::new(1)), patience }
    }

    #[tokio::test]
    async fn errors_say_whether_there_is_a_keyring() {
        let keyring = keyring(PATIENCE);
        let told = |error: Error| keyring.ask::<()>(move || Err(error));
        assert_eq!(told(Error::NoDefaultStore).await, Err(SecretsError::Unavailable));
        assert_eq!(told(Error::NoStorageAccess("locked".into())).await, Err(SecretsError::Locked));
        let unknown = "org.freedesktop.DBus.Error.ServiceUnknown: …".into();
        assert_eq!(told(Error::PlatformFailure(unknown)).await, Err(SecretsError::Unavailable));
        assert_eq!(told(Error::PlatformFailure("disk".into())).await, Err(SecretsError::Failed));
    }

    #[tokio::test]
    async fn a_prompt_that_stays_open_counts_as_locked() {
        let keyring = keyring(Duration::from_millis(20));
        let (close, prompt) = std::sync::mpsc::channel::<()>();
        let open = keyring.ask(move || {
            let _ = prompt.recv();
            Ok(())
        });
        assert_eq!(open.await, Err(SecretsError::Locked));
        // While it stays open, nobody else gets a thread to wait on.
        assert_eq!(keyring.ask(|| Ok(1)).await, Err(SecretsError::Locked));
        drop(close);
        let keyring = Keyring { patience: PATIENCE, ..keyring };
        assert_eq!(keyring.ask(|| Ok(2)).await, Ok(2));
    }
}
