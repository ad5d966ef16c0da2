//! Reliable provisional responses and UPDATE in early dialogs (RFC 3262, RFC 3311), both roles.

use crate::calls::invite;
use crate::hand::{calling, reliable, their_sdp, theirs, there, with_sdp};
use crate::net::{CALM, Net, audio, call_states, direct_call, ending};
use crate::sessions::{agreeable, results};
use std::time::Duration;
use tern_sip::wire::{HeaderAccess as _, Method, Request, Response};
use tern_sip::{CallError, CallId, CallState, EndedBy, Event, Reliability, Reply};

/// Bob, whom the peer calls with this INVITE.
fn called(request: &Request, reliability: Reliability) -> (Net, CallId) {
    let mut net = Net::new(6, CALM);
    net.add("bob", |c| c.reliable_provisionals = reliability);
    net.say(&request.to_bytes());
    let Some(Event::IncomingCall { call, .. }) = net.events().first().cloned() else {
        panic!("no call: {:?}", net.responses())
    };
    (net, call)
}

/// The peer's INVITE, that supports or requires what is named.
fn able(header: &str, option: &str) -> Request {
    let mut request = invite("able", "1");
    request.headers.add(header, option);
    request.headers.add("Allow", "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE");
    request
}

fn early(net: &mut Net, call: CallId, code: u16, port: Option<u16>) {
    let mut reply = Reply::new(code);
    if let Some(port) = port {
        let mut sdp = audio(net.nodes[0].address);
        sdp.media[0].port = port;
        reply = reply.body("application/sdp", sdp.to_bytes());
    }
    let now = net.now;
    net.node(0).endpoint.progress(now, call, reply).unwrap();
    net.wait(1);
}

fn accept(net: &mut Net, call: CallId) {
    let (now, sdp) = (net.now, audio(net.nodes[0].address));
    net.node(0).endpoint.accept(now, call, sdp).unwrap();
    net.wait(1);
}

/// The peer's next request in the dialog of that response.
fn inside(response: &Response, method: Method, number: u32) -> Request {
    let mut request =
        Request::new(method.clone(), response.headers.addresses("Contact").unwrap()[0].uri.clone());
    request.headers.add("Via", format!("SIP/2.0/UDP 198.51.100.1:5060;rport;branch=z9hG4bK{method}{number}"));
    for name in ["From", "To", "Call-ID"] {
        request.headers.add(name, response.headers.first(name).unwrap());
    }
    request.headers.add("CSeq", format!("{number} {method}"));
    request.headers.add("Max-Forwards", "70");
    request
}

fn prack(response: &Response, number: u32) -> Request {
    let mut request = inside(response, Method::PRACK, number);
    let rseq = response.headers.first("RSeq").expect("a reliable response");
    request.headers.add("RAck", format!("{rseq} 1 INVITE"));
    request
}

#[test]
fn what_must_arrive_is_sent_reliably_and_the_rest_is_not() {
    let (mut net, call) = called(&able("Supported", "100rel"), Reliability::Supported);
    early(&mut net, call, 180, None);
    assert_eq!(net.response().headers.first("RSeq"), None);
    early(&mut net, call, 183, Some(4000));
    let response = net.response();
    assert_eq!((response.code(), response.headers.tokens("Require")), (183, vec!["100rel"]));
    // RFC 3262 3: between 1 and 2^31 - 1.
    assert!((1..1u32 << 31).contains(&response.headers.number("RSeq").unwrap()));

    let (mut net, call) = called(&invite("unable", "1"), Reliability::Supported);
    early(&mut net, call, 183, Some(4000));
    assert_eq!(net.response().headers.first("RSeq"), None, "the caller cannot");

    let (mut net, call) = called(&able("Require", "100rel"), Reliability::Supported);
    early(&mut net, call, 180, None);
    assert!(net.response().headers.first("RSeq").is_some(), "RFC 3262 3: the caller requires it");
}

