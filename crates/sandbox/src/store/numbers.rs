//! Rented numbers.

use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, Row, params};
use rust_decimal::Decimal;

use super::{Books, StoreError, all, date, decimal, millis, optional_decimal, optional_time};
use crate::model::{AccountId, Number, NumberState, NumberTrouble, Purpose, Trouble};

const COLUMNS: &str = "id, account, e164, country, city, label, kind, calls, sms, monthly_fee, incoming_minute, \
                       sms_price, ordered_on, renews_on, state, product, purpose, auto_renew, order_id, ends_ms, \
                       sms_left, calls_left, service, disposal, trouble, clients_fault, replacement, mended_ms, \
                       reported_ms";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Number> {
    let trouble = match row.get::<_, Option<Trouble>>("trouble")? {
        Some(kind) => Some(NumberTrouble {
            kind,
            clients_fault: row.get("clients_fault")?,
            replacement: row.get("replacement")?,
            mended_at: optional_time(row, "mended_ms")?,
        }),
        None => None,
    };
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
        product: row.get("product")?,
        purpose: row.get("purpose")?,
        ordered_on: date(&row.get::<_, String>("ordered_on")?)?,
        renews_on: row.get::<_, Option<String>>("renews_on")?.as_deref().map(date).transpose()?,
        auto_renew: row.get("auto_renew")?,
        state: row.get("state")?,
        order: row.get("order_id")?,
        ends_at: optional_time(row, "ends_ms")?,
        sms_left: row.get("sms_left")?,
        calls_left: row.get("calls_left")?,
        service: row.get("service")?,
        disposal: row.get("disposal")?,
        trouble,
        reported_at: optional_time(row, "reported_ms")?,
    })
}

pub(crate) fn insert(books: &Books<'_>, number: &Number) -> Result<(), StoreError> {
    books.execute(
        "INSERT INTO numbers (id, account, e164, country, city, kind, calls, sms, incoming_minute, sms_price,
             product, purpose, order_id, service, monthly_fee, ordered_on, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        params![
            number.id,
            number.account.0,
            number.e164,
            number.country,
            number.city,
            number.kind,
            number.calls,
            number.sms,
            number.incoming_minute.to_string(),
            number.sms_price.map(|p| p.to_string()),
            number.product,
            number.purpose,
            number.order,
            number.service,
            number.monthly_fee.to_string(),
            number.ordered_on.to_string(),
            number.state,
        ],
    )?;
    update(books, number)
}

/// Writes down everything of a number that can change.
pub(crate) fn update(books: &Books<'_>, number: &Number) -> Result<(), StoreError> {
    let trouble = number.trouble;
    books.execute(
        "UPDATE numbers SET label = ?2, monthly_fee = ?3, ordered_on = ?4, renews_on = ?5, auto_renew = ?6,
             state = ?7, ends_ms = ?8, sms_left = ?9, calls_left = ?10, disposal = ?11, trouble = ?12,
             clients_fault = ?13, replacement = ?14, mended_ms = ?15, reported_ms = ?16
         WHERE id = ?1",
        params![
            number.id,
            number.label,
            number.monthly_fee.to_string(),
            number.ordered_on.to_string(),
            number.renews_on.map(|d: Date| d.to_string()),
            number.auto_renew,
            number.state,
            number.ends_at.map(millis),
            number.sms_left,
            number.calls_left,
            number.disposal,
            trouble.map(|t| t.kind),
            trouble.is_some_and(|t| t.clients_fault),
            trouble.is_some_and(|t| t.replacement),
            trouble.and_then(|t| t.mended_at).map(millis),
            number.reported_at.map(millis),
        ],
    )?;
    Ok(())
}

/// An account's numbers in the order they were rented, those not yet connected and those gone included.
pub(crate) fn of_account(connection: &Connection, account: AccountId) -> Result<Vec<Number>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM numbers WHERE account = ?1 ORDER BY ordered_on, rowid"
    ))?;
    all(statement.query_map([account.0], from_row)?)
}

