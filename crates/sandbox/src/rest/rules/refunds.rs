//! Refunds: the policy's cases, lived through. The table itself is tested in [`crate::refund_rule`].

use serde_json::{Value, json};

use super::{Customer, text};

async fn claim(customer: &Customer, service: &str, reason: &str) -> Value {
    let body = json!({"service": service, "reason": reason, "amount": "100", "payment_details": "IBAN"});
    let made = customer.ask("POST /v1/refunds", body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.body
}

async fn now(customer: &Customer, refund: &Value) -> Value {
    customer.get(&format!("/v1/refunds/{}", text(&refund["id"]))).await
}

#[tokio::test]
async fn what_is_never_refunded_is_declined_at_once_with_the_reason() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    customer.pay_in("20").await;
    let id = customer.rent("gb-mobile").await;
    for reason in [
        "early_cancellation",
        "unused_balance",
        "documents_refused",
        "unlawful_use",
        "sms_restrictions_ignored",
        "one_service_unsupported",
        "caller_id_impossible",
        "changed_mind",
        "accidental_topup",
        "misunderstanding",
    ] {
        let refund = claim(&customer, &id, reason).await;
        assert_eq!((&refund["state"], &refund["ground"]), (&json!("declined"), &json!(reason)));
    }
    let notices = customer.notices().await;
    assert!(notices.len() == 10 && notices.iter().all(|n| n.ends_with("refund_decided")));
}

#[tokio::test]
async fn more_than_24_hours_out_of_service_are_compensated_on_the_balance() {
    // A Thursday.
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    customer.pay_in("20").await;
    let id = customer.rent("gb-mobile").await;
    let before = customer.balance().await;
    customer
        .behind(&format!("POST /sandbox/numbers/{id}/trouble"), json!({"trouble": "out_of_service"}))
        .await;
    // Counted from the report, not from when it broke.
    customer.at("2025-01-03T09:00:00Z").await;
    let unreported = claim(&customer, &id, "out_of_service").await;
    assert_eq!(unreported["ground"], "not_confirmed");
    customer.ask(&format!("POST /v1/numbers/{id}/report"), Value::Null).await;
    customer.at("2025-01-04T09:00:00Z").await;
    assert_eq!(claim(&customer, &id, "out_of_service").await["ground"], "less_than_24_hours");
    customer.at("2025-01-06T09:00:00Z").await;
    customer.behind(&format!("POST /sandbox/numbers/{id}/trouble"), json!({"trouble": null})).await;
    let refund = claim(&customer, &id, "out_of_service").await;
    // 3 days of the 31 up to 1 February, out of 3.20.
    assert_eq!((&refund["granted"]["amount"], &refund["to"]), (&json!("0.31"), &json!("balance")));
    // A Monday; three working days.
    assert_eq!(refund["due"], "2025-01-09T09:00:00Z");
    assert_eq!(customer.balance().await, before);
    customer.at("2025-01-09T09:00:00Z").await;
    assert_eq!(now(&customer, &refund).await["state"], "paid");
    assert_eq!(customer.balance().await, "17.27");
    let again = json!({"service": id, "reason": "out_of_service", "amount": "1"});
    assert_eq!(customer.ask("POST /v1/refunds", again).await.code(), (422, "refund_already_asked"));
    customer.audit();
}

#[tokio::test]
async fn a_number_blocked_by_the_operator_is_refunded_unless_it_is_the_clients_fault() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    customer.pay_in("20").await;
    let id = customer.rent("gb-mobile").await;
    let path = format!("POST /sandbox/numbers/{id}/trouble");
    customer.behind(&path, json!({"trouble": "blocked_by_operator", "clients_fault": true})).await;
    assert_eq!(claim(&customer, &id, "blocked_by_operator").await["ground"], "clients_fault");
    customer.behind(&path, json!({"trouble": "blocked_by_operator"})).await;
    let refund = claim(&customer, &id, "blocked_by_operator").await;
    assert_eq!((&refund["state"], &refund["granted"]["amount"]), (&json!("approved"), &json!("3.20")));
}

