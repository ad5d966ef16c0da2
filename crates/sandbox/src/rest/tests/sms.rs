//! SMS: what is refused, what is limited, what is sent once.

use super::*;

#[tokio::test]
async fn what_an_sms_is_refused_for() {
    let house = House::open(Settings::default()).await;
    house
        .sandbox
        .operator
        .write(|books| numbers::set_state(books, "+12125550147", RowState::Expired))
        .unwrap();
    let long = "x".repeat(1531);
    for (from, to, text, expected) in [
        (STRANGER, SAM, "hi", (422, "number_not_yours")),
        (FRIEND, SAM, "hi", (422, "number_not_yours")),
        ("", SAM, "hi", (422, "number_not_yours")),
        ("+12125550147", SAM, "hi", (422, "number_expired")),
        (SE, SAM, "hi", (422, "number_without_sms")),
        (GB, SAM, "", (422, "empty_text")),
        (GB, SAM, " \n", (422, "empty_text")),
        (GB, SAM, &long, (422, "text_too_long")),
        (GB, "Acme", "hi", (422, "invalid_recipient")),
        (GB, "112", "hi", (422, "invalid_recipient")),
        (GB, "+12025550178", "hi", (422, "destination_not_served")),
        (GB, "+14165550123", "hi", (422, "destination_not_served")),
        (GB, "0098 912 1234567", "hi", (422, "destination_not_served")),
        (GB, "+8501234567", "hi", (422, "destination_not_served")),
        (GB, SAM, &long[1..], (201, "")),
    ] {
        let answer = house.send(&format!("{to}{}", text.len()), from, to, text).await;
        assert_eq!(answer.code(), expected, "{from} -> {to}");
        let kind = answer.headers["content-type"].to_str().unwrap();
        assert_eq!(kind == "application/problem+json", answer.status >= 400);
    }
    assert_eq!(house.balance().await, "25.35", "only what was accepted costs");
}

#[tokio::test]
async fn sms_limits_in_rolling_windows() {
    let house = House::open(Settings::default()).await;
    let mut sent = 0;
    // 100 within an hour, one every two seconds.
    for _ in 0..100 {
        sent += 1;
        assert_eq!(house.send(&format!("k{sent}"), GB, STRANGER, "hi").await.status, 201, "{sent}");
        if sent == 1 {
            let second = house.send("too soon", GB, STRANGER, "hi").await;
            assert_eq!(second.code(), (429, "rate_limited"));
            assert_eq!(second.headers["retry-after"], "1");
        }
        house.clock.advance(Duration::from_secs(2));
    }
    let over_hour = house.send("hour", GB, STRANGER, "hi").await;
    assert_eq!(over_hour.code(), (429, "rate_limited"));
    // The first went 200 seconds ago and leaves the window in 3400.
    assert_eq!(over_hour.headers["retry-after"], "3400");

    house.clock.advance(Duration::from_secs(3400));
    for batch in 0..4 {
        for n in 0..100 {
            let answer = house.send(&format!("b{batch}-{n}"), GB, STRANGER, "hi").await;
            assert_eq!(answer.status, 201, "{batch} {n}");
            house.clock.advance(Duration::from_secs(36));
        }
    }
    // 500 within the day; the first ones were sent five hours ago.
    let over_day = house.send("day", GB, STRANGER, "hi").await;
    assert_eq!(over_day.code(), (429, "rate_limited"));
    let wait: u64 = over_day.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert_eq!(wait, 24 * 3600 - 200 - 3400 - 400 * 36);
    // Each cost 0.05; the balance was 25.40.
    assert_eq!(house.balance().await, "0.40");
}

