//! The engine whole: its task, its store and its handle, with a provider in memory and fakes for everything else
//! outside. Nothing here waits for time to pass; only for what the engine says.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use futures_util::{StreamExt, stream::BoxStream};
use tern_provider::{
    Provider, ProviderError, Secret, SharedProvider,
    types::{
        AccountInfo, ActivityObject, Capabilities, Change, ChangesPage, Cursor, Direction, IdempotencyKey,
        Message, MessageState as Remote, Money, Number, OutgoingMessage, PageToken, SipCredentials,
        SnapshotPage, SoughtMessage, TopUp, TopUpId, TopUpState,
    },
};
use tokio::sync::watch;

use crate::{
    Engine, EngineConfig, EngineHandle, EventStream, SandboxAccess,
    api::{ActivityWhat, Answer, Command, EventKind, FeedState, MessageState, Notice, Query, Reply},
    core::tests::{self, EVERYTHING, OURS, PEER, info, number},
    link::Connect,
    ports::fake::FakePorts,
};

const PASSWORD: &str = "canary-password";
const TOKEN: &str = "canary-token";
const TEXT: &str = "canary-text";
const CODE: &str = "482913";

/// A provider that keeps everything in memory.
#[derive(Clone)]
struct MemoryProvider(Arc<Mutex<Vec<Message>>>, watch::Sender<usize>);

impl MemoryProvider {
    fn new() -> Self {
        Self(Arc::default(), watch::channel(0).0)
    }

    fn put(&self, message: Message) {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rows.push(message);
        self.1.send_replace(rows.len());
    }

    fn rows(&self) -> Vec<Message> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn receive(&self, text: &str) {
        self.put(message(&format!("m{}", self.rows().len()), Direction::Incoming, text, None));
    }
}

fn message(id: &str, direction: Direction, text: &str, key: Option<&IdempotencyKey>) -> Message {
    Message {
        direction,
        text: text.into(),
        state: if direction == Direction::Incoming { Remote::Received } else { Remote::Sent },
        idempotency_key: key.cloned(),
        ..tests::message(id)
    }
}

#[async_trait]
impl Provider for MemoryProvider {
    fn capabilities(&self) -> Capabilities {
        EVERYTHING
    }

    async fn account(&self) -> Result<AccountInfo, ProviderError> {
        Ok(info("10.34"))
    }

    async fn numbers(&self) -> Result<Vec<Number>, ProviderError> {
        Ok(vec![number()])
    }

    async fn sip_credentials(&self) -> Result<Option<SipCredentials>, ProviderError> {
        Ok(None)
    }

    async fn snapshot(&self, _: Option<PageToken>, _: u32) -> Result<SnapshotPage, ProviderError> {
        let rows = self.rows();
        Ok(SnapshotPage {
            cursor: Cursor(rows.len().to_string()),
            objects: rows.into_iter().rev().map(ActivityObject::Message).collect(),
            next_page: None,
            total: None,
        })
    }

    async fn changes(&self, since: &Cursor, _: u32) -> Result<ChangesPage, ProviderError> {
        let rows = self.rows();
        let since: usize = since.0.parse().map_err(|_| ProviderError::ResyncRequired)?;
        Ok(ChangesPage {
            next: Cursor(rows.len().to_string()),
            changes: rows
                .into_iter()
                .skip(since)
                .map(|m| Change::Upsert(ActivityObject::Message(m)))
                .collect(),
            has_more: false,
        })
    }

    async fn hints(
        &self,
        _: &Cursor,
    ) -> Result<BoxStream<'static, Result<(), ProviderError>>, ProviderError> {
        let changed = self.1.subscribe();
        let hints = futures_util::stream::unfold(changed, |mut changed| async move {
            changed.changed().await.ok()?;
            Some((Ok(()), changed))
        });
        Ok(hints.boxed())
    }

    async fn send_message(
        &self,
        key: &IdempotencyKey,
        m: &OutgoingMessage,
    ) -> Result<Message, ProviderError> {
        let sent = message(&format!("out{}", self.rows().len()), Direction::Outgoing, &m.text, Some(key));
        self.put(sent.clone());
        Ok(sent)
    }

    async fn find_sent(&self, sought: &SoughtMessage) -> Result<Option<Message>, ProviderError> {
        Ok(self.rows().into_iter().find(|m| m.idempotency_key.as_ref() == Some(&sought.key)))
    }

    async fn create_topup(&self, key: &IdempotencyKey, amount: Money) -> Result<TopUp, ProviderError> {
        let checkout_url = "http://127.0.0.1:1/checkout/t1".parse().unwrap();
        Ok(TopUp { id: TopUpId(key.0.clone()), state: TopUpState::Pending, amount, checkout_url })
    }

    async fn topup(&self, _: &TopUpId) -> Result<TopUp, ProviderError> {
        Err(ProviderError::Unreachable)
    }
}

