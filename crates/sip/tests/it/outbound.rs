//! Flows (RFC 5626), GRUU (5627), Path and Service-Route (3327, 3608), the public address, another network.

use crate::net::{audio, uri};
use crate::scripted::{OTHER, SERVER, Scripted};
use std::time::Duration;
use tern_sip::wire::{Address, HeaderAccess as _, Method, Request};
use tern_sip::*;

const INSTANCE: &str = "urn:uuid:00000000-0000-1000-8000-000a95a0e128";

fn two_flows(config: &mut RegistrationConfig) {
    config.instance = Some(INSTANCE.into());
    config.proxies = [SERVER, OTHER].map(|a| NextHop::udp(a.parse().unwrap())).to_vec();
    config.expires = Duration::from_secs(36000);
}

fn contacts(request: &Request) -> Vec<Address> {
    request.headers.addresses("Contact").unwrap()
}

/// The INVITE of a call of Alice's.
fn invite(script: &mut Scripted, to: &str) -> (String, Request) {
    let sdp = audio(script.net.nodes[0].address);
    let config = CallConfig::new(Identity::Account(script.account), uri(to), sdp);
    let now = script.net.now;
    script.endpoint().call(now, config).unwrap();
    script.run(Duration::from_millis(50));
    script.requests().into_iter().find(|(_, r)| r.method == Method::INVITE).unwrap()
}

fn waits(script: &mut Scripted) -> Vec<u64> {
    let waits = script.states().into_iter().filter_map(|s| match s {
        RegistrationState::Failed { retry_after, .. } => Some(retry_after.unwrap().as_secs()),
        _ => None,
    });
    waits.collect()
}

#[test]
fn what_a_register_asks_for() {
    let plain = Scripted::new(|_| {}).request();
    assert_eq!(plain.headers.first("Supported"), Some("path"));
    let contact = contacts(&plain).remove(0);
    assert_eq!((contact.instance(), contact.reg_id()), (None, None));
    let device = Scripted::new(|c| c.instance = Some(INSTANCE.into())).request();
    assert_eq!(device.headers.first("Supported"), Some("path, outbound, gruu"));
    let contact = contacts(&device).remove(0);
    assert_eq!((contact.instance().as_deref(), contact.reg_id()), (Some(INSTANCE), Some(1)));
    assert!(!String::from_utf8(device.to_bytes()).unwrap().contains("Contact: *"));
}

#[test]
fn each_proxy_has_a_flow_of_its_own() {
    let mut script = Scripted::new(two_flows);
    let mut registers = script.requests();
    assert_eq!(registers.len(), 2);
    let (other, second) = registers.remove(1);
    let (server, first) = registers.remove(0);
    assert_eq!((server.as_str(), other.as_str()), (SERVER, OTHER));
    let ids: Vec<_> = [&first, &second].map(|r| contacts(r)[0].reg_id()).to_vec();
    assert_eq!(ids, [Some(1), Some(2)]);
    assert_ne!(first.headers.call_id(), second.headers.call_id());
    script.bind_from(SERVER, &first, &[("Require", "outbound")]);
    script.bind_from(OTHER, &second, &[("Require", "outbound")]);
    assert!(matches!(script.states().last(), Some(RegistrationState::Registered { .. })));
    let ladder: Vec<String> = script.ladder().lines().map(|l| l.trim().to_owned()).collect();
    assert_eq!(
        ladder,
        [
            "0 alice > server: REGISTER 1",
            "0 alice > other: REGISTER 1",
            "0 server > alice: 200 OK (1 REGISTER)",
            "0 other > alice: 200 OK (1 REGISTER)",
        ]
    );
}

#[test]
fn without_an_instance_there_is_one_flow() {
    let mut script = Scripted::new(|c| {
        two_flows(c);
        c.instance = None;
    });
    assert_eq!(script.request_to().0, SERVER);
}

