//! What Tern remembers: SQLite, one file per table, written by one thread of its own.
//!
//! Invariant: each [`Write`] is one transaction. What a feed said and the place in the feed it leads to change
//! together, and an SMS has its row before anything is sent. Reads of the window go to a connection of their own.
//! No rules live here: what a change means is the core's business.

mod account;
mod activity;
pub(crate) mod address_book;
mod away;
mod balance;
pub(crate) mod blocked;
pub(crate) mod call;
mod column;
pub(crate) mod contact;
mod cursor;
mod deletion;
pub(crate) mod draft;
mod fold;
mod folder;
mod gap;
mod health;
mod history;
mod intent;
mod key;
mod ledger;
mod message;
mod number;
mod outbox;
mod rate;
pub(crate) mod read;
mod rules;
mod salvage;
mod seal;
pub(crate) mod search;
pub(crate) mod setting;
mod thread;
mod topup;
mod wal;

use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::JoinHandle,
};

use jiff::Timestamp;
pub(crate) use rusqlite::Connection;
use rusqlite::Transaction;
use rusqlite_migration::{M, Migrations};
use tokio::sync::oneshot;

use self::{folder::Claim, health::Damage};
use crate::{
    core::{Kept, Write},
    record::{BookChange, Loaded, LoadedAccount},
};

pub(crate) use folder::{FileKind, Folder};
pub(crate) use key::Key;
pub(crate) use read::{Page, Place, ThreadHead};
pub(crate) use seal::Seal;
pub(crate) use search::Found;

/// Jobs that wait for the writer; the engine waits when there are more.
const QUEUE: usize = 128;
/// Memory for pages that were deciphered, in KiB, each for writer and reader. With less, the indexes of a hundred
/// thousand rows are deciphered again and again.
const CACHE: i64 = 16 * 1024;

