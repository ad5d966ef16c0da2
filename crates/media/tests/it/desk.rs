//! Desks with files for ears and mouths, on virtual time: who hears whom, and that nothing clicks.

use std::f32::consts::TAU;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tern_media::wav::{WavSink, WavSource};
use tern_media::{
    AudioError, CodecKind, Desk, DeskEvent, HoldSound, LegId, LegMode, Player, RecordFormat, Recorder,
    SinkSpec, SourceSpec, StreamEvent, Tone,
};

use crate::network::config;
use crate::speech;

struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("tern-desk-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn read(&self, name: &str, rate: u32) -> Vec<f32> {
        let (mut out, mut source) = (Vec::new(), WavSource::open(&self.file(name), rate).unwrap());
        while source.read(1_000, &mut out) {}
        out
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The one call of somebody who has one.
const ONLY: LegId = LegId::new(0);

fn desk(kind: CodecKind, seed: u64, source: &SourceSpec, sink: &SinkSpec) -> Desk {
    let mut desk = Desk::open(source, sink);
    desk.add_leg(ONLY, config(kind, seed), LegMode::Talking).unwrap();
    desk
}

fn tone(hz: f32) -> SourceSpec {
    SourceSpec::Tone(Tone::Steady { hz, amplitude: 0.2 })
}

/// One desk with several calls, and those at their other ends.
struct Table {
    now: Instant,
    host: Desk,
    guests: Vec<(LegId, Desk)>,
    events: Vec<DeskEvent>,
}

impl Table {
    /// Two who talk.
    fn of_two(a: Desk, b: Desk) -> Self {
        Self { now: Instant::now(), host: a, guests: vec![(ONLY, b)], events: Vec::new() }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            let mut next = self.host.tick(self.now);
            self.events.extend(std::iter::from_fn(|| self.host.poll_event()));
            for (leg, guest) in &mut self.guests {
                next = next.min(guest.tick(self.now));
                let Some(there) = guest.leg(ONLY) else { continue };
                if let Some(here) = self.host.leg(*leg) {
                    while let Some(packet) = here.poll_packet() {
                        there.receive(self.now, &packet.bytes);
                    }
                    while let Some(packet) = there.poll_packet() {
                        here.receive(self.now, &packet.bytes);
                    }
                }
            }
            assert!(next > self.now && next <= self.now + Duration::from_millis(5));
            self.now = next;
        }
    }

    fn seconds(&mut self, seconds: u64) {
        self.run(Duration::from_secs(seconds));
    }

    fn modes(&mut self, mode: LegMode) {
        for (leg, _) in &self.guests {
            self.host.set_mode(*leg, mode);
        }
    }
}

/// The host says 300 Hz, its guests 500, 700 and 1100 Hz; each writes down what is heard.
const HOST: f32 = 300.0;
const GUESTS: [f32; 3] = [500.0, 700.0, 1_100.0];

fn four(dir: &Dir) -> Table {
    let mut host = Desk::open(&tone(HOST), &SinkSpec::Wav(dir.file("host.wav")));
    let guests = GUESTS.iter().enumerate().map(|(i, hz)| {
        let leg = LegId::new(i as u32 + 1);
        host.add_leg(leg, config(CodecKind::G722, i as u64), LegMode::Talking).unwrap();
        let sink = SinkSpec::Wav(dir.file(&format!("guest{i}.wav")));
        (leg, desk(CodecKind::G722, 10 + i as u64, &tone(*hz), &sink))
    });
    let guests = guests.collect();
    Table { now: Instant::now(), host, guests, events: Vec::new() }
}

/// The amplitude of one frequency.
fn strength(samples: &[f32], rate: f32, hz: f32) -> f32 {
    let (mut re, mut im) = (0.0, 0.0);
    for (i, sample) in samples.iter().enumerate() {
        let angle = i as f32 * hz * TAU / rate;
        re += sample * angle.cos();
        im += sample * angle.sin();
    }
    2.0 * (re * re + im * im).sqrt() / samples.len() as f32
}

/// Which of the four tones are in there.
fn tones(samples: &[f32]) -> [bool; 4] {
    [HOST, GUESTS[0], GUESTS[1], GUESTS[2]].map(|hz| {
        let strength = strength(samples, 48_000.0, hz);
        assert!(!(0.01..0.12).contains(&strength), "{hz} Hz is neither there nor not: {strength}");
        strength > 0.1
    })
}

/// The last whole second, which is whole periods of every tone.
fn last_second(samples: &[f32]) -> &[f32] {
    &samples[samples.len() - 48_000 - 4_800..samples.len() - 4_800]
}

