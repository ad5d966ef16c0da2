//! Shows how a recording follows its reference, piece by piece: `compare REFERENCE.wav RECORDING.wav`.

use std::path::Path;

use tern_tests::Result;
use tern_tests::audio::{Sound, correlate, correlate_pieces};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [reference, recording] = arguments.as_slice() else {
        return Err("usage: compare REFERENCE.wav RECORDING.wav".into());
    };
    let (reference, recording) = (Sound::read(Path::new(reference))?, Sound::read(Path::new(recording))?);
    let whole = correlate(&reference, &recording);
    println!("whole: correlation {:.4}, delay {:.1} ms", whole.correlation, whole.delay * 1000.0);
    for piece in [0.1, 0.2, 0.3, 0.5] {
        let found = correlate_pieces(&reference, &recording, piece);
        println!("pieces of {piece} s: correlation {:.4}", found.correlation);
    }
    let mut start = 0.0;
    while start + 0.5 <= reference.seconds() {
        let from = (start + whole.delay - 0.5).max(0.0);
        let found = correlate(&reference.part(start, start + 0.5), &recording.part(from, from + 1.5));
        let delay = (from + found.delay - start) * 1000.0;
        println!("{start:5.1} s: correlation {:.4}, delay {delay:.1} ms", found.correlation);
        start += 0.5;
    }
    Ok(())
}
