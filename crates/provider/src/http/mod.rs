//! One HTTP exchange with a provider: what is sent, how long it may take, how large an answer may be, and what a
//! failure means. Nothing here knows which endpoints there are, or how a provider words its refusals.
//!
//! Invariant: a request that changes something is put on the wire at most once, so the engine alone decides about
//! sending again.

use std::time::Duration;

use base64::Engine;
use futures_util::{Stream, StreamExt, stream};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, header, redirect};
use serde::{Serialize, de::DeserializeOwned};
use sse_stream::SseByteStream;
use url::Url;

#[cfg(test)]
pub(crate) mod canned;
mod pace;

pub(crate) use pace::Pace;

use crate::{ProviderError, Secret};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// Three of the server's keep-alives: a stream silent for longer has lost its connection.
const STREAM_SILENCE: Duration = Duration::from_secs(45);
/// Far above a full page of changes, far below what would hurt.
const MAX_BODY: usize = 4 * 1024 * 1024;
/// The most a stream may send without completing an event.
const MAX_EVENT: usize = 256 * 1024;
const GET_ATTEMPTS: u32 = 3;

/// Why an adapter could not be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The base address is no URL with a host.
    #[error("the provider's address is not a valid URL")]
    BadAddress,
    /// Plain HTTP to another machine would show the token to everyone on the way.
    #[error("the provider's address must use https unless it is on this machine")]
    Insecure,
    /// The token has characters that cannot be sent in a header.
    #[error("the token contains characters that a token cannot have")]
    BadToken,
    /// A credential that this provider needs is missing.
    #[error("a credential is missing: {0}")]
    Missing(&'static str),
    /// The HTTP client could not be built (no TLS roots, for instance).
    #[error("the HTTP client could not be set up")]
    Client,
}

/// How a request says whose it is.
pub(crate) enum Auth<'a> {
    /// Not at all, or by something that is different in each request.
    None,
    /// RFC 6750.
    Bearer(&'a Secret),
    /// RFC 7617.
    Basic(&'a str, &'a Secret),
}

/// What a request carries besides its path.
#[derive(Default)]
pub(crate) struct Ask<'a> {
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) idempotency_key: Option<&'a str>,
    /// In place of what [`Auth`] says.
    pub(crate) authorization: Option<Secret>,
}

