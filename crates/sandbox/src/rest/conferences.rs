//! Conferences: planned, started and ended here as well as by phone.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Api,
    extract::{Body, Caller, Path},
    problem::Problem,
    view::Money,
};
use crate::{
    conference::{self, Conference, Leg, State as ConferenceState},
    model::AccountId,
    operator::Operator,
    outside::{CallMe, OutsideError},
    refusal::{Failure, Refusal},
    store::{StoreError, conferences},
};

/// A conference to be planned.
#[derive(Deserialize, ToSchema)]
pub(super) struct ConferenceDraft {
    #[schema(example = "Monday round")]
    title: String,
}

/// Whom the bridge is to call.
#[derive(Deserialize, ToSchema)]
pub(super) struct CallMeDraft {
    /// A number, or the name of a SIP account.
    target: String,
    /// Whether they are the organiser.
    #[serde(default)]
    organiser: bool,
}

/// A call of the bridge on its way.
#[derive(Serialize, ToSchema)]
pub(super) struct CallMeView {
    /// `ringing` or `unreachable`.
    state: &'static str,
}

/// Conferences, the newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct ConferencesView {
    conferences: Vec<ConferenceView>,
}

/// A conference.
#[derive(Serialize, ToSchema)]
pub(super) struct ConferenceView {
    id: String,
    title: String,
    /// `planned`, `running`, `ended` or `cancelled`.
    state: &'static str,
    /// For everybody.
    pin: String,
    /// For the organiser, who starts it with the key 1.
    organiser_pin: String,
    dial_in: DialIn,
    /// Price of a participant minute on the toll-free number.
    minute: Money,
    /// Participant minutes the organiser pays so far; they come on the monthly invoice.
    minutes: u64,
    #[schema(format = DateTime)]
    started_at: Option<String>,
    participants: Vec<ParticipantView>,
}

/// The ways in.
#[derive(Serialize, ToSchema)]
pub(super) struct DialIn {
    /// Free for the caller, paid by the organiser.
    toll_free: String,
    /// Paid by the caller to their own operator.
    ordinary: String,
    /// The SIP address; free.
    voip: &'static str,
}

/// Somebody who was or is in a conference.
#[derive(Serialize, ToSchema)]
pub(super) struct ParticipantView {
    /// `toll_free`, `ordinary`, `voip` or `call_me`.
    line: &'static str,
    peer: String,
    organiser: bool,
    #[schema(format = DateTime)]
    joined_at: String,
    #[schema(format = DateTime)]
    left_at: Option<String>,
}

impl From<Leg> for ParticipantView {
    fn from(leg: Leg) -> Self {
        Self {
            line: leg.line.word(),
            peer: leg.peer,
            organiser: leg.organiser,
            joined_at: leg.joined_at.to_string(),
            left_at: leg.left_at.map(|at| at.to_string()),
        }
    }
}

fn view(op: &Operator, conference: Conference, currency: &str) -> Result<ConferenceView, StoreError> {
    let legs = op.read(|c| conferences::legs(c, &conference.id))?;
    let minutes = conference::paid_minutes(conference.organiser_joined, &legs, op.now(), &op.settings);
    Ok(ConferenceView {
        id: conference.id,
        title: conference.title,
        state: conference.state.word(),
        pin: conference.pin,
        organiser_pin: conference.organiser_pin,
        dial_in: DialIn {
            toll_free: op.settings.conference_toll_free.clone(),
            ordinary: op.settings.conference_ordinary.clone(),
            voip: "conference",
        },
        minute: Money::new(op.settings.conference_minute, currency),
        minutes,
        started_at: conference.started_at.map(|at| at.to_string()),
        participants: legs.into_iter().map(Into::into).collect(),
    })
}

fn of_account(op: &Operator, account: AccountId, id: &str) -> Result<Conference, Failure> {
    let found = op.read(|c| conferences::by_id(c, id))?;
    found.filter(|c| c.account == account).ok_or(Refusal::NotFound.into())
}

