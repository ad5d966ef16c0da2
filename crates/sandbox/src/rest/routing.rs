//! What numbers do with calls: forwarding, CallerID, voicemail, menu; and the rates' answer before anything is dialled.

use axum::{Json, extract::State, http::StatusCode};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Api,
    extract::{Body, Caller, Params, Path},
    problem::Problem,
    view::{Money, SipView},
};
use crate::{
    DOMAIN, destinations, dialling, documents,
    model::{AccountId, Number, NumberState},
    operator::Operator,
    refusal::{Failure, Refusal},
    routing::{Forwarding, Menu, Routing, Voicemail},
    store::{numbers, routing, transactions, voicemails},
};

/// The CallerID service of a number.
#[derive(Serialize, Deserialize, ToSchema)]
pub(super) struct CallerId {
    enabled: bool,
}

/// What is to be dialled.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RateParams {
    /// A number, or what would be dialled.
    to: String,
    /// The account's number to call from; its first without.
    from: Option<String>,
}

/// What dialling would come to.
#[derive(Serialize, ToSchema)]
pub(super) struct RateView {
    /// E.164 for numbers, else what was asked for.
    to: String,
    /// ISO 3166 alpha-2, where it is known.
    country: Option<&'static str>,
    allowed: bool,
    /// Why not: `emergency_not_supported`, `destination_not_served`, `documents_required`,
    /// `insufficient_funds`.
    code: Option<&'static str>,
    /// The same for people; what the switch would put into Warning and Reason.
    detail: Option<&'static str>,
    /// The SIP status the switch would refuse with.
    sip_status: Option<u16>,
    /// Price of a minute; absent for what is free or not served.
    minute: Option<Money>,
    /// How many whole minutes the balance buys; absent where minutes cost nothing.
    minutes: Option<u64>,
    /// What the callee sees as caller; null: nothing.
    shows: Option<String>,
    /// The same for an SMS; absent for what is no number.
    sms: Option<SmsRateView>,
}

/// What an SMS would come to.
#[derive(Serialize, ToSchema)]
pub(super) struct SmsRateView {
    allowed: bool,
    /// `destination_not_served`, `documents_required`, `number_without_sms` or `insufficient_funds`.
    code: Option<&'static str>,
    detail: Option<String>,
    price: Option<Money>,
}

fn sms_rate(to: &str, from: Option<&Number>, balance: Decimal, currency: &str, op: &Operator) -> SmsRateView {
    let price = from.and_then(|n| n.sms_price).filter(|_| from.is_some_and(|n| n.sms));
    let refused = match price {
        _ if !destinations::serves_sms(to, &op.settings) => Some(Refusal::DestinationNotServed),
        None => Some(Refusal::NumberWithoutSms),
        Some(price) if balance < price => Some(Refusal::InsufficientFunds),
        Some(_) => None,
    };
    SmsRateView {
        allowed: refused.is_none(),
        code: refused.as_ref().map(Refusal::code),
        detail: refused.as_ref().map(Refusal::detail),
        price: price.map(|price| Money::new(price, currency)),
    }
}

/// Issues the account's SIP credentials, once it has a number. Asking again answers the same.
#[utoipa::path(post, path = "/v1/sip", operation_id = "issue_sip", tag = "account", security(("token" = [])), responses(
    (status = 201, body = SipView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json",
        description = "`number_required`: SIP credentials come with the first number."),
))]
pub(super) async fn issue_sip(
    State(api): State<Api>,
    Caller(account): Caller,
) -> Result<(StatusCode, Json<SipView>), Problem> {
    let id = account.id;
    api.ask(move |op| {
        let now = op.now();
        op.write(|books| {
            let rents = numbers::of_account(books, id)?.iter().any(|n| n.state != NumberState::Deleted);
            if !rents {
                let detail = "SIP credentials are issued once a number is rented.".into();
                return Err(Failure::from(Refusal::Invalid { code: "number_required", detail }));
            }
            Ok(routing::issue_sip(books, id, now)?)
        })
    })
    .await?;
    let view = SipView {
        user: account.sip_user,
        domain: DOMAIN.into(),
        password: account.sip_password.reveal().into(),
        proxy: api.sip.to_string(),
        transport: "udp",
    };
    Ok((StatusCode::CREATED, Json(view)))
}

