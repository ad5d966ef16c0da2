//! Ports for a shell without a desktop: the command line, and tests.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use async_trait::async_trait;
use jiff::{Timestamp, tz::TimeZone};
use url::Url;

use super::{
    Browser, BrowserError, Clipboard, ClipboardError, Clock, Notification, Notifier, OneTimeCode, Secret,
    SecretKey, Secrets, SecretsError,
};

/// Keeps secrets in memory: they are gone with the process.
#[derive(Default)]
pub struct MemorySecrets(Mutex<HashMap<String, Secret>>);

#[async_trait]
impl Secrets for MemorySecrets {
    async fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretsError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key.name).cloned())
    }

    async fn set(&self, key: &SecretKey, secret: &Secret) -> Result<(), SecretsError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.name.clone(), secret.clone());
        Ok(())
    }

    async fn delete(&self, key: &SecretKey) -> Result<(), SecretsError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key.name);
        Ok(())
    }
}

/// Stands for a computer without a keyring: every password is asked for at each start.
pub struct NoSecrets;

#[async_trait]
impl Secrets for NoSecrets {
    async fn get(&self, _: &SecretKey) -> Result<Option<Secret>, SecretsError> {
        Err(SecretsError::Unavailable)
    }

    async fn set(&self, _: &SecretKey, _: &Secret) -> Result<(), SecretsError> {
        Err(SecretsError::Unavailable)
    }

    async fn delete(&self, _: &SecretKey) -> Result<(), SecretsError> {
        Ok(())
    }
}

/// Shows nothing.
pub struct NoNotifier;

#[async_trait]
impl Notifier for NoNotifier {
    async fn show(&self, _: Notification) {}
    async fn close(&self, _: &str) {}
}

/// The computer's clocks.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall(&self) -> Timestamp {
        Timestamp::now()
    }

    fn zone(&self) -> TimeZone {
        TimeZone::system()
    }
}

/// Opens nothing; whoever asked gets the address in the error's stead.
pub struct NoBrowser;

#[async_trait]
impl Browser for NoBrowser {
    async fn open(&self, _: &Url) -> Result<(), BrowserError> {
        Err(BrowserError)
    }
}

/// Holds nothing: whoever reads lines has the code there.
pub struct NoClipboard;

#[async_trait]
impl Clipboard for NoClipboard {
    async fn copy(&self, _: &OneTimeCode) -> Result<(), ClipboardError> {
        Err(ClipboardError)
    }

    async fn clear(&self, _: &OneTimeCode) {}
}
