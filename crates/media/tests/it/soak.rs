//! A long call on virtual time: drift, loss and jitter without end, and nothing grows.
//!
//! `cargo test` runs twenty minutes of it; `TERN_SOAK_HOURS=24 cargo test -p tern-media soak -- --nocapture` a day.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng, rngs::StdRng};
use tern_media::{CodecKind, PayloadFormat, Stream, StreamConfig};

use crate::network::pcmu_packet;

/// What the buffer's delay may be for jitter up to 30 ms: that, slack, what is left alone, and the lot fetched.
const MOST_DELAY_MS: f32 = 30.0 + 4.0 + 12.0 + 20.0 + 2.0;

#[test]
fn a_long_call_neither_grows_nor_drifts() {
    let hours: f64 = std::env::var("TERN_SOAK_HOURS").ok().and_then(|text| text.parse().ok()).unwrap_or(0.34);
    for ppm in [200.0, -200.0] {
        soak(Duration::from_secs_f64(hours * 3_600.0), ppm);
    }
}

fn soak(length: Duration, ppm: f64) {
    let format = PayloadFormat::new(CodecKind::Pcmu, 0);
    let mut stream =
        Stream::new(StreamConfig { sample_rate: 8_000, ..StreamConfig::new(format, 5) }).unwrap();
    let start = Instant::now();
    let mut random = StdRng::seed_from_u64(11);
    let mut way: BTreeMap<(Duration, u32), Vec<u8>> = BTreeMap::new();
    let mut sent = 0_u32;
    let mut out = [0.0; 160];
    let steps = (length.as_millis() / 20) as u32;
    let mut run = |steps: std::ops::Range<u32>, stream: &mut Stream| {
        let mut most_delay = 0.0_f32;
        for step in steps {
            let now = Duration::from_millis(20) * step;
            loop {
                let at = (Duration::from_millis(20) * sent).div_f64(1.0 + ppm / 1e6);
                if at > now {
                    break;
                }
                // One in fifty is lost, the others take up to 30 ms longer than the fastest.
                if random.random_bool(0.98) {
                    let delay = Duration::from_secs_f64(random.random_range(0.020..0.050));
                    // Spoken for one second of four; at the pitch of a voice.
                    let mut packet = pcmu_packet(sent as u16, sent.wrapping_mul(160), 3, 0xFF);
                    if sent % 200 < 50 {
                        let tones = packet.iter_mut().skip(12).enumerate();
                        tones.for_each(|(i, byte)| *byte = if (i / 20) % 2 == 0 { 0x20 } else { 0xA0 });
                    }
                    way.insert((at + delay, sent), packet);
                }
                sent += 1;
            }
            while let Some(entry) = way.first_entry().filter(|entry| entry.key().0 <= now) {
                let ((at, _), bytes) = entry.remove_entry();
                stream.receive(start + at, &bytes);
            }
            stream.playout(start + now, &mut out);
            stream.handle_timeout(start + now);
            while stream.poll_packet().is_some() {}
            while stream.poll_event().is_some() {}
            most_delay = most_delay.max(stream.stats().buffer_ms);
        }
        most_delay
    };
    // Two minutes in, every buffer has the size it needs.
    run(0..6_000, &mut stream);
    let before = stream.stats();
    let mut most_delay = 0.0;
    let allocated = allocation_counter::measure(|| most_delay = run(6_000..steps, &mut stream));
    let after = stream.stats();
    let packets = (after.packets_received - before.packets_received) as f64;
    let late = (after.packets_late - before.packets_late) as f64 / packets;
    println!("{ppm} ppm, {length:?}: {most_delay} ms, late {late}, {} bytes kept", allocated.bytes_current);
    assert!(most_delay < MOST_DELAY_MS, "{most_delay} ms");
    assert!(late < 0.01, "{late} late");
    // Packets on the way and in the buffer come and go; nothing else may stay.
    assert!(allocated.bytes_current.abs() < 16_384, "{} bytes kept", allocated.bytes_current);
    let drift = (steps - 6_000) as f64 * 160.0 * ppm / 1e6;
    let stretched = (after.samples_accelerated - before.samples_accelerated) as f64
        - (after.samples_expanded - before.samples_expanded) as f64;
    // What late packets made longer was taken back besides.
    assert!(stretched - drift > -400.0, "{stretched} samples left out, {drift} drifted");
}
