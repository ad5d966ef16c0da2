//! The profile `numgo`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Customer, text};
use crate::{RestoreAnchor, Settings};

#[tokio::test]
async fn numgo_connects_at_once() {
    let customer = Customer::new("numgo", "2025-01-02T12:00:00Z").await;
    customer.pay_in("20").await;
    let order = customer.order(json!({"product": "fr-paris"})).await;
    assert_eq!(order["items"][0]["state"], "active");
    let number = &order["items"][0]["number"];
    assert!(text(&number["e164"]).starts_with("+331"));
    assert_eq!((&number["state"], &number["renews_on"]), (&json!("active"), &json!("2025-02-01")));
    let listed = customer.get("/v1/numbers").await;
    assert_eq!(listed["numbers"][0]["e164"], number["e164"]);
}

#[tokio::test]
async fn numgo_buyers_choose_country_and_number() {
    let customer = Customer::new("numgo", "2025-01-02T12:00:00Z").await;
    customer.pay_in("50").await;
    let british = customer.get("/v1/catalogue?country=gb&kind=mobile").await;
    let ids: Vec<&str> =
        british["products"].as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["gb-mobile", "gb-registration", "gb-disposable"]);
    let london = customer.get("/v1/catalogue?city=London").await;
    assert_eq!(london["products"][0]["id"], "gb-london");

    let free = customer.get("/v1/catalogue/gb-mobile/numbers").await;
    let wanted = text(&free["numbers"][7]);
    let order = customer.order(json!({"product": "gb-mobile", "numbers": [wanted]})).await;
    assert_eq!(order["items"][0]["number"]["e164"], wanted);
    let again = customer.ask("POST /v1/orders", json!({"product": "gb-mobile", "numbers": [wanted]})).await;
    assert_eq!(again.code(), (422, "number_taken"));
    let free = customer.get("/v1/catalogue/gb-mobile/numbers").await;
    assert!(!free["numbers"].as_array().unwrap().contains(&json!(wanted)));
}

#[tokio::test]
async fn an_order_is_for_1_to_12_months_and_1_to_20_numbers() {
    let customer = Customer::new("numgo", "2025-03-10T12:00:00Z").await;
    customer.pay_in("2000").await;
    for (order, expected) in [
        (json!({"product": "gb-london", "months": 0}), (422, "order_months")),
        (json!({"product": "gb-london", "months": 13}), (422, "order_months")),
        (json!({"product": "gb-london", "count": 0}), (422, "order_count")),
        (json!({"product": "gb-london", "count": 21}), (422, "order_count")),
        (json!({"product": "gb-london", "count": 2, "numbers": ["+442079460400"]}), (422, "order_count")),
        (json!({"product": "nowhere"}), (404, "not_found")),
        (json!({"product": "gb-london", "service": "Acme"}), (422, "service_unknown")),
    ] {
        assert_eq!(customer.ask("POST /v1/orders", order.clone()).await.code(), expected, "{order}");
        assert_eq!(customer.ask("POST /v1/orders/quote", order.clone()).await.code(), expected, "{order}");
    }
    assert_eq!(customer.balance().await, "2000.00", "what is refused costs nothing");
    let year = customer.order(json!({"product": "gb-london", "count": 20, "months": 12})).await;
    assert_eq!(year["total"]["amount"], "672.00");
    assert_eq!(year["items"].as_array().unwrap().len(), 20);
    // Any number of orders.
    let more = customer.order(json!({"product": "gb-london", "count": 20})).await;
    assert_ne!(year["items"][0]["number"]["e164"], more["items"][0]["number"]["e164"]);
    assert_eq!(year["items"][19]["number"]["renews_on"], "2026-03-09");
    customer.audit();
}

#[tokio::test]
async fn the_same_key_orders_once() {
    let customer = Customer::new("numgo", "2025-01-02T12:00:00Z").await;
    customer.pay_in("20").await;
    let (house, token) = (&customer.house, &customer.token);
    let order = || Some(json!({"product": "gb-mobile"}));
    let first = house.ask_as(token, "POST /v1/orders", Some("k"), order()).await;
    let again = house.ask_as(token, "POST /v1/orders", Some("k"), order()).await;
    assert_eq!((first.status, again.status, &first.body["id"]), (201, 200, &again.body["id"]));
    let other = Some(json!({"product": "gb-london"}));
    let conflict = house.ask_as(token, "POST /v1/orders", Some("k"), other).await;
    assert_eq!(conflict.code(), (409, "idempotency_conflict"));
    assert_eq!(customer.get("/v1/orders").await["orders"].as_array().unwrap().len(), 1);
}

