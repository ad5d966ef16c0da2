//! Whom an endpoint listens to: strangers, floods, and messages that pretend to belong to a call.

use crate::calls::{invite, request};
use crate::net::{CALM, Net, audio, direct_call, ending};
use crate::registrar::Registrar;
use crate::registrations::account;
use std::net::SocketAddr;
use std::time::Duration;
use tern_sip::wire::{HeaderAccess as _, Message, Method, Request, Response, Uri, parse_datagram};
use tern_sip::{CallId, EndedBy, Event, RegistrationState, Stats, Strangers};

const STRANGER: &str = "198.51.100.1:5060";
const MILLISECOND: Duration = Duration::from_millis(1);

/// Alice, registered and deaf to strangers, her registrar, and the Contact she is bound with.
fn registered() -> (Net, SocketAddr, Uri) {
    let mut net = Net::new(1, CALM);
    let alice = net.add("alice", |c| c.strangers = Strangers::Drop);
    let mut registrar = Registrar::add(&mut net);
    let (now, config) = (net.now, account(&net, registrar.node, "secret"));
    net.node(alice).endpoint.register(now, config);
    net.run(Duration::from_secs(1), &mut |net, n, e| registrar.on_event(net, n, e));
    let contact = net.nodes[alice].events.iter().find_map(|e| match e {
        Event::Registration { state: RegistrationState::Registered { contact, .. }, .. } => {
            Some(contact.uri.clone())
        }
        _ => None,
    });
    let server = net.nodes[registrar.node].address;
    (net, server, contact.unwrap())
}

fn stats(net: &Net) -> Stats {
    net.nodes[0].endpoint.stats()
}

/// The code of the answer to these bytes from there; `None` for silence.
fn answer(net: &mut Net, from: SocketAddr, bytes: &[u8]) -> Option<u16> {
    let before = net.sent.len();
    net.deliver(from, net.nodes[0].address, bytes);
    net.run(MILLISECOND, &mut |_, _, _| {});
    net.sent[before..].iter().rev().find_map(|s| match parse_datagram(&s.bytes) {
        Ok(Message::Response(r)) => Some(r.code()),
        _ => None,
    })
}

#[test]
fn strangers_meet_silence_and_leave_nothing() {
    let (mut net, ..) = registered();
    let timers = stats(&net).timers;
    let methods = [
        Method::INVITE,
        Method::OPTIONS,
        Method::REGISTER,
        Method::BYE,
        Method::CANCEL,
        Method::MESSAGE,
        Method::NOTIFY,
        Method::SUBSCRIBE,
        Method::REFER,
        Method::Extension("WINK".into()),
    ];
    let mut count = 0;
    for method in methods {
        let mut plain = request(method.clone(), "s", &format!("{method}1"));
        // The address of record is printed on every business card; it opens nothing.
        for user in ["bob", "alice"] {
            plain.uri = crate::net::uri(&format!("sip:{user}@192.0.2.1"));
            assert_eq!(answer(&mut net, STRANGER.parse().unwrap(), &plain.to_bytes()), None, "{method}");
        }
        // A dialog that is not ours, a body that is none, a header that cannot be read.
        let mut tagged = request(method.clone(), "s", &format!("{method}2"));
        tagged.headers.set("To", "<sip:bob@192.0.2.1>;tag=guessed");
        assert_eq!(answer(&mut net, STRANGER.parse().unwrap(), &tagged.to_bytes()), None, "{method}");
        let mut broken = request(method.clone(), "s", &format!("{method}3"));
        broken.headers.set("Max-Forwards", "999");
        assert_eq!(answer(&mut net, STRANGER.parse().unwrap(), &broken.to_bytes()), None, "{method}");
        count += 4;
    }
    let after = stats(&net);
    assert_eq!((after.strangers, after.server_transactions, after.timers), (count, 0, timers));
    assert!(!net.nodes[0].events.iter().any(|e| matches!(e, Event::IncomingCall { .. })));
}

#[test]
fn the_own_server_and_whoever_knows_our_contact_are_heard() {
    let (mut net, server, contact) = registered();
    assert_eq!(answer(&mut net, server, &request(Method::OPTIONS, "o1", "1").to_bytes()), Some(200));
    let mut broken = request(Method::OPTIONS, "o2", "2");
    broken.headers.set("Max-Forwards", "999");
    assert_eq!(answer(&mut net, server, &broken.to_bytes()), Some(400));
    let mut called = invite("i", "3");
    called.uri = contact;
    assert_eq!(answer(&mut net, STRANGER.parse().unwrap(), &called.to_bytes()), Some(100));
    assert_eq!(stats(&net).strangers, 0);
}