#[test]
fn one_flow_that_stands_is_enough() {
    let mut script = Scripted::new(two_flows);
    let mut registers = script.requests();
    script.answer_from(SERVER, &registers.remove(0).1, 500, &[]);
    assert_eq!(waits(&mut script), [] as [u64; 0], "the other is still under way");
    script.bind_from(OTHER, &registers.remove(0).1, &[]);
    assert!(matches!(script.states().last(), Some(RegistrationState::Registered { .. })));
    // Calls go where the account is registered.
    assert_eq!(invite(&mut script, "sip:bob@sip.test").0, OTHER);
    // RFC 5626 4.5: when the second fails, too, none is left, and that is told.
    let now = script.net.now;
    let account = script.account;
    script.endpoint().refresh(now, account);
    for (to, request) in script.requests().into_iter().filter(|(_, r)| r.method == Method::REGISTER) {
        script.answer_from(&to, &request, 500, &[]);
    }
    assert_eq!(waits(&mut script).len(), 1);
}

#[test]
fn there_is_time_while_another_flow_stands() {
    let retried = |other_stands: bool| {
        let mut script = Scripted::new(two_flows);
        let mut registers = script.requests();
        let (first, second) = (registers.remove(0).1, registers.remove(0).1);
        if other_stands {
            script.bind_from(OTHER, &second, &[]);
        } else {
            script.answer_from(OTHER, &second, 403, &[]);
        }
        script.answer_from(SERVER, &first, 500, &[]);
        let failed = script.net.elapsed();
        loop {
            script.run(Duration::from_millis(500));
            if script.requests().iter().any(|(to, r)| to == SERVER && r.method == Method::REGISTER) {
                return (script.net.elapsed() - failed).as_secs();
            }
        }
    };
    // RFC 5626 4.5: base 90 s or 30 s, doubled by the first failure, at least half of that.
    assert!((90..=180).contains(&retried(true)));
    assert!((30..=60).contains(&retried(false)));
}

#[test]
fn a_first_hop_without_outbound_is_asked_without_it() {
    let mut script = Scripted::new(|c| c.instance = Some(INSTANCE.into()));
    let first = script.request();
    script.answer(&first, 439, &[]);
    let again = script.request();
    assert_eq!(
        (contacts(&again)[0].instance().as_deref(), contacts(&again)[0].reg_id()),
        (Some(INSTANCE), None)
    );
    assert_eq!(again.headers.first("Supported"), Some("path, gruu"));
}

#[test]
fn a_device_address_is_the_contact_of_calls() {
    let mut script = Scripted::new(|c| c.instance = Some(INSTANCE.into()));
    let register = script.request();
    let mut contact = contacts(&register).remove(0);
    contact.params.set("expires", Some("600"));
    let gruus = ";pub-gruu=\"sip:alice@sip.test;gr=urn:uuid:1\";temp-gruu=\"sip:tgruu.7hs@sip.test;gr\"";
    script.answer(&register, 200, &[("Contact", &format!("{contact}{gruus}"))]);
    let Some(RegistrationState::Registered { gruu: Some(gruu), .. }) = script.states().pop() else {
        panic!()
    };
    assert_eq!(gruu.public.unwrap().to_string(), "sip:alice@sip.test;gr=urn:uuid:1");
    let (_, invite) = invite(&mut script, "sip:bob@sip.test");
    assert_eq!(contacts(&invite)[0].to_string(), "<sip:alice@sip.test;gr=urn:uuid:1>");
}

#[test]
fn a_call_over_a_flow_says_so() {
    let ob = |headers: &[(&str, &str)]| {
        let mut script = Scripted::new(|c| c.instance = Some(INSTANCE.into()));
        let register = script.request();
        assert!(!contacts(&register)[0].uri.is_outbound());
        script.bind(&register, headers);
        contacts(&invite(&mut script, "sip:bob@sip.test").1)[0].uri.is_outbound()
    };
    // RFC 5626 4.3
    assert!(ob(&[("Require", "outbound")]));
    assert!(!ob(&[]));
}