/// The table of the rules, each row lived through.
#[tokio::test]
async fn expiries_follow_the_original_order_date() {
    for (ordered, expiries) in [
        ("2025-01-02", vec!["2025-02-01", "2025-03-01", "2025-04-01"]),
        ("2025-01-31", vec!["2025-02-27", "2025-03-30", "2025-04-29", "2025-05-30"]),
        ("2024-01-31", vec!["2024-02-28", "2024-03-30", "2024-04-29"]),
        ("2025-01-30", vec!["2025-02-27", "2025-03-29", "2025-04-29"]),
    ] {
        let customer = Customer::new("numgo", &format!("{ordered}T09:00:00Z")).await;
        customer.pay_in("100").await;
        let id = customer.rent("gb-mobile").await;
        for expiry in expiries {
            assert_eq!(customer.number(&id).await["renews_on"], expiry, "{ordered}");
            customer.at(&format!("{expiry}T12:00:00Z")).await;
        }
        customer.audit();
    }
    let customer = Customer::new("numgo", "2025-03-10T09:00:00Z").await;
    customer.pay_in("100").await;
    let year = customer.order(json!({"product": "gb-mobile", "months": 12})).await;
    assert_eq!(year["items"][0]["number"]["renews_on"], "2026-03-09");
}

#[tokio::test]
async fn a_warning_goes_out_three_days_before_expiry() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    customer.pay_in("20").await;
    customer.rent("gb-mobile").await;
    customer.at("2025-01-29T11:59:59Z").await;
    assert_eq!(customer.notices().await, Vec::<String>::new());
    customer.at("2025-01-29T12:00:00Z").await;
    assert_eq!(customer.notices().await, ["2025-01-29 expiry_warning"]);
    // It is a row of the activity as well.
    let newest = customer.get("/v1/activity/snapshot?limit=1").await["items"][0].clone();
    assert_eq!((&newest["kind"], &newest["object"]["code"]), (&json!("notice"), &json!("expiry_warning")));
}

#[tokio::test]
async fn too_little_balance_expires_restores_within_ten_days_then_deletes() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    customer.pay_in("5").await;
    let id = customer.rent("gb-mobile").await;
    customer.at("2025-02-01T12:00:00Z").await;
    let expired = customer.number(&id).await;
    assert_eq!((&expired["state"], &expired["restore_until"]), (&json!("expired"), &json!("2025-02-11")));
    assert_eq!(
        customer.ask(&format!("POST /v1/numbers/{id}/restore"), Value::Null).await.code(),
        (422, "insufficient_funds")
    );
    let from = text(&expired["e164"]);
    customer.show_papers(&["passport", "registration_address"]).await;
    assert_eq!(customer.send(&from, "+447700900318", "hi").await.code(), (422, "number_expired"));

    // Through the tenth day.
    customer.at("2025-02-11T23:59:00Z").await;
    customer.pay_in("5").await;
    let restored = customer.ask(&format!("POST /v1/numbers/{id}/restore"), Value::Null).await;
    assert_eq!((restored.status, &restored.body["state"]), (200, &json!("active")));
    // The anchor is the original order.
    assert_eq!(restored.body["renews_on"], "2025-03-01");
    let again = customer.ask(&format!("POST /v1/numbers/{id}/restore"), Value::Null).await;
    assert_eq!(again.code(), (422, "number_not_expired"));

    customer.behind("POST /sandbox/catalogue/gb-mobile", json!({"monthly_fee": "5.00"})).await;
    customer.at("2025-03-11T23:59:59Z").await;
    assert_eq!(customer.number(&id).await["state"], "expired");
    customer.at("2025-03-12T00:00:00Z").await;
    assert_eq!(customer.number(&id).await["state"], "deleted");
    customer.pay_in("20").await;
    let gone = customer.ask(&format!("POST /v1/numbers/{id}/restore"), Value::Null).await;
    assert_eq!(gone.code(), (422, "number_deleted"));
    assert_eq!(
        customer.notices().await,
        [
            "2025-01-29 expiry_warning",
            "2025-02-01 number_expired",
            "2025-02-01 document_reviewed",
            "2025-02-01 document_reviewed",
            "2025-02-11 number_restored",
            "2025-02-26 expiry_warning",
            "2025-03-01 number_expired",
            "2025-03-12 number_deleted",
        ]
    );
    assert_eq!(
        customer.ledger().await,
        ["top_up 5.00", "order -3.20", "cashback 0.16", "top_up 5.00", "restore -3.20", "top_up 20.00"]
    );
    // Nobody has it any more: it can be ordered again.
    let free = customer.get("/v1/catalogue/gb-mobile/numbers").await;
    assert!(free["numbers"].as_array().unwrap().contains(&json!(from)));
    customer.audit();
}