#[test]
fn a_flood_is_cut_off_and_calls_go_on_in_it() {
    let mut net = Net::new(1, CALM);
    net.add("bob", |c| c.max_calls = 1000);
    let (peer, flooder): (SocketAddr, SocketAddr) =
        (STRANGER.parse().unwrap(), "203.0.113.5:5060".parse().unwrap());
    // A call from the flooder's own address: the worst place for it.
    let ok = answered(&mut net, flooder);
    let heard = |net: &mut Net, from, count: usize| {
        let codes = (0..count).map(|n| {
            answer(net, from, &request(Method::OPTIONS, "f", &format!("{n}-{}", net.sent.len())).to_bytes())
        });
        codes.filter(Option::is_some).count()
    };
    let passed = heard(&mut net, flooder, 500);
    assert!((50..80).contains(&passed), "{passed}");
    assert_eq!(stats(&net).flooded, 500 - passed as u64);
    assert_eq!(heard(&mut net, peer, 5), 5, "another source is not touched");
    // A request that was let in is repeated, and answered again.
    let repeated = request(Method::OPTIONS, "again", "again").to_bytes();
    assert_eq!(answer(&mut net, peer, &repeated), Some(200));
    assert!(heard(&mut net, peer, 200) < 80);
    assert_eq!(answer(&mut net, peer, &repeated), Some(200));
    let bye = inside(&ok, Method::BYE, 2);
    assert_eq!(answer(&mut net, flooder, &bye.to_bytes()), Some(200));
    assert_eq!(ending(&net, 0).unwrap().by, EndedBy::Remote);
}

/// Bob takes a call set up by hand from that address; the 200 he gave.
fn answered(net: &mut Net, from: SocketAddr) -> Response {
    net.deliver(from, net.nodes[0].address, &invite("hand", "hand").to_bytes());
    net.run(MILLISECOND, &mut |net, n, e| {
        if let Event::IncomingCall { call, .. } = e {
            let (now, sdp) = (net.now, audio(net.nodes[n].address));
            net.node(n).endpoint.accept(now, *call, sdp).unwrap();
        }
    });
    let ok = net.sent.iter().rev().find(|s| s.bytes.starts_with(b"SIP/2.0 200")).unwrap();
    let Ok(Message::Response(ok)) = parse_datagram(&ok.bytes) else { panic!() };
    let ack = inside(&ok, Method::ACK, 1);
    net.deliver(from, net.nodes[0].address, &ack.to_bytes());
    net.run(MILLISECOND, &mut |_, _, _| {});
    ok
}

/// The caller's request inside that call.
fn inside(ok: &Response, method: Method, number: u32) -> Request {
    let mut request = request(method.clone(), "hand", &format!("{method}{number}"));
    request.headers.set("From", ok.headers.first("From").unwrap());
    request.headers.set("To", ok.headers.first("To").unwrap());
    request.headers.set("CSeq", format!("{number} {method}"));
    request
}

#[test]
fn a_forged_cancel_ends_nothing_and_does_not_stand_in_for_the_true_one() {
    let mut net = Net::new(1, CALM);
    net.add("bob", |_| {});
    let caller: SocketAddr = STRANGER.parse().unwrap();
    assert_eq!(answer(&mut net, caller, &invite("c", "secret").to_bytes()), Some(100));
    let cancel = request(Method::CANCEL, "c", "secret").to_bytes();
    // Everything is right but where it comes from.
    assert_eq!(answer(&mut net, "203.0.113.5:5060".parse().unwrap(), &cancel), None);
    assert_eq!((ending(&net, 0), stats(&net).forged), (None, 1));
    let guessed = request(Method::CANCEL, "c", "guessed").to_bytes();
    assert_eq!(answer(&mut net, caller, &guessed), Some(481));
    assert_eq!(ending(&net, 0), None);
    // The caller's NAT may have given it another port by now.
    assert_eq!(answer(&mut net, "198.51.100.1:7777".parse().unwrap(), &cancel), Some(487));
    assert_eq!(ending(&net, 0).unwrap().by, EndedBy::Remote);
}

