//! Table `blocked`: whose calls and SMS are kept aside, without a word to anybody.

use rusqlite::{Connection, params};

use super::{StoreError, micros, timestamp};
use crate::record::Blocked;

/// All of them, the newest first.
pub(crate) fn all(connection: &Connection) -> Result<Vec<Blocked>, StoreError> {
    let mut statement =
        connection.prepare("SELECT number, spam, at FROM blocked ORDER BY at DESC, number")?;
    let rows = statement.query_map([], |row| {
        Ok(Blocked { number: row.get(0)?, spam: row.get(1)?, at: timestamp(row.get(2)?) })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn put(connection: &Connection, blocked: &Blocked) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO blocked (number, spam, at) VALUES (?1, ?2, ?3)
         ON CONFLICT (number) DO UPDATE SET spam = excluded.spam",
        params![blocked.number, blocked.spam, micros(blocked.at)],
    )?;
    Ok(())
}

pub(super) fn remove(connection: &Connection, number: &str) -> Result<(), StoreError> {
    connection.execute("DELETE FROM blocked WHERE number = ?1", [number])?;
    Ok(())
}
