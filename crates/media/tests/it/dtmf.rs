//! Digits through whole streams.

use std::time::Duration;

use tern_media::{CodecKind, Digit, StreamConfig, StreamError, StreamEvent, TelephoneEvent};

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
fn without_events_a_digit_is_refused() {
    let config = StreamConfig { send_events: None, ..config(CodecKind::Pcmu, 1) };
    let mut stream = tern_media::Stream::new(config).unwrap();
    assert_eq!(stream.send_dtmf(Digit::from_code(1).unwrap(), Duration::ZERO), Err(StreamError::NoEvents));
}
