//! Recordings: both sides on a channel each, a row in Recent Activity, and files that outlive the program.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tern_engine::api::{ActivityWhat, CallState, Command, RecordFormat, Settings};
use tern_tests::{
    Scratch,
    audio::{Sound, correlate, speech},
};

use crate::{
    command_line::{Provider, Run, SOON},
    scene::{Scene, hums},
};

/// Who records hums the first, the other side the second.
const TONES: [f32; 2] = [500.0, 710.0];

/// One of the two channels of a WAV file.
fn channel(path: &Path, which: usize) -> Sound {
    let mut file = hound::WavReader::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let spec = file.spec();
    assert_eq!(spec.channels, 2, "{}", path.display());
    let samples = file.samples::<i16>().map_while(Result::ok).skip(which).step_by(2);
    Sound { rate: spec.sample_rate, samples: samples.map(|sample| f32::from(sample) / 32_768.0).collect() }
}

/// What `tern play` makes of a file: both channels in one.
fn played(path: &Path) -> Sound {
    let folder = Scratch::new("played").expect("a folder");
    let heard = folder.join("heard.wav");
    let names = [path, &heard].map(|path| path.to_str().expect("UTF-8").to_owned());
    let (status, lines) = Run::start(&["play", &names[0], "--audio-out", &names[1]]).end();
    assert_eq!((status, &lines.last().expect("a line")["event"]), (0, &"played".into()), "{lines:?}");
    Sound::read(&heard).expect("what was played")
}

/// Two talk, one of them records; gives the file and its length in seconds.
async fn recorded(format: RecordFormat) -> (PathBuf, impl Sized) {
    let scene = Scene::start().await;
    let host = scene.someone("Demo traveller").hums(TONES[0]).sits_down().await;
    let friend = scene.someone("Demo friend").hums(TONES[1]).sits_down().await;
    let settings = Settings { record_format: format, record_tone: false, ..host.snapshot().await.settings };
    host.does(Command::ChangeSettings { settings }).await.expect("settings");
    let call = host.calls(friend.number()).await;
    let rings = friend.is_called(0).await;
    friend.answers(&rings).await;
    host.until_call(&call, CallState::Connected).await;
    host.hears_more(&call, 25).await;
    let record = Command::RecordCall { call: call.clone(), on: true, path: None };
    host.does(record).await.expect("they talk");
    let view = host.until_call_is(&call, "a recording", |call| call.recording.is_some()).await;
    let path = view.recording.expect("a recording").path;
    host.hears_more(&call, 150).await;
    // The call's end ends its recording.
    host.hangs_up(&call).await;
    host.until_call(&call, CallState::Ended).await;
    let row = host
        .until_snapshot("the recording in Recent Activity", |snapshot| {
            let calls =
                |item: &&tern_engine::api::ActivityItem| matches!(item.what, ActivityWhat::Call { .. });
            snapshot.activity.items.iter().find(calls).filter(|item| item.recording.is_some()).cloned()
        })
        .await;
    assert_eq!(row.recording.as_deref(), Some(path.as_str()));
    friend.leaves().await;
    (PathBuf::from(path), host.leaves().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wav_has_this_side_left_and_the_other_right() {
    let (path, _home) = recorded(RecordFormat::Wav).await;
    assert_eq!(path.extension().and_then(|end| end.to_str()), Some("wav"));
    for (side, own) in [(0, [true, false]), (1, [false, true])] {
        let heard = hums(&channel(&path, side), TONES);
        assert!(heard.iter().filter(|tones| **tones == own).count() >= 4, "channel {side}: {heard:?}");
        assert!(!heard.contains(&[own[1], own[0]]), "channel {side} has the other side: {heard:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opus_file_plays_with_both_sides() {
    let (path, _home) = recorded(RecordFormat::Opus).await;
    assert_eq!(path.extension().and_then(|end| end.to_str()), Some("opus"));
    let heard = hums(&played(&path), TONES);
    assert!(heard.iter().filter(|tones| **tones == [true, true]).count() >= 4, "{heard:?}");
}

#[test]
fn a_recording_outlives_the_program_that_makes_it() {
    let provider = Provider::start();
    let folder = Scratch::new("killed").expect("a folder");
    let said = folder.join("said.wav");
    let voice = speech(48_000, 30.0, 12);
    voice.write(&said).expect("written");
    let [said, wav, opus] =
        [said, folder.join("talk.wav"), folder.join("talk.opus")].map(|path| path.display().to_string());
    for (file, least) in [(&wav, 3 * 192_000), (&opus, 12_000)] {
        let arguments = ["--audio-in", &said, "--audio-out", "null", "--record", file];
        let call = ["call", "echo", "--sandbox", provider.api()];
        let mut call = Run::start(&[&call[..], &arguments[..]].concat());
        call.event("call", Some("connected"));
        let deadline = Instant::now() + SOON;
        // Two seconds of sound and more.
        while std::fs::metadata(file).map_or(0, |file| file.len()) < least {
            assert!(Instant::now() < deadline, "{file} does not grow: {}", call.process.output());
            std::thread::sleep(Duration::from_millis(20));
        }
        call.process.signal("KILL");
        call.process.wait(SOON).expect("it is gone");
        let heard = played(Path::new(file));
        assert!(heard.seconds() > 1.5 && loudness(&heard) > 0.02, "{file}: {} s", heard.seconds());
    }
    let (left, right) = (channel(Path::new(&wav), 0), channel(Path::new(&wav), 1));
    let found = correlate(&left.part(0.5, 1.5), &voice);
    assert!(found.correlation > 0.98, "what was said is left: {found:?}");
    assert!(loudness(&right) > 0.02, "and its echo right");
}

/// Root mean square; full scale is 1.
fn loudness(sound: &Sound) -> f64 {
    let sum: f64 = sound.samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (sum / sound.samples.len().max(1) as f64).sqrt()
}
