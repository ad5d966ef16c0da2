//! Going through the rules, and what they share: the way to the server, what was read, what was seen on the way.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use tern_provider::Secret;
use url::Url;

use crate::{
    http::{Answer, Ask, Http, is_loopback},
    rule::{Needs, RULES, Rule, Verdict, broken},
    scene::Scene,
};

/// Most answers remembered; a run has some hundred.
const MAX_NOTES: usize = 2_000;
/// What is read for the rules about values. The first is there at every provider.
const SAMPLES: &[&str] = &[
    "/v1/account",
    "/v1/activity/snapshot",
    "/v1/numbers",
    "/v1/catalogue",
    "/v1/orders",
    "/v1/calls",
    "/v1/transactions",
    "/v1/notices",
    "/v1/refunds",
];

/// How to check.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Also the rules that spend money or send. A sandbox on this machine, which says so in its description, is checked
    /// with them always.
    pub spend: bool,
    /// Whom the SMS of those rules go to; one of the account's own numbers if not given.
    pub to: Option<String>,
    /// A cursor that the server gave out too long ago; else the one its description names, if it does.
    pub expired_cursor: Option<String>,
    /// How long a quiet stream is listened to. Below 15 seconds nothing can be said of its comments.
    pub listen: Duration,
}

/// Why nothing was checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// The address is no `http` or `https` URL with a host.
    #[error("the address is not a URL of a server")]
    BadAddress,
    /// Plain HTTP to another machine would show the token to everyone on the way.
    #[error("the address must use https unless it is on this machine")]
    Insecure,
    /// The HTTP client could not be set up.
    #[error("the HTTP client could not be set up")]
    Client,
    /// Nobody answers there.
    #[error("no answer from the server")]
    Unreachable,
    /// The server answers 401 or 403 to the token.
    #[error("the server does not take this token")]
    TokenRefused,
}

/// What became of one rule.
#[derive(Clone)]
pub struct Outcome {
    /// Which.
    pub rule: &'static Rule,
    /// Whether it holds.
    pub verdict: Verdict,
}

/// All of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rules that hold.
    pub passed: u32,
    /// Rules that are broken.
    pub failed: u32,
    /// Rules there was nothing to hold against.
    pub not_applicable: u32,
}

/// Checks every rule and tells each as soon as it is known.
///
/// `base` is what precedes `/v1`; `token` opens the account. Takes some seconds, and [`Options::listen`] besides.
///
/// # Errors
/// When there is no server to check, or the token opens nothing.
pub async fn check(
    base: &str,
    token: Secret,
    options: Options,
    mut tell: impl FnMut(&Outcome),
) -> Result<Summary, CheckError> {
    let base = Url::parse(base.trim()).map_err(|_| CheckError::BadAddress)?;
    match base.scheme() {
        _ if !base.has_host() => return Err(CheckError::BadAddress),
        "https" => {}
        "http" if is_loopback(&base) => {}
        "http" => return Err(CheckError::Insecure),
        _ => return Err(CheckError::BadAddress),
    }
    let http = Http::new(base, token).map_err(|_| CheckError::Client)?;
    let mut run = Run::begin(http, options).await?;
    let mut summary = Summary::default();
    for rule in RULES {
        let verdict = match rule.needs {
            Needs::Spends if !run.options.spend => {
                Verdict::NotApplicable { why: "it would send or spend; --spend checks it".into() }
            }
            _ => (rule.judge)(&mut run).await.err().unwrap_or(Verdict::Passed),
        };
        match verdict {
            Verdict::Passed => summary.passed += 1,
            Verdict::Failed { .. } => summary.failed += 1,
            Verdict::NotApplicable { .. } => summary.not_applicable += 1,
        }
        tell(&Outcome { rule, verdict });
    }
    Ok(summary)
}

/// What is remembered of every answer.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    /// `GET /v1/account: 200`.
    pub(crate) told: String,
    pub(crate) status: u16,
    /// What is wrong with it as a problem document; for refusals.
    pub(crate) problem: Option<String>,
    pub(crate) has_retry_after: bool,
    pub(crate) is_rate_limited: bool,
}

/// A check that runs.
pub(crate) struct Run {
    pub(crate) http: Http,
    pub(crate) options: Options,
    /// `/openapi.json`.
    pub(crate) description: Answer,
    pub(crate) notes: Vec<Note>,
    samples: Option<Vec<(String, Value)>>,
    scene: Option<Result<Scene, Verdict>>,
    /// Different in each run, and what its messages say.
    pub(crate) word: String,
}

