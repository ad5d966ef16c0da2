//! Table `draft`: what was typed and not sent.

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use crate::{
    api::AccountId,
    record::{DraftRow, ThreadRowId},
};

pub(super) fn of(connection: &Connection, thread: ThreadRowId) -> Result<String, StoreError> {
    Ok(connection
        .query_row("SELECT text FROM draft WHERE thread = ?1", [thread.0], |row| row.get(0))
        .optional()?
        .unwrap_or_default())
}

/// All of them: account, our number, the other side and the text, by account and number.
pub(crate) fn all(connection: &Connection) -> Result<Vec<DraftRow>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT t.account, t.number, t.peer, d.text FROM draft d JOIN thread t ON t.id = d.thread
         ORDER BY t.account, t.number, t.peer",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(DraftRow {
            account: AccountId(row.get(0)?),
            number: row.get(1)?,
            peer: row.get(2)?,
            text: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
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
