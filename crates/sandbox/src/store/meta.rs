//! Single values about the database itself.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Books, StoreError};

/// Random, made with the database: tells its cursors from another database's.
pub(crate) const EPOCH: &str = "epoch";
/// When the sandbox was last known to run, in milliseconds.
pub(crate) const ALIVE_AT: &str = "alive_at";
/// Present once the welcome SMS was put on the agenda.
pub(crate) const WELCOMED: &str = "welcomed";
/// How many times something has happened while the sandbox was closed; chooses what happens next.
pub(crate) const ABSENCES: &str = "absences";

/// How many SMS of a long past were written.
pub(crate) const BACKLOG: &str = "backlog";
/// How far the billing clock was set ahead, in milliseconds.
pub(crate) const CLOCK_AHEAD: &str = "clock_ahead_ms";
/// Present once the numbers that were there before the billing clock are on the agenda.
pub(crate) const SCHEDULED: &str = "scheduled";

pub(crate) fn get(connection: &Connection, key: &str) -> Result<Option<String>, StoreError> {
    Ok(connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()?)
}

pub(crate) fn set(books: &Books<'_>, key: &str, value: &str) -> Result<(), StoreError> {
    books.execute(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        params![key, value],
    )?;
    Ok(())
}
