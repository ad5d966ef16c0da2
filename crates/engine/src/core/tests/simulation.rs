//! A provider with faults, a real database, and an engine that dies at any moment, on virtual time and from a seed:
//! nothing may be lost, nothing may come twice, nothing may be sent twice.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use rusqlite::Connection;
use tern_provider::{
    ProviderError,
    types::{ActivityKind, ActivityObject, Change, IdempotencyKey, OutgoingMessage, PageToken},
};

use super::*;
use crate::{
    api::MessageState,
    store::{load, prepare, read, run},
};

/// What a run of the simulation is like.
#[derive(Clone, Copy)]
struct Weather {
    /// Share of questions that go wrong.
    faults: f64,
    /// Share of steps at which the engine dies.
    crashes: f64,
    /// Whether a key protects from sending twice.
    keys: bool,
    /// Whether old places in the feed expire, and names of older pages.
    expiry: bool,
    /// Rows there are before the account is added, at most.
    past: u32,
}

/// The provider: rows with versions, and the sequence of their changes.
struct Provider {
    seq: u64,
    /// Changes by sequence number; a newer one of the same row takes the older's place.
    changes: BTreeMap<u64, Change>,
    rows: BTreeMap<String, (u64, Message)>,
    accepted: BTreeMap<IdempotencyKey, Vec<String>>,
    oldest: u64,
    keys: bool,
    /// Names of older pages are known as long as this is the same.
    pages: u32,
}

impl Provider {
    fn put(&mut self, message: Message) {
        self.seq += 1;
        let id = message.id.0.clone();
        if let Some((old, _)) = self.rows.get(&id) {
            self.changes.remove(old);
        }
        self.changes.insert(self.seq, Change::Upsert(ActivityObject::Message(message.clone())));
        self.rows.insert(id, (self.seq, message));
    }

    fn delete(&mut self, id: &str) {
        if let Some((old, message)) = self.rows.remove(id) {
            self.changes.remove(&old);
            self.seq += 1;
            let version = message.version + 1;
            self.changes
                .insert(self.seq, Change::Delete { kind: ActivityKind::Message, id: message.id, version });
        }
    }

    fn send(&mut self, key: &IdempotencyKey, message: &OutgoingMessage) -> Message {
        if self.keys
            && let Some(id) = self.accepted.get(key).and_then(|ids| ids.first())
        {
            return self.rows[id].1.clone();
        }
        let id = format!("out{}", self.seq);
        self.accepted.entry(key.clone()).or_default().push(id.clone());
        let sent = Message {
            direction: Direction::Outgoing,
            text: message.text.clone(),
            state: RemoteState::Accepted,
            idempotency_key: Some(key.clone()),
            ..super::message(&id)
        };
        self.put(sent.clone());
        sent
    }

    fn read(&self, random: &mut ChaCha8Rng, since: &Cursor) -> Result<ChangesPage, ProviderError> {
        let since: u64 = since.0.parse().unwrap();
        if since < self.oldest {
            return Err(ProviderError::ResyncRequired);
        }
        let limit = random.random_range(1..6);
        let mut found: Vec<(u64, Change)> =
            self.changes.range(since + 1..).take(limit).map(|(seq, c)| (*seq, c.clone())).collect();
        let next = found.last().map_or(since, |(seq, _)| *seq);
        let has_more = self.changes.range(next + 1..).next().is_some();
        // Rows told before are told again, and not in order.
        if let Some(again) = self.changes.range(..=since).next_back()
            && random.random_bool(0.3)
        {
            found.push((*again.0, again.1.clone()));
        }
        found.shuffle(random);
        let changes = found.into_iter().map(|(_, c)| c).collect();
        Ok(ChangesPage { changes, next: Cursor(next.to_string()), has_more })
    }

    fn snapshot(&self, page: Option<&PageToken>) -> Result<SnapshotPage, ProviderError> {
        // Newest first; the token is the sequence number to continue below, and which tokens it is one of.
        let below = match page {
            None => u64::MAX,
            Some(page) => match page.0.split_once('.').unwrap() {
                (pages, below) if pages == self.pages.to_string() => below.parse().unwrap(),
                _ => {
                    return Err(ProviderError::Refused { code: "bad_page".into(), detail: String::new() });
                }
            },
        };
        let mut rows: Vec<&(u64, Message)> = self.rows.values().filter(|(seq, _)| *seq < below).collect();
        rows.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
        let more = rows.len() > 4;
        rows.truncate(4);
        Ok(SnapshotPage {
            objects: rows.iter().map(|(_, m)| ActivityObject::Message(m.clone())).collect(),
            cursor: Cursor(self.seq.to_string()),
            next_page: rows
                .last()
                .filter(|_| more)
                .map(|(seq, _)| PageToken(format!("{}.{seq}", self.pages))),
            total: None,
        })
    }

