//! Real sound through a sound server: runs where `TERN_TEST_PULSE=1` says that the default loudspeaker's sound
//! comes back as the default microphone's (a null sink and its monitor).

use std::sync::mpsc;
use std::time::{Duration, Instant};

use tern_media::device::{self, Capture, Changes, DeviceId, Playback, RingOn, Ringer};
use tern_media::io::{IoEvent, Sink, Source};
use tern_media::{
    AudioError, CodecKind, Desk, DeskEvent, Direction, LegId, LegMode, NationalTones, ProcessConfig,
    SinkSpec, SourceSpec, Tone,
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
            let using = matches!(event, DeskEvent::CaptureUsing(_) | DeskEvent::PlaybackUsing(_));
            assert!(using || matches!(event, DeskEvent::Stream(..)), "{event:?}");
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
    let mut ringer = Ringer::new(RingOn::Default);
    ringer.play(Tone::Ringtone);
    let mut heard = Vec::new();
    drive(Duration::from_secs(2), |_| {
        capture.read(&mut heard);
    });
    assert!(speech::rms(&heard[heard.len() / 2..]) > 0.02, "it rings");
    assert!(ringer.is_playing());
    ringer.stop();
    assert!(!ringer.is_playing());
    ringer.play(Tone::Blip);
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
fn busy_sounds_on_a_real_loudspeaker_as_its_country_has_it() {
    if !has_sound() {
        return;
    }
    let _alone = SOUND.lock();
    // ITU-T E.180, Supplement 2: half a second on, half a second off.
    for (whose, frequencies) in
        [(NationalTones::NorthAmerica, &[480.0, 620.0][..]), (NationalTones::Europe, &[425.0])]
    {
        let mut capture = Capture::open(None).unwrap();
        let mut ringer = Ringer::new(RingOn::Default);
        ringer.play(Tone::Busy(whose));
        let mut heard = Vec::new();
        drive(Duration::from_secs(4), |_| {
            capture.read(&mut heard);
        });
        // A fifth of a second tells 25 Hz apart.
        let pieces: Vec<&[f32]> = heard[48_000..].chunks_exact(9_600).collect();
        let loudest =
            |hz: f32| pieces.iter().map(|piece| power_at(piece, hz)).fold(0.0, |a: f32, power| a.max(power));
        for hz in [350.0, 425.0, 480.0, 620.0] {
            let power = loudest(hz);
            println!("{whose:?} {hz} Hz: {power}");
            assert_eq!(power > 0.05, frequencies.contains(&hz), "{whose:?} {hz} Hz: {power}");
        }
        let sounding = heard[48_000..].chunks_exact(480).filter(|piece| speech::rms(piece) > 0.02).count();
        let share = sounding as f32 / (heard[48_000..].len() / 480) as f32;
        assert!((0.4..0.6).contains(&share), "half of the time: {share}");
    }
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
    // A call takes what there is instead, and says what that is, or that there is none.
    let source = SourceSpec::Device(Some(id.clone()));
    let mut desk = Desk::open(&source, &SinkSpec::Device(Some(id)));
    let (mut capture, mut playback) = (None, None);
    drive(Duration::from_secs(4), |now| {
        desk.tick(now);
        while let Some(event) = desk.poll_event() {
            match event {
                DeskEvent::CaptureUsing(id) => capture = Some(Ok(id)),
                DeskEvent::CaptureFailed(error) => capture = Some(Err(error)),
                DeskEvent::PlaybackUsing(id) => playback = Some(Ok(id)),
                DeskEvent::PlaybackFailed(error) => playback = Some(Err(error)),
                _ => {}
            }
        }
    });
    let (capture, playback) = (capture.expect("it is said"), playback.expect("it is said"));
    assert_eq!((capture.is_ok(), playback.is_ok()), (has_sound(), has_sound()), "{capture:?} {playback:?}");
}

/// A null sink of a test's own, and its monitor as a microphone.
struct Card {
    name: String,
    module: String,
}

/// The sound server's own tool.
fn pactl(arguments: &[&str]) -> String {
    let done = std::process::Command::new("pactl").args(arguments).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {done:?}");
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

impl Card {
    fn plug(name: &str, form: &str) -> Self {
        let sink = format!("sink_name={name}");
        let mut arguments = vec!["load-module", "module-null-sink", &sink, "norewinds=1"];
        arguments.extend(form.split(' '));
        let module = pactl(&arguments);
        Self { name: name.to_owned(), module }
    }

    fn mono(name: &str) -> Self {
        Self::plug(name, "rate=48000 channels=1")
    }

    fn unplug(self) {
        drop(self);
    }

    fn speaker(&self) -> DeviceId {
        DeviceId::new(format!("pulse:{}", self.name))
    }

    fn microphone(&self) -> DeviceId {
        DeviceId::new(format!("pulse:{}.monitor", self.name))
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        let _ = std::process::Command::new("pactl").args(["unload-module", &self.module]).output();
    }
}

/// The defaults as they were, put back at the end.
struct Defaults(String, String);

impl Defaults {
    fn keep() -> Self {
        Self(pactl(&["get-default-sink"]), pactl(&["get-default-source"]))
    }
}

impl Drop for Defaults {
    fn drop(&mut self) {
        for (what, name) in [("set-default-sink", &self.0), ("set-default-source", &self.1)] {
            let _ = std::process::Command::new("pactl").args([what, name]).output();
        }
    }
}

/// How long each step of [`stairs`] lasts, samples.
const STEP: usize = 480;

/// Sound whose level says when it was made, so that what is missing can be counted in sound and not in time.
fn stairs(at: usize) -> f32 {
    0.05 + 0.001 * ((at / STEP) % 900) as f32
}

/// Which sample of [`stairs`] sounds here, to 10 ms; silence is none of them.
fn step_of(sample: f32) -> Option<usize> {
    (sample > 0.04).then(|| ((sample - 0.05) / 0.001).round().max(0.0) as usize * STEP)
}

/// Plays [`stairs`] to `sink` and hears both cards. `change` is called with the milliseconds that passed. Gives what
/// was heard of each, as steps, and what was told.
fn play_stairs(
    sink: &SinkSpec,
    ears: [&DeviceId; 2],
    seconds: u64,
    mut change: impl FnMut(u128),
) -> ([Vec<usize>; 2], Vec<IoEvent>) {
    let mut sink = Sink::open(sink).unwrap();
    let mut ears = ears.map(|ear| Capture::open(Some(ear)).ok());
    let mut heard = [Vec::new(), Vec::new()];
    let (mut told, mut written, mut piece) = (Vec::new(), 0, Vec::new());
    let start = Instant::now();
    drive(Duration::from_secs(seconds), |now| {
        change((now - start).as_millis());
        let wanted = sink.wanted(now);
        piece.clear();
        piece.extend((written..written + wanted).map(stairs));
        sink.write(&piece);
        written += wanted;
        told.extend(sink.poll_event());
        for (ear, heard) in ears.iter_mut().zip(&mut heard) {
            piece.clear();
            if let Some(ear) = ear {
                ear.read(&mut piece);
            }
            heard.extend(piece.iter().filter_map(|sample| step_of(*sample)));
        }
    });
    (heard, told)
}

/// A device may be away so long at most, in sound.
const AWAY: usize = 48 * 300;

#[test]
fn the_default_changed_in_mid_call_is_followed() {
    if !has_sound() {
        return;
    }
    let _alone = SOUND.lock();
    let _defaults = Defaults::keep();
    let (one, two) = (Card::mono("one"), Card::mono("two"));
    pactl(&["set-default-sink", "one"]);
    let mut moved = false;
    let ears = [&one.microphone(), &two.microphone()];
    let ([first, second], told) = play_stairs(&SinkSpec::Device(None), ears, 4, |ms| {
        if ms > 2_000 && !std::mem::replace(&mut moved, true) {
            pactl(&["set-default-sink", "two"]);
        }
    });
    assert_eq!(told, [IoEvent::Using(one.speaker()), IoEvent::Using(two.speaker())]);
    let (last, next) = (*first.last().unwrap(), second[0]);
    println!("away for {} ms of sound", next.saturating_sub(last) / 48);
    assert!(next <= last + AWAY, "{last} to {next}");
    assert!(second.len() > 24_000, "and it goes on: {}", second.len());
}

#[test]
fn a_chosen_loudspeaker_that_vanishes_is_replaced_and_gone_back_to() {
    if !has_sound() {
        return;
    }
    let _alone = SOUND.lock();
    let _defaults = Defaults::keep();
    let (one, two) = (Card::mono("one"), Card::mono("two"));
    pactl(&["set-default-sink", "one"]);
    let (ears, chosen) = ([one.microphone(), two.microphone()], two.speaker());
    let mut two = Some(two);
    let mut back = None;
    let spec = SinkSpec::Device(Some(chosen.clone()));
    let ([first, second], told) = play_stairs(&spec, [&ears[0], &ears[1]], 5, |ms| {
        if ms > 2_000
            && let Some(two) = two.take()
        {
            two.unplug();
        }
        if ms > 3_500 && back.is_none() {
            back = Some(Card::mono("two"));
        }
    });
    let using = |id: &DeviceId| IoEvent::Using(id.clone());
    assert_eq!(told, [using(&chosen), using(&one.speaker()), using(&chosen)]);
    // The ear at the unplugged card hears no more of it; what counts is when the other one begins.
    let before = second.iter().rev().find(|step| **step < first[0]).unwrap();
    println!("away for {} ms of sound", first[0].saturating_sub(*before) / 48);
    assert!(first[0] <= before + AWAY, "{before} to {}", first[0]);
}

#[test]
fn a_chosen_microphone_that_vanishes_is_replaced_by_the_default_one() {
    if !has_sound() {
        return;
    }
    let _alone = SOUND.lock();
    let _defaults = Defaults::keep();
    let (one, two) = (Card::mono("one"), Card::mono("two"));
    pactl(&["set-default-sink", "one"]);
    pactl(&["set-default-source", "one.monitor"]);
    // The chosen one hears nothing, the default one something.
    let mut mouth = Playback::open(None).unwrap();
    let chosen = two.microphone();
    let mut source = Source::open(&SourceSpec::Device(Some(chosen.clone()))).unwrap();
    let (mut heard, mut told, mut two, mut unplugged) = (Vec::new(), Vec::new(), Some(two), 0);
    let start = Instant::now();
    drive(Duration::from_secs(4), |now| {
        let wanted = mouth.wanted(now);
        mouth.write(&vec![0.2; wanted]);
        source.read(now, &mut heard);
        told.extend(source.poll_event());
        if now > start + Duration::from_secs(2)
            && let Some(two) = two.take()
        {
            two.unplug();
            unplugged = heard.len();
        }
    });
    assert_eq!(told, [IoEvent::Using(chosen), IoEvent::Using(one.microphone())]);
    let (before, after) = heard.split_at(unplugged);
    assert!(before.len() > 48_000 && before[before.len() / 2..].iter().all(|s| *s < 0.1), "the chosen one");
    let away = after.iter().position(|s| (s - 0.2).abs() < 0.01).expect("the default one is heard");
    println!("away for {} ms of sound", away / 48);
    assert!(away <= AWAY, "{away}");
    assert!(after.len() - away > 48_000, "and it goes on");
}

#[test]
fn every_form_a_device_has_gives_the_same_sound() {
    if !has_sound() {
        return;
    }
    let _alone = SOUND.lock();
    for form in [
        "format=u8 rate=8000 channels=1",
        "format=s16le rate=44100 channels=2",
        "format=s16be rate=16000 channels=1",
        "format=s24le rate=96000 channels=2",
        "format=s32le rate=48000 channels=6",
        "format=float32le rate=22050 channels=2",
    ] {
        let card = Card::plug("odd", form);
        let mut playback = Playback::open(Some(&card.speaker())).unwrap();
        let mut capture = Capture::open(Some(&card.microphone())).unwrap();
        let (mut heard, mut written) = (Vec::new(), 0);
        let tone = speech::tone(48_000, 700.0, 2.0);
        drive(Duration::from_millis(1_500), |now| {
            let count = playback.wanted(now).min(tone.len() - written);
            playback.write(&tone[written..written + count]);
            written += count;
            capture.read(&mut heard);
        });
        let best = heard.chunks_exact(9_600).map(|piece| power_at(piece, 700.0)).fold(0.0, f32::max);
        println!("{form}: {best}");
        assert!((0.24..0.33).contains(&best), "{form}: {best}");
    }
}

#[test]
fn a_ring_may_sound_on_all_loudspeakers_and_ends_at_once() {
    if !has_sound() {
        return;
    }
    let _alone = SOUND.lock();
    let cards = [Card::mono("one"), Card::mono("two")];
    let mut ears = cards.each_ref().map(|card| Capture::open(Some(&card.microphone())).unwrap());
    let mut ringer = Ringer::new(RingOn::All);
    ringer.play(Tone::Busy(NationalTones::Europe));
    let mut heard = [Vec::new(), Vec::new()];
    let start = Instant::now();
    let mut stopped_at = [0; 2];
    drive(Duration::from_secs(4), |now| {
        ears.iter_mut().zip(&mut heard).for_each(|(ear, heard)| _ = ear.read(heard));
        if ringer.is_playing() && now > start + Duration::from_secs(2) {
            ringer.stop();
            stopped_at = heard.each_ref().map(Vec::len);
        }
    });
    for (heard, stopped_at) in heard.iter().zip(stopped_at) {
        // What is heard of its last second: a loudspeaker may need a while to begin.
        let sounding = &heard[stopped_at.saturating_sub(48_000)..stopped_at];
        assert!(power_at(sounding, 425.0) > 0.02, "it rings");
        let after = &heard[stopped_at..];
        let last = after.iter().rposition(|s| s.abs() > 0.005).unwrap_or(0);
        println!("stops after {} ms", last / 48);
        assert!(last < 48 * 300, "and stops at once: {last}");
    }
}

#[test]
fn devices_that_come_are_told() {
    if !has_sound() {
        return;
    }
    let _alone = SOUND.lock();
    let (tell, told) = mpsc::sync_channel(64);
    let changes = Changes::watch(move || _ = tell.try_send(())).expect("this system tells");
    let card = Card::mono("new");
    told.recv_timeout(Duration::from_secs(5)).expect("a device came");
    let names = || device::list(Direction::Playback).iter().any(|d| d.id == card.speaker());
    assert!(names());
    drop(changes);
}

/// What cpal has, here ALSA, works beside the sound server.
#[test]
fn the_systems_own_devices_can_be_chosen_too() {
    if !has_sound() {
        return;
    }
    let _alone = SOUND.lock();
    let alsa = DeviceId::new("alsa:default");
    let mut playback = Playback::open(Some(&alsa)).unwrap();
    let mut capture = Capture::open(Some(&alsa)).unwrap();
    let tone = speech::tone(48_000, 700.0, 10.0);
    let (mut heard, mut written) = (Vec::new(), 0);
    drive(Duration::from_secs(3), |now| {
        let count = playback.wanted(now).min(tone.len() - written);
        playback.write(&tone[written..written + count]);
        written += count;
        capture.read(&mut heard);
    });
    let best = heard.chunks_exact(12_000).map(|piece| power_at(piece, 700.0)).fold(0.0, f32::max);
    assert!((0.25..0.32).contains(&best), "{best}");
}
