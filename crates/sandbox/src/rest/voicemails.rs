//! Greetings to upload and messages to hear.

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Api,
    extract::{Body, Caller, Params, Path},
    problem::Problem,
};
use crate::{
    greeting,
    model::new_id,
    refusal::{Failure, Refusal},
    store::voicemails::{self, Greeting, Voicemail},
};

/// Far above the longest greeting.
pub(super) const MAX_WAV: usize = 4 * 1024 * 1024;
const MAX_NAME: usize = 60;

/// How an upload is to be called.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct GreetingParams {
    /// For the list to select from.
    name: String,
}

/// The greetings there are to select from.
#[derive(Serialize, ToSchema)]
pub(super) struct GreetingsView {
    greetings: Vec<GreetingView>,
}

/// An uploaded greeting.
#[derive(Serialize, ToSchema)]
pub(super) struct GreetingView {
    id: String,
    name: String,
    #[schema(format = DateTime)]
    at: String,
    seconds: u32,
}

/// Messages left by callers, the newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct VoicemailsView {
    new: u32,
    heard: u32,
    voicemails: Vec<VoicemailView>,
}

/// A message left by a caller.
#[derive(Serialize, ToSchema)]
pub(super) struct VoicemailView {
    id: String,
    /// The number that was called.
    number: String,
    /// Who called.
    peer: String,
    #[schema(format = DateTime)]
    at: String,
    seconds: u32,
    heard: bool,
}

/// Whether a message has been heard.
#[derive(Deserialize, ToSchema)]
pub(super) struct Heard {
    heard: bool,
}

impl From<Greeting> for GreetingView {
    fn from(greeting: Greeting) -> Self {
        Self { id: greeting.id, name: greeting.name, at: greeting.at.to_string(), seconds: greeting.seconds }
    }
}

impl From<Voicemail> for VoicemailView {
    fn from(voicemail: Voicemail) -> Self {
        Self {
            id: voicemail.id,
            number: voicemail.number,
            peer: voicemail.peer,
            at: voicemail.at.to_string(),
            seconds: voicemail.seconds,
            heard: voicemail.heard,
        }
    }
}

/// Uploads a greeting: WAV, PCM, 8 kHz, 16 bit, mono; nothing else plays.
#[utoipa::path(post, path = "/v1/greetings", operation_id = "upload_greeting", tag = "voicemail", params(GreetingParams),
    request_body(content = Vec<u8>, content_type = "audio/wav"), security(("token" = [])), responses(
    (status = 201, body = GreetingView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json",
        description = "What is wrong with the file: `greeting_not_wav`, `greeting_not_pcm`, `greeting_not_8_khz`, \
        `greeting_not_16_bit`, `greeting_not_mono`, `greeting_damaged`, `greeting_empty`, `greeting_too_long`; or \
        `greeting_name`, `too_many_greetings`"),
))]
pub(super) async fn upload(
    State(api): State<Api>,
    Caller(account): Caller,
    Params(params): Params<GreetingParams>,
    wav: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<GreetingView>), Problem> {
    let wav = wav.map_err(|rejection| {
        Problem::of(rejection.status(), "bad_request", "The file cannot be read, or is too large.")
    })?;
    let name = params.name.trim().to_owned();
    let greeting = api
        .ask(move |op| {
            let invalid = |code, detail: String| Failure::from(Refusal::Invalid { code, detail });
            if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
                return Err(invalid("greeting_name", format!("A name has 1 to {MAX_NAME} characters.")));
            }
            let samples = greeting::check(&wav).map_err(|bad| invalid(bad.code(), bad.to_string()))?;
            let seconds = u32::try_from(greeting::seconds(samples.len())).unwrap_or(u32::MAX);
            let greeting = Greeting { id: new_id("greet"), name, at: op.now(), seconds };
            let most = op.settings.greetings_kept;
            op.write(|books| {
                if voicemails::greetings(books, account.id)?.len() >= most as usize {
                    let detail = format!("At most {most} greetings are kept; delete one first.");
                    return Err(invalid("too_many_greetings", detail));
                }
                Ok(voicemails::add_greeting(books, account.id, &greeting, &wav)?)
            })?;
            Ok(greeting)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(greeting.into())))
}

