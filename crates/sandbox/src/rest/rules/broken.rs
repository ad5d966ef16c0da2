//! Faults on purpose, and the limit of requests.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::tests::House;
use crate::Settings;

const GB: &str = "+447700900142";
const SAM: &str = "+447700900318";

async fn broken(rule: Value) -> House {
    let house = House::open(Settings::default()).await;
    let set = house.ask("POST /sandbox/faults", None, Some(json!({"rules": [rule]}))).await;
    assert_eq!(set.status, 200, "{}", set.body);
    house
}

/// Sends an SMS; `None` when the connection breaks.
async fn send(house: &House) -> Option<(u16, Value)> {
    let url = format!("{}/v1/messages", house.sandbox.http_url());
    let token = house.sandbox.accounts()[0].token.reveal().to_owned();
    let body = json!({"from": GB, "to": SAM, "text": "hi"});
    let request = house.client.post(url).bearer_auth(token).header("Idempotency-Key", "k").json(&body);
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    Some((status, serde_json::from_str(&response.text().await.ok()?).unwrap()))
}

fn rule(fault: Value) -> Value {
    json!({"method": "POST", "path": "/v1/messages", "fault": fault})
}

#[tokio::test]
async fn a_dropped_request_was_never_carried_out() {
    let house = broken(rule(json!({"kind": "drop"}))).await;
    assert_eq!(send(&house).await, None);
    assert_eq!(house.message("k").await, Value::Null);
    assert_eq!(send(&house).await.unwrap().0, 201, "the fault is used up");
}

#[tokio::test]
async fn a_lost_acknowledgement_leaves_an_sms_that_was_accepted() {
    let house = broken(rule(json!({"kind": "lost_acknowledgement"}))).await;
    assert_eq!(send(&house).await, None);
    assert_eq!(house.message("k").await["state"], "accepted");
    let again = send(&house).await.unwrap();
    assert_eq!((again.0, house.balance().await.as_str()), (200, "25.35"), "charged once");
}

#[tokio::test]
async fn a_duplicated_request_does_once_what_its_key_says() {
    let house = broken(rule(json!({"kind": "duplicate"}))).await;
    assert_eq!(send(&house).await.unwrap().0, 200, "the second answer gets through");
    assert_eq!(house.balance().await, "25.35");
}

#[tokio::test]
async fn a_request_is_answered_429_with_retry_after_or_5xx() {
    let house = broken(rule(json!({"kind": "rate_limited", "retry_after": 7}))).await;
    let body = json!({"from": GB, "to": SAM, "text": "hi"});
    let answer = house.ask("POST /v1/messages", Some("k"), Some(body.clone())).await;
    assert_eq!(
        (answer.code(), answer.headers["retry-after"].to_str().unwrap()),
        ((429, "rate_limited"), "7")
    );
    let house = broken(rule(json!({"kind": "status", "status": 502}))).await;
    assert_eq!(house.ask("POST /v1/messages", Some("k"), Some(body)).await.status, 502);
    assert_eq!(house.balance().await, "25.40");
}

#[tokio::test]
async fn an_answer_is_delayed() {
    let house = broken(rule(json!({"kind": "delay", "milliseconds": 300}))).await;
    let begun = Instant::now();
    assert_eq!(send(&house).await.unwrap().0, 201);
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_reordered_request_is_carried_out_after_the_next() {
    let house = broken(rule(json!({"kind": "reorder"}))).await;
    let held = send(&house);
    let overtaking = async {
        // Only once the first one is held is there something to overtake.
        while !house.sandbox.operator.faults().is_used_up() {
            tokio::task::yield_now().await;
        }
        house.message("k").await
    };
    let (held, seen) = tokio::join!(held, overtaking);
    assert_eq!((held.unwrap().0, seen), (201, Value::Null));
    assert_eq!(house.message("k").await["state"], "accepted");
}

#[tokio::test]
async fn a_half_closed_stream_says_nothing_and_stays_open() {
    let fault = json!({"path": "/v1/activity/stream", "fault": {"kind": "half_closed"}});
    let house = broken(fault).await;
    let url = format!("{}/v1/activity/stream", house.sandbox.http_url());
    let token = house.sandbox.accounts()[0].token.reveal().to_owned();
    let mut stream = house.client.get(url).bearer_auth(token).send().await.unwrap();
    assert_eq!(stream.status(), 200);
    house.sandbox.operator.receive_message(GB, "Acme", "one").unwrap();
    let heard = tokio::time::timeout(Duration::from_millis(200), stream.chunk()).await;
    assert!(heard.is_err(), "{heard:?}");
    house.sandbox.shutdown().await;
}

#[tokio::test]
async fn every_answer_tells_what_is_left_of_the_limit_of_requests() {
    let house = House::open(Settings { api_per_minute: 3, ..Settings::default() }).await;
    let mut left = Vec::new();
    for _ in 0..4 {
        let answer = house.ask("GET /v1/account", None, None).await;
        assert_eq!(answer.headers["ratelimit-limit"], "3");
        left.push((answer.status, answer.headers["ratelimit-remaining"].to_str().unwrap().to_owned()));
        if answer.status == 429 {
            assert_eq!(answer.headers["retry-after"], answer.headers["ratelimit-reset"]);
        }
    }
    let expected = [(200, "2"), (200, "1"), (200, "0"), (429, "0")];
    assert_eq!(left, expected.map(|(status, left)| (status, left.to_owned())));
    // Another token has its own.
    let token = house.sandbox.accounts()[1].token.reveal().to_owned();
    assert_eq!(house.ask_as(&token, "GET /v1/account", None, None).await.status, 200);
}
