//! Two sessions with files for ears and mouths.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tern_media::wav::{WavSink, WavSource};
use tern_media::{AudioError, CodecKind, Session, SessionEvent, SinkSpec, SourceSpec, StreamEvent, Tone};

use crate::network::config;
use crate::speech;

struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("tern-session-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn run(
    now: &mut Instant,
    a: &mut Session,
    b: &mut Session,
    seconds: u64,
) -> (Vec<SessionEvent>, Vec<SessionEvent>) {
    let end = *now + Duration::from_secs(seconds);
    let mut events = (Vec::new(), Vec::new());
    while *now < end {
        let next = a.tick(*now).min(b.tick(*now));
        while let Some(packet) = a.poll_packet() {
            b.receive(*now, &packet.bytes);
        }
        while let Some(packet) = b.poll_packet() {
            a.receive(*now, &packet.bytes);
        }
        events.0.extend(std::iter::from_fn(|| a.poll_event()));
        events.1.extend(std::iter::from_fn(|| b.poll_event()));
        assert!(next > *now && next <= *now + Duration::from_millis(5), "a tick says when the next is due");
        *now = next;
    }
    events
}

#[test]
fn a_speech_file_is_recorded_on_the_other_side() {
    let dir = Dir::new("speech");
    let said = speech::speech(16_000, 5.0, 4);
    let mut file = WavSink::create(&dir.file("in.wav"), 16_000).unwrap();
    file.write(&said).unwrap();
    file.finish().unwrap();
    for kind in [CodecKind::Opus, CodecKind::Pcmu] {
        let out = dir.file("out.wav");
        {
            let mut a = Session::open(config(kind, 1), &SourceSpec::Wav(dir.file("in.wav")), &SinkSpec::Null)
                .unwrap();
            let mut b =
                Session::open(config(kind, 2), &SourceSpec::Silence, &SinkSpec::Wav(out.clone())).unwrap();
            let mut now = Instant::now();
            let events = run(&mut now, &mut a, &mut b, 7);
            assert_eq!(events.0.iter().filter(|e| **e == SessionEvent::SourceFinished).count(), 1);
            assert!(events.1.contains(&SessionEvent::Stream(StreamEvent::MediaStarted)));
            let stats = b.stats();
            assert_eq!((stats.packets_lost, stats.samples_concealed), (0, 0));
            assert!((345..=350).contains(&stats.packets_received), "{}", stats.packets_received);
        }
        let mut heard = Vec::new();
        let mut source = WavSource::open(&out, 16_000).unwrap();
        while source.read(1_000, &mut heard) {}
        let (lag, likely) = speech::align(&said, &heard, 16_000, 48_000, 3_200);
        assert!(likely > 0.95, "{kind:?}: {likely}");
        assert!(lag < 16 * 80, "{kind:?}: {} ms", lag / 16);
    }
}

#[test]
fn a_source_that_cannot_be_opened_does_not_stop_the_call() {
    let dir = Dir::new("missing");
    let missing = SourceSpec::Wav(dir.file("none.wav"));
    let nowhere = SinkSpec::Wav(dir.file("no/such/dir.wav"));
    let mut a = Session::open(config(CodecKind::Pcmu, 1), &missing, &nowhere).unwrap();
    let mut b = Session::open(config(CodecKind::Pcmu, 2), &SourceSpec::Silence, &SinkSpec::Null).unwrap();
    let mut now = Instant::now();
    let events = run(&mut now, &mut a, &mut b, 1).0;
    assert!(matches!(events[0], SessionEvent::CaptureFailed(AudioError::File { .. })), "{events:?}");
    assert!(matches!(events[1], SessionEvent::PlaybackFailed(AudioError::File { .. })), "{events:?}");
    assert!(b.stats().packets_received > 45, "silence is sent");
}

#[test]
fn sources_can_be_changed_in_the_middle() {
    let mut a = Session::open(config(CodecKind::Opus, 1), &SourceSpec::Silence, &SinkSpec::Null).unwrap();
    let mut b = Session::open(config(CodecKind::Opus, 2), &SourceSpec::Silence, &SinkSpec::Null).unwrap();
    let mut now = Instant::now();
    run(&mut now, &mut a, &mut b, 1);
    assert!(b.stats().playout_level_db < -60.0);
    a.set_source(&SourceSpec::Tone(Tone::Steady { hz: 500.0, amplitude: 0.3 }));
    run(&mut now, &mut a, &mut b, 1);
    assert!(b.stats().playout_level_db > -20.0, "{:?}", b.stats());
}

#[test]
fn a_tone_is_heard_on_this_side_only() {
    let dir = Dir::new("tone");
    let mut a =
        Session::open(config(CodecKind::Opus, 1), &SourceSpec::Silence, &SinkSpec::Wav(dir.file("a.wav")))
            .unwrap();
    let mut b =
        Session::open(config(CodecKind::Opus, 2), &SourceSpec::Silence, &SinkSpec::Wav(dir.file("b.wav")))
            .unwrap();
    let mut now = Instant::now();
    a.play(Tone::Ringback);
    run(&mut now, &mut a, &mut b, 1);
    a.stop_tone();
    run(&mut now, &mut a, &mut b, 1);
    drop((a, b));
    let read = |name| {
        let (mut out, mut source) = (Vec::new(), WavSource::open(&dir.file(name), 48_000).unwrap());
        while source.read(1_000, &mut out) {}
        out
    };
    let (a, b) = (read("a.wav"), read("b.wav"));
    assert!(speech::rms(&a[10_000..40_000]) > 0.05 && speech::rms(&a[60_000..90_000]) < 0.001);
    assert!(speech::rms(&b) < 0.001);
}
