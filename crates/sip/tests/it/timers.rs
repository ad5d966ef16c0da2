//! The session timer (RFC 4028), both roles.

use crate::calls::invite;
use crate::hand::{answered, calling, reliable, theirs, with_sdp};
use crate::net::{CALM, Net, audio, ending};
use crate::sessions::{agreeable, talking};
use std::time::Duration;
use tern_sip::wire::{HeaderAccess as _, Method, Request};
use tern_sip::{EndedBy, Event};

const MINUTE: Duration = Duration::from_secs(60);

/// Bob, called by the peer with these timer headers; he takes the call at once. The 200 or refusal, and the net.
fn called(headers: &[(&str, &str)]) -> Net {
    let mut net = Net::new(6, CALM);
    net.add("bob", |_| {});
    let mut request = invite("timed", "1");
    for (name, value) in headers {
        request.headers.add(name, *value);
    }
    net.deliver("198.51.100.1:5060".parse().unwrap(), net.nodes[0].address, &request.to_bytes());
    net.run(Duration::from_millis(1), &mut agreeable);
    net
}

fn ack(net: &mut Net) {
    let ok = net.response();
    let mut request = Request::new(Method::ACK, ok.headers.addresses("Contact").unwrap()[0].uri.clone());
    request.headers.add("Via", "SIP/2.0/UDP 198.51.100.1:5060;rport;branch=z9hG4bKack");
    for name in ["From", "To", "Call-ID"] {
        request.headers.add(name, ok.headers.first(name).unwrap());
    }
    request.headers.add("CSeq", "1 ACK");
    net.say(&request.to_bytes());
}

#[test]
fn two_endpoints_keep_their_session_alive() {
    let (mut net, call, _) = talking(1, CALM);
    let ok = net.responses().into_iter().find(|r| r.code() == 200).unwrap();
    // RFC 4028 9: half an hour was asked for; the caller refreshes.
    assert_eq!(ok.headers.first("Session-Expires"), Some("1800;refresher=uac"));
    assert!(ok.headers.tokens("Require").contains(&"timer"));
    net.run(100 * MINUTE, &mut agreeable);
    let updates = net.requests(&Method::UPDATE);
    // RFC 4028 10: at half the interval.
    let times: Vec<u64> =
        net.sent.iter().filter(|s| s.bytes.starts_with(b"UPDATE")).map(|s| s.at.as_secs() / 60).collect();
    assert_eq!(times, [15, 30, 45, 60, 75, 90]);
    assert!(updates.iter().all(|u| u.body.is_empty()), "nothing is offered");
    assert_eq!(updates[0].headers.first("Session-Expires"), Some("1800;refresher=uac"));
    assert_eq!(ending(&net, 0), None);
    let now = net.now;
    net.node(0).endpoint.hang_up(now, call).unwrap();
    net.wait(100_000);
    net.assert_empty("after the call");
}

#[test]
fn a_session_that_nobody_confirms_ends_with_bye_and_a_reason() {
    // The other side is to refresh, and is gone.
    let (mut net, _) = answered(|r| r.headers.add("Session-Expires", "90;refresher=uas"));
    net.wait(59_000);
    assert_eq!(ending(&net, 0), None);
    // RFC 4028 10: the lesser of 32 s and a third before the end.
    net.wait(2_000);
    let end = ending(&net, 0).unwrap();
    assert_eq!((end.by, end.phrase.as_str()), (EndedBy::Network, "Session expired"));
    assert_eq!(net.request(&Method::BYE).headers.reason().unwrap().cause, Some(408));
    assert_eq!(net.requests(&Method::UPDATE).len(), 0, "not ours to refresh");
    net.wait(100_000);
    net.assert_empty("after the expiry");
}

#[test]
fn their_refresh_keeps_it_alive_and_may_hand_it_over() {
    let (mut net, _) = answered(|r| r.headers.add("Session-Expires", "90;refresher=uas"));
    net.wait(50_000);
    let mut update = theirs(&net, Method::UPDATE, 1, "p");
    update.headers.add("Supported", "timer");
    update.headers.add("Session-Expires", "120;refresher=uas");
    net.say(&update.to_bytes());
    assert_eq!(net.response().headers.first("Session-Expires"), Some("120;refresher=uas"));
    net.wait(59_000);
    assert_eq!((ending(&net, 0), net.requests(&Method::UPDATE).len()), (None, 0));
    net.wait(1_200);
    assert_eq!(net.requests(&Method::UPDATE).len(), 1, "ours to refresh now, after half of 120 s");
}

#[test]
fn where_update_is_unknown_the_session_is_offered_again_unchanged() {
    let (mut net, _) = answered(|r| {
        r.headers.set("Allow", "INVITE, ACK, CANCEL, BYE");
        r.headers.add("Session-Expires", "100;refresher=uac");
    });
    net.wait(50_300);
    let invites = net.requests(&Method::INVITE);
    assert_eq!((invites.len(), &invites[1].body), (2, &invites[0].body));
    net.reply(&invites[1], 200, "p", |r| {
        with_sdp(7000)(r);
        r.headers.add("Session-Expires", "100;refresher=uac");
    });
    assert_eq!(net.requests(&Method::ACK).len(), 2);
    // The same answer is no news.
    assert!(!net.events().iter().any(|e| matches!(e, Event::OfferAnswered { .. })));
    net.wait(50_300);
    let third = net.request(&Method::INVITE);
    // Another one is.
    net.reply(&third, 200, "p", with_sdp(7002));
    assert!(net.events().iter().any(|e| matches!(e, Event::OfferAnswered { result: Ok(_), .. })));
    // Without Session-Expires nothing expires any more (RFC 4028 7.2).
    net.wait(1_000_000);
    assert_eq!((ending(&net, 0), net.requests(&Method::INVITE).len()), (None, 3));
}

