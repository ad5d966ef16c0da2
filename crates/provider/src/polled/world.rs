//! A seeded world that an adapter follows over HTTP, and the follower whom crashes hit at random: the same world for
//! every provider, which each dresses in its own answers.
//!
//! It has bursts in one second, rows that are listed up to a day after their date, rows that change, answers that get
//! lost, kills between fetching and committing, and an absence of twelve days. Its time moves while pages are turned.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{follower::Kept, *};
use crate::http::canned::{Asked, Canned};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// The pause before this step is an absence.
const ABSENCE: u32 = 20;
const LAST: u32 = 30;
/// When worlds begin: days before the clocks of North America go forward and back, and one of no note.
const BEGINNINGS: [&str; 3] = ["2026-03-05T12:00:00Z", "2026-10-29T12:00:00Z", "2026-06-15T00:00:00Z"];

/// A message or a call.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// Names it.
    pub(crate) number: u32,
    /// The list it belongs to.
    pub(crate) list: usize,
    /// Its date, in seconds of Unix.
    pub(crate) at: i64,
    /// When the provider lists it.
    listed: i64,
    /// When it has come as far as it will; for what changes.
    done: i64,
}

impl Event {
    /// Its date.
    pub(crate) fn time(&self) -> Timestamp {
        Timestamp::from_second(self.at).unwrap()
    }
}

/// What happened, and the provider's clock.
pub(crate) struct World {
    /// In seconds of Unix.
    pub(crate) now: i64,
    events: Vec<Event>,
    random: StdRng,
    /// Of so many answers one is lost; 0 for none.
    lost: u32,
}

impl World {
    /// A list as it is now, newest first, and among rows of one second the last first.
    pub(crate) fn listed(&self, list: usize) -> Vec<&Event> {
        self.of(list, |event| event.listed <= self.now)
    }

    /// What has begun but is not listed yet.
    pub(crate) fn under_way(&self, list: usize) -> Vec<&Event> {
        self.of(list, |event| event.at <= self.now && event.listed > self.now)
    }

    /// Whether a row has come as far as it will.
    pub(crate) fn is_done(&self, event: &Event) -> bool {
        event.done <= self.now
    }

    fn of(&self, list: usize, wanted: impl Fn(&Event) -> bool) -> Vec<&Event> {
        let mut events: Vec<&Event> = self.events.iter().filter(|e| e.list == list && wanted(e)).collect();
        events.sort_by_key(|event| std::cmp::Reverse((event.at, event.number)));
        events
    }

    /// What happens from a time to a later one, in some of so many lists.
    fn live(&mut self, from: i64, until: i64, lists: usize) {
        let hours = (until - from) / HOUR;
        for _ in 0..=self.random.random_range(0..=hours.clamp(1, 60)) {
            let at = self.random.random_range(from..until);
            let list = self.random.random_range(0..lists);
            // Now and then many in one second.
            let burst =
                if self.random.random_range(0..12) == 0 { self.random.random_range(2..40) } else { 1 };
            for _ in 0..burst {
                let late = match self.random.random_range(0..4) {
                    0 => 0,
                    1 | 2 => self.random.random_range(0..2 * HOUR),
                    _ => self.random.random_range(0..DAY - 10 * 60),
                };
                let done = at + (late + self.random.random_range(0..3 * HOUR)).min(DAY);
                let number = u32::try_from(self.events.len()).unwrap() + 1;
                self.events.push(Event { number, list, at, listed: at + late, done });
            }
        }
    }

    fn chance(&mut self, one_of: u32) -> bool {
        one_of > 0 && self.random.random_range(0..one_of) == 0
    }
}

/// How a provider shows the world.
pub(crate) struct Dress<L> {
    /// An adapter at an address.
    pub(crate) connect: fn(&str) -> L,
    /// The answer to a request: a status and a body.
    pub(crate) answer: fn(&World, &Asked) -> (u16, String),
    /// The adapter's id of a row.
    pub(crate) id: fn(&Event) -> String,
}

/// How a story went.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Rows of the world that the client does not have.
    pub(crate) lost: usize,
    /// Rows of the client that are not of the world.
    pub(crate) doubled: usize,
    /// Rows that the client has in an old state.
    pub(crate) stale: usize,
    /// Rows that were told again although nothing had changed, but for those that the past had brought.
    pub(crate) repeated: usize,
    /// Times that the provider had thrown away.
    pub(crate) gaps: usize,
    /// How much there was.
    pub(crate) rows: usize,
    /// What the client has.
    pub(crate) kept: BTreeMap<String, ActivityObject>,
}

/// An adapter that trusts its cursor.
struct Hasty<L>(L);

#[async_trait]
impl<L: Lists + Send> Lists for Hasty<L> {
    fn count(&self) -> usize {
        self.0.count()
    }

    fn terms(&self) -> Terms {
        Terms { overlap: SignedDuration::ZERO, ..self.0.terms() }
    }

