//! Bytes from nowhere: noise, cut and flipped messages. Nothing falls over, and the next call works.

use crate::calls::{invite, request};
use crate::everyday;
use crate::net::{CALM, Net, audio, call_states, direct_call};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use std::time::Duration;
use tern_sip::wire::{Method, sdp::SessionDescription};
use tern_sip::{CallState, EndpointConfig, Event, wire};

pub(crate) fn mutate(rng: &mut ChaCha8Rng, bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..=rng.next_u32() % 6 {
        if out.is_empty() {
            break;
        }
        let at = rng.next_u32() as usize % out.len();
        match rng.next_u32() % 6 {
            0 => out[at] = rng.next_u32() as u8,
            1 => out[at] ^= 1 << (rng.next_u32() % 8),
            2 => out.truncate(at),
            3 => out.insert(at, b"\r\n,;:<>\"\\= @%0"[rng.next_u32() as usize % 14]),
            4 => {
                out.remove(at);
            }
            _ => {
                let piece = out[at..(at + 40).min(out.len())].to_vec();
                let to = rng.next_u32() as usize % out.len();
                out.splice(to..to, piece);
            }
        }
    }
    out
}

/// Everything a busy endpoint may hear.
fn corpus() -> Vec<Vec<u8>> {
    let mut corpus: Vec<Vec<u8>> = everyday::ALL.iter().map(|(_, m)| m.as_bytes().to_vec()).collect();
    corpus.push(invite("c", "1").to_bytes());
    for method in [Method::CANCEL, Method::ACK, Method::BYE, Method::OPTIONS, Method::REGISTER] {
        corpus.push(request(method, "c", "1").to_bytes());
    }
    corpus
}

/// A server without a limit to what it listens to.
fn stormy(config: &mut EndpointConfig) {
    config.handles = vec![Method::REGISTER];
    config.flood = None;
}

#[test]
fn mutated_messages_do_no_harm() {
    let mut rng = ChaCha8Rng::seed_from_u64(99);
    let mut net = Net::new(1, CALM);
    let (alice, bob) = (net.add("alice", |_| {}), net.add("bob", stormy));
    let corpus = corpus();
    let to = net.nodes[bob].address;
    for _ in 0..6000 {
        let seed = &corpus[rng.next_u32() as usize % corpus.len()];
        net.deliver("198.51.100.1:5060".parse().unwrap(), to, &mutate(&mut rng, seed));
        // Replies of the endpoint, mutated, come back to it as well.
        let back = net.sent.len().checked_sub(1).map(|n| net.sent[n].bytes.clone());
        if let Some(bytes) = back {
            net.deliver("198.51.100.1:5060".parse().unwrap(), to, &mutate(&mut rng, &bytes));
        }
        net.run(Duration::from_millis(3), &mut |net, n, e| {
            if let Event::IncomingCall { call, .. } = e {
                let (now, sdp) = (net.now, audio(net.nodes[n].address));
                let _ = net.node(n).endpoint.accept(now, *call, sdp);
            }
        });
        net.sent.truncate(1);
    }
    let stats = net.nodes[bob].endpoint.stats();
    assert!(stats.garbage > 500 && stats.bad_requests > 500, "{stats:?}");
    net.run(Duration::from_secs(600), &mut |_, _, _| {});
    net.assert_empty("after the storm");

    let (now, config) = (net.now, direct_call(&net, alice, bob));
    net.node(alice).endpoint.call(now, config).unwrap();
    net.run(Duration::from_secs(1), &mut |net, n, e| {
        if let Event::IncomingCall { call, .. } = e {
            let (now, sdp) = (net.now, audio(net.nodes[n].address));
            net.node(n).endpoint.accept(now, *call, sdp).unwrap();
        }
    });
    assert!(matches!(call_states(&net, alice).last(), Some(CallState::Confirmed { .. })));
}

#[test]
fn parsers_take_anything() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let sdp = audio("192.0.2.1:4000".parse().unwrap()).to_bytes();
    for _ in 0..4000 {
        let bytes = mutate(&mut rng, &sdp);
        if let Ok(sdp) = SessionDescription::parse(&bytes) {
            // What is written can be read, and reads the same.
            assert_eq!(SessionDescription::parse(&sdp.to_bytes()).unwrap(), sdp);
        }
        let noise: Vec<u8> = (0..rng.next_u32() % 200).map(|_| rng.next_u32() as u8).collect();
        let _ = wire::parse_datagram(&noise);
        let text = String::from_utf8_lossy(&noise);
        let _ = (wire::Uri::parse(&text), wire::Address::parse(&text), wire::Via::parse(&text));
        let _ = (
            wire::auth::Challenge::parse(&text),
            wire::auth::Credentials::parse(&text),
            wire::Reason::parse(&text),
        );
    }
}

#[test]
fn noise_is_counted_and_keep_alives_are_not() {
    let mut net = Net::new(1, CALM);
    let bob = net.add("bob", |_| {});
    let to = net.nodes[bob].address;
    let huge = vec![b'a'; 70_000];
    for bytes in
        [&b"\r\n\r\n"[..], b"", b"hello", b"\x00\x01\x00\x00!\x12\xa4B", b"GET / HTTP/1.1\r\n\r\n", &huge]
    {
        net.deliver("198.51.100.1:5060".parse().unwrap(), to, bytes);
    }
    let stats = net.nodes[bob].endpoint.stats();
    assert_eq!((stats.received, stats.garbage, stats.sent), (6, 4, 0));
    let mut many = String::from("OPTIONS sip:a@b SIP/2.0\r\n");
    (0..300).for_each(|n| many += &format!("X-{n}: y\r\n"));
    net.deliver("198.51.100.1:5060".parse().unwrap(), to, format!("{many}\r\n").as_bytes());
    assert_eq!(net.nodes[bob].endpoint.stats().garbage, 5);
}
