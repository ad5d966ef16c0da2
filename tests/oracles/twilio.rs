//! Twilio's official description, served by Prism: every request is one that it allows, and every example of an answer
//! that it gives is read whole.

use serde_json::Value;
use tern_provider::{Provider, ProviderError, Secret, twilio::Twilio, types::*};
use tern_tests::Result;

use crate::{
    calls, key, messages, outgoing, past,
    relay::{Exchange, Manner},
    scene::Scene,
};

// Of the form that the description asks for.
const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const OWN: &str = "/2010-04-01/Accounts/{AccountSid}";

async fn scene() -> Result<Scene<Twilio>> {
    let manner = Manner { recent: true, ..Manner::default() };
    Scene::start("twilio.json", manner, |url| Ok(Twilio::new(url, url, ACCOUNT, &Secret::new("token"))?))
        .await
}

/// The rows of a list in the answers.
fn rows(exchanges: &[Exchange], list: &str) -> Vec<Value> {
    let lists = exchanges.iter().filter_map(|exchange| exchange.answer[list].as_array());
    let mut rows: Vec<Value> = lists.flatten().cloned().collect();
    rows.sort_by_key(|row| row["sid"].to_string());
    rows.dedup_by_key(|row| row["sid"].to_string());
    rows
}

fn text(row: &Value, field: &str) -> String {
    row[field].as_str().unwrap_or_default().to_owned()
}

/// What a row and its example must have in common: id, both ends, price.
type Told = (String, [String; 2], Option<String>);

fn told(id: &RemoteId, ends: [&String; 2], price: &Option<Money>) -> Told {
    let mut ends = ends.map(Clone::clone);
    ends.sort();
    (id.0.clone(), ends, price.as_ref().map(|money| money.amount.normalize().to_string()))
}

fn expected(row: &Value) -> Told {
    let mut ends = [text(row, "from"), text(row, "to")];
    ends.sort();
    let price = row["price"].as_str().map(|price| {
        price
            .trim_start_matches('-')
            .parse::<rust_decimal::Decimal>()
            .expect("a price")
            .normalize()
            .to_string()
    });
    (text(row, "sid"), ends, price)
}

#[tokio::test]
async fn every_request_is_allowed_and_every_example_is_read_whole() -> Result<()> {
    let scene = scene().await?;

    let balance = scene.provider.account().await?.balance;
    let said = scene.checked().remove(0).answer;
    assert_eq!(
        (balance.amount.to_string(), balance.currency),
        (text(&said, "balance"), text(&said, "currency"))
    );

    for example in scene.description.examples(&format!("{OWN}/IncomingPhoneNumbers.json"), "get") {
        scene.relay.prefer("/IncomingPhoneNumbers.json", &example);
        let numbers = scene.provider.numbers().await?;
        let mut read: Vec<_> =
            numbers.iter().map(|n| (n.id.0.clone(), n.e164.clone(), n.calls, n.sms)).collect();
        read.sort();
        let written: Vec<_> = rows(&scene.checked(), "incoming_phone_numbers")
            .iter()
            .map(|row| {
                let able = |what: &str| row["capabilities"][what] == Value::Bool(true);
                (text(row, "sid"), text(row, "phone_number"), able("voice"), able("sms"))
            })
            .collect();
        assert_eq!(read, written, "{example}");
    }

    let message = outgoing("+14155552345", "+14155552346", "Hello! 👍");
    for example in scene.description.examples(&format!("{OWN}/Messages.json"), "post") {
        scene.relay.prefer("/Messages.json", &example);
        let sent = scene.provider.send_message(&key("k"), &message).await?;
        let said = scene.checked().remove(0).answer;
        assert_eq!(told(&sent.id, [&sent.number, &sent.peer], &sent.price), expected(&said), "{example}");
        assert!(sent.text.starts_with(&text(&said, "body")), "{example}");
    }
    Ok(())
}

#[tokio::test]
async fn every_example_of_a_list_is_read_whole_and_a_page_that_names_itself_ends_it() -> Result<()> {
    let scene = scene().await?;
    let mut examples = Vec::new();
    for list in ["/Messages.json", "/Calls.json"] {
        let names = scene.description.examples(&format!("{OWN}{list}"), "get");
        examples.extend(names.into_iter().map(|name| (list, name)));
    }
    let (mut several, mut most) = (0, 0);
    for (list, example) in &examples {
        scene.relay.prefer(list, example);
        let (objects, _, pages) = past(&scene.provider).await?;
        let exchanges = scene.checked();
        most = most.max(pages);
        several += usize::from(exchanges.iter().any(|e| !text(&e.answer, "next_page_uri").is_empty()));

        let mut read: Vec<Told> =
            messages(&objects).iter().map(|m| told(&m.id, [&m.number, &m.peer], &m.price)).collect();
        read.sort();
        read.dedup();
        let written: Vec<Told> = rows(&exchanges, "messages").iter().map(expected).collect();
        assert_eq!(read, written, "{example}");

        let mut read: Vec<Told> =
            calls(&objects).iter().map(|c| told(&c.id, [&c.number, &c.peer], &c.price)).collect();
        read.sort();
        read.dedup();
        let over =
            |row: &&Value| !["queued", "ringing", "in-progress"].contains(&text(row, "status").as_str());
        let written: Vec<Told> = rows(&exchanges, "calls").iter().filter(over).map(expected).collect();
        assert_eq!(read, written, "{example}");
    }
    // Prism's next page is always the same: each list was read at most twice.
    assert!(several > 0, "no example names a next page");
    assert!(most <= 4, "{most} pages");
    Ok(())
}

#[tokio::test]
async fn prices_are_asked_for_as_described() -> Result<()> {
    let scene = scene().await?;
    let rate = scene.provider.rate("+18001234567", Some("+18005550100")).await?;
    let exchanges = scene.checked();
    assert_eq!(exchanges.len(), 2);
    assert_eq!(rate.country.as_deref(), Some(text(&exchanges[0].answer, "iso_country").as_str()));
    assert!(matches!(rate.call, Permission::Allowed { price: Some(_) }));
    assert!(matches!(rate.sms, Permission::Allowed { price: Some(_) }));
    Ok(())
}

#[tokio::test]
async fn a_request_that_is_not_allowed_is_seen() -> Result<()> {
    let scene = scene().await?;
    // No Account SID of the described form: Prism refuses, and the relay has heard it.
    let provider = Twilio::new(&scene.relay.url, &scene.relay.url, "AC1", &Secret::new("token"))?;
    assert!(matches!(provider.account().await, Err(ProviderError::Refused { .. })));
    assert!(!scene.relay.take()[0].violations.is_empty());
    Ok(())
}
