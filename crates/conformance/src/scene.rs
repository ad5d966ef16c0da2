//! What the rules that spend look at: one SMS between a snapshot and the changes after it, asked for twice, and the
//! refusals around it. Played once in a run; the rules judge what was seen.

use std::{collections::HashMap, time::Duration};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    http::{Answer, Ask},
    rule::{Verdict, broken, nothing},
    run::Run,
};

/// How long a message is followed until it is delivered or failed.
const FOLLOWED: Duration = Duration::from_secs(6);
const PAUSE: Duration = Duration::from_millis(300);
/// Most pages of changes read; more than a scene makes by far.
const MAX_PAGES: usize = 100;

/// What was seen.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    /// The snapshot's, taken before the message.
    pub(crate) cursor: String,
    pub(crate) key: String,
    /// The request, with the key once and again.
    pub(crate) first: Answer,
    pub(crate) again: Answer,
    /// The same key with another text.
    pub(crate) conflict: Answer,
    /// By its key.
    pub(crate) found: Answer,
    /// Pages of one change each, from the cursor to the end, after everything.
    pub(crate) pages: Vec<Answer>,
    /// The versions of the message in the order in which they were read.
    pub(crate) versions: Vec<u64>,
}

impl Scene {
    pub(crate) async fn play(run: &mut Run) -> Result<Self, Verdict> {
        let (from, to) = ends(run).await?;
        let cursor = run.cursor().await?;
        let key = format!("{}-message", run.word);
        let body = |text: &str| json!({"from": from, "to": to, "text": text});
        let said = format!("Checked: {}", run.word);
        let first = run.ask(Ask::post("/v1/messages", &body(&said)).key(&key)).await?;
        if first.status != 201 {
            return Err(broken("POST /v1/messages: 201 for what the quote allowed", first.told()));
        }
        let again = run.ask(Ask::post("/v1/messages", &body(&said)).key(&key)).await?;
        let other = format!("{said} again");
        let conflict = run.ask(Ask::post("/v1/messages", &body(&other)).key(&key)).await?;
        hasten(run, &body(&other)).await?;
        let found = run.ask(Ask::get("/v1/messages").with("idempotency_key", &key)).await?;
        let id = first.text("id").unwrap_or_default().to_owned();
        let versions = follow(run, &cursor, &id).await?;
        let pages = changes_one_by_one(run, &cursor).await?;
        Ok(Self { cursor, key, first, again, conflict, found, pages, versions })
    }

    /// The message's id.
    pub(crate) fn id(&self) -> &str {
        self.first.text("id").unwrap_or_default()
    }

    /// Every change that was read, oldest first.
    pub(crate) fn changes(&self) -> impl Iterator<Item = &Value> {
        self.pages.iter().flat_map(|page| page.rows("changes"))
    }
}

/// The first pair of numbers between which an SMS may go, by the server's own word.
async fn ends(run: &mut Run) -> Result<(String, String), Verdict> {
    let numbers = run.ask_if_there(Ask::get("/v1/numbers")).await?;
    numbers.is_fine()?;
    let own: Vec<String> = numbers
        .rows("numbers")
        .iter()
        .filter(|number| number.get("sms") == Some(&json!(true)))
        .filter_map(|number| number.get("e164")?.as_str().map(Into::into))
        .take(8)
        .collect();
    let others = run.options.to.clone().map_or_else(|| own.clone(), |to| vec![to]);
    let mut refusals = HashMap::new();
    for from in &own {
        for to in others.iter().filter(|to| *to != from || others.len() == 1) {
            let body = json!({"from": from, "to": to, "text": "?"});
            let quote = run.ask_if_there(Ask::post("/v1/messages/quote", &body)).await?;
            if quote.body.get("allowed") == Some(&json!(true)) {
                return Ok((from.clone(), to.clone()));
            }
            *refusals.entry(quote.text("refusal").unwrap_or("?").to_owned()).or_insert(0) += 1;
        }
    }
    let said: Vec<&String> = refusals.keys().collect();
    Err(nothing(format!("no SMS may go out: {said:?}")))
}

/// Asks for one more where the server's own quote says that none is left; the refusal is remembered.
async fn hasten(run: &mut Run, body: &Value) -> Result<(), Verdict> {
    let quote = run.ask(Ask::post("/v1/messages/quote", body)).await?;
    let used_up = quote.rows("limits").iter().any(|limit| limit.get("left") == Some(&json!(0)));
    if used_up {
        let key = format!("{}-hasty", run.word);
        run.ask(Ask::post("/v1/messages", body).key(&key)).await?;
    }
    Ok(())
}

/// The versions of a message until it is final.
async fn follow(run: &mut Run, cursor: &str, id: &str) -> Result<Vec<u64>, Verdict> {
    let (mut since, mut versions) = (cursor.to_owned(), Vec::new());
    let end = Instant::now() + FOLLOWED;
    loop {
        let page = run.ask(Ask::get("/v1/activity/changes").with("since", &since)).await?;
        page.is_fine()?;
        let mut is_final = false;
        for change in page.rows("changes").iter().filter(|c| c.get("id").and_then(Value::as_str) == Some(id))
        {
            versions.extend(change.get("version").and_then(Value::as_u64));
            let state = change.get("object").and_then(|object| object.get("state")).and_then(Value::as_str);
            is_final |= matches!(state, Some("delivered" | "failed"));
        }
        since = page.text("next").unwrap_or(&since).to_owned();
        if is_final || Instant::now() >= end {
            return Ok(versions);
        }
        sleep(PAUSE).await;
    }
}

async fn changes_one_by_one(run: &mut Run, cursor: &str) -> Result<Vec<Answer>, Verdict> {
    let (mut since, mut pages) = (cursor.to_owned(), Vec::new());
    while pages.len() < MAX_PAGES {
        let ask = Ask::get("/v1/activity/changes").with("since", &since).with("limit", "1");
        let page = run.ask(ask).await?;
        page.is_fine()?;
        let goes_on = page.body.get("has_more") == Some(&json!(true));
        let next = page.text("next").unwrap_or_default().to_owned();
        let stands = next == since;
        pages.push(page);
        since = next;
        if !goes_on || stands {
            break;
        }
    }
    Ok(pages)
}
