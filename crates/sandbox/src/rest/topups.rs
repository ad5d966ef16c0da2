//! Top-ups: begun here, paid on the checkout page.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Api,
    extract::{Body, Caller, Key, Path},
    messages::status,
    problem::Problem,
    view::{AutoTopUpView, Money, TopUpView},
};
use crate::{
    model::TopUp,
    refusal::{Failure, Refusal},
};

/// How much to top up.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewTopUp {
    /// In the balance's currency, whole hundredths.
    #[schema(example = "25.00")]
    amount: String,
}

/// Begins a top-up, once per key; the answer names the page to pay on.
#[utoipa::path(post, path = "/v1/topups", operation_id = "create_topup", tag = "topups", request_body = NewTopUp, security(("token" = [])),
    params(("Idempotency-Key" = String, Header, description = "1 to 200 characters, chosen by the client")),
    responses(
    (status = 201, body = TopUpView),
    (status = 200, body = TopUpView, description = "Was begun before under this key."),
    (status = 400, body = Problem, content_type = "application/problem+json",
        description = "`bad_request`, `idempotency_key_required`"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json",
        description = "`idempotency_conflict`"),
    (status = 422, body = Problem, content_type = "application/problem+json", description = "`topup_amount`"),
))]
pub(super) async fn create(
    State(api): State<Api>,
    Caller(account): Caller,
    Key(key): Key,
    Body(new): Body<NewTopUp>,
) -> Result<(StatusCode, Json<TopUpView>), Problem> {
    let currency = account.currency.clone();
    let (topup, effect) = api.ask(move |op| op.create_topup(&account, &key, &new.amount)).await?;
    Ok((status(effect), Json(view(&api, &topup, &currency))))
}

/// Where a top-up stands.
#[utoipa::path(get, path = "/v1/topups/{id}", operation_id = "topup", tag = "topups", security(("token" = [])),
    params(("id" = String, Path, description = "The top-up's id")), responses(
    (status = 200, body = TopUpView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "`not_found`"),
))]
pub(super) async fn show(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<TopUpView>, Problem> {
    let topup = api.ask(move |op| op.topup(&id)).await?;
    if topup.account != account.id {
        return Err(Problem::from(Failure::from(Refusal::NotFound)));
    }
    Ok(Json(view(&api, &topup, &account.currency)))
}

/// When money is to come by itself.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewAutoTopUp {
    enabled: bool,
    /// Below which balance; the provider's default if not given.
    #[schema(example = "10.00")]
    threshold: Option<String>,
    /// How much, within the limits of every top-up; needed when enabled.
    #[schema(example = "25.00")]
    amount: Option<String>,
}

/// Switches top-ups by themselves on or off.
///
/// They use the payment method of an earlier top-up; without one they cannot be switched on. One that is declined
/// switches them off.
#[utoipa::path(put, path = "/v1/topups/automatic", operation_id = "automatic_topup", tag = "topups",
    request_body = NewAutoTopUp, security(("token" = [])), responses(
    (status = 200, body = Option<AutoTopUpView>, description = "Null when off."),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json",
        description = "`topup_amount`, `no_payment_method`"),
))]
pub(super) async fn automatic(
    State(api): State<Api>,
    Caller(account): Caller,
    Body(new): Body<NewAutoTopUp>,
) -> Result<Json<Option<AutoTopUpView>>, Problem> {
    let currency = account.currency.clone();
    let auto = api
        .ask(move |op| {
            let wish = new.enabled.then_some((new.threshold.as_deref(), new.amount.as_deref().unwrap_or("")));
            op.set_auto_topup(&account, wish)
        })
        .await?;
    Ok(Json(auto.map(|auto| AutoTopUpView {
        threshold: Money::new(auto.threshold, &currency),
        amount: Money::new(auto.amount, &currency),
    })))
}

fn view(api: &Api, topup: &TopUp, currency: &str) -> TopUpView {
    TopUpView {
        id: topup.id.clone(),
        state: topup.state.word(),
        amount: Money::new(topup.amount, currency),
        // Made when asked for: the port may be another one after a restart.
        automatic: topup.automatic,
        checkout_url: format!("http://{}/checkout/{}", api.http, topup.id),
    }
}
