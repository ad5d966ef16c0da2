//! Table `balance`: what an account could spend when it was last read.

use rusqlite::{Connection, OptionalExtension, params};

use super::{StoreError, column, micros, timestamp};
use crate::{api::AccountId, record::Balance};

pub(super) fn of(connection: &Connection, account: &AccountId) -> Result<Option<Balance>, StoreError> {
    Ok(connection
        .query_row(
            "SELECT amount, currency, at, least, most FROM balance WHERE account = ?1",
            [account.0],
            |row| {
                let limits = match row.get::<_, Option<String>>(3)? {
                    Some(_) => Some((column::decimal(row, 3)?, column::decimal(row, 4)?)),
                    None => None,
                };
                Ok(Balance { money: column::money(row, 0, 1)?, at: timestamp(row.get(2)?), limits })
            },
        )
        .optional()?)
}

pub(super) fn put(connection: &Connection, account: &AccountId, balance: &Balance) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO balance (account, amount, currency, at, least, most) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (account) DO UPDATE SET amount = excluded.amount, currency = excluded.currency,
             at = excluded.at, least = excluded.least, most = excluded.most",
        params![
            account.0,
            balance.money.amount.to_string(),
            balance.money.currency,
            micros(balance.at),
            balance.limits.map(|(least, _)| least.to_string()),
            balance.limits.map(|(_, most)| most.to_string())
        ],
    )?;
    Ok(())
}