#[test]
fn switched_off_it_is_neither_offered_nor_required() {
    let mut net = Net::new(6, CALM);
    net.add("bob", |c| c.reliable_provisionals = Reliability::Off);
    net.say(&able("Require", "100rel").to_bytes());
    let refusal = net.response();
    assert_eq!((refusal.code(), refusal.headers.first("Unsupported")), (420, Some("100rel")));
    let (net, _) = calling(|c| c.reliable_provisionals = Reliability::Off);
    assert!(!net.request(&Method::INVITE).headers.tokens("Supported").contains(&"100rel"));
    let (net, _) = calling(|c| c.reliable_provisionals = Reliability::Required);
    assert_eq!(net.request(&Method::INVITE).headers.first("Require"), Some("100rel"));
}

#[test]
fn a_caller_that_cannot_is_told_what_is_required() {
    let mut net = Net::new(6, CALM);
    net.add("bob", |c| c.reliable_provisionals = Reliability::Required);
    net.say(&invite("unable", "1").to_bytes());
    let refusal = net.response();
    // RFC 3261 21.4.15
    assert_eq!((refusal.code(), refusal.headers.first("Require")), (421, Some("100rel")));
    assert!(net.events().is_empty());
    let (mut net, call) = called(&able("Supported", "100rel"), Reliability::Required);
    early(&mut net, call, 180, None);
    assert!(net.response().headers.first("RSeq").is_some(), "without a description, too");
}

#[test]
fn the_invite_and_its_2xx_name_the_extensions() {
    let tags = ["100rel", "timer", "replaces", "norefersub", "gruu", "outbound", "trickle-ice"];
    let (net, _) = calling(|_| {});
    // RFC 3261 13.2.1, RFC 4028 7.1, RFC 5627 4.4.1
    assert_eq!(net.request(&Method::INVITE).headers.tokens("Supported"), tags);
    let (net, _) = calling(|c| (c.reliable_provisionals, c.session_timer) = (Reliability::Off, None));
    assert_eq!(net.request(&Method::INVITE).headers.tokens("Supported"), tags[2..]);
    // RFC 3261 13.3.1.4
    let (mut net, call) = called(&invite("plain", "1"), Reliability::Supported);
    accept(&mut net, call);
    assert_eq!((net.response().code(), net.response().headers.tokens("Supported")), (200, tags.to_vec()));
    let (mut net, call) = called(&invite("plain", "1"), Reliability::Off);
    accept(&mut net, call);
    assert_eq!(net.response().headers.tokens("Supported"), tags[1..]);
}

#[test]
fn it_is_repeated_with_doubling_waits_and_given_up_with_a_5xx() {
    let (mut net, call) = called(&able("Supported", "100rel"), Reliability::Supported);
    let start = net.elapsed();
    early(&mut net, call, 183, Some(4000));
    net.wait(100_000);
    let times: Vec<u128> = net
        .sent
        .iter()
        .filter(|s| s.bytes.starts_with(b"SIP/2.0 183"))
        .map(|s| (s.at - start).as_millis())
        .collect();
    // RFC 3262 3: doubling from T1, without the bound of T2.
    assert_eq!(times, [0, 500, 1500, 3500, 7500, 15500, 31500]);
    let refusal = net.responses().into_iter().find(|r| r.code() >= 300).unwrap();
    assert_eq!((refusal.code(), ending(&net, 0).unwrap().code), (504, Some(504)));
    net.wait(100_000);
    net.assert_empty("after no PRACK");
}

