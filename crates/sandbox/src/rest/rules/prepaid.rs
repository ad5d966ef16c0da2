//! The profile `prepaid`.

use serde_json::{Value, json};

use super::{Customer, text};
use crate::Settings;

#[tokio::test]
async fn prepaid_is_charged_on_the_day_of_the_connection_every_month() {
    let customer = Customer::new("prepaid", "2025-01-20T09:00:00Z").await;
    customer.pay_in("100").await;
    let id = customer.rent("gb-mobile").await;
    for day in ["2025-02-20", "2025-03-20", "2025-04-20"] {
        assert_eq!(customer.number(&id).await["renews_on"], day);
        customer.at(&format!("{day}T12:00:00Z")).await;
    }
    let charges = customer.ledger().await.into_iter().filter(|row| row.starts_with("renewal")).count();
    assert_eq!(charges, 3);
    customer.audit();
}

#[tokio::test]
async fn prepaid_connects_at_once_after_papers_or_slowly_and_announces_the_number() {
    // A Monday.
    let customer = Customer::new("prepaid", "2025-01-20T09:00:00Z").await;
    customer.pay_in("100").await;
    let state = async |id: &str| {
        let order = customer.get(&format!("/v1/orders/{id}")).await;
        (text(&order["items"][0]["state"]), order["items"][0]["number"].clone())
    };
    let at_once = text(&customer.order(json!({"product": "gb-mobile"})).await["id"]);
    assert_eq!(state(&at_once).await.0, "active");

    let papers = text(&customer.order(json!({"product": "fr-paris"})).await["id"]);
    let slow = text(&customer.order(json!({"product": "au-sydney"})).await["id"]);
    assert_eq!(state(&papers).await, ("awaiting_documents".into(), Value::Null));
    assert_eq!(state(&slow).await, ("connecting".into(), Value::Null));
    assert_eq!(customer.get("/v1/numbers").await["numbers"].as_array().unwrap().len(), 1);

    customer.show_papers(&["passport"]).await;
    assert_eq!(state(&papers).await.0, "awaiting_documents");
    customer.show_papers(&["proof_of_address"]).await;
    assert_eq!(state(&papers).await, ("connecting".into(), Value::Null));
    // One to two days after the approval.
    customer.at("2025-01-21T20:59:59Z").await;
    assert_eq!(state(&papers).await.0, "connecting");
    customer.at("2025-01-21T21:00:00Z").await;
    let (now, number) = state(&papers).await;
    assert_eq!((now.as_str(), &number["renews_on"]), ("active", &json!("2025-02-21")));
    assert!(customer.notices().await.contains(&"2025-01-21 number_connected".to_owned()));
    // Ten working days after the order.
    customer.at("2025-02-03T08:59:59Z").await;
    assert_eq!(state(&slow).await.0, "connecting");
    customer.at("2025-02-03T09:00:00Z").await;
    let (now, number) = state(&slow).await;
    assert_eq!((now.as_str(), &number["renews_on"]), ("active", &json!("2025-03-03")));
    customer.audit();
}

#[tokio::test]
async fn prepaid_buyers_choose_country_and_city_not_the_number() {
    let customer = Customer::new("prepaid", "2025-01-20T09:00:00Z").await;
    customer.pay_in("20").await;
    let products = customer.get("/v1/catalogue").await;
    assert!(products["products"].as_array().unwrap().iter().all(|p| p["choosable"] == false));
    assert_eq!(customer.get("/v1/catalogue/gb-mobile/numbers").await["numbers"], json!([]));
    let chosen = json!({"product": "gb-mobile", "numbers": ["+447700900600"]});
    assert_eq!(customer.ask("POST /v1/orders", chosen).await.code(), (422, "not_in_profile"));
}

#[tokio::test]
async fn prepaid_discounts_are_taken_off_the_order() {
    let customer = Customer::new("prepaid", "2025-01-20T09:00:00Z").await;
    customer.pay_in("500").await;
    let order = json!({"product": "gb-mobile", "count": 5, "months": 12});
    let quote = customer.ask("POST /v1/orders/quote", order.clone()).await.body;
    assert_eq!((&quote["list"]["amount"], &quote["discount_percent"]), (&json!("192.00"), &json!("20")));
    let made = customer.order(order).await;
    assert_eq!(made["total"], quote["total"]);
    assert_eq!(made["total"]["amount"], "153.60");
    assert_eq!(made["items"][4]["number"]["renews_on"], "2026-01-20");
}

