//! SMS: limits, prices, what does not arrive, disposable numbers.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Customer, text};
use crate::{Settings, SmsBilling};

const SAM: &str = "+447700900318";

async fn sender(settings: Settings) -> (Customer, String) {
    let customer = Customer::with(settings, "prepaid", "2025-01-02T09:00:00Z").await;
    customer.pay_in("50").await;
    let id = customer.rent("gb-mobile").await;
    let e164 = text(&customer.number(&id).await["e164"]);
    (customer, e164)
}

#[tokio::test]
async fn an_account_can_have_raised_limits() {
    let (customer, from) = sender(Settings::default()).await;
    assert_eq!(customer.send(&from, SAM, "1").await.status, 201);
    assert_eq!(customer.send(&from, SAM, "2").await.code(), (429, "rate_limited"));
    let limits = json!({"per_second": 3, "per_hour": 1000, "per_day": 5000});
    let path = format!("POST /sandbox/customers/{}/sms-limits", customer.user);
    customer.behind(&path, limits).await;
    for n in 0..2 {
        assert_eq!(customer.send(&from, SAM, &n.to_string()).await.status, 201);
    }
    assert_eq!(customer.send(&from, SAM, "4").await.code(), (429, "rate_limited"));
}

#[tokio::test]
async fn what_an_sms_takes_is_known_before_it_is_sent() {
    let (customer, from) = sender(Settings::default()).await;
    let quote = async |to: &str, words: &str| {
        let body = json!({"from": from, "to": to, "text": words});
        customer.ask("POST /v1/messages/quote", body).await.body
    };
    let fine = quote(SAM, "Привет").await;
    assert_eq!(
        (&fine["allowed"], &fine["segments"], &fine["encoding"]),
        (&json!(true), &json!(1), &json!("ucs2"))
    );
    assert_eq!(fine["price"]["amount"], "0.05");
    let left = |quote: &Value| -> Vec<u64> {
        quote["limits"].as_array().unwrap().iter().map(|l| l["left"].as_u64().unwrap()).collect()
    };
    assert_eq!(left(&fine), [1, 100, 500]);
    let sent = customer.send(&from, SAM, &"a".repeat(161)).await;
    assert_eq!((sent.status, &sent.body["segments"]), (201, &json!(2)));
    assert_eq!(sent.body["price"]["amount"], "0.05", "per message, however many segments");
    let now = quote(SAM, "again").await;
    assert_eq!((left(&now), &now["refusal"]), (vec![0, 99, 499], &json!("rate_limited")));
    customer.house.pass(Duration::from_secs(2));
    assert_eq!(quote("+12125550100", "hi").await["refusal"], "destination_not_served");
    assert_eq!(quote("+8501234567", "hi").await["refusal"], "destination_not_served");
}

#[tokio::test]
async fn setting_sms_billing_by_segment() {
    let settings = Settings { sms_billing: SmsBilling::Segment, ..Settings::default() };
    let (customer, from) = sender(settings).await;
    let sent = customer.send(&from, SAM, &"a".repeat(307)).await;
    assert_eq!((&sent.body["segments"], &sent.body["price"]["amount"]), (&json!(3), &json!("0.15")));
}