const MIGRATIONS: &[M<'_>] = &[
    M::up(include_str!("migrations/001_first.sql")),
    M::up(include_str!("migrations/002_sip.sql")),
    M::up(include_str!("migrations/003_media.sql")),
    M::up(include_str!("migrations/004_recording.sql")),
    M::up(include_str!("migrations/005_gap.sql")),
    M::up(include_str!("migrations/006_rules.sql")),
    M::up(include_str!("migrations/030_history.sql")),
    M::up(include_str!("migrations/031_pace.sql")),
    M::up(include_str!("migrations/010_search.sql")),
    M::up(include_str!("migrations/032_seen.sql")),
    M::up(include_str!("migrations/033_intent.sql")),
    M::up(include_str!("migrations/020_aside.sql")),
    M::up(include_str!("migrations/040_letters.sql")),
    M::up(include_str!("migrations/040_deletion.sql")),
    M::up(include_str!("migrations/041_address_book.sql")),
    M::up(include_str!("migrations/042_favourite.sql")),
];

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// SQLite refused.
    #[error("the database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The schema could not be brought up to date; a newer Tern may have been here.
    #[error("the database could not be migrated: {0}")]
    Migration(#[from] rusqlite_migration::Error),
    /// The directory could not be made.
    #[error("the data directory could not be made: {0}")]
    Directory(#[from] std::io::Error),
    /// A value is not what this version writes.
    #[error("unknown value in {0}")]
    UnknownValue(&'static str),
    /// A newer version of Tern wrote it.
    #[error("the database is of a newer version of Tern")]
    Newer,
    /// Neither the key nor the passphrase opens the database.
    #[error("the key does not open the database")]
    WrongKey,
    /// Another Tern has it open, and it has to be sealed first.
    #[error("another Tern uses the database")]
    InUse,
    /// The writer has ended.
    #[error("the store is closed")]
    Closed,
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The database and its writer's thread.
pub(crate) struct Store {
    jobs: Option<mpsc::SyncSender<Job>>,
    reader: Reader,
    thread: Option<JoinHandle<()>>,
    /// Held while the database is open.
    _claim: Option<Claim>,
}

/// Reads beside the writer. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Reader(ReaderKind);

#[derive(Clone)]
enum ReaderKind {
    File(Arc<Mutex<Connection>>),
    /// A database in memory has one connection only.
    Writer(mpsc::SyncSender<Job>),
}

impl Store {
    /// Opens the database in a folder with its key, or one in memory, brings its schema up to date and reads what
    /// the engine works with. A plain database is sealed, a damaged one rebuilt.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`] for a passphrase that doesn't open it; the file is as it was.
    pub(crate) fn open(
        sealed: Option<(&Folder, &Key)>,
        now: Timestamp,
    ) -> Result<(Self, Loaded), StoreError> {
        let (mut connection, damage, claim) = match sealed {
            Some((folder, key)) => {
                let claim = folder.claim()?;
                let (connection, damage) = match claim.alone {
                    true => take_over(folder, key, now)?,
                    false => (join(folder, key)?, None),
                };
                (connection, damage, Some(claim.share()?))
            }
            None => (bring_up(Connection::open_in_memory()?)?, None, None),
        };
        let loaded = Loaded { damage: damage.map(|d| d.kept), ..load(&mut connection)? };
        let (jobs, todo) = mpsc::sync_channel::<Job>(QUEUE);
        let reader = match sealed {
            Some((folder, key)) => {
                let reader = folder::connect(&folder.main(), key)?;
                reader.pragma_update(None, "query_only", true)?;
                reader.pragma_update(None, "cache_size", CACHE.saturating_neg())?;
                ReaderKind::File(Arc::new(Mutex::new(reader)))
            }
            None => ReaderKind::Writer(jobs.clone()),
        };
        let thread = std::thread::Builder::new().name("tern-store".into()).spawn(move || {
            for job in todo {
                job(&mut connection);
            }
        })?;
        let store = Self { jobs: Some(jobs), reader: Reader(reader), thread: Some(thread), _claim: claim };
        Ok((store, loaded))
    }

    /// Hands a write to the writer, which calls `done` with what it came to. Gives both back when the queue is full.
    pub(crate) fn write<F>(&self, write: Write, done: F) -> Result<(), Box<Write>>
    where
        F: FnOnce(Option<Kept>) + Send + 'static,
    {
        let Some(jobs) = &self.jobs else { return Err(Box::new(write)) };
        // The job owns the write; it comes back through this slot when the queue is full.
        let slot = Arc::new(Mutex::new(Some(write)));
        let mine = slot.clone();
        let job: Job = Box::new(move |connection| {
            let write = mine.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(write) = write {
                done(run(connection, write));
            }
        });
        match jobs.try_send(job) {
            Ok(()) => Ok(()),
            Err(_) => match slot.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(write) => Err(Box::new(write)),
                None => Ok(()),
            },
        }
    }

    /// For reads.
    pub(crate) fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// Waits until everything handed over is written, and closes the database where no reader shares it.
    pub(crate) fn close(mut self) {
        let Some(jobs) = self.jobs.take() else { return };
        let (done, written) = mpsc::sync_channel(1);
        let last: Job = Box::new(move |_| {
            // The receiver waits below.
            let _ = done.send(());
        });
        if jobs.send(last).is_ok() {
            let _ = written.recv();
        }
        drop(jobs);
        if let (ReaderKind::File(_), Some(thread)) = (&self.reader.0, self.thread.take()) {
            // A writer that panicked has nothing left to write.
            let _ = thread.join();
        }
    }
}

impl Reader {
    /// Runs a read on a thread that may block.
    pub(crate) async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        match &self.0 {
            ReaderKind::File(connection) => {
                let connection = connection.clone();
                tokio::task::spawn_blocking(move || {
                    read(&connection.lock().unwrap_or_else(PoisonError::into_inner))
                })
                .await
                .map_err(|_| StoreError::Closed)?
            }
            ReaderKind::Writer(jobs) => {
                let (answer, answered) = oneshot::channel();
                let jobs = jobs.clone();
                let job: Job = Box::new(move |connection| {
                    // Whoever asked may have gone.
                    let _ = answer.send(read(connection));
                });
                tokio::task::spawn_blocking(move || jobs.send(job))
                    .await
                    .map_err(|_| StoreError::Closed)?
                    .map_err(|_| StoreError::Closed)?;
                answered.await.map_err(|_| StoreError::Closed)?
            }
        }
    }
}

/// Opens a database that nobody else has open.
fn take_over(folder: &Folder, key: &Key, now: Timestamp) -> Result<(Connection, Option<Damage>), StoreError> {
    folder.tidy()?;
    let sealed = match folder.kind()? {
        FileKind::Plain => health::seal_up(folder, key, now)?,
        FileKind::None | FileKind::Sealed => None,
    };
    let (mut connection, damage) = health::open_whole(folder, key, now)?;
    if is_all_in_main(&connection)? {
        // Reading the file beside a connection would end the connection's locks on it.
        connection.close().map_err(|(_, error)| error)?;
        folder.keep_head()?;
        connection = bring_up(folder::connect(&folder.main(), key)?)?;
    }
    Ok((connection, sealed.or(damage)))
}

/// Opens a database that another Tern has open: that one has looked whether it is whole.
fn join(folder: &Folder, key: &Key) -> Result<Connection, StoreError> {
    if folder.kind()? != FileKind::Sealed {
        return Err(StoreError::InUse);
    }
    match bring_up(folder::connect(&folder.main(), key)?) {
        Err(error) if health::is_damage(&error) => Err(StoreError::WrongKey),
        other => other,
    }
}

/// Whether the log has nothing that the database has not.
fn is_all_in_main(connection: &Connection) -> Result<bool, StoreError> {
    Ok(connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        Ok(row.get::<_, i64>(0)? == 0 && row.get::<_, i64>(1)? == row.get::<_, i64>(2)?)
    })?)
}

