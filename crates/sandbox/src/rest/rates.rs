//! The list of prices, and what an SMS takes and costs before it is sent. What a single destination costs stands in
//! [`super::routing`].

use std::time::Duration;

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Api,
    extract::{Body, Caller},
    messages::NewMessage,
    problem::Problem,
    view::Money,
};
use crate::{
    destinations,
    refusal::{Failure, Refusal},
    segments::segments,
    sms::{self, Draft},
    store::numbers,
};

/// Prices of minutes by the beginning of the number.
#[derive(Serialize, ToSchema)]
pub(super) struct PriceListView {
    prices: Vec<PriceView>,
    /// Everywhere else.
    elsewhere: Money,
}

/// A price of minutes.
#[derive(Serialize, ToSchema)]
pub(super) struct PriceView {
    /// The longest that fits counts.
    #[schema(example = "+447")]
    prefix: String,
    minute: Money,
}

/// What an SMS would take and cost.
#[derive(Serialize, ToSchema)]
pub(super) struct MessageQuoteView {
    /// Whether it would be accepted now.
    allowed: bool,
    /// The code it would be refused with.
    refusal: Option<&'static str>,
    segments: usize,
    /// `gsm7` or `ucs2`.
    encoding: &'static str,
    /// Septets or code units.
    units: usize,
    price: Option<Money>,
    /// A second, an hour, a day.
    limits: Vec<LimitView>,
}

/// What is left of one of the limits for SMS.
#[derive(Serialize, ToSchema)]
pub(super) struct LimitView {
    /// The window's length.
    seconds: u64,
    limit: u32,
    left: u32,
    /// When nothing is left: how many seconds until there is.
    free_in: u64,
}

/// Prices of minutes by destination.
#[utoipa::path(get, path = "/v1/rates/calls", operation_id = "call_prices", tag = "money", security(("token" = [])), responses(
    (status = 200, body = PriceListView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn prices(Caller(account): Caller) -> Json<PriceListView> {
    let money = |amount| Money::new(amount, &account.currency);
    let prices = destinations::MINUTE
        .iter()
        .map(|(prefix, minute)| PriceView { prefix: format!("+{prefix}"), minute: money(*minute) })
        .collect();
    Json(PriceListView { prices, elsewhere: money(destinations::MINUTE_ELSEWHERE) })
}

/// What an SMS would take and cost, and what is left of the limits. Nothing is sent.
#[utoipa::path(post, path = "/v1/messages/quote", operation_id = "quote_message", tag = "messages",
    request_body = NewMessage, security(("token" = [])), responses(
    (status = 200, body = MessageQuoteView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn quote(
    State(api): State<Api>,
    Caller(account): Caller,
    Body(new): Body<NewMessage>,
) -> Result<Json<MessageQuoteView>, Problem> {
    let draft = Draft { from: new.from, to: new.to, text: new.text };
    let view = api
        .ask(move |op| {
            let now = op.now();
            op.read(|c| -> Result<_, Failure> {
                let from = destinations::e164(&draft.from).unwrap_or_default();
                let number = numbers::by_e164(c, &from)?.filter(|n| n.account == account.id);
                let refusal = match op.vet_message(c, &account, &draft, now) {
                    Ok(_) => None,
                    Err(Failure::Refused(refusal)) => Some(refusal),
                    Err(Failure::Store(error)) => return Err(error.into()),
                };
                let counted = segments(&draft.text);
                let limits = op.sms_allowances(c, &account, &from, now)?;
                let price = number.map(|n| sms::price(&n, &draft.text, &op.settings).0);
                Ok(MessageQuoteView {
                    allowed: refusal.is_none(),
                    refusal: refusal.as_ref().map(Refusal::code),
                    segments: counted.count,
                    encoding: counted.encoding.word(),
                    units: counted.units,
                    price: price.map(|price| Money::new(price, &account.currency)),
                    limits: limits
                        .iter()
                        .map(|a| LimitView {
                            seconds: a.seconds,
                            limit: a.limit,
                            left: a.left,
                            free_in: whole_seconds(a.free_in),
                        })
                        .collect(),
                })
            })
        })
        .await?;
    Ok(Json(view))
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}