/// A provider that never answers.
struct SilentProvider;

#[async_trait]
impl Provider for SilentProvider {
    fn capabilities(&self) -> Capabilities {
        MemoryProvider::new().capabilities()
    }

    async fn account(&self) -> Result<AccountInfo, ProviderError> {
        std::future::pending().await
    }

    async fn numbers(&self) -> Result<Vec<Number>, ProviderError> {
        std::future::pending().await
    }

    async fn snapshot(&self, _: Option<PageToken>, _: u32) -> Result<SnapshotPage, ProviderError> {
        std::future::pending().await
    }

    async fn changes(&self, _: &Cursor, _: u32) -> Result<ChangesPage, ProviderError> {
        std::future::pending().await
    }
}

/// A provider that has had enough of everybody.
struct BusyProvider;

#[async_trait]
impl Provider for BusyProvider {
    fn capabilities(&self) -> Capabilities {
        MemoryProvider::new().capabilities()
    }

    async fn account(&self) -> Result<AccountInfo, ProviderError> {
        Err(ProviderError::RateLimited { retry_after: Some(std::time::Duration::from_secs(3600)) })
    }

    async fn numbers(&self) -> Result<Vec<Number>, ProviderError> {
        Err(ProviderError::RateLimited { retry_after: None })
    }

    async fn snapshot(&self, _: Option<PageToken>, _: u32) -> Result<SnapshotPage, ProviderError> {
        Err(ProviderError::RateLimited { retry_after: Some(std::time::Duration::from_secs(3600)) })
    }
}

fn connect(provider: &MemoryProvider) -> Connect {
    let provider = provider.clone();
    Arc::new(move |_, token| {
        assert_eq!(token.reveal(), TOKEN);
        Ok(Arc::new(provider.clone()) as SharedProvider)
    })
}

async fn start(ports: &FakePorts, data_dir: Option<PathBuf>, provider: &MemoryProvider) -> EngineHandle {
    let config = EngineConfig { data_dir, ..EngineConfig::new(ports.ports(), "test") };
    Engine::start_with(config, connect(provider)).await.unwrap()
}

fn access() -> SandboxAccess {
    SandboxAccess {
        url: "http://127.0.0.1:1".into(),
        token: Secret::new(TOKEN),
        name: "Alice".into(),
        sip: SipCredentials {
            user: "alice".into(),
            domain: "sip.example".into(),
            password: Secret::new(PASSWORD),
            // Nobody answers there; nothing of this is about calls.
            proxy: Some("127.0.0.1:9".into()),
        },
    }
}

/// Waits for an event.
async fn until<T>(events: &mut EventStream, pick: impl Fn(EventKind) -> Option<T>) -> T {
    loop {
        let event = events.next().await.expect("the engine has ended");
        if let Some(found) = pick(event.kind) {
            return found;
        }
    }
}

/// Waits until the account's feed is fresh and its numbers are known.
async fn until_fresh(engine: &EngineHandle, events: &mut EventStream) {
    loop {
        let Answer::Snapshot { snapshot } = engine.query(Query::Snapshot {}).await.unwrap() else { panic!() };
        let account = &snapshot.accounts[0];
        if account.feed == (FeedState::Fresh {}) && account.balance.is_some() && !account.numbers.is_empty() {
            return;
        }
        until(events, |e| matches!(e, EventKind::AccountChanged { .. }).then_some(())).await;
    }
}

