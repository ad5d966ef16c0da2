//! Which server a request goes to, and to which one next (RFC 3263).

use crate::net::{CALM, Net, Node, Weather, audio, call_states, direct_call, ending, uri};
use crate::registrar::Registrar;
use crate::registrations::account;
use std::net::SocketAddr;
use std::time::Duration;
use tern_sip::*;

const SECOND: Duration = Duration::from_secs(1);

fn srv(priority: u16, weight: u16, target: &str) -> SrvRecord {
    SrvRecord { priority, weight, port: 5060, target: target.into() }
}

fn naptr(order: u16, services: &str, replacement: &str) -> NaptrRecord {
    NaptrRecord {
        order,
        preference: 10,
        flags: "s".into(),
        services: services.into(),
        replacement: replacement.into(),
    }
}

/// Alice, two servers behind SRV at `sip.test` of which `a` goes first, and Bob's number at both.
fn two_servers() -> (Net, usize, usize, usize) {
    let mut net = Net::new(21, CALM);
    let alice = net.add("alice", |_| {});
    let (a, b) = (net.add("a", |_| {}), net.add("b", |_| {}));
    net.names.push(("a.sip.test", net.nodes[a].address));
    net.names.push(("b.sip.test", net.nodes[b].address));
    net.srv.push(("_sip._udp.sip.test", srv(20, 1, "b.sip.test.")));
    net.srv.push(("_sip._udp.sip.test", srv(10, 1, "a.sip.test.")));
    (net, alice, a, b)
}

/// Takes a node off the network without a sound.
fn silence(net: &mut Net, node: usize) {
    net.nodes[node].address = "203.0.113.99:9".parse().unwrap();
}

fn call_bob(net: &mut Net, alice: usize) -> CallId {
    let (now, mut config) = (net.now, direct_call(net, alice, alice));
    config.target = uri("sip:bob@sip.test");
    net.node(alice).endpoint.call(now, config).unwrap()
}

/// Takes every call.
fn answer(net: &mut Net, node: usize, event: &Event) {
    if let Event::IncomingCall { call, .. } = event {
        let (now, sdp) = (net.now, audio(net.nodes[node].address));
        net.node(node).endpoint.accept(now, *call, sdp).unwrap();
    }
}

fn incoming(node: &Node) -> usize {
    node.events.iter().filter(|e| matches!(e, Event::IncomingCall { .. })).count()
}

/// When each INVITE left, and to whom.
fn invites(net: &Net) -> Vec<(u64, String)> {
    let invites = net.sent.iter().filter(|s| s.bytes.starts_with(b"INVITE"));
    invites.map(|s| (s.at.as_millis() as u64, s.to.clone())).collect()
}

fn is_up(net: &Net, node: usize) -> bool {
    matches!(call_states(net, node).last(), Some(CallState::Confirmed { .. }))
}

#[test]
fn the_dns_is_asked_in_the_order_of_rfc_3263() {
    let (mut net, alice, a, b) = two_servers();
    call_bob(&mut net, alice);
    net.run(SECOND, &mut answer);
    let asked = [
        Question::Naptr("sip.test".into()),
        Question::Srv("_sip._udp.sip.test".into()),
        Question::Addresses("a.sip.test".into()),
    ];
    assert_eq!(net.asked, asked);
    assert_eq!((incoming(&net.nodes[a]), incoming(&net.nodes[b])), (1, 0));
    assert!(is_up(&net, alice));
}

#[test]
fn naptr_chooses_the_transport() {
    let mut net = Net::new(21, CALM);
    let alice = net.add("alice", |_| {});
    net.transport = Transport::Tcp;
    let server = net.add("server", |_| {});
    net.names.push(("h.sip.test", net.nodes[server].address));
    net.naptr.push(("sip.test", naptr(20, "SIP+D2U", "_sip._udp.sip.test")));
    net.naptr.push(("sip.test", naptr(10, "SIP+D2T", "_sip._tcp.elsewhere.test")));
    net.srv.push(("_sip._tcp.elsewhere.test", srv(1, 1, "h.sip.test")));
    call_bob(&mut net, alice);
    net.run(SECOND, &mut answer);
    assert!(is_up(&net, alice));
    assert!(net.sent[0].bytes.windows(12).any(|w| w == b"SIP/2.0/TCP "), "went by TCP");
}

