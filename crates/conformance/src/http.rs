//! One request and its answer. Nothing is repeated, followed or interpreted here.

use std::time::Duration;

use futures_util::StreamExt;
use reqwest::{Client, Method, Response, header, redirect};
use serde_json::Value;
use tern_provider::Secret;
use url::Url;

use crate::rule::{Verdict, broken};

const CONNECT: Duration = Duration::from_secs(5);
const REQUEST: Duration = Duration::from_secs(20);
/// As much as the page allows an answer.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// Whose request it is.
#[derive(Clone, Copy)]
pub(crate) enum Bearer<'a> {
    /// The account's.
    Own,
    /// Nobody's.
    None,
    /// Of another token.
    Other(&'a str),
}

/// A request.
pub(crate) struct Ask<'a> {
    method: Method,
    path: &'a str,
    query: Vec<(&'static str, &'a str)>,
    bearer: Bearer<'a>,
    key: Option<&'a str>,
    body: Option<(&'static str, Vec<u8>)>,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(method: Method, path: &'a str) -> Self {
        Self { method, path, query: Vec::new(), bearer: Bearer::Own, key: None, body: None }
    }

    pub(crate) fn get(path: &'a str) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: &'a str, body: &Value) -> Self {
        Self::new(Method::POST, path).body("application/json", body.to_string().into_bytes())
    }

    pub(crate) fn with(mut self, name: &'static str, value: &'a str) -> Self {
        self.query.push((name, value));
        self
    }

    pub(crate) fn of(self, bearer: Bearer<'a>) -> Self {
        Self { bearer, ..self }
    }

    pub(crate) fn key(self, key: &'a str) -> Self {
        Self { key: Some(key), ..self }
    }

    pub(crate) fn body(self, media_type: &'static str, bytes: Vec<u8>) -> Self {
        Self { body: Some((media_type, bytes)), ..self }
    }

    /// For verdicts.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// Which request it is to.
    pub(crate) to: String,
    pub(crate) status: u16,
    pub(crate) headers: header::HeaderMap,
    pub(crate) length: usize,
    /// Null where it is no JSON.
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Without parameters, in lower case.
    pub(crate) fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    pub(crate) fn code(&self) -> &str {
        self.body.get("code").and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.body.get(field)?.as_str()
    }

    /// The array `field`; empty where there is none.
    pub(crate) fn rows(&self, field: &str) -> &[Value] {
        self.body.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Whether the server knows the address.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self.status, 404 | 405 | 501)
    }

    /// For verdicts: never what the body holds, only its shape.
    pub(crate) fn told(&self) -> String {
        let what = match (&self.body, self.code()) {
            (_, code) if !code.is_empty() && code.len() < 60 => format!(" `{code}`"),
            (Value::Object(fields), _) => {
                let names: Vec<&str> = fields.keys().map(String::as_str).take(12).collect();
                format!(" with {{{}}}", names.join(", "))
            }
            _ => String::new(),
        };
        format!("{}: {}{what}", self.to, self.status)
    }

    /// Holds the status and the code of a refusal.
    pub(crate) fn is_refused(&self, status: u16, code: &str) -> Result<(), Verdict> {
        if self.status == status && self.code() == code {
            return Ok(());
        }
        Err(broken(format!("{}: {status} `{code}`", self.to), self.told()))
    }

    /// Holds that it went well.
    pub(crate) fn is_fine(&self) -> Result<(), Verdict> {
        if matches!(self.status, 200 | 201 | 204) {
            return Ok(());
        }
        Err(broken(format!("{}: 200", self.to), self.told()))
    }
}

/// The way to the server.
pub(crate) struct Http {
    client: Client,
    base: Url,
    token: Secret,
}

impl Http {
    pub(crate) fn new(base: Url, token: Secret) -> Result<Self, reqwest::Error> {
        // reqwest is built without a TLS provider of its own; a second installation is refused and means the same.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let mut builder = Client::builder()
            .user_agent(concat!("tern-check/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT);
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        Ok(Self { client: builder.build()?, base, token })
    }

    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// Sends it and reads all of its answer.
    pub(crate) async fn ask(&self, ask: Ask<'_>) -> Result<Answer, Verdict> {
        let to = ask.name();
        let sent = async {
            let response = self.request(ask)?.send().await.map_err(|error| lost(&to, &error))?;
            read(&to, response).await
        };
        let silence = || broken(format!("{to}: an answer within {} s", REQUEST.as_secs()), "none");
        tokio::time::timeout(REQUEST, sent).await.map_err(|_| silence())?
    }

    /// Opens a stream of events: its head, and what comes after.
    pub(crate) async fn open(&self, ask: Ask<'_>, last_event: Option<&str>) -> Result<Response, Verdict> {
        let to = ask.name();
        let mut request = self.request(ask)?.header(header::ACCEPT, "text/event-stream");
        if let Some(id) = last_event {
            request = request.header("last-event-id", id);
        }
        let silence = || broken(format!("{to}: an answer within {} s", REQUEST.as_secs()), "none");
        let sent = tokio::time::timeout(REQUEST, request.send()).await.map_err(|_| silence())?;
        sent.map_err(|error| lost(&to, &error))
    }

    fn request(&self, ask: Ask<'_>) -> Result<reqwest::RequestBuilder, Verdict> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path().trim_end_matches('/'), ask.path));
        let mut request = self.client.request(ask.method, url).query(&ask.query);
        match ask.bearer {
            Bearer::Own => request = request.bearer_auth(self.token.reveal()),
            Bearer::Other(token) => request = request.bearer_auth(token),
            Bearer::None => {}
        }
        if let Some(key) = ask.key {
            request = request.header("idempotency-key", key);
        }
        if let Some((media_type, bytes)) = ask.body {
            request = request.header(header::CONTENT_TYPE, media_type).body(bytes);
        }
        Ok(request)
    }
}

/// Whether an address is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

pub(crate) async fn read(to: &str, response: Response) -> Result<Answer, Verdict> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut bytes = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        bytes.extend_from_slice(&chunk.map_err(|error| lost(to, &error))?);
        if bytes.len() > MAX_BODY {
            return Err(broken(format!("{to}: at most 4 MiB"), "more"));
        }
    }
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Ok(Answer { to: to.to_owned(), status, headers, length: bytes.len(), body })
}

fn lost(to: &str, error: &reqwest::Error) -> Verdict {
    let why = if error.is_connect() {
        "no connection"
    } else if error.is_timeout() {
        "no answer in time"
    } else {
        "the connection broke"
    };
    broken(format!("{to}: an answer"), why)
}
