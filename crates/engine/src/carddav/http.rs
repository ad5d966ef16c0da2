//! How requests to a CardDAV server travel: Basic authentication (RFC 7617) over TLS, bounded in time and size.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, Method, header, redirect};
use tern_provider::Secret;
use url::Url;

use super::{Exchange, Request, Response, is_here};
use crate::api::{ErrorCode, ErrorView};

const CONNECT: Duration = Duration::from_secs(10);
const REQUEST: Duration = Duration::from_secs(60);
/// Some fifty cards with a picture each.
const LONGEST_BODY: usize = 32 << 20;

/// A user at a server.
pub(crate) struct Http {
    client: Client,
    user: String,
    password: Secret,
}

impl Http {
    /// # Errors
    /// [`ErrorCode::Internal`] where no client can be made, for want of authorities to believe.
    pub(crate) fn new(server: &Url, user: &str, password: Secret) -> Result<Self, ErrorView> {
        // Whoever comes first installs it; a second time means the same.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let mut builder = Client::builder()
            .user_agent(concat!("Tern/", env!("CARGO_PKG_VERSION")))
            // A redirect would carry the password along.
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT)
            .timeout(REQUEST);
        if is_here(server) {
            builder = builder.no_proxy();
        }
        let failed = |_| ErrorView::with_detail(ErrorCode::Internal, "the HTTP client could not be set up");
        let client = builder.build().map_err(failed)?;
        Ok(Self { client, user: user.to_owned(), password })
    }
}

#[async_trait]
impl Exchange for Http {
    async fn ask(&self, request: Request) -> Result<Response, ErrorView> {
        let unreachable = |_| ErrorView::new(ErrorCode::ProviderUnreachable);
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| ErrorView::with_detail(ErrorCode::Internal, request.method))?;
        let asked = self
            .client
            .request(method, request.url)
            .basic_auth(&self.user, Some(self.password.reveal()))
            .header(header::CONTENT_TYPE, "application/xml; charset=utf-8")
            .header("Depth", request.depth)
            .body(request.body);
        let mut answer = asked.send().await.map_err(unreachable)?;
        let status = answer.status().as_u16();
        let location = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let location = location.map(str::to_owned);
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            if body.len().saturating_add(chunk.len()) > LONGEST_BODY {
                return Err(ErrorView::with_detail(ErrorCode::ProviderFailed, "the answer is too long"));
            }
            body.extend_from_slice(&chunk);
        }
        let body = String::from_utf8(body)
            .map_err(|_| ErrorView::with_detail(ErrorCode::ProviderFailed, "the answer is no UTF-8"))?;
        Ok(Response { status, location, body })
    }
}
