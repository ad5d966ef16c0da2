//! Transfers: asked for, asked of us, and aimed at us.

use crate::ladder::check;
use crate::net::{CALM, Net, Weather, audio, call_states, direct_call, uri};
use std::time::Duration;
use tern_sip::wire::{HeaderAccess as _, Message, Method, Request, parse_datagram};
use tern_sip::{CallError, CallId, CallState, EndedBy, Event, Reply, TransferId, TransferProgress};

const SECOND: Duration = Duration::from_secs(1);
const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;

/// Alice, Bob and Carol.
fn three(seed: u64, weather: Weather) -> Net {
    let mut net = Net::new(seed, weather);
    for name in ["alice", "bob", "carol"] {
        net.add(name, |_| {});
    }
    net
}

/// Takes every call and every transfer.
fn willing(net: &mut Net, n: usize, event: &Event) {
    let (now, sdp) = (net.now, audio(net.nodes[n].address));
    let endpoint = &mut net.node(n).endpoint;
    match event {
        Event::IncomingCall { call, .. } => endpoint.accept(now, *call, sdp).unwrap(),
        Event::TransferAsked { request, .. } => {
            endpoint.accept_transfer(now, *request, sdp).unwrap();
        }
        _ => {}
    }
}

/// An answered call: its name at either side.
pub(crate) fn talk(net: &mut Net, from: usize, to: usize) -> (CallId, CallId) {
    let (now, config) = (net.now, direct_call(net, from, to));
    let ours = net.node(from).endpoint.call(now, config).unwrap();
    net.run(SECOND, &mut willing);
    let theirs = net.nodes[to].events.iter().rev().find_map(|e| match e {
        Event::IncomingCall { call, .. } => Some(*call),
        _ => None,
    });
    (ours, theirs.unwrap())
}

fn hang_up(net: &mut Net, node: usize, call: CallId) {
    let now = net.now;
    net.node(node).endpoint.hang_up(now, call).unwrap();
}

/// What a node was told of its transfers.
fn progress(net: &Net, node: usize) -> Vec<TransferProgress> {
    let told = net.nodes[node].events.iter().filter_map(|e| match e {
        Event::Transfer { progress, .. } => Some(progress.clone()),
        _ => None,
    });
    told.collect()
}

fn asked(net: &Net, node: usize) -> Option<TransferId> {
    net.nodes[node].events.iter().rev().find_map(|e| match e {
        Event::TransferAsked { request, .. } => Some(*request),
        _ => None,
    })
}

fn proceeding(code: u16, phrase: &str) -> TransferProgress {
    TransferProgress::Proceeding { code, phrase: phrase.into() }
}

fn carol() -> tern_sip::wire::Uri {
    uri("sip:carol@192.0.2.3:5060")
}

