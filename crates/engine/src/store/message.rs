//! Table `message`: SMS. One row per message, whether it began in our outbox or came by the feed.

use rusqlite::{Connection, OptionalExtension, params};
use tern_provider::types::{Direction, IdempotencyKey, Message, MessageState as Remote};

use super::{
    StoreError,
    activity::{self, Common, Kept},
    column::{self, Word},
    deletion, micros, thread,
};
use crate::{
    api::{AccountId, ErrorCode, ErrorView, MessageState},
    record::{RowId, Sent, ThreadRowId},
    refusals::refusal,
};

const KIND: &str = "message";
/// How far a provider's clock may be behind ours, microseconds.
const CLOCKS_APART: i64 = 120_000_000;

pub(super) fn keep(
    connection: &Connection,
    account: &AccountId,
    message: &Message,
    history: bool,
) -> Result<Kept, StoreError> {
    let known = activity::find(connection, account, KIND, &message.id.0)?;
    if known.as_ref().is_some_and(|k| k.version >= message.version) {
        return Ok(Kept::default());
    }
    // What we sent ourselves is here already, under our own key and without the provider's id.
    let ours = match &message.idempotency_key {
        Some(key) if known.is_none() => by_key(connection, account, key)?,
        None if known.is_none() && message.direction == Direction::Outgoing => {
            by_words(connection, account, message)?
        }
        _ => None,
    };
    let incoming = message.direction == Direction::Incoming;
    let is_elsewhere = known.is_none() && ours.is_none() && !incoming && !history;
    let fresh = known.is_none() && ours.is_none() && incoming && message.state == Remote::Received;
    let thread = thread::find_or_make(connection, account, &message.number, &message.peer)?;
    // The past of a removed conversation comes to light; what is news is not of it.
    if history
        && known.is_none()
        && ours.is_none()
        && let Some(there) = thread::was_removed(connection, thread, message.at)?
    {
        activity::bury(connection, account, KIND, &message.id.0)?;
        if there {
            deletion::add(connection, account, &message.id.0)?;
        }
        return Ok(Kept { doomed: there.then(|| message.id.clone()), ..Kept::default() });
    }
    let common = Common {
        account,
        kind: KIND,
        remote_id: Some(&message.id.0),
        version: message.version,
        thread: Some(thread),
        number: &message.number,
        peer: &message.peer,
        at: message.at,
        unread: incoming && !history,
    };
    let mut threads = vec![thread];
    let id = match known.map(|k| k.id).or(ours) {
        Some(id) => {
            threads.extend(activity::thread_of(connection, id)?);
            activity::update(connection, id, &common)?;
            id
        }
        None => activity::insert(connection, &common)?,
    };
    put(connection, id, message)?;
    let settled = connection.prepare_cached("DELETE FROM outbox WHERE activity = ?1")?.execute([id.0])? > 0;
    let departed = is_elsewhere.then(|| Sent { at: message.at, number: message.number.clone() });
    Ok(Kept { row: Some(id), threads, fresh, settled, departed, ..Kept::default() })
}

/// The provider's answer to sending the row `id`.
pub(super) fn sent(
    connection: &Connection,
    account: &AccountId,
    id: RowId,
    key: &IdempotencyKey,
    message: &Message,
) -> Result<Option<ThreadRowId>, StoreError> {
    // The answer belongs to this row whether or not the provider repeats our key.
    let message = Message { idempotency_key: Some(key.clone()), ..message.clone() };
    if let Some(known) = activity::find(connection, account, KIND, &message.id.0)?
        && known.id != id
    {
        let whose: Option<String> = connection
            .query_row("SELECT send_key FROM message WHERE activity = ?1", [known.id.0], |row| row.get(0))
            .optional()?
            .flatten();
        if whose.is_some_and(|other| other != key.0) {
            // The same words were sent before, and that message was found: what became of this one is not known.
            let error = ErrorView::new(ErrorCode::SendUnknown);
            set_state(connection, id, MessageState::Unknown, Some(&error))?;
            return activity::thread_of(connection, id);
        }
        // The feed was faster and did not tell the key: its row stays, ours goes.
        activity::remove_local(connection, id)?;
    }
    keep(connection, account, &message, false)?;
    connection.execute("DELETE FROM outbox WHERE activity = ?1", [id.0])?;
    activity::thread_of(connection, id)
}