#[test]
fn the_answer_waits_until_a_description_is_acknowledged() {
    let (mut net, call) = called(&able("Supported", "100rel"), Reliability::Supported);
    early(&mut net, call, 183, Some(4000));
    let response = net.response();
    accept(&mut net, call);
    assert_eq!(net.response().code(), 183, "RFC 3262 3: no 2xx yet");
    // Accepted is accepted.
    let (now, sdp) = (net.now, audio(net.nodes[0].address));
    assert_eq!(net.node(0).endpoint.accept(now, call, sdp), Err(CallError::WrongState));
    net.say(&prack(&response, 2).to_bytes());
    let codes: Vec<u16> = net.responses().iter().map(|r| r.code()).collect();
    assert_eq!(codes[codes.len() - 2..], [200, 200]);
    let ok = net.response();
    // RFC 6337 3.1.1: the answer stood in the 183.
    assert_eq!((ok.headers.cseq().unwrap().method, ok.body.len()), (Method::INVITE, 0));
    net.say(&inside(&ok, Method::ACK, 1).to_bytes());
    assert_eq!(call_states(&net, 0).last(), Some(&CallState::Confirmed { sdp: None }));
}

#[test]
fn another_description_at_the_answer_becomes_an_offer() {
    let (mut net, call) = called(&able("Supported", "100rel"), Reliability::Supported);
    early(&mut net, call, 183, Some(4444));
    let response = net.response();
    net.say(&prack(&response, 2).to_bytes());
    accept(&mut net, call);
    let ok = net.response();
    net.say(&inside(&ok, Method::ACK, 1).to_bytes());
    let offer = net.request(&Method::INVITE);
    assert!(String::from_utf8(offer.body).unwrap().contains("m=audio 4000"));
}

#[test]
fn provisional_answers_wait_for_each_other() {
    let (mut net, call) = called(&able("Require", "100rel"), Reliability::Supported);
    early(&mut net, call, 180, None);
    let first = net.response();
    early(&mut net, call, 183, Some(4000));
    assert_eq!(net.response().code(), 180, "RFC 3262 3: one at a time");
    // A PRACK for something else is for nobody.
    let rseq = first.headers.number("RSeq").unwrap();
    for (n, rack) in [(2, "99 1 INVITE"), (3, &format!("{rseq} 9 INVITE")), (4, &format!("{rseq} 1 INFO"))] {
        let mut wrong = prack(&first, n);
        wrong.headers.set("RAck", rack);
        net.say(&wrong.to_bytes());
        assert_eq!(net.response().code(), 481, "{rack}");
    }
    let mut broken = prack(&first, 5);
    broken.headers.remove("RAck");
    net.say(&broken.to_bytes());
    assert_eq!(net.response().code(), 400);
    net.say(&prack(&first, 6).to_bytes());
    let second = net.response();
    assert_eq!(second.code(), 183);
    let number = |r: &Response| r.headers.number("RSeq").unwrap();
    assert_eq!(number(&second), number(&first) + 1);
    // Repeated by the network: from the transaction, and nothing changes.
    net.say(&prack(&first, 6).to_bytes());
    assert_eq!(net.response().code(), 200);
    net.say(&prack(&second, 7).to_bytes());
    accept(&mut net, call);
    assert_eq!(net.response().headers.cseq().unwrap().method, Method::INVITE);
}

#[test]
fn news_behind_an_unacknowledged_answer_is_bounded() {
    let (mut net, call) = called(&able("Require", "100rel"), Reliability::Supported);
    for _ in 0..30 {
        early(&mut net, call, 180, None);
    }
    let mut number = 1;
    while net.response().code() == 180 || number == 1 {
        let Some(last) = net.responses().into_iter().rev().find(|r| r.code() == 180) else { break };
        number += 1;
        net.say(&prack(&last, number).to_bytes());
        if net.response().code() == 481 || number > 40 {
            break;
        }
    }
    let numbers: std::collections::BTreeSet<u32> =
        net.responses().iter().filter_map(|r| r.headers.number("RSeq")).collect();
    assert_eq!(numbers.len(), 1 + 8);
}

#[test]
fn it_rings_as_long_as_the_caller_said() {
    let mut request = invite("brief", "1");
    request.headers.add("Expires", "5");
    let (mut net, _) = called(&request, Reliability::Supported);
    net.wait(4_900);
    assert_eq!(ending(&net, 0), None);
    net.wait(200);
    // RFC 3261 13.3.1
    assert_eq!((net.response().code(), ending(&net, 0).unwrap().code), (480, Some(480)));
}

