//! What a person is told of a call, from whole streams.

use std::time::Duration;

use tern_media::quality::{BadSide, Expected, Silence};
use tern_media::{CodecKind, Quality, Stream};

use crate::network::{Line, Rules, config};
use crate::speech;

fn here(line: &Line) -> Quality {
    line.receiver.stats().quality.unwrap()
}

#[test]
fn a_good_call_is_good_and_a_lossy_one_names_its_side() {
    let mut good = Line::new(CodecKind::Opus, Rules::default());
    good.run(&speech::speech(48_000, 8.0, 1));
    let quality = here(&good);
    assert!(quality.mos > 4.0 && quality.bad_side.is_none(), "{quality:?}");
    // 20 ms of packet, 6.5 of look-ahead, 20 of network, and what the buffer holds.
    let delay = quality.delay_ms;
    assert!((40.0..110.0).contains(&delay), "{delay}");
    let mut lossy = Line::new(CodecKind::Pcmu, Rules { lost: |n, _| n % 10 == 3, ..Rules::default() });
    lossy.run(&speech::speech(48_000, 12.0, 1));
    let quality = here(&lossy);
    assert_eq!(quality.bad_side, Some(BadSide::Here));
    assert!((0.05..0.15).contains(&quality.loss) && quality.mos < 3.5, "{quality:?}");
    // Whoever sends hears of it by the reports. It plays nothing in this test, so time alone makes it look.
    let there = lossy.sender.stats().quality.unwrap();
    assert_eq!(there.bad_side, Some(BadSide::There), "{there:?}");
}

/// How long until `after` is named, in steps of 100 ms, when `change` happens in a call that was well.
fn named(kind: CodecKind, speaks: bool, after: Silence, change: impl FnOnce(&mut Line)) {
    let mut line = Line::new(kind, Rules::default());
    line.run(&speech::speech(48_000, 4.0, 3));
    assert_eq!(here(&line).silence, None, "{kind:?}");
    change(&mut line);
    for step in 1..=31 {
        if speaks {
            line.run(&vec![0.0; 4_800])
        } else {
            line.idle(100)
        }
        if here(&line).silence == Some(after) {
            return;
        }
        assert!(step < 31, "{kind:?}: {after:?} was not named in 3 s");
    }
}

#[test]
fn silence_from_there_is_named_within_three_seconds() {
    for kind in [CodecKind::Pcmu, CodecKind::Pcma, CodecKind::G722, CodecKind::Opus] {
        named(kind, false, Silence::BlockedPath, |_| {});
        named(kind, true, Silence::MutedThere, |_| {});
        named(kind, true, Silence::HoldThere, |line| line.receiver.set_expected(Expected::Hold));
    }
    let mut dead = Line::new(CodecKind::Pcma, Rules::default());
    dead.run(&vec![0.0; 48_000 * 3]);
    assert_eq!(here(&dead).silence, Some(Silence::MicrophoneThere));
}

#[test]
fn a_way_there_that_is_blocked_in_mid_call_is_named_within_three_seconds() {
    for kind in [CodecKind::Pcmu, CodecKind::Opus] {
        // Whenever it happens between two of the reports that the other side makes.
        for seconds in [5.0, 6.3, 7.9, 9.4] {
            let mut line = Line::new(kind, Rules::default());
            // Sound goes one way here.
            line.sender.set_expected(Expected::Nothing);
            line.run(&speech::speech(48_000, seconds, 3));
            assert_eq!(line.sender.stats().quality.unwrap().silence, None, "{seconds}");
            line.rules.lost = |_, _| true;
            line.run(&speech::speech(48_000, 3.0, 4));
            assert_eq!(line.sender.stats().quality.unwrap().silence, Some(Silence::BlockedPath), "{seconds}");
            assert_eq!(here(&line).silence, Some(Silence::BlockedPath), "{seconds}");
            // What comes again is no longer told to be missing.
            line.rules.lost = |_, _| false;
            line.run(&speech::speech(48_000, 8.0, 5));
            assert_eq!(line.sender.stats().quality.unwrap().silence, None, "{seconds}");
        }
    }
}

#[test]
fn silence_from_here_is_named_within_three_seconds() {
    let start = std::time::Instant::now();
    for (sample, muted, expected) in [
        (0.0, false, Some(Silence::MicrophoneHere)),
        (0.001, false, None),
        (0.1, true, Some(Silence::MutedHere)),
    ] {
        let mut stream = Stream::new(config(CodecKind::Pcmu, 1)).unwrap();
        stream.set_expected(Expected::Nothing);
        stream.set_muted(muted);
        for step in 0..=150 {
            let now = start + Duration::from_millis(20) * step;
            stream.capture(now, &[sample; 960]);
            stream.handle_timeout(now);
        }
        assert_eq!(stream.stats().quality.unwrap().silence, expected);
    }
}
