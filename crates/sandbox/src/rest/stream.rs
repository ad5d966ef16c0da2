//! The stream of hints (server-sent events): "something has changed, ask `changes`". Losing one costs nothing but
//! time.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::watch;

use super::{
    Api,
    activity::{read_cursor, write_cursor},
    extract::Caller,
    problem::Problem,
};

const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Hints that `changes` has something new.
///
/// Each event is `changed`, its id the cursor of the latest change. The first comes at once if anything has changed
/// since `Last-Event-ID`.
#[utoipa::path(get, path = "/v1/activity/stream", operation_id = "activity_stream", tag = "activity", security(("token" = [])),
    params(("Last-Event-ID" = Option<String>, Header, description = "The last cursor the client knows")),
    responses(
    (status = 200, content_type = "text/event-stream", body = String),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "`bad_cursor`"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 410, body = Problem, content_type = "application/problem+json", description = "`resync_required`"),
))]
pub(super) async fn stream(
    State(api): State<Api>,
    Caller(account): Caller,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    // Subscribed before the cursor is judged, so a change in between is not missed.
    let feed = api.operator.feed(account.id);
    let known = match headers.get("last-event-id").and_then(|v| v.to_str().ok()) {
        Some(cursor) => read_cursor(&api.operator.epoch, cursor, &account)?,
        None => account.seq,
    };
    let events = hints(feed, known, api.operator.epoch.clone());
    let until_stopped = events.take_until(api.stop.clone().cancelled_owned());
    Ok(Sse::new(until_stopped).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

fn hints(
    feed: watch::Receiver<u64>,
    known: u64,
    epoch: String,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    stream::unfold((feed, known, epoch), |(mut feed, known, epoch)| async move {
        let latest = *feed.wait_for(|latest| *latest > known).await.ok()?;
        let event = Event::default().id(write_cursor(&epoch, latest)).event("changed").data("{}");
        Some((Ok(event), (feed, latest, epoch)))
    })
}