impl Run {
    async fn begin(http: Http, mut options: Options) -> Result<Self, CheckError> {
        let description = http.ask(Ask::get("/openapi.json")).await.map_err(|_| CheckError::Unreachable)?;
        let account = http.ask(Ask::get("/v1/account")).await.map_err(|_| CheckError::Unreachable)?;
        if matches!(account.status, 401 | 403) {
            return Err(CheckError::TokenRefused);
        }
        // Only what runs here may say that its money is none.
        let says_sandbox = hints(&description).get("sandbox") == Some(&json!(true));
        options.spend |= says_sandbox && is_loopback(http.base());
        if options.expired_cursor.is_none() {
            let named = hints(&description).get("expired_cursor").and_then(Value::as_str);
            options.expired_cursor = named.map(Into::into);
        }
        let word = format!("tern-check-{:x}", Timestamp::now().as_nanosecond());
        let mut run =
            Self { http, options, description, notes: Vec::new(), samples: None, scene: None, word };
        run.note(&account);
        Ok(run)
    }

    /// Asks, and remembers what kind of answer came.
    pub(crate) async fn ask(&mut self, ask: Ask<'_>) -> Result<Answer, Verdict> {
        let answer = self.http.ask(ask).await?;
        self.note(&answer);
        Ok(answer)
    }

    /// Asks for something a server may lack; then the rule does not apply.
    pub(crate) async fn ask_if_there(&mut self, ask: Ask<'_>) -> Result<Answer, Verdict> {
        let name = ask.name();
        let answer = self.ask(ask).await?;
        if answer.is_absent() {
            return Err(crate::rule::nothing(format!("the server has no {name}")));
        }
        Ok(answer)
    }

    pub(crate) fn note(&mut self, answer: &Answer) {
        if self.notes.len() >= MAX_NOTES {
            return;
        }
        self.notes.push(Note {
            told: answer.told(),
            status: answer.status,
            problem: problem(answer),
            has_retry_after: answer.header("retry-after").is_some_and(is_retry_after),
            is_rate_limited: answer.code() == "rate_limited",
        });
    }

    /// The first page of every list there is, and the account: `(path, body)`.
    pub(crate) async fn samples(&mut self) -> Result<Vec<(String, Value)>, Verdict> {
        if let Some(samples) = &self.samples {
            return Ok(samples.clone());
        }
        let mut samples = Vec::new();
        for path in SAMPLES {
            let answer = self.ask(Ask::get(path)).await?;
            if answer.status == 200 {
                samples.push(((*path).to_owned(), answer.body));
            }
        }
        self.samples = Some(samples.clone());
        Ok(samples)
    }

    /// What the rules that spend look at; played once.
    pub(crate) async fn scene(&mut self) -> Result<Scene, Verdict> {
        if self.scene.is_none() {
            let played = Scene::play(self).await;
            self.scene = Some(played);
        }
        match &self.scene {
            Some(scene) => scene.clone(),
            None => Err(broken("a scene", "none")),
        }
    }

    /// The cursor of now.
    pub(crate) async fn cursor(&mut self) -> Result<String, Verdict> {
        let page = self.ask(Ask::get("/v1/activity/snapshot").with("limit", "1")).await?;
        page.is_fine()?;
        let cursor = page.text("cursor").filter(|cursor| !cursor.is_empty());
        cursor.map(Into::into).ok_or_else(|| broken("a snapshot with a cursor", page.told()))
    }
}

/// What the description tells a check about the server itself.
pub(crate) fn hints(description: &Answer) -> &Value {
    description.body.get("info").and_then(|info| info.get("x-tern-check")).unwrap_or(&Value::Null)
}

/// RFC 9110 section 10.2.3: seconds or a date.
fn is_retry_after(value: &str) -> bool {
    value.parse::<u64>().is_ok() || jiff::fmt::rfc2822::parse(value).is_ok()
}

/// What a refusal lacks as a problem document (RFC 9457, and the `code` the page asks for).
fn problem(answer: &Answer) -> Option<String> {
    // An answer to HEAD has no body to judge.
    if answer.status < 400 || answer.to.starts_with(Method::HEAD.as_str()) {
        return None;
    }
    if answer.media_type() != "application/problem+json" {
        return Some(format!("{} as `{}`", answer.told(), answer.media_type()));
    }
    let text = |field: &str| answer.text(field).is_some_and(|text| !text.is_empty());
    let missing: Vec<&str> = ["type", "title", "code"].into_iter().filter(|field| !text(field)).collect();
    if !missing.is_empty() {
        return Some(format!("{} without {}", answer.told(), missing.join(", ")));
    }
    if answer.body.get("status").and_then(Value::as_u64) != Some(answer.status.into()) {
        return Some(format!("{} with another `status`", answer.told()));
    }
    let is_word = answer.code().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    (!is_word).then(|| format!("{}: a code in other letters than a-z, 0-9 and _", answer.told()))
}
