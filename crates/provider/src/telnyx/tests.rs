//! The adapter against answers in the form of Telnyx' API reference. Its official description is held against the
//! adapter by the tests across crates.

use super::*;
use crate::http::canned::{Asked, Canned};

fn answer(asked: &Asked) -> (u16, Vec<(&'static str, String)>, String) {
    let ok = |body: &str| (200, vec![], body.to_owned());
    match (asked.method.as_str(), asked.path.as_str(), asked.field("filter[record_type]").as_str()) {
        ("GET", "/v2/balance", _) => ok(
            r#"{"data":{"record_type":"balance","pending":"10.00","balance":"300.00","credit_limit":"100.00",
                "available_credit":"400.00","currency":"USD"}}"#,
        ),
        ("GET", "/v2/phone_numbers", _) => ok(
            r#"{"data":[{"id":"1293384261075731499","phone_number":"+19705555098","country_iso_alpha2":"US",
                "status":"active","phone_number_type":"local","connection_id":"1293384261075731461",
                "connection_name":"my line","messaging_profile_id":"abc85f64-5717-4562-b3fc-2c9600000000"},
               {"id":"2","phone_number":"+19705555099","status":"ported_out"}],
              "meta":{"total_pages":1,"total_results":2,"page_number":1,"page_size":250}}"#,
        ),
        ("GET", "/v2/telephony_credentials", _) => {
            ok(r#"{"data":[{"id":"a","sip_username":"gencredOld","sip_password":"x","expired":true},
                        {"id":"b","sip_username":"gencrednCvHU5IYpSBPPsXI2iQsDX","expired":false,
                         "sip_password":"a92dbcfb60184a8cb330b0acb2f7617b"}],
                "meta":{"total_pages":1}}"#)
        }
        ("GET", "/v2/detail_records", "messaging") => ok(r#"{"data":[
                {"record_type":"messaging","uuid":"m-new","direction":"inbound","cli":"+13125550000",
                 "cld":"+19705555098","status":"received","created_at":"2026-06-09T10:00:00Z","cost":"0.0040",
                 "currency":"USD"},
                {"record_type":"messaging","uuid":"m-gone","direction":"outbound","cli":"+19705555098",
                 "cld":"+13125550000","status":"delivered","created_at":"2026-06-08T10:00:00Z"}],
               "meta":{"total_pages":1}}"#),
        ("GET", "/v2/detail_records", "sip-trunking") => ok(
            r#"{"data":[{"record_type":"sip-trunking","id":"leg1","sip_call_id":"TLYEOszuw35OP26ZLqtjCg..",
                 "direction":"outbound","cli":"+19705555098","cld":"+18645551234",
                 "started_at":"2026-06-09T19:04:03Z","answered_at":"2026-06-09T19:04:08Z","call_sec":12,
                 "cost":"0.0200","currency":"USD","hangup_cause":"NORMAL_CLEARING"},
                {"record_type":"sip-trunking","id":"leg2","direction":"inbound","cli":"+18645551234",
                 "cld":"+19705555098","started_at":"2026-06-09T18:00:00Z","answered_at":null,"call_sec":0}],
               "meta":{"total_pages":1}}"#,
        ),
        ("GET", "/v2/messages/m-new", _) => {
            ok(r#"{"data":{"record_type":"message","id":"m-new","direction":"inbound","text":"Hello there",
                "from":{"phone_number":"+13125550000"},"to":[{"phone_number":"+19705555098"}],
                "media":[{"url":"https://media.example/1.jpg"}],"received_at":"2026-06-09T10:00:00Z"}}"#)
        }
        ("GET", "/v2/messages/m-gone", _) => (
            404,
            vec![],
            r#"{"errors":[{"code":"10005","title":"Resource not found","detail":"gone"}]}"#.into(),
        ),
        ("POST", "/v2/messages", _) => {
            ok(r#"{"data":{"record_type":"message","id":"40385f64-5717-4562-b3fc-2c963f66afa6",
                "direction":"outbound","text":"Hi","from":{"phone_number":"+19705555098"},
                "to":[{"phone_number":"+13125550000","status":"queued"}],"cost":null,"sent_at":null,
                "received_at":"2026-06-09T11:00:00.000+00:00"}}"#)
        }
        _ => (404, vec![], String::new()),
    }
}

async fn serve() -> (Canned, Telnyx) {
    let server = Canned::serve(answer).await;
    let provider = Telnyx::new(&format!("{}/v2/", server.url), &Secret::new("KEYcanary")).unwrap();
    (server, provider)
}

