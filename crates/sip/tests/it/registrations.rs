//! Accounts: binding, refresh, failure and recovery.

use crate::net::{CALM, Net, Weather, uri};
use crate::registrar::Registrar;
use std::time::Duration;
use tern_sip::wire::{HeaderAccess as _, Message, parse_datagram};
use tern_sip::{Event, Login, NextHop, RegistrationConfig, RegistrationFailure, RegistrationState, Reply};

/// Alice's account at the registrar of that node.
pub(crate) fn account(net: &Net, registrar: usize, password: &str) -> RegistrationConfig {
    let mut config = RegistrationConfig::new(uri("sip:alice@sip.test"), Login::new("alice", password));
    config.proxies = vec![NextHop::udp(net.nodes[registrar].address)];
    config.expires = Duration::from_secs(600);
    config
}

fn states(net: &Net) -> Vec<RegistrationState> {
    let states = net.nodes[0].events.iter().filter_map(|e| match e {
        Event::Registration { state, .. } => Some(state.clone()),
        _ => None,
    });
    states.collect()
}

fn registers(net: &Net) -> usize {
    net.sent.iter().filter(|s| s.bytes.starts_with(b"REGISTER")).count()
}

/// Registers at a registrar that `adjust` changed and runs for `time`.
fn registered(password: &str, time: Duration, adjust: impl FnOnce(&mut Registrar)) -> Net {
    let mut net = Net::new(7, CALM);
    let alice = net.add("alice", |_| {});
    let mut registrar = Registrar::add(&mut net);
    adjust(&mut registrar);
    let (now, config) = (net.now, account(&net, registrar.node, password));
    net.node(alice).endpoint.register(now, config);
    net.run(time, &mut |net, n, e| registrar.on_event(net, n, e));
    net
}

#[test]
fn the_binding_tells_its_life_contact_and_public_address() {
    let net = registered("secret", Duration::from_secs(5), |_| {});
    let Some(RegistrationState::Registered { expires, contact, public_address, .. }) = states(&net).pop()
    else {
        panic!("{:?}", states(&net))
    };
    assert_eq!(expires, Duration::from_secs(600));
    assert_eq!(public_address, Some(net.nodes[0].address));
    let sip = contact.uri.as_sip().unwrap().clone();
    assert_eq!((sip.host.ip(), sip.port), (Some(net.nodes[0].address.ip()), Some(5060)));
}

#[test]
fn a_binding_is_refreshed_before_it_ends_with_the_nonce_it_has() {
    let net = registered("secret", Duration::from_secs(3600), |_| {});
    let bound = states(&net).iter().filter(|s| matches!(s, RegistrationState::Registered { .. })).count();
    assert!((6..=8).contains(&bound), "{bound}");
    // One challenge in all: every refresh used the kept nonce with a higher count.
    assert_eq!(registers(&net), bound + 1);
    let ends: Vec<Duration> =
        net.sent.iter().filter(|s| s.bytes.starts_with(b"REGISTER")).map(|s| s.at).collect();
    assert!(ends.windows(2).skip(1).all(|w| w[1] - w[0] < Duration::from_secs(600 - 32)));
}

#[test]
fn a_wrong_password_stops_for_good() {
    let net = registered("wrong", Duration::from_secs(7200), |_| {});
    let last = states(&net).pop().unwrap();
    assert_eq!(
        last,
        RegistrationState::Failed { reason: RegistrationFailure::WrongCredentials, retry_after: None }
    );
    assert_eq!(registers(&net), 2);
    net.assert_empty("after the refusal");
}

#[test]
fn a_stale_nonce_is_replaced_silently() {
    let net = registered("secret", Duration::from_secs(3600), |r| r.nonce_uses = 1);
    assert!(
        !states(&net).iter().any(|s| matches!(s, RegistrationState::Failed { .. })),
        "{:?}",
        states(&net)
    );
    assert!(net.sent.iter().any(|s| String::from_utf8_lossy(&s.bytes).contains("stale=true")));
}

#[test]
fn a_kept_nonce_refused_without_stale_is_replaced_once() {
    let net = registered("secret", Duration::from_secs(1800), |r| (r.nonce_uses, r.says_stale) = (1, false));
    assert!(
        !states(&net).iter().any(|s| matches!(s, RegistrationState::Failed { .. })),
        "{:?}",
        states(&net)
    );
}

#[test]
fn a_too_brief_interval_is_raised() {
    let net = registered("secret", Duration::from_secs(5), |r| r.min_expires = 1200);
    let Some(RegistrationState::Registered { expires, .. }) = states(&net).pop() else { panic!() };
    assert_eq!(expires, Duration::from_secs(1200));
}

