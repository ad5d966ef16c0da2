//! Golden ladders of what happens inside a call.

use crate::hand::{answered, calling, with_sdp};
use crate::ladder::{check, check_order};
use crate::net::{CALM, Net, audio, direct_call};
use crate::sessions::{agreeable, offer, talking};
use std::time::Duration;
use tern_sip::wire::sdp::Direction;
use tern_sip::wire::{HeaderAccess as _, Method};
use tern_sip::{Event, Reply};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn hold_and_resume() {
    let (mut net, call, _) = talking(1, CALM);
    for direction in [Direction::SendOnly, Direction::SendRecv] {
        offer(&mut net, 0, call, direction);
        net.run(SECOND, &mut agreeable);
    }
    check(
        &net,
        "0 alice > bob: INVITE 1 +sdp
         10 bob > alice: 100 Trying (1 INVITE)
         10 bob > alice: 200 OK (1 INVITE) +sdp
         20 alice > bob: ACK 1
         1000 alice > bob: INVITE 2 +sdp
         1010 bob > alice: 100 Trying (2 INVITE)
         1010 bob > alice: 200 OK (2 INVITE) +sdp
         1020 alice > bob: ACK 2
         2000 alice > bob: INVITE 3 +sdp
         2010 bob > alice: 100 Trying (3 INVITE)
         2010 bob > alice: 200 OK (3 INVITE) +sdp
         2020 alice > bob: ACK 3",
    );
}

#[test]
fn glare() {
    let (mut net, call, theirs) = talking(1, CALM);
    offer(&mut net, 0, call, Direction::SendOnly);
    offer(&mut net, 1, theirs, Direction::SendOnly);
    net.run(10 * SECOND, &mut agreeable);
    check_order(
        &net,
        "alice > bob: INVITE 1 +sdp
         bob > alice: 100 Trying (1 INVITE)
         bob > alice: 200 OK (1 INVITE) +sdp
         alice > bob: ACK 1
         alice > bob: INVITE 2 +sdp
         bob > alice: INVITE 1 +sdp
         bob > alice: 491 Request Pending (2 INVITE)
         alice > bob: 491 Request Pending (1 INVITE)
         alice > bob: ACK 2
         bob > alice: ACK 1
         bob > alice: INVITE 2 +sdp
         alice > bob: 100 Trying (2 INVITE)
         alice > bob: 200 OK (2 INVITE) +sdp
         bob > alice: ACK 2
         alice > bob: INVITE 3 +sdp
         bob > alice: 100 Trying (3 INVITE)
         bob > alice: 200 OK (3 INVITE) +sdp
         alice > bob: ACK 3",
    );
}

#[test]
fn early_media_acknowledged_and_changed_by_update() {
    let mut net = Net::new(3, CALM);
    let (alice, bob) = (net.add("alice", |_| {}), net.add("bob", |_| {}));
    let (now, config) = (net.now, direct_call(&net, alice, bob));
    let call = net.node(alice).endpoint.call(now, config).unwrap();
    let mut theirs = None;
    net.run(SECOND, &mut |net, n, e| {
        if let Event::IncomingCall { call, .. } = e {
            let (now, sdp) = (net.now, audio(net.nodes[n].address));
            let reply = Reply::new(183).body("application/sdp", sdp.to_bytes());
            net.node(n).endpoint.progress(now, *call, reply).unwrap();
            theirs = Some(*call);
        }
    });
    offer(&mut net, alice, call, Direction::SendOnly);
    net.run(SECOND, &mut agreeable);
    let (now, sdp) = (net.now, audio(net.nodes[bob].address));
    net.node(bob).endpoint.accept(now, theirs.unwrap(), sdp).unwrap();
    net.wait(15);
    check(
        &net,
        "0 alice > bob: INVITE 1 +sdp
         10 bob > alice: 100 Trying (1 INVITE)
         10 bob > alice: 183 Session Progress (1 INVITE) +sdp
         20 alice > bob: PRACK 2
         30 bob > alice: 200 OK (2 PRACK)
         1000 alice > bob: UPDATE 3 +sdp
         1010 bob > alice: 200 OK (3 UPDATE) +sdp
         2000 bob > alice: 200 OK (1 INVITE)
         2010 alice > bob: ACK 1",
    );
}

#[test]
fn a_call_whose_offer_the_other_side_makes() {
    let mut net = Net::new(3, CALM);
    let (alice, bob) = (net.add("alice", |_| {}), net.add("bob", |_| {}));
    let (now, mut config) = (net.now, direct_call(&net, alice, bob));
    config.offer = None;
    net.node(alice).endpoint.call(now, config).unwrap();
    net.run(SECOND, &mut agreeable);
    check(
        &net,
        "0 alice > bob: INVITE 1
         10 bob > alice: 100 Trying (1 INVITE)
         10 bob > alice: 200 OK (1 INVITE) +sdp
         20 alice > bob: ACK 1 +sdp",
    );
}

#[test]
fn a_session_kept_alive() {
    let (mut net, ..) = talking(1, CALM);
    net.run(Duration::from_secs(950), &mut agreeable);
    check(
        &net,
        "0 alice > bob: INVITE 1 +sdp
         10 bob > alice: 100 Trying (1 INVITE)
         10 bob > alice: 200 OK (1 INVITE) +sdp
         20 alice > bob: ACK 1
         900020 alice > bob: UPDATE 2
         900030 bob > alice: 200 OK (2 UPDATE)",
    );
}

#[test]
fn an_interval_too_brief_for_somebody_on_the_way() {
    let (mut net, _) = calling(|_| {});
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 422, "p", |r| r.headers.add("Min-SE", "3600"));
    let again = net.request(&Method::INVITE);
    net.reply(&again, 200, "p", with_sdp(7000));
    check_order(
        &net,
        "alice > 198.51.100.1:5060: INVITE 1 +sdp
         alice > 198.51.100.1:5060: ACK 1
         alice > 198.51.100.1:5060: INVITE 2 +sdp
         alice > 198.51.100.1:5060: ACK 2",
    );
}

#[test]
fn a_session_nobody_confirms() {
    let (mut net, _) = answered(|r| r.headers.add("Session-Expires", "90;refresher=uas"));
    net.wait(60_010);
    check_order(
        &net,
        "alice > 198.51.100.1:5060: INVITE 1 +sdp
         alice > 198.51.100.1:5060: ACK 1
         alice > 198.51.100.1:5060: BYE 2",
    );
}