#[test]
fn the_service_route_is_the_route_of_all_but_register() {
    let mut script = Scripted::new(|_| {});
    let register = script.request();
    let routes = "<sip:edge.sip.test;lr>, <sip:home.sip.test;lr>";
    script.bind(
        &register,
        &[("Service-Route", routes), ("P-Associated-URI", "<sip:alice@sip.test>, <tel:+1555>")],
    );
    let Some(RegistrationState::Registered { associated, .. }) = script.states().pop() else { panic!() };
    assert_eq!(
        associated.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["sip:alice@sip.test", "tel:+1555"]
    );
    let (to, invite) = invite(&mut script, "sip:bob@elsewhere.test");
    let routes = invite.headers.addresses("Route").unwrap();
    assert_eq!(
        routes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["<sip:edge.sip.test;lr>", "<sip:home.sip.test;lr>"]
    );
    assert_eq!((to.as_str(), invite.uri.to_string().as_str()), (SERVER, "sip:bob@elsewhere.test"));
    let config = MessageConfig::text(Identity::Account(script.account), uri("sip:bob@sip.test"), "hi");
    let now = script.net.now;
    script.endpoint().message(now, config).unwrap();
    let (_, text) = script.requests().pop().unwrap();
    assert_eq!(text.headers.addresses("Route").unwrap().len(), 2);
    // The next registration decides anew.
    let account = script.account;
    script.endpoint().refresh(now, account);
    let (_, again) = script.requests().pop().unwrap();
    assert_eq!((again.method.clone(), again.headers.first("Route")), (Method::REGISTER, None));
    script.bind(&again, &[]);
    let config = MessageConfig::text(Identity::Account(account), uri("sip:bob@sip.test"), "hi");
    script.endpoint().message(now, config).unwrap();
    assert_eq!(script.requests().pop().unwrap().1.headers.first("Route"), None);
}

#[test]
fn without_a_proxy_the_service_route_is_the_way() {
    let mut script = Scripted::new(|c| {
        c.proxies.clear();
        c.registrar = Some(uri(&format!("sip:{SERVER}")));
    });
    let register = script.request();
    script.bind(&register, &[("Service-Route", &format!("<sip:{OTHER};lr>"))]);
    assert_eq!(invite(&mut script, "sip:bob@elsewhere.test").0, OTHER);
}

#[test]
fn the_public_address_is_bound_and_the_private_one_removed() {
    let mut script = Scripted::new(|_| {});
    script.public = Some("203.0.113.7:40000".parse().unwrap());
    let first = script.request();
    assert_eq!(contacts(&first)[0].uri.as_sip().unwrap().host.to_string(), "192.0.2.1");
    script.bind(&first, &[]);
    // At once, and both in one REGISTER.
    let second = script.request();
    let listed: Vec<_> = contacts(&second).iter().map(|c| (c.uri.to_string(), c.expires())).collect();
    let user = contacts(&first)[0].uri.user().unwrap();
    assert_eq!(listed[0], (format!("sip:{user}@203.0.113.7:40000"), None));
    assert_eq!(listed[1], (format!("sip:{user}@192.0.2.1:5060"), Some(0)));
    script.bind(&second, &[]);
    script.events();
    assert!(script.requests().is_empty(), "it is right now");
    // The NAT forgets: the next answer tells of another port.
    script.public = Some("203.0.113.7:40001".parse().unwrap());
    let (now, account) = (script.net.now, script.account);
    script.endpoint().refresh(now, account);
    let third = script.request();
    assert_eq!(contacts(&third).len(), 1);
    script.bind(&third, &[]);
    let fourth = script.request();
    let listed: Vec<_> = contacts(&fourth).iter().map(|c| c.uri.as_sip().unwrap().port).collect();
    assert_eq!(listed, [Some(40001), Some(40000)]);
}

#[test]
fn a_registrar_that_keeps_flows_replaces_the_old_binding_itself() {
    let mut script = Scripted::new(|c| c.instance = Some(INSTANCE.into()));
    script.public = Some("203.0.113.7:40000".parse().unwrap());
    let first = script.request();
    script.bind(&first, &[("Require", "outbound")]);
    let second = script.request();
    assert_eq!(contacts(&second).len(), 1, "RFC 5626 4.2: same instance, same reg-id");
}

#[test]
fn a_nat_that_changes_with_every_answer_is_not_chased_without_end() {
    let mut script = Scripted::new(|_| {});
    let mut registers = 0;
    for port in 40000u16..40020 {
        script.public = Some(format!("203.0.113.7:{port}").parse().unwrap());
        let Some((_, register)) = script.requests().pop() else { break };
        registers += 1;
        script.bind(&register, &[]);
    }
    assert!((2..=5).contains(&registers), "{registers}");
}

