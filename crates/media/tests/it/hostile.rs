//! Garbage on the port: counted, never believed, never fatal.

use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng, rngs::StdRng};
use tern_media::{CodecKind, Stream, StreamConfig, supported_formats};

use crate::network::{Line, Rules, config, pcmu_packet};
use crate::speech;

#[test]
fn mutated_packets_never_panic() {
    let mut random = StdRng::seed_from_u64(77);
    for kind in [CodecKind::Opus, CodecKind::G722, CodecKind::Pcmu] {
        let mut sender = Stream::new(config(kind, 1)).unwrap();
        let start = Instant::now();
        let mut good = Vec::new();
        for (i, piece) in speech::speech(48_000, 4.0, 1).chunks(960).enumerate() {
            let now = start + Duration::from_millis(20) * i as u32;
            sender.capture(now, piece);
            sender.handle_timeout(now);
            good.extend(std::iter::from_fn(|| sender.poll_packet()).map(|packet| packet.bytes));
        }
        sender.close(start + Duration::from_secs(4));
        good.extend(std::iter::from_fn(|| sender.poll_packet()).map(|packet| packet.bytes));
        let receive = supported_formats();
        let mut receiver = Stream::new(StreamConfig { receive, ..config(kind, 2) }).unwrap();
        let mut out = [0.0; 480];
        for i in 0..6_000_u32 {
            let now = start + Duration::from_millis(10) * i;
            for _ in 0..random.random_range(0..6) {
                let mut bytes = good[random.random_range(0..good.len())].clone();
                for _ in 0..random.random_range(0..4) {
                    let at = random.random_range(0..bytes.len());
                    bytes[at] = random.random();
                }
                if random.random_bool(0.1) {
                    bytes.truncate(random.random_range(0..=bytes.len()));
                }
                receiver.receive(now, &bytes);
            }
            receiver.playout(now, &mut out);
            receiver.handle_timeout(now);
            assert!(out.iter().all(|s| s.is_finite()));
            while receiver.poll_event().is_some() {}
            while receiver.poll_packet().is_some() {}
        }
        assert!(receiver.stats().packets_malformed > 100);
    }
}

#[test]
fn noise_on_the_port_does_not_disturb_a_call() {
    let mut random = StdRng::seed_from_u64(5);
    let said = speech::speech(48_000, 5.0, 1);
    let mut line = Line::new(CodecKind::Pcma, Rules::default());
    let mut sent = 0;
    for piece in said.chunks(960) {
        for _ in 0..10 {
            let bytes: Vec<u8> = (0..random.random_range(0..300)).map(|_| random.random()).collect();
            let now = line.now();
            line.receiver.receive(now, &bytes);
            sent += 1;
        }
        // A stranger who knows the format, but not the source.
        let now = line.now();
        line.receiver.receive(now, &pcmu_packet(random.random(), random.random(), random.random(), 0));
        line.run(piece);
    }
    let (_, likely) = speech::align(&said, &line.heard, 96_000, 96_000, 9_600);
    assert!(likely > 0.98, "{likely}");
    let stats = line.receiver.stats();
    assert!(stats.packets_malformed > sent / 2, "{stats:?}");
    assert_eq!(stats.packets_lost, 0);
}

#[test]
fn a_flood_stays_bounded() {
    let mut stream = crate::network::pcmu_stream();
    let now = Instant::now();
    for i in 0..20_000_u32 {
        stream.receive(now, &pcmu_packet(i as u16, i.wrapping_mul(160), 3, 0x10));
    }
    stream.capture(now, &vec![0.0; 8_000 * 60]);
    assert!(std::iter::from_fn(|| stream.poll_packet()).count() <= 128);
    assert!(stream.stats().packets_dropped > 0);
    let mut out = [0.0; 160];
    for i in 0..100_u32 {
        stream.playout(now + Duration::from_millis(20) * i, &mut out);
    }
}

#[test]
fn microphones_that_deliver_no_numbers_are_survived() {
    let mut stream = Stream::new(config(CodecKind::Opus, 1)).unwrap();
    let now = Instant::now();
    for i in 0..20_u32 {
        stream
            .capture(now + Duration::from_millis(20) * i, &[f32::NAN, f32::INFINITY, 9.0, -1e30].repeat(240));
    }
    assert_eq!(std::iter::from_fn(|| stream.poll_packet()).count(), 20);
}
