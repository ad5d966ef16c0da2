//! Table `thread`: conversations, each one account, one of its numbers and one peer.

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
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
