//! What goes in comes out, for each codec.

use std::time::Duration;

use tern_media::{CodecKind, PayloadFormat, Stream, StreamConfig, StreamEvent};

use crate::network::{Line, Rules, config};
use crate::speech;

#[test]
fn speech_arrives_as_itself() {
    for (kind, likeness) in
        [(CodecKind::Pcmu, 0.99), (CodecKind::Pcma, 0.99), (CodecKind::G722, 0.99), (CodecKind::Opus, 0.97)]
    {
        let said = speech::speech(48_000, 6.0, 3);
        let mut line = Line::new(kind, Rules::default());
        line.run(&said);
        let (lag, likely) = speech::align(&said, &line.heard, 96_000, 96_000, 9_600);
        assert!(likely > likeness, "{kind:?}: {likely}");
        let delay = lag as f32 / 48.0;
        // 20 ms on the way and 20 ms to fill a packet are not ours; the rest is filters, lookahead and buffer with the
        // 10 ms it begins with.
        assert!(delay < 70.0, "{kind:?}: {delay} ms");
        let stats = line.receiver.stats();
        assert_eq!((stats.packets_lost, stats.packets_late, stats.samples_concealed), (0, 0, 0), "{kind:?}");
        assert_eq!(line.events, [StreamEvent::MediaStarted]);
    }
}

#[test]
fn g711_is_as_clean_as_its_law() {
    for kind in [CodecKind::Pcmu, CodecKind::Pcma] {
        let said = speech::tone(8_000, 1_004.0, 8.0);
        let eight = |seed| StreamConfig { sample_rate: 8_000, ..config(kind, seed) };
        let (mut a, mut b) = (Stream::new(eight(1)).unwrap(), Stream::new(eight(2)).unwrap());
        let now = std::time::Instant::now();
        let mut heard = Vec::new();
        for (i, frame) in said.chunks(160).enumerate() {
            let now = now + Duration::from_millis(20) * i as u32;
            a.capture(now, frame);
            while let Some(packet) = a.poll_packet() {
                b.receive(now, &packet.bytes);
            }
            let mut out = [0.0; 160];
            b.playout(now, &mut out);
            heard.extend_from_slice(&out);
        }
        // Late enough for the buffer to have found its delay, without a pause to do it in.
        let (lag, _) = speech::align(&said, &heard, 40_000, 16_000, 800);
        let snr = speech::snr_db(&said[40_000..56_000], &heard[40_000 + lag..56_000 + lag]);
        assert!(snr > 35.0, "{kind:?}: {snr} dB");
    }
}

#[test]
fn opus_keeps_what_g711_cannot() {
    // 6 kHz is above the telephone band.
    let power_of = |kind| {
        let said = speech::tone(48_000, 6_000.0, 3.0);
        let mut line = Line::new(kind, Rules::default());
        line.run(&said);
        speech::rms(line.heard_since(1_500))
    };
    assert!(power_of(CodecKind::Opus) > 0.1);
    assert!(power_of(CodecKind::Pcma) < 0.002);
}

#[test]
fn every_packet_time_and_rate_works() {
    for packet_ms in [10, 20, 40, 60] {
        for sample_rate in [8_000, 16_000, 44_100, 48_000] {
            for kind in [CodecKind::Pcmu, CodecKind::G722, CodecKind::Opus] {
                let with = |seed| StreamConfig { packet_ms, sample_rate, ..config(kind, seed) };
                let (mut a, mut b) = (Stream::new(with(1)).unwrap(), Stream::new(with(2)).unwrap());
                let said = speech::tone(sample_rate, 400.0, 1.5);
                let now = std::time::Instant::now();
                let step = sample_rate as usize / 100;
                let mut heard = Vec::new();
                for (i, piece) in said.chunks(step).enumerate() {
                    let now = now + Duration::from_millis(10) * i as u32;
                    a.capture(now, piece);
                    while let Some(packet) = a.poll_packet() {
                        b.receive(now, &packet.bytes);
                    }
                    let mut out = vec![0.0; piece.len()];
                    b.playout(now, &mut out);
                    heard.extend(out);
                }
                let level = speech::rms(&heard[heard.len() / 2..]);
                assert!((0.17..0.25).contains(&level), "{kind:?} {packet_ms} ms {sample_rate} Hz: {level}");
                assert_eq!(b.stats().packets_lost + b.stats().packets_late, 0);
            }
        }
    }
}

#[test]
fn mute_is_silence_that_keeps_coming() {
    let mut line = Line::new(CodecKind::Pcma, Rules::default());
    line.run(&speech::tone(48_000, 400.0, 1.0));
    let before = line.receiver.stats().packets_received;
    line.sender.set_muted(true);
    line.run(&speech::tone(48_000, 400.0, 1.0));
    assert!(speech::rms(line.heard_since(1_200)) < 0.001);
    assert_eq!(line.receiver.stats().packets_received - before, 50);
    line.sender.set_muted(false);
    line.run(&speech::tone(48_000, 400.0, 0.5));
    assert!(speech::rms(line.heard_since(2_200)) > 0.15);
    assert!(speech::max_step(&line.heard) < 0.03, "mute must not click");
}

