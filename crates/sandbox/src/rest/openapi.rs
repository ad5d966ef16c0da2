//! The API's description, made from the code that serves it.

use axum::{Json, extract::State};
use serde_json::{Value, json};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};

use super::{Api, activity::write_cursor};

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
        super::messages::delete,
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
pub(super) async fn document(State(api): State<Api>) -> Json<Value> {
    let mut document = serde_json::to_value(Document::openapi()).unwrap_or_default();
    for (path, operations) in document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten() {
        for operation in operations.as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
            share(path, operation);
        }
    }
    if let Some(info) = document.get_mut("info").and_then(Value::as_object_mut) {
        // For `tern provider check`: what it does costs nobody anything here, and a cursor of a feed that is gone.
        let gone = write_cursor(&api.operator.epoch.chars().rev().collect::<String>(), 0);
        info.insert("x-tern-check".into(), json!({"sandbox": true, "expired_cursor": gone}));
    }
    Json(document)
}

/// Adds to an operation what the layers before its handler and the extractors do, the same for all.
fn share(path: &str, operation: &mut Value) {
    let has = |field: &str| operation.get(field).is_some();
    let (is_secured, has_body) = (has("security"), has("requestBody"));
    let parameters = operation.get("parameters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let any = |place: &str| parameters.iter().any(|p| p.get("in").is_some_and(|at| at == place));
    let names_id = path.contains("{id}");
    let is_id_missing = names_id && !any("path");
    let can_be_malformed = has_body || names_id || any("query") || any("header");
    let Some(fields) = operation.as_object_mut() else { return };
    if is_id_missing {
        let id = json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string"}});
        let parameters = fields.entry("parameters").or_insert_with(|| json!([]));
        if let Some(parameters) = parameters.as_array_mut() {
            parameters.push(id);
        }
    }
    for parameter in fields.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        bound_key(parameter);
    }
    let Some(responses) = fields.get_mut("responses").and_then(Value::as_object_mut) else { return };
    let mut refuses = |status: &str, code: &str| {
        responses.entry(status).or_insert_with(|| {
            let schema = json!({"$ref": "#/components/schemas/Problem"});
            json!({"description": code, "content": {"application/problem+json": {"schema": schema}}})
        });
    };
    if can_be_malformed {
        refuses("400", "`bad_request`");
    }
    if has_body {
        refuses("413", "`bad_request`: larger than this address takes");
        refuses("415", "`bad_request`: of another type");
    }
    if is_secured {
        refuses("403", "`insufficient_scope`");
        refuses("429", "`rate_limited`: too many requests of one token");
    }
    for (status, response) in responses {
        let mut headers = Vec::new();
        if is_secured {
            headers.extend(
                ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"].map(|name| (name, "integer")),
            );
        }
        match status.as_str() {
            "401" => headers.push(("WWW-Authenticate", "string")),
            "429" => headers.push(("Retry-After", "integer")),
            _ => {}
        }
        for (name, kind) in headers {
            let header = json!({"required": true, "schema": {"type": kind}});
            if let Some(response) = response.as_object_mut() {
                let told = response.entry("headers").or_insert_with(|| json!({}));
                if let Some(told) = told.as_object_mut() {
                    told.insert(name.into(), header);
                }
            }
        }
    }
}

/// What an Idempotency-Key may be.
fn bound_key(parameter: &mut Value) {
    if parameter.get("name").is_none_or(|name| name != "Idempotency-Key") {
        return;
    }
    if let Some(schema) = parameter.get_mut("schema").and_then(Value::as_object_mut) {
        // Visible ASCII: what every client and server on the way leaves as it is.
        schema.insert("pattern".into(), json!("^[!-~]{1,200}$"));
    }
}
