//! SMS on their way out.
//!
//! Invariant: an SMS has its row before anything is sent, and its row says `sending` before the request leaves. An
//! answer that does not come makes it `unknown`; it is looked for by its key, and sent again only where the provider
//! promises that a key never acts twice. One SMS of an account is on its way at a time, in the order they were asked
//! for.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use tern_provider::{
    ProviderError,
    types::{IdempotencyKey, Message, NumberState, OutgoingMessage, SoughtMessage},
};

use crate::{
    accounts::Link,
    activity::provider_error,
    api::{AccountId, ErrorCode, ErrorView, MessageState, Reply},
    core::{Backoff, ProviderRequest, RequestId, State, Write},
    phone,
    record::{NewOutgoing, Outgoing, RowId, ThreadRowId},
};

/// Longer texts are no SMS of any provider, characters.
const LONGEST_TEXT: usize = 10_000;
/// How often an SMS is looked for where it must not be sent again.
const LOOKUPS: u32 = 5;

/// An account's SMS that have not left.
pub(crate) struct Outbox {
    queue: VecDeque<Entry>,
    step: Step,
    /// Not before.
    paused: Option<Instant>,
    backoff: Backoff,
}

struct Entry {
    message: Outgoing,
    lookups: u32,
}

/// What is happening to the first entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Rest,
    /// The store is told that it will be sent.
    Marking(RowId),
    /// The provider was asked.
    Asked(RowId),
    /// The store is told how it went.
    Keeping(RowId),
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            step: Step::Rest,
            paused: None,
            backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(120)),
        }
    }
}

impl Outbox {
    pub(crate) fn loaded(messages: Vec<Outgoing>) -> Self {
        let queue = messages.into_iter().map(|message| Entry { message, lookups: 0 }).collect();
        Self { queue, ..Self::default() }
    }

    pub(crate) fn next_wake(&self) -> Option<Instant> {
        if self.queue.is_empty() || self.step != Step::Rest { None } else { self.paused }
    }

    /// The connection is a new one: answers over the old one never come.
    pub(crate) fn reopened(&mut self) {
        if let Step::Asked(row) = self.step {
            self.step = Step::Rest;
            if let Some(entry) = self.entry(row) {
                entry.message.state = MessageState::Unknown;
            }
        }
        self.paused = None;
    }

    /// The numbers that the SMS in the queue leave from, one for each.
    pub(crate) fn senders(&self) -> Vec<String> {
        self.queue.iter().map(|entry| entry.message.from.clone()).collect()
    }

    /// The feed shows these as sent.
    pub(crate) fn settle(&mut self, rows: &[RowId]) {
        self.queue.retain(|e| !rows.contains(&e.message.row));
        if let Step::Marking(row) | Step::Asked(row) = self.step
            && rows.contains(&row)
        {
            self.step = Step::Rest;
        }
    }

    fn entry(&mut self, row: RowId) -> Option<&mut Entry> {
        self.queue.iter_mut().find(|e| e.message.row == row)
    }

    fn remove(&mut self, row: RowId) {
        self.queue.retain(|e| e.message.row != row);
    }
}

impl State {
    pub(crate) fn send_message(
        &mut self,
        request: RequestId,
        id: &AccountId,
        from: &str,
        to: &str,
        text: String,
    ) {
        let Some(account) = self.accounts.get(id) else {
            return self.refuse(request, ErrorCode::NotFound);
        };
        let offered = match account.link {
            Link::None => false,
            Link::Open(_, capabilities) => capabilities.send_message,
            Link::Detached | Link::Opening(_) => true,
        };
        if !offered {
            return self.refuse(request, ErrorCode::NotOffered);
        }
        if text.trim().is_empty() {
            return self.refuse(request, ErrorCode::EmptyMessage);
        }
        if text.chars().count() > LONGEST_TEXT {
            return self.refuse(request, ErrorCode::MessageTooLong);
        }
        let own = account.numbers.iter().find(|n| n.e164 == from && n.sms && n.state == NumberState::Active);
        let Some(own) = own else {
            return self.refuse(request, ErrorCode::NumberNotYours);
        };
        // A number typed without a country code is one of the sending number's country.
        let to = match phone::recipient(to, Some(&own.country)) {
            Ok(to) => to,
            Err(code) => return self.refuse(request, code),
        };
        let (account, from) = (id.clone(), from.to_owned());
        let key = IdempotencyKey(self.random_name());
        let new = NewOutgoing { account, key, from, to, text, at: self.now.wall, replaces: None };
        self.write(Write::Queue(request, new));
    }

    /// A failed SMS is sent again as a new intent: with a new key, in the place of the old row.
    pub(crate) fn retry(
        &mut self,
        request: RequestId,
        row: RowId,
        found: Option<(AccountId, String, String, String)>,
    ) {
        let Some((account, from, to, text)) = found else {
            return self.refuse(request, ErrorCode::NotFound);
        };
        let key = IdempotencyKey(self.random_name());
        let new = NewOutgoing { account, key, from, to, text, at: self.now.wall, replaces: Some(row) };
        self.write(Write::Queue(request, new));
    }

    pub(crate) fn queued(&mut self, request: RequestId, new: NewOutgoing, row: RowId, thread: ThreadRowId) {
        let NewOutgoing { account: id, key, from, to, text, at, .. } = new;
        if let Some(account) = self.accounts.get_mut(&id) {
            let message = Outgoing { row, account: id, key, from, to, text, at, state: MessageState::Queued };
            account.outbox.queue.push_back(Entry { message, lookups: 0 });
        }
        self.reply(request, Ok(Reply::MessageQueued { message: row.outside(), thread: thread.outside() }));
        self.activity_changed([thread]);
    }

