//! A list that behaves as lists do (rows appear late, change, move while pages are turned, answers get lost) and a
//! client that is killed between page and commit.

use std::sync::Mutex;

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{follower::Kept, *};

const OVERLAP: SignedDuration = SignedDuration::from_mins(60);
const PAGE: usize = 15;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_772_442_000 + second).unwrap()
}

fn message(id: &str, second: i64, version: u64) -> Row {
    let settled = version >= 3;
    let state = if settled { MessageState::Delivered } else { MessageState::Accepted };
    let object = ActivityObject::Message(Message {
        id: RemoteId(id.into()),
        version,
        direction: Direction::Outgoing,
        number: "+1".into(),
        peer: "+2".into(),
        text: "hi".into(),
        state,
        at: at(second),
        price: None,
        idempotency_key: None,
    });
    Row { object, settled }
}

/// A provider's two lists.
struct Shop {
    lists: [Vec<Row>; 2],
    /// Every so many answers one is lost.
    lost: u32,
    random: Mutex<StdRng>,
    terms: Terms,
    /// Its next page is always the same.
    endless: bool,
    /// Its next page has always another name, and the same rows.
    restless: bool,
    asked: Mutex<usize>,
}

impl Shop {
    fn new(seed: u64) -> Self {
        let terms = Terms { overlap: OVERLAP, kept: None, past: SignedDuration::from_hours(24) };
        Self {
            lists: [Vec::new(), Vec::new()],
            lost: 0,
            random: Mutex::new(StdRng::seed_from_u64(seed)),
            terms,
            endless: false,
            restless: false,
            asked: Mutex::new(0),
        }
    }

    fn lose(&self) -> Result<(), ProviderError> {
        *self.asked.lock().unwrap() += 1;
        let lost = self.lost > 0 && self.random.lock().unwrap().random_range(0..self.lost) == 0;
        if lost { Err(ProviderError::Timeout) } else { Ok(()) }
    }
}

#[async_trait]
impl Lists for Shop {
    fn count(&self) -> usize {
        2
    }

    fn terms(&self) -> Terms {
        self.terms
    }

    async fn list(&self, list: usize, span: Span, page: Option<&str>) -> Result<Listed, ProviderError> {
        self.lose()?;
        let mut rows: Vec<Row> = self.lists[list]
            .iter()
            .filter(|r| r.at() >= span.from && r.at() <= span.until)
            .cloned()
            .collect();
        rows.sort_by_key(|r| std::cmp::Reverse(r.at()));
        if self.restless && list == 0 {
            let next = page.map_or(1, |page| page.parse::<u64>().unwrap() + 1);
            return Ok(Listed { rows, next: Some(next.to_string()) });
        }
        let skip: usize = if self.endless { 0 } else { page.map_or(0, |p| p.parse().unwrap()) };
        let next = (self.endless || rows.len() > skip + PAGE).then(|| (skip + PAGE).to_string());
        Ok(Listed { rows: rows.into_iter().skip(skip).take(PAGE).collect(), next })
    }

    async fn look_up(&self, list: usize, id: &RemoteId) -> Result<Option<Row>, ProviderError> {
        self.lose()?;
        Ok(self.lists[list].iter().find(|r| r.id() == id).cloned())
    }
}

/// Reads changes until there are none; each answer may be lost on its way, each commit may not happen.
async fn follow(shop: &Shop, kept: &mut Kept, now: Timestamp, killed: u32) {
    let is_killed = || killed > 0 && shop.random.lock().unwrap().random_range(0..killed) == 0;
    while kept.advance(shop, now, 7, is_killed).await {}
}

#[tokio::test]
async fn nothing_is_lost_and_nothing_comes_twice() {
    for seed in 0..40 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut shop = Shop::new(seed ^ 0x5eed);
        for n in 0..random.random_range(0..20) {
            shop.lists[n % 2].push(message(&format!("old{n}"), -(n as i64) * 500, 3));
        }
        shop.lost = 60;
        let mut kept = Kept::begin(&shop, at(0)).await;
        // Dates of rows that have happened but are not listed yet.
        let mut late: Vec<(i64, usize, Row)> = Vec::new();
        for step in 1..30i64 {
            let now = step * 300;
            for _ in 0..random.random_range(0..9) {
                let (list, id) = (random.random_range(0..2), format!("s{step}-{}", random.random::<u32>()));
                let dated = now - random.random_range(0..300);
                let appears = dated + random.random_range(0..OVERLAP.as_secs() - 300);
                late.push((appears, list, message(&id, dated, random.random_range(1..4))));
            }
            for (_, list, row) in late.extract_if(.., |(appears, ..)| *appears <= now) {
                shop.lists[list].push(row);
            }
            for row in shop.lists.iter_mut().flatten() {
                if !row.settled && random.random_range(0..20) == 0 {
                    *row = message(
                        &row.id().0.clone(),
                        row.at().as_second() - at(0).as_second(),
                        row.version() + 1,
                    );
                }
            }
            // Sometimes the client is off for a while.
            if random.random_range(0..4) > 0 {
                follow(&shop, &mut kept, at(now), 3).await;
            }
        }
        for (_, list, row) in late.drain(..) {
            shop.lists[list].push(row);
        }
        // Rows that are asked for one by one take turns.
        for _ in 0..10 {
            follow(&shop, &mut kept, at(30 * 300), 3).await;
        }
        let there: BTreeMap<String, u64> =
            shop.lists.iter().flatten().map(|r| (r.id().0.clone(), r.version())).collect();
        assert_eq!(kept.rows.len(), there.len(), "seed {seed}: lost or invented");
        assert_eq!(kept.versions(), there, "seed {seed}: an old state was kept");
        // What the past brought comes once more with the first changes, and is recognised.
        assert!(kept.repeated <= 20, "seed {seed}: {} came again", kept.repeated);
    }
}

