//! Following a provider that has no feed, only lists with the newest row first.
//!
//! Invariant: a cursor says "every row that is dated up to here, and came while it could still come, has been handed
//! on". A row may appear late: the list is read again from [`Terms::overlap`] before the latest row, and what was
//! handed on as it is now is left out. A row that is not final is handed on again when it has changed, wherever it
//! lies. So a page that gets lost, a crash between page and commit, and a row that appears late lose nothing, and
//! nothing comes twice. What the provider has thrown away meanwhile becomes a [`Gap`], and so does what lies behind the
//! last page that is read of a list that is too long.
//!
//! Nothing here asks a clock or knows a provider: the time comes in as an argument, the rows through [`Lists`].

mod cursor;

use std::collections::{BTreeMap, HashSet};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::{ProviderError, types::*};
use cursor::{Place, Token};

/// Pages of one list read at most: a list that names further pages for ever must end.
const MOST_PAGES: usize = 200;
/// Pages in a row that only repeat known rows: they are such a list's.
const MOST_REPEATED: usize = 5;
/// Rows outside the overlap that are asked for one by one, each time.
const MOST_LOOKUPS: usize = 20;
/// How late a row may appear where it is listed when it is over, under the time when it began: no call takes a day.
/// And an hour, by which a wall clock may be wrong when summer time ends.
pub(crate) const OVERLAP: SignedDuration = SignedDuration::from_hours(25);
/// How far a provider's clock may be ahead of ours; spans end so much after now.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);
/// How far a provider's clock may be behind ours.
const SKEW: SignedDuration = SignedDuration::from_secs(120);
/// Rows that never become final are given up after this.
const PATIENCE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A provider's lists.
#[async_trait]
pub(crate) trait Lists: Sync {
    /// How many lists there are; they are numbered from 0.
    fn count(&self) -> usize;

    /// How the lists are read.
    fn terms(&self) -> Terms;

    /// A page of one list, newest first; `page` is what an earlier page named as its next.
    async fn list(&self, list: usize, span: Span, page: Option<&str>) -> Result<Listed, ProviderError>;

    /// One row as it is now; `None` when it is gone.
    async fn look_up(&self, list: usize, id: &RemoteId) -> Result<Option<Row>, ProviderError>;
}

/// How a provider's lists are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// How late a row may appear, against its own date.
    pub(crate) overlap: SignedDuration,
    /// How long the provider keeps rows; `None` for ever.
    pub(crate) kept: Option<SignedDuration>,
    /// How far back the past of a new account is read.
    pub(crate) past: SignedDuration,
}

/// From when to when, both included. What is asked for here ends a day after now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
}

impl Span {
    /// How far back from now it reaches.
    pub(crate) fn back(&self) -> SignedDuration {
        self.until.duration_since(self.from).saturating_sub(AHEAD).max(SignedDuration::ZERO)
    }
}

/// A page of a list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listed {
    /// Newest first.
    pub(crate) rows: Vec<Row>,
    /// What to ask for the next page with.
    pub(crate) next: Option<String>,
}

/// A row of a list.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The row; its version rises whenever it changes.
    pub(crate) object: ActivityObject,
    /// Whether it can change no more.
    pub(crate) settled: bool,
}

impl Row {
    fn id(&self) -> &RemoteId {
        self.object.id()
    }

    fn at(&self) -> Timestamp {
        self.object.at()
    }

    fn version(&self) -> u64 {
        self.object.version()
    }
}

/// A page of the whole activity; see [`crate::Provider::snapshot`].
pub(crate) async fn snapshot(
    lists: &impl Lists,
    now: Timestamp,
    page: Option<PageToken>,
) -> Result<SnapshotPage, ProviderError> {
    let terms = lists.terms();
    let token = match page {
        Some(token) => Token::read(&token)?,
        None => Token { began: now, list: 0, page: None },
    };
    let past = terms.kept.map_or(terms.past, |kept| kept.min(terms.past));
    let span = Span { from: before(token.began, past), until: after(now) };
    // Taken before the rows were read, and the first changes look back over the overlap: what appears or changes
    // while the pages are turned is in them.
    let cursor = Place::new(lists.count(), token.began).write();
    let listed = lists.list(token.list, span, token.page.as_deref()).await?;
    let past_it = lies_before(&listed.rows, span.from);
    let mut objects: Vec<_> =
        listed.rows.into_iter().filter(|r| r.at() >= span.from).map(|r| r.object).collect();
    objects.sort_by_key(|object| std::cmp::Reverse(object.at()));
    let next = match listed.next {
        Some(next) if !past_it && Some(&next) != token.page.as_ref() => {
            Some(Token { page: Some(next), ..token })
        }
        _ if token.list.saturating_add(1) < lists.count() => {
            Some(Token { list: token.list.saturating_add(1), page: None, ..token })
        }
        _ => None,
    };
    Ok(SnapshotPage { objects, cursor, next_page: next.map(|token| token.write()), total: None })
}

