//! Requests for refunds.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Books, StoreError, all, decimal, millis, optional_decimal, optional_time, time};
use crate::model::{AccountId, Refund};

const COLUMNS: &str =
    "position, id, account, service, reason, asked, state, ground, way, granted, at_ms, due_ms";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Refund> {
    Ok(Refund {
        id: row.get("id")?,
        account: AccountId(row.get("account")?),
        service: row.get("service")?,
        reason: row.get("reason")?,
        asked: decimal(row, "asked")?,
        state: row.get("state")?,
        ground: row.get("ground")?,
        way: row.get("way")?,
        granted: optional_decimal(row, "granted")?,
        at: time(row.get("at_ms")?)?,
        due: optional_time(row, "due_ms")?,
    })
}

pub(crate) fn insert(books: &Books<'_>, refund: &Refund) -> Result<(), StoreError> {
    books.execute(
        "INSERT INTO refunds (id, account, service, reason, asked, state, at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            refund.id,
            refund.account.0,
            refund.service,
            refund.reason,
            refund.asked.to_string(),
            refund.state,
            millis(refund.at)
        ],
    )?;
    update(books, refund)
}

/// Writes down how a request gets on.
pub(crate) fn update(books: &Books<'_>, refund: &Refund) -> Result<(), StoreError> {
    books.execute(
        "UPDATE refunds SET state = ?2, ground = ?3, way = ?4, granted = ?5, due_ms = ?6 WHERE id = ?1",
        params![
            refund.id,
            refund.state,
            refund.ground,
            refund.way,
            refund.granted.map(|a| a.to_string()),
            refund.due.map(millis)
        ],
    )?;
    Ok(())
}

pub(crate) fn by_id(connection: &Connection, id: &str) -> Result<Option<Refund>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM refunds WHERE id = ?1"))?;
    Ok(statement.query_row([id], from_row).optional()?)
}

/// Whether money for a service is on its way or was paid already.
pub(crate) fn is_granted(connection: &Connection, service: &str) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM refunds WHERE service = ?1 AND state IN ('reviewing', 'approved', 'alternative_offered', 'paid')",
    )?;
    Ok(statement.exists([service])?)
}

/// An account's requests, newest first, from before the position `before` on.
pub(crate) fn page(
    connection: &Connection,
    account: AccountId,
    before: i64,
    limit: u32,
) -> Result<Vec<(i64, Refund)>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM refunds WHERE account = ?1 AND position < ?2 ORDER BY position DESC LIMIT ?3"
    ))?;
    all(statement
        .query_map(params![account.0, before, limit], |row| Ok((row.get("position")?, from_row(row)?)))?)
}
