//! The past: older pages of an account's activity, read in the background while what happens is followed.
//!
//! Invariant: the place in the past moves on in the same transaction as the rows of the page before it, so that a run
//! that dies goes on where it stood. It is one question at a time, never while what happens can't be followed, and at
//! least as long a pause as the page took. What happens is not read here but in `activity`.

use std::{
    collections::{BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tern_provider::{
    ProviderError,
    types::{Change, PageToken, SnapshotPage},
};

use crate::{
    api::{AccountId, HistoryView},
    core::{Backoff, ProviderRequest, State, Write},
    record::{Applied, Batch, HistoryMove, HistoryPlace, Reading, ThreadRowId},
};

/// The shortest pause between two pages of a provider that has a feed.
const PAUSE: Duration = Duration::from_millis(20);
/// The same where the provider is asked for its lists, and has limits for that.
const LONG_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause after a slow page.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How often windows are told.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Pages in a row that bring nothing new and lead nowhere older: a list that names such pages for ever must end.
const MOST_IDLE: u32 = 100;

/// How far an account's past has been read, and what is being done about the rest.
pub(crate) struct History {
    /// `None` once all of it has been read.
    place: Option<HistoryPlace>,
    step: Step,
    /// Not before.
    next: Option<Instant>,
    backoff: Backoff,
    /// For beginning anew where the provider does not know its own page any more.
    anew: Backoff,
    progress: Progress,
    /// Conversations that the windows have not been told of; `None` where nothing changed.
    untold: Option<BTreeSet<ThreadRowId>>,
    told: Option<Instant>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Rest,
    /// A page was asked for at that time.
    Asked(Instant),
    /// The store is keeping a page, a part at a time; then the place is this one.
    Keeping {
        rest: VecDeque<Batch>,
        place: Option<HistoryPlace>,
        asked: Instant,
    },
}

/// Tells whether pages lead anywhere.
#[derive(Debug, Default)]
struct Progress {
    /// Brent's search for a circle: one page's name at a time is remembered, for twice as many pages as the last.
    seen: Option<PageToken>,
    steps: u64,
    turn: u64,
    /// The oldest row of the last page.
    oldest: Option<Timestamp>,
    /// Whether the page being kept is older than the one before.
    older: bool,
    idle: u32,
    changed: u32,
}

impl Default for History {
    fn default() -> Self {
        Self::loaded(None)
    }
}

impl History {
    pub(crate) fn loaded(place: Option<HistoryPlace>) -> Self {
        Self {
            place,
            step: Step::Rest,
            next: None,
            backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(600)),
            anew: Backoff::new(Duration::from_secs(1), Duration::from_secs(3600)),
            progress: Progress::default(),
            untold: None,
            told: None,
        }
    }

    /// From here on.
    pub(crate) fn begin(&mut self, place: Option<HistoryPlace>) {
        let mut progress = Progress::default();
        if let Some(page) = place.as_ref().and_then(|p| p.page.as_ref()) {
            progress.leads_on(page);
        }
        *self = Self { progress, ..Self::loaded(place) };
    }

    /// An answer that is on its way does not count.
    pub(crate) fn stop(&mut self) {
        if matches!(self.step, Step::Asked(_)) {
            self.step = Step::Rest;
        }
    }

    /// What is dated up to here is no news; `None` when the past has been read.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        self.place.as_ref().map(|place| place.until)
    }

    pub(crate) fn view(&self) -> Option<HistoryView> {
        let short = |rows: u64| u32::try_from(rows).unwrap_or(u32::MAX);
        let place = self.place.as_ref()?;
        Some(HistoryView { rows: short(place.rows), total: place.total.map(short) })
    }

    pub(crate) fn next_wake(&self) -> Option<Instant> {
        if self.place.is_some() && self.step == Step::Rest { self.next } else { None }
    }
}

impl Progress {
    /// Whether a page's name is none of a circle.
    fn leads_on(&mut self, page: &PageToken) -> bool {
        if self.seen.as_ref() == Some(page) {
            return false;
        }
        self.steps = self.steps.saturating_add(1);
        if self.steps >= self.turn {
            self.seen = Some(page.clone());
            self.turn = self.turn.max(1).saturating_mul(2);
            self.steps = 0;
        }
        self.idle < MOST_IDLE
    }

    fn page(&mut self, oldest: Option<Timestamp>) {
        self.older = match (oldest, self.oldest) {
            (Some(now), Some(before)) => now < before,
            (now, _) => now.is_some(),
        };
        self.oldest = oldest.or(self.oldest);
        self.changed = 0;
    }

    fn kept(&mut self) {
        self.idle = if self.older || self.changed > 0 { 0 } else { self.idle.saturating_add(1) };
    }
}

