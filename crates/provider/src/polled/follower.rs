//! A client that follows a provider in tests: what it has committed, and what it is when it is killed between a page
//! and its commit.

use super::*;

/// What a client has committed: rows and cursor together.
#[derive(Default, Clone)]
pub(crate) struct Kept {
    pub(crate) rows: BTreeMap<String, ActivityObject>,
    pub(crate) cursor: Option<Cursor>,
    pub(crate) gaps: Vec<(Timestamp, Timestamp)>,
    /// Rows that came although they were there as they are.
    pub(crate) repeated: usize,
}

impl Kept {
    /// Reads the past; an answer that is lost is asked for again.
    pub(crate) async fn begin(lists: &impl Lists, now: Timestamp) -> Self {
        let mut kept = Self::default();
        let (mut page, mut cursor) = (None, None);
        loop {
            let Ok(read) = snapshot(lists, now, page.clone()).await else { continue };
            cursor.get_or_insert(read.cursor.clone());
            read.objects.into_iter().for_each(|object| kept.put(object));
            match read.next_page {
                Some(next) => page = Some(next),
                None => break,
            }
        }
        kept.cursor = cursor;
        kept
    }

    /// Begins without a past.
    pub(crate) fn begin_at(now: Timestamp) -> Self {
        Self { cursor: Some(Place::new(2, now).write()), ..Self::default() }
    }

    /// Reads one page of changes and commits it, unless it is lost on its way or the client is `killed` before it
    /// commits. Whether there is more to read.
    pub(crate) async fn advance(
        &mut self,
        lists: &impl Lists,
        now: Timestamp,
        limit: u32,
        killed: impl FnOnce() -> bool,
    ) -> bool {
        let Ok(read) = changes(lists, now, self.cursor.as_ref().unwrap(), limit).await else { return true };
        if killed() {
            return true;
        }
        read.changes.into_iter().for_each(|change| match change {
            Change::Upsert(object) => self.put(object),
            Change::Delete { .. } => unreachable!(),
        });
        self.cursor = Some(read.next);
        read.has_more
    }

    /// Each row's version.
    pub(crate) fn versions(&self) -> BTreeMap<String, u64> {
        self.rows.iter().map(|(id, object)| (id.clone(), object.version())).collect()
    }

    fn put(&mut self, object: ActivityObject) {
        if let ActivityObject::Gap(gap) = object {
            return self.gaps.push((gap.from, gap.until));
        }
        let version = object.version();
        let known = self.rows.get(&object.id().0).map(ActivityObject::version);
        self.repeated += usize::from(known.is_some_and(|known| known >= version));
        // An older version never overwrites a newer one.
        if known.is_none_or(|known| known <= version) {
            self.rows.insert(object.id().0.clone(), object);
        }
    }
}
