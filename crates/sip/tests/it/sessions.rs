//! Offers inside a call: hold, resume, glare, refusals, lost messages, and calls placed without an offer.

use crate::hand::{answered, calling, reliable, their_sdp, theirs, with_sdp};
use crate::net::{CALM, Net, Weather, audio, call_states, direct_call, ending, uri};
use std::time::Duration;
use tern_sip::offer_answer::with_direction;
use tern_sip::wire::sdp::{Direction, SessionDescription};
use tern_sip::wire::{HeaderAccess as _, Method, Request};
use tern_sip::{CallError, CallId, CallState, EndedBy, Event, OfferFailure, Reply};

const SECOND: Duration = Duration::from_secs(1);

/// Takes every call and every later offer with this node's usual description.
pub(crate) fn agreeable(net: &mut Net, n: usize, event: &Event) {
    let (now, sdp) = (net.now, audio(net.nodes[n].address));
    match event {
        Event::IncomingCall { call, .. } => net.node(n).endpoint.accept(now, *call, sdp).unwrap(),
        Event::Reoffer { call, offer } => {
            let direction = offer
                .as_ref()
                .map_or(Direction::SendRecv, |offer| offer.direction_of(offer.audio().unwrap()).reversed());
            net.node(n).endpoint.answer_reoffer(now, *call, with_direction(&sdp, direction)).unwrap();
        }
        _ => {}
    }
}

/// Alice and Bob in a call, one second old.
pub(crate) fn talking(seed: u64, weather: Weather) -> (Net, CallId, CallId) {
    let mut net = Net::new(seed, weather);
    let (alice, bob) = (net.add("alice", |_| {}), net.add("bob", |_| {}));
    let (now, config) = (net.now, direct_call(&net, alice, bob));
    let call = net.node(alice).endpoint.call(now, config).unwrap();
    net.run(SECOND, &mut agreeable);
    let theirs = net.nodes[bob].events.iter().find_map(|e| match e {
        Event::IncomingCall { call, .. } => Some(*call),
        _ => None,
    });
    (net, call, theirs.unwrap())
}

pub(crate) fn offer(net: &mut Net, n: usize, call: CallId, direction: Direction) {
    let (now, sdp) = (net.now, audio(net.nodes[n].address));
    net.node(n).endpoint.offer(now, call, with_direction(&sdp, direction)).unwrap();
}

/// The answers to a node's offers.
pub(crate) fn results(net: &Net, n: usize) -> Vec<Result<SessionDescription, OfferFailure>> {
    let results = net.nodes[n].events.iter().filter_map(|e| match e {
        Event::OfferAnswered { result, .. } => Some(result.clone()),
        _ => None,
    });
    results.collect()
}

fn directions(net: &Net, n: usize) -> Vec<Direction> {
    results(net, n).into_iter().map(|r| r.unwrap()).map(|s| s.direction_of(s.audio().unwrap())).collect()
}

fn version(bytes: &[u8]) -> String {
    SessionDescription::parse(bytes).unwrap().origin.version
}

#[test]
fn hold_and_resume_reach_the_other_side_with_growing_versions() {
    let (mut net, call, _) = talking(1, CALM);
    for direction in [Direction::SendOnly, Direction::SendOnly, Direction::SendRecv] {
        offer(&mut net, 0, call, direction);
        net.run(SECOND, &mut agreeable);
    }
    assert_eq!(directions(&net, 0), [Direction::RecvOnly, Direction::RecvOnly, Direction::SendRecv]);
    let invites = net.requests(&Method::INVITE);
    let versions: Vec<String> = invites.iter().map(|r| version(&r.body)).collect();
    // RFC 3264 8: by one with every change, not at all without one.
    assert_eq!(versions, ["1", "2", "2", "3"]);
    // RFC 3261 12.2.1.1, 14.1: Contact, the same Call-ID and tags, a growing number.
    assert!(invites.iter().all(|r| r.headers.first("Contact").is_some()));
    let numbers: Vec<u32> = invites.iter().map(|r| r.headers.cseq().unwrap().number).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
}

#[test]
fn a_second_offer_waits_for_the_first_and_the_newest_counts() {
    let (mut net, call, _) = talking(1, CALM);
    for direction in [Direction::SendOnly, Direction::Inactive, Direction::SendRecv] {
        offer(&mut net, 0, call, direction);
    }
    net.run(SECOND, &mut agreeable);
    assert_eq!(directions(&net, 0), [Direction::RecvOnly, Direction::SendRecv]);
}

