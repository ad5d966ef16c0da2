//! The adapter against the samples, parameters and status words of VoIP.ms' own description (see the fixture).

use serde_json::Value;

use super::*;
use crate::{
    canary::Log,
    http::canned::{Asked, Canned},
};

const CANARY: &str = "canary-8f1c-API-password";

fn fixture() -> Value {
    serde_json::from_str(include_str!("../../tests/fixtures/voipms.json")).unwrap()
}

/// A server that answers each method with its sample.
async fn samples() -> (Canned, VoipMs) {
    let fixture = fixture();
    let server = Canned::json(move |asked| fixture["responses"][method(asked)].to_string()).await;
    let provider = adapter(&server.url);
    (server, provider)
}

/// `getMMS` and `sendMMS` go in other ways; the field is the same.
fn method(asked: &Asked) -> String {
    let sent = asked.field("method");
    if sent.is_empty() && asked.body.contains("sendMMS") { "sendMMS".to_owned() } else { sent }
}

fn adapter(url: &str) -> VoipMs {
    VoipMs::new(url, "me@example.com", Secret::new(CANARY)).unwrap()
}

async fn with_status(status: &str) -> VoipMs {
    let body = serde_json::json!({ "status": status }).to_string();
    adapter(&Canned::json(move |_| body.clone()).await.url)
}

fn outgoing(text: &str) -> OutgoingMessage {
    OutgoingMessage { from: "+15551234567".into(), to: "+15557654321".into(), text: text.into() }
}

#[tokio::test]
async fn the_samples_are_understood() {
    let (_server, provider) = samples().await;
    assert_eq!(provider.account().await.unwrap().balance.amount.to_string(), "112.192790");
    let numbers = provider.numbers().await.unwrap();
    let number = &numbers[0];
    assert_eq!(
        (number.e164.as_str(), number.city.as_deref(), number.country.as_str()),
        ("+15551234567", Some("MIAMI"), "US")
    );
    assert_eq!(number.renews_on, Some(jiff::civil::date(2014, 8, 30)));
    assert!(number.sms);

    let sip = provider.sip_credentials().await.unwrap().unwrap();
    assert_eq!((sip.user.as_str(), sip.domain.as_str()), ("100000_VoIP", "houston.voip.ms"));
    assert_eq!(sip.password.reveal(), "voip@house");

    let rate = provider.rate("+12045551234", None).await.unwrap();
    let price = Money { amount: "0.009".parse().unwrap(), currency: "USD".into() };
    assert_eq!(
        (rate.call, rate.name.as_deref()),
        (Permission::Allowed { price: Some(price) }, Some("Canada - 204 Manitoba"))
    );
    assert_eq!(provider.rate("+4930901820", None).await.unwrap().call, Permission::Unknown);

    let voicemail = &provider.voicemails().await.unwrap()[0];
    assert_eq!((voicemail.id.0.as_str(), voicemail.seconds, voicemail.heard), ("1001/INBOX/1", 6, false));
}

#[tokio::test]
async fn the_snapshot_has_sms_mms_and_calls() {
    let (_server, provider) = samples().await;
    let now: Timestamp = "2014-04-01T00:00:00Z".parse().unwrap();
    let (mut page, mut objects) = (None, Vec::new());
    loop {
        let read = polled::snapshot(&provider, now, page).await.unwrap();
        objects.extend(read.objects);
        page = read.next_page;
        if page.is_none() {
            break;
        }
    }
    let sms = objects.iter().find(|o| o.id().0 == "sms-111120").unwrap();
    let ActivityObject::Message(sms) = sms else { panic!("{sms:?}") };
    // 10:24:16 in the Eastern summer.
    assert_eq!(sms.at, "2014-03-30T14:24:16Z".parse().unwrap());
    assert_eq!((sms.direction, &sms.state), (Direction::Outgoing, &MessageState::Sent));
    assert_eq!((sms.number.as_str(), sms.peer.as_str()), ("+18574884828", "+18577884821"));
    let mms = objects.iter().find(|o| o.id().0 == "mms-111120").unwrap();
    let ActivityObject::Message(mms) = mms else { panic!("{mms:?}") };
    assert_eq!(mms.text, "hello+john\nhttps://voip.ms/media.php?map=MTU5MzUzMDcTk2NNUw==");
    // The sample call is of 2010, before what is read of the past.
    assert!(!objects.iter().any(|o| matches!(o, ActivityObject::Call(_))));

    let span = Span {
        from: "2010-11-30T00:00:00Z".parse().unwrap(),
        until: "2010-12-01T00:00:00Z".parse().unwrap(),
    };
    let calls = provider.list(CALLS, span, None).await.unwrap();
    let ActivityObject::Call(call) = &calls.rows[0].object else { panic!("{calls:?}") };
    assert_eq!(
        (call.direction, call.outcome, call.duration_seconds),
        (Direction::Incoming, CallOutcome::Answered, 11)
    );
    assert_eq!((call.number.as_str(), call.peer.as_str()), ("+15551234567", "+15551112222"));
    assert_eq!(call.started_at, "2010-11-30T15:40:16Z".parse().unwrap());
}

