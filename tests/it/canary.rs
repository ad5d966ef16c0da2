//! Words that must be nowhere: what people write, their names, notes and numbers, passwords and tokens. A life with all of
//! them is lived while everything is logged at level trace, and then every log, every file of the data folder and every
//! temporary file is read.
//!
//! The keyring stands in a folder of files here and is left out; what lies in it is the system's to protect.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};
use tern_tests::{Home, Scratch};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::{command_line, scene::Scene};

const PEER: &str = "+447700900555";
const OTHER: &str = "+447700900666";
const COME: &str = "canary-7d1e come early";
const CODE: &str = "58309174";
const AWAY: &str = "canary-9a02 while away";
const SENT: &str = "canary-4c77 on its way";
const DRAFT: &str = "canary-b3f0 half a thought";
const NAME: &str = "Canaria Vogelsang";
const NOTE: &str = "canary-e55a knows the boiler";
const PASSWORD: &str = "canary-61cc-password";
const TOKEN: &str = "canary-08d9-token";
/// Accents and Cyrillic are kept in other forms besides, for the search.
const FOLDED: &str = "канарейка";

const SOON: Duration = Duration::from_secs(60);

/// A computer on which an engine lives and dies.
struct Computer {
    /// With the folders `data` and `temporary`, and the logs.
    home: Scratch,
    lives: u32,
}

struct Life {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Computer {
    fn new() -> Self {
        let home = Scratch::new("canary").expect("a folder");
        for folder in ["data", "temporary"] {
            fs::create_dir(home.join(folder)).expect("a folder");
        }
        Self { home, lives: 0 }
    }

    fn start(&mut self, scene: &Scene) -> Life {
        let victim = std::env::var_os("TERN_VICTIM_BIN").expect("TERN_VICTIM_BIN names the built example");
        self.lives += 1;
        let log = fs::File::create(self.home.join(format!("life-{}.log", self.lives))).expect("a log");
        let mut command = Command::new(victim);
        command.args([scene.sandbox.http_url(), "Demo traveller".to_owned()]).arg(self.home.join("data"));
        command.env("TERN_LOG", "trace").env("TMPDIR", self.home.join("temporary"));
        command.env("SQLITE_TMPDIR", self.home.join("temporary"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().expect("a victim");
        let stdin = child.stdin.take().expect("a pipe");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Life { child, stdin, lines }
    }

    /// Reads everything, and fails where a word stands in any of the forms that a careless program writes. Returns how
    /// many files that were.
    fn read_all(&self, secrets: &[String]) -> usize {
        let mut read = 0;
        let mut folders = vec![self.home.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                let path = entry.path();
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() && entry.file_name() != "keyring" => folders.push(path),
                    Ok(kind) if kind.is_file() => {
                        read += 1;
                        assert_clean(&path, &fs::read(&path).expect("a file"), secrets);
                    }
                    _ => {}
                }
            }
        }
        read
    }

    fn databases(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.home.join("data")).expect("a folder").flatten();
        let mut files: Vec<PathBuf> = files.map(|f| f.path()).filter(|path| path.is_file()).collect();
        files.sort_by_key(|path| std::cmp::Reverse(path.metadata().map_or(0, |m| m.len())));
        files
    }
}

impl Life {
    async fn order(&mut self, line: &str) {
        self.stdin.write_all(format!("{line}\n").as_bytes()).await.expect("it reads");
    }

    async fn does(&mut self, command: &Value) -> String {
        self.order(&format!("do {command}")).await;
        self.says(&["did ", "refused "]).await
    }

    async fn says(&mut self, words: &[&str]) -> String {
        let line = timeout(SOON, async {
            loop {
                let line = self.lines.next_line().await.expect("a line").expect("it has ended");
                if words.iter().any(|word| line.starts_with(word)) {
                    return line;
                }
            }
        });
        line.await.unwrap_or_else(|_| panic!("it says none of {words:?}"))
    }

