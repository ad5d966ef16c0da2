//! The ledger's rows. Only [`crate::ledger`] adds to them.

use rusqlite::{Connection, OptionalExtension, Row, params};
use rust_decimal::Decimal;

#[cfg(test)]
use super::all;
use super::{Books, StoreError, changes, decimal, millis, time};
use crate::model::{AccountId, Kind, Transaction};

const COLUMNS: &str = "id, account, version, type, amount, balance_after, at_ms, description, reference";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Transaction> {
    Ok(Transaction {
        id: row.get("id")?,
        account: AccountId(row.get("account")?),
        version: row.get("version")?,
        kind: row.get("type")?,
        amount: decimal(row, "amount")?,
        balance_after: decimal(row, "balance_after")?,
        at: time(row.get("at_ms")?)?,
        description: row.get("description")?,
        reference: row.get("reference")?,
    })
}

pub(crate) fn insert(books: &Books<'_>, row: &Transaction) -> Result<(), StoreError> {
    books.execute(
        "INSERT INTO transactions (id, account, version, type, amount, balance_after, at_ms, description, reference)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            row.id,
            row.account.0,
            row.version,
            row.kind,
            row.amount.to_string(),
            row.balance_after.to_string(),
            millis(row.at),
            row.description,
            row.reference,
        ],
    )?;
    changes::upserted(books, row.account, Kind::Transaction, &row.id, row.version)
}

pub(crate) fn by_id(connection: &Connection, id: &str) -> Result<Option<Transaction>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM transactions WHERE id = ?1"))?;
    Ok(statement.query_row([id], from_row).optional()?)
}

/// The balance after the latest row; zero before the first.
pub(crate) fn balance(connection: &Connection, account: AccountId) -> Result<Decimal, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT balance_after FROM transactions WHERE account = ?1 ORDER BY position DESC LIMIT 1",
    )?;
    Ok(statement
        .query_row([account.0], |row| decimal(row, "balance_after"))
        .optional()?
        .unwrap_or(Decimal::ZERO))
}

/// The whole ledger of an account, oldest first.
#[cfg(test)]
pub(crate) fn list(connection: &Connection, account: AccountId) -> Result<Vec<Transaction>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM transactions WHERE account = ?1 ORDER BY position"
    ))?;
    all(statement.query_map([account.0], from_row)?)
}
