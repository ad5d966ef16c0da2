//! Golden ladders: the whole flow of messages as text.

use crate::net::{CALM, Net, direct_call};
use crate::registrar::Registrar;
use crate::registrations::account;
use std::time::Duration;
use tern_sip::wire::auth::{Challenge, Credentials};
use tern_sip::wire::digest::Algorithm;
use tern_sip::wire::{HeaderAccess as _, Message, parse_datagram};
use tern_sip::{Event, Reply};

/// Milliseconds, from, to, start line and what matters of the rest.
pub(crate) fn ladder(net: &Net) -> String {
    net.sent
        .iter()
        .map(|s| format!("{:>5} {} > {}: {}\n", s.at.as_millis(), s.from, s.to, summary(&s.bytes)))
        .collect()
}

fn summary(bytes: &[u8]) -> String {
    let message = parse_datagram(bytes).unwrap();
    let headers = message.headers();
    let mut line = match &message {
        Message::Request(r) => format!("{} {}", r.method, headers.cseq().unwrap().number),
        Message::Response(r) => format!("{} {} ({})", r.code(), r.reason, headers.cseq().unwrap()),
    };
    for name in ["WWW-Authenticate", "Proxy-Authenticate"] {
        for challenge in headers.all(name).map(|v| Challenge::parse(v).unwrap()) {
            line += &format!(" asks {} {:?}", challenge.algorithm, challenge.freshness);
        }
    }
    for name in ["Authorization", "Proxy-Authorization"] {
        for credentials in headers.all(name).map(|v| Credentials::parse(v).unwrap()) {
            line += &format!(" {} nc={}", credentials.algorithm, credentials.qop.unwrap().nc);
        }
    }
    let content_type = headers.first("Content-Type").unwrap_or_default();
    if let Some(state) = headers.first("Subscription-State").filter(|_| !content_type.contains("sipfrag")) {
        line += &format!(" {state}");
    }
    if headers.first("Expires") == Some("0") {
        line += " removes";
    }
    if headers.first("Replaces").is_some() {
        line += " replaces";
    }
    if content_type.starts_with("message/sipfrag") {
        let state = headers.first("Subscription-State").unwrap_or_default().split(';').next().unwrap();
        line += &format!(" {state}: {}", String::from_utf8_lossy(message.body()).trim());
    } else if !message.body().is_empty() {
        line += match content_type {
            text if text.starts_with("text/plain") => " +text",
            text if text.contains("summary") => " +summary",
            _ => " +sdp",
        };
    }
    line
}

/// The ladder without its times: for flows whose waits are random.
pub(crate) fn check_order(net: &Net, expected: &str) {
    let expected: Vec<&str> = expected.lines().map(str::trim).collect();
    let ladder = ladder(net);
    let untimed = ladder.lines().filter_map(|line| Some(line.trim_start().split_once(' ')?.1));
    assert_eq!(
        untimed.collect::<Vec<_>>(),
        expected,
        "
{ladder}"
    );
}

pub(crate) fn check(net: &Net, expected: &str) {
    let expected: String =
        expected.lines().map(|l| l.trim_start_matches(' ')).map(|l| format!("{l}\n")).collect();
    let actual: String = ladder(net).lines().map(|l| format!("{}\n", l.trim_start())).collect();
    assert_eq!(actual.trim(), expected.trim(), "\n{}", ladder(net));
}

fn register_and_leave(algorithm: Algorithm) -> Net {
    let mut net = Net::new(1, CALM);
    let alice = net.add("alice", |_| {});
    let mut registrar = Registrar::add(&mut net);
    registrar.algorithm = algorithm;
    let config = account(&net, registrar.node, "secret");
    let now = net.now;
    let id = net.node(alice).endpoint.register(now, config);
    net.run(Duration::from_secs(60), &mut |net, n, e| registrar.on_event(net, n, e));
    assert_eq!(registrar.bindings, 1);
    let now = net.now;
    net.node(alice).endpoint.unregister(now, id);
    net.run(Duration::from_secs(60), &mut |net, n, e| registrar.on_event(net, n, e));
    assert_eq!(registrar.bindings, 0);
    net.assert_empty("after unregistering");
    net
}

#[test]
fn register_with_md5_and_remove() {
    check(
        &register_and_leave(Algorithm::Md5),
        "0 alice > registrar: REGISTER 1
         10 registrar > alice: 401 Unauthorized (1 REGISTER) asks MD5 Fresh
         20 alice > registrar: REGISTER 2 MD5 nc=1
         30 registrar > alice: 200 OK (2 REGISTER)
         60000 alice > registrar: REGISTER 3 MD5 nc=2 removes
         60010 registrar > alice: 200 OK (3 REGISTER)",
    );
}

