//! SMS on their way out.
//!
//! Invariant: an SMS has its row before anything is sent, and its row says `sending` before the request leaves. An
//! answer that does not come makes it `unknown`; it is looked for by its key, and sent again only where the provider
//! promises that a key never acts twice. One SMS of an account is on its way at a time, in the order they were asked
//! for, and not before its provider's limits have room for it.

mod outbox;

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tern_provider::{
    ProviderError,
    types::{IdempotencyKey, LimitScope, LimitWindow, Message, NumberState, OutgoingMessage, SoughtMessage},
};

use crate::{
    accounts::{Account, Link},
    api::{AccountId, ErrorCode, ErrorView, EventKind, MessageState, Reply},
    core::{ProviderRequest, RequestId, State, Write},
    pacing::Pace,
    phone,
    ports::Correspondents,
    record::{NewOutgoing, Outgoing, RowId, Sent, ThreadRowId},
    refusals::provider_error,
};

pub(crate) use outbox::Outbox;
use outbox::{Entry, Left, Step};

/// Longer texts are no SMS of any provider, characters.
const LONGEST_TEXT: usize = 10_000;
/// How often an SMS is looked for where it must not be sent again.
const LOOKUPS: u32 = 5;
/// What left longer ago counts for no limit.
const COUNTED: SignedDuration = SignedDuration::from_hours(25);
/// A wait of less is not worth telling, nor is a change of it.
const WORTH_TELLING: SignedDuration = SignedDuration::from_secs(15);

impl Account {
    /// The limits of its SMS, where any are known.
    fn pace(&self) -> Option<Pace> {
        let (_, capabilities) = self.link.open()?;
        let known = self.rules.as_ref();
        let limits = known.and_then(|known| known.send_limits).or(capabilities.send_limits)?;
        let rules = known.map(|known| &known.rules);
        Some(Pace {
            limits,
            window: rules.and_then(|rules| rules.sms_window).unwrap_or(LimitWindow::Rolling),
            scope: rules.and_then(|rules| rules.sms_scope).unwrap_or(LimitScope::Account),
        })
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
        match self.outgoing(id, from, to, text) {
            Ok(new) => self.write(Write::Queue(request, new)),
            Err((code, _)) => self.refuse(request, code),
        }
    }

    /// Sends what was typed into a notification. What can't be sent becomes the conversation's draft and is shown:
    /// nobody types it twice.
    pub(crate) fn reply_from_notification(&mut self, to: &Correspondents, text: String) {
        let thread = ThreadRowId::inside(&to.thread);
        match self.outgoing(&to.account, &to.number, &to.peer, text) {
            Ok(new) => {
                self.write(Write::Queue(RequestId::NOBODYS, new));
                if let Some(thread) = thread {
                    self.write(Write::ReadThread(thread));
                    self.close_seen(thread);
                }
            }
            Err((code, text)) => {
                if let Some(thread) = thread {
                    self.write(Write::Draft(thread, text));
                }
                self.trouble(Some(to.account.clone()), ErrorView::new(code));
                self.event(EventKind::ShowRequested { thread: Some(to.thread.clone()) });
            }
        }
    }

    /// An SMS to be kept and sent; why not, and the text again, where it can't be.
    fn outgoing(
        &mut self,
        id: &AccountId,
        from: &str,
        to: &str,
        text: String,
    ) -> Result<NewOutgoing, (ErrorCode, String)> {
        let to = match self.may_send(id, from, to, &text) {
            Ok(to) => to,
            Err(code) => return Err((code, text)),
        };
        let (account, from) = (id.clone(), from.to_owned());
        let key = IdempotencyKey(self.random_name());
        Ok(NewOutgoing { account, key, from, to, text, at: self.now.wall, replaces: None })
    }

    /// The recipient as it is sent, if all is well.
    fn may_send(&self, id: &AccountId, from: &str, to: &str, text: &str) -> Result<String, ErrorCode> {
        let account = self.accounts.get(id).ok_or(ErrorCode::NotFound)?;
        let offered = match account.link {
            Link::None => false,
            Link::Open(_, capabilities) => capabilities.send_message,
            Link::Detached | Link::Opening(_) => true,
        };
        if !offered {
            return Err(ErrorCode::NotOffered);
        }
        if text.trim().is_empty() {
            return Err(ErrorCode::EmptyMessage);
        }
        if text.chars().count() > LONGEST_TEXT {
            return Err(ErrorCode::MessageTooLong);
        }
        let own = account.numbers.iter().find(|n| n.e164 == from && n.sms && n.state == NumberState::Active);
        let own = own.ok_or(ErrorCode::NumberNotYours)?;
        // A number typed without a country code is one of the sending number's country.
        phone::recipient(to, Some(&own.country))
    }

