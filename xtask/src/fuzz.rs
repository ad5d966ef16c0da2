//! `cargo xtask fuzz`: the fuzz targets of the crates that read what comes from outside, for as long as wanted. Their short runs are part of
//! `cargo test`.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::repository::{Repository, ask, run};
use crate::say;

/// The targets by crate, as they are named in its `fuzz/Cargo.toml`.
pub const TARGETS: &[(&str, &str)] = &[
    ("crates/sip", "message"),
    ("crates/sip", "headers"),
    ("crates/sip", "sdp"),
    ("crates/sip", "challenge"),
    ("crates/sip", "framing"),
    ("crates/sip", "endpoint"),
    ("crates/media", "path"),
    ("crates/media", "unprotect"),
    ("crates/media", "stream"),
    ("crates/media", "packets"),
    ("crates/media", "digits"),
    ("crates/media", "relay"),
    ("crates/media", "handshake"),
    ("crates/media", "file"),
];

/// How long each target runs where it is not told.
pub const SECONDS: u64 = 60;

/// The longest input, in octets: of a stream each octet more is more sound to be made.
fn longest(target: &str) -> usize {
    if target == "stream" { 1_024 } else { 8_192 }
}

/// Runs one target, or all one after the other, each for so many seconds. What breaks it lies in the crate's
/// `fuzz/artifacts`; the inputs that lead further are kept in the build folder and gone on from, apart from the corpus
/// that the tests read.
///
/// Fails when there is no nightly compiler or no cargo-fuzz, and when a target finds something.
pub fn run_targets(repository: &Repository, target: Option<&str>, seconds: u64) -> Result<ExitCode> {
    if let Some(unknown) = target.filter(|name| TARGETS.iter().all(|(_, known)| known != name)) {
        let names: Vec<&str> = TARGETS.iter().map(|(_, name)| *name).collect();
        bail!("there is no fuzz target `{unknown}`; there are: {}", names.join(" "));
    }
    ask(Command::new("cargo").args(["+nightly", "fuzz", "--version"]))
        .context("fuzzing needs `rustup toolchain install nightly` and `cargo install cargo-fuzz`")?;
    for (folder, name) in TARGETS.iter().filter(|(_, name)| target.is_none_or(|wanted| wanted == *name)) {
        say::step(&format!("fuzzing {name} for {seconds} s"));
        let kept = repository.target().join("fuzz").join(name);
        std::fs::create_dir_all(&kept).with_context(|| format!("making {}", kept.display()))?;
        let mut fuzz = Command::new("cargo");
        fuzz.current_dir(repository.path(folder)).args(["+nightly", "fuzz", "run", name]);
        // libFuzzer adds to the first of its folders.
        fuzz.arg(kept).arg(repository.path(folder).join("fuzz/corpus").join(name)).arg("--");
        fuzz.args([format!("-max_total_time={seconds}"), format!("-max_len={}", longest(name))]);
        run(&mut fuzz)?;
    }
    say::done("Nothing was found.");
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_can_be_built_has_a_corpus_and_runs_in_the_tests() {
        let repository = Repository::here().unwrap();
        let read = |path: String| std::fs::read_to_string(repository.path(&path)).unwrap();
        for (folder, name) in TARGETS {
            assert!(
                read(format!("{folder}/fuzz/Cargo.toml")).contains(&format!("name = \"{name}\"\n")),
                "{name}"
            );
            assert!(
                read(format!("{folder}/fuzz/fuzz_targets/{name}.rs")).contains(&format!("targets::{name}("))
            );
            assert!(
                read(format!("{folder}/tests/it/fuzz.rs")).contains(&format!("run(\"{name}\", ")),
                "{name}"
            );
            let corpus = repository.path(&format!("{folder}/fuzz/corpus/{name}"));
            assert!(std::fs::read_dir(corpus).unwrap().count() > 1, "{name}");
        }
        for folder in ["crates/sip", "crates/media"] {
            let built = read(format!("{folder}/fuzz/Cargo.toml")).matches("[[bin]]").count();
            assert_eq!(built, TARGETS.iter().filter(|(of, _)| *of == folder).count(), "{folder}");
        }
    }
}
