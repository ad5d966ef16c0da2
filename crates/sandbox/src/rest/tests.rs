//! The API over its socket, under a clock that stands still until told otherwise.

mod calls;

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use serde_json::{Value, json};
use tern_provider::{Provider, ProviderError, sandbox::SandboxProvider, types::*};

use crate::{
    LimitScope, LimitWindow, Sandbox, SandboxConfig, SetClock, Settings,
    model::NumberState as RowState,
    store::{StoreError, accounts, numbers, transactions},
};

const FR: &str = "+33639984712";
const GB: &str = "+447700900142";
const SE: &str = "+46846500417";
const SAM: &str = "+447700900318";
const STRANGER: &str = "+447700900999";
const FRIEND: &str = "+447700900777";

pub(super) struct House {
    pub(super) sandbox: Sandbox,
    clock: Arc<SetClock>,
    pub(super) client: reqwest::Client,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: reqwest::header::HeaderMap,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn code(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or(""))
    }
}

impl House {
    pub(super) async fn open(settings: Settings) -> Self {
        Self::open_at(settings, None, "2026-05-20T12:00:00.250Z").await
    }

    pub(super) async fn open_at(settings: Settings, data: Option<std::path::PathBuf>, now: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = Arc::new(SetClock::new(now.parse().unwrap()));
        let config = SandboxConfig { settings, data, clock: clock.clone(), ..SandboxConfig::default() };
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { sandbox: Sandbox::start(config).await.unwrap(), clock, client }
    }

    fn provider(&self, account: usize) -> SandboxProvider {
        let token = self.sandbox.accounts()[account].token.clone();
        SandboxProvider::new(self.sandbox.http_url(), token).unwrap()
    }

    /// `request` is `METHOD PATH`; `key` becomes the Idempotency-Key.
    pub(super) async fn ask(&self, request: &str, key: Option<&str>, body: Option<Value>) -> Answer {
        let token = self.sandbox.accounts()[0].token.reveal().to_owned();
        self.ask_as(&token, request, key, body).await
    }

    pub(super) async fn ask_as(
        &self,
        token: &str,
        request: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        let (method, path) = request.split_once(' ').unwrap();
        let url = format!("{}{path}", self.sandbox.http_url());
        let mut builder = self.client.request(method.parse().unwrap(), url).bearer_auth(token);
        if let Some(key) = key {
            builder = builder.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            builder = builder.json(&body);
        }
        let response = builder.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, headers, body }
    }

    async fn send(&self, key: &str, from: &str, to: &str, text: &str) -> Answer {
        let body = json!({"from": from, "to": to, "text": text});
        self.ask("POST /v1/messages", Some(key), Some(body)).await
    }

    pub(super) async fn balance(&self) -> String {
        self.ask("GET /v1/account", None, None).await.body["balance"]["amount"].as_str().unwrap().into()
    }

    /// Lets time pass, and everything happen that is due by then.
    pub(super) fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.sandbox.operator.run_due().unwrap();
    }

    pub(super) async fn message(&self, key: &str) -> Value {
        let found = self.ask(&format!("GET /v1/messages?idempotency_key={key}"), None, None).await;
        found.body["messages"][0].clone()
    }
}

