//! Requests and responses over connections (RFC 3261 18, RFC 5626 3.5), and long requests (RFC 3261 18.1.1).

use crate::net::{CALM, Net, audio, call_states, direct_call, ending, uri};
use crate::registrar::Registrar;
use crate::registrations::account;
use std::net::SocketAddr;
use std::time::Duration;
use tern_sip::wire::{HeaderAccess as _, Message, headers, parse_datagram};
use tern_sip::*;

const SECOND: Duration = Duration::from_secs(1);

/// Alice without a TCP listener, Bob with one besides UDP.
fn pair() -> (Net, usize, usize) {
    let mut net = Net::new(31, CALM);
    let alice = net.add("alice", |_| {});
    let bob = net.add("bob", both);
    (net, alice, bob)
}

fn both(config: &mut EndpointConfig) {
    let address = config.listeners[0].address;
    config.listeners.push(Listener { transport: Transport::Tcp, address });
    config
        .listeners
        .push(Listener { transport: Transport::Tls, address: SocketAddr::new(address.ip(), 5061) });
}

fn call(net: &mut Net, from: usize, target: &str) -> CallId {
    let (now, mut config) = (net.now, direct_call(net, from, from));
    config.target = uri(target);
    net.node(from).endpoint.call(now, config).unwrap()
}

fn answer(net: &mut Net, node: usize, event: &Event) {
    if let Event::IncomingCall { call, .. } = event {
        let (now, sdp) = (net.now, audio(net.nodes[node].address));
        net.node(node).endpoint.accept(now, *call, sdp).unwrap();
    }
}

fn is_up(net: &Net, node: usize) -> bool {
    matches!(call_states(net, node).last(), Some(CallState::Confirmed { .. }))
}

fn sent(net: &Net, start: &str) -> Vec<Message> {
    let hits = net.sent.iter().filter(|s| s.bytes.starts_with(start.as_bytes()));
    hits.map(|s| parse_datagram(&s.bytes).unwrap()).collect()
}

/// Everything of a call goes over the one connection, in both directions, though only one side listens.
#[test]
fn a_call_uses_one_connection_for_both_directions() {
    let (mut net, alice, bob) = pair();
    call(&mut net, alice, "sip:bob@192.0.2.2;transport=tcp");
    net.run(SECOND, &mut answer);
    assert!(is_up(&net, alice) && is_up(&net, bob));
    assert_eq!((net.nodes[alice].endpoint.stats().flows, net.nodes[bob].endpoint.stats().flows), (1, 1));
    // Bob ends it: the BYE finds Alice by the address of her connection.
    let Some(Event::IncomingCall { call, .. }) =
        net.nodes[bob].events.iter().find(|e| matches!(e, Event::IncomingCall { .. }))
    else {
        panic!()
    };
    let (now, call) = (net.now, *call);
    net.node(bob).endpoint.hang_up(now, call).unwrap();
    net.run(SECOND, &mut answer);
    assert_eq!(ending(&net, alice).unwrap().by, EndedBy::Remote);
    assert_eq!(net.nodes[bob].endpoint.stats().flows, 1);
    // Left alone, it is closed some day, and then nothing is left.
    net.run(3600 * SECOND, &mut answer);
    assert_eq!((net.nodes[alice].endpoint.stats().flows, net.nodes[bob].endpoint.stats().flows), (0, 0));
    net.assert_empty("after a call over TCP");
}

#[test]
fn a_refused_connection_ends_the_call_at_once() {
    let (mut net, alice, bob) = pair();
    net.nodes[bob].listeners.clear();
    call(&mut net, alice, "sip:bob@192.0.2.2;transport=tcp");
    net.run(SECOND, &mut answer);
    assert_eq!(ending(&net, alice).unwrap().by, EndedBy::Network);
    net.assert_empty("after the refusal");
}

