//! Real sound through a sound server: runs where `TERN_TEST_PULSE=1` says that the default loudspeaker's sound
//! comes back as the default microphone's (a null sink and its monitor).

use std::sync::mpsc;
use std::time::{Duration, Instant};

use tern_media::device::{self, Capture, DeviceId, Playback, Ringer};
use tern_media::{
    AudioError, CodecKind, Desk, DeskEvent, Direction, LegId, LegMode, ProcessConfig, SinkSpec, SourceSpec,
    Tone,
};

use crate::network::config;
use crate::speech;

fn has_sound() -> bool {
    std::env::var("TERN_TEST_PULSE").is_ok_and(|value| value == "1")
}

/// One at a time: two tests would hear each other.
static SOUND: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// Calls `step` about every 4 ms of real time, as the thread of a call does.
fn drive(time: Duration, mut step: impl FnMut(Instant)) {
    // A channel nobody sends on is a wait that a socket would be.
    let (_keep, never) = mpsc::channel::<()>();
    let end = Instant::now() + time;
    while Instant::now() < end {
        step(Instant::now());
        let _ = never.recv_timeout(Duration::from_millis(4));
    }
}

fn power_at(samples: &[f32], hz: f32) -> f32 {
    let (mut re, mut im) = (0.0_f32, 0.0_f32);
    for (i, s) in samples.iter().enumerate() {
        let phase = std::f32::consts::TAU * (hz * i as f32 / 48_000.0).fract();
        re += s * phase.cos();
        im += s * phase.sin();
    }
    2.0 * (re * re + im * im).sqrt() / samples.len() as f32
}

#[test]
fn what_is_played_is_captured() {
    if !has_sound() {
        return;
    }
    let _alone = SOUND.lock();
    let mut playback = Playback::open(None).unwrap();
    let mut capture = Capture::open(None).unwrap();
    let tone = speech::tone(48_000, 700.0, 10.0);
    let (mut heard, mut written) = (Vec::new(), 0);
    drive(Duration::from_secs(3), |now| {
        let count = playback.wanted(now).min(tone.len() - written);
        playback.write(&tone[written..written + count]);
        written += count;
        capture.read(&mut heard);
        assert_eq!((playback.poll_error(), capture.poll_error()), (None, None));
    });
    // Less what the sound server takes to start.
    assert!((90_000..150_000).contains(&written), "three seconds are played in three: {written}");
    assert!((90_000..150_000).contains(&heard.len()), "three seconds are heard in three: {}", heard.len());
    // A busy machine may stumble once; the tone is whole between.
    let best = heard.chunks_exact(12_000).max_by(|a, b| power_at(a, 700.0).total_cmp(&power_at(b, 700.0)));
    let (level, all) = best.map(|piece| (power_at(piece, 700.0), speech::rms(piece) * 2_f32.sqrt())).unwrap();
    println!(
        "level {level}, all {all}, period {}, underruns {}, overruns {}",
        playback.period(),
        playback.underruns(),
        capture.overruns()
    );
    assert!((0.25..0.32).contains(&level), "{level}");
    assert!(level > all * 0.95, "and nothing but the tone: {level} of {all}");
}

#[test]
fn the_delay_through_both_devices_is_short() {
    if !has_sound() {
        return;
    }
    let _alone = SOUND.lock();
    let mut playback = Playback::open(None).unwrap();
    let mut capture = Capture::open(None).unwrap();
    let (mut heard, mut clicked) = (Vec::new(), None);
    let start = Instant::now();
    let mut click_heard_after = None;
    drive(Duration::from_secs(3), |now| {
        let count = playback.wanted(now);
        let mut samples = vec![0.0; count];
        if count > 0 && clicked.is_none() && now > start + Duration::from_millis(1_500) {
            samples.fill(0.5);
            clicked = Some(now);
        }
        playback.write(&samples);
        let before = heard.len();
        capture.read(&mut heard);
        if let Some(clicked) = clicked
            && heard[before..].iter().any(|s| s.abs() > 0.2)
        {
            click_heard_after.get_or_insert(now - clicked);
        }
    });
    let delay = click_heard_after.expect("the click is heard");
    println!("delay {delay:?}");
    assert!(delay < Duration::from_millis(150), "{delay:?}");
}