#[test]
fn two_offers_that_meet_are_both_made_again() {
    for seed in 0..20 {
        let (mut net, call, theirs) = talking(seed, CALM);
        let from = net.elapsed();
        offer(&mut net, 0, call, Direction::SendOnly);
        offer(&mut net, 1, theirs, Direction::Inactive);
        net.run(20 * SECOND, &mut agreeable);
        let codes: Vec<u16> = net.responses().iter().map(|r| r.code()).filter(|c| *c == 491).collect();
        assert_eq!(codes.len(), 2, "RFC 3261 14.2: each refuses the other's");
        assert_eq!((results(&net, 0).len(), results(&net, 1).len()), (1, 1));
        assert!(results(&net, 0)[0].is_ok() && results(&net, 1)[0].is_ok());
        let again = |from_node: &str| {
            let mut invites =
                net.sent.iter().filter(|s| s.from == from_node && s.bytes.starts_with(b"INVITE")).rev();
            (invites.next().unwrap().at - from).as_millis()
        };
        // RFC 3261 14.1: the owner of the Call-ID after 2.1 to 4 s, the other after 0 to 2 s; 20 ms for the refusal.
        assert!((2120..=4030).contains(&again("alice")), "{}", again("alice"));
        assert!((20..=2030).contains(&again("bob")), "{}", again("bob"));
    }
}

#[test]
fn a_refused_offer_leaves_the_session_as_it_was() {
    let (mut net, call) = answered(|_| {});
    offer(&mut net, 0, call, Direction::SendOnly);
    net.wait(1);
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 488, "p", |_| {});
    let refused = OfferFailure::Rejected { code: 488, phrase: "Not Acceptable Here".into() };
    assert_eq!((results(&net, 0), ending(&net, 0)), (vec![Err(refused)], None));
    // The next one goes on in numbers and versions.
    offer(&mut net, 0, call, Direction::Inactive);
    net.wait(1);
    let next = net.request(&Method::INVITE);
    assert_eq!((next.headers.cseq().unwrap().number, version(&next.body).as_str()), (3, "3"));
    net.reply(&next, 200, "p", |_| {});
    assert_eq!(results(&net, 0)[1], Err(OfferFailure::Unanswered));
    assert_eq!(ending(&net, 0), None);
}

#[test]
fn a_server_that_cannot_now_is_asked_again_when_it_says() {
    let (mut net, call) = answered(|_| {});
    offer(&mut net, 0, call, Direction::SendOnly);
    net.wait(1);
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 500, "p", |r| r.headers.add("Retry-After", "7"));
    net.wait(6990);
    assert_eq!(net.requests(&Method::INVITE).len(), 2);
    net.wait(20);
    assert_eq!(net.requests(&Method::INVITE).len(), 3);
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 200, "p", with_sdp(7000));
    assert!(results(&net, 0)[0].is_ok());
}

/// A request of ours inside the call.
fn ask(net: &mut Net, call: CallId, method: &Method) -> Request {
    let now = net.now;
    match method {
        m if *m == Method::INFO => net.node(0).endpoint.info_dtmf(now, call, '1', SECOND / 10).unwrap(),
        m if *m == Method::REFER => {
            net.node(0).endpoint.transfer(now, call, uri("sip:carol@192.0.2.3")).unwrap();
        }
        _ => offer(net, 0, call, Direction::SendOnly),
    }
    net.wait(1);
    net.request(method)
}

#[test]
fn which_refusals_end_the_call_and_who_ended_it() {
    // RFC 5057 5.1. Only 481 is the word of the other side itself.
    let lost: [(u16, Option<EndedBy>); 11] = [
        (481, Some(EndedBy::Remote)),
        (408, Some(EndedBy::Network)),
        (404, Some(EndedBy::Network)),
        (410, Some(EndedBy::Network)),
        (416, Some(EndedBy::Network)),
        (482, Some(EndedBy::Network)),
        (483, Some(EndedBy::Network)),
        (484, Some(EndedBy::Network)),
        (485, Some(EndedBy::Network)),
        (502, Some(EndedBy::Network)),
        (604, Some(EndedBy::Network)),
    ];
    let kept = [
        400, 401, 403, 405, 406, 407, 413, 415, 420, 480, 486, 487, 488, 489, 500, 501, 503, 504, 600, 603,
        606,
    ];
    for (code, by) in lost.into_iter().chain(kept.map(|code| (code, None))) {
        for method in [Method::INVITE, Method::INFO, Method::REFER] {
            let (mut net, call) = answered(|_| {});
            let request = ask(&mut net, call, &method);
            net.reply(&request, code, "p", |_| {});
            // A refused transfer is a refused transfer.
            let by = by.filter(|_| method != Method::REFER);
            let end = ending(&net, 0).map(|end| (end.by, end.code));
            assert_eq!(end, by.map(|by| (by, Some(code))), "{code} to {method}");
            if by.is_some() {
                assert_eq!(net.request(&Method::BYE).headers.reason().unwrap().cause, Some(code), "RFC 3326");
                net.wait(100_000);
                net.assert_empty("after the loss");
            }
        }
    }
}