/// Moves Alice's computer to 192.0.2.200.
fn move_away(script: &mut Scripted) {
    let address = "192.0.2.200:5060".parse().unwrap();
    script.net.nodes[0].address = address;
    let (now, listeners) = (script.net.now, vec![Listener { transport: Transport::Udp, address }]);
    script.endpoint().network_changed(now, listeners);
}

#[test]
fn another_network_is_registered_from_at_once() {
    let mut script = Scripted::registered(|_| {});
    script.run(Duration::from_secs(100));
    script.requests();
    move_away(&mut script);
    let register = script.request();
    let listed: Vec<_> =
        contacts(&register).iter().map(|c| (c.uri.as_sip().unwrap().host.to_string(), c.expires())).collect();
    assert_eq!(listed, [("192.0.2.200".to_owned(), None), ("192.0.2.1".to_owned(), Some(0))]);
    let sent = script.net.sent.last().unwrap();
    assert_eq!((sent.at, sent.from.as_str()), (Duration::from_secs(100), "alice"));
    script.bind(&register, &[]);
    assert!(script.requests().is_empty());
    let ladder: Vec<String> = script.ladder().lines().map(|l| l.trim().to_owned()).collect();
    assert_eq!(
        ladder,
        [
            "0 alice > server: REGISTER 1",
            "0 server > alice: 200 OK (1 REGISTER)",
            "100000 alice > server: REGISTER 2",
            "100000 server > alice: 200 OK (2 REGISTER)",
        ]
    );
}

#[test]
fn a_register_under_way_on_the_old_network_is_given_up() {
    let mut script = Scripted::new(|_| {});
    let old = script.request();
    script.run(Duration::from_secs(3));
    move_away(&mut script);
    let moved = script.requests();
    assert_eq!(moved.len(), 1, "one at a time: {moved:#?}");
    let new = moved[0].1.clone();
    let via = new.headers.top_via().unwrap();
    assert_eq!(via.host.to_string(), "192.0.2.200");
    script.bind(&old, &[]);
    script.bind(&new, &[]);
    script.run(Duration::from_secs(60));
    assert!(script.requests().is_empty(), "nothing is repeated from the old address");
    let bound = script.states().into_iter().filter(|s| matches!(s, RegistrationState::Registered { .. }));
    assert_eq!(bound.count(), 1);
}

#[test]
fn a_change_of_network_ends_every_wait() {
    let mut script = Scripted::new(|_| {});
    let first = script.request();
    script.answer(&first, 500, &[]);
    script.run(Duration::from_secs(5));
    assert!(script.requests().is_empty());
    move_away(&mut script);
    assert_eq!(script.request().method, Method::REGISTER);
    // But not what was refused for good.
    let mut script = Scripted::new(|_| {});
    let first = script.request();
    script.answer(&first, 403, &[]);
    move_away(&mut script);
    assert!(script.requests().is_empty());
}

#[test]
fn a_redirection_inside_the_own_domain_is_followed_and_no_other() {
    let mut script = Scripted::new(|_| {});
    script.net.names.push(("node2.sip.test", OTHER.parse().unwrap()));
    let first = script.request();
    script.answer(&first, 302, &[("Contact", "<sip:evil.test>, <sip:node2.sip.test:5060>")]);
    let (to, again) = script.request_to();
    assert_eq!((to.as_str(), again.uri.to_string().as_str()), (OTHER, "sip:node2.sip.test:5060"));
    script.bind_from(OTHER, &again, &[]);
    assert!(matches!(script.states().last(), Some(RegistrationState::Registered { .. })));
    for elsewhere in ["<sip:evil.test>", "<sip:203.0.113.9>", "<sip:evilsip.test>"] {
        let mut script = Scripted::new(|_| {});
        let first = script.request();
        script.answer(&first, 302, &[("Contact", elsewhere)]);
        assert!(script.requests().is_empty(), "{elsewhere}");
        let Some(RegistrationState::Failed { reason, retry_after: None }) = script.states().pop() else {
            panic!()
        };
        assert!(matches!(reason, RegistrationFailure::ServerError(302, _)));
    }
}

