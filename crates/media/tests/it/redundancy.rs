//! What the receiver tells of its losses, and what the sender makes of it: copies for single ones, descriptions for
//! bursts (DRED).

use tern_media::{CodecKind, StreamConfig};

use crate::network::{Line, Rules, config};
use crate::speech;

/// Seconds until reports have come and the buffer has found its delay, and seconds that count.
const SETTLING: usize = 15;
const COUNTED: usize = 20;

/// Four packets in a row, a twentieth of all: reports of a second often tell of none.
fn bursts() -> Rules {
    let lost =
        |n: usize, _: f64| ((n as u64 / 4).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40).is_multiple_of(20);
    Rules { lost, ..Rules::default() }
}

/// A call whose ends give extended reports, or not.
fn line(reports: bool, rules: Rules) -> Line {
    let config = |seed| StreamConfig { extended_reports: reports, ..config(CodecKind::Opus, seed) };
    Line::with(config(1), config(2), rules)
}

/// What a call through bursts gave once it had settled.
struct Made {
    /// Of the lost samples, how many came back by redundancy.
    recovered: f32,
    /// How far the level of each 10 ms is off what was said, dB.
    off_db: f32,
    kilobits: f32,
    /// The share of the time in which somebody spoke: a pause is not worth a copy.
    spoken: f32,
}

fn through(reports: bool, rules: Rules) -> Made {
    let said = speech::speech(48_000, (SETTLING + COUNTED) as f32, 5);
    let (settling, counted) = said.split_at(SETTLING * 48_000);
    let mut line = line(reports, rules);
    line.run(settling);
    let (before, sent) = (line.receiver.stats(), line.sender.stats().bytes_sent);
    line.run(counted);
    let after = line.receiver.stats();
    let lost = (after.packets_lost - before.packets_lost) as f32 * 960.0;
    let start = settling.len();
    let (lag, likely) = speech::align(&said, &line.heard, start, 10 * 48_000, 24_000);
    assert!(likely > 0.5, "{likely}");
    let level = |samples: &[f32]| 20.0 * speech::rms(samples).max(1e-3).log10();
    let blocks = (start..said.len() - lag - 480).step_by(480);
    let off =
        blocks.map(|at| (level(&said[at..at + 480]) - level(&line.heard[at + lag..at + lag + 480])).abs());
    let off: Vec<f32> = off.collect();
    Made {
        spoken: speech::spoken(counted),
        recovered: (after.samples_recovered - before.samples_recovered) as f32 / lost.max(1.0),
        off_db: off.iter().sum::<f32>() / off.len() as f32,
        kilobits: (line.sender.stats().bytes_sent - sent) as f32 * 8.0 / COUNTED as f32 / 1_000.0,
    }
}

#[test]
fn bursts_are_reported_described_and_made_good() {
    let clean = through(true, Rules::default());
    let (told, untold) = (through(true, bursts()), through(false, bursts()));
    // A copy reaches one packet back, so one of four; a description all four.
    assert!(untold.recovered < 0.4, "{}", untold.recovered);
    assert!(told.recovered > 0.8, "{}", told.recovered);
    let (told_off, untold_off) = (told.off_db - clean.off_db, untold.off_db - clean.off_db);
    assert!(told_off < untold_off * 0.7, "{told_off} dB off with descriptions, {untold_off} without");
    assert!(told.kilobits > untold.kilobits * 1.1, "{} {}", told.kilobits, untold.kilobits);
}

#[test]
fn single_losses_are_described_to_nobody() {
    let single = || Rules { lost: |n, _| n % 40 == 36, ..Rules::default() };
    let (told, untold) = (through(true, single()), through(false, single()));
    let made_good = 0.9 * told.spoken;
    assert!(
        told.recovered > made_good && untold.recovered > made_good,
        "{} {}",
        told.recovered,
        untold.recovered
    );
    let more = told.kilobits / untold.kilobits;
    assert!((0.95..1.05).contains(&more), "{more}");
}

/// As a network emulator makes jitter of 20±40 ms, at a sound card that takes 15 ms at once and a thread that wakes up to
/// 20 ms late now and then.
fn overtaking() -> Rules {
    Rules {
        delay_ms: 0.0,
        jitter_ms: |_, random| (random * 80.0 - 20.0).max(0.0),
        lot: 3,
        late: |random| if random < 0.1 { (random * 50.0) as u64 } else { 0 },
        ..Rules::default()
    }
}

#[test]
fn packets_that_overtake_each_other_are_no_losses() {
    let (mut line, mut calm) = (line(true, overtaking()), line(true, Rules::default()));
    for second in 0..60 {
        let said = speech::speech(48_000, 1.0, second);
        line.run(&said);
        calm.run(&said);
        let loss = line.sender.stats().peer_loss;
        assert!(loss.is_none_or(|loss| loss == 0.0), "second {second}: {loss:?}");
    }
    assert!(line.receiver.stats().packets_reordered > 300);
    assert_eq!(
        line.sender.stats().bytes_sent,
        calm.sender.stats().bytes_sent,
        "nothing is sent twice for it"
    );
    let settled = &line.delays[line.delays.len() / 6..];
    let (least, most) = settled.iter().fold((f32::MAX, 0.0_f32), |(a, b), d| (a.min(*d), b.max(*d)));
    assert!(most - least < 40.0, "{least} to {most} ms");
}
