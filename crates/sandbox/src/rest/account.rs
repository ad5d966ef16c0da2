//! The account, its numbers, its SIP credentials.

use axum::{Json, extract::State, http::StatusCode};

use super::{
    Api,
    extract::Caller,
    numbers::number_view,
    problem::Problem,
    terms::RulesView,
    view::{AccountView, AutoTopUpView, Money, NumbersView, SipView, SmsLimitsView, TopUpLimits},
};
use crate::{
    DOMAIN, documents,
    model::{NumberState, Profile},
    quote,
    store::{StoreError, numbers as number_rows, routing, transactions},
};

/// Name, balance, cashback and top-up limits.
#[utoipa::path(get, path = "/v1/account", tag = "account", security(("token" = [])), responses(
    (status = 200, body = AccountView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn account(
    State(api): State<Api>,
    Caller(account): Caller,
) -> Result<Json<AccountView>, Problem> {
    let view = api
        .ask(move |op| {
            Ok(op.read(|c| -> Result<_, StoreError> {
                let (balance, cashback) = transactions::balances(c, account.id)?;
                let spent = transactions::lifetime_spend(c, account.id)?;
                let missing = match account.profile {
                    Profile::Numgo => documents::missing(c, account.id, documents::TO_GO_OUT)?,
                    Profile::Prepaid => Vec::new(),
                };
                let settings = &op.settings;
                let money = |amount| Money::new(amount, &account.currency);
                Ok(AccountView {
                    balance: money(balance),
                    cashback_balance: money(cashback),
                    cashback_percent: quote::cashback_percent(spent, settings).to_string(),
                    lifetime_spend: money(spent),
                    next_cashback_from: quote::next_tier(spent, settings).map(|(from, _)| money(from)),
                    sms_limits: SmsLimitsView::new(account.sms_limits.unwrap_or(settings.sms_limits)),
                    documents_missing: missing.into_iter().map(|kind| kind.word()).collect(),
                    topup: TopUpLimits {
                        min: settings.topup_min.to_string(),
                        max: settings.topup_max.to_string(),
                    },
                    automatic_topup: account.auto_topup.map(|auto| AutoTopUpView {
                        threshold: money(auto.threshold),
                        amount: money(auto.amount),
                    }),
                    now: op.now().to_string(),
                    rules: RulesView::new(account.profile, settings),
                    id: account.public_id.clone(),
                    name: account.name.clone(),
                    profile: account.profile.word(),
                })
            })?)
        })
        .await?;
    Ok(Json(view))
}

/// Every number the account has: rented, tried out, disposable. One that is not connected yet stands in its order only.
#[utoipa::path(get, path = "/v1/numbers", tag = "account", security(("token" = [])), responses(
    (status = 200, body = NumbersView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn numbers(
    State(api): State<Api>,
    Caller(account): Caller,
) -> Result<Json<NumbersView>, Problem> {
    let numbers = api
        .ask(move |op| {
            Ok(op.read(|c| -> Result<_, StoreError> {
                let mut rows = number_rows::of_account(c, account.id)?;
                rows.retain(|n| n.is_connected() && n.state != NumberState::Deleted);
                rows.iter().map(|n| number_view(op, c, n, &account)).collect::<Result<Vec<_>, _>>()
            })?)
        })
        .await?;
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
