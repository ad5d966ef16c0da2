//! Greetings customers have uploaded, and messages left for them.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Books, StoreError, all, millis, time};
use crate::model::AccountId;

/// A greeting, without its sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Greeting {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) at: Timestamp,
    pub(crate) seconds: u32,
}

/// A message left by a caller, without its sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Voicemail {
    pub(crate) id: String,
    pub(crate) account: AccountId,
    /// The number that was called.
    pub(crate) number: String,
    pub(crate) peer: String,
    pub(crate) at: Timestamp,
    pub(crate) seconds: u32,
    pub(crate) heard: bool,
}

/// How many messages wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Waiting {
    pub(crate) new: u32,
    pub(crate) heard: u32,
}

pub(crate) fn add_greeting(
    books: &Books<'_>,
    account: AccountId,
    greeting: &Greeting,
    wav: &[u8],
) -> Result<(), StoreError> {
    books.execute(
        "INSERT INTO greetings (id, account, name, at_ms, seconds, wav) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![greeting.id, account.0, greeting.name, millis(greeting.at), greeting.seconds, wav],
    )?;
    Ok(())
}

/// An account's greetings, the oldest first.
pub(crate) fn greetings(connection: &Connection, account: AccountId) -> Result<Vec<Greeting>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, name, at_ms, seconds FROM greetings WHERE account = ?1 ORDER BY at_ms, rowid",
    )?;
    all(statement.query_map([account.0], |row| {
        Ok(Greeting {
            id: row.get("id")?,
            name: row.get("name")?,
            at: time(row.get("at_ms")?)?,
            seconds: row.get("seconds")?,
        })
    })?)
}

/// The sound of a greeting of this account.
pub(crate) fn greeting_sound(
    connection: &Connection,
    account: AccountId,
    id: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT wav FROM greetings WHERE account = ?1 AND id = ?2")?;
    Ok(statement.query_row(params![account.0, id], |row| row.get(0)).optional()?)
}

/// `false`: there was none.
pub(crate) fn delete_greeting(books: &Books<'_>, account: AccountId, id: &str) -> Result<bool, StoreError> {
    let gone =
        books.execute("DELETE FROM greetings WHERE account = ?1 AND id = ?2", params![account.0, id])?;
    Ok(gone > 0)
}

/// Keeps a message; at most `kept` of an account's remain.
pub(crate) fn add(books: &Books<'_>, voicemail: &Voicemail, wav: &[u8], kept: u32) -> Result<(), StoreError> {
    books.execute(
        "INSERT INTO voicemails (id, account, number, peer, at_ms, seconds, heard, wav)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            voicemail.id,
            voicemail.account.0,
            voicemail.number,
            voicemail.peer,
            millis(voicemail.at),
            voicemail.seconds,
            voicemail.heard,
            wav,
        ],
    )?;
    books.execute(
        "DELETE FROM voicemails WHERE position IN (
             SELECT position FROM voicemails WHERE account = ?1
             ORDER BY heard, position DESC LIMIT -1 OFFSET ?2)",
        params![voicemail.account.0, kept],
    )?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Voicemail> {
    Ok(Voicemail {
        id: row.get("id")?,
        account: AccountId(row.get("account")?),
        number: row.get("number")?,
        peer: row.get("peer")?,
        at: time(row.get("at_ms")?)?,
        seconds: row.get("seconds")?,
        heard: row.get("heard")?,
    })
}

/// An account's messages, the newest first.
pub(crate) fn list(connection: &Connection, account: AccountId) -> Result<Vec<Voicemail>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, account, number, peer, at_ms, seconds, heard FROM voicemails
         WHERE account = ?1 ORDER BY position DESC",
    )?;
    all(statement.query_map([account.0], from_row)?)
}

/// A message of this account.
pub(crate) fn by_id(
    connection: &Connection,
    account: AccountId,
    id: &str,
) -> Result<Option<Voicemail>, StoreError> {
    Ok(list(connection, account)?.into_iter().find(|voicemail| voicemail.id == id))
}

/// The sound of a message of this account.
pub(crate) fn sound(
    connection: &Connection,
    account: AccountId,
    id: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT wav FROM voicemails WHERE account = ?1 AND id = ?2")?;
    Ok(statement.query_row(params![account.0, id], |row| row.get(0)).optional()?)
}

/// `false`: there was none.
pub(crate) fn set_heard(
    books: &Books<'_>,
    account: AccountId,
    id: &str,
    heard: bool,
) -> Result<bool, StoreError> {
    let changed = books.execute(
        "UPDATE voicemails SET heard = ?3 WHERE account = ?1 AND id = ?2",
        params![account.0, id, heard],
    )?;
    Ok(changed > 0)
}

/// `false`: there was none.
pub(crate) fn delete(books: &Books<'_>, account: AccountId, id: &str) -> Result<bool, StoreError> {
    let gone =
        books.execute("DELETE FROM voicemails WHERE account = ?1 AND id = ?2", params![account.0, id])?;
    Ok(gone > 0)
}

/// What waits for an account.
pub(crate) fn waiting(connection: &Connection, account: AccountId) -> Result<Waiting, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT count(*) FILTER (WHERE heard = 0), count(*) FILTER (WHERE heard = 1) FROM voicemails
         WHERE account = ?1",
    )?;
    Ok(statement.query_row([account.0], |row| Ok(Waiting { new: row.get(0)?, heard: row.get(1)? }))?)
}