#[test]
fn silence_is_retried_with_growing_waits() {
    let mut net = Net::new(3, Weather { loss: 1000, ..CALM });
    let alice = net.add("alice", |_| {});
    let registrar = Registrar::add(&mut net);
    let (now, config) = (net.now, account(&net, registrar.node, "secret"));
    let id = net.node(alice).endpoint.register(now, config);
    net.run(Duration::from_secs(7200), &mut |_, _, _| {});
    let waits: Vec<Duration> = states(&net)
        .into_iter()
        .filter_map(|s| match s {
            RegistrationState::Failed { reason: RegistrationFailure::Timeout, retry_after } => retry_after,
            _ => None,
        })
        .collect();
    // RFC 5626 4.5: 30 to 60 s after the first failure, doubling, 15 to 30 minutes in the end.
    let seconds = |n: usize| waits[n].as_secs();
    assert!((30..=60).contains(&seconds(0)) && (60..=120).contains(&seconds(1)), "{waits:?}");
    assert!((900..=1800).contains(&seconds(5)), "{waits:?}");
    // 10.2: one REGISTER at a time; a removal asked for now still comes to an end.
    let now = net.now;
    net.node(alice).endpoint.unregister(now, id);
    net.run(Duration::from_secs(120), &mut |_, _, _| {});
    assert_eq!(states(&net).pop(), Some(RegistrationState::Unregistered));
    net.assert_empty("after giving up");
}

/// What a canned reply to the first REGISTER leads to.
fn after(reply: Reply) -> RegistrationState {
    let mut net = Net::new(5, CALM);
    let alice = net.add("alice", |_| {});
    let registrar = Registrar::add(&mut net);
    let (now, config) = (net.now, account(&net, registrar.node, "secret"));
    net.node(alice).endpoint.register(now, config);
    net.run(Duration::from_millis(100), &mut |net, n, e| {
        if let Event::Request { id, .. } = e {
            let now = net.now;
            net.node(n).endpoint.respond(now, *id, reply.clone());
        }
    });
    states(&net).pop().unwrap()
}

#[test]
fn refusals_have_reasons() {
    let failed = |reason, retry_after| RegistrationState::Failed { reason, retry_after };
    assert_eq!(after(Reply::new(403)), failed(RegistrationFailure::Forbidden, None));
    assert_eq!(after(Reply::new(404)), failed(RegistrationFailure::NotFound, None));
    let error = RegistrationFailure::ServerError(503, "Busy".into());
    let busy = Reply::new(503).reason("Busy").header("Retry-After", "120");
    assert_eq!(after(busy), failed(error, Some(Duration::from_secs(120))));
    let RegistrationState::Failed { retry_after: Some(_), .. } = after(Reply::new(500)) else { panic!() };
    let RegistrationState::Failed { retry_after: None, .. } = after(Reply::new(400)) else { panic!() };
}

#[test]
fn a_name_without_an_address_is_unreachable() {
    let mut net = Net::new(5, CALM);
    let alice = net.add("alice", |_| {});
    let config = RegistrationConfig::new(uri("sip:alice@nowhere.test"), Login::new("alice", "x"));
    let now = net.now;
    net.node(alice).endpoint.register(now, config);
    net.run(Duration::from_millis(10), &mut |_, _, _| {});
    let Some(RegistrationState::Failed { reason, retry_after: Some(_) }) = states(&net).pop() else {
        panic!()
    };
    assert_eq!(reason, RegistrationFailure::Unreachable);
}

#[test]
fn a_registrar_is_found_by_name() {
    let mut net = Net::new(5, CALM);
    let alice = net.add("alice", |_| {});
    let mut registrar = Registrar::add(&mut net);
    net.names.push(("sip.test", net.nodes[registrar.node].address));
    let mut config = account(&net, registrar.node, "secret");
    config.proxies.clear();
    let now = net.now;
    net.node(alice).endpoint.register(now, config);
    net.run(Duration::from_secs(1), &mut |net, n, e| registrar.on_event(net, n, e));
    assert!(matches!(states(&net).pop(), Some(RegistrationState::Registered { .. })));
}

#[test]
fn all_registers_share_call_id_and_count_up() {
    let net = registered("secret", Duration::from_secs(3600), |_| {});
    let mut last = 0;
    let mut ids = std::collections::HashSet::new();
    for sent in net.sent.iter().filter(|s| s.bytes.starts_with(b"REGISTER")) {
        let Ok(Message::Request(request)) = parse_datagram(&sent.bytes) else { panic!() };
        let number = request.headers.cseq().unwrap().number;
        assert!(number > last);
        last = number;
        ids.insert(request.headers.call_id().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 1);
}
