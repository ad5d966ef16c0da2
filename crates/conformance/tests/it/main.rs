//! The suite against the sandbox, which keeps every promise, and against copies of it that break one each.

mod copy;

use std::{collections::BTreeMap, path::Path};

use copy::{Copy, Fault};
use futures_util::{StreamExt, stream};
use tern_conformance::{CheckError, Needs, Options, RULES, Summary, Verdict, check};
use tern_provider::Secret;
use tern_sandbox::{Sandbox, SandboxConfig};

/// Everything that can be checked without listening for a quarter of a minute.
fn options() -> Options {
    Options { spend: true, ..Options::default() }
}

async fn verdicts(url: &str, token: &str, options: Options) -> (BTreeMap<&'static str, Verdict>, Summary) {
    let mut verdicts = BTreeMap::new();
    let token = Secret::new(token);
    let summary = check(url, token, options, |outcome| {
        verdicts.insert(outcome.rule.id, outcome.verdict.clone());
    });
    let summary = summary.await.expect("a server that can be checked");
    (verdicts, summary)
}

async fn sandbox() -> (Sandbox, String) {
    let mut config = SandboxConfig::default();
    // Used up by the one message that is sent: a second would pass on a slow machine.
    config.settings.sms_limits.per_hour = 1;
    start(config).await
}

async fn start(config: SandboxConfig) -> (Sandbox, String) {
    let sandbox = Sandbox::start(config).await.expect("a sandbox");
    let token = sandbox.accounts()[0].token.reveal().to_owned();
    (sandbox, token)
}

fn failed(verdicts: &BTreeMap<&'static str, Verdict>) -> Vec<&'static str> {
    let failed = verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Failed { .. }));
    failed.map(|(rule, _)| *rule).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sandbox_keeps_every_rule() {
    let (sandbox, token) = sandbox().await;
    let listen = std::time::Duration::from_secs(16);
    let (verdicts, summary) =
        verdicts(&sandbox.http_url(), &token, Options { listen, ..Options::default() }).await;
    let other: Vec<_> = verdicts.iter().filter(|(_, verdict)| **verdict != Verdict::Passed).collect();
    assert!(other.is_empty(), "{other:#?}");
    assert_eq!(summary.passed as usize, RULES.len(), "a sandbox on this machine is checked whole");
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_promise_fails_its_rule_and_no_other() {
    let runs = stream::iter(Fault::ALL).map(|(fault, rule)| async move {
        let (sandbox, token) = match fault {
            // It sends one of its own before.
            Fault::QuoteSends => start(SandboxConfig::default()).await,
            _ => sandbox().await,
        };
        let copy = Copy::start(&sandbox.http_url(), &token, *fault).await;
        let (verdicts, _) = verdicts(&copy.url, &token, options()).await;
        let failed = failed(&verdicts);
        (failed != [*rule]).then(|| format!("{fault:?}: expected {rule}, failed {failed:?}: {verdicts:#?}"))
    });
    // So many at a time that each is answered soon on a small machine.
    let wrong: Vec<Option<String>> = runs.buffer_unordered(6).collect().await;
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_leave_nothing_is_sent_or_begun() {
    let (sandbox, token) = sandbox().await;
    // Before a server that does not say that it is a sandbox.
    let copy = Copy::start(&sandbox.http_url(), &token, Fault::NoMarker).await;
    let (verdicts, _) = verdicts(&copy.url, &token, Options::default()).await;
    assert_eq!(failed(&verdicts), Vec::<&str>::new());
    for rule in RULES.iter().filter(|rule| rule.needs == Needs::Spends) {
        assert!(matches!(verdicts[rule.id], Verdict::NotApplicable { .. }), "{}", rule.id);
    }
    let done = copy.carried_out();
    assert!(!done.is_empty(), "tokens are made and taken back");
    for request in &done {
        let is_harmless = request.contains("/v1/tokens") || request.contains("/quote");
        assert!(is_harmless, "{request} was carried out");
    }
}

#[tokio::test]
async fn a_server_that_is_none_or_a_token_that_opens_nothing_is_told_at_once() {
    let ask = |url: String, token: &'static str| async move {
        check(&url, Secret::new(token), Options::default(), |_| {}).await.unwrap_err()
    };
    assert_eq!(ask("no url".into(), "t").await, CheckError::BadAddress);
    assert_eq!(ask("http://provider.example".into(), "t").await, CheckError::Insecure);
    assert_eq!(ask("http://127.0.0.1:9".into(), "t").await, CheckError::Unreachable);
    let (sandbox, _) = sandbox().await;
    assert_eq!(ask(sandbox.http_url(), "wrong").await, CheckError::TokenRefused);
}

#[test]
fn every_rule_stands_in_the_page_as_it_is_checked() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/provider-api.md");
    let page = std::fs::read_to_string(path).expect("the page");
    let (_, table) = page.split_once("\n## Conformance\n").expect("a section of its own");
    let table = table.split("\n## ").next().unwrap_or_default();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| `")).collect();
    let rules: Vec<String> = RULES
        .iter()
        .map(|rule| format!("| `{}` | {} | {} | {} |", rule.id, rule.section, rule.needs.word(), rule.says))
        .collect();
    for (row, rule) in rows.iter().zip(&rules) {
        assert_eq!(row, rule);
    }
    assert_eq!(rows.len(), rules.len());
    for rule in RULES {
        assert!(
            page.contains(&format!("\n## {}\n", rule.section)),
            "{}: no section {}",
            rule.id,
            rule.section
        );
    }
    let mut ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), RULES.len(), "an id stands for one rule");
    let proven: Vec<&str> = Fault::ALL.iter().map(|(_, rule)| *rule).collect();
    let unproven: Vec<&&str> = ids.iter().filter(|id| !proven.contains(id)).collect();
    // What a layer before the sandbox can't break alone.
    assert_eq!(unproven, [&"stream.keep-alive"], "seen failing by no copy");
}
