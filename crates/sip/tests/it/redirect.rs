//! Calls that are pointed elsewhere, and why calls end.

use crate::ladder::check;
use crate::net::{CALM, Net, direct_call, ending, uri};
use crate::registrar::Registrar;
use crate::registrations::account;
use std::time::Duration;
use tern_sip::wire::{HeaderAccess as _, Message, Reason, parse_datagram};
use tern_sip::{CallConfig, CallError, EndedBy, Event, Identity, Privacy, Reply, ShownIdentity, Target};

const SECOND: Duration = Duration::from_secs(1);

/// Answers calls at bob with a 302 to `contact`, and takes those at carol.
fn moved(net: &mut Net, n: usize, event: &Event, contact: &str) {
    let Event::IncomingCall { call, .. } = event else { return };
    let (now, sdp) = (net.now, crate::net::audio(net.nodes[n].address));
    let endpoint = &mut net.node(n).endpoint;
    match n {
        1 => endpoint.reject(now, *call, Reply::new(302).header("Contact", contact)).unwrap(),
        _ => endpoint.accept(now, *call, sdp).unwrap(),
    }
}

fn three() -> Net {
    let mut net = Net::new(1, CALM);
    for name in ["alice", "bob", "carol"] {
        net.add(name, |_| {});
    }
    net
}

fn targets(net: &Net) -> Vec<Target> {
    let told = net.nodes[0].events.iter().rev().find_map(|e| match e {
        Event::Redirected { targets, code: 302, .. } => Some(targets.clone()),
        _ => None,
    });
    told.unwrap_or_default()
}

const CONTACTS: &str = "\"Carol\" <sip:carol@192.0.2.3:5060>;q=0.7;expires=60, <sip:bob@192.0.2.2:5060>;q=1, \
                        <sip:dave@192.0.2.4>;q=0.9, <mailto:bob@example.com>";

#[test]
fn a_call_moves_when_the_application_says_so() {
    let mut net = three();
    let (now, config) = (net.now, direct_call(&net, 0, 1));
    let call = net.node(0).endpoint.call(now, config).unwrap();
    net.run(SECOND, &mut |net, n, e| moved(net, n, e, CONTACTS));
    let told = targets(&net);
    let names: Vec<String> = told.iter().map(|t| format!("{} {}", t.uri, t.q)).collect();
    assert_eq!(names, ["sip:dave@192.0.2.4 900", "sip:carol@192.0.2.3:5060 700"], "bob has been tried");
    assert_eq!((told[1].display.as_deref(), told[1].expires), (Some("Carol"), Some(60 * SECOND)));
    let now = net.now;
    let endpoint = &mut net.node(0).endpoint;
    assert_eq!(
        endpoint.follow(now, call, &uri("sip:eve@192.0.2.9")),
        Err(CallError::WrongState),
        "not offered"
    );
    endpoint.follow(now, call, &uri("sip:carol@192.0.2.3:5060")).unwrap();
    assert_eq!(endpoint.follow(now, call, &uri("sip:dave@192.0.2.4")), Err(CallError::WrongState), "once");
    net.run(SECOND, &mut |net, n, e| moved(net, n, e, CONTACTS));
    let now = net.now;
    net.node(0).endpoint.hang_up(now, call).unwrap();
    net.run(60 * SECOND, &mut |_, _, _| {});
    check(
        &net,
        "0 alice > bob: INVITE 1 +sdp
         10 bob > alice: 100 Trying (1 INVITE)
         10 bob > alice: 302 Moved Temporarily (1 INVITE)
         20 alice > bob: ACK 1
         1000 alice > carol: INVITE 2 +sdp
         1010 carol > alice: 100 Trying (2 INVITE)
         1010 carol > alice: 200 OK (2 INVITE) +sdp
         1020 alice > carol: ACK 2
         2000 alice > carol: BYE 3
         2010 carol > alice: 200 OK (3 BYE)",
    );
    // RFC 3261 8.1.3.4: To, From and Call-ID stay.
    let invites: Vec<_> = net
        .sent
        .iter()
        .filter(|s| s.bytes.starts_with(b"INVITE"))
        .map(|s| {
            let Ok(Message::Request(r)) = parse_datagram(&s.bytes) else { panic!() };
            ["To", "From", "Call-ID"].map(|n| r.headers.first(n).unwrap().to_owned())
        })
        .collect();
    assert_eq!(invites[0], invites[1]);
    net.assert_empty("after the call");
}

