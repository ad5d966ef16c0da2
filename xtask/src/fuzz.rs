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
];

/// How long each target runs where it is not told.
pub const SECONDS: u64 = 60;

/// Runs one target, or all one after the other, each for so many seconds. What it finds lies in
/// the crate's `fuzz/artifacts`.
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
        let mut fuzz = Command::new("cargo");
        fuzz.current_dir(repository.path(folder)).args(["+nightly", "fuzz", "run", name, "--"]);
        fuzz.args([format!("-max_total_time={seconds}"), "-max_len=8192".into()]);
        run(&mut fuzz)?;
    }
    say::done("Nothing was found.");
    Ok(ExitCode::SUCCESS)
}
