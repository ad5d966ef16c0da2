//! A copy of the sandbox that breaks one promise: a server that passes everything on and changes one thing.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing; but nobody would know that it is a sandbox.
    NoMarker,
    PathMissing,
    NoScheme,
    OpenToAll,
    NoChallenge,
    NoScopes,
    RevokedWorks,
    LostIsEmpty,
    MethodIsNotFound,
    NoHead,
    BadJsonIs422,
    AnySize,
    Redirects,
    JsonAsText,
    UnknownFieldsRefused,
    MoneyAsFloat,
    TimesWithoutZone,
    NumbersWithoutPlus,
    NoLimitHeaders,
    PageRepeats,
    AnyPage,
    NoName,
    UnknownState,
    NoPassword,
    CursorPerPage,
    VersionZero,
    NoNext,
    BadCursorIsNew,
    ExpiredIsEmpty,
    StreamIsJson,
    SumsWrong,
    SegmentsWrong,
    QuoteSends,
    EmergencyAllowed,
    AnyAmount,
    NoKeyNeeded,
    ReplayMakesTwo,
    ConflictIsReplay,
    RefusalUsesKey,
    LookupFindsNone,
    ChargedTwice,
    SeqDoubled,
    MoreThanIsThere,
    MessageLost,
    VersionStands,
    StreamIdNoCursor,
    DeletesNothing,
    PaidAtOnce,
    NoRetryAfter,
    PlainErrors,
}

impl Fault {
    /// Each with the rule it breaks.
    pub(crate) const ALL: &[(Self, &str)] = &[
        (Self::PathMissing, "openapi.document"),
        (Self::NoScheme, "openapi.security"),
        (Self::OpenToAll, "token.required"),
        (Self::NoChallenge, "token.challenge"),
        (Self::NoScopes, "token.scopes"),
        (Self::RevokedWorks, "token.revoked"),
        (Self::LostIsEmpty, "errors.not-found"),
        (Self::MethodIsNotFound, "errors.method"),
        (Self::NoHead, "errors.head"),
        (Self::BadJsonIs422, "errors.body"),
        (Self::AnySize, "errors.size"),
        (Self::Redirects, "errors.no-redirect"),
        (Self::JsonAsText, "json.type"),
        (Self::UnknownFieldsRefused, "json.unknown-fields"),
        (Self::MoneyAsFloat, "values.money"),
        (Self::TimesWithoutZone, "values.times"),
        (Self::NumbersWithoutPlus, "values.numbers"),
        (Self::NoLimitHeaders, "limits.headers"),
        (Self::PageRepeats, "lists.pages"),
        (Self::AnyPage, "lists.bad-page"),
        (Self::NoName, "account.fields"),
        (Self::UnknownState, "numbers.fields"),
        (Self::NoPassword, "sip.credentials"),
        (Self::CursorPerPage, "feed.snapshot"),
        (Self::VersionZero, "feed.objects"),
        (Self::NoNext, "feed.changes"),
        (Self::BadCursorIsNew, "feed.bad-cursor"),
        (Self::ExpiredIsEmpty, "feed.expired"),
        (Self::StreamIsJson, "stream.opens"),
        (Self::SumsWrong, "ledger.adds-up"),
        (Self::SegmentsWrong, "messages.quote"),
        (Self::QuoteSends, "messages.quote-free"),
        (Self::EmergencyAllowed, "rates.emergency"),
        (Self::AnyAmount, "topups.amount"),
        (Self::NoKeyNeeded, "keys.required"),
        (Self::ReplayMakesTwo, "keys.replay"),
        (Self::ConflictIsReplay, "keys.conflict"),
        (Self::RefusalUsesKey, "keys.refused-stays-free"),
        (Self::LookupFindsNone, "keys.lookup"),
        (Self::ChargedTwice, "keys.once"),
        (Self::SeqDoubled, "feed.rising"),
        (Self::MoreThanIsThere, "feed.next"),
        (Self::MessageLost, "feed.complete"),
        (Self::VersionStands, "feed.versions"),
        (Self::StreamIdNoCursor, "stream.hints"),
        (Self::DeletesNothing, "messages.delete"),
        (Self::PaidAtOnce, "topups.begin"),
        (Self::NoRetryAfter, "limits.retry-after"),
        (Self::PlainErrors, "errors.problem"),
    ];
}

