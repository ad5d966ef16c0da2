//! Whether a database is whole, and what is done when it isn't.
//!
//! Invariant: a damaged file is never written to and never deleted here: it goes aside, and what can be read of it
//! goes into a new one. What the provider has comes again from there, because the place in its feed stays behind.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode};

use super::{
    Key, StoreError, bring_up,
    folder::{Folder, connect},
    salvage, wal,
};

/// How long looking at every page may hold up the start. What is not seen by then is seen when it is read.
const PATIENCE: Duration = Duration::from_secs(3);
/// Steps of SQLite's machine between two looks at the clock.
const STEPS: i32 = 10_000;

/// A damage that was found and dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage {
    /// Where the damaged file is now.
    pub(crate) kept: PathBuf,
}

/// Opens the sealed database, at its newest schema and whole. Only for who is alone with it.
pub(super) fn open_whole(
    folder: &Folder,
    key: &Key,
    now: Timestamp,
) -> Result<(Connection, Option<Damage>), StoreError> {
    let (main, log) = (folder.main(), folder.beside("wal"));
    // Opening it writes over the end of a torn log.
    let kept = match wal::is_whole(&log)? {
        true => None,
        false => Some(folder.keep_copy(now)?),
    };
    let broken = if main.metadata().is_ok_and(|m| m.len() == 0) && folder.beside("head").exists() {
        // SQLite would take an emptied file for a new one, and drop its log.
        Broken::FirstPage
    } else {
        let opened = connect(&main, key)?;
        match look(&opened)? {
            Look::Whole => match bring_up(opened) {
                Ok(connection) => {
                    // With a torn end, what is left is one whole state, only an older one.
                    return Ok((connection, kept.map(|kept| Damage { kept })));
                }
                Err(error) if is_damage(&error) => Broken::Pages,
                Err(error) => return Err(error),
            },
            Look::Damaged => Broken::Pages,
            Look::FirstPage => Broken::FirstPage,
        }
    };
    let source = match broken {
        Broken::Pages => folder.copy_for_salvage(false)?,
        Broken::FirstPage => folder.copy_for_salvage(true)?.filter(|copy| fits(copy, key)),
    };
    if source.is_none() && matches!(key, Key::Passphrase(_)) {
        // Nothing tells a damaged first page from a wrong passphrase.
        return Err(StoreError::WrongKey);
    }
    let damage = rebuild(folder, source.as_deref(), key, Some(key), now)?;
    Ok((bring_up(connect(&main, key)?)?, Some(damage)))
}

/// Seals a database of a version that sealed none.
pub(super) fn seal_up(folder: &Folder, key: &Key, now: Timestamp) -> Result<Option<Damage>, StoreError> {
    let plain = Connection::open(folder.main())?;
    let look = look(&plain)?;
    drop(plain);
    if matches!(look, Look::Whole) {
        match folder.seal_up(key, &mut |_| Ok(())) {
            Err(error) if is_damage(&error) => folder.tidy()?,
            other => return other.map(|()| None),
        }
    }
    let source = folder.copy_for_salvage(false)?;
    rebuild(folder, source.as_deref(), key, None, now).map(Some)
}

fn rebuild(
    folder: &Folder,
    source: Option<&Path>,
    key: &Key,
    source_key: Option<&Key>,
    now: Timestamp,
) -> Result<Damage, StoreError> {
    let mut fresh = connect(&folder.beside("new"), key)?;
    salvage::into(&mut fresh, source, source_key)?;
    fresh.close().map_err(|(_, error)| error)?;
    let kept = folder.replace(now)?;
    folder.tidy()?;
    Ok(Damage { kept })
}

/// Whether the error says that the file is not what was written.
pub(super) fn is_damage(error: &StoreError) -> bool {
    let code = match error {
        StoreError::Sqlite(error) => error.sqlite_error_code(),
        StoreError::Migration(rusqlite_migration::Error::RusqliteError { err, .. }) => {
            err.sqlite_error_code()
        }
        _ => None,
    };
    matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

enum Look {
    Whole,
    Damaged,
    /// Nothing can be read at all: another key, or the page everything begins with.
    FirstPage,
}

enum Broken {
    Pages,
    FirstPage,
}

/// Reads every page, for as long as there is patience. A page that was changed fails its authentication.
fn look(connection: &Connection) -> Result<Look, StoreError> {
    if let Err(error) = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())) {
        return match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Ok(Look::FirstPage),
            _ if is_elsewhere(&error) => Err(error.into()),
            _ => Ok(Look::Damaged),
        };
    }
    let until = Instant::now() + PATIENCE;
    connection.progress_handler(STEPS, Some(move || Instant::now() > until))?;
    let found = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    connection.progress_handler(0, None::<fn() -> bool>)?;
    match found {
        Ok(word) if word == "ok" => Ok(Look::Whole),
        Ok(_) => Ok(Look::Damaged),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => Ok(Look::Whole),
        Err(error) if is_elsewhere(&error) => Err(error.into()),
        Err(_) => Ok(Look::Damaged),
    }
}

/// What fails for a reason outside of the file.
fn is_elsewhere(error: &rusqlite::Error) -> bool {
    use ErrorCode::*;
    matches!(
        error.sqlite_error_code(),
        Some(
            DatabaseBusy
                | DatabaseLocked
                | OutOfMemory
                | DiskFull
                | CannotOpen
                | PermissionDenied
                | ReadOnly
                | SystemIoFailure
        )
    )
}

/// Whether the key opens the file.
fn fits(copy: &Path, key: &Key) -> bool {
    let opened = connect(copy, key);
    opened.is_ok_and(|c| c.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).is_ok())
}
