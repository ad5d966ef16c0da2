//! Tern killed again and again, at any moment, while messages come in bursts, leave, arrive twice or out of order,
//! while answers get lost and the disk fills up: nothing may be lost, nothing may come twice, nothing may be sent
//! twice.
//!
//! What is killed is a whole engine in a process of its own, by SIGKILL (`examples/victim.rs`). Where `core`'s own
//! simulation kills it between two effects, this kills it within one.

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tern_sandbox::{Settings, SmsLimits};
use tern_tests::Scratch;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::{Instant, sleep_until, timeout, timeout_at},
};

use crate::scene::{Scene, post};

/// How often Tern is killed in all, unless `TERN_KILLS` says otherwise.
const KILLS: u32 = 1_000;
/// The worlds it is killed in.
const WORLDS: u32 = 4;
const PEER: &str = "+447700900555";
/// Enough for everything that waits to leave, with the waits after each fault.
const AT_LAST: Duration = Duration::from_secs(300);

/// What a world is like besides its faults.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Disk {
    Large,
    /// From time to time no file may grow beyond what it has.
    Full,
}

struct World {
    random: ChaCha8Rng,
    scene: Scene,
    home: Scratch,
    disk: Disk,
    /// Incoming texts so far; each is its number.
    arrived: u32,
    /// Outgoing texts so far, and whether they were promised to be kept.
    written: Vec<bool>,
}

/// A running victim.
struct Life {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl World {
    async fn new(seed: u64, disk: Disk, change_retention: u64) -> Self {
        // The limits would have most messages wait for hours.
        let sms_limits = SmsLimits { per_second: 10_000, per_hour: 100_000, per_day: 100_000 };
        let scene = Scene::with(Settings { sms_limits, change_retention, ..Settings::default() }).await;
        let home = Scratch::new("kills").expect("a folder");
        let random = ChaCha8Rng::seed_from_u64(seed);
        Self { random, scene, home, disk, arrived: 0, written: Vec::new() }
    }

