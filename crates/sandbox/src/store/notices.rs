//! What the provider told its customers by itself.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Books, StoreError, all, changes, millis, time};
use crate::model::{AccountId, Kind, Notice};

const COLUMNS: &str = "position, id, account, kind, number, at_ms, text, reference";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Notice> {
    Ok(Notice {
        id: row.get("id")?,
        account: AccountId(row.get("account")?),
        kind: row.get("kind")?,
        number: row.get("number")?,
        at: time(row.get("at_ms")?)?,
        text: row.get("text")?,
        reference: row.get("reference")?,
    })
}

pub(crate) fn insert(books: &Books<'_>, notice: &Notice) -> Result<(), StoreError> {
    books.execute(
        "INSERT INTO notices (id, account, kind, number, at_ms, text, reference)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            notice.id,
            notice.account.0,
            notice.kind,
            notice.number,
            millis(notice.at),
            notice.text,
            notice.reference
        ],
    )?;
    changes::upserted(books, notice.account, Kind::Notice, &notice.id, 1)
}

pub(crate) fn by_id(connection: &Connection, id: &str) -> Result<Option<Notice>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM notices WHERE id = ?1"))?;
    Ok(statement.query_row([id], from_row).optional()?)
}

/// An account's notices, newest first, from before the position `before` on.
pub(crate) fn page(
    connection: &Connection,
    account: AccountId,
    before: i64,
    limit: u32,
) -> Result<Vec<(i64, Notice)>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM notices WHERE account = ?1 AND position < ?2 ORDER BY position DESC LIMIT ?3"
    ))?;
    all(statement
        .query_map(params![account.0, before, limit], |row| Ok((row.get("position")?, from_row(row)?)))?)
}