impl State {
    /// Asks for the next page of the past when its time has come.
    pub(crate) fn run_history(&mut self, id: &AccountId) {
        let now = self.now.instant;
        let Some(account) = self.accounts.get_mut(id) else { return };
        let followed = account.feed.is_followed();
        let open = account.link.open().is_some_and(|(_, c)| c.change_feed);
        let history = &mut account.feed.history;
        let Some(place) = &history.place else { return };
        if history.step != Step::Rest || !followed || history.next.is_some_and(|at| at > now) {
            return;
        }
        if !open {
            history.next = now.checked_add(LONG_PAUSE);
            return;
        }
        history.step = Step::Asked(now);
        let page = place.page.clone();
        self.ask(id, ProviderRequest::History(page));
    }

    pub(crate) fn history_read(
        &mut self,
        id: &AccountId,
        asked_for: Option<&PageToken>,
        result: Result<SnapshotPage, ProviderError>,
    ) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        let history = &mut account.feed.history;
        let (Step::Asked(asked), Some(place)) = (&history.step, &history.place) else { return };
        if place.page.as_ref() != asked_for {
            return;
        }
        let page = match result {
            Ok(page) => page,
            Err(error) => return self.history_failed(id, Some(error)),
        };
        let asked = *asked;
        history.progress.page(page.objects.iter().map(|object| object.at()).min());
        let rows = place.rows.saturating_add(u64::try_from(page.objects.len()).unwrap_or(u64::MAX));
        let (total, until) = (page.total.or(place.total), place.until);
        let next = page.next_page.filter(|next| history.progress.leads_on(next));
        let place = next.map(|next| HistoryPlace { page: Some(next), rows, total, until });
        let mut rest = Batch::parts(Batch {
            account: id.clone(),
            changes: page.objects.into_iter().rev().map(Change::Upsert).collect(),
            cursor: None,
            history: place.clone().map_or(HistoryMove::Ends, HistoryMove::To),
            past: until,
            of: Reading::History,
            // What was missed while the place in the feed was lost is told together.
            aside: until == Timestamp::MIN,
        });
        if let Some(first) = rest.pop_front() {
            history.step = Step::Keeping { rest, place, asked };
            self.write(Write::Apply(first));
        }
    }

    /// A part of a page is kept.
    pub(crate) fn history_applied(&mut self, id: &AccountId, applied: Applied) {
        let now = self.now.instant;
        let Some(account) = self.accounts.get_mut(id) else { return };
        let slow = account.link.open().is_some_and(|(_, c)| c.poll_every.is_some());
        let history = &mut account.feed.history;
        if applied.changed > 0 {
            history.untold.get_or_insert_default().extend(applied.threads.iter().copied());
        }
        history.progress.changed = history.progress.changed.saturating_add(applied.changed);
        let while_away = history.until() == Some(Timestamp::MIN);
        let next = match std::mem::replace(&mut history.step, Step::Rest) {
            Step::Keeping { mut rest, place, asked } => match rest.pop_front() {
                Some(next) => {
                    history.step = Step::Keeping { rest, place, asked };
                    Some(next)
                }
                None => {
                    history.place = place;
                    history.progress.kept();
                    history.backoff.succeed();
                    let took = now.saturating_duration_since(asked);
                    let pause = took.clamp(if slow { LONG_PAUSE } else { PAUSE }, LONGEST_PAUSE);
                    history.next = now.checked_add(pause);
                    None
                }
            },
            other => {
                history.step = other;
                None
            }
        };
        let over = history.place.is_none();
        self.take_in(id, &applied);
        if let Some(next) = next {
            return self.write(Write::Apply(next));
        }
        self.tell_history(id, over);
        if over && while_away {
            self.ask_away();
        }
    }

    /// The same page is asked for again later; where the provider knows it no more, the newest one: what is known
    /// already does not come twice.
    pub(crate) fn history_failed(&mut self, id: &AccountId, error: Option<ProviderError>) {
        let now = self.now.instant;
        let Some(account) = self.accounts.get_mut(id) else { return };
        let history = &mut account.feed.history;
        history.step = Step::Rest;
        let wait = match error {
            Some(ProviderError::RateLimited { retry_after: Some(wait) }) => wait,
            Some(ProviderError::Refused { .. } | ProviderError::ResyncRequired) => {
                if let Some(place) = &mut history.place {
                    (place.page, place.rows) = (None, 0);
                }
                history.progress = Progress::default();
                history.anew.fail(&mut self.random)
            }
            _ => history.backoff.fail(&mut self.random),
        };
        history.next = now.checked_add(wait);
    }

    /// Tells the windows how far it got: now and then, and at the end.
    fn tell_history(&mut self, id: &AccountId, over: bool) {
        let now = self.now.instant;
        let Some(account) = self.accounts.get_mut(id) else { return };
        let history = &mut account.feed.history;
        let lately = history.told.is_some_and(|told| now.saturating_duration_since(told) < TELL_EVERY);
        if lately && !over {
            return;
        }
        history.told = Some(now);
        if let Some(threads) = history.untold.take() {
            self.activity_changed(threads);
        }
        self.account_changed(id);
    }
}
