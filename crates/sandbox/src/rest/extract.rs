//! What handlers take out of requests, with every refusal in the API's own form.

use axum::{
    Json,
    body::Bytes,
    extract::{self, FromRequest, FromRequestParts, Query, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Api, problem::Problem, tokens::scope};
use crate::{
    model::Account,
    store::{StoreError, accounts, tokens},
};

/// The customer whose token came along.
pub(super) struct Caller(pub(super) Account);

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let unauthorized =
            || Problem::of(StatusCode::UNAUTHORIZED, "unauthorized", "The token is missing or not valid.");
        let token = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim().to_owned())
            .ok_or_else(unauthorized)?;
        let needed = scope(&parts.method, parts.uri.path());
        let found = api
            .ask(move |op| {
                Ok(op.read(|c| -> Result<_, StoreError> {
                    if let Some(account) = accounts::by_token(c, &token)? {
                        return Ok(Some((account, true)));
                    }
                    let Some((id, scopes)) = tokens::by_token(c, &token)? else { return Ok(None) };
                    let may = scopes.split(' ').any(|scope| scope == needed);
                    Ok(accounts::by_id(c, id)?.map(|account| (account, may)))
                })?)
            })
            .await?;
        match found.ok_or_else(unauthorized)? {
            (account, true) => Ok(Self(account)),
            (_, false) => {
                let why = format!("The token lacks the scope `{needed}`.");
                Err(Problem::of(StatusCode::FORBIDDEN, "insufficient_scope", &why))
            }
        }
    }
}

/// The `Idempotency-Key` header.
pub(super) struct Key(pub(super) String);

impl FromRequestParts<Api> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        parts
            .headers
            .get("idempotency-key")
            .and_then(|value| value.to_str().ok())
            .filter(|key| (1..=200).contains(&key.len()))
            .map(|key| Self(key.to_owned()))
            .ok_or_else(|| {
                let why = "The Idempotency-Key header must have 1 to 200 characters.";
                Problem::of(StatusCode::BAD_REQUEST, "idempotency_key_required", why)
            })
    }
}

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Api> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let refused = |status| Problem::of(status, "bad_request", "The body is not what this address takes.");
        if !is_json(request.headers()) {
            return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let bytes =
            Bytes::from_request(request, api).await.map_err(|rejection| match rejection.status() {
                status @ StatusCode::PAYLOAD_TOO_LARGE => refused(status),
                _ => refused(StatusCode::BAD_REQUEST),
            })?;
        // Every body is an object. Deserializing would take an array of its fields' values for one too.
        let is_object = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        let body = is_object.then(|| read(&bytes).or_else(|| read(&with_whole_numbers(&bytes)?))).flatten();
        body.map(Self).ok_or_else(|| refused(StatusCode::BAD_REQUEST))
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    Json::from_bytes(bytes).ok().map(|Json(body)| body)
}

/// The same with 12 where it says 12.0: for JSON and its schemas these are one number.
fn with_whole_numbers(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body: Value = serde_json::from_slice(bytes).ok()?;
    whole_numbers(&mut body);
    serde_json::to_vec(&body).ok()
}

fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let decimal: Option<Decimal> = number.as_str().parse().ok();
            let whole = decimal.filter(Decimal::is_integer).and_then(|decimal| decimal.to_i64());
            if let Some(whole) = whole {
                *value = whole.into();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// RFC 8259 section 11, and types derived from it (RFC 6839 section 3.1).
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// What stands in the address itself.
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Api> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let read = extract::Path::from_request_parts(parts, api).await;
        read.map(|extract::Path(value)| Self(value)).map_err(|_| {
            Problem::of(StatusCode::BAD_REQUEST, "bad_request", "The address is not well written.")
        })
    }
}

/// The query of the address.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Api> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri).map(|Query(params)| Self(params)).map_err(|_| {
            Problem::of(StatusCode::BAD_REQUEST, "bad_request", "The query is not what this address takes.")
        })
    }
}
