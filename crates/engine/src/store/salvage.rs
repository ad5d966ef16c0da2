//! Reading a damaged database row by row, around what can't be read.
//!
//! SQLCipher gives up a connection at the first page that fails its authentication, so each failure costs a new one.
//! A table's rows are read in the order of their keys; where a row can't be read, the next one that can is looked
//! for by ever longer steps and then narrowed down, which finds the end of a damaged page in a few tries.

use std::path::Path;

use rusqlite::{Connection, params, params_from_iter, types::Value};
use rusqlite_migration::Migrations;

use super::{Key, MIGRATIONS, StoreError, folder};

/// Rows read at once while all goes well.
const BATCH: i64 = 256;
/// Rows of a feed live in two tables; one without the other half is fetched again.
const HALVES: [&str; 4] = ["message", "call", "ledger", "gap"];

/// Fills a new database with what can be read of a damaged one; with nothing where that is `None`.
///
/// # Errors
/// The new database can't be written, or the damaged one is of a newer version.
pub(super) fn into(
    fresh: &mut Connection,
    damaged: Option<&Path>,
    key: Option<&Key>,
) -> Result<(), StoreError> {
    fresh.pragma_update(None, "foreign_keys", false)?;
    let migrations = Migrations::from_slice(MIGRATIONS);
    if let Some(path) = damaged {
        let mut source = Source { path, key, connection: None };
        let version = source.read(|c| c.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)));
        let version = version.unwrap_or_else(folder::newest);
        let version = usize::try_from(version).unwrap_or_default();
        // Refuses a version that it doesn't know.
        migrations.to_version(fresh, version)?;
        copy(fresh, &mut source)?;
    }
    migrations.to_latest(fresh)?;
    Ok(())
}

/// The damaged database.
struct Source<'a> {
    path: &'a Path,
    /// `None` for one that is not sealed.
    key: Option<&'a Key>,
    connection: Option<Connection>,
}

type Row = Vec<Value>;

impl Source<'_> {
    /// Reads; after a failure, the next read goes over a new connection.
    fn read<T>(&mut self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Option<T> {
        if self.connection.is_none() {
            self.connection = match self.key {
                Some(key) => folder::connect(self.path, key).ok(),
                None => Connection::open(self.path).ok(),
            };
        }
        let read = self.connection.as_ref().map(read);
        if let Some(Ok(found)) = read {
            return Some(found);
        }
        self.connection = None;
        None
    }

    /// At most `limit` rows whose key is `from` or higher; the key stands first in each.
    fn rows(&mut self, table: &Table, from: i64, limit: i64) -> Option<Vec<Row>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT rowid, {} FROM {} WHERE rowid >= ?1 ORDER BY rowid LIMIT ?2",
                table.columns.join(", "),
                table.name
            ))?;
            let rows = statement.query_map(params![from, limit], |row| {
                (0..=table.columns.len()).map(|at| row.get(at)).collect::<rusqlite::Result<Row>>()
            })?;
            rows.collect()
        })
    }

    /// The lowest key above `from`, whose own row can't be read, at which reading works again.
    fn beyond(&mut self, table: &Table, from: i64) -> Option<i64> {
        let (mut bad, mut step) = (from, 1_i64);
        let mut good = loop {
            let next = from.saturating_add(step);
            if self.rows(table, next, 1).is_some() {
                break next;
            }
            if next == i64::MAX {
                return None;
            }
            bad = next;
            step = step.saturating_mul(8);
        };
        while good.saturating_sub(bad) > 1 {
            let middle = bad.midpoint(good);
            match self.rows(table, middle, 1) {
                Some(_) => good = middle,
                None => bad = middle,
            }
        }
        Some(good)
    }
}

/// A table of ours.
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
}

fn copy(fresh: &mut Connection, source: &mut Source<'_>) -> Result<(), StoreError> {
    let tables = tables(fresh)?;
    let tx = fresh.transaction()?;
    for table in &tables {
        copy_table(&tx, source, table)?;
    }
    mend(&tx, &tables)?;
    tx.commit()?;
    Ok(())
}

/// Every table that holds rows of ours. The places in a feed and its past are left behind, so that all of it is read again.
pub(super) fn tables(fresh: &Connection) -> Result<Vec<Table>, StoreError> {
    let mut statement = fresh.prepare(
        "SELECT name FROM pragma_table_list
         WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT IN ('cursor', 'history')",
    )?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let mut tables = Vec::new();
    for name in names {
        let mut statement = fresh.prepare("SELECT name FROM pragma_table_info(?1) ORDER BY cid")?;
        let columns = statement.query_map([&name], |row| row.get(0))?.collect::<Result<_, _>>()?;
        tables.push(Table { name, columns });
    }
    Ok(tables)
}

fn copy_table(fresh: &Connection, source: &mut Source<'_>, table: &Table) -> Result<(), StoreError> {
    let places = vec!["?"; table.columns.len()].join(", ");
    let columns = table.columns.join(", ");
    let mut insert =
        fresh.prepare(&format!("INSERT OR IGNORE INTO {} ({columns}) VALUES ({places})", table.name))?;
    let (mut from, mut limit) = (0, BATCH);
    loop {
        let Some(rows) = source.rows(table, from, limit) else {
            if limit > 1 {
                limit = 1;
                continue;
            }
            let Some(next) = source.beyond(table, from) else { return Ok(()) };
            (from, limit) = (next, BATCH);
            continue;
        };
        let last = rows.last().and_then(|row| row.first().cloned());
        let Some(Value::Integer(last)) = last else { return Ok(()) };
        for row in rows {
            insert.execute(params_from_iter(row.into_iter().skip(1)))?;
        }
        from = last.saturating_add(1);
    }
}

/// Makes one whole state of what was read.
fn mend(tx: &Connection, tables: &[Table]) -> Result<(), StoreError> {
    for half in HALVES.iter().filter(|half| tables.iter().any(|table| table.name == **half)) {
        // The provider's version of it is not older than the half that is left.
        tx.execute(
            &format!(
                "DELETE FROM activity WHERE kind = ?1 AND deleted = 0
                     AND NOT EXISTS (SELECT 1 FROM {half} h WHERE h.activity = activity.id)"
            ),
            [half],
        )?;
    }
    tx.execute(
        "INSERT OR IGNORE INTO thread (id, account, number, peer)
         SELECT thread, account, number, peer FROM activity
         WHERE deleted = 0 AND thread IS NOT NULL AND thread NOT IN (SELECT id FROM thread) GROUP BY thread",
        [],
    )?;
    // Rows that point at nothing go, and then those that pointed at them.
    loop {
        let mut statement = tx.prepare("SELECT \"table\", rowid FROM pragma_foreign_key_check")?;
        let orphans = statement
            .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?
            .collect::<Result<Vec<_>, _>>()?;
        drop(statement);
        if orphans.is_empty() {
            return Ok(());
        }
        for (table, row) in orphans {
            tx.execute(&format!("DELETE FROM {table} WHERE rowid = ?1"), [row])?;
        }
    }
}