/// What changed; see [`crate::Provider::changes`].
pub(crate) async fn changes(
    lists: &impl Lists,
    now: Timestamp,
    since: &Cursor,
    limit: u32,
) -> Result<ChangesPage, ProviderError> {
    let terms = lists.terms();
    let mut place = Place::read(since, lists.count())?;
    let mut found: Vec<(usize, Row)> = Vec::new();
    let mut gap = None;
    let mut is_cut = false;
    for list in 0..lists.count() {
        let Some(followed) = place.lists.get(list) else { continue };
        let from = before(followed.latest, terms.overlap);
        // What is older than this is gone, unless it was seen in time.
        if let Some(kept) = terms.kept.map(|kept| before(now, kept))
            && followed.checked < kept
        {
            let from = gap.map_or(followed.checked, |(from, _): (Timestamp, _)| from.min(followed.checked));
            gap = Some((from, kept));
        }
        let (mut listed, unread) = read(lists, list, Span { from, until: after(now) }).await?;
        // What is read again has been handed on, but for what came late.
        if let Some(unread) = unread.filter(|unread| *unread > followed.latest) {
            gap = Some(gap.map_or((followed.latest, unread), |(first, last): (Timestamp, Timestamp)| {
                (first.min(followed.latest), last.max(unread))
            }));
            is_cut = true;
        }
        let open: Vec<String> =
            followed.open.iter().map(|o| o.id.clone()).filter(|id| !listed.contains_key(id)).collect();
        let crowded = open.len() > MOST_LOOKUPS;
        for id in open.into_iter().take(MOST_LOOKUPS) {
            match lists.look_up(list, &RemoteId(id.clone())).await? {
                Some(row) => {
                    if crowded {
                        place.put_last(list, &id);
                    }
                    listed.insert(id, row);
                }
                None => place.forget(list, &id),
            }
        }
        found.extend(listed.into_values().filter(|row| place.is_news(list, row)).map(|row| (list, row)));
    }
    found.sort_by_key(|(_, row)| row.at());
    // What was read before a gap is handed on with it: another reading would end elsewhere.
    let limit = if is_cut { usize::MAX } else { usize::try_from(limit).unwrap_or(usize::MAX).max(1) };
    let has_more = found.len() > limit;
    found.truncate(limit);
    let mut changes = Vec::with_capacity(found.len());
    changes.extend(gap.map(|(from, until)| {
        let id = RemoteId(format!("gap-{}", from.as_second()));
        Change::Upsert(ActivityObject::Gap(Gap { id, from, until }))
    }));
    for (list, row) in found {
        place.hand_on(list, &row);
        changes.push(Change::Upsert(row.object));
    }
    if !has_more {
        place.all_read(now, terms.overlap, PATIENCE);
    }
    Ok(ChangesPage { changes, next: place.write(), has_more })
}

/// The newest message of a list that can be the one whose sending was not confirmed; see
/// [`crate::Provider::find_sent`].
pub(crate) async fn find_sent(
    lists: &impl Lists,
    list: usize,
    span: Span,
    sought: &SoughtMessage,
) -> Result<Option<Message>, ProviderError> {
    // The provider's clock need not be ours.
    let span = Span { from: before(span.from, SKEW), until: after(span.until) };
    let (rows, _) = read(lists, list, span).await?;
    let matching = rows.into_values().filter_map(|row| match row.object {
        ActivityObject::Message(m) => Some(m).filter(|m| {
            m.direction == Direction::Outgoing
                && (&m.number, &m.peer, m.text.trim_end())
                    == (&sought.message.from, &sought.message.to, sought.message.text.trim_end())
        }),
        _ => None,
    });
    Ok(matching.max_by_key(|m| m.at))
}

/// Every row of a list in a span, whatever pages it comes in. And the date above which it was read, where it has more
/// pages than are read.
async fn read(
    lists: &impl Lists,
    list: usize,
    span: Span,
) -> Result<(BTreeMap<String, Row>, Option<Timestamp>), ProviderError> {
    let mut rows = BTreeMap::new();
    let mut seen: HashSet<String> = HashSet::new();
    let mut page: Option<String> = None;
    let mut repeated: usize = 0;
    for _ in 0..MOST_PAGES {
        let listed = lists.list(list, span, page.as_deref()).await?;
        let past_it = lies_before(&listed.rows, span.from);
        let known = rows.len();
        let is_empty = listed.rows.is_empty();
        for row in listed.rows {
            // Pages move while they are turned: the newer state of a row that comes twice counts.
            let newer = rows.get(&row.id().0).is_none_or(|known: &Row| known.version() < row.version());
            if newer && row.at() >= span.from {
                rows.insert(row.id().0.clone(), row);
            }
        }
        repeated = if is_empty || rows.len() > known { 0 } else { repeated.saturating_add(1) };
        match listed.next {
            Some(next) if !past_it && repeated < MOST_REPEATED && seen.insert(next.clone()) => {
                page = Some(next);
            }
            _ => return Ok((rows, None)),
        }
    }
    let oldest = rows.values().map(Row::at).min();
    Ok((rows, oldest))
}

/// Newest first: behind a page that lies wholly before a time comes nothing that matters.
fn lies_before(rows: &[Row], from: Timestamp) -> bool {
    !rows.is_empty() && rows.iter().all(|row| row.at() < from)
}

fn before(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// A provider's clock may be ahead of ours.
fn after(now: Timestamp) -> Timestamp {
    now.checked_add(AHEAD).unwrap_or(now)
}

#[cfg(test)]
mod follower;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod world;
