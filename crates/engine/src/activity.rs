//! Recent Activity: following a provider's feed so that nothing is lost and nothing comes twice.
//!
//! Invariant: the place in the feed moves on only when the store has said that everything up to there is kept. One
//! question is on its way at a time; whatever else happens meanwhile only makes the next one come sooner.

mod feed;

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use tern_provider::{
    ProviderError,
    types::{Change, ChangesPage, SnapshotPage},
};

use crate::{
    accounts::Link,
    api::{AccountId, CallOutcome, ErrorCode, ErrorView, EventKind, Notice},
    core::{Effect, ProviderReport, ProviderRequest, SecretKind, State, Write},
    record::{Applied, AwayCount, Batch, HistoryMove, HistoryPlace, Reading, Row, RowWhat},
    refusals::provider_error,
    views,
};

pub(crate) use feed::Feed;
use feed::{Freshness, Stream, Then, Work};

/// Beside the hints, which may get lost.
const POLL: Duration = Duration::from_secs(30);

/// What came while Tern was off, over all accounts, as far as it was told in one digest.
#[derive(Debug, Default)]
pub(crate) struct Away {
    messages: u32,
    people: BTreeSet<(AccountId, String)>,
    missed_calls: u32,
}

impl State {
    pub(crate) fn provider_report(&mut self, id: &AccountId, link: u32, report: ProviderReport) {
        let Some(account) = self.accounts.get_mut(id).filter(|a| a.link.number() == Some(link)) else {
            return;
        };
        match report {
            ProviderReport::Opened(capabilities) => {
                account.link = Link::Open(link, capabilities);
                // Answers of an earlier connection never come any more.
                if !matches!(account.feed.work, Work::Keeping { .. }) {
                    account.feed.work = Work::Idle;
                }
                account.feed.stream = Stream::Off;
                account.feed.history.stop();
                account.outbox.reopened();
                account.deletions.reopened();
                self.give_up_asking(id);
                self.wallet_opened(id);
                self.desk_opened(id);
                self.read_feed(id);
                self.account_changed(id);
            }
            ProviderReport::NotOpened(error) => {
                account.link = Link::Detached;
                account.feed.set_stale(self.now.wall, error);
                self.give_up_asking(id);
                self.account_changed(id);
            }
            ProviderReport::Snapshot(result) => self.newest_read(id, result),
            ProviderReport::History(page, result) => self.history_read(id, page.as_ref(), result),
            ProviderReport::Changes(result) => self.changes_read(id, result),
            ProviderReport::Hint => self.read_feed(id),
            ProviderReport::HintsEnded => {
                let wait = account.feed.stream_backoff.fail(&mut self.random);
                account.feed.stream =
                    Stream::Retry(self.now.instant.checked_add(wait).unwrap_or(self.now.instant));
                // What cut the stream may have cut off news, and is itself news when the provider is away.
                self.read_feed(id);
            }
            ProviderReport::Account(result) => self.account_read(id, result),
            ProviderReport::Numbers(result) => self.numbers_read(id, result),
            ProviderReport::Sent(row, result) => self.message_sent(id, row, result),
            ProviderReport::Deleted(message, result) => self.deletion_answered(id, message, result),
            ProviderReport::FoundSent(row, result) => self.message_found(id, row, result),
            ProviderReport::TopUpCreated(key, result) => self.topup_created(id, &key, result),
            ProviderReport::TopUp(key, result) => self.topup_read(id, &key, result),
            ProviderReport::Acted(key, result) => self.acted(id, &key, result),
            ProviderReport::Rate(request, target, number, result) => {
                self.rate_read(id, request, target, number, result);
            }
        }
    }

    /// Asks an account's provider, where it is connected.
    pub(crate) fn ask(&mut self, id: &AccountId, request: ProviderRequest) {
        if let Some((link, _)) = self.accounts.get(id).and_then(|a| a.link.open()) {
            self.effect(Effect::Ask { account: id.clone(), link, request });
        }
    }

