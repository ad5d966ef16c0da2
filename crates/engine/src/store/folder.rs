//! The database's files, and the moves between them that a kill may interrupt anywhere.
//!
//! Invariant: at every moment one file under the database's own name, or `-new` when that name is free, is whole.
//! `-new` takes the name only once it is complete on the disk; what it replaces leaves the name before.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, Write as _},
    path::{Path, PathBuf},
    sync::Once,
    time::Duration,
};

use jiff::Timestamp;
use rusqlite::Connection;

use super::{Key, MIGRATIONS, Seal, StoreError};

/// The database's name in the data directory.
const FILE: &str = "tern.sqlite3";
/// What a database that is not sealed begins with.
const PLAIN: &[u8; 16] = b"SQLite format 3\0";
/// Damaged files that are kept; the oldest goes when there are more.
const KEPT: usize = 3;
/// Bytes of the first page.
const HEAD: usize = 4096;

/// What lies under the database's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// Nothing.
    None,
    /// A database of a version that sealed none.
    Plain,
    /// A sealed one.
    Sealed,
}

/// Steps of sealing a plain database, each of them on the disk before the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Everything is in `-new`.
    Copied,
    /// The plain one has left the name.
    Freed,
    /// The sealed one has it.
    Named,
}

/// Where the database lies.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

/// Keeps other processes from moving the files, or from using them while we move them.
#[derive(Debug)]
pub(super) struct Claim {
    file: File,
    /// Nobody else has the database open.
    pub(super) alone: bool,
}

impl Folder {
    /// Makes the directory if it isn't there.
    pub(crate) fn make(path: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(path)?;
        Ok(Self(path.to_owned()))
    }

    /// The database.
    pub(super) fn main(&self) -> PathBuf {
        self.0.join(FILE)
    }

    /// A file that belongs to it.
    pub(super) fn beside(&self, suffix: &str) -> PathBuf {
        self.0.join(format!("{FILE}-{suffix}"))
    }

    /// What lies under the name.
    pub(crate) fn kind(&self) -> Result<FileKind, StoreError> {
        let main = self.main();
        match kind(&main)? {
            // Its name is free, or it was emptied by somebody else.
            FileKind::None if main.exists() && self.beside("head").exists() => Ok(FileKind::Sealed),
            FileKind::None if !main.exists() => kind(&self.beside("new")),
            kind => Ok(kind),
        }
    }

    /// Where the key is said to be.
    pub(crate) fn seal(&self) -> Result<Option<Seal>, StoreError> {
        Ok(Seal::read(&self.beside("seal"))?)
    }

    /// Notes where the key is.
    pub(crate) fn note(&self, seal: &Seal) -> Result<(), StoreError> {
        Ok(seal.write(&self.beside("seal"))?)
    }