    fn answer(&mut self, random: &mut ChaCha8Rng, request: ProviderRequest) -> Option<ProviderReport> {
        Some(match request {
            ProviderRequest::Account => ProviderReport::Account(Ok(info("10.00"))),
            ProviderRequest::Numbers => ProviderReport::Numbers(Ok(vec![number()])),
            ProviderRequest::Snapshot => ProviderReport::Snapshot(self.snapshot(None)),
            ProviderRequest::History(page) => {
                let answer = self.snapshot(page.as_ref());
                ProviderReport::History(page, answer)
            }
            ProviderRequest::Changes(since) => ProviderReport::Changes(self.read(random, &since)),
            ProviderRequest::Send(row, key, message) => {
                ProviderReport::Sent(row, Ok(self.send(&key, &message)))
            }
            ProviderRequest::FindSent(row, sought) => {
                let found = self
                    .accepted
                    .get(&sought.key)
                    .and_then(|ids| ids.first())
                    .map(|id| self.rows[id].1.clone());
                ProviderReport::FoundSent(row, Ok(found))
            }
            ProviderRequest::Hints(_) => return None,
            ProviderRequest::Delete(_)
            | ProviderRequest::CreateTopUp(..)
            | ProviderRequest::TopUp(..)
            | ProviderRequest::Rate(..)
            | ProviderRequest::Act(..) => {
                return None;
            }
        })
    }
}

/// The same question, gone wrong.
fn failed(request: &ProviderRequest, error: ProviderError) -> Option<ProviderReport> {
    Some(match request {
        ProviderRequest::Account => ProviderReport::Account(Err(error)),
        ProviderRequest::Numbers => ProviderReport::Numbers(Err(error)),
        ProviderRequest::Snapshot => ProviderReport::Snapshot(Err(error)),
        ProviderRequest::History(page) => ProviderReport::History(page.clone(), Err(error)),
        ProviderRequest::Changes(_) => ProviderReport::Changes(Err(error)),
        ProviderRequest::Send(row, ..) => ProviderReport::Sent(*row, Err(error)),
        ProviderRequest::FindSent(row, _) => ProviderReport::FoundSent(*row, Err(error)),
        _ => return None,
    })
}

/// What happens later.
enum Later {
    /// A question reaches the provider.
    Ask { life: u32, link: u32, request: ProviderRequest },
    /// Something reaches the engine of that life.
    Give { life: u32, input: Box<Input> },
    /// A question that was given up on reaches the provider.
    Late { request: ProviderRequest },
    /// The world goes on.
    World,
}

struct World {
    random: ChaCha8Rng,
    weather: Weather,
    provider: Provider,
    database: Connection,
    bench: Bench,
    /// Counts the engine's lives; what was on its way to an earlier one is lost.
    life: u32,
    later: BTreeMap<(Instant, u64), Later>,
    order: u64,
    asked: u64,
    /// Requests to send that this life has not answered.
    open: BTreeSet<RequestId>,
    /// SMS the user was told are kept.
    promised: BTreeSet<String>,
    texts: BTreeMap<RequestId, String>,
    arrived: u64,
    deleted: BTreeSet<String>,
}