#[test]
fn a_stream_on_hold_sends_nothing_and_comes_back_in_time() {
    let mut line = Line::new(CodecKind::Opus, Rules::default());
    line.run(&speech::tone(48_000, 400.0, 1.0));
    line.sender.set_sending(false);
    let before = line.sender.stats().packets_sent;
    line.run(&speech::tone(48_000, 400.0, 3.0));
    assert_eq!(line.sender.stats().packets_sent, before);
    assert!(speech::rms(&line.heard[48 * 2_000..48 * 3_900]) < 0.01);
    line.sender.set_sending(true);
    line.run(&speech::tone(48_000, 400.0, 1.0));
    assert!(speech::rms(line.heard_since(4_300)) > 0.15);
    let stats = line.receiver.stats();
    assert_eq!((stats.packets_lost, stats.packets_late), (0, 0));
    assert!(stats.buffer_ms < 30.0, "{stats:?}");
}

#[test]
fn the_peer_may_change_codec_between_packets() {
    let formats = || tern_media::supported_formats();
    let receiver = StreamConfig { receive: formats(), ..config(CodecKind::Opus, 9) };
    for kinds in [
        [CodecKind::Opus, CodecKind::Pcmu],
        [CodecKind::Pcma, CodecKind::Pcmu],
        [CodecKind::G722, CodecKind::Pcmu],
    ] {
        let mut line = Line::with(config(kinds[0], 1), receiver.clone(), Rules::default());
        line.run(&speech::tone(48_000, 400.0, 1.0));
        let seed = StreamConfig {
            send: formats().into_iter().find(|f| f.kind == kinds[1]).unwrap(),
            ..config(kinds[1], 1)
        };
        // The same SSRC goes on with another codec, as after a re-INVITE.
        line.sender = Stream::new(seed).unwrap();
        line.run(&speech::tone(48_000, 400.0, 1.5));
        assert!(line.events.contains(&StreamEvent::CodecChanged { kind: kinds[1] }), "{:?}", line.events);
        assert_eq!(line.receiver.stats().receive_codec, Some(kinds[1]));
        let level = speech::rms(line.heard_since(2_000));
        assert!((0.17..0.25).contains(&level), "{kinds:?}: {level}");
    }
}

#[test]
fn what_the_peer_asks_of_opus_is_done() {
    let bytes = |fmtp: &str| {
        let format = PayloadFormat::new(CodecKind::Opus, 96).with_fmtp(fmtp);
        let mut stream = Stream::new(StreamConfig::new(format, 1)).unwrap();
        stream.capture(std::time::Instant::now(), &speech::speech(48_000, 2.0, 1));
        std::iter::from_fn(|| stream.poll_packet()).map(|p| p.bytes.len() - 12).collect::<Vec<_>>()
    };
    let sum = |fmtp| bytes(fmtp).iter().sum::<usize>();
    assert!(sum("maxaveragebitrate=12000") * 2 < sum(""));
    let constant = bytes("cbr=1");
    assert!(constant.iter().all(|len| *len == constant[0]), "{constant:?}");
}

#[test]
fn opus_speaks_no_wider_than_the_peer_plays() {
    let line = |fmtp: &str| {
        let format = PayloadFormat::new(CodecKind::Opus, 96).with_fmtp(fmtp);
        let config = |seed| StreamConfig::new(format.clone(), seed);
        let mut line = Line::with(config(1), config(2), Rules::default());
        line.run(&speech::speech(48_000, 12.0, 1));
        line
    };
    // RFC 6716 table 2: the configurations of narrow band, and those of full band.
    let configurations = |fmtp| -> std::collections::BTreeSet<u8> {
        line(fmtp).sent.iter().map(|payload| payload[0] >> 3).collect()
    };
    let narrow = configurations("maxplaybackrate=8000");
    assert!(narrow.iter().all(|c| matches!(c, 0..=3 | 16..=19)), "{narrow:?}");
    let full = configurations("");
    assert!(full.iter().any(|c| matches!(c, 14 | 15 | 28..=31)), "{full:?}");
}

#[test]
fn configurations_that_make_no_sense_are_refused() {
    let good = config(CodecKind::Pcmu, 1);
    assert!(Stream::new(StreamConfig { packet_ms: 7, ..good.clone() }).is_err());
    assert!(Stream::new(StreamConfig { receive: Vec::new(), ..good.clone() }).is_err());
    assert!(Stream::new(StreamConfig { sample_rate: 3, ..good }).is_err());
}

#[test]
fn the_same_seed_sends_the_same_bytes() {
    let packets = |seed| {
        let mut stream = Stream::new(config(CodecKind::Opus, seed)).unwrap();
        stream.capture(std::time::Instant::now(), &speech::speech(48_000, 1.0, 1));
        std::iter::from_fn(|| stream.poll_packet()).collect::<Vec<_>>()
    };
    assert_eq!(packets(1), packets(1));
    assert_ne!(packets(1), packets(2));
}