    /// Waits until nobody moves the files.
    pub(super) fn claim(&self) -> Result<Claim, StoreError> {
        let file = File::options().create(true).truncate(false).write(true).open(self.beside("lock"))?;
        let alone = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => {
                file.lock_shared()?;
                false
            }
            // File systems without locks have one user.
            Err(TryLockError::Error(_)) => true,
        };
        Ok(Claim { file, alone })
    }

    /// Brings to its end what a kill left half done.
    pub(super) fn tidy(&self) -> Result<(), StoreError> {
        let (main, new, plain) = (self.main(), self.beside("new"), self.beside("plain"));
        for left in ["salvage", "salvage-wal", "salvage-shm", "new-journal", "new-wal", "new-shm"] {
            remove(&self.beside(left))?;
        }
        if main.exists() {
            remove(&new)?;
        } else {
            if let Some(kept) = self.kept()?.last() {
                // The log belongs to what had the name before.
                self.move_log(kept)?;
            }
            if new.exists() {
                fs::rename(&new, &main)?;
                self.sync();
            } else if plain.exists() {
                fs::rename(&plain, &main)?;
            }
        }
        if plain.exists() {
            erase(&plain)?;
        }
        Ok(())
    }

    /// Seals a plain database. `after` is told of each step; its error stops like a kill would.
    pub(super) fn seal_up(
        &self,
        key: &Key,
        after: &mut dyn FnMut(Step) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (main, new, plain) = (self.main(), self.beside("new"), self.beside("plain"));
        {
            let connection = Connection::open(&main)?;
            connection.busy_timeout(Duration::from_secs(5))?;
            // Leaves no log behind that would belong to a file of another name.
            connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
            let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            key.attach(&connection, &new)?;
            connection.query_row("SELECT sqlcipher_export('sealed')", [], |_| Ok(()))?;
            connection.pragma_update(Some("sealed"), "user_version", version)?;
            connection.execute_batch("DETACH DATABASE sealed")?;
        }
        File::open(&new)?.sync_all()?;
        after(Step::Copied)?;
        fs::rename(&main, &plain)?;
        self.sync();
        after(Step::Freed)?;
        fs::rename(&new, &main)?;
        self.sync();
        after(Step::Named)?;
        erase(&plain)
    }

    /// Puts `-new` in the place of the database, which goes aside.
    pub(super) fn replace(&self, at: Timestamp) -> Result<PathBuf, StoreError> {
        File::open(self.beside("new"))?.sync_all()?;
        let kept = self.set_aside(at)?;
        fs::rename(self.beside("new"), self.main())?;
        self.sync();
        Ok(kept)
    }

    /// Moves a database that can't be opened aside, so that another can begin.
    pub(crate) fn start_anew(&self, at: Timestamp) -> Result<(), StoreError> {
        if !self.claim()?.alone {
            return Err(StoreError::InUse);
        }
        self.tidy()?;
        self.set_aside(at)?;
        Ok(())
    }

    /// Moves the database and its log to a name with the date; it opens there as it did here.
    pub(crate) fn set_aside(&self, at: Timestamp) -> Result<PathBuf, StoreError> {
        let kept = self.aside(at);
        if self.main().exists() {
            fs::rename(self.main(), &kept)?;
        }
        self.move_log(&kept)?;
        remove(&self.beside("head"))?;
        // So that it can still be opened: where its key is.
        if let Ok(Some(seal)) = self.seal() {
            seal.write(&with_suffix(&kept, "seal"))?;
        }
        self.sync();
        self.forget_oldest()?;
        Ok(kept)
    }

    /// Keeps a copy of the database and its log, for a database that goes on being used.
    pub(super) fn keep_copy(&self, at: Timestamp) -> Result<PathBuf, StoreError> {
        let kept = self.aside(at);
        fs::copy(self.main(), &kept)?;
        if self.beside("wal").exists() {
            fs::copy(self.beside("wal"), with_suffix(&kept, "wal"))?;
        }
        self.forget_oldest()?;
        Ok(kept)
    }

    /// Keeps the first page: without it, salt and schema of a sealed database are lost with 4 kB.
    pub(super) fn keep_head(&self) -> Result<(), StoreError> {
        let mut head = vec![0; HEAD];
        File::open(self.main())?.read_exact(&mut head)?;
        let kept = self.beside("head");
        if fs::read(&kept).ok().as_deref() == Some(&head) {
            return Ok(());
        }
        let draft = self.beside("head-draft");
        let mut file = File::create(&draft)?;
        file.write_all(&head)?;
        file.sync_all()?;
        Ok(fs::rename(draft, kept)?)
    }

    /// A copy of the database to be read around its damage, with the first page as it was kept where `head` says so.
    /// `None` when there is no such page.
    pub(super) fn copy_for_salvage(&self, head: bool) -> Result<Option<PathBuf>, StoreError> {
        let copy = self.beside("salvage");
        for left in ["salvage", "salvage-wal", "salvage-shm"] {
            remove(&self.beside(left))?;
        }
        fs::copy(self.main(), &copy)?;
        if self.beside("wal").exists() {
            fs::copy(self.beside("wal"), self.beside("salvage-wal"))?;
        }
        if head {
            let Ok(page) = fs::read(self.beside("head")) else { return Ok(None) };
            let mut file = File::options().write(true).open(&copy)?;
            file.rewind()?;
            file.write_all(&page)?;
            file.sync_all()?;
        }
        Ok(Some(copy))
    }

    /// Damaged files that are kept, oldest first.
    pub(crate) fn kept(&self) -> Result<Vec<PathBuf>, StoreError> {
        let prefix = format!("{FILE}-damaged-");
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            let date = name.strip_prefix(&prefix);
            if date.is_some_and(|d| !["-wal", "-shm", "-seal"].iter().any(|s| d.ends_with(s))) {
                kept.push(path);
            }
        }
        kept.sort();
        Ok(kept)
    }

    /// A log without its database would be played into the next one of that name.
    fn move_log(&self, to: &Path) -> Result<(), StoreError> {
        for log in ["wal", "shm"] {
            let from = self.beside(log);
            if from.exists() {
                fs::rename(from, with_suffix(to, log))?;
            }
        }
        Ok(())
    }

    /// A name that is free.
    fn aside(&self, at: Timestamp) -> PathBuf {
        let date = at.strftime("%Y%m%dT%H%M%SZ");
        let mut name = self.beside(&format!("damaged-{date}"));
        let mut more = 1;
        while name.exists() {
            more += 1;
            name = self.beside(&format!("damaged-{date}-{more}"));
        }
        name
    }

    fn forget_oldest(&self) -> Result<(), StoreError> {
        let kept = self.kept()?;
        for old in kept.iter().take(kept.len().saturating_sub(KEPT)) {
            for suffix in ["wal", "shm", "seal"] {
                remove(&with_suffix(old, suffix))?;
            }
            remove(old)?;
        }
        Ok(())
    }

    /// Brings renames to the disk, where the system lets a directory be synced.
    fn sync(&self) {
        #[cfg(unix)]
        if let Ok(directory) = File::open(&self.0) {
            let _ = directory.sync_all();
        }
    }
}