#[test]
fn nothing_is_followed_by_itself_and_the_wait_ends() {
    for hang_up in [true, false] {
        let mut net = three();
        let (now, mut config) = (net.now, direct_call(&net, 0, 1));
        config.ring_timeout = 30 * SECOND;
        let call = net.node(0).endpoint.call(now, config).unwrap();
        net.run(20 * SECOND, &mut |net, n, e| moved(net, n, e, CONTACTS));
        assert!(ending(&net, 0).is_none());
        if hang_up {
            let now = net.now;
            net.node(0).endpoint.hang_up(now, call).unwrap();
        }
        net.run(60 * SECOND, &mut |_, _, _| {});
        let ended = ending(&net, 0).unwrap();
        assert_eq!((ended.code, ended.phrase.as_str()), (Some(302), "Moved Temporarily"));
        assert!(!net.sent.iter().any(|s| s.to == "carol"));
        net.assert_empty("after a redirection not followed");
    }
}

#[test]
fn a_redirection_to_nowhere_ends_the_call() {
    let mut net = three();
    let (now, config) = (net.now, direct_call(&net, 0, 1));
    net.node(0).endpoint.call(now, config).unwrap();
    net.run(60 * SECOND, &mut |net, n, e| moved(net, n, e, "<mailto:bob@example.com>"));
    assert_eq!(ending(&net, 0).unwrap().code, Some(302));
    assert!(targets(&net).is_empty());
}

#[test]
fn what_is_for_the_own_server_stays_with_it() {
    let mut net = Net::new(1, CALM);
    let alice = net.add("alice", |_| {});
    let mut registrar = Registrar::add(&mut net);
    net.add("carol", |_| {});
    let (now, mut config) = (net.now, account(&net, registrar.node, "secret"));
    config.proxies.clear();
    config.registrar = Some(uri("sip:192.0.2.2:5060"));
    let id = net.node(alice).endpoint.register(now, config);
    net.run(SECOND, &mut |net, n, e| registrar.on_event(net, n, e));
    let offer = crate::net::audio(net.nodes[alice].address);
    let mut config = CallConfig::new(Identity::Account(id), uri("sip:bob@192.0.2.2:5060"), offer);
    config.show = ShownIdentity { privacy: Privacy::Withheld, ..ShownIdentity::account() };
    let now = net.now;
    let call = net.node(alice).endpoint.call(now, config).unwrap();
    let challenge = "Digest realm=\"sip.test\", nonce=\"n\", algorithm=MD5, qop=\"auth\"";
    net.run(SECOND, &mut |net, n, e| {
        let Event::IncomingCall { call, request, .. } = e else { return };
        let reply = match request.headers.first("Proxy-Authorization") {
            None => Reply::new(407).header("Proxy-Authenticate", challenge),
            Some(_) => Reply::new(302).header("Contact", "<sip:carol@192.0.2.3:5060>"),
        };
        let now = net.now;
        net.node(n).endpoint.reject(now, *call, reply).unwrap();
    });
    let now = net.now;
    net.node(alice).endpoint.follow(now, call, &uri("sip:carol@192.0.2.3:5060")).unwrap();
    net.run(SECOND, &mut |net, n, e| {
        let Event::IncomingCall { call, .. } = e else { return };
        let now = net.now;
        let reply = Reply::new(407).header("Proxy-Authenticate", challenge);
        net.node(n).endpoint.reject(now, *call, reply).unwrap();
    });
    let invites: Vec<_> = net
        .sent
        .iter()
        .filter(|s| s.from == "alice" && s.bytes.starts_with(b"INVITE"))
        .map(|s| {
            let Ok(Message::Request(r)) = parse_datagram(&s.bytes) else { panic!() };
            let has = |name: &str| r.headers.first(name).is_some();
            (s.to.clone(), has("Proxy-Authorization"), has("P-Preferred-Identity"))
        })
        .collect();
    let expected = [("registrar", false, true), ("registrar", true, true), ("carol", false, false)];
    assert_eq!(invites, expected.map(|(to, proof, identity)| (to.to_owned(), proof, identity)));
}

