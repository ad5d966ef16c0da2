//! One call rings at several places: the forking proxy between a caller and up to four phones (RFC 3261 16.7, 13.2.2.4).

use crate::ladder::ladder;
use crate::net::{CALM, Net, audio, call_states, direct_call, ending};
use crate::proxy::{DOMAIN, Forking, Proxy};
use std::net::SocketAddr;
use std::time::Duration;
use tern_sip::wire::{HeaderAccess as _, Message, parse_datagram};
use tern_sip::{
    CallConfig, CallId, CallState, EndedBy, Event, Identity, Login, NextHop, RegistrationConfig, Reply,
};

const SECOND: Duration = Duration::from_secs(1);
const PHONES: [&str; 4] = ["p1", "p2", "p3", "p4"];

/// What a phone does with a call, and when after it came.
#[derive(Clone, Copy)]
pub(crate) enum Habit {
    Rings,
    Accepts(u64),
    Refuses(u64, u16),
}

/// Where the proxy of these tests lives.
pub(crate) fn proxy_address() -> SocketAddr {
    "192.0.2.100:5060".parse().unwrap()
}

/// Alice, a proxy, and a team of phones that all are `sip:team@sip.test`.
pub(crate) fn team(seed: u64, phones: usize, forking: Forking) -> Net {
    let mut net = Net::new(seed, CALM);
    net.add("alice", |_| {});
    let mut proxy = Proxy::new("proxy", proxy_address(), forking);
    for name in &PHONES[..phones] {
        let phone = net.add(name, |_| {});
        let place = crate::net::uri(&format!("sip:{name}@{}", net.nodes[phone].address));
        proxy.places.entry("team".into()).or_default().push(place);
    }
    net.proxies.push(proxy);
    net
}

/// Alice's call to the team.
pub(crate) fn team_call(net: &Net) -> CallConfig {
    let mut config = direct_call(net, 0, 1);
    config.target = crate::net::uri(&format!("sip:team@{DOMAIN}"));
    config.next_hop = Some(NextHop::udp(proxy_address()));
    config
}

/// Alice calls, the phones do what they do, and after `talk` Alice hangs up.
fn play(habits: &[Habit], forking: Forking, talk: Duration) -> Net {
    let mut net = team(1, habits.len(), forking);
    let (now, config) = (net.now, team_call(&net));
    let call = net.node(0).endpoint.call(now, config).unwrap();
    let mut todo: Vec<(Duration, usize, CallId, Habit)> = Vec::new();
    let end = net.elapsed() + talk;
    while net.elapsed() < end {
        net.run(SECOND / 20, &mut |net, n, e| {
            let Event::IncomingCall { call, .. } = e else { return };
            let now = net.now;
            net.node(n).endpoint.ring(now, *call).unwrap();
            let habit = habits[n - 1];
            if let Habit::Accepts(ms) | Habit::Refuses(ms, _) = habit {
                todo.push((net.elapsed() + Duration::from_millis(ms), n, *call, habit));
            }
        });
        let elapsed = net.elapsed();
        for (_, n, call, habit) in todo.extract_if(.., |(at, ..)| *at <= elapsed) {
            let (now, sdp) = (net.now, audio(net.nodes[n].address));
            let endpoint = &mut net.node(n).endpoint;
            // Somebody else may have been faster.
            let _ = match habit {
                Habit::Accepts(_) => endpoint.accept(now, call, sdp),
                Habit::Refuses(_, code) => endpoint.reject(now, call, Reply::new(code)),
                Habit::Rings => Ok(()),
            };
        }
    }
    let now = net.now;
    let _ = net.node(0).endpoint.hang_up(now, call);
    net.run(300 * SECOND, &mut |_, _, _| {});
    net.assert_empty(&ladder(&net));
    net
}

/// How the call ended at each phone.
fn endings(net: &Net) -> Vec<(EndedBy, Option<u16>)> {
    (1..net.nodes.len()).filter_map(|n| ending(net, n)).map(|e| (e.by, e.code)).collect()
}

