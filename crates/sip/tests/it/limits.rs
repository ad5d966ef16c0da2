//! What a peer that refuses, repeats or asks without end gets out of a call: a bound each.

use crate::hand::{answered, calling, reliable};
use crate::net::{Net, ending};
use crate::sessions::{offer, results};
use std::collections::BTreeSet;
use std::time::Duration;
use tern_sip::wire::sdp::Direction;
use tern_sip::wire::{HeaderAccess as _, Method};
use tern_sip::{Event, OfferFailure};

/// How many requests of a method were sent, repetitions by the transaction aside.
fn sent(net: &Net, method: &Method) -> usize {
    let numbers = net.requests(method).into_iter().map(|r| r.headers.cseq().unwrap().number);
    numbers.collect::<BTreeSet<u32>>().len()
}

#[test]
fn a_request_that_always_meets_another_is_given_up() {
    let (mut net, call) = answered(|_| {});
    let now = net.now;
    net.node(0).endpoint.info_dtmf(now, call, '1', Duration::from_millis(100)).unwrap();
    for _ in 0..20 {
        net.wait(1);
        let info = net.request(&Method::INFO);
        net.reply(&info, 491, "p", |_| {});
        net.wait(4100);
    }
    assert_eq!(sent(&net, &Method::INFO), 5, "once, and four times again");
    assert!(net.events().iter().any(|e| matches!(e, Event::DtmfRefused { code: 491, .. })));
    assert_eq!(ending(&net, 0), None);
}

#[test]
fn an_offer_that_always_meets_another_is_given_up() {
    let (mut net, call) = answered(|_| {});
    offer(&mut net, 0, call, Direction::SendOnly);
    for _ in 0..20 {
        net.wait(1);
        let invite = net.request(&Method::INVITE);
        net.reply(&invite, 491, "p", |_| {});
        net.wait(4100);
    }
    assert_eq!(sent(&net, &Method::INVITE), 1 + 9, "the call's, and nine tries");
    assert!(matches!(results(&net, 0)[..], [Err(OfferFailure::Rejected { code: 491, .. })]));
    assert_eq!(ending(&net, 0), None);
}

#[test]
fn a_long_retry_after_is_a_refusal() {
    let (mut net, call) = answered(|_| {});
    offer(&mut net, 0, call, Direction::SendOnly);
    net.wait(1);
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 500, "p", |r| r.headers.add("Retry-After", "33"));
    assert!(matches!(results(&net, 0)[..], [Err(OfferFailure::Rejected { code: 500, .. })]));
}

#[test]
fn an_absurd_session_interval_is_a_refusal() {
    let (mut net, _) = calling(|_| {});
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 422, "p", |r| r.headers.add("Min-SE", "4000000"));
    assert_eq!(net.requests(&Method::INVITE).len(), 1);
    assert_eq!(ending(&net, 0).unwrap().code, Some(422));
}

#[test]
fn provisional_responses_without_end_make_no_endless_pracks() {
    let (mut net, _) = calling(|_| {});
    let invite = net.request(&Method::INVITE);
    for rseq in 1..=100 {
        net.reply(&invite, 180, "p", reliable(rseq, None));
    }
    assert_eq!(sent(&net, &Method::PRACK), 64);
}