#[test]
fn a_blind_transfer() {
    let mut net = three(1, CALM);
    let (call, _) = talk(&mut net, ALICE, BOB);
    net.sent.clear();
    let now = net.now;
    net.node(ALICE).endpoint.transfer(now, call, carol()).unwrap();
    assert_eq!(
        net.node(ALICE).endpoint.transfer(now, call, carol()),
        Err(CallError::WrongState),
        "one at a time"
    );
    let mut ringing = None;
    net.run(SECOND, &mut |net, n, e| match e {
        Event::IncomingCall { call, .. } => {
            let now = net.now;
            net.node(n).endpoint.ring(now, *call).unwrap();
            ringing = Some(*call);
        }
        e => willing(net, n, e),
    });
    let (now, sdp) = (net.now, audio(net.nodes[CAROL].address));
    net.node(CAROL).endpoint.accept(now, ringing.unwrap(), sdp).unwrap();
    net.run(SECOND, &mut willing);
    hang_up(&mut net, ALICE, call);
    net.run(SECOND, &mut willing);
    check(
        &net,
        "1000 alice > bob: REFER 2
         1010 bob > carol: INVITE 1 +sdp
         1010 bob > alice: 202 Accepted (2 REFER)
         1010 bob > alice: NOTIFY 1 active: SIP/2.0 100 Trying
         1020 carol > bob: 100 Trying (1 INVITE)
         1020 carol > bob: 180 Ringing (1 INVITE)
         1020 alice > bob: 200 OK (1 NOTIFY)
         1030 bob > alice: NOTIFY 2 active: SIP/2.0 180 Ringing
         1040 alice > bob: 200 OK (2 NOTIFY)
         2000 carol > bob: 200 OK (1 INVITE) +sdp
         2010 bob > carol: ACK 1
         2010 bob > alice: NOTIFY 3 terminated: SIP/2.0 200 OK
         2020 alice > bob: 200 OK (3 NOTIFY)
         3000 alice > bob: BYE 3
         3010 bob > alice: 200 OK (3 BYE)",
    );
    let told = [
        TransferProgress::Accepted,
        proceeding(100, "Trying"),
        proceeding(180, "Ringing"),
        TransferProgress::Done,
    ];
    assert_eq!(progress(&net, ALICE), told);
    hang_up(&mut net, CAROL, ringing.unwrap());
    net.run(60 * SECOND, &mut willing);
    net.assert_empty("after the transfer");
}

#[test]
fn an_attended_transfer() {
    let mut net = three(1, CALM);
    let (to_bob, at_bob) = talk(&mut net, ALICE, BOB);
    let (to_carol, _) = talk(&mut net, ALICE, CAROL);
    net.sent.clear();
    let now = net.now;
    net.node(ALICE).endpoint.transfer_to(now, to_bob, to_carol).unwrap();
    net.run(SECOND, &mut willing);
    hang_up(&mut net, ALICE, to_bob);
    net.run(SECOND, &mut willing);
    check(
        &net,
        "2000 alice > bob: REFER 2
         2010 bob > carol: INVITE 1 replaces +sdp
         2010 bob > alice: 202 Accepted (2 REFER)
         2010 bob > alice: NOTIFY 1 active: SIP/2.0 100 Trying
         2020 carol > bob: 100 Trying (1 INVITE)
         2020 carol > bob: 200 OK (1 INVITE) +sdp
         2020 carol > alice: BYE 1
         2020 alice > bob: 200 OK (1 NOTIFY)
         2030 bob > carol: ACK 1
         2030 alice > carol: 200 OK (1 BYE)
         2030 bob > alice: NOTIFY 2 terminated: SIP/2.0 200 OK
         2040 alice > bob: 200 OK (2 NOTIFY)
         3000 alice > bob: BYE 3
         3010 bob > alice: 200 OK (3 BYE)",
    );
    assert_eq!(progress(&net, ALICE).last(), Some(&TransferProgress::Done));
    let replaced = net.nodes[CAROL].events.iter().rev().find_map(|e| match e {
        Event::IncomingCall { call, replaces, request, .. } => Some((*call, *replaces, request.clone())),
        _ => None,
    });
    let (new, old, request) = replaced.unwrap();
    assert!(old.is_some());
    // RFC 3892: Carol sees who sent Bob.
    assert!(request.headers.first("Referred-By").unwrap().contains("alice"));
    assert!(matches!(net.nodes[BOB].events.iter().rev().find_map(|e| match e {
        Event::TransferAsked { call, replaces, .. } => Some((*call, replaces.is_some())),
        _ => None,
    }), Some((call, true)) if call == at_bob));
    hang_up(&mut net, CAROL, new);
    net.run(60 * SECOND, &mut willing);
    net.assert_empty("after the transfer");
}