#[test]
fn a_connection_that_never_opens_is_given_up_and_closed() {
    let (mut net, alice, bob) = pair();
    net.lost_connections = true;
    let _ = bob;
    call(&mut net, alice, "sip:bob@192.0.2.2;transport=tcp");
    net.run(31 * SECOND, &mut answer);
    assert_eq!(ending(&net, alice), None);
    net.run(2 * SECOND, &mut answer);
    assert_eq!(ending(&net, alice).unwrap().by, EndedBy::Network);
    net.run(100 * SECOND, &mut answer);
    assert_eq!(net.nodes[alice].endpoint.stats().flows, 0);
    net.assert_empty("after the unopened connection");
}

#[test]
fn a_connection_closed_before_the_answer_fails_the_request() {
    let (mut net, alice, bob) = pair();
    call(&mut net, alice, "sip:bob@192.0.2.2;transport=tcp");
    net.run(SECOND, &mut |_, _, _| {});
    net.cut(bob, Disconnect::Closed);
    net.run(SECOND, &mut |_, _, _| {});
    assert_eq!(ending(&net, alice).unwrap().by, EndedBy::Network);
}

/// The peer has closed an idle connection, and its word of that was lost: the request meets silence there and goes
/// again over a new one.
#[test]
fn a_connection_the_peer_has_forgotten_is_replaced() {
    let (mut net, alice, bob) = pair();
    let first = call(&mut net, alice, "sip:bob@192.0.2.2;transport=tcp");
    net.run(SECOND, &mut answer);
    let now = net.now;
    net.node(alice).endpoint.hang_up(now, first).unwrap();
    net.run(SECOND, &mut answer);
    net.forget(bob);
    call(&mut net, alice, "sip:bob@192.0.2.2;transport=tcp");
    net.run(6 * SECOND, &mut answer);
    assert!(is_up(&net, alice));
    assert_eq!(net.nodes[bob].events.iter().filter(|e| matches!(e, Event::IncomingCall { .. })).count(), 2);
}

/// RFC 3261 18.2.2: the connection of the request is gone, so the response goes to where the Via says.
#[test]
fn a_response_finds_its_way_over_a_new_connection() {
    let mut net = Net::new(31, CALM);
    let (alice, bob) = (net.add("alice", both), net.add("bob", both));
    call(&mut net, alice, "sip:bob@192.0.2.2;transport=tcp");
    let mut ringing = None;
    net.run(SECOND, &mut |net, n, e| {
        if let Event::IncomingCall { call, .. } = e {
            ringing = Some(*call);
            let now = net.now;
            net.node(n).endpoint.ring(now, *call).unwrap();
        }
    });
    // Bob's side breaks; Alice hears nothing of it.
    net.cut_one_side(bob, Disconnect::Reset);
    net.run(SECOND, &mut |_, _, _| {});
    let (now, sdp) = (net.now, audio(net.nodes[bob].address));
    net.node(bob).endpoint.accept(now, ringing.unwrap(), sdp).unwrap();
    net.run(SECOND, &mut |_, _, _| {});
    assert!(is_up(&net, alice), "{:?}", call_states(&net, alice));
}

#[test]
fn messages_are_found_in_any_pieces() {
    let (mut net, _, bob) = pair();
    let local: SocketAddr = "192.0.2.2:5060".parse().unwrap();
    let remote: SocketAddr = "198.51.100.1:40000".parse().unwrap();
    let now = net.now;
    let endpoint = &mut net.node(bob).endpoint;
    let flow = endpoint.accepted(now, Transport::Tcp, local, remote);
    let request = |n: u32| {
        format!(
            "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/TCP 198.51.100.1;branch=z9hG4bK{n}\r\n\
             From: <sip:x@h>;tag={n}\r\nTo: <sip:bob@h>\r\nCall-ID: {n}\r\nCSeq: 1 OPTIONS\r\n\
             Max-Forwards: 70\r\nContent-Length: 3\r\n\r\nabc"
        )
    };
    let stream = format!("{}\r\n\r\n{}{}", request(1), request(2), request(3));
    for byte in stream.as_bytes() {
        endpoint.handle_stream(now, flow, &[*byte]);
    }
    let mut written = Vec::new();
    while let Some(output) = endpoint.poll() {
        if let Output::Write { flow: over, bytes } = output {
            assert_eq!(over, flow);
            written.push(String::from_utf8(bytes).unwrap());
        }
    }
    let answers = written.iter().filter(|w| w.starts_with("SIP/2.0 200")).count();
    // The two line ends between the first two are a ping and get their answer (RFC 5626 4.4.1).
    assert_eq!((answers, written.iter().filter(|w| *w == "\r\n").count()), (3, 1));
    endpoint.handle_stream(now, flow, b"\x16\x03\x01");
    assert!(matches!(endpoint.poll(), Some(Output::Close { flow: closed }) if closed == flow));
    assert_eq!(endpoint.stats().flows, 0);
}

