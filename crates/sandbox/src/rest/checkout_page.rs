//! The sandbox's checkout page: what the browser shows where a real provider shows its card form. It takes no
//! input but one of its buttons.

use axum::{
    extract::State,
    http::{HeaderName, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
};

use super::{Api, extract::Path, problem::Problem};
use crate::model::{TopUp, TopUpState};

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1d2433;--soft:#5b6578;--page:#eef1f6;--card:#fff;--go:#0b6e4f;--edge:#d5dbe6}
@media(prefers-color-scheme:dark){:root{--ink:#e8ecf4;--soft:#a3adc0;--page:#12161f;--card:#1b2130;--go:#35b58a;--edge:#323b4f}}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{background:var(--card);border:1px solid var(--edge);border-radius:16px;padding:32px;width:min(360px,90vw);box-sizing:border-box}
h1{font-size:1.1rem;margin:0 0 4px}p{margin:0;color:var(--soft)}
.amount{font-size:2.6rem;font-weight:650;color:var(--ink);margin:20px 0;font-variant-numeric:tabular-nums}
form{display:inline}button{font:inherit;border-radius:10px;padding:10px 18px;border:1px solid var(--edge);background:none;color:inherit;cursor:pointer}
button.pay{display:block;width:100%;background:var(--go);border-color:var(--go);color:#fff;font-weight:600;margin-bottom:12px}
@media(prefers-color-scheme:dark){button.pay{color:#06251b}}
button:focus-visible{outline:3px solid var(--go);outline-offset:2px}";

/// The page to pay on.
#[utoipa::path(get, path = "/checkout/{id}", operation_id = "checkout", tag = "checkout",
    params(("id" = String, Path, description = "The top-up's id")), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 404, content_type = "text/html", body = String),
))]
pub(super) async fn show(State(api): State<Api>, Path(id): Path<String>) -> Result<Response, Problem> {
    match topup(&api, id).await? {
        Some((topup, currency)) => Ok(page(StatusCode::OK, &body(&topup, &currency))),
        None => Ok(unknown()),
    }
}

/// The "Pay" button.
#[utoipa::path(post, path = "/checkout/{id}/pay", operation_id = "checkout_pay", tag = "checkout",
    params(("id" = String, Path, description = "The top-up's id")), responses(
    (status = 303, description = "Back to the page, which tells how it ended. Paying twice credits once."),
    (status = 404, content_type = "text/html", body = String),
))]
pub(super) async fn pay(state: State<Api>, path: Path<String>) -> Result<Response, Problem> {
    settle(state, path, TopUpState::Paid).await
}

/// The "Pay, but tell later" button: the payment's event comes when nobody waits for it any more.
#[utoipa::path(post, path = "/checkout/{id}/pay-late", operation_id = "checkout_pay_late", tag = "checkout",
    params(("id" = String, Path, description = "The top-up's id")), responses(
    (status = 303, description = "Back to the page. The credit comes by itself."),
    (status = 404, content_type = "text/html", body = String),
))]
pub(super) async fn pay_late(State(api): State<Api>, Path(id): Path<String>) -> Result<Response, Problem> {
    if topup(&api, id.clone()).await?.is_none() {
        return Ok(unknown());
    }
    let topup = api.ask(move |op| op.pay_late(&id)).await?;
    Ok(Redirect::to(&format!("/checkout/{}", topup.id)).into_response())
}

/// The "Decline" button: the bank says no.
#[utoipa::path(post, path = "/checkout/{id}/decline", operation_id = "checkout_decline", tag = "checkout",
    params(("id" = String, Path, description = "The top-up's id")), responses(
    (status = 303, description = "Back to the page."),
    (status = 404, content_type = "text/html", body = String),
))]
pub(super) async fn decline(state: State<Api>, path: Path<String>) -> Result<Response, Problem> {
    settle(state, path, TopUpState::Declined).await
}

/// The "Cancel" button.
#[utoipa::path(post, path = "/checkout/{id}/cancel", operation_id = "checkout_cancel", tag = "checkout",
    params(("id" = String, Path, description = "The top-up's id")), responses(
    (status = 303, description = "Back to the page."),
    (status = 404, content_type = "text/html", body = String),
))]
pub(super) async fn cancel(state: State<Api>, path: Path<String>) -> Result<Response, Problem> {
    settle(state, path, TopUpState::Cancelled).await
}

async fn settle(
    State(api): State<Api>,
    Path(id): Path<String>,
    state: TopUpState,
) -> Result<Response, Problem> {
    if topup(&api, id.clone()).await?.is_none() {
        return Ok(unknown());
    }
    let topup = api.ask(move |op| op.settle_topup(&id, state)).await?;
    // The id as it is stored, never as it was sent.
    Ok(Redirect::to(&format!("/checkout/{}", topup.id)).into_response())
}

async fn topup(api: &Api, id: String) -> Result<Option<(TopUp, String)>, Problem> {
    api.ask(move |op| {
        Ok(op.read(|c| -> Result<_, crate::store::StoreError> {
            let Some(topup) = crate::store::topups::by_id(c, &id)? else { return Ok(None) };
            let account = crate::store::accounts::by_id(c, topup.account)?;
            Ok(account.map(|account| (topup, account.currency)))
        })?)
    })
    .await
}

fn body(topup: &TopUp, currency: &str) -> String {
    let amount = format!("{} {currency}", topup.amount);
    match topup.state {
        TopUpState::Pending => format!(
            "<p>No real money moves here.</p><p class=amount>{amount}</p>\
             <form method=post action=\"/checkout/{id}/pay\"><button class=pay>Pay {amount}</button></form>\
             <form method=post action=\"/checkout/{id}/pay-late\"><button>Pay, but tell later</button></form> \
             <form method=post action=\"/checkout/{id}/decline\"><button>Decline</button></form> \
             <form method=post action=\"/checkout/{id}/cancel\"><button>Cancel</button></form>",
            id = topup.id
        ),
        TopUpState::Paid => {
            format!(
                "<p class=amount>{amount}</p><p><strong>Paid.</strong> Go back to Tern; your balance follows by itself.</p>"
            )
        }
        TopUpState::Declined => {
            format!(
                "<p class=amount>{amount}</p><p><strong>Declined.</strong> Nothing was charged. Go back to Tern to try again.</p>"
            )
        }
        TopUpState::Cancelled => {
            format!(
                "<p class=amount>{amount}</p><p><strong>Cancelled.</strong> Nothing was charged. Go back to Tern.</p>"
            )
        }
    }
}

fn unknown() -> Response {
    page(StatusCode::NOT_FOUND, "<p>There is no such payment.</p>")
}

fn page(status: StatusCode, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Sandbox checkout</title><style>{STYLE}</style><main><h1>Sandbox checkout</h1>{body}</main></html>"
    );
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
    ];
    (status, headers, Html(html)).into_response()
}
