//! The ledger's rows. Only [`crate::ledger`] adds to them.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use rust_decimal::Decimal;

use super::{Books, StoreError, all, changes, decimal, millis, parse_decimal, time};
use crate::model::{AccountId, Kind, Transaction};

const COLUMNS: &str =
    "id, account, version, type, amount, balance_after, cashback_after, at_ms, description, reference";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Transaction> {
    Ok(Transaction {
        id: row.get("id")?,
        account: AccountId(row.get("account")?),
        version: row.get("version")?,
        kind: row.get("type")?,
        amount: decimal(row, "amount")?,
        balance_after: decimal(row, "balance_after")?,
        cashback_after: decimal(row, "cashback_after")?,
        at: time(row.get("at_ms")?)?,
        description: row.get("description")?,
        reference: row.get("reference")?,
    })
}

/// Stores a row with its entries: which ledger got how much.
pub(crate) fn insert(
    books: &Books<'_>,
    row: &Transaction,
    entries: &[(String, Decimal)],
) -> Result<(), StoreError> {
    for (ledger, amount) in entries {
        books.execute(
            "INSERT INTO entries (transaction_id, ledger, amount) VALUES (?1, ?2, ?3)",
            params![row.id, ledger, amount.to_string()],
        )?;
    }
    books.execute(
        "INSERT INTO transactions (id, account, version, type, amount, balance_after, cashback_after, at_ms,
             description, reference)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            row.id,
            row.account.0,
            row.version,
            row.kind,
            row.amount.to_string(),
            row.balance_after.to_string(),
            row.cashback_after.to_string(),
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
    Ok(balances(connection, account)?.0)
}

/// The balance after the latest row, and the part of it that came as cashback.
pub(crate) fn balances(
    connection: &Connection,
    account: AccountId,
) -> Result<(Decimal, Decimal), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT balance_after, cashback_after FROM transactions WHERE account = ?1 ORDER BY position DESC LIMIT 1",
    )?;
    let latest = statement
        .query_row([account.0], |row| Ok((decimal(row, "balance_after")?, decimal(row, "cashback_after")?)));
    Ok(latest.optional()?.unwrap_or_default())
}

/// What was spent in the account's life: numbers, renewals, calls, SMS.
pub(crate) fn lifetime_spend(connection: &Connection, account: AccountId) -> Result<Decimal, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT amount FROM transactions
         WHERE account = ?1 AND type IN ('order', 'renewal', 'restore', 'call', 'sms')",
    )?;
    let amounts = all(statement.query_map([account.0], |row| decimal(row, "amount"))?)?;
    // Not the sum negated: that would be a zero with a sign.
    Ok(amounts.into_iter().fold(Decimal::ZERO, |spent, amount| spent - amount))
}

/// Which rows of the ledger.
#[derive(Debug, Clone, Default)]
pub(crate) struct Choice {
    /// Not before this.
    pub(crate) from: Option<Timestamp>,
    /// Before this.
    pub(crate) until: Option<Timestamp>,
    /// Only these kinds, as words between commas; any if not given.
    pub(crate) kinds: Option<String>,
}

/// The ledger of an account, newest first, from before the position `before` on, each row with its position.
pub(crate) fn page(
    connection: &Connection,
    account: AccountId,
    choice: &Choice,
    before: i64,
    limit: u32,
) -> Result<Vec<(i64, Transaction)>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT position, {COLUMNS} FROM transactions
         WHERE account = ?1 AND position < ?2 AND (?3 IS NULL OR at_ms >= ?3) AND (?4 IS NULL OR at_ms < ?4)
             AND (?5 IS NULL OR instr(',' || ?5 || ',', ',' || type || ',') > 0)
         ORDER BY position DESC LIMIT ?6"
    ))?;
    let (from, until) = (choice.from.map(millis), choice.until.map(millis));
    all(statement.query_map(params![account.0, before, from, until, choice.kinds, limit], |row| {
        Ok((row.get("position")?, from_row(row)?))
    })?)
}

/// The whole ledger of an account, oldest first.
pub(crate) fn list(connection: &Connection, account: AccountId) -> Result<Vec<Transaction>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM transactions WHERE account = ?1 ORDER BY position"
    ))?;
    all(statement.query_map([account.0], from_row)?)
}

/// Every entry of every transaction: transaction, ledger, amount.
pub(crate) fn entries(connection: &Connection) -> Result<Vec<(String, String, Decimal)>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT transaction_id, ledger, amount FROM entries ORDER BY transaction_id")?;
    all(statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, parse_decimal(&row.get::<_, String>(2)?)?)))?)
}
