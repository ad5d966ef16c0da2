//! The rules of the jitter buffer, each as a network and what must come of it.

use std::time::Duration;

use tern_media::CodecKind;

use crate::network::{Line, Rules, pcmu_packet, pcmu_stream};
use crate::speech;

/// The most delay on a network that needs none, milliseconds: the pieces and the resampler (7.5), slack (4), and
/// what is left alone rather than stretched (12).
const CALM_MS: f32 = 7.5 + 4.0 + 12.0;

struct Expected {
    /// Share of packets late or made up for, of those sent after the start.
    missing: f64,
    /// Delay at the end over the fastest packet, milliseconds. The pieces of 5 ms in which the samples are
    /// fetched, and 2.5 ms of the resampler, are part of it.
    delay_ms: std::ops::Range<f32>,
}

/// Runs speech over a network and holds what came of it against what is expected. The first five seconds are for
/// the buffer to learn.
fn check(name: &str, seconds: f32, rules: Rules, expected: Expected) -> Line {
    let mut line = Line::pcmu(rules);
    line.run(&speech::speech(48_000, 5.0, 1));
    let before = line.receiver.stats();
    line.run(&speech::speech(48_000, seconds, 2));
    let after = line.receiver.stats();
    let late = after.packets_late - before.packets_late;
    let made_up = (after.samples_concealed - before.samples_concealed) as f64 / 8_000.0 / f64::from(seconds);
    let late_share = late as f64 * 0.02 / f64::from(seconds);
    let end = &line.delays[line.delays.len() - 400..];
    let delay = end.iter().sum::<f32>() / end.len() as f32;
    println!("{name}: late {late_share:.4}, made up {made_up:.4}, delay {delay:.1} ms, {after:?}");
    assert!(
        late_share <= expected.missing && made_up <= expected.missing,
        "{name}: {late_share} late, {made_up} made up"
    );
    assert!(expected.delay_ms.contains(&delay), "{name}: {delay} ms");
    line
}

#[test]
fn in_order_without_jitter_waits_for_nothing() {
    let line = check("in order", 20.0, Rules::default(), Expected { missing: 0.0, delay_ms: 5.0..CALM_MS });
    let stats = line.receiver.stats();
    assert_eq!((stats.packets_lost, stats.packets_reordered, stats.packets_duplicate), (0, 0, 0));
}

#[test]
fn jitter_of_twenty_plus_minus_forty() {
    // As a network emulator does it: evenly from -20 to 60 ms, nothing below 0.
    let rules = Rules { delay_ms: 0.0, jitter_ms: |_, r| (r * 80.0 - 20.0).max(0.0), ..Rules::default() };
    let line = check("20±40 ms", 60.0, rules, Expected { missing: 0.01, delay_ms: 55.0..78.0 });
    assert!(line.receiver.stats().packets_reordered > 300, "packets overtake each other by much here");
}

#[test]
fn small_jitter_costs_little_delay() {
    let rules = Rules { jitter_ms: |_, r| r * 10.0, ..Rules::default() };
    check("10 ms", 30.0, rules, Expected { missing: 0.002, delay_ms: 12.0..28.0 });
}

#[test]
fn reordered_packets_are_played_in_order() {
    // Every tenth packet comes 25 ms later: after the next one.
    let rules = Rules { jitter_ms: |n, _| if n % 10 == 7 { 25.0 } else { 0.0 }, ..Rules::default() };
    let line = check("reordered", 30.0, rules, Expected { missing: 0.0, delay_ms: 25.0..45.0 });
    assert!(line.receiver.stats().packets_reordered >= 150);
    assert_eq!(line.receiver.stats().packets_lost, 0);
}

#[test]
fn duplicates_are_ignored() {
    let rules = Rules { doubled: |n| n % 3 == 0, ..Rules::default() };
    let line = check("doubled", 20.0, rules, Expected { missing: 0.0, delay_ms: 5.0..CALM_MS });
    let stats = line.receiver.stats();
    assert!(stats.packets_duplicate > 400);
    assert_eq!((stats.packets_lost, stats.packets_malformed), (0, 0));
}

#[test]
fn bursts_of_loss_are_made_up_for_and_no_more() {
    let rules = Rules { lost: |n, _| n % 100 > 95, ..Rules::default() };
    let line = check("bursts", 40.0, rules, Expected { missing: 0.05, delay_ms: 5.0..CALM_MS });
    let stats = line.receiver.stats();
    let lost_ms = stats.packets_lost as f64 * 20.0;
    let made_up_ms = stats.samples_concealed as f64 / 8.0;
    assert!((made_up_ms - lost_ms).abs() < lost_ms * 0.1, "{lost_ms} ms lost, {made_up_ms} ms made up");
}