#[test]
fn a_transfer_that_fails_leaves_the_call_as_it_was() {
    let mut net = three(1, CALM);
    let (call, at_bob) = talk(&mut net, ALICE, BOB);
    let now = net.now;
    net.node(ALICE).endpoint.transfer(now, call, carol()).unwrap();
    net.run(2 * SECOND, &mut |net, n, e| match e {
        Event::IncomingCall { call, .. } => {
            let now = net.now;
            net.node(n).endpoint.reject(now, *call, Reply::new(486)).unwrap();
        }
        e => willing(net, n, e),
    });
    let failed = TransferProgress::Failed { code: 486, phrase: "Busy Here".into() };
    assert_eq!(progress(&net, ALICE).last(), Some(&failed));
    assert!(!call_states(&net, ALICE).iter().any(|s| matches!(s, CallState::Ended(_))));
    // And another one may be asked for, this time declined.
    let now = net.now;
    net.node(ALICE).endpoint.transfer(now, call, carol()).unwrap();
    net.run(2 * SECOND, &mut |net, n, e| {
        if let Event::TransferAsked { request, .. } = e {
            let now = net.now;
            net.node(n).endpoint.reject_transfer(now, *request).unwrap();
        }
    });
    let declined = TransferProgress::Failed { code: 603, phrase: "Decline".into() };
    assert_eq!(progress(&net, ALICE).last(), Some(&declined));
    hang_up(&mut net, BOB, at_bob);
    net.run(60 * SECOND, &mut |_, _, _| {});
    net.assert_empty("after two failures");
}

#[test]
fn nobody_is_called_before_the_application_says_so() {
    let mut net = three(1, CALM);
    let (call, _) = talk(&mut net, ALICE, BOB);
    let now = net.now;
    net.node(ALICE).endpoint.transfer(now, call, carol()).unwrap();
    net.run(20 * SECOND, &mut |_, _, _| {});
    assert!(!net.sent.iter().any(|s| s.to == "carol"));
    // RFC 3515 2.4.2: 202 although nothing is decided, and a subscription that says so.
    assert_eq!(progress(&net, ALICE), [TransferProgress::Accepted, proceeding(100, "Trying")]);
    let notify = net.sent.iter().rev().find(|s| s.bytes.starts_with(b"NOTIFY")).unwrap();
    assert!(String::from_utf8_lossy(&notify.bytes).contains("Subscription-State: pending;expires="));
    let (now, sdp, id) = (net.now, audio(net.nodes[BOB].address), asked(&net, BOB).unwrap());
    net.node(BOB).endpoint.accept_transfer(now, id, sdp.clone()).unwrap();
    assert_eq!(net.node(BOB).endpoint.accept_transfer(now, id, sdp), Err(CallError::UnknownCall), "once");
    net.run(SECOND, &mut willing);
    assert_eq!(progress(&net, ALICE).last(), Some(&TransferProgress::Done));
}

#[test]
fn one_that_nobody_decides_about_is_declined_in_the_end() {
    let mut net = three(1, CALM);
    let (call, _) = talk(&mut net, ALICE, BOB);
    let now = net.now;
    net.node(ALICE).endpoint.transfer(now, call, carol()).unwrap();
    net.run(400 * SECOND, &mut |_, _, _| {});
    let declined = TransferProgress::Failed { code: 603, phrase: "Decline".into() };
    assert_eq!(progress(&net, ALICE).last(), Some(&declined));
    hang_up(&mut net, ALICE, call);
    net.run(60 * SECOND, &mut |_, _, _| {});
    net.assert_empty("after no decision");
}

#[test]
fn hanging_up_first_loses_no_news() {
    let mut net = three(1, CALM);
    let (call, _) = talk(&mut net, ALICE, BOB);
    let now = net.now;
    net.node(ALICE).endpoint.transfer(now, call, carol()).unwrap();
    let mut ringing = None;
    net.run(SECOND, &mut |net, n, e| match e {
        Event::IncomingCall { call, .. } => ringing = Some(*call),
        e => willing(net, n, e),
    });
    hang_up(&mut net, ALICE, call);
    net.run(60 * SECOND, &mut willing);
    // RFC 5057 4.1: the subscription keeps the dialog.
    let (now, sdp) = (net.now, audio(net.nodes[CAROL].address));
    net.node(CAROL).endpoint.accept(now, ringing.unwrap(), sdp).unwrap();
    net.run(SECOND, &mut willing);
    assert_eq!(progress(&net, ALICE).last(), Some(&TransferProgress::Done));
    hang_up(&mut net, CAROL, ringing.unwrap());
    net.run(60 * SECOND, &mut willing);
    net.assert_empty("after the last news");
}