/// Whether a destination may be called, for how much, and what the callee sees.
#[utoipa::path(get, path = "/v1/rates", operation_id = "rates", tag = "calls", params(RateParams), security(("token" = [])), responses(
    (status = 200, body = RateView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn rates(
    State(api): State<Api>,
    Caller(account): Caller,
    Params(params): Params<RateParams>,
) -> Result<Json<RateView>, Problem> {
    let to = destinations::e164(&params.to).unwrap_or_else(|| params.to.trim().to_owned());
    let from = params.from.as_deref().and_then(destinations::e164);
    let currency = account.currency.clone();
    let view = api
        .ask(move |op| {
            let (balance, calling, papers) = op.read(|c| -> Result<_, Failure> {
                let own = numbers::of_account(c, account.id)?;
                let active = |n: &&Number| n.calls && n.state == NumberState::Active;
                let named =
                    own.iter().filter(active).find(|n| from.as_ref().is_some_and(|from| n.e164 == *from));
                let calling = match named.or_else(|| own.iter().find(active)) {
                    Some(number) => Some((number.clone(), routing::of_number(c, &number.id)?.caller_id)),
                    None => None,
                };
                let papers = documents::may_go_out(c, &account)?;
                Ok((transactions::balance(c, account.id)?, calling, papers))
            })?;
            let minute = to.starts_with('+').then(|| destinations::minute_price(&to));
            let refused = dialling::permitted(&to, &op.settings).err();
            let short = minute.is_some_and(|minute| balance < minute);
            let unknown = to.starts_with('+') && !papers;
            let refused = refused.or(unknown.then_some(dialling::Refused::Documents));
            let refused = refused.or(short.then_some(dialling::Refused::NoFunds));
            let served =
                !matches!(refused, Some(dialling::Refused::Emergency | dialling::Refused::NotServed));
            let minute = minute.filter(|_| served);
            let sms = to.starts_with('+').then(|| {
                let from = calling.as_ref().map(|(number, _)| number);
                let mut sms = sms_rate(&to, from, balance, &currency, op);
                if sms.allowed && !papers {
                    let refused = dialling::Refused::Documents;
                    sms.allowed = false;
                    (sms.code, sms.detail) = (Some(refused.code()), Some(refused.sentence().into()));
                }
                sms
            });
            Ok(RateView {
                sms,
                country: destinations::country(&to),
                allowed: refused.is_none(),
                code: refused.map(dialling::Refused::code),
                detail: refused.map(dialling::Refused::sentence),
                sip_status: refused.map(|refused| refused.status().0),
                minute: minute.map(|minute| Money::new(minute, &currency)),
                minutes: minute.and_then(|minute| dialling::minutes_bought(balance, minute)),
                shows: calling
                    .filter(|(number, caller_id)| dialling::is_shown(number, *caller_id, &to))
                    .map(|(number, _)| number.e164),
                to,
            })
        })
        .await?;
    Ok(Json(view))
}

/// What a number does with calls.
#[utoipa::path(get, path = "/v1/numbers/{id}/routing", operation_id = "routing", tag = "calls", security(("token" = [])), responses(
    (status = 200, body = Routing),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn show(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<Routing>, Problem> {
    change(&api, account.id, id, |_, _, _| Ok(())).await
}

/// Where a number's calls go: at most two targets. A number without targets reaches nobody.
#[utoipa::path(put, path = "/v1/numbers/{id}/forwarding", operation_id = "set_forwarding", tag = "calls", request_body = Forwarding,
    security(("token" = [])), responses(
    (status = 200, body = Routing),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json",
        description = "`too_many_targets`, `same_target_twice`, `bad_sip_address`, `bad_server_address`, \
        `bad_phone_number`, `forwarded_to_itself`, `destination_not_served`"),
))]
pub(super) async fn set_forwarding(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
    Body(forwarding): Body<Forwarding>,
) -> Result<Json<Routing>, Problem> {
    change(&api, account.id, id, move |op, number, routing| {
        forwarding.check(&number.e164, &op.settings)?;
        routing.forwarding = forwarding;
        Ok(())
    })
    .await
}

