//! What is asked again inside a call after a refusal for now, what is not, and what ends with the call.

use crate::calls::{answered_by_hand, inside, send};
use crate::hand::{answered, calling, reliable, with_sdp};
use crate::net::{Net, audio, ending, uri};
use crate::sessions::{offer, results};
use tern_sip::wire::sdp::Direction;
use tern_sip::wire::{HeaderAccess as _, Method, Request};
use tern_sip::{CallState, Event, TransferProgress};

fn number(request: &Request) -> u32 {
    request.headers.cseq().unwrap().number
}

/// How often bob has sent his 200 to the INVITE.
fn successes(net: &Net) -> usize {
    net.responses()
        .iter()
        .filter(|r| (r.code(), r.headers.cseq().unwrap().method) == (200, Method::INVITE))
        .count()
}

fn transfers(net: &Net) -> Vec<TransferProgress> {
    let told = net.events().iter().filter_map(|e| match e {
        Event::Transfer { progress, .. } => Some(progress.clone()),
        _ => None,
    });
    told.collect()
}

#[test]
fn an_offer_that_met_another_is_made_again_once_and_later() {
    let (mut net, call) = answered(|_| {});
    offer(&mut net, 0, call, Direction::SendOnly);
    net.wait(1);
    let first = net.request(&Method::INVITE);
    net.reply(&first, 491, "p", |_| {});
    // RFC 3261 14.1: the owner of the Call-ID waits for 2.1 to 4 s.
    net.wait(2090);
    assert_eq!(net.requests(&Method::INVITE).len(), 2, "the call and its first offer");
    net.wait(1920);
    let second = net.request(&Method::INVITE);
    assert_eq!((net.requests(&Method::INVITE).len(), number(&second)), (3, number(&first) + 1));
    net.reply(&second, 200, "p", with_sdp(7002));
    assert_eq!(results(&net, 0).len(), 1);
    assert!(results(&net, 0)[0].is_ok());
}

#[test]
fn an_update_does_not_overtake_the_prack_before_it() {
    let (mut net, call) = calling(|_| {});
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 183, "p", reliable(1, Some(7000)));
    offer(&mut net, 0, call, Direction::Inactive);
    net.wait(1);
    assert_eq!(net.requests(&Method::UPDATE), []);
    let prack = net.request(&Method::PRACK);
    net.reply(&prack, 200, "p", |_| {});
    assert_eq!(net.requests(&Method::UPDATE).len(), 1);
}

#[test]
fn a_refer_that_met_another_request_is_sent_again() {
    let (mut net, call) = answered(|_| {});
    let now = net.now;
    net.node(0).endpoint.transfer(now, call, uri("sip:carol@192.0.2.3")).unwrap();
    net.wait(1);
    let first = net.request(&Method::REFER);
    net.reply(&first, 491, "p", |_| {});
    net.wait(4010);
    let second = net.request(&Method::REFER);
    assert_eq!((net.requests(&Method::REFER).len(), number(&second)), (2, number(&first) + 1));
    net.reply(&second, 202, "p", |_| {});
    assert_eq!(transfers(&net), [TransferProgress::Accepted]);
}

#[test]
fn a_refer_that_waits_to_be_sent_again_does_not_outlive_the_call() {
    let (mut net, call) = answered(|_| {});
    let now = net.now;
    net.node(0).endpoint.transfer(now, call, uri("sip:carol@192.0.2.3")).unwrap();
    net.wait(1);
    let refer = net.request(&Method::REFER);
    net.reply(&refer, 500, "p", |r| r.headers.add("Retry-After", "20"));
    let now = net.now;
    net.node(0).endpoint.hang_up(now, call).unwrap();
    net.wait(1);
    let bye = net.request(&Method::BYE);
    net.reply(&bye, 200, "p", |_| {});
    net.wait(100_000);
    assert_eq!(net.requests(&Method::REFER).len(), 1);
    assert!(ending(&net, 0).is_some());
    let refused = TransferProgress::Failed { code: 481, phrase: "Call/Transaction Does Not Exist".into() };
    assert_eq!(transfers(&net), [refused]);
    net.assert_empty("after the transfer that never was");
}

#[test]
fn an_ack_of_another_request_does_not_end_the_repetitions() {
    let there = "198.51.100.1:4000".parse().unwrap();
    let (mut net, _, ok) = answered_by_hand(Some(audio(there)));
    // RFC 3261 13.2.2.4: the ACK has the number of its INVITE.
    for other in [0, 2, 77] {
        send(&mut net, &inside(&ok, Method::ACK, other));
    }
    net.wait(1);
    let confirmed =
        |net: &Net| crate::net::call_states(net, 0).iter().any(|s| matches!(s, CallState::Confirmed { .. }));
    assert!(!confirmed(&net));
    let before = successes(&net);
    net.wait(1600);
    assert_eq!(successes(&net), before + 2, "after 500 and 1500 ms");
    send(&mut net, &inside(&ok, Method::ACK, 1));
    net.wait(1);
    assert!(confirmed(&net));
    let before = successes(&net);
    net.wait(30_000);
    assert_eq!((successes(&net), ending(&net, 0)), (before, None));
}

#[test]
fn an_ack_of_another_request_does_not_confirm_a_later_answer() {
    let (mut net, call, ok) = answered_by_hand(Some(audio("198.51.100.1:4000".parse().unwrap())));
    send(&mut net, &inside(&ok, Method::ACK, 1));
    let mut change = inside(&ok, Method::INVITE, 2);
    change.set_body("application/sdp", audio("198.51.100.1:6000".parse().unwrap()).to_bytes());
    send(&mut net, &change);
    net.wait(1);
    let (now, sdp) = (net.now, audio(net.nodes[0].address));
    net.node(0).endpoint.answer_reoffer(now, call, sdp).unwrap();
    net.wait(1);
    let before = successes(&net);
    // The ACK of the first answer, once more.
    send(&mut net, &inside(&ok, Method::ACK, 1));
    net.wait(1600);
    assert_eq!(successes(&net), before + 2);
    send(&mut net, &inside(&ok, Method::ACK, 2));
    net.wait(1);
    let before = successes(&net);
    net.wait(40_000);
    assert_eq!((successes(&net), ending(&net, 0)), (before, None));
}
