//! Thousands of seeded schedules: two people who call, ring, answer, refuse, cancel and hang up at random moments
//! over a network that loses, delays, reorders and doubles.

use crate::net::{Net, Weather, audio, call_states, direct_call, ending};
use std::time::Duration;
use tern_sip::{CallId, CallState, EndedBy, Event, Reply};

/// What somebody does, and when.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Deed {
    Call,
    Ring,
    Accept,
    Reject,
    CallerHangsUp,
    CalleeHangsUp,
}

fn plan(net: &mut Net, last: &[Deed]) -> Vec<(u64, Deed)> {
    let mut deeds = vec![(0, Deed::Call)];
    // Half of all schedules crowd everything into the first second, where the races are.
    let span = if net.random(2) == 0 { 1000 } else { 15_000 };
    for deed in
        [Deed::Ring, Deed::Accept, Deed::Accept, Deed::Reject, Deed::CallerHangsUp, Deed::CalleeHangsUp]
    {
        if net.random(3) > 0 {
            deeds.push((net.random(span), deed));
        }
    }
    deeds.extend(last.iter().map(|deed| (40_000, *deed)));
    deeds.sort_by_key(|(at, _)| *at);
    deeds
}

fn run(seed: u64, weather: Weather, last: &[Deed]) -> Net {
    let mut net = Net::new(seed, weather);
    let (alice, bob) = (net.add("alice", |_| {}), net.add("bob", |_| {}));
    let (mut outgoing, mut incoming): (Option<CallId>, Option<CallId>) = (None, None);
    for (at, deed) in plan(&mut net, last) {
        let wait = Duration::from_millis(at).saturating_sub(net.elapsed());
        net.run(wait, &mut |_, _, e| {
            if let Event::IncomingCall { call, .. } = e {
                assert!(incoming.is_none(), "seed {seed}: one INVITE, two calls");
                incoming = Some(*call);
            }
        });
        net.now = net.start + Duration::from_millis(at).max(net.elapsed());
        let now = net.now;
        // A deed that comes too late, or too early, is an error of the person and must do no harm.
        let _ = match (deed, outgoing, incoming) {
            (Deed::Call, ..) => {
                let config = direct_call(&net, alice, bob);
                outgoing = Some(net.node(alice).endpoint.call(now, config).unwrap());
                Ok(())
            }
            (Deed::CallerHangsUp, Some(call), _) => net.node(alice).endpoint.hang_up(now, call),
            (Deed::Ring, _, Some(call)) => net.node(bob).endpoint.ring(now, call),
            (Deed::Accept, _, Some(call)) => {
                let sdp = audio(net.nodes[bob].address);
                net.node(bob).endpoint.accept(now, call, sdp)
            }
            (Deed::Reject, _, Some(call)) => net.node(bob).endpoint.reject(now, call, Reply::new(486)),
            (Deed::CalleeHangsUp, _, Some(call)) => net.node(bob).endpoint.hang_up(now, call),
            _ => Ok(()),
        };
    }
    net.run(Duration::from_secs(1000), &mut |_, _, _| {});
    net
}

/// What must hold whatever the weather.
fn check(seed: u64, net: &Net) {
    let story = || crate::ladder::ladder(net);
    net.assert_empty(&format!("seed {seed}\n{}", story()));
    let caller =
        ending(net, 0).unwrap_or_else(|| panic!("seed {seed}: the caller's call never ended\n{}", story()));
    let called = net.nodes[1].events.iter().any(|e| matches!(e, Event::IncomingCall { .. }));
    let callee = ending(net, 1);
    assert_eq!(called, callee.is_some(), "seed {seed}: the called party's call never ended\n{}", story());
    let Some(callee) = callee else { return };
    // Nobody is told that the other did what the other was told this side did.
    let both_blamed = caller.by == EndedBy::Remote && callee.by == EndedBy::Remote;
    assert!(!both_blamed, "seed {seed}: {caller:?} {callee:?}\n{}", story());
    // An ACK is only sent for an answer taken, or to leave again at once.
    let confirmed = |n| call_states(net, n).iter().any(|s| matches!(s, CallState::Confirmed { .. }));
    if confirmed(1) {
        assert!(confirmed(0) || caller.by == EndedBy::Local, "seed {seed}: {caller:?}\n{}", story());
    }
}

#[test]
fn fair_weather_lets_nobody_down() {
    let weather =
        Weather { loss: 0, doubled: 0, delay: Duration::from_millis(5), jitter: Duration::from_millis(300) };
    for seed in 0..1000 {
        // One side's BYE or CANCEL must be enough to end both.
        let net = run(seed, weather, &[[Deed::CallerHangsUp, Deed::CalleeHangsUp][(seed % 2) as usize]]);
        check(seed, &net);
        for node in 0..2 {
            let by = ending(&net, node).map(|e| e.by);
            assert_ne!(by, Some(EndedBy::Network), "seed {seed}\n{}", crate::ladder::ladder(&net));
        }
    }
}

#[test]
fn foul_weather_leaves_nothing_behind() {
    for seed in 0..1000 {
        let weather = Weather {
            loss: [30, 100, 300][(seed % 3) as usize],
            doubled: 100,
            delay: Duration::from_millis(1),
            jitter: Duration::from_millis(800),
        };
        check(seed, &run(seed, weather, &[Deed::CallerHangsUp, Deed::CalleeHangsUp]));
    }
}