#[test]
fn a_prack_may_offer() {
    let (mut net, call) = called(&able("Supported", "100rel"), Reliability::Supported);
    early(&mut net, call, 183, Some(4000));
    let mut prack = prack(&net.response(), 2);
    prack.set_body("application/sdp", their_sdp(7002).to_bytes());
    net.say(&prack.to_bytes());
    assert!(
        matches!(net.events().last(), Some(Event::Reoffer { offer: Some(o), .. }) if *o == their_sdp(7002))
    );
    // Taken meanwhile: the 2xx waits for the answer in the PRACK's 200 (RFC 6337 2.4).
    accept(&mut net, call);
    assert_eq!(net.response().code(), 183);
    let (now, sdp) = (net.now, audio(net.nodes[0].address));
    net.node(0).endpoint.answer_reoffer(now, call, sdp).unwrap();
    net.wait(1);
    let mut answers = net.responses().into_iter().rev();
    let (to_invite, to_prack) = (answers.next().unwrap(), answers.next().unwrap());
    assert_eq!((to_prack.code(), to_prack.body.is_empty()), (200, false));
    assert_eq!((to_invite.code(), to_invite.body.is_empty()), (200, true));
}

#[test]
fn a_prack_never_answered_by_the_application_is_refused_in_time() {
    let (mut net, call) = called(&able("Supported", "100rel"), Reliability::Supported);
    early(&mut net, call, 183, Some(4000));
    let mut prack = prack(&net.response(), 2);
    prack.set_body("application/sdp", their_sdp(7002).to_bytes());
    net.say(&prack.to_bytes());
    net.wait(16_500);
    assert_eq!(net.response().code(), 488);
    assert_eq!(ending(&net, 0), None, "the call rings on");
}

#[test]
fn the_offer_of_a_provisional_answer_is_answered_by_prack() {
    let mut request = able("Supported", "100rel");
    request.body.clear();
    request.headers.remove("Content-Type");
    let (mut net, call) = called(&request, Reliability::Supported);
    early(&mut net, call, 183, Some(4000));
    let response = net.response();
    assert!(!response.body.is_empty());
    // The other side's UPDATE would meet our open offer (RFC 3311 5.2).
    let mut update = inside(&response, Method::UPDATE, 2);
    update.set_body("application/sdp", their_sdp(7004).to_bytes());
    net.say(&update.to_bytes());
    assert_eq!(net.response().code(), 491);
    let mut prack = prack(&response, 3);
    prack.set_body("application/sdp", their_sdp(7002).to_bytes());
    net.say(&prack.to_bytes());
    assert_eq!(results(&net, 0), [Ok(their_sdp(7002))]);
    accept(&mut net, call);
    assert!(net.response().body.is_empty());
}

#[test]
fn without_an_offer_an_unreliable_response_offers_nothing() {
    let mut request = invite("bare", "1");
    request.body.clear();
    request.headers.remove("Content-Type");
    let (mut net, call) = called(&request, Reliability::Supported);
    early(&mut net, call, 183, Some(4000));
    assert_eq!((net.response().code(), net.response().body.len()), (183, 0));
}

