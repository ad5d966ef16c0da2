//! Pauses through whole streams: comfort noise (RFC 3389) sent and heard, and what a muted side sounds like.

use tern_media::{CodecKind, PayloadFormat, StreamConfig};

use crate::network::{Line, Rules, config};
use crate::speech;

/// A room's noise, 60 dB under full scale.
fn room(seconds: f32) -> Vec<f32> {
    let mut state = 1_u32;
    let samples = (48_000.0 * seconds) as usize;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..samples).map(|_| 0.001_7 * noise()).collect()
}

/// What a codec's band leaves of the room, dB.
fn in_band(kind: CodecKind) -> f32 {
    -60.2 + 10.0 * (kind.sample_rate() as f32 / 48_000.0).log10()
}

fn line(kind: CodecKind, rules: Rules) -> Line {
    let with = |seed| config(kind, seed).with_comfort_noise(13);
    Line::with(with(1), with(2), rules)
}

fn db(samples: &[f32]) -> f32 {
    20.0 * speech::rms(samples).max(1e-9).log10()
}

#[test]
fn a_pause_is_described_and_sounds_on() {
    for kind in [CodecKind::Pcmu, CodecKind::Pcma, CodecKind::G722] {
        let mut line = line(kind, Rules { jitter_ms: |_, r| 10.0 * r, ..Rules::default() });
        line.run(&room(4.0));
        let stats = line.sender.stats();
        assert!(stats.packets_sent < 50, "{kind:?}: {} packets in 4 s", stats.packets_sent);
        let before = stats.packets_sent;
        line.run(&speech::tone(48_000, 400.0, 1.0));
        assert!(line.sender.stats().packets_sent - before >= 49, "{kind:?}: all of what is no pause");
        assert!(speech::rms(line.heard_since(4_300)) > 0.15, "{kind:?}");
        // Quantization takes some of it in the part that is coded.
        for (from, to) in [(1_500, 2_500), (2_500, 3_500)] {
            let level = db(&line.heard[48 * from..48 * to]);
            assert!((level - in_band(kind)).abs() < 4.0, "{kind:?}: {level} dB in {from}");
        }
        let stats = line.receiver.stats();
        assert_eq!((stats.packets_lost, stats.packets_late, stats.packets_malformed), (0, 0, 0), "{stats:?}");
        assert_eq!(stats.samples_concealed, 0, "{kind:?}: a pause is no loss");
        assert!(stats.buffer_ms < 60.0, "{kind:?}: {stats:?}");
        assert_eq!(stats.quality.unwrap().silence, None, "{kind:?}");
    }
}

#[test]
fn who_is_muted_gives_the_noise_of_the_room_and_nothing_of_what_is_said() {
    for (noise, packets) in [(None, 150), (Some(13), 12)] {
        let of = |seed| StreamConfig {
            send_comfort_noise: noise,
            receive_comfort_noise: noise.into_iter().collect(),
            ..config(CodecKind::Pcma, seed)
        };
        let mut line = Line::with(of(1), of(2), Rules::default());
        line.run(&room(2.0));
        let before = line.sender.stats().packets_sent;
        line.sender.set_muted(true);
        line.run(&speech::tone(48_000, 400.0, 3.0));
        let sent = line.sender.stats().packets_sent - before;
        assert!(sent <= packets && sent >= packets / 2, "{sent} packets with {noise:?}");
        let muted = line.heard_since(2_300);
        assert!((db(muted) - in_band(CodecKind::Pcma)).abs() < 4.0, "{} dB with {noise:?}", db(muted));
    }
}

#[test]
fn a_pause_of_opus_sends_little_where_the_peer_asks_for_it_and_is_no_loss() {
    for (fmtp, packets) in [("useinbandfec=1;usedtx=1", 5..40), ("useinbandfec=1", 200..201)] {
        let with = |seed| {
            let format = PayloadFormat::new(CodecKind::Opus, 96).with_fmtp(fmtp);
            StreamConfig { send: format.clone(), receive: vec![format], ..config(CodecKind::Opus, seed) }
        };
        let mut line = Line::with(with(1), with(2), Rules::default());
        line.run(&speech::speech(48_000, 4.0, 1));
        line.run(&room(2.0));
        let (before, concealed) = (line.sender.stats().packets_sent, line.receiver.stats().samples_concealed);
        line.run(&room(4.0));
        let sent = line.sender.stats().packets_sent - before;
        assert!(packets.contains(&sent), "{fmtp}: {sent} packets in 4 s");
        let stats = line.receiver.stats();
        assert_eq!((stats.packets_lost, stats.packets_late), (0, 0), "{fmtp}: {stats:?}");
        assert_eq!(stats.samples_concealed, concealed, "{fmtp}: {stats:?}");
        assert_eq!(stats.quality.unwrap().silence, None, "{fmtp}: somebody is there");
        // Who speaks again is heard at once, and as loud as before.
        let from = line.heard.len() / 48;
        line.run(&speech::tone(48_000, 400.0, 1.0));
        assert!(speech::rms(&line.heard_since(from)[48 * 150..]) > 0.15, "{fmtp}");
    }
}
