//! The activity of an account: as a whole, and what has changed since.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::objects::{Kind, has, is_one_of};
use crate::{
    http::Ask,
    rule::{Judged, Verdict, broken, nothing},
    run::Run,
};

const SNAPSHOT: &str = "/v1/activity/snapshot";
const CHANGES: &str = "/v1/activity/changes";
const MAX_PAGES: usize = 6;
const DIRECTIONS: &[&str] = &["incoming", "outgoing"];
const MESSAGE_STATES: &[&str] = &["received", "accepted", "sent", "delivered", "failed"];
const OUTCOMES: &[&str] = &["answered", "missed", "declined", "busy", "unanswered", "failed"];
const TYPES: &[&str] =
    &["order", "renewal", "restore", "call", "sms", "top_up", "cashback", "refund", "adjustment"];

pub(crate) async fn snapshot(run: &mut Run) -> Judged {
    let (mut page, mut cursor, mut seen) = (None::<String>, None::<String>, HashSet::new());
    for _ in 0..MAX_PAGES {
        let mut ask = Ask::get(SNAPSHOT).with("limit", "7");
        if let Some(page) = &page {
            ask = ask.with("page", page);
        }
        let answer = run.ask(ask).await?;
        answer.is_fine()?;
        has(&answer.body, &[("cursor", Kind::Text), ("items", Kind::Any)])?;
        if cursor.is_some() && cursor.as_deref() != answer.text("cursor") {
            return Err(broken("the same `cursor` on every page", "another"));
        }
        cursor = answer.text("cursor").map(Into::into);
        let items = answer.rows("items");
        if items.len() > 7 {
            return Err(broken("at most 7 items, as asked for", items.len().to_string()));
        }
        for item in items {
            if !seen.insert((item.get("kind").cloned(), item.get("id").cloned())) {
                return Err(broken("each item once", "one twice"));
            }
        }
        page = answer.text("next_page").map(Into::into);
        if page.is_none() {
            break;
        }
    }
    Ok(())
}

pub(crate) async fn objects(run: &mut Run) -> Judged {
    let answer = run.ask(Ask::get(SNAPSHOT).with("limit", "200")).await?;
    answer.is_fine()?;
    for item in answer.rows("items") {
        has(item, &[("kind", Kind::Text), ("id", Kind::Text), ("object", Kind::Any)])?;
        is_version(item.get("version"))?;
        let Some(object) = item.get("object") else { continue };
        if object.get("id") != item.get("id") {
            return Err(broken("the object's `id`: its item's", "another"));
        }
        let kind = item.get("kind").and_then(Value::as_str).unwrap_or_default();
        of_its_kind(kind, object).map_err(|verdict| match verdict {
            Verdict::Failed { expected, came } => broken(format!("a {kind} with {expected}"), came),
            other => other,
        })?;
    }
    if answer.rows("items").is_empty() { Err(nothing("the account has no activity")) } else { Ok(()) }
}

/// Other kinds are skipped, as clients do.
fn of_its_kind(kind: &str, object: &Value) -> Judged {
    match kind {
        "message" => {
            has(object, &[("number", Kind::Text), ("peer", Kind::Text), ("at", Kind::Text)])?;
            is_one_of(object, "direction", DIRECTIONS)?;
            is_one_of(object, "state", MESSAGE_STATES)
        }
        "call" => {
            has(object, &[("number", Kind::Text), ("started_at", Kind::Text)])?;
            is_one_of(object, "direction", DIRECTIONS)?;
            is_one_of(object, "outcome", OUTCOMES)
        }
        "transaction" => {
            has(object, &[("amount", Kind::Any), ("balance_after", Kind::Any), ("at", Kind::Text)])?;
            is_one_of(object, "type", TYPES)
        }
        "notice" => has(object, &[("code", Kind::Text), ("at", Kind::Text), ("text", Kind::Text)]),
        _ => Ok(()),
    }
}

fn is_version(version: Option<&Value>) -> Judged {
    let version = version.and_then(Value::as_u64).filter(|version| *version > 0);
    version.map(|_| ()).ok_or_else(|| broken("`version`: a whole number from 1", "another"))
}

pub(crate) async fn changes(run: &mut Run) -> Judged {
    let cursor = run.cursor().await?;
    let answer = run.ask(Ask::get(CHANGES).with("since", &cursor)).await?;
    answer.is_fine()?;
    has(&answer.body, &[("changes", Kind::Any), ("next", Kind::Text), ("has_more", Kind::Flag)])?;
    for change in answer.rows("changes") {
        is_change(change)?;
    }
    let next = answer.text("next").unwrap_or_default().to_owned();
    run.ask(Ask::get(CHANGES).with("since", &next)).await?.is_fine()
}