#[tokio::test]
async fn what_cannot_be_provided_goes_back_to_the_client_after_a_review() {
    let customer = Customer::new("prepaid", "2025-01-06T09:00:00Z").await;
    customer.pay_in("20").await;
    let order = customer.order(json!({"product": "au-sydney"})).await;
    let (order_id, number) = (text(&order["id"]), text(&order["items"][0]["id"]));
    let before = customer.balance().await;
    let bare = json!({"service": order_id, "reason": "not_provided_though_offered", "amount": "4.20"});
    // Without payment details it is not reviewed.
    assert_eq!(customer.ask("POST /v1/refunds", bare).await.code(), (422, "refund_incomplete"));
    let path = format!("POST /sandbox/numbers/{number}/trouble");
    customer.behind(&path, json!({"trouble": "cannot_be_provided"})).await;
    let refund = claim(&customer, &order_id, "not_provided_though_offered").await;
    assert_eq!((&refund["state"], &refund["due"]), (&json!("reviewing"), &json!("2025-01-08T09:00:00Z")));
    customer.at("2025-01-08T09:00:00Z").await;
    let reviewed = now(&customer, &refund).await;
    assert_eq!((&reviewed["state"], &reviewed["to"]), (&json!("approved"), &json!("client")));
    // Done within a month.
    customer.at("2025-02-06T09:00:00Z").await;
    assert_eq!(now(&customer, &refund).await["state"], "paid");
    assert_eq!(customer.balance().await, before, "it went to the client, not to the balance");
    let ledger = customer.ledger().await;
    assert_eq!(ledger[3..], ["refund 4.20", "refund -4.20"]);
    customer.audit();
}

#[tokio::test]
async fn a_method_that_takes_no_refund_has_an_alternative() {
    let customer = Customer::new("numgo", "2025-01-06T09:00:00Z").await;
    customer.pay_in("20").await;
    let id = customer.rent("gb-mobile").await;
    customer.behind("POST /sandbox/faults", json!({"payments": "no_refunds"})).await;
    let path = format!("POST /sandbox/numbers/{id}/trouble");
    customer.behind(&path, json!({"trouble": "local_provider_failed"})).await;
    let refund = claim(&customer, &id, "local_provider_failed").await;
    customer.at("2025-01-08T09:00:00Z").await;
    let offered = now(&customer, &refund).await;
    assert_eq!((&offered["state"], &offered["to"]), (&json!("alternative_offered"), &json!("balance")));
    let accept = format!("POST /v1/refunds/{}/accept", text(&refund["id"]));
    assert_eq!(customer.ask(&accept, Value::Null).await.body["state"], "approved");
    assert_eq!(customer.ask(&accept, Value::Null).await.code(), (422, "no_alternative"));
    customer.at("2025-01-13T09:00:00Z").await;
    assert_eq!(now(&customer, &refund).await["state"], "paid");
    assert_eq!(customer.balance().await, "20.16");
}

#[tokio::test]
async fn a_request_names_service_amount_and_reason() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    customer.pay_in("20").await;
    let id = customer.rent("gb-mobile").await;
    for (body, expected) in [
        (json!({"service": "", "reason": "out_of_service", "amount": "1"}), (422, "refund_incomplete")),
        (json!({"service": id, "reason": "out_of_service", "amount": "0"}), (422, "refund_incomplete")),
        (json!({"service": id, "reason": "out_of_service", "amount": "some"}), (422, "refund_incomplete")),
        (json!({"service": id, "reason": "because", "amount": "1"}), (400, "bad_request")),
        (json!({"service": id, "amount": "1"}), (400, "bad_request")),
        (json!({"service": "num_other", "reason": "out_of_service", "amount": "1"}), (404, "not_found")),
    ] {
        assert_eq!(customer.ask("POST /v1/refunds", body.clone()).await.code(), expected, "{body}");
    }
}