fn bring_up(mut connection: Connection) -> Result<Connection, StoreError> {
    prepare(&mut connection)?;
    Ok(connection)
}

pub(crate) fn prepare(connection: &mut Connection) -> Result<(), StoreError> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version > folder::newest() {
        // Before anything of it is touched.
        return Err(StoreError::Newer);
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "cache_size", CACHE.saturating_neg())?;
    Migrations::from_slice(MIGRATIONS).to_latest(connection)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(())
}

pub(crate) fn load(connection: &mut Connection) -> Result<Loaded, StoreError> {
    let tx = connection.transaction()?;
    let mut accounts = Vec::new();
    for profile in account::all(&tx)? {
        accounts.push(LoadedAccount {
            numbers: number::of(&tx, &profile.id)?,
            balance: balance::of(&tx, &profile.id)?,
            cursor: cursor::of(&tx, &profile.id)?,
            history: history::of(&tx, &profile.id)?,
            outbox: outbox::of(&tx, &profile.id)?,
            topups: topup::of(&tx, &profile.id)?,
            rules: rules::of(&tx, &profile.id)?,
            rates: rate::of(&tx, &profile.id)?,
            intents: intent::of(&tx, &profile.id)?,
            deletions: deletion::of(&tx, &profile.id)?,
            profile,
        });
    }
    let loaded = Loaded {
        next_account: account::next(&tx)?,
        accounts,
        settings: setting::get(&tx)?,
        book: contact::book(&tx)?,
        damage: None,
    };
    tx.commit()?;
    Ok(loaded)
}

pub(crate) fn run(connection: &mut Connection, write: Write) -> Option<Kept> {
    let failed = match &write {
        Write::Apply(batch) => Kept::NotApplied(batch.account.clone(), batch.of),
        Write::Queue(request, _) => Kept::NotQueued(*request),
        Write::FindFailed(request, row) => Kept::FoundFailed(*request, *row, None),
        // The provider's own answer keeps the limits then.
        Write::FindLeft(account, _) => Kept::Left(account.clone(), Vec::new()),
        Write::Contact(request, ..)
        | Write::ImportContacts(request, ..)
        | Write::AddressBook(request, _)
        | Write::Favourite(request, ..)
        | Write::RemoveThread(request, ..) => Kept::NotSaved(*request),
        _ => Kept::Failed,
    };
    let done = connection.transaction().map_err(StoreError::from).and_then(|tx| {
        let report = apply(&tx, write)?;
        tx.commit()?;
        Ok(report)
    });
    done.unwrap_or_else(|error| {
        // SQLite's messages name tables and columns, never values.
        tracing::error!(%error, "a write failed");
        Some(failed)
    })
}

