//! `tern numbers`, `tern wallet` and `tern rates`: what a customer does at a terminal, against a provider of its own.

use serde_json::{Value, json};
use tern_tests::Scratch;

use crate::{
    command_line::{Provider, Run},
    scene::post,
};

const BRITISH: &str = "+447700900142";

/// One run against the provider: the exit status and the lines.
fn tern(provider: &Provider, words: &[&str]) -> (i32, Vec<Value>) {
    Run::start(&[words, &["--sandbox", provider.api()]].concat()).end()
}

fn of<'a>(lines: &'a [Value], event: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["event"] == event).collect()
}

fn amount(money: &Value) -> f64 {
    money["amount"].as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
}

fn advance(provider: &Provider, by: &str) {
    let (status, lines) = tern(provider, &["sandbox", "clock", "--advance", by]);
    assert_eq!(status, 0, "{lines:?}");
}

#[test]
fn rates_say_what_a_call_comes_to_and_why_one_is_refused() {
    let provider = Provider::start();
    let check = |words: &[&str], status: i32, call: &str, expect: &[(&str, Value)]| {
        let (ended, lines) = tern(&provider, &[&["rates"], words].concat());
        assert_eq!((ended, &lines[0]["event"]), (status, &json!("rate")), "{words:?}: {lines:?}");
        assert_eq!(lines[0]["call"], call, "{words:?}");
        for (field, value) in expect {
            assert_eq!(lines[0][field], *value, "{words:?}: {field}");
        }
    };
    // To Austria with the German number; CallerID is on.
    check(
        &["+43 1 5123456", "--from", "+491713920042"],
        0,
        "allowed",
        &[("country", json!("AT")), ("shows", Value::Null), ("hidden_because", json!("otherCountry"))],
    );
    check(
        &["+49 30 231250", "--from", "+49 171 3920042"],
        0,
        "allowed",
        &[("line", json!("landline")), ("shows", json!("+491713920042")), ("sms", json!("allowed"))],
    );
    check(&["112"], 9, "refused", &[("call_refusal", json!("emergencyNotSupported"))]);
    check(&["+98 912 345 6789"], 9, "refused", &[("call_refusal", json!("destinationNotServed"))]);
    check(&["+12125550178"], 0, "allowed", &[("sms_refusal", json!("destinationNotServed"))]);
    check(&["+12"], 2, "refused", &[("call_refusal", json!("invalidTarget"))]);

    // The price is the provider's, and the balance buys whole minutes of it.
    let (_, balance) = tern(&provider, &["balance"]);
    let (_, rate) = tern(&provider, &["rates", "+4930231250"]);
    assert_eq!(rate[0]["minute"]["source"], "rate", "{rate:?}");
    let minutes = (amount(&balance[0]) / amount(&rate[0]["minute"])).floor();
    assert_eq!(rate[0]["minutes"].as_f64(), Some(minutes), "{rate:?} {balance:?}");
}

#[test]
fn numbers_are_ordered_for_the_price_that_was_said_and_agreed_to() {
    let provider = Provider::start();
    let (_, offers) = tern(&provider, &["numbers", "order", "--country", "gb"]);
    let offer = offers.iter().find(|offer| offer["id"] == "gb-mobile").expect("an offer");
    let fee = amount(&offer["monthly_fee"]);

    let order = ["numbers", "order", "gb-mobile", "--count", "2"];
    let (status, lines) = tern(&provider, &order);
    assert_eq!((status, &lines[0]["event"], &lines[1]["code"]), (2, &json!("quote"), &json!("notConfirmed")));
    let (_, unchanged) = tern(&provider, &["numbers", "list"]);

    let (status, lines) = tern(&provider, &[&order[..], &["--yes"]].concat());
    assert_eq!((status, &lines[1]["event"]), (0, &json!("order")), "{lines:?}");
    assert!((amount(&lines[0]["total"]) - 2.0 * fee).abs() < 1e-9, "{lines:?}");
    assert_eq!(
        (amount(&lines[1]["total"]), lines[1]["numbers"].as_array().map(Vec::len)),
        (2.0 * fee, Some(2))
    );
    let (_, now) = tern(&provider, &["numbers", "list"]);
    assert_eq!(of(&now, "number").len(), of(&unchanged, "number").len() + 2);
    let (_, orders) = tern(&provider, &["wallet", "transactions", "--kind", "order", "--limit", "1"]);
    assert_eq!((orders.len(), amount(&orders[0]["amount"])), (1, -2.0 * fee), "{orders:?}");
}

