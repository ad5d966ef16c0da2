//! Tokens that may do less than the account's own, and which scope a request needs.

use axum::{
    Json,
    extract::State,
    http::{Method, StatusCode},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Api,
    extract::{Body, Caller, Path},
    problem::Problem,
};
use crate::{
    lifecycle::invalid,
    model::{new_id, random_word},
    refusal::Refusal,
    store::{
        StoreError,
        tokens::{self, TokenRow},
    },
};

/// Every scope. The account's own token has them all, and `tokens` besides.
const SCOPES: &[&str] = &["read", "sip", "messages", "numbers", "money", "account"];

/// A token to make.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewToken {
    /// What it is for, at most 100 characters.
    label: String,
    /// One or more of `read`, `sip`, `messages`, `numbers`, `money`, `account`.
    scopes: Vec<String>,
}

/// A token.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenView {
    id: String,
    label: String,
    scopes: Vec<String>,
    /// Told once, when it is made.
    token: Option<String>,
}

/// The account's further tokens.
#[derive(Serialize, ToSchema)]
pub(super) struct TokensView {
    tokens: Vec<TokenView>,
}

/// What a request needs; `tokens` is had by the account's own token alone.
pub(super) fn scope(method: &Method, path: &str) -> &'static str {
    let reads = matches!(*method, Method::GET | Method::HEAD) || path.ends_with("/quote");
    match path.strip_prefix("/v1/").unwrap_or_default().split(['/', '.']).next().unwrap_or_default() {
        "tokens" => "tokens",
        // Its credentials make calls.
        "sip" => "sip",
        _ if reads => "read",
        "messages" => "messages",
        "topups" | "refunds" => "money",
        "documents" => "account",
        _ => "numbers",
    }
}

/// Makes a token that may do only some things.
#[utoipa::path(post, path = "/v1/tokens", operation_id = "create_token", tag = "account", request_body = NewToken,
    security(("token" = [])), responses(
    (status = 201, body = TokenView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json", description = "`insufficient_scope`"),
    (status = 422, body = Problem, content_type = "application/problem+json",
        description = "`scope_unknown`, `label_too_long`"),
))]
pub(super) async fn create(
    State(api): State<Api>,
    Caller(account): Caller,
    Body(new): Body<NewToken>,
) -> Result<(StatusCode, Json<TokenView>), Problem> {
    if new.label.chars().count() > 100 {
        return Err(invalid("label_too_long", "A name has at most 100 characters.").into());
    }
    if new.scopes.is_empty() || new.scopes.iter().any(|scope| !SCOPES.contains(&scope.as_str())) {
        return Err(invalid("scope_unknown", "There is no such scope.").into());
    }
    let token = format!("sbx_{}", random_word(32));
    let row = TokenRow { id: new_id("tok"), label: new.label, scopes: new.scopes.join(" ") };
    let row = api
        .ask({
            let token = token.clone();
            move |op| {
                let now = op.now();
                op.write(|books| tokens::insert(books, account.id, &token, &row, now))?;
                Ok(row)
            }
        })
        .await?;
    Ok((StatusCode::CREATED, Json(view(row, Some(token)))))
}

/// The account's further tokens, without the words that open.
#[utoipa::path(get, path = "/v1/tokens", operation_id = "tokens", tag = "account", security(("token" = [])), responses(
    (status = 200, body = TokensView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json", description = "`insufficient_scope`"),
))]
pub(super) async fn list(
    State(api): State<Api>,
    Caller(account): Caller,
) -> Result<Json<TokensView>, Problem> {
    let rows = api.ask(move |op| Ok(op.read(|c| tokens::of_account(c, account.id))?)).await?;
    Ok(Json(TokensView { tokens: rows.into_iter().map(|row| view(row, None)).collect() }))
}

/// Takes a token back.
#[utoipa::path(delete, path = "/v1/tokens/{id}", operation_id = "revoke_token", tag = "account",
    security(("token" = [])), params(("id" = String, Path, description = "The token's id")), responses(
    (status = 204, description = "It opens nothing any more."),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json", description = "`insufficient_scope`"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "`not_found`"),
))]
pub(super) async fn revoke(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    api.ask(move |op| {
        let revoked =
            op.write(|books| -> Result<_, StoreError> { tokens::revoke(books, account.id, &id) })?;
        if revoked { Ok(StatusCode::NO_CONTENT) } else { Err(Refusal::NotFound.into()) }
    })
    .await
}

fn view(row: TokenRow, token: Option<String>) -> TokenView {
    let scopes = row.scopes.split(' ').map(Into::into).collect();
    TokenView { id: row.id, label: row.label, scopes, token }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_needs_its_scope() {
        for (method, path, needed) in [
            (Method::GET, "/v1/account", "read"),
            (Method::HEAD, "/v1/account", "read"),
            (Method::GET, "/v1/transactions.csv", "read"),
            (Method::GET, "/v1/sip", "sip"),
            (Method::POST, "/v1/messages", "messages"),
            (Method::POST, "/v1/messages/quote", "read"),
            (Method::POST, "/v1/orders", "numbers"),
            (Method::PATCH, "/v1/numbers/x", "numbers"),
            (Method::PUT, "/v1/topups/automatic", "money"),
            (Method::POST, "/v1/refunds", "money"),
            (Method::POST, "/v1/documents", "account"),
            (Method::GET, "/v1/tokens", "tokens"),
            (Method::DELETE, "/v1/tokens/x", "tokens"),
        ] {
            assert_eq!(scope(&method, path), needed, "{method} {path}");
        }
    }
}
