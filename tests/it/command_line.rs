//! The program `tern`, from its arguments to its exit status.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;
use tern_tests::{Home, Process, Scratch, audio::speech, ports};
use xtask::stage::Sound;

use crate::scene::resembles;

pub(crate) const SOON: Duration = Duration::from_secs(30);

/// One run of `tern`.
pub(crate) struct Run {
    pub(crate) process: Process,
    home: Home,
}

impl Run {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::with(arguments, &[])
    }

    /// With the loudspeaker and the microphone of a sound server.
    pub(crate) fn at(sound: &Sound, arguments: &[&str]) -> Self {
        let home = Home::new().expect("a home");
        sound.use_for(&home).expect("a place for its devices");
        let server = sound.environment();
        let server: Vec<_> = server.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Self::at_home(home, arguments, &server)
    }

    pub(crate) fn with(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::at_home(Home::new().expect("a home"), arguments, environment)
    }

    fn at_home(home: Home, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program());
        command.args(arguments).envs(home.environment()).env("LANG", "C").env("LC_ALL", "C");
        command.envs(environment.iter().copied());
        Self { process: Process::spawn("tern", command).expect("tern is built"), home }
    }

    /// Waits for a line with this `event`, and maybe this `state`.
    pub(crate) fn event(&mut self, event: &str, state: Option<&str>) -> Value {
        let fits =
            |value: &Value| value["event"] == event && state.is_none_or(|state| value["state"] == state);
        let line = self
            .process
            .wait_for(&format!("{event} {state:?}"), SOON, |line| {
                parse(line).is_some_and(|value| fits(&value))
            })
            .unwrap_or_else(|error| panic!("{error}"));
        parse(&line).expect("it fitted")
    }

    /// Waits for its end: the exit status and the lines on stdout.
    pub(crate) fn end(mut self) -> (i32, Vec<Value>) {
        let status = self.process.wait(SOON).unwrap_or_else(|error| panic!("{error}"));
        let output = self.process.output();
        assert!(!output.contains("panicked"), "{output}");
        let stdout = self.process.stdout();
        let lines =
            stdout.lines().map(|line| parse(line).unwrap_or_else(|| panic!("not JSON: {line}"))).collect();
        drop(self.home);
        (status.code().unwrap_or(-1), lines)
    }
}

/// A provider in a process of its own.
pub(crate) struct Provider {
    pub(crate) run: Run,
    pub(crate) line: Value,
}

impl Provider {
    pub(crate) fn start() -> Self {
        let mut run = Run::start(&["sandbox"]);
        let line = run.event("sandbox", None);
        Self { run, line }
    }

    pub(crate) fn api(&self) -> &str {
        self.line["api"].as_str().expect("an address")
    }
}

fn parse(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok().filter(Value::is_object)
}