/// Every uploaded greeting.
#[utoipa::path(get, path = "/v1/greetings", operation_id = "greetings", tag = "voicemail", security(("token" = [])), responses(
    (status = 200, body = GreetingsView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn greetings(
    State(api): State<Api>,
    Caller(account): Caller,
) -> Result<Json<GreetingsView>, Problem> {
    let rows = api.ask(move |op| Ok(op.read(|c| voicemails::greetings(c, account.id))?)).await?;
    Ok(Json(GreetingsView { greetings: rows.into_iter().map(Into::into).collect() }))
}

/// A greeting to listen to.
#[utoipa::path(get, path = "/v1/greetings/{id}/audio", operation_id = "greeting_audio", tag = "voicemail", security(("token" = [])), responses(
    (status = 200, content_type = "audio/wav", body = Vec<u8>),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn greeting_audio(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let wav = api.ask(move |op| Ok(op.read(|c| voicemails::greeting_sound(c, account.id, &id))?)).await?;
    sound(wav)
}

/// Deletes a greeting; voicemails that used it say no more than their tone.
#[utoipa::path(delete, path = "/v1/greetings/{id}", operation_id = "delete_greeting", tag = "voicemail", security(("token" = [])), responses(
    (status = 204),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn delete_greeting(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let gone = api.ask(move |op| Ok(op.write(|b| voicemails::delete_greeting(b, account.id, &id))?)).await?;
    done(gone)
}

/// Every message, and how many of them are new.
#[utoipa::path(get, path = "/v1/voicemails", operation_id = "voicemails", tag = "voicemail", security(("token" = [])), responses(
    (status = 200, body = VoicemailsView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn list(
    State(api): State<Api>,
    Caller(account): Caller,
) -> Result<Json<VoicemailsView>, Problem> {
    let (waiting, rows) = api
        .ask(move |op| {
            op.read(|c| Ok((voicemails::waiting(c, account.id)?, voicemails::list(c, account.id)?)))
        })
        .await?;
    let voicemails = rows.into_iter().map(Into::into).collect();
    Ok(Json(VoicemailsView { new: waiting.new, heard: waiting.heard, voicemails }))
}

/// A message to listen to. Listening does not mark it as heard.
#[utoipa::path(get, path = "/v1/voicemails/{id}/audio", operation_id = "voicemail_audio", tag = "voicemail", security(("token" = [])), responses(
    (status = 200, content_type = "audio/wav", body = Vec<u8>),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn audio(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let wav = api.ask(move |op| Ok(op.read(|c| voicemails::sound(c, account.id, &id))?)).await?;
    sound(wav)
}

/// Marks a message as heard, or as new.
#[utoipa::path(put, path = "/v1/voicemails/{id}", operation_id = "mark_voicemail", tag = "voicemail", request_body = Heard,
    security(("token" = [])), responses(
    (status = 200, body = VoicemailView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn mark(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
    Body(heard): Body<Heard>,
) -> Result<Json<VoicemailView>, Problem> {
    let owner = account.id;
    let row = api
        .ask(move |op| {
            op.write(|books| {
                voicemails::set_heard(books, owner, &id, heard.heard)?;
                voicemails::by_id(books, owner, &id)?.ok_or(Failure::from(Refusal::NotFound))
            })
        })
        .await?;
    api.outside.messages_changed(owner).await;
    Ok(Json(row.into()))
}

/// Deletes a message.
#[utoipa::path(delete, path = "/v1/voicemails/{id}", operation_id = "delete_voicemail", tag = "voicemail", security(("token" = [])), responses(
    (status = 204),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn delete(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let owner = account.id;
    let gone = api.ask(move |op| Ok(op.write(|b| voicemails::delete(b, owner, &id))?)).await?;
    api.outside.messages_changed(owner).await;
    done(gone)
}

fn sound(wav: Option<Vec<u8>>) -> Result<Response, Problem> {
    let wav = wav.ok_or_else(|| Problem::from(Failure::from(Refusal::NotFound)))?;
    Ok(([(header::CONTENT_TYPE, "audio/wav")], wav).into_response())
}

fn done(gone: bool) -> Result<StatusCode, Problem> {
    if gone { Ok(StatusCode::NO_CONTENT) } else { Err(Failure::from(Refusal::NotFound).into()) }
}
