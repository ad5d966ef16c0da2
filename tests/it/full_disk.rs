//! A disk without a byte left: what can't be kept is not promised, nobody believes that all is well, and once there is
//! room again everything is there once.
//!
//! The disk is real and small: a file system in memory, in a mount namespace of its own, which takes root's rights.
//! Without them this is not run; `kills.rs` has its limit on the size of files anywhere.

use std::{io::Write as _, path::PathBuf, process::Stdio, time::Duration};

use serde_json::{Value, json};
use tern_sandbox::{Settings, SmsLimits};
use tern_tests::{Process, Scratch};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::scene::Scene;

const PEER: &str = "+447700900555";
/// For whatever waits longest: the pause after several failures.
const AT_LAST: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Enough for several logs of the database.
const BURSTS: u32 = 100;

/// A disk of 16 MB that only this test sees.
struct SmallDisk {
    holder: Process,
    folder: Scratch,
}

impl SmallDisk {
    /// `None` where this process may not mount one.
    fn new() -> Option<Self> {
        let folder = Scratch::new("full-disk").expect("a folder");
        let place = folder.path().display().to_string();
        let script = r#"mount -t tmpfs -o size=16m small "$0" && echo mounted && exec cat"#;
        let mut holder = Process::start("unshare", ["--mount", "sh", "-c", script, &place], &[])
            .expect("unshare can be started");
        match holder.wait_for_line("mounted", Duration::from_secs(10)) {
            Ok(_) => Some(Self { holder, folder }),
            Err(why) => {
                // Past the test's own capture of what it prints.
                writeln!(std::io::stderr(), "NOT RUN: a full disk, it takes root's rights: {why}")
                    .expect("stderr");
                None
            }
        }
    }

    /// The disk's folder, seen from outside.
    fn seen(&self) -> PathBuf {
        let place = self.folder.path().strip_prefix("/").expect("an absolute path");
        PathBuf::from(format!("/proc/{}/root", self.holder.pid())).join(place)
    }

    /// Takes every byte that is left.
    fn fill(&self) {
        let mut ballast =
            std::fs::File::options().append(true).create(true).open(self.seen().join("ballast"));
        let ballast = ballast.as_mut().expect("a file");
        for size in [64 * 1024, 4096, 1] {
            while ballast.write_all(&vec![7; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.seen().join("ballast")).expect("the ballast was there");
    }
}

/// A running engine on the small disk.
struct Life {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Life {
    fn start(scene: &Scene, disk: &SmallDisk) -> Self {
        let victim = std::env::var_os("TERN_VICTIM_BIN").expect("TERN_VICTIM_BIN names the built example");
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--target", &disk.holder.pid().to_string()]).arg(victim);
        command.args([scene.sandbox.http_url(), "Demo traveller".to_owned()]).arg(disk.folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().expect("a victim");
        let stdin = child.stdin.take().expect("a pipe");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self { child, stdin, lines }
    }

    async fn order(&mut self, line: &str) {
        self.stdin.write_all(format!("{line}\n").as_bytes()).await.expect("it reads");
    }

    /// The next line that begins so.
    async fn says(&mut self, words: &[&str]) -> String {
        let line = timeout(AT_LAST, async {
            loop {
                let line = self.lines.next_line().await.expect("a line").expect("it has ended");
                if words.iter().any(|word| line.starts_with(word)) {
                    return line;
                }
            }
        });
        line.await.unwrap_or_else(|_| panic!("it says none of {words:?}"))
    }

    /// How the feed stands.
    async fn feed(&mut self) -> Value {
        self.order("feed").await;
        let line = self.says(&["feed "]).await;
        serde_json::from_str(line.trim_start_matches("feed ")).expect("JSON")
    }

    async fn until_fresh(&mut self) {
        let look = timeout(AT_LAST, async {
            while self.feed().await["state"] != "fresh" {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        });
        look.await.expect("a feed that is fresh at last");
    }

    async fn kill(mut self) {
        self.child.kill().await.expect("it can be killed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_of_and_loses_nothing() {
    let Some(disk) = SmallDisk::new() else { return };
    let sms_limits = SmsLimits { per_second: 10_000, per_hour: 100_000, per_day: 100_000 };
    let scene = Scene::with(Settings { sms_limits, ..Settings::default() }).await;
    let to = scene.demo("Demo traveller").numbers.first().expect("a number").clone();
    let mut life = Life::start(&scene, &disk);
    life.says(&["up"]).await;
    life.until_fresh().await;
    life.order(&format!("send {PEER} out 0")).await;
    life.says(&["queued out 0"]).await;

    disk.fill();
    let mut arrived = 0;
    let mut burst = async |scene: &Scene, many: u32| {
        // Long enough that no page of the database has room for all of it.
        for _ in 0..many {
            scene.sms(&to, PEER, &format!("in {arrived} {}", "x".repeat(900))).await;
            arrived += 1;
        }
    };
    // What the log of the database has room for already can still be kept.
    let mut feed = Value::Null;
    for _ in 0..BURSTS {
        burst(&scene, 20).await;
        tokio::time::sleep(LOOK_AGAIN).await;
        feed = life.feed().await;
        if feed["state"] == "stale" {
            break;
        }
    }
    assert_eq!(
        (&feed["state"], &feed["error"]["code"]),
        (&json!("stale"), &json!("storageFailed")),
        "{feed}"
    );
    life.order(&format!("send {PEER} out 1 {}", "y".repeat(900))).await;
    let refused = life.says(&["queued out 1", "refused out 1"]).await;
    assert!(refused.starts_with("refused") && refused.ends_with("\"storageFailed\""), "{refused}");

    // Killed and started with nothing left: it says why it does not start, or starts and says what is wrong.
    life.kill().await;
    burst(&scene, 5).await;
    let mut life = Life::start(&scene, &disk);
    let said = life.says(&["up", "error"]).await;
    assert!(said == "up" || said.contains("StorageFailed"), "{said}");
    life.kill().await;

    disk.make_room();
    let mut life = Life::start(&scene, &disk);
    life.says(&["up"]).await;
    life.until_fresh().await;
    // Full once more, and room again without a new start.
    disk.fill();
    for _ in 0..BURSTS {
        burst(&scene, 20).await;
        tokio::time::sleep(LOOK_AGAIN).await;
        if life.feed().await["state"] == "stale" {
            break;
        }
    }
    assert_eq!(life.feed().await["state"], "stale");
    disk.make_room();
    life.until_fresh().await;
    life.order(&format!("send {PEER} out 2")).await;
    life.says(&["queued out 2"]).await;
    life.order("dump").await;
    let mut texts = Vec::new();
    loop {
        let line = life.says(&["{", "end"]).await;
        if line == "end" {
            break;
        }
        let row: Value = serde_json::from_str(&line).expect("JSON");
        texts.push(row["text"].as_str().expect("a text").trim_end_matches(['x', ' ']).to_owned());
    }
    let count = |text: &str| texts.iter().filter(|kept| *kept == text).count();
    for n in 0..arrived {
        assert_eq!(count(&format!("in {n}")), 1, "incoming {n} of {arrived}");
    }
    assert_eq!((count("out 0"), count("out 2")), (1, 1));
    assert!(!texts.iter().any(|text| text.starts_with("out 1")), "refused, and kept");
}