#[test]
fn the_server_may_have_to_prove_itself() {
    use tern_sip::wire::auth::Credentials;
    use tern_sip::wire::digest;
    let challenge = "Digest realm=\"sip.test\", nonce=\"1\", algorithm=SHA-256, qop=\"auth\"";
    let registered = |password: &str| {
        let mut script = Scripted::new(|_| {});
        let first = script.request();
        script.answer(&first, 401, &[("WWW-Authenticate", challenge)]);
        let second = script.request();
        let credentials = Credentials::parse(second.headers.first("Authorization").unwrap()).unwrap();
        let mut info = digest::server_proof(&credentials, b"", password);
        info.next_nonce = Some("2".into());
        script.bind(&second, &[("Authentication-Info", &info.to_string())]);
        script
    };
    let mut script = registered("secret");
    assert!(matches!(script.states().last(), Some(RegistrationState::Registered { proven: true, .. })));
    let (now, account) = (script.net.now, script.account);
    script.endpoint().refresh(now, account);
    let next = script.request();
    let credentials = Credentials::parse(next.headers.first("Authorization").unwrap()).unwrap();
    assert_eq!((credentials.nonce.as_str(), credentials.qop.unwrap().nc), ("2", 1));
    let reason = RegistrationFailure::NotAuthentic;
    assert!(
        matches!(registered("guess").states().pop(), Some(RegistrationState::Failed { reason: r, .. }) if r == reason)
    );
}

#[test]
fn every_flow_is_removed_on_leaving() {
    let mut script = Scripted::new(two_flows);
    for (to, register) in script.requests() {
        script.bind_from(&to, &register, &[]);
    }
    let (now, account) = (script.net.now, script.account);
    script.endpoint().unregister(now, account);
    let farewells = script.requests();
    assert_eq!(farewells.len(), 2);
    script.events();
    for (n, (to, request)) in farewells.into_iter().enumerate() {
        assert_eq!(request.headers.first("Expires"), Some("0"));
        assert_eq!(script.states(), [], "{n} of 2 is not all");
        script.answer_from(&to, &request, 200, &[]);
    }
    assert_eq!(script.states(), [RegistrationState::Unregistered]);
    script.run(Duration::from_secs(60));
    script.net.assert_empty("after leaving");
}

/// Alice over TCP at a registrar that takes everybody: the seconds at which she registers.
fn over_tcp(seconds_between_cuts: &[u64]) -> Vec<u64> {
    use crate::net::{CALM, Net};
    let mut net = Net::new(9, CALM);
    let alice = net.add("alice", |_| {});
    net.transport = Transport::Tcp;
    let server = net.add("server", |c| c.handles = vec![Method::REGISTER]);
    let mut config = RegistrationConfig::new(uri("sip:alice@sip.test"), Login::new("alice", "secret"));
    let address = net.nodes[server].address;
    config.proxies = vec![NextHop::Address { transport: Transport::Tcp, address }];
    let now = net.now;
    net.node(alice).endpoint.register(now, config);
    let mut seen = Vec::new();
    let pass = |net: &mut Net, time: u64, seen: &mut Vec<u64>| {
        net.run(Duration::from_secs(time), &mut |net, node, event| {
            if let Event::Request { id, request, .. } = event {
                seen.push(net.elapsed().as_secs());
                let contact = request.headers.first("Contact").unwrap().to_owned();
                let now = net.now;
                net.node(node).endpoint.respond(now, *id, Reply::new(200).header("Contact", contact));
            }
        });
    };
    for time in seconds_between_cuts {
        pass(&mut net, *time, &mut seen);
        net.cut(server, Disconnect::Reset);
    }
    pass(&mut net, 1, &mut seen);
    seen
}

#[test]
fn a_flow_that_breaks_is_formed_anew() {
    // RFC 5626 4.5: at once ...
    assert_eq!(over_tcp(&[100, 100]), [0, 100, 200]);
    // ... and after a wait when it breaks again as soon as it is formed, for that would go on without end.
    let seen = over_tcp(&[2, 2, 200]);
    assert!(seen.len() == 4 && seen[1] == 2 && (64..=124).contains(&seen[2]) && seen[3] == 204, "{seen:?}");
}
