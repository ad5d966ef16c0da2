//! The API's description, made from the code that serves it.

use axum::Json;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};

/// The document as a value.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tern provider API",
        description = "What a provider of virtual numbers serves so that Tern can use it, and what the sandbox serves.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    paths(
        super::account::account,
        super::account::numbers,
        super::numbers::show,
        super::numbers::change,
        super::numbers::release,
        super::numbers::restore,
        super::numbers::report,
        super::account::sip,
        super::routing::issue_sip,
        super::routing::rates,
        super::routing::show,
        super::routing::set_forwarding,
        super::routing::set_caller_id,
        super::routing::set_voicemail,
        super::routing::set_menu,
        super::routing::delete_menu,
        super::voicemails::upload,
        super::voicemails::greetings,
        super::voicemails::greeting_audio,
        super::voicemails::delete_greeting,
        super::voicemails::list,
        super::voicemails::audio,
        super::voicemails::mark,
        super::voicemails::delete,
        super::conferences::plan,
        super::conferences::list,
        super::conferences::show,
        super::conferences::start,
        super::conferences::end,
        super::conferences::cancel,
        super::conferences::call_me,
        super::calls::log,
        super::calls::statistics,
        super::catalogue::list,
        super::catalogue::show,
        super::catalogue::free,
        super::orders::create,
        super::orders::quote,
        super::orders::list,
        super::orders::show,
        super::activity::snapshot,
        super::activity::changes,
        super::stream::stream,
        super::messages::send,
        super::messages::find,
        super::rates::quote,
        super::rates::prices,
        super::topups::create,
        super::topups::automatic,
        super::topups::show,
        super::transactions::list,
        super::transactions::csv,
        super::transactions::invoiced,
        super::transactions::told,
        super::refunds::create,
        super::refunds::list,
        super::refunds::show,
        super::refunds::accept,
        super::documents::submit,
        super::documents::list,
        super::tokens::create,
        super::tokens::list,
        super::tokens::revoke,
        super::checkout_page::show,
        super::checkout_page::pay,
        super::checkout_page::pay_late,
        super::checkout_page::decline,
        super::checkout_page::cancel,
        super::control::accounts,
        super::control::sms,
        super::control::call,
        super::control::faults,
        super::clock::show,
        super::clock::set,
        super::backstage::customer,
        super::backstage::sms_limits,
        super::backstage::review,
        super::backstage::payment,
        super::backstage::trouble,
        super::backstage::price,
        super::backstage::conference,
        super::backstage::audit,
        document,
    ),
    modifiers(&Token),
    tags(
        (name = "account", description = "The account, its numbers, its SIP credentials"),
        (name = "numbers", description = "The catalogue, orders, and the life of a rented number"),
        (name = "money", description = "The ledger, prices, refunds, invoices"),
        (name = "activity", description = "Messages, calls and the ledger, as a whole and as changes"),
        (name = "calls", description = "Rates, forwarding, CallerID, menus, the call log and statistics"),
        (name = "voicemail", description = "Greetings and messages left by callers"),
        (name = "conferences", description = "Conferences by toll-free number"),
        (name = "messages", description = "Sending SMS"),
        (name = "topups", description = "Putting money on the account"),
        (name = "checkout", description = "The page a top-up is paid on; for browsers"),
        (name = "sandbox", description = "Controls only a sandbox has; they answer only to its own machine"),
    )
)]
struct Document;

struct Token;

impl Modify for Token {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        if let Some(components) = openapi.components.as_mut() {
            let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
            components.add_security_scheme("token", scheme);
        }
    }
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", operation_id = "openapi", tag = "account", responses(
    (status = 200, content_type = "application/json", body = serde_json::Value),
))]
pub(super) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Document::openapi())
}