    fn start(&self, file_blocks: Option<u64>) -> Life {
        let victim = std::env::var_os("TERN_VICTIM_BIN").expect("TERN_VICTIM_BIN names the built example");
        let mut command = match file_blocks {
            None => Command::new(&victim),
            Some(blocks) => {
                // Without the trap the signal would end it before it hears of the error.
                let mut shell = Command::new("sh");
                shell
                    .args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""), "sh"])
                    .arg(&victim);
                shell
            }
        };
        command.args([self.scene.sandbox.http_url(), "Demo traveller".to_owned()]).arg(self.home.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().expect("a victim");
        let stdin = child.stdin.take().expect("a pipe");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Life { child, stdin, lines }
    }

    /// One life, from its start to its sudden end.
    async fn live(&mut self) {
        self.break_some().await;
        let full = self.disk == Disk::Full && self.random.random_bool(0.5);
        let room = full.then(|| self.largest_file() / 512 + self.random.random_range(0..40));
        let mut life = self.start(room);
        // Some end while they start, some while they catch up, the others while they send: by what they say, since how
        // long that takes is the machine's to say.
        if self.random.random_bool(0.7) {
            self.until(&mut life, "up").await;
        }
        if self.random.random_bool(0.5) {
            self.write(&mut life).await;
            self.until(&mut life, "queued").await;
        }
        let end = Instant::now() + Duration::from_millis(self.random.random_range(0..300));
        while Instant::now() < end {
            let pause = Duration::from_millis(self.random.random_range(0..40));
            self.listen(&mut life, end.min(Instant::now() + pause)).await;
            match self.random.random_range(0..5) {
                0 => self.burst().await,
                1 | 2 => self.write(&mut life).await,
                _ => {}
            }
        }
        life.child.start_kill().expect("it can be killed");
        // What it said before it died is a promise too.
        while let Ok(Some(line)) = life.lines.next_line().await {
            self.note(&line);
        }
        life.child.wait().await.expect("it is dead");
        if self.random.random_bool(0.3) {
            self.burst().await;
        }
    }

    /// Waits until it says so, or has ended by itself: the disk may be too full to open the database, and is too full
    /// to take a message on.
    async fn until(&mut self, life: &mut Life, word: &str) {
        while let Ok(Some(line)) = life.lines.next_line().await {
            self.note(&line);
            if line.starts_with(word) || line.starts_with("refused") {
                return;
            }
        }
    }

    /// Reads what it says until then.
    async fn listen(&mut self, life: &mut Life, until: Instant) {
        loop {
            match timeout_at(until, life.lines.next_line()).await {
                Ok(Ok(Some(line))) => self.note(&line),
                Ok(_) => return sleep_until(until).await,
                Err(_) => return,
            }
        }
    }

    fn note(&mut self, line: &str) {
        let Some(("queued", text)) = line.split_once(' ') else { return };
        let number: usize = text.strip_prefix("out ").and_then(|n| n.parse().ok()).expect("a text of ours");
        self.written[number] = true;
    }

    async fn burst(&mut self) {
        let to = self.scene.demo("Demo traveller").numbers.first().expect("a number").clone();
        for _ in 0..self.random.random_range(1..=4) {
            self.scene.sms(&to, PEER, &format!("in {}", self.arrived)).await;
            self.arrived += 1;
        }
    }

    async fn write(&mut self, life: &mut Life) {
        let line = format!("send {PEER} out {}\n", self.written.len());
        self.written.push(false);
        // One that has ended by itself reads nothing more.
        let _ = life.stdin.write_all(line.as_bytes()).await;
    }

    async fn break_some(&mut self) {
        let faults = [
            ("POST", "/v1/messages", json!({"kind": "lost_acknowledgement"})),
            ("POST", "/v1/messages", json!({"kind": "duplicate"})),
            ("POST", "/v1/messages", json!({"kind": "reorder"})),
            ("POST", "/v1/messages", json!({"kind": "drop"})),
            ("POST", "/v1/messages", json!({"kind": "status", "status": 503})),
            ("POST", "/v1/messages", json!({"kind": "rate_limited", "retry_after": 1})),
            ("GET", "/v1/messages", json!({"kind": "drop"})),
            ("GET", "/v1/activity/changes", json!({"kind": "drop"})),
            ("GET", "/v1/activity/changes", json!({"kind": "delay", "milliseconds": 50})),
            ("GET", "/v1/activity/changes", json!({"kind": "status", "status": 500})),
            ("GET", "/v1/activity/snapshot", json!({"kind": "drop"})),
            ("GET", "/v1/activity/stream", json!({"kind": "drop"})),
        ];
        let rules: Vec<Value> = (0..self.random.random_range(0..4))
            .filter_map(|_| faults.choose(&mut self.random))
            .map(|(method, path, fault)| json!({"method": method, "path": path, "fault": fault}))
            .collect();
        self.faults(&rules).await;
    }

    async fn faults(&self, rules: &[Value]) {
        let url = format!("{}/sandbox/faults", self.scene.sandbox.http_url());
        assert_eq!(post(&url, &json!({"rules": rules}).to_string()).await, 200);
    }

    fn largest_file(&self) -> u64 {
        let files = std::fs::read_dir(self.home.path()).expect("its folder");
        files.flatten().filter_map(|f| f.metadata().ok()).map(|m| m.len()).max().unwrap_or(0)
    }

    /// The last life, in peace: everything it has in the end.
    async fn ends(&mut self) -> Vec<Value> {
        self.faults(&[]).await;
        let mut life = self.start(None);
        life.stdin.write_all(b"dump\n").await.expect("it reads");
        let mut rows = Vec::new();
        let told = timeout(AT_LAST, async {
            while let Ok(Some(line)) = life.lines.next_line().await {
                match line.as_str() {
                    "end" => return true,
                    _ if line.starts_with('{') => rows.push(serde_json::from_str(&line).expect("JSON")),
                    _ => assert!(!line.starts_with("error"), "{line}"),
                }
            }
            false
        });
        assert_eq!(told.await, Ok(true), "the last life says all, and ends");
        rows
    }

    /// What the provider has: how often it took each outgoing text.
    async fn accepted(&self) -> BTreeMap<String, u32> {
        let token = self.scene.demo("Demo traveller").token.reveal().to_owned();
        // Somebody else in this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (client, mut page) = (reqwest::Client::new(), None::<String>);
        let mut texts = BTreeMap::new();
        loop {
            let mut url = format!("{}/v1/activity/snapshot?limit=200", self.scene.sandbox.http_url());
            if let Some(page) = page {
                url += &format!("&page={page}");
            }
            let answer = client.get(url).bearer_auth(&token).send().await.expect("an answer");
            let body: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
            for item in body["items"].as_array().expect("items") {
                let object = &item["object"];
                let ours = item["kind"] == "message" && object["direction"] == "outgoing";
                if let Some(text) = object["text"].as_str().filter(|t| ours && t.starts_with("out ")) {
                    *texts.entry(text.to_owned()).or_insert(0) += 1;
                }
            }
            match body["next_page"].as_str() {
                Some(next) => page = Some(next.to_owned()),
                None => return texts,
            }
        }
    }
}