#[test]
fn a_481_that_overtakes_their_bye_is_a_hang_up() {
    let (mut net, call) = answered(|_| {});
    let info = ask(&mut net, call, &Method::INFO);
    net.reply(&info, 481, "p", |_| {});
    net.say(&theirs(&net, Method::BYE, 1, "p").to_bytes());
    assert_eq!(net.response().code(), 200);
    assert_eq!(ending(&net, 0).unwrap().by, EndedBy::Remote);
    let ends = net.events().iter().filter(|e| matches!(e, Event::Call { state: CallState::Ended(_), .. }));
    assert_eq!(ends.count(), 1);
    let bye = net.request(&Method::BYE);
    net.reply(&bye, 481, "p", |_| {});
    net.wait(100_000);
    net.assert_empty("after the crossing");
}

#[test]
fn provisional_responses_to_a_later_invite_are_never_reliable() {
    let (mut net, call) = answered(|_| {});
    let first = net.request(&Method::INVITE);
    let invite = ask(&mut net, call, &Method::INVITE);
    let tags = |r: &Request| r.headers.tokens("Supported").iter().map(|t| t.to_string()).collect::<Vec<_>>();
    assert!(tags(&first).contains(&"100rel".into()) && !tags(&invite).contains(&"100rel".into()));
    // RFC 6141 3.2: nothing but the final response decides.
    net.reply(&invite, 183, "p", with_sdp(7002));
    assert!(results(&net, 0).is_empty());
    net.reply(&invite, 200, "p", with_sdp(7004));
    assert_eq!(results(&net, 0), [Ok(their_sdp(7004))]);
}

#[test]
fn an_offer_nobody_answers_ends_the_call() {
    let (mut net, call) = answered(|_| {});
    offer(&mut net, 0, call, Direction::SendOnly);
    net.wait(31_000);
    assert_eq!(ending(&net, 0), None);
    net.wait(2_000);
    assert_eq!(ending(&net, 0).unwrap().by, EndedBy::Network);
    net.wait(100_000);
    net.assert_empty("after timer B");
}

#[test]
fn an_offer_that_is_only_pondered_is_cancelled_and_given_up() {
    let (mut net, call) = answered(|_| {});
    offer(&mut net, 0, call, Direction::SendOnly);
    net.wait(1);
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 100, "p", |_| {});
    net.wait(63_000);
    assert_eq!(net.requests(&Method::CANCEL).len(), 0);
    net.wait(2_000);
    let cancel = net.request(&Method::CANCEL);
    assert_eq!(cancel.headers.cseq().unwrap().number, invite.headers.cseq().unwrap().number);
    assert_eq!(ending(&net, 0), None);
    net.wait(200_000);
    assert_eq!(ending(&net, 0).unwrap().by, EndedBy::Network);
    net.assert_empty("after the endless re-INVITE");
}

#[test]
fn hanging_up_while_an_offer_is_pondered_leaves_nothing() {
    let (mut net, call) = answered(|_| {});
    offer(&mut net, 0, call, Direction::SendOnly);
    net.wait(1);
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 100, "p", |_| {});
    let now = net.now;
    net.node(0).endpoint.hang_up(now, call).unwrap();
    net.wait(1);
    let bye = net.request(&Method::BYE);
    net.reply(&bye, 200, "p", |_| {});
    net.wait(200_000);
    net.assert_empty("after the BYE; the re-INVITE was never answered");
}

