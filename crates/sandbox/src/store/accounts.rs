//! Customers.

use rusqlite::{Connection, OptionalExtension, Row, params};
use tern_provider::Secret;

use super::{Books, StoreError, all, optional_decimal};
use crate::{
    model::{Account, AccountId, AutoTopUp},
    settings::SmsLimits,
};

const COLUMNS: &str = "id, public_id, name, profile, currency, token, sip_user, sip_password, seq, oldest_cursor, \
                       sms_per_second, sms_per_hour, sms_per_day, auto_topup_threshold, auto_topup_amount, \
                       payment_method";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Account> {
    let limits: (Option<u32>, Option<u32>, Option<u32>) =
        (row.get("sms_per_second")?, row.get("sms_per_hour")?, row.get("sms_per_day")?);
    let sms_limits = match limits {
        (Some(per_second), Some(per_hour), Some(per_day)) => {
            Some(SmsLimits { per_second, per_hour, per_day })
        }
        _ => None,
    };
    let threshold = optional_decimal(row, "auto_topup_threshold")?;
    let amount = optional_decimal(row, "auto_topup_amount")?;
    Ok(Account {
        sms_limits,
        auto_topup: threshold.zip(amount).map(|(threshold, amount)| AutoTopUp { threshold, amount }),
        payment_method: row.get("payment_method")?,
        id: AccountId(row.get("id")?),
        public_id: row.get("public_id")?,
        name: row.get("name")?,
        profile: row.get("profile")?,
        currency: row.get("currency")?,
        token: Secret::new(row.get::<_, String>("token")?),
        sip_user: row.get("sip_user")?,
        sip_password: Secret::new(row.get::<_, String>("sip_password")?),
        seq: row.get("seq")?,
        oldest_cursor: row.get("oldest_cursor")?,
    })
}

/// Stores a new customer; `account.id` is ignored and the one given out is returned.
pub(crate) fn insert(books: &Books<'_>, account: &Account) -> Result<AccountId, StoreError> {
    books.execute(
        "INSERT INTO accounts (public_id, name, profile, currency, token, sip_user, sip_password)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            account.public_id,
            account.name,
            account.profile,
            account.currency,
            account.token.reveal(),
            account.sip_user,
            account.sip_password.reveal(),
        ],
    )?;
    Ok(AccountId(books.last_insert_rowid()))
}

/// Every customer, the one meant for demonstrations first.
pub(crate) fn list(connection: &Connection) -> Result<Vec<Account>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM accounts ORDER BY id"))?;
    all(statement.query_map([], from_row)?)
}

pub(crate) fn by_id(connection: &Connection, id: AccountId) -> Result<Option<Account>, StoreError> {
    one(connection, "id = ?1", id.0)
}

pub(crate) fn by_token(connection: &Connection, token: &str) -> Result<Option<Account>, StoreError> {
    one(connection, "token = ?1", token)
}

pub(crate) fn by_sip_user(connection: &Connection, user: &str) -> Result<Option<Account>, StoreError> {
    one(connection, "sip_user = ?1", user)
}

/// Gives an account limits of its own for sending SMS, or everybody's.
pub(crate) fn set_sms_limits(
    books: &Books<'_>,
    id: AccountId,
    limits: Option<SmsLimits>,
) -> Result<(), StoreError> {
    books.execute(
        "UPDATE accounts SET sms_per_second = ?2, sms_per_hour = ?3, sms_per_day = ?4 WHERE id = ?1",
        params![id.0, limits.map(|l| l.per_second), limits.map(|l| l.per_hour), limits.map(|l| l.per_day)],
    )?;
    Ok(())
}

/// Switches top-ups by themselves on or off.
pub(crate) fn set_auto_topup(
    books: &Books<'_>,
    id: AccountId,
    auto: Option<AutoTopUp>,
) -> Result<(), StoreError> {
    books.execute(
        "UPDATE accounts SET auto_topup_threshold = ?2, auto_topup_amount = ?3 WHERE id = ?1",
        params![id.0, auto.map(|a| a.threshold.to_string()), auto.map(|a| a.amount.to_string())],
    )?;
    Ok(())
}

/// Remembers that a payment was made whose method can be used again.
pub(crate) fn keep_payment_method(books: &Books<'_>, id: AccountId) -> Result<(), StoreError> {
    books.execute("UPDATE accounts SET payment_method = 1 WHERE id = ?1", [id.0])?;
    Ok(())
}

fn one(
    connection: &Connection,
    condition: &str,
    value: impl rusqlite::ToSql,
) -> Result<Option<Account>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM accounts WHERE {condition}"))?;
    Ok(statement.query_row([value], from_row).optional()?)
}

/// Remembers that a client was there.
pub(crate) fn mark_visited(books: &Books<'_>, id: AccountId) -> Result<(), StoreError> {
    books.execute("UPDATE accounts SET visited = 1 WHERE id = ?1 AND visited = 0", [id.0])?;
    Ok(())
}

/// The accounts a client was at since this was last asked.
pub(crate) fn take_visited(books: &Books<'_>) -> Result<Vec<AccountId>, StoreError> {
    let visited = {
        let mut statement = books.prepare_cached("SELECT id FROM accounts WHERE visited = 1 ORDER BY id")?;
        all(statement.query_map([], |row| row.get(0).map(AccountId))?)?
    };
    books.execute("UPDATE accounts SET visited = 0", [])?;
    Ok(visited)
}