#[tokio::test]
async fn setting_the_anchor_after_a_restore() {
    let settings = Settings { restore_anchor: RestoreAnchor::Restore, ..Settings::default() };
    let customer = Customer::with(settings, "numgo", "2025-01-02T09:00:00Z").await;
    customer.pay_in("5").await;
    let id = customer.rent("gb-mobile").await;
    customer.at("2025-02-05T12:00:00Z").await;
    customer.pay_in("5").await;
    let restored = customer.ask(&format!("POST /v1/numbers/{id}/restore"), Value::Null).await;
    assert_eq!(restored.body["renews_on"], "2025-03-04");
}

#[tokio::test]
async fn renewal_is_for_a_month_at_the_price_of_that_day() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    customer.pay_in("100").await;
    let order = customer.order(json!({"product": "gb-mobile", "months": 3})).await;
    let id = text(&order["items"][0]["id"]);
    customer.behind("POST /sandbox/catalogue/gb-mobile", json!({"monthly_fee": "4.00"})).await;
    assert_eq!(customer.number(&id).await["next_fee"]["amount"], "4.00");
    assert_eq!(customer.number(&id).await["monthly_fee"]["amount"], "3.20");
    customer.at("2025-04-01T12:00:00Z").await;
    let renewed = customer.number(&id).await;
    // Three months were ordered, one is renewed.
    assert_eq!(
        (&renewed["renews_on"], &renewed["monthly_fee"]["amount"]),
        (&json!("2025-05-01"), &json!("4.00"))
    );
    assert_eq!(
        customer.ledger().await,
        ["top_up 100.00", "order -9.60", "cashback 0.48", "renewal -4.00", "cashback 0.20"]
    );
}

#[tokio::test]
async fn leaving_numgo_is_switching_the_renewal_off() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    customer.pay_in("100").await;
    let (kept, left) = (customer.rent("gb-mobile").await, customer.rent("gb-mobile").await);
    let released = customer.ask(&format!("DELETE /v1/numbers/{left}"), Value::Null).await;
    assert_eq!(released.code(), (422, "not_in_profile"));
    let off = customer.ask(&format!("PATCH /v1/numbers/{left}"), json!({"auto_renew": false})).await;
    assert_eq!((off.status, &off.body["auto_renew"]), (200, &json!(false)));
    customer.at("2025-02-01T12:00:00Z").await;
    assert_eq!(customer.number(&kept).await["state"], "active");
    assert_eq!(customer.number(&left).await["state"], "expired");
}

#[tokio::test]
async fn numbers_have_names_of_their_own() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    customer.pay_in("20").await;
    let id = customer.rent("gb-mobile").await;
    let path = format!("PATCH /v1/numbers/{id}");
    assert_eq!(customer.ask(&path, json!({"label": " Work "})).await.body["label"], "Work");
    assert_eq!(customer.ask(&path, json!({"auto_renew": true})).await.body["label"], "Work");
    assert_eq!(customer.ask(&path, json!({"label": null})).await.body["label"], Value::Null);
    let long = json!({"label": "x".repeat(101)});
    assert_eq!(customer.ask(&path, long).await.code(), (422, "label_too_long"));
}