#[tokio::test]
async fn sms_limits_as_configured() {
    let calendar = Settings { sms_window: LimitWindow::Calendar, ..Settings::default() };
    let house = House::open(calendar).await;
    assert_eq!(house.send("a", GB, STRANGER, "hi").await.status, 201);
    assert_eq!(house.send("b", GB, STRANGER, "hi").await.status, 429);
    // It was a quarter past the full second.
    house.clock.advance(Duration::from_millis(750));
    assert_eq!(house.send("c", GB, STRANGER, "hi").await.status, 201);

    let per_number = Settings { sms_scope: LimitScope::Number, ..Settings::default() };
    let house = House::open(per_number).await;
    assert_eq!(house.send("a", GB, STRANGER, "hi").await.status, 201);
    assert_eq!(house.send("b", FR, STRANGER, "hi").await.status, 201);
    assert_eq!(house.send("c", GB, STRANGER, "hi").await.status, 429);
}

#[tokio::test]
async fn an_sms_the_balance_does_not_cover() {
    let house = House::open(Settings::default()).await;
    house
        .sandbox
        .operator
        .write(|books| -> Result<(), StoreError> {
            let account = accounts::list(books)?[0].id;
            let posting = crate::ledger::Posting {
                kind: crate::model::TransactionKind::Adjustment,
                amount: "-25.36".parse().unwrap(),
                at: house.sandbox.operator.now(),
                description: "test".into(),
                reference: None,
            };
            crate::ledger::post(books, account, posting).map(|_| ())
        })
        .unwrap();
    assert_eq!(house.balance().await, "0.04");
    assert_eq!(house.send("k", GB, STRANGER, "hi").await.code(), (422, "insufficient_funds"));
    // A refused key is free again.
    assert_eq!(house.send("k", GB, "+12025550178", "hi").await.code(), (422, "destination_not_served"));
}

#[tokio::test]
async fn the_same_key_sends_once() {
    let house = House::open(Settings::default()).await;
    let first = house.send("k", GB, STRANGER, "hi").await;
    assert_eq!(first.status, 201);
    let again = house.send("k", GB, STRANGER, "hi").await;
    assert_eq!((again.status, &again.body["id"]), (200, &first.body["id"]));
    assert_eq!(house.send("k", GB, STRANGER, "ho").await.code(), (409, "idempotency_conflict"));
    assert_eq!(house.balance().await, "25.35");
    assert_eq!(house.message("k").await["id"], first.body["id"]);
    assert_eq!(house.message("other").await, Value::Null);
    // Another account's keys are its own.
    let token = house.sandbox.accounts()[1].token.reveal().to_owned();
    let body = json!({"from": FRIEND, "to": STRANGER, "text": "x"});
    assert_eq!(house.ask_as(&token, "POST /v1/messages", Some("k"), Some(body)).await.status, 201);
}

#[tokio::test]
async fn an_sms_is_accepted_sent_delivered_and_answered() {
    let house = House::open(Settings::default()).await;
    assert_eq!(house.send("k", GB, SAM, "hi").await.body["state"], "accepted");
    house.pass(Duration::from_millis(699));
    assert_eq!(house.message("k").await["state"], "accepted");
    house.pass(Duration::from_millis(1));
    assert_eq!(house.message("k").await["state"], "sent");
    house.pass(Duration::from_millis(1300));
    let delivered = house.message("k").await;
    assert_eq!((&delivered["state"], &delivered["version"]), (&json!("delivered"), &json!(3)));
    house.pass(Duration::from_millis(500));
    let newest = house.provider(0).snapshot(None, 1).await.unwrap().objects.remove(0);
    let ActivityObject::Message(reply) = newest else { panic!("{newest:?}") };
    assert_eq!((reply.peer.as_str(), reply.number.as_str()), (SAM, GB));
    assert_eq!(
        (reply.direction, reply.text.as_str()),
        (Direction::Incoming, "Let me check and get back to you.")
    );
}

#[tokio::test]
async fn the_two_accounts_text_each_other() {
    let house = House::open(Settings::default()).await;
    house.send("k", GB, FRIEND, "Привет 🙂").await;
    house.pass(Duration::from_secs(1));
    let page = house.provider(1).snapshot(None, 1).await.unwrap();
    let ActivityObject::Message(message) = &page.objects[0] else { panic!() };
    assert_eq!((message.peer.as_str(), message.number.as_str()), (GB, FRIEND));
    assert_eq!((message.state.clone(), message.text.as_str()), (MessageState::Received, "Привет 🙂"));
}
