//! What a provider's feed brings, in parts that are kept whole, and what keeping them came to.

use std::collections::{BTreeSet, VecDeque};

use jiff::Timestamp;
use tern_provider::types::{Change, Cursor, PageToken, RemoteId, Transaction};

use super::{Row, RowId, Sent, ThreadRowId};
use crate::api::AccountId;

/// Changes to keep in one transaction, with the place in the feed they lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Whose.
    pub(crate) account: AccountId,
    /// Oldest first.
    pub(crate) changes: Vec<Change>,
    /// Where the feed continues after them.
    pub(crate) cursor: Option<Cursor>,
    /// Where the reading of the past stands after them.
    pub(crate) history: HistoryMove,
    /// What is dated up to here is the past as it was before the account was added: no news to its user.
    pub(crate) past: Timestamp,
    /// Which of the two readings brought them.
    pub(crate) of: Reading,
    /// Nobody watched: what is new of it is told of later, together.
    pub(crate) aside: bool,
}

/// The two readings of a provider's activity, which go on side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Reading {
    /// What happens.
    #[default]
    Live,
    /// What happened before the account was added, or before its place in the feed was lost.
    History,
}

/// How far the past has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HistoryPlace {
    /// The page to read next; `None` for the newest.
    pub(crate) page: Option<PageToken>,
    /// Rows read so far.
    pub(crate) rows: u64,
    /// Rows there are, where the provider tells.
    pub(crate) total: Option<u64>,
    /// What is dated up to here is no news to the account's user.
    pub(crate) until: Timestamp,
}

/// What becomes of the place in the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HistoryMove {
    /// Nothing.
    Stays,
    /// It moves here.
    To(HistoryPlace),
    /// The past has been read.
    Ends,
}

/// Rows kept in one transaction at most: other writes get in between.
const PART: usize = 200;

impl Batch {
    /// Cuts changes, oldest first, into batches to be kept one after another; the places move on with the last one.
    pub(crate) fn parts(mut whole: Self) -> VecDeque<Self> {
        let mut parts = VecDeque::new();
        while whole.changes.len() > PART {
            let rest = whole.changes.split_off(PART);
            let changes = std::mem::replace(&mut whole.changes, rest);
            parts.push_back(Self {
                account: whole.account.clone(),
                changes,
                cursor: None,
                history: HistoryMove::Stays,
                ..whole
            });
        }
        parts.push_back(whole);
        parts
    }
}

/// What a [`Batch`] changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Applied {
    /// Whose.
    pub(crate) of: Reading,
    /// Incoming messages and missed calls never seen before, oldest first.
    pub(crate) fresh: Vec<Row>,
    /// Ledger rows never seen before, oldest first.
    pub(crate) ledger: Vec<Transaction>,
    /// Conversations with new or different rows.
    pub(crate) threads: Vec<ThreadRowId>,
    /// SMS of the outbox that the feed shows as sent.
    pub(crate) settled: Vec<RowId>,
    /// SMS that were sent from elsewhere.
    pub(crate) departed: Vec<Sent>,
    /// Messages of conversations that were removed, which the provider is to delete.
    pub(crate) doomed: Vec<RemoteId>,
    /// Rows that were new or different.
    pub(crate) changed: u32,
    /// What is fresh was put aside.
    pub(crate) aside: bool,
}

/// What was put aside, counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct AwayCount {
    /// Incoming SMS.
    pub(crate) messages: u32,
    /// Who sent them, and to which account.
    pub(crate) people: BTreeSet<(AccountId, String)>,
    /// Missed calls.
    pub(crate) missed_calls: u32,
    /// More waits until its number is not quiet any more.
    pub(crate) waiting: bool,
}

/// What a removed conversation leaves at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Removed {
    /// Whose it was.
    pub(crate) account: AccountId,
    /// Messages that the provider is to delete.
    pub(crate) doomed: Vec<RemoteId>,
    /// Rows that stay there.
    pub(crate) staying: u32,
}

/// What became of a message at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deleted {
    /// It is there no more.
    Gone,
    /// It stays.
    Refused,
}