#[tokio::test]
async fn what_has_not_changed_is_not_told_again_and_leaves_the_cursor() {
    let mut shop = Shop::new(1);
    shop.lists[0] = (0..20).map(|n| message(&format!("m{n}"), -n * 60, 3)).collect();
    let mut kept = Kept::begin(&shop, at(0)).await;
    follow(&shop, &mut kept, at(10), 0).await;
    shop.lists[1].push(message("new", 20, 3));
    follow(&shop, &mut kept, at(30), 0).await;
    assert_eq!(kept.rows.len(), 21);
    let (before, repeated) = (kept.cursor.clone(), kept.repeated);
    let quiet = changes(&shop, at(60), kept.cursor.as_ref().unwrap(), 100).await.unwrap();
    assert_eq!((quiet.changes.len(), Some(quiet.next), kept.repeated), (0, before, repeated));
}

#[tokio::test]
async fn a_row_far_behind_is_followed_until_it_is_final() {
    let mut shop = Shop::new(1);
    let mut kept = Kept::begin(&shop, at(0)).await;
    shop.lists[0].push(message("slow", 10, 1));
    follow(&shop, &mut kept, at(20), 0).await;
    for n in 0..30 {
        shop.lists[0].push(message(&format!("later{n}"), 10_000 + n, 3));
    }
    follow(&shop, &mut kept, at(11_000), 0).await;
    shop.lists[0][0] = message("slow", 10, 3);
    follow(&shop, &mut kept, at(12_000), 0).await;
    assert_eq!(kept.rows["slow"].version(), 3);
}

#[tokio::test]
async fn a_list_that_never_ends_is_read_once() {
    let mut shop = Shop::new(1);
    shop.lists[0] = (0..3).map(|n| message(&format!("m{n}"), -n * 60, 3)).collect();
    shop.endless = true;
    let mut kept = Kept::begin(&shop, at(0)).await;
    follow(&shop, &mut kept, at(10), 0).await;
    assert_eq!(kept.rows.len(), 3);
    assert!(*shop.asked.lock().unwrap() < 20, "{}", shop.asked.lock().unwrap());
}

#[tokio::test]
async fn what_the_provider_threw_away_is_a_gap() {
    let mut shop = Shop::new(1);
    shop.terms.kept = Some(SignedDuration::from_hours(10 * 24));
    let mut kept = Kept::begin(&shop, at(0)).await;
    follow(&shop, &mut kept, at(5 * 86_400), 0).await;
    assert_eq!(kept.gaps, []);
    let back = 40 * 86_400;
    shop.lists[0].push(message("recent", back - 100, 3));
    follow(&shop, &mut kept, at(back), 0).await;
    assert_eq!(kept.gaps, [(at(5 * 86_400), at(30 * 86_400))]);
    assert_eq!(kept.rows.len(), 1);
    follow(&shop, &mut kept, at(back + 100), 0).await;
    assert_eq!(kept.gaps.len(), 1, "told once");
}

#[tokio::test]
async fn what_lies_behind_the_last_page_that_is_read_is_a_gap_once() {
    let mut shop = Shop::new(1);
    let mut kept = Kept::begin(&shop, at(0)).await;
    follow(&shop, &mut kept, at(10), 0).await;
    // More than is read, a second apart, while nobody asked.
    let rows = i64::try_from(MOST_PAGES * PAGE).unwrap() + 500;
    shop.lists[0] = (0..rows).map(|n| message(&format!("m{n}"), 86_400 + n, 3)).collect();
    let now = 86_400 + rows;
    follow(&shop, &mut kept, at(now), 0).await;
    assert_eq!(kept.rows.len(), MOST_PAGES * PAGE, "the newest are there");
    assert_eq!(kept.gaps, [(at(0), at(86_400 + 500))], "and it is told what is not");
    shop.lists[0].push(message("next", now + 5, 3));
    follow(&shop, &mut kept, at(now + 10), 0).await;
    assert_eq!((kept.gaps.len(), kept.rows.len()), (1, MOST_PAGES * PAGE + 1), "told once");
}

#[tokio::test]
async fn pages_that_repeat_known_rows_under_new_names_are_no_gap() {
    let mut shop = Shop::new(1);
    shop.lists[0] = (0..3).map(|n| message(&format!("m{n}"), -n * 60, 3)).collect();
    shop.restless = true;
    let mut kept = Kept::begin_at(at(0));
    follow(&shop, &mut kept, at(10), 0).await;
    assert_eq!((kept.rows.len(), kept.gaps.len()), (3, 0));
    assert!(*shop.asked.lock().unwrap() < 30, "{}", shop.asked.lock().unwrap());
}

#[tokio::test]
async fn a_cursor_of_another_form_has_expired() {
    let shop = Shop::new(1);
    for cursor in ["", "17", "{\"lists\":[]}"] {
        let read = changes(&shop, at(0), &Cursor(cursor.into()), 10).await;
        assert_eq!(read.err(), Some(ProviderError::ResyncRequired), "{cursor}");
    }
}
