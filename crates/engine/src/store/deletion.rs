//! Table `deletion`: messages that the provider is to delete, until the last one is answered.

use rusqlite::{Connection, params};
use tern_provider::types::RemoteId;

use super::StoreError;
use crate::{api::AccountId, record::Deleted};

/// What an account's provider has not answered yet, in the order it was asked for.
pub(super) fn of(connection: &Connection, account: &AccountId) -> Result<Vec<RemoteId>, StoreError> {
    let mut statement = connection
        .prepare("SELECT remote_id FROM deletion WHERE account = ?1 AND state = 'waiting' ORDER BY rowid")?;
    let rows = statement.query_map([account.0], |row| row.get(0).map(RemoteId))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Adds one that is to be deleted there.
pub(super) fn add(connection: &Connection, account: &AccountId, id: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO deletion (account, remote_id, state) VALUES (?1, ?2, 'waiting') ON CONFLICT DO NOTHING",
        )?
        .execute(params![account.0, id])?;
    Ok(())
}

/// Keeps an answer. Answers with how many are gone and how many never will be once none waits any more, and forgets
/// them then.
pub(super) fn answered(
    connection: &Connection,
    account: &AccountId,
    id: &RemoteId,
    fate: Deleted,
) -> Result<Option<(u32, u32)>, StoreError> {
    let state = match fate {
        Deleted::Gone => "gone",
        Deleted::Refused => "refused",
    };
    connection.execute(
        "UPDATE deletion SET state = ?3 WHERE account = ?1 AND remote_id = ?2",
        params![account.0, id.0, state],
    )?;
    let (waiting, gone, refused): (u32, u32, u32) = connection.query_row(
        "SELECT count(*) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'gone'),
             count(*) FILTER (WHERE state = 'refused')
         FROM deletion WHERE account = ?1",
        [account.0],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    if waiting > 0 {
        return Ok(None);
    }
    connection.execute("DELETE FROM deletion WHERE account = ?1", [account.0])?;
    Ok(Some((gone, refused)))
}