/// The copy, while it is held.
pub(crate) struct Copy {
    pub(crate) url: String,
    state: Arc<Passage>,
    task: tokio::task::JoinHandle<()>,
}

struct Passage {
    fault: Fault,
    behind: String,
    token: String,
    client: reqwest::Client,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// What was carried out that changes something.
    done: Vec<String>,
    /// Keys that have come, with the first body.
    keys: Vec<(String, Bytes)>,
    last_change: Option<Value>,
}

impl Copy {
    pub(crate) async fn start(behind: &str, token: &str, fault: Fault) -> Self {
        // Whoever comes first installs it; a second time means the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        let state = Arc::new(Passage {
            fault,
            behind: behind.to_owned(),
            token: token.to_owned(),
            client,
            memory: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let app = Router::new().fallback(pass).with_state(state.clone());
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Self { url, state, task }
    }

    /// Requests that were not reads and not refused.
    pub(crate) fn carried_out(&self) -> Vec<String> {
        self.state.memory.lock().expect("nobody panicked").done.clone()
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A request on its way through.
struct Asked {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Asked {
    fn header(&self, name: &str) -> Option<String> {
        Some(self.headers.get(name)?.to_str().ok()?.to_owned())
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"));
    }

    fn bearer(&mut self, token: &str) {
        self.set("authorization", &format!("Bearer {token}"));
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// An answer on its way back.
struct Answered {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answered {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    fn put(&mut self, body: &Value) {
        self.body = body.to_string().into_bytes().into();
    }

    fn change(&mut self, change: impl FnOnce(&mut Value)) {
        let mut body = self.json();
        if body.is_object() {
            change(&mut body);
            self.put(&body);
        }
    }

    fn become_problem(&mut self, status: u16, code: &str) {
        self.status = status;
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        self.put(
            &json!({"type": "about:blank", "title": "No", "status": status, "code": code, "detail": "No."}),
        );
    }

    fn become_json(&mut self, body: &Value) {
        self.status = 200;
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.put(body);
    }

    fn is_code(&self, code: &str) -> bool {
        self.json()["code"] == code
    }
}

impl Passage {
    /// On to the sandbox.
    async fn forward(&self, asked: &Asked) -> Result<reqwest::Response, reqwest::Error> {
        let url = format!("{}{}{}", self.behind, asked.path, asked.query);
        let mut headers = asked.headers.clone();
        headers.remove(header::HOST);
        headers.remove(header::CONTENT_LENGTH);
        self.client.request(asked.method.clone(), url).headers(headers).body(asked.body.clone()).send().await
    }

    /// Sets the sandbox's clock ahead.
    async fn ahead(&self, by: &str) {
        let url = format!("{}/sandbox/clock", self.behind);
        let body = json!({ "advance": by }).to_string();
        let set = self.client.post(url).header(header::CONTENT_TYPE, "application/json").body(body).send();
        let status = set.await.expect("the sandbox").status();
        assert!(status.is_success(), "{status}");
    }

    async fn ask(&self, asked: &Asked) -> Answered {
        match self.forward(asked).await {
            Ok(response) => {
                let (status, headers) = (response.status().as_u16(), response.headers().clone());
                Answered { status, headers, body: response.bytes().await.unwrap_or_default() }
            }
            Err(error) => panic!("the sandbox: {error}"),
        }
    }
}

async fn pass(State(passage): State<Arc<Passage>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut asked = Asked {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query,
        headers: parts.headers,
        body: to_bytes(body, 1 << 20).await.unwrap_or_default(),
    };
    if asked.path == "/v1/activity/stream" {
        return stream(&passage, asked).await;
    }
    if let Some(answer) = before(&passage, &mut asked).await {
        return finish(answer);
    }
    let mut answer = passage.ask(&asked).await;
    if asked.method != Method::GET && asked.method != Method::HEAD && answer.status < 300 {
        let done = format!("{} {}", asked.method, asked.path);
        passage.memory.lock().expect("nobody panicked").done.push(done);
    }
    after(&passage, &asked, &mut answer).await;
    finish(answer)
}

fn finish(mut answer: Answered) -> Response {
    answer.headers.remove(header::CONTENT_LENGTH);
    answer.headers.remove(header::TRANSFER_ENCODING);
    let status = StatusCode::from_u16(answer.status).expect("a status");
    (status, answer.headers, Body::from(answer.body)).into_response()
}

async fn stream(passage: &Passage, asked: Asked) -> Response {
    let response = passage.forward(&asked).await.expect("the sandbox");
    let (status, mut headers) = (response.status(), response.headers().clone());
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::TRANSFER_ENCODING);
    if passage.fault == Fault::StreamIsJson && status == 200 && asked.header("last-event-id").is_none() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let spoils = passage.fault == Fault::StreamIdNoCursor && status == 200;
    use futures_util::StreamExt;
    let chunks = response.bytes_stream().map(move |chunk| {
        chunk.map(|bytes| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if spoils { Bytes::from(text.replace("id: ", "id: event/")) } else { bytes }
        })
    });
    (status, headers, Body::from_stream(chunks)).into_response()
}

/// What is broken before the sandbox hears of it: an answer of our own, or a request that is changed.
async fn before(passage: &Passage, asked: &mut Asked) -> Option<Answered> {
    let own = |status: u16, code: &str| {
        let mut answer = Answered { status, headers: HeaderMap::new(), body: Bytes::new() };
        answer.become_problem(status, code);
        Some(answer)
    };
    let key = asked.header("idempotency-key");
    let bearer = asked.header("authorization").unwrap_or_default();
    match passage.fault {
        Fault::OpenToAll if bearer.is_empty() => asked.bearer(&passage.token),
        Fault::NoHead if asked.method == Method::HEAD => return own(405, "method_not_allowed"),
        Fault::AnySize if asked.body.len() > 64 * 1024 => {
            asked.body = Bytes::from_static(b"{\"from\":\"\",\"to\":\"\",\"text\":\"\"}")
        }
        Fault::UnknownFieldsRefused if asked.json().get("x_unknown").is_some() => {
            return own(400, "bad_request");
        }
        Fault::DeletesNothing
            if asked.method == Method::DELETE && asked.path.starts_with("/v1/messages/") =>
        {
            return Some(Answered { status: 204, headers: HeaderMap::new(), body: Bytes::new() });
        }
        Fault::AnyPage if asked.query.contains("never") => asked.query = String::new(),
        Fault::NoKeyNeeded if asked.path == "/v1/messages" && key.is_none() => {
            asked.set("idempotency-key", "made-up")
        }
        Fault::AnyAmount if asked.json()["amount"] == "25.005" => {
            asked.body = Bytes::from_static(b"{\"amount\":\"25.00\"}");
        }
        Fault::BadCursorIsNew
            if asked.path == "/v1/activity/changes" && asked.query.contains("no+cursor") =>
        {
            let mut snapshot =
                Asked { path: "/v1/activity/snapshot".into(), query: "?limit=1".into(), ..copy_of(asked) };
            snapshot.method = Method::GET;
            let cursor =
                passage.ask(&snapshot).await.json()["cursor"].as_str().unwrap_or_default().to_owned();
            asked.query = format!("?since={cursor}");
        }
        Fault::QuoteSends if asked.path == "/v1/messages/quote" => {
            let text = asked.json()["text"].as_str().unwrap_or_default().to_owned();
            if text.starts_with("Quoted:") {
                let mut message = Asked { path: "/v1/messages".into(), ..copy_of(asked) };
                message.set("idempotency-key", &text);
                let sent = passage.ask(&message).await;
                assert_eq!(sent.status, 201, "{:?}", sent.json());
                // The limit is one a second by the sandbox's clock; what follows is to find it as it was.
                passage.ahead("PT2S").await;
            }
        }
        Fault::ReplayMakesTwo | Fault::ConflictIsReplay if asked.method == Method::POST => {
            if let Some(key) = key.filter(|key| key.len() <= 200) {
                let known = {
                    let mut memory = passage.memory.lock().expect("nobody panicked");
                    let known = memory.keys.iter().find(|(old, _)| *old == key).map(|(_, body)| body.clone());
                    if known.is_none() {
                        memory.keys.push((key.clone(), asked.body.clone()));
                    }
                    known
                };
                match known {
                    Some(body)
                        if passage.fault == Fault::ConflictIsReplay && asked.path == "/v1/messages" =>
                    {
                        asked.body = body;
                    }
                    Some(body) if passage.fault == Fault::ReplayMakesTwo && body == asked.body => {
                        asked.set("idempotency-key", &format!("{key}-second"));
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
    None
}

fn copy_of(asked: &Asked) -> Asked {
    Asked {
        method: asked.method.clone(),
        path: asked.path.clone(),
        query: asked.query.clone(),
        headers: asked.headers.clone(),
        body: asked.body.clone(),
    }
}

/// What is broken on the way back.
async fn after(passage: &Passage, asked: &Asked, answer: &mut Answered) {
    let is_get = asked.method == Method::GET;
    let changes = asked.path == "/v1/activity/changes" && answer.status == 200;
    let snapshot = asked.path == "/v1/activity/snapshot" && answer.status == 200;
    match passage.fault {
        Fault::NoMarker if asked.path == "/openapi.json" => answer.change(|body| {
            body["info"].as_object_mut().expect("info").remove("x-tern-check");
        }),
        Fault::PathMissing if asked.path == "/openapi.json" => answer.change(|body| {
            body["paths"].as_object_mut().expect("paths").remove("/v1/activity/changes");
        }),
        Fault::NoScheme if asked.path == "/openapi.json" => answer.change(|body| {
            body["components"].as_object_mut().expect("components").remove("securitySchemes");
        }),
        Fault::NoChallenge => drop(answer.headers.remove(header::WWW_AUTHENTICATE)),
        Fault::NoScopes if answer.is_code("insufficient_scope") => {
            let mut wide = copy_of(asked);
            wide.bearer(&passage.token);
            *answer = passage.ask(&wide).await;
        }
        Fault::RevokedWorks
            if answer.status == 401 && asked.header("authorization").is_some_and(|t| t.contains("sbx_")) =>
        {
            let mut wide = copy_of(asked);
            wide.bearer(&passage.token);
            *answer = passage.ask(&wide).await;
        }
        Fault::LostIsEmpty if is_get && answer.is_code("not_found") => answer.become_json(&json!({})),
        Fault::MethodIsNotFound if answer.status == 405 => answer.become_problem(404, "not_found"),
        Fault::BadJsonIs422 if answer.is_code("bad_request") && answer.status == 400 => {
            answer.become_problem(422, "bad_request");
        }
        Fault::Redirects if is_get && asked.path == "/v1/catalogue" => {
            answer.status = 301;
            answer.headers.insert(header::LOCATION, HeaderValue::from_static("/v2/catalogue"));
        }
        Fault::JsonAsText if is_get && asked.path == "/v1/account" && answer.status == 200 => {
            answer.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
        }
        Fault::MoneyAsFloat if is_get && asked.path == "/v1/account" && answer.status == 200 => {
            answer.change(|body| {
                let text = body["balance"]["amount"].as_str().expect("an amount").to_owned();
                body["balance"]["amount"] = serde_json::from_str(&text).expect("a number");
            });
        }
        Fault::TimesWithoutZone if asked.path == "/v1/transactions" => answer.change(|body| {
            for row in body["transactions"].as_array_mut().into_iter().flatten() {
                let at = row["at"].as_str().expect("a time").trim_end_matches('Z').to_owned();
                row["at"] = at.into();
            }
        }),
        Fault::NumbersWithoutPlus if asked.path == "/v1/calls" => answer.change(|body| {
            for row in body["calls"].as_array_mut().into_iter().flatten() {
                row["number"] = row["number"].as_str().expect("a number").trim_start_matches('+').into();
            }
        }),
        Fault::NoLimitHeaders => {
            for name in ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"] {
                answer.headers.remove(name);
            }
        }
        Fault::PageRepeats
            if asked.path == "/v1/transactions" && asked.query.contains("page=") && answer.status == 200 =>
        {
            let mut first = copy_of(asked);
            first.query = "?limit=3".into();
            *answer = passage.ask(&first).await;
        }
        Fault::NoName if asked.path == "/v1/account" => answer.change(|body| {
            body.as_object_mut().expect("an account").remove("name");
        }),
        Fault::UnknownState if asked.path == "/v1/numbers" => {
            answer.change(|body| body["numbers"][0]["state"] = "sleeping".into());
        }
        Fault::NoPassword if asked.path == "/v1/sip" => answer.change(|body| body["password"] = Value::Null),
        Fault::CursorPerPage if snapshot && asked.query.contains("page=") => {
            answer
                .change(|body| body["cursor"] = format!("{}0", body["cursor"].as_str().expect("one")).into());
        }
        Fault::VersionZero if snapshot => answer.change(|body| body["items"][0]["version"] = 0.into()),
        Fault::NoNext if changes && !asked.query.contains("limit=1") => answer.change(|body| {
            if body["changes"].as_array().is_some_and(Vec::is_empty) {
                body.as_object_mut().expect("a page").remove("next");
            }
        }),
        Fault::ExpiredIsEmpty if answer.status == 410 => {
            answer.become_json(&json!({"changes": [], "next": "x", "has_more": false}));
        }
        Fault::SumsWrong if asked.path == "/v1/transactions" && asked.query.contains("limit=100") => {
            answer.change(|body| body["transactions"][1]["balance_after"]["amount"] = "123456.78".into());
        }
        Fault::SegmentsWrong if asked.path == "/v1/messages/quote" && answer.status == 200 => {
            answer.change(|body| {
                if body["encoding"] == "ucs2" {
                    body["segments"] = (body["segments"].as_u64().expect("a count") + 1).into();
                }
            })
        }
        Fault::EmergencyAllowed if asked.path == "/v1/rates" => {
            answer.change(|body| body["allowed"] = true.into())
        }
        Fault::RefusalUsesKey if asked.path == "/v1/topups" => {
            let key = asked.header("idempotency-key").unwrap_or_default();
            if key.ends_with("-free") && answer.status == 201 {
                answer.become_problem(409, "idempotency_conflict");
            }
        }
        Fault::LookupFindsNone if asked.query.contains("idempotency_key=") => {
            answer.change(|body| body["messages"] = json!([]));
        }
        Fault::ChargedTwice if changes && asked.query.contains("limit=1") => {
            answer.change(|body| charge_twice(passage, body))
        }
        Fault::SeqDoubled if changes && asked.query.contains("limit=1") => answer.change(|body| {
            let mut memory = passage.memory.lock().expect("nobody panicked");
            let Some(change) = body["changes"].get_mut(0) else { return };
            if let Some(last) = memory.last_change.replace(change["seq"].clone()) {
                change["seq"] = last;
            }
        }),
        Fault::MoreThanIsThere if changes && asked.query.contains("limit=1") => {
            answer.change(|body| body["has_more"] = true.into());
        }
        Fault::MessageLost if changes => answer.change(|body| {
            let rows = body["changes"].as_array_mut().expect("changes");
            // Of what is deleted another rule asks.
            for row in rows.iter_mut().filter(|row| row["kind"] == "message" && row["op"] != "delete") {
                row["id"] = "msg_of_somebody_else".into();
            }
        }),
        Fault::VersionStands if changes && !asked.query.contains("limit=1") => answer.change(|body| {
            for row in body["changes"].as_array_mut().into_iter().flatten() {
                row["version"] = 1.into();
            }
        }),
        Fault::PaidAtOnce if asked.path.starts_with("/v1/topups/") => {
            answer.change(|body| body["state"] = "paid".into())
        }
        Fault::NoRetryAfter => drop(answer.headers.remove(header::RETRY_AFTER)),
        Fault::PlainErrors if answer.status == 413 => {
            answer.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        _ => {}
    }
}

/// The message's last change is a second charge for it.
fn charge_twice(passage: &Passage, body: &mut Value) {
    let Some(row) = body["changes"].get_mut(0) else { return };
    let mut memory = passage.memory.lock().expect("nobody panicked");
    if row["object"]["type"] == "sms" {
        memory.last_change = Some(row["object"].clone());
    } else if row["kind"] == "message"
        && let Some(charge) = &memory.last_change
    {
        row["object"] = charge.clone();
    }
}
