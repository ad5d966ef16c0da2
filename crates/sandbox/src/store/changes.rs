//! The feed of an account: one strictly rising sequence, each object at the place of its latest change.
//!
//! Invariant: a reader who holds cursor *n* and reads on sees every object whose latest change came after *n*.
//! Keeping only the latest change of each object cannot break that, as the object is sent as it is now.

use rusqlite::{Connection, params};

use super::{Books, StoreError, all};
use crate::model::{AccountId, Kind};

/// A row of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangeRow {
    pub(crate) seq: u64,
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) version: u64,
    pub(crate) deleted: bool,
}

/// A row of the snapshot, with what is needed to continue after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SnapshotRow {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) place: Place,
}

/// A place in the newest-first order of the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) at_ms: i64,
    pub(crate) rank: i64,
    pub(crate) position: i64,
}

impl Place {
    /// Before the newest row.
    pub(crate) const TOP: Self = Self { at_ms: i64::MAX, rank: i64::MAX, position: i64::MAX };
}

/// Notes that an object is new or different.
pub(super) fn upserted(
    books: &Books<'_>,
    account: AccountId,
    kind: Kind,
    id: &str,
    version: u64,
) -> Result<(), StoreError> {
    note(books, account, kind, id, version, "upsert")
}

/// Notes that an object is gone.
pub(super) fn deleted(
    books: &Books<'_>,
    account: AccountId,
    kind: Kind,
    id: &str,
    version: u64,
) -> Result<(), StoreError> {
    note(books, account, kind, id, version, "delete")
}

fn note(
    books: &Books<'_>,
    account: AccountId,
    kind: Kind,
    id: &str,
    version: u64,
    op: &str,
) -> Result<(), StoreError> {
    let seq: u64 = books
        .prepare_cached("UPDATE accounts SET seq = seq + 1 WHERE id = ?1 RETURNING seq")?
        .query_row([account.0], |row| row.get(0))?;
    books
        .prepare_cached(
            "INSERT INTO changes (account, seq, kind, id, version, op) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (account, kind, id)
             DO UPDATE SET seq = excluded.seq, version = excluded.version, op = excluded.op",
        )?
        .execute(params![account.0, seq, kind, id, version, op])?;
    books.feed_moved(account, seq);
    Ok(())
}

/// Changes after `since`, oldest first, at most `limit`.
pub(crate) fn after(
    connection: &Connection,
    account: AccountId,
    since: u64,
    limit: u32,
) -> Result<Vec<ChangeRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, kind, id, version, op FROM changes WHERE account = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
    )?;
    all(statement.query_map(params![account.0, since, limit], |row| {
        Ok(ChangeRow {
            seq: row.get(0)?,
            kind: row.get(1)?,
            id: row.get(2)?,
            version: row.get(3)?,
            deleted: row.get::<_, String>(4)? == "delete",
        })
    })?)
}

/// Forgets changes so that about the last `keep` remain; older cursors are expired from then on.
pub(crate) fn forget_old(books: &Books<'_>, account: AccountId, keep: u64) -> Result<(), StoreError> {
    let seq: u64 =
        books.query_row("SELECT seq FROM accounts WHERE id = ?1", [account.0], |row| row.get(0))?;
    let oldest = seq.saturating_sub(keep);
    books.execute(
        "UPDATE accounts SET oldest_cursor = max(oldest_cursor, ?2) WHERE id = ?1",
        params![account.0, oldest],
    )?;
    books.execute("DELETE FROM changes WHERE account = ?1 AND seq <= ?2", params![account.0, oldest])?;
    Ok(())
}

/// How many rows a snapshot has in all its pages.
pub(crate) fn rows(connection: &Connection, account: AccountId) -> Result<u64, StoreError> {
    let count: i64 = connection.query_row(
        "SELECT (SELECT count(*) FROM messages WHERE account = ?1 AND deleted = 0) + (SELECT count(*) FROM calls WHERE account = ?1)
             + (SELECT count(*) FROM transactions WHERE account = ?1)
             + (SELECT count(*) FROM notices WHERE account = ?1)",
        [account.0],
        |row| row.get(0),
    )?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// The objects of an account newest first, from `after` on, at most `limit`.
pub(crate) fn snapshot(
    connection: &Connection,
    account: AccountId,
    after: Place,
    limit: u32,
) -> Result<Vec<SnapshotRow>, StoreError> {
    // Each table gives its own next rows by its index, so that a page costs the same wherever it lies.
    let of = |kind: &str, table: &str, rank: i64, there: &str| {
        format!(
            "SELECT * FROM (
                 SELECT '{kind}' AS kind, id, at_ms, {rank} AS rank, position FROM {table}
                 WHERE account = ?1{there} AND at_ms <= ?2 AND (at_ms, {rank}, position) < (?2, ?3, ?4)
                 ORDER BY at_ms DESC, position DESC LIMIT ?5)"
        )
    };
    let tables = [
        of("message", "messages", 2, " AND deleted = 0"),
        of("call", "calls", 1, ""),
        of("transaction", "transactions", 0, ""),
        of("notice", "notices", 3, ""),
    ];
    let mut statement = connection.prepare_cached(&format!(
        "SELECT kind, id, at_ms, rank, position FROM ({})
         ORDER BY at_ms DESC, rank DESC, position DESC LIMIT ?5",
        tables.join(" UNION ALL ")
    ))?;
    all(statement.query_map(params![account.0, after.at_ms, after.rank, after.position, limit], |row| {
        Ok(SnapshotRow {
            kind: row.get(0)?,
            id: row.get(1)?,
            place: Place { at_ms: row.get(2)?, rank: row.get(3)?, position: row.get(4)? },
        })
    })?)
}
