//! Table `draft`: what was typed and not sent.

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use crate::record::ThreadRowId;

pub(super) fn of(connection: &Connection, thread: ThreadRowId) -> Result<String, StoreError> {
    Ok(connection
        .query_row("SELECT text FROM draft WHERE thread = ?1", [thread.0], |row| row.get(0))
        .optional()?
        .unwrap_or_default())
}

/// Keeps it; an empty one is removed.
pub(super) fn put(connection: &Connection, thread: ThreadRowId, text: &str) -> Result<(), StoreError> {
    if text.is_empty() {
        connection.execute("DELETE FROM draft WHERE thread = ?1", [thread.0])?;
    } else {
        connection.execute(
            "INSERT INTO draft (thread, text) VALUES (?1, ?2)
             ON CONFLICT (thread) DO UPDATE SET text = excluded.text",
            params![thread.0, text],
        )?;
    }
    Ok(())
}
