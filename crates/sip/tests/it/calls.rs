//! Calls between two endpoints, and one endpoint against hand-made messages.

use crate::net::{CALM, Net, Weather, audio, call_states, direct_call, ending, uri};
use std::net::SocketAddr;
use std::time::Duration;
use tern_sip::wire::sdp::SessionDescription;
use tern_sip::wire::{HeaderAccess as _, Message, Method, Request, Response, parse_datagram};
use tern_sip::{CallError, CallId, CallState, EndedBy, Event, Output, Reply, Transport};

const SECOND: Duration = Duration::from_secs(1);

/// Two endpoints with an established call.
fn established() -> (Net, CallId, CallId) {
    let mut net = Net::new(11, CALM);
    let (alice, bob) = (net.add("alice", |_| {}), net.add("bob", |_| {}));
    let (now, config) = (net.now, direct_call(&net, alice, bob));
    let call = net.node(alice).endpoint.call(now, config).unwrap();
    let mut theirs = None;
    net.run(SECOND, &mut |net, n, e| {
        if let Event::IncomingCall { call, .. } = e {
            let (now, sdp) = (net.now, audio(net.nodes[n].address));
            net.node(n).endpoint.accept(now, *call, sdp).unwrap();
            theirs = Some(*call);
        }
    });
    (net, call, theirs.unwrap())
}

#[test]
fn both_sides_see_the_call_through() {
    let (mut net, _, theirs) = established();
    let sdp = audio(net.nodes[1].address);
    assert_eq!(
        call_states(&net, 0),
        [CallState::Trying, CallState::Answered { sdp: Some(sdp) }, CallState::Confirmed { sdp: None }]
    );
    assert_eq!(call_states(&net, 1), [CallState::Confirmed { sdp: None }]);
    let now = net.now;
    net.node(1).endpoint.hang_up(now, theirs).unwrap();
    assert_eq!(net.node(1).endpoint.hang_up(now, theirs), Err(CallError::UnknownCall));
    net.run(60 * SECOND, &mut |_, _, _| {});
    assert_eq!(ending(&net, 0).unwrap().by, EndedBy::Remote);
    assert_eq!(ending(&net, 1).unwrap().by, EndedBy::Local);
    net.assert_empty("after BYE");
}

#[test]
fn the_incoming_call_tells_who_calls_and_what_is_offered() {
    let (net, ..) = established();
    let Some(Event::IncomingCall { request, from, to, offer, source, .. }) = net.nodes[1].events.first()
    else {
        panic!()
    };
    assert_eq!(from.uri.user().as_deref(), Some("alice"));
    assert_eq!(to.uri.user().as_deref(), Some("bob"));
    assert_eq!(offer.as_ref(), Some(&audio(net.nodes[0].address)));
    assert_eq!(source.remote, net.nodes[0].address);
    assert_eq!(request.headers.first("User-Agent"), Some("alice"));
}

