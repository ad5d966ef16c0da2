//! How the API says no (RFC 9457).

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::refusal::{Failure, Refusal};

/// An error answer: `application/problem+json`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`: the code says it all.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// Stable; what clients branch on.
    #[schema(example = "insufficient_funds")]
    code: &'static str,
    /// A sentence for people.
    detail: String,
    #[serde(skip)]
    retry_after: Option<u64>,
}

impl Problem {
    pub(super) fn of(status: StatusCode, code: &'static str, detail: &str) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error").into(),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// Too many requests; so many seconds to wait.
    pub(super) fn rate_limited(retry_after: u64) -> Self {
        let why = "Too many requests; wait a little.";
        Self {
            retry_after: Some(retry_after),
            ..Self::of(StatusCode::TOO_MANY_REQUESTS, "rate_limited", why)
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let refusal = match failure {
            Failure::Refused(refusal) => refusal,
            Failure::Store(error) => {
                tracing::error!(%error, "a request failed");
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                return Self::of(status, "internal", "The sandbox itself has failed.");
            }
        };
        let status = match &refusal {
            Refusal::NotFound | Refusal::NumberUnknown => StatusCode::NOT_FOUND,
            Refusal::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Refusal::IdempotencyConflict => StatusCode::CONFLICT,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let retry_after = match &refusal {
            // Rounded up: a client that waits as long as it is told must not be refused again.
            Refusal::RateLimited { retry_after } => {
                Some(retry_after.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX))
            }
            _ => None,
        };
        Self { retry_after, ..Self::of(status, refusal.code(), &refusal.detail()) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // RFC 9110 section 15.5.2, RFC 6750 section 3.
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
