//! What stands between an adapter and the program that plays its provider: it hands requests on as they are, but for
//! what a [`Manner`] says, and keeps what was asked and answered.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::State,
    http::{Request, Response},
};
use serde_json::Value;

/// What is changed on the way.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Manner {
    /// The part of every path that the program does not know: SignalWire's way to the same API.
    pub(crate) strip: &'static str,
    /// Prism compares the names of parameters with a bracket in the form they have in an address.
    pub(crate) escape_names: bool,
    /// The examples are years old, and nobody reads so far back: every date becomes one of an hour ago. And where one
    /// names a next page, it is without dates that were not asked for: they are of a form that is not allowed there.
    pub(crate) recent: bool,
    /// Answers in the program's place, when it has accepted the request.
    pub(crate) instead: Option<fn(&Exchange) -> Option<Value>>,
}

/// What was asked, and the answer.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The query's fields, decoded.
    pub(crate) query: Vec<(String, String)>,
    /// The body's fields: of a form, or the names of an object.
    pub(crate) fields: Vec<String>,
    pub(crate) status: u16,
    pub(crate) answer: Value,
    /// What Prism found wrong with the request.
    pub(crate) violations: Vec<String>,
}

/// A running relay.
pub(crate) struct Relay {
    /// Where it answers.
    pub(crate) url: String,
    kept: Arc<Kept>,
}

struct Kept {
    target: String,
    manner: Manner,
    client: reqwest::Client,
    exchanges: Mutex<Vec<Exchange>>,
    /// Which of a description's examples is wanted (RFC 7240), by the end of a path.
    prefer: Mutex<Option<(String, String)>>,
}

impl Relay {
    /// Begins to hand on to a program.
    pub(crate) async fn before(target: &str, manner: Manner) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let kept = Kept {
            target: target.to_owned(),
            manner,
            client,
            exchanges: Mutex::default(),
            prefer: Mutex::default(),
        };
        let kept = Arc::new(kept);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let app = Router::new().fallback(hand_on).with_state(kept.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, kept }
    }

    /// Everything since the last time.
    pub(crate) fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.kept.exchanges.lock().expect("no panic"))
    }

    /// Asks Prism for one example from now on, where a path ends so.
    pub(crate) fn prefer(&self, path: &str, example: &str) {
        let preference = (path.to_owned(), format!("example={example}"));
        *self.kept.prefer.lock().expect("no panic") = Some(preference);
    }
}

async fn hand_on(State(kept): State<Arc<Kept>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.expect("a body");
    let path = parts.uri.path().strip_prefix(kept.manner.strip).unwrap_or(parts.uri.path()).to_owned();
    let raw = parts.uri.query().unwrap_or_default();
    let query: Vec<(String, String)> = url::form_urlencoded::parse(raw.as_bytes()).into_owned().collect();
    let sent = if kept.manner.escape_names {
        let escaped =
            query.iter().map(|(name, value)| (name.replace('[', "%5B").replace(']', "%5D"), value.clone()));
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(escaped).finish()
    } else {
        raw.to_owned()
    };
    let mut asked = kept.client.request(parts.method.clone(), format!("{}{path}?{sent}", kept.target));
    for name in ["authorization", "content-type", "accept"] {
        if let Some(value) = parts.headers.get(name) {
            asked = asked.header(name, value);
        }
    }
    let preference = kept.prefer.lock().expect("no panic").clone();
    if let Some((_, example)) = preference.filter(|(end, _)| path.ends_with(end.as_str())) {
        asked = asked.header("prefer", example);
    }
    let answered = asked.body(body.to_vec()).send().await.expect("the program answers");
    let (status, headers) = (answered.status().as_u16(), answered.headers().clone());
    let told: Value = serde_json::from_slice(&answered.bytes().await.expect("a body")).unwrap_or_default();
    let noted = headers.get("sl-violations").and_then(|v| serde_json::from_slice(v.as_bytes()).ok());
    let mut exchange = Exchange {
        method: parts.method.to_string(),
        path,
        query,
        fields: fields(&body),
        status,
        violations: violations(&told, &noted.unwrap_or_default()),
        answer: told,
    };
    if status < 400 {
        if let Some(answer) = kept.manner.instead.and_then(|instead| instead(&exchange)) {
            exchange.answer = answer;
        }
        if kept.manner.recent {
            make_recent(&mut exchange.answer);
        }
    }
    let body = exchange.answer.to_string();
    kept.exchanges.lock().expect("no panic").push(exchange);
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(Body::from(body)).expect("a response")
}

fn fields(body: &[u8]) -> Vec<String> {
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(object)) => object.keys().cloned().collect(),
        _ => url::form_urlencoded::parse(body).map(|(name, _)| name.into_owned()).collect(),
    }
}

/// Prism's complaints about a request: as the whole answer, or noted beside one.
fn violations(answer: &Value, noted: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let refused = answer["type"].as_str().is_some_and(|kind| kind.contains("/prism/errors#"));
    if refused {
        found.push(answer.to_string());
    }
    for violation in noted.as_array().into_iter().flatten().filter(|v| v["location"][0] == "request") {
        found.push(violation.to_string());
    }
    found
}

fn make_recent(value: &mut Value) {
    match value {
        Value::String(text) => {
            let then = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
            if jiff::fmt::rfc2822::parse(text).is_ok() {
                *text = then.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
            } else if text.parse::<jiff::Timestamp>().is_ok() {
                *text = then.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_recent),
        Value::Object(fields) => {
            if let Some(Value::String(next)) = fields.get_mut("next_page_uri") {
                *next = without_dates(next);
            }
            fields.values_mut().for_each(make_recent);
        }
        _ => {}
    }
}

fn without_dates(address: &str) -> String {
    let Some((path, query)) = address.split_once('?') else { return address.to_owned() };
    let is_date = |field: &&str| field.starts_with("StartTime") || field.starts_with("EndTime");
    let fields: Vec<&str> = query.split('&').filter(|field| !is_date(field)).collect();
    format!("{path}?{}", fields.join("&"))
}