/// What a request that changes something carries as its body.
pub(crate) enum Payload {
    /// The address says it all.
    Nothing,
    /// `application/json`.
    Json(serde_json::Value),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(&'static str, String)>),
    /// `multipart/form-data` of texts (RFC 7578).
    Multipart(Vec<(&'static str, String)>),
    /// A file of that media type.
    Bytes(&'static str, Vec<u8>),
}

/// What a provider's refusal (4xx, but for 429) means; `None` for what its status says.
pub(crate) type Explain = fn(status: u16, body: &[u8]) -> Option<ProviderError>;

/// A client for one base address.
pub(crate) struct Http {
    client: Client,
    base: Url,
    explain: Explain,
}

impl Http {
    /// `auth` is sent with each request.
    pub(crate) fn new(base: &str, auth: Auth<'_>, explain: Explain) -> Result<Self, SetupError> {
        let mut base = Url::parse(base.trim()).map_err(|_| SetupError::BadAddress)?;
        let local = is_loopback(&base).ok_or(SetupError::BadAddress)?;
        match base.scheme() {
            "https" => {}
            "http" if local => {}
            "http" => return Err(SetupError::Insecure),
            _ => return Err(SetupError::BadAddress),
        }
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        base.set_query(None);
        base.set_fragment(None);

        let mut headers = header::HeaderMap::new();
        headers.insert(header::ACCEPT, header::HeaderValue::from_static("application/json"));
        let authorization = match auth {
            Auth::None => None,
            Auth::Bearer(token) => Some(format!("Bearer {}", token.reveal())),
            Auth::Basic(user, password) => {
                let pair =
                    base64::engine::general_purpose::STANDARD.encode(format!("{user}:{}", password.reveal()));
                Some(format!("Basic {pair}"))
            }
        };
        if let Some(authorization) = authorization {
            headers.insert(header::AUTHORIZATION, sensitive(&authorization).ok_or(SetupError::BadToken)?);
        }

        // reqwest is built without a TLS provider of its own; whoever comes first installs it, a second
        // installation is refused and means the same.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let mut builder = Client::builder()
            .user_agent(concat!("tern/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            // A redirect would carry the token along.
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(STREAM_SILENCE);
        if local {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|_| SetupError::Client)?;
        Ok(Self { client, base, explain })
    }

    /// GET, tried again a little where that may help.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        ask: Ask<'_>,
    ) -> Result<T, ProviderError> {
        let mut attempt = 1;
        loop {
            let result =
                self.exchange(self.request(Method::GET, path, &ask)?).await.map_err(Failure::into_read);
            match result {
                Err(ProviderError::Unreachable | ProviderError::Server { status: 502..=504 })
                    if attempt < GET_ATTEMPTS =>
                {
                    tokio::time::sleep(backoff(attempt)).await;
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    /// A file, not tried again.
    pub(crate) async fn get_bytes(&self, path: &str) -> Result<Vec<u8>, ProviderError> {
        let request = self.request(Method::GET, path, &Ask::default())?;
        let sent = async { read_body(self.check(request.send().await?).await?).await };
        sent.await.map_err(Failure::into_read)
    }

    /// POST, never repeated. A connection lost after the request may have left is [`ProviderError::Timeout`]:
    /// what became of it is unknown.
    pub(crate) async fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        ask: Ask<'_>,
        body: &B,
    ) -> Result<T, ProviderError> {
        let body = serde_json::to_value(body).map_err(|_| ProviderError::Malformed)?;
        self.act(Method::POST, path, ask, Payload::Json(body)).await
    }

    /// A request by any method that changes something; never repeated, like [`Http::post`].
    pub(crate) async fn act<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        ask: Ask<'_>,
        payload: Payload,
    ) -> Result<T, ProviderError> {
        self.exchange(self.filled(method, path, &ask, payload)?).await.map_err(Failure::into_write)
    }

    /// Like [`Http::act`], where the answer's body says nothing.
    pub(crate) async fn tell(&self, method: Method, path: &str) -> Result<(), ProviderError> {
        let request = self.filled(method, path, &Ask::default(), Payload::Nothing)?;
        let told = async { self.check(request.send().await?).await.map(drop) };
        told.await.map_err(Failure::into_write)
    }

    fn filled(
        &self,
        method: Method,
        path: &str,
        ask: &Ask<'_>,
        payload: Payload,
    ) -> Result<RequestBuilder, ProviderError> {
        let request = self.request(method, path, ask)?;
        Ok(match payload {
            Payload::Nothing => request,
            Payload::Json(body) => request.json(&body),
            Payload::Form(fields) => request.form(&fields),
            Payload::Bytes(media_type, bytes) => request.header(header::CONTENT_TYPE, media_type).body(bytes),
            Payload::Multipart(fields) => {
                let boundary = format!("tern-{:032x}", rand::random::<u128>());
                let mut body = String::new();
                for (name, value) in fields {
                    body.push_str(&format!(
                        "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
                    ));
                }
                body.push_str(&format!("--{boundary}--\r\n"));
                request
                    .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={boundary}"))
                    .body(body)
            }
        })
    }

    /// Opens an event stream; each item is one `changed` event.
    pub(crate) async fn events(
        &self,
        path: &str,
        last_event_id: &str,
    ) -> Result<impl Stream<Item = Result<(), ProviderError>> + Send + use<>, ProviderError> {
        let request = self
            .client
            .get(self.url(path)?)
            .header(header::ACCEPT, "text/event-stream")
            .header("Last-Event-ID", last_event_id);
        let response = tokio::time::timeout(REQUEST_TIMEOUT, request.send())
            .await
            .map_err(|_| ProviderError::Timeout)?
            .map_err(|e| Failure::from(e).into_read())?;
        let response = self.check(response).await.map_err(Failure::into_read)?;
        let is_events = response
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .is_some_and(|v| v.trim_start().starts_with("text/event-stream"));
        if !is_events {
            return Err(ProviderError::Malformed);
        }

        let pending = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = {
            let pending = pending.clone();
            response.bytes_stream().map(move |chunk| {
                let chunk = chunk.map_err(|_| std::io::Error::from(std::io::ErrorKind::ConnectionReset))?;
                let seen = pending.fetch_add(chunk.len(), std::sync::atomic::Ordering::Relaxed);
                if seen.saturating_add(chunk.len()) > MAX_EVENT {
                    return Err(std::io::Error::from(std::io::ErrorKind::InvalidData));
                }
                Ok(chunk)
            })
        };
        let events = Box::pin(SseByteStream::new(Box::pin(counted)));
        // Ends after its first error, as a stream in a broken state has nothing to add.
        Ok(stream::unfold(Some(events), move |events| {
            let pending = pending.clone();
            async move {
                let mut events = events?;
                loop {
                    match events.next().await {
                        None => return None,
                        Some(Err(sse_stream::Error::Body(_))) => {
                            return Some((Err(ProviderError::Unreachable), None));
                        }
                        Some(Err(_)) => return Some((Err(ProviderError::Malformed), None)),
                        Some(Ok(event)) => {
                            pending.store(0, std::sync::atomic::Ordering::Relaxed);
                            if event.event.as_deref() == Some("changed") {
                                return Some((Ok(()), Some(events)));
                            }
                        }
                    }
                }
            }
        }))
    }

    fn url(&self, path: &str) -> Result<Url, ProviderError> {
        let url = self.base.join(path.trim_start_matches('/')).map_err(|_| ProviderError::Malformed)?;
        // An address that a provider names (of a next page, say) must not carry the credentials elsewhere.
        let is_ours = url.origin() == self.base.origin() && url.path().starts_with(self.base.path());
        if is_ours { Ok(url) } else { Err(ProviderError::Malformed) }
    }

    fn request(&self, method: Method, path: &str, ask: &Ask<'_>) -> Result<RequestBuilder, ProviderError> {
        let mut request = self.client.request(method, self.url(path)?).timeout(REQUEST_TIMEOUT);
        if !ask.query.is_empty() {
            request = request.query(&ask.query);
        }
        if let Some(key) = ask.idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(authorization) = &ask.authorization {
            let value = sensitive(authorization.reveal()).ok_or(ProviderError::Unauthorized)?;
            request = request.header(header::AUTHORIZATION, value);
        }
        Ok(request)
    }

    async fn exchange<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        let response = self.check(request.send().await?).await?;
        read_json(response).await
    }

    /// Turns every status but success into the error it stands for.
    async fn check(&self, response: Response) -> Result<Response, Failure> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let error = match status {
            StatusCode::TOO_MANY_REQUESTS => {
                ProviderError::RateLimited { retry_after: retry_after(response.headers()) }
            }
            s if s.is_server_error() => ProviderError::Server { status: s.as_u16() },
            s if s.is_client_error() => {
                let body = read_body(response).await.unwrap_or_default();
                match (self.explain)(s.as_u16(), &body) {
                    Some(error) => error,
                    None if s == StatusCode::UNAUTHORIZED || s == StatusCode::FORBIDDEN => {
                        ProviderError::Unauthorized
                    }
                    None => {
                        ProviderError::Refused { code: format!("http_{}", s.as_u16()), detail: String::new() }
                    }
                }
            }
            // Redirects are not followed, and nothing else is part of such an API.
            _ => ProviderError::Malformed,
        };
        Err(Failure::Answered(error))
    }
}

/// A header's value that no log prints; `None` where it cannot stand in a header.
fn sensitive(text: &str) -> Option<header::HeaderValue> {
    let mut value = header::HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// A refusal in a provider's words, made fit to be shown.
pub(crate) fn refused(code: &str, detail: &str) -> ProviderError {
    ProviderError::Refused { code: tidy(code, 64), detail: tidy(detail, 500) }
}

/// What is not there any more has been deleted, whoever did it.
pub(crate) fn gone(deleted: Result<(), ProviderError>) -> Result<(), ProviderError> {
    match deleted {
        Err(ProviderError::Refused { code, .. }) if code == "not_found" || code == "http_404" => Ok(()),
        other => other,
    }
}

/// What happened to one exchange, before it is known whether it was a read or a write.
enum Failure {
    /// No connection was made: nothing was sent.
    NotConnected,
    /// The time was up.
    TimedOut,
    /// The connection broke while the exchange was under way.
    Broken,
    /// The provider answered.
    Answered(ProviderError),
}

impl Failure {
    fn into_read(self) -> ProviderError {
        match self {
            Self::NotConnected | Self::Broken => ProviderError::Unreachable,
            Self::TimedOut => ProviderError::Timeout,
            Self::Answered(error) => error,
        }
    }

    fn into_write(self) -> ProviderError {
        match self {
            Self::NotConnected => ProviderError::Unreachable,
            Self::TimedOut | Self::Broken => ProviderError::Timeout,
            Self::Answered(error) => error,
        }
    }
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        if error.is_connect() {
            Self::NotConnected
        } else if error.is_timeout() {
            Self::TimedOut
        } else if error.is_builder() {
            // The only outside value in a request line or header is the idempotency key.
            Self::Answered(ProviderError::Refused {
                code: "bad_request".into(),
                detail: "the request cannot be sent".into(),
            })
        } else {
            Self::Broken
        }
    }
}

async fn read_json<T: DeserializeOwned>(response: Response) -> Result<T, Failure> {
    let body = read_body(response).await?;
    serde_json::from_slice(&body).map_err(|error| {
        // serde's message may quote the value; position and category say enough.
        tracing::warn!(line = error.line(), column = error.column(), category = ?error.classify(),
            "provider answer not understood");
        Failure::Answered(ProviderError::Malformed)
    })
}

async fn read_body(mut response: Response) -> Result<Vec<u8>, Failure> {
    if response.content_length().is_some_and(|length| length > MAX_BODY as u64) {
        return Err(Failure::Answered(ProviderError::Malformed));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len().saturating_add(chunk.len()) > MAX_BODY {
            return Err(Failure::Answered(ProviderError::Malformed));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// RFC 9110 section 10.2.3: seconds, or an HTTP date.
fn retry_after(headers: &header::HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let at = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    let wait = at.duration_since(jiff::Timestamp::now());
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
}

/// Text of the provider's that a person may see: no control characters, not endless.
fn tidy(text: &str, max_chars: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(max_chars).collect()
}

fn backoff(attempt: u32) -> Duration {
    let base = 150u64.saturating_mul(2u64.saturating_pow(attempt.saturating_sub(1)));
    Duration::from_millis(base.saturating_add(rand::random_range(0..=base)))
}

/// `None` when the URL has no host.
fn is_loopback(url: &Url) -> Option<bool> {
    Some(match url.host()? {
        url::Host::Ipv4(ip) => ip.is_loopback(),
        url::Host::Ipv6(ip) => ip.is_loopback(),
        url::Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silent(_: u16, _: &[u8]) -> Option<ProviderError> {
        None
    }

    #[test]
    fn only_this_machine_is_reached_in_the_clear() {
        for (base, expected) in [
            ("http://127.0.0.1:8080", None),
            ("http://[::1]:8080/", None),
            ("http://localhost:1/api", None),
            ("https://api.example.com/v9", None),
            ("http://api.example.com", Some(SetupError::Insecure)),
            ("http://127.0.0.1.evil.example", Some(SetupError::Insecure)),
            ("ftp://127.0.0.1", Some(SetupError::BadAddress)),
            ("mailto:x@example.com", Some(SetupError::BadAddress)),
            ("not a url", Some(SetupError::BadAddress)),
        ] {
            assert_eq!(Http::new(base, Auth::None, silent).err(), expected, "{base}");
        }
    }

    #[test]
    fn a_token_that_would_break_the_header_is_refused_without_being_quoted() {
        let error = Http::new("http://127.0.0.1", Auth::Bearer(&Secret::new("a\r\nb")), silent).err();
        assert_eq!(error, Some(SetupError::BadToken));
    }

    #[test]
    fn paths_stay_below_the_base() {
        let http = Http::new("https://api.example.com/tern", Auth::None, silent).unwrap();
        assert_eq!(http.url("/v1/account").unwrap().as_str(), "https://api.example.com/tern/v1/account");
    }

    #[test]
    fn an_address_elsewhere_is_refused() {
        let http = Http::new("https://api.example.com/tern", Auth::None, silent).unwrap();
        for path in
            ["https://evil.example/v1", "//evil.example/v1", "../v1", "https://api.example.com:444/tern/x"]
        {
            let url = http.url(path);
            let stays = url.as_ref().is_ok_and(|u| u.as_str().starts_with("https://api.example.com/tern/"));
            assert!(url.is_err() || stays, "{path}: {url:?}");
        }
        assert_eq!(http.url("https://evil.example/v1"), Err(ProviderError::Malformed));
    }

    #[test]
    fn provider_text_is_tidied() {
        assert_eq!(tidy("a\u{1b}[31mb\r\nc", 4), "a[31");
    }

    #[test]
    fn retry_after_in_both_forms() {
        let with = |value: &str| {
            let mut headers = header::HeaderMap::new();
            headers.insert(header::RETRY_AFTER, value.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(with("7"), Some(Duration::from_secs(7)));
        assert_eq!(with("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(with("soon"), None);
        assert_eq!(with("-3"), None);
    }
}
