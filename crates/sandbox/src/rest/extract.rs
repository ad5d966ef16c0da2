//! What handlers take out of requests, with every refusal in the API's own form.

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::{StatusCode, header, request::Parts},
};
use serde::de::DeserializeOwned;

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
        match Json::<T>::from_request(request, api).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => {
                let status = match rejection.status() {
                    status @ (StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::PAYLOAD_TOO_LARGE) => status,
                    _ => StatusCode::BAD_REQUEST,
                };
                Err(Problem::of(status, "bad_request", "The body is not what this address takes."))
            }
        }
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