#[test]
fn the_ack_of_a_later_invite_is_repeated_with_its_own_number() {
    let (mut net, call) = answered(|_| {});
    offer(&mut net, 0, call, Direction::SendOnly);
    net.wait(1);
    let invite = net.request(&Method::INVITE);
    for _ in 0..2 {
        net.reply(&invite, 200, "p", with_sdp(7000));
    }
    let first = net.requests(&Method::INVITE)[0].clone();
    net.reply(&first, 200, "p", with_sdp(7000));
    let numbers: Vec<u32> =
        net.requests(&Method::ACK).iter().map(|r| r.headers.cseq().unwrap().number).collect();
    assert_eq!(numbers, [1, 2, 2, 1]);
    assert_eq!(results(&net, 0).len(), 1);
}

#[test]
fn the_new_target_of_a_2xx_gets_its_ack() {
    let (mut net, call) = answered(|_| {});
    offer(&mut net, 0, call, Direction::SendOnly);
    net.wait(1);
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 200, "p", |r| {
        with_sdp(7000)(r);
        r.headers.set("Contact", "<sip:moved@198.51.100.9>");
    });
    assert_eq!(net.request(&Method::ACK).uri.to_string(), "sip:moved@198.51.100.9");
    assert_eq!(net.sent.last().unwrap().to, "198.51.100.9:5060");
}

#[test]
fn after_a_network_change_the_offer_leaves_from_the_new_address() {
    let (mut net, call) = answered(|_| {});
    let listener = tern_sip::Listener {
        transport: tern_sip::Transport::Udp,
        address: "203.0.113.5:5070".parse().unwrap(),
    };
    let now = net.now;
    net.node(0).endpoint.network_changed(now, vec![listener]);
    offer(&mut net, 0, call, Direction::SendRecv);
    net.wait(1);
    let invite = net.request(&Method::INVITE);
    assert!(invite.headers.first("Contact").unwrap().contains("@203.0.113.5:5070"));
    assert!(invite.headers.first("Via").unwrap().contains(" 203.0.113.5:5070;"));
}

#[test]
fn an_offer_in_an_update_is_for_the_application_too() {
    let (mut net, call) = answered(|_| {});
    let mut update = theirs(&net, Method::UPDATE, 1, "p");
    update.set_body("application/sdp", their_sdp(7002).to_bytes());
    net.say(&update.to_bytes());
    assert!(
        matches!(net.events().last(), Some(Event::Reoffer { offer: Some(o), .. }) if *o == their_sdp(7002))
    );
    // RFC 3311 5.2: another before the first is through gets 500 and a time.
    let mut second = theirs(&net, Method::UPDATE, 2, "p");
    second.set_body("application/sdp", their_sdp(7004).to_bytes());
    net.say(&second.to_bytes());
    assert_eq!(net.response().code(), 500);
    assert!(net.response().headers.number("Retry-After").unwrap() <= 10);
    let (now, sdp) = (net.now, audio(net.nodes[0].address));
    net.node(0).endpoint.answer_reoffer(now, call, sdp).unwrap();
    net.wait(1);
    let ok = net.response();
    assert_eq!((ok.code(), ok.headers.cseq().unwrap().method), (200, Method::UPDATE));
    assert!(ok.headers.first("Contact").is_some() && !ok.body.is_empty());
    // An offer of ours is open: 491.
    offer(&mut net, 0, call, Direction::SendOnly);
    net.wait(1);
    let mut third = theirs(&net, Method::UPDATE, 3, "p");
    third.set_body("application/sdp", their_sdp(7004).to_bytes());
    net.say(&third.to_bytes());
    assert_eq!(net.response().code(), 491);
    // Without an offer it only refreshes the target, and may come at any time.
    let mut bare = theirs(&net, Method::UPDATE, 4, "p");
    bare.headers.set("Contact", "<sip:p@198.51.100.2>");
    net.say(&bare.to_bytes());
    assert_eq!(net.response().code(), 200);
    let now = net.now;
    net.node(0).endpoint.hang_up(now, call).unwrap();
    net.wait(1);
    assert_eq!(net.request(&Method::BYE).uri.to_string(), "sip:p@198.51.100.2");
}