fn directory(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("tern-engine-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&directory);
    directory
}

async fn texts(engine: &EngineHandle) -> Vec<(String, MessageState)> {
    let Answer::Activity { page } = engine.query(Query::Activity { before: None, limit: 200 }).await.unwrap()
    else {
        panic!()
    };
    page.items
        .into_iter()
        .map(|i| match i.what {
            ActivityWhat::Message { message } => (message.text, message.state),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// A day with Tern: history, a message in and out, an evening off, and what came meanwhile.
async fn a_day(directory: PathBuf) {
    let (ports, provider) = (FakePorts::default(), MemoryProvider::new());
    provider.receive("the past");
    let engine = start(&ports, Some(directory.clone()), &provider).await;
    let (snapshot, mut events) = engine.subscribe().await.unwrap();
    assert!(snapshot.accounts.is_empty());
    let account = engine.attach_sandbox(access()).await.unwrap();
    until_fresh(&engine, &mut events).await;
    provider.receive(TEXT);
    let item = until(&mut events, |e| match e {
        EventKind::MessageArrived { item } => Some(item),
        _ => None,
    })
    .await;
    assert!(item.unread);
    provider.receive(&format!("Your code is {CODE}"));
    let coded = until(&mut events, |e| match e {
        EventKind::MessageArrived { item } => Some(item),
        _ => None,
    })
    .await;
    assert!(
        matches!(&coded.what, ActivityWhat::Message { message } if message.code.as_deref() == Some(CODE))
    );
    while ports.look(|r| r.all.len()) < 2 {
        tokio::task::yield_now().await;
    }
    let copy = ports.look(|r| r.all[1].buttons[0].action.clone());
    engine.activate(copy).await;
    while ports.look(|r| r.clipboard.as_deref() != Some(CODE)) {
        tokio::task::yield_now().await;
    }
    let sent = engine
        .command(Command::SendMessage {
            account: account.clone(),
            from: OURS.into(),
            to: PEER.into(),
            text: format!("{TEXT} too"),
        })
        .await
        .unwrap();
    let Reply::MessageQueued { thread, .. } = sent else { panic!() };
    assert_eq!(Some(thread.clone()), item.thread);
    while texts(&engine)
        .await
        .iter()
        .any(|(_, state)| !matches!(state, MessageState::Received | MessageState::Sent))
    {
        until(&mut events, |e| matches!(e, EventKind::ActivityChanged { .. }).then_some(())).await;
    }
    let answer =
        engine.query(Query::Thread { thread: thread.clone(), before: None, limit: 10 }).await.unwrap();
    let Answer::Thread { thread: view } = answer else { panic!() };
    assert_eq!((view.items.len(), view.can_reply), (4, true));
    engine.command(Command::MarkThreadRead { thread }).await.unwrap();
    engine.shutdown().await;
    assert!(engine.query(Query::Snapshot {}).await.is_err());
    assert_eq!(ports.look(|r| r.clipboard.clone()), None, "nobody empties it after the end");

    provider.receive("while away 1");
    provider.receive("while away 2");
    let engine = start(&ports, Some(directory), &provider).await;
    let (_, mut events) = engine.subscribe().await.unwrap();
    assert_eq!(engine.attach_sandbox(access()).await.unwrap(), account, "the same account");
    let away = until(&mut events, |e| match e {
        EventKind::NoticeRaised { notice } => Some(notice),
        _ => None,
    })
    .await;
    assert_eq!(away, Notice::WhileAway { messages: 2, people: 1, missed_calls: 0 });
    assert_eq!(texts(&engine).await.len(), 6);
    let (snapshot, _) = engine.subscribe().await.unwrap();
    assert_eq!((snapshot.activity.unread, snapshot.notices), (2, Some(vec![away])));
    engine.shutdown().await;
    let shown = ports.look(|r| r.all.iter().map(|n| n.tag.clone()).collect::<Vec<_>>());
    assert!(shown.iter().filter(|tag| *tag == "away").count() == 1 && shown.len() == 3, "{shown:?}");
}

#[tokio::test]
async fn a_day_with_tern() {
    a_day(directory("day")).await;
}

#[tokio::test]
async fn one_account_that_hangs_and_one_that_is_turned_away_hold_up_nobody() {
    let (ports, provider) = (FakePorts::default(), MemoryProvider::new());
    provider.receive("the past");
    let kind = provider.clone();
    let connect: Connect = Arc::new(move |address, _| {
        Ok(match address {
            "http://127.0.0.1:2" => Arc::new(SilentProvider) as SharedProvider,
            "http://127.0.0.1:3" => Arc::new(BusyProvider) as SharedProvider,
            _ => Arc::new(kind.clone()) as SharedProvider,
        })
    });
    let config =
        EngineConfig { data_dir: Some(directory("several")), ..EngineConfig::new(ports.ports(), "test") };
    let engine = Engine::start_with(config, connect).await.unwrap();
    let (_, mut events) = engine.subscribe().await.unwrap();
    let of = |port: u16, user: &str| {
        let mut access = access();
        access.url = format!("http://127.0.0.1:{port}");
        access.sip.user = user.into();
        access
    };
    // The two that do nothing come first.
    engine.attach_sandbox(of(2, "silent")).await.unwrap();
    engine.attach_sandbox(of(3, "busy")).await.unwrap();
    let account = engine.attach_sandbox(access()).await.unwrap();
    let state = async |wanted: &crate::api::AccountId| {
        let Answer::Snapshot { snapshot } = engine.query(Query::Snapshot {}).await.unwrap() else { panic!() };
        let accounts = snapshot.accounts.into_iter();
        let stands = accounts.map(|a| (a.id.clone() == *wanted, a.feed, a.numbers.is_empty()));
        stands.collect::<Vec<_>>()
    };
    loop {
        let stands = state(&account).await;
        if stands.iter().any(|(mine, feed, bare)| *mine && *feed == FeedState::Fresh {} && !bare) {
            break;
        }
        until(&mut events, |e| matches!(e, EventKind::AccountChanged { .. }).then_some(())).await;
    }
    for round in 0..3 {
        provider.receive(&format!("{TEXT} {round}"));
        until(&mut events, |e| matches!(e, EventKind::MessageArrived { .. }).then_some(())).await;
        let (from, to, text) = (OURS.into(), PEER.into(), format!("out {round}"));
        let sms = Command::SendMessage { account: account.clone(), from, to, text };
        engine.command(sms).await.unwrap();
        while texts(&engine)
            .await
            .iter()
            .any(|(_, s)| !matches!(s, MessageState::Received | MessageState::Sent))
        {
            until(&mut events, |e| matches!(e, EventKind::ActivityChanged { .. }).then_some(())).await;
        }
    }
    let stands = state(&account).await;
    assert!(matches!(stands[0].1, FeedState::Loading {}), "{stands:?}");
    assert!(matches!(stands[1].1, FeedState::Stale { .. }), "{stands:?}");
    engine.shutdown().await;
}

#[tokio::test]
async fn in_memory_it_is_the_same_engine() {
    let (ports, provider) = (FakePorts::default(), MemoryProvider::new());
    provider.receive("the past");
    let engine = start(&ports, None, &provider).await;
    let (_, mut events) = engine.subscribe().await.unwrap();
    engine.attach_sandbox(access()).await.unwrap();
    until_fresh(&engine, &mut events).await;
    assert_eq!(texts(&engine).await.len(), 1);
    engine.shutdown().await;
}

#[tokio::test]
async fn events_are_numbered_without_gaps() {
    let (ports, provider) = (FakePorts::default(), MemoryProvider::new());
    let engine = start(&ports, None, &provider).await;
    let (snapshot, mut events) = engine.subscribe().await.unwrap();
    engine.attach_sandbox(access()).await.unwrap();
    let mut last = snapshot.seq;
    for _ in 0..4 {
        let event = events.next().await.unwrap();
        assert_eq!(event.seq, last + 1);
        last = event.seq;
    }
    engine.shutdown().await;
}

/// Collects everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_secret_no_text_and_no_number_is_logged() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!("the log is being read");
        runtime.block_on(a_day(directory("log")));
    });
    let bytes = log.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("the log is being read"));
    for canary in [PASSWORD, TOKEN, TEXT, CODE, "while away 1", &OURS[1..], &PEER[1..]] {
        assert!(!text.contains(canary), "{canary} in the log:\n{text}");
    }
}
