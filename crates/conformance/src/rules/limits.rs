//! What the server says of its load.

use crate::{
    http::Ask,
    rule::{Judged, broken, nothing},
    run::Run,
};

pub(crate) async fn headers(run: &mut Run) -> Judged {
    let answer = run.ask(Ask::get("/v1/account")).await?;
    let number = |name: &str| answer.header(name).and_then(|value| value.parse::<u64>().ok());
    let missing: Vec<&str> = ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]
        .into_iter()
        .filter(|name| number(name).is_none())
        .collect();
    if !missing.is_empty() {
        return Err(broken(format!("whole numbers in {missing:?}"), "none"));
    }
    let (limit, left) = (number("RateLimit-Limit"), number("RateLimit-Remaining"));
    if left > limit { Err(broken("fewer requests remaining than the limit", "more")) } else { Ok(()) }
}

pub(crate) async fn retry_after(run: &mut Run) -> Judged {
    let scene = run.scene().await;
    let mut hasty = run.notes.iter().filter(|note| note.status == 429).peekable();
    if hasty.peek().is_none() {
        scene?;
        return Err(nothing("nothing was refused for haste; the account's limits leave more"));
    }
    for note in hasty {
        if !note.is_rate_limited {
            return Err(broken("429 `rate_limited`", note.told.clone()));
        }
        if !note.has_retry_after {
            return Err(broken("`Retry-After` in seconds, or as a date", "none"));
        }
    }
    Ok(())
}