/// `tern` where `TERN_BIN` says, or beside the folder that cargo has put the test in.
pub(crate) fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("TERN_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().unwrap_or_default();
    let folder = test.ancestors().find(|folder| folder.ends_with("debug") || folder.ends_with("release"));
    folder.unwrap_or(Path::new("")).join(format!("tern{}", std::env::consts::EXE_SUFFIX))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn the_echo_of_a_sandbox_is_what_was_said() {
    let provider = Provider::start();
    let folder = Scratch::new("echo").expect("a folder");
    let (spoken, heard) = (folder.join("speech.wav"), folder.join("rec.wav"));
    let voice = speech(16_000, 5.0, 3);
    voice.write(&spoken).expect("written");
    let call = Run::start(&[
        "call",
        "echo",
        "--sandbox",
        provider.api(),
        "--audio-in",
        text(&spoken),
        "--audio-out",
        text(&heard),
        "--seconds",
        "4",
    ]);
    let (status, lines) = call.end();
    assert_eq!(status, 0, "{lines:#?}");
    let states: Vec<&str> = lines
        .iter()
        .filter(|line| line["event"] == "call")
        .filter_map(|line| line["state"].as_str())
        .collect();
    assert_eq!(states.last(), Some(&"ended"), "{states:?}");
    assert!(states.contains(&"connected"), "{states:?}");
    let summary = lines.last().expect("a summary");
    assert_eq!((&summary["event"], &summary["ended_by"]), (&"summary".into(), &"local".into()));
    let number = |field: &str| summary[field].as_f64().unwrap_or_else(|| panic!("{field} in {summary}"));
    assert!((150.0..260.0).contains(&number("packets_sent")), "{summary}");
    assert!((150.0..260.0).contains(&number("packets_received")), "{summary}");
    assert_eq!(number("lost"), 0.0);
    assert!((3_900.0..6_000.0).contains(&number("duration_ms")), "{summary}");
    assert!(number("jitter_ms") < 50.0 && number("concealed_ms") < 500.0, "{summary}");
    assert_eq!(summary["codec"].as_str().map(str::to_lowercase).as_deref(), Some("opus"));
    resembles(&voice, &heard);

    provider.run.process.signal("INT");
    assert_eq!(provider.run.end().0, 0);
}

#[test]
fn two_call_each_other_without_a_provider() {
    let folder = Scratch::new("direct").expect("a folder");
    let (ann, ben) = (speech(48_000, 5.0, 4), speech(8_000, 5.0, 5));
    let [a_says, a_hears, b_says, b_hears] =
        ["a.wav", "a-heard.wav", "b.wav", "b-heard.wav"].map(|name| folder.join(name));
    ann.write(&a_says).expect("written");
    ben.write(&b_says).expect("written");
    let address = format!("127.0.0.1:{}", ports::free().expect("a port"));
    let mut answer = Run::start(&[
        "answer",
        "--direct",
        "--bind",
        &address,
        "--after",
        "200",
        "--audio-in",
        text(&b_says),
        "--audio-out",
        text(&b_hears),
    ]);
    answer.event("waiting", None);
    let target = format!("sip:ben@{address}");
    let call = Run::start(&[
        "call",
        &target,
        "--direct",
        "--bind",
        "127.0.0.1",
        "--codec",
        "PCMA",
        "--seconds",
        "4",
        "--audio-in",
        text(&a_says),
        "--audio-out",
        text(&a_hears),
    ]);
    let (status, lines) = call.end();
    assert_eq!(status, 0, "{lines:#?}");
    let summary = lines.last().expect("a summary");
    assert_eq!((&summary["ended_by"], &summary["codec"]), (&"local".into(), &"PCMA".into()), "{summary}");
    let (status, lines) = answer.end();
    assert_eq!(status, 0, "{lines:#?}");
    assert_eq!(lines.last().expect("a summary")["ended_by"], "remote", "{lines:#?}");
    resembles(&ann, &b_hears);
    resembles(&ben, &a_hears);
}

#[test]
fn two_accounts_of_a_sandbox_talk_and_ctrl_c_hangs_up() {
    let provider = Provider::start();
    let mut answer = Run::start(&[
        "answer",
        "--sandbox",
        provider.api(),
        "--account-index",
        "1",
        "--audio-in",
        "null",
        "--audio-out",
        "null",
    ]);
    answer.event("waiting", None);
    let number = provider.line["accounts"][1]["numbers"][0].as_str().expect("a number");
    let mut call = Run::start(&[
        "call",
        number,
        "--sandbox",
        provider.api(),
        "--audio-in",
        "null",
        "--audio-out",
        "null",
    ]);
    call.event("call", Some("connected"));
    answer.event("call", Some("connected"));
    call.process.signal("INT");
    let (status, lines) = call.end();
    assert_eq!((status, &lines.last().expect("a summary")["ended_by"]), (0, &"local".into()));
    let (status, lines) = answer.end();
    assert_eq!((status, &lines.last().expect("a summary")["ended_by"]), (0, &"remote".into()));
}

#[test]
fn registering_says_how_it_went() {
    let provider = Provider::start();
    let account = &provider.line["accounts"][0];
    let field = |name: &str| account[name].as_str().expect("a field").to_owned();
    let (user, domain, proxy, password) = (field("user"), field("domain"), field("proxy"), field("password"));
    let arguments = [
        "register",
        "--user",
        &user,
        "--domain",
        &domain,
        "--proxy",
        &proxy,
        "--transport",
        "udp",
        "--password-env",
        "SIP_PASSWORD",
    ];
    let (status, lines) = Run::with(&arguments, &[("SIP_PASSWORD", &password)]).end();
    assert_eq!((status, &lines[0]["event"]), (0, &"registered".into()), "{lines:?}");
    let (status, lines) = Run::with(&arguments, &[("SIP_PASSWORD", "something else")]).end();
    let code = "wrongPassword".into();
    assert_eq!((status, &lines[0]["event"], &lines[0]["code"]), (3, &"failed".into(), &code), "{lines:?}");
    assert_eq!((&lines[1]["event"], &lines[1]["code"]), (&"error".into(), &code), "{lines:?}");
    let (status, lines) = Run::start(&arguments).end();
    assert_eq!((status, &lines[0]["code"]), (2, &"passwordMissing".into()), "{lines:?}");
}

#[test]
fn a_stored_account_without_a_keyring_asks_for_its_password_each_time() {
    let provider = Provider::start();
    let account = &provider.line["accounts"][1];
    let field = |name: &str| account[name].as_str().expect("a field").to_owned();
    let (user, domain, proxy, password) = (field("user"), field("domain"), field("proxy"), field("password"));
    let folder = Scratch::new("stored").expect("a folder");
    let desk = Scratch::new("desk").expect("a folder");
    let passphrase = desk.write("passphrase.txt", "correct horse battery").expect("written");
    let history = ["--passphrase-file", text(&passphrase)];
    let run = |words: &[&str]| {
        let arguments = [words, &["--data", text(folder.path())]].concat();
        // No bus, no keyring.
        let environment =
            [("SIP_PASSWORD", &*password), ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/no/such/bus")];
        Run::with(&arguments, &environment).end()
    };
    let identity = ["--name", "work", "--user", &user, "--domain", &domain, "--proxy", &proxy];
    let secret = ["--password-env", "SIP_PASSWORD"];
    let add = [&["accounts", "add"], &identity[..], &secret].concat();
    // Nothing is kept in the clear without a word.
    let (status, lines) = run(&add);
    assert_eq!((status, &lines[0]["code"]), (3, &"storageClosed".into()), "{lines:?}");
    let run = |words: &[&str]| run(&[words, &history[..]].concat());
    let (status, lines) = run(&add);
    assert_eq!((status, &lines[0]["event"]), (0, &"added".into()), "{lines:?}");
    let (status, lines) = run(&["register"]);
    assert_eq!((status, &lines[0]["code"]), (3, &"passwordNeeded".into()), "{lines:?}");
    let (status, lines) = run(&[&["register", "--account", "work"], &secret[..]].concat());
    assert_eq!((status, &lines[0]["event"]), (0, &"registered".into()), "{lines:?}");
    for file in std::fs::read_dir(folder.path()).expect("the database").flatten() {
        let bytes = std::fs::read(file.path()).expect("readable");
        let found = bytes.windows(password.len()).any(|window| window == password.as_bytes());
        assert!(!found, "the password lies in {:?}", file.file_name());
    }
    assert_eq!(run(&["accounts", "remove", "work"]).0, 0);
    assert_eq!(run(&["accounts"]), (0, vec![]));
    desk.write("passphrase.txt", "another horse battery").expect("written");
    let (status, lines) = run(&["accounts"]);
    assert_eq!((status, &lines[0]["code"]), (3, &"wrongPassphrase".into()), "{lines:?}");
}

#[test]
fn what_goes_wrong_has_a_code_and_an_exit_status() {
    let provider = Provider::start();
    let api = provider.api();
    let folder = Scratch::new("wrong").expect("a folder");
    let not_wav = folder.write("text.wav", "this is no sound").expect("written");
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    let null = ["--audio-in", "null", "--audio-out", "null"];
    let check = |arguments: &[&str], status: i32, code: &str| {
        let (ended, lines) = Run::start(arguments).end();
        let last = lines.last().unwrap_or(&Value::Null);
        assert_eq!((ended, last["code"].as_str()), (status, Some(code)), "{arguments:?}: {lines:#?}");
    };
    let call = |target: &'static str| [&["call", target, "--sandbox", api], &null[..]].concat();
    check(&call("sip:nobody@sandbox.tern.example"), 5, "numberUnknown");
    check(&call("112"), 9, "emergencyNotSupported");
    check(&call(""), 2, "invalidTarget");
    check(&["call", "echo", "--sandbox", api, "--audio-in", "/no/such/file.wav"], 8, "audioFileUnreadable");
    check(&["call", "echo", "--sandbox", api, "--audio-in", text(&not_wav)], 8, "audioFileNotWav");
    check(
        &["call", "echo", "--sandbox", api, "--audio-out", "/no/such/folder/a.wav"],
        8,
        "audioFileUnwritable",
    );
    check(&["call", "echo", "--sandbox", "http://127.0.0.1:1"], 4, "providerUnreachable");
    check(&["call", "echo", "--sandbox", api, "--account-index", "9"], 5, "noSuchAccount");
    check(&["answer", "--direct", "--bind", &taken], 8, "addressInUse");
    check(&["sandbox", "--http", "0.0.0.0:0"], 2, "notLoopback");
    check(&["call"], 2, "usage");
    check(&["balance", "--no-history"], 5, "noAccount");
}

#[test]
fn messages_activity_and_balance_are_lines() {
    let provider = Provider::start();
    let api = provider.api();
    let secret = "the words of a message";
    let mut friend =
        Run::start(&["activity", "--follow", "--limit", "1", "--sandbox", api, "--account-index", "1"]);
    friend
        .process
        .wait_for("a row", SOON, |line| parse(line).is_some())
        .unwrap_or_else(|error| panic!("{error}"));
    let mut send = Run::start(&["-vv", "sms", "send", "+447700900777", secret, "--sandbox", api]);
    assert!(send.process.wait(SOON).expect("an end").success(), "{}", send.process.output());
    let (output, stdout) = (send.process.output(), send.process.stdout());
    let logged: String = output.lines().filter(|line| !stdout.contains(line)).collect();
    let account = &provider.line["accounts"][0];
    for hidden in
        [secret, account["token"].as_str().expect("one"), account["password"].as_str().expect("one")]
    {
        assert!(!logged.contains(hidden), "the log has {hidden:?}");
    }
    assert!(logged.contains("DEBUG"), "-vv logs nothing: {output}");
    let (status, sent) = send.end();
    assert_eq!(status, 0);
    assert!(["sent", "delivered"].contains(&sent.last().expect("a line")["state"].as_str().unwrap_or("")));

    let news = friend
        .process
        .wait_for("the message", SOON, |line| parse(line).is_some_and(|row| row["text"] == secret))
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(parse(&news).expect("a row")["direction"], "incoming");
    friend.process.signal("INT");
    assert_eq!(friend.end().0, 0);
    let list =
        ["sms", "list", "--peer", "+33 6 39 98 47 12", "--sandbox", api, "--sandbox-account", "friend"];
    let (status, received) = Run::start(&list).end();
    assert_eq!((status, received.len()), (0, 1), "{received:#?}");
    assert_eq!((&received[0]["text"], &received[0]["event"]), (&secret.into(), &"message".into()));

    let (status, rows) = Run::start(&["activity", "--limit", "7", "--sandbox", api]).end();
    assert_eq!((status, rows.len()), (0, 7));
    let times: Vec<&str> = rows.iter().filter_map(|row| row["at"].as_str()).collect();
    assert!(times.is_sorted(), "{times:?}");

    let (status, balance) = Run::start(&["balance", "--sandbox", api]).end();
    assert_eq!(
        (status, &balance[0]["event"], &balance[0]["currency"]),
        (0, &"balance".into(), &"USD".into())
    );
}

#[test]
fn a_reader_that_has_read_enough_ends_it_quietly() {
    let provider = Provider::start();
    let script = format!("{} activity --sandbox {} | head -n 1", program().display(), provider.api());
    let home = Home::new().expect("a home");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).envs(home.environment());
    let mut pipe = Process::spawn("sh", command).expect("a shell");
    pipe.wait(SOON).expect("an end");
    assert_eq!(pipe.output().lines().count(), 1, "{}", pipe.output());
}
