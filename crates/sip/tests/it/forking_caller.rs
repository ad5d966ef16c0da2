//! A call that is forked on its way: each branch rings, speaks and is acknowledged for itself.

use crate::hand::{calling, reliable, their_sdp, theirs, with_sdp};
use crate::net::{audio, call_states, ending};
use tern_sip::wire::{HeaderAccess as _, Method};
use tern_sip::{CallState, EndedBy, Event};

/// The ports of early media in the order they were told.
fn heard(net: &crate::net::Net) -> Vec<u16> {
    let states = call_states(net, 0).into_iter().filter_map(|s| match s {
        CallState::EarlyMedia { sdp, .. } => Some(sdp.media[0].port),
        _ => None,
    });
    states.collect()
}

#[test]
fn early_media_follows_the_branch_that_speaks() {
    let (mut net, _) = calling(|_| {});
    let invite = net.request(&Method::INVITE);
    for (tag, port) in [("a", 7000), ("a", 7000), ("b", 7002), ("a", 7000)] {
        net.reply(&invite, 183, tag, with_sdp(port));
    }
    assert_eq!(heard(&net), [7000, 7002, 7000]);
    let branches: Vec<_> = call_states(&net, 0)
        .into_iter()
        .filter_map(|s| match s {
            CallState::EarlyMedia { branch, .. } => Some(branch),
            _ => None,
        })
        .collect();
    assert!(branches[0] == branches[2] && branches[0] != branches[1]);
    // The one that was heard before, not last, answers with nothing new: its description is told again.
    net.reply(&invite, 200, "b", |_| {});
    assert!(call_states(&net, 0).contains(&CallState::Answered { sdp: Some(their_sdp(7002)) }));
}

#[test]
fn each_branch_has_numbers_and_acknowledgements_of_its_own() {
    let (mut net, call) = calling(|_| {});
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 183, "a", reliable(500, Some(7000)));
    net.reply(&invite, 183, "b", reliable(7, Some(7002)));
    net.reply(&invite, 180, "a", reliable(501, None));
    let pracks = net.requests(&Method::PRACK);
    let told: Vec<(String, u32)> = pracks
        .iter()
        .map(|p| (p.headers.first("RAck").unwrap().to_owned(), p.headers.cseq().unwrap().number))
        .collect();
    assert_eq!(told, [("500 1 INVITE".into(), 2), ("7 1 INVITE".into(), 2), ("501 1 INVITE".into(), 3)]);
    for prack in &pracks {
        let tag = prack.headers.to_address().unwrap().tag().unwrap();
        net.reply(prack, 200, &tag, |_| {});
    }
    // The winner; then the loser answers too late and is left (RFC 3261 13.2.2.4).
    net.reply(&invite, 200, "b", |_| {});
    net.reply(&invite, 200, "a", |_| {});
    let bye = net.request(&Method::BYE);
    assert_eq!(bye.headers.to_address().unwrap().tag().as_deref(), Some("a"));
    assert_eq!(bye.headers.cseq().unwrap().number, 4, "after the two PRACKs of that branch");
    assert_eq!((net.requests(&Method::ACK).len(), ending(&net, 0)), (2, None));
    // A BYE of the loser is answered and ends nothing.
    net.say(&theirs(&net, Method::BYE, 1, "a").to_bytes());
    assert_eq!((net.response().code(), ending(&net, 0)), (200, None));
    net.reply(&bye, 481, "a", |_| {});
    assert_eq!(ending(&net, 0), None, "the call is not the branch that was left");
    let now = net.now;
    net.node(0).endpoint.hang_up(now, call).unwrap();
    net.wait(1);
    let bye = net.request(&Method::BYE);
    assert_eq!(bye.headers.to_address().unwrap().tag().as_deref(), Some("b"));
    net.reply(&bye, 200, "b", |_| {});
    net.wait(100_000);
    net.assert_empty("after the call");
}

#[test]
fn a_branch_that_lost_changes_the_session_no_more() {
    let (mut net, _) = calling(|_| {});
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 183, "a", reliable(1, Some(7000)));
    let prack = net.request(&Method::PRACK);
    net.reply(&prack, 200, "a", |_| {});
    net.reply(&invite, 200, "b", with_sdp(7002));
    // Said before it heard that it had lost.
    let mut update = theirs(&net, Method::UPDATE, 1, "a");
    update.headers.add("Contact", "<sip:bob@198.51.100.1>");
    update.set_body("application/sdp", their_sdp(7004).to_bytes());
    net.say(&update.to_bytes());
    assert_eq!(net.response().code(), 481);
    assert!(!net.events().iter().any(|e| matches!(e, Event::Reoffer { .. })));
    assert_eq!(ending(&net, 0), None);
}

#[test]
fn a_branch_that_says_bye_is_gone_and_the_others_ring_on() {
    let (mut net, _) = calling(|_| {});
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 180, "a", |_| {});
    net.reply(&invite, 180, "b", |_| {});
    net.say(&theirs(&net, Method::BYE, 1, "a").to_bytes());
    assert_eq!((ending(&net, 0), net.requests(&Method::CANCEL).len()), (None, 0));
    net.say(&theirs(&net, Method::BYE, 1, "b").to_bytes());
    assert_eq!(net.requests(&Method::CANCEL).len(), 1, "nobody is left");
    net.reply(&invite, 487, "b", |_| {});
    assert_eq!(ending(&net, 0).unwrap().by, EndedBy::Remote);
}