#[test]
fn lost_packets_are_no_delay_and_late_ones_are() {
    for late in [false, true] {
        let mut stream = pcmu_stream();
        let start = std::time::Instant::now();
        let mut out = [0.0; 160];
        let mut delays = Vec::new();
        for i in 0..200_u32 {
            let now = start + Duration::from_millis(20) * i;
            // Six are lost, or come 120 ms late.
            let sent = if late { i.checked_sub(6).filter(|n| (150..156).contains(n)) } else { None };
            for n in sent.into_iter().chain(Some(i).filter(|n| !(150..156).contains(n))) {
                stream.receive(now, &pcmu_packet(n as u16, n * 160, 9, 0x20));
            }
            stream.playout(now, &mut out);
            delays.push(stream.stats().buffer_ms);
        }
        let calm = delays[149];
        let most = delays[150..].iter().copied().fold(0.0, f32::max);
        assert_eq!(most > calm + 50.0, late, "{calm} ms, then {most}");
    }
}

#[test]
fn a_thread_that_slept_asks_for_no_delay() {
    let mut stream = pcmu_stream();
    let start = std::time::Instant::now();
    let mut out = [0.0; 160];
    let mut unread = Vec::new();
    for i in 0..1_000_u32 {
        let now = start + Duration::from_millis(20) * i;
        unread.push(i);
        // For 100 ms of each 2.5 s nobody looks; then all is read, and all that was missed is fetched.
        if (120..125).contains(&(i % 125)) {
            continue;
        }
        let missed = if i > 0 && i % 125 == 0 { 5 } else { 0 };
        unread.drain(..).for_each(|n| stream.receive(now, &pcmu_packet(n as u16, n * 160, 9, 0x20)));
        (0..=missed).for_each(|_| stream.playout(now, &mut out));
    }
    let stats = stream.stats();
    assert!(stats.target_ms < 20.0 + 4.0 + 2.0, "the lot, and slack: {stats:?}");
    assert_eq!(stats.samples_concealed, 0);
}

#[test]
fn a_drifting_sender_is_followed() {
    for ppm in [-200.0, 200.0] {
        let rules = Rules { drift_ppm: ppm, ..Rules::default() };
        // Two and a half minutes are 30 ms of drift; the ten seconds in the window are 2 ms.
        let expected = Expected { missing: 0.001, delay_ms: 5.0..CALM_MS + 2.0 };
        let line = check("drift", 150.0, rules, expected);
        let stats = line.receiver.stats();
        let (faster, slower) = (stats.samples_accelerated as f64, stats.samples_expanded as f64);
        let drift = 8_000.0 * 155.0 * ppm / 1e6;
        assert!((faster - slower - drift).abs() < 200.0, "{ppm}: {faster} left out, {slower} put in");
    }
}

#[test]
fn delay_comes_back_down_after_a_storm() {
    let rules = Rules { jitter_ms: |n, r| if n < 500 { r * 120.0 } else { 0.0 }, ..Rules::default() };
    let mut line = Line::pcmu(rules);
    line.run(&speech::speech(48_000, 10.0, 1));
    assert!(line.receiver.stats().buffer_ms > 80.0);
    line.run(&speech::speech(48_000, 14.0, 2));
    assert!(line.receiver.stats().buffer_ms < CALM_MS, "{:?}", line.receiver.stats());
}

#[test]
fn a_network_that_stalls_is_caught_up_with() {
    // For 300 ms nothing comes, then everything at once.
    fn stall(n: usize, _: f64) -> f64 {
        if (400..415).contains(&n) { (415 - n) as f64 * 20.0 } else { 0.0 }
    }
    let mut line = Line::pcmu(Rules { jitter_ms: stall, ..Rules::default() });
    line.run(&speech::speech(48_000, 30.0, 1));
    let stats = line.receiver.stats();
    assert_eq!(stats.packets_lost, 0);
    assert!(stats.buffer_ms < CALM_MS, "{stats:?}");
}

