//! Orders.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Books, StoreError, all, decimal, millis, time};
use crate::model::{AccountId, Order};

const COLUMNS: &str = "position, id, account, product, purpose, count, months, service, discount_percent, total, cashback, at_ms";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Order> {
    Ok(Order {
        id: row.get("id")?,
        account: AccountId(row.get("account")?),
        product: row.get("product")?,
        purpose: row.get("purpose")?,
        count: row.get("count")?,
        months: row.get("months")?,
        service: row.get("service")?,
        discount_percent: decimal(row, "discount_percent")?,
        total: decimal(row, "total")?,
        cashback: decimal(row, "cashback")?,
        at: time(row.get("at_ms")?)?,
    })
}

pub(crate) fn insert(books: &Books<'_>, order: &Order) -> Result<(), StoreError> {
    books.execute(
        "INSERT INTO orders (id, account, product, purpose, count, months, service, discount_percent, total,
             cashback, at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            order.id,
            order.account.0,
            order.product,
            order.purpose,
            order.count,
            order.months,
            order.service,
            order.discount_percent.to_string(),
            order.total.to_string(),
            order.cashback.to_string(),
            millis(order.at),
        ],
    )?;
    Ok(())
}

pub(crate) fn by_id(connection: &Connection, id: &str) -> Result<Option<Order>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM orders WHERE id = ?1"))?;
    Ok(statement.query_row([id], from_row).optional()?)
}

/// An account's orders, newest first, from before the position `before` on.
pub(crate) fn page(
    connection: &Connection,
    account: AccountId,
    before: i64,
    limit: u32,
) -> Result<Vec<(i64, Order)>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM orders WHERE account = ?1 AND position < ?2 ORDER BY position DESC LIMIT ?3"
    ))?;
    all(statement
        .query_map(params![account.0, before, limit], |row| Ok((row.get("position")?, from_row(row)?)))?)
}
