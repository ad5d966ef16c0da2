//! Ordering numbers.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Api,
    extract::{Body, Caller, Key, Params, Path},
    messages::status,
    numbers::number_view,
    page::PageParams,
    problem::Problem,
    view::{Money, NumberView},
};
use crate::{
    model::{Account, Number, Order},
    operator::Operator,
    orders::Wish,
    refusal::Refusal,
    store::{StoreError, numbers, orders},
};

/// What to order.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewOrder {
    /// A product of the catalogue.
    #[schema(example = "gb-mobile")]
    product: String,
    /// 1 to 20; 1 if not given.
    #[schema(minimum = 1, maximum = 20)]
    count: Option<u32>,
    /// 1 to 12; 1 if not given.
    #[schema(minimum = 1, maximum = 12)]
    months: Option<u32>,
    /// Whether the numbers are renewed by themselves; yes if not given.
    auto_renew: Option<bool>,
    /// To try it out instead of renting it.
    #[serde(default)]
    trial: bool,
    /// What a disposable number is for.
    service: Option<String>,
    /// Chosen numbers (`numgo`), as many as `count`.
    #[serde(default)]
    numbers: Vec<String>,
}

/// An order.
#[derive(Serialize, ToSchema)]
pub(super) struct OrderView {
    id: String,
    product: String,
    /// `rental`, `trial` or `disposable`.
    purpose: &'static str,
    count: u32,
    months: u32,
    service: Option<String>,
    #[schema(example = "5")]
    discount_percent: String,
    /// What was charged.
    total: Money,
    /// What came back at once.
    cashback: Money,
    #[schema(format = DateTime)]
    at: String,
    /// One for each number ordered.
    items: Vec<OrderItemView>,
}

/// A number of an order.
#[derive(Serialize, ToSchema)]
pub(super) struct OrderItemView {
    id: String,
    /// `awaiting_documents`, `connecting`, then what a number can be.
    state: &'static str,
    /// Known once it is connected.
    number: Option<NumberView>,
}

/// Orders, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct OrdersView {
    orders: Vec<OrderView>,
    next_page: Option<String>,
}

/// What an order would cost.
#[derive(Serialize, ToSchema)]
pub(super) struct QuoteView {
    monthly_fee: Money,
    count: u32,
    months: u32,
    /// Without discount.
    list: Money,
    #[schema(example = "5")]
    discount_percent: String,
    total: Money,
    #[schema(example = "5")]
    cashback_percent: String,
    cashback: Money,
}

/// Orders numbers, once per key.
#[utoipa::path(post, path = "/v1/orders", operation_id = "order", tag = "numbers", request_body = NewOrder,
    security(("token" = [])),
    params(("Idempotency-Key" = String, Header, description = "1 to 200 characters, chosen by the client")),
    responses(
    (status = 201, body = OrderView),
    (status = 200, body = OrderView, description = "Was ordered before under this key."),
    (status = 400, body = Problem, content_type = "application/problem+json",
        description = "`bad_request`, `idempotency_key_required`"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "`not_found`"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "`idempotency_conflict`"),
    (status = 422, body = Problem, content_type = "application/problem+json",
        description = "`order_count`, `order_months`, `service_unknown`, `trial_not_offered`, `trial_used`, \
                       `out_of_stock`, `number_taken`, `not_in_profile`, `insufficient_funds`"),
))]
pub(super) async fn create(
    State(api): State<Api>,
    Caller(account): Caller,
    Key(key): Key,
    Body(new): Body<NewOrder>,
) -> Result<(StatusCode, Json<OrderView>), Problem> {
    let answer = api
        .ask(move |op| {
            let (order, made, effect) = op.order(&account, &key, &wish(new))?;
            let view = op.read(|c| view(op, c, &order, &made, &account))?;
            Ok((status(effect), Json(view)))
        })
        .await?;
    Ok(answer)
}

