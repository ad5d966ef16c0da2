//! Money in, money out, and what is listed of it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Customer, text};

async fn state(customer: &Customer, id: &str) -> String {
    text(&customer.get(&format!("/v1/topups/{id}")).await["state"])
}

async fn begin(customer: &Customer, amount: &str) -> String {
    text(&customer.ask("POST /v1/topups", json!({"amount": amount})).await.body["id"])
}

#[tokio::test]
async fn a_checkout_page_that_is_left_is_abandoned() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    let id = begin(&customer, "25").await;
    customer.at("2025-01-02T09:29:59Z").await;
    assert_eq!(state(&customer, &id).await, "pending");
    customer.at("2025-01-02T09:30:00Z").await;
    assert_eq!(state(&customer, &id).await, "cancelled");
    customer.ask(&format!("POST /checkout/{id}/pay"), Value::Null).await;
    assert_eq!((state(&customer, &id).await.as_str(), customer.balance().await.as_str()), ("cancelled", "0"));
}

#[tokio::test]
async fn a_payment_that_completes_late_is_credited_once_however_often_it_is_reported() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    let id = begin(&customer, "25").await;
    customer.ask(&format!("POST /checkout/{id}/pay-late"), Value::Null).await;
    assert_eq!(state(&customer, &id).await, "pending");
    customer.at("2025-01-02T09:30:00Z").await;
    assert_eq!(state(&customer, &id).await, "cancelled");
    customer.at("2025-01-02T09:40:00Z").await;
    assert_eq!((state(&customer, &id).await.as_str(), customer.balance().await.as_str()), ("paid", "25.00"));
    for _ in 0..3 {
        customer.behind("POST /sandbox/payments", json!({"topup": id})).await;
    }
    assert_eq!(customer.balance().await, "25.00");
    assert_eq!(customer.ledger().await, ["top_up 25.00"]);
    customer.audit();
}

#[tokio::test]
async fn a_declined_payment_credits_nothing() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    let id = begin(&customer, "25").await;
    customer.behind("POST /sandbox/faults", json!({"payments": "declined"})).await;
    customer.ask(&format!("POST /checkout/{id}/pay"), Value::Null).await;
    assert_eq!((state(&customer, &id).await.as_str(), customer.balance().await.as_str()), ("declined", "0"));
}

#[tokio::test]
async fn a_topup_happens_by_itself_below_the_threshold() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    let on = json!({"enabled": true, "amount": "20"});
    let none = customer.ask("PUT /v1/topups/automatic", on.clone()).await;
    assert_eq!(none.code(), (422, "no_payment_method"));
    customer.pay_in("12").await;
    for amount in ["4.99", "3600.01", ""] {
        let bad = customer.ask("PUT /v1/topups/automatic", json!({"enabled": true, "amount": amount})).await;
        assert_eq!(bad.code(), (422, "topup_amount"), "{amount}");
    }
    let set = customer.ask("PUT /v1/topups/automatic", on).await;
    assert_eq!((set.status, &set.body["threshold"]["amount"]), (200, &json!("10.00")));
    customer.house.pass(Duration::ZERO);
    assert_eq!(customer.balance().await, "12.00", "not below yet");

    customer.rent("gb-mobile").await;
    customer.house.pass(Duration::ZERO);
    assert_eq!(customer.balance().await, "28.96");
    customer.rent("gb-london").await;
    customer.house.pass(Duration::ZERO);
    assert_eq!(customer.balance().await, "26.30", "above the threshold nothing happens");

    // Declined: switched off, and said.
    customer.behind("POST /sandbox/faults", json!({"payments": "declined"})).await;
    customer.order(json!({"product": "us-toll-free", "count": 3})).await;
    customer.house.pass(Duration::ZERO);
    assert_eq!(customer.get("/v1/account").await["automatic_topup"], Value::Null);
    assert_eq!(customer.notices().await, ["2025-01-02 auto_topup_declined"]);
    customer.audit();
}

#[tokio::test]
async fn cashback_is_credited_at_once_spent_first_and_rises_with_lifetime_spend() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    customer.pay_in("300").await;
    let shown = async || {
        let account = customer.get("/v1/account").await;
        let of = |name: &str| text(&account[name]["amount"]);
        (of("balance"), of("cashback_balance"), text(&account["cashback_percent"]), of("lifetime_spend"))
    };
    assert_eq!(shown().await, ("300.00".into(), "0".into(), "5".into(), "0".into()));
    customer.order(json!({"product": "us-toll-free", "months": 12})).await;
    assert_eq!(shown().await, ("231.60".into(), "3.60".into(), "5".into(), "72.00".into()));
    // It is spent first.
    customer.rent("gb-london").await;
    assert_eq!(shown().await, ("228.94".into(), "0.94".into(), "5".into(), "74.80".into()));
    customer.order(json!({"product": "us-toll-free", "count": 5})).await;
    let account = customer.get("/v1/account").await;
    assert_eq!(
        (&account["cashback_percent"], &account["next_cashback_from"]["amount"]),
        (&json!("6"), &json!("500"))
    );
    // A renewal brings the rate of its day.
    customer.at("2025-02-01T12:00:00Z").await;
    let ledger = customer.ledger().await;
    assert!(ledger.contains(&"renewal -2.80".to_owned()) && ledger.contains(&"cashback 0.17".to_owned()));
    customer.audit();
}