/// Kills, and looks at what is left. Returns how many messages came and left.
async fn world(seed: u64, disk: Disk, change_retention: u64, kills: u32) -> (u32, usize) {
    let mut world = World::new(seed, disk, change_retention).await;
    for _ in 0..kills {
        world.live().await;
    }
    let rows = world.ends().await;
    let accepted = world.accepted().await;
    let mut kept: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for row in &rows {
        kept.entry(row["text"].as_str().expect("a text")).or_default().push(row);
    }
    let here = |text: &str| kept.get(text).map_or(0, Vec::len);
    for n in 0..world.arrived {
        assert_eq!(here(&format!("in {n}")), 1, "seed {seed}: incoming {n} of {}", world.arrived);
    }
    let mut left = 0;
    for (n, promised) in world.written.iter().enumerate() {
        let text = format!("out {n}");
        let there = accepted.get(&text).copied().unwrap_or(0);
        assert!(there <= 1, "seed {seed}: sent {there} times: {n}");
        assert!(here(&text) <= 1, "seed {seed}: kept {} times: {n}", here(&text));
        assert!(!promised || here(&text) == 1, "seed {seed}: promised and lost: {n}");
        let Some(row) = kept.get(text.as_str()).and_then(|rows| rows.first()) else {
            assert_eq!(there, 0, "seed {seed}: sent and not kept: {n}");
            continue;
        };
        let failed = row["state"] == "failed";
        assert_eq!(there, u32::from(!failed), "seed {seed}: {n} is {}", row["state"]);
        left += usize::from(!failed);
    }
    (world.arrived, left)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_a_thousand_times_it_loses_and_doubles_nothing() {
    let kills = match std::env::var("TERN_KILLS") {
        Ok(kills) => kills.parse().expect("TERN_KILLS is a number"),
        Err(_) => KILLS,
    };
    let each = kills.div_ceil(WORLDS);
    let (came, left) = {
        // With few changes kept, places in the feed expire again and again.
        let worlds = [
            tokio::spawn(world(1, Disk::Large, 1_000_000, each)),
            tokio::spawn(world(2, Disk::Large, 8, each)),
            tokio::spawn(world(3, Disk::Full, 1_000_000, each)),
            tokio::spawn(world(4, Disk::Full, 8, each)),
        ];
        let mut sum = (0, 0);
        for world in worlds {
            let (came, left) = world.await.expect("a world without loss");
            sum = (sum.0 + came, sum.1 + left);
        }
        sum
    };
    // Or nothing would have been at stake.
    assert!(came > kills && left as u32 > kills / 10, "{came} came and {left} left in {kills} lives");
    println!("{kills} kills: {came} came, {left} left");
}
