//! The billing clock: told, and set ahead. Only a sandbox has it.

use axum::{Json, extract::State};
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Api, extract::Body, problem::Problem};
use crate::{lifecycle::invalid, operator::Operator, store::agenda};

/// The clock.
#[derive(Serialize, ToSchema)]
pub(super) struct ClockView {
    /// What the provider takes for now.
    #[schema(format = DateTime)]
    now: String,
    /// How far it is ahead of the machine's clock.
    ahead_seconds: i64,
    /// When something is due next.
    #[schema(format = DateTime)]
    next_due: Option<String>,
}

/// Where to set it: one of the two.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewClock {
    /// To this moment.
    #[schema(format = DateTime)]
    set: Option<String>,
    /// By this much, such as `3 days`, `1 month` or `PT36H`.
    #[schema(example = "3 days")]
    advance: Option<String>,
}

/// What the provider takes for now.
#[utoipa::path(get, path = "/sandbox/clock", operation_id = "sandbox_clock", tag = "sandbox", responses(
    (status = 200, body = ClockView),
))]
pub(super) async fn show(State(api): State<Api>) -> Result<Json<ClockView>, Problem> {
    Ok(Json(api.ask(|op| Ok(view(op)?)).await?))
}

/// Sets the clock ahead; what is due by then has happened, in order, when this answers. It runs on from there.
#[utoipa::path(post, path = "/sandbox/clock", operation_id = "set_sandbox_clock", tag = "sandbox", request_body = NewClock,
    responses(
    (status = 200, body = ClockView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json",
        description = "`clock_backwards`, `clock_unreadable`"),
))]
pub(super) async fn set(
    State(api): State<Api>,
    Body(new): Body<NewClock>,
) -> Result<Json<ClockView>, Problem> {
    let view = api
        .ask(move |op| {
            let to = moment(op, &new);
            let why = "Either `set` to a time or `advance` by a duration.";
            op.set_clock(to.ok_or_else(|| invalid("clock_unreadable", why))?)?;
            Ok(view(op)?)
        })
        .await?;
    Ok(Json(view))
}

fn moment(op: &Operator, new: &NewClock) -> Option<Timestamp> {
    match (&new.set, &new.advance) {
        (Some(set), None) => set.parse().ok(),
        (None, Some(advance)) => {
            let by: Span = advance.parse().ok()?;
            let now = op.now().to_zoned(op.settings.billing_zone.clone());
            now.checked_add(by).ok().map(|at| at.timestamp())
        }
        _ => None,
    }
}

fn view(op: &Operator) -> Result<ClockView, crate::store::StoreError> {
    let next_due = op.read(agenda::next_at)?;
    Ok(ClockView {
        now: op.now().to_string(),
        ahead_seconds: op.clock.ahead().as_secs(),
        next_due: next_due.map(|at| at.to_string()),
    })
}