/// The numbers of an order.
pub(crate) fn of_order(connection: &Connection, order: &str) -> Result<Vec<Number>, StoreError> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM numbers WHERE order_id = ?1 ORDER BY rowid"))?;
    all(statement.query_map([order], from_row)?)
}

/// Every number that has a day of renewal.
pub(crate) fn renewing(connection: &Connection) -> Result<Vec<Number>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM numbers WHERE renews_on IS NOT NULL AND state <> 'deleted' ORDER BY rowid"
    ))?;
    all(statement.query_map([], from_row)?)
}

/// The number as somebody has it now.
pub(crate) fn by_e164(connection: &Connection, e164: &str) -> Result<Option<Number>, StoreError> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM numbers WHERE e164 = ?1 AND state <> 'deleted'"))?;
    Ok(statement.query_row([e164], from_row).optional()?)
}

pub(crate) fn by_id(connection: &Connection, id: &str) -> Result<Option<Number>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM numbers WHERE id = ?1"))?;
    Ok(statement.query_row([id], from_row).optional()?)
}

/// Whether any number of an account waits for its balance to be positive.
pub(crate) fn any_suspended(connection: &Connection, account: AccountId) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM numbers WHERE account = ?1 AND state = 'suspended'")?;
    Ok(statement.exists([account.0])?)
}

/// How many of a product an account has had as trials.
pub(crate) fn trials_of(
    connection: &Connection,
    account: AccountId,
    product: &str,
) -> Result<u32, StoreError> {
    Ok(connection.query_row(
        "SELECT count(*) FROM numbers WHERE account = ?1 AND product = ?2 AND purpose = 'trial'",
        params![account.0, product],
        |row| row.get(0),
    )?)
}

/// How many of a product anybody has as a trial now.
pub(crate) fn trials_running(connection: &Connection, product: &str) -> Result<u32, StoreError> {
    Ok(connection.query_row(
        "SELECT count(*) FROM numbers WHERE product = ?1 AND purpose = ?2 AND state <> ?3",
        params![product, Purpose::Trial, NumberState::Deleted],
        |row| row.get(0),
    )?)
}

/// Every number somebody has now.
pub(crate) fn taken(connection: &Connection) -> Result<std::collections::HashSet<String>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT e164 FROM numbers WHERE state <> 'deleted'")?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Notes that a number is issued for a service; `false` when it ever was before.
pub(crate) fn issue(books: &Books<'_>, e164: &str, service: &str) -> Result<bool, StoreError> {
    let inserted = books
        .execute("INSERT OR IGNORE INTO issued (e164, service) VALUES (?1, ?2)", params![e164, service])?;
    Ok(inserted == 1)
}

/// The fee of a product where it has been changed.
pub(crate) fn changed_fee(connection: &Connection, product: &str) -> Result<Option<Decimal>, StoreError> {
    Ok(connection
        .query_row("SELECT monthly_fee FROM prices WHERE product = ?1", [product], |row| {
            decimal(row, "monthly_fee")
        })
        .optional()?)
}

/// Changes the fee of a product; what is paid for already stays paid.
pub(crate) fn change_fee(books: &Books<'_>, product: &str, fee: Decimal) -> Result<(), StoreError> {
    books.execute(
        "INSERT INTO prices (product, monthly_fee) VALUES (?1, ?2)
         ON CONFLICT (product) DO UPDATE SET monthly_fee = excluded.monthly_fee",
        params![product, fee.to_string()],
    )?;
    Ok(())
}

#[cfg(test)]
pub(crate) fn set_state(books: &Books<'_>, e164: &str, state: NumberState) -> Result<(), StoreError> {
    books.execute("UPDATE numbers SET state = ?2 WHERE e164 = ?1", params![e164, state])?;
    Ok(())
}