#[tokio::test]
async fn account_numbers_and_sip() {
    let house = House::open(Settings::default()).await;
    let account = house.ask("GET /v1/account", None, None).await.body;
    assert_eq!(account["balance"], json!({"amount": "25.40", "currency": "USD"}));
    assert_eq!(account["topup"], json!({"min": "5.00", "max": "3600.00"}));
    assert_eq!(account["profile"], "numgo");

    let numbers = house.provider(0).numbers().await.unwrap();
    let shown: Vec<_> = numbers.iter().map(|n| (n.e164.as_str(), n.country.as_str(), n.sms)).collect();
    assert_eq!(
        shown,
        [
            (FR, "FR", true),
            (GB, "GB", true),
            ("+491713920042", "DE", true),
            ("+12125550147", "US", true),
            (SE, "SE", false)
        ]
    );
    // Ordered 62 days before 20 May: 19 March, so the third month ends on 18 June.
    assert_eq!(numbers[0].renews_on.unwrap().to_string(), "2026-06-18");

    let sip = house.provider(0).sip_credentials().await.unwrap().unwrap();
    assert_eq!((sip.user.as_str(), sip.domain.as_str()), ("traveller", "sandbox.tern.example"));
    assert_eq!(sip.proxy, Some(house.sandbox.sip_addr().to_string()));
}

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
async fn requests_that_are_no_requests() {
    let house = House::open(Settings::default()).await;
    let sms = json!({"from": GB, "to": SAM, "text": "hi"});
    let long_key = "k".repeat(201);
    for (request, key, body, expected) in [
        ("POST /v1/messages", None, Some(sms.clone()), (400, "idempotency_key_required")),
        ("POST /v1/messages", Some(long_key.as_str()), Some(sms.clone()), (400, "idempotency_key_required")),
        ("POST /v1/messages", Some(""), Some(sms), (400, "idempotency_key_required")),
        ("POST /v1/messages", Some("k"), Some(json!({"from": GB})), (400, "bad_request")),
        ("POST /v1/messages", Some("k"), Some(json!([1])), (400, "bad_request")),
        // The fields' values in a row are no object.
        ("POST /v1/messages", Some("k"), Some(json!([GB, SAM, "hi"])), (400, "bad_request")),
        ("POST /v1/messages", Some("k"), None, (415, "bad_request")),
        ("GET /v1/messages", None, None, (400, "bad_request")),
        ("DELETE /v1/messages", None, None, (405, "method_not_allowed")),
        ("GET /v1/nothing", None, None, (404, "not_found")),
        ("GET /v1/topups/top_nothing", None, None, (404, "not_found")),
        ("GET /v1/topups/..%2f", None, None, (404, "not_found")),
        ("GET /v1/activity/changes", None, None, (400, "bad_request")),
        ("GET /v1/activity/snapshot?limit=-1", None, None, (400, "bad_request")),
        ("GET /v1/activity/snapshot?limit=0", None, None, (400, "bad_request")),
        ("GET /v1/transactions?limit=201", None, None, (400, "bad_request")),
        ("GET /v1/transactions?page=%2B5", None, None, (400, "bad_page")),
        ("GET /v1/numbers/%FF", None, None, (400, "bad_request")),
        ("GET /v1/activity/snapshot?page=1.2", None, None, (400, "bad_page")),
        (
            "POST /sandbox/sms",
            None,
            Some(json!({"to": STRANGER, "from": "x", "text": "y"})),
            (404, "number_unknown"),
        ),
    ] {
        let answer = house.ask(request, key, body).await;
        assert_eq!(answer.code(), expected, "{request}");
    }
    // One number, however it is written.
    let whole = json!({"product": "gb-mobile", "months": 3.0});
    assert_eq!(house.ask("POST /v1/orders/quote", None, Some(whole)).await.status, 200);
    let part = json!({"product": "gb-mobile", "months": 3.5});
    assert_eq!(house.ask("POST /v1/orders/quote", None, Some(part)).await.code(), (400, "bad_request"));
    let big = json!({"from": GB, "to": SAM, "text": "x".repeat(70_000)});
    assert_eq!(house.ask("POST /v1/messages", Some("k"), Some(big)).await.status, 413);
}

