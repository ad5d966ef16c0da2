//! Telnyx' official description, served by Prism: every request is one that it allows, and its examples are read whole.
//!
//! It describes detail records of messages, not those of calls over a SIP connection. So of calls the request alone is
//! held against it, and an empty list is answered.

use serde_json::{Value, json};
use tern_provider::{Provider, Secret, telnyx::Telnyx, types::*};
use tern_tests::Result;

use crate::{
    key, messages, outgoing, past,
    relay::{Exchange, Manner},
    scene::Scene,
};

async fn scene() -> Result<Scene<Telnyx>> {
    let manner = Manner { escape_names: true, recent: true, instead: Some(instead), ..Manner::default() };
    Scene::start("telnyx.json", manner, |url| Ok(Telnyx::new(url, &Secret::new("KEY-of-a-test"))?)).await
}

/// Records of calls are not described.
fn instead(exchange: &Exchange) -> Option<Value> {
    let is_of_calls = exchange.query.iter().any(|(n, v)| n == "filter[record_type]" && v == "sip-trunking");
    is_of_calls
        .then(|| json!({ "data": [], "meta": { "page_number": 1, "page_size": 50, "total_pages": 1 } }))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A message's text, and where its pictures are.
fn whole_text(message: &Value) -> String {
    let pictures = message["media"].as_array().into_iter().flatten().map(|media| text(&media["url"]));
    let lines: Vec<String> = std::iter::once(text(&message["text"])).chain(pictures).collect();
    lines.join("\n")
}

#[tokio::test]
async fn every_request_is_allowed_and_every_example_is_read_whole() -> Result<()> {
    let scene = scene().await?;

    let balance = scene.provider.account().await?.balance;
    let said = scene.checked().remove(0).answer["data"].clone();
    assert_eq!(
        (balance.amount.to_string(), balance.currency),
        (text(&said["balance"]), text(&said["currency"]))
    );

    let numbers = scene.provider.numbers().await?;
    let said = scene.checked().remove(0).answer["data"][0].clone();
    assert_eq!(numbers.len(), 1);
    assert_eq!(
        (numbers[0].id.0.clone(), numbers[0].e164.clone()),
        (text(&said["id"]), text(&said["phone_number"]))
    );
    assert_eq!(numbers[0].calls, !text(&said["connection_id"]).is_empty());
    assert_eq!(numbers[0].sms, !text(&said["messaging_profile_id"]).is_empty());

    let sip = scene.provider.sip_credentials().await?.ok_or("an account")?;
    let said = scene.checked().remove(0).answer["data"][0].clone();
    assert_eq!(
        (sip.user, sip.password.reveal()),
        (text(&said["sip_username"]), text(&said["sip_password"]).as_str())
    );

    let message = outgoing("+18445550001", "+18665550001", "Hello, world!");
    let sent = scene.provider.send_message(&key("k"), &message).await?;
    let said = scene.checked().remove(0).answer["data"].clone();
    assert_eq!((sent.id.0, sent.text), (text(&said["id"]), whole_text(&said)));
    assert_eq!(sent.peer, text(&said["to"][0]["phone_number"]));
    assert_eq!(sent.number, text(&said["from"]["phone_number"]));
    Ok(())
}

#[tokio::test]
async fn records_name_messages_and_their_texts_are_asked_for() -> Result<()> {
    let scene = scene().await?;
    let (objects, _, _) = past(&scene.provider).await?;
    let exchanges = scene.checked();
    let record = &exchanges[0].answer["data"][0];
    let body = exchanges
        .iter()
        .find(|exchange| exchange.path.starts_with("/messages/"))
        .ok_or("a text is asked for")?;
    assert_eq!(body.path, format!("/messages/{}", text(&record["uuid"])));
    let read = messages(&objects);
    let message = read.first().ok_or("a message")?;
    assert_eq!(message.id.0, text(&record["uuid"]));
    assert_eq!(message.text, whole_text(&body.answer["data"]));
    let ends = if record["direction"] == "inbound" { ["cld", "cli"] } else { ["cli", "cld"] };
    assert_eq!([&message.number, &message.peer], ends.map(|end| text(&record[end])).each_ref());
    let is_incoming = record["direction"] == "inbound";
    let state = if is_incoming { MessageState::Received } else { MessageState::Delivered };
    assert_eq!((message.direction == Direction::Incoming, &message.state), (is_incoming, &state));
    assert_eq!(message.price.as_ref().map(|p| p.amount.to_string()), Some(text(&record["cost"])));
    // Both kinds were asked for, no page more often than the example has pages.
    let asked = |kind: &str| {
        let of = |e: &&Exchange| e.query.iter().any(|(n, v)| n == "filter[record_type]" && v == kind);
        exchanges.iter().filter(of).count()
    };
    assert_eq!((asked("messaging"), asked("sip-trunking")), (3, 1));
    Ok(())
}

#[tokio::test]
async fn a_request_that_is_not_allowed_is_seen() -> Result<()> {
    let scene = scene().await?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    for address in ["detail_records", "detail_records?filter[record_type]=messaging&page[size]=5000"] {
        client.get(format!("{}/{address}", scene.relay.url)).bearer_auth("KEY").send().await?;
        assert!(!scene.relay.take()[0].violations.is_empty(), "{address}");
    }
    Ok(())
}