#[test]
fn questions_of_two_branches_come_one_after_the_other() {
    let (mut net, call) = calling(|c| c.offer = None);
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 183, "a", reliable(1, Some(7000)));
    net.reply(&invite, 183, "b", reliable(1, Some(7002)));
    let asked = |net: &crate::net::Net| {
        let offers = net.events().iter().filter_map(|e| match e {
            Event::Reoffer { offer, .. } => offer.clone(),
            _ => None,
        });
        offers.map(|o| o.media[0].port).collect::<Vec<_>>()
    };
    assert_eq!(asked(&net), [7000]);
    let (now, sdp) = (net.now, audio(net.nodes[0].address));
    net.node(0).endpoint.answer_reoffer(now, call, sdp.clone()).unwrap();
    net.wait(1);
    assert_eq!(asked(&net), [7000, 7002]);
    // The one that was answered first is answered; the other's question is nobody's now.
    net.reply(&invite, 200, "a", |_| {});
    assert!(net.node(0).endpoint.answer_reoffer(now, call, sdp).is_err());
    let pracks = net.requests(&Method::PRACK);
    assert_eq!(pracks[0].headers.to_address().unwrap().tag().as_deref(), Some("a"));
    assert_eq!(call_states(&net, 0).last(), Some(&CallState::Confirmed { sdp: None }));
}

#[test]
fn an_endless_fork_is_bounded() {
    let (mut net, _) = calling(|_| {});
    let invite = net.request(&Method::INVITE);
    for n in 0..100 {
        net.reply(&invite, 183, &format!("t{n}"), reliable(1, Some(7000)));
    }
    let branches: std::collections::BTreeSet<_> =
        net.requests(&Method::PRACK).iter().map(|p| p.headers.to_address().unwrap().tag().unwrap()).collect();
    assert_eq!(branches.len(), 16);
}

#[test]
fn the_2xx_tells_the_route_anew() {
    let (mut net, _) = calling(|_| {});
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 180, "p", |r| r.headers.add("Record-Route", "<sip:early@198.51.100.1;lr>"));
    net.reply(&invite, 200, "p", |r| {
        with_sdp(7000)(r);
        r.headers.add("Record-Route", "<sip:final@198.51.100.1;lr>");
    });
    // RFC 3261 13.2.2.4
    assert_eq!(net.request(&Method::ACK).headers.first("Route"), Some("<sip:final@198.51.100.1;lr>"));
}

#[test]
fn an_invite_sent_again_begins_anew() {
    let (mut net, _) = calling(|_| {});
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 180, "p", reliable(41, None));
    net.reply(&invite, 422, "p", |r| r.headers.add("Min-SE", "7200"));
    let again = net.request(&Method::INVITE);
    let number = again.headers.cseq().unwrap().number;
    // RFC 3262 3: the numbers of a branch begin anew with each INVITE.
    net.reply(&again, 180, "p", reliable(7, None));
    let expected = format!("7 {number} INVITE");
    assert_eq!(net.request(&Method::PRACK).headers.first("RAck"), Some(expected.as_str()));
}

#[test]
fn what_was_offered_to_a_branch_that_lost_is_offered_to_the_winner() {
    let (mut net, call) = calling(|_| {});
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 183, "a", reliable(1, Some(7000)));
    let prack = net.request(&Method::PRACK);
    net.reply(&prack, 200, "a", |_| {});
    crate::sessions::offer(&mut net, 0, call, tern_sip::wire::sdp::Direction::SendOnly);
    net.wait(1);
    let update = net.request(&Method::UPDATE);
    net.reply(&invite, 200, "b", with_sdp(7100));
    let reinvite = net.request(&Method::INVITE);
    assert_eq!(reinvite.headers.to_address().unwrap().tag().as_deref(), Some("b"));
    // RFC 5057 5.1: a branch that is gone takes its own dialog alone.
    net.reply(&update, 481, "a", |_| {});
    assert_eq!(ending(&net, 0), None);
}

#[test]
fn a_branch_that_does_not_know_update_gets_none() {
    let (mut net, call) = calling(|_| {});
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 183, "a", |r| {
        reliable(1, Some(7000))(r);
        r.headers.set("Allow", "INVITE, ACK, CANCEL, BYE, PRACK");
    });
    let prack = net.request(&Method::PRACK);
    net.reply(&prack, 200, "a", |r| r.headers.remove("Allow"));
    crate::sessions::offer(&mut net, 0, call, tern_sip::wire::sdp::Direction::SendOnly);
    net.wait(1);
    // RFC 3311 5.1
    assert_eq!(net.requests(&Method::UPDATE).len(), 0);
    net.reply(&invite, 200, "a", |_| {});
    assert_eq!(net.requests(&Method::INVITE).len(), 2, "once there is a call, it goes by re-INVITE");
}