#[test]
fn a_silent_server_is_left_after_four_seconds_and_remembered() {
    let (mut net, alice, a, b) = two_servers();
    silence(&mut net, a);
    call_bob(&mut net, alice);
    net.run(6 * SECOND, &mut answer);
    assert!(is_up(&net, alice));
    assert_eq!(incoming(&net.nodes[b]), 1);
    // Timer A repeats it there; then the other one.
    let to_b: Vec<u64> = invites(&net).iter().filter(|(_, to)| to == "b").map(|(at, _)| *at).collect();
    assert_eq!(to_b, [4000]);
    // A branch of its own, everything else the same (RFC 3263 4.3).
    let of = |to: &str| {
        let sent = net.sent.iter().find(|s| s.bytes.starts_with(b"INVITE") && s.to == to).unwrap();
        let text = String::from_utf8(sent.bytes.clone()).unwrap();
        let line = |name: &str| text.lines().find(|l| l.starts_with(name)).unwrap().to_owned();
        (line("Via"), line("Call-ID"), line("CSeq"), line("From"))
    };
    let (first, second) = (of("192.0.2.2:5060"), of("b"));
    assert_ne!(first.0, second.0);
    assert_eq!((first.1, first.2, first.3), (second.1, second.2, second.3));
    // The next call goes where the last one found an answer, without a question.
    let asked = net.asked.len();
    let start = net.elapsed();
    call_bob(&mut net, alice);
    net.run(SECOND, &mut answer);
    assert_eq!((incoming(&net.nodes[b]), net.asked.len()), (2, asked));
    assert_eq!(invites(&net).last(), Some(&(start.as_millis() as u64, "b".into())));
}

#[test]
fn a_refused_datagram_leads_to_the_next_server_at_once() {
    let (mut net, alice, a, b) = two_servers();
    let address = net.nodes[a].address;
    silence(&mut net, a);
    call_bob(&mut net, alice);
    net.run(Duration::from_millis(50), &mut answer);
    let now = net.now;
    net.node(alice).endpoint.transport_failed(now, address);
    net.run(Duration::from_millis(500), &mut answer);
    assert!(is_up(&net, alice) && incoming(&net.nodes[b]) == 1);
}

#[test]
fn a_busy_server_passes_the_call_on_and_is_left_alone_as_long_as_it_asks() {
    let (mut net, alice, a, b) = two_servers();
    let mut app = |net: &mut Net, node: usize, event: &Event| match event {
        Event::IncomingCall { call, .. } if node == a => {
            let now = net.now;
            let busy = Reply::new(503).header("Retry-After", "30");
            net.node(node).endpoint.reject(now, *call, busy).unwrap();
        }
        event => answer(net, node, event),
    };
    let call = call_bob(&mut net, alice);
    net.run(SECOND, &mut app);
    assert!(is_up(&net, alice));
    assert_eq!((incoming(&net.nodes[a]), incoming(&net.nodes[b])), (1, 1));
    // The 503 got its ACK, and nobody heard of it.
    assert_eq!(net.sent.iter().filter(|s| s.bytes.starts_with(b"ACK") && s.to == "a").count(), 1);
    let now = net.now;
    net.node(alice).endpoint.hang_up(now, call).unwrap();
    net.run(40 * SECOND, &mut app);
    assert_eq!(net.node(alice).endpoint.stats().calls, 0);
    net.run(100 * SECOND, &mut app);
    net.assert_empty("after a call by the second server");
}

