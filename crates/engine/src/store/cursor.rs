//! Table `cursor`: an account's place in its provider's feed. Changes only together with rows.

use rusqlite::{Connection, OptionalExtension, params};
use tern_provider::types::Cursor;

use super::StoreError;
use crate::api::AccountId;

pub(super) fn of(connection: &Connection, account: &AccountId) -> Result<Option<Cursor>, StoreError> {
    Ok(connection
        .query_row("SELECT place FROM cursor WHERE account = ?1", [account.0], |row| row.get(0).map(Cursor))
        .optional()?)
}

pub(super) fn put(connection: &Connection, account: &AccountId, cursor: &Cursor) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO cursor (account, place) VALUES (?1, ?2)
         ON CONFLICT (account) DO UPDATE SET place = excluded.place",
        params![account.0, cursor.0],
    )?;
    Ok(())
}
