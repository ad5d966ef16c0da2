//! The call log and the statistics.

use axum::{Json, extract::State, http::StatusCode};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Api,
    extract::{Caller, Params},
    page::{place, rows},
    problem::Problem,
    view::{CallView, Money},
};
use crate::{
    destinations,
    model::Direction,
    store::{calls, calls::Filter, millis, statistics},
};

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 500;

/// Which calls, and how many.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LogParams {
    /// Begun at this time or later.
    #[param(format = DateTime)]
    from: Option<String>,
    /// Begun before this time.
    #[param(format = DateTime)]
    to: Option<String>,
    /// One of the account's numbers.
    number: Option<String>,
    /// `incoming` or `outgoing`.
    #[param(pattern = "^(incoming|outgoing)$")]
    direction: Option<String>,
    /// 1 to 500; 100 if not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// From `next_page` of the page before.
    #[param(pattern = "^[0-9]{1,18}$")]
    page: Option<String>,
}

/// Which time.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PeriodParams {
    /// From this time on; from the beginning without.
    #[param(format = DateTime)]
    from: Option<String>,
    /// Up to this time, which is not part of it; up to now without.
    #[param(format = DateTime)]
    to: Option<String>,
}

/// A page of the call log.
#[derive(Serialize, ToSchema)]
pub(super) struct CallsView {
    calls: Vec<CallView>,
    /// For the `page` parameter; absent on the last page.
    next_page: Option<String>,
}

/// Calls and transactions of a time, summed up.
#[derive(Serialize, ToSchema)]
pub(super) struct StatisticsView {
    incoming: CallFigures,
    outgoing: CallFigures,
    messages: MessageFigures,
    /// By type, those that occurred.
    transactions: Vec<TransactionFigures>,
}

/// Calls of one direction.
#[derive(Serialize, ToSchema)]
pub(super) struct CallFigures {
    calls: u64,
    answered: u64,
    /// Missed, unanswered, busy, declined or failed.
    unanswered: u64,
    talked_seconds: u64,
    cost: Money,
}

/// SMS of both directions.
#[derive(Serialize, ToSchema)]
pub(super) struct MessageFigures {
    received: u64,
    sent: u64,
}

/// Transactions of one type.
#[derive(Serialize, ToSchema)]
pub(super) struct TransactionFigures {
    /// `order`, `renewal`, `restore`, `call`, `sms`, `top_up`, `cashback`, `refund` or `adjustment`.
    #[serde(rename = "type")]
    kind: &'static str,
    count: u64,
    /// Negative where more was charged than credited.
    sum: Money,
}

impl CallFigures {
    fn new(figures: &statistics::Calls, currency: &str) -> Self {
        Self {
            calls: figures.calls,
            answered: figures.answered,
            unanswered: figures.calls.saturating_sub(figures.answered),
            talked_seconds: figures.seconds,
            cost: Money::new(figures.cost, currency),
        }
    }
}

/// Calls, newest first, page by page.
#[utoipa::path(get, path = "/v1/calls", operation_id = "calls", tag = "calls", params(LogParams), security(("token" = [])), responses(
    (status = 200, body = CallsView),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "`bad_request`, `bad_page`"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn log(
    State(api): State<Api>,
    Caller(account): Caller,
    Params(params): Params<LogParams>,
) -> Result<Json<CallsView>, Problem> {
    let limit = rows(params.limit, DEFAULT_LIMIT, MAX_LIMIT)?;
    let before = match &params.page {
        None => i64::MAX,
        Some(page) => place(page).ok_or_else(|| {
            Problem::of(StatusCode::BAD_REQUEST, "bad_page", "This is not a page of this log.")
        })?,
    };
    let direction = match params.direction.as_deref() {
        None => None,
        Some("incoming") => Some(Direction::Incoming),
        Some("outgoing") => Some(Direction::Outgoing),
        Some(_) => return Err(bad("The direction is incoming or outgoing.")),
    };
    let number = params.number.map(|n| destinations::e164(&n).unwrap_or(n));
    let filter = Filter { from: moment(params.from)?, to: moment(params.to)?, number, direction };
    let id = account.id;
    let mut rows = api
        .ask(move |op| Ok(op.read(|c| calls::log(c, id, &filter, before, limit.saturating_add(1)))?))
        .await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next_page = rows.last().filter(|_| more).map(|(place, _)| place.to_string());
    let calls = rows.iter().map(|(_, call)| CallView::new(call, &account.currency)).collect();
    Ok(Json(CallsView { calls, next_page }))
}

/// How many calls, how long, for how much; and the transactions by their type.
#[utoipa::path(get, path = "/v1/statistics", operation_id = "statistics", tag = "calls", params(PeriodParams), security(("token" = [])), responses(
    (status = 200, body = StatisticsView),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "`bad_request`"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn statistics(
    State(api): State<Api>,
    Caller(account): Caller,
    Params(params): Params<PeriodParams>,
) -> Result<Json<StatisticsView>, Problem> {
    let from = moment(params.from)?.unwrap_or(i64::MIN);
    let to = moment(params.to)?.unwrap_or(i64::MAX);
    let id = account.id;
    let figures = api.ask(move |op| Ok(op.read(|c| statistics::of_account(c, id, from, to))?)).await?;
    let transactions = figures
        .transactions
        .into_iter()
        .map(|(kind, count, sum): (_, u64, Decimal)| TransactionFigures {
            kind: kind.word(),
            count,
            sum: Money::new(sum, &account.currency),
        })
        .collect();
    Ok(Json(StatisticsView {
        incoming: CallFigures::new(&figures.incoming, &account.currency),
        outgoing: CallFigures::new(&figures.outgoing, &account.currency),
        messages: MessageFigures { received: figures.messages_received, sent: figures.messages_sent },
        transactions,
    }))
}

fn moment(text: Option<String>) -> Result<Option<i64>, Problem> {
    let read = |text: String| text.parse::<Timestamp>().map_err(|_| bad("Times are RFC 3339 in UTC."));
    Ok(text.map(read).transpose()?.map(millis))
}

fn bad(detail: &str) -> Problem {
    Problem::of(StatusCode::BAD_REQUEST, "bad_request", detail)
}