#[test]
fn a_pause_of_the_sender_is_no_loss() {
    let mut line = Line::pcmu(Rules::default());
    for _ in 0..5 {
        line.run(&speech::speech(48_000, 2.0, 1));
        line.idle(1_500);
    }
    line.run(&speech::speech(48_000, 2.0, 1));
    let stats = line.receiver.stats();
    assert_eq!((stats.packets_lost, stats.packets_late), (0, 0));
    assert_eq!(stats.samples_concealed, 0, "silence of the sender is not made up for");
    assert!(stats.buffer_ms < 25.0, "{stats:?}");
}

#[test]
fn sequence_numbers_and_timestamps_wrap() {
    let mut stream = pcmu_stream();
    let start = std::time::Instant::now();
    let mut out = [0.0; 160];
    for i in 0..200_u32 {
        let now = start + Duration::from_millis(20) * i;
        let sequence = 65_500_u16.wrapping_add(i as u16);
        stream.receive(now, &pcmu_packet(sequence, (u32::MAX - 4_000).wrapping_add(i * 160), 9, 0x20));
        stream.playout(now, &mut out);
        assert!(i < 5 || out.iter().all(|s| s.abs() > 0.01), "packet {i} is not heard");
    }
    let stats = stream.stats();
    assert_eq!((stats.packets_lost, stats.packets_late, stats.samples_concealed), (0, 0, 0));
    assert!(stats.jitter_ms < 0.1);
}

#[test]
fn timestamps_that_jump_begin_anew() {
    for jump in [1_000_000_u32, 0_u32.wrapping_sub(1_000_000), 0x8000_0000] {
        let mut stream = pcmu_stream();
        let start = std::time::Instant::now();
        let mut out = [0.0; 160];
        let mut silent = 0;
        for i in 0..300_u32 {
            let now = start + Duration::from_millis(20) * i;
            let timestamp = (i * 160).wrapping_add(if i < 150 { 0 } else { jump });
            stream.receive(now, &pcmu_packet(i as u16, timestamp, 9, 0x20));
            stream.playout(now, &mut out);
            silent += usize::from(i >= 150 && out.iter().any(|s| s.abs() < 0.01));
        }
        assert!(silent <= 8, "{jump:x}: {silent} packets not heard");
        assert!(stream.stats().buffer_ms < 50.0, "{:?}", stream.stats());
    }
}

#[test]
fn one_packet_with_a_mad_timestamp_changes_nothing() {
    let mut stream = pcmu_stream();
    let start = std::time::Instant::now();
    let mut out = [0.0; 160];
    for i in 0..200_u32 {
        let now = start + Duration::from_millis(20) * i;
        let timestamp = if i == 100 { 0x7000_0000 } else { i * 160 };
        stream.receive(now, &pcmu_packet(i as u16, timestamp, 9, 0x20));
        stream.playout(now, &mut out);
    }
    let stats = stream.stats();
    assert_eq!(stats.samples_concealed, 160, "only its own 20 ms: {stats:?}");
}

#[test]
fn another_source_takes_over_when_it_means_it() {
    let mut stream = pcmu_stream();
    let start = std::time::Instant::now();
    let mut out = [0.0; 160];
    let mut events = Vec::new();
    for i in 0..300_u32 {
        let now = start + Duration::from_millis(20) * i;
        if i < 150 {
            stream.receive(now, &pcmu_packet(i as u16, i * 160, 9, 0x20));
        } else {
            stream.receive(now, &pcmu_packet(60_000 + i as u16, 77 + i * 160, 10, 0xA0));
        }
        if i == 50 {
            stream.receive(now, &pcmu_packet(1_234, 99, 11, 0xA0));
        }
        stream.playout(now, &mut out);
        events.extend(std::iter::from_fn(|| stream.poll_event()));
    }
    use tern_media::StreamEvent::{MediaStarted, SsrcChanged};
    assert_eq!(events, [MediaStarted, SsrcChanged { ssrc: 10 }]);
    assert!(out.iter().all(|s| *s > 0.01), "the new source is heard");
    assert_eq!(stream.stats().packets_lost, 0);
}

#[test]
fn opus_under_jitter_holds_the_same_delay() {
    let rules = Rules { delay_ms: 0.0, jitter_ms: |_, r| (r * 80.0 - 20.0).max(0.0), ..Rules::default() };
    let mut line = Line::new(CodecKind::Opus, rules);
    line.run(&speech::speech(48_000, 25.0, 1));
    let stats = line.receiver.stats();
    assert!(stats.buffer_ms < 80.0, "{stats:?}");
    assert!(stats.packets_late < 12, "{stats:?}");
}
