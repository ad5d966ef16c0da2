//! SUBSCRIBE and NOTIFY (RFC 6665), waiting messages (RFC 3842).

use crate::net::uri;
use crate::scripted::{OTHER, SERVER, Scripted};
use std::time::Duration;
use tern_sip::message_waiting::{Counts, MessageClass, Waiting};
use tern_sip::wire::{HeaderAccess as _, Method, Request};
use tern_sip::*;

const SUMMARY: &str = "Messages-Waiting: yes\r\nVoice-Message: 2/1\r\n";

fn subscribe(script: &mut Scripted, adjust: impl FnOnce(&mut SubscriptionConfig)) -> SubscriptionId {
    let identity = Identity::Account(script.account);
    let mut config = SubscriptionConfig::new(identity, uri("sip:bob@sip.test"), "presence");
    config.expires = Duration::from_secs(600);
    adjust(&mut config);
    let now = script.net.now;
    script.endpoint().subscribe(now, config).unwrap()
}

/// A NOTIFY in the dialog of a SUBSCRIBE; `branch` is its number, too.
struct Notify<'a> {
    tag: &'a str,
    number: u32,
    state: &'a str,
    event: &'a str,
    body: Option<(&'a str, &'a str)>,
}

const ACTIVE: Notify<'_> =
    Notify { tag: "n", number: 1, state: "active;expires=600", event: "presence", body: None };

impl Notify<'_> {
    fn to(&self, subscribe: &Request) -> Vec<u8> {
        let headers = &subscribe.headers;
        let contact = headers.addresses("Contact").unwrap().remove(0).uri;
        let (kind, body) = self.body.unwrap_or_default();
        let kind = if kind.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
        let (number, tag) = (self.number, self.tag);
        format!(
            "NOTIFY {contact} SIP/2.0\r\nVia: SIP/2.0/UDP {SERVER};branch=z9hG4bKn{tag}{number};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:bob@sip.test>;tag={tag}\r\nTo: {}\r\nCall-ID: {}\r\n\
             CSeq: {number} NOTIFY\r\nContact: <sip:notifier@{SERVER}>\r\nEvent: {}\r\nSubscription-State: {}\r\n\
             {kind}Content-Length: {}\r\n\r\n{body}",
            headers.first("From").unwrap(),
            headers.call_id().unwrap(),
            self.event,
            self.state,
            body.len()
        )
        .into_bytes()
    }
}

fn states(script: &mut Scripted) -> Vec<SubscriptionState> {
    let told = script.events().into_iter().filter_map(|e| match e {
        Event::Subscription { state, .. } => Some(state),
        _ => None,
    });
    told.collect()
}

fn active(seconds: u64) -> SubscriptionState {
    SubscriptionState::Active { expires: Duration::from_secs(seconds) }
}

/// Subscribed and notified once; the SUBSCRIBE.
fn standing(script: &mut Scripted) -> Request {
    let request = script.request();
    script.answer(&request, 200, &[("Expires", "600"), ("Contact", &format!("<sip:notifier@{SERVER}>"))]);
    script.send(&ACTIVE.to(&request));
    assert_eq!(script.response().code(), 200);
    request
}

fn subscribed() -> (Scripted, SubscriptionId, Request) {
    let mut script = Scripted::registered(|c| c.expires = Duration::from_secs(36000));
    let id = subscribe(&mut script, |_| {});
    let request = standing(&mut script);
    (script, id, request)
}

/// What Alice's endpoint answers to a NOTIFY.
fn answered(script: &mut Scripted, bytes: &[u8]) -> u16 {
    script.requests();
    script.send(bytes);
    script.response().code()
}

