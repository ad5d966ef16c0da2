//! Writes the speech-like test signal: `cargo run -p tern-tests --example speech -- RATE SECONDS VOICE FILE.wav`.

use std::path::Path;

use tern_tests::Result;
use tern_tests::audio::speech;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rate, seconds, voice, file] = arguments.as_slice() else {
        return Err("usage: speech RATE SECONDS VOICE FILE.wav".into());
    };
    speech(rate.parse()?, seconds.parse()?, voice.parse()?).write(Path::new(file))
}
