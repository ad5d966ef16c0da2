//! When reports go and how much they take, from whole streams.

use std::time::Duration;

use tern_media::{CodecKind, StreamConfig};

use crate::network::{Line, Rules, config};
use crate::speech;

/// A call with extended reports.
fn call(rules: Rules) -> Line {
    let config = |seed| StreamConfig { extended_reports: true, ..config(CodecKind::Opus, seed) };
    Line::with(config(1), config(2), rules)
}

/// Every tenth row of four.
fn bursts() -> Rules {
    Rules { lost: |n, _| n % 40 >= 36, ..Rules::default() }
}

#[test]
fn the_first_report_comes_as_soon_as_it_says_something() {
    // RFC 3550 section 6.2: no delay is asked for between two parties.
    let mut line = call(Rules::default());
    line.run(&speech::speech(48_000, 1.0, 1));
    assert_eq!(line.reports.len(), 1, "{:?}", line.reports);
    let (at, _) = line.reports[0];
    assert!(at - line.start < Duration::from_millis(600), "{:?}", at - line.start);
    assert!(line.sender.stats().round_trip_ms.is_none() && line.sender.stats().peer_loss == Some(0.0));
    // And the usual five seconds, more or less, follow (section 6.3.1).
    line.run(&speech::speech(48_000, 30.0, 2));
    let gaps: Vec<Duration> = line.reports.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert!(gaps.iter().all(|gap| (2.0..6.5).contains(&gap.as_secs_f32())), "{gaps:?}");
}

#[test]
fn a_sender_hears_of_bursts_within_two_seconds() {
    let mut line = call(bursts());
    let described = |line: &Line| line.sent.iter().filter(|payload| described(payload)).count();
    line.run(&speech::speech(48_000, 2.0, 1));
    assert!(described(&line) > 0, "the bursts are answered with descriptions");
}

/// RFC 6716 section 3.2.5: a packet of code 3 with padding, where descriptions are put.
fn described(payload: &[u8]) -> bool {
    payload[0] & 3 == 3 && payload[1] & 0x40 != 0
}

#[test]
fn reports_keep_to_their_share_of_the_bandwidth() {
    // RFC 3550 section 6.2: 5 % of the session's for both parties, UDP and IP counted in. One of two gets half.
    let mut line = call(Rules { lost: |_, random| random < 0.1, ..Rules::default() });
    line.run(&speech::speech(48_000, 60.0, 3));
    let below = 28;
    let reports: usize = line.reports.iter().map(|(_, length)| length + below).sum();
    let media: usize = line.sent.iter().map(|payload| payload.len() + 12 + below).sum();
    let share = reports as f32 / media as f32;
    assert!(share < 0.025, "{share}: {} reports", line.reports.len());
    assert!(line.reports.len() > 30, "{}", line.reports.len());
    let late = |from: u64, to: u64| {
        let within = |at: std::time::Instant| (from..to).contains(&(at - line.start).as_secs());
        line.reports.iter().filter(|(at, _)| within(*at)).map(|(_, length)| length + below).sum::<usize>()
    };
    let most = (0..50).map(|second| late(second, second + 10)).max().unwrap_or(0);
    assert!((most as f32) < media as f32 / 6.0 * 0.025 * 1.3, "{most} bytes in ten seconds");
}