#[test]
fn why_a_call_ends_is_told_to_the_other_side() {
    // A call that is cancelled, and one that is ended.
    for answered in [false, true] {
        let mut net = three();
        let (now, config) = (net.now, direct_call(&net, 0, 2));
        let call = net.node(0).endpoint.call(now, config).unwrap();
        net.run(SECOND, &mut |net, n, e| {
            let Event::IncomingCall { call, .. } = e else { return };
            let (now, sdp) = (net.now, crate::net::audio(net.nodes[n].address));
            let endpoint = &mut net.node(n).endpoint;
            match answered {
                true => endpoint.accept(now, *call, sdp).unwrap(),
                false => endpoint.ring(now, *call).unwrap(),
            }
        });
        let reason =
            if answered { Reason::parse("Q.850;cause=16").unwrap() } else { Reason::completed_elsewhere() };
        let now = net.now;
        net.node(0).endpoint.hang_up_because(now, call, reason.clone()).unwrap();
        net.run(60 * SECOND, &mut |_, _, _| {});
        let ended = ending(&net, 2).unwrap();
        assert_eq!((ended.by, ended.reason.as_ref()), (EndedBy::Remote, Some(&reason)));
        let words = ended.reason.as_ref().and_then(|r| r.words()).map(str::to_owned);
        assert_eq!(
            words.as_deref(),
            Some(if answered { "Normal call clearing" } else { "Call completed elsewhere" })
        );
    }
}

#[test]
fn a_second_call_leaves_the_first_alone() {
    let mut net = Net::new(1, CALM);
    net.add("alice", |_| {});
    net.add("bob", |c| c.max_calls = 2);
    net.add("carol", |_| {});
    let (first, _) = crate::transfer::talk(&mut net, 0, 1);
    let (now, config) = (net.now, direct_call(&net, 2, 1));
    net.node(2).endpoint.call(now, config).unwrap();
    net.run(SECOND, &mut |_, _, _| {});
    let waiting: Vec<_> = net.nodes[1]
        .events
        .iter()
        .filter_map(|e| match e {
            Event::IncomingCall { call, .. } => Some(*call),
            _ => None,
        })
        .collect();
    assert_eq!(waiting.len(), 2, "it is told while the first goes on");
    let (now, config) = (net.now, direct_call(&net, 0, 1));
    net.node(0).endpoint.call(now, config).unwrap();
    net.run(SECOND, &mut |_, _, _| {});
    assert!(net.sent.iter().any(|s| s.bytes.starts_with(b"SIP/2.0 486")), "a third finds no line");
    let now = net.now;
    net.node(1).endpoint.reject(now, waiting[1], Reply::new(486)).unwrap();
    net.run(SECOND, &mut |_, _, _| {});
    let now = net.now;
    net.node(0).endpoint.info_dtmf(now, first, '1', SECOND).unwrap();
    net.run(SECOND, &mut |_, _, _| {});
    assert!(
        net.nodes[1]
            .events
            .iter()
            .any(|e| matches!(e, Event::Dtmf { call, digit: '1', .. } if *call == waiting[0]))
    );
}
