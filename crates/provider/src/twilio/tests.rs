//! The adapter against the examples of Twilio's official description (see the fixture).

use serde_json::Value;

use super::*;
use crate::http::canned::{Asked, Canned};

const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// The first example of an operation.
fn example(path: &str, method: &str, name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../../tests/fixtures/twilio.json")).unwrap();
    let responses = all["paths"][path][method]["responses"].as_object().unwrap();
    let content = &responses.values().next().unwrap()["content"]["application/json"];
    content["examples"][name]["value"].clone()
}

fn answer(asked: &Asked) -> String {
    let resource = |name: &str| format!("/2010-04-01/Accounts/{{AccountSid}}/{name}.json");
    let own = format!("/2010-04-01/Accounts/{ACCOUNT}/");
    let found = match (asked.method.as_str(), asked.path.strip_prefix(&own)) {
        ("GET", Some("Messages.json")) if asked.field("Page") == "1" => {
            example(&resource("Messages"), "get", "readEmptySentdateLess")
        }
        ("GET", Some("Messages.json")) => example(&resource("Messages"), "get", "readFullPage1"),
        ("POST", Some("Messages.json")) => example(&resource("Messages"), "post", "create"),
        ("GET", Some("Calls.json")) if asked.field("Page") == "1" => {
            example(&resource("Calls"), "get", "readEmptyDatesLess")
        }
        ("GET", Some("Calls.json")) => example(&resource("Calls"), "get", "readFullPage1"),
        ("GET", Some("IncomingPhoneNumbers.json")) => {
            example(&resource("IncomingPhoneNumbers"), "get", "readFull")
        }
        ("GET", Some("Balance.json")) => example(&resource("Balance"), "get", "fetch"),
        _ if asked.path.starts_with("/v2/Voice/Numbers/") => {
            example("/v2/Voice/Numbers/{DestinationNumber}", "get", "fetch")
        }
        _ if asked.path.starts_with("/v1/Messaging/Countries/US") => {
            example("/v1/Messaging/Countries/{IsoCountry}", "get", "fetch")
        }
        _ => Value::Null,
    };
    found.to_string()
}

async fn serve() -> (Canned, Twilio) {
    let server = Canned::json(answer).await;
    let provider = Twilio::new(&server.url, &server.url, ACCOUNT, &Secret::new("token")).unwrap();
    (server, provider)
}

fn outgoing() -> OutgoingMessage {
    OutgoingMessage { from: "+14155552345".into(), to: "+14155552345".into(), text: "Hello! 👍".into() }
}

#[tokio::test]
async fn the_examples_are_understood() {
    let (server, provider) = serve().await;
    let balance = provider.account().await.unwrap().balance;
    assert_eq!((balance.amount.to_string(), balance.currency.as_str()), ("0.05".to_owned(), "USD"));
    let number = provider.numbers().await.unwrap().remove(0);
    assert_eq!((number.e164.as_str(), number.calls, number.sms), ("+18089255327", true, false));
    let sent = provider.send_message(&IdempotencyKey("k".into()), &outgoing()).await.unwrap();
    assert_eq!((sent.text.as_str(), &sent.state), ("Hello! 👍", &MessageState::Accepted));
    assert_eq!(sent.at, "2023-08-24T05:01:45Z".parse().unwrap());
    let rate = provider.rate("+18001234567", Some("+987654321")).await.unwrap();
    let price = |amount: &str| {
        let price = Money { amount: amount.parse().unwrap(), currency: "USD".into() };
        Permission::Allowed { price: Some(price) }
    };
    assert_eq!((rate.call, rate.sms, rate.country.as_deref()), (price("0.013"), price("0.05"), Some("US")));
    // RFC 7617: the account and its token.
    assert!(server.asked().iter().all(|a| a.headers["authorization"].starts_with("Basic ")));
    let posted = server.asked().into_iter().find(|a| a.method == "POST").unwrap();
    assert_eq!(
        (posted.field("Body"), posted.field("From")),
        ("Hello! 👍".to_owned(), "+14155552345".to_owned())
    );
}