#[test]
fn a_number_that_was_left_is_restored_for_its_fee() {
    let provider = Provider::start();
    let number = |lines: &[Value]| -> Value {
        of(lines, "number").into_iter().find(|line| line["number"] == BRITISH).expect("it").clone()
    };
    let (_, before) = tern(&provider, &["numbers", "list"]);
    let renewal = number(&before)["renewal"].clone();
    assert_eq!((&renewal["state"], &renewal["unpaid"]), (&json!("renews"), &json!("expires")));
    let total = &of(&before, "terms")[0]["next_30_days"];
    let sum: f64 = of(&before, "number").iter().map(|line| amount(&line["next_30_days"])).sum();
    assert!((sum - amount(total)).abs() < 1e-9, "{before:?}");

    let (status, lines) = tern(&provider, &["numbers", "renew", "+44 7700 900142", "off"]);
    assert_eq!((status, &lines[0]["renewal"]["state"]), (0, &json!("ends")), "{lines:?}");
    let days = renewal["days"].as_i64().expect("days");
    advance(&provider, &format!("{} days", days + 2));
    let (_, expired) = tern(&provider, &["numbers", "list"]);
    let restorable = number(&expired)["renewal"].clone();
    // Restore is open through the 10th day after expiry.
    assert_eq!((&restorable["state"], &restorable["days"]), (&json!("restorable"), &json!(8)), "{expired:?}");
    let (status, lines) = tern(&provider, &["numbers", "restore", BRITISH]);
    assert_eq!((status, &lines[1]["code"]), (2, &json!("notConfirmed")), "{lines:?}");
    let (status, lines) = tern(&provider, &["numbers", "restore", BRITISH, "--yes"]);
    assert_eq!((status, &lines[1]["state"]), (0, &json!("active")), "{lines:?}");
    assert_eq!(amount(&lines[0]["total"]), 3.2);
    let (status, lines) = tern(&provider, &["numbers", "restore", BRITISH, "--yes"]);
    assert_eq!((status, &lines[0]["code"]), (9, &json!("providerRefused")), "{lines:?}");
    let (status, lines) = tern(&provider, &["numbers", "renew", "+15550100", "off"]);
    assert_eq!((status, &lines[0]["code"]), (2, &json!("numberNotYours")), "{lines:?}");
}

#[test]
fn calls_go_where_they_are_sent_and_a_greeting_is_uploaded_and_played() {
    let provider = Provider::start();
    let forward = |words: &[&str]| {
        let (status, lines) = tern(&provider, &[&["numbers", "forward", BRITISH], words].concat());
        (status, lines[0]["targets"].clone(), lines[0]["code"].clone())
    };
    let phone = ["--to", "own-sip", "--to", "phone:+49 171 1234567", "--in-turn"];
    assert_eq!(forward(&phone), (0, json!(["own-sip", "phone:+491711234567"]), Value::Null));
    assert_eq!(forward(&[]).1, json!(["own-sip", "phone:+491711234567"]));
    assert_eq!(forward(&["--nowhere"]).1, json!([]));
    assert_eq!(forward(&["--to", "phone:112"]), (9, Value::Null, json!("emergencyNotSupported")));
    let three = ["--to", "own-sip", "--to", "sip:a@b.example", "--to", "server:192.0.2.4"];
    assert_eq!(forward(&three), (2, Value::Null, json!("invalidTarget")));

    let folder = Scratch::new("greeting").expect("a folder");
    let (right, wrong) = (folder.join("hello.wav"), folder.join("wide.wav"));
    tern_tests::audio::speech(8_000, 2.0, 1).write(&right).expect("written");
    tern_tests::audio::speech(16_000, 2.0, 1).write(&wrong).expect("written");
    let greeting = |words: &[&str]| tern(&provider, &[&["numbers", "greeting", BRITISH], words].concat());
    let (status, lines) = greeting(&["--upload", wrong.to_str().expect("UTF-8")]);
    assert_eq!((status, &lines[0]["code"]), (9, &json!("providerRefused")), "{lines:?}");
    assert!(lines[0]["detail"].as_str().is_some_and(|why| why.contains("8000")), "what is wrong is named");
    let (status, lines) = greeting(&["--upload", "/no/such/file.wav"]);
    assert_eq!((status, &lines[0]["code"]), (8, &json!("fileUnreadable")), "{lines:?}");
    let (status, lines) = greeting(&["--upload", right.to_str().expect("UTF-8")]);
    assert_eq!(
        (status, &lines[1]["on"], &lines[1]["greeting"]),
        (0, &json!(true), &lines[0]["id"]),
        "{lines:?}"
    );
    assert_eq!(greeting(&["--off"]).1.last().expect("a line")["on"], false);
}