#[test]
fn the_caller_takes_them_in_order_and_acknowledges_each() {
    let (mut net, _) = calling(|_| {});
    let invite = net.request(&Method::INVITE);
    assert!(invite.headers.tokens("Supported").contains(&"100rel"));
    net.reply(&invite, 180, "p", reliable(41, None));
    let first = net.request(&Method::PRACK);
    assert_eq!(first.headers.first("RAck"), Some("41 1 INVITE"));
    assert_eq!(first.headers.cseq().unwrap().number, 2);
    // Again, and one too far: ignored (RFC 3262 4).
    net.reply(&invite, 180, "p", reliable(41, None));
    net.reply(&invite, 183, "p", reliable(43, Some(7000)));
    assert_eq!(net.requests(&Method::PRACK).len(), 1);
    assert!(!call_states(&net, 0).iter().any(|s| matches!(s, CallState::EarlyMedia { .. })));
    net.reply(&invite, 183, "p", reliable(42, Some(7000)));
    assert_eq!(net.request(&Method::PRACK).headers.first("RAck"), Some("42 1 INVITE"));
    assert!(call_states(&net, 0).iter().any(|s| matches!(s, CallState::EarlyMedia { .. })));
    // RFC 3261 13.2.1: the first reliable answer is the answer; another in the 2xx is none.
    net.reply(&invite, 200, "p", with_sdp(9999));
    assert!(call_states(&net, 0).contains(&CallState::Answered { sdp: None }));
}

#[test]
fn a_lost_prack_is_repeated_and_crosses_the_answer() {
    let (mut net, call) = calling(|_| {});
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 183, "p", reliable(1, Some(7000)));
    net.wait(600);
    assert_eq!(net.requests(&Method::PRACK).len(), 2);
    net.reply(&invite, 200, "p", |_| {});
    assert_eq!(net.requests(&Method::ACK).len(), 1);
    let prack = net.request(&Method::PRACK);
    net.reply(&prack, 200, "p", |_| {});
    let now = net.now;
    net.node(0).endpoint.hang_up(now, call).unwrap();
    net.wait(1);
    let bye = net.request(&Method::BYE);
    assert_eq!(bye.headers.cseq().unwrap().number, 3, "the PRACK has had 2");
    net.reply(&bye, 200, "p", |_| {});
    net.wait(100_000);
    net.assert_empty("after the crossing");
}

#[test]
fn a_prack_nobody_answers_does_not_end_the_ringing() {
    let (mut net, _) = calling(|_| {});
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 183, "p", reliable(1, Some(7000)));
    net.wait(40_000);
    assert_eq!(ending(&net, 0), None);
    net.reply(&invite, 200, "p", |_| {});
    assert_eq!(call_states(&net, 0).last(), Some(&CallState::Confirmed { sdp: None }));
}

#[test]
fn while_it_rings_an_offer_goes_by_update() {
    // The caller's, to a branch that answered reliably and knows UPDATE.
    let (mut net, call) = calling(|_| {});
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 183, "p", reliable(1, Some(7000)));
    let first = net.request(&Method::PRACK);
    net.reply(&first, 200, "p", |_| {});
    crate::sessions::offer(&mut net, 0, call, tern_sip::wire::sdp::Direction::Inactive);
    net.wait(1);
    let update = net.request(&Method::UPDATE);
    assert_eq!((update.headers.cseq().unwrap().number, update.body.is_empty()), (3, false));
    assert!(update.headers.first("Contact").is_some());
    // RFC 3311 5.1: one of theirs that meets it.
    let mut crossing = theirs(&net, Method::UPDATE, 1, "p");
    crossing.set_body("application/sdp", their_sdp(7002).to_bytes());
    net.say(&crossing.to_bytes());
    assert_eq!(net.response().code(), 491);
    net.reply(&update, 200, "p", with_sdp(7008));
    assert_eq!(results(&net, 0), [Ok(their_sdp(7008))]);
    // And theirs, once ours is through.
    let mut later = theirs(&net, Method::UPDATE, 2, "p");
    later.set_body("application/sdp", their_sdp(7002).to_bytes());
    net.say(&later.to_bytes());
    assert!(matches!(net.events().last(), Some(Event::Reoffer { offer: Some(_), .. })));
    net.run(Duration::from_millis(1), &mut agreeable);
    assert_eq!(net.requests(&Method::INVITE).len(), 1);

    // The called side's.
    let (mut net, call) = called(&able("Supported", "100rel"), Reliability::Supported);
    early(&mut net, call, 183, Some(4000));
    let response = net.response();
    net.say(&prack(&response, 2).to_bytes());
    crate::sessions::offer(&mut net, 0, call, tern_sip::wire::sdp::Direction::SendOnly);
    net.wait(1);
    let update = net.request(&Method::UPDATE);
    // The 2xx waits for the answer to it.
    accept(&mut net, call);
    assert_eq!(net.response().headers.cseq().unwrap().method, Method::PRACK);
    let ok = {
        let mut ok = Response::to(&update, 200, None);
        with_sdp(7010)(&mut ok);
        ok
    };
    net.say(&ok.to_bytes());
    assert_eq!(results(&net, 0), [Ok(their_sdp(7010))]);
    assert_eq!(net.response().headers.cseq().unwrap().method, Method::INVITE);
    assert_eq!(net.sent.last().unwrap().to, there().to_string());
}

