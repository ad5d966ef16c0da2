//! The program `tern` at real sound devices: null sinks of a sound server of the test's own.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::time::{Duration, Instant};

use tern_tests::{
    Scratch,
    audio::{Sound, correlate_pieces, speech},
};
use xtask::stage::{self, RATE};

use crate::{
    command_line::{Run, SOON},
    scene::{hum, hums},
};

/// Waits until a recording of the loudspeaker is so long.
fn grows_by(file: &Path, seconds: u64) {
    let size = || std::fs::metadata(file).map_or(0, |file| file.len());
    let (enough, deadline) = (size() + seconds * 2 * u64::from(RATE), Instant::now() + SOON);
    while size() < enough {
        assert!(Instant::now() < deadline, "{} does not grow", file.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_recording_is_heard_from_the_loudspeaker() {
    let sound = stage::Sound::start().expect("a sound server");
    let folder = Scratch::new("play").expect("a folder");
    let (file, heard) = (folder.join("talk.wav"), folder.join("heard.wav"));
    hum(500.0, 3.0).write(&file).expect("written");
    let recording = sound.record_loudspeaker(&heard).expect("a recorder");
    let run = Run::at(&sound, &["play", file.to_str().expect("UTF-8")]);
    let (status, lines) = run.end();
    assert_eq!((status, &lines.last().expect("a line")["event"]), (0, &"played".into()), "{lines:?}");
    assert_eq!((&lines[0]["event"], &lines[0]["length_ms"]), (&"playing".into(), &3_000.into()), "{lines:?}");
    grows_by(&heard, 1);
    let heard = hums(&Sound::read(&recording.finish().expect("a file")).expect("readable"), [500.0]);
    let sounding = heard.iter().filter(|tones| tones[0]).count();
    assert!((4..=7).contains(&sounding), "three seconds of it: {heard:?}");
}

#[test]
fn a_sound_check_plays_back_what_was_said() {
    let sound = stage::Sound::start().expect("a sound server");
    let folder = Scratch::new("check").expect("a folder");
    let (spoken, heard) = (folder.join("spoken.wav"), folder.join("heard.wav"));
    let voice = speech(48_000, 5.0, 11);
    voice.write(&spoken).expect("written");
    let mut run = Run::at(&sound, &["check", "--seconds", "90"]);
    let levels = run.event("levels", None);
    assert!(levels["trouble"].is_null(), "{levels}");
    // On a machine that builds beside, everybody's sound stumbles; the best of some tries counts.
    let best = (0..3).map(|_| hear_oneself(&sound, &voice, &spoken, &heard)).find(|found| *found > 0.7);
    assert!(best.is_some(), "what comes back is not what was said");
    loud("in", &mut run);
    loud("out", &mut run);
    run.process.signal("INT");
    assert_eq!(run.end().0, 130);
}

/// Waits until the levels have been so high.
fn loud(field: &'static str, run: &mut Run) {
    let fits = |line: &str| {
        let line: Option<serde_json::Value> = serde_json::from_str(line).ok();
        line.is_some_and(|line| line[field].as_f64().is_some_and(|level| level > 0.3))
    };
    run.process.wait_for(field, SOON, fits).unwrap_or_else(|error| panic!("{error}"));
}

/// Speaks, and gives how much of it comes back.
fn hear_oneself(sound: &stage::Sound, voice: &Sound, spoken: &Path, heard: &Path) -> f64 {
    let recording = sound.record_loudspeaker(heard).expect("a recorder");
    let mut speaking = sound.speak(spoken).expect("a mouth");
    speaking.wait(SOON).expect("it ends");
    grows_by(heard, 2);
    let heard = Sound::read(&recording.finish().expect("a file")).expect("readable");
    correlate_pieces(voice, &heard, 0.25).correlation
}
