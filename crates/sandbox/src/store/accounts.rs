//! Customers.

use rusqlite::{Connection, OptionalExtension, Row, params};
use tern_provider::Secret;

use super::{Books, StoreError, all};
use crate::model::{Account, AccountId};

const COLUMNS: &str =
    "id, public_id, name, profile, currency, token, sip_user, sip_password, seq, oldest_cursor";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
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
