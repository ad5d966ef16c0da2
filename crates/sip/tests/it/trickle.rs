//! Candidates told after the descriptions, by INFO (RFC 8840).

use crate::net::{CALM, Net, Weather, direct_call};
use crate::transfer::answer_of_bob;
use std::net::SocketAddr;
use std::time::Duration;
use tern_sip::offer_answer::{
    AudioCapabilities, Candidate, IceDescription, IceFragment, SecurityCapabilities, SessionVersion,
    TransportCapabilities, answer, offer,
};
use tern_sip::wire::sdp::{Codec, Direction};
use tern_sip::wire::{HeaderAccess as _, Message, Method, parse_datagram};
use tern_sip::{CallError, CallId, Event};

const SECOND: Duration = Duration::from_secs(1);
const PASSWORD: &str = "asd88fgpdd777uzjYhagZg";

fn candidate(number: u8) -> Candidate {
    Candidate::parse(&format!("{number} 1 UDP {} 192.0.2.{number} 4000 typ host", 9_000 - u32::from(number)))
        .unwrap()
}

/// What a side at `address` can do; it trickles, or makes no checks at all.
fn side(address: SocketAddr, trickles: bool) -> AudioCapabilities {
    let address = SocketAddr::new(address.ip(), 4000);
    let own = Candidate { address, ..candidate(1) };
    let ice = trickles.then(|| IceDescription {
        fragment: "8hhY".into(),
        password: PASSWORD.into(),
        lite: false,
        trickle: Some("0".into()),
        complete: false,
        candidates: vec![own],
    });
    AudioCapabilities {
        address,
        codecs: vec![Codec::well_known(0).unwrap()],
        ptime: Some(20),
        direction: Direction::SendRecv,
        session: SessionVersion { id: 1, version: 1 },
        security: SecurityCapabilities::default(),
        transport: TransportCapabilities { rtcp: None, rtcp_mux: true, ice },
        own_order: false,
        extended_reports: false,
    }
}

/// What was found after so many candidates.
fn found(number: u8, complete: bool) -> IceFragment {
    IceFragment {
        fragment: "8hhY".into(),
        password: PASSWORD.into(),
        mid: "0".into(),
        candidates: (1..=number).map(candidate).collect(),
        complete,
    }
}

/// Alice and bob talk; either may trickle.
fn talk(net: &mut Net, alice: bool, bob: bool) -> (CallId, CallId) {
    net.add("alice", |_| {});
    net.add("bob", |_| {});
    let (now, mut config) = (net.now, direct_call(net, 0, 1));
    config.offer = Some(offer(&side(net.nodes[0].address, alice)));
    let ours = net.node(0).endpoint.call(now, config).unwrap();
    let mut theirs = None;
    net.run(SECOND, &mut |net, node, event| {
        if let Event::IncomingCall { call, offer: Some(offer), .. } = event {
            let (now, able) = (net.now, side(net.nodes[node].address, bob));
            let (sdp, _) = answer(offer, &able).unwrap();
            net.node(node).endpoint.accept(now, *call, sdp).unwrap();
            theirs = Some(*call);
        }
    });
    (ours, theirs.unwrap())
}

fn heard(net: &Net, node: usize) -> Vec<IceFragment> {
    let told = net.nodes[node].events.iter().filter_map(|e| match e {
        Event::Trickled { body, .. } => Some(IceFragment::parse(body, "0").unwrap()),
        _ => None,
    });
    told.collect()
}

fn sent(net: &Net, start: &str) -> Vec<Message> {
    let sent = net.sent.iter().filter(|s| s.bytes.starts_with(start.as_bytes()));
    sent.map(|s| parse_datagram(&s.bytes).unwrap()).collect()
}

#[test]
fn both_sides_tell_what_they_find_in_any_weather() {
    for seed in 0..20 {
        let mut net = Net::new(seed, CALM);
        let (ours, theirs) = talk(&mut net, true, true);
        net.weather = Weather {
            loss: 150,
            doubled: 150,
            delay: Duration::from_millis(20),
            jitter: Duration::from_millis(900),
        };
        let now = net.now;
        for (node, call) in [(0, ours), (1, theirs)] {
            for number in 2..=4 {
                net.node(node).endpoint.trickle(now, call, &found(number, number == 4)).unwrap();
            }
        }
        net.run(600 * SECOND, &mut |_, _, _| {});
        for node in [1, 0] {
            // The one that waited while the first was under way is left out: the last one tells it all (4.3.3).
            assert_eq!(heard(&net, node), [found(2, false), found(4, true)], "seed {seed}");
        }
    }
}

