//! An account's SMS that have not left, and which of them is the next.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tern_provider::types::LimitScope;

use crate::{
    api::MessageState,
    core::Backoff,
    pacing::Pace,
    record::{Outgoing, RowId, Sent},
};

/// Departures remembered at most, the latest ones.
const MOST_LEFT: usize = 5_000;

/// An account's SMS that have not left.
pub(crate) struct Outbox {
    pub(super) queue: VecDeque<Entry>,
    pub(super) step: Step,
    /// Not before, after a failure.
    pub(super) paused: Option<Instant>,
    /// Not before, for the limits' sake.
    pub(super) held: Option<Instant>,
    pub(super) left: Left,
    /// When each leaves is to be reckoned again.
    pub(super) replan: bool,
    pub(super) backoff: Backoff,
}

/// What counts for the limits.
pub(super) enum Left {
    Unknown,
    /// The store was asked.
    Asked,
    /// By the provider's clock, oldest first.
    Known(Vec<Sent>),
}

pub(super) struct Entry {
    pub(super) message: Outgoing,
    pub(super) lookups: u32,
    /// When it leaves, as the windows were told.
    pub(super) leaves: Option<Timestamp>,
}

/// What is happening to the first entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
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
            held: None,
            left: Left::Unknown,
            replan: true,
            backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(120)),
        }
    }
}

impl Outbox {
    pub(crate) fn loaded(messages: Vec<Outgoing>) -> Self {
        let queue = messages.into_iter().map(|message| Entry { message, lookups: 0, leaves: None }).collect();
        Self { queue, ..Self::default() }
    }

    pub(crate) fn next_wake(&self) -> Option<Instant> {
        let is_idle = self.queue.is_empty() || self.step != Step::Rest;
        if is_idle { None } else { self.paused.into_iter().chain(self.held).max() }
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
        self.reckon();
    }

    /// What the limits leave room for may be different from now on.
    pub(crate) fn reckon(&mut self) {
        self.replan = true;
        self.held = None;
    }

    /// Something left, from here or from another device.
    pub(crate) fn note_left(&mut self, sent: impl IntoIterator<Item = Sent>) {
        if let Left::Known(left) = &mut self.left {
            left.extend(sent);
            left.sort_by_key(|sent| sent.at);
            left.drain(..left.len().saturating_sub(MOST_LEFT));
        }
        self.reckon();
    }

    pub(super) fn left(&self) -> &[Sent] {
        match &self.left {
            Left::Known(left) => left,
            Left::Unknown | Left::Asked => &[],
        }
    }

    /// The numbers that the SMS in the queue leave from, one for each.
    pub(crate) fn senders(&self) -> Vec<String> {
        self.queue.iter().map(|entry| entry.message.from.clone()).collect()
    }

    /// The feed shows these as sent.
    pub(crate) fn settle(&mut self, rows: &[RowId]) {
        if rows.is_empty() {
            return;
        }
        self.queue.retain(|e| !rows.contains(&e.message.row));
        self.reckon();
        if let Step::Marking(row) | Step::Asked(row) = self.step
            && rows.contains(&row)
        {
            self.step = Step::Rest;
        }
    }

    pub(super) fn entry(&mut self, row: RowId) -> Option<&mut Entry> {
        self.queue.iter_mut().find(|e| e.message.row == row)
    }

    pub(super) fn remove(&mut self, row: RowId) {
        self.queue.retain(|e| e.message.row != row);
        self.reckon();
    }

    /// The first that may leave, or be looked for; or when the next one may.
    pub(super) fn first(&self, pace: Option<&Pace>, now: Timestamp) -> Result<&Entry, Option<Timestamp>> {
        let mut waits: Vec<(&str, Timestamp)> = Vec::new();
        for entry in &self.queue {
            let Some(pace) = pace.filter(|_| entry.message.state != MessageState::Unknown) else {
                return Ok(entry);
            };
            let from = entry.message.from.as_str();
            // Behind one that waits, those of the same number wait too.
            if waits.iter().any(|(number, _)| *number == from || pace.scope == LimitScope::Account) {
                continue;
            }
            let at = pace.next(now, from, self.left());
            if at <= now {
                return Ok(entry);
            }
            waits.push((from, at));
        }
        Err(waits.into_iter().map(|(_, at)| at).min())
    }
}