    /// Reads the feed now, whatever the back-off says.
    pub(crate) fn read_feed_now(&mut self, id: &AccountId) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        if account.link == Link::Detached && !account.profile.sandbox {
            let key = account.secret_key(SecretKind::ProviderToken);
            return self.effect(Effect::GetSecret(id.clone(), SecretKind::ProviderToken, key));
        }
        account.feed.next = Some(self.now.instant);
        self.read_feed(id);
    }

    pub(crate) fn run_feed(&mut self, id: &AccountId) {
        let now = self.now.instant;
        let Some(account) = self.accounts.get_mut(id) else { return };
        if let Stream::Retry(at) = account.feed.stream
            && at <= now
        {
            account.feed.stream = Stream::Off;
            self.open_stream(id);
        }
        let Some(account) = self.accounts.get(id) else { return };
        if account.feed.work == Work::Idle && account.feed.next.is_some_and(|at| at <= now) {
            self.read_feed(id);
        }
    }

    pub(crate) fn applied(&mut self, id: &AccountId, applied: Applied) {
        if applied.of == Reading::History {
            return self.history_applied(id, applied);
        }
        let Some(account) = self.accounts.get_mut(id) else { return };
        let (next, then) = match std::mem::replace(&mut account.feed.work, Work::Idle) {
            Work::Keeping { mut rest, then } => (rest.pop_front().map(|next| (next, rest)), Some(then)),
            other => {
                account.feed.work = other;
                (None, None)
            }
        };
        if applied.changed > 0 {
            self.activity_changed(applied.threads.iter().copied());
        }
        self.take_in(id, &applied);
        let Some(then) = then else { return };
        let Some(account) = self.accounts.get_mut(id) else { return };
        if let Some((next, rest)) = next {
            account.feed.work = Work::Keeping { rest, then };
            return self.write(Write::Apply(next));
        }
        match then {
            Then::Changes(cursor) => {
                account.feed.cursor = Some(cursor);
                self.ask_changes(id);
            }
            Then::Begin(cursor, past) => {
                account.feed.cursor = Some(cursor);
                account.feed.history.begin(past);
                self.ask_changes(id);
            }
            Then::UpToDate(cursor) => {
                account.feed.cursor = Some(cursor);
                self.up_to_date(id);
            }
        }
    }

    /// Tells everybody concerned what was kept.
    pub(crate) fn take_in(&mut self, id: &AccountId, applied: &Applied) {
        if let Some(account) = self.accounts.get_mut(id) {
            account.outbox.settle(&applied.settled);
            if !applied.departed.is_empty() {
                account.outbox.note_left(applied.departed.iter().cloned());
            }
        }
        for row in &applied.fresh {
            // Put aside already, in the transaction that kept it.
            if !applied.aside {
                self.tell(row);
            }
        }
        self.ledger_kept(id, &applied.ledger);
        self.doom(id, applied.doomed.clone());
    }

    pub(crate) fn not_applied(&mut self, id: &AccountId, of: Reading) {
        let error = ErrorView::new(ErrorCode::StorageFailed);
        self.trouble(Some(id.clone()), error.clone());
        match of {
            Reading::Live => self.feed_failed(id, error, None),
            Reading::History => self.history_failed(id, None),
        }
    }

    fn read_feed(&mut self, id: &AccountId) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        if !account.link.open().is_some_and(|(_, c)| c.change_feed) {
            return;
        }
        if account.feed.work != Work::Idle {
            account.feed.again = true;
            return;
        }
        match &account.feed.cursor {
            Some(_) => self.ask_changes(id),
            None => self.ask_newest(id),
        }
    }

    fn ask_changes(&mut self, id: &AccountId) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        let Some(cursor) = account.feed.cursor.clone() else { return };
        account.feed.work = Work::Changes;
        account.feed.again = false;
        self.ask(id, ProviderRequest::Changes(cursor));
    }

    fn ask_newest(&mut self, id: &AccountId) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        account.feed.work = Work::Newest;
        account.feed.history.stop();
        self.ask(id, ProviderRequest::Snapshot);
    }

    /// The newest page is kept together with the place in the feed that was taken before it; what is older is read
    /// beside what happens.
    fn newest_read(&mut self, id: &AccountId, result: Result<SnapshotPage, ProviderError>) {
        let now = self.now.wall;
        let Some(account) = self.accounts.get_mut(id) else { return };
        if account.feed.work != Work::Newest {
            return;
        }
        let page = match result {
            Ok(page) => page,
            Err(error) => return self.feed_error(id, error),
        };
        // Where the place in the feed was lost, what is not known yet came while nobody watched, except what would
        // not have been news either.
        let (past, until) = match (account.feed.catching_up, account.feed.history.until()) {
            (true, until) => (until.unwrap_or(Timestamp::MIN), until.unwrap_or(Timestamp::MIN)),
            (false, _) => (Timestamp::MAX, now),
        };
        let rows = u64::try_from(page.objects.len()).unwrap_or(u64::MAX);
        let place =
            page.next_page.map(|next| HistoryPlace { page: Some(next), rows, total: page.total, until });
        let whole = Batch {
            account: id.clone(),
            changes: page.objects.into_iter().rev().map(Change::Upsert).collect(),
            cursor: Some(page.cursor.clone()),
            history: place.clone().map_or(HistoryMove::Ends, HistoryMove::To),
            past,
            of: Reading::Live,
            aside: account.feed.catching_up,
        };
        self.keep(id, whole, Then::Begin(page.cursor, place));
    }

    fn changes_read(&mut self, id: &AccountId, result: Result<ChangesPage, ProviderError>) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        if account.feed.work != Work::Changes {
            return;
        }
        let page = match result {
            Ok(page) => page,
            Err(error) => return self.feed_error(id, error),
        };
        if page.changes.is_empty() && account.feed.cursor.as_ref() == Some(&page.next) {
            account.feed.work = Work::Idle;
            return self.up_to_date(id);
        }
        let next = page.next.clone();
        let then = if page.has_more { Then::Changes(next) } else { Then::UpToDate(next) };
        let whole = Batch {
            account: id.clone(),
            changes: page.changes,
            cursor: Some(page.next),
            history: HistoryMove::Stays,
            past: Timestamp::MIN,
            of: Reading::Live,
            aside: account.feed.catching_up,
        };
        self.keep(id, whole, then);
    }

    fn keep(&mut self, id: &AccountId, whole: Batch, then: Then) {
        let mut rest = Batch::parts(whole);
        let Some(account) = self.accounts.get_mut(id) else { return };
        if let Some(first) = rest.pop_front() {
            account.feed.work = Work::Keeping { rest, then };
            self.write(Write::Apply(first));
        }
    }

    fn up_to_date(&mut self, id: &AccountId) {
        let now = self.now.instant;
        let Some(account) = self.accounts.get_mut(id) else { return };
        let every = account.link.open().and_then(|(_, c)| c.poll_every).unwrap_or(POLL);
        let feed = &mut account.feed;
        feed.backoff.succeed();
        feed.next = now.checked_add(every);
        let caught_up = std::mem::take(&mut feed.catching_up);
        let again = std::mem::take(&mut feed.again);
        if feed.freshness != Freshness::Fresh {
            feed.freshness = Freshness::Fresh;
            self.account_changed(id);
        }
        if caught_up {
            self.ask_away();
        }
        self.open_stream(id);
        if again {
            self.read_feed(id);
        }
    }

    fn open_stream(&mut self, id: &AccountId) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        let Some(cursor) = account.feed.cursor.clone() else { return };
        if !account.link.open().is_some_and(|(_, c)| c.hints) {
            return;
        }
        // While reading fails, so would the stream: it is opened when the feed is fresh again.
        if account.feed.stream == Stream::Off && !account.feed.backoff.is_failing() {
            account.feed.stream = Stream::On;
            self.ask(id, ProviderRequest::Hints(cursor));
        }
    }

    fn feed_error(&mut self, id: &AccountId, error: ProviderError) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        let expired = match &error {
            ProviderError::ResyncRequired => true,
            ProviderError::Refused { code, .. } => code == "bad_cursor",
            _ => false,
        };
        if expired && account.feed.work == Work::Changes {
            // Rows that are there already stay; what is new among them came while nobody watched.
            account.feed.cursor = None;
            account.feed.catching_up = true;
            return self.ask_newest(id);
        }
        let view = provider_error(&error);
        match error {
            ProviderError::RateLimited { retry_after } => self.feed_failed(id, view, retry_after),
            ProviderError::Unauthorized => {
                self.feed_failed(id, view, None);
                if let Some(account) = self.accounts.get_mut(id) {
                    // The token won't get better by asking again.
                    account.feed.next = None;
                }
            }
            _ => self.feed_failed(id, view, None),
        }
    }

    fn feed_failed(&mut self, id: &AccountId, error: ErrorView, wait: Option<Duration>) {
        let now = self.now;
        let Some(account) = self.accounts.get_mut(id) else { return };
        let feed = &mut account.feed;
        let backoff = feed.backoff.fail(&mut self.random);
        feed.work = Work::Idle;
        feed.again = false;
        feed.next = now.instant.checked_add(wait.unwrap_or(backoff));
        feed.set_stale(now.wall, error);
        self.account_changed(id);
    }

    /// Whether an account is still told what came while nobody watched.
    pub(crate) fn is_catching_up(&self) -> bool {
        self.accounts.values().any(|account| account.feed.catching_up)
    }

    /// The computer slept: what comes now came while nobody watched.
    pub(crate) fn slept(&mut self, id: &AccountId) {
        if let Some(account) = self.accounts.get_mut(id)
            && account.feed.cursor.is_some()
        {
            account.feed.catching_up = true;
        }
        self.read_feed_now(id);
    }

    fn tell(&mut self, row: &Row) {
        match &row.what {
            RowWhat::Message { .. } => {
                self.event(EventKind::MessageArrived { item: views::item(row) });
                if self.is_quiet_for(&row.account, Some(&row.number)) {
                    return self.set_aside(row.id);
                }
                self.notify_message(row);
            }
            RowWhat::Call { .. } => self.tell_missed(row),
            RowWhat::Ledger { .. } | RowWhat::Gap { .. } => {}
        }
    }

    /// Tells of a missed call, now or later.
    pub(crate) fn tell_missed(&mut self, row: &Row) {
        let missed = matches!(row.what, RowWhat::Call { outcome: CallOutcome::Missed, .. });
        if !missed || !row.unread {
            return;
        }
        if self.is_quiet_for(&row.account, Some(&row.number)) {
            return self.set_aside(row.id);
        }
        self.notify_missed(row);
    }

    /// Tells of what was put aside.
    pub(crate) fn away_counted(&mut self, count: AwayCount) {
        if count.waiting {
            self.look_again();
        }
        self.away.messages = self.away.messages.saturating_add(count.messages);
        self.away.missed_calls = self.away.missed_calls.saturating_add(count.missed_calls);
        self.away.people.extend(count.people);
        if count.messages > 0 || count.missed_calls > 0 {
            let Away { messages, missed_calls, .. } = self.away;
            let people = u32::try_from(self.away.people.len()).unwrap_or(u32::MAX);
            let notice = Notice::WhileAway { messages, people, missed_calls };
            self.notices.retain(|n| !matches!(n, Notice::WhileAway { .. }));
            self.notices.push(notice.clone());
            self.notice(notice);
            self.notify_away(messages, people, missed_calls);
        }
        // Accounts that catch up later add to the same digest.
        if !self.is_catching_up() {
            self.away = Away::default();
        }
    }
}
