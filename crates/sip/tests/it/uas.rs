//! What any user agent answers, whatever it is asked (RFC 3261 8.2).

use crate::calls::{invite, request};
use crate::net::{CALM, Net};
use std::net::SocketAddr;
use std::time::Duration;
use tern_sip::wire::{HeaderAccess as _, Message, Method, Request, Response, parse_datagram};

fn stranger() -> SocketAddr {
    "198.51.100.1:5060".parse().unwrap()
}

/// The responses to these bytes, and where they went.
fn answers(bytes: &[u8]) -> Vec<(String, Response)> {
    let mut net = Net::new(1, CALM);
    net.add("bob", |_| {});
    net.deliver(stranger(), net.nodes[0].address, bytes);
    net.run(Duration::from_millis(1), &mut |_, _, _| {});
    let responses = net.sent.iter().map(|s| match parse_datagram(&s.bytes) {
        Ok(Message::Response(r)) => (s.to.clone(), r),
        other => panic!("{other:?}"),
    });
    responses.collect()
}

fn answer(request: &Request) -> Response {
    answers(&request.to_bytes()).pop().unwrap().1
}

#[test]
fn options_tells_what_we_can() {
    let response = answer(&request(Method::OPTIONS, "o", "1"));
    assert_eq!(response.code(), 200);
    let allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, MESSAGE, REFER, NOTIFY, INFO";
    assert_eq!(response.headers.first("Allow"), Some(allow));
    assert_eq!(response.headers.first("Accept"), Some("application/sdp"));
    let supported = "100rel, timer, replaces, norefersub, gruu, outbound, trickle-ice";
    assert_eq!(response.headers.first("Supported"), Some(supported));
    assert!(response.headers.to_address().unwrap().tag().is_some());
}

#[test]
fn options_says_when_no_line_is_free() {
    let mut net = Net::new(1, CALM);
    net.add("bob", |c| c.max_calls = 0);
    net.deliver(stranger(), net.nodes[0].address, &request(Method::OPTIONS, "o", "1").to_bytes());
    net.run(Duration::from_millis(1), &mut |_, _, _| {});
    assert!(net.sent[0].bytes.starts_with(b"SIP/2.0 486"));
}

#[test]
fn no_request_meets_silence() {
    let check = |method: Method, code: u16| {
        let response = answer(&request(method.clone(), "m", "1"));
        assert_eq!(response.code(), code, "{method}");
        response
    };
    for method in [Method::REGISTER, Method::SUBSCRIBE] {
        let response = check(method, 405);
        assert!(response.headers.first("Allow").is_some());
    }
    check(Method::Extension("WINK".into()), 501);
    // Known, but meaningless outside a dialog (RFC 3261 12.2.2).
    for method in [Method::BYE, Method::CANCEL, Method::UPDATE, Method::PRACK, Method::NOTIFY] {
        check(method, 481);
    }
}

#[test]
fn what_is_required_and_not_supported_is_named() {
    let mut options = request(Method::OPTIONS, "o", "1");
    options.headers.add("Require", "timer, x-magic");
    let response = answer(&options);
    assert_eq!((response.code(), response.headers.first("Unsupported")), (420, Some("x-magic")));
}

#[test]
fn bodies_we_cannot_read_are_refused() {
    let mut text = invite("b", "1");
    text.set_body("text/plain", b"hello".to_vec());
    let response = answer(&text);
    assert_eq!((response.code(), response.headers.first("Accept")), (415, Some("application/sdp")));
    let mut packed = invite("b", "1");
    packed.headers.add("Content-Encoding", "gzip");
    assert_eq!(answer(&packed).code(), 415);
    let mut broken = invite("b", "1");
    broken.set_body("application/sdp", b"rubbish".to_vec());
    assert_eq!(answer(&broken).code(), 400);
    let mut scheme = request(Method::OPTIONS, "o", "1");
    scheme.uri = tern_sip::wire::Uri::parse("soap.beep://192.0.2.103:3002").unwrap();
    assert_eq!(answer(&scheme).code(), 416);
}

#[test]
fn broken_requests_get_400_and_a_broken_ack_nothing() {
    let mut broken = invite("b", "1");
    broken.headers.set("Max-Forwards", "999");
    let (to, response) = answers(&broken.to_bytes()).pop().unwrap();
    assert_eq!((to.as_str(), response.code()), ("198.51.100.1:5060", 400));
    let text = String::from_utf8(request(Method::ACK, "b", "1").to_bytes())
        .unwrap()
        .replace("Call-ID: b", "Call-ID: ");
    assert!(answers(text.as_bytes()).is_empty());
    let version =
        String::from_utf8(invite("b", "1").to_bytes()).unwrap().replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia");
    assert_eq!(answers(version.as_bytes()).pop().unwrap().1.code(), 505);
}