#[test]
fn a_subscription_is_asked_for_and_begins_with_its_notify() {
    let mut script = Scripted::registered(|_| {});
    subscribe(&mut script, |c| c.accept = vec!["application/pidf+xml".into()]);
    let request = script.request();
    let headers = &request.headers;
    assert_eq!((request.method.clone(), headers.first("Event")), (Method::SUBSCRIBE, Some("presence")));
    assert_eq!(
        (headers.first("Expires"), headers.first("Accept")),
        (Some("600"), Some("application/pidf+xml"))
    );
    assert!(headers.first("Contact").is_some() && headers.first("Allow").unwrap().contains("NOTIFY"));
    script.answer(&request, 200, &[("Expires", "600")]);
    assert_eq!(states(&mut script), [], "the 2xx alone is no subscription");
    let body = Some(("application/pidf+xml", "<presence/>"));
    assert_eq!(answered(&mut script, &Notify { body, ..ACTIVE }.to(&request)), 200);
    let events = script.events();
    let Event::Notified { body, .. } = &events[0] else { panic!("{events:?}") };
    assert_eq!(body.bytes, b"<presence/>");
    let Event::Subscription { state, .. } = &events[1] else { panic!("{events:?}") };
    assert_eq!(*state, active(600));
}

#[test]
fn a_notify_may_overtake_the_2xx() {
    let mut script = Scripted::registered(|_| {});
    subscribe(&mut script, |_| {});
    let request = script.request();
    assert_eq!(answered(&mut script, &ACTIVE.to(&request)), 200);
    assert_eq!(states(&mut script), [active(600)]);
    script.answer(&request, 200, &[("Expires", "600")]);
    script.run(Duration::from_secs(40));
    assert_eq!(states(&mut script), [], "timer N must not run on");
}

#[test]
fn without_a_notify_there_is_no_subscription() {
    let mut script = Scripted::registered(|_| {});
    subscribe(&mut script, |_| {});
    let request = script.request();
    script.answer(&request, 200, &[("Expires", "600")]);
    // RFC 6665 4.1.2.4: timer N, 64*T1.
    script.run(Duration::from_millis(31_900));
    assert_eq!(states(&mut script), []);
    script.run(Duration::from_millis(200));
    let Some(SubscriptionState::Waiting { retry_after }) = states(&mut script).pop() else { panic!() };
    script.run(retry_after);
    let again = script.request();
    assert_eq!(again.headers.cseq().unwrap().number, 1);
    assert_ne!(again.headers.call_id(), request.headers.call_id(), "a dialog of its own");
}

#[test]
fn it_is_refreshed_in_its_dialog_before_it_ends() {
    let (mut script, _, request) = subscribed();
    let mut refreshes = Vec::new();
    for n in 2..6u32 {
        script.run(Duration::from_secs(570));
        let (to, refresh) =
            script.requests().into_iter().find(|(_, r)| r.method == Method::SUBSCRIBE).unwrap();
        assert_eq!((to.as_str(), refresh.uri.to_string()), (SERVER, format!("sip:notifier@{SERVER}")));
        assert_eq!(refresh.headers.to_address().unwrap().tag().as_deref(), Some("n"));
        assert_eq!(refresh.headers.call_id(), request.headers.call_id());
        refreshes.push(refresh.headers.cseq().unwrap().number);
        script.answer(&refresh, 200, &[("Expires", "600")]);
        script.send(&Notify { number: n, ..ACTIVE }.to(&request));
    }
    assert_eq!(refreshes, [2, 3, 4, 5]);
    assert!(states(&mut script).iter().all(|s| *s == active(600)));
}

#[test]
fn the_shorter_time_of_a_notify_counts() {
    let mut script = Scripted::registered(|c| c.expires = Duration::from_secs(36000));
    subscribe(&mut script, |_| {});
    let request = script.request();
    script.answer(&request, 200, &[("Expires", "600")]);
    script.send(&Notify { state: "active;expires=60", ..ACTIVE }.to(&request));
    script.requests();
    script.run(Duration::from_secs(31));
    assert_eq!(script.request().method, Method::SUBSCRIBE);
}

#[test]
fn a_server_that_has_forgotten_it_gets_a_new_one() {
    let (mut script, _, request) = subscribed();
    script.requests();
    script.run(Duration::from_secs(570));
    let refresh = script.request();
    script.answer(&refresh, 481, &[]);
    let anew = script.request();
    assert_eq!(
        (anew.uri.to_string().as_str(), anew.headers.to_address().unwrap().tag()),
        ("sip:bob@sip.test", None)
    );
    assert_ne!(anew.headers.call_id(), request.headers.call_id());
}

