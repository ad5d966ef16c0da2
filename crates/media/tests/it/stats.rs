//! The numbers tell the truth.

use tern_media::CodecKind;

use crate::network::{Line, Rules};
use crate::speech;

#[test]
fn counts_and_round_trip() {
    let rules = Rules { delay_ms: 35.0, lost: |n, _| n % 10 == 3, ..Rules::default() };
    let mut line = Line::pcmu(rules);
    line.run(&speech::speech(48_000, 20.0, 1));
    let (sent, got) = (line.sender.stats(), line.receiver.stats());
    // The last packet still waits for what the resampler holds back.
    assert_eq!(sent.packets_sent, 999);
    assert_eq!(sent.bytes_sent, 999 * 160);
    let on_the_way = sent.packets_sent - got.packets_received - got.packets_lost;
    assert!(on_the_way <= 3, "{on_the_way}");
    assert!((97..=100).contains(&got.packets_lost), "{}", got.packets_lost);
    let trip = sent.round_trip_ms.unwrap();
    // What the wire takes, twice, and up to one step of the test at each end.
    assert!((69.0..81.0).contains(&trip), "{trip} ms");
    assert!((0.06..0.14).contains(&sent.peer_loss.unwrap()), "{:?}", sent.peer_loss);
    assert!(sent.peer_jitter_ms.unwrap() < 1.0);
    assert_eq!(got.send_codec, Some(CodecKind::Pcmu));
    assert_eq!(got.receive_codec, Some(CodecKind::Pcmu));
    assert!(got.rtcp_received >= 2 && sent.rtcp_sent >= 2);
}

#[test]
fn jitter_is_that_of_the_network() {
    let rules = Rules { jitter_ms: |n, _| if n % 2 == 0 { 0.0 } else { 15.0 }, ..Rules::default() };
    let mut line = Line::pcmu(rules);
    line.run(&speech::speech(48_000, 10.0, 1));
    let jitter = line.receiver.stats().jitter_ms;
    assert!((14.0..16.0).contains(&jitter), "{jitter}");
}

#[test]
fn levels_are_those_of_the_sound() {
    let mut line = Line::pcmu(Rules::default());
    line.run(&speech::tone(48_000, 1_000.0, 1.0));
    // A sine of amplitude 0.3: 20 log10(0.3 / sqrt 2).
    for level in [line.sender.stats().capture_level_db, line.receiver.stats().playout_level_db] {
        assert!((level + 13.5).abs() < 0.5, "{level}");
    }
    line.sender.set_muted(true);
    line.run(&vec![0.0; 96_000]);
    assert!(line.receiver.stats().playout_level_db < -60.0);
}

#[test]
fn a_goodbye_is_heard() {
    let mut line = Line::pcmu(Rules::default());
    line.run(&speech::speech(48_000, 1.0, 1));
    let now = line.now();
    line.sender.close(now);
    line.idle(100);
    assert!(line.events.contains(&tern_media::StreamEvent::PeerLeft));
}