#[test]
fn an_update_before_any_answer_is_told_to_wait() {
    let (mut net, call) = called(&able("Supported", "100rel"), Reliability::Supported);
    early(&mut net, call, 180, None);
    let mut update = inside(&net.response(), Method::UPDATE, 2);
    update.set_body("application/sdp", their_sdp(7002).to_bytes());
    net.say(&update.to_bytes());
    let refusal = net.response();
    assert_eq!(refusal.code(), 500);
    assert!(refusal.headers.number("Retry-After").is_some(), "RFC 3311 5.2");
}

#[test]
fn ringing_ends_while_something_is_unacknowledged() {
    let (mut net, call) = called(&able("Supported", "100rel"), Reliability::Supported);
    early(&mut net, call, 183, Some(4000));
    let now = net.now;
    net.node(0).endpoint.reject(now, call, Reply::new(486)).unwrap();
    net.wait(1);
    assert_eq!((net.response().code(), ending(&net, 0).unwrap().by), (486, EndedBy::Local));
    net.wait(100_000);
    net.assert_empty("after the refusal");
}

#[test]
fn two_endpoints_use_it_between_themselves() {
    let mut net = Net::new(3, CALM);
    let (alice, bob) = (net.add("alice", |_| {}), net.add("bob", |_| {}));
    let (now, config) = (net.now, direct_call(&net, alice, bob));
    let call = net.node(alice).endpoint.call(now, config).unwrap();
    net.run(Duration::from_secs(1), &mut |net, n, e| {
        if let Event::IncomingCall { call, .. } = e {
            let (now, sdp) = (net.now, audio(net.nodes[n].address));
            let reply = Reply::new(183).body("application/sdp", sdp.to_bytes());
            net.node(n).endpoint.progress(now, *call, reply).unwrap();
            net.node(n).endpoint.accept(now, *call, sdp).unwrap();
        }
    });
    assert_eq!(net.requests(&Method::PRACK).len(), 1);
    assert!(call_states(&net, bob).contains(&CallState::Confirmed { sdp: None }));
    let now = net.now;
    net.node(alice).endpoint.hang_up(now, call).unwrap();
    net.wait(100_000);
    net.assert_empty("after the call");
}

#[test]
fn the_offer_of_a_2xx_is_answered_in_the_ack_though_a_ringing_is_acknowledged_between() {
    let mut request = able("Require", "100rel");
    request.set_body("application/sdp", Vec::new());
    let (mut net, call) = called(&request, Reliability::Supported);
    early(&mut net, call, 180, None);
    let ringing = net.response();
    accept(&mut net, call);
    let ok = net.response();
    assert_eq!((ok.code(), ok.body.is_empty()), (200, false));
    net.say(&prack(&ringing, 2).to_bytes());
    assert_eq!(net.response().headers.cseq().unwrap().method, Method::PRACK);
    let mut ack = inside(&ok, Method::ACK, 1);
    ack.set_body("application/sdp", their_sdp(7000).to_bytes());
    net.say(&ack.to_bytes());
    let confirmed = CallState::Confirmed { sdp: Some(their_sdp(7000)) };
    assert_eq!(call_states(&net, 0).last(), Some(&confirmed), "RFC 3261 13.2.1");
}
