//! Sending SMS, and finding out whether one was sent.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    Api,
    extract::{Body, Caller, Key, Params, Path},
    problem::Problem,
    view::{MessageView, MessagesView},
};
use crate::{
    sms::{Draft, Effect},
    store::messages,
};

/// An SMS to send.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewMessage {
    /// One of the account's own numbers.
    #[schema(example = "+447700900142")]
    pub(super) from: String,
    /// A number with country code.
    #[schema(example = "+447700900318")]
    pub(super) to: String,
    /// Plain text, up to 1530 characters.
    pub(super) text: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FindParams {
    /// The key the message was sent with.
    idempotency_key: String,
}

/// Sends an SMS, once per key.
#[utoipa::path(post, path = "/v1/messages", operation_id = "send_message", tag = "messages", request_body = NewMessage,
    security(("token" = [])),
    params(("Idempotency-Key" = String, Header, description = "1 to 200 characters, chosen by the client")),
    responses(
    (status = 201, body = MessageView, description = "Accepted; how it gets on is told by the change feed."),
    (status = 200, body = MessageView, description = "Was accepted before under this key."),
    (status = 400, body = Problem, content_type = "application/problem+json",
        description = "`bad_request`, `idempotency_key_required`"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json",
        description = "`idempotency_conflict`: the key was used for another message."),
    (status = 422, body = Problem, content_type = "application/problem+json",
        description = "`number_not_yours`, `number_expired`, `number_without_sms`, `empty_text`, `text_too_long`, \
                       `invalid_recipient`, `destination_not_served`, `documents_required`, `number_suspended`, \
                       `trial_used_up`, `insufficient_funds`"),
    (status = 429, body = Problem, content_type = "application/problem+json",
        description = "`rate_limited`; `Retry-After` says when.", headers(("Retry-After" = u64))),
))]
pub(super) async fn send(
    State(api): State<Api>,
    Caller(account): Caller,
    Key(key): Key,
    Body(new): Body<NewMessage>,
) -> Result<(StatusCode, Json<MessageView>), Problem> {
    let currency = account.currency.clone();
    let draft = Draft { from: new.from, to: new.to, text: new.text };
    let (message, effect) = api.ask(move |op| op.send_message(&account, &key, &draft)).await?;
    Ok((status(effect), Json(MessageView::new(&message, &currency))))
}

/// The message sent with a key, if there is one.
#[utoipa::path(get, path = "/v1/messages", operation_id = "find_message", tag = "messages", params(FindParams), security(("token" = [])),
    responses(
    (status = 200, body = MessagesView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn find(
    State(api): State<Api>,
    Caller(account): Caller,
    Params(params): Params<FindParams>,
) -> Result<Json<MessagesView>, Problem> {
    let id = account.id;
    let key = params.idempotency_key;
    let found = api.ask(move |op| Ok(op.read(|c| messages::by_key(c, id, &key))?)).await?;
    let messages = found.iter().map(|m| MessageView::new(m, &account.currency)).collect();
    Ok(Json(MessagesView { messages }))
}

/// Deletes a message here; what was sent has been sent, and what it cost stays in the ledger.
#[utoipa::path(delete, path = "/v1/messages/{id}", operation_id = "delete_message", tag = "messages", security(("token" = [])), responses(
    (status = 204, description = "Gone, with its text; the change feed says `delete`."),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json",
        description = "`not_found`: there is none, or none any more."),
    (status = 422, body = Problem, content_type = "application/problem+json",
        description = "`message_on_its_way`: it is still `accepted`; once it is `sent` it can be deleted."),
))]
pub(super) async fn delete(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    api.ask(move |op| op.delete_message(&account, &id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn status(effect: Effect) -> StatusCode {
    match effect {
        Effect::Done => StatusCode::CREATED,
        Effect::Repeated => StatusCode::OK,
    }
}
