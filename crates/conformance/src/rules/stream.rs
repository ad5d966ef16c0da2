//! The stream of hints.

use std::time::Duration;

use futures_util::StreamExt;
use reqwest::Response;
use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    http::{Ask, read},
    rule::{Judged, broken, nothing},
    run::Run,
};

const STREAM: &str = "/v1/activity/stream";
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long the network and the server may take besides.
const GRACE: Duration = Duration::from_secs(3);
const AT_ONCE: Duration = Duration::from_secs(5);
/// Far above an event of this stream.
const MAX_EVENT: usize = 64 * 1024;

pub(crate) async fn opens(run: &mut Run) -> Judged {
    let stream = open(run, None).await?;
    let kind = stream.headers().get("content-type").and_then(|value| value.to_str().ok());
    if stream.status() != 200 || !kind.is_some_and(|kind| kind.starts_with("text/event-stream")) {
        let came = format!("{} {}", stream.status().as_u16(), kind.unwrap_or_default());
        return Err(broken(format!("GET {STREAM}: 200 text/event-stream"), came));
    }
    let refused = run.http.open(Ask::get(STREAM), Some("no cursor at all")).await?;
    if refused.status() == 200 {
        return Err(broken("400 `bad_cursor` for a Last-Event-ID that is none", "a stream"));
    }
    let answer = read(&format!("GET {STREAM}"), refused).await?;
    run.note(&answer);
    answer.is_refused(400, "bad_cursor")
}

pub(crate) async fn keep_alive(run: &mut Run) -> Judged {
    if run.options.listen < KEEP_ALIVE {
        return Err(nothing("the stream is not listened to for long enough"));
    }
    let stream = open(run, None).await?;
    let mut chunks = stream.bytes_stream();
    let patience = run.options.listen.max(KEEP_ALIVE + GRACE);
    match timeout(patience, chunks.next()).await {
        Ok(Some(Ok(_))) => Ok(()),
        Ok(_) => Err(broken("a stream that stays open", "its end")),
        Err(_) => Err(broken("a comment or an event within 15 seconds", "silence")),
    }
}

pub(crate) async fn hints(run: &mut Run) -> Judged {
    let scene = run.scene().await?;
    let stream = open(run, Some(&scene.cursor)).await?;
    let Some(event) = first_event(stream).await else {
        return Err(broken("an event at once, for something has changed since", "none"));
    };
    if event.name != "changed" {
        return Err(broken("an event `changed`", "another"));
    }
    let rows = serde_json::from_str::<serde_json::Value>(&event.data).ok();
    if rows.is_none_or(|data| data.as_object().is_none_or(|fields| !fields.is_empty())) {
        return Err(broken("data `{}`: a hint, not rows", "another"));
    }
    let answer = run.ask(Ask::get("/v1/activity/changes").with("since", &event.id)).await?;
    if answer.status != 200 || event.id == scene.cursor {
        return Err(broken("an id that is the cursor of the latest change", answer.told()));
    }
    Ok(())
}

async fn open(run: &mut Run, last_event: Option<&str>) -> Result<Response, crate::rule::Verdict> {
    let response = run.http.open(Ask::get(STREAM), last_event).await?;
    if matches!(response.status().as_u16(), 404 | 405 | 501) {
        return Err(nothing("the server has no stream"));
    }
    Ok(response)
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Event {
    id: String,
    name: String,
    data: String,
}

/// The first event that comes at once; comments are no events.
async fn first_event(stream: Response) -> Option<Event> {
    let (end, mut chunks, mut text) = (Instant::now() + AT_ONCE, stream.bytes_stream(), String::new());
    while let Ok(Some(Ok(chunk))) = timeout_at(end, chunks.next()).await {
        // What is not UTF-8 fits no field that is looked at.
        text.push_str(&String::from_utf8_lossy(&chunk).replace("\r\n", "\n"));
        while let Some((block, rest)) = text.split_once("\n\n") {
            let event = parse(block);
            text = rest.to_owned();
            if event != Event::default() {
                return Some(event);
            }
        }
        if text.len() > MAX_EVENT {
            return None;
        }
    }
    None
}

/// A block of lines (HTML Standard, section 9.2.6).
fn parse(block: &str) -> Event {
    let mut event = Event::default();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => event.id = value.into(),
            "event" => event.name = value.into(),
            "data" => event.data.push_str(value),
            _ => {}
        }
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_told_from_comments() {
        assert_eq!(parse(": still here"), Event::default());
        let event = Event { id: "c-7".into(), name: "changed".into(), data: "{}".into() };
        assert_eq!(parse("event: changed\nid:c-7\ndata: {}"), event);
    }
}