/// Where nothing is remembered as good, what has failed lately still comes last.
#[test]
fn a_server_that_failed_for_one_name_is_not_the_first_for_another() {
    let (mut net, alice, a, b) = two_servers();
    silence(&mut net, a);
    net.srv.push(("_sip._udp.other.test", srv(1, 1, "a.sip.test")));
    net.srv.push(("_sip._udp.other.test", srv(2, 1, "b.sip.test")));
    call_bob(&mut net, alice);
    net.run(6 * SECOND, &mut answer);
    for (host, first) in [("sip.test", "b"), ("other.test", "b")] {
        let (now, mut config) = (net.now, direct_call(&net, alice, alice));
        config.target = uri(&format!("sip:bob@{host}"));
        net.node(alice).endpoint.call(now, config).unwrap();
        let before = invites(&net).len();
        net.run(SECOND, &mut answer);
        assert_eq!(invites(&net)[before].1, first, "{host}");
    }
    assert_eq!(incoming(&net.nodes[b]), 3);
}

#[test]
fn the_last_server_has_its_full_time_and_its_fate_is_told() {
    let (mut net, alice, a, b) = two_servers();
    silence(&mut net, a);
    silence(&mut net, b);
    call_bob(&mut net, alice);
    net.run(35 * SECOND, &mut answer);
    assert_eq!(ending(&net, alice), None);
    // 4 s for the first, 64*T1 for the last.
    net.run(2 * SECOND, &mut answer);
    assert_eq!(ending(&net, alice).unwrap().by, EndedBy::Network);
    net.run(100 * SECOND, &mut answer);
    net.assert_empty("after two silent servers");
}

#[test]
fn a_503_of_every_server_reaches_the_caller() {
    let (mut net, alice, ..) = two_servers();
    call_bob(&mut net, alice);
    net.run(100 * SECOND, &mut |net, node, event| {
        if let Event::IncomingCall { call, .. } = event {
            let now = net.now;
            net.node(node).endpoint.reject(now, *call, Reply::new(503)).unwrap();
        }
    });
    assert_eq!(ending(&net, alice).unwrap().code, Some(503));
    assert_eq!(invites(&net).len(), 2);
    net.assert_empty("after 503 twice");
}

/// A server that was only slow: its INVITE is cancelled when it rings after all, and the call is answered once.
#[test]
fn a_slow_server_does_not_ring_a_second_time() {
    let (mut net, alice, a, b) = two_servers();
    let address = net.nodes[a].address;
    silence(&mut net, a);
    call_bob(&mut net, alice);
    net.run(Duration::from_millis(3900), &mut answer);
    let first = net.sent[0].bytes.clone();
    // b rings and is not answered yet.
    net.run(SECOND, &mut |net, n, e| {
        if let Event::IncomingCall { call, .. } = e {
            let now = net.now;
            net.node(n).endpoint.ring(now, *call).unwrap();
        }
    });
    // Now the first one wakes up, with the INVITE that was repeated to it.
    net.nodes[a].address = address;
    let from = net.nodes[alice].address;
    net.deliver(from, address, &first);
    let mut rings = 0;
    net.run(5 * SECOND, &mut |net, n, e| {
        if let Event::IncomingCall { call, .. } = e {
            let now = net.now;
            rings += 1;
            net.node(n).endpoint.ring(now, *call).unwrap();
        }
    });
    assert_eq!(rings, 1);
    let late = ending(&net, a).unwrap();
    assert_eq!(late.by, EndedBy::Remote, "cancelled: {late:?}");
    // The caller still hears the other one.
    assert_eq!(ending(&net, alice), None);
    assert_eq!(ending(&net, b), None);
}

/// A server that was only slow and answers after all: the call is taken by it, and the other one stops ringing.
#[test]
fn a_late_answer_of_the_first_server_takes_the_call() {
    let (mut net, alice, a, b) = two_servers();
    let address = net.nodes[a].address;
    silence(&mut net, a);
    let call = call_bob(&mut net, alice);
    net.run(Duration::from_millis(3900), &mut answer);
    let first = net.sent[0].bytes.clone();
    let ring_at_b = move |net: &mut Net, n: usize, e: &Event| {
        if let Event::IncomingCall { call, .. } = e {
            let (now, sdp) = (net.now, audio(net.nodes[n].address));
            match n == b {
                true => net.node(n).endpoint.ring(now, *call).unwrap(),
                false => net.node(n).endpoint.accept(now, *call, sdp).unwrap(),
            }
        }
    };
    net.run(SECOND, &mut ring_at_b.clone());
    net.nodes[a].address = address;
    let from = net.nodes[alice].address;
    // Its 100 and 200 leave together, so that the CANCEL comes too late.
    net.weather = Weather { delay: Duration::from_millis(1), ..CALM };
    net.deliver(from, address, &first);
    net.run(5 * SECOND, &mut ring_at_b.clone());
    assert!(is_up(&net, alice));
    assert_eq!(ending(&net, b).unwrap().by, EndedBy::Remote);
    let now = net.now;
    net.node(alice).endpoint.hang_up(now, call).unwrap();
    net.run(200 * SECOND, &mut ring_at_b.clone());
    assert_eq!(ending(&net, a).unwrap().by, EndedBy::Remote);
    net.assert_empty("after a late answer");
}

