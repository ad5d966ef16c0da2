//! MESSAGE both ways (RFC 3428).

use crate::net::uri;
use crate::scripted::{OTHER, SERVER, Scripted};
use std::time::Duration;
use tern_sip::wire::auth::Credentials;
use tern_sip::wire::{HeaderAccess as _, Method, Request, digest};
use tern_sip::*;

const CHALLENGE: (&str, &str) =
    ("Proxy-Authenticate", "Digest realm=\"sip.test\", nonce=\"n1\", algorithm=SHA-256, qop=\"auth\"");

fn text(script: &mut Scripted, to: &str, text: &str) -> Result<MessageId, SendError> {
    let config = MessageConfig::text(Identity::Account(script.account), uri(to), text);
    let now = script.net.now;
    script.endpoint().message(now, config)
}

fn outcomes(script: &mut Scripted) -> Vec<MessageOutcome> {
    let sent = script.events().into_iter().filter_map(|e| match e {
        Event::MessageSent { outcome, .. } => Some(outcome),
        _ => None,
    });
    sent.collect()
}

/// What a canned answer to a message makes of it.
fn after(code: u16, headers: &[(&str, &str)]) -> MessageOutcome {
    let mut script = Scripted::registered(|_| {});
    text(&mut script, "sip:bob@sip.test", "Hello").unwrap();
    let message = script.request();
    script.answer(&message, code, headers);
    outcomes(&mut script).pop().unwrap()
}

#[test]
fn a_text_goes_out_with_the_accounts_identity_and_no_contact() {
    let mut script = Scripted::registered(|_| {});
    text(&mut script, "sip:bob@sip.test", "Привет").unwrap();
    let message = script.request();
    assert_eq!(
        (message.method.clone(), message.uri.to_string().as_str()),
        (Method::MESSAGE, "sip:bob@sip.test")
    );
    assert_eq!(message.headers.from_address().unwrap().uri.to_string(), "sip:alice@sip.test");
    assert_eq!(message.headers.first("Content-Type"), Some("text/plain;charset=utf-8"));
    assert_eq!(message.body, "Привет".as_bytes());
    // RFC 3428 4
    assert_eq!(message.headers.first("Contact"), None);
    script.answer(&message, 200, &[]);
    assert_eq!(outcomes(&mut script), [MessageOutcome::Delivered]);
}

#[test]
fn a_challenge_does_not_lose_the_text() {
    let mut script = Scripted::registered(|_| {});
    text(&mut script, "sip:bob@elsewhere.test", "Hello").unwrap();
    let first = script.request();
    script.answer(&first, 407, &[CHALLENGE]);
    let again = script.request();
    assert_eq!(again.body, b"Hello");
    assert_eq!(again.headers.call_id(), first.headers.call_id());
    assert_eq!(again.headers.cseq().unwrap().number, 2);
    let credentials = Credentials::parse(again.headers.first("Proxy-Authorization").unwrap()).unwrap();
    assert!(digest::verify(&credentials, &Method::MESSAGE, &again.body, "secret"));
    script.answer(&again, 200, &[]);
    assert_eq!(outcomes(&mut script), [MessageOutcome::Delivered]);
    // RFC 7616 3.4: the next one shows the nonce unasked, counted on.
    text(&mut script, "sip:carol@elsewhere.test", "Hello").unwrap();
    let next = script.request();
    let credentials = Credentials::parse(next.headers.first("Proxy-Authorization").unwrap()).unwrap();
    assert_eq!((credentials.nonce.as_str(), credentials.qop.unwrap().nc), ("n1", 2));
}