#[test]
fn a_call_through_devices() {
    if !has_sound() {
        return;
    }
    let _alone = SOUND.lock();
    // The far end sends a tone; it is played, captured again and comes back to the far end.
    let kind = CodecKind::Opus;
    let far_tone = SourceSpec::Tone(Tone::Steady { hz: 440.0, amplitude: 0.3 });
    let id = LegId::new(1);
    let mut far = Desk::open(&far_tone, &SinkSpec::Null);
    far.add_leg(id, config(kind, 1), LegMode::Talking).unwrap();
    let mut near = Desk::open(&SourceSpec::Device(None), &SinkSpec::Device(None));
    near.add_leg(id, config(kind, 2), LegMode::Talking).unwrap();
    // What is played comes back here as it is: nothing but echo.
    near.set_processing(ProcessConfig { echo: false, noise: false, gain: false });
    drive(Duration::from_secs(5), |now| {
        far.tick(now);
        near.tick(now);
        let (far, here) = (far.leg(id).unwrap(), near.leg(id).unwrap());
        while let Some(packet) = far.poll_packet() {
            here.receive(now, &packet.bytes);
        }
        while let Some(packet) = here.poll_packet() {
            far.receive(now, &packet.bytes);
        }
        while let Some(event) = near.poll_event() {
            assert!(matches!(event, DeskEvent::Stream(..)), "{event:?}");
        }
    });
    let (far, near) = (far.leg(id).unwrap(), near.leg(id).unwrap());
    println!("near {:?}\nfar {:?}", near.stats(), far.stats());
    assert!((far.stats().playout_level_db + 13.5).abs() < 3.0, "{}", far.stats().playout_level_db);
    assert_eq!(far.stats().packets_lost, 0);
    // Less what the sound server takes to start.
    assert!((180..=255).contains(&far.stats().packets_received), "{}", far.stats().packets_received);
}

#[test]
fn the_ringer_rings_and_lets_go() {
    if !has_sound() {
        return;
    }
    let _alone = SOUND.lock();
    let mut capture = Capture::open(None).unwrap();
    let mut ringer = Ringer::new(None);
    ringer.play(Tone::Ringtone).unwrap();
    let mut heard = Vec::new();
    drive(Duration::from_secs(2), |_| {
        capture.read(&mut heard);
    });
    assert!(speech::rms(&heard[heard.len() / 2..]) > 0.02, "it rings");
    assert!(ringer.is_playing());
    ringer.stop();
    assert!(!ringer.is_playing());
    ringer.play(Tone::Blip).unwrap();
    let mut ended = None;
    let start = Instant::now();
    drive(Duration::from_secs(3), |now| {
        if !ringer.is_playing() {
            ended.get_or_insert(now - start);
        }
    });
    let ended = ended.expect("a blip ends");
    assert!(ended > Duration::from_millis(400), "{ended:?}");
}

#[test]
fn devices_are_listed_and_opened_by_what_is_listed() {
    if !has_sound() {
        return;
    }
    let _alone = SOUND.lock();
    for direction in [Direction::Capture, Direction::Playback] {
        let devices = device::list(direction);
        println!("{direction}: {devices:?}");
        assert!(devices.first().is_some_and(|device| device.is_default), "{devices:?}");
        for device in devices {
            match direction {
                Direction::Capture => drop(Capture::open(Some(&device.id)).unwrap()),
                Direction::Playback => drop(Playback::open(Some(&device.id)).unwrap()),
            }
        }
    }
}

/// Needs no sound server: on a machine without sound, too, this is an error and no panic.
#[test]
fn a_device_that_is_not_there_is_said_so() {
    let id = DeviceId::new("no such device");
    let gone = AudioError::DeviceGone("no such device".into());
    assert_eq!(Capture::open(Some(&id)).unwrap_err(), gone);
    assert_eq!(Playback::open(Some(&id)).unwrap_err(), gone);
    assert_eq!(Ringer::new(Some(id.clone())).play(Tone::Blip).unwrap_err(), gone);
    let source = SourceSpec::Device(Some(id.clone()));
    let mut desk = Desk::open(&source, &SinkSpec::Device(Some(id)));
    assert_eq!(desk.poll_event(), Some(DeskEvent::CaptureFailed(gone.clone())));
    assert_eq!(desk.poll_event(), Some(DeskEvent::PlaybackFailed(gone)));
}