impl World {
    fn new(seed: u64, weather: Weather) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut database = Connection::open_in_memory().unwrap();
        prepare(&mut database).unwrap();
        let mut provider = Provider {
            seq: 0,
            changes: BTreeMap::new(),
            rows: BTreeMap::new(),
            accepted: BTreeMap::new(),
            oldest: 0,
            keys: weather.keys,
            pages: 0,
        };
        for n in 0..random.random_range(0..weather.past.max(1)) {
            provider.put(super::message(&format!("old{n}")));
        }
        let bench = Bench::new(false, Loaded::default());
        let mut world = Self {
            random,
            weather,
            provider,
            database,
            bench,
            life: 0,
            later: BTreeMap::new(),
            order: 0,
            asked: 0,
            open: BTreeSet::new(),
            promised: BTreeSet::new(),
            texts: BTreeMap::new(),
            arrived: 0,
            deleted: BTreeSet::new(),
        };
        world.start();
        world
    }

    /// The engine starts from what the last life has kept.
    fn start(&mut self) {
        self.life += 1;
        self.open.clear();
        let now = self.bench.now;
        let loaded = load(&mut self.database).unwrap();
        self.bench = Bench::new(false, loaded);
        // Another life has other random numbers: two intents never share a key.
        self.bench.state.random = rand_chacha::ChaCha20Rng::seed_from_u64(self.random.random());
        self.bench.now = now;
        let request = self.bench.request();
        self.give(Input::Attach(request, access()));
    }

    fn give(&mut self, input: Input) {
        self.bench.give(input);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        let effects = std::mem::take(&mut self.bench.effects);
        for effect in effects {
            if self.random.random_bool(self.weather.crashes) {
                return self.start();
            }
            match effect {
                Effect::Write(write) => {
                    if let Some(kept) = run(&mut self.database, write) {
                        self.soon(20, |life| Later::Give { life, input: Box::new(Input::Kept(kept)) });
                    }
                }
                Effect::OpenProvider { link, .. } => {
                    let capabilities = Capabilities { idempotent_send: self.weather.keys, ..EVERYTHING };
                    let report = ProviderReport::Opened(capabilities);
                    let input = Box::new(Input::Provider { account: ACCOUNT, link, report });
                    self.soon(5, |life| Later::Give { life, input });
                }
                Effect::Ask { link, request, .. } => {
                    self.soon(300, |life| Later::Ask { life, link, request })
                }
                Effect::Reply(request, reply) => {
                    let kept = matches!(reply, Ok(Reply::MessageQueued { .. }));
                    let text = self.texts.get(&request).filter(|_| self.open.remove(&request) && kept);
                    self.promised.extend(text.cloned());
                }
                _ => {}
            }
        }
    }

    fn soon(&mut self, within_ms: u64, make: impl FnOnce(u32) -> Later) {
        let at = self.bench.now.instant + Duration::from_millis(self.random.random_range(0..=within_ms));
        self.order += 1;
        self.later.insert((at, self.order), make(self.life));
    }

    /// Runs for that long.
    fn run_for(&mut self, time: Duration) {
        let until = self.bench.now.instant + time;
        loop {
            let event = self.later.keys().next().map(|(at, _)| *at);
            let timer = self.bench.state.next_wake();
            let next = event.into_iter().chain(timer).min().filter(|at| *at <= until);
            let Some(at) = next else { break };
            // A timer that is due again at once must not stop the clock.
            let at = at.max(self.bench.now.instant + Duration::from_micros(10));
            self.bench.move_to(at);
            match self.later.first_key_value() {
                Some(((due, _), _)) if *due <= at => {
                    if let Some((_, later)) = self.later.pop_first() {
                        self.happen(later);
                    }
                }
                _ => self.give(Input::Timer),
            }
        }
        if until > self.bench.now.instant {
            self.bench.move_to(until);
        }
    }

    fn happen(&mut self, later: Later) {
        match later {
            Later::Give { life, input } if life == self.life => self.give(*input),
            Later::Give { .. } => {}
            Later::Ask { life, link, request } => {
                let fault = self.random.random_bool(self.weather.faults);
                let error = match self.random.random_range(0..4) {
                    0 => ProviderError::Timeout,
                    1 => ProviderError::Unreachable,
                    2 => ProviderError::Server { status: 503 },
                    _ => ProviderError::RateLimited { retry_after: Some(Duration::from_secs(3)) },
                };
                // Given up on, and done all the same a while later: what a look-up in between does not find.
                if fault && error == ProviderError::Timeout && self.random.random_bool(0.5) {
                    let report = failed(&request, error);
                    self.soon(30_000, |_| Later::Late { request });
                    if let Some(report) = report {
                        let input = Box::new(Input::Provider { account: ACCOUNT, link, report });
                        self.soon(300, |_| Later::Give { life, input });
                    }
                    return;
                }
                // Refused before it was done, or done and the answer lost. A rate limit is always before.
                let before =
                    matches!(error, ProviderError::RateLimited { .. }) || self.random.random_bool(0.5);
                let report = match (fault, before) {
                    (true, true) => failed(&request, error),
                    (true, false) => {
                        let failure = failed(&request, error);
                        self.provider.answer(&mut self.random, request);
                        failure
                    }
                    (false, _) => self.provider.answer(&mut self.random, request),
                };
                if let Some(report) = report {
                    let input = Box::new(Input::Provider { account: ACCOUNT, link, report });
                    self.soon(300, |_| Later::Give { life, input });
                }
            }
            Later::Late { request } => {
                // Nobody hears the answer.
                self.provider.answer(&mut self.random, request);
            }
            Later::World => self.go_on(),
        }
    }

    /// Somebody writes, the operator reports, a row goes, the user answers, an old place expires.
    fn go_on(&mut self) {
        match self.random.random_range(0..10) {
            0..=3 => {
                self.arrived += 1;
                self.provider.put(super::message(&format!("in{}", self.arrived)));
            }
            4..=5 => {
                let ids: Vec<String> = self.provider.rows.keys().cloned().collect();
                if let Some(id) = ids.get(self.random.random_range(0..ids.len().max(1))) {
                    let mut message = self.provider.rows[id].1.clone();
                    message.version += 1;
                    if message.direction == Direction::Outgoing {
                        message.state = RemoteState::Delivered;
                    }
                    self.provider.put(message);
                }
            }
            6 => {
                let ids: Vec<String> =
                    self.provider.rows.keys().filter(|id| id.starts_with("old")).cloned().collect();
                if let Some(id) = ids.get(self.random.random_range(0..ids.len().max(1))).cloned() {
                    self.provider.delete(&id);
                    self.deleted.insert(format!("text of {id}"));
                }
            }
            7 if self.weather.expiry && self.random.random_bool(0.5) => self.provider.pages += 1,
            7 if self.weather.expiry => self.provider.oldest = self.provider.seq,
            _ => {
                self.asked += 1;
                let text = format!("sms {}", self.asked);
                let command = Command::SendMessage {
                    account: ACCOUNT,
                    from: OURS.into(),
                    to: PEER.into(),
                    text: text.clone(),
                };
                // Before the numbers are known nothing can be sent, and the user is told so.
                let request = RequestId(1_000_000 + self.asked);
                self.open.insert(request);
                self.texts.insert(request, text);
                self.give(Input::Command(request, command));
            }
        }
    }

    /// What the database shows: text to state, and every row counted.
    fn shown(&self) -> Vec<(String, MessageState)> {
        let mut before = None;
        let mut shown = Vec::new();
        loop {
            let page = read::activity(&self.database, before, 200).unwrap();
            for row in page.rows {
                if let RowWhat::Message { text, state, .. } = row.what {
                    shown.push((text, state));
                }
            }
            match page.next {
                Some(next) => before = Some(next),
                None => return shown,
            }
        }
    }
}

