//! One rented number: its details, its name and renewal, restoring it, giving it up, reporting it.

use axum::{Json, extract::State};
use rusqlite::Connection;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Api,
    extract::{Body, Caller, Path},
    problem::Problem,
    view::{Beside, NumberView},
};
use crate::{
    catalogue,
    lifecycle::{self, NumberChange},
    model::{Account, Number, NumberState},
    operator::Operator,
    refusal::Failure,
    store::{StoreError, routing},
};

/// What is to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
pub(super) struct NumberPatch {
    /// The customer's own name for it, at most 100 characters; null takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    label: Option<Option<String>>,
    /// Whether it is renewed by itself (`numgo`).
    auto_renew: Option<bool>,
}

fn given<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// A number of the account, those that are gone included.
#[utoipa::path(get, path = "/v1/numbers/{id}", operation_id = "number", tag = "numbers", security(("token" = [])),
    params(("id" = String, Path, description = "The number's id")), responses(
    (status = 200, body = NumberView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "`not_found`"),
))]
pub(super) async fn show(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<NumberView>, Problem> {
    act(api, account, move |op, account| op.read(|c| op.own_number(c, account, &id))).await
}

/// Names a number, or switches its renewal on or off.
#[utoipa::path(patch, path = "/v1/numbers/{id}", operation_id = "change_number", tag = "numbers", security(("token" = [])),
    params(("id" = String, Path, description = "The number's id")), request_body = NumberPatch, responses(
    (status = 200, body = NumberView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "`not_found`"),
    (status = 422, body = Problem, content_type = "application/problem+json",
        description = "`not_in_profile`, `not_renewable`, `label_too_long`"),
))]
pub(super) async fn change(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
    Body(patch): Body<NumberPatch>,
) -> Result<Json<NumberView>, Problem> {
    let change = NumberChange { label: patch.label, auto_renew: patch.auto_renew };
    act(api, account, move |op, account| op.change_number(account, &id, &change)).await
}

/// Brings an expired number back for a month's fee (`numgo`, through the tenth day after its expiry).
#[utoipa::path(post, path = "/v1/numbers/{id}/restore", operation_id = "restore_number", tag = "numbers",
    security(("token" = [])), params(("id" = String, Path, description = "The number's id")), responses(
    (status = 200, body = NumberView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "`not_found`"),
    (status = 422, body = Problem, content_type = "application/problem+json",
        description = "`number_not_expired`, `number_deleted`, `insufficient_funds`"),
))]
pub(super) async fn restore(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<NumberView>, Problem> {
    act(api, account, move |op, account| op.restore_number(account, &id)).await
}

/// Gives a number up (`prepaid`, at least 24 hours before its charge; trials). Nothing comes back for the unused rest.
#[utoipa::path(delete, path = "/v1/numbers/{id}", operation_id = "release_number", tag = "numbers",
    security(("token" = [])), params(("id" = String, Path, description = "The number's id")), responses(
    (status = 200, body = NumberView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "`not_found`"),
    (status = 422, body = Problem, content_type = "application/problem+json",
        description = "`not_in_profile`, `too_late_to_leave`"),
))]
pub(super) async fn release(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<NumberView>, Problem> {
    act(api, account, move |op, account| op.release_number(account, &id)).await
}

/// Reports that a number does not work: from now on its idle time counts.
#[utoipa::path(post, path = "/v1/numbers/{id}/report", operation_id = "report_number", tag = "numbers",
    security(("token" = [])), params(("id" = String, Path, description = "The number's id")), responses(
    (status = 200, body = NumberView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "`not_found`"),
))]
pub(super) async fn report(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<NumberView>, Problem> {
    act(api, account, move |op, account| op.report_number(account, &id)).await
}

/// A number as the API shows it.
pub(super) fn number_view(
    op: &Operator,
    c: &Connection,
    number: &Number,
    account: &Account,
) -> Result<NumberView, StoreError> {
    let fee = lifecycle::fee_today(c, number)?;
    let expired = number.renews_on.filter(|_| number.state == NumberState::Expired);
    let restore_until = expired.map(|day| lifecycle::last_restore_day(day, &op.settings));
    let product = catalogue::product(&number.product);
    let beside = Beside {
        fee,
        restore_until,
        caller_id: routing::of_number(c, &number.id)?.caller_id,
        restrictions: product.map(|product| product.restrictions(account.profile)).unwrap_or_default(),
    };
    Ok(NumberView::new(number, beside, &account.currency))
}

async fn act(
    api: Api,
    account: Account,
    work: impl FnOnce(&Operator, &Account) -> Result<Number, Failure> + Send + 'static,
) -> Result<Json<NumberView>, Problem> {
    let view = api
        .ask(move |op| {
            let number = work(op, &account)?;
            Ok(op.read(|c| number_view(op, c, &number, &account))?)
        })
        .await?;
    Ok(Json(view))
}
