//! Whether a write-ahead log is whole.
//!
//! SQLite reads a log up to the first frame whose checksum is wrong and forgets the rest without a word: that is how
//! it copes with an end torn off by a power cut. A frame that is wrong while committed frames follow it, or that
//! itself ended a transaction, took kept changes with it, and their user should hear of it. The format is SQLite's
//! file format, section 4 ("The Write-Ahead Log").

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

const HEADER: usize = 32;
const FRAME: usize = 24;
/// Checksums over little-endian words, or over big-endian ones.
const MAGIC: [u32; 2] = [0x377f_0682, 0x377f_0683];

/// Whether every committed frame of the log can still be read; a log that is not there is whole.
pub(super) fn is_whole(path: &Path) -> io::Result<bool> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        file => file?,
    };
    let size = file.metadata()?.len();
    let mut input = BufReader::new(file);
    let mut header = [0; HEADER];
    if !fill(&mut input, &mut header)? {
        // Not even begun.
        return Ok(true);
    }
    let little = match MAGIC.iter().position(|magic| *magic == word(&header, 0)) {
        Some(order) => order == 0,
        None => return Ok(size < (HEADER + FRAME) as u64),
    };
    let mut sums = Sums { little, a: 0, b: 0 };
    sums.add(header.get(..24).unwrap_or_default());
    let page = word(&header, 8) as usize;
    let sane = page.is_power_of_two() && (512..=65536).contains(&page);
    if !sane || (sums.a, sums.b) != (word(&header, 24), word(&header, 28)) {
        return Ok(size < (HEADER + FRAME) as u64);
    }
    let salts = (word(&header, 16), word(&header, 20));
    let mut frame = vec![0; FRAME + page];
    let mut broken = false;
    while fill(&mut input, &mut frame)? {
        // What an earlier round of the log left behind has other salts.
        if (word(&frame, 8), word(&frame, 12)) == salts {
            let commits = word(&frame, 4) != 0;
            if !broken {
                sums.add(frame.get(..8).unwrap_or_default());
                sums.add(frame.get(FRAME..).unwrap_or_default());
                broken = (sums.a, sums.b) != (word(&frame, 16), word(&frame, 20));
            }
            if broken && commits {
                return Ok(false);
            }
        } else {
            broken = true;
        }
    }
    Ok(true)
}

/// Fills all of `into`, or tells that there is not enough any more.
fn fill(input: &mut impl Read, into: &mut [u8]) -> io::Result<bool> {
    match input.read_exact(into) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The big-endian word at `at`.
fn word(bytes: &[u8], at: usize) -> u32 {
    let found = bytes.get(at..at.saturating_add(4)).and_then(|b| b.try_into().ok());
    found.map_or(0, u32::from_be_bytes)
}

struct Sums {
    little: bool,
    a: u32,
    b: u32,
}

impl Sums {
    fn add(&mut self, bytes: &[u8]) {
        let read = if self.little { u32::from_le_bytes } else { u32::from_be_bytes };
        let mut words = bytes.chunks_exact(4).map(|c| c.try_into().map_or(0, read));
        while let (Some(first), Some(second)) = (words.next(), words.next()) {
            self.a = self.a.wrapping_add(first).wrapping_add(self.b);
            self.b = self.b.wrapping_add(second).wrapping_add(self.a);
        }
    }
}
