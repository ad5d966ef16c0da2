use std::io::{Cursor, Seek, SeekFrom, Write};
use std::path::PathBuf;

use super::*;
use crate::track::Track;

/// A file in a directory of the test's own, removed with it.
struct Temp(PathBuf);

impl Temp {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("tern-record-{}-{name}", std::process::id())))
    }

    fn file(&self) -> PathBuf {
        self.0.join("deep").join("test")
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn tone(hz: f32, i: usize) -> f32 {
    0.4 * (i as f32 * hz * std::f32::consts::TAU / 48_000.0).sin()
}

fn record(recorder: &mut Recorder, seconds: usize) {
    for second in 0..seconds {
        let side = |hz: f32| (0..48_000).map(|i| tone(hz, second * 48_000 + i)).collect::<Vec<_>>();
        recorder.write(&side(400.0), &side(900.0));
    }
}

fn read(path: &Path) -> Option<Vec<f32>> {
    let mut track = Track::open(path).ok()?;
    let mut out = Vec::new();
    while track.read(960, &mut out) {}
    Some(out)
}

#[test]
fn both_formats_cut_at_any_byte_play_up_to_the_cut() {
    for format in [RecordFormat::Wav, RecordFormat::Opus] {
        let temp = Temp::new(format.extension());
        let mut recorder = Recorder::start(&temp.file(), format).unwrap();
        record(&mut recorder, 6);
        recorder.finish().wait().unwrap();
        let whole = std::fs::read(temp.file()).unwrap();
        let expected = read(&temp.file()).unwrap();
        assert!((6 * 48_000..6 * 48_000 + 2_048).contains(&expected.len()), "{}", expected.len());
        let mut at = 12_345_usize;
        for _ in 0..60 {
            at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let cut = (at >> 16) % whole.len();
            std::fs::write(temp.file(), &whole[..cut]).unwrap();
            let Some(part) = read(&temp.file()) else {
                assert!(cut < 300, "{format:?} {cut}: only a file without its head is none");
                continue;
            };
            let share = (cut as f64 / whole.len() as f64 * expected.len() as f64) as usize;
            // A page of Ogg is a second, the rest of WAV a sample.
            let slack = if format == RecordFormat::Opus { 50_000 } else { 4_096 };
            assert!(part.len() + slack >= share, "{format:?} {cut}: {} of {share}", part.len());
            let same = part.len().min(share).saturating_sub(2_048);
            assert!(
                part[..same].iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-4),
                "{format:?} {cut}"
            );
        }
    }
}

#[test]
fn a_program_that_dies_leaves_all_but_the_last_second() {
    for format in [RecordFormat::Wav, RecordFormat::Opus] {
        let temp = Temp::new(&format!("dead-{}", format.extension()));
        let mut recorder = Recorder::start(&temp.file(), format).unwrap();
        record(&mut recorder, 5);
        // The thread is still there and the file open, as it is when the process is killed: what is on disk then is
        // what counts. It gets there by itself, nothing but this thread's patience decides how soon.
        let left = (0..2_000).find_map(|_| {
            std::thread::yield_now();
            std::thread::park_timeout(std::time::Duration::from_millis(5));
            read(&temp.file()).filter(|samples| samples.len() >= 4 * 48_000)
        });
        assert!(left.is_some(), "{format:?}");
        recorder.finish().wait().unwrap();
    }
}

/// A disk with room for a few bytes.
struct Full(Cursor<Vec<u8>>, u64);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.position() + bytes.len() as u64 > self.1 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Full {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn a_full_disk_is_told_once_and_stops_nobody() {
    for (format, room) in [(RecordFormat::Wav, 500_000), (RecordFormat::Opus, 12_000)] {
        let disk = Box::new(Full(Cursor::new(Vec::new()), room));
        let file = RecordFile::new(disk, format).unwrap();
        let mut recorder = Recorder::write_to(file, Path::new("full")).unwrap();
        record(&mut recorder, 8);
        let error = (0..2_000).find_map(|_| {
            std::thread::park_timeout(std::time::Duration::from_millis(5));
            recorder.poll_error()
        });
        assert!(matches!(error, Some(AudioError::File { .. })), "{format:?}: {error:?}");
        assert_eq!(recorder.poll_error(), None);
        record(&mut recorder, 1);
    }
    #[cfg(target_os = "linux")]
    assert_eq!(
        Recorder::start(Path::new("/dev/full"), RecordFormat::Opus).unwrap_err().code(),
        "audio_file_failed"
    );
}

#[test]
fn a_disk_too_slow_ends_the_recording_and_not_the_call() {
    /// Takes nothing until the test lets go.
    struct Stuck(std::sync::mpsc::Receiver<()>);
    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Seek for Stuck {
        fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
            Ok(0)
        }
    }
    let (go, stuck) = sync_channel(1);
    // The head of the file is let through.
    go.try_send(()).unwrap();
    let file = RecordFile::new(Box::new(Stuck(stuck)), RecordFormat::Opus).unwrap();
    let mut recorder = Recorder::write_to(file, Path::new("slow")).unwrap();
    record(&mut recorder, 20);
    assert_eq!(recorder.poll_error().map(|error| error.code()), Some("audio_disk_too_slow"));
    assert_eq!(recorder.poll_error(), None);
    drop(go);
    recorder.finish().wait().unwrap();
}