fn apply(tx: &Transaction<'_>, write: Write) -> Result<Option<Kept>, StoreError> {
    Ok(match write {
        Write::Account(profile) => {
            account::put(tx, &profile)?;
            None
        }
        Write::RemoveAccount(id) => {
            account::remove(tx, &id)?;
            Some(Kept::Changed(Vec::new()))
        }
        Write::Numbers(id, numbers) => {
            number::put(tx, &id, &numbers)?;
            None
        }
        Write::Balance(id, balance) => {
            balance::put(tx, &id, &balance)?;
            None
        }
        Write::Rules(id, known) => {
            rules::put(tx, &id, &known)?;
            None
        }
        Write::Intent(intent) => {
            intent::put(tx, &intent)?;
            None
        }
        Write::RemoveIntent(key) => {
            intent::remove(tx, &key)?;
            None
        }
        Write::Rate(id, kept) => {
            rate::put(tx, &id, &kept)?;
            None
        }
        Write::Apply(batch) => {
            let applied = activity::apply(tx, &batch)?;
            for row in applied.fresh.iter().filter(|_| batch.aside) {
                away::put(tx, row.id)?;
            }
            if let Some(cursor) = &batch.cursor {
                cursor::put(tx, &batch.account, cursor)?;
            }
            history::put(tx, &batch.account, &batch.history)?;
            Some(Kept::Applied(batch.account, applied))
        }
        Write::Queue(request, new) => {
            if let Some(replaced) = new.replaces {
                activity::remove_local(tx, replaced)?;
            }
            let (row, thread) = outbox::queue(tx, &new)?;
            Some(Kept::Queued(request, new, row, thread))
        }
        Write::Outbox(account, row, state, error) => {
            let thread = outbox::set(tx, row, state, error.as_ref())?;
            Some(Kept::Moved(account, row, state, thread))
        }
        Write::Left(row, at) => {
            outbox::note_left(tx, row, at)?;
            None
        }
        Write::Leaves(times) => Some(Kept::Changed(outbox::note_leaves(tx, &times)?)),
        Write::FindLeft(account, since) => {
            let left = outbox::left_since(tx, &account, since)?;
            Some(Kept::Left(account, left))
        }
        Write::Sent(account, row, key, message) => {
            let thread = message::sent(tx, &account, row, &key, &message)?;
            Some(Kept::Sent(account, row, thread))
        }
        Write::FindFailed(request, row) => Some(Kept::FoundFailed(request, row, message::failed(tx, row)?)),
        Write::Call(call) => Some(Kept::Called(call::ended(tx, &call)?)),
        Write::TopUp(topup) => {
            topup::put(tx, &topup)?;
            None
        }
        Write::RemoveTopUp(key) => {
            topup::remove(tx, &key)?;
            None
        }
        Write::Draft(thread, text) => {
            draft::put(tx, thread, &text)?;
            None
        }
        Write::ReadThread(thread) => {
            activity::mark_thread_read(tx, thread)?;
            Some(Kept::Changed(vec![thread]))
        }
        Write::Contact(request, id, card) => {
            let saved = contact::put(tx, id.as_ref(), &card)?;
            Some(Kept::ContactSaved(request, saved, contact::book(tx)?))
        }
        Write::Favourite(request, id, favourite) => {
            let saved = contact::mark(tx, &id, favourite)?.then_some(id);
            Some(Kept::ContactSaved(request, saved, contact::book(tx)?))
        }
        Write::RemoveContact(id) => {
            contact::remove(tx, &id)?;
            Some(Kept::Book(contact::book(tx)?))
        }
        Write::ImportContacts(request, cards, refused) => {
            let imported = contact::import(tx, &cards)?;
            Some(Kept::Imported(request, imported, refused, contact::book(tx)?))
        }
        Write::AddressBook(request, change) => {
            let synced = match change {
                BookChange::Pulled(book, pull) => Some(address_book::pulled(tx, &book, &pull)?),
                BookChange::Remove(id) => {
                    address_book::remove(tx, &id)?;
                    None
                }
            };
            Some(Kept::AddressBook(request, synced, contact::book(tx)?))
        }
        Write::Block(number) => {
            blocked::put(tx, &number)?;
            Some(Kept::Book(contact::book(tx)?))
        }
        Write::Unblock(number) => {
            blocked::remove(tx, &number)?;
            Some(Kept::Book(contact::book(tx)?))
        }
        Write::RemoveThread(request, thread, there) => {
            let removed = activity::remove_thread(tx, thread, &there)?;
            Some(Kept::ThreadRemoved(request, thread, removed))
        }
        Write::Deleted(account, message, fate) => {
            let counts = deletion::answered(tx, &account, &message, fate)?;
            Some(Kept::Deleted(account, counts))
        }
        Write::RebuildSearch => {
            search::rebuild(tx)?;
            None
        }
        Write::ReadCalls => Some(Kept::CallsRead(activity::mark_calls_read(tx)?)),
        Write::SetAside(row) => {
            away::put(tx, row)?;
            None
        }
        Write::TellAway(quiet) => Some(Kept::Away(away::take(tx, &quiet)?)),
        Write::Settings(settings) => {
            setting::put(tx, &settings)?;
            None
        }
    })
}

/// Microseconds since 1970, as kept.
fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

fn timestamp(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
