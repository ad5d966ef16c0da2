//! Table `activity`: what every row of Recent Activity has in common, and the keeping of a feed's changes.
//!
//! Key is (account, kind, remote id). A version not higher than the one kept is ignored, so changes may come twice
//! and in any order; a deleted row stays as an empty tombstone for the same reason.

use rusqlite::{Connection, OptionalExtension, params};
use tern_provider::types::{ActivityKind, ActivityObject, Change, RemoteId};

use super::{StoreError, call, deletion, gap, ledger, message, micros, read, thread};
use crate::{
    api::AccountId,
    record::{Applied, Batch, Removed, RowId, Sent, ThreadRowId},
};

/// What a row of any kind has.
pub(super) struct Common<'a> {
    pub account: &'a AccountId,
    pub kind: &'static str,
    pub remote_id: Option<&'a str>,
    pub version: u64,
    pub thread: Option<ThreadRowId>,
    pub number: &'a str,
    pub peer: &'a str,
    pub at: jiff::Timestamp,
    pub unread: bool,
}

/// A row that is there already.
pub(super) struct Known {
    pub id: RowId,
    pub version: u64,
    pub deleted: bool,
}

/// What keeping one object came to.
#[derive(Default)]
pub(super) struct Kept {
    pub row: Option<RowId>,
    pub threads: Vec<ThreadRowId>,
    /// Never seen before in any form.
    pub fresh: bool,
    /// Of the outbox, and sent.
    pub settled: bool,
    /// Sent from elsewhere, and never seen before.
    pub departed: Option<Sent>,
    /// Of a conversation that was removed, and to be deleted at the provider.
    pub doomed: Option<RemoteId>,
}

/// The word for a kind.
pub(super) fn kind_word(kind: ActivityKind) -> &'static str {
    match kind {
        ActivityKind::Message => "message",
        ActivityKind::Call => "call",
        ActivityKind::Transaction => "ledger",
        ActivityKind::Gap => "gap",
    }
}

pub(super) fn apply(connection: &Connection, batch: &Batch) -> Result<Applied, StoreError> {
    let mut applied = Applied { of: batch.of, aside: batch.aside, ..Applied::default() };
    let joined = call::join(connection, &batch.account, &batch.changes)?;
    for (place, change) in batch.changes.iter().enumerate() {
        let history = matches!(change, Change::Upsert(object) if object.at() <= batch.past);
        let kept = match change {
            Change::Upsert(ActivityObject::Message(m)) => {
                message::keep(connection, &batch.account, m, history)?
            }
            Change::Upsert(ActivityObject::Call(c)) => {
                call::keep(connection, &batch.account, c, history, joined.get(&place).copied())?
            }
            Change::Upsert(ActivityObject::Transaction(t)) => {
                let kept = ledger::keep(connection, &batch.account, t)?;
                if kept.fresh && !history {
                    applied.ledger.push(t.clone());
                }
                Kept { fresh: false, ..kept }
            }
            Change::Upsert(ActivityObject::Gap(g)) => gap::keep(connection, &batch.account, g)?,
            Change::Delete { kind, id, version } => delete(connection, &batch.account, *kind, id, *version)?,
        };
        applied.doomed.extend(kept.doomed);
        let Some(row) = kept.row else { continue };
        applied.departed.extend(kept.departed);
        applied.changed = applied.changed.saturating_add(1);
        applied.threads.extend(kept.threads);
        if kept.settled {
            applied.settled.push(row);
        }
        if kept.fresh && !history {
            // What comes from blocked numbers is no news.
            let row = read::row(connection, row)?.filter(|row| !row.blocked);
            applied.fresh.extend(row);
        }
    }
    applied.threads.sort_unstable();
    applied.threads.dedup();
    Ok(applied)
}

pub(super) fn find(
    connection: &Connection,
    account: &AccountId,
    kind: &str,
    remote_id: &str,
) -> Result<Option<Known>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT id, version, deleted FROM activity WHERE account = ?1 AND kind = ?2 AND remote_id = ?3",
        )?
        .query_row(params![account.0, kind, remote_id], |row| {
            Ok(Known { id: RowId(row.get(0)?), version: version(row.get(1)?), deleted: row.get(2)? })
        })
        .optional()?)
}

pub(super) fn insert(connection: &Connection, row: &Common<'_>) -> Result<RowId, StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO activity (account, kind, remote_id, version, thread, number, peer, at, unread, deleted)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)",
        )?
        .execute(params![
            row.account.0,
            row.kind,
            row.remote_id,
            signed(row.version),
            row.thread.map(|t| t.0),
            row.number,
            row.peer,
            micros(row.at),
            row.unread
        ])?;
    Ok(RowId(connection.last_insert_rowid()))
}

/// Brings a row up to date. What was seen stays seen.
pub(super) fn update(connection: &Connection, id: RowId, row: &Common<'_>) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE activity SET remote_id = coalesce(?2, remote_id), version = ?3, thread = ?4, number = ?5,
                 peer = ?6, at = ?7, unread = min(unread, ?8), deleted = 0
             WHERE id = ?1",
        )?
        .execute(params![
            id.0,
            row.remote_id,
            signed(row.version),
            row.thread.map(|t| t.0),
            row.number,
            row.peer,
            micros(row.at),
            row.unread
        ])?;
    Ok(())
}

