//! Table `outbox`: SMS that have not left yet. The row is there before anything is sent, and goes when the outcome
//! is known.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use tern_provider::types::IdempotencyKey;

use super::{
    StoreError,
    activity::{self, Common},
    column::{self, Word},
    message, micros, thread, timestamp,
};
use crate::{
    api::{AccountId, ErrorView, MessageState},
    record::{NewOutgoing, Outgoing, RowId, Sent, ThreadRowId},
};

/// Oldest first. What was being sent when the last run ended has an unknown outcome.
pub(super) fn of(connection: &Connection, account: &AccountId) -> Result<Vec<Outgoing>, StoreError> {
    connection.execute(
        "UPDATE message SET state = 'unknown' WHERE activity IN
             (SELECT activity FROM outbox WHERE account = ?1 AND state = 'sending')",
        [account.0],
    )?;
    connection.execute(
        "UPDATE outbox SET state = 'unknown' WHERE account = ?1 AND state = 'sending'",
        [account.0],
    )?;
    let mut statement = connection.prepare(
        "SELECT o.activity, o.send_key, a.number, a.peer, m.text, a.at, o.state
         FROM outbox o JOIN activity a ON a.id = o.activity JOIN message m ON m.activity = o.activity
         WHERE o.account = ?1 ORDER BY o.activity",
    )?;
    let rows = statement.query_map([account.0], |row| {
        Ok(Outgoing {
            row: RowId(row.get(0)?),
            account: account.clone(),
            key: IdempotencyKey(row.get(1)?),
            from: row.get(2)?,
            to: row.get(3)?,
            text: row.get(4)?,
            at: timestamp(row.get(5)?),
            state: column::word(row, 6)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn queue(connection: &Connection, new: &NewOutgoing) -> Result<(RowId, ThreadRowId), StoreError> {
    let thread = thread::find_or_make(connection, &new.account, &new.from, &new.to)?;
    let row = activity::insert(
        connection,
        &Common {
            account: &new.account,
            kind: "message",
            remote_id: None,
            version: 0,
            thread: Some(thread),
            number: &new.from,
            peer: &new.to,
            at: new.at,
            unread: false,
        },
    )?;
    message::insert_local(connection, row, &new.text, &new.key)?;
    connection.execute(
        "INSERT INTO outbox (activity, account, send_key, state) VALUES (?1, ?2, ?3, ?4)",
        params![row.0, new.account.0, new.key.0, MessageState::Queued.word()],
    )?;
    // What was typed has become a message.
    connection.execute("DELETE FROM draft WHERE thread = ?1", [thread.0])?;
    Ok((row, thread))
}

/// Moves an entry on; a failed one leaves the outbox. An entry that the feed has settled meanwhile stays settled.
pub(super) fn set(
    connection: &Connection,
    row: RowId,
    state: MessageState,
    error: Option<&ErrorView>,
) -> Result<Option<ThreadRowId>, StoreError> {
    let there = connection
        .execute("UPDATE outbox SET state = ?2 WHERE activity = ?1", params![row.0, state.word()])?;
    if there > 0 {
        message::set_state(connection, row, state, error)?;
        if state == MessageState::Failed {
            connection.execute("DELETE FROM outbox WHERE activity = ?1", [row.0])?;
        }
    }
    activity::thread_of(connection, row)
}

/// When the request that may have sent it left, by the provider's clock.
pub(super) fn note_left(connection: &Connection, row: RowId, at: Timestamp) -> Result<(), StoreError> {
    connection.execute("UPDATE outbox SET left_at = ?2 WHERE activity = ?1", params![row.0, micros(at)])?;
    Ok(())
}

/// When those that wait leave; answers with their conversations.
pub(super) fn note_leaves(
    connection: &Connection,
    times: &[(RowId, Option<Timestamp>)],
) -> Result<Vec<ThreadRowId>, StoreError> {
    let mut threads = Vec::new();
    for (row, at) in times {
        connection
            .prepare_cached("UPDATE outbox SET leaves_at = ?2 WHERE activity = ?1")?
            .execute(params![row.0, at.map(micros)])?;
        threads.extend(activity::thread_of(connection, *row)?);
    }
    threads.sort_unstable();
    threads.dedup();
    Ok(threads)
}

/// What counts for the limits: SMS that the provider took, and those it may have taken.
pub(super) fn left_since(
    connection: &Connection,
    account: &AccountId,
    since: Timestamp,
) -> Result<Vec<Sent>, StoreError> {
    let mut left = super::read::sent_since(connection, account, since)?;
    let mut statement = connection.prepare(
        "SELECT o.left_at, a.number FROM outbox o JOIN activity a ON a.id = o.activity
         WHERE o.account = ?1 AND o.state IN ('sending', 'unknown') AND o.left_at > ?2",
    )?;
    let rows = statement.query_map(params![account.0, micros(since)], |row| {
        Ok(Sent { at: timestamp(row.get(0)?), number: row.get(1)? })
    })?;
    for row in rows {
        left.push(row?);
    }
    Ok(left)
}