#[test]
fn a_speech_file_is_recorded_on_the_other_side() {
    let dir = Dir::new("speech");
    let said = speech::speech(16_000, 5.0, 4);
    let mut file = WavSink::create(&dir.file("in.wav"), 16_000).unwrap();
    file.write(&said).unwrap();
    file.finish().unwrap();
    for kind in [CodecKind::Opus, CodecKind::Pcmu] {
        let a = desk(kind, 1, &SourceSpec::Wav(dir.file("in.wav")), &SinkSpec::Null);
        let b = desk(kind, 2, &SourceSpec::Silence, &SinkSpec::Wav(dir.file("out.wav")));
        let mut two = Table::of_two(a, b);
        two.seconds(7);
        assert_eq!(two.events.iter().filter(|e| **e == DeskEvent::SourceFinished).count(), 1);
        let mut b = two.guests.remove(0).1;
        let started = DeskEvent::Stream(ONLY, StreamEvent::MediaStarted);
        assert!(std::iter::from_fn(|| b.poll_event()).any(|event| event == started));
        let stats = b.leg(ONLY).unwrap().stats();
        assert_eq!((stats.packets_lost, stats.samples_concealed), (0, 0));
        assert!((345..=350).contains(&stats.packets_received), "{}", stats.packets_received);
        drop((two, b));
        let heard = dir.read("out.wav", 16_000);
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
    let a = desk(CodecKind::Pcmu, 1, &missing, &nowhere);
    let mut two = Table::of_two(a, desk(CodecKind::Pcmu, 2, &SourceSpec::Silence, &SinkSpec::Null));
    two.seconds(1);
    let events = &two.events;
    assert!(matches!(events[0], DeskEvent::CaptureFailed(AudioError::File { .. })), "{events:?}");
    assert!(matches!(events[1], DeskEvent::PlaybackFailed(AudioError::File { .. })), "{events:?}");
    let stats = two.guests[0].1.leg(ONLY).unwrap().stats();
    assert!(stats.packets_received > 45, "silence is sent");
}

#[test]
fn sources_can_be_changed_in_the_middle() {
    let a = desk(CodecKind::Opus, 1, &SourceSpec::Silence, &SinkSpec::Null);
    let mut two = Table::of_two(a, desk(CodecKind::Opus, 2, &SourceSpec::Silence, &SinkSpec::Null));
    let level = |two: &mut Table| two.guests[0].1.leg(ONLY).unwrap().stats().playout_level_db;
    two.seconds(1);
    assert!(level(&mut two) < -60.0);
    two.host.set_source(&tone(500.0));
    two.seconds(1);
    assert!(level(&mut two) > -20.0);
}

#[test]
fn tones_and_files_are_heard_on_this_side_only() {
    let dir = Dir::new("tone");
    let mut file = WavSink::create(&dir.file("mail.wav"), 8_000).unwrap();
    file.write(&(0..8_000).map(|i| 0.3 * (i as f32 * 0.5).sin()).collect::<Vec<_>>()).unwrap();
    file.finish().unwrap();
    let a = desk(CodecKind::Opus, 1, &SourceSpec::Silence, &SinkSpec::Wav(dir.file("a.wav")));
    let b = desk(CodecKind::Opus, 2, &SourceSpec::Silence, &SinkSpec::Wav(dir.file("b.wav")));
    let mut two = Table::of_two(a, b);
    two.host.play_tone(Tone::Blip);
    two.seconds(1);
    let player = Player::open(&dir.file("mail.wav")).unwrap();
    assert_eq!(player.length(), Duration::from_secs(1));
    two.host.play(player);
    two.run(Duration::from_millis(500));
    let position = two.host.player().unwrap().position();
    assert!((490..=505).contains(&position.as_millis()), "{position:?}");
    two.seconds(2);
    assert!(two.host.player().is_none() && two.events.contains(&DeskEvent::PlayerFinished));
    two.host.play(Player::open(&dir.file("mail.wav")).unwrap());
    two.run(Duration::from_millis(100));
    two.host.stop_playing();
    two.run(Duration::from_millis(100));
    assert!(two.host.player().is_none(), "stopped");
    drop(two);
    let (a, b) = (dir.read("a.wav", 48_000), dir.read("b.wav", 48_000));
    assert!(speech::rms(&a[..20_000]) > 0.01 && speech::rms(&a[60_000..90_000]) > 0.1);
    assert!(speech::rms(&b) < 0.002);
}

#[test]
fn a_sound_check_plays_back_what_was_said_a_second_ago() {
    let dir = Dir::new("check");
    let said = speech::speech(48_000, 3.0, 9);
    let mut file = WavSink::create(&dir.file("in.wav"), 48_000).unwrap();
    file.write(&said).unwrap();
    file.finish().unwrap();
    let mut desk = Desk::open(&SourceSpec::Wav(dir.file("in.wav")), &SinkSpec::Wav(dir.file("out.wav")));
    assert!(desk.is_idle() && desk.check_levels().is_none());
    desk.start_check();
    let mut now = Instant::now();
    let mut run = |desk: &mut Desk, time: Duration| {
        let end = now + time;
        while now < end {
            now = desk.tick(now);
        }
    };
    run(&mut desk, Duration::from_millis(800));
    let levels = desk.check_levels().unwrap();
    assert!(levels.capture_db > -40.0 && levels.playout_db < -90.0, "{levels:?}");
    run(&mut desk, Duration::from_millis(1_000));
    assert!(desk.check_levels().unwrap().playout_db > -40.0);
    run(&mut desk, Duration::from_millis(1_700));
    desk.stop_check();
    run(&mut desk, Duration::from_millis(50));
    assert!(desk.is_idle());
    drop(desk);
    let heard = dir.read("out.wav", 48_000);
    let (lag, likely) = speech::align(&said, &heard, 24_000, 48_000, 60_000);
    assert!(likely > 0.99, "{likely}");
    assert!((48_000..50_000).contains(&lag), "{lag}");
}

#[test]
fn in_a_conference_each_hears_the_others_and_not_itself() {
    let dir = Dir::new("conference");
    let mut four = four(&dir);
    four.modes(LegMode::Joined);
    four.seconds(3);
    drop(four);
    let heard = |name: &str| tones(last_second(&dir.read(name, 48_000)));
    assert_eq!(heard("host.wav"), [false, true, true, true]);
    assert_eq!(heard("guest0.wav"), [true, false, true, true]);
    assert_eq!(heard("guest1.wav"), [true, true, false, true]);
    assert_eq!(heard("guest2.wav"), [true, true, true, false]);
}

#[test]
fn who_talks_is_not_heard_by_who_waits_and_who_left_is_heard_by_nobody() {
    let dir = Dir::new("modes");
    let mut four = four(&dir);
    four.modes(LegMode::Joined);
    four.host.set_hold_sound(HoldSound::Silence);
    four.seconds(1);
    // The third leaves, and waits.
    four.host.set_mode(LegId::new(3), LegMode::Waiting);
    four.seconds(2);
    drop(four);
    let heard = |name: &str| tones(last_second(&dir.read(name, 48_000)));
    assert_eq!(heard("host.wav"), [false, true, true, false]);
    assert_eq!(heard("guest0.wav"), [true, false, true, false]);
    assert_eq!(heard("guest1.wav"), [true, true, false, false]);
    assert_eq!(heard("guest2.wav"), [false; 4]);
}

#[test]
fn a_muted_microphone_is_kept_from_all_but_the_others_still_hear_each_other() {
    let dir = Dir::new("muted");
    let mut four = four(&dir);
    let mute = |four: &mut Table, muted| {
        (1..=3).for_each(|leg| four.host.leg(LegId::new(leg)).unwrap().set_muted(muted));
    };
    // Muted while one talks, and from there into the conference and back: nothing slips out on the way.
    mute(&mut four, true);
    for _ in 0..3 {
        four.modes(LegMode::Joined);
        four.run(Duration::from_millis(700));
        four.modes(LegMode::Talking);
        four.run(Duration::from_millis(700));
    }
    four.modes(LegMode::Joined);
    four.seconds(2);
    drop(four);
    let guest = dir.read("guest0.wav", 48_000);
    assert_eq!(tones(last_second(&guest)), [false, false, true, true]);
    let most = guest.chunks(480).map(|lot| strength(lot, 48_000.0, HOST)).fold(0.0, f32::max);
    // 10 ms hold three periods of the host's tone, and some of the others' skirts where they fade.
    let others = guest.chunks(480).map(|lot| strength(lot, 48_000.0, 100.0)).fold(0.0, f32::max);
    assert!(most < 0.1 + others, "{most} {others}");
}

#[test]
fn nothing_clicks_when_calls_change_places() {
    let dir = Dir::new("clicks");
    let a = desk(CodecKind::G722, 1, &tone(300.0), &SinkSpec::Wav(dir.file("a.wav")));
    let b = desk(CodecKind::G722, 2, &tone(500.0), &SinkSpec::Wav(dir.file("b.wav")));
    let mut two = Table::of_two(a, b);
    two.host.set_hold_sound(HoldSound::Silence);
    for mode in [LegMode::Waiting, LegMode::Talking, LegMode::Joined, LegMode::Waiting, LegMode::Joined] {
        two.seconds(1);
        two.host.set_mode(ONLY, mode);
    }
    two.seconds(1);
    drop(two);
    for (name, hz) in [("a.wav", 500.0), ("b.wav", 300.0)] {
        let heard = dir.read(name, 48_000);
        // How sharply the sound bends, where it goes on by itself and everywhere. Steps of a click's size bend by it.
        let sharpest = |samples: &[f32]| {
            samples.windows(3).map(|w| (w[0] - 2.0 * w[1] + w[2]).abs()).fold(0.0, f32::max)
        };
        // The file ends in the middle of the tone.
        let heard = &heard[24_000..heard.len() - 4_800];
        let (own, all) = (sharpest(&heard[..22_000]), sharpest(heard));
        // A fader that starts or arrives bends the tone by its 0.2 in 480 samples.
        assert!(own < 0.02 && all < own + 0.001, "{name}: {all}, by itself {own}, at {hz} Hz");
    }
}

#[test]
fn who_waits_hears_music_at_the_loudness_of_speech() {
    let dir = Dir::new("music");
    let a = desk(CodecKind::Opus, 1, &tone(300.0), &SinkSpec::Null);
    let b = desk(CodecKind::Opus, 2, &SourceSpec::Silence, &SinkSpec::Wav(dir.file("b.wav")));
    let mut two = Table::of_two(a, b);
    two.host.set_mode(ONLY, LegMode::Waiting);
    two.seconds(8);
    drop(two);
    let heard = dir.read("b.wav", 48_000);
    let loudness = 20.0 * speech::rms(&heard[96_000..]).log10();
    assert!((loudness + 20.0).abs() < 2.0, "{loudness}");
}

#[test]
fn a_recording_has_this_side_left_and_all_others_right_and_both_hear_it_begin() {
    let dir = Dir::new("recorded");
    let mut four = four(&dir);
    four.modes(LegMode::Joined);
    four.seconds(1);
    let recorder = Recorder::start(&dir.file("call.wav"), RecordFormat::Wav).unwrap();
    four.host.record(LegId::new(1), recorder.into(), true).unwrap();
    let second = Recorder::start(&dir.file("second.wav"), RecordFormat::Wav).unwrap();
    assert!(four.host.record(LegId::new(1), second.into(), true).is_err(), "one at a time");
    four.seconds(3);
    four.host.stop_recording(LegId::new(1)).unwrap().wait().unwrap();
    four.seconds(1);
    drop(four);
    let mut file = hound::WavReader::open(dir.file("call.wav")).unwrap();
    let samples: Vec<f32> = file.samples::<i16>().map(|s| f32::from(s.unwrap()) / 32_768.0).collect();
    assert!((3 * 96_000 - 2_000..3 * 96_000 + 2_000).contains(&samples.len()), "{}", samples.len());
    let side = |side: usize| samples.iter().skip(side).step_by(2).copied().collect::<Vec<f32>>();
    assert_eq!(tones(last_second(&side(0))), [true, false, false, false]);
    assert_eq!(tones(last_second(&side(1))), [false, true, true, true]);
    for name in ["host.wav", "guest0.wav", "guest2.wav"] {
        let heard = dir.read(name, 48_000);
        let beep = |from: usize| strength(&heard[from..from + 4_800], 48_000.0, 1_400.0);
        let loudest = (48_000..60_000).step_by(480).map(beep).fold(0.0, f32::max);
        assert!(loudest > 0.05, "{name} is told: {loudest}");
        assert!(beep(30_000) < 0.02 && beep(96_000) < 0.02, "{name}");
    }
}

#[test]
fn nobody_is_recorded_while_waiting_or_muted() {
    let dir = Dir::new("unrecorded");
    let a = desk(CodecKind::Opus, 1, &tone(300.0), &SinkSpec::Null);
    let mut two = Table::of_two(a, desk(CodecKind::Opus, 2, &tone(500.0), &SinkSpec::Null));
    two.host.leg(ONLY).unwrap().set_muted(true);
    two.seconds(1);
    let recorder = Recorder::start(&dir.file("call.wav"), RecordFormat::Wav).unwrap();
    two.host.record(ONLY, recorder.into(), false).unwrap();
    two.seconds(1);
    two.host.set_mode(ONLY, LegMode::Waiting);
    two.seconds(2);
    two.host.remove_leg(ONLY).unwrap().wait().unwrap();
    let mut file = hound::WavReader::open(dir.file("call.wav")).unwrap();
    let samples: Vec<f32> = file.samples::<i16>().map(|s| f32::from(s.unwrap()) / 32_768.0).collect();
    let (left, right): (Vec<f32>, Vec<f32>) =
        samples.as_chunks::<2>().0.iter().map(|[l, r]| (*l, *r)).unzip();
    assert_eq!(speech::rms(&left), 0.0, "muted");
    assert!(speech::rms(&right[24_000..40_000]) > 0.1);
    assert_eq!(speech::rms(&right[60_000..]), 0.0, "waiting");
}
