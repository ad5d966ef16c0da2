//! Documents and tokens.

use serde_json::{Value, json};

use super::{Customer, PNG, text};
use crate::Settings;

#[tokio::test]
async fn a_document_is_reviewed_by_hand_or_by_itself_after_a_while() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    let hand_in = async || {
        let made = customer.ask("POST /v1/documents", json!({"kind": "passport", "file": PNG})).await;
        assert_eq!((made.status, &made.body["state"]), (201, &json!("submitted")));
        text(&made.body["id"])
    };
    let rejected = hand_in().await;
    let review = format!("POST /sandbox/documents/{rejected}");
    let said = customer.behind(&review, json!({"decision": "reject", "reason": "Blurred."})).await.body;
    assert_eq!((&said["state"], &said["reason"]), (&json!("rejected"), &json!("Blurred.")));
    // Decided once.
    assert_eq!(customer.behind(&review, json!({"decision": "approve"})).await.body["state"], "rejected");

    hand_in().await;
    customer.at("2025-01-03T08:59:59Z").await;
    let newest = async || text(&customer.get("/v1/documents").await["documents"][0]["state"]);
    assert_eq!(newest().await, "submitted");
    customer.at("2025-01-03T09:00:00Z").await;
    assert_eq!(newest().await, "approved");
    assert_eq!(customer.notices().await, ["2025-01-02 document_reviewed", "2025-01-03 document_reviewed"]);
}

#[tokio::test]
async fn setting_that_documents_are_reviewed_by_hand_alone() {
    let settings = Settings { document_review_after: None, ..Settings::default() };
    let customer = Customer::with(settings, "numgo", "2025-01-02T09:00:00Z").await;
    customer.ask("POST /v1/documents", json!({"kind": "passport", "file": PNG})).await;
    customer.at("2026-01-02T09:00:00Z").await;
    assert_eq!(customer.get("/v1/documents").await["documents"][0]["state"], "submitted");
}

#[tokio::test]
async fn a_document_is_a_photo_a_scan_or_an_address() {
    let settings = Settings { document_max_bytes: 100_000, ..Settings::default() };
    let customer = Customer::with(settings, "numgo", "2025-01-02T09:00:00Z").await;
    let large = format!("iVBORw0KGgo{}", "A".repeat(200_001));
    for (paper, expected) in [
        (json!({"kind": "passport", "file": PNG}), (201, "")),
        (json!({"kind": "passport", "file": "/9j/4AAQ"}), (201, "")),
        (json!({"kind": "proof_of_address", "file": "JVBERi0xLjc="}), (201, "")),
        (json!({"kind": "passport", "file": "R0lGODlh"}), (422, "document_format")),
        (json!({"kind": "passport", "file": "???"}), (422, "document_format")),
        (json!({"kind": "passport", "file": large}), (422, "document_too_large")),
        (json!({"kind": "passport"}), (422, "document_incomplete")),
        (
            json!({"kind": "registration_address", "address": {"city": "Leeds", "street": "", "building": "1"}}),
            (422, "document_incomplete"),
        ),
        (json!({"kind": "registration_address", "file": PNG}), (422, "document_incomplete")),
        (json!({"kind": "diary", "file": PNG}), (400, "bad_request")),
    ] {
        let answer = customer.ask("POST /v1/documents", paper.clone()).await;
        assert_eq!(answer.code(), expected, "{}", paper["kind"]);
    }
}

#[tokio::test]
async fn a_token_does_what_its_scopes_say() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    let made = customer.ask("POST /v1/tokens", json!({"label": "Reader", "scopes": ["read"]})).await;
    assert_eq!(made.status, 201);
    let token = text(&made.body["token"]);
    let as_reader = async |request: &str, body: Value| {
        let body = (!body.is_null()).then_some(body);
        customer.house.ask_as(&token, request, Some("k"), body).await
    };
    assert_eq!(as_reader("GET /v1/account", Value::Null).await.status, 200);
    for (request, body) in [
        ("POST /v1/topups", json!({"amount": "5"})),
        ("POST /v1/orders", json!({"product": "gb-mobile"})),
        ("GET /v1/sip", Value::Null),
        ("GET /v1/tokens", Value::Null),
        ("POST /v1/tokens", json!({"label": "More", "scopes": ["money"]})),
    ] {
        assert_eq!(as_reader(request, body).await.code(), (403, "insufficient_scope"), "{request}");
    }
    let listed = customer.get("/v1/tokens").await["tokens"][0].clone();
    assert_eq!((&listed["label"], &listed["token"]), (&json!("Reader"), &Value::Null));
    for scopes in [json!([]), json!(["everything"]), json!(["tokens"])] {
        let bad = customer.ask("POST /v1/tokens", json!({"label": "x", "scopes": scopes})).await;
        assert_eq!(bad.code(), (422, "scope_unknown"));
    }
    let revoke = format!("DELETE /v1/tokens/{}", text(&listed["id"]));
    assert_eq!(customer.ask(&revoke, Value::Null).await.status, 204);
    assert_eq!(as_reader("GET /v1/account", Value::Null).await.code(), (401, "unauthorized"));
}
