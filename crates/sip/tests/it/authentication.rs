//! Challenges to calls: who gets credentials and who does not.

use crate::net::{CALM, Net, audio, call_states, direct_call, ending};
use crate::registrar::Registrar;
use crate::registrations::account;
use std::time::Duration;
use tern_sip::wire::auth::Credentials;
use tern_sip::wire::{HeaderAccess as _, Message, Method, Response, digest, parse_datagram};
use tern_sip::{CallState, EndedBy, Event, Identity, Login, NextHop, RegistrationState, Reply};

const CHALLENGE: &str = "Digest realm=\"sip.test\", nonce=\"switch-1\", algorithm=SHA-256, qop=\"auth\"";

/// A switch that asks every INVITE for a proof of `password` and then accepts.
fn switch(net: &mut Net, node: usize, event: &Event, challenge: &str, password: &str) {
    let Event::IncomingCall { call, request, .. } = event else { return };
    let proof = request.headers.first("Proxy-Authorization").and_then(|v| Credentials::parse(v).ok());
    let good = proof.is_some_and(|c| digest::verify(&c, &request.method, &request.body, password));
    let (now, sdp) = (net.now, audio(net.nodes[node].address));
    let endpoint = &mut net.node(node).endpoint;
    if good {
        endpoint.accept(now, *call, sdp).unwrap();
    } else {
        endpoint.reject(now, *call, Reply::new(407).header("Proxy-Authenticate", challenge)).unwrap();
    }
}

#[test]
fn a_registered_account_proves_itself_to_its_own_switch() {
    let mut net = Net::new(1, CALM);
    let alice = net.add("alice", |_| {});
    let mut registrar = Registrar::add(&mut net);
    let (now, config) = (net.now, account(&net, registrar.node, "secret"));
    let id = net.node(alice).endpoint.register(now, config);
    let server = registrar.node;
    net.run(Duration::from_secs(1), &mut |net, n, e| registrar.on_event(net, n, e));
    let mut config = direct_call(&net, alice, server);
    config.identity = Identity::Account(id);
    config.target = crate::net::uri("sip:echo@sip.test");
    let now = net.now;
    let call = net.node(alice).endpoint.call(now, config).unwrap();
    net.run(Duration::from_secs(2), &mut |net, n, e| {
        if n == server {
            switch(net, n, e, CHALLENGE, "secret");
        }
    });
    assert!(
        matches!(call_states(&net, alice).last(), Some(CallState::Confirmed { .. })),
        "{:?}",
        call_states(&net, alice)
    );
    // RFC 3261 13.2.2.4: the ACK shows the credentials of its INVITE.
    let ack = net.sent.iter().rev().find(|s| s.bytes.starts_with(b"ACK")).unwrap();
    let Ok(Message::Request(ack)) = parse_datagram(&ack.bytes) else { panic!() };
    assert!(ack.headers.first("Proxy-Authorization").is_some());
    let now = net.now;
    net.node(alice).endpoint.hang_up(now, call).unwrap();
    net.run(Duration::from_secs(1), &mut |_, _, _| {});
    let bye = net.sent.iter().rev().find(|s| s.bytes.starts_with(b"BYE")).unwrap();
    let Ok(Message::Request(bye)) = parse_datagram(&bye.bytes) else { panic!() };
    let credentials = Credentials::parse(bye.headers.first("Proxy-Authorization").unwrap()).unwrap();
    assert_eq!(credentials.qop.as_ref().unwrap().nc, 2);
    assert!(digest::verify(&credentials, &Method::BYE, b"", "secret"));
}

#[test]
fn the_called_account_proves_its_bye_to_its_own_server() {
    let mut net = Net::new(1, CALM);
    let alice = net.add("alice", |_| {});
    let mut registrar = Registrar::add(&mut net);
    let (now, config) = (net.now, account(&net, registrar.node, "secret"));
    let id = net.node(alice).endpoint.register(now, config);
    net.run(Duration::from_secs(1), &mut |net, n, e| registrar.on_event(net, n, e));
    let contact = net.nodes[alice].events.iter().find_map(|e| match e {
        Event::Registration { state: RegistrationState::Registered { contact, .. }, .. } => {
            Some(contact.uri.clone())
        }
        _ => None,
    });
    let mut config = direct_call(&net, registrar.node, alice);
    config.target = contact.unwrap();
    let now = net.now;
    net.node(registrar.node).endpoint.call(now, config).unwrap();
    let mut incoming = None;
    net.run(Duration::from_secs(1), &mut |net, n, e| {
        if let Event::IncomingCall { call, account, .. } = e {
            assert_eq!(*account, Some(id));
            incoming = Some(*call);
            let (now, sdp) = (net.now, audio(net.nodes[n].address));
            net.node(n).endpoint.accept(now, *call, sdp).unwrap();
        }
    });
    let now = net.now;
    net.node(alice).endpoint.hang_up(now, incoming.unwrap()).unwrap();
    // The registrar node's endpoint would answer the BYE itself; a challenge is put in its place.
    let server = net.nodes[registrar.node].address;
    net.nodes[registrar.node].address = "203.0.113.1:1".parse().unwrap();
    net.run(Duration::from_millis(20), &mut |_, _, _| {});
    let bye = net.sent.iter().rev().find(|s| s.bytes.starts_with(b"BYE")).unwrap();
    let Ok(Message::Request(bye)) = parse_datagram(&bye.bytes) else { panic!() };
    let mut challenge = Response::to(&bye, 407, Some("x"));
    challenge.headers.add("Proxy-Authenticate", CHALLENGE);
    net.deliver(server, net.nodes[alice].address, &challenge.to_bytes());
    net.run(Duration::from_millis(20), &mut |_, _, _| {});
    let again = net.sent.iter().rev().find(|s| s.bytes.starts_with(b"BYE")).unwrap();
    let Ok(Message::Request(again)) = parse_datagram(&again.bytes) else { panic!() };
    let credentials = Credentials::parse(again.headers.first("Proxy-Authorization").unwrap()).unwrap();
    assert!(digest::verify(&credentials, &Method::BYE, b"", "secret"));
    assert_eq!(again.headers.cseq().unwrap().number, bye.headers.cseq().unwrap().number + 1);
}

