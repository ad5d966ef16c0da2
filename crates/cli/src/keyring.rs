//! The computer's keyring as the engine's port: the same entries the window uses.
//!
//! No keyring means no stored password: nothing is ever kept in a file instead.

use std::time::Duration;

use async_trait::async_trait;
use keyring::{Entry, Error};
use tern_engine::ports::{Secret, SecretKey, Secrets, SecretsError};
use tokio::sync::watch;

/// The name the window keeps its entries under.
const SERVICE: &str = "app.tern.desktop";
/// How long a person has at the keyring's own prompt.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks the keyring on first use, not before.
pub(crate) struct Keyring {
    answers: watch::Sender<Answers>,
}

/// Entries written or removed since the count began, and what went wrong last.
#[derive(Default)]
struct Answers {
    count: u32,
    trouble: Option<SecretsError>,
}

impl Keyring {
    pub(crate) fn new() -> Self {
        Self { answers: watch::Sender::default() }
    }

    /// Counts entries from here on.
    pub(crate) fn begin(&self) {
        self.answers.send_replace(Answers::default());
    }

    /// Waits until the keyring has written or removed so many entries. The engine goes on without that; a command
    /// that ends right after would take the entries down with it.
    pub(crate) async fn settled(&self, count: u32) -> Result<(), SecretsError> {
        let mut answers = self.answers.subscribe();
        let settled = answers.wait_for(|answers| answers.count >= count);
        match tokio::time::timeout(PATIENCE, settled).await {
            Ok(Ok(answers)) => answers.trouble.map_or(Ok(()), Err),
            _ => Err(SecretsError::Failed),
        }
    }

    fn tell(&self, answer: Result<(), SecretsError>) -> Result<(), SecretsError> {
        self.answers.send_modify(|answers| {
            answers.count += 1;
            answers.trouble = answer.err().or(answers.trouble);
        });
        answer
    }
}

#[async_trait]
impl Secrets for Keyring {
    async fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretsError> {
        let password = ask(PATIENCE, entry(key), |entry| match entry.get_password() {
            Err(Error::NoEntry) => Ok(None),
            other => other.map(Some),
        });
        Ok(password.await?.map(Secret::new))
    }

    async fn set(&self, key: &SecretKey, secret: &Secret) -> Result<(), SecretsError> {
        let secret = secret.clone();
        self.tell(ask(PATIENCE, entry(key), move |entry| entry.set_password(secret.reveal())).await)
    }

    async fn delete(&self, key: &SecretKey) -> Result<(), SecretsError> {
        let removed = ask(PATIENCE, entry(key), |entry| match entry.delete_credential() {
            Err(Error::NoEntry) => Ok(()),
            other => other,
        });
        self.tell(removed.await)
    }
}

fn entry(key: &SecretKey) -> impl FnOnce() -> Result<Entry, Error> + Send + 'static {
    let name = key.name.clone();
    move || Entry::new(SERVICE, &name)
}

/// On a thread of its own: the keyring blocks, for as long as its prompt is open. A prompt nobody answers counts as
/// a locked keyring; the thread stays behind until the process ends.
async fn ask<E, T: Send + 'static>(
    patience: Duration,
    open: impl FnOnce() -> Result<E, Error> + Send + 'static,
    question: impl FnOnce(E) -> Result<T, Error> + Send + 'static,
) -> Result<T, SecretsError> {
    let answer = tokio::task::spawn_blocking(move || question(open()?));
    match tokio::time::timeout(patience, answer).await {
        Ok(Ok(answer)) => answer.map_err(|error| explain(&error)),
        Ok(Err(_)) => Err(SecretsError::Failed),
        Err(_) => Err(SecretsError::Locked),
    }
}

/// The error's own words are dropped: some carry the entry's content.
fn explain(error: &Error) -> SecretsError {
    match error {
        Error::NoDefaultStore => SecretsError::Unavailable,
        Error::NoStorageAccess(_) => SecretsError::Locked,
        // D-Bus answers, but no secret service is on it.
        Error::PlatformFailure(cause) if cause.to_string().contains("ServiceUnknown") => {
            SecretsError::Unavailable
        }
        _ => SecretsError::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn errors_tell_a_missing_keyring_from_a_locked_one() {
        let told = |error: Error| ask(PATIENCE, || Ok(()), move |()| Err::<(), _>(error));
        assert_eq!(told(Error::NoDefaultStore).await, Err(SecretsError::Unavailable));
        assert_eq!(told(Error::NoStorageAccess("shut".into())).await, Err(SecretsError::Locked));
        let nobody = "org.freedesktop.DBus.Error.ServiceUnknown".into();
        assert_eq!(told(Error::PlatformFailure(nobody)).await, Err(SecretsError::Unavailable));
        assert_eq!(told(Error::BadEncoding(Vec::new())).await, Err(SecretsError::Failed));
    }

    #[tokio::test]
    async fn answers_are_waited_for_and_trouble_is_remembered() {
        let keyring = Keyring::new();
        let (answer, ()) = tokio::join!(keyring.settled(2), async {
            let _ = keyring.tell(Err(SecretsError::Unavailable));
            tokio::task::yield_now().await;
            let _ = keyring.tell(Ok(()));
        });
        assert_eq!(answer, Err(SecretsError::Unavailable));
        assert_eq!(Keyring::new().settled(0).await, Ok(()));
    }

    #[tokio::test]
    async fn a_prompt_left_open_counts_as_locked() {
        let (_open, prompt) = std::sync::mpsc::channel::<()>();
        let asked = ask(
            Duration::from_millis(10),
            || Ok(()),
            move |()| {
                let _ = prompt.recv_timeout(Duration::from_secs(5));
                Ok(())
            },
        );
        assert_eq!(asked.await, Err(SecretsError::Locked));
    }
}