#[tokio::test]
async fn only_the_token_opens_and_only_this_host_is_served() {
    let house = House::open(Settings::default()).await;
    for token in ["", "wrong", "sbx_"] {
        assert_eq!(house.ask_as(token, "GET /v1/account", None, None).await.code(), (401, "unauthorized"));
    }
    let url = format!("{}/sandbox/accounts", house.sandbox.http_url());
    for (host, status) in [("evil.example", 421), ("localhost:1", 200), ("127.0.0.1", 200), ("", 400)] {
        let response = house.client.get(&url).header("host", host).send().await.unwrap();
        assert!(
            response.status() == status || (host.is_empty() && !response.status().is_success()),
            "{host}"
        );
    }
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

#[tokio::test]
async fn the_snapshot_in_pages_is_everything_once_newest_first() {
    let house = House::open(Settings::default()).await;
    let provider = house.provider(0);
    let whole = provider.snapshot(None, 500).await.unwrap();
    assert!(whole.next_page.is_none() && whole.objects.len() > 40);
    let mut pieces = Vec::new();
    let mut page = None;
    loop {
        let next = provider.snapshot(page.take(), 7).await.unwrap();
        assert_eq!(next.cursor, whole.cursor);
        pieces.extend(next.objects);
        match next.next_page {
            Some(token) => page = Some(token),
            None => break,
        }
    }
    assert_eq!(pieces, whole.objects);
    let at = |object: &ActivityObject| match object {
        ActivityObject::Message(m) => m.at,
        ActivityObject::Call(c) => c.started_at,
        ActivityObject::Transaction(t) => t.at,
        ActivityObject::Gap(gap) => gap.until,
    };
    assert!(pieces.windows(2).all(|pair| at(&pair[0]) >= at(&pair[1])));
}

#[tokio::test]
async fn changes_tell_everything_after_a_cursor() {
    let house = House::open(Settings::default()).await;
    let provider = house.provider(0);
    let cursor = provider.snapshot(None, 1).await.unwrap().cursor;
    let none = provider.changes(&cursor, 100).await.unwrap();
    assert_eq!((none.changes.len(), none.has_more, &none.next), (0, false, &cursor));

    house.send("k", GB, SAM, "hi").await;
    house.pass(Duration::from_secs(5));
    // The message (by now delivered), its charge, the answer: each once, as it is now.
    let mut kinds = Vec::new();
    let mut since = cursor.clone();
    loop {
        let page = provider.changes(&since, 1).await.unwrap();
        for change in &page.changes {
            kinds.push(match change {
                Change::Upsert(ActivityObject::Message(m)) => format!("{:?} {:?}", m.direction, m.state),
                Change::Upsert(ActivityObject::Transaction(t)) => format!("{:?} {}", t.kind, t.amount.amount),
                other => format!("{other:?}"),
            });
        }
        since = page.next;
        if !page.has_more {
            break;
        }
    }
    assert_eq!(kinds, ["Sms -0.05", "Outgoing Delivered", "Incoming Received"]);

    let of_a_gone_database = Cursor("aaaaaaaa-3".into());
    for (cursor, expected) in [
        (of_a_gone_database, ProviderError::ResyncRequired),
        (Cursor(format!("{}9", since.0)), refused("bad_cursor")),
        (Cursor("".into()), refused("bad_cursor")),
        (Cursor("a-b".into()), refused("bad_cursor")),
        (Cursor("-1".into()), refused("bad_cursor")),
    ] {
        let error = provider.changes(&cursor, 10).await.unwrap_err();
        assert_eq!(without_detail(error), expected, "{cursor:?}");
    }
}

#[tokio::test]
async fn cursors_older_than_the_feed_keeps_are_expired() {
    let house = House::open(Settings { change_retention: 2, ..Settings::default() }).await;
    let provider = house.provider(0);
    let old = provider.snapshot(None, 1).await.unwrap().cursor;
    for n in 0..3 {
        house.sandbox.operator.receive_message(GB, "Acme", &format!("{n}")).unwrap();
    }
    assert_eq!(provider.changes(&old, 10).await.unwrap().changes.len(), 3, "nothing is forgotten yet");
    house.sandbox.operator.note_alive().unwrap();
    assert_eq!(provider.changes(&old, 10).await, Err(ProviderError::ResyncRequired));
    assert_eq!(provider.hints(&old).await.err(), Some(ProviderError::ResyncRequired));
    let fresh = provider.snapshot(None, 1).await.unwrap().cursor;
    assert!(provider.changes(&fresh, 10).await.is_ok());
}

#[tokio::test]
async fn the_stream_hints_at_each_change_and_ends_at_shutdown() {
    let house = House::open(Settings::default()).await;
    let provider = house.provider(0);
    let cursor = provider.snapshot(None, 1).await.unwrap().cursor;
    let mut live = provider.hints(&cursor).await.unwrap();
    house.sandbox.operator.receive_message(GB, "Acme", "one").unwrap();
    assert_eq!(live.next().await, Some(Ok(())));

    // Who was away is told at once, and others' changes are no business of this account.
    let mut late = provider.hints(&cursor).await.unwrap();
    assert_eq!(late.next().await, Some(Ok(())));
    house.sandbox.operator.receive_message(FRIEND, "Acme", "not yours").unwrap();
    house.sandbox.operator.receive_message(GB, "Acme", "two").unwrap();
    assert_eq!(live.next().await, Some(Ok(())));
    let seen = provider.changes(&cursor, 10).await.unwrap();
    assert_eq!(seen.changes.len(), 2);

    house.sandbox.shutdown().await;
    assert_eq!(live.next().await, None);
}

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

#[tokio::test]
async fn the_api_can_be_switched_off() {
    let house = House::open(Settings::default()).await;
    let switch =
        async |state: &str| house.ask("POST /sandbox/faults", None, Some(json!({"api": state}))).await.status;
    assert_eq!(switch("down").await, 200);
    assert_eq!(house.ask("GET /v1/account", None, None).await.code(), (503, "unavailable"));
    assert_eq!(switch("ok").await, 200);
    assert_eq!(house.ask("GET /v1/account", None, None).await.status, 200);
    assert_eq!(switch("on fire").await, 400);
}

#[tokio::test]
async fn the_first_client_ever_is_welcomed_once() {
    let house = House::open(Settings::default()).await;
    let account = house.sandbox.operator.accounts().unwrap()[0].id;
    let cursor = house.provider(0).snapshot(None, 1).await.unwrap().cursor;
    house.sandbox.operator.visited(account).unwrap();
    house.pass(Duration::from_secs(14));
    assert_eq!(house.provider(0).changes(&cursor, 10).await.unwrap().changes.len(), 0);
    house.sandbox.operator.visited(account).unwrap();
    house.pass(Duration::from_secs(600));
    let changes = house.provider(0).changes(&cursor, 10).await.unwrap().changes;
    let [Change::Upsert(ActivityObject::Message(welcome))] = changes.as_slice() else {
        panic!("{changes:?}")
    };
    assert!(welcome.text.contains("echo"));
}

#[tokio::test]
async fn what_happened_while_the_sandbox_was_closed_happens_once() {
    let data = tempfile::tempdir().unwrap();
    let path = || Some(data.path().to_owned());
    let house = House::open_at(Settings::default(), path(), "2026-05-20T12:00:00Z").await;
    let account = house.sandbox.operator.accounts().unwrap()[0].id;
    house.sandbox.operator.visited(account).unwrap();
    house.send("k", GB, STRANGER, "on its way").await;
    let cursor = house.provider(0).snapshot(None, 1).await.unwrap().cursor;
    let token = house.sandbox.accounts()[0].token.clone();
    house.sandbox.shutdown().await;

    let house = House::open_at(Settings::default(), path(), "2026-05-20T15:00:00Z").await;
    assert_eq!(house.sandbox.accounts()[0].token, token);
    // What was due while it was closed is made up for, each at its own time.
    house.pass(Duration::ZERO);
    assert_eq!(house.message("k").await["state"], "delivered");
    let changes = house.provider(0).changes(&cursor, 10).await.unwrap();
    let mut happened = Vec::new();
    for change in &changes.changes {
        match change {
            Change::Upsert(ActivityObject::Message(m)) if m.direction == Direction::Incoming => {
                happened.push((format!("sms {}", m.peer), m.at.to_string()));
            }
            Change::Upsert(ActivityObject::Call(c)) => {
                assert_eq!((c.outcome, c.direction), (CallOutcome::Missed, Direction::Incoming));
                happened.push((format!("call {}", c.peer), c.started_at.to_string()));
            }
            _ => {}
        }
    }
    happened.sort();
    assert_eq!(
        happened,
        [
            ("call +447700900318".into(), "2026-05-20T14:00:00Z".into()),
            // The welcome was due 15 seconds after the visit.
            ("sms +447700900318".into(), "2026-05-20T13:00:00Z".to_string()),
            ("sms +447700900555".into(), "2026-05-20T12:00:15Z".into()),
        ]
    );
    house.sandbox.shutdown().await;

    // Nobody came in between, so nobody was missed.
    let house = House::open_at(Settings::default(), path(), "2026-05-20T18:00:00Z").await;
    assert_eq!(house.provider(0).changes(&changes.next, 10).await.unwrap().changes.len(), 0);
}

#[tokio::test]
async fn a_killed_sandbox_goes_on_where_it_was() {
    let (data, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let house = House::open_at(Settings::default(), Some(data.path().into()), "2026-05-20T12:00:00Z").await;
    house.send("k", GB, FRIEND, "accepted, not yet sent").await;
    let cursor = house.provider(1).snapshot(None, 1).await.unwrap().cursor;
    // What a kill leaves: the files as they are at this moment.
    for file in std::fs::read_dir(data.path()).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), killed.path().join(file.file_name())).unwrap();
    }
    let house = House::open_at(Settings::default(), Some(killed.path().into()), "2026-05-20T12:00:30Z").await;
    house.pass(Duration::ZERO);
    let repeated = house.send("k", GB, FRIEND, "accepted, not yet sent").await;
    assert_eq!((repeated.status, &repeated.body["state"]), (200, &json!("delivered")));
    assert_eq!(house.balance().await, "25.35");
    let arrived = house.provider(1).changes(&cursor, 10).await.unwrap().changes;
    assert_eq!(arrived.len(), 1);
}

