//! The adapter against a server that says exactly what a test wants it to say.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{Request, Response, StatusCode},
};

use super::*;

/// One canned answer, and how often it was fetched.
#[derive(Clone)]
struct Canned {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    hits: Arc<AtomicUsize>,
    seen: Arc<std::sync::Mutex<Vec<String>>>,
}

impl Canned {
    fn new(status: u16, body: &str) -> Self {
        Self { status, headers: vec![], body: body.into(), hits: Arc::default(), seen: Arc::default() }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(State(canned): State<Canned>, request: Request<Body>) -> Response<Body> {
    canned.hits.fetch_add(1, Ordering::SeqCst);
    let header =
        |name: &str| request.headers().get(name).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
    let seen = format!(
        "{} {} auth={} key={} last={}",
        request.method(),
        request.uri(),
        header("authorization"),
        header("idempotency-key"),
        header("last-event-id")
    );
    canned.seen.lock().unwrap().push(seen);
    let mut response = Response::builder().status(StatusCode::from_u16(canned.status).unwrap());
    for (name, value) in &canned.headers {
        response = response.header(*name, value);
    }
    response.body(Body::from(canned.body.clone())).unwrap()
}

async fn serve(canned: &Canned) -> SandboxProvider {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(answer).with_state(canned.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    SandboxProvider::new(url, Secret::new("tok")).unwrap()
}

fn refused(code: &str, detail: &str) -> ProviderError {
    ProviderError::Refused { code: code.into(), detail: detail.into() }
}

#[tokio::test]
async fn each_status_becomes_the_error_it_stands_for() {
    let problem = |code: &str| format!(r#"{{"type":"about:blank","code":"{code}","detail":"Why."}}"#);
    let cases = [
        (Canned::new(401, "{}"), ProviderError::Unauthorized),
        (Canned::new(403, "<html>"), ProviderError::Unauthorized),
        (Canned::new(410, &problem("resync_required")), ProviderError::ResyncRequired),
        (Canned::new(410, &problem("gone")), refused("gone", "Why.")),
        (Canned::new(404, "no page"), refused("http_404", "")),
        (Canned::new(422, &problem("number_expired")), refused("number_expired", "Why.")),
        (Canned::new(500, ""), ProviderError::Server { status: 500 }),
        (Canned::new(429, ""), ProviderError::RateLimited { retry_after: None }),
        (
            Canned::new(429, "").with("retry-after", "12"),
            ProviderError::RateLimited { retry_after: Some(Duration::from_secs(12)) },
        ),
        (Canned::new(200, "not json"), ProviderError::Malformed),
        (Canned::new(200, "[]"), ProviderError::Malformed),
        (Canned::new(200, &"[".repeat(100_000)), ProviderError::Malformed),
        (Canned::new(200, &" ".repeat(5 * 1024 * 1024)), ProviderError::Malformed),
        (
            Canned::new(200, r#"{"name":"x","balance":{"amount":"1e999","currency":"USD"}}"#),
            ProviderError::Malformed,
        ),
        (
            Canned::new(200, r#"{"name":"x","balance":{"amount":"1","currency":"dollars"}}"#),
            ProviderError::Malformed,
        ),
    ];
    for (canned, expected) in cases {
        assert_eq!(serve(&canned).await.account().await, Err(expected), "status {}", canned.status);
        assert_eq!(canned.hits(), 1, "status {}", canned.status);
    }
}

#[tokio::test]
async fn a_read_is_tried_again_a_write_is_not() {
    let down = Canned::new(503, "");
    let provider = serve(&down).await;
    assert_eq!(provider.account().await, Err(ProviderError::Server { status: 503 }));
    assert_eq!(down.hits(), 3);

    let message = OutgoingMessage { from: "+1".into(), to: "+2".into(), text: "hi".into() };
    let sent = provider.send_message(&IdempotencyKey("k".into()), &message).await;
    assert_eq!(sent, Err(ProviderError::Server { status: 503 }));
    assert_eq!(down.hits(), 4);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Canned::new(200, "{}");
    let other = serve(&elsewhere).await;
    drop(other);
    let canned = Canned::new(302, "").with("location", "http://127.0.0.1:9/v1/account");
    assert_eq!(serve(&canned).await.account().await, Err(ProviderError::Malformed));
    assert_eq!(canned.hits(), 1);
}

#[tokio::test]
async fn nobody_there_and_a_connection_cut_short_are_told_apart_for_writes() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let provider = SandboxProvider::new(format!("http://{address}"), Secret::new("t")).unwrap();
    let message = OutgoingMessage { from: "+1".into(), to: "+2".into(), text: "hi".into() };
    let key = IdempotencyKey("k".into());

    let hang_up = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        use tokio::io::AsyncReadExt;
        let mut buffer = [0u8; 1024];
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
    };
    let (sent, ()) = tokio::join!(provider.send_message(&key, &message), hang_up);
    assert_eq!(sent, Err(ProviderError::Timeout), "the request may have been carried out");

    drop(listener);
    assert_eq!(provider.send_message(&key, &message).await, Err(ProviderError::Unreachable));
    assert_eq!(provider.account().await, Err(ProviderError::Unreachable));
}

#[tokio::test]
async fn an_answer_that_never_comes_is_a_timeout() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let provider = SandboxProvider::new(url, Secret::new("t")).unwrap();
    let account = tokio::spawn(async move { provider.account().await });
    let (_held_open, _) = listener.accept().await.unwrap();
    // From here on nothing moves but the clock.
    tokio::time::pause();
    assert_eq!(account.await.unwrap(), Err(ProviderError::Timeout));
}

#[tokio::test]
async fn the_token_goes_out_and_is_never_printed() {
    let canned = Canned::new(401, "");
    let provider = serve(&canned).await;
    let error = provider.account().await.unwrap_err();
    assert!(canned.seen()[0].contains("auth=Bearer tok"));
    assert!(!format!("{provider:?} {error:?} {error}").contains("tok\""));
    assert!(!format!("{provider:?}{error}").contains("Bearer"));
}

#[tokio::test]
async fn a_message_is_deleted_once_and_stays_so() {
    let problem =
        |status: u16, code: &str| Canned::new(status, &format!(r#"{{"code":"{code}","detail":"Why."}}"#));
    let on_its_way = ProviderError::Refused { code: crate::NOT_YET.into(), detail: "Why.".into() };
    for (canned, expected) in [
        (Canned::new(204, ""), Ok(())),
        (problem(404, "not_found"), Ok(())),
        (problem(422, "message_on_its_way"), Err(on_its_way)),
        (Canned::new(403, ""), Err(ProviderError::Unauthorized)),
        (Canned::new(503, ""), Err(ProviderError::Server { status: 503 })),
    ] {
        let provider = serve(&canned).await;
        assert_eq!(provider.delete_message(&RemoteId("msg_1".into())).await, expected);
        assert!(canned.seen()[0].starts_with("DELETE /v1/messages/msg_1 "), "{:?}", canned.seen());
        assert_eq!(canned.hits(), 1);
    }
}

#[tokio::test]
async fn account_and_numbers() {
    let canned = Canned::new(
        200,
        r#"{"name":"Demo","balance":{"amount":"-0.10","currency":"USD"},"topup":{"min":"5","max":3600.50},
            "numbers":[{"id":"n1","e164":"+4917139200","country":"DE","calls":true,"sms":false,"state":"active",
                        "monthly_fee":{"amount":"10.34","currency":"USD"},"renews_on":"2026-03-01"},
                       {"id":"n2","e164":"+33","country":"FR","calls":true,"sms":true,"state":"odd"}]}"#,
    );
    let provider = serve(&canned).await;
    let account = provider.account().await.unwrap();
    assert_eq!(account.balance.amount.to_string(), "-0.10");
    let (min, max) = account.topup_limits.unwrap();
    assert_eq!((min.to_string(), max.to_string()), ("5".into(), "3600.50".into()));
    let numbers = provider.numbers().await.unwrap();
    assert_eq!(numbers[0].monthly_fee.as_ref().unwrap().amount.to_string(), "10.34");
    assert_eq!(numbers[0].renews_on, Some(jiff::civil::date(2026, 3, 1)));
    assert_eq!(numbers[1].state, NumberState::Expired, "an unknown state is not relied on");
}

#[tokio::test]
async fn sip_credentials_may_be_missing() {
    let none = Canned::new(404, r#"{"code":"sip_not_issued","detail":""}"#);
    assert!(serve(&none).await.sip_credentials().await.unwrap().is_none());
    let some = Canned::new(200, r#"{"user":"u","domain":"d","password":"hunter2","proxy":"127.0.0.1:5060"}"#);
    let sip = serve(&some).await.sip_credentials().await.unwrap().unwrap();
    assert_eq!((sip.password.reveal(), sip.proxy.as_deref()), ("hunter2", Some("127.0.0.1:5060")));
    assert!(!format!("{sip:?}").contains("hunter2"));
}

const MESSAGE: &str = r#"{"id":"m1","direction":"outgoing","number":"+33","peer":"+44","text":"hi",
    "state":"STATE","failure":null,"at":"2026-01-02T03:04:05Z","price":null,"idempotency_key":"k"}"#;

fn changes_of(rows: &str) -> Canned {
    Canned::new(200, &format!(r#"{{"changes":[{rows}],"next":"c9","has_more":false}}"#))
}

#[tokio::test]
async fn unknown_values_are_data() {
    let call = r#"{"id":"c1","direction":"incoming","number":"+33","peer":"Shop","started_at":"2026-01-02T03:04:05Z",
        "duration_seconds":0,"outcome":"eaten_by_dog","added_later":{"x":1}}"#;
    let transaction = r#"{"id":"t1","type":"tax","amount":{"amount":"-1","currency":"USD"},
        "balance_after":{"amount":"2","currency":"USD"},"at":"2026-01-02T03:04:05Z","description":"Tax"}"#;
    let rows = format!(
        r#"{{"seq":1,"op":"upsert","kind":"message","id":"m1","version":3,"object":{}}},
           {{"seq":2,"op":"upsert","kind":"hologram","id":"h1","version":1,"object":{{}}}},
           {{"seq":3,"op":"upsert","kind":"call","id":"c1","version":1,"object":{call}}},
           {{"seq":4,"op":"archive","kind":"call","id":"c1","version":1,"object":null}},
           {{"seq":5,"op":"upsert","kind":"transaction","id":"t1","version":1,"object":{transaction}}},
           {{"seq":6,"op":"delete","kind":"message","id":"m0","version":9,"object":null}}"#,
        MESSAGE.replace("STATE", "thinking")
    );
    let canned = changes_of(&rows);
    let page = serve(&canned).await.changes(&Cursor("c 1&x=2".into()), 9_999).await.unwrap();
    assert!(canned.seen()[0].contains("since=c+1%26x%3D2&limit=500"), "{:?}", canned.seen());
    assert_eq!(page.next, Cursor("c9".into()));
    let [message, call, transaction, delete] = page.changes.try_into().unwrap();
    let Change::Upsert(ActivityObject::Message(message)) = message else { panic!() };
    assert_eq!((message.state, message.version), (MessageState::Accepted, 3));
    let Change::Upsert(ActivityObject::Call(call)) = call else { panic!() };
    assert_eq!(call.outcome, CallOutcome::Failed);
    let Change::Upsert(ActivityObject::Transaction(transaction)) = transaction else { panic!() };
    assert_eq!(transaction.kind, TransactionType::Adjustment);
    assert!(matches!(delete, Change::Delete { kind: ActivityKind::Message, version: 9, .. }));
}

#[tokio::test]
async fn a_known_row_without_its_substance_spoils_the_page() {
    for object in ["null", "{}", "7", r#"{"id":"m1"}"#, &MESSAGE.replace("2026-01-02T03:04:05Z", "yesterday")]
    {
        let row = format!(r#"{{"op":"upsert","kind":"message","id":"m1","version":1,"object":{object}}}"#);
        let page = serve(&changes_of(&row)).await.changes(&Cursor("c1".into()), 10).await;
        assert_eq!(page, Err(ProviderError::Malformed), "{object}");
    }
}

#[tokio::test]
async fn a_feed_that_does_not_move_on_is_not_read_for_ever() {
    let canned = Canned::new(200, r#"{"changes":[],"next":"c1","has_more":true}"#);
    let page = serve(&canned).await.changes(&Cursor("c1".into()), 10).await;
    assert_eq!(page, Err(ProviderError::Malformed));
}

#[tokio::test]
async fn a_snapshot_page_names_the_next() {
    let canned = Canned::new(
        200,
        &format!(
            r#"{{"cursor":"c4","next_page":"p2","items":[{{"kind":"message","id":"m1","version":2,"object":{}}}]}}"#,
            MESSAGE.replace("STATE", "delivered")
        ),
    );
    let page = serve(&canned).await.snapshot(Some(PageToken("p1".into())), 50).await.unwrap();
    assert_eq!((page.cursor, page.next_page), (Cursor("c4".into()), Some(PageToken("p2".into()))));
    assert_eq!(page.objects.len(), 1);
    assert!(canned.seen()[0].contains("limit=50&page=p1"));
}

#[tokio::test]
async fn only_the_message_with_that_very_key_was_sent_with_it() {
    let canned = Canned::new(200, &format!(r#"{{"messages":[{}]}}"#, MESSAGE.replace("STATE", "sent")));
    let provider = serve(&canned).await;
    let sought = |key: &str| SoughtMessage {
        key: IdempotencyKey(key.into()),
        message: OutgoingMessage { from: "+1".into(), to: "+2".into(), text: "hi".into() },
        since: jiff::Timestamp::UNIX_EPOCH,
    };
    assert!(provider.find_sent(&sought("other")).await.unwrap().is_none());
    let found = provider.find_sent(&sought("k")).await.unwrap().unwrap();
    assert_eq!(found.state, MessageState::Sent);
}

#[tokio::test]
async fn topups() {
    let canned = Canned::new(
        200,
        r#"{"id":"top_1","state":"paid","amount":{"amount":"25.00","currency":"USD"},
            "checkout_url":"https://pay.example.com/x"}"#,
    );
    let provider = serve(&canned).await;
    let amount = Money { amount: "25.00".parse().unwrap(), currency: "USD".into() };
    let topup = provider.create_topup(&IdempotencyKey("k7".into()), amount).await.unwrap();
    assert_eq!((topup.state, topup.checkout_url.host_str()), (TopUpState::Paid, Some("pay.example.com")));
    assert!(canned.seen()[0].starts_with("POST /v1/topups") && canned.seen()[0].contains("key=k7"));

    for id in ["../account", "", "a/b", "a?b", "é"] {
        assert_eq!(provider.topup(&TopUpId(id.into())).await, Err(ProviderError::Malformed), "{id}");
    }
    assert_eq!(canned.hits(), 1, "a strange id never leaves the machine");
}

#[tokio::test]
async fn a_key_that_is_no_header_is_refused_before_sending() {
    let canned = Canned::new(200, "{}");
    let message = OutgoingMessage { from: "+1".into(), to: "+2".into(), text: "hi".into() };
    let sent = serve(&canned).await.send_message(&IdempotencyKey("a\nb".into()), &message).await;
    assert!(matches!(sent, Err(ProviderError::Refused { .. })));
    assert_eq!(canned.hits(), 0);
}

#[tokio::test]
async fn hints_come_from_changed_events_only() {
    let stream = ": hello\n\nid: c5\nevent: changed\ndata: {}\n\nevent: other\ndata: {}\n\nevent: changed\ndata: {}\n\nid: cut";
    let canned = Canned::new(200, stream).with("content-type", "text/event-stream; charset=utf-8");
    let provider = serve(&canned).await;
    let hints: Vec<_> = provider.hints(&Cursor("c4".into())).await.unwrap().collect().await;
    assert_eq!(hints, [Ok(()), Ok(())]);
    assert!(canned.seen()[0].contains("last=c4"));
}

#[tokio::test]
async fn a_hostile_stream_ends_with_one_error() {
    let endless = format!("data: {}", "x".repeat(400 * 1024));
    let cases = [(endless.as_str(), ProviderError::Unreachable), ("event: \u{0}", ProviderError::Malformed)];
    let canned = Canned::new(200, cases[0].0).with("content-type", "text/event-stream");
    let hints: Vec<_> = serve(&canned).await.hints(&Cursor("c".into())).await.unwrap().collect().await;
    assert_eq!(hints, [Err(cases[0].1.clone())]);

    let page = Canned::new(200, "<html>").with("content-type", "text/html");
    let refused = serve(&page).await.hints(&Cursor("c".into())).await.err();
    assert_eq!(refused, Some(cases[1].1.clone()));
}

#[tokio::test]
async fn demo_accounts_need_no_token() {
    let canned = Canned::new(
        200,
        r#"{"accounts":[{"name":"Demo traveller","token":"t1","numbers":["+33"],
            "sip":{"user":"traveller","domain":"sandbox.tern.example","password":"p","proxy":"127.0.0.1:5060"}}]}"#,
    );
    serve(&canned).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(answer).with_state(canned.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let accounts = demo_accounts(&url).await.unwrap();
    assert_eq!(accounts[0].token.reveal(), "t1");
    assert_eq!(accounts[0].sip.user, "traveller");
    assert!(canned.seen()[0].starts_with("GET /sandbox/accounts auth= "));
    assert!(matches!(demo_accounts("http://far.example").await, Err(ProviderError::Refused { .. })));
}