    pub(crate) fn run_outbox(&mut self, id: &AccountId) {
        let now = self.now.instant;
        let Some(account) = self.accounts.get_mut(id) else { return };
        if account.link.open().is_none() || account.outbox.step != Step::Rest {
            return;
        }
        if account.outbox.paused.is_some_and(|at| at > now) {
            return;
        }
        account.outbox.paused = None;
        let Some(entry) = account.outbox.queue.front() else { return };
        let (row, state) = (entry.message.row, entry.message.state);
        if state == MessageState::Unknown {
            let Outgoing { key, from, to, text, at, .. } = entry.message.clone();
            account.outbox.step = Step::Asked(row);
            let sought = SoughtMessage { key, message: OutgoingMessage { from, to, text }, since: at };
            self.ask(id, ProviderRequest::FindSent(row, sought));
        } else {
            self.mark_sending(id, row);
        }
    }

    pub(crate) fn moved(
        &mut self,
        id: &AccountId,
        row: RowId,
        state: MessageState,
        thread: Option<ThreadRowId>,
    ) {
        self.activity_changed(thread);
        let Some(account) = self.accounts.get_mut(id) else { return };
        let outbox = &mut account.outbox;
        match outbox.step {
            Step::Marking(marked) if marked == row && state == MessageState::Sending => {
                let Some(entry) = outbox.entry(row) else {
                    outbox.step = Step::Rest;
                    return;
                };
                entry.message.state = MessageState::Sending;
                let Outgoing { key, from, to, text, .. } = entry.message.clone();
                outbox.step = Step::Asked(row);
                self.ask(id, ProviderRequest::Send(row, key, OutgoingMessage { from, to, text }));
            }
            Step::Keeping(kept) if kept == row => outbox.step = Step::Rest,
            _ => {}
        }
    }

    pub(crate) fn message_sent(
        &mut self,
        id: &AccountId,
        row: RowId,
        result: Result<Message, ProviderError>,
    ) {
        let Some(account) = self.accounts.get_mut(id).filter(|a| a.outbox.step == Step::Asked(row)) else {
            return;
        };
        match result {
            Ok(message) => self.keep_sent(id, row, message),
            Err(ProviderError::RateLimited { retry_after }) => {
                let wait = account.outbox.backoff.fail(&mut self.random);
                account.outbox.paused = self.now.instant.checked_add(retry_after.unwrap_or(wait));
                self.move_message(id, row, MessageState::Queued, None);
            }
            Err(
                ProviderError::Unreachable
                | ProviderError::Timeout
                | ProviderError::Server { .. }
                | ProviderError::Malformed,
            ) => {
                let wait = account.outbox.backoff.fail(&mut self.random);
                account.outbox.paused = self.now.instant.checked_add(wait);
                let error = ErrorView::new(ErrorCode::SendUnknown);
                self.move_message(id, row, MessageState::Unknown, Some(error));
            }
            Err(error) => {
                let error = provider_error(&error);
                self.move_message(id, row, MessageState::Failed, Some(error));
            }
        }
    }

    pub(crate) fn message_found(
        &mut self,
        id: &AccountId,
        row: RowId,
        result: Result<Option<Message>, ProviderError>,
    ) {
        let Some(account) = self.accounts.get_mut(id).filter(|a| a.outbox.step == Step::Asked(row)) else {
            return;
        };
        let may_repeat = account.link.open().is_some_and(|(_, c)| c.idempotent_send);
        match result {
            Ok(Some(message)) => self.keep_sent(id, row, message),
            Ok(None) | Err(ProviderError::Unsupported) if may_repeat => self.mark_sending(id, row),
            Ok(None) | Err(_) => {
                let outbox = &mut account.outbox;
                outbox.step = Step::Rest;
                let wait = outbox.backoff.fail(&mut self.random);
                outbox.paused = self.now.instant.checked_add(wait);
                // Not knowing is no reason to send twice: it stays unknown where a key protects nothing.
                let given_up = outbox.entry(row).is_some_and(|entry| {
                    entry.lookups = entry.lookups.saturating_add(1);
                    entry.lookups >= LOOKUPS && !may_repeat
                });
                if given_up {
                    outbox.remove(row);
                }
            }
        }
    }

    pub(crate) fn sent_kept(&mut self, id: &AccountId, row: RowId, thread: Option<ThreadRowId>) {
        if let Some(account) = self.accounts.get_mut(id) {
            account.outbox.backoff.succeed();
            account.outbox.remove(row);
            if account.outbox.step == Step::Keeping(row) {
                account.outbox.step = Step::Rest;
            }
        }
        self.activity_changed(thread);
    }

    fn mark_sending(&mut self, id: &AccountId, row: RowId) {
        if let Some(account) = self.accounts.get_mut(id) {
            account.outbox.step = Step::Marking(row);
            self.write(Write::Outbox(id.clone(), row, MessageState::Sending, None));
        }
    }

    fn keep_sent(&mut self, id: &AccountId, row: RowId, message: Message) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        let Some(key) = account.outbox.entry(row).map(|e| e.message.key.clone()) else {
            account.outbox.step = Step::Rest;
            return;
        };
        account.outbox.step = Step::Keeping(row);
        self.write(Write::Sent(id.clone(), row, key, message));
    }

    fn move_message(&mut self, id: &AccountId, row: RowId, state: MessageState, error: Option<ErrorView>) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        account.outbox.step = Step::Keeping(row);
        if let Some(entry) = account.outbox.entry(row) {
            entry.message.state = state;
        }
        if state == MessageState::Failed {
            account.outbox.remove(row);
        }
        self.write(Write::Outbox(id.clone(), row, state, error));
    }
}