#[test]
fn strangers_cannot_take_all_connections() {
    let (mut net, _, bob) = pair();
    let now = net.now;
    let endpoint = &mut net.node(bob).endpoint;
    for port in 1..2000 {
        let remote = SocketAddr::new("198.51.100.1".parse().unwrap(), port);
        endpoint.accepted(now, Transport::Tcp, "192.0.2.2:5060".parse().unwrap(), remote);
    }
    let flows = endpoint.stats().flows;
    assert!(flows < 512, "{flows}");
    // One of our own still finds a place.
    call(&mut net, bob, "sip:x@192.0.2.1;transport=tcp");
    assert_eq!(net.nodes[bob].endpoint.stats().flows, flows + 1);
    // Those that bring nothing are closed.
    net.run(40 * SECOND, &mut |_, _, _| {});
    assert_eq!(net.nodes[bob].endpoint.stats().flows, 0);
}

/// An INVITE with this much text besides.
fn long_call(net: &mut Net, from: usize, to: &str, octets: usize) -> CallId {
    let (now, mut config) = (net.now, direct_call(net, from, from));
    config.target = uri(to);
    config.headers.push(headers::header("Subject", "x".repeat(octets)));
    net.node(from).endpoint.call(now, config).unwrap()
}

#[test]
fn a_long_request_goes_by_tcp_and_asks_for_nothing_there() {
    let (mut net, alice, bob) = pair();
    long_call(&mut net, alice, "sip:bob@192.0.2.2", 1300);
    net.run(SECOND, &mut answer);
    assert!(is_up(&net, alice) && is_up(&net, bob));
    let Message::Request(invite) = &sent(&net, "INVITE")[0] else { panic!() };
    assert_eq!(invite.headers.top_via().unwrap().transport, "TCP");
    // What Bob sends later comes to the datagram socket.
    let contact = invite.headers.addresses("Contact").unwrap().remove(0).uri;
    assert_eq!(contact.to_string(), "sip:alice@192.0.2.1:5060");
}

#[test]
fn a_long_request_goes_by_udp_where_tcp_is_refused() {
    let (mut net, alice, bob) = pair();
    net.nodes[bob].listeners.truncate(1);
    let first = long_call(&mut net, alice, "sip:bob@192.0.2.2", 1300);
    net.run(SECOND, &mut answer);
    assert!(is_up(&net, alice));
    let vias = |net: &Net| -> Vec<String> {
        sent(net, "INVITE").iter().map(|m| m.headers().top_via().unwrap().transport).collect()
    };
    assert_eq!(vias(&net), ["UDP"]);
    let now = net.now;
    net.node(alice).endpoint.hang_up(now, first).unwrap();
    net.run(SECOND, &mut answer);
    // The next one does not even try.
    net.lost_connections = true;
    long_call(&mut net, alice, "sip:bob@192.0.2.2", 1300);
    net.run(SECOND, &mut answer);
    assert!(is_up(&net, alice));
    assert_eq!(vias(&net), ["UDP", "UDP"]);
}

#[test]
fn a_long_request_goes_by_udp_where_tcp_meets_silence() {
    let (mut net, alice, _) = pair();
    net.lost_connections = true;
    long_call(&mut net, alice, "sip:bob@192.0.2.2", 1300);
    net.run(5 * SECOND, &mut answer);
    assert!(is_up(&net, alice));
}

/// An account whose proxy is reached over a connection.
fn stream_account(net: &Net, node: usize, transport: Transport, port: u16) -> RegistrationConfig {
    let mut config = account(net, node, "secret");
    let address = SocketAddr::new(net.nodes[node].address.ip(), port);
    config.proxies = vec![NextHop::Address { transport, address }];
    config
}