/// Alice's transfer, accepted by hand in bob's place; what she is told when these NOTIFY bodies follow.
fn told_by_hand(news: &[(&str, &str)]) -> Vec<TransferProgress> {
    let mut net = three(1, CALM);
    let (call, _) = talk(&mut net, ALICE, BOB);
    let now = net.now;
    net.node(ALICE).endpoint.transfer(now, call, carol()).unwrap();
    net.run(Duration::from_millis(5), &mut |_, _, _| {});
    let (bob, alice) = (net.nodes[BOB].address, net.nodes[ALICE].address);
    net.nodes[BOB].address = "203.0.113.1:1".parse().unwrap();
    let refer = net.sent.iter().rev().find(|s| s.bytes.starts_with(b"REFER")).unwrap();
    let Ok(Message::Request(refer)) = parse_datagram(&refer.bytes) else { panic!() };
    net.deliver(bob, alice, &tern_sip::wire::Response::to(&refer, 202, None).to_bytes());
    for (n, (state, body)) in news.iter().enumerate() {
        let target = refer.headers.addresses("Contact").unwrap().remove(0).uri;
        let mut notify = Request::new(Method::NOTIFY, target);
        notify.headers.add("Via", format!("SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKn{n};rport"));
        notify.headers.add("From", refer.headers.first("To").unwrap());
        notify.headers.add("To", refer.headers.first("From").unwrap());
        notify.headers.add("Call-ID", refer.headers.call_id().unwrap());
        notify.headers.add("CSeq", format!("{} NOTIFY", n + 1));
        notify.headers.add("Event", "refer");
        notify.headers.add("Subscription-State", *state);
        notify.set_body("message/sipfrag", body.as_bytes().to_vec());
        net.deliver(bob, alice, &notify.to_bytes());
    }
    net.run(600 * SECOND, &mut |_, _, _| {});
    progress(&net, ALICE)
}

#[test]
fn silence_after_202_ends_the_wait() {
    use TransferProgress::{Accepted, NoNews};
    assert_eq!(told_by_hand(&[]), [Accepted, NoNews]);
    let trying = "SIP/2.0 100 Trying";
    assert_eq!(told_by_hand(&[("active;expires=60", trying)]), [Accepted, proceeding(100, "Trying"), NoNews]);
    assert_eq!(told_by_hand(&[("terminated;reason=timeout", trying)]), [Accepted, NoNews]);
    assert_eq!(told_by_hand(&[("terminated", "nonsense"), ("active", "SIP/2.0 200 OK")]), [Accepted, NoNews]);
    assert_eq!(told_by_hand(&[("active", "SIP/2.0 200 OK")]), [Accepted, TransferProgress::Done]);
}