#[test]
fn an_update_that_crosses_the_bye_is_answered_and_ends_nothing_twice() {
    let (mut net, call) = answered(|_| {});
    let mut update = theirs(&net, Method::UPDATE, 1, "p");
    update.set_body("application/sdp", their_sdp(7002).to_bytes());
    net.say(&update.to_bytes());
    let now = net.now;
    net.node(0).endpoint.hang_up(now, call).unwrap();
    net.wait(1);
    assert_eq!(net.response().code(), 487, "RFC 3261 15.1.2: what waits gets 487");
    net.say(&theirs(&net, Method::UPDATE, 2, "p").to_bytes());
    assert_eq!(net.response().code(), 481);
    net.say(&theirs(&net, Method::BYE, 3, "p").to_bytes());
    assert_eq!(net.response().code(), 200);
    let bye = net.request(&Method::BYE);
    net.reply(&bye, 481, "p", |_| {});
    net.wait(100_000);
    assert_eq!(ending(&net, 0).unwrap().by, EndedBy::Local);
    net.assert_empty("after the crossing");
}

#[test]
fn a_bye_during_our_offer_ends_the_call_once() {
    let (mut net, call) = answered(|_| {});
    offer(&mut net, 0, call, Direction::SendOnly);
    net.wait(1);
    let invite = net.request(&Method::INVITE);
    net.say(&theirs(&net, Method::BYE, 1, "p").to_bytes());
    net.reply(&invite, 487, "p", |_| {});
    net.wait(200_000);
    assert_eq!(ending(&net, 0).unwrap().by, EndedBy::Remote);
    assert_eq!(net.requests(&Method::BYE).len(), 0);
    net.assert_empty("after the BYE");
}

#[test]
fn a_call_without_an_offer_is_answered_in_the_ack() {
    let (mut net, call) = calling(|c| c.offer = None);
    let invite = net.request(&Method::INVITE);
    assert!(invite.body.is_empty());
    net.reply(&invite, 200, "p", with_sdp(7000));
    assert_eq!(net.requests(&Method::ACK).len(), 0, "the ACK waits for the answer");
    assert!(
        matches!(net.events().last(), Some(Event::Reoffer { offer: Some(o), .. }) if *o == their_sdp(7000))
    );
    // Repeated for want of an ACK: asked once all the same.
    net.reply(&invite, 200, "p", with_sdp(7000));
    assert_eq!(net.events().iter().filter(|e| matches!(e, Event::Reoffer { .. })).count(), 1);
    let (now, sdp) = (net.now, audio(net.nodes[0].address));
    net.node(0).endpoint.answer_reoffer(now, call, sdp.clone()).unwrap();
    net.wait(1);
    assert_eq!(net.request(&Method::ACK).body, sdp.to_bytes());
    assert_eq!(call_states(&net, 0).last(), Some(&CallState::Confirmed { sdp: None }));
    net.reply(&invite, 200, "p", with_sdp(7000));
    assert_eq!(net.requests(&Method::ACK).len(), 2, "a lost ACK goes again, with the answer");
    assert_eq!(net.request(&Method::ACK).body, sdp.to_bytes());
}

#[test]
fn an_answer_that_is_never_given_ends_with_ack_and_bye() {
    for hang_up in [true, false] {
        let (mut net, call) = calling(|c| c.offer = None);
        let invite = net.request(&Method::INVITE);
        net.reply(&invite, 200, "p", with_sdp(7000));
        if hang_up {
            let now = net.now;
            net.node(0).endpoint.hang_up(now, call).unwrap();
        }
        net.wait(40_000);
        // RFC 3261 13.2.2.4: the 2xx is acknowledged all the same; RFC 3264 6: port 0 takes nothing.
        let answer = SessionDescription::parse(&net.request(&Method::ACK).body).unwrap();
        assert_eq!(answer.media[0].port, 0);
        assert_eq!(net.requests(&Method::ACK).len(), 1);
        assert!(!net.requests(&Method::BYE).is_empty());
        assert_eq!(ending(&net, 0).unwrap().by, EndedBy::Local);
        net.wait(100_000);
        net.assert_empty("after no answer");
    }
}

#[test]
fn an_offer_in_a_reliable_response_is_answered_in_the_prack() {
    let (mut net, call) = calling(|c| c.offer = None);
    let invite = net.request(&Method::INVITE);
    // An unreliable response cannot offer (RFC 3262 5).
    net.reply(&invite, 183, "p", with_sdp(7000));
    assert!(!net.events().iter().any(|e| matches!(e, Event::Reoffer { .. })));
    net.reply(&invite, 183, "p", reliable(10, Some(7000)));
    assert!(matches!(net.events().last(), Some(Event::Reoffer { offer: Some(_), .. })));
    assert_eq!(net.requests(&Method::PRACK).len(), 0);
    let (now, sdp) = (net.now, audio(net.nodes[0].address));
    net.node(0).endpoint.answer_reoffer(now, call, sdp.clone()).unwrap();
    net.wait(1);
    let prack = net.request(&Method::PRACK);
    assert_eq!((prack.headers.first("RAck"), prack.body.clone()), (Some("10 1 INVITE"), sdp.to_bytes()));
    net.reply(&prack, 200, "p", |_| {});
    net.reply(&invite, 200, "p", |_| {});
    assert_eq!(call_states(&net, 0).last(), Some(&CallState::Confirmed { sdp: None }));
    assert_eq!(ending(&net, 0), None);
}