/// The conversation a row is in.
pub(super) fn thread_of(connection: &Connection, id: RowId) -> Result<Option<ThreadRowId>, StoreError> {
    let thread: Option<Option<i64>> = connection
        .query_row("SELECT thread FROM activity WHERE id = ?1", [id.0], |row| row.get(0))
        .optional()?;
    Ok(thread.flatten().map(ThreadRowId))
}

/// Removes a row that the provider never knew.
pub(super) fn remove_local(connection: &Connection, id: RowId) -> Result<(), StoreError> {
    connection.execute("DELETE FROM activity WHERE id = ?1 AND remote_id IS NULL", [id.0])?;
    Ok(())
}

/// Removes a conversation's rows but for those that wait to be sent. What the provider knows stays as an empty
/// tombstone, which no version of it is newer than; what of its past has not been read yet will become one. Messages
/// of an account in `there` are to be deleted there. `None` when there is no such conversation.
pub(super) fn remove_thread(
    connection: &Connection,
    thread: ThreadRowId,
    there: &[AccountId],
) -> Result<Option<Removed>, StoreError> {
    const OF: &str = "thread = ?1 AND id NOT IN (SELECT activity FROM outbox)";
    let Some((account, ..)) = thread::get(connection, thread)? else { return Ok(None) };
    let known: Vec<(String, String)> = connection
        .prepare(&format!(
            "SELECT kind, remote_id FROM activity WHERE remote_id IS NOT NULL AND {OF} ORDER BY id"
        ))?
        .query_map([thread.0], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let is_doomed = |kind: &str| kind == kind_word(ActivityKind::Message) && there.contains(&account);
    let mut doomed = Vec::new();
    for (_, id) in known.iter().filter(|(kind, _)| is_doomed(kind)) {
        deletion::add(connection, &account, id)?;
        doomed.push(RemoteId(id.clone()));
    }
    let staying = u32::try_from(known.len().saturating_sub(doomed.len())).unwrap_or(u32::MAX);
    thread::note_removed(connection, thread, there.contains(&account))?;
    for table in ["message", "call"] {
        connection.execute(
            &format!("DELETE FROM {table} WHERE activity IN (SELECT id FROM activity WHERE {OF})"),
            [thread.0],
        )?;
    }
    connection.execute(&format!("DELETE FROM activity WHERE remote_id IS NULL AND {OF}"), [thread.0])?;
    connection.execute(
        &format!(
            "UPDATE activity SET version = ?2, thread = NULL, number = '', peer = '', unread = 0, deleted = 1 WHERE {OF}"
        ),
        params![thread.0, i64::MAX],
    )?;
    connection.execute("DELETE FROM draft WHERE thread = ?1", [thread.0])?;
    Ok(Some(Removed { account, doomed, staying }))
}

/// Keeps no more of an object than that it is gone, in no version that comes.
pub(super) fn bury(
    connection: &Connection,
    account: &AccountId,
    kind: &str,
    remote_id: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO activity (account, kind, remote_id, version, thread, number, peer, at, unread, deleted)
             VALUES (?1, ?2, ?3, ?4, NULL, '', '', 0, 0, 1)",
        )?
        .execute(params![account.0, kind, remote_id, i64::MAX])?;
    Ok(())
}

pub(super) fn mark_thread_read(connection: &Connection, thread: ThreadRowId) -> Result<(), StoreError> {
    connection.execute("UPDATE activity SET unread = 0 WHERE thread = ?1 AND unread = 1", [thread.0])?;
    Ok(())
}

/// Marks calls as seen and answers with their conversations.
pub(super) fn mark_calls_read(connection: &Connection) -> Result<Vec<ThreadRowId>, StoreError> {
    let mut statement = connection
        .prepare("UPDATE activity SET unread = 0 WHERE kind = 'call' AND unread = 1 RETURNING thread")?;
    let threads = statement.query_map([], |row| row.get::<_, Option<i64>>(0))?;
    let mut threads: Vec<_> =
        threads.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().map(ThreadRowId).collect();
    threads.sort_unstable();
    threads.dedup();
    Ok(threads)
}

/// SQLite's integers have a sign; a version beyond it is as high as can be.
fn signed(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

fn version(kept: i64) -> u64 {
    u64::try_from(kept).unwrap_or(0)
}

fn delete(
    connection: &Connection,
    account: &AccountId,
    kind: ActivityKind,
    id: &RemoteId,
    version: u64,
) -> Result<Kept, StoreError> {
    let kind = kind_word(kind);
    let Some(known) = find(connection, account, kind, &id.0)? else {
        connection.execute(
            "INSERT INTO activity (account, kind, remote_id, version, thread, number, peer, at, unread, deleted)
             VALUES (?1, ?2, ?3, ?4, NULL, '', '', 0, 0, 1)",
            params![account.0, kind, id.0, signed(version)],
        )?;
        return Ok(Kept::default());
    };
    if known.deleted || known.version > version {
        return Ok(Kept::default());
    }
    let threads = thread_of(connection, known.id)?.into_iter().collect();
    connection.execute(
        "UPDATE activity SET version = ?2, thread = NULL, number = '', peer = '', unread = 0, deleted = 1 WHERE id = ?1",
        params![known.id.0, signed(version)],
    )?;
    for table in ["message", "call", "ledger", "gap"] {
        connection.execute(&format!("DELETE FROM {table} WHERE activity = ?1"), [known.id.0])?;
    }
    Ok(Kept { row: Some(known.id), threads, ..Kept::default() })
}
