//! How the server says no, and in what form it answers.

use reqwest::Method;
use serde_json::json;

use crate::{
    http::Ask,
    rule::{Judged, broken},
    run::Run,
};

/// As much as a request may hold, and a little more.
const TOO_LARGE: usize = 64 * 1024 + 1024;

pub(crate) async fn not_found(run: &mut Run) -> Judged {
    for path in ["/v1/there-is-no-such-address", "/v1/numbers/there-is-no-such-number"] {
        run.ask(Ask::get(path)).await?.is_refused(404, "not_found")?;
    }
    Ok(())
}

pub(crate) async fn method(run: &mut Run) -> Judged {
    let answer = run.ask(Ask::new(Method::PUT, "/v1/activity/snapshot")).await?;
    answer.is_refused(405, "method_not_allowed")?;
    // RFC 9110 section 15.5.6.
    let allow = answer.header("allow").unwrap_or_default();
    let names_get = allow.split(',').any(|method| method.trim() == "GET");
    if names_get { Ok(()) } else { Err(broken("`Allow` with GET", format!("{allow:?}"))) }
}

pub(crate) async fn head(run: &mut Run) -> Judged {
    let answer = run.ask(Ask::new(Method::HEAD, "/v1/account")).await?;
    if answer.status != 200 {
        return Err(broken("HEAD /v1/account: 200, as GET", answer.status.to_string()));
    }
    if answer.length > 0 { Err(broken("no body", format!("{} bytes", answer.length))) } else { Ok(()) }
}

pub(crate) async fn body(run: &mut Run) -> Judged {
    const PATH: &str = "/v1/messages/quote";
    let broken_off = br#"{"from": "#.to_vec();
    let ask = Ask::new(Method::POST, PATH).body("application/json", broken_off);
    run.ask_if_there(ask).await?.is_refused(400, "bad_request")?;
    let ask = Ask::new(Method::POST, PATH).body("text/plain", b"{}".to_vec());
    let answer = run.ask(ask).await?;
    if answer.status == 415 { Ok(()) } else { Err(broken("a text for JSON: 415", answer.told())) }
}

pub(crate) async fn size(run: &mut Run) -> Judged {
    let body = json!({"from": "", "to": "", "text": "x".repeat(TOO_LARGE)});
    let answer = run.ask_if_there(Ask::post("/v1/messages/quote", &body)).await?;
    if answer.status == 413 { Ok(()) } else { Err(broken("more than 64 KiB: 413", answer.told())) }
}

pub(crate) async fn no_redirect(run: &mut Run) -> Judged {
    run.samples().await?;
    match run.notes.iter().find(|note| (300..400).contains(&note.status)) {
        None => Ok(()),
        Some(note) => Err(broken("an answer at the address itself", note.told.clone())),
    }
}

pub(crate) async fn json_type(run: &mut Run) -> Judged {
    for path in ["/v1/account", "/v1/activity/snapshot"] {
        let answer = run.ask(Ask::get(path)).await?;
        answer.is_fine()?;
        let kind = answer.media_type();
        if kind != "application/json" || !answer.body.is_object() {
            return Err(broken(format!("{path}: an object as application/json"), format!("`{kind}`")));
        }
    }
    Ok(())
}

/// Over every refusal of the run, which is why it comes last.
pub(crate) async fn problem(run: &mut Run) -> Judged {
    const FORM: &str = "application/problem+json with type, title, status and code";
    match run.notes.iter().find_map(|note| note.problem.clone()) {
        None => Ok(()),
        Some(fault) => Err(broken(FORM, fault)),
    }
}