impl Claim {
    /// Lets others use the database too.
    pub(super) fn share(mut self) -> Result<Self, StoreError> {
        if self.alone {
            // A file system without locks lets everyone in.
            if self.file.unlock().is_ok() {
                let _ = self.file.lock_shared();
            }
            self.alone = false;
        }
        Ok(self)
    }
}

/// SQLCipher would tell of each damaged page on standard error; what is worth telling is told by us.
static QUIET: Once = Once::new();

/// Opens a sealed database.
pub(super) fn connect(path: &Path, key: &Key) -> Result<Connection, StoreError> {
    QUIET.call_once(|| {
        // It is a setting of the whole process. Without it there are only more words.
        let _ = Connection::open_in_memory().and_then(|c| c.execute_batch("PRAGMA cipher_log_level = NONE"));
    });
    let connection = Connection::open(path)?;
    key.unlock(&connection)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}

/// The newest schema this version knows.
pub(super) fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

fn kind(path: &Path) -> Result<FileKind, StoreError> {
    let mut start = Vec::with_capacity(PLAIN.len());
    match File::open(path) {
        Ok(file) => file.take(PLAIN.len() as u64).read_to_end(&mut start)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(FileKind::None),
        Err(error) => return Err(error.into()),
    };
    Ok(match start.as_slice() {
        [] => FileKind::None,
        start if start == PLAIN => FileKind::Plain,
        _ => FileKind::Sealed,
    })
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-");
    name.push(suffix);
    name.into()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Overwrites and removes. On a disk that writes elsewhere than it read, traces may stay until they are reused.
fn erase(path: &Path) -> Result<(), StoreError> {
    let mut file = File::options().write(true).open(path)?;
    let mut left = file.metadata()?.len();
    let zeros = [0; 1 << 16];
    while left > 0 {
        let now = usize::try_from(left).map_or(zeros.len(), |l| l.min(zeros.len()));
        file.write_all(zeros.get(..now).unwrap_or_default())?;
        left = left.saturating_sub(now as u64);
    }
    file.sync_all()?;
    Ok(fs::remove_file(path)?)
}