    /// Looks until something is found; answers with its conversation.
    async fn finds(&mut self, text: &str) -> Value {
        let found = timeout(SOON, async {
            loop {
                self.order(&format!("find {text}")).await;
                let line = self.says(&["found "]).await;
                if let Some(thread) = line.strip_prefix("found 1 ") {
                    return serde_json::from_str(thread).expect("JSON");
                }
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        });
        found.await.unwrap_or_else(|_| panic!("{text} is never found"))
    }

    async fn kill(mut self) {
        self.child.kill().await.expect("it can be killed");
    }
}

fn assert_clean(path: &Path, bytes: &[u8], secrets: &[String]) {
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    for secret in secrets {
        let wide: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let decimal = secret.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
        for (form, needle) in [
            ("as it is", secret.as_bytes()),
            ("in UTF-16", &wide),
            ("in hex", hex.as_bytes()),
            ("as bytes", decimal.as_bytes()),
        ] {
            assert!(!holds(needle), "{secret:?} stands {form} in {}", path.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_log_and_no_file_holds_a_secret_or_a_text() {
    let scene = Scene::start().await;
    let demo = scene.demo("Demo traveller").clone();
    let number = demo.numbers.first().expect("a number").clone();
    let mut secrets: Vec<String> =
        [COME, CODE, AWAY, SENT, DRAFT, NAME, NOTE, PASSWORD, TOKEN, FOLDED, "канареика"]
            .map(str::to_owned)
            .into();
    secrets.extend([demo.token.reveal().to_owned(), demo.sip.password.reveal().to_owned()]);
    // Numbers without what may stand before them.
    secrets.extend([PEER, OTHER, &number].map(|number| number[3..].to_owned()));

    let mut computer = Computer::new();
    let mut life = computer.start(&scene);
    life.says(&["up"]).await;
    let card = json!({ "name": NAME, "note": NOTE, "numbers": [{ "number": PEER }] });
    let saved = life.does(&json!({ "type": "saveContact", "card": card })).await;
    assert!(saved.starts_with("did"), "{saved}");
    scene
        .sms(&number, PEER, &format!("{COME}. Your code is {CODE}. Кормит ли кто-нибудь птицу: {FOLDED}?"))
        .await;
    let thread = life.finds(COME).await;
    assert_eq!(life.finds(FOLDED).await, thread);
    let draft = json!({ "type": "saveDraft", "thread": thread, "text": DRAFT });
    assert!(life.does(&draft).await.starts_with("did"));
    life.order(&format!("send {PEER} {SENT}")).await;
    life.says(&["queued"]).await;
    life.finds(SENT).await;
    // Blocked, and told of to nobody.
    assert!(
        life.does(&json!({ "type": "blockNumber", "number": OTHER, "spam": true })).await.starts_with("did")
    );
    // An account that its provider and its registrar turn away: their answers are logged too.
    let provider = json!({ "kind": "tern", "url": scene.sandbox.http_url(), "user": "", "token": TOKEN });
    let account = json!({
        "name": "", "user": "alice", "domain": demo.sip.domain, "password": PASSWORD, "proxy": demo.sip.proxy,
        "transport": "udp", "provider": provider,
    });
    let added = life.does(&json!({ "type": "addAccount", "account": account })).await;
    assert!(added.starts_with("did"), "{added}");
    life.order(&format!("send {PEER} {SENT} again")).await;
    life.says(&["queued"]).await;
    // With the log of the database as it is while it runs.
    assert!(computer.read_all(&secrets) >= 3);

    // What came while it was off waits for the digest.
    life.kill().await;
    scene.sms(&number, PEER, AWAY).await;
    scene.sms(&number, OTHER, AWAY).await;
    let mut life = computer.start(&scene);
    life.says(&["up"]).await;
    life.finds(AWAY).await;
    life.kill().await;
    computer.read_all(&secrets);

    // A damaged database is kept aside, and what can be read of it is saved into a new one.
    let before = computer.databases().len();
    let database = computer.databases().first().expect("a database").clone();
    let mut bytes = fs::read(&database).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle..].iter_mut().take(20_000).for_each(|byte| *byte ^= 0x5a);
    fs::write(&database, bytes).expect("written");
    let mut life = computer.start(&scene);
    life.says(&["up"]).await;
    life.finds(AWAY).await;
    life.finds(COME).await;
    assert!(computer.databases().len() > before, "it was noticed: {:?}", computer.databases());
    computer.read_all(&secrets);
    life.order("dump").await;
    let mut told = String::new();
    while !told.starts_with("end") {
        told = life.says(&["{", "end"]).await;
    }
    assert!(life.child.wait().await.expect("its end").success());
    let read = computer.read_all(&secrets);
    let log = fs::read_to_string(computer.home.join("life-1.log")).expect("a log");
    assert!(read > 5 && log.contains("TRACE"), "{read} files\n{log}");

    // The same provider at a terminal, whose other output tells nothing of them.
    for words in [&["activity"][..], &["sms", "send", PEER, SENT], &["balance"]] {
        let (home, log) = (Home::new().expect("a home"), computer.home.join("terminal.log"));
        let mut command = Command::new(command_line::program());
        command.args(words).args(["--sandbox", &scene.sandbox.http_url()]).envs(home.environment());
        command.env("TERN_LOG", "trace").stdin(Stdio::null()).stdout(Stdio::null());
        let status =
            command.stderr(fs::File::create(&log).expect("a log")).status().await.expect("tern is built");
        let told = fs::read_to_string(&log).expect("a log");
        assert!(status.success() && told.contains("TRACE"), "{words:?}: {status}\n{told}");
        assert_clean(&log, told.as_bytes(), &secrets);
    }
}