/// How many SMS were sent.
fn simulate(seed: u64, weather: Weather) -> usize {
    let mut world = World::new(seed, weather);
    for _ in 0..60 {
        world.soon(0, |_| Later::World);
        let pause = world.random.random_range(10..20_000);
        world.run_for(Duration::from_millis(pause));
    }
    world.weather = Weather { faults: 0.0, crashes: 0.0, ..weather };
    world.run_for(Duration::from_secs(3600));
    let shown = world.shown();
    let texts: Vec<&String> = shown.iter().map(|(text, _)| text).collect();
    let distinct: BTreeSet<&String> = texts.iter().copied().collect();
    assert_eq!(texts.len(), distinct.len(), "twice: {texts:?}, seed {seed}");
    for (_, message) in world.provider.rows.values() {
        assert!(distinct.contains(&message.text), "lost: {}, seed {seed}", message.text);
    }
    // Where a place in the feed expired, what was deleted before is told by nobody.
    if !weather.expiry {
        for text in &world.deleted {
            assert!(!distinct.contains(text), "brought back: {text}, seed {seed}");
        }
    }
    assert_eq!(
        load(&mut world.database).unwrap().accounts[0].history,
        None,
        "not read to its end, seed {seed}"
    );
    for (key, ids) in &world.provider.accepted {
        assert_eq!(ids.len(), 1, "sent twice: {key:?}, seed {seed}");
    }
    for text in &world.promised {
        let state = shown.iter().find(|(t, _)| t == text).map(|(_, state)| *state);
        let there = world.provider.rows.values().filter(|(_, m)| m.text == *text).count();
        match state {
            Some(MessageState::Sent | MessageState::Delivered) => assert_eq!(there, 1, "{text}, seed {seed}"),
            // Only where nothing protects from sending twice may it stay open.
            Some(MessageState::Unknown) if !weather.keys => assert_eq!(there, 0, "{text}, seed {seed}"),
            other => panic!("{text} is {other:?}, seed {seed}"),
        }
    }
    world.promised.len()
}

fn run_seeds(weather: Weather) {
    let sent: usize = (0..40).map(|seed| simulate(seed, weather)).sum();
    assert!(sent > 150, "only {sent} SMS were sent");
}

#[test]
fn in_fair_weather_everything_arrives_once() {
    run_seeds(Weather { faults: 0.0, crashes: 0.0, keys: true, expiry: false, past: 12 });
}

#[test]
fn with_faults_crashes_and_expired_places_everything_arrives_once() {
    run_seeds(Weather { faults: 0.3, crashes: 0.02, keys: true, expiry: true, past: 12 });
}

#[test]
fn without_keys_nothing_is_sent_twice() {
    run_seeds(Weather { faults: 0.3, crashes: 0.02, keys: false, expiry: true, past: 12 });
}

#[test]
fn a_long_past_is_read_through_deaths_changes_and_deletions() {
    for expiry in [false, true] {
        run_seeds(Weather { faults: 0.1, crashes: 0.01, keys: true, expiry, past: 400 });
    }
}
