//! The sandbox's memory: one SQLite database, one connection, one writer at a time.
//!
//! Invariant: whatever belongs together (a message, its charge, its place in the feed, its due progress) is written
//! in one [`Store::write`], so a kill at any point leaves all of it or nothing.
//!
//! One file per table; rules live elsewhere.

pub(crate) mod accounts;
pub(crate) mod agenda;
pub(crate) mod calls;
pub(crate) mod changes;
pub(crate) mod conferences;
pub(crate) mod documents;
pub(crate) mod idempotency;
pub(crate) mod invoices;
pub(crate) mod messages;
pub(crate) mod meta;
pub(crate) mod notices;
pub(crate) mod numbers;
pub(crate) mod orders;
pub(crate) mod refunds;
pub(crate) mod routing;
mod schema;
pub(crate) mod statistics;
pub(crate) mod tokens;
pub(crate) mod topups;
pub(crate) mod transactions;
pub(crate) mod voicemails;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    ops::Deref,
    path::Path,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};
use rust_decimal::Decimal;

use crate::model::AccountId;

/// Why the sandbox's data could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another sandbox runs on the same data directory.
    #[error("the data directory is in use by another sandbox")]
    InUse,
    /// The directory could not be made.
    #[error("the data directory cannot be created: {0}")]
    Directory(#[from] std::io::Error),
    /// The database was made by a newer version, or is damaged.
    #[error("the sandbox's database cannot be used: {0}")]
    Schema(#[from] rusqlite_migration::Error),
    /// SQLite failed.
    #[error("the sandbox's database failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// A value in the database is not what was written there.
    #[error("the sandbox's database holds a value that is not valid: {0}")]
    Value(&'static str),
}

/// The database.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Mutex<Connection>,
    #[cfg(test)]
    cut: Cut,
}

/// What a test does once, between the last statement of the next write and its commit.
#[cfg(test)]
#[derive(Default)]
struct Cut(Mutex<Option<Box<dyn FnOnce() + Send>>>);

#[cfg(test)]
impl std::fmt::Debug for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cut")
    }
}

/// An open transaction, and what it has touched.
pub(crate) struct Books<'a> {
    transaction: rusqlite::Transaction<'a>,
    touched: RefCell<Touched>,
}

/// What a committed transaction means to those who wait.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// Accounts whose feed moved, and where to.
    pub(crate) feeds: BTreeMap<AccountId, u64>,
    /// Whether something new is due.
    pub(crate) agenda: bool,
}

impl Deref for Books<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.transaction
    }
}

impl Books<'_> {
    pub(super) fn feed_moved(&self, account: AccountId, seq: u64) {
        self.touched.borrow_mut().feeds.insert(account, seq);
    }

    pub(super) fn agenda_changed(&self) {
        self.touched.borrow_mut().agenda = true;
    }
}

impl Store {
    /// Opens the database in `directory`, or one in memory.
    pub(crate) fn open(directory: Option<&Path>) -> Result<Self, StoreError> {
        let mut connection = match directory {
            Some(directory) => {
                std::fs::create_dir_all(directory)?;
                Connection::open(directory.join("sandbox.sqlite3"))?
            }
            None => Connection::open_in_memory()?,
        };
        connection.busy_timeout(std::time::Duration::ZERO)?;
        // Held until closed: two sandboxes on the same rows would deliver everything twice.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
            .and_then(|()| connection.pragma_update(None, "synchronous", "NORMAL"))
            .and_then(|()| connection.pragma_update(None, "foreign_keys", true))
            .and_then(|()| connection.execute_batch("BEGIN IMMEDIATE; COMMIT;"))
            .map_err(|error| match error.sqlite_error_code() {
                Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
                    StoreError::InUse
                }
                _ => StoreError::Database(error),
            })?;
        schema::migrate(&mut connection)?;
        Ok(Self {
            connection: Mutex::new(connection),
            #[cfg(test)]
            cut: Cut::default(),
        })
    }

    /// Runs `work` in one transaction: committed when it succeeds, as if it had never been when it fails.
    pub(crate) fn write<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Books<'_>) -> Result<T, E>,
    ) -> Result<(T, Touched), E> {
        // A panic elsewhere rolled its transaction back; the connection itself is sound.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::from)?;
        let books = Books { transaction, touched: RefCell::default() };
        let value = work(&books)?;
        #[cfg(test)]
        if let Some(cut) = self.cut.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            cut();
        }
        books.transaction.commit().map_err(StoreError::from)?;
        Ok((value, books.touched.into_inner()))
    }

    /// Does something before the commit of the next write.
    #[cfg(test)]
    pub(crate) fn before_commit(&self, cut: impl FnOnce() + Send + 'static) {
        *self.cut.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(cut));
    }

    /// Runs `work` on one consistent view.
    pub(crate) fn read<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction().map_err(StoreError::from)?;
        work(&transaction)
    }
}

/// Milliseconds since 1970, as times are stored.
pub(crate) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

fn time(millis: i64) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millisecond(millis).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, millis))
}

fn decimal(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<Decimal> {
    parse_decimal(&row.get::<_, String>(column)?)
}

fn optional_decimal(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<Option<Decimal>> {
    row.get::<_, Option<String>>(column)?.as_deref().map(parse_decimal).transpose()
}

fn parse_decimal(text: &str) -> rusqlite::Result<Decimal> {
    Decimal::from_str_exact(text)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(e)))
}

fn optional_time(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    row.get::<_, Option<i64>>(column)?.map(time).transpose()
}

fn date(text: &str) -> rusqlite::Result<jiff::civil::Date> {
    text.parse()
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(e)))
}

/// Collects the rows of a query.
fn all<T>(rows: impl Iterator<Item = rusqlite::Result<T>>) -> Result<Vec<T>, StoreError> {
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_nothing() {
        let store = Store::open(None).unwrap();
        let failed: Result<((), Touched), StoreError> = store.write(|books| {
            meta::set(books, "a", "1")?;
            Err(StoreError::Value("test"))
        });
        assert!(failed.is_err());
        assert_eq!(store.read(|c| meta::get(c, "a")).unwrap(), None);
    }
}
