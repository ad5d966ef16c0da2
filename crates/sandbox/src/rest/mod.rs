//! The provider's HTTP face: routes, and what all of them have in common. What the routes mean stands in
//! `docs/provider-api.md`, the rules behind them elsewhere in this crate.

mod account;
mod activity;
mod backstage;
mod calls;
mod catalogue;
mod checkout_page;
mod clock;
mod conferences;
mod control;
mod documents;
mod extract;
mod faulty;
mod messages;
mod numbers;
mod openapi;
mod orders;
mod page;
mod problem;
mod rates;
mod refunds;
mod routing;
mod stream;
mod terms;
mod tokens;
mod topups;
mod transactions;
mod view;
mod voicemails;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{ConnectInfo, DefaultBodyLimit, Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{delete, get, post, put},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    operator::{Operator, blocking},
    outside::Outside,
    refusal::Failure,
};
use faulty::{Counts, Told};
use problem::Problem;

/// Far above any request of this API but the one that carries a file.
const MAX_BODY: usize = 64 * 1024;
/// A document of the largest size in base64, and what is around it.
const MAX_DOCUMENT_BODY: usize = 8 * 1024 * 1024;

/// What every route can reach.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) operator: Arc<Operator>,
    /// How calls from outside are made.
    pub(crate) outside: Outside,
    /// Where this API itself is.
    pub(crate) http: SocketAddr,
    /// Where the SIP side is.
    pub(crate) sip: SocketAddr,
    /// Ends the streams.
    pub(crate) stop: CancellationToken,
    /// How many requests came with which token.
    counts: Arc<Counts>,
    /// For the feed's fault switch.
    told: Arc<Told>,
    /// Told when a request is done that another one waits behind.
    overtaken: Arc<Notify>,
}

impl Api {
    /// What every route can reach: the provider behind it, and where its faces are.
    pub(crate) fn new(
        operator: Arc<Operator>,
        outside: Outside,
        http: SocketAddr,
        sip: SocketAddr,
        stop: CancellationToken,
    ) -> Self {
        Self {
            operator,
            outside,
            http,
            sip,
            stop,
            counts: Arc::default(),
            told: Arc::default(),
            overtaken: Arc::default(),
        }
    }

    /// Runs database work where it may block.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Operator) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Problem> {
        blocking(&self.operator, work).await.map_err(Problem::from)
    }
}

/// All routes.
pub(crate) fn router(api: Api) -> Router {
    let papers = Router::new()
        .route("/v1/documents", post(documents::submit).get(documents::list))
        .layer(DefaultBodyLimit::max(MAX_DOCUMENT_BODY));
    let v1 = Router::new()
        .route("/v1/account", get(account::account))
        .route("/v1/numbers", get(account::numbers))
        .route("/v1/numbers/{id}", get(numbers::show).patch(numbers::change).delete(numbers::release))
        .route("/v1/numbers/{id}/restore", post(numbers::restore))
        .route("/v1/numbers/{id}/report", post(numbers::report))
        .route("/v1/sip", get(account::sip).post(routing::issue_sip))
        .merge(calls_routes())
        .route("/v1/catalogue", get(catalogue::list))
        .route("/v1/catalogue/{id}", get(catalogue::show))
        .route("/v1/catalogue/{id}/numbers", get(catalogue::free))
        .route("/v1/orders", post(orders::create).get(orders::list))
        .route("/v1/orders/quote", post(orders::quote))
        .route("/v1/orders/{id}", get(orders::show))
        .route("/v1/activity/snapshot", get(activity::snapshot))
        .route("/v1/activity/changes", get(activity::changes))
        .route("/v1/activity/stream", get(stream::stream))
        .route("/v1/messages", post(messages::send).get(messages::find))
        .route("/v1/messages/{id}", delete(messages::delete))
        .route("/v1/messages/quote", post(rates::quote))
        .route("/v1/rates/calls", get(rates::prices))
        .route("/v1/topups", post(topups::create))
        .route("/v1/topups/automatic", put(topups::automatic))
        .route("/v1/topups/{id}", get(topups::show))
        .route("/v1/transactions", get(transactions::list))
        .route("/v1/transactions.csv", get(transactions::csv))
        .route("/v1/invoices", get(transactions::invoiced))
        .route("/v1/notices", get(transactions::told))
        .route("/v1/refunds", post(refunds::create).get(refunds::list))
        .route("/v1/refunds/{id}", get(refunds::show))
        .route("/v1/refunds/{id}/accept", post(refunds::accept))
        .route("/v1/tokens", post(tokens::create).get(tokens::list))
        .route("/v1/tokens/{id}", delete(tokens::revoke))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .merge(papers)
        .layer(middleware::from_fn_with_state(api.clone(), faulty::limit))
        .layer(middleware::from_fn_with_state(api.clone(), faulty::break_on_purpose));
    let control = Router::new()
        .route("/sandbox/accounts", get(control::accounts))
        .route("/sandbox/sms", post(control::sms))
        .route("/sandbox/calls", post(control::call))
        .route("/sandbox/faults", post(control::faults))
        .route("/sandbox/clock", get(clock::show).post(clock::set))
        .route("/sandbox/customers", post(backstage::customer))
        .route("/sandbox/customers/{id}/sms-limits", post(backstage::sms_limits))
        .route("/sandbox/documents/{id}", post(backstage::review))
        .route("/sandbox/payments", post(backstage::payment))
        .route("/sandbox/numbers/{id}/trouble", post(backstage::trouble))
        .route("/sandbox/catalogue/{id}", post(backstage::price))
        .route("/sandbox/conference-minutes", post(backstage::conference))
        .route("/sandbox/ledger", get(backstage::audit))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(only_this_machine));
    Router::new()
        .merge(v1)
        .merge(control)
        .route("/openapi.json", get(openapi::document))
        .route("/checkout/{id}", get(checkout_page::show))
        .route("/checkout/{id}/pay", post(checkout_page::pay))
        .route("/checkout/{id}/pay-late", post(checkout_page::pay_late))
        .route("/checkout/{id}/decline", post(checkout_page::decline))
        .route("/checkout/{id}/cancel", post(checkout_page::cancel))
        .fallback(async || Problem::of(StatusCode::NOT_FOUND, "not_found", "There is no such address."))
        .method_not_allowed_fallback(async || {
            Problem::of(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Not with this method.")
        })
        .layer(middleware::from_fn_with_state(api.clone(), known_host))
        .with_state(api)
}

