//! The fuzz targets, for a moment each: what `cargo xtask fuzz` runs for long, with seeded changes to its corpora.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use std::path::PathBuf;

use crate::garbage::mutate;

#[path = "../../fuzz/targets.rs"]
mod targets;

/// Gives a target its corpus as it stands, then so many changed inputs.
fn run(corpus: &str, count: usize, target: fn(&[u8])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(corpus);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let seeds: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    assert!(seeds.len() > 1);
    seeds.iter().for_each(|seed| target(seed));
    let mut rng = ChaCha8Rng::seed_from_u64(2026);
    for _ in 0..count {
        let (one, other) = (rng.next_u32() as usize % seeds.len(), rng.next_u32() as usize % seeds.len());
        let mut input = mutate(&mut rng, &seeds[one]);
        // Pieces of two, now and then.
        if rng.next_u32() % 4 == 0 {
            input.extend(mutate(&mut rng, &seeds[other]));
        }
        target(&input);
    }
}

#[test]
fn messages() {
    run("message", 6000, targets::message);
}

#[test]
fn header_views() {
    run("headers", 6000, targets::headers);
}

#[test]
fn session_descriptions() {
    run("sdp", 3000, targets::sdp);
}

#[test]
fn challenges() {
    run("challenge", 3000, targets::challenge);
}

#[test]
fn streams() {
    run("framing", 2000, targets::framing);
}

#[test]
fn endpoints_in_the_middle_of_dialogs() {
    run("endpoint", 300, targets::endpoint);
}