#[tokio::test]
async fn the_snapshot_follows_the_next_pages() {
    let (_server, provider) = serve().await;
    let now: Timestamp = "2019-12-01T00:00:00Z".parse().unwrap();
    let (mut page, mut objects, mut pages) = (None, Vec::new(), 0);
    loop {
        let read = polled::snapshot(&provider, now, page).await.unwrap();
        objects.extend(read.objects);
        pages += 1;
        page = read.next_page;
        if page.is_none() {
            break;
        }
    }
    assert_eq!(pages, 4, "two of each list");
    let messages: Vec<&Message> = objects
        .iter()
        .filter_map(|o| if let ActivityObject::Message(m) = o { Some(m) } else { None })
        .collect();
    let sent = messages.iter().find(|m| m.direction == Direction::Outgoing).unwrap();
    assert_eq!((sent.number.as_str(), sent.peer.as_str()), ("+12019235161", "+18182008801"));
    assert_eq!(
        (&sent.state, sent.price.as_ref().unwrap().amount.to_string()),
        (&MessageState::Sent, "0.00750".into())
    );
    assert!(messages.iter().any(|m| m.direction == Direction::Incoming && m.text.starts_with("look mom")));
    let calls = objects.iter().filter(|o| matches!(o, ActivityObject::Call(_))).count();
    assert!(calls > 0);
}

#[tokio::test]
async fn later_states_have_higher_versions() {
    let row = |status: &str, price: &str| {
        let json = format!(
            r#"{{"sid":"SM1","direction":"outbound-api","status":"{status}","from":"+1","to":"+2","body":"x",
                "date_created":"Fri, 24 May 2019 17:44:46 +0000","price":{price},"price_unit":"USD"}}"#
        );
        serde_json::from_str::<wire::Message>(&json).unwrap().map().unwrap()
    };
    let way = [
        row("queued", "null"),
        row("sending", "null"),
        row("sent", "null"),
        row("sent", "\"-0.0075\""),
        row("delivered", "null"),
        row("delivered", "\"-0.0075\""),
    ];
    assert!(way.is_sorted_by(|a, b| a.object.version() < b.object.version()));
    assert_eq!(way.map(|r| r.settled), [false, false, false, false, true, true]);
}

#[tokio::test]
async fn a_call_that_goes_on_is_left_out() {
    let row = |status: &str, direction: &str| {
        let json = format!(
            r#"{{"sid":"CA1","direction":"{direction}","status":"{status}","from":"+1","to":"+2","duration":"4",
                "start_time":"Fri, 18 Oct 2019 17:02:00 +0000"}}"#
        );
        let row = serde_json::from_str::<wire::Call>(&json).unwrap().map().unwrap()?;
        let ActivityObject::Call(call) = row.object else { panic!() };
        Some((call.outcome, call.duration_seconds))
    };
    assert_eq!(row("ringing", "inbound"), None);
    assert_eq!(row("in-progress", "outbound-api"), None);
    assert_eq!(row("no-answer", "inbound"), Some((CallOutcome::Missed, 0)));
    assert_eq!(row("completed", "inbound"), Some((CallOutcome::Answered, 4)));
    assert_eq!(row("busy", "outbound-dial"), Some((CallOutcome::Busy, 0)));
    assert_eq!(row("canceled", "outbound-api"), Some((CallOutcome::Unanswered, 0)));
}