#[test]
fn a_busy_server_keeps_what_it_has() {
    let (mut script, _, _) = subscribed();
    script.requests();
    script.run(Duration::from_secs(570));
    let refresh = script.request();
    script.answer(&refresh, 503, &[("Retry-After", "10")]);
    script.run(Duration::from_secs(9));
    assert!(script.requests().is_empty());
    script.run(Duration::from_secs(2));
    let again = script.request();
    assert_eq!(again.headers.call_id(), refresh.headers.call_id());
    assert_eq!(again.headers.cseq().unwrap().number, refresh.headers.cseq().unwrap().number + 1);
}

#[test]
fn reasons_decide_whether_it_begins_anew() {
    let after = |state: &str| {
        let (mut script, _, request) = subscribed();
        script.run(Duration::from_secs(100));
        script.requests();
        states(&mut script);
        script.send(&Notify { state, number: 2, ..ACTIVE }.to(&request));
        let anew = script.requests().iter().any(|(_, r)| r.method == Method::SUBSCRIBE);
        (anew, states(&mut script).pop())
    };
    assert_eq!(after("terminated;reason=deactivated"), (true, None));
    assert_eq!(after("terminated;reason=timeout"), (true, None));
    let waiting = SubscriptionState::Waiting { retry_after: Duration::from_secs(77) };
    assert_eq!(after("terminated;reason=probation;retry-after=77"), (false, Some(waiting)));
    for never in ["rejected", "noresource", "invariant"] {
        let ended = SubscriptionState::Ended(SubscriptionEnd::Terminated(never.into()));
        assert_eq!(after(&format!("terminated;reason={never}")), (false, Some(ended)), "{never}");
    }
}

#[test]
fn a_server_that_ends_it_again_and_again_is_not_asked_at_once() {
    let (mut script, _, request) = subscribed();
    script.requests();
    script.send(&Notify { state: "terminated;reason=deactivated", number: 2, ..ACTIVE }.to(&request));
    assert!(script.requests().is_empty());
    assert!(matches!(states(&mut script).pop(), Some(SubscriptionState::Waiting { .. })));
}

#[test]
fn leaving_is_asked_for_and_ends_with_the_last_notify() {
    let (mut script, id, request) = subscribed();
    script.requests();
    let now = script.net.now;
    script.endpoint().unsubscribe(now, id).unwrap();
    let farewell = script.request();
    assert_eq!(
        (farewell.headers.first("Expires"), farewell.headers.call_id()),
        (Some("0"), request.headers.call_id())
    );
    script.answer(&farewell, 200, &[("Expires", "0")]);
    states(&mut script);
    let last = Notify { state: "terminated;reason=timeout", number: 2, ..ACTIVE }.to(&request);
    assert_eq!(answered(&mut script, &last), 200);
    assert_eq!(states(&mut script), [SubscriptionState::Ended(SubscriptionEnd::Left)]);
    let now = script.net.now;
    assert_eq!(script.endpoint().unsubscribe(now, id), Err(SendError::UnknownSubscription));
    assert_eq!(answered(&mut script, &Notify { number: 3, ..ACTIVE }.to(&request)), 481);
}

#[test]
fn leaving_ends_without_a_last_notify_too() {
    for reply in [Some(200), Some(481), None] {
        let (mut script, id, _) = subscribed();
        script.requests();
        let now = script.net.now;
        script.endpoint().unsubscribe(now, id).unwrap();
        let farewell = script.request();
        if let Some(code) = reply {
            script.answer(&farewell, code, &[]);
        }
        script.run(Duration::from_secs(65));
        let end = states(&mut script).pop();
        assert_eq!(end, Some(SubscriptionState::Ended(SubscriptionEnd::Left)), "{reply:?}");
        assert!(!script.requests().iter().any(|(_, r)| r.method == Method::SUBSCRIBE));
    }
}

#[test]
fn leaving_before_the_first_notify_waits_for_a_dialog_to_leave() {
    let mut script = Scripted::registered(|_| {});
    let id = subscribe(&mut script, |_| {});
    let request = script.request();
    let now = script.net.now;
    script.endpoint().unsubscribe(now, id).unwrap();
    script.answer(&request, 200, &[("Expires", "600")]);
    assert!(script.requests().is_empty(), "no dialog yet");
    script.send(&ACTIVE.to(&request));
    let (_, farewell) = script.requests().pop().unwrap();
    assert_eq!((farewell.method.clone(), farewell.headers.first("Expires")), (Method::SUBSCRIBE, Some("0")));
}