/// What an order would cost; refused as the order would be, but for stock and balance.
#[utoipa::path(post, path = "/v1/orders/quote", operation_id = "quote_order", tag = "numbers", request_body = NewOrder,
    security(("token" = [])), responses(
    (status = 200, body = QuoteView),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "`bad_request`"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "`not_found`"),
    (status = 422, body = Problem, content_type = "application/problem+json",
        description = "`order_count`, `order_months`, `service_unknown`, `trial_not_offered`, `not_in_profile`"),
))]
pub(super) async fn quote(
    State(api): State<Api>,
    Caller(account): Caller,
    Body(new): Body<NewOrder>,
) -> Result<Json<QuoteView>, Problem> {
    let currency = account.currency.clone();
    let quote = api.ask(move |op| op.quote(&account, &wish(new))).await?;
    let money = |amount| Money::new(amount, &currency);
    Ok(Json(QuoteView {
        monthly_fee: money(quote.monthly_fee),
        count: quote.count,
        months: quote.months,
        list: money(quote.list),
        discount_percent: quote.discount_percent.to_string(),
        total: money(quote.total),
        cashback_percent: quote.cashback_percent.to_string(),
        cashback: money(quote.cashback),
    }))
}

/// Every order, newest first.
#[utoipa::path(get, path = "/v1/orders", operation_id = "orders", tag = "numbers", params(PageParams),
    security(("token" = [])), responses(
    (status = 200, body = OrdersView),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "`bad_page`"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn list(
    State(api): State<Api>,
    Caller(account): Caller,
    Params(params): Params<PageParams>,
) -> Result<Json<OrdersView>, Problem> {
    let window = params.window()?;
    let view = api
        .ask(move |op| {
            Ok(op.read(|c| -> Result<_, StoreError> {
                let (rows, next_page) =
                    window.cut(orders::page(c, account.id, window.before, window.rows())?);
                let mut shown = Vec::with_capacity(rows.len());
                for order in &rows {
                    shown.push(view(op, c, order, &numbers::of_order(c, &order.id)?, &account)?);
                }
                Ok(OrdersView { orders: shown, next_page })
            })?)
        })
        .await?;
    Ok(Json(view))
}

/// One order.
#[utoipa::path(get, path = "/v1/orders/{id}", operation_id = "show_order", tag = "numbers", security(("token" = [])),
    params(("id" = String, Path, description = "The order's id")), responses(
    (status = 200, body = OrderView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "`not_found`"),
))]
pub(super) async fn show(
    State(api): State<Api>,
    Caller(account): Caller,
    Path(id): Path<String>,
) -> Result<Json<OrderView>, Problem> {
    let view = api
        .ask(move |op| {
            let found = op.read(|c| -> Result<_, StoreError> {
                let order = orders::by_id(c, &id)?.filter(|order| order.account == account.id);
                let Some(order) = order else { return Ok(None) };
                view(op, c, &order, &numbers::of_order(c, &order.id)?, &account).map(Some)
            })?;
            found.ok_or(Refusal::NotFound.into())
        })
        .await?;
    Ok(Json(view))
}

fn wish(new: NewOrder) -> Wish {
    Wish {
        product: new.product,
        count: new.count.unwrap_or(1),
        months: new.months.unwrap_or(1),
        auto_renew: new.auto_renew.unwrap_or(true),
        trial: new.trial,
        service: new.service,
        numbers: new.numbers,
    }
}

fn view(
    op: &Operator,
    c: &rusqlite::Connection,
    order: &Order,
    made: &[Number],
    account: &Account,
) -> Result<OrderView, StoreError> {
    let currency = &account.currency;
    let mut items = Vec::with_capacity(made.len());
    for number in made {
        let shown = if number.is_connected() { Some(number_view(op, c, number, account)?) } else { None };
        items.push(OrderItemView { id: number.id.clone(), state: number.state.word(), number: shown });
    }
    Ok(OrderView {
        id: order.id.clone(),
        product: order.product.clone(),
        purpose: order.purpose.word(),
        count: order.count,
        months: order.months,
        service: order.service.clone(),
        discount_percent: order.discount_percent.to_string(),
        total: Money::new(order.total, currency),
        cashback: Money::new(order.cashback, currency),
        at: order.at.to_string(),
        items,
    })
}
