//! The adapter against answers as the official description (zadarma/openapi, MIT) gives them as examples.

use super::*;
use crate::http::canned::{Asked, Canned};

fn answer(asked: &Asked) -> String {
    let stat = |id: &str, from: &str, to: &str, disposition: &str| {
        format!(
            r#"{{"id":"{id}","sip":"00001","callstart":"2015-06-01 12:00:00","from":"{from}","to":"{to}",
                "description":"United Kingdom, London","disposition":"{disposition}","billseconds":37,
                "cost":0.195,"billcost":0.13,"currency":"USD"}}"#
        )
    };
    let list = |rows: &[String]| {
        format!(
            r#"{{"status":"success","start":"2015-06-01 00:00:00","end":"2015-06-02 00:00:00","stats":[{}]}}"#,
            rows.join(",")
        )
    };
    match asked.path.as_str() {
        "/v1/info/balance" => r#"{"status":"success","balance":10.34,"currency":"USD"}"#.into(),
        "/v1/info/timezone" => {
            r#"{"status":"success","unixtime":1483228800,"datetime":"2017-01-01 03:00:00","timezone":"UTC+3"}"#.into()
        }
        "/v1/info/price" => {
            r#"{"status":"success","info":{"prefix":"4420","description":"United Kingdom, London","price":"0.009",
                "currency":"USD"}}"#
                .into()
        }
        "/v1/direct_numbers" => {
            r#"{"status":"success","info":[{"number":"442037691880","status":"on","country":"UK",
                "description":"London","number_name":null,"sip":"00001","sip_name":null,
                "start_date":"2015-01-05 00:00:00","stop_date":"2015-07-05 00:00:00","monthly_fee":1.8,
                "currency":"USD","channels":3,"autorenew":"true","is_on_test":"false","type":"common"}]}"#
                .into()
        }
        "/v1/statistics" => list(&[
            stat("155112249", "442037691880", "4930901820", "answered"),
            stat("155112250", "442037691880", "4930901820", "no money"),
        ]),
        "/v1/statistics/incoming-calls" => {
            list(&[stat("155112251", "4930901820", "442037691880", "no answer")])
        }
        "/v1/sms/send" => r#"{"status":"success","messages":1,"cost":0.24,"currency":"USD"}"#.into(),
        _ => r#"{"status":"error","message":"Wrong method"}"#.into(),
    }
}

async fn serve() -> (Canned, Zadarma) {
    let server = Canned::json(answer).await;
    let provider = Zadarma::new(&server.url, "key", Secret::new("canary-secret")).unwrap();
    (server, provider)
}

#[tokio::test]
async fn the_examples_are_understood() {
    let (server, provider) = serve().await;
    assert_eq!(provider.account().await.unwrap().balance.amount.to_string(), "10.34");
    let number = provider.numbers().await.unwrap().remove(0);
    assert_eq!((number.e164.as_str(), number.state), ("+442037691880", NumberState::Active));
    assert_eq!(number.monthly_fee.unwrap().amount.to_string(), "1.8");
    assert_eq!(number.terms.expires_on, Some(jiff::civil::date(2015, 7, 5)));
    assert_eq!(number.terms.auto_renew, Some(true));
    let rate = provider.rate("+442037691881", Some("+442037691880")).await.unwrap();
    let price = Money { amount: "0.009".parse().unwrap(), currency: "USD".into() };
    assert_eq!(rate.call, Permission::Allowed { price: Some(price) });
    for asked in server.asked() {
        assert!(asked.headers["authorization"].starts_with("key:"), "{asked:?}");
        assert!(!format!("{asked:?}").contains("canary"), "the secret itself never leaves");
    }
}