#[tokio::test]
async fn the_sample_of_a_voice_message_is_sound() {
    let mut sample = fixture()["responses"]["getVoicemailMessageFile"].clone();
    // It breaks off with dots in the middle of the sound.
    let data = sample["message"][0]["data"].as_str().unwrap().trim_end_matches('.').to_owned();
    sample["message"][0]["data"] = data[..data.len() / 4 * 4].into();
    let server = Canned::json(move |_| sample.to_string()).await;
    let file = adapter(&server.url).voicemail_sound(&RemoteId("1001/INBOX/1".into())).await.unwrap();
    assert_eq!(file.media_type, "audio/wav");
    assert_eq!((&file.bytes[..4], &file.bytes[8..16]), (&b"RIFF"[..], &b"WAVEfmt "[..]));
    let asked = server.asked().remove(0);
    assert_eq!(["mailbox", "folder", "message_num"].map(|name| asked.field(name)), ["1001", "INBOX", "1"]);
}

#[tokio::test]
async fn every_parameter_is_documented_and_windows_fit() {
    let (server, provider) = samples().await;
    let _ = provider.account().await;
    let _ = provider.sip_credentials().await;
    let _ = provider.rate("+12045551234", None).await;
    let _ = provider.voicemails().await;
    let _ = provider.voicemail_sound(&RemoteId("1001/INBOX/1".into())).await;
    let _ = provider.send_message(&IdempotencyKey("k".into()), &outgoing("hi")).await.unwrap();
    provider.delete_message(&RemoteId("sms-111120".into())).await.unwrap();
    provider.delete_message(&RemoteId("mms-111120".into())).await.unwrap();
    let span = Span {
        from: "2025-01-01T00:00:00Z".parse().unwrap(),
        until: "2026-01-01T00:00:00Z".parse().unwrap(),
    };
    for list in 0..3 {
        let (mut page, mut pages) = (None, 0);
        loop {
            let listed = provider.list(list, span, page.as_deref()).await.unwrap();
            pages += 1;
            page = listed.next;
            if page.is_none() {
                break;
            }
        }
        assert_eq!(pages, 5, "a year in windows of 90 days");
    }
    let fixture = fixture();
    for asked in server.asked() {
        let method = method(&asked);
        let known: Vec<&str> =
            fixture["parameters"][&method].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        for name in asked.query.keys().filter(|n| !["method", "content_type"].contains(&n.as_str())) {
            assert!(known.contains(&name.as_str()), "{method} has no parameter {name}");
        }
        let day = |name: &str| asked.query.get(name).and_then(|d| d.parse::<jiff::civil::Date>().ok());
        if let (Some(from), Some(to)) = (day("from").or(day("date_from")), day("to").or(day("date_to"))) {
            assert!((to - from).get_days() <= 92, "{method}: {from} to {to}");
            assert_eq!(asked.field("timezone"), "-5", "{method}: dates are wall clocks of the servers");
        }
    }
}

