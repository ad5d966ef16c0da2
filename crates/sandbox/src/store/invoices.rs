//! Conference minutes and the invoices made of them.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::{Books, StoreError, all, decimal, millis, time};
use crate::model::{AccountId, Invoice};

fn from_row(row: &Row<'_>) -> rusqlite::Result<Invoice> {
    Ok(Invoice {
        id: row.get("id")?,
        account: AccountId(row.get("account")?),
        month: row.get("month")?,
        minutes: row.get("minutes")?,
        total: decimal(row, "total")?,
        at: time(row.get("at_ms")?)?,
    })
}

/// Adds minutes to be invoiced; answers whether they are the first since the last invoice.
pub(crate) fn add_minutes(
    books: &Books<'_>,
    account: AccountId,
    conference: &str,
    minutes: u64,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let open = open_minutes(books, account)?;
    books.execute(
        "INSERT INTO conference_minutes (account, conference, minutes, at_ms) VALUES (?1, ?2, ?3, ?4)",
        params![account.0, conference, minutes, millis(at)],
    )?;
    Ok(open == 0)
}

/// What is not invoiced yet.
pub(crate) fn open_minutes(connection: &Connection, account: AccountId) -> Result<u64, StoreError> {
    Ok(connection.query_row(
        "SELECT coalesce(sum(minutes), 0) FROM conference_minutes WHERE account = ?1 AND invoice IS NULL",
        [account.0],
        |row| row.get(0),
    )?)
}

/// Stores an invoice of everything open.
pub(crate) fn insert(books: &Books<'_>, invoice: &Invoice) -> Result<(), StoreError> {
    books.execute(
        "INSERT INTO invoices (id, account, month, minutes, total, at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            invoice.id,
            invoice.account.0,
            invoice.month,
            invoice.minutes,
            invoice.total.to_string(),
            millis(invoice.at)
        ],
    )?;
    books.execute(
        "UPDATE conference_minutes SET invoice = ?2 WHERE account = ?1 AND invoice IS NULL",
        params![invoice.account.0, invoice.id],
    )?;
    Ok(())
}

/// An account's invoices, newest first.
pub(crate) fn of_account(connection: &Connection, account: AccountId) -> Result<Vec<Invoice>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, account, month, minutes, total, at_ms FROM invoices WHERE account = ?1
         ORDER BY position DESC",
    )?;
    all(statement.query_map([account.0], from_row)?)
}
