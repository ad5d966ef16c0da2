//! Carrying faults out on the wire and in the feed, and the limit of requests.
//!
//! Which faults there are stands in [`crate::faults`].

use std::{
    collections::HashMap,
    io,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};

use super::{
    Api, MAX_DOCUMENT_BODY,
    problem::Problem,
    view::{ChangeView, ChangesView},
};
use crate::{
    faults::{Fault, FeedFault},
    model::AccountId,
};

/// How long a request that is to be overtaken waits for another.
const OVERTAKEN_WITHIN: Duration = Duration::from_secs(2);
const MINUTE: Duration = Duration::from_secs(60);
/// Far above the tokens of a sandbox; when strangers make up more, counting begins anew.
const MAX_COUNTED: usize = 1024;

/// How many requests came with which token in the running minute.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<HashMap<Vec<u8>, (Instant, u32)>>);

/// The fault switches.
pub(super) async fn break_on_purpose(State(api): State<Api>, request: Request, next: Next) -> Response {
    let (down, fault) = {
        let mut faults = api.operator.faults();
        (faults.is_down(), faults.take(request.method().as_str(), request.uri().path()))
    };
    if down {
        let why = "The API is switched off.";
        return Problem::of(StatusCode::SERVICE_UNAVAILABLE, "unavailable", why).into_response();
    }
    let Some(fault) = fault else {
        let response = next.run(request).await;
        api.overtaken.notify_waiters();
        return response;
    };
    match fault {
        Fault::Delay { milliseconds } => {
            let response = next.run(request).await;
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            response
        }
        Fault::Drop => broken(),
        Fault::LostAcknowledgement => {
            // Carried out to its end: what it did stays done.
            let _ = next.run(request).await;
            broken()
        }
        Fault::Duplicate => twice(request, next).await,
        Fault::Reorder => {
            // Whoever finishes next has overtaken it.
            let _ = tokio::time::timeout(OVERTAKEN_WITHIN, api.overtaken.notified()).await;
            next.run(request).await
        }
        Fault::RateLimited { retry_after } => Problem::rate_limited(retry_after).into_response(),
        Fault::Status { status } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            Problem::of(status, "unavailable", "Broken on purpose.").into_response()
        }
        Fault::HalfClosed => half_closed(next.run(request).await, api.stop.clone()).await,
    }
}

/// At most so many requests a minute for each token; every answer tells how many are left.
pub(super) async fn limit(State(api): State<Api>, request: Request, next: Next) -> Response {
    let most = api.operator.settings.api_per_minute;
    let (left, reset) = api.counts.count(request.headers(), most);
    let mut response = match left {
        Some(_) => next.run(request).await,
        None => Problem::rate_limited(reset).into_response(),
    };
    let told = [
        ("ratelimit-limit", u64::from(most)),
        ("ratelimit-remaining", left.unwrap_or(0)),
        ("ratelimit-reset", reset),
    ];
    for (name, value) in told {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from(value));
    }
    response
}

impl Counts {
    /// How many requests are left after this one (`None`: this one is too many), and in how many seconds counting
    /// begins anew.
    fn count(&self, headers: &HeaderMap, most: u32) -> (Option<u64>, u64) {
        let now = Instant::now();
        let token = headers.get(header::AUTHORIZATION).map(|v| v.as_bytes().to_vec()).unwrap_or_default();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MAX_COUNTED && !counts.contains_key(&token) {
            counts.clear();
        }
        let (since, count) = counts.entry(token).or_insert((now, 0));
        if now.duration_since(*since) >= MINUTE {
            (*since, *count) = (now, 0);
        }
        let reset = MINUTE.saturating_sub(now.duration_since(*since)).as_millis().div_ceil(1000) as u64;
        if *count >= most {
            return (None, reset);
        }
        *count += 1;
        (Some(u64::from(most - *count)), reset)
    }
}

/// What was last told of each account's feed, to be told again out of order.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<HashMap<AccountId, Vec<ChangeView>>>);

/// A page of changes as the feed's switch has it.
pub(super) fn disorder(api: &Api, account: AccountId, mut page: ChangesView) -> ChangesView {
    let fault = api.operator.faults().feed();
    match fault {
        FeedFault::Doubled => {
            page.changes = page.changes.iter().flat_map(|c| [c.clone(), c.clone()]).collect()
        }
        FeedFault::Reordered if !page.changes.is_empty() => {
            page.changes.reverse();
            let mut told = api.told.0.lock().unwrap_or_else(PoisonError::into_inner);
            let before = told.insert(account, page.changes.clone());
            page.changes.extend(before.unwrap_or_default());
        }
        FeedFault::Ok | FeedFault::Reordered => {}
    }
    page
}

/// An answer that never gets out: the connection breaks.
fn broken() -> Response {
    let lost = stream::once(async { Err::<Vec<u8>, _>(io::Error::from(io::ErrorKind::ConnectionReset)) });
    Response::new(Body::from_stream(lost))
}

/// The request comes twice, as after a repetition on its way; the second answer is the one that gets through.
async fn twice(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_DOCUMENT_BODY).await else { return broken() };
    let _ = next.clone().run(Request::from_parts(parts.clone(), Body::from(bytes.clone()))).await;
    next.run(Request::from_parts(parts, Body::from(bytes))).await
}

/// The answer begins and never goes on, until the sandbox stops.
async fn half_closed(response: Response, stop: tokio_util::sync::CancellationToken) -> Response {
    let (mut parts, body) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    // A stream of events gets as far as its headers.
    let is_stream = parts
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    let beginning = if is_stream {
        Vec::new()
    } else {
        let bytes = to_bytes(body, MAX_DOCUMENT_BODY).await.unwrap_or_default();
        bytes.get(..bytes.len() / 2).unwrap_or_default().to_vec()
    };
    let begun = stream::once(async { Ok::<_, io::Error>(beginning) });
    let silence = stream::pending().take_until(stop.cancelled_owned());
    Response::from_parts(parts, Body::from_stream(begun.chain(silence)))
}