#[test]
fn a_switch_tells_what_it_has_done_itself() {
    let mut net = three(1, CALM);
    let (call, _) = talk(&mut net, ALICE, BOB);
    let now = net.now;
    net.node(ALICE).endpoint.transfer(now, call, carol()).unwrap();
    net.run(SECOND, &mut |_, _, _| {});
    let (now, id) = (net.now, asked(&net, BOB).unwrap());
    let bob = &mut net.node(BOB).endpoint;
    assert_eq!(bob.tell_transfer(now, id, 180, "Ringing"), Err(CallError::UnknownCall), "not taken yet");
    bob.begin_transfer(now, id).unwrap();
    bob.tell_transfer(now, id, 180, "Ringing").unwrap();
    net.run(SECOND, &mut |_, _, _| {});
    let now = net.now;
    net.node(BOB).endpoint.tell_transfer(now, id, 486, "Busy Here").unwrap();
    net.run(SECOND, &mut |_, _, _| {});
    let busy = TransferProgress::Failed { code: 486, phrase: "Busy Here".into() };
    let expected = [TransferProgress::Accepted, proceeding(100, "Trying"), proceeding(180, "Ringing"), busy];
    assert_eq!(progress(&net, ALICE), expected);
    assert!(!net.sent.iter().any(|s| s.to == "carol"));
    // One that never tells the end is not waited for without end.
    let now = net.now;
    net.node(ALICE).endpoint.transfer(now, call, carol()).unwrap();
    net.run(SECOND, &mut |_, _, _| {});
    let (now, id) = (net.now, asked(&net, BOB).unwrap());
    net.node(BOB).endpoint.begin_transfer(now, id).unwrap();
    net.run(SECOND, &mut |_, _, _| {});
    hang_up(&mut net, ALICE, call);
    net.run(600 * SECOND, &mut |_, _, _| {});
    net.assert_empty("after a transfer without end");
}

/// A request from alice inside the call with bob, its lines after the dialog's own.
fn inside(net: &Net, method: Method, cseq: u32, lines: &[(&str, &str)]) -> Request {
    let invite = net.sent.iter().find(|s| s.bytes.starts_with(b"INVITE")).unwrap();
    let answer = net.sent.iter().find(|s| s.bytes.starts_with(b"SIP/2.0 200")).unwrap();
    let Ok(Message::Request(invite)) = parse_datagram(&invite.bytes) else { panic!() };
    let Ok(Message::Response(answer)) = parse_datagram(&answer.bytes) else { panic!() };
    let target = answer.headers.addresses("Contact").unwrap().remove(0).uri;
    let mut request = Request::new(method.clone(), target);
    request.headers.add("Via", format!("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{method}{cseq};rport"));
    request.headers.add("Max-Forwards", "70");
    request.headers.add("From", invite.headers.first("From").unwrap());
    request.headers.add("To", answer.headers.first("To").unwrap());
    request.headers.add("Call-ID", invite.headers.first("Call-ID").unwrap());
    request.headers.add("CSeq", format!("{cseq} {method}"));
    for (name, value) in lines {
        request.headers.add(name, *value);
    }
    request
}

/// The code bob answers such a request with.
pub(crate) fn answer_of_bob(
    net: &mut Net,
    method: Method,
    cseq: u32,
    lines: &[(&str, &str)],
    body: &[u8],
) -> u16 {
    let mut request = inside(net, method, cseq, lines);
    request.body = body.to_vec();
    let (alice, bob) = (net.nodes[ALICE].address, net.nodes[BOB].address);
    net.deliver(alice, bob, &request.to_bytes());
    net.run(SECOND / 10, &mut |_, _, _| {});
    let branch = request.headers.first("Via").unwrap().to_owned();
    let branch = branch.split("branch=").nth(1).unwrap().split(';').next().unwrap();
    let answers = net.sent.iter().rev().filter(|s| s.from == "bob" && s.bytes.starts_with(b"SIP/2.0"));
    let mut read = answers.filter_map(|s| match parse_datagram(&s.bytes) {
        Ok(Message::Response(r)) => Some(r),
        _ => None,
    });
    read.find(|r| r.headers.first("Via").unwrap().contains(branch)).map_or(0, |r| r.code())
}

