//! Table `number`: an account's rented numbers as last read.

use rusqlite::{Connection, params};
use tern_provider::types::{Number, NumberTerms, RemoteId};

use super::{
    StoreError,
    column::{self, Word},
};
use crate::api::AccountId;

pub(super) fn of(connection: &Connection, account: &AccountId) -> Result<Vec<Number>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT remote_id, e164, country, city, label, calls, sms, fee_amount, fee_currency, renews_on, state
         FROM number WHERE account = ?1 ORDER BY position",
    )?;
    let rows = statement.query_map([account.0], |row| {
        Ok(Number {
            id: RemoteId(row.get(0)?),
            e164: row.get(1)?,
            country: row.get(2)?,
            city: row.get(3)?,
            label: row.get(4)?,
            calls: row.get(5)?,
            sms: row.get(6)?,
            monthly_fee: column::optional_money(row, 7, 8)?,
            renews_on: row.get::<_, Option<String>>(9)?.and_then(|d| d.parse().ok()),
            state: column::word(row, 10)?,
            terms: NumberTerms::default(),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn put(
    connection: &Connection,
    account: &AccountId,
    numbers: &[Number],
) -> Result<(), StoreError> {
    connection.execute("DELETE FROM number WHERE account = ?1", [account.0])?;
    let mut statement = connection.prepare(
        "INSERT INTO number (account, position, remote_id, e164, country, city, label, calls, sms, fee_amount,
             fee_currency, renews_on, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?;
    for (position, n) in numbers.iter().enumerate() {
        let (fee, currency) = column::split(n.monthly_fee.as_ref());
        statement.execute(params![
            account.0,
            i64::try_from(position).unwrap_or(i64::MAX),
            n.id.0,
            n.e164,
            n.country,
            n.city,
            n.label,
            n.calls,
            n.sms,
            fee,
            currency,
            n.renews_on.map(|d| d.to_string()),
            n.state.word()
        ])?;
    }
    Ok(())
}
