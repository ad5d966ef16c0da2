//! Tokens that may do less than the account's own.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Books, StoreError, all, millis};
use crate::model::AccountId;

/// A token as it is listed: never the word that opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenRow {
    pub(crate) id: String,
    pub(crate) label: String,
    /// Separated by spaces (RFC 6749 section 3.3).
    pub(crate) scopes: String,
}

pub(crate) fn insert(
    books: &Books<'_>,
    account: AccountId,
    token: &str,
    row: &TokenRow,
    at: Timestamp,
) -> Result<(), StoreError> {
    books.execute(
        "INSERT INTO tokens (token, id, account, label, scopes, at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![token, row.id, account.0, row.label, row.scopes, millis(at)],
    )?;
    Ok(())
}

/// Whose token it is and what it may do.
pub(crate) fn by_token(
    connection: &Connection,
    token: &str,
) -> Result<Option<(AccountId, String)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT account, scopes FROM tokens WHERE token = ?1")?;
    Ok(statement.query_row([token], |row| Ok((AccountId(row.get(0)?), row.get(1)?))).optional()?)
}

pub(crate) fn of_account(connection: &Connection, account: AccountId) -> Result<Vec<TokenRow>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT id, label, scopes FROM tokens WHERE account = ?1 ORDER BY at_ms, id")?;
    all(statement.query_map([account.0], |row| {
        Ok(TokenRow { id: row.get(0)?, label: row.get(1)?, scopes: row.get(2)? })
    })?)
}

/// Takes a token back; `false` when there is no such one.
pub(crate) fn revoke(books: &Books<'_>, account: AccountId, id: &str) -> Result<bool, StoreError> {
    Ok(books.execute("DELETE FROM tokens WHERE account = ?1 AND id = ?2", params![account.0, id])? == 1)
}
