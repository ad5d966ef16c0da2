//! `cargo xtask bench`: figures that need more than one program to measure. A crate's own benchmarks are cargo's.

use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::repository::{Repository, run};
use crate::say;
use crate::setup::{self, Group};

/// What can be measured.
pub const NAMES: &[&str] = &["network"];

/// Sets the machine up, builds what a benchmark needs and runs it, so many times where told.
///
/// Fails when a figure misses its limit.
pub fn measure(repository: &Repository, name: &str, runs: Option<u32>) -> Result<ExitCode> {
    if !NAMES.contains(&name) {
        bail!("there is no benchmark `{name}`; there are: {}", NAMES.join(" "));
    }
    setup::everything(repository, &Group::ALL)?;
    say::step(&format!("building what the benchmark of the {name} needs"));
    run(repository.cargo().args(["build", "--package", "tern-cli"]))?;
    let example = format!("bench-{name}");
    run(repository.cargo().args(["build", "--package", "tern-tests", "--example", &example]))?;
    say::step("measuring");
    let mut bench = Command::new(repository.built("debug", &format!("examples/{example}")));
    bench.current_dir(repository.path("tests")).env("TERN_BIN", repository.built("debug", "tern"));
    bench.args(runs.map(|runs| runs.to_string()));
    run(&mut bench)?;
    Ok(ExitCode::SUCCESS)
}
