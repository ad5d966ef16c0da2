//! Digits through whole streams.

use std::time::Duration;

use tern_media::{CodecKind, Digit, StreamConfig, StreamEvent, TelephoneEvent};

use crate::network::{Line, Rules, config};
use crate::speech;

fn pressed(line: &Line) -> String {
    let digit = |event: &StreamEvent| match event {
        StreamEvent::DtmfReceived { digit, .. } => Some(digit.as_char()),
        _ => None,
    };
    line.events.iter().filter_map(digit).collect()
}

fn press(line: &mut Line, keys: &str) {
    for key in keys.chars() {
        line.sender.send_dtmf(Digit::from_char(key).unwrap(), Duration::from_millis(100)).unwrap();
    }
}

#[test]
fn digits_arrive_between_speech() {
    for kind in [CodecKind::Pcmu, CodecKind::Opus] {
        for events in [
            TelephoneEvent { payload_type: 101, clock_rate: 8_000 },
            TelephoneEvent { payload_type: 110, clock_rate: 48_000 },
        ] {
            let with = |seed| config(kind, seed).with_events(events.clone());
            let mut line = Line::with(with(1), with(2), Rules::default());
            line.run(&speech::speech(48_000, 1.0, 1));
            press(&mut line, "1 9#".replace(' ', "").as_str());
            press(&mut line, "99");
            line.run(&speech::speech(48_000, 3.0, 2));
            assert_eq!(pressed(&line), "19#99", "{kind:?} {events:?}");
            let stats = line.receiver.stats();
            assert_eq!((stats.packets_lost, stats.packets_malformed), (0, 0));
            assert_eq!(stats.samples_concealed, 0, "a digit is no loss: {stats:?}");
            assert!(speech::rms(line.heard_since(2_800)) > 0.01, "speech goes on");
            assert!(stats.buffer_ms < 40.0, "{stats:?}");
        }
    }
}

#[test]
fn loss_loses_no_digit() {
    let rules = Rules { lost: |_, r| r < 0.2, ..Rules::default() };
    let mut line = Line::new(CodecKind::Pcma, rules);
    line.run(&speech::speech(48_000, 1.0, 1));
    press(&mut line, "0123456789*#");
    line.run(&speech::speech(48_000, 6.0, 2));
    assert_eq!(pressed(&line), "0123456789*#");
}

#[test]
fn the_length_held_is_told() {
    let mut line = Line::new(CodecKind::Pcmu, Rules::default());
    line.sender.send_dtmf(Digit::from_code(5).unwrap(), Duration::from_millis(200)).unwrap();
    line.run(&speech::speech(48_000, 1.0, 1));
    let event =
        StreamEvent::DtmfReceived { digit: Digit::from_code(5).unwrap(), held: Duration::from_millis(200) };
    assert!(line.events.contains(&event), "{:?}", line.events);
}

#[test]
fn digits_are_sent_while_muted() {
    let mut line = Line::new(CodecKind::Pcmu, Rules::default());
    line.sender.set_muted(true);
    press(&mut line, "7");
    line.run(&speech::speech(48_000, 1.0, 1));
    assert_eq!(pressed(&line), "7");
}

#[test]
fn without_events_digits_are_tones_that_are_recognized() {
    for kind in [CodecKind::Pcmu, CodecKind::Pcma, CodecKind::G722, CodecKind::Opus] {
        let without = |seed| StreamConfig { send_events: None, ..config(kind, seed) };
        let mut line =
            Line::with(without(1), without(2), Rules { jitter_ms: |_, r| 15.0 * r, ..Rules::default() });
        line.run(&speech::speech(48_000, 2.0, 1));
        press(&mut line, "0123456789*#ABCD");
        line.run(&speech::speech(48_000, 4.0, 2));
        assert_eq!(pressed(&line), "0123456789*#ABCD", "{kind:?}");
    }
}

#[test]
fn what_comes_by_an_event_and_in_the_sound_is_one_digit() {
    // A gateway that leaves the tone in the sound and tells of it, too.
    let mut line = Line::new(CodecKind::Pcmu, Rules::default());
    line.run(&speech::speech(48_000, 1.0, 1));
    press(&mut line, "4");
    line.run(&speech::speech(48_000, 1.0, 1));
    let low = speech::tone(48_000, 852.0, 0.1);
    let high = speech::tone(48_000, 1_477.0, 0.1);
    let tone: Vec<f32> = low.iter().zip(&high).map(|(a, b)| a + b).collect();
    line.run(&tone);
    line.run(&speech::speech(48_000, 1.0, 2));
    assert_eq!(pressed(&line), "4", "whoever sends events sends no tones");
}

#[test]
fn speech_presses_no_keys() {
    for kind in [CodecKind::Pcmu, CodecKind::Opus] {
        let mut line = Line::new(kind, Rules::default());
        for seed in 0..6 {
            line.run(&speech::speech(48_000, 20.0, seed));
        }
        assert_eq!(pressed(&line), "", "{kind:?}");
    }
}