#[tokio::test]
async fn numgo_papers_are_for_going_out_not_for_buying_or_receiving() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    customer.pay_in("20").await;
    let missing = customer.get("/v1/account").await["documents_missing"].clone();
    assert_eq!(missing, json!(["passport", "registration_address"]));
    let id = customer.rent("gb-mobile").await;
    let e164 = text(&customer.number(&id).await["e164"]);
    assert_eq!(customer.receive(&e164, "+447700900318", "hello").await, ("received".into(), None));
    assert_eq!(customer.send(&e164, "+447700900318", "hi").await.code(), (422, "documents_required"));
    let rate = customer.get("/v1/rates?to=%2B447700900318").await;
    assert_eq!(rate["code"], "documents_required");
    customer.show_papers(&["passport"]).await;
    assert_eq!(customer.send(&e164, "+447700900318", "hi").await.code(), (422, "documents_required"));
    customer.show_papers(&["registration_address"]).await;
    assert_eq!(customer.send(&e164, "+447700900318", "hi").await.status, 201);
}

#[tokio::test]
async fn a_numgo_trial_has_14_days_5_sms_1_call_and_a_stock() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    customer.show_papers(&["passport", "registration_address"]).await;
    let order = customer.order(json!({"product": "de-mobile", "trial": true})).await;
    assert_eq!((&order["total"]["amount"], &order["purpose"]), (&json!("0.00"), &json!("trial")));
    let number = order["items"][0]["number"].clone();
    let (id, e164) = (text(&number["id"]), text(&number["e164"]));
    assert_eq!(
        (&number["sms_left"], &number["calls_left"], &number["ends_at"], &number["renews_on"]),
        (&json!(5), &json!(1), &json!("2025-01-16T09:00:00Z"), &Value::Null)
    );
    for n in 0..3 {
        // To somebody who does not answer.
        assert_eq!(customer.send(&e164, "+447700900999", &n.to_string()).await.status, 201);
        customer.house.pass(Duration::from_secs(2));
    }
    for _ in 0..2 {
        assert_eq!(customer.receive(&e164, "Acme", "1234").await.0, "received");
    }
    assert_eq!(customer.receive(&e164, "Acme", "1234").await.1.as_deref(), Some("trial_used_up"));
    assert_eq!(customer.send(&e164, "+447700900318", "6").await.code(), (422, "trial_used_up"));
    assert_eq!(customer.balance().await, "0", "a trial costs nothing");

    // One incoming call, and no second.
    let operator = &customer.house.sandbox.operator;
    let works =
        || operator.read(|c| crate::store::numbers::by_e164(c, &e164)).unwrap().unwrap().takes_calls();
    assert!(works());
    let call = crate::call_log::FinishedCall {
        account: operator.read(|c| crate::store::numbers::by_e164(c, &e164)).unwrap().unwrap().account,
        sip_call_id: None,
        direction: crate::model::Direction::Incoming,
        number: e164.clone(),
        peer: "+447700900318".into(),
        started_at: operator.now(),
        talked: Some(Duration::from_secs(20)),
        outcome: crate::model::Outcome::Answered,
        metered: None,
    };
    operator.record_call(call).unwrap();
    assert!(!works());

    // Limited stock, and one for each customer.
    let again = customer.ask("POST /v1/orders", json!({"product": "de-mobile", "trial": true})).await;
    assert_eq!(again.code(), (422, "trial_used"));
    let none = customer.ask("POST /v1/orders", json!({"product": "fr-mobile", "trial": true})).await;
    assert_eq!(none.code(), (422, "trial_not_offered"));
    for (user, expected) in [("second", 201), ("third", 422)] {
        let made = customer.behind("POST /sandbox/customers", json!({"name": user})).await.body;
        let order = Some(json!({"product": "de-mobile", "trial": true}));
        let token = text(&made["token"]);
        let answer = customer.house.ask_as(&token, "POST /v1/orders", Some("k"), order).await;
        assert_eq!(answer.status, expected, "{user}");
    }

    customer.at("2025-01-16T08:59:59Z").await;
    assert_eq!(customer.number(&id).await["state"], "active");
    customer.at("2025-01-16T09:00:00Z").await;
    assert_eq!(customer.number(&id).await["state"], "deleted");
    assert_eq!(customer.notices().await.last().unwrap(), "2025-01-16 trial_ended");
}

#[tokio::test]
async fn a_test_number_is_told_before_the_order() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    let product = customer.get("/v1/catalogue/gb-mobile").await;
    let number = text(&product["test_number"]);
    assert!(crate::catalogue::is_test_number(&number));
    // Nobody can rent it.
    let free = customer.get("/v1/catalogue/gb-london/numbers").await;
    assert!(!free["numbers"].as_array().unwrap().contains(&json!(number)));
}