#[tokio::test]
async fn refusals_have_the_domains_words() {
    let body = |code: u32| format!(r#"{{"code":{code},"message":"Why.","more_info":"x","status":400}}"#);
    for (status, body, expected) in [
        (400, body(21211), crate::http::refused("invalid_recipient", "Why.")),
        (400, body(21606), crate::http::refused("number_not_yours", "Why.")),
        (400, body(21201), crate::http::refused("invalid_recipient", "Why.")),
        (422, body(4001), crate::http::refused("insufficient_funds", "Why.")),
        (400, body(21408), crate::http::refused("destination_not_served", "Why.")),
        (400, body(29999), crate::http::refused("twilio_29999", "Why.")),
        (401, body(20003), ProviderError::Unauthorized),
        (429, body(20429), ProviderError::RateLimited { retry_after: None }),
        (500, String::new(), ProviderError::Server { status: 500 }),
    ] {
        let server = Canned::serve(move |_| (status, vec![], body.clone())).await;
        let provider = Twilio::new(&server.url, &server.url, ACCOUNT, &Secret::new("token")).unwrap();
        let sent = provider.send_message(&IdempotencyKey("k".into()), &outgoing()).await;
        assert_eq!(sent.err(), Some(expected));
        assert_eq!(server.asked().len(), 1, "an SMS is never sent twice");
    }
}

#[tokio::test]
async fn a_message_is_deleted_by_its_sid() {
    let body = |code: u32| format!(r#"{{"code":{code},"message":"Why.","status":404}}"#);
    for (status, body, expected) in [
        (204, String::new(), Ok(())),
        (404, body(20404), Ok(())),
        (404, String::new(), Ok(())),
        (409, body(20009), Err(crate::http::refused(crate::NOT_YET, "Why."))),
        (500, String::new(), Err(ProviderError::Server { status: 500 })),
        (401, body(20003), Err(ProviderError::Unauthorized)),
    ] {
        let server = Canned::serve(move |_| (status, vec![], body.clone())).await;
        let twilio = Twilio::new(&server.url, &server.url, ACCOUNT, &Secret::new("token")).unwrap();
        assert_eq!(twilio.delete_message(&RemoteId("SM1".into())).await, expected);
        let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages/SM1.json");
        let asked: Vec<_> = server.asked().into_iter().map(|a| (a.method, a.path)).collect();
        assert_eq!(asked, [("DELETE".to_owned(), path)]);
        let elsewhere = twilio.delete_message(&RemoteId("../../x".into())).await;
        assert_eq!((elsewhere, server.asked().len()), (Err(ProviderError::Malformed), 1));
    }
    let server = Canned::serve(|_| (204, vec![], String::new())).await;
    let wire = Twilio::signalwire(&server.url, "p-1", &Secret::new("PT1")).unwrap();
    assert_eq!(wire.delete_message(&RemoteId("b08d-1".into())).await, Ok(()));
    assert_eq!(server.asked()[0].path, "/api/laml/2010-04-01/Accounts/p-1/Messages/b08d-1.json");
}

#[tokio::test]
async fn a_next_page_elsewhere_is_not_asked_for() {
    let server = Canned::json(|_| r#"{"messages":[],"next_page_uri":"https://evil.example/x"}"#.into()).await;
    let provider = Twilio::new(&server.url, &server.url, ACCOUNT, &Secret::new("token")).unwrap();
    let first =
        provider.list(MESSAGES, Span { from: Timestamp::MIN, until: Timestamp::now() }, None).await.unwrap();
    let span = Span { from: Timestamp::MIN, until: Timestamp::now() };
    let next = provider.list(MESSAGES, span, first.next.as_deref()).await;
    assert_eq!(next.err(), Some(ProviderError::Malformed));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn signalwire_is_the_same_elsewhere_and_without_money() {
    let server = Canned::json(|_| r#"{"incoming_phone_numbers":[],"next_page_uri":null}"#.into()).await;
    let project = "b08dacad-1111-2222-3333-444455556666";
    let provider = Twilio::signalwire(&server.url, project, &Secret::new("PT1")).unwrap();
    assert_eq!(provider.numbers().await, Ok(vec![]));
    assert_eq!(
        server.asked()[0].path,
        format!("/api/laml/2010-04-01/Accounts/{project}/IncomingPhoneNumbers.json")
    );
    assert_eq!(provider.account().await, Err(ProviderError::Unsupported));
    assert_eq!(provider.rate("+1", None).await, Err(ProviderError::Unsupported));
    assert!(!provider.capabilities().balance && provider.capabilities().inbox);
    for (user, token) in [("", "t"), ("AC1", ""), ("AC/../1", "t")] {
        assert!(Twilio::signalwire(&server.url, user, &Secret::new(token)).is_err());
    }
}