#[test]
fn the_first_to_answer_has_the_call_and_the_others_stop_ringing() {
    let net = play(&[Habit::Rings, Habit::Accepts(2000), Habit::Rings], Forking::Parallel, 10 * SECOND);
    assert_eq!(
        endings(&net),
        [(EndedBy::Remote, Some(487)), (EndedBy::Remote, None), (EndedBy::Remote, Some(487))]
    );
    let states = call_states(&net, 0);
    assert_eq!(states.iter().filter(|s| matches!(s, CallState::Answered { .. })).count(), 1);
    assert!(matches!(states.last(), Some(CallState::Ended(e)) if e.by == EndedBy::Local));
    // RFC 3261 16.12: the BYE comes by the proxy, which recorded its route.
    assert!(net.sent.iter().any(|s| s.from == "alice" && s.to == "proxy" && s.bytes.starts_with(b"BYE")));
    assert!(!net.sent.iter().any(|s| s.from == "alice" && s.to.starts_with('p') && s.to != "proxy"));
}

#[test]
fn two_who_answer_at_once_do_not_both_keep_the_caller() {
    let net = play(&[Habit::Accepts(1000), Habit::Accepts(1000)], Forking::Parallel, 10 * SECOND);
    let byes: Vec<&str> = net
        .sent
        .iter()
        .filter(|s| s.bytes.starts_with(b"BYE") && s.from == "alice")
        .map(|s| s.to.as_str())
        .collect();
    // One at once for the slower (RFC 3261 13.2.2.4), one at the end.
    assert_eq!(byes.len(), 2, "{}", ladder(&net));
    assert_eq!(endings(&net), [(EndedBy::Remote, None), (EndedBy::Remote, None)]);
}

#[test]
fn the_best_refusal_is_told_when_all_have_refused() {
    let told = |habits: &[Habit]| ending(&play(habits, Forking::Parallel, 10 * SECOND), 0).unwrap().code;
    assert_eq!(told(&[Habit::Refuses(500, 486), Habit::Refuses(900, 404)]), Some(404));
    assert_eq!(told(&[Habit::Refuses(500, 503)]), Some(500));
    assert_eq!(told(&[Habit::Refuses(500, 486), Habit::Refuses(900, 302)]), Some(302));
    // RFC 3261 16.7 step 5: a 6xx ends the search, the others are cancelled.
    assert_eq!(told(&[Habit::Rings, Habit::Refuses(900, 603), Habit::Rings]), Some(603));
}

#[test]
fn one_after_the_other_is_tried() {
    let serial = Forking::Serial(5 * SECOND);
    let net = play(&[Habit::Refuses(500, 486), Habit::Rings, Habit::Accepts(1000)], serial, 20 * SECOND);
    assert_eq!(
        endings(&net),
        [(EndedBy::Local, Some(486)), (EndedBy::Remote, Some(487)), (EndedBy::Remote, None)]
    );
    assert!(matches!(ending(&net, 0), Some(e) if e.by == EndedBy::Local));
}

#[test]
fn giving_up_ends_the_ringing_everywhere() {
    let net = play(&[Habit::Rings; 4], Forking::Parallel, 3 * SECOND);
    assert_eq!(endings(&net), [(EndedBy::Remote, Some(487)); 4]);
    assert_eq!(ending(&net, 0).unwrap().by, EndedBy::Local);
}

#[test]
fn the_proxy_sees_the_proof_and_nobody_behind_it() {
    let mut net = team(3, 2, Forking::Parallel);
    net.proxies[0].users.insert("alice".into(), "secret".into());
    let login = Login::new("alice", "secret");
    let mut account = RegistrationConfig::new(crate::net::uri(&format!("sip:alice@{DOMAIN}")), login);
    account.proxies = vec![NextHop::udp(proxy_address())];
    let now = net.now;
    let id = net.node(0).endpoint.register(now, account);
    net.run(SECOND, &mut |_, _, _| {});
    let mut config = team_call(&net);
    config.identity = Identity::Account(id);
    let now = net.now;
    net.node(0).endpoint.call(now, config).unwrap();
    net.run(SECOND, &mut |net, n, e| {
        if let (Event::IncomingCall { call, .. }, 1) = (e, n) {
            let (now, sdp) = (net.now, audio(net.nodes[n].address));
            net.node(n).endpoint.accept(now, *call, sdp).unwrap();
        }
    });
    assert!(matches!(call_states(&net, 0).last(), Some(CallState::Confirmed { .. })), "{}", ladder(&net));
    let shown = |to: fn(&str) -> bool| {
        let of = net.sent.iter().filter(|s| to(&s.to)).filter(|s| match parse_datagram(&s.bytes) {
            Ok(Message::Request(r)) => {
                r.headers.first("Proxy-Authorization").or(r.headers.first("Authorization")).is_some()
            }
            _ => false,
        });
        of.count()
    };
    assert!(shown(|to| to == "proxy") >= 2);
    assert_eq!(shown(|to| to != "proxy"), 0);
}
