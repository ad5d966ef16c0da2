//! The account, its numbers, its SIP credentials.

use axum::{Json, extract::State, http::StatusCode};

use super::{
    Api,
    extract::Caller,
    problem::Problem,
    view::{AccountView, Money, NumberView, NumbersView, SipView, TopUpLimits},
};
use crate::{
    DOMAIN,
    store::{numbers as number_rows, routing, transactions},
};

/// Name, balance and top-up limits.
#[utoipa::path(get, path = "/v1/account", tag = "account", security(("token" = [])), responses(
    (status = 200, body = AccountView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn account(
    State(api): State<Api>,
    Caller(account): Caller,
) -> Result<Json<AccountView>, Problem> {
    let id = account.id;
    let balance = api.ask(move |op| Ok(op.read(|c| transactions::balance(c, id))?)).await?;
    let settings = &api.operator.settings;
    Ok(Json(AccountView {
        id: account.public_id,
        name: account.name,
        profile: account.profile.word(),
        balance: Money::new(balance, &account.currency),
        topup: TopUpLimits { min: settings.topup_min.to_string(), max: settings.topup_max.to_string() },
    }))
}

/// Every rented number.
#[utoipa::path(get, path = "/v1/numbers", tag = "account", security(("token" = [])), responses(
    (status = 200, body = NumbersView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn numbers(
    State(api): State<Api>,
    Caller(account): Caller,
) -> Result<Json<NumbersView>, Problem> {
    let id = account.id;
    let rows = api.ask(move |op| Ok(op.read(|c| number_rows::of_account(c, id))?)).await?;
    let numbers = rows.iter().map(|n| NumberView::new(n, &account.currency)).collect();
    Ok(Json(NumbersView { numbers }))
}

/// The SIP account, once issued.
#[utoipa::path(get, path = "/v1/sip", tag = "account", security(("token" = [])), responses(
    (status = 200, body = SipView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json",
        description = "`sip_not_issued`: the account has no SIP credentials yet."),
))]
pub(super) async fn sip(State(api): State<Api>, Caller(account): Caller) -> Result<Json<SipView>, Problem> {
    let id = account.id;
    if !api.ask(move |op| Ok(op.read(|c| routing::has_sip(c, id))?)).await? {
        let why = "Ask for SIP credentials first.";
        return Err(Problem::of(StatusCode::NOT_FOUND, "sip_not_issued", why));
    }
    Ok(Json(SipView {
        user: account.sip_user,
        domain: DOMAIN.into(),
        password: account.sip_password.reveal().into(),
        proxy: api.sip.to_string(),
        transport: "udp",
    }))
}