#[test]
fn an_update_from_before_the_answer_does_not_end_the_timer_of_the_answer() {
    let (mut net, call) = calling(|_| {});
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 183, "p", reliable(1, Some(7000)));
    let prack = net.request(&Method::PRACK);
    net.reply(&prack, 200, "p", |_| {});
    let (now, sdp) = (net.now, audio(net.nodes[0].address));
    net.node(0).endpoint.offer(now, call, sdp).unwrap();
    net.wait(1);
    let update = net.request(&Method::UPDATE);
    assert_eq!(update.headers.first("Session-Expires"), None, "nothing runs yet");
    // The two answers cross on the way.
    net.reply(&invite, 200, "p", |r| r.headers.add("Session-Expires", "90;refresher=uac"));
    net.reply(&update, 200, "p", with_sdp(7000));
    net.wait(46_000);
    let refresh = net.request(&Method::UPDATE);
    assert_ne!(refresh.headers.cseq(), update.headers.cseq(), "RFC 4028 10: refreshed at half the interval");
    assert_eq!(refresh.headers.first("Session-Expires"), Some("90;refresher=uac"));
}

#[test]
fn a_refused_refresh_is_tried_again_and_ends_in_time() {
    let (mut net, _) = answered(|r| r.headers.add("Session-Expires", "120;refresher=uac"));
    for _ in 0..3 {
        net.wait(61_000);
        if ending(&net, 0).is_some() {
            break;
        }
        let update = net.request(&Method::UPDATE);
        net.reply(&update, 503, "p", |_| {});
    }
    assert!(net.requests(&Method::UPDATE).len() > 1);
    assert_eq!(ending(&net, 0).unwrap().phrase, "Session expired");
}

#[test]
fn without_a_timer_on_the_other_side_there_is_none() {
    let (mut net, _) = answered(|_| {});
    net.wait(4_000_000);
    assert_eq!((ending(&net, 0), net.requests(&Method::UPDATE).len()), (None, 0));
    let (net, _) = calling(|c| c.session_timer = None);
    let invite = net.request(&Method::INVITE);
    assert_eq!(invite.headers.first("Session-Expires"), None);
    assert!(!invite.headers.tokens("Supported").contains(&"timer"));
    let net = called(&[]);
    assert_eq!((net.response().code(), net.response().headers.first("Session-Expires")), (200, None));
}

#[test]
fn a_too_brief_interval_is_refused_by_us_and_raised_for_others() {
    let net = called(&[("Supported", "timer"), ("Session-Expires", "60")]);
    assert_eq!((net.response().code(), net.response().headers.first("Min-SE")), (422, Some("90")));
    // A caller who does not know the timer could not understand the refusal (RFC 4028 9).
    let net = called(&[("Session-Expires", "60")]);
    assert_eq!(net.response().code(), 200);

    let (mut net, _) = calling(|_| {});
    let invite = net.request(&Method::INVITE);
    assert_eq!(invite.headers.first("Session-Expires"), Some("1800"));
    net.reply(&invite, 422, "p", |r| r.headers.add("Min-SE", "3600"));
    let again = net.request(&Method::INVITE);
    assert_eq!(again.headers.cseq().unwrap().number, 2);
    assert_eq!(again.headers.first("Call-ID"), invite.headers.first("Call-ID"));
    assert_eq!(
        (again.headers.first("Session-Expires"), again.headers.first("Min-SE")),
        (Some("3600"), Some("3600"))
    );
    // The same demand again is a refusal.
    net.reply(&again, 422, "p", |r| r.headers.add("Min-SE", "3600"));
    assert_eq!(ending(&net, 0).unwrap().code, Some(422));
}

#[test]
fn the_called_side_refreshes_for_a_caller_who_cannot() {
    // RFC 4028 9, table 2: put in by a proxy.
    let mut net = called(&[("Session-Expires", "200"), ("Allow", "INVITE, ACK, BYE, UPDATE")]);
    let ok = net.response();
    assert_eq!(ok.headers.first("Session-Expires"), Some("200;refresher=uas"));
    assert!(!ok.headers.tokens("Require").contains(&"timer"));
    ack(&mut net);
    net.wait(101_000);
    assert_eq!(net.requests(&Method::UPDATE)[0].headers.first("Session-Expires"), Some("200;refresher=uac"));
}

#[test]
fn an_interval_of_nothing_makes_no_storm() {
    let (mut net, _) = answered(|r| r.headers.add("Session-Expires", "0;refresher=uac"));
    net.wait(44_000);
    assert_eq!(net.requests(&Method::UPDATE).len(), 0, "RFC 4028 4: 90 s is the shortest");
}