/// Plans a conference.
#[utoipa::path(post, path = "/v1/conferences", operation_id = "plan_conference", tag = "conferences", request_body = ConferenceDraft,
    security(("token" = [])), responses(
    (status = 201, body = ConferenceView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json", description = "`conference_title`"),
))]
pub(super) async fn plan(
    State(api): State<Api>,
    Caller(account): Caller,
    Body(draft): Body<ConferenceDraft>,
) -> Result<(StatusCode, Json<ConferenceView>), Problem> {
    let view = api
        .ask(move |op| {
            let conference = op.plan_conference(account.id, &draft.title)?;
            Ok(view(op, conference, &account.currency)?)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// Every conference of the account.
#[utoipa::path(get, path = "/v1/conferences", operation_id = "conferences", tag = "conferences", security(("token" = [])), responses(
    (status = 200, body = ConferencesView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn list(
    State(api): State<Api>,
    Caller(account): Caller,
) -> Result<Json<ConferencesView>, Problem> {
    let conferences = api
        .ask(move |op| {
            let rows = op.read(|c| conferences::list(c, account.id))?;
            let views = rows.into_iter().map(|row| view(op, row, &account.currency));
            Ok(views.collect::<Result<Vec<_>, StoreError>>()?)
        })
        .await?;
    Ok(Json(ConferencesView { conferences }))
}

/// One conference, with everybody who was there.
#[utoipa::path(get, path = "/v1/conferences/{id}", operation_id = "conference", tag = "conferences", security(("token" = [])), responses(
    (status = 200, body = ConferenceView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn show(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<ConferenceView>, Problem> {
    let view = api.ask(move |op| Ok(view(op, of_account(op, account.id, &id)?, &account.currency)?)).await?;
    Ok(Json(view))
}

/// Starts a conference the organiser is in: everybody who waits hears each other.
#[utoipa::path(post, path = "/v1/conferences/{id}/start", operation_id = "start_conference", tag = "conferences",
    security(("token" = [])), responses(
    (status = 200, body = ConferenceView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json",
        description = "`conference_state`; `organiser_absent`: the organiser must have joined."),
))]
pub(super) async fn start(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<ConferenceView>, Problem> {
    moved(&api, account.id, account.currency, id, |op, conference| {
        if !conference.organiser_joined {
            let detail = "The organiser starts a conference once they have joined.".into();
            return Err(Refusal::Invalid { code: "organiser_absent", detail }.into());
        }
        Ok(op.start_conference(&conference.id)?)
    })
    .await
}

/// Ends a conference that was started: everybody is hung up on.
#[utoipa::path(post, path = "/v1/conferences/{id}/end", operation_id = "end_conference", tag = "conferences",
    security(("token" = [])), responses(
    (status = 200, body = ConferenceView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json", description = "`conference_state`"),
))]
pub(super) async fn end(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<ConferenceView>, Problem> {
    moved(&api, account.id, account.currency, id, |op, c| Ok(op.end_conference(&c.id)?)).await
}

/// Cancels a conference that was never started. Free, unless the organiser had joined.
#[utoipa::path(post, path = "/v1/conferences/{id}/cancel", operation_id = "cancel_conference", tag = "conferences",
    security(("token" = [])), responses(
    (status = 200, body = ConferenceView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json", description = "`conference_state`"),
))]
pub(super) async fn cancel(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<ConferenceView>, Problem> {
    moved(&api, account.id, account.currency, id, |op, c| Ok(op.cancel_conference(&c.id)?)).await
}

async fn moved(
    api: &Api,
    account: AccountId,
    currency: String,
    id: String,
    work: impl FnOnce(&Operator, &Conference) -> Result<bool, Failure> + Send + 'static,
) -> Result<Json<ConferenceView>, Problem> {
    let view = api
        .ask(move |op| {
            let conference = of_account(op, account, &id)?;
            if !work(op, &conference)? {
                return Err(not_in_this_state(&conference));
            }
            Ok(view(op, of_account(op, account, &id)?, &currency)?)
        })
        .await?;
    api.outside.conference_changed(view.id.clone()).await;
    Ok(Json(view))
}

fn not_in_this_state(conference: &Conference) -> Failure {
    let detail = format!("The conference is {}.", conference.state.word());
    Refusal::Invalid { code: "conference_state", detail }.into()
}

/// Has the bridge call somebody instead; whoever answers is in, without a PIN.
#[utoipa::path(post, path = "/v1/conferences/{id}/call-me", operation_id = "conference_call_me", tag = "conferences",
    request_body = CallMeDraft, security(("token" = [])), responses(
    (status = 202, body = CallMeView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json", description = "`conference_state`"),
))]
pub(super) async fn call_me(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
    Body(draft): Body<CallMeDraft>,
) -> Result<(StatusCode, Json<CallMeView>), Problem> {
    let conference = api.ask(move |op| of_account(op, account.id, &id)).await?;
    if !matches!(conference.state, ConferenceState::Planned | ConferenceState::Running) {
        return Err(not_in_this_state(&conference).into());
    }
    let call = CallMe { conference: conference.id, target: draft.target, organiser: draft.organiser };
    match api.outside.call_me(call).await {
        Ok(rings) => {
            let state = if rings { "ringing" } else { "unreachable" };
            Ok((StatusCode::ACCEPTED, Json(CallMeView { state })))
        }
        Err(OutsideError::NumberUnknown) => Err(Failure::from(Refusal::NumberUnknown).into()),
        Err(OutsideError::Busy) => {
            let why = "The switch takes no calls at the moment.";
            Err(Problem::of(StatusCode::SERVICE_UNAVAILABLE, "unavailable", why))
        }
    }
}
