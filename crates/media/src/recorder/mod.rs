//! Recordings: two channels, this side left and the other right, 48 kHz, in a file that can be played whenever
//! writing it stops.
//!
//! The invariant: whoever records never waits. Pairs of samples go through a bounded queue to a thread that codes
//! and writes; when the disk is so slow that the queue is full, the recording fails and says so, and the call goes on.

mod file;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use file::RecordFile;

use crate::error::AudioError;

/// How a recording is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordFormat {
    /// WAV, 16 bits.
    Wav,
    /// Opus in Ogg (RFC 7845).
    Opus,
}

impl RecordFormat {
    /// What the names of such files end with.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Opus => "opus",
        }
    }
}

/// Pairs handed over at a time: 100 ms.
const LOT: usize = crate::DEVICE_RATE as usize / 10;
/// Lots that may wait for the disk: 10 s.
const LOTS: usize = 100;

type Lot = Vec<[f32; 2]>;

/// A recording under way.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    filling: Lot,
    full: Option<SyncSender<Lot>>,
    /// Written lots come back to be filled again.
    empty: Receiver<Lot>,
    failures: Receiver<AudioError>,
    late: bool,
    thread: JoinHandle<()>,
}

impl Recorder {
    /// Creates the file, with the folders it is in, replacing one that is there. May wait for the disk.
    pub fn start(path: &Path, format: RecordFormat) -> Result<Self, AudioError> {
        let failed = |error: io::Error| AudioError::File { path: path.to_owned(), reason: error.to_string() };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        Self::write_to(RecordFile::create(path, format).map_err(failed)?, path)
    }

    fn write_to(mut file: RecordFile, path: &Path) -> Result<Self, AudioError> {
        let (full, lots) = sync_channel::<Lot>(LOTS);
        let (back, empty) = sync_channel(LOTS);
        let (failure, failures) = sync_channel(1);
        let failed = {
            let path = path.to_owned();
            move |error: io::Error| AudioError::File { path: path.clone(), reason: error.to_string() }
        };
        let thread = std::thread::Builder::new().name("tern-record".into());
        let explain = failed.clone();
        let thread = thread
            .spawn(move || {
                for mut lot in lots {
                    if let Err(error) = file.write(&lot) {
                        let _ = failure.try_send(explain(error));
                        return;
                    }
                    lot.clear();
                    let _ = back.try_send(lot);
                }
                if let Err(error) = file.finish() {
                    let _ = failure.try_send(explain(error));
                }
            })
            .map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            filling: Vec::with_capacity(LOT),
            full: Some(full),
            empty,
            failures,
            late: false,
            thread,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends as many pairs as both sides have. Never waits.
    pub fn write(&mut self, left: &[f32], right: &[f32]) {
        for (left, right) in left.iter().zip(right) {
            self.filling.push([*left, *right]);
            if self.filling.len() >= LOT {
                self.hand_over();
            }
        }
    }

    /// Why it failed, once.
    pub fn poll_error(&mut self) -> Option<AudioError> {
        if std::mem::take(&mut self.late) {
            return Some(AudioError::DiskTooSlow { path: self.path.clone() });
        }
        self.failures.try_recv().ok()
    }

    /// Ends it. The thread completes the file by itself.
    pub fn finish(mut self) -> Finishing {
        self.hand_over();
        self.full = None;
        Finishing { failures: self.failures, thread: self.thread }
    }

    fn hand_over(&mut self) {
        let next = self.empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(LOT));
        let lot = std::mem::replace(&mut self.filling, next);
        if let Some(full) = &self.full
            && let Err(TrySendError::Full(_)) = full.try_send(lot)
        {
            self.late = true;
            self.full = None;
        }
    }
}

/// A file that is being completed.
#[derive(Debug)]
pub struct Finishing {
    failures: Receiver<AudioError>,
    thread: JoinHandle<()>,
}

impl Finishing {
    /// Whether the file is complete.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until the file is complete.
    pub fn wait(self) -> Result<(), AudioError> {
        // A thread that panicked has told nothing; then the file is as far as it got.
        let _ = self.thread.join();
        self.failures.try_recv().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests;
