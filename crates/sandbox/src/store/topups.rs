//! Payments the customer was sent to the checkout page for.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Books, StoreError, decimal, millis, time};
use crate::model::{AccountId, TopUp, TopUpState};

pub(crate) fn insert(books: &Books<'_>, topup: &TopUp) -> Result<(), StoreError> {
    books.execute(
        "INSERT INTO topups (id, account, state, amount, automatic, created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            topup.id,
            topup.account.0,
            topup.state,
            topup.amount.to_string(),
            topup.automatic,
            millis(topup.created_at)
        ],
    )?;
    Ok(())
}

pub(crate) fn by_id(connection: &Connection, id: &str) -> Result<Option<TopUp>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, account, state, amount, automatic, created_ms FROM topups WHERE id = ?1",
    )?;
    Ok(statement
        .query_row([id], |row| {
            Ok(TopUp {
                id: row.get("id")?,
                account: AccountId(row.get("account")?),
                state: row.get("state")?,
                amount: decimal(row, "amount")?,
                automatic: row.get("automatic")?,
                created_at: time(row.get("created_ms")?)?,
            })
        })
        .optional()?)
}

/// Ends a pending top-up; `false` when it was not pending any more.
pub(crate) fn settle(books: &Books<'_>, id: &str, state: TopUpState) -> Result<bool, StoreError> {
    let changed = books
        .execute("UPDATE topups SET state = ?2 WHERE id = ?1 AND state = 'pending'", params![id, state])?;
    Ok(changed == 1)
}

/// Notes that a payment has come in after all; `false` when that was known.
pub(crate) fn pay(books: &Books<'_>, id: &str) -> Result<bool, StoreError> {
    Ok(books.execute("UPDATE topups SET state = 'paid' WHERE id = ?1 AND state <> 'paid'", [id])? == 1)
}
