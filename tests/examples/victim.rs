//! An engine that is to be killed: what `it/kills.rs` and `it/full_disk.rs` start, feed and kill.
//!
//! `victim URL ACCOUNT DIR` runs the sandbox's account on the database in DIR. Of stdin it takes `send TO TEXT` a line,
//! `feed`, `find TEXT`, `do COMMAND` with a command in JSON, and `dump`; on stdout it says `up` once it takes them, `queued
//! TEXT` when a message is promised to be kept, `refused TEXT` and why if it is not, how the feed stands as `feed` and JSON,
//! `found` with how many rows and the newest one's conversation, `did` with a reply, and to `dump`, once nothing is on its
//! way any more, every message and call as a line of JSON, and `end`. With `TERN_LOG` it logs on stderr.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde_json::json;
use tern_engine::{
    Engine, EngineConfig, EngineHandle, Secret,
    api::{
        AccountId, ActivityItem, ActivityWhat, Answer, Command, FeedState, MessageState, Query, Reply,
        SearchFilter,
    },
    ports::{Ports, SecretKey, Secrets, SecretsError, fake::FakePorts, plain::SystemClock},
    sandbox_accounts,
};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

/// Beside the events, which may be missed.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A keyring that outlives the process: a file an entry. Only for what a test throws away.
struct FileSecrets(PathBuf);

impl FileSecrets {
    fn path(&self, key: &SecretKey) -> PathBuf {
        self.0.join(key.name.replace('/', "_"))
    }
}

#[async_trait::async_trait]
impl Secrets for FileSecrets {
    async fn get(&self, key: &SecretKey) -> Result<Option<Secret>, SecretsError> {
        Ok(fs::read_to_string(self.path(key)).ok().map(Secret::new))
    }

    async fn set(&self, key: &SecretKey, secret: &Secret) -> Result<(), SecretsError> {
        // A real keyring does not lose an entry half-way either.
        let (path, draft) = (self.path(key), self.path(key).with_extension("new"));
        let written = fs::write(&draft, secret.reveal()).and_then(|()| fs::rename(&draft, &path));
        written.map_err(|_| SecretsError::Failed)
    }

    async fn delete(&self, key: &SecretKey) -> Result<(), SecretsError> {
        let _ = fs::remove_file(self.path(key));
        Ok(())
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody reads any more: whoever started this is gone.
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, account, directory] = arguments.as_slice() else { panic!("victim URL ACCOUNT DIR") };
    if let Ok(filter) = std::env::var("TERN_LOG") {
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
        log.with_writer(std::io::stderr).init();
    }
    let directory = Path::new(directory);
    let keyring = directory.join("keyring");
    fs::create_dir_all(&keyring).expect("a folder");
    let ports = Ports {
        secrets: Arc::new(FileSecrets(keyring)),
        clock: Arc::new(SystemClock),
        ..FakePorts::default().ports()
    };
    let config =
        EngineConfig { data_dir: Some(directory.to_owned()), ..EngineConfig::new(ports, "Tern/tests") };
    let engine = match Engine::start(config).await {
        Ok(engine) => engine,
        Err(error) => return say(&format!("error {error:?}")),
    };
    let accounts = sandbox_accounts(url).await.expect("the sandbox's accounts");
    let access = accounts.into_iter().find(|a| a.name == *account).expect("an account of this name");
    let account = match engine.attach_sandbox(access).await {
        Ok(account) => account,
        Err(error) => return say(&format!("error {error:?}")),
    };
    say("up");
    let (orders, mut ordered) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            // Whoever is to take it may have ended already.
            let _ = orders.send(line);
        }
        // Whoever started this is gone.
        std::process::exit(0);
    });
    while let Some(line) = ordered.recv().await {
        match line.split_once(' ') {
            Some(("send", rest)) => {
                let (to, text) = rest.split_once(' ').expect("send TO TEXT");
                tokio::spawn(send(engine.clone(), account.clone(), to.to_owned(), text.to_owned()));
            }
            Some(("find", text)) => {
                let (text, filter) = (text.to_owned(), SearchFilter::default());
                let query = Query::Search { text, filter, before: None, limit: 50 };
                let Ok(Answer::Search { page }) = engine.query(query).await else { return };
                let thread = page.hits.first().and_then(|hit| hit.item.thread.clone());
                say(&format!("found {} {}", page.hits.len(), json!(thread)));
            }
            Some(("do", command)) => {
                let command = serde_json::from_str(command).expect("a command");
                match engine.command(command).await {
                    Ok(reply) => say(&format!("did {}", json!(reply))),
                    Err(error) => say(&format!("refused {}", json!(error))),
                }
            }
            _ if line == "feed" => {
                let Ok(Answer::Snapshot { snapshot }) = engine.query(Query::Snapshot {}).await else {
                    return;
                };
                if let Some(account) = snapshot.accounts.iter().find(|a| a.id == account) {
                    say(&format!("feed {}", json!(account.feed)));
                }
            }
            _ if line == "dump" => {
                dump(&engine, &account).await;
                return engine.shutdown().await;
            }
            _ => panic!("what is {line:?}?"),
        }
    }
}

async fn send(engine: EngineHandle, account: AccountId, to: String, text: String) {
    // The account's numbers may not be known yet.
    let from = loop {
        let Ok(Answer::Snapshot { snapshot }) = engine.query(Query::Snapshot {}).await else { return };
        let found = snapshot.accounts.iter().find(|a| a.id == account);
        if let Some(number) = found.and_then(|a| a.numbers.iter().find(|n| n.sms && n.active)) {
            break number.e164.clone();
        }
        sleep(LOOK_AGAIN).await;
    };
    match engine.command(Command::SendMessage { account, from, to, text: text.clone() }).await {
        Ok(Reply::MessageQueued { .. }) => say(&format!("queued {text}")),
        Ok(_) => say(&format!("refused {text}")),
        Err(error) => say(&format!("refused {text}: {}", json!(error.code))),
    }
}

/// Waits until the feed is fresh and no message is on its way, and tells all there is.
async fn dump(engine: &EngineHandle, account: &AccountId) {
    let (_, mut events) = engine.subscribe().await.expect("a subscription");
    let rows = loop {
        let Ok(Answer::Snapshot { snapshot }) = engine.query(Query::Snapshot {}).await else { return };
        let fresh = snapshot.accounts.iter().any(|a| a.id == *account && a.feed == FeedState::Fresh {});
        let rows = rows(engine).await;
        if fresh && !rows.iter().any(on_its_way) {
            break rows;
        }
        let _ = timeout(LOOK_AGAIN, events.next()).await;
    };
    for row in rows {
        let line = match row.what {
            ActivityWhat::Message { message } => json!({
                "incoming": message.incoming,
                "text": message.text,
                "state": message.state,
                "unread": row.unread,
            }),
            _ => continue,
        };
        say(&line.to_string());
    }
    say("end");
}

fn on_its_way(row: &ActivityItem) -> bool {
    let ActivityWhat::Message { message } = &row.what else { return false };
    matches!(message.state, MessageState::Queued | MessageState::Sending | MessageState::Unknown)
}

async fn rows(engine: &EngineHandle) -> Vec<ActivityItem> {
    let (mut rows, mut before) = (Vec::new(), None);
    loop {
        let Ok(Answer::Activity { page }) = engine.query(Query::Activity { before, limit: 200 }).await else {
            return rows;
        };
        rows.extend(page.items);
        match page.next {
            Some(next) => before = Some(next),
            None => return rows,
        }
    }
}