#[test]
fn a_challenge_to_a_text_may_protect_its_body() {
    let mut script = Scripted::registered(|_| {});
    text(&mut script, "sip:bob@sip.test", "Hello").unwrap();
    let first = script.request();
    let integrity = "Digest realm=\"sip.test\", nonce=\"n\", algorithm=SHA-256, qop=\"auth-int\"";
    script.answer(&first, 401, &[("WWW-Authenticate", integrity)]);
    let again = script.request();
    let credentials = Credentials::parse(again.headers.first("Authorization").unwrap()).unwrap();
    assert!(digest::verify(&credentials, &Method::MESSAGE, b"Hello", "secret"));
    assert!(!digest::verify(&credentials, &Method::MESSAGE, b"Jello", "secret"));
}

#[test]
fn outcomes_are_told_apart() {
    assert_eq!(after(200, &[]), MessageOutcome::Delivered);
    assert_eq!(after(202, &[]), MessageOutcome::Accepted);
    let rejected = |code, phrase: &str, wait: Option<u64>| MessageOutcome::Rejected {
        code,
        phrase: phrase.into(),
        retry_after: wait.map(Duration::from_secs),
    };
    assert_eq!(after(404, &[]), rejected(404, "Not Found", None));
    assert_eq!(after(480, &[("Retry-After", "60")]), rejected(480, "Temporarily Unavailable", Some(60)));
    // A password that is wrong, and a realm that is not ours.
    let evil = ("WWW-Authenticate", "Digest realm=\"evil.test\", nonce=\"1\"");
    let mut script = Scripted::registered(|c| c.login.realm = Some("sip.test".into()));
    text(&mut script, "sip:bob@sip.test", "Hello").unwrap();
    let message = script.request();
    script.answer(&message, 401, &[evil]);
    assert_eq!(outcomes(&mut script), [rejected(401, "Unauthorized", None)]);
}

#[test]
fn silence_is_told_once_and_the_text_is_not_sent_anew() {
    let mut script = Scripted::registered(|c| c.expires = Duration::from_secs(600));
    text(&mut script, "sip:bob@sip.test", "Hello").unwrap();
    script.run(Duration::from_secs(33));
    assert_eq!(outcomes(&mut script), [MessageOutcome::Timeout]);
    let texts = script.requests().into_iter().filter(|(_, r)| r.method == Method::MESSAGE);
    assert_eq!(texts.count(), 1, "one transaction");
    assert_eq!(script.endpoint().stats().client_transactions, 0);
}

#[test]
fn nothing_larger_than_1300_bytes_goes_out() {
    let mut script = Scripted::registered(|_| {});
    let fits = "x".repeat(600);
    text(&mut script, "sip:bob@sip.test", &fits).unwrap();
    let message = script.request();
    assert!(message.to_bytes().len() <= 1300);
    assert_eq!(text(&mut script, "sip:bob@sip.test", &"x".repeat(1200)), Err(SendError::TooLarge));
    // Credentials count too.
    let nearly = "x".repeat(800);
    text(&mut script, "sip:carol@sip.test", &nearly).unwrap();
    // RFC 3261 18.1.1: near the limit a connection is tried first.
    script.run(Duration::from_millis(100));
    let message = script.requests().pop().unwrap().1;
    script.answer(&message, 407, &[CHALLENGE]);
    assert_eq!(outcomes(&mut script), [MessageOutcome::TooLarge]);
    assert!(script.requests().is_empty());
}

