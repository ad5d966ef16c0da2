//! Messages deleted at the provider as well: asked for one after the other, until each is answered.
//!
//! Invariant: what is to be deleted there has its row in the transaction that deletes it here, and keeps it until the
//! provider has said that it is gone or never will be. A lost answer is asked for again, also after a restart: to
//! delete what is gone already is no fault.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use tern_provider::{NOT_YET, ProviderError, types::RemoteId};

use crate::{
    accounts::Link,
    api::{AccountId, ErrorCode, Notice, Reply},
    core::{Backoff, ProviderRequest, RequestId, State, Write},
    record::{Deleted, Removed, ThreadRowId},
};

/// What an account's provider is still to delete.
pub(crate) struct Deletions {
    waiting: VecDeque<RemoteId>,
    /// Whether the first one is being asked for.
    asked: bool,
    /// Not before.
    next: Option<Instant>,
    backoff: Backoff,
}

impl Default for Deletions {
    fn default() -> Self {
        Self::loaded(Vec::new())
    }
}

impl Deletions {
    /// What an earlier run has left.
    pub(crate) fn loaded(waiting: Vec<RemoteId>) -> Self {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(15 * 60));
        Self { waiting: waiting.into(), asked: false, next: None, backoff }
    }

    /// How many wait.
    pub(crate) fn left(&self) -> u32 {
        u32::try_from(self.waiting.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.next.filter(|_| !self.asked && !self.waiting.is_empty())
    }

    /// Answers of an earlier connection never come any more.
    pub(crate) fn reopened(&mut self) {
        self.asked = false;
        self.next = None;
    }
}

impl State {
    /// Removes a conversation, at the provider too where that is wanted and possible.
    pub(crate) fn remove_thread(
        &mut self,
        request: RequestId,
        thread: Option<ThreadRowId>,
        at_provider: bool,
    ) {
        match thread {
            Some(thread) => {
                let can = self.accounts.values().filter(|account| at_provider && account.deletes_messages());
                let there = can.map(|account| account.profile.id.clone()).collect();
                self.write(Write::RemoveThread(request, thread, there));
            }
            None => self.refuse(request, ErrorCode::NotFound),
        }
    }

    /// A conversation is gone here.
    pub(crate) fn thread_removed(
        &mut self,
        request: RequestId,
        thread: ThreadRowId,
        removed: Option<Removed>,
    ) {
        let Some(removed) = removed else { return self.refuse(request, ErrorCode::NotFound) };
        let asked = u32::try_from(removed.doomed.len()).unwrap_or(u32::MAX);
        self.reply(request, Ok(Reply::ThreadDeleted { asked, staying: removed.staying }));
        self.activity_changed([thread]);
        self.doom(&removed.account, removed.doomed);
    }

    /// Takes on what the store keeps as to be deleted.
    pub(crate) fn doom(&mut self, id: &AccountId, doomed: Vec<RemoteId>) {
        if doomed.is_empty() {
            return;
        }
        if let Some(account) = self.accounts.get_mut(id) {
            account.deletions.waiting.extend(doomed);
            self.account_changed(id);
        }
    }

    pub(crate) fn run_deletions(&mut self, id: &AccountId) {
        let now = self.now.instant;
        let Some(account) = self.accounts.get_mut(id) else { return };
        let Link::Open(_, capabilities) = account.link else { return };
        let deletions = &mut account.deletions;
        if deletions.asked || deletions.next.is_some_and(|at| at > now) {
            return;
        }
        let Some(message) = deletions.waiting.front().cloned() else { return };
        deletions.asked = true;
        deletions.next = None;
        match capabilities.delete_message {
            true => self.ask(id, ProviderRequest::Delete(message)),
            // Another provider than the one that could.
            false => self.deletion_answered(id, message, Err(ProviderError::Unsupported)),
        }
    }

    /// The provider answered whether a message is gone.
    pub(crate) fn deletion_answered(
        &mut self,
        id: &AccountId,
        message: RemoteId,
        result: Result<(), ProviderError>,
    ) {
        let now = self.now.instant;
        let Some(account) = self.accounts.get_mut(id) else { return };
        let deletions = &mut account.deletions;
        if deletions.waiting.front() != Some(&message) {
            return;
        }
        deletions.asked = false;
        let fate = match result {
            Ok(()) => Deleted::Gone,
            Err(error) if is_to_be_asked_again(&error) => {
                let own = deletions.backoff.fail(&mut self.random);
                let wait = match error {
                    ProviderError::RateLimited { retry_after: Some(wait) } => wait.max(own),
                    _ => own,
                };
                deletions.next = Some(now.checked_add(wait).unwrap_or(now));
                return;
            }
            Err(_) => Deleted::Refused,
        };
        deletions.backoff.succeed();
        deletions.waiting.pop_front();
        self.write(Write::Deleted(id.clone(), message, fate));
        self.account_changed(id);
    }

    /// An answer is kept; with the last one, how many are gone there and how many never will be.
    pub(crate) fn deletion_kept(&mut self, id: AccountId, counts: Option<(u32, u32)>) {
        if let Some((deleted, refused)) = counts {
            self.notice(Notice::DeletedThere { account: id, deleted, refused });
        }
    }
}

/// Whether the same request may succeed later. A token that was refused is replaced one day, an address allowed.
fn is_to_be_asked_again(error: &ProviderError) -> bool {
    match error {
        ProviderError::Unauthorized | ProviderError::AddressNotAllowed | ProviderError::Malformed => true,
        ProviderError::Refused { code, .. } => code == NOT_YET,
        other => other.is_transient(),
    }
}