#[tokio::test]
async fn prepaid_debt_keeps_the_number_but_nothing_gets_through() {
    let customer = Customer::new("prepaid", "2025-01-20T09:00:00Z").await;
    customer.pay_in("5").await;
    let id = customer.rent("gb-mobile").await;
    let e164 = text(&customer.number(&id).await["e164"]);
    customer.at("2025-02-20T12:00:00Z").await;
    // 5.00 - 3.20 + 0.16 - 3.20 + 0.16
    assert_eq!(customer.balance().await, "-1.08");
    let number = customer.number(&id).await;
    assert_eq!((&number["state"], &number["renews_on"]), (&json!("suspended"), &json!("2025-03-20")));
    assert_eq!(customer.receive(&e164, "Acme", "1").await.1.as_deref(), Some("balance_too_low"));
    assert_eq!(customer.send(&e164, "+447700900318", "hi").await.code(), (422, "number_suspended"));
    let operator = &customer.house.sandbox.operator;
    let row = operator.read(|c| crate::store::numbers::by_id(c, &id)).unwrap().unwrap();
    assert!(!row.takes_calls());

    // The next period's fee is taken as well, on the same day.
    customer.at("2025-03-20T12:00:00Z").await;
    assert_eq!(customer.balance().await, "-4.12");
    customer.pay_in("5").await;
    customer.house.pass(std::time::Duration::ZERO);
    assert_eq!(customer.number(&id).await["state"], "active");
    assert_eq!(customer.number(&id).await["renews_on"], "2025-04-20");
    assert_eq!(customer.receive(&e164, "Acme", "1").await.0, "received");
    assert_eq!(
        customer.notices().await,
        [
            "2025-01-20 number_connected",
            "2025-02-17 expiry_warning",
            "2025-02-20 number_suspended",
            "2025-03-17 expiry_warning",
            "2025-03-20 number_suspended",
            "2025-03-20 number_resumed",
        ]
    );
    customer.audit();
}

#[tokio::test]
async fn setting_whether_zero_is_positive() {
    for (zero_is_positive, state) in [(false, "suspended"), (true, "active")] {
        let settings = Settings { zero_is_positive, cashback_tiers: Vec::new(), ..Settings::default() };
        let customer = Customer::with(settings, "prepaid", "2025-01-20T09:00:00Z").await;
        customer.pay_in("5").await;
        customer.behind("POST /sandbox/catalogue/gb-mobile", json!({"monthly_fee": "5.00"})).await;
        let id = customer.rent("gb-mobile").await;
        customer.at("2025-02-20T12:00:00Z").await;
        assert_eq!(customer.balance().await, "-5.00");
        customer.pay_in("5").await;
        customer.house.pass(std::time::Duration::ZERO);
        assert_eq!(customer.balance().await, "0.00");
        assert_eq!(customer.number(&id).await["state"], state);
    }
}

#[tokio::test]
async fn leaving_prepaid_is_24_hours_before_the_charge_and_gives_nothing_back() {
    let customer = Customer::new("prepaid", "2025-01-20T09:00:00Z").await;
    customer.pay_in("50").await;
    let (early, late) = (customer.rent("gb-mobile").await, customer.rent("gb-mobile").await);
    let renewal = json!({"auto_renew": false});
    let no_switch = customer.ask(&format!("PATCH /v1/numbers/{early}"), renewal).await;
    assert_eq!(no_switch.code(), (422, "not_in_profile"));
    customer.at("2025-02-19T12:00:00Z").await;
    let before = customer.balance().await;
    let left = customer.ask(&format!("DELETE /v1/numbers/{early}"), Value::Null).await;
    assert_eq!((left.status, &left.body["state"]), (200, &json!("deleted")));
    assert_eq!(customer.balance().await, before, "nothing comes back for the unused rest");
    customer.at("2025-02-19T12:00:01Z").await;
    let too_late = customer.ask(&format!("DELETE /v1/numbers/{late}"), Value::Null).await;
    assert_eq!(too_late.code(), (422, "too_late_to_leave"));
    customer.at("2025-02-20T12:00:00Z").await;
    let charges = customer.ledger().await.into_iter().filter(|row| row.starts_with("renewal")).count();
    assert_eq!(charges, 1);
}

#[tokio::test]
async fn a_prepaid_trial_is_an_hour_and_never_an_sms_number() {
    let customer = Customer::new("prepaid", "2025-01-20T09:00:00Z").await;
    let sms = customer.ask("POST /v1/orders", json!({"product": "gb-mobile", "trial": true})).await;
    assert_eq!(sms.code(), (422, "trial_not_offered"));
    let order = customer.order(json!({"product": "gb-london", "trial": true})).await;
    assert_eq!(order["items"][0]["number"]["ends_at"], "2025-01-20T10:00:00Z");
    let id = text(&order["items"][0]["id"]);
    customer.at("2025-01-20T10:00:00Z").await;
    assert_eq!(customer.number(&id).await["state"], "deleted");
}
