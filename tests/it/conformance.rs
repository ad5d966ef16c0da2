//! `tern provider check` and `tern sandbox --settings`, as somebody who serves the API would use them.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;
use tern_tests::Scratch;

use crate::{
    command_line::{Provider, Run},
    scene::post,
};

/// The arguments of a check whose token is in a file.
fn check<'a>(url: &'a str, file: &'a str) -> [&'a str; 6] {
    ["provider", "check", url, "--token-file", file, "--no-listen"]
}

/// A check asks some two hundred times, one after the other: on a machine at work that takes its time.
fn until_told(run: &mut Run) {
    let summary = run.process.wait_for_line(r#""event":"summary""#, Duration::from_secs(180));
    summary.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_sandbox_passes_the_check_and_its_token_is_told_nowhere() {
    let provider = Provider::start();
    let folder = Scratch::new("check").expect("a folder");
    let file = folder.join("token");
    let token = provider.line["token"].as_str().expect("a token");
    fs::write(&file, format!("{token}\n")).expect("written");
    let mut run = Run::start(&check(provider.api(), file.to_str().expect("UTF-8")));
    until_told(&mut run);
    assert!(!run.process.output().contains(token));
    let (status, lines) = run.end();
    let verdict = |line: &Value| line["verdict"].as_str().unwrap_or_default().to_owned();
    let failed: Vec<&Value> = lines.iter().filter(|line| verdict(line) == "failed").collect();
    assert_eq!((status, failed), (0, Vec::new()));
    let summary = lines.last().expect("a summary");
    assert_eq!((&summary["event"], &summary["failed"]), (&"summary".into(), &0.into()));
    let told = lines.iter().filter(|line| line["event"] == "rule").count();
    assert!(told > 40, "{told} rules");
    let spent = lines.iter().find(|line| line["rule"] == "keys.once").expect("told");
    assert_eq!(verdict(spent), "passed", "a sandbox is checked whole: {spent}");
}

#[test]
fn a_sandbox_whose_feed_is_broken_fails_the_check_visibly() {
    let provider = Provider::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let faults = format!("{}/sandbox/faults", provider.api());
    assert_eq!(runtime.block_on(post(&faults, r#"{"feed":"doubled"}"#)), 200);
    let folder = Scratch::new("broken").expect("a folder");
    let file = folder.join("token");
    fs::write(&file, provider.line["token"].as_str().expect("a token")).expect("written");
    let mut run = Run::start(&check(provider.api(), file.to_str().expect("UTF-8")));
    until_told(&mut run);
    let (status, lines) = run.end();
    let failed: Vec<&Value> = lines.iter().filter(|line| line["verdict"] == "failed").collect();
    assert!(failed.iter().any(|line| line["rule"] == "feed.rising"), "{failed:#?}");
    assert!(failed.iter().all(|line| line["expected"].is_string() && line["came"].is_string()));
    assert_eq!(status, 1);
}

#[test]
fn a_check_that_cannot_begin_says_why() {
    let provider = Provider::start();
    let folder = Scratch::new("no-check").expect("a folder");
    let file = folder.join("token");
    let file_name = file.to_str().expect("UTF-8");
    let end = |url: &str| {
        let (status, lines) = Run::start(&check(url, file_name)).end();
        (status, lines.last().expect("an error")["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(end(provider.api()), (8, "fileFailed".into()));
    fs::write(&file, "\n").expect("written");
    assert_eq!(end(provider.api()), (2, "passwordMissing".into()));
    fs::write(&file, "wrong").expect("written");
    assert_eq!(end(provider.api()), (3, "providerUnauthorized".into()));
    assert_eq!(end("http://provider.example"), (2, "badAddress".into()));
}

#[test]
fn a_sandbox_takes_its_settings_from_a_file() {
    let folder = Scratch::new("settings").expect("a folder");
    let file = folder.join("settings.toml");
    let name = file.to_str().expect("UTF-8");
    fs::write(&file, "# Rules of our own\ntopup_min = \"7.00\"\nwarn_day = 2\n").expect("written");
    let mut refused = Run::start(&["sandbox", "--settings", name]);
    let line = refused.event("error", None);
    assert_eq!(line["code"], "badSettings");
    assert!(refused.process.output().contains("line 3: there is no setting `warn_day`"));
    assert_eq!(refused.end().0, 2);

    fs::write(&file, "topup_min = \"7.00\"\n").expect("written");
    let mut run = Run::start(&["sandbox", "--settings", name]);
    let line = run.event("sandbox", None);
    assert!(account(&line).contains(r#""min":"7.00""#));
    run.process.signal("INT");
    assert_eq!(run.end().0, 0);
}

/// The account as the API shows it to the first token.
fn account(line: &Value) -> String {
    let address = line["api"].as_str().and_then(|url| url.strip_prefix("http://")).expect("an address");
    let token = line["token"].as_str().expect("a token");
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = format!("Host: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close");
    write!(stream, "GET /v1/account HTTP/1.1\r\n{head}\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}
