//! Rented numbers.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Books, StoreError, all, date, decimal, optional_decimal};
use crate::model::{AccountId, Number};

const COLUMNS: &str = "id, account, e164, country, city, label, kind, calls, sms, monthly_fee, incoming_minute, \
                       sms_price, ordered_on, renews_on, state";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Number> {
    Ok(Number {
        id: row.get("id")?,
        account: AccountId(row.get("account")?),
        e164: row.get("e164")?,
        country: row.get("country")?,
        city: row.get("city")?,
        label: row.get("label")?,
        kind: row.get("kind")?,
        calls: row.get("calls")?,
        sms: row.get("sms")?,
        monthly_fee: decimal(row, "monthly_fee")?,
        incoming_minute: decimal(row, "incoming_minute")?,
        sms_price: optional_decimal(row, "sms_price")?,
        ordered_on: date(&row.get::<_, String>("ordered_on")?)?,
        renews_on: row.get::<_, Option<String>>("renews_on")?.as_deref().map(date).transpose()?,
        state: row.get("state")?,
    })
}

pub(crate) fn insert(books: &Books<'_>, number: &Number) -> Result<(), StoreError> {
    books.execute(
        "INSERT INTO numbers (id, account, e164, country, city, label, kind, calls, sms, monthly_fee,
             incoming_minute, sms_price, ordered_on, renews_on, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        params![
            number.id,
            number.account.0,
            number.e164,
            number.country,
            number.city,
            number.label,
            number.kind,
            number.calls,
            number.sms,
            number.monthly_fee.to_string(),
            number.incoming_minute.to_string(),
            number.sms_price.map(|p| p.to_string()),
            number.ordered_on.to_string(),
            number.renews_on.map(|d| d.to_string()),
            number.state,
        ],
    )?;
    Ok(())
}

/// An account's numbers in the order they were rented.
pub(crate) fn of_account(connection: &Connection, account: AccountId) -> Result<Vec<Number>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM numbers WHERE account = ?1 ORDER BY ordered_on, rowid"
    ))?;
    all(statement.query_map([account.0], from_row)?)
}

/// The number as somebody has it now.
pub(crate) fn by_e164(connection: &Connection, e164: &str) -> Result<Option<Number>, StoreError> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM numbers WHERE e164 = ?1 AND state <> 'deleted'"))?;
    Ok(statement.query_row([e164], from_row).optional()?)
}

#[cfg(test)]
pub(crate) fn set_state(
    books: &Books<'_>,
    e164: &str,
    state: crate::model::NumberState,
) -> Result<(), StoreError> {
    books.execute("UPDATE numbers SET state = ?2 WHERE e164 = ?1", params![e164, state])?;
    Ok(())
}