/// A MESSAGE to Alice's registered Contact.
fn to_alice(script: &Scripted, branch: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let contact = script.net.sent.iter().find_map(|s| {
        let text = String::from_utf8_lossy(&s.bytes).into_owned();
        let line = text.lines().find(|l| l.starts_with("Contact:"))?;
        Some(line.split(['<', '>']).nth(1)?.to_owned())
    });
    let length = body.len();
    let mut bytes = format!(
        "MESSAGE {} SIP/2.0\r\nVia: SIP/2.0/UDP {SERVER};branch=z9hG4bK{branch};rport\r\nMax-Forwards: 70\r\n\
         From: Bob <sip:bob@sip.test>;tag=b\r\nTo: <sip:alice@sip.test>\r\nCall-ID: {branch}\r\nCSeq: 1 MESSAGE\r\n\
         {headers}Content-Length: {length}\r\n\r\n",
        contact.unwrap()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

#[test]
fn a_text_that_comes_is_told_once_and_answered_by_the_application() {
    let mut script = Scripted::registered(|_| {});
    let bytes = to_alice(&script, "1", "Content-Type: text/plain;charset=UTF-8\r\n", "Привет".as_bytes());
    script.requests();
    script.send(&bytes);
    script.send(&bytes);
    let mut events = script.events();
    assert_eq!(events.len(), 1, "a repetition is no second text: {events:?}");
    let Some(Event::MessageReceived { id, account, from, body, .. }) = events.pop() else { panic!() };
    assert_eq!(account, Some(script.account));
    assert_eq!((from.display.as_deref(), from.uri.to_string().as_str()), (Some("Bob"), "sip:bob@sip.test"));
    assert_eq!(body.as_text().as_deref(), Some("Привет"));
    let now = script.net.now;
    script.requests();
    script.endpoint().respond(now, id, Reply::new(200));
    let response = script.response();
    assert_eq!((response.code(), response.headers.first("Contact")), (200, None));
    script.send(&bytes);
    assert_eq!(script.response().code(), 200);
    assert!(script.events().is_empty());
}

#[test]
fn other_types_are_handed_on_and_packed_ones_refused() {
    let mut script = Scripted::registered(|_| {});
    let bytes = to_alice(&script, "1", "Content-Type: application/x-own\r\n", &[0, 255]);
    script.send(&bytes);
    let Some(Event::MessageReceived { body, .. }) = script.events().pop() else { panic!() };
    assert_eq!(
        (body.content_type.to_string().as_str(), body.bytes.as_slice()),
        ("application/x-own", &[0, 255][..])
    );
    assert_eq!(body.as_text(), None);
    let bytes = to_alice(&script, "2", "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", b"x");
    script.requests();
    script.send(&bytes);
    let response = script.response();
    assert_eq!((response.code(), response.headers.first("Accept-Encoding")), (415, Some("identity")));
    assert!(script.events().is_empty());
}

#[test]
fn a_stranger_who_does_not_name_our_contact_is_not_heard() {
    let mut script = Scripted::registered(|_| {});
    let bytes = String::from_utf8(to_alice(&script, "1", "Content-Type: text/plain\r\n", b"spam")).unwrap();
    let start = bytes.find(' ').unwrap() + 1;
    let end = bytes.find(" SIP/2.0").unwrap();
    let stranger = format!("{}sip:alice@192.0.2.1:5060{}", &bytes[..start], &bytes[end..]);
    script.requests();
    script.send_from(OTHER, stranger.as_bytes());
    assert!(script.events().is_empty());
    assert!(!script.net.sent.iter().any(|s| s.from == "alice" && s.bytes.starts_with(b"SIP/2.0")));
}

#[test]
fn a_text_with_its_challenge_as_a_ladder() {
    let mut script = Scripted::registered(|_| {});
    text(&mut script, "sip:bob@elsewhere.test", "Hello").unwrap();
    let first: Request = script.request();
    script.answer(&first, 407, &[CHALLENGE]);
    let again = script.request();
    script.answer(&again, 202, &[]);
    let ladder: Vec<String> = script.ladder().lines().map(|l| l.trim().to_owned()).collect();
    assert_eq!(
        ladder,
        [
            "0 alice > server: REGISTER 1",
            "0 server > alice: 200 OK (1 REGISTER)",
            "0 alice > server: MESSAGE 1 +text",
            "0 server > alice: 407 Proxy Authentication Required (1 MESSAGE) asks SHA-256 Fresh",
            "0 alice > server: MESSAGE 2 SHA-256 nc=1 +text",
            "0 server > alice: 202 Accepted (2 MESSAGE)",
        ]
    );
}
