//! Table `thread`: conversations, each one account, one of its numbers and one peer.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{StoreError, micros};
use crate::{api::AccountId, record::ThreadRowId};

/// The conversation's id, made when there is none yet.
pub(super) fn find_or_make(
    connection: &Connection,
    account: &AccountId,
    number: &str,
    peer: &str,
) -> Result<ThreadRowId, StoreError> {
    let known = connection
        .prepare_cached("SELECT id FROM thread WHERE account = ?1 AND number = ?2 AND peer = ?3")?
        .query_row(params![account.0, number, peer], |row| row.get(0).map(ThreadRowId))
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    connection
        .prepare_cached("INSERT INTO thread (account, number, peer) VALUES (?1, ?2, ?3)")?
        .execute(params![account.0, number, peer])?;
    Ok(ThreadRowId(connection.last_insert_rowid()))
}

/// Notes that a conversation was removed with all that is in it now, and whether at the provider too.
pub(super) fn note_removed(
    connection: &Connection,
    thread: ThreadRowId,
    there: bool,
) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE thread SET removed_there = max(removed_there, ?2),
             removed_until = (SELECT max(at) FROM activity WHERE thread = ?1 AND deleted = 0)
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM activity WHERE thread = ?1 AND deleted = 0)",
        params![thread.0, there],
    )?;
    Ok(())
}

/// Whether what happened in a conversation then was removed with it, and if so, whether at the provider too.
pub(super) fn was_removed(
    connection: &Connection,
    thread: ThreadRowId,
    at: Timestamp,
) -> Result<Option<bool>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT removed_there FROM thread WHERE id = ?1 AND removed_until >= ?2")?
        .query_row(params![thread.0, micros(at)], |row| row.get(0))
        .optional()?)
}

/// Account, number and peer of a conversation.
pub(super) fn get(
    connection: &Connection,
    thread: ThreadRowId,
) -> Result<Option<(AccountId, String, String)>, StoreError> {
    Ok(connection
        .query_row("SELECT account, number, peer FROM thread WHERE id = ?1", [thread.0], |row| {
            Ok((AccountId(row.get(0)?), row.get(1)?, row.get(2)?))
        })
        .optional()?)
}