#[tokio::test]
async fn a_list_without_rows_is_empty_and_other_words_are_errors() {
    let span = Span { from: Timestamp::now(), until: Timestamp::now() };
    for status in ["no_sms", "no_cdr", "no_did", "no_account", "no_mailbox", "no_messages", "no_rate"] {
        assert!(fixture()["statuses"].as_array().unwrap().iter().any(|s| s == status), "{status}");
        let provider = with_status(status).await;
        assert_eq!(provider.numbers().await, Ok(vec![]), "{status}");
        assert_eq!(provider.list(SMS, span, None).await.unwrap().rows.len(), 0, "{status}");
    }
    for (status, expected) in [
        ("invalid_credentials", ProviderError::Unauthorized),
        ("ip_not_enabled", ProviderError::AddressNotAllowed),
        ("api_limit_exceeded", ProviderError::RateLimited { retry_after: Some(Duration::from_secs(60)) }),
        ("sms_failed", crate::http::refused("sms_failed", "")),
        ("", ProviderError::Malformed),
    ] {
        assert_eq!(with_status(status).await.numbers().await, Err(expected), "{status}");
    }
}

#[tokio::test]
async fn a_message_is_deleted_from_the_list_that_its_id_names() {
    let (server, provider) = samples().await;
    provider.delete_message(&RemoteId("sms-7".into())).await.unwrap();
    provider.delete_message(&RemoteId("mms-7".into())).await.unwrap();
    assert_eq!(provider.delete_message(&RemoteId("cdr-7".into())).await, Err(ProviderError::Malformed));
    let asked: Vec<_> = server.asked().iter().map(|a| (method(a), a.field("id"))).collect();
    assert_eq!(asked, [("deleteSMS".to_owned(), "7".to_owned()), ("deleteMMS".to_owned(), "7".to_owned())]);
    let deleted = async |status| with_status(status).await.delete_message(&RemoteId("sms-7".into())).await;
    for gone in ["invalid_sms", "invalid_id", "no_sms"] {
        assert!(fixture()["statuses"].as_array().unwrap().iter().any(|s| s == gone), "{gone}");
        assert_eq!(deleted(gone).await, Ok(()), "{gone}");
    }
    assert_eq!(deleted("ip_not_enabled").await, Err(ProviderError::AddressNotAllowed));
    assert_eq!(deleted("odd").await, Err(crate::http::refused("odd", "")));
}

#[tokio::test]
async fn long_texts_go_as_mms_in_the_body() {
    let (server, provider) = samples().await;
    let key = IdempotencyKey("k".into());
    assert_eq!(provider.send_message(&key, &outgoing("hi")).await.unwrap().id.0, "sms-23434");
    let long = "ä".repeat(161);
    assert_eq!(provider.send_message(&key, &outgoing(&long)).await.unwrap().id.0, "mms-23434");
    let asked = server.asked();
    assert_eq!((asked[0].method.as_str(), asked[0].field("dst")), ("GET", "5557654321".to_owned()));
    assert_eq!((asked[1].method.as_str(), asked[1].query.len()), ("POST", 0));
    assert!(
        asked[1].body.contains(&long) && asked[1].headers["content-type"].starts_with("multipart/form-data")
    );
    let endless = provider.send_message(&key, &outgoing(&"x".repeat(2049))).await;
    assert!(matches!(endless, Err(ProviderError::Refused { code, .. }) if code == "text_too_long"));
}

#[tokio::test]
async fn the_password_in_the_address_reaches_no_log_and_no_error() {
    let log = Log::default();
    let guard = log.listen();
    let mut told = String::new();
    for (status, body) in
        [(200, "{}"), (200, "<html>"), (401, ""), (403, "no"), (404, ""), (500, ""), (302, "")]
    {
        let body = body.to_owned();
        let server = Canned::serve(move |_| (status, vec![], body.clone())).await;
        let provider = adapter(&server.url);
        told.push_str(&format!("{provider:?} {:?}", provider.account().await));
        let sent = provider.send_message(&IdempotencyKey("k".into()), &outgoing("hi")).await;
        told.push_str(&format!(
            "{sent:?} {}",
            sent.as_ref().err().map(ToString::to_string).unwrap_or_default()
        ));
        assert!(server.asked().iter().all(|asked| asked.field("api_password") == CANARY));
    }
    let nobody = adapter("http://127.0.0.1:9/");
    told.push_str(&format!("{:?}", nobody.account().await));
    drop(guard);
    let logged = log.text();
    assert!(!logged.contains(CANARY) && !told.contains(CANARY), "{logged}\n{told}");
    assert!(!logged.contains("me%40example.com"), "{logged}");
}
