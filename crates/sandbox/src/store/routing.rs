//! What numbers do with calls, and who has SIP credentials.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Books, StoreError, millis};
use crate::{model::AccountId, routing::Routing};

/// What a number does with calls; nothing, where nobody has said so.
pub(crate) fn of_number(connection: &Connection, number: &str) -> Result<Routing, StoreError> {
    let mut statement = connection.prepare_cached("SELECT settings FROM routing WHERE number = ?1")?;
    let settings: Option<String> = statement.query_row([number], |row| row.get(0)).optional()?;
    settings.map_or(Ok(Routing::default()), |text| {
        serde_json::from_str(&text).map_err(|_| StoreError::Value("routing"))
    })
}

pub(crate) fn set(books: &Books<'_>, number: &str, routing: &Routing) -> Result<(), StoreError> {
    let settings = serde_json::to_string(routing).map_err(|_| StoreError::Value("routing"))?;
    books.execute(
        "INSERT INTO routing (number, settings) VALUES (?1, ?2)
         ON CONFLICT (number) DO UPDATE SET settings = excluded.settings",
        params![number, settings],
    )?;
    Ok(())
}

/// Gives an account its SIP credentials; nothing happens where it has them.
pub(crate) fn issue_sip(books: &Books<'_>, account: AccountId, now: Timestamp) -> Result<(), StoreError> {
    books.execute(
        "INSERT INTO sip_accounts (account, issued_ms) VALUES (?1, ?2) ON CONFLICT (account) DO NOTHING",
        params![account.0, millis(now)],
    )?;
    Ok(())
}

/// Whether an account has asked for its SIP credentials.
pub(crate) fn has_sip(connection: &Connection, account: AccountId) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM sip_accounts WHERE account = ?1")?;
    Ok(statement.exists([account.0])?)
}
