//! Keys pressed, by INFO.

use crate::net::{CALM, Net, Weather};
use crate::transfer::{answer_of_bob, talk};
use std::time::Duration;
use tern_sip::wire::Method;
use tern_sip::{CallError, Event};

const SECOND: Duration = Duration::from_secs(1);

fn two(seed: u64, weather: Weather) -> Net {
    let mut net = Net::new(seed, weather);
    net.add("alice", |_| {});
    net.add("bob", |_| {});
    net
}

fn heard(net: &Net, node: usize) -> String {
    let digits = net.nodes[node].events.iter().filter_map(|e| match e {
        Event::Dtmf { digit, .. } => Some(*digit),
        _ => None,
    });
    digits.collect()
}

#[test]
fn digits_arrive_once_and_in_order_in_any_weather() {
    for seed in 0..20 {
        let mut net = two(seed, CALM);
        let (call, _) = talk(&mut net, 0, 1);
        net.weather = Weather {
            loss: 150,
            doubled: 150,
            delay: Duration::from_millis(20),
            jitter: Duration::from_millis(900),
        };
        let now = net.now;
        for digit in "0123456789*#abcd".chars() {
            net.node(0).endpoint.info_dtmf(now, call, digit, Duration::from_millis(160)).unwrap();
        }
        assert_eq!(net.node(0).endpoint.info_dtmf(now, call, 'x', SECOND), Err(CallError::WrongState));
        net.run(600 * SECOND, &mut |_, _, _| {});
        assert_eq!(heard(&net, 1), "0123456789*#ABCD", "seed {seed}");
        let durations: Vec<Duration> = net.nodes[1]
            .events
            .iter()
            .filter_map(|e| match e {
                Event::Dtmf { duration, .. } => Some(*duration),
                _ => None,
            })
            .collect();
        assert!(durations.iter().all(|d| *d == Duration::from_millis(160)));
    }
}

#[test]
fn other_infos_are_refused_as_the_rfc_says() {
    let mut net = two(1, CALM);
    talk(&mut net, 0, 1);
    let mut cseq = 10;
    let mut answer = |lines: &[(&str, &str)], body: &str| {
        cseq += 1;
        answer_of_bob(&mut net, Method::INFO, cseq, lines, body.as_bytes())
    };
    assert_eq!(answer(&[("Content-Type", "application/dtmf-relay")], "Signal=5\r\nDuration=100"), 200);
    assert_eq!(answer(&[("Content-Type", "Application/DTMF; x=y")], "#"), 200);
    assert_eq!(answer(&[("Content-Type", "application/dtmf-relay")], "Signal=boo"), 400);
    assert_eq!(answer(&[("Content-Type", "application/media_control+xml")], "<x/>"), 415);
    assert_eq!(answer(&[("Info-Package", "foo"), ("Content-Type", "application/dtmf")], "5"), 469);
    assert_eq!(answer(&[], ""), 200);
    assert_eq!(heard(&net, 1), "5#");
    let last = |code: &str| {
        net.sent
            .iter()
            .rev()
            .map(|s| String::from_utf8_lossy(&s.bytes).into_owned())
            .find(|t| t.starts_with(code))
            .unwrap()
    };
    assert!(last("SIP/2.0 469").contains("\r\nRecv-Info:"));
    assert!(last("SIP/2.0 415").contains("\r\nAccept: application/dtmf-relay, application/dtmf\r\n"));
}

#[test]
fn a_peer_that_takes_no_digits_is_told_of_once() {
    let mut net = two(1, CALM);
    let (call, _) = talk(&mut net, 0, 1);
    net.nodes[1].address = "203.0.113.1:1".parse().unwrap();
    let now = net.now;
    for digit in "12".chars() {
        net.node(0).endpoint.info_dtmf(now, call, digit, SECOND).unwrap();
    }
    net.run(SECOND / 10, &mut |_, _, _| {});
    let info = net.sent.iter().rev().find(|s| s.bytes.starts_with(b"INFO")).unwrap();
    let Ok(tern_sip::wire::Message::Request(info)) = tern_sip::wire::parse_datagram(&info.bytes) else {
        panic!()
    };
    let refusal = tern_sip::wire::Response::to(&info, 415, None);
    let alice = net.nodes[0].address;
    net.deliver("192.0.2.2:5060".parse().unwrap(), alice, &refusal.to_bytes());
    net.run(SECOND, &mut |_, _, _| {});
    let refused: Vec<u16> = net.nodes[0]
        .events
        .iter()
        .filter_map(|e| match e {
            Event::DtmfRefused { code, .. } => Some(*code),
            _ => None,
        })
        .collect();
    assert_eq!(refused, [415]);
    let infos: std::collections::BTreeSet<_> =
        net.sent.iter().filter(|s| s.bytes.starts_with(b"INFO")).map(|s| s.bytes.clone()).collect();
    assert_eq!(infos.len(), 1, "the second digit is dropped");
}