fn last_state(net: &Net, node: usize) -> Option<RegistrationState> {
    net.nodes[node].events.iter().rev().find_map(|e| match e {
        Event::Registration { state, .. } => Some(state.clone()),
        _ => None,
    })
}

#[test]
fn a_certificate_for_another_name_is_told_apart() {
    let mut net = Net::new(31, CALM);
    let alice = net.add("alice", |_| {});
    let registrar = Registrar::add(&mut net);
    let address = SocketAddr::new(net.nodes[registrar.node].address.ip(), 5061);
    net.nodes[registrar.node].listeners.push(Listener { transport: Transport::Tls, address });
    net.names.push(("sip.test", net.nodes[registrar.node].address));
    net.forged.push("sip.test");
    let mut config = account(&net, registrar.node, "secret");
    config.proxies =
        vec![NextHop::Name { host: "sip.test".into(), port: Some(5061), transport: Some(Transport::Tls) }];
    let now = net.now;
    net.node(alice).endpoint.register(now, config);
    net.run(SECOND, &mut |_, _, _| {});
    let Some(RegistrationState::Failed { reason, .. }) = last_state(&net, alice) else { panic!() };
    assert_eq!(reason, RegistrationFailure::Certificate);
    assert!(net.sent.is_empty(), "nothing was sent to it");
}

/// A connection whose certificate was for one domain says nothing about another at the same address.
#[test]
fn a_tls_connection_serves_only_the_name_it_was_checked_for() {
    let mut net = Net::new(31, CALM);
    let alice = net.add("alice", |_| {});
    let bob = net.add("bob", both);
    net.names.push(("one.test", net.nodes[bob].address));
    net.names.push(("two.test", net.nodes[bob].address));
    for (host, flows) in [("one.test", 1), ("two.test", 2), ("one.test", 2)] {
        call(&mut net, alice, &format!("sips:bob@{host}:5061"));
        net.run(SECOND, &mut |_, _, _| {});
        assert_eq!(net.nodes[alice].endpoint.stats().flows, flows, "{host}");
    }
    // A proxy names itself by its address in Record-Route: what goes there goes over the connection that is there.
    call(&mut net, alice, "sips:bob@192.0.2.2:5061");
    net.run(SECOND, &mut |_, _, _| {});
    assert_eq!(net.nodes[alice].endpoint.stats().flows, 2);
    assert!(sent(&net, "INVITE").iter().all(|m| m.headers().top_via().unwrap().transport == "TLS"));
}

#[test]
fn a_broken_connection_is_formed_anew_at_once() {
    let mut net = Net::new(31, CALM);
    let alice = net.add("alice", |_| {});
    let mut registrar = Registrar::add(&mut net);
    let address = net.nodes[registrar.node].address;
    net.nodes[registrar.node].listeners.push(Listener { transport: Transport::Tcp, address });
    let (now, config) = (net.now, stream_account(&net, registrar.node, Transport::Tcp, 5060));
    net.node(alice).endpoint.register(now, config);
    net.run(SECOND, &mut |net, n, e| registrar.on_event(net, n, e));
    assert!(matches!(last_state(&net, alice), Some(RegistrationState::Registered { .. })));
    let registers = |net: &Net| sent(net, "REGISTER").len();
    let before = registers(&net);
    net.cut(registrar.node, Disconnect::Closed);
    net.run(SECOND, &mut |net, n, e| registrar.on_event(net, n, e));
    assert!(registers(&net) > before);
    let Some(RegistrationState::Registered { contact, .. }) = last_state(&net, alice) else { panic!() };
    // The binding names the new connection, and the one of the old is removed.
    let last = sent(&net, "REGISTER").pop().unwrap();
    let bound = last.headers().addresses("Contact").unwrap();
    assert_eq!(last.headers().top_via().unwrap().port, contact.uri.as_sip().unwrap().port);
    assert_eq!((bound[0].uri.clone(), bound.len(), bound[1].expires()), (contact.uri, 2, Some(0)));
}
