//! Before anybody has answered a forked call: each phone's reliable answers are acknowledged, and its session changed,
//! by way of the proxy (RFC 3262 4, RFC 3311 5, RFC 3261 16.12).

use crate::forking::{team, team_call};
use crate::ladder::ladder;
use crate::net::{Net, audio, call_states};
use crate::proxy::Forking;
use crate::sessions::{agreeable, offer, results};
use std::collections::BTreeMap;
use std::time::Duration;
use tern_sip::wire::sdp::Direction;
use tern_sip::{CallId, CallState, Event, Reply};

const SECOND: Duration = Duration::from_secs(1);
const ALICE: usize = 0;

/// Alice's call to a team whose phones all send early sound; her call and theirs.
fn early(phones: usize) -> (Net, CallId, BTreeMap<usize, CallId>) {
    let mut net = team(1, phones, Forking::Parallel);
    let (now, config) = (net.now, team_call(&net));
    let call = net.node(ALICE).endpoint.call(now, config).unwrap();
    let mut calls = BTreeMap::new();
    net.run(SECOND, &mut |net, n, e| {
        let Event::IncomingCall { call, .. } = e else { return };
        let (now, sdp) = (net.now, audio(net.nodes[n].address));
        let reply = Reply::new(183).body("application/sdp", sdp.to_bytes());
        net.node(n).endpoint.progress(now, *call, reply).unwrap();
        calls.insert(n, *call);
    });
    (net, call, calls)
}

/// Who has sent such requests to whom.
fn ways<'a>(net: &'a Net, method: &str) -> Vec<(&'a str, &'a str)> {
    let sent = net.sent.iter().filter(|s| s.bytes.starts_with(method.as_bytes()));
    let mut ways: Vec<_> = sent.map(|s| (s.from.as_str(), s.to.as_str())).collect();
    ways.sort_unstable();
    ways
}

/// A phone takes the call, alice hangs up, and nothing is left.
fn talk_and_end(net: &mut Net, call: CallId, phone: usize, theirs: CallId) {
    let (now, sdp) = (net.now, audio(net.nodes[phone].address));
    net.node(phone).endpoint.accept(now, theirs, sdp).unwrap();
    net.run(SECOND, &mut agreeable);
    for n in [ALICE, phone] {
        let states = call_states(net, n);
        assert!(matches!(states.last(), Some(CallState::Confirmed { .. })), "{}", ladder(net));
    }
    let now = net.now;
    net.node(ALICE).endpoint.hang_up(now, call).unwrap();
    net.run(300 * SECOND, &mut agreeable);
    net.assert_empty(&ladder(net));
}

#[test]
fn every_phone_has_its_own_acknowledgement() {
    let (mut net, call, calls) = early(2);
    let by_the_proxy = [("alice", "proxy"), ("alice", "proxy"), ("proxy", "p1"), ("proxy", "p2")];
    assert_eq!(ways(&net, "PRACK"), by_the_proxy, "{}", ladder(&net));
    // Acknowledged means not repeated.
    net.run(5 * SECOND, &mut |_, _, _| {});
    let early = net.sent.iter().filter(|s| s.bytes.starts_with(b"SIP/2.0 183"));
    assert_eq!(early.count(), 4, "{}", ladder(&net));
    talk_and_end(&mut net, call, 2, calls[&2]);
}

#[test]
fn a_session_is_changed_on_its_own_branch() {
    let (mut net, call, calls) = early(2);
    // The phone's wish reaches alice while it rings, and hers the phone that was heard last.
    offer(&mut net, 1, calls[&1], Direction::SendOnly);
    net.run(SECOND, &mut agreeable);
    assert_eq!(ways(&net, "UPDATE"), [("p1", "proxy"), ("proxy", "alice")], "{}", ladder(&net));
    assert!(matches!(&results(&net, 1)[..], [Ok(answer)]
        if answer.direction_of(answer.audio().unwrap()) == Direction::RecvOnly));
    offer(&mut net, ALICE, call, Direction::Inactive);
    net.run(SECOND, &mut agreeable);
    assert!(matches!(&results(&net, ALICE)[..], [Ok(answer)]
        if answer.direction_of(answer.audio().unwrap()) == Direction::Inactive));
    let asked: Vec<usize> =
        (1..=2).filter(|n| net.nodes[*n].events.iter().any(|e| matches!(e, Event::Reoffer { .. }))).collect();
    assert_eq!(asked.len(), 1, "{}", ladder(&net));
    let phone = asked[0];
    talk_and_end(&mut net, call, phone, calls[&phone]);
}
