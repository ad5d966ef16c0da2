//! Table `topup`: top-ups that were asked for and have not ended.

use rusqlite::{Connection, params};
use tern_provider::types::IdempotencyKey;

use super::{
    StoreError,
    column::{self, Word},
    micros, timestamp,
};
use crate::{api::AccountId, record::TopUpRecord};

pub(super) fn of(connection: &Connection, account: &AccountId) -> Result<Vec<TopUpRecord>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT send_key, remote_id, amount, currency, state, url, at FROM topup WHERE account = ?1 ORDER BY at",
    )?;
    let rows = statement.query_map([account.0], |row| {
        Ok(TopUpRecord {
            account: account.clone(),
            key: IdempotencyKey(row.get(0)?),
            id: row.get(1)?,
            amount: column::money(row, 2, 3)?,
            state: column::word(row, 4)?,
            url: row.get::<_, Option<String>>(5)?.and_then(|u| u.parse().ok()),
            at: timestamp(row.get(6)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn put(connection: &Connection, topup: &TopUpRecord) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO topup (send_key, account, remote_id, amount, currency, state, url, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (send_key) DO UPDATE SET remote_id = excluded.remote_id, state = excluded.state,
             url = excluded.url",
        params![
            topup.key.0,
            topup.account.0,
            topup.id,
            topup.amount.amount.to_string(),
            topup.amount.currency,
            topup.state.word(),
            topup.url.as_ref().map(|u| u.as_str()),
            micros(topup.at)
        ],
    )?;
    Ok(())
}

pub(super) fn remove(connection: &Connection, key: &IdempotencyKey) -> Result<(), StoreError> {
    connection.execute("DELETE FROM topup WHERE send_key = ?1", [&key.0])?;
    Ok(())
}
