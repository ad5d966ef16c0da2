//! Who calls, which number was called, and which number a call shows.

use crate::net::{CALM, Net, direct_call, uri};
use crate::registrar::Registrar;
use crate::registrations::account;
use std::time::Duration;
use tern_sip::wire::{Address, Header, HeaderAccess as _, Message, Request, headers, parse_datagram};
use tern_sip::{
    AnswerMode, CallConfig, CallerIdentity, Event, Identity, Privacy, RegistrationId, RegistrationState,
    ShownAs, ShownIdentity,
};

/// Alice, registered, with her Contact; then the registrar's node, then a stranger's.
fn registered() -> (Net, RegistrationId, tern_sip::wire::Uri) {
    let mut net = Net::new(1, CALM);
    let alice = net.add("alice", |_| {});
    let mut registrar = Registrar::add(&mut net);
    net.add("stranger", |_| {});
    let (now, config) = (net.now, account(&net, registrar.node, "secret"));
    let id = net.node(alice).endpoint.register(now, config);
    net.run(Duration::from_secs(1), &mut |net, n, e| registrar.on_event(net, n, e));
    let contact = net.nodes[alice].events.iter().find_map(|e| match e {
        Event::Registration { state: RegistrationState::Registered { contact, .. }, .. } => {
            Some(contact.uri.clone())
        }
        _ => None,
    });
    (net, id, contact.unwrap())
}

/// What alice is told of a call with these headers from node `from`.
fn told(net: &mut Net, from: usize, target: &tern_sip::wire::Uri, lines: &[(&str, &str)]) -> Event {
    let mut config = direct_call(net, from, 0);
    config.target = target.clone();
    config.headers = lines.iter().map(|(name, value)| headers::header(name, *value)).collect::<Vec<Header>>();
    let now = net.now;
    let call = net.node(from).endpoint.call(now, config).unwrap();
    net.run(Duration::from_secs(1), &mut |_, _, _| {});
    let now = net.now;
    net.node(from).endpoint.hang_up(now, call).unwrap();
    net.run(Duration::from_secs(60), &mut |_, _, _| {});
    net.nodes[0].events.iter().rev().find(|e| matches!(e, Event::IncomingCall { .. })).unwrap().clone()
}

#[test]
fn the_own_server_is_believed_and_nobody_else() {
    let (mut net, id, contact) = registered();
    let lines = [
        ("P-Asserted-Identity", "\"Bob\" <tel:+4930123>"),
        ("P-Called-Party-ID", "<sip:+4940456@sip.test>"),
        ("Diversion", "<sip:+4950@sip.test>;reason=unconditional"),
        ("Alert-Info", "<http://example.com>;info=alert-autoanswer"),
    ];
    let Event::IncomingCall { account, who, called, also_called, diverted_by, answer_mode, .. } =
        told(&mut net, 1, &contact, &lines)
    else {
        panic!()
    };
    assert_eq!(account, Some(id));
    assert_eq!(who, CallerIdentity::Asserted("Bob <tel:+4930123>".parse().unwrap()));
    assert_eq!(
        (called, diverted_by),
        (uri("sip:+4940456@sip.test"), Some("<sip:+4950@sip.test>".parse().unwrap()))
    );
    assert_eq!(also_called.last(), Some(&uri("sip:+4950@sip.test")));
    assert_eq!(answer_mode, Some(AnswerMode::Automatic { after: Duration::ZERO }));

    let Event::IncomingCall { account, who, called, diverted_by, .. } = told(&mut net, 2, &contact, &lines)
    else {
        panic!()
    };
    assert_eq!(account, Some(id), "the stranger knows the Contact");
    assert_eq!(who.address().and_then(|a| a.uri.user()).as_deref(), Some("stranger"));
    assert!(matches!(who, CallerIdentity::Claimed(_)));
    assert_ne!(called, uri("sip:+4940456@sip.test"));
    assert_eq!(diverted_by, None);
}

#[test]
fn asking_to_be_answered_answers_nothing() {
    let (mut net, _, contact) = registered();
    let lines = [("Call-Info", "<sip:192.0.2.2>;answer-after=0"), ("Priv-Answer-Mode", "Auto;require")];
    told(&mut net, 1, &contact, &lines);
    assert!(!net.sent.iter().any(|s| s.from == "alice"
        && s.bytes.starts_with(b"SIP/2.0 200 OK\r\n")
        && String::from_utf8_lossy(&s.bytes).contains(" INVITE\r\n")));
}

/// The INVITE of a call alice's account places to `target`.
fn placed(show: ShownIdentity, target: &str) -> Request {
    let (mut net, id, _) = registered();
    let offer = crate::net::audio(net.nodes[0].address);
    let mut config = CallConfig::new(Identity::Account(id), uri(target), offer);
    config.show = show;
    if target.contains("192.0.2.3") {
        config.next_hop = Some(tern_sip::NextHop::udp("192.0.2.3:5060".parse().unwrap()));
    }
    let now = net.now;
    net.node(0).endpoint.call(now, config).unwrap();
    net.run(Duration::from_millis(5), &mut |_, _, _| {});
    let invite = net.sent.iter().find(|s| s.bytes.starts_with(b"INVITE")).unwrap();
    let Ok(Message::Request(request)) = parse_datagram(&invite.bytes) else { panic!() };
    request
}

#[test]
fn a_call_shows_the_number_where_the_provider_looks() {
    let number: Option<Address> = Some("<sip:+4930@sip.test>".parse().unwrap());
    let show = |shown_as, privacy| ShownIdentity { number: number.clone(), shown_as, privacy };
    let look = |show, target: &str| {
        let request = placed(show, target);
        let from = request.headers.from_address().unwrap().uri.to_string();
        let of = |name: &str| request.headers.first(name).map(str::to_owned);
        (from, of("P-Preferred-Identity"), of("P-Asserted-Identity"), of("Privacy"))
    };
    let own = || "sip:alice@sip.test".to_owned();
    let shown = || "sip:+4930@sip.test".to_owned();
    let line = || Some("<sip:+4930@sip.test>".to_owned());
    let called = "sip:echo@sip.test";
    assert_eq!(look(ShownIdentity::account(), called), (own(), None, None, None));
    assert_eq!(look(show(ShownAs::From, Privacy::Shown), called), (shown(), None, None, None));
    assert_eq!(look(show(ShownAs::Preferred, Privacy::Shown), called), (own(), line(), None, None));
    assert_eq!(look(show(ShownAs::Asserted, Privacy::Shown), called), (shown(), None, line(), None));
    let nobody = || "sip:anonymous@anonymous.invalid".to_owned();
    let id = || Some("id".to_owned());
    assert_eq!(look(show(ShownAs::From, Privacy::Withheld), called), (nobody(), line(), None, id()));
    // RFC 3325 5: what is withheld is told to the own server, not to whoever is called directly.
    assert_eq!(look(show(ShownAs::From, Privacy::Withheld), "sip:x@192.0.2.3"), (nobody(), None, None, id()));
    assert!(!format!("{:?}", placed(ShownIdentity::anonymous(), "sip:x@192.0.2.3")).contains("alice@"));
}