#[test]
fn register_with_sha256_and_remove() {
    check(
        &register_and_leave(Algorithm::Sha256),
        "0 alice > registrar: REGISTER 1
         10 registrar > alice: 401 Unauthorized (1 REGISTER) asks SHA-256 Fresh
         20 alice > registrar: REGISTER 2 SHA-256 nc=1
         30 registrar > alice: 200 OK (2 REGISTER)
         60000 alice > registrar: REGISTER 3 SHA-256 nc=2 removes
         60010 registrar > alice: 200 OK (3 REGISTER)",
    );
}

/// Alice calls Bob, who does `what` 1 s after the INVITE; `later` happens at 5 s.
fn call(what: fn(&mut Net, usize, tern_sip::CallId), later: fn(&mut Net, tern_sip::CallId)) -> Net {
    let mut net = Net::new(1, CALM);
    let alice = net.add("alice", |_| {});
    let bob = net.add("bob", |_| {});
    let config = direct_call(&net, alice, bob);
    let now = net.now;
    let call = net.node(alice).endpoint.call(now, config).unwrap();
    let mut ringing = None;
    net.run(Duration::from_secs(1), &mut |net, n, e| {
        if let Event::IncomingCall { call, .. } = e {
            let now = net.now;
            net.node(n).endpoint.ring(now, *call).unwrap();
            ringing = Some(*call);
        }
    });
    what(&mut net, bob, ringing.unwrap());
    net.run(Duration::from_secs(4), &mut |_, _, _| {});
    later(&mut net, call);
    net.run(Duration::from_secs(100), &mut |_, _, _| {});
    net.assert_empty("after the call");
    net
}

fn accept(net: &mut Net, bob: usize, call: tern_sip::CallId) {
    let (now, sdp) = (net.now, crate::net::audio(net.nodes[bob].address));
    net.node(bob).endpoint.accept(now, call, sdp).unwrap();
}

fn alice_hangs_up(net: &mut Net, call: tern_sip::CallId) {
    let now = net.now;
    net.node(0).endpoint.hang_up(now, call).unwrap();
}

#[test]
fn a_call_answered_and_hung_up() {
    check(
        &call(accept, alice_hangs_up),
        "0 alice > bob: INVITE 1 +sdp
         10 bob > alice: 100 Trying (1 INVITE)
         10 bob > alice: 180 Ringing (1 INVITE)
         1000 bob > alice: 200 OK (1 INVITE) +sdp
         1010 alice > bob: ACK 1
         5000 alice > bob: BYE 2
         5010 bob > alice: 200 OK (2 BYE)",
    );
}

#[test]
fn a_call_rejected() {
    check(
        &call(
            |net, bob, call| {
                let now = net.now;
                net.node(bob).endpoint.reject(now, call, Reply::new(486)).unwrap();
            },
            |_, _| {},
        ),
        "0 alice > bob: INVITE 1 +sdp
         10 bob > alice: 100 Trying (1 INVITE)
         10 bob > alice: 180 Ringing (1 INVITE)
         1000 bob > alice: 486 Busy Here (1 INVITE)
         1010 alice > bob: ACK 1",
    );
}

#[test]
fn a_call_cancelled() {
    check(
        &call(|_, _, _| {}, alice_hangs_up),
        "0 alice > bob: INVITE 1 +sdp
         10 bob > alice: 100 Trying (1 INVITE)
         10 bob > alice: 180 Ringing (1 INVITE)
         5000 alice > bob: CANCEL 1
         5010 bob > alice: 200 OK (1 CANCEL)
         5010 bob > alice: 487 Request Terminated (1 INVITE)
         5020 alice > bob: ACK 1",
    );
}

#[test]
fn a_cancel_that_crosses_the_answer_ends_with_bye() {
    let mut net = Net::new(1, CALM);
    let alice = net.add("alice", |_| {});
    let bob = net.add("bob", |_| {});
    let config = direct_call(&net, alice, bob);
    let now = net.now;
    let call = net.node(alice).endpoint.call(now, config).unwrap();
    let mut incoming = None;
    net.run(Duration::from_secs(1), &mut |_, _, e| {
        if let Event::IncomingCall { call, .. } = e {
            incoming = Some(*call);
        }
    });
    accept(&mut net, bob, incoming.unwrap());
    alice_hangs_up(&mut net, call);
    net.run(Duration::from_secs(100), &mut |_, _, _| {});
    net.assert_empty("after the race");
    check(
        &net,
        "0 alice > bob: INVITE 1 +sdp
         10 bob > alice: 100 Trying (1 INVITE)
         1000 alice > bob: CANCEL 1
         1000 bob > alice: 200 OK (1 INVITE) +sdp
         1010 bob > alice: 200 OK (1 CANCEL)
         1010 alice > bob: ACK 1
         1010 alice > bob: BYE 2
         1020 bob > alice: 200 OK (2 BYE)",
    );
}
