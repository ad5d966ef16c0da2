//! The engine's process: one life from an empty folder to a found message, told as one line of JSON.

use std::{
    collections::HashSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tern_engine::{
    Engine, EngineConfig, EngineHandle, EventStream, SandboxAccess,
    api::{ActivityWhat, Answer, FeedState, Query, Snapshot},
    ports::{Ports, fake::FakePorts, plain::SystemClock},
    sandbox_accounts,
};
use tern_provider::types::ActivityObject;
use tokio::time::timeout;

use crate::{
    clocks::{self, READER, WORKER, now},
    figures::{Client, Life, Memory},
    search,
};

/// Threads of the runtime that don't block.
const WORKERS: usize = 2;
/// A page of the provider's, as the engine asks for it.
const PAGE: u32 = 200;

/// Lives, and tells of it.
pub(crate) fn tell(url: &str, folder: &Path) -> Result<()> {
    let threads = AtomicUsize::new(0);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        // The runtime starts those that don't block first.
        .thread_name_fn(move || match threads.fetch_add(1, Ordering::Relaxed) {
            n if n < WORKERS => format!("{WORKER}{n}"),
            n => format!("{READER}{n}"),
        })
        // What a thread has used is lost with it.
        .thread_keep_alive(Duration::from_secs(86_400))
        .enable_all()
        .build()?;
    let life = runtime.block_on(live(url, folder))?;
    println!("{}", serde_json::to_string(&life)?);
    Ok(())
}

async fn live(url: &str, folder: &Path) -> Result<Life> {
    let accounts = sandbox_accounts(url).await.ok().context("the provider's accounts")?;
    let access = accounts.into_iter().next().context("the provider has no account")?;
    // The key of the database lies in a keyring in memory; time passes as it does.
    let ports = Ports { clock: Arc::new(SystemClock), ..FakePorts::default().ports() };
    let config = EngineConfig { data_dir: Some(folder.into()), ..EngineConfig::new(ports, "Tern/bench") };

    let started = now();
    let engine = Engine::start(config).await.ok().context("the engine did not start")?;
    let opened = now();
    let (memory_before, _) = clocks::memory()?;
    let cpu_before = clocks::cpu()?;
    let (_, mut events) = engine.subscribe().await.ok().context("no subscription")?;
    engine.attach_sandbox(access.clone()).await.ok().context("the account was not taken")?;
    until(&engine, &mut events, |snapshot| !snapshot.activity.items.is_empty()).await?;
    let first_screen = now();
    until(&engine, &mut events, |snapshot| {
        snapshot.accounts.iter().all(|a| a.feed == FeedState::Fresh {} && a.history.is_none())
    })
    .await?;
    let synced = now();
    let cpu = clocks::between(&cpu_before, &clocks::cpu()?);
    let (_, peak) = clocks::memory()?;

    search::fill_contacts(&engine).await?;
    let searches = search::all(&engine).await?;
    let (_, peak_after_searches) = clocks::memory()?;
    let database = size(folder)?;
    let (rows, messages, doubled) = count(&engine).await?;
    let client = read_alone(&access)?;
    engine.shutdown().await;
    Ok(Life {
        started,
        opened,
        first_screen,
        synced,
        rows,
        messages,
        doubled,
        memory: Memory { before: memory_before, peak, peak_after_searches },
        cpu,
        database,
        client,
        searches,
    })
}

/// Waits for a view of a kind; looked at whenever something happened.
async fn until(
    engine: &EngineHandle,
    events: &mut EventStream,
    is_it: impl Fn(&Snapshot) -> bool,
) -> Result<()> {
    loop {
        match engine.query(Query::Snapshot {}).await {
            Ok(Answer::Snapshot { snapshot }) if is_it(&snapshot) => return Ok(()),
            Ok(_) => {}
            Err(error) => bail!("the engine shows nothing: {error:?}"),
        }
        // Events may have been dropped; then time says when to look.
        if let Ok(None) = timeout(Duration::from_secs(1), events.next()).await {
            bail!("the engine has ended");
        }
    }
}

/// Turns all pages: rows, messages among them, and rows that came twice.
async fn count(engine: &EngineHandle) -> Result<(u64, u64, u64)> {
    let (mut seen, mut messages, mut doubled, mut before) = (HashSet::new(), 0, 0, None);
    loop {
        let Ok(Answer::Activity { page }) = engine.query(Query::Activity { before, limit: PAGE }).await
        else {
            bail!("a page can't be read")
        };
        for item in page.items {
            messages += u64::from(matches!(item.what, ActivityWhat::Message { .. }));
            doubled += u64::from(!seen.insert(item.id));
        }
        match page.next {
            Some(next) => before = Some(next),
            None => return Ok((seen.len() as u64, messages, doubled)),
        }
    }
}

/// The same pages once more by the client alone, on a thread of its own.
fn read_alone(access: &SandboxAccess) -> Result<Client> {
    let access = access.clone();
    let reading = std::thread::spawn(move || -> Result<Client> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let provider = tern_provider::connect(&access.url, access.token)?;
        let before = clocks::of_this_thread()?;
        let (mut pages, mut messages, mut page) = (0, 0, None);
        loop {
            let read = runtime.block_on(provider.snapshot(page, PAGE))?;
            pages += 1;
            messages +=
                read.objects.iter().filter(|o| matches!(o, ActivityObject::Message(_))).count() as u64;
            page = read.next_page;
            if page.is_none() {
                return Ok(Client { cpu: clocks::of_this_thread()? - before, pages, messages });
            }
        }
    });
    reading.join().unwrap_or_else(|_| bail!("the client's thread panicked"))
}

fn size(folder: &Path) -> Result<u64> {
    let mut bytes: u64 = 0;
    for file in std::fs::read_dir(folder)? {
        bytes = bytes.saturating_add(file?.metadata()?.len());
    }
    Ok(bytes)
}