#[test]
fn the_answer_is_repeated_until_its_ack_and_then_given_up() {
    let mut net = Net::new(2, CALM);
    let bob = net.add("bob", |_| {});
    let stranger: SocketAddr = "198.51.100.1:5060".parse().unwrap();
    net.deliver(stranger, net.nodes[bob].address, &invite("i1", "1").to_bytes());
    let mut call = None;
    net.run(SECOND, &mut |_, _, e| {
        if let Event::IncomingCall { call: c, .. } = e {
            call = Some(*c);
        }
    });
    let (now, sdp) = (net.now, audio(net.nodes[bob].address));
    net.node(bob).endpoint.accept(now, call.unwrap(), sdp).unwrap();
    net.run(100 * SECOND, &mut |_, _, _| {});
    let answers: Vec<u128> = net
        .sent
        .iter()
        .filter(|s| s.bytes.starts_with(b"SIP/2.0 200"))
        .map(|s| s.at.as_millis() - 1000)
        .collect();
    assert_eq!(answers, [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
    assert_eq!(
        net.sent.iter().filter(|s| s.bytes.starts_with(b"BYE")).map(|s| s.at.as_millis()).next(),
        Some(33_000)
    );
    assert_eq!(ending(&net, bob).unwrap().by, EndedBy::Network);
    net.assert_empty("after no ACK");
}

#[test]
fn an_unanswered_invite_ends_after_timer_b() {
    let mut net = Net::new(2, Weather { loss: 1000, ..CALM });
    let (alice, bob) = (net.add("alice", |_| {}), net.add("bob", |_| {}));
    let (now, config) = (net.now, direct_call(&net, alice, bob));
    net.node(alice).endpoint.call(now, config).unwrap();
    net.run(100 * SECOND, &mut |_, _, _| {});
    let at: Vec<u128> = net.sent.iter().map(|s| s.at.as_millis()).collect();
    assert_eq!(at, [0, 500, 1500, 3500, 7500, 15500, 31500]);
    assert_eq!(ending(&net, alice).unwrap().by, EndedBy::Network);
    net.assert_empty("after timer B");
}

#[test]
fn it_rings_no_longer_than_asked_on_either_side() {
    let mut net = Net::new(2, CALM);
    let (alice, bob) = (net.add("alice", |_| {}), net.add("bob", |_| {}));
    let (now, mut config) = (net.now, direct_call(&net, alice, bob));
    config.ring_timeout = 20 * SECOND;
    net.node(alice).endpoint.call(now, config).unwrap();
    net.run(300 * SECOND, &mut |_, _, _| {});
    let (a, b) = (ending(&net, alice).unwrap(), ending(&net, bob).unwrap());
    assert_eq!(
        (a.by, a.phrase.as_str(), b.by, b.code),
        (EndedBy::Remote, "No answer", EndedBy::Remote, Some(487))
    );

    let mut net = Net::new(2, CALM);
    let (alice, bob) = (net.add("alice", |_| {}), net.add("bob", |c| c.incoming_timeout = 30 * SECOND));
    let (now, config) = (net.now, direct_call(&net, alice, bob));
    net.node(alice).endpoint.call(now, config).unwrap();
    net.run(300 * SECOND, &mut |_, _, _| {});
    assert_eq!((ending(&net, alice).unwrap().code, ending(&net, bob).unwrap().code), (Some(480), Some(480)));
    net.assert_empty("after ringing out");
}

#[test]
fn the_last_free_line_is_the_last() {
    let mut net = Net::new(2, CALM);
    let (alice, bob) = (net.add("alice", |c| c.max_calls = 2), net.add("bob", |c| c.max_calls = 1));
    let now = net.now;
    for _ in 0..2 {
        let config = direct_call(&net, alice, bob);
        net.node(alice).endpoint.call(now, config).unwrap();
    }
    let config = direct_call(&net, alice, bob);
    assert_eq!(net.node(alice).endpoint.call(now, config), Err(CallError::TooManyCalls));
    net.run(SECOND, &mut |_, _, _| {});
    assert_eq!(ending(&net, alice).unwrap().code, Some(486));
}

#[test]
fn early_media_and_words_of_the_application_reach_the_caller() {
    let mut net = Net::new(2, CALM);
    let (alice, bob) = (net.add("alice", |_| {}), net.add("bob", |_| {}));
    let (now, config) = (net.now, direct_call(&net, alice, bob));
    net.node(alice).endpoint.call(now, config).unwrap();
    net.run(SECOND, &mut |net, n, e| {
        if let Event::IncomingCall { call, .. } = e {
            let (now, sdp) = (net.now, audio(net.nodes[n].address));
            let endpoint = &mut net.node(n).endpoint;
            endpoint.progress(now, *call, Reply::new(183).body("application/sdp", sdp.to_bytes())).unwrap();
            endpoint
                .reject(
                    now,
                    *call,
                    Reply::new(404).reason("No such number").header("Reason", "Q.850;cause=1"),
                )
                .unwrap();
        }
    });
    let early = audio(net.nodes[1].address);
    let heard = |s: &CallState| matches!(s, CallState::EarlyMedia { sdp, .. } if *sdp == early);
    assert!(call_states(&net, alice).iter().any(heard));
    let end = ending(&net, alice).unwrap();
    assert_eq!((end.by, end.code, end.phrase.as_str()), (EndedBy::Provider, Some(404), "No such number"));
    assert_eq!(end.reason.unwrap().cause, Some(1));
}

#[test]
fn a_second_branch_that_answers_is_acknowledged_and_left() {
    let mut net = Net::new(2, CALM);
    let alice = net.add("alice", |_| {});
    let proxy = net.add("proxy", |_| {});
    let (now, config) = (net.now, direct_call(&net, alice, proxy));
    let call = net.node(alice).endpoint.call(now, config).unwrap();
    // The proxy node is only an address here; its answers are made by hand.
    let address = net.nodes[proxy].address;
    net.nodes[proxy].address = "203.0.113.1:1".parse().unwrap();
    net.run(Duration::from_millis(50), &mut |_, _, _| {});
    let Ok(Message::Request(request)) = parse_datagram(&net.sent[0].bytes) else { panic!() };
    let answer = |tag: &str, port: u16| {
        let mut response = Response::to(&request, 200, Some(tag));
        response.headers.add("Contact", format!("<sip:fork@198.51.100.9:{port}>"));
        response.set_body("application/sdp", audio("198.51.100.9:4000".parse().unwrap()).to_bytes());
        response.to_bytes()
    };
    let to = net.nodes[alice].address;
    for (tag, port) in [("one", 1001), ("two", 1002), ("one", 1001), ("two", 1002)] {
        net.deliver(address, to, &answer(tag, port));
    }
    net.run(SECOND, &mut |_, _, _| {});
    let count = |start: &str| net.sent.iter().filter(|s| s.bytes.starts_with(start.as_bytes())).count();
    assert_eq!(count("ACK sip:fork@198.51.100.9:1001"), 2);
    assert_eq!(count("ACK sip:fork@198.51.100.9:1002"), 2);
    assert!(count("BYE sip:fork@198.51.100.9:1002") >= 1);
    assert_eq!(count("BYE sip:fork@198.51.100.9:1001"), 0);
    assert!(matches!(call_states(&net, alice).last(), Some(CallState::Confirmed { .. })));
    let now = net.now;
    net.node(alice).endpoint.hang_up(now, call).unwrap();
    net.run(100 * SECOND, &mut |_, _, _| {});
    assert_eq!(net.nodes[alice].endpoint.stats().calls, 0);
}

#[test]
fn a_called_name_is_resolved_once_per_request() {
    let mut net = Net::new(4, CALM);
    let (alice, bob) = (net.add("alice", |_| {}), net.add("bob", |_| {}));
    net.names.push(("bob.test", net.nodes[bob].address));
    let (now, mut config) = (net.now, direct_call(&net, alice, bob));
    config.target = uri("sip:bob@bob.test");
    let call = net.node(alice).endpoint.call(now, config).unwrap();
    net.run(SECOND, &mut |net, n, e| {
        if let Event::IncomingCall { call, .. } = e {
            let (now, sdp) = (net.now, audio(net.nodes[n].address));
            net.node(n).endpoint.accept(now, *call, sdp).unwrap();
        }
    });
    assert!(matches!(call_states(&net, alice).last(), Some(CallState::Confirmed { .. })));
    let now = net.now;
    net.node(alice).endpoint.hang_up(now, call).unwrap();
    net.run(100 * SECOND, &mut |_, _, _| {});
    assert_eq!(ending(&net, bob).unwrap().by, EndedBy::Remote);
    net.assert_empty("after a call by name");
}

#[test]
fn hanging_up_while_the_name_is_looked_up_sends_nothing() {
    let mut net = Net::new(4, CALM);
    let (alice, bob) = (net.add("alice", |_| {}), net.add("bob", |_| {}));
    let (now, mut config) = (net.now, direct_call(&net, alice, bob));
    config.target = uri("sip:bob@slow.test");
    let endpoint = &mut net.node(alice).endpoint;
    let call = endpoint.call(now, config).unwrap();
    let Some(Output::Resolve { id, question }) = endpoint.poll() else { panic!() };
    assert_eq!(question, tern_sip::Question::Naptr("slow.test".into()));
    endpoint.hang_up(now, call).unwrap();
    // The answer comes too late and is for nobody.
    endpoint.resolved(now, id, tern_sip::Answer::Nothing);
    net.run(SECOND, &mut |_, _, _| {});
    assert_eq!((net.sent.len(), ending(&net, alice).unwrap().by), (0, EndedBy::Local));
    net.assert_empty("after the early end");
}

#[test]
fn without_a_listener_for_the_way_the_call_is_unreachable() {
    let mut net = Net::new(4, CALM);
    let (alice, bob) = (net.add("alice", |_| {}), net.add("bob", |_| {}));
    let (now, mut config) = (net.now, direct_call(&net, alice, bob));
    config.target = uri("sip:bob@192.0.2.2;transport=tls");
    config.ring_timeout = Duration::MAX;
    net.node(alice).endpoint.call(now, config.clone()).unwrap();
    net.run(SECOND, &mut |_, _, _| {});
    assert_eq!(ending(&net, alice).unwrap().by, EndedBy::Network);
    config.target = uri("tel:+15551234");
    let now = net.now;
    assert_eq!(net.node(alice).endpoint.call(now, config), Err(CallError::NoRoute));
    net.assert_empty("after no way");
}

#[test]
fn a_network_that_refuses_ends_the_call_at_once() {
    let mut net = Net::new(4, Weather { loss: 1000, ..CALM });
    let (alice, bob) = (net.add("alice", |_| {}), net.add("bob", |_| {}));
    let (now, config) = (net.now, direct_call(&net, alice, bob));
    let to = net.nodes[bob].address;
    let endpoint = &mut net.node(alice).endpoint;
    endpoint.call(now, config).unwrap();
    endpoint.transport_failed(now, to);
    net.run(SECOND, &mut |_, _, _| {});
    assert_eq!(ending(&net, alice).unwrap().by, EndedBy::Network);
    net.assert_empty("after the refusal");
}

#[test]
fn a_response_with_a_second_via_is_not_for_us() {
    let mut net = Net::new(4, CALM);
    let (alice, bob) = (net.add("alice", |_| {}), net.add("bob", |_| {}));
    let (now, config) = (net.now, direct_call(&net, alice, bob));
    net.node(alice).endpoint.call(now, config).unwrap();
    let (from, to) = (net.nodes[bob].address, net.nodes[alice].address);
    net.nodes[bob].address = "203.0.113.1:1".parse().unwrap();
    net.run(Duration::from_millis(1), &mut |_, _, _| {});
    let Ok(Message::Request(request)) = parse_datagram(&net.sent[0].bytes) else { panic!() };
    let mut response = Response::to(&request, 603, Some("x"));
    response.headers.add("Via", "SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKother");
    net.deliver(from, to, &response.to_bytes());
    net.run(Duration::from_millis(1), &mut |_, _, _| {});
    assert_eq!((ending(&net, alice), net.nodes[alice].endpoint.stats().stray_responses), (None, 1));
}

#[test]
fn over_a_stream_nothing_is_repeated() {
    let mut net = Net::new(11, Weather { delay: 3 * SECOND, ..CALM });
    net.transport = Transport::Tcp;
    let (alice, bob) = (net.add("alice", |_| {}), net.add("bob", |_| {}));
    let (now, mut config) = (net.now, direct_call(&net, alice, bob));
    let target = format!("{};transport=tcp", config.target);
    config.target = uri(&target);
    let call = net.node(alice).endpoint.call(now, config).unwrap();
    net.run(20 * SECOND, &mut |net, n, e| {
        if let Event::IncomingCall { call, .. } = e {
            let now = net.now;
            net.node(n).endpoint.reject(now, *call, Reply::new(486)).unwrap();
        }
    });
    assert_eq!(net.node(alice).endpoint.hang_up(now, call), Err(CallError::UnknownCall));
    let lines: Vec<String> =
        net.sent.iter().map(|s| String::from_utf8_lossy(&s.bytes[..11]).into_owned()).collect();
    assert_eq!(lines, ["INVITE sip:", "SIP/2.0 100", "SIP/2.0 486", "ACK sip:bob"]);
    let invite = String::from_utf8_lossy(&net.sent[0].bytes).into_owned();
    assert!(
        invite.contains("Via: SIP/2.0/TCP 192.0.2.1:5060") && invite.contains(":5060;transport=tcp>"),
        "{invite}"
    );
    net.run(2000 * SECOND, &mut |_, _, _| {});
    net.assert_empty("over TCP");
}

/// An INVITE of a stranger at 198.51.100.1.
pub(crate) fn invite(call_id: &str, branch: &str) -> Request {
    let mut request = request(Method::INVITE, call_id, branch);
    request.headers.add("Contact", "<sip:stranger@198.51.100.1>");
    request.set_body("application/sdp", audio("198.51.100.1:4000".parse().unwrap()).to_bytes());
    request
}

/// Any request of that stranger, outside a dialog.
pub(crate) fn request(method: Method, call_id: &str, branch: &str) -> Request {
    let mut request = Request::new(method.clone(), uri("sip:bob@192.0.2.1"));
    request.headers.add("Via", format!("SIP/2.0/UDP 198.51.100.1:5060;rport;branch=z9hG4bK{branch}"));
    request.headers.add("From", "<sip:stranger@198.51.100.1>;tag=s");
    request.headers.add("To", "<sip:bob@192.0.2.1>");
    request.headers.add("Call-ID", call_id);
    request.headers.add("CSeq", format!("1 {method}"));
    request.headers.add("Max-Forwards", "70");
    request
}

/// Bob with a call a stranger has set up by hand, and the 200 he got.
pub(crate) fn answered_by_hand(body: Option<SessionDescription>) -> (Net, CallId, Response) {
    let mut net = Net::new(2, CALM);
    net.add("bob", |_| {});
    let mut request = invite("hand", "1");
    request.headers.add("Record-Route", "<sip:198.51.100.7;lr>");
    request.headers.add("Record-Route", "<sip:198.51.100.8;lr>");
    match body {
        Some(sdp) => request.set_body("application/sdp", sdp.to_bytes()),
        None => request.body.clear(),
    }
    net.deliver("198.51.100.1:5060".parse().unwrap(), net.nodes[0].address, &request.to_bytes());
    let mut call = None;
    net.run(Duration::from_millis(50), &mut |net, n, e| {
        if let Event::IncomingCall { call: c, .. } = e {
            let (now, sdp) = (net.now, audio(net.nodes[n].address));
            net.node(n).endpoint.accept(now, *c, sdp).unwrap();
            call = Some(*c);
        }
    });
    let ok = net.sent.iter().rev().find(|s| s.bytes.starts_with(b"SIP/2.0 200")).unwrap();
    let Ok(Message::Response(response)) = parse_datagram(&ok.bytes) else { panic!() };
    (net, call.unwrap(), response)
}

/// A request inside that call.
pub(crate) fn inside(ok: &Response, method: Method, number: u32) -> Request {
    let mut request = Request::new(method.clone(), ok.headers.addresses("Contact").unwrap()[0].uri.clone());
    request.headers.add("Via", format!("SIP/2.0/UDP 198.51.100.1:5060;rport;branch=z9hG4bK{method}{number}"));
    for name in ["From", "To", "Call-ID"] {
        request.headers.add(name, ok.headers.first(name).unwrap());
    }
    request.headers.add("CSeq", format!("{number} {method}"));
    request.headers.add("Contact", "<sip:stranger@198.51.100.2:5062>");
    request
}

pub(crate) fn send(net: &mut Net, request: &Request) {
    net.deliver("198.51.100.1:5060".parse().unwrap(), net.nodes[0].address, &request.to_bytes());
}

fn last_code(net: &Net) -> Option<u16> {
    net.sent.iter().rev().find_map(|s| match parse_datagram(&s.bytes) {
        Ok(Message::Response(r)) => Some(r.code()),
        _ => None,
    })
}

#[test]
fn the_dialog_follows_the_recorded_route() {
    let (mut net, call, ok) = answered_by_hand(Some(audio("198.51.100.1:4000".parse().unwrap())));
    assert_eq!(ok.headers.all("Record-Route").count(), 2);
    send(&mut net, &inside(&ok, Method::ACK, 1));
    net.run(SECOND, &mut |_, _, _| {});
    let now = net.now;
    net.node(0).endpoint.hang_up(now, call).unwrap();
    net.run(Duration::from_millis(1), &mut |_, _, _| {});
    let bye = net.sent.last().unwrap();
    assert_eq!(bye.to, "198.51.100.7:5060");
    let Ok(Message::Request(bye)) = parse_datagram(&bye.bytes) else { panic!() };
    assert_eq!(bye.uri.to_string(), "sip:stranger@198.51.100.1");
    assert_eq!(
        bye.headers.all("Route").collect::<Vec<_>>(),
        ["<sip:198.51.100.7;lr>", "<sip:198.51.100.8;lr>"]
    );
}

#[test]
fn an_offer_asked_for_is_answered_in_the_ack() {
    let (mut net, _, ok) = answered_by_hand(None);
    assert!(matches!(net.nodes[0].events.first(), Some(Event::IncomingCall { offer: None, .. })));
    let mut ack = inside(&ok, Method::ACK, 1);
    let answer = audio("198.51.100.1:4000".parse().unwrap());
    ack.set_body("application/sdp", answer.to_bytes());
    send(&mut net, &ack);
    net.run(Duration::from_millis(1), &mut |_, _, _| {});
    assert_eq!(call_states(&net, 0), [CallState::Confirmed { sdp: Some(answer) }]);
}

#[test]
fn a_missing_answer_in_the_ack_ends_the_call() {
    let (mut net, _, ok) = answered_by_hand(None);
    send(&mut net, &inside(&ok, Method::ACK, 1));
    net.run(100 * SECOND, &mut |_, _, _| {});
    assert_eq!(ending(&net, 0).unwrap().by, EndedBy::Remote);
    assert!(net.sent.iter().any(|s| s.bytes.starts_with(b"BYE")));
    net.assert_empty("after the bare ACK");
}

#[test]
fn an_offer_inside_the_call_is_for_the_application() {
    let (mut net, call, ok) = answered_by_hand(Some(audio("198.51.100.1:4000".parse().unwrap())));
    send(&mut net, &inside(&ok, Method::ACK, 1));
    let mut reinvite = inside(&ok, Method::INVITE, 2);
    let held = audio("198.51.100.1:6000".parse().unwrap());
    reinvite.set_body("application/sdp", held.to_bytes());
    send(&mut net, &reinvite);
    net.run(Duration::from_millis(1), &mut |_, _, _| {});
    assert!(matches!(net.nodes[0].events.last(), Some(Event::Reoffer { offer: Some(o), .. }) if *o == held));
    // RFC 3261 14.2: another one before the first is through.
    send(&mut net, &inside(&ok, Method::INVITE, 3));
    net.run(Duration::from_millis(1), &mut |_, _, _| {});
    assert_eq!(last_code(&net), Some(500));
    let (now, sdp) = (net.now, audio(net.nodes[0].address));
    net.node(0).endpoint.answer_reoffer(now, call, sdp).unwrap();
    net.run(Duration::from_millis(1), &mut |_, _, _| {});
    assert_eq!(last_code(&net), Some(200));
    send(&mut net, &inside(&ok, Method::ACK, 2));
    // The Contact of the re-INVITE is the new target (RFC 3261 12.2).
    net.node(0).endpoint.hang_up(now, call).unwrap();
    net.run(Duration::from_millis(1), &mut |_, _, _| {});
    assert!(net.sent.last().unwrap().bytes.starts_with(b"BYE sip:stranger@198.51.100.2:5062"));
}

#[test]
fn a_refused_offer_leaves_the_call_alone() {
    let (mut net, call, ok) = answered_by_hand(Some(audio("198.51.100.1:4000".parse().unwrap())));
    send(&mut net, &inside(&ok, Method::ACK, 1));
    send(&mut net, &inside(&ok, Method::INVITE, 2));
    net.run(Duration::from_millis(1), &mut |_, _, _| {});
    let now = net.now;
    net.node(0).endpoint.reject_reoffer(now, call, Reply::new(488)).unwrap();
    assert_eq!(net.node(0).endpoint.reject_reoffer(now, call, Reply::new(488)), Err(CallError::WrongState));
    net.run(40 * SECOND, &mut |_, _, _| {});
    assert_eq!(last_code(&net), Some(488));
    assert_eq!(ending(&net, 0), None);
}

#[test]
fn requests_inside_the_call_come_in_order() {
    let (mut net, _, ok) = answered_by_hand(Some(audio("198.51.100.1:4000".parse().unwrap())));
    send(&mut net, &inside(&ok, Method::ACK, 1));
    let code = |net: &mut Net, request: &Request| {
        send(net, request);
        net.run(Duration::from_millis(1), &mut |_, _, _| {});
        last_code(net)
    };
    assert_eq!(code(&mut net, &inside(&ok, Method::OPTIONS, 9)), Some(200));
    assert_eq!(code(&mut net, &inside(&ok, Method::OPTIONS, 8)), Some(500));
    assert_eq!(code(&mut net, &inside(&ok, Method::PUBLISH, 10)), Some(405));
    assert_eq!(code(&mut net, &inside(&ok, Method::Extension("WINK".into()), 11)), Some(501));
    let mut foreign = inside(&ok, Method::BYE, 12);
    foreign.headers.set("From", "<sip:stranger@198.51.100.1>;tag=other");
    assert_eq!(code(&mut net, &foreign), Some(481));
    assert_eq!(code(&mut net, &inside(&ok, Method::BYE, 13)), Some(200));
    assert_eq!(ending(&net, 0).unwrap().by, EndedBy::Remote);
}

#[test]
fn a_bye_before_the_ack_is_taken() {
    let (mut net, _, ok) = answered_by_hand(Some(audio("198.51.100.1:4000".parse().unwrap())));
    send(&mut net, &inside(&ok, Method::BYE, 2));
    net.run(100 * SECOND, &mut |_, _, _| {});
    assert_eq!(ending(&net, 0).unwrap().by, EndedBy::Remote);
    net.assert_empty("after the early BYE");
}

#[test]
fn hanging_up_before_the_ack_waits_for_it() {
    let (mut net, call, ok) = answered_by_hand(Some(audio("198.51.100.1:4000".parse().unwrap())));
    let now = net.now;
    net.node(0).endpoint.hang_up(now, call).unwrap();
    net.run(Duration::from_millis(100), &mut |_, _, _| {});
    assert!(!net.sent.iter().any(|s| s.bytes.starts_with(b"BYE")), "BYE before ACK (RFC 3261 15)");
    send(&mut net, &inside(&ok, Method::ACK, 1));
    net.run(Duration::from_millis(1), &mut |_, _, _| {});
    assert!(net.sent.iter().any(|s| s.bytes.starts_with(b"BYE")));
    assert_eq!(ending(&net, 0).unwrap().by, EndedBy::Local);
}

#[test]
fn a_call_elsewhere_answered_says_so() {
    let mut net = Net::new(2, CALM);
    net.add("bob", |_| {});
    send(&mut net, &invite("elsewhere", "1"));
    let mut cancel = request(Method::CANCEL, "elsewhere", "1");
    cancel.headers.add("Reason", "SIP;cause=200;text=\"Call completed elsewhere\"");
    send(&mut net, &cancel);
    net.run(100 * SECOND, &mut |_, _, _| {});
    assert_eq!(ending(&net, 0).unwrap().reason.unwrap().cause, Some(200));
    net.assert_empty("after the CANCEL");
}