#[tokio::test]
async fn an_incoming_sms_can_fail_for_four_reasons() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    customer.pay_in("20").await;
    let (registration, german) = (customer.rent("gb-registration").await, customer.rent("de-mobile").await);
    let registration = text(&customer.number(&registration).await["e164"]);
    let german = text(&customer.number(&german).await["e164"]);
    let failed = |code: &str| ("failed".to_owned(), Some(code.to_owned()));
    let received = ("received".to_owned(), None);
    for (to, from, words, expected) in [
        (&registration, "Acme", "Your code is 4711", received.clone()),
        // Service blocked in the number's country.
        (&registration, "Parcelo", "Your code is 4711", failed("service_blocked")),
        (&registration, SAM, "Hi, it is me", failed("service_blocked")),
        // Links or e-mail addresses in the text.
        (&registration, "Acme", "Confirm at https://example.net", failed("link_or_email")),
        (&german, SAM, "write to sam@example.org", failed("link_or_email")),
        (&german, SAM, "write soon", received.clone()),
    ] {
        assert_eq!(customer.receive(to, from, words).await, expected, "{from}: {words}");
    }
    // Operator fault.
    customer.behind("POST /sandbox/faults", json!({"sms": "operator_fault"})).await;
    assert_eq!(customer.receive(&german, SAM, "hi").await, failed("operator_fault"));
    customer.behind("POST /sandbox/faults", json!({})).await;
    // Too little balance.
    let conference = json!({"user": customer.user, "conference": "c", "minutes": 600});
    customer.behind("POST /sandbox/conference-minutes", conference).await;
    customer.at("2025-02-01T00:00:00Z").await;
    assert!(customer.balance().await.starts_with('-'));
    assert_eq!(customer.receive(&german, SAM, "hi").await, failed("balance_too_low"));
    // Nothing of what did not arrive is shown.
    let rows = customer.get("/v1/activity/snapshot?limit=500").await["items"].clone();
    let rows = rows.as_array().unwrap().iter().filter(|row| row["object"]["state"] == "failed");
    assert!(rows.clone().count() == 6 && rows.clone().all(|row| row["object"]["text"] == ""));
}

#[tokio::test]
async fn an_sms_the_operator_rejects_fails_and_its_price_comes_back() {
    let (customer, from) = sender(Settings::default()).await;
    let before = customer.balance().await;
    customer.behind("POST /sandbox/faults", json!({"sms": "rejected"})).await;
    assert_eq!(customer.send(&from, SAM, "hi").await.body["state"], "accepted");
    customer.house.pass(Duration::from_secs(5));
    let newest = customer.get("/v1/activity/snapshot?limit=3").await["items"].clone();
    let message = newest.as_array().unwrap().iter().find(|row| row["kind"] == "message").unwrap();
    assert_eq!(message["object"]["failure"], "operator_rejected");
    assert_eq!(customer.balance().await, before);
    customer.audit();
}

#[tokio::test]
async fn a_disposable_number_is_for_one_sms_of_its_service() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    customer.pay_in("20").await;
    for service in [Value::Null, json!("Nobody")] {
        let order = json!({"product": "gb-disposable", "service": service});
        assert_eq!(customer.ask("POST /v1/orders", order).await.code(), (422, "service_unknown"));
    }
    let order = customer.order(json!({"product": "gb-disposable", "service": "Acme"})).await;
    let number = &order["items"][0]["number"];
    let (id, e164) = (text(&number["id"]), text(&number["e164"]));
    assert_eq!((&number["service"], &number["renews_on"]), (&json!("Acme"), &Value::Null));
    assert_eq!(customer.receive(&e164, "Parcelo", "1").await.1.as_deref(), Some("service_blocked"));
    assert_eq!(customer.receive(&e164, "Acme", "Code 1").await.0, "received");
    let done = customer.number(&id).await;
    assert_eq!((&done["state"], &done["disposal"]), (&json!("deleted"), &json!("used")));
    let second = json!({"to": e164, "from": "Acme", "text": "Code 2"});
    assert_eq!(customer.house.ask("POST /sandbox/sms", None, Some(second)).await.status, 404);
    // SMS shown: nothing is refunded.
    customer.at("2025-01-02T10:00:00Z").await;
    assert_eq!(customer.ledger().await, ["top_up 20.00", "order -0.60", "cashback 0.03"]);
    // Nobody gets it for this service again, however long it has been free.
    let many = customer.order(json!({"product": "gb-disposable", "service": "Acme", "count": 20})).await;
    let mut issued: Vec<String> =
        many["items"].as_array().unwrap().iter().map(|i| text(&i["number"]["e164"])).collect();
    assert!(!issued.contains(&e164));
    issued.sort();
    issued.dedup();
    assert_eq!(issued.len(), 20);
    let other = customer.order(json!({"product": "gb-disposable", "service": "Parcelo"})).await;
    assert_eq!(other["items"][0]["number"]["e164"], e164, "for another service it is as good as new");
}