/// Account, from, to and text of a row that failed.
pub(super) fn failed(
    connection: &Connection,
    id: RowId,
) -> Result<Option<(AccountId, String, String, String)>, StoreError> {
    Ok(connection
        .query_row(
            "SELECT a.account, a.number, a.peer, m.text FROM activity a JOIN message m ON m.activity = a.id
             WHERE a.id = ?1 AND m.incoming = 0 AND a.remote_id IS NULL
                 AND (m.state = 'failed' OR m.state = 'unknown' AND m.error_code = 'sendUnconfirmed')",
            [id.0],
            |row| Ok((AccountId(row.get(0)?), row.get(1)?, row.get(2)?, row.get(3)?)),
        )
        .optional()?)
}

/// Adds an outgoing message that the provider does not know yet.
pub(super) fn insert_local(
    connection: &Connection,
    id: RowId,
    text: &str,
    key: &IdempotencyKey,
) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO message (activity, incoming, text, state, send_key) VALUES (?1, 0, ?2, ?3, ?4)",
        params![id.0, text, MessageState::Queued.word(), key.0],
    )?;
    Ok(())
}

/// Moves a message on.
pub(super) fn set_state(
    connection: &Connection,
    id: RowId,
    state: MessageState,
    error: Option<&ErrorView>,
) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE message SET state = ?2, error_code = ?3, error_detail = ?4 WHERE activity = ?1",
        params![id.0, state.word(), error.map(column::error_word), error.and_then(|e| e.detail.as_deref())],
    )?;
    Ok(())
}

fn by_key(
    connection: &Connection,
    account: &AccountId,
    key: &IdempotencyKey,
) -> Result<Option<RowId>, StoreError> {
    Ok(connection
        .query_row(
            "SELECT a.id FROM message m JOIN activity a ON a.id = m.activity
             WHERE m.send_key = ?1 AND a.account = ?2 AND a.remote_id IS NULL",
            params![key.0, account.0],
            |row| row.get(0).map(RowId),
        )
        .optional()?)
}

/// An SMS of ours whose outcome is not known, where the feed does not tell keys: the latest with the same words that
/// was asked for before this one was sent.
fn by_words(
    connection: &Connection,
    account: &AccountId,
    message: &Message,
) -> Result<Option<RowId>, StoreError> {
    let until = micros(message.at).saturating_add(CLOCKS_APART);
    let mut statement = connection.prepare_cached(
        "SELECT a.id, m.text FROM activity a JOIN message m ON m.activity = a.id
         WHERE a.account = ?1 AND a.kind = 'message' AND a.remote_id IS NULL AND m.state = 'unknown'
             AND a.number = ?2 AND a.peer = ?3 AND a.at <= ?4
         ORDER BY a.at DESC, a.id DESC LIMIT 20",
    )?;
    let rows = statement.query_map(params![account.0, message.number, message.peer, until], |row| {
        Ok((RowId(row.get(0)?), row.get::<_, String>(1)?))
    })?;
    for row in rows {
        let (id, text) = row?;
        if text.trim_end() == message.text.trim_end() {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

fn put(connection: &Connection, id: RowId, message: &Message) -> Result<(), StoreError> {
    let (state, error) = match &message.state {
        Remote::Received => (MessageState::Received, None),
        Remote::Accepted | Remote::Sent => (MessageState::Sent, None),
        Remote::Delivered => (MessageState::Delivered, None),
        Remote::Failed { code } => (MessageState::Failed, Some(refusal(code, ""))),
    };
    let (price, currency) = column::split(message.price.as_ref());
    connection
        .prepare_cached(
            "INSERT INTO message (activity, incoming, text, state, error_code, error_detail, price_amount,
                 price_currency, send_key)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (activity) DO UPDATE SET text = excluded.text, state = excluded.state,
                 error_code = excluded.error_code, error_detail = excluded.error_detail,
                 price_amount = excluded.price_amount, price_currency = excluded.price_currency,
                 send_key = coalesce(excluded.send_key, send_key)",
        )?
        .execute(params![
            id.0,
            message.direction == Direction::Incoming,
            message.text,
            state.word(),
            error.as_ref().map(column::error_word),
            error.as_ref().and_then(|e| e.detail.as_deref()),
            price,
            currency,
            message.idempotency_key.as_ref().map(|k| &k.0)
        ])?;
    Ok(())
}