#[test]
fn papers_are_handed_in_and_looked_at() {
    let provider = Provider::start();
    let folder = Scratch::new("papers").expect("a folder");
    let photo = folder.write("passport.png", "\u{fffd}").expect("written");
    std::fs::write(&photo, b"\x89PNG\r\n\x1a\n0000").expect("written");
    let address = ["--address", "London", "Baker Street", "221b"];
    let (status, lines) = tern(&provider, &[&["numbers", "documents"], &address[..]].concat());
    let kinds: Vec<&Value> =
        lines.iter().filter(|line| line["state"] == "inReview").map(|l| &l["kind"]).collect();
    assert_eq!((status, kinds), (0, vec![&json!("registration_address")]), "{lines:?}");
    let passport = ["numbers", "documents", "--passport", photo.to_str().expect("UTF-8")];
    let (status, lines) = tern(&provider, &passport);
    assert_eq!(status, 0, "{lines:?}");
    assert!(lines.iter().any(|line| line["kind"] == "passport" && line["state"] == "inReview"), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topup_is_paid_on_the_providers_page_and_money_comes_back_by_rule() {
    let provider = tokio::task::spawn_blocking(Provider::start).await.expect("a provider");
    let api = provider.api().to_owned();
    let mut topup = Run::start(&["wallet", "topup", "25.00", "--wait", "--sandbox", &api]);
    let page = topup.event("topup", Some("pending"))["checkout"].as_str().expect("a page").to_owned();
    assert!(page.starts_with(&api), "{page} is the provider's own");
    assert_eq!(post(&format!("{page}/pay"), "").await, 303);
    let (status, lines) = tokio::task::spawn_blocking(|| topup.end()).await.expect("an end");
    let paid = lines.last().expect("a line");
    assert_eq!((status, &paid["state"], amount(&paid["money"])), (0, &json!("paid"), 25.0), "{lines:?}");
    tokio::task::spawn_blocking(move || {
        let (status, lines) = tern(&provider, &["wallet", "topup", "4.99"]);
        assert_eq!((status, &lines[0]["code"]), (2, &json!("invalidAmount")), "{lines:?}");
        let (_, rows) = tern(&provider, &["wallet", "transactions", "--kind", "topup", "--limit", "1"]);
        assert_eq!(amount(&rows[0]["amount"]), 25.0, "{rows:?}");
        // Refunds, none: changed mind.
        let (status, lines) = tern(&provider, &["wallet", "refund", BRITISH, "3.20", "changed_mind"]);
        let refund = &lines[0];
        assert_eq!(
            (status, &refund["state"], &refund["ground"]),
            (0, &json!("refused"), &json!("changed_mind"))
        );
        let (_, asked) = tern(&provider, &["wallet", "refund"]);
        assert_eq!((asked.len(), &asked[0]["id"], &asked[0]["state"]), (1, &refund["id"], &refund["state"]));
    })
    .await
    .expect("the rest");
}