#[test]
fn a_call_is_for_the_account_whose_contact_or_server_it_names() {
    let mut net = Net::new(1, CALM);
    let alice = net.add("alice", |_| {});
    let mut registrar = Registrar::add(&mut net);
    let stranger = net.add("stranger", |_| {});
    let (now, config) = (net.now, account(&net, registrar.node, "secret"));
    let id = net.node(alice).endpoint.register(now, config);
    net.run(Duration::from_secs(1), &mut |net, n, e| registrar.on_event(net, n, e));
    let mut accounts = Vec::new();
    for from in [registrar.node, stranger] {
        let (now, config) = (net.now, direct_call(&net, from, alice));
        net.node(from).endpoint.call(now, config).unwrap();
        net.run(Duration::from_secs(1), &mut |_, _, e| {
            if let Event::IncomingCall { account, .. } = e {
                accounts.push(*account);
            }
        });
    }
    assert_eq!(accounts, [Some(id), None]);
}

#[test]
fn a_wrong_password_ends_the_call_with_the_servers_word() {
    let mut net = Net::new(1, CALM);
    let (alice, server) = (net.add("alice", |_| {}), net.add("switch", |_| {}));
    let mut config = direct_call(&net, alice, server);
    let Identity::Plain { login, .. } = &mut config.identity else { panic!() };
    *login = Some(Login::new("alice", "wrong"));
    let now = net.now;
    net.node(alice).endpoint.call(now, config).unwrap();
    net.run(Duration::from_secs(60), &mut |net, n, e| switch(net, n, e, CHALLENGE, "secret"));
    let end = ending(&net, alice).unwrap();
    assert_eq!((end.by, end.code), (EndedBy::Provider, Some(407)));
    assert_eq!(net.sent.iter().filter(|s| s.bytes.starts_with(b"INVITE")).count(), 2);
    net.assert_empty("after the refusal");
}

#[test]
fn a_foreign_server_gets_no_credentials() {
    let mut net = Net::new(1, CALM);
    let alice = net.add("alice", |_| {});
    let mut registrar = Registrar::add(&mut net);
    let foreign = net.add("foreign", |_| {});
    let (now, config) = (net.now, account(&net, registrar.node, "secret"));
    let id = net.node(alice).endpoint.register(now, config);
    net.run(Duration::from_secs(1), &mut |net, n, e| registrar.on_event(net, n, e));
    let mut config = direct_call(&net, alice, foreign);
    config.identity = Identity::Account(id);
    config.next_hop = Some(NextHop::udp(net.nodes[foreign].address));
    let now = net.now;
    net.node(alice).endpoint.call(now, config).unwrap();
    net.run(Duration::from_secs(2), &mut |net, n, e| {
        if n == foreign {
            switch(net, n, e, CHALLENGE, "secret");
        }
    });
    assert_eq!(ending(&net, alice).unwrap().code, Some(407));
    let shown = net
        .sent
        .iter()
        .filter(|s| s.to == "foreign" && String::from_utf8_lossy(&s.bytes).contains("Authorization:"));
    assert_eq!(shown.count(), 0);
}

#[test]
fn a_foreign_realm_gets_no_credentials() {
    let mut net = Net::new(1, CALM);
    let alice = net.add("alice", |_| {});
    let mut registrar = Registrar::add(&mut net);
    let (now, config) = (net.now, account(&net, registrar.node, "secret"));
    let id = net.node(alice).endpoint.register(now, config);
    let server = registrar.node;
    net.run(Duration::from_secs(1), &mut |net, n, e| registrar.on_event(net, n, e));
    let mut config = direct_call(&net, alice, server);
    config.identity = Identity::Account(id);
    let now = net.now;
    net.node(alice).endpoint.call(now, config).unwrap();
    let evil = "Digest realm=\"evil.test\", nonce=\"1\", qop=\"auth\"";
    net.run(Duration::from_secs(2), &mut |net, n, e| {
        if n == server {
            switch(net, n, e, evil, "secret");
        }
    });
    assert_eq!(ending(&net, alice).unwrap().code, Some(407));
}

