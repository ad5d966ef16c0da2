//! What an SMS would come to.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    http::{Answer, Ask},
    rule::{Judged, Verdict, broken, nothing},
    run::Run,
};

const QUOTE: &str = "/v1/messages/quote";

pub(crate) async fn quote(run: &mut Run) -> Judged {
    // 3GPP TS 23.038 and 23.040: 160 septets or 70 units in one, 153 or 67 in each of several; the brace takes two.
    for (text, segments, encoding) in [
        ("a".repeat(160), 1, "gsm7"),
        ("a".repeat(161), 2, "gsm7"),
        ("{".repeat(80), 1, "gsm7"),
        ("{".repeat(81), 2, "gsm7"),
        ("ж".repeat(70), 1, "ucs2"),
        ("ж".repeat(71), 2, "ucs2"),
    ] {
        let answer = ask(run, &text).await?;
        answer.is_fine()?;
        if !answer.body.get("allowed").is_some_and(Value::is_boolean) {
            return Err(broken("`allowed`: true or false", answer.told()));
        }
        let counted = (answer.body.get("segments"), answer.text("encoding"));
        if counted != (Some(&json!(segments)), Some(encoding)) {
            let of = format!("{} characters: {segments} of {encoding}", text.chars().count());
            return Err(broken(of, "another count"));
        }
    }
    Ok(())
}

pub(crate) async fn quote_is_free(run: &mut Run) -> Judged {
    let cursor = run.cursor().await?;
    let said = format!("Quoted: {}", run.word);
    ask(run, &said).await?;
    let changes = run.ask(Ask::get("/v1/activity/changes").with("since", &cursor)).await?;
    changes.is_fine()?;
    let text = |change: &Value| change.pointer("/object/text").and_then(Value::as_str) == Some(&said);
    let is_sent = changes.rows("changes").iter().any(text);
    if is_sent { Err(broken("nothing in the feed", "a message")) } else { Ok(()) }
}

pub(crate) async fn delete(run: &mut Run) -> Judged {
    let scene = run.scene().await?;
    let (id, cursor, key) = (scene.id().to_owned(), scene.cursor.clone(), scene.key.clone());
    let path = format!("/v1/messages/{id}");
    let gone = run.ask_if_there(Ask::new(Method::DELETE, &path)).await?;
    if gone.code() == tern_provider::NOT_YET {
        return Err(nothing("the message has not left yet"));
    }
    if gone.status != 204 {
        return Err(broken("204", gone.told()));
    }
    run.ask(Ask::new(Method::DELETE, &path)).await?.is_refused(404, "not_found")?;
    let found = run.ask(Ask::get("/v1/messages").with("idempotency_key", &key)).await?;
    found.is_fine()?;
    if !found.rows("messages").is_empty() {
        return Err(broken("none for the key of a deleted message", "a message"));
    }
    let changes = run.ask(Ask::get("/v1/activity/changes").with("since", &cursor)).await?;
    changes.is_fine()?;
    let mut of = changes.rows("changes").iter().filter(|c| c.get("id").and_then(Value::as_str) == Some(&id));
    match of.next_back().map(|change| (change.get("op"), change.get("object"))) {
        Some((Some(op), None | Some(Value::Null))) if op == "delete" => Ok(()),
        _ => Err(broken("`delete` in the feed", "the message, or nothing of it")),
    }
}

pub(crate) async fn unknown_fields(run: &mut Run) -> Judged {
    let (from, to) = own_numbers(run).await?;
    let plain = json!({"from": from, "to": to, "text": "?"});
    let more = json!({"from": from, "to": to, "text": "?", "x_unknown": {"to": [1]}});
    let known = run.ask_if_there(Ask::post(QUOTE, &plain)).await?;
    let unknown = run.ask(Ask::post(QUOTE, &more)).await?;
    let same = |field: &str| known.body.get(field) == unknown.body.get(field);
    if unknown.status != known.status || !same("allowed") || !same("segments") {
        return Err(broken("the same answer with a field more", unknown.told()));
    }
    let account = run.ask(Ask::get("/v1/account").with("x_unknown", "1")).await?;
    account.is_fine()
}

async fn ask(run: &mut Run, text: &str) -> Result<Answer, Verdict> {
    let (from, to) = own_numbers(run).await?;
    run.ask_if_there(Ask::post(QUOTE, &json!({"from": from, "to": to, "text": text}))).await
}

/// From and to; a quote needs no more than that they are numbers.
async fn own_numbers(run: &mut Run) -> Result<(String, String), Verdict> {
    let numbers = run.ask_if_there(Ask::get("/v1/numbers")).await?;
    let mut own = numbers.rows("numbers").iter().filter_map(|n| n.get("e164")?.as_str().map(str::to_owned));
    let from = own.next().ok_or_else(|| nothing("the account has no number"))?;
    let to = own.next().unwrap_or_else(|| from.clone());
    Ok((from, to))
}