#[tokio::test]
async fn a_disposable_number_without_sms_is_refunded_by_itself_within_15_to_20_minutes() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    customer.pay_in("20").await;
    let order = customer.order(json!({"product": "gb-disposable", "service": "LumaAir"})).await;
    let id = text(&order["items"][0]["id"]);
    customer.at("2025-01-02T09:15:00Z").await;
    assert_eq!(customer.balance().await, "19.43");
    customer.at("2025-01-02T09:20:00Z").await;
    assert_eq!(customer.balance().await, "20.00");
    assert_eq!(customer.number(&id).await["disposal"], "refunded");
    assert_eq!(customer.notices().await, ["2025-01-02 disposable_refunded"]);
    assert_eq!(
        customer.ledger().await,
        ["top_up 20.00", "order -0.60", "cashback 0.03", "refund 0.60", "adjustment -0.03"]
    );
    customer.audit();
}

#[tokio::test]
async fn restrictions_are_shown_before_the_order() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    let product = customer.get("/v1/catalogue/gb-registration").await;
    let codes: Vec<&str> =
        product["restrictions"].as_array().unwrap().iter().map(|r| r["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["registration_only", "no_calls", "no_outgoing_sms", "no_links", "service_blocked"]);
    assert!(product["restrictions"].as_array().unwrap().iter().all(|r| !text(&r["text"]).is_empty()));
}

#[tokio::test]
async fn a_deleted_message_is_gone_everywhere_and_still_counts() {
    let (customer, from) = sender(Settings::default()).await;
    let cursor = text(&customer.get("/v1/activity/snapshot").await["cursor"]);
    let sent = customer.send(&from, SAM, "not for ever").await;
    let id = text(&sent.body["id"]);
    let delete = format!("DELETE /v1/messages/{id}");
    assert_eq!(customer.ask(&delete, Value::Null).await.code(), (422, "message_on_its_way"));
    customer.house.pass(Duration::from_secs(5));
    let before = customer.get("/v1/activity/snapshot").await;
    assert_eq!(customer.ask(&delete, Value::Null).await.status, 204);
    assert_eq!(customer.ask(&delete, Value::Null).await.code(), (404, "not_found"));
    assert_eq!(customer.ask("DELETE /v1/messages/msg_none", Value::Null).await.code(), (404, "not_found"));

    let after = customer.get("/v1/activity/snapshot").await;
    assert!(!after.to_string().contains("not for ever"));
    let is_there =
        |page: &Value| page["items"].as_array().unwrap().iter().any(|item| item["id"] == id.as_str());
    assert!(is_there(&before) && !is_there(&after));
    assert_eq!(after["rows"].as_u64(), before["rows"].as_u64().map(|rows| rows - 1));
    let changes = customer.get(&format!("/v1/activity/changes?since={cursor}")).await;
    let rows: Vec<&Value> =
        changes["changes"].as_array().unwrap().iter().filter(|row| row["id"] == id.as_str()).collect();
    assert_eq!(rows.len(), 1, "{changes}");
    assert_eq!((&rows[0]["op"], &rows[0]["object"]), (&json!("delete"), &Value::Null));
    // The charge stays, and so does its part of the limits: deleting buys no further SMS.
    let charged =
        after["items"].as_array().unwrap().iter().any(|item| item["object"]["reference"] == id.as_str());
    assert!(charged, "{after}");
    let quote = json!({"from": from, "to": SAM, "text": "again"});
    let quote = customer.ask("POST /v1/messages/quote", quote).await.body;
    assert_eq!(quote["limits"][1]["left"], 99);
}
