//! Where a reader of lists stands, and where in a list's pages: as the texts that the client keeps for us.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Row;
use crate::{
    ProviderError,
    http::refused,
    types::{Cursor, PageToken},
};

/// Rows remembered for one list at most; of more, the oldest come again, which does no harm.
const MOST_REMEMBERED: usize = 5000;

/// The place in every list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) lists: Vec<Followed>,
}

/// The place in one list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Followed {
    /// The date of the latest row that was handed on, by the provider's clock.
    pub(super) latest: Timestamp,
    /// When the list was last read to its end.
    pub(super) checked: Timestamp,
    /// The rows within the overlap that were handed on: date and version.
    seen: BTreeMap<String, (Timestamp, u64)>,
    /// The rows that may still change.
    pub(super) open: Vec<Open>,
}

/// A row that may still change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Open {
    pub(super) id: String,
    at: Timestamp,
    version: u64,
}

impl Place {
    pub(super) fn new(lists: usize, at: Timestamp) -> Self {
        let list = Followed { latest: at, checked: at, seen: BTreeMap::new(), open: Vec::new() };
        Self { lists: vec![list; lists] }
    }

    /// A cursor of an earlier version's form, or of another number of lists, has expired.
    pub(super) fn read(cursor: &Cursor, lists: usize) -> Result<Self, ProviderError> {
        let place: Self = serde_json::from_str(&cursor.0).map_err(|_| ProviderError::ResyncRequired)?;
        if place.lists.len() == lists { Ok(place) } else { Err(ProviderError::ResyncRequired) }
    }

    pub(super) fn write(&self) -> Cursor {
        Cursor(serde_json::to_string(self).unwrap_or_default())
    }

    /// Whether a row was not handed on as it is now.
    pub(super) fn is_news(&self, list: usize, row: &Row) -> bool {
        let Some(followed) = self.lists.get(list) else { return false };
        let id = &row.id().0;
        let seen = followed.seen.get(id).map(|(_, version)| *version);
        let open = followed.open.iter().find(|o| o.id == *id).map(|o| o.version);
        seen.max(open).is_none_or(|version| version < row.version())
    }

    pub(super) fn hand_on(&mut self, list: usize, row: &Row) {
        let Some(followed) = self.lists.get_mut(list) else { return };
        let (id, at, version) = (row.id().0.clone(), row.at(), row.version());
        followed.latest = followed.latest.max(at);
        followed.open.retain(|o| o.id != id);
        if !row.settled {
            followed.open.push(Open { id: id.clone(), at, version });
        }
        followed.seen.insert(id, (at, version));
    }

    pub(super) fn forget(&mut self, list: usize, id: &str) {
        if let Some(followed) = self.lists.get_mut(list) {
            followed.open.retain(|o| o.id != id);
        }
    }

    /// The others have their turn first.
    pub(super) fn put_last(&mut self, list: usize, id: &str) {
        if let Some(followed) = self.lists.get_mut(list)
            && let Some(index) = followed.open.iter().position(|o| o.id == id)
        {
            let open = followed.open.remove(index);
            followed.open.push(open);
        }
    }

    /// Everything up to `now` was handed on: drops what will not be asked for again.
    pub(super) fn all_read(&mut self, now: Timestamp, overlap: SignedDuration, patience: SignedDuration) {
        for followed in &mut self.lists {
            // Moved on in steps, so that a reading that brought nothing leaves the cursor as it was.
            if now.duration_since(followed.checked) > SignedDuration::from_hours(1) {
                followed.checked = now;
            }
            let oldest = super::before(followed.latest, overlap);
            followed.seen.retain(|_, (at, _)| *at >= oldest);
            while followed.seen.len() > MOST_REMEMBERED {
                let first = followed.seen.iter().min_by_key(|(_, (at, _))| *at).map(|(id, _)| id.clone());
                let Some(first) = first else { break };
                followed.seen.remove(&first);
            }
            followed.open.retain(|o| now.duration_since(o.at) < patience);
        }
    }
}

/// The place in a snapshot's pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Token {
    /// When the first page was asked for.
    pub(super) began: Timestamp,
    pub(super) list: usize,
    pub(super) page: Option<String>,
}

impl Token {
    pub(super) fn read(token: &PageToken) -> Result<Self, ProviderError> {
        serde_json::from_str(&token.0).map_err(|_| refused("bad_page", ""))
    }

    pub(super) fn write(&self) -> PageToken {
        PageToken(serde_json::to_string(self).unwrap_or_default())
    }
}