#[test]
fn a_forged_bye_ends_nothing() {
    let mut net = Net::new(1, CALM);
    net.add("bob", |_| {});
    let caller: SocketAddr = STRANGER.parse().unwrap();
    let ok = answered(&mut net, caller);
    let wrong = |name: &str, value: &str, number| {
        let mut bye = inside(&ok, Method::BYE, number);
        bye.headers.set(name, value);
        bye.to_bytes()
    };
    for (number, name, value) in [
        (2, "From", "<sip:stranger@198.51.100.1>;tag=x"),
        (3, "From", "<sip:stranger@198.51.100.1>"),
        (4, "To", "<sip:bob@192.0.2.1>;tag=x"),
        (5, "To", "<sip:bob@192.0.2.1>"),
        (6, "Call-ID", "other"),
    ] {
        let forger = "203.0.113.5:5060".parse().unwrap();
        assert_eq!(answer(&mut net, forger, &wrong(name, value, number)), Some(481), "{name}: {value}");
    }
    assert_eq!(answer(&mut net, caller, &wrong("CSeq", "0 BYE", 7)), Some(500));
    assert_eq!(ending(&net, 0), None);
    assert_eq!(answer(&mut net, caller, &inside(&ok, Method::BYE, 8).to_bytes()), Some(200));
}

/// Alice has called Bob, whose true answer is still to come; what she sent.
fn calling() -> (Net, CallId, Request) {
    let mut net = Net::new(4, CALM);
    let (alice, bob) = (net.add("alice", |_| {}), net.add("bob", |_| {}));
    let (now, config) = (net.now, direct_call(&net, alice, bob));
    let call = net.node(alice).endpoint.call(now, config).unwrap();
    net.run(Duration::from_millis(100), &mut |_, _, _| {});
    let Ok(Message::Request(request)) = parse_datagram(&net.sent[0].bytes) else { panic!() };
    (net, call, request)
}

#[test]
fn forged_responses_change_nothing() {
    let (mut net, call, request) = calling();
    let to = net.nodes[0].address;
    let seen = net.nodes[0].events.len();
    let mut forged = 0;
    for code in [180, 200, 302, 401, 407, 486, 603] {
        for (name, value) in [
            ("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKguessed"),
            ("CSeq", "1 BYE"),
            ("CSeq", "2 INVITE"),
            ("Call-ID", "other"),
            ("From", "<sip:alice@192.0.2.1:5060>;tag=guessed"),
        ] {
            let mut response = Response::to(&request, code, Some("forged"));
            response.headers.set(name, value);
            response.headers.add("Contact", "<sip:evil@203.0.113.5>");
            response.set_body("application/sdp", audio("203.0.113.5:4000".parse().unwrap()).to_bytes());
            net.deliver("203.0.113.5:5060".parse().unwrap(), to, &response.to_bytes());
            forged += 1;
        }
    }
    let sent = net.sent.len();
    net.run(Duration::from_millis(10), &mut |_, _, _| {});
    assert_eq!((net.nodes[0].events.len(), net.sent.len()), (seen, sent));
    assert_eq!(stats(&net).stray_responses, forged);
    let now = net.now;
    net.node(0).endpoint.hang_up(now, call).unwrap();
    net.run(Duration::from_secs(100), &mut |_, _, _| {});
    assert_eq!(ending(&net, 0).unwrap().by, EndedBy::Local);
    net.assert_empty("after the forgeries");
}

#[test]
fn a_phone_does_not_answer_itself_whatever_the_caller_asks_of_it() {
    let mut net = Net::new(1, CALM);
    net.add("bob", |_| {});
    let mut request = invite("auto", "1");
    for (name, value) in [
        ("Alert-Info", "<sip:127.0.0.1>;info=alert-autoanswer;delay=0"),
        ("Call-Info", "<sip:198.51.100.1>;answer-after=0"),
        ("Answer-Mode", "Auto;require"),
        ("Priv-Answer-Mode", "Auto"),
        ("P-Auto-Answer", "normal"),
    ] {
        request.headers.add(name, value);
    }
    assert_eq!(answer(&mut net, STRANGER.parse().unwrap(), &request.to_bytes()), Some(100));
    net.run(Duration::from_secs(60), &mut |_, _, _| {});
    assert!(!net.sent.iter().any(|s| s.bytes.starts_with(b"SIP/2.0 2")));
    assert_eq!(ending(&net, 0), None);
}
