//! SMS, one row per side.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Books, StoreError, changes, millis, optional_decimal, time};
use crate::model::{AccountId, Kind, Message, MessageState};

const COLUMNS: &str = "id, account, version, direction, number, peer, text, state, failure, at_ms, price, \
                       idempotency_key";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        id: row.get("id")?,
        account: AccountId(row.get("account")?),
        version: row.get("version")?,
        direction: row.get("direction")?,
        number: row.get("number")?,
        peer: row.get("peer")?,
        text: row.get("text")?,
        state: row.get("state")?,
        failure: row.get("failure")?,
        at: time(row.get("at_ms")?)?,
        price: optional_decimal(row, "price")?,
        idempotency_key: row.get("idempotency_key")?,
    })
}

pub(crate) fn insert(books: &Books<'_>, message: &Message) -> Result<(), StoreError> {
    books
        .prepare_cached(
            "INSERT INTO messages (id, account, version, direction, number, peer, text, state, failure, at_ms, price,
                 idempotency_key)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            message.id,
            message.account.0,
            message.version,
            message.direction,
            message.number,
            message.peer,
            message.text,
            message.state,
            message.failure,
            millis(message.at),
            message.price.map(|p| p.to_string()),
            message.idempotency_key,
        ])?;
    changes::upserted(books, message.account, Kind::Message, &message.id, message.version)
}

/// Moves a message on, unless it has already gone further.
pub(crate) fn advance(
    books: &Books<'_>,
    id: &str,
    to: MessageState,
    failure: Option<&str>,
) -> Result<Option<Message>, StoreError> {
    let Some((message, deleted)) = row(books, id)? else { return Ok(None) };
    let onwards = matches!(
        (message.state, to),
        (MessageState::Accepted, MessageState::Sent | MessageState::Delivered | MessageState::Failed)
            | (MessageState::Sent, MessageState::Delivered | MessageState::Failed)
    );
    if !onwards {
        return Ok(None);
    }
    let failure = failure.map(Into::into);
    let message = Message { state: to, failure, version: message.version.saturating_add(1), ..message };
    books.execute(
        "UPDATE messages SET state = ?2, version = ?3, failure = ?4 WHERE id = ?1",
        params![message.id, message.state, message.version, message.failure],
    )?;
    // One that its customer has deleted gets on unseen: its price may still come back.
    if !deleted {
        changes::upserted(books, message.account, Kind::Message, &message.id, message.version)?;
    }
    Ok(Some(message))
}

/// Takes a message away from its customer, with its text. The row stays for the limits and the ledger.
pub(crate) fn delete(books: &Books<'_>, message: &Message) -> Result<(), StoreError> {
    let version = message.version.saturating_add(1);
    books.execute(
        "UPDATE messages SET deleted = 1, text = '', version = ?2 WHERE id = ?1",
        params![message.id, version],
    )?;
    changes::deleted(books, message.account, Kind::Message, &message.id, version)
}

/// A message that was not deleted.
pub(crate) fn by_id(connection: &Connection, id: &str) -> Result<Option<Message>, StoreError> {
    Ok(row(connection, id)?.filter(|(_, deleted)| !deleted).map(|(message, _)| message))
}

/// A message, and whether it was deleted.
fn row(connection: &Connection, id: &str) -> Result<Option<(Message, bool)>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS}, deleted FROM messages WHERE id = ?1"))?;
    Ok(statement.query_row([id], |row| Ok((from_row(row)?, row.get("deleted")?))).optional()?)
}

pub(crate) fn by_key(
    connection: &Connection,
    account: AccountId,
    key: &str,
) -> Result<Option<Message>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM messages WHERE account = ?1 AND idempotency_key = ?2 AND deleted = 0"
    ))?;
    Ok(statement.query_row(params![account.0, key], from_row).optional()?)
}

/// How many SMS went to `peer`.
pub(crate) fn sent_to(connection: &Connection, account: AccountId, peer: &str) -> Result<u64, StoreError> {
    Ok(connection.query_row(
        "SELECT count(*) FROM messages WHERE account = ?1 AND peer = ?2 AND direction = 'outgoing'",
        params![account.0, peer],
        |row| row.get(0),
    )?)
}

/// How many SMS were sent after `since`. `number` narrows it to one number.
pub(crate) fn sent_since(
    connection: &Connection,
    account: AccountId,
    number: Option<&str>,
    since: Timestamp,
) -> Result<u32, StoreError> {
    Ok(connection.query_row(
        "SELECT count(*) FROM messages
         WHERE account = ?1 AND direction = 'outgoing' AND at_ms > ?2 AND (?3 IS NULL OR number = ?3)",
        params![account.0, millis(since), number],
        |row| row.get(0),
    )?)
}

/// When the `nth` latest SMS was sent, counting from 1, if that was after `since`. `number` narrows it to one
/// number.
pub(crate) fn nth_latest_sent(
    connection: &Connection,
    account: AccountId,
    number: Option<&str>,
    since: Timestamp,
    nth: u32,
) -> Result<Option<Timestamp>, StoreError> {
    Ok(connection
        .query_row(
            "SELECT at_ms FROM messages
             WHERE account = ?1 AND direction = 'outgoing' AND at_ms > ?2 AND (?3 IS NULL OR number = ?3)
             ORDER BY at_ms DESC LIMIT 1 OFFSET ?4",
            params![account.0, millis(since), number, nth.saturating_sub(1)],
            |row| time(row.get(0)?),
        )
        .optional()?)
}
