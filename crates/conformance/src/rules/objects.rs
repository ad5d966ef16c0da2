//! The account, its numbers, its SIP credentials, its rates and top-ups: what each object must have.

use serde_json::{Value, json};

use crate::{
    http::{Ask, is_loopback},
    rule::{Judged, broken, nothing},
    run::Run,
};

const STATES: &[&str] = &["active", "suspended", "expired", "deleted"];

pub(crate) async fn account(run: &mut Run) -> Judged {
    let answer = run.ask(Ask::get("/v1/account")).await?;
    answer.is_fine()?;
    has(&answer.body, &[("id", Kind::Text), ("name", Kind::Text), ("balance", Kind::Any)])
}

pub(crate) async fn numbers(run: &mut Run) -> Judged {
    let answer = run.ask_if_there(Ask::get("/v1/numbers")).await?;
    answer.is_fine()?;
    let Some(rows) = answer.body.get("numbers").and_then(Value::as_array) else {
        return Err(broken("`numbers`, an array", answer.told()));
    };
    for row in rows {
        let texts = [("id", Kind::Text), ("e164", Kind::Text), ("country", Kind::Text)];
        has(row, &texts)?;
        has(row, &[("calls", Kind::Flag), ("sms", Kind::Flag)])?;
        is_one_of(row, "state", STATES)?;
    }
    Ok(())
}

pub(crate) async fn sip(run: &mut Run) -> Judged {
    let answer = run.ask(Ask::get("/v1/sip")).await?;
    match answer.status {
        403 => return Err(nothing("this token lacks the scope `sip`")),
        404 => return answer.is_refused(404, "sip_not_issued"),
        _ => answer.is_fine()?,
    }
    let texts = ["user", "domain", "password", "proxy"].map(|field| (field, Kind::Text));
    has(&answer.body, &texts)?;
    let proxy = answer.text("proxy").unwrap_or_default();
    let port = proxy.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    if port.is_some() { Ok(()) } else { Err(broken("`proxy`: host:port", "no port")) }
}

pub(crate) async fn emergency(run: &mut Run) -> Judged {
    for to in ["112", "911"] {
        let answer = run.ask_if_there(Ask::get("/v1/rates").with("to", to)).await?;
        answer.is_fine()?;
        let refused = answer.body.get("allowed") == Some(&json!(false));
        if !refused || answer.code() != "emergency_not_supported" {
            return Err(broken(format!("{to}: not allowed, `emergency_not_supported`"), answer.told()));
        }
    }
    Ok(())
}

pub(crate) async fn topup_amount(run: &mut Run) -> Judged {
    // Refused by whoever keeps the rule; elsewhere a top-up begins that nobody pays.
    for (amount, key) in [("0.01", "low"), ("25.005", "fine")] {
        let (key, body) = (format!("{}-{key}", run.word), json!({"amount": amount}));
        let ask = Ask::post("/v1/topups", &body).key(&key);
        let answer = run.ask_if_there(ask).await?;
        if answer.status == 403 {
            return Err(nothing("this token lacks the scope `money`"));
        }
        answer.is_refused(422, "topup_amount")?;
    }
    Ok(())
}

pub(crate) async fn topup_begin(run: &mut Run) -> Judged {
    let cursor = run.cursor().await?;
    let (key, body) = (format!("{}-begin", run.word), json!({"amount": "25.00"}));
    let begun = run.ask_if_there(Ask::post("/v1/topups", &body).key(&key)).await?;
    if begun.status != 201 {
        return Err(broken("POST /v1/topups: 201", begun.told()));
    }
    has(&begun.body, &[("id", Kind::Text), ("checkout_url", Kind::Text)])?;
    is_one_of(&begun.body, "state", &["pending"])?;
    let url = begun.text("checkout_url").unwrap_or_default().parse::<url::Url>().ok();
    if !url.is_some_and(|url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url))) {
        return Err(broken("`checkout_url`: an https address", "another"));
    }
    let path = format!("/v1/topups/{}", begun.text("id").unwrap_or_default());
    let shown = run.ask(Ask::get(&path)).await?;
    shown.is_fine()?;
    is_one_of(&shown.body, "state", &["pending"])?;
    let id = begun.text("id");
    let changes = run.ask(Ask::get("/v1/activity/changes").with("since", &cursor)).await?;
    let is_its = |change: &&Value| change.pointer("/object/reference").and_then(Value::as_str) == id;
    if changes.rows("changes").iter().any(|change| is_its(&change)) {
        return Err(broken("no row of the ledger before it is paid", "one"));
    }
    Ok(())
}

/// What a field holds.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Any,
    Text,
    Flag,
}

/// Holds that an object has these fields.
pub(super) fn has(object: &Value, fields: &[(&str, Kind)]) -> Judged {
    for (field, kind) in fields {
        let value = object.get(field).unwrap_or(&Value::Null);
        let (fits, word) = match kind {
            Kind::Any => (!value.is_null(), "something"),
            Kind::Text => (value.as_str().is_some_and(|text| !text.is_empty()), "a text"),
            Kind::Flag => (value.is_boolean(), "true or false"),
        };
        if !fits {
            return Err(broken(format!("`{field}`: {word}"), "none"));
        }
    }
    Ok(())
}

/// Holds a field against the words it may be.
pub(super) fn is_one_of(object: &Value, field: &str, words: &[&str]) -> Judged {
    let word = object.get(field).and_then(Value::as_str).unwrap_or_default();
    if words.contains(&word) {
        Ok(())
    } else {
        Err(broken(format!("`{field}`: one of {words:?}"), "another"))
    }
}