fn is_change(change: &Value) -> Judged {
    has(change, &[("kind", Kind::Text), ("id", Kind::Text), ("seq", Kind::Any)])?;
    is_one_of(change, "op", &["upsert", "delete"])?;
    is_version(change.get("version"))?;
    let is_gone = change.get("op") == Some(&json!("delete"));
    let holds = change.get("object").is_some_and(Value::is_object);
    if is_gone == holds {
        Err(broken("an object with `upsert`, null with `delete`", "another"))
    } else {
        Ok(())
    }
}

pub(crate) async fn bad_cursor(run: &mut Run) -> Judged {
    for nonsense in ["", "no cursor at all", "-1"] {
        let answer = run.ask(Ask::get(CHANGES).with("since", nonsense)).await?;
        answer.is_refused(400, "bad_cursor")?;
    }
    Ok(())
}

pub(crate) async fn expired(run: &mut Run) -> Judged {
    let Some(cursor) = run.options.expired_cursor.clone() else {
        return Err(nothing("no expired cursor is known; --old-cursor names one"));
    };
    let answer = run.ask(Ask::get(CHANGES).with("since", &cursor)).await?;
    answer.is_refused(410, "resync_required")
}

pub(crate) async fn rising(run: &mut Run) -> Judged {
    let scene = run.scene().await?;
    let mut last = None;
    for change in scene.changes() {
        let Some(seq) = change.get("seq").and_then(Value::as_u64) else {
            return Err(broken("`seq`: a whole number", "another"));
        };
        if last.is_some_and(|last| seq <= last) {
            return Err(broken("a greater `seq` than the change before", "the same or a lesser one"));
        }
        last = Some(seq);
    }
    if last.is_some() { Ok(()) } else { Err(nothing("nothing has changed")) }
}

pub(crate) async fn next(run: &mut Run) -> Judged {
    let scene = run.scene().await?;
    let mut since = scene.cursor.clone();
    for (place, page) in scene.pages.iter().enumerate() {
        let rows = page.rows("changes").len();
        if rows > 1 {
            return Err(broken("at most 1 change, as asked for", rows.to_string()));
        }
        let (next, goes_on) = (page.text("next").unwrap_or_default(), page.body.get("has_more"));
        if rows > 0 && next == since {
            return Err(broken("`next` beyond the changes of its page", "where it began"));
        }
        let is_last = place + 1 == scene.pages.len();
        if goes_on == Some(&json!(true)) && (rows == 0 || is_last) {
            return Err(broken("more changes where `has_more` is true", "none, or no end"));
        }
        since = next.to_owned();
    }
    let after = run.ask(Ask::get(CHANGES).with("since", &since)).await?;
    after.is_fine()?;
    // Something else may have happened; what was told already must not come again.
    let told: HashSet<_> = scene.changes().filter_map(|c| Some((c.get("id")?, c.get("version")?))).collect();
    let again = |c: &&Value| c.get("id").zip(c.get("version")).is_some_and(|pair| told.contains(&pair));
    if after.rows("changes").iter().any(|change| again(&change)) {
        return Err(broken("nothing twice after the last `next`", "a change that was told"));
    }
    Ok(())
}

pub(crate) async fn complete(run: &mut Run) -> Judged {
    let scene = run.scene().await?;
    if scene.changes().any(|change| change.get("id").and_then(Value::as_str) == Some(scene.id())) {
        return Ok(());
    }
    Err(broken("the message that was accepted after the cursor was taken", "nothing of it"))
}

pub(crate) async fn versions(run: &mut Run) -> Judged {
    let scene = run.scene().await?;
    if !scene.versions.is_sorted_by(|one, next| one < next) {
        return Err(broken("a higher `version` with each change of the message", "the same or a lower one"));
    }
    let mut highest: HashMap<_, u64> = HashMap::new();
    for change in scene.changes() {
        let key = (change.get("kind"), change.get("id"));
        let version = change.get("version").and_then(Value::as_u64).unwrap_or_default();
        if highest.insert(key, version).is_some_and(|known| known >= version) {
            return Err(broken("a higher `version` at a later place", "the same or a lower one"));
        }
    }
    Ok(())
}
