//! Lost packets: how little of them is heard.

use tern_media::CodecKind;

use crate::network::{Line, Rules, config};
use crate::speech;

#[test]
fn loss_makes_no_clicks() {
    for kind in [CodecKind::Pcmu, CodecKind::G722, CodecKind::Opus] {
        let said = speech::speech(48_000, 20.0, 5);
        let mut clean = Line::new(kind, Rules::default());
        clean.run(&said);
        let natural = speech::max_step(&clean.heard);
        for lost in [|_, r| r < 0.05, |n, _| n % 50 > 46, |_, r| r < 0.3] as [fn(usize, f64) -> bool; 3] {
            let mut line = Line::new(kind, Rules { lost, ..Rules::default() });
            line.run(&said);
            let step = speech::max_step(&line.heard);
            assert!(step < natural * 1.6, "{kind:?}: {step} against {natural}");
        }
    }
}

#[test]
fn without_copies_nothing_is_brought_back_nor_waited_for() {
    let said = speech::speech(48_000, 20.0, 5);
    let plain = |seed| {
        let mut config = config(CodecKind::Opus, seed);
        config.send.fmtp = None;
        config
    };
    let mut line = Line::with(plain(1), plain(2), Rules { lost: |_, r| r < 0.08, ..Rules::default() });
    line.run(&said);
    let stats = line.receiver.stats();
    assert!(stats.packets_lost > 50);
    assert_eq!(stats.samples_recovered, 0);
    assert!(stats.buffer_ms < 30.0, "{stats:?}");
}

#[test]
fn redundancy_brings_back_single_losses() {
    let said = speech::speech(48_000, 40.0, 5);
    let rules = Rules { lost: |_, r| r < 0.08, ..Rules::default() };
    let mut line = Line::new(CodecKind::Opus, rules);
    line.run(&said);
    let stats = line.receiver.stats();
    let lost = stats.packets_lost * 960;
    assert!(stats.packets_lost > 100);
    // A pause is not worth a copy.
    let share = stats.samples_recovered as f32 / lost as f32;
    assert!(share > speech::spoken(&said) * 0.9, "{share} of what was lost");
    assert!(stats.buffer_ms < 45.0, "waiting for the redundancy costs one packet: {stats:?}");
}

#[test]
fn the_encoder_hears_of_loss() {
    // The reports of a receiver that loses much make the sender spend more on it.
    let bytes = |lost: fn(usize, f64) -> bool| {
        let mut line = Line::new(CodecKind::Opus, Rules { lost, ..Rules::default() });
        line.run(&speech::speech(48_000, 12.0, 5));
        let before = line.sender.stats();
        line.run(&speech::speech(48_000, 12.0, 6));
        assert!(before.peer_loss.is_some(), "reports came");
        line.sender.stats().bytes_sent - before.bytes_sent
    };
    let (calm, lossy) = (bytes(|_, _| false), bytes(|_, r| r < 0.15));
    assert!(lossy as f64 > calm as f64 * 1.1, "{calm} {lossy}");
}

#[test]
fn a_peer_that_falls_silent_leaves_silence() {
    for kind in [CodecKind::Pcma, CodecKind::Opus] {
        let mut line = Line::new(kind, Rules::default());
        line.run(&speech::tone(48_000, 300.0, 2.0));
        line.idle(4_000);
        let end = &line.heard[line.heard.len() - 48_000..];
        assert!(end.iter().all(|s| s.abs() < 0.001), "{kind:?}");
    }
}

#[test]
fn lost_speech_is_guessed_well() {
    // With one in twenty lost, the words are still the words.
    for (kind, likeness) in [(CodecKind::Pcmu, 0.93), (CodecKind::G722, 0.93), (CodecKind::Opus, 0.93)] {
        let said = speech::speech(48_000, 10.0, 5);
        let mut line = Line::new(kind, Rules { lost: |n, _| n % 20 == 11, ..Rules::default() });
        line.run(&said);
        let (_, likely) = speech::align(&said, &line.heard, 240_000, 144_000, 6_000);
        assert!(likely > likeness, "{kind:?}: {likely}");
    }
}