#[test]
fn what_cannot_be_asked_for_is_refused_and_asks_nobody() {
    let mut net = three(1, CALM);
    talk(&mut net, ALICE, BOB);
    let mut cseq = 10;
    let mut refused = |lines: &[(&str, &str)]| {
        cseq += 1;
        answer_of_bob(&mut net, Method::REFER, cseq, lines, b"")
    };
    assert_eq!(refused(&[]), 400);
    assert_eq!(refused(&[("Refer-To", "<sip:a@b>"), ("Refer-To", "<sip:c@b>")]), 400);
    assert_eq!(refused(&[("Refer-To", "<https://example.com>")]), 416);
    assert_eq!(refused(&[("Refer-To", "<sip:a@b;method=BYE>")]), 403);
    assert_eq!(refused(&[("Refer-To", "<sip:a@b?Replaces=x>")]), 400);
    assert_eq!(asked(&net, BOB), None);
    // Nothing is subscribed to.
    let status = [("Event", "refer"), ("Subscription-State", "active"), ("Content-Type", "message/sipfrag")];
    assert_eq!(answer_of_bob(&mut net, Method::NOTIFY, 30, &status, b"SIP/2.0 200 OK"), 481);
    assert_eq!(answer_of_bob(&mut net, Method::NOTIFY, 31, &[("Event", "presence")], b""), 489);
}

#[test]
fn a_second_refer_waits_for_the_first() {
    let mut net = three(1, CALM);
    talk(&mut net, ALICE, BOB);
    let lines = [("Refer-To", "<sip:carol@192.0.2.3:5060?Route=%3Csip%3Aevil%3E&Subject=x>")];
    assert_eq!(answer_of_bob(&mut net, Method::REFER, 10, &lines, b""), 0, "it waits for the application");
    assert_eq!(answer_of_bob(&mut net, Method::REFER, 11, &lines, b""), 491);
    let (now, sdp, id) = (net.now, audio(net.nodes[BOB].address), asked(&net, BOB).unwrap());
    net.node(BOB).endpoint.accept_transfer(now, id, sdp).unwrap();
    net.run(SECOND, &mut |_, _, _| {});
    let invite = net.sent.iter().rev().find(|s| s.bytes.starts_with(b"INVITE")).unwrap();
    assert!(!String::from_utf8_lossy(&invite.bytes).contains("evil"), "no header comes through the Refer-To");
}

#[test]
fn who_wants_no_news_gets_none() {
    let mut net = three(1, CALM);
    talk(&mut net, ALICE, BOB);
    let lines =
        [("Refer-To", "<sip:carol@192.0.2.3:5060>"), ("Refer-Sub", "false"), ("Require", "norefersub")];
    answer_of_bob(&mut net, Method::REFER, 10, &lines, b"");
    let (now, sdp, id) = (net.now, audio(net.nodes[BOB].address), asked(&net, BOB).unwrap());
    net.node(BOB).endpoint.accept_transfer(now, id, sdp).unwrap();
    net.run(SECOND, &mut willing);
    let accepted = net.sent.iter().find(|s| s.bytes.starts_with(b"SIP/2.0 202")).unwrap();
    assert!(String::from_utf8_lossy(&accepted.bytes).contains("Refer-Sub: false"));
    assert!(!net.sent.iter().any(|s| s.bytes.starts_with(b"NOTIFY")));
}

#[test]
fn a_refer_outside_a_call_is_refused() {
    let mut net = three(1, CALM);
    talk(&mut net, ALICE, BOB);
    let mut refer = inside(&net, Method::REFER, 1, &[("Refer-To", "<sip:carol@192.0.2.3>")]);
    refer.headers.set("To", "<sip:bob@192.0.2.2>");
    refer.headers.set("Call-ID", "other");
    let (alice, bob) = (net.nodes[ALICE].address, net.nodes[BOB].address);
    net.deliver(alice, bob, &refer.to_bytes());
    net.run(SECOND, &mut |_, _, _| {});
    assert!(net.sent.iter().any(|s| s.bytes.starts_with(b"SIP/2.0 403")));
    assert_eq!(asked(&net, BOB), None);
}

