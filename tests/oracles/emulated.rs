//! Twilio and SignalWire as `emulate` plays them: a service with a memory. It has neither a balance nor prices.

use tern_provider::{Provider, ProviderError, Secret, twilio::Twilio, types::*};
use tern_tests::Result;

use crate::{
    calls, key, messages, news, outgoing, past,
    programs::Program,
    relay::{Manner, Relay},
};

// What it is born with.
const ACCOUNT: &str = "AC00000000000000000000000000000000";
const TOKEN: &str = "twilio_test_auth_token";
const NUMBER: &str = "+15551234567";
const FRIEND: &str = "+15557654321";

/// Something happens on the provider's side.
async fn simulate(program: &Program, what: &str, fields: &[(&str, &str)]) -> serde_json::Value {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = client.post(format!("{}/_twilio/simulate/{what}", program.url)).form(fields);
    let answer = request.basic_auth(ACCOUNT, Some(TOKEN)).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{what}: {}", answer.status());
    answer.json().await.expect("JSON")
}

/// What a client does from its first day on.
async fn live(program: &Program, provider: &dyn Provider) -> Result<()> {
    let numbers = provider.numbers().await?;
    let number = numbers.first().ok_or("a number")?;
    assert_eq!((number.e164.as_str(), number.sms, number.calls), (NUMBER, true, true));

    simulate(program, "inbound-message", &[("To", NUMBER), ("From", FRIEND), ("Body", "Grüße 👋")]).await;
    let (objects, mut cursor, _) = past(provider).await?;
    let received = messages(&objects);
    assert_eq!(received.len(), 1);
    assert_eq!(
        (received[0].text.as_str(), received[0].direction, &received[0].state),
        ("Grüße 👋", Direction::Incoming, &MessageState::Received)
    );
    assert_eq!((received[0].number.as_str(), received[0].peer.as_str()), (NUMBER, FRIEND));

    // What the past had comes once more at most.
    news(provider, &mut cursor).await?;
    assert_eq!(news(provider, &mut cursor).await?, vec![]);

    let message = outgoing(NUMBER, FRIEND, "On my way & soon there = 5 min + coffee");
    let since = jiff::Timestamp::now();
    let sent = provider.send_message(&key("k1"), &message).await?;
    assert_eq!((sent.text.as_str(), &sent.state), (message.text.as_str(), &MessageState::Accepted));
    // As if its answer had been lost.
    let sought = SoughtMessage { key: key("k1"), message: message.clone(), since };
    assert_eq!(provider.find_sent(&sought).await?.map(|found| found.id), Some(sent.id.clone()));
    let other = SoughtMessage { message: outgoing(NUMBER, FRIEND, "never sent"), ..sought };
    assert_eq!(provider.find_sent(&other).await?, None);

    let mut told = Vec::new();
    for status in ["sending", "sent", "delivered"] {
        simulate(program, "message-status", &[("MessageSid", &sent.id.0), ("Status", status)]).await;
        let rows = news(provider, &mut cursor).await?;
        told.extend(messages(&rows).into_iter().map(|m| (m.id.clone(), m.state.clone())));
    }
    let states = [MessageState::Accepted, MessageState::Sent, MessageState::Delivered];
    assert_eq!(told, states.map(|state| (sent.id.clone(), state)));

    // A call is told when it is over, once.
    let call = simulate(program, "inbound-call", &[("To", NUMBER), ("From", FRIEND)]).await;
    let sid = call["sid"].as_str().ok_or("a call")?;
    assert_eq!(news(provider, &mut cursor).await?, vec![]);
    simulate(program, "call-status", &[("CallSid", sid), ("Status", "no-answer")]).await;
    let rows = news(provider, &mut cursor).await?;
    let missed = calls(&rows);
    assert_eq!(missed.len(), 1);
    assert_eq!(
        (missed[0].outcome, missed[0].number.as_str(), missed[0].peer.as_str()),
        (CallOutcome::Missed, NUMBER, FRIEND)
    );
    assert_eq!(news(provider, &mut cursor).await?, vec![]);
    Ok(())
}

#[tokio::test]
async fn twilio_remembers() -> Result<()> {
    let program = Program::emulate()?;
    let provider = Twilio::new(&program.url, &program.url, ACCOUNT, &Secret::new(TOKEN))?;
    live(&program, &provider).await
}

#[tokio::test]
async fn signalwire_remembers_under_its_own_address() -> Result<()> {
    let program = Program::emulate()?;
    let manner = Manner { strip: "/api/laml", ..Manner::default() };
    let relay = Relay::before(&program.url, manner).await;
    let provider = Twilio::signalwire(&relay.url, ACCOUNT, &Secret::new(TOKEN))?;
    live(&program, &provider).await?;
    assert!(relay.take().iter().all(|exchange| exchange.path.starts_with("/2010-04-01/Accounts/")));
    Ok(())
}

#[tokio::test]
async fn more_than_a_page_is_read_whole() -> Result<()> {
    let program = Program::emulate()?;
    let relay = Relay::before(&program.url, Manner::default()).await;
    let provider = Twilio::new(&relay.url, &relay.url, ACCOUNT, &Secret::new(TOKEN))?;
    for n in 0..210 {
        let text = format!("number {n}");
        simulate(&program, "inbound-message", &[("To", NUMBER), ("From", FRIEND), ("Body", &text)]).await;
    }
    let (objects, _, _) = past(&provider).await?;
    let mut texts: Vec<_> = messages(&objects).into_iter().map(|m| m.text.clone()).collect();
    texts.sort();
    texts.dedup();
    assert_eq!((objects.len(), texts.len()), (210, 210));
    let pages = relay.take().iter().filter(|exchange| exchange.path.ends_with("Messages.json")).count();
    assert_eq!(pages, 2);
    Ok(())
}

#[tokio::test]
async fn refusals_are_understood() -> Result<()> {
    let program = Program::emulate()?;
    let stranger = Twilio::new(&program.url, &program.url, ACCOUNT, &Secret::new("wrong"))?;
    assert_eq!(stranger.numbers().await, Err(ProviderError::Unauthorized));
    let provider = Twilio::new(&program.url, &program.url, ACCOUNT, &Secret::new(TOKEN))?;
    let code = |sent: std::result::Result<Message, ProviderError>| match sent {
        Err(ProviderError::Refused { code, .. }) => code,
        other => format!("{other:?}"),
    };
    let foreign = provider.send_message(&key("k"), &outgoing("+15550000000", FRIEND, "x")).await;
    assert_eq!(code(foreign), "number_not_yours");
    let nobody = provider.send_message(&key("k"), &outgoing(NUMBER, "", "x")).await;
    assert_eq!(code(nobody), "invalid_recipient");
    Ok(())
}
