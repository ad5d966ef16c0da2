//! A sound file read by a thread of its own, so that whoever plays it never waits for a disk.
//!
//! The invariant: between the two stands a bounded queue of two seconds. The thread waits while it is full, and ends
//! when the file does or when nobody plays it any more.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

use crate::DEVICE_RATE;
use crate::error::AudioError;
use crate::track::Track;

/// Samples handed over at a time: 50 ms.
const LOT: usize = DEVICE_RATE as usize / 20;
/// Lots that may wait to be played: 2 s.
const LOTS: usize = 40;

type Lot = Vec<f32>;

/// A sound file on its way from the disk.
#[derive(Debug)]
pub(crate) struct Reading {
    lots: Receiver<Lot>,
    spare: VecDeque<f32>,
    going: bool,
}

impl Reading {
    /// Reads an open file to its end. What there is of its first seconds is there at once; waits for the disk until
    /// then.
    pub(crate) fn once(mut track: Track) -> io::Result<Self> {
        let mut spare = Vec::new();
        if !track.read(LOT * LOTS, &mut spare) {
            let (_, lots) = sync_channel(0);
            return Ok(Self { lots, spare: spare.into(), going: true });
        }
        let reading = Self::start(move |lots| _ = played(track, &lots))?;
        Ok(Self { spare: spare.into(), ..reading })
    }

    /// Reads a file that begins anew whenever it ends, and ends when it can't be read or has no sound at all.
    pub(crate) fn over_and_over(path: PathBuf) -> io::Result<Self> {
        Self::start(move |lots| {
            loop {
                match Track::open(&path) {
                    Ok(track) => {
                        if !played(track, &lots) {
                            return;
                        }
                    }
                    Err(error) => return refused(&error),
                }
            }
        })
    }

    fn start(read: impl FnOnce(SyncSender<Lot>) + Send + 'static) -> io::Result<Self> {
        let (full, lots) = sync_channel(LOTS);
        std::thread::Builder::new().name("tern-play".into()).spawn(move || read(full))?;
        Ok(Self { lots, spare: VecDeque::new(), going: true })
    }

    /// Appends as many of the next `count` samples as are there. Never waits.
    pub(crate) fn take(&mut self, count: usize, out: &mut Vec<f32>) {
        self.fetch(count);
        let ready = count.min(self.spare.len());
        out.extend(self.spare.drain(..ready));
    }

    /// Whether all there ever is has been taken.
    pub(crate) fn is_over(&self) -> bool {
        !self.going && self.spare.is_empty()
    }

    fn fetch(&mut self, count: usize) {
        while self.going && self.spare.len() <= count {
            match self.lots.try_recv() {
                Ok(lot) => self.spare.extend(lot),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => self.going = false,
            }
        }
    }

    /// Waits until so many samples are there, or all there are: virtual time is faster than a disk.
    #[cfg(test)]
    pub(crate) fn settle(&mut self, count: usize) {
        while self.going && self.spare.len() <= count {
            match self.lots.recv() {
                Ok(lot) => self.spare.extend(lot),
                Err(_) => self.going = false,
            }
        }
    }
}

/// Whether a file that was handed over to its end had any sound in it, and there is still somebody to play it.
fn played(mut track: Track, lots: &SyncSender<Lot>) -> bool {
    let mut heard = false;
    loop {
        let lot = next(&mut track);
        heard |= lot.as_ref().is_some_and(|lot| lot.iter().any(|sample| *sample != 0.0));
        match lot {
            None => return heard,
            Some(lot) => {
                if lots.send(lot).is_err() {
                    return false;
                }
            }
        }
    }
}

/// The next samples of a file; `None` at its end.
fn next(track: &mut Track) -> Option<Lot> {
    let mut lot = Vec::with_capacity(LOT);
    let going = track.read(LOT, &mut lot);
    (going || !lot.is_empty()).then_some(lot)
}

fn refused(error: &AudioError) {
    tracing::warn!(code = error.code(), "a sound file can't be played");
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::wav::WavSink;

    fn sound(samples: usize) -> Vec<f32> {
        (0..samples).map(|i| (i % 100) as f32 / 200.0).collect()
    }

    struct File(PathBuf);

    impl File {
        fn of(name: &str, samples: usize) -> Self {
            let path = std::env::temp_dir().join(format!("tern-reading-{}-{name}.wav", std::process::id()));
            let mut sink = WavSink::create(&path, DEVICE_RATE).unwrap();
            sink.write(&sound(samples)).unwrap();
            sink.finish().unwrap();
            Self(path)
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn all(reading: &mut Reading, most: usize) -> Vec<f32> {
        let mut out = Vec::new();
        while !reading.is_over() && out.len() < most {
            reading.settle(960);
            reading.take(960, &mut out);
        }
        out
    }

    #[test]
    fn a_file_is_read_to_its_end_and_no_further() {
        for samples in [0, 1, LOT, LOT * LOTS, LOT * LOTS + 7, LOT * LOTS * 2 + 100] {
            let file = File::of(&samples.to_string(), samples);
            let mut reading = Reading::once(Track::open(&file.0).unwrap()).unwrap();
            let read = all(&mut reading, usize::MAX);
            // Some silence follows, in which the resampler gives out the last of it.
            assert!((samples..samples + 2_048).contains(&read.len()), "{samples}: {}", read.len());
            let same = read.iter().zip(&sound(samples)).all(|(a, b)| (a - b).abs() < 1e-4);
            assert!(same && reading.is_over(), "{samples}");
        }
    }

    #[test]
    fn the_first_seconds_are_there_at_once() {
        let file = File::of("at-once", LOT * LOTS * 3);
        let mut reading = Reading::once(Track::open(&file.0).unwrap()).unwrap();
        let mut out = Vec::new();
        reading.take(LOT * LOTS, &mut out);
        assert_eq!(out.len(), LOT * LOTS);
        assert!(!reading.is_over());
    }

    #[test]
    fn a_bounded_number_of_lots_waits_and_the_thread_ends_with_whoever_plays() {
        let made = Arc::new(AtomicUsize::new(0));
        let (counting, begun) = (made.clone(), Instant::now());
        let reading = Reading::start(move |lots| {
            while lots.send(vec![0.0; LOT]).is_ok() {
                counting.fetch_add(1, Ordering::Relaxed);
            }
        });
        let until = |what: &str, done: &dyn Fn() -> bool| {
            while !done() {
                assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
                std::thread::park_timeout(Duration::from_millis(1));
            }
        };
        until("a full queue", &|| made.load(Ordering::Relaxed) >= LOTS);
        drop(reading.unwrap());
        until("the thread's end", &|| Arc::strong_count(&made) == 1);
        assert_eq!(made.load(Ordering::Relaxed), LOTS);
    }

    #[test]
    fn a_file_over_and_over_begins_anew_and_one_without_sound_ends() {
        let file = File::of("loop", 10_000);
        let mut reading = Reading::over_and_over(file.0.clone()).unwrap();
        let heard = all(&mut reading, 35_000);
        assert!(heard.len() >= 35_000 && !reading.is_over());
        let empty = File::of("empty", 0);
        let mut reading = Reading::over_and_over(empty.0.clone()).unwrap();
        let rest = all(&mut reading, 35_000);
        assert!(rest.iter().all(|s| *s == 0.0) && reading.is_over());
        let mut missing = Reading::over_and_over("/no/such/file.wav".into()).unwrap();
        assert!(all(&mut missing, 1).is_empty() && missing.is_over());
    }
}