/// What calls need beside the switch.
fn calls_routes() -> Router<Api> {
    let sound = DefaultBodyLimit::max(voicemails::MAX_WAV);
    Router::new()
        .route("/v1/rates", get(routing::rates))
        .route("/v1/numbers/{id}/routing", get(routing::show))
        .route("/v1/numbers/{id}/forwarding", put(routing::set_forwarding))
        .route("/v1/numbers/{id}/caller-id", put(routing::set_caller_id))
        .route("/v1/numbers/{id}/voicemail", put(routing::set_voicemail))
        .route("/v1/numbers/{id}/menu", put(routing::set_menu).delete(routing::delete_menu))
        .route("/v1/greetings", post(voicemails::upload).layer(sound).get(voicemails::greetings))
        .route("/v1/greetings/{id}", delete(voicemails::delete_greeting))
        .route("/v1/greetings/{id}/audio", get(voicemails::greeting_audio))
        .route("/v1/voicemails", get(voicemails::list))
        .route("/v1/voicemails/{id}", put(voicemails::mark).delete(voicemails::delete))
        .route("/v1/voicemails/{id}/audio", get(voicemails::audio))
        .route("/v1/conferences", get(conferences::list).post(conferences::plan))
        .route("/v1/conferences/{id}", get(conferences::show))
        .route("/v1/conferences/{id}/start", post(conferences::start))
        .route("/v1/conferences/{id}/end", post(conferences::end))
        .route("/v1/conferences/{id}/cancel", post(conferences::cancel))
        .route("/v1/conferences/{id}/call-me", post(conferences::call_me))
        .route("/v1/calls", get(calls::log))
        .route("/v1/statistics", get(calls::statistics))
}

/// The controls hand out tokens and credit money: for this machine only, whatever address is bound.
async fn only_this_machine(
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if !from.ip().to_canonical().is_loopback() {
        let why = "Only from the machine itself.";
        return Problem::of(StatusCode::FORBIDDEN, "only_local", why).into_response();
    }
    next.run(request).await
}

/// A web page that has its own name resolve to this machine could read everything here; its name gives it away.
async fn known_host(State(api): State<Api>, request: Request, next: Next) -> Response {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|h| h.to_str().ok())
        .and_then(|h| h.parse::<axum::http::uri::Authority>().ok());
    let known = host.is_some_and(|authority| {
        let name = authority.host().trim_matches(['[', ']']);
        name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok()
    });
    if known || !api.http.ip().is_loopback() {
        return next.run(request).await;
    }
    Problem::of(StatusCode::MISDIRECTED_REQUEST, "unknown_host", "This is not that host.").into_response()
}

#[cfg(test)]
mod rules;
#[cfg(test)]
mod tests;
