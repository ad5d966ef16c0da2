//! The strings behind the sandbox, for demonstrations and tests: its accounts, SMS and calls from outside, faults.
//! No provider has these; they answer only to this machine.

use std::net::SocketAddr;

use axum::{Json, extract::State, http::StatusCode};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Api,
    extract::Body,
    problem::Problem,
    view::{MessageView, SipView},
};
use crate::{
    DOMAIN,
    faults::Faults,
    model::{Account, NumberState},
    outside::{IncomingCall, OutsideError},
    refusal::{Failure, Refusal},
    store::{StoreError, accounts as account_rows, numbers},
};

/// The accounts there are.
#[derive(Serialize, ToSchema)]
pub(super) struct DemoAccountsView {
    accounts: Vec<DemoAccountView>,
}

/// One of them.
#[derive(Serialize, ToSchema)]
pub(crate) struct DemoAccountView {
    name: String,
    token: String,
    /// E.164.
    numbers: Vec<String>,
    sip: SipView,
}

/// An SMS from outside.
#[derive(Deserialize, ToSchema)]
pub(super) struct OutsideSms {
    /// A rented number.
    to: String,
    /// A number or a word.
    from: String,
    text: String,
}

/// A call from outside.
#[derive(Deserialize, ToSchema)]
pub(super) struct OutsideCall {
    /// A rented number.
    to: String,
    /// A number; one of the sandbox's own if not given.
    from: Option<String>,
    /// How long to let it ring, 1 to 300; 30 if not given.
    ring_seconds: Option<u32>,
}

/// A call on its way.
#[derive(Serialize, ToSchema)]
pub(super) struct OutsideCallView {
    /// `ringing`, or `missed` when nobody is registered there.
    state: &'static str,
}

/// Accounts to try out, with everything needed to use them.
#[utoipa::path(get, path = "/sandbox/accounts", operation_id = "sandbox_accounts", tag = "sandbox", responses((status = 200, body = DemoAccountsView)))]
pub(super) async fn accounts(State(api): State<Api>) -> Result<Json<DemoAccountsView>, Problem> {
    let sip = api.sip;
    let accounts = api
        .ask(move |op| {
            Ok(op.read(|c| -> Result<Vec<_>, StoreError> {
                account_rows::list(c)?.into_iter().map(|account| demo_account(c, account, sip)).collect()
            })?)
        })
        .await?;
    Ok(Json(DemoAccountsView { accounts }))
}

/// An SMS from outside arrives at a rented number.
#[utoipa::path(post, path = "/sandbox/sms", operation_id = "sandbox_sms", tag = "sandbox", request_body = OutsideSms, responses(
    (status = 201, body = MessageView),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "`number_unknown`"),
))]
pub(super) async fn sms(
    State(api): State<Api>,
    Body(sms): Body<OutsideSms>,
) -> Result<(StatusCode, Json<MessageView>), Problem> {
    let message = api.ask(move |op| op.receive_message(&sms.to, &sms.from, &sms.text)).await?;
    Ok((StatusCode::CREATED, Json(MessageView::new(&message, "USD"))))
}

/// The outside calls a rented number; whoever answers hears themselves.
#[utoipa::path(post, path = "/sandbox/calls", operation_id = "sandbox_call", tag = "sandbox", request_body = OutsideCall, responses(
    (status = 202, body = OutsideCallView),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "`number_unknown`"),
))]
pub(super) async fn call(
    State(api): State<Api>,
    Body(call): Body<OutsideCall>,
) -> Result<(StatusCode, Json<OutsideCallView>), Problem> {
    let ring_seconds = call.ring_seconds.unwrap_or(30).clamp(1, 300);
    let incoming = IncomingCall { to: call.to, from: call.from, ring_seconds };
    match api.outside.call(incoming).await {
        Ok(ringing) => {
            let state = if ringing { "ringing" } else { "missed" };
            Ok((StatusCode::ACCEPTED, Json(OutsideCallView { state })))
        }
        Err(OutsideError::NumberUnknown) => Err(Problem::from(Failure::from(Refusal::NumberUnknown))),
        Err(OutsideError::Busy) => Err(Problem::of(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "The switch takes no calls at the moment.",
        )),
    }
}

/// Breaks something, or mends it: what is not named is well again.
#[utoipa::path(post, path = "/sandbox/faults", operation_id = "sandbox_faults", tag = "sandbox", request_body = Faults, responses(
    (status = 200, body = Faults),
    (status = 422, body = Problem, content_type = "application/problem+json", description = "`fault_absurd`"),
))]
pub(super) async fn faults(
    State(api): State<Api>,
    Body(faults): Body<Faults>,
) -> Result<Json<Faults>, Problem> {
    if !faults.is_sensible() {
        let why = "At most 100 rules, 5xx statuses, delays up to a minute.";
        return Err(Problem::of(StatusCode::UNPROCESSABLE_ENTITY, "fault_absurd", why));
    }
    *api.operator.faults() = faults.clone();
    Ok(Json(faults))
}

/// Everything needed to use an account.
pub(super) fn demo_account(
    c: &Connection,
    account: Account,
    sip: SocketAddr,
) -> Result<DemoAccountView, StoreError> {
    let mut numbers = numbers::of_account(c, account.id)?;
    numbers.retain(|n| n.is_connected() && n.state != NumberState::Deleted);
    Ok(DemoAccountView {
        name: account.name,
        token: account.token.reveal().into(),
        numbers: numbers.into_iter().map(|n| n.e164).collect(),
        sip: SipView {
            user: account.sip_user,
            domain: DOMAIN.into(),
            password: account.sip_password.reveal().into(),
            proxy: sip.to_string(),
            transport: "udp",
        },
    })
}