    /// A failed SMS, or one of which nothing is known, is sent again as a new intent: with a new key, in the place of
    /// the old row.
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
        let NewOutgoing { account: id, key, from, to, text, at, replaces } = new;
        if let Some(account) = self.accounts.get_mut(&id) {
            let message = Outgoing { row, account: id, key, from, to, text, at, state: MessageState::Queued };
            if let Some(replaced) = replaces {
                account.outbox.remove(replaced);
            }
            account.outbox.queue.push_back(Entry { message, lookups: 0, leaves: None });
            account.outbox.reckon();
        }
        self.reply(request, Ok(Reply::MessageQueued { message: row.outside(), thread: thread.outside() }));
        self.activity_changed([thread]);
    }

    pub(crate) fn run_outbox(&mut self, id: &AccountId) {
        let now = self.now.instant;
        let Some(by_provider) = self.provider_now(id) else { return };
        let Some(account) = self.accounts.get_mut(id) else { return };
        if account.link.open().is_none() || account.outbox.queue.is_empty() {
            return;
        }
        let pace = account.pace();
        if pace.is_some() {
            match account.outbox.left {
                Left::Known(_) => {}
                Left::Asked => return,
                Left::Unknown => {
                    account.outbox.left = Left::Asked;
                    let since = by_provider.saturating_sub(COUNTED).unwrap_or(by_provider);
                    return self.write(Write::FindLeft(id.clone(), since));
                }
            }
        }
        self.plan_outbox(id, pace.as_ref(), by_provider);
        let Some(account) = self.accounts.get_mut(id) else { return };
        let outbox = &mut account.outbox;
        let waits = |until: Option<Instant>| until.is_some_and(|at| at > now);
        if outbox.step != Step::Rest || waits(outbox.paused) || waits(outbox.held) {
            return;
        }
        (outbox.paused, outbox.held) = (None, None);
        let entry = match outbox.first(pace.as_ref(), by_provider) {
            Ok(entry) => entry,
            Err(next) => {
                let wait = next.and_then(|at| Duration::try_from(at.duration_since(by_provider)).ok());
                outbox.held = now.checked_add(wait.unwrap_or(Duration::from_secs(60)));
                return;
            }
        };
        let (row, state) = (entry.message.row, entry.message.state);
        if state == MessageState::Unknown {
            let Outgoing { key, from, to, text, at, .. } = entry.message.clone();
            outbox.step = Step::Asked(row);
            let sought = SoughtMessage { key, message: OutgoingMessage { from, to, text }, since: at };
            self.ask(id, ProviderRequest::FindSent(row, sought));
        } else {
            self.mark_sending(id, row);
        }
    }

    /// Reckons when each SMS leaves, and has it told where that is worth a word.
    fn plan_outbox(&mut self, id: &AccountId, pace: Option<&Pace>, by_provider: Timestamp) {
        let now = self.now;
        let Some(account) = self.accounts.get_mut(id) else { return };
        let outbox = &mut account.outbox;
        if !std::mem::take(&mut outbox.replan) {
            return;
        }
        if let Left::Known(left) = &mut outbox.left {
            left.retain(|sent| by_provider.duration_since(sent.at) <= COUNTED);
        }
        let paused = outbox.paused.map_or(Duration::ZERO, |at| at.saturating_duration_since(now.instant));
        let start = by_provider.saturating_add(paused).unwrap_or(by_provider);
        let is_waiting = |entry: &&Entry| entry.message.state == MessageState::Queued;
        let senders: Vec<&str> =
            outbox.queue.iter().filter(is_waiting).map(|entry| entry.message.from.as_str()).collect();
        let times = match pace {
            Some(pace) => pace.schedule(start, senders.into_iter(), outbox.left()),
            None => vec![start; senders.len()],
        };
        let mut told = Vec::new();
        let waiting = outbox.queue.iter_mut().filter(|entry| entry.message.state == MessageState::Queued);
        for (entry, at) in waiting.zip(times) {
            let wait = at.duration_since(by_provider);
            let leaves = now.wall.saturating_add(wait).ok().filter(|_| wait >= WORTH_TELLING);
            let is_news = match (entry.leaves, leaves) {
                (None, None) => false,
                (Some(before), Some(after)) => after.duration_since(before).abs() >= WORTH_TELLING,
                // About to leave as it was told.
                (Some(before), None) => before.duration_since(now.wall) >= WORTH_TELLING,
                (None, Some(_)) => true,
            };
            if is_news {
                entry.leaves = leaves;
                told.push((entry.message.row, leaves));
            }
        }
        if !told.is_empty() {
            self.write(Write::Leaves(told));
        }
    }

    /// What counts for the limits, as the store has it.
    pub(crate) fn left_found(&mut self, id: &AccountId, left: Vec<Sent>) {
        if let Some(account) = self.accounts.get_mut(id) {
            account.outbox.left = Left::Known(Vec::new());
            account.outbox.note_left(left);
        }
    }

    /// Our time as the account's provider has it.
    fn provider_now(&self, id: &AccountId) -> Option<Timestamp> {
        let account = self.accounts.get(id)?;
        Some(crate::rates::by_provider(account.rules.as_ref(), self.now.wall))
    }

    /// Counts one that the provider has taken, or may have.
    fn count_left(&mut self, id: &AccountId, row: RowId) {
        let Some(at) = self.provider_now(id) else { return };
        let Some(account) = self.accounts.get_mut(id) else { return };
        if let Some(number) = account.outbox.entry(row).map(|entry| entry.message.from.clone()) {
            account.outbox.note_left([Sent { at, number }]);
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
            Ok(message) => {
                self.count_left(id, row);
                self.keep_sent(id, row, message);
            }
            Err(ProviderError::RateLimited { retry_after }) => {
                let wait = account.outbox.backoff.fail(&mut self.random);
                account.outbox.paused = self.now.instant.checked_add(retry_after.unwrap_or(wait));
                account.outbox.reckon();
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
                self.count_left(id, row);
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
                    // The feed may still show it; until then only the user can tell what to do.
                    let error = ErrorView::new(ErrorCode::SendUnconfirmed);
                    self.write(Write::Outbox(id.clone(), row, MessageState::Unknown, Some(error)));
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
        let Some(at) = self.provider_now(id) else { return };
        if let Some(account) = self.accounts.get_mut(id) {
            account.outbox.step = Step::Marking(row);
            if account.pace().is_some() {
                self.write(Write::Left(row, at));
            }
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
