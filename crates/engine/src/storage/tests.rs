use std::{path::Path, sync::Mutex};

use async_trait::async_trait;

use super::*;
use crate::{
    Engine, EngineConfig, EngineHandle,
    api::{Command, EventKind, Settings},
    ports::{fake::FakePorts, plain::NoSecrets},
};

/// A directory that is gone at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tern-storage-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn database(&self) -> PathBuf {
        self.0.join("tern.sqlite3")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A keyring that can be locked and loses what it had when told to.
#[derive(Default)]
struct Keyring {
    entries: Mutex<Vec<(String, Secret)>>,
    shut: Mutex<Option<SecretsError>>,
}

impl Keyring {
    fn shut(&self, how: Option<SecretsError>) {
        *self.shut.lock().unwrap() = how;
    }

    fn check(&self) -> Result<(), SecretsError> {
        self.shut.lock().unwrap().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl Secrets for Keyring {
    async fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretsError> {
        self.check()?;
        let entries = self.entries.lock().unwrap();
        Ok(entries.iter().rev().find(|(name, _)| *name == key.name).map(|(_, secret)| secret.clone()))
    }

    async fn set(&self, key: &SecretKey, secret: &Secret) -> Result<(), SecretsError> {
        self.check()?;
        self.entries.lock().unwrap().push((key.name.clone(), secret.clone()));
        Ok(())
    }

    async fn delete(&self, key: &SecretKey) -> Result<(), SecretsError> {
        self.check()?;
        self.entries.lock().unwrap().retain(|(name, _)| *name != key.name);
        Ok(())
    }
}

async fn start(directory: &Path, secrets: Arc<dyn Secrets>) -> EngineHandle {
    let ports = Ports { secrets, ..FakePorts::default().ports() };
    let config = EngineConfig { data_dir: Some(directory.to_owned()), ..EngineConfig::new(ports, "test") };
    Engine::start(config).await.unwrap()
}

async fn view(engine: &EngineHandle) -> Option<StorageView> {
    engine.subscribe().await.unwrap().0.storage
}

async fn choose(engine: &EngineHandle, choice: StorageChoice) -> Result<(), ErrorCode> {
    engine.command(Command::OpenStorage { choice }).await.map(|_| ()).map_err(|error| error.code)
}

fn typed(passphrase: &str) -> StorageChoice {
    StorageChoice::Passphrase { passphrase: api::Secret(passphrase.into()) }
}

/// Something to be found again: a setting that is no default.
async fn mark(engine: &EngineHandle) {
    let settings = Settings { ringer: Some("marked".into()), ..Settings::default() };
    engine.command(Command::ChangeSettings { settings }).await.unwrap();
}

async fn is_marked(engine: &EngineHandle) -> bool {
    engine.subscribe().await.unwrap().0.settings.ringer.as_deref() == Some("marked")
}

fn contains(path: &Path, what: &str) -> bool {
    let bytes = std::fs::read(path).unwrap_or_default();
    bytes.windows(what.len()).any(|window| window == what.as_bytes())
}

#[tokio::test]
async fn a_keyring_keeps_the_key_and_nothing_lies_in_the_clear() {
    let scratch = Scratch::new("keyring");
    let keyring = Arc::new(Keyring::default());
    let engine = start(&scratch.0, keyring.clone()).await;
    assert_eq!(view(&engine).await, None);
    mark(&engine).await;
    engine.shutdown().await;
    let key = keyring.entries.lock().unwrap()[0].1.reveal().to_owned();
    for file in std::fs::read_dir(&scratch.0).unwrap().flatten() {
        for what in ["SQLite format 3", "CREATE TABLE", "marked", &key] {
            assert!(!contains(&file.path(), what), "{what} in {:?}", file.path());
        }
    }
    let engine = start(&scratch.0, keyring.clone()).await;
    assert!(is_marked(&engine).await);
    assert_eq!(keyring.entries.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn without_a_keyring_nothing_is_kept_before_its_user_chose() {
    let scratch = Scratch::new("choice");
    let engine = start(&scratch.0, Arc::new(NoSecrets)).await;
    assert_eq!(view(&engine).await, Some(StorageView::Choose { plain: false }));
    let refused = engine.command(Command::MarkCallsRead {}).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::StorageClosed);
    assert!(!scratch.database().exists());
    assert_eq!(choose(&engine, typed("short")).await, Err(ErrorCode::PassphraseTooShort));
    let (_, mut events) = engine.subscribe().await.unwrap();
    assert_eq!(choose(&engine, typed("correct horse")).await, Ok(()));
    assert_eq!(events.next().await.unwrap().kind, EventKind::StorageChanged {});
    mark(&engine).await;
    assert_eq!(view(&engine).await, None);
    engine.shutdown().await;
    // Asked at each start, and a wrong one locks nothing.
    let engine = start(&scratch.0, Arc::new(NoSecrets)).await;
    assert_eq!(view(&engine).await, Some(StorageView::PassphraseNeeded {}));
    for wrong in ["correct horsf", "x'00'", "' OR 1=1 --"] {
        assert_eq!(choose(&engine, typed(wrong)).await, Err(ErrorCode::WrongPassphrase), "{wrong}");
    }
    assert_eq!(view(&engine).await, Some(StorageView::PassphraseNeeded {}));
    assert_eq!(choose(&engine, typed("correct horse")).await, Ok(()));
    assert!(is_marked(&engine).await);
}

#[tokio::test]
async fn no_history_leaves_nothing_on_the_disk() {
    let scratch = Scratch::new("none");
    let engine = start(&scratch.0, Arc::new(NoSecrets)).await;
    assert_eq!(choose(&engine, StorageChoice::NoHistory {}).await, Ok(()));
    mark(&engine).await;
    engine.shutdown().await;
    assert_eq!(std::fs::read_dir(&scratch.0).unwrap().count(), 0);
}

#[tokio::test]
async fn a_locked_keyring_is_asked_again() {
    let scratch = Scratch::new("locked");
    let keyring = Arc::new(Keyring::default());
    let engine = start(&scratch.0, keyring.clone()).await;
    mark(&engine).await;
    engine.shutdown().await;
    keyring.shut(Some(SecretsError::Locked));
    let engine = start(&scratch.0, keyring.clone()).await;
    assert_eq!(view(&engine).await, Some(StorageView::KeyringClosed {}));
    assert_eq!(choose(&engine, StorageChoice::AskKeyring {}).await, Err(ErrorCode::StorageClosed));
    keyring.shut(None);
    assert_eq!(choose(&engine, StorageChoice::AskKeyring {}).await, Ok(()));
    assert!(is_marked(&engine).await);
}

#[tokio::test]
async fn a_lost_key_is_told_and_the_file_is_kept() {
    let scratch = Scratch::new("lost");
    let keyring = Arc::new(Keyring::default());
    let engine = start(&scratch.0, keyring.clone()).await;
    mark(&engine).await;
    engine.shutdown().await;
    let kept = keyring.entries.lock().unwrap().clone();
    let before = std::fs::read(scratch.database()).unwrap();
    keyring.entries.lock().unwrap().clear();
    let engine = start(&scratch.0, keyring.clone()).await;
    assert_eq!(view(&engine).await, Some(StorageView::KeyLost {}));
    assert_eq!(choose(&engine, typed("some passphrase")).await, Err(ErrorCode::WrongPassphrase));
    assert_eq!(std::fs::read(scratch.database()).unwrap(), before);
    assert_eq!(choose(&engine, StorageChoice::StartAnew { passphrase: None }).await, Ok(()));
    assert!(!is_marked(&engine).await);
    engine.shutdown().await;
    // The key may be found again: the file that was kept opens with it.
    let folder = Folder::make(&scratch.0).unwrap();
    let aside = folder.kept().unwrap();
    assert_eq!(std::fs::read(&aside[0]).unwrap(), before);
    let again = Scratch::new("found");
    std::fs::create_dir_all(&again.0).unwrap();
    std::fs::copy(&aside[0], again.database()).unwrap();
    std::fs::copy(format!("{}-seal", aside[0].display()), again.0.join("tern.sqlite3-seal")).unwrap();
    // What was not in the database itself yet lies in the log that was kept with it.
    let log = format!("{}-wal", aside[0].display());
    if Path::new(&log).exists() {
        std::fs::copy(log, again.0.join("tern.sqlite3-wal")).unwrap();
    }
    *keyring.entries.lock().unwrap() = kept;
    let engine = start(&again.0, keyring).await;
    assert!(is_marked(&engine).await);
}

#[tokio::test]
async fn a_keyring_that_keeps_nothing_is_no_keyring() {
    struct Sieve;
    #[async_trait]
    impl Secrets for Sieve {
        async fn get(&self, _: &SecretKey) -> Result<Option<Secret>, SecretsError> {
            Ok(None)
        }
        async fn set(&self, _: &SecretKey, _: &Secret) -> Result<(), SecretsError> {
            Ok(())
        }
        async fn delete(&self, _: &SecretKey) -> Result<(), SecretsError> {
            Ok(())
        }
    }
    let scratch = Scratch::new("sieve");
    let engine = start(&scratch.0, Arc::new(Sieve)).await;
    assert_eq!(view(&engine).await, Some(StorageView::Choose { plain: false }));
}
