//! Rows that nobody was told of yet: they came while Tern was off, or while their number was quiet.
//!
//! A row is put aside in the transaction that keeps it, and taken back in the one that counts it for a digest: whatever
//! happens in between, it is told of at most once, and never forgotten before.

use rusqlite::{Connection, params};

use super::StoreError;
use crate::{
    api::AccountId,
    quiet::QuietNow,
    record::{AwayCount, RowId},
};

/// Puts a row aside.
pub(super) fn put(connection: &Connection, row: RowId) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE activity SET aside = 1 WHERE id = ?1")?.execute([row.0])?;
    Ok(())
}

/// Counts what was put aside and not seen meanwhile, and takes it back, except what must stay quiet.
pub(super) fn take(connection: &Connection, quiet: &QuietNow) -> Result<AwayCount, StoreError> {
    let mut count = AwayCount::default();
    let mut select = connection.prepare_cached(
        "SELECT id, account, kind, number, peer, unread FROM activity WHERE aside = 1 AND deleted = 0",
    )?;
    let mut rows = select.query([])?;
    let mut taken = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, account, kind): (i64, u32, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (number, peer, unread): (String, String, bool) = (row.get(3)?, row.get(4)?, row.get(5)?);
        if unread && quiet.is(&number) {
            count.waiting = true;
            continue;
        }
        taken.push(id);
        match kind.as_str() {
            "message" if unread => {
                count.messages = count.messages.saturating_add(1);
                count.people.insert((AccountId(account), peer));
            }
            "call" if unread => count.missed_calls = count.missed_calls.saturating_add(1),
            _ => {}
        }
    }
    let mut update = connection.prepare_cached("UPDATE activity SET aside = 0 WHERE id = ?1")?;
    for id in taken {
        update.execute(params![id])?;
    }
    Ok(count)
}
