//! Asking for money back.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Api,
    extract::{Body, Caller, Key, Params, Path},
    messages::status,
    page::PageParams,
    problem::Problem,
    view::Money,
};
use crate::{
    model::{Refund, RefundReason},
    refunds::Claim,
    refusal::Refusal,
    store::refunds,
};

/// What is asked for.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewRefund {
    /// The id of a number, an order or a top-up.
    service: String,
    /// One of the policy's cases: `early_cancellation`, `unused_balance`, `documents_refused`, `unlawful_use`,
    /// `sms_restrictions_ignored`, `one_service_unsupported`, `caller_id_impossible`, `changed_mind`,
    /// `accidental_topup`, `misunderstanding`, `out_of_service`, `blocked_by_operator`, `cannot_be_provided`,
    /// `not_provided_though_offered`, `local_provider_failed`.
    reason: RefundReason,
    #[schema(example = "4.90")]
    amount: String,
    /// Where money to the client would go; needed for the last two reasons. Not kept.
    payment_details: Option<String>,
}

/// A request for a refund.
#[derive(Serialize, ToSchema)]
pub(super) struct RefundView {
    id: String,
    service: String,
    reason: &'static str,
    amount: Money,
    /// `reviewing`, `approved`, `alternative_offered`, `declined` or `paid`.
    state: &'static str,
    /// Why it was decided so: a stable code.
    ground: Option<String>,
    /// `balance` or `client`.
    to: Option<String>,
    granted: Option<Money>,
    #[schema(format = DateTime)]
    at: String,
    /// By when the next step is done.
    #[schema(format = DateTime)]
    due: Option<String>,
}

/// Requests, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct RefundsView {
    refunds: Vec<RefundView>,
    next_page: Option<String>,
}

impl RefundView {
    fn new(refund: &Refund, currency: &str) -> Self {
        Self {
            id: refund.id.clone(),
            service: refund.service.clone(),
            reason: refund.reason.word(),
            amount: Money::new(refund.asked, currency),
            state: refund.state.word(),
            ground: refund.ground.clone(),
            to: refund.way.clone(),
            granted: refund.granted.map(|amount| Money::new(amount, currency)),
            at: refund.at.to_string(),
            due: refund.due.map(|at| at.to_string()),
        }
    }
}

/// Asks for a refund, once per key. What the policy gives nothing back for is declined at once, with the reason.
#[utoipa::path(post, path = "/v1/refunds", operation_id = "ask_refund", tag = "money", request_body = NewRefund,
    security(("token" = [])),
    params(("Idempotency-Key" = String, Header, description = "1 to 200 characters, chosen by the client")),
    responses(
    (status = 201, body = RefundView),
    (status = 200, body = RefundView, description = "Was asked for before under this key."),
    (status = 400, body = Problem, content_type = "application/problem+json",
        description = "`bad_request`, `idempotency_key_required`"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "`not_found`"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "`idempotency_conflict`"),
    (status = 422, body = Problem, content_type = "application/problem+json",
        description = "`refund_incomplete`, `refund_already_asked`"),
))]
pub(super) async fn create(
    State(api): State<Api>,
    Caller(account): Caller,
    Key(key): Key,
    Body(new): Body<NewRefund>,
) -> Result<(StatusCode, Json<RefundView>), Problem> {
    let currency = account.currency.clone();
    let claim = Claim {
        service: new.service,
        reason: new.reason,
        amount: new.amount,
        has_payment_details: new.payment_details.is_some_and(|details| !details.trim().is_empty()),
    };
    let (refund, effect) = api.ask(move |op| op.ask_refund(&account, &key, &claim)).await?;
    Ok((status(effect), Json(RefundView::new(&refund, &currency))))
}

/// Every request, newest first.
#[utoipa::path(get, path = "/v1/refunds", operation_id = "refunds", tag = "money", params(PageParams),
    security(("token" = [])), responses(
    (status = 200, body = RefundsView),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "`bad_page`"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn list(
    State(api): State<Api>,
    Caller(account): Caller,
    Params(params): Params<PageParams>,
) -> Result<Json<RefundsView>, Problem> {
    let window = params.window()?;
    let id = account.id;
    let rows = api.ask(move |op| Ok(op.read(|c| refunds::page(c, id, window.before, window.rows()))?));
    let (rows, next_page) = window.cut(rows.await?);
    let refunds = rows.iter().map(|row| RefundView::new(row, &account.currency)).collect();
    Ok(Json(RefundsView { refunds, next_page }))
}

/// One request.
#[utoipa::path(get, path = "/v1/refunds/{id}", operation_id = "refund", tag = "money", security(("token" = [])),
    params(("id" = String, Path, description = "The request's id")), responses(
    (status = 200, body = RefundView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "`not_found`"),
))]
pub(super) async fn show(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<RefundView>, Problem> {
    let owner = account.id;
    let refund = api
        .ask(move |op| {
            let found = op.read(|c| refunds::by_id(c, &id))?.filter(|refund| refund.account == owner);
            found.ok_or(Refusal::NotFound.into())
        })
        .await?;
    Ok(Json(RefundView::new(&refund, &account.currency)))
}

/// Takes the balance instead of a payment that cannot be made.
#[utoipa::path(post, path = "/v1/refunds/{id}/accept", operation_id = "accept_refund", tag = "money",
    security(("token" = [])), params(("id" = String, Path, description = "The request's id")), responses(
    (status = 200, body = RefundView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "`not_found`"),
    (status = 422, body = Problem, content_type = "application/problem+json", description = "`no_alternative`"),
))]
pub(super) async fn accept(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<RefundView>, Problem> {
    let currency = account.currency.clone();
    let refund = api.ask(move |op| op.accept_alternative(&account, &id)).await?;
    Ok(Json(RefundView::new(&refund, &currency)))
}