#[test]
fn a_fetch_brings_one_state_and_ends() {
    for state in ["terminated;reason=timeout", "active;expires=0", "active"] {
        let mut script = Scripted::registered(|_| {});
        subscribe(&mut script, |c| c.expires = Duration::ZERO);
        let request = script.request();
        assert_eq!(request.headers.first("Expires"), Some("0"));
        script.answer(&request, 200, &[("Expires", "0")]);
        let notify = Notify { state, body: Some(("application/x", "state")), ..ACTIVE };
        assert_eq!(answered(&mut script, &notify.to(&request)), 200);
        let events = script.events();
        assert!(
            matches!(&events[0], Event::Notified { body, .. } if body.bytes == b"state"),
            "{state}: {events:?}"
        );
        let Event::Subscription { state: end, .. } = &events[1] else { panic!("{events:?}") };
        assert_eq!(*end, SubscriptionState::Ended(SubscriptionEnd::Left));
        script.run(Duration::from_secs(100));
        assert_eq!(states(&mut script), []);
    }
}

#[test]
fn of_a_forked_subscription_the_first_branch_has_it() {
    let (mut script, _, request) = subscribed();
    // RFC 6665 4.5.2
    assert_eq!(answered(&mut script, &Notify { tag: "other", ..ACTIVE }.to(&request)), 481);
    assert_eq!(answered(&mut script, &Notify { number: 2, ..ACTIVE }.to(&request)), 200);
}

#[test]
fn a_notify_that_is_wrong_is_told_so() {
    let (mut script, _, request) = subscribed();
    let mut n = 1;
    let mut reply = |change: &dyn Fn(Vec<u8>) -> Vec<u8>, notify: Notify<'_>| {
        n += 1;
        let bytes = change(Notify { number: n, ..notify }.to(&request));
        answered(&mut script, &bytes)
    };
    let same = |bytes: Vec<u8>| bytes;
    let without = |header: &'static str| {
        move |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            text.split_inclusive("\r\n").filter(|l| !l.starts_with(header)).collect::<String>().into_bytes()
        }
    };
    assert_eq!(reply(&same, Notify { event: "dialog", ..ACTIVE }), 489);
    assert_eq!(reply(&same, Notify { event: "presence;id=7", ..ACTIVE }), 489);
    assert_eq!(reply(&without("Event:"), ACTIVE), 489);
    assert_eq!(reply(&without("Subscription-State:"), ACTIVE), 400);
    assert_eq!(reply(&same, ACTIVE), 200);
    let late = Notify { number: 1, tag: "n", ..ACTIVE }.to(&request);
    let late = String::from_utf8(late).unwrap().replace("branch=z9hG4bKn", "branch=z9hG4bKlate");
    assert_eq!(answered(&mut script, late.as_bytes()), 500, "numbers do not go back");
}

#[test]
fn a_body_of_a_type_not_asked_for_is_refused() {
    let mut script = Scripted::registered(|_| {});
    subscribe(&mut script, |c| c.accept = vec!["application/pidf+xml".into()]);
    let request = script.request();
    let notify = Notify { body: Some(("text/html", "<p>")), ..ACTIVE };
    assert_eq!(answered(&mut script, &notify.to(&request)), 415);
}

#[test]
fn challenges_and_too_brief_intervals_are_answered() {
    let mut script = Scripted::registered(|_| {});
    subscribe(&mut script, |_| {});
    let first = script.request();
    let challenge = "Digest realm=\"sip.test\", nonce=\"n\", algorithm=SHA-256, qop=\"auth\"";
    script.answer(&first, 401, &[("WWW-Authenticate", challenge)]);
    let second = script.request();
    assert!(second.headers.first("Authorization").is_some());
    script.answer(&second, 423, &[("Min-Expires", "1800")]);
    let third = script.request();
    assert_eq!((third.headers.first("Expires"), third.headers.cseq().unwrap().number), (Some("1800"), 3));
    assert_eq!(third.headers.call_id(), first.headers.call_id());
}