#[test]
fn an_offer_before_the_answer_waits_for_it() {
    let mut net = Net::new(3, CALM);
    let (alice, bob) = (net.add("alice", |_| {}), net.add("bob", |_| {}));
    let (now, config) = (net.now, direct_call(&net, alice, bob));
    let call = net.node(alice).endpoint.call(now, config).unwrap();
    offer(&mut net, alice, call, Direction::SendOnly);
    net.wait(500);
    assert_eq!(net.requests(&Method::INVITE).len(), 1);
    let Some(Event::IncomingCall { call: theirs, .. }) = net.nodes[bob].events.first().cloned() else {
        panic!()
    };
    let (now, sdp) = (net.now, audio(net.nodes[bob].address));
    net.node(bob).endpoint.accept(now, theirs, sdp).unwrap();
    net.run(SECOND, &mut agreeable);
    assert_eq!(directions(&net, alice), [Direction::RecvOnly]);
    // Over: nothing is offered any more.
    let (now, sdp) = (net.now, audio(net.nodes[alice].address));
    net.node(alice).endpoint.hang_up(now, call).unwrap();
    assert_eq!(net.node(alice).endpoint.offer(now, call, sdp), Err(CallError::UnknownCall));
}

#[test]
fn a_cancelled_reinvite_ends_with_487_and_the_call_goes_on() {
    let (mut net, call) = answered(|_| {});
    let mut reinvite = theirs(&net, Method::INVITE, 1, "p");
    reinvite.set_body("application/sdp", their_sdp(7002).to_bytes());
    net.say(&reinvite.to_bytes());
    let mut cancel = reinvite.clone();
    cancel.method = Method::CANCEL;
    cancel.headers.set("CSeq", "1 CANCEL");
    cancel.body.clear();
    cancel.headers.remove("Content-Type");
    net.say(&cancel.to_bytes());
    let codes: Vec<u16> = net.responses().iter().map(|r| r.code()).collect();
    assert_eq!(codes, [100, 200, 487]);
    let (now, sdp) = (net.now, audio(net.nodes[0].address));
    assert_eq!(net.node(0).endpoint.answer_reoffer(now, call, sdp), Err(CallError::WrongState));
    assert_eq!(ending(&net, 0), None);
    let now = net.now;
    assert_eq!(net.node(0).endpoint.reject_reoffer(now, call, Reply::new(488)), Err(CallError::WrongState));
}

#[test]
fn offers_survive_foul_weather() {
    for seed in 0..200 {
        let weather = Weather {
            loss: 100,
            doubled: 100,
            delay: Duration::from_millis(1),
            jitter: Duration::from_millis(400),
        };
        let (mut net, call, theirs) = talking(seed, weather);
        net.run(40 * SECOND, &mut agreeable);
        for at in 0..4u32 {
            let direction = if at % 2 == 0 { Direction::SendOnly } else { Direction::SendRecv };
            if ending(&net, 0).is_none() && ending(&net, 1).is_none() {
                offer(&mut net, 0, call, direction);
                offer(&mut net, 1, theirs, direction);
            }
            net.run(Duration::from_millis(300), &mut agreeable);
        }
        net.run(60 * SECOND, &mut agreeable);
        let alive = ending(&net, 0).is_none() && ending(&net, 1).is_none();
        if alive {
            // All that was offered is settled, whoever met whom.
            let settled = |n: usize| results(&net, n).last().is_some_and(|r| r.is_ok());
            assert!(settled(0) && settled(1), "seed {seed}\n{}", crate::ladder::ladder(&net));
        }
        let now = net.now;
        let _ = net.node(0).endpoint.hang_up(now, call);
        let _ = net.node(1).endpoint.hang_up(now, theirs);
        net.run(300 * SECOND, &mut agreeable);
        net.assert_empty(&format!("seed {seed}\n{}", crate::ladder::ladder(&net)));
    }
}