#[test]
fn replaces_must_name_the_dialog_exactly() {
    let mut net = three(1, CALM);
    let (_, at_bob) = talk(&mut net, ALICE, BOB);
    let reference = inside(&net, Method::OPTIONS, 1, &[]);
    let id = reference.headers.call_id().unwrap().to_owned();
    let alice = reference.headers.from_address().unwrap().tag().unwrap();
    let bob = reference.headers.to_address().unwrap().tag().unwrap();
    // As bob sees it, to-tag is his own (RFC 3891 3).
    let mut try_with = |value: &str| {
        let mut config = direct_call(&net, CAROL, BOB);
        config.headers = vec![tern_sip::wire::headers::header("Replaces", value)];
        let now = net.now;
        let call = net.node(CAROL).endpoint.call(now, config).unwrap();
        net.run(SECOND, &mut |_, _, _| {});
        let ended = net.nodes[CAROL].events.iter().find_map(|e| match e {
            Event::Call { id, state: CallState::Ended(ending) } if *id == call => ending.code,
            _ => None,
        });
        (call, ended)
    };
    assert_eq!(try_with(&format!("{id};to-tag={bob};from-tag=x")).1, Some(481));
    assert_eq!(try_with(&format!("{id};to-tag={alice};from-tag={bob}")).1, Some(481));
    assert_eq!(try_with(&format!("other;to-tag={bob};from-tag={alice}")).1, Some(481));
    assert_eq!(try_with(&format!("{id};to-tag={bob}")).1, Some(400));
    assert_eq!(try_with(&format!("{id};to-tag={bob};from-tag={alice};early-only")).1, Some(486));
    let (_, ended) = try_with(&format!("{id};to-tag={bob};from-tag={alice}"));
    assert_eq!(ended, None, "it waits for bob");
    let last = net.nodes[BOB].events.iter().rev().find_map(|e| match e {
        Event::IncomingCall { call, replaces, .. } => Some((*call, *replaces)),
        _ => None,
    });
    let (new, replaces) = last.unwrap();
    assert_eq!(replaces, Some(at_bob));
    assert!(
        !call_states(&net, ALICE).iter().any(|s| matches!(s, CallState::Ended(_))),
        "asking ends nothing"
    );
    let (now, sdp) = (net.now, audio(net.nodes[BOB].address));
    net.node(BOB).endpoint.accept(now, new, sdp).unwrap();
    net.run(SECOND, &mut |_, _, _| {});
    let ended = call_states(&net, ALICE).into_iter().find_map(|s| match s {
        CallState::Ended(ending) => Some(ending.by),
        _ => None,
    });
    assert_eq!(ended, Some(EndedBy::Remote));
}

#[test]
fn a_call_that_still_rings_there_can_be_taken_over() {
    let mut net = three(1, CALM);
    let (now, config) = (net.now, direct_call(&net, ALICE, BOB));
    let ours = net.node(ALICE).endpoint.call(now, config).unwrap();
    net.run(SECOND, &mut |net, n, e| {
        if let Event::IncomingCall { call, .. } = e {
            let now = net.now;
            net.node(n).endpoint.ring(now, *call).unwrap();
        }
    });
    let ringing = net.sent.iter().find(|s| s.bytes.starts_with(b"SIP/2.0 180")).unwrap();
    let Ok(Message::Response(ringing)) = parse_datagram(&ringing.bytes) else { panic!() };
    let tag = |a: tern_sip::wire::Address| a.tag().unwrap();
    let id = ringing.headers.call_id().unwrap();
    let (from, to) = (ringing.headers.from_address().unwrap(), ringing.headers.to_address().unwrap());
    let value = format!("{id};to-tag={};from-tag={};early-only", tag(from), tag(to));
    let mut config = direct_call(&net, CAROL, ALICE);
    config.headers = vec![tern_sip::wire::headers::header("Replaces", value)];
    let now = net.now;
    net.node(CAROL).endpoint.call(now, config).unwrap();
    net.run(SECOND, &mut willing);
    assert!(
        net.nodes[ALICE]
            .events
            .iter()
            .any(|e| matches!(e, Event::IncomingCall { replaces: Some(c), .. } if *c == ours))
    );
    // Bob's phone is told that nobody missed anything (RFC 3326).
    let cancelled = call_states(&net, BOB).into_iter().find_map(|s| match s {
        CallState::Ended(ending) => ending.reason,
        _ => None,
    });
    assert!(cancelled.unwrap().is_completed_elsewhere());
}

