//! The ledger as a list and as a file, the invoices, and what the provider told by itself.

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use jiff::{ToSpan, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Api,
    extract::{Caller, Params},
    page::PageParams,
    problem::Problem,
    view::{Money, NoticeView, TransactionView},
};
use crate::{
    days::start_of,
    model::Transaction,
    store::{
        StoreError, invoices, notices,
        transactions::{self, Choice},
    },
};

/// The ledger, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct TransactionsView {
    transactions: Vec<TransactionView>,
    next_page: Option<String>,
}

/// Notices, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct NoticesView {
    notices: Vec<NoticeView>,
    next_page: Option<String>,
}

/// Invoices, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct InvoicesView {
    invoices: Vec<InvoiceView>,
    /// Conference minutes that the next invoice will have.
    open_minutes: u64,
}

/// The conference minutes of a month.
#[derive(Serialize, ToSchema)]
pub(super) struct InvoiceView {
    id: String,
    #[schema(example = "2026-05")]
    month: String,
    minutes: u64,
    total: Money,
    #[schema(format = DateTime)]
    at: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LedgerParams {
    /// Most rows, 1 to 200; 50 if not given.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_page` of the page before.
    #[param(pattern = "^[0-9]{1,18}$")]
    page: Option<String>,
    /// The first day.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<Date>,
    /// The last day.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<Date>,
    /// Only these types, separated by commas.
    #[serde(rename = "type")]
    kinds: Option<String>,
}

/// Every credit and debit, newest first.
#[utoipa::path(get, path = "/v1/transactions", operation_id = "transactions", tag = "money", params(LedgerParams),
    security(("token" = [])), responses(
    (status = 200, body = TransactionsView),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "`bad_page`"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn list(
    State(api): State<Api>,
    Caller(account): Caller,
    Params(params): Params<LedgerParams>,
) -> Result<Json<TransactionsView>, Problem> {
    let window = PageParams::new(params.limit, params.page).window()?;
    let id = account.id;
    let rows = api.ask(move |op| {
        let choice = Choice {
            from: params.from.map(|day| start_of(day, &op.settings)),
            until: params.to.map(|day| start_of(day.saturating_add(1.day()), &op.settings)),
            kinds: params.kinds,
        };
        Ok(op.read(|c| transactions::page(c, id, &choice, window.before, window.rows()))?)
    });
    let (rows, next_page) = window.cut(rows.await?);
    let transactions = rows.iter().map(|row| TransactionView::new(row, &account.currency)).collect();
    Ok(Json(TransactionsView { transactions, next_page }))
}

/// The whole ledger as a file, oldest first (RFC 4180).
#[utoipa::path(get, path = "/v1/transactions.csv", operation_id = "transactions_csv", tag = "money",
    security(("token" = [])), responses(
    (status = 200, content_type = "text/csv", body = String),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn csv(State(api): State<Api>, Caller(account): Caller) -> Result<Response, Problem> {
    let id = account.id;
    let rows = api.ask(move |op| Ok(op.read(|c| transactions::list(c, id))?)).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"transactions.csv\""),
    ];
    Ok((headers, write_csv(&rows, &account.currency)).into_response())
}

/// What the provider told by itself, newest first.
#[utoipa::path(get, path = "/v1/notices", operation_id = "notices", tag = "account", params(PageParams),
    security(("token" = [])), responses(
    (status = 200, body = NoticesView),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "`bad_page`"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn told(
    State(api): State<Api>,
    Caller(account): Caller,
    Params(params): Params<PageParams>,
) -> Result<Json<NoticesView>, Problem> {
    let window = params.window()?;
    let id = account.id;
    let rows = api.ask(move |op| Ok(op.read(|c| notices::page(c, id, window.before, window.rows()))?));
    let (rows, next_page) = window.cut(rows.await?);
    Ok(Json(NoticesView { notices: rows.iter().map(NoticeView::new).collect(), next_page }))
}

/// The monthly invoices of conference minutes, newest first.
#[utoipa::path(get, path = "/v1/invoices", operation_id = "invoices", tag = "money", security(("token" = [])), responses(
    (status = 200, body = InvoicesView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn invoiced(
    State(api): State<Api>,
    Caller(account): Caller,
) -> Result<Json<InvoicesView>, Problem> {
    let id = account.id;
    let (rows, open_minutes) = api
        .ask(move |op| {
            Ok(op.read(|c| -> Result<_, StoreError> {
                Ok((invoices::of_account(c, id)?, invoices::open_minutes(c, id)?))
            })?)
        })
        .await?;
    let invoices = rows
        .into_iter()
        .map(|row| InvoiceView {
            id: row.id,
            month: row.month,
            minutes: row.minutes,
            total: Money::new(row.total, &account.currency),
            at: row.at.to_string(),
        })
        .collect();
    Ok(Json(InvoicesView { invoices, open_minutes }))
}

fn write_csv(rows: &[Transaction], currency: &str) -> String {
    let mut file = String::from("id,at,type,amount,balance_after,currency,description,reference\r\n");
    for row in rows {
        let fields = [
            row.id.clone(),
            row.at.to_string(),
            row.kind.word().into(),
            row.amount.to_string(),
            row.balance_after.to_string(),
            currency.into(),
            row.description.clone(),
            row.reference.clone().unwrap_or_default(),
        ];
        let line: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
        file.push_str(&line.join(","));
        file.push_str("\r\n");
    }
    file
}

/// A field as it may stand in the file. One that a spreadsheet would take for a formula is text.
fn quoted(field: &str) -> String {
    let amount = field.parse::<rust_decimal::Decimal>().is_ok();
    let formula = !amount && field.starts_with(['=', '+', '-', '@', '\t']);
    let field = if formula { format!("'{field}") } else { field.to_owned() };
    if field.contains([',', '"', '\r', '\n']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn fields_are_text_whatever_is_in_them() {
        for (field, written) in [
            ("plain", "plain"),
            ("-4.90", "-4.90"),
            ("a, \"b\"", "\"a, \"\"b\"\"\""),
            ("=1+1", "'=1+1"),
            ("+447700900142 renewed", "'+447700900142 renewed"),
            ("two\nlines", "\"two\nlines\""),
        ] {
            assert_eq!(quoted(field), written);
        }
    }
}
