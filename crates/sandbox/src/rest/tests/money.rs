//! Top-ups and the ledger.

use super::*;

#[tokio::test]
async fn topup_bounds() {
    let house = House::open(Settings::default()).await;
    for (n, (amount, expected)) in [
        ("4.99", (422, "topup_amount")),
        ("5", (201, "")),
        ("5.00", (201, "")),
        ("3600.00", (201, "")),
        ("3600.01", (422, "topup_amount")),
        ("10.005", (422, "topup_amount")),
        ("-20", (422, "topup_amount")),
        ("1e3", (422, "topup_amount")),
        ("ten", (422, "topup_amount")),
        ("", (422, "topup_amount")),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({"amount": amount});
        let answer = house.ask("POST /v1/topups", Some(&format!("k{n}")), Some(body)).await;
        assert_eq!(answer.code(), expected, "{amount}");
    }
}

#[tokio::test]
async fn a_topup_paid_twice_is_credited_once() {
    let house = House::open(Settings::default()).await;
    let provider = house.provider(0);
    let amount = Money { amount: "25.00".parse().unwrap(), currency: "USD".into() };
    let topup = provider.create_topup(&IdempotencyKey("k".into()), amount.clone()).await.unwrap();
    let same = provider.create_topup(&IdempotencyKey("k".into()), amount).await.unwrap();
    assert_eq!((same.id.clone(), topup.state), (topup.id.clone(), TopUpState::Pending));
    assert_eq!(topup.checkout_url.as_str(), format!("{}/checkout/{}", house.sandbox.http_url(), topup.id.0));

    let page = format!("GET {}", topup.checkout_url.path());
    let text = |answer: Answer| answer.body.as_str().unwrap().to_owned();
    assert!(text(house.ask(&page, None, None).await).contains("Pay 25.00 USD"));
    for _ in 0..2 {
        let paid = house.ask(&format!("POST {}/pay", topup.checkout_url.path()), None, None).await;
        assert_eq!(
            (paid.status, paid.headers["location"].to_str().unwrap()),
            (303, topup.checkout_url.path())
        );
    }
    assert_eq!(
        house.ask(&format!("POST {}/cancel", topup.checkout_url.path()), None, None).await.status,
        303
    );
    assert!(text(house.ask(&page, None, None).await).contains("Paid."));
    assert_eq!(house.balance().await, "50.40");
    assert_eq!(provider.topup(&topup.id).await.unwrap().state, TopUpState::Paid);
    let newest = provider.snapshot(None, 1).await.unwrap().objects.remove(0);
    let ActivityObject::Transaction(credit) = newest else { panic!("{newest:?}") };
    assert_eq!((credit.kind, credit.reference), (TransactionType::TopUp, Some(topup.id.0.clone())));
    assert_eq!(credit.balance_after.amount.to_string(), "50.40");
    // Somebody else's top-up is not shown.
    assert_eq!(
        house.provider(1).topup(&topup.id).await.err().map(without_detail),
        Some(refused("not_found"))
    );
}

#[tokio::test]
async fn a_topup_not_paid_credits_nothing() {
    let house = House::open(Settings::default()).await;
    for (button, state) in [("decline", "declined"), ("cancel", "cancelled")] {
        let begun = house.ask("POST /v1/topups", Some(button), Some(json!({"amount": "9.50"}))).await.body;
        let id = begun["id"].as_str().unwrap();
        house.ask(&format!("POST /checkout/{id}/{button}"), None, None).await;
        house.ask(&format!("POST /checkout/{id}/pay"), None, None).await;
        let shown = house.ask(&format!("GET /v1/topups/{id}"), None, None).await.body;
        assert_eq!(shown["state"], state);
    }
    assert_eq!(house.balance().await, "25.40");
    assert_eq!(house.ask("POST /checkout/top_x/pay", None, None).await.status, 404);
}

#[tokio::test]
async fn the_ledger_sums_up_after_everything() {
    let house = House::open(Settings::default()).await;
    house.send("k", FR, STRANGER, "hi").await;
    let begun = house.ask("POST /v1/topups", Some("t"), Some(json!({"amount": "9.50"}))).await.body;
    house.ask(&format!("POST /checkout/{}/pay", begun["id"].as_str().unwrap()), None, None).await;
    let rows = house.sandbox.operator.read(|c| transactions::list(c, accounts::list(c)?[0].id)).unwrap();
    let sum: rust_decimal::Decimal = rows.iter().map(|r| r.amount).sum();
    assert_eq!(sum, rows.last().unwrap().balance_after);
    assert_eq!(house.balance().await, sum.to_string());
    assert_eq!(sum.to_string(), "34.82");
}