/// Calls `to` by way of the own server and gives its INVITE.
fn invited(script: &mut crate::scripted::Scripted, to: &str) -> tern_sip::wire::Request {
    let sdp = audio(script.net.nodes[0].address);
    let config = tern_sip::CallConfig::new(Identity::Account(script.account), crate::net::uri(to), sdp);
    let now = script.net.now;
    script.endpoint().call(now, config).unwrap();
    script.run(Duration::from_millis(50));
    script.requests().into_iter().find(|(_, r)| r.method == Method::INVITE).unwrap().1
}

/// The challenges that come from behind the own server and in its name.
#[test]
fn who_stands_behind_the_own_server_gets_no_proof() {
    let own = ("WWW-Authenticate", "Digest realm=\"sip.test\", nonce=\"chosen\", qop=\"auth\"");
    let invites = |script: &mut crate::scripted::Scripted| {
        script.run(Duration::from_millis(50));
        script.requests().into_iter().filter(|(_, r)| r.method == Method::INVITE).count()
    };
    let mut script = crate::scripted::Scripted::registered(|c| c.login.realm = Some("sip.test".into()));
    let invite = invited(&mut script, "sip:bob@elsewhere.test");
    script.answer(&invite, 401, &[own]);
    assert_eq!(invites(&mut script), 0, "a user agent of another domain");
    let mut script = crate::scripted::Scripted::registered(|c| c.login.realm = Some("sip.test".into()));
    let invite = invited(&mut script, "sip:bob@sip.test");
    script.answer(&invite, 407, &[("Proxy-Authenticate", CHALLENGE)]);
    script.run(Duration::from_millis(50));
    let again = script.requests().into_iter().find(|(_, r)| r.method == Method::INVITE).unwrap().1;
    script.answer(&again, 401, &[own]);
    assert_eq!(invites(&mut script), 0, "a neighbour behind the server that has asked as a proxy");
}

#[test]
fn hanging_up_on_a_caller_proves_nothing_to_him() {
    use crate::scripted::{SERVER, Scripted};
    let mut script = Scripted::registered(|c| c.login.realm = Some("sip.test".into()));
    let register = script.net.sent.iter().find(|s| s.bytes.starts_with(b"REGISTER")).unwrap();
    let text = String::from_utf8(register.bytes.clone()).unwrap();
    let contact = text.split("Contact: <").nth(1).unwrap().split('>').next().unwrap().to_owned();
    let sdp = String::from_utf8(audio(SERVER.parse().unwrap()).to_bytes()).unwrap();
    let invite = format!(
        "INVITE {contact} SIP/2.0\r\nVia: SIP/2.0/UDP {SERVER};branch=z9hG4bKi;rport\r\nMax-Forwards: 70\r\n\
         Record-Route: <sip:{SERVER};lr>\r\nFrom: <sip:evil@sip.test>;tag=e\r\nTo: <sip:alice@sip.test>\r\n\
         Call-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:evil@203.0.113.9>\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    );
    script.send(invite.as_bytes());
    let call = script.events().into_iter().find_map(|e| match e {
        Event::IncomingCall { call, .. } => Some(call),
        _ => None,
    });
    let (now, sdp) = (script.net.now, audio(script.net.nodes[0].address));
    script.endpoint().accept(now, call.unwrap(), sdp).unwrap();
    let accepted = script.response();
    let to = accepted.headers.first("To").unwrap().to_owned();
    let ack = format!(
        "ACK {contact} SIP/2.0\r\nVia: SIP/2.0/UDP {SERVER};branch=z9hG4bKa;rport\r\nMax-Forwards: 70\r\n\
         From: <sip:evil@sip.test>;tag=e\r\nTo: {to}\r\nCall-ID: c\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n"
    );
    script.send(ack.as_bytes());
    let now = script.net.now;
    script.endpoint().hang_up(now, call.unwrap()).unwrap();
    let bye = script.request();
    assert_eq!((bye.method.clone(), bye.uri.to_string().as_str()), (Method::BYE, "sip:evil@203.0.113.9"));
    script.answer(&bye, 407, &[("Proxy-Authenticate", CHALLENGE)]);
    script.run(Duration::from_secs(1));
    assert!(script.requests().is_empty());
    let shown = script.net.sent.iter().filter(|s| s.from == "alice");
    assert_eq!(shown.filter(|s| String::from_utf8_lossy(&s.bytes).contains("uthorization:")).count(), 0);
}
