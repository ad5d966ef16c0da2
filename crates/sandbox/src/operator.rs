//! The provider behind both its faces, REST and SIP: the store, the clock, the rules' figures, and who wants to
//! know when something has changed.
//!
//! Invariant: listeners hear of a change only after it was committed.
//!
//! What the provider does with these stands in files of its own: [`crate::sms`], [`crate::ledger`],
//! [`crate::checkout`], [`crate::call_log`], [`crate::world`].

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use tokio::sync::{Notify, watch};

use crate::{
    clock::{Clock, ShiftedClock},
    faults::Faults,
    model::{Account, AccountId},
    refusal::Failure,
    settings::Settings,
    store::{Books, Store, StoreError, accounts, meta},
};

/// The provider.
pub(crate) struct Operator {
    pub(crate) settings: Settings,
    pub(crate) clock: ShiftedClock,
    store: Store,
    /// Tells this database's cursors from another's.
    pub(crate) epoch: String,
    feeds: Mutex<HashMap<AccountId, watch::Sender<u64>>>,
    agenda: Notify,
    faults: Mutex<Faults>,
}

impl Operator {
    /// `store` must have been seeded.
    pub(crate) fn new(store: Store, settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let (epoch, accounts, ahead) = store.read(|c| -> Result<_, StoreError> {
            let epoch = meta::get(c, meta::EPOCH)?.ok_or(StoreError::Value("epoch"))?;
            let ahead = meta::get(c, meta::CLOCK_AHEAD)?.and_then(|ms| ms.parse().ok()).unwrap_or(0);
            Ok((epoch, accounts::list(c)?, SignedDuration::from_millis(ahead)))
        })?;
        let feeds = accounts.iter().map(|a| (a.id, watch::channel(a.seq).0)).collect();
        Ok(Self {
            settings,
            clock: ShiftedClock::over(clock, ahead),
            store,
            epoch,
            feeds: Mutex::new(feeds),
            agenda: Notify::new(),
            faults: Mutex::default(),
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// One transaction; whoever waits for what it touched is woken after its commit.
    pub(crate) fn write<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Books<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let (value, touched) = self.store.write(work)?;
        for (account, seq) in touched.feeds {
            self.feed_sender(account).send_if_modified(|latest| {
                // Commits may be announced in another order than they were made.
                let newer = seq > *latest;
                *latest = seq.max(*latest);
                newer
            });
        }
        if touched.agenda {
            self.agenda.notify_one();
        }
        Ok(value)
    }

    /// Does something before the commit of the next write.
    #[cfg(test)]
    pub(crate) fn before_commit(&self, cut: impl FnOnce() + Send + 'static) {
        self.store.before_commit(cut);
    }

    /// One consistent view.
    pub(crate) fn read<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.store.read(work)
    }

    /// The place of the account's latest change, as it moves on.
    pub(crate) fn feed(&self, account: AccountId) -> watch::Receiver<u64> {
        self.feed_sender(account).subscribe()
    }

    fn feed_sender(&self, account: AccountId) -> watch::Sender<u64> {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.entry(account).or_insert_with(|| watch::channel(0).0).clone()
    }

    /// Completes when the agenda has got a new entry since this was last awaited.
    pub(crate) async fn agenda_changed(&self) {
        self.agenda.notified().await;
    }

    /// Every customer, the one meant for demonstrations first.
    pub(crate) fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        self.read(accounts::list)
    }

    /// Sets the billing clock ahead and does everything that is due by then, in order.
    pub(crate) fn set_clock(&self, to: Timestamp) -> Result<Timestamp, Failure> {
        let Some(ahead) = self.clock.set(to) else {
            return Err(crate::lifecycle::invalid("clock_backwards", "The clock only goes forward."));
        };
        self.write(|books| meta::set(books, meta::CLOCK_AHEAD, &ahead.as_millis().to_string()))?;
        self.run_due()?;
        Ok(self.now())
    }

    /// What is broken on purpose.
    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs database work where it may block.
pub(crate) async fn blocking<T, E>(
    operator: &Arc<Operator>,
    work: impl FnOnce(&Operator) -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let operator = operator.clone();
    match tokio::task::spawn_blocking(move || work(&operator)).await {
        Ok(result) => result,
        // Only a panic or the runtime's end stops such a task.
        Err(_) => Err(StoreError::Value("interrupted").into()),
    }
}