#[test]
fn responses_go_where_via_says() {
    let sent_to = |via: &str| {
        let mut options = request(Method::OPTIONS, "o", "1");
        options.headers.set("Via", via);
        answers(&options.to_bytes()).pop().unwrap()
    };
    // RFC 3581: with rport back to the source port, and the Via tells both.
    let (to, response) = sent_to("SIP/2.0/UDP 10.0.0.9:7777;rport;branch=z9hG4bK1");
    assert_eq!(to, "198.51.100.1:5060");
    let via = response.headers.top_via().unwrap();
    assert_eq!(via.public_address(), Some(stranger()));
    // RFC 3261 18.2.2: without it to the port of sent-by, 5060 when there is none.
    assert_eq!(sent_to("SIP/2.0/UDP 10.0.0.9:7777;branch=z9hG4bK1").0, "198.51.100.1:7777");
    assert_eq!(sent_to("SIP/2.0/UDP pc33.example.com;branch=z9hG4bK1").0, "198.51.100.1:5060");
}

#[test]
fn the_same_call_by_two_ways_is_taken_once() {
    let mut net = Net::new(1, CALM);
    net.add("bob", |_| {});
    let to = net.nodes[0].address;
    net.deliver(stranger(), to, &invite("merged", "1").to_bytes());
    net.deliver(stranger(), to, &invite("merged", "2").to_bytes());
    net.run(Duration::from_millis(1), &mut |_, _, _| {});
    let codes: Vec<u16> = net
        .sent
        .iter()
        .filter_map(|s| match parse_datagram(&s.bytes) {
            Ok(Message::Response(r)) => Some(r.code()),
            _ => None,
        })
        .collect();
    assert_eq!(codes, [100, 482]);
    assert_eq!(net.nodes[0].events.len(), 1);
}

#[test]
fn a_repeated_request_gets_the_same_answer_from_its_transaction() {
    let mut net = Net::new(1, CALM);
    net.add("bob", |_| {});
    let (to, bytes) = (net.nodes[0].address, request(Method::OPTIONS, "o", "1").to_bytes());
    net.deliver(stranger(), to, &bytes);
    net.deliver(stranger(), to, &bytes);
    net.run(Duration::from_secs(60), &mut |_, _, _| {});
    assert_eq!(net.sent.len(), 2);
    assert_eq!(net.sent[0].bytes, net.sent[1].bytes);
    net.assert_empty("after timer J");
}

#[test]
fn a_caller_of_rfc_2543_is_served() {
    let mut net = Net::new(1, CALM);
    net.add("bob", |_| {});
    let to = net.nodes[0].address;
    let mut old = invite("old", "1");
    old.headers.set("Via", "SIP/2.0/UDP 198.51.100.1");
    old.headers.set("From", "<sip:stranger@198.51.100.1>");
    net.deliver(stranger(), to, &old.to_bytes());
    net.deliver(stranger(), to, &old.to_bytes());
    let mut call = None;
    net.run(Duration::from_millis(1), &mut |_, _, e| {
        if let tern_sip::Event::IncomingCall { call: c, .. } = e {
            assert!(call.is_none(), "the repetition is no second call");
            call = Some(*c);
        }
    });
    let now = net.now;
    net.node(0).endpoint.reject(now, call.unwrap(), tern_sip::Reply::new(603)).unwrap();
    net.run(Duration::from_millis(1), &mut |_, _, _| {});
    let last = net.sent.last().unwrap().bytes.clone();
    let Ok(Message::Response(declined)) = parse_datagram(&last) else { panic!() };
    let mut ack = request(Method::ACK, "old", "1");
    ack.headers.set("Via", "SIP/2.0/UDP 198.51.100.1");
    ack.headers.set("From", "<sip:stranger@198.51.100.1>");
    ack.headers.set("To", declined.headers.first("To").unwrap());
    let before = net.sent.len();
    net.deliver(stranger(), to, &ack.to_bytes());
    net.run(Duration::from_secs(60), &mut |_, _, _| {});
    assert_eq!(net.sent.len(), before, "the ACK stops the repetitions");
    net.assert_empty("after the old call");
}