#[test]
fn hanging_up_before_a_sign_of_life_keeps_the_call_from_the_next_server() {
    let (mut net, alice, a, b) = two_servers();
    silence(&mut net, a);
    let call = call_bob(&mut net, alice);
    net.run(SECOND, &mut answer);
    let now = net.now;
    net.node(alice).endpoint.hang_up(now, call).unwrap();
    net.run(100 * SECOND, &mut answer);
    assert_eq!((incoming(&net.nodes[b]), ending(&net, alice).unwrap().by), (0, EndedBy::Local));
    net.assert_empty("after hanging up early");
}

/// The registrar behind the second SRV record; the first is dead.
#[test]
fn an_account_is_registered_at_the_server_that_lives() {
    let mut net = Net::new(5, CALM);
    let alice = net.add("alice", |_| {});
    let mut registrar = Registrar::add(&mut net);
    net.names.push(("dead.test", "192.0.2.99:5060".parse().unwrap()));
    net.names.push(("alive.test", net.nodes[registrar.node].address));
    net.srv.push(("_sip._udp.sip.test", srv(1, 1, "dead.test")));
    net.srv.push(("_sip._udp.sip.test", srv(2, 1, "alive.test")));
    let (now, mut config) = (net.now, account(&net, registrar.node, "secret"));
    config.proxies.clear();
    net.node(alice).endpoint.register(now, config);
    net.run(5 * SECOND, &mut |net, n, e| registrar.on_event(net, n, e));
    assert!(
        net.nodes[alice]
            .events
            .iter()
            .any(|e| matches!(e, Event::Registration { state: RegistrationState::Registered { .. }, .. }))
    );
    // Nothing was told of the dead one.
    assert!(
        !net.nodes[alice]
            .events
            .iter()
            .any(|e| matches!(e, Event::Registration { state: RegistrationState::Failed { .. }, .. }))
    );
    assert_eq!(registrar.bindings, 1);
}

#[test]
fn addresses_of_a_family_this_side_has_not_are_passed_over() {
    let mut net = Net::new(5, CALM);
    let (alice, bob) = (net.add("alice", |_| {}), net.add("bob", |_| {}));
    let v6: SocketAddr = "[2001:db8::7]:5060".parse().unwrap();
    net.names.push(("sip.test", v6));
    net.names.push(("sip.test", net.nodes[bob].address));
    call_bob(&mut net, alice);
    net.run(SECOND, &mut answer);
    assert!(is_up(&net, alice));
    assert_eq!(net.sent.iter().filter(|s| s.to.contains("2001")).count(), 0);
}

/// RFC 2782: "." says that there is no such service; the domain's own address is then none either.
#[test]
fn a_service_that_is_said_not_to_exist_is_not_looked_for_elsewhere() {
    let mut net = Net::new(5, CALM);
    let (alice, bob) =
        (net.add("alice", |config| config.transports = vec![Transport::Udp]), net.add("bob", |_| {}));
    net.names.push(("sip.test", net.nodes[bob].address));
    net.srv.push(("_sip._udp.sip.test", srv(0, 0, ".")));
    call_bob(&mut net, alice);
    net.run(SECOND, &mut answer);
    assert_eq!((incoming(&net.nodes[bob]), ending(&net, alice).unwrap().by), (0, EndedBy::Network));
}