#[tokio::test]
async fn a_data_directory_has_one_sandbox() {
    let data = tempfile::tempdir().unwrap();
    let house = House::open_at(Settings::default(), Some(data.path().into()), "2026-05-20T12:00:00Z").await;
    let config = SandboxConfig { data: Some(data.path().into()), ..SandboxConfig::default() };
    let second = Sandbox::start(config).await;
    assert!(matches!(second.err(), Some(crate::StartError::Store(StoreError::InUse))));
    house.sandbox.shutdown().await;
}

#[tokio::test]
async fn loopback_only_unless_told_otherwise() {
    for config in [
        SandboxConfig { http: "0.0.0.0:0".parse().unwrap(), ..SandboxConfig::default() },
        SandboxConfig { sip: "[::]:0".parse().unwrap(), ..SandboxConfig::default() },
    ] {
        let refused = Sandbox::start(config).await.err();
        assert!(matches!(refused, Some(crate::StartError::NotLoopback(_))));
    }
}

#[tokio::test]
async fn the_description_names_every_route_and_every_route_is_there() {
    let house = House::open(Settings::default()).await;
    let document = house.ask("GET /openapi.json", None, None).await.body;
    assert_eq!(document["openapi"].as_str().unwrap().split('.').take(2).collect::<Vec<_>>(), ["3", "1"]);
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    let mut described = Vec::new();
    let mut ids = std::collections::HashSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            described.push(format!("{} {path}", method.to_uppercase()));
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{path}: an id is there once");
            assert!(operation["summary"].as_str().is_some_and(|s| !s.is_empty()), "{path}");
            // Without a token, and with nothing else a route could ask for: it must be there and hold up.
            let request = format!("{} {}", method.to_uppercase(), path.replace("{id}", "x"));
            let answer = house.ask_as("", &request, None, None).await;
            assert!(
                ![405, 500].contains(&answer.status) && answer.body["code"] != "not_found",
                "{path}: {}",
                answer.status
            );
            let secured = operation["security"].as_array().is_some();
            assert_eq!(secured, path.starts_with("/v1/"), "{path}");
            assert_eq!(answer.status == 401, secured, "{path}");
            let statuses = operation["responses"].as_object().unwrap();
            assert!(
                statuses.contains_key(&answer.status.to_string()) || [400, 415].contains(&answer.status),
                "{path} answered {} which it does not document",
                answer.status
            );
        }
    }
    described.sort();
    let routes = include_str!("mod.rs");
    let routed = routes.lines().filter(|line| line.trim_start().starts_with(".route(")).map(|line| {
        let path = line.split('"').nth(1).unwrap();
        let verbs = ["get(", "post(", "put(", "patch(", "delete("];
        let count: usize = verbs.iter().map(|verb| line.matches(verb).count()).sum();
        assert_eq!(
            described.iter().filter(|d| d.ends_with(&format!(" {path}"))).count(),
            count,
            "{path} is not described"
        );
        count
    });
    assert_eq!(routed.sum::<usize>(), described.len());
    // Every reference leads somewhere.
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}

fn refused(code: &str) -> ProviderError {
    ProviderError::Refused { code: code.into(), detail: String::new() }
}

fn without_detail(error: ProviderError) -> ProviderError {
    match error {
        ProviderError::Refused { code, .. } => ProviderError::Refused { code, detail: String::new() },
        other => other,
    }
}