#[test]
fn messages_have_the_form_of_the_rfc() {
    let mut net = Net::new(1, CALM);
    let (ours, _) = talk(&mut net, true, true);
    let now = net.now;
    net.node(0).endpoint.trickle(now, ours, &found(2, true)).unwrap();
    net.run(SECOND, &mut |_, _, _| {});
    // RFC 8840 5.2, RFC 6086 4.2.1: said by both before it is done.
    for start in ["INVITE", "SIP/2.0 200"] {
        let headers = match &sent(&net, start)[0] {
            Message::Request(request) => request.headers.clone(),
            Message::Response(response) => response.headers.clone(),
        };
        assert!(headers.tokens("Supported").contains(&"trickle-ice"), "{start}");
        assert_eq!(headers.first("Recv-Info"), Some("trickle-ice"), "{start}");
    }
    let Message::Request(info) = sent(&net, "INFO").remove(0) else { panic!() };
    // RFC 8840 10.2, 10.6; RFC 6086 4.2.2.
    for (name, value) in [
        ("Info-Package", "trickle-ice"),
        ("Content-Type", "application/trickle-ice-sdpfrag"),
        ("Content-Disposition", "Info-Package"),
    ] {
        assert_eq!(info.headers.first(name), Some(value));
    }
    assert_eq!(IceFragment::parse(&info.body, "0"), Some(found(2, true)));
}

#[test]
fn who_did_not_say_that_it_takes_them_is_told_none() {
    for (alice, bob) in [(true, false), (false, true), (false, false)] {
        let mut net = Net::new(1, CALM);
        let (ours, theirs) = talk(&mut net, alice, bob);
        let now = net.now;
        // Whoever said so may be told; whether there is anything to tell the descriptions say.
        let mut refused = |node: usize, call| {
            net.node(node).endpoint.trickle(now, call, &found(2, true)) == Err(CallError::WrongState)
        };
        assert!(refused(0, ours), "{alice} {bob}");
        assert_eq!(refused(1, theirs), !alice, "{alice} {bob}");
    }
}

#[test]
fn a_refusal_ends_it_and_other_bodies_are_refused() {
    let mut net = Net::new(1, CALM);
    let (ours, _) = talk(&mut net, true, true);
    let mut cseq = 10;
    let mut answer = |net: &mut Net, package: &str, kind: &str, body: &str| {
        cseq += 1;
        let lines = [("Info-Package", package), ("Content-Type", kind)];
        answer_of_bob(net, Method::INFO, cseq, &lines, body.as_bytes())
    };
    let body = found(2, false).to_string();
    assert_eq!(answer(&mut net, "Trickle-ICE;x=y", "application/trickle-ice-sdpfrag", &body), 200);
    assert_eq!(answer(&mut net, "trickle-ice", "application/sdp", &body), 415);
    assert_eq!(answer(&mut net, "foo", "application/trickle-ice-sdpfrag", &body), 469);
    assert_eq!(heard(&net, 1), [found(2, false)]);
    // Bob falls silent and somebody answers for him that he takes none.
    net.nodes[1].address = "203.0.113.1:1".parse().unwrap();
    let now = net.now;
    net.node(0).endpoint.trickle(now, ours, &found(2, false)).unwrap();
    net.node(0).endpoint.trickle(now, ours, &found(3, false)).unwrap();
    net.run(SECOND / 10, &mut |_, _, _| {});
    let Some(Message::Request(info)) = sent(&net, "INFO").pop() else { panic!() };
    let refusal = tern_sip::wire::Response::to(&info, 469, None);
    let alice = net.nodes[0].address;
    net.deliver("192.0.2.2:5060".parse().unwrap(), alice, &refusal.to_bytes());
    net.run(SECOND, &mut |_, _, _| {});
    let now = net.now;
    let again = net.node(0).endpoint.trickle(now, ours, &found(4, true));
    assert_eq!(again, Err(CallError::WrongState));
    let infos: std::collections::BTreeSet<_> = net
        .sent
        .iter()
        .filter(|s| s.from == "alice" && s.bytes.starts_with(b"INFO"))
        .map(|s| &s.bytes)
        .collect();
    assert_eq!(infos.len(), 1, "what waited is dropped");
}