#[test]
fn refusals_end_it_or_wait() {
    let after = |code: u16, headers: &[(&str, &str)]| {
        let mut script = Scripted::registered(|_| {});
        subscribe(&mut script, |_| {});
        let request = script.request();
        script.answer(&request, code, headers);
        states(&mut script).pop().unwrap()
    };
    let refused = |code, phrase: &str| {
        SubscriptionState::Ended(SubscriptionEnd::Refused { code, phrase: phrase.into() })
    };
    assert_eq!(after(489, &[]), refused(489, "Bad Event"));
    assert_eq!(after(403, &[]), refused(403, "Forbidden"));
    let minute = SubscriptionState::Waiting { retry_after: Duration::from_secs(60) };
    assert_eq!(after(503, &[("Retry-After", "60")]), minute);
    assert!(matches!(after(500, &[]), SubscriptionState::Waiting { .. }));
}

#[test]
fn waiting_messages_are_told_when_asked_for() {
    let mut script = Scripted::registered(|_| {});
    let (now, account) = (script.net.now, script.account);
    let config = SubscriptionConfig::message_waiting(account, uri("sip:alice@sip.test"));
    script.endpoint().subscribe(now, config).unwrap();
    let request = script.request();
    assert_eq!(request.headers.first("Accept"), Some("application/simple-message-summary"));
    script.answer(&request, 200, &[("Expires", "3600")]);
    let body = Some(("application/simple-message-summary", SUMMARY));
    script.send(&Notify { event: "message-summary", body, ..ACTIVE }.to(&request));
    let told = script.events().into_iter().find_map(|e| match e {
        Event::MessageWaiting { account, summary } => Some((account, summary)),
        _ => None,
    });
    let (whose, summary) = told.unwrap();
    assert_eq!((whose, summary.waiting), (account, Waiting::Yes));
    assert_eq!(summary.of_class(MessageClass::Voice), Some(Counts { new: 2, old: 1, ..Counts::default() }));
    let ladder: Vec<String> = script.ladder().lines().skip(2).map(|l| l.trim().to_owned()).collect();
    assert_eq!(
        ladder,
        [
            "0 alice > server: SUBSCRIBE 1",
            "0 server > alice: 200 OK (1 SUBSCRIBE)",
            "0 server > alice: NOTIFY 1 active;expires=600 +summary",
            "0 alice > server: 200 OK (1 NOTIFY)",
        ]
    );
}

#[test]
fn waiting_messages_are_told_unasked_by_the_own_server_alone() {
    let mut script = Scripted::registered(|_| {});
    let register = script.net.sent.iter().find(|s| s.bytes.starts_with(b"REGISTER")).unwrap();
    let text = String::from_utf8(register.bytes.clone()).unwrap();
    let contact = text.split("Contact: <").nth(1).unwrap().split('>').next().unwrap().to_owned();
    let unasked = |branch: &str, event: &str| {
        format!(
            "NOTIFY {contact} SIP/2.0\r\nVia: SIP/2.0/UDP {SERVER};branch=z9hG4bK{branch};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:vm@sip.test>;tag=v\r\nTo: <sip:alice@sip.test>\r\nCall-ID: {branch}\r\nCSeq: 1 NOTIFY\r\n\
             Event: {event}\r\nSubscription-State: active\r\nContent-Type: application/simple-message-summary\r\n\
             Content-Length: {}\r\n\r\n{SUMMARY}",
            SUMMARY.len()
        )
    };
    assert_eq!(answered(&mut script, unasked("1", "message-summary").as_bytes()), 200);
    assert!(matches!(script.events().pop(), Some(Event::MessageWaiting { .. })));
    assert_eq!(answered(&mut script, unasked("2", "presence").as_bytes()), 481);
    // Whoever knows our Contact, but is not the server, tells nothing.
    script.requests();
    script.send_from(OTHER, unasked("3", "message-summary").as_bytes());
    assert_eq!(script.response().code(), 481);
    assert!(script.events().is_empty());
}

#[test]
fn subscriptions_of_an_account_end_with_it() {
    let (mut script, _, _) = subscribed();
    script.requests();
    let (now, account) = (script.net.now, script.account);
    script.endpoint().unregister(now, account);
    let sent = script.requests();
    let methods: Vec<&str> = sent.iter().map(|(_, r)| r.method.as_str()).collect();
    assert_eq!(methods, ["SUBSCRIBE", "REGISTER"]);
    assert!(sent.iter().all(|(_, r)| r.headers.first("Expires") == Some("0")));
}