    async fn list(&self, list: usize, span: Span, page: Option<&str>) -> Result<Listed, ProviderError> {
        self.0.list(list, span, page).await
    }

    async fn look_up(&self, list: usize, id: &RemoteId) -> Result<Option<Row>, ProviderError> {
        self.0.look_up(list, id).await
    }
}

impl<L: Lists + Send> Dress<L> {
    /// Plays a world and tells how it went.
    pub(crate) async fn play(&self, seed: u64) -> Outcome {
        self.tell(seed, self.connect).await
    }

    /// The same with a client that reads nothing again.
    pub(crate) async fn play_without_overlap(&self, seed: u64) -> Outcome {
        self.tell(seed, |url| Hasty((self.connect)(url))).await
    }

    async fn tell<F: Lists>(&self, seed: u64, connect: impl Fn(&str) -> F) -> Outcome {
        let beginning = BEGINNINGS[usize::try_from(seed).unwrap() % BEGINNINGS.len()];
        let start = beginning.parse::<Timestamp>().unwrap().as_second();
        let random = StdRng::seed_from_u64(seed);
        let world = World { now: start, events: Vec::new(), random, lost: 0 };
        let world = Arc::new(Mutex::new(world));
        let (server, answer) = (world.clone(), self.answer);
        let server = Canned::serve(move |asked| {
            let mut world = server.lock().unwrap();
            world.now += 1;
            let lost = world.lost;
            if world.chance(lost) {
                return (500, vec![], String::new());
            }
            let (status, body) = answer(&world, asked);
            (status, vec![("content-type", "application/json".to_owned())], body)
        })
        .await;
        let mut client = connect(&server.url);
        let lists = client.count();
        world.lock().unwrap().live(start - 3 * DAY, start, lists);
        world.lock().unwrap().lost = 25;
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let mut kept = Kept::begin(&client, at(start)).await;
        let mut now = start;
        let mut first = None;
        for step in 0..=LAST {
            let pause = match step {
                ABSENCE => 12 * DAY,
                // Longer than anything is late: what is to come has come.
                LAST => 2 * DAY,
                _ => world.lock().unwrap().random.random_range(60..8 * HOUR),
            };
            if step < LAST {
                world.lock().unwrap().live(now, now + pause, lists);
            }
            now = now.max(world.lock().unwrap().now) + pause;
            world.lock().unwrap().now = now;
            let mut patience = 5000;
            loop {
                let killed = world.lock().unwrap().chance(4);
                let more = kept.advance(&client, at(now), 20, || killed).await;
                if killed {
                    // Whoever was killed begins anew with what was committed.
                    client = connect(&server.url);
                }
                patience -= 1;
                assert!(patience > 0, "seed {seed}: it never ends");
                if !more {
                    break;
                }
            }
            first.get_or_insert(kept.repeated);
        }
        world.lock().unwrap().lost = 0;
        // Rows that are asked for one by one take turns.
        for _ in 0..10 {
            while kept.advance(&client, at(now), 20, || false).await {}
        }
        self.compare(&world.lock().unwrap(), kept, first.unwrap_or_default())
    }

    fn compare(&self, world: &World, kept: Kept, first: usize) -> Outcome {
        let there: BTreeSet<String> = world.events.iter().map(self.id).collect();
        assert_eq!(there.len(), world.events.len(), "every row has its own id");
        let has: BTreeSet<String> = kept.rows.keys().cloned().collect();
        let is_old = |event: &&Event| match kept.rows.get(&(self.id)(event)) {
            Some(ActivityObject::Message(m)) => m.state != MessageState::Delivered,
            _ => false,
        };
        Outcome {
            lost: there.difference(&has).count(),
            doubled: has.difference(&there).count(),
            stale: world.events.iter().filter(is_old).count(),
            repeated: kept.repeated.saturating_sub(first),
            // Told with each page until all is read; it is one row.
            gaps: kept.gaps.iter().map(|(from, _)| *from).collect::<BTreeSet<_>>().len(),
            rows: there.len(),
            kept: kept.rows,
        }
    }
}

/// Fails unless a provider's clients lose and double nothing in several worlds, and would without the overlap.
/// Returns what they had in the end.
pub(crate) async fn survive<L: Lists + Send>(dress: &Dress<L>, gaps: usize) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for seed in 0..3 {
        let outcome = dress.play(seed).await;
        let figures = (outcome.lost, outcome.doubled, outcome.stale, outcome.repeated, outcome.gaps);
        assert_eq!(figures, (0, 0, 0, 0, gaps), "seed {seed}: lost, doubled, stale, told again, gaps");
        assert!(outcome.rows > 100, "seed {seed}: {} rows are no test", outcome.rows);
        outcomes.push(outcome);
    }
    let lost = dress.play_without_overlap(0).await.lost;
    assert!(lost > 10, "without the overlap only {lost} rows are lost: these worlds show nothing");
    outcomes
}

/// A number of the client's own and one of somebody else's.
pub(crate) const PARTIES: [&str; 2] = ["15551234567", "15557654321"];