#[tokio::test]
async fn prices_are_seen_before_buying_and_in_the_numbers_details() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    customer.pay_in("20").await;
    let product = customer.get("/v1/catalogue/gb-mobile").await;
    let id = customer.rent("gb-mobile").await;
    let number = customer.number(&id).await;
    for price in ["monthly_fee", "incoming_minute", "sms_price"] {
        assert_eq!(product[price], number[price], "{price}");
        assert!(product[price]["amount"].is_string(), "{price}");
    }
    let quote =
        customer.ask("POST /v1/orders/quote", json!({"product": "gb-mobile", "months": 2})).await.body;
    assert_eq!((&quote["total"]["amount"], &quote["cashback"]["amount"]), (&json!("6.40"), &json!("0.32")));
    let rate = customer.get("/v1/rates?to=%2B447700900318").await;
    assert_eq!((&rate["country"], &rate["minute"]["amount"]), (&json!("GB"), &json!("0.05")));
    let prices = customer.get("/v1/rates/calls").await;
    assert!(prices["prices"].as_array().unwrap().iter().any(|p| p["prefix"] == "+447"));
}

#[tokio::test]
async fn rates_tell_where_calls_and_sms_do_not_go() {
    let customer = Customer::new("prepaid", "2025-01-02T09:00:00Z").await;
    customer.pay_in("10").await;
    customer.rent("gb-mobile").await;
    for (to, call, sms) in [
        ("%2B447700900318", Value::Null, Value::Null),
        ("%2B12125550100", Value::Null, json!("destination_not_served")),
        ("%2B989121234567", json!("destination_not_served"), json!("destination_not_served")),
        ("112", json!("emergency_not_supported"), Value::Null),
        ("echo", Value::Null, Value::Null),
    ] {
        let rate = customer.get(&format!("/v1/rates?to={to}")).await;
        assert_eq!((&rate["code"], &rate["sms"]["code"]), (&call, &sms), "{to}");
    }
    // 6.96 at 0.05 a minute.
    let rate = customer.get("/v1/rates?to=%2B447700900318").await;
    assert_eq!(rate["minutes"], 139);
}

#[tokio::test]
async fn every_transaction_is_listed_in_pages_and_as_a_file() {
    let customer = Customer::new("numgo", "2025-01-02T09:00:00Z").await;
    customer.pay_in("50").await;
    for _ in 0..4 {
        customer.rent("gb-mobile").await;
    }
    let mut seen = Vec::new();
    let mut page = String::new();
    loop {
        let list = customer.get(&format!("/v1/transactions?limit=2{page}")).await;
        seen.extend(list["transactions"].as_array().unwrap().iter().map(|t| text(&t["id"])));
        match list["next_page"].as_str() {
            Some(next) => page = format!("&page={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 9);
    assert_eq!(customer.ask("GET /v1/transactions?page=x", Value::Null).await.code(), (400, "bad_page"));

    // Of certain types and days.
    let orders = customer.get("/v1/transactions?type=order,refund&from=2025-01-02&to=2025-01-02").await;
    assert_eq!(orders["transactions"].as_array().unwrap().len(), 4);
    let none = customer.get("/v1/transactions?from=2025-01-03").await;
    assert_eq!(none["transactions"], json!([]));

    let file = customer.ask("GET /v1/transactions.csv", Value::Null).await;
    assert!(file.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    let lines: Vec<String> = text(&file.body).lines().map(Into::into).collect();
    assert_eq!(lines[0], "id,at,type,amount,balance_after,currency,description,reference");
    assert_eq!(lines.len(), 10);
    seen.reverse();
    for (line, id) in lines[1..].iter().zip(seen) {
        assert!(line.starts_with(&format!("{id},2025-01-02T09:00:00Z,")), "{line}");
    }
    assert!(lines[1].contains(",top_up,50.00,50.00,USD,Top-up by card,"));
}

#[tokio::test]
async fn conference_minutes_come_on_an_invoice_of_the_month() {
    let customer = Customer::new("numgo", "2025-01-10T09:00:00Z").await;
    customer.pay_in("20").await;
    for minutes in [30, 20] {
        let over = json!({"user": customer.user, "conference": "c1", "minutes": minutes});
        customer.behind("POST /sandbox/conference-minutes", over).await;
    }
    assert_eq!(customer.get("/v1/invoices").await["open_minutes"], 50);
    customer.at("2025-01-31T23:59:59Z").await;
    assert_eq!(customer.balance().await, "20.00");
    customer.at("2025-02-01T00:00:00Z").await;
    let invoices = customer.get("/v1/invoices").await;
    let invoice = &invoices["invoices"][0];
    assert_eq!((&invoice["month"], &invoice["minutes"]), (&json!("2025-01"), &json!(50)));
    assert_eq!((&invoice["total"]["amount"], &invoices["open_minutes"]), (&json!("2.50"), &json!(0)));
    assert_eq!(customer.ledger().await, ["top_up 20.00", "call -2.50"]);
    customer.at("2025-04-01T00:00:00Z").await;
    assert_eq!(customer.get("/v1/invoices").await["invoices"].as_array().unwrap().len(), 1);
    customer.audit();
}