/// Switches the CallerID service. The number then shows to destinations in its own country, and nowhere else.
#[utoipa::path(put, path = "/v1/numbers/{id}/caller-id", operation_id = "set_caller_id", tag = "calls", request_body = CallerId,
    security(("token" = [])), responses(
    (status = 200, body = Routing),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn set_caller_id(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
    Body(caller_id): Body<CallerId>,
) -> Result<Json<Routing>, Problem> {
    change(&api, account.id, id, move |_, _, routing| {
        routing.caller_id = caller_id.enabled;
        Ok(())
    })
    .await
}

/// Saves the voicemail: the option and the greeting that was selected.
#[utoipa::path(put, path = "/v1/numbers/{id}/voicemail", operation_id = "set_voicemail", tag = "voicemail", request_body = Voicemail,
    security(("token" = [])), responses(
    (status = 200, body = Routing),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json", description = "`greeting_unknown`"),
))]
pub(super) async fn set_voicemail(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
    Body(voicemail): Body<Voicemail>,
) -> Result<Json<Routing>, Problem> {
    let owner = account.id;
    change(&api, owner, id, move |op, _, routing| {
        known_greeting(op, owner, voicemail.greeting.as_deref())?;
        routing.voicemail = voicemail;
        Ok(())
    })
    .await
}

/// Sets a voice menu in place of the forwarding.
#[utoipa::path(put, path = "/v1/numbers/{id}/menu", operation_id = "set_menu", tag = "calls", request_body = Menu,
    security(("token" = [])), responses(
    (status = 200, body = Routing),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json",
        description = "`menu_options`, `menu_key`, `menu_key_twice`, `menu_label`, `greeting_unknown`, and what forwarding says"),
))]
pub(super) async fn set_menu(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
    Body(menu): Body<Menu>,
) -> Result<Json<Routing>, Problem> {
    let owner = account.id;
    change(&api, owner, id, move |op, number, routing| {
        menu.check(&number.e164, &op.settings)?;
        known_greeting(op, owner, menu.greeting.as_deref())?;
        routing.menu = Some(menu);
        Ok(())
    })
    .await
}

/// Takes the voice menu away: calls go where the forwarding says.
#[utoipa::path(delete, path = "/v1/numbers/{id}/menu", operation_id = "delete_menu", tag = "calls", security(("token" = [])), responses(
    (status = 200, body = Routing),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn delete_menu(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<Routing>, Problem> {
    change(&api, account.id, id, |_, _, routing| {
        routing.menu = None;
        Ok(())
    })
    .await
}

async fn change(
    api: &Api,
    account: AccountId,
    id: String,
    work: impl FnOnce(&Operator, &Number, &mut Routing) -> Result<(), Failure> + Send + 'static,
) -> Result<Json<Routing>, Problem> {
    let routing = api
        .ask(move |op| {
            let own = op.read(|c| numbers::of_account(c, account))?;
            let number = own.into_iter().find(|n| n.id == id && n.state != NumberState::Deleted);
            let number = number.ok_or(Failure::from(Refusal::NotFound))?;
            let before = op.read(|c| routing::of_number(c, &number.id))?;
            let mut after = before.clone();
            work(op, &number, &mut after)?;
            if after != before {
                op.write(|books| routing::set(books, &number.id, &after))?;
            }
            Ok(after)
        })
        .await?;
    Ok(Json(routing))
}

fn known_greeting(op: &Operator, account: AccountId, id: Option<&str>) -> Result<(), Failure> {
    let Some(id) = id else { return Ok(()) };
    if op.read(|c| voicemails::greeting_sound(c, account, id))?.is_some() {
        return Ok(());
    }
    let detail = "There is no such greeting; upload it first.".into();
    Err(Refusal::Invalid { code: "greeting_unknown", detail }.into())
}
