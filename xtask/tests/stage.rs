//! The stage itself, with the real programs, where they are installed.
//!
//! A machine that only builds has no Xvfb or PulseAudio; `cargo xtask test` installs them, so there these run.

#![cfg(target_os = "linux")]

use std::process::Command;
use std::time::{Duration, Instant};

use xtask::stage::{Display, Process, Scratch, Stage, StageError, find_program};

const PROGRAMS: &[&str] = &[
    "Xvfb",
    "import",
    "display",
    "dbus-daemon",
    "dbus-send",
    "pulseaudio",
    "pactl",
    "paplay",
    "parec",
    "gnome-keyring-daemon",
];

fn can_play() -> bool {
    let missing: Vec<_> = PROGRAMS.iter().filter(|program| find_program(program).is_err()).collect();
    if !missing.is_empty() {
        eprintln!("not run, missing: {missing:?}");
    }
    missing.is_empty()
}

#[test]
fn a_stage_stands_and_leaves_nothing_behind() {
    if !can_play() {
        return;
    }
    let stage = Stage::start().unwrap();
    let files = Scratch::new("picture").unwrap();

    let picture = files.join("screen.png");
    stage.display.screenshot(&picture).unwrap();
    assert!(std::fs::read(&picture).unwrap().starts_with(b"\x89PNG"));

    assert!(stage.bus.has_name("org.freedesktop.secrets").unwrap());
    // The bus starts nothing by itself.
    assert!(!stage.bus.has_name("org.freedesktop.Notifications").unwrap());

    let home = stage.home.path().to_path_buf();
    let runtime = stage.bus.runtime_directory().to_path_buf();
    let display = stage.display.name();
    drop(stage);
    assert!(!home.exists() && !runtime.exists());
    let again =
        Command::new("import").args(["-window", "root", "png:-"]).env("DISPLAY", display).output().unwrap();
    assert!(!again.status.success(), "the display still answers");
}

#[test]
fn a_painted_window_is_told_from_an_empty_screen() {
    if !can_play() {
        return;
    }
    let display = Display::start().unwrap();
    let files = Scratch::new("picture").unwrap();
    let picture = files.join("screen.png");
    let empty = display.screenshot_when_painted(&picture, Duration::from_millis(600));
    assert!(matches!(empty, Err(StageError::TooLate { .. })), "{empty:?}");
    let arguments = ["-size", "500x200", "gradient:red-blue"];
    let _window = Process::start("display", arguments, &display.environment()).unwrap();
    display.screenshot_when_painted(&picture, Duration::from_secs(20)).unwrap();
}

#[test]
fn what_is_spoken_is_heard() {
    if !can_play() {
        return;
    }
    let stage = Stage::start_without_keyring().unwrap();
    let files = Scratch::new("voice").unwrap();
    let spoken = files.write("spoken.wav", beep()).unwrap();
    let recording = stage.sound.record_microphone(&files.join("heard.wav")).unwrap();
    let mut speaking = stage.sound.speak(&spoken).unwrap();
    assert!(speaking.wait(Duration::from_secs(20)).unwrap().success(), "{}", speaking.output());
    let heard = std::fs::read(recording.finish().unwrap()).unwrap();
    let samples = heard[44..].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
    let loud = samples.filter(|sample| sample.unsigned_abs() > 8_000).count();
    // Half a second of a square wave at 48 kHz; the edges may be cut.
    assert!(loud > 20_000, "{loud} loud samples of {}", heard.len() / 2);
}

/// The warden's promise: an owner that is killed leaves no process and no directory.
#[test]
fn a_killed_owner_leaves_nothing_behind() {
    const AS_OWNER: &str = "TERN_TEST_IS_OWNER";
    if std::env::var_os(AS_OWNER).is_some() {
        let folder = Scratch::new("owned").unwrap();
        let owned = Process::start("tail", ["-f", "/dev/null"], &[]).unwrap();
        println!("\nowns {} {}", owned.pid(), folder.path().display());
        std::thread::park();
    }
    let mut owner = Command::new(std::env::current_exe().unwrap());
    owner.args(["--exact", "a_killed_owner_leaves_nothing_behind", "--nocapture"]).env(AS_OWNER, "1");
    let mut owner = Process::spawn("the owner", owner).unwrap();
    let line = owner.wait_for_line("owns ", Duration::from_secs(20)).unwrap();
    let mut words = line.split(' ').skip(1);
    let (pid, folder) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
    let is_left = || {
        let runs = std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty());
        runs || std::path::Path::new(&folder).exists()
    };
    assert!(is_left());
    owner.signal("KILL");
    let deadline = Instant::now() + Duration::from_secs(15);
    while is_left() {
        assert!(Instant::now() < deadline, "process {pid} or {folder} is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Half a second of a 440 Hz square wave as a WAV file.
fn beep() -> Vec<u8> {
    let samples = (0..24_000_u32)
        .flat_map(|n| (if (n * 880 / 48_000) % 2 == 0 { 12_000_i16 } else { -12_000 }).to_le_bytes());
    let data: Vec<u8> = samples.collect();
    let length = u32::try_from(data.len()).unwrap();
    let mut wav = Vec::new();
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(36 + length).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend_from_slice(&48_000_u32.to_le_bytes());
    wav.extend_from_slice(&96_000_u32.to_le_bytes());
    wav.extend_from_slice(b"\x02\0\x10\0data");
    wav.extend_from_slice(&length.to_le_bytes());
    wav.extend_from_slice(&data);
    wav
}
