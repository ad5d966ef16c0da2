//! Where an account's feed stands: its place, what is being asked or kept, how fresh it is.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tern_provider::types::Cursor;

use crate::{
    api::{ErrorView, FeedState},
    core::Backoff,
    history::History,
    record::{Batch, HistoryPlace},
};

/// An account's feed.
pub(crate) struct Feed {
    /// Everything up to here is kept.
    pub(super) cursor: Option<Cursor>,
    /// What is older than the place where it began.
    pub(crate) history: History,
    pub(super) work: Work,
    pub(super) freshness: Freshness,
    /// Whether what comes now came while nobody watched.
    pub(super) catching_up: bool,
    /// Something came while a question was on its way.
    pub(super) again: bool,
    pub(super) next: Option<Instant>,
    pub(super) backoff: Backoff,
    pub(super) stream: Stream,
    pub(super) stream_backoff: Backoff,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Work {
    /// No provider yet, or nothing to do before `next`.
    Idle,
    /// The newest page was asked for: there is no place in the feed yet, or no more.
    Newest,
    /// Changes were asked for.
    Changes,
    /// The store is keeping an answer, a part at a time.
    Keeping { rest: VecDeque<Batch>, then: Then },
}

/// What follows once an answer is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Then {
    /// Further changes, after those up to here.
    Changes(Cursor),
    /// The same, and the past from here on beside it.
    Begin(Cursor, Option<HistoryPlace>),
    /// Nothing before its time.
    UpToDate(Cursor),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Freshness {
    Loading,
    Fresh,
    Stale { since: Timestamp, error: ErrorView },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Off,
    On,
    Retry(Instant),
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            cursor: None,
            work: Work::Idle,
            freshness: Freshness::Loading,
            catching_up: false,
            history: History::default(),
            again: false,
            next: None,
            backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(60)),
            stream: Stream::Off,
            stream_backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(60)),
        }
    }
}

impl Feed {
    /// A feed that an earlier run has read up to `cursor`, and its past down to `history`.
    pub(crate) fn loaded(cursor: Option<Cursor>, history: Option<HistoryPlace>) -> Self {
        let catching_up = cursor.is_some();
        Self { cursor, catching_up, history: History::loaded(history), ..Self::default() }
    }

    /// Whether what happens is followed, and nothing keeps it from that.
    pub(crate) fn is_followed(&self) -> bool {
        self.cursor.is_some() && self.freshness == Freshness::Fresh
    }

    pub(crate) fn view(&self) -> FeedState {
        match &self.freshness {
            Freshness::Loading => FeedState::Loading {},
            Freshness::Fresh => FeedState::Fresh {},
            Freshness::Stale { since, error } => {
                FeedState::Stale { since: since.to_string(), error: error.clone() }
            }
        }
    }

    pub(crate) fn next_wake(&self) -> Option<Instant> {
        let retry = match self.stream {
            Stream::Retry(at) => Some(at),
            Stream::Off | Stream::On => None,
        };
        let next = if self.work == Work::Idle { self.next } else { None };
        let history = if self.is_followed() { self.history.next_wake() } else { None };
        [retry, next, history].into_iter().flatten().min()
    }

    pub(crate) fn set_stale(&mut self, now: Timestamp, error: ErrorView) {
        let since = match &self.freshness {
            Freshness::Stale { since, .. } => *since,
            Freshness::Loading | Freshness::Fresh => now,
        };
        self.freshness = Freshness::Stale { since, error };
    }
}
