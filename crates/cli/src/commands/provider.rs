//! `tern provider check`: whether a server keeps the promises of the provider API.

use std::{
    io::{IsTerminal, Read},
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};
use tern_conformance::{CheckError, Options, Outcome, Secret, Summary, Verdict};
use tern_engine::api::{ErrorCode, ErrorView};

use crate::{
    account,
    args::{self, ProviderCommand},
    exit::Exit,
    failure::Failure,
    report::{Report, plain},
    stop::Stop,
};

/// Far above any token.
const MAX_TOKEN: u64 = 16 * 1024;
/// The page's 15 seconds between two comments, and time for the network.
const LISTEN: Duration = Duration::from_secs(20);

pub(crate) async fn run(args: args::Provider, report: &Report, stop: &mut Stop) -> Result<Exit, Failure> {
    let ProviderCommand::Check(args) = args.command;
    let token = token(&args)?;
    let options = Options {
        spend: args.spend,
        to: args.to,
        expired_cursor: args.old_cursor,
        listen: if args.no_listen { Duration::ZERO } else { LISTEN },
    };
    let mut told = Ok(());
    let checked = async {
        let tell = |outcome: &Outcome| {
            report.say(sentence(outcome));
            if told.is_ok() {
                told = report.line(&line(outcome));
            }
        };
        tern_conformance::check(&args.url, token, options, tell).await.map_err(failure)
    };
    let Summary { passed, failed, not_applicable } = stop.or(checked).await?;
    told?;
    report.say(format!("{passed} passed, {failed} failed, {not_applicable} not applicable"));
    report.line(&json!({
        "event": "summary",
        "passed": passed,
        "failed": failed,
        "not_applicable": not_applicable,
    }))?;
    Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
}

/// From a file, standard input, the environment or a prompt; never from an argument.
fn token(args: &args::ProviderCheck) -> Result<Secret, Failure> {
    let text = match (&args.token_file, &args.token_env) {
        (Some(path), _) => read(path)?,
        (None, Some(variable)) => return Ok(Secret::new(account::password(variable)?.0)),
        (None, None) if std::io::stdin().is_terminal() => {
            rpassword::prompt_password("API token: ").unwrap_or_default()
        }
        (None, None) => {
            let advice = "There is no terminal to ask for the token at. Name a file with --token-file, - for \
                          standard input.";
            return Err(Failure::usage("passwordMissing", advice));
        }
    };
    let token = text.trim();
    if token.is_empty() || token.contains(char::is_whitespace) {
        return Err(Failure::usage(
            "passwordMissing",
            "There is no token: it is one word on a line of its own.",
        ));
    }
    Ok(Secret::new(token))
}

fn read(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(MAX_TOKEN).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_TOKEN).read_to_string(&mut text))
    };
    read.map(|_| text).map_err(|error| {
        Failure::machine("fileFailed", "The file with the token can't be read.", error.to_string())
    })
}

fn sentence(outcome: &Outcome) -> String {
    let id = outcome.rule.id;
    match &outcome.verdict {
        Verdict::Passed => format!("passed  {id}"),
        Verdict::Failed { expected, came } => {
            let (section, says) = (outcome.rule.section, outcome.rule.says);
            let (expected, came) = (plain(expected), plain(came));
            format!("FAILED  {id} ({section}): {says}; expected {expected}; came {came}")
        }
        Verdict::NotApplicable { why } => format!("n/a     {id}: {}", plain(why)),
    }
}

fn line(outcome: &Outcome) -> Value {
    let rule = outcome.rule;
    let mut line = json!({
        "event": "rule",
        "rule": rule.id,
        "section": rule.section,
        "says": rule.says,
        "needs": rule.needs.word(),
    });
    let more = match &outcome.verdict {
        Verdict::Passed => json!({ "verdict": "passed" }),
        Verdict::Failed { expected, came } => {
            json!({ "verdict": "failed", "expected": expected, "came": came })
        }
        Verdict::NotApplicable { why } => json!({ "verdict": "notApplicable", "why": why }),
    };
    if let (Some(line), Value::Object(more)) = (line.as_object_mut(), more) {
        line.extend(more);
    }
    line
}

fn failure(error: CheckError) -> Failure {
    match error {
        CheckError::Unreachable => ErrorView::new(ErrorCode::ProviderUnreachable).into(),
        CheckError::TokenRefused => ErrorView::new(ErrorCode::ProviderUnauthorized).into(),
        CheckError::BadAddress | CheckError::Insecure => {
            Failure::usage("badAddress", format!("This can't be checked: {error}."))
        }
        CheckError::Client => Failure::machine("clientFailed", "Nothing could be asked.", error.to_string()),
    }
}