#[tokio::test]
async fn calls_are_dated_in_the_accounts_zone() {
    let (_server, provider) = serve().await;
    let span = Span {
        from: "2015-06-01T00:00:00Z".parse().unwrap(),
        until: "2015-06-02T00:00:00Z".parse().unwrap(),
    };
    let outgoing = provider.list(OUTGOING, span, None).await.unwrap();
    assert!(outgoing.next.is_none());
    let ActivityObject::Call(call) = &outgoing.rows[0].object else { panic!("{outgoing:?}") };
    assert_eq!(call.started_at, "2015-06-01T09:00:00Z".parse().unwrap());
    assert_eq!((call.outcome, call.duration_seconds), (CallOutcome::Answered, 37));
    assert_eq!((call.number.as_str(), call.peer.as_str()), ("+442037691880", "+4930901820"));
    let ActivityObject::Call(call) = &outgoing.rows[1].object else { panic!("{outgoing:?}") };
    assert_eq!((call.outcome, call.duration_seconds), (CallOutcome::Failed, 0));
    let incoming = provider.list(INCOMING, span, None).await.unwrap();
    let ActivityObject::Call(call) = &incoming.rows[0].object else { panic!("{incoming:?}") };
    assert_eq!((call.outcome, call.number.as_str()), (CallOutcome::Missed, "+442037691880"));
}

#[tokio::test]
async fn the_accounts_zone_is_asked_for_again_when_summer_time_may_have_changed_it() {
    let (server, provider) = serve().await;
    let span = Span {
        from: "2015-06-01T00:00:00Z".parse().unwrap(),
        until: "2015-06-02T00:00:00Z".parse().unwrap(),
    };
    let began = async || {
        let listed = provider.list(OUTGOING, span, None).await.unwrap();
        listed.rows[0].object.at().to_string()
    };
    let long_ago = Instant::now().checked_sub(OFFSET_HOLDS).unwrap();
    *provider.offset.lock().await = Some((long_ago, Offset::constant(2)));
    assert_eq!(began().await, "2015-06-01T09:00:00Z", "by what is told now");
    assert_eq!(began().await, "2015-06-01T09:00:00Z");
    let asked = server.asked().iter().filter(|asked| asked.path == "/v1/info/timezone").count();
    assert_eq!(asked, 1, "what was told just now is believed");
}

#[tokio::test]
async fn lists_are_asked_for_three_times_a_minute() {
    let (server, provider) = serve().await;
    let span = Span {
        from: "2015-06-01T00:00:00Z".parse().unwrap(),
        until: "2015-06-02T00:00:00Z".parse().unwrap(),
    };
    for list in [OUTGOING, INCOMING, OUTGOING] {
        provider.list(list, span, None).await.unwrap();
    }
    let asked = server.asked().len();
    let fourth = tokio::time::timeout(Duration::from_millis(200), provider.list(INCOMING, span, None)).await;
    assert!(fourth.is_err(), "it waits for its turn");
    assert_eq!(server.asked().len(), asked);
}

#[tokio::test]
async fn an_sms_goes_out_and_there_is_no_inbox() {
    let (server, provider) = serve().await;
    let message =
        OutgoingMessage { from: "+442037691880".into(), to: "+4930901820".into(), text: "Grüße".into() };
    let key = IdempotencyKey("k1".into());
    let sent = provider.send_message(&key, &message).await.unwrap();
    assert_eq!((sent.id.0.as_str(), sent.price.unwrap().amount.to_string()), ("sent-k1", "0.24".to_owned()));
    let asked = server.asked().remove(0);
    assert_eq!(
        (asked.method.as_str(), asked.field("number"), asked.field("message")),
        ("POST", "4930901820".into(), "Grüße".into())
    );
    let has = provider.capabilities();
    assert!(has.send_message && !has.inbox && !has.idempotent_send);
    let sought = SoughtMessage { key, message, since: Timestamp::now() };
    assert_eq!(provider.find_sent(&sought).await, Err(ProviderError::Unsupported));
}

#[tokio::test]
async fn refusals_have_words() {
    for (status, body, expected) in [
        (
            200,
            r#"{"status":"error","message":"Not enough money"}"#,
            crate::http::refused("insufficient_funds", "Not enough money"),
        ),
        (
            400,
            r#"{"status":"error","message":"Wrong number"}"#,
            crate::http::refused("invalid_recipient", "Wrong number"),
        ),
        (401, r#"{"status":"error","message":"Not authorized"}"#, ProviderError::Unauthorized),
        (429, "", ProviderError::RateLimited { retry_after: None }),
        (200, "[]", ProviderError::Malformed),
    ] {
        let server = Canned::serve(move |_| (status, vec![], body.to_owned())).await;
        let provider = Zadarma::new(&server.url, "key", Secret::new("s")).unwrap();
        assert_eq!(provider.account().await.err(), Some(expected), "{body}");
    }
}
