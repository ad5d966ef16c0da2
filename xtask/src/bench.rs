//! `cargo xtask bench`: figures that need more than one program to measure. A crate's own benchmarks are cargo's.

use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::repository::{Repository, run};
use crate::say;
use crate::setup::{self, Group};

/// What can be measured.
pub const NAMES: &[&str] = &["network", "audio", "sandbox", "activity"];

/// Sets the machine up, builds what a benchmark needs and runs it with the options given.
///
/// Fails when a figure misses its limit.
pub fn measure(repository: &Repository, name: &str, options: &[String]) -> Result<ExitCode> {
    if !NAMES.contains(&name) {
        bail!("there is no benchmark `{name}`; there are: {}", NAMES.join(" "));
    }
    let is_optimised = name != "network";
    let needs_programs = matches!(name, "audio" | "sandbox");
    let groups: Vec<Group> = Group::ALL.into_iter().chain(needs_programs.then_some(Group::Bench)).collect();
    setup::everything(repository, &groups)?;
    say::step(&format!("building what the benchmark of the {name} needs"));
    let mut bench = if is_optimised {
        // What is measured is what the shipped program costs.
        let bench = format!("tern-bench-{name}");
        run(repository.cargo().args(["build", "--release", "-p", "tern-cli", "-p", &bench]))?;
        let mut command = Command::new(repository.built("release", &bench));
        command.env("TERN_BIN", repository.built("release", "tern"));
        command.arg("--report").arg(repository.target().join(format!("bench-{name}")));
        command
    } else {
        run(repository.cargo().args(["build", "-p", "tern-cli"]))?;
        run(repository.cargo().args(["build", "-p", "tern-tests", "--example", "bench-network"]))?;
        let mut bench = Command::new(repository.built("debug", "examples/bench-network"));
        bench.env("TERN_BIN", repository.built("debug", "tern"));
        bench
    };
    say::step("measuring");
    bench.current_dir(repository.path("tests")).args(options);
    run(&mut bench)?;
    Ok(ExitCode::SUCCESS)
}