/// A transfer in such weather: alice talks to bob (and carol), asks, and hangs up when she knows the outcome.
fn in_weather(seed: u64, attended: bool) -> TransferProgress {
    let weather = Weather {
        loss: 100,
        doubled: 100,
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(600),
    };
    let mut net = three(seed, weather);
    let mut calls: Vec<CallId> = Vec::new();
    let targets: &[usize] = if attended { &[BOB, CAROL] } else { &[BOB] };
    for to in targets {
        let (now, config) = (net.now, direct_call(&net, ALICE, *to));
        calls.push(net.node(ALICE).endpoint.call(now, config).unwrap());
    }
    let mut confirmed = 0;
    net.run(600 * SECOND, &mut |net, n, e| {
        let now = net.now;
        match e {
            Event::Call { state: CallState::Confirmed { .. }, id } if n == ALICE && calls.contains(id) => {
                confirmed += 1;
                if confirmed == calls.len() {
                    let endpoint = &mut net.node(ALICE).endpoint;
                    let _ = match attended {
                        true => endpoint.transfer_to(now, calls[0], calls[1]),
                        false => endpoint.transfer(now, calls[0], carol()),
                    };
                }
            }
            Event::Transfer { progress, .. } => {
                use TransferProgress::{Done, Failed, NoNews};
                if matches!(progress, Done | Failed { .. } | NoNews) {
                    for call in &calls {
                        let _ = net.node(ALICE).endpoint.hang_up(now, *call);
                    }
                }
            }
            Event::IncomingCall { .. } => willing(net, n, e),
            Event::TransferAsked { request, .. } => {
                let sdp = audio(net.nodes[n].address);
                let _ = net.node(n).endpoint.accept_transfer(now, *request, sdp);
            }
            _ => {}
        }
    });
    let told = progress(&net, ALICE);
    let last = |p: &&TransferProgress| {
        matches!(p, TransferProgress::Done | TransferProgress::Failed { .. } | TransferProgress::NoNews)
    };
    assert!(told.iter().filter(last).count() <= 1, "seed {seed}: {told:?}");
    let outcome = told.last().cloned().unwrap_or(TransferProgress::NoNews);
    if outcome == TransferProgress::Done {
        let answered = call_states(&net, BOB).iter().any(|s| matches!(s, CallState::Answered { .. }));
        assert!(answered, "seed {seed}: done, and bob has called nobody");
    }
    // What still talks is ended by carol and bob.
    for node in [BOB, CAROL] {
        let now = net.now;
        let calls: Vec<CallId> = net.nodes[node]
            .events
            .iter()
            .filter_map(|e| match e {
                Event::IncomingCall { call, .. } | Event::Call { id: call, .. } => Some(*call),
                _ => None,
            })
            .collect();
        for call in calls {
            let _ = net.node(node).endpoint.hang_up(now, call);
        }
    }
    net.run(600 * SECOND, &mut |_, _, _| {});
    net.assert_empty(&format!("seed {seed}"));
    outcome
}

#[test]
fn transfers_come_to_an_end_in_any_weather() {
    for attended in [false, true] {
        let outcomes: Vec<_> = (0..150).map(|seed| in_weather(seed, attended)).collect();
        let done = outcomes.iter().filter(|o| **o == TransferProgress::Done).count();
        assert!(done > 130, "only {done} of 150 were done: {outcomes:?}");
    }
}
