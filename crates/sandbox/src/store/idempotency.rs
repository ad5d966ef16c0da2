//! What was asked for under which key.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Books, StoreError};
use crate::model::AccountId;

/// What an earlier request under the same key asked for, and the id of what it made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Earlier {
    pub(crate) request: String,
    pub(crate) result: String,
}

/// `scope` keeps the keys of different endpoints apart.
pub(crate) fn find(
    connection: &Connection,
    account: AccountId,
    scope: &str,
    key: &str,
) -> Result<Option<Earlier>, StoreError> {
    Ok(connection
        .query_row(
            "SELECT request, result FROM idempotency WHERE account = ?1 AND scope = ?2 AND key = ?3",
            params![account.0, scope, key],
            |row| Ok(Earlier { request: row.get(0)?, result: row.get(1)? }),
        )
        .optional()?)
}

pub(crate) fn remember(
    books: &Books<'_>,
    account: AccountId,
    scope: &str,
    key: &str,
    earlier: &Earlier,
) -> Result<(), StoreError> {
    books.execute(
        "INSERT INTO idempotency (account, scope, key, request, result) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![account.0, scope, key, earlier.request, earlier.result],
    )?;
    Ok(())
}