#[tokio::test]
async fn the_answers_are_understood() {
    let (server, provider) = serve().await;
    assert_eq!(provider.account().await.unwrap().balance.amount.to_string(), "300.00");
    let numbers = provider.numbers().await.unwrap();
    assert_eq!(
        (numbers[0].e164.as_str(), numbers[0].sms, numbers[0].country.as_str()),
        ("+19705555098", true, "US")
    );
    assert_eq!((numbers[1].state, numbers[1].sms), (NumberState::Deleted, false));
    let sip = provider.sip_credentials().await.unwrap().unwrap();
    assert_eq!((sip.user.as_str(), sip.domain.as_str()), ("gencrednCvHU5IYpSBPPsXI2iQsDX", "sip.telnyx.com"));
    let message =
        OutgoingMessage { from: "+19705555098".into(), to: "+13125550000".into(), text: "Hi".into() };
    let sent = provider.send_message(&IdempotencyKey("k".into()), &message).await.unwrap();
    assert_eq!((sent.state, sent.peer.as_str()), (MessageState::Accepted, "+13125550000"));
    assert!(server.asked().iter().all(|a| a.headers["authorization"] == "Bearer KEYcanary"));
}

#[tokio::test]
async fn detail_records_name_messages_and_each_text_is_asked_for() {
    let (server, provider) = serve().await;
    let now: Timestamp = "2026-06-10T00:00:00Z".parse().unwrap();
    let (mut page, mut objects) = (None, Vec::new());
    loop {
        let read = polled::snapshot(&provider, now, page).await.unwrap();
        objects.extend(read.objects);
        page = read.next_page;
        if page.is_none() {
            break;
        }
    }
    assert_eq!(objects.len(), 4);
    let message = |id: &str| match objects.iter().find(|o| o.id().0 == id) {
        Some(ActivityObject::Message(m)) => m.clone(),
        other => panic!("{other:?}"),
    };
    let new = message("m-new");
    assert_eq!(new.text, "Hello there\nhttps://media.example/1.jpg");
    assert_eq!((new.direction, new.number.as_str()), (Direction::Incoming, "+19705555098"));
    // Kept for ten days only: who and when is left.
    let gone = message("m-gone");
    assert_eq!((gone.text.as_str(), gone.state), ("", MessageState::Delivered));
    let call = objects.iter().find_map(|o| match o {
        ActivityObject::Call(c) if c.id.0 == "leg1" => Some(c),
        _ => None,
    });
    let call = call.unwrap();
    assert_eq!((call.outcome, call.duration_seconds), (CallOutcome::Answered, 12));
    assert_eq!(call.sip_call_id, None, "that of another leg joins nothing");
    let asked = server.asked().into_iter().find(|a| a.path == "/v2/detail_records").unwrap();
    assert!(asked.field("filter[date_range]").starts_with("last_") && asked.field("sort") == "-created_at");
}

#[tokio::test]
async fn a_text_is_asked_for_once_however_often_its_record_comes() {
    let (server, provider) = serve().await;
    let span = Span {
        from: "2026-06-01T00:00:00Z".parse().unwrap(),
        until: "2026-06-11T00:00:00Z".parse().unwrap(),
    };
    for _ in 0..3 {
        let listed = provider.list(MESSAGES, span, None).await.unwrap();
        let ActivityObject::Message(message) = &listed.rows[0].object else { panic!("{listed:?}") };
        assert!(message.text.starts_with("Hello there"));
    }
    assert_eq!(server.asked().iter().filter(|asked| asked.path == "/v2/messages/m-new").count(), 1);
}

#[tokio::test]
async fn refusals_have_the_domains_words() {
    for (status, code, expected) in [
        (401, "10009", ProviderError::Unauthorized),
        (403, "10010", ProviderError::Unauthorized),
        (402, "20100", crate::http::refused("insufficient_funds", "Why.")),
        // By the provider's list of codes: the 'to' address, the 'from' address, a word of STOP, too large.
        (400, "40310", crate::http::refused("invalid_recipient", "Why.")),
        (400, "40305", crate::http::refused("number_not_yours", "Why.")),
        (400, "40300", crate::http::refused("destination_not_served", "Why.")),
        (400, "40302", crate::http::refused("text_too_long", "Why.")),
        (400, "99999", crate::http::refused("telnyx_99999", "Why.")),
        (429, "10011", ProviderError::RateLimited { retry_after: Some(Duration::from_secs(7)) }),
    ] {
        let body = format!(r#"{{"errors":[{{"code":"{code}","title":"T","detail":"Why."}}]}}"#);
        let server = Canned::serve(move |_| (status, vec![("retry-after", "7".into())], body.clone())).await;
        let provider = Telnyx::new(&server.url, &Secret::new("KEY")).unwrap();
        assert_eq!(provider.account().await.err(), Some(expected), "{code}");
    }
}
