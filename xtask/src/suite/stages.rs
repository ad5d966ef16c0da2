//! The stages, one function each.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::repository::{Repository, ask, output, run};
use crate::{codegen, licences, say, tidy};

/// One stage of the suite.
pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) purpose: &'static str,
    pub(super) needs: Needs,
    pub(super) run: fn(&Repository) -> Result<()>,
}

/// What has to be installed for a stage; each includes the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Needs {
    /// Rust alone.
    Rust,
    /// What building the app needs: system libraries, Node, npm packages.
    Build,
    /// The programs that tests start.
    Programs,
}

/// Quick ones first: what is wrong there is told before anything long is built.
pub(super) const STAGES: &[Stage] = &[
    stage("fmt", "Rust is formatted", Needs::Rust, fmt),
    stage("tidy", "the rules of the house", Needs::Rust, tidy::run),
    stage("deny", "licences and sources of what we depend on", Needs::Rust, deny),
    stage("ui", "the window's types, lint, tests and build", Needs::Build, ui),
    stage("codegen", "the window's types are the engine's", Needs::Build, bindings),
    stage("clippy", "lints, all targets", Needs::Build, clippy),
    // xtask's own tests try the stage out.
    stage("unit", "unit tests of every crate", Needs::Programs, unit),
    stage("it", "engine and sandbox over loopback", Needs::Programs, integration),
    stage("api", "made-up requests to the sandbox's API", Needs::Programs, api),
    stage("oracles", "adapters of real providers before programs that play them", Needs::Programs, oracles),
    stage("peers", "calls with other phones, servers and relays", Needs::Programs, peers),
    stage("desktop", "the real window, driven", Needs::Programs, desktop),
];

const fn stage(
    name: &'static str,
    purpose: &'static str,
    needs: Needs,
    run: fn(&Repository) -> Result<()>,
) -> Stage {
    Stage { name, purpose, needs, run }
}

fn fmt(repository: &Repository) -> Result<()> {
    run(repository.cargo().args(["fmt", "--all", "--check"])).context("`cargo fmt` mends it")
}

fn deny(repository: &Repository) -> Result<()> {
    // Building cargo-deny costs more than the app's own crates; what matters of it is checked without.
    licences::check(repository)?;
    if ask(repository.cargo().args(["deny", "--version"])).is_none() {
        say::note(
            "cargo-deny is not installed (`cargo install --locked cargo-deny`): bans are not looked at",
        );
        return Ok(());
    }
    run(repository.cargo().args(["deny", "--offline", "check", "bans", "licenses", "sources"]))
}

fn ui(repository: &Repository) -> Result<()> {
    for script in ["check", "lint", "test", "build"] {
        run(repository.npm().args(["run", script]))?;
    }
    Ok(())
}

fn clippy(repository: &Repository) -> Result<()> {
    built_ui(repository)?;
    run(all(repository, "clippy").args(["--all-targets", "--", "-D", "warnings"]))?;
    // What cargo doesn't test unasked it doesn't lint unasked either, and beside `--all-targets` it hears no names.
    let named = ["it", "oracles", "peers", "desktop"].into_iter().flat_map(|name| ["--test", name]);
    run(all(repository, "clippy").args(named).args(["--", "-D", "warnings"]))
}

fn unit(repository: &Repository) -> Result<()> {
    built_ui(repository)?;
    run(&mut all(repository, "test"))
}

fn integration(repository: &Repository) -> Result<()> {
    // What `it` kills again and again.
    run(all(repository, "build").args(["--example", "victim"]))?;
    run_tests(repository, "it", &[])
}

#[cfg(unix)]
fn api(repository: &Repository) -> Result<()> {
    built_ui(repository)?;
    build_programs(repository)?;
    super::made_up::requests(repository)
}

#[cfg(not(unix))]
fn api(_: &Repository) -> Result<()> {
    say::note("not on this system");
    Ok(())
}

fn oracles(repository: &Repository) -> Result<()> {
    // They start programs of others only: nothing of ours is built first.
    test_program(repository, "tests/oracles", "oracles", &[])
}

fn peers(repository: &Repository) -> Result<()> {
    // Most of them wait for real seconds to pass; a processor each would leave processors idle.
    run_tests(repository, "peers", &["--test-threads=4"])
}

fn desktop(repository: &Repository) -> Result<()> {
    run_tests(repository, "desktop", &[])
}

fn bindings(repository: &Repository) -> Result<()> {
    built_ui(repository)?;
    build_programs(repository)?;
    codegen::check_with(repository, &repository.built("debug", "examples/bindings"))
}

/// A cargo subcommand on the whole workspace, the app as it is shipped: with its pages inside.
///
/// Cargo unites the features of what it builds at once. With one crate at a time most dependencies would be
/// built anew for each stage, since serde and tokio have other features for each.
fn all(repository: &Repository, subcommand: &str) -> Command {
    let mut cargo = repository.cargo();
    cargo.args([subcommand, "--workspace", "--features", "tern-desktop/custom-protocol"]);
    cargo
}

/// Builds what tests start: `tern`, the app, and the writer of the window's types.
fn build_programs(repository: &Repository) -> Result<()> {
    // The example has another use: with one, cargo takes the features of dev-dependencies in, as for tests.
    run(all(repository, "build").args(["--bin", "tern", "--bin", "tern-desktop", "--example", "bindings"]))
}

/// Builds one of the test crate's binaries and what it starts, and runs it.
fn run_tests(repository: &Repository, name: &str, arguments: &[&str]) -> Result<()> {
    built_ui(repository)?;
    build_programs(repository)?;
    test_program(repository, "tests", name, arguments)
}

/// Builds and runs one test binary of the package in a folder.
fn test_program(repository: &Repository, package: &str, name: &str, arguments: &[&str]) -> Result<()> {
    built_ui(repository)?;
    let mut build = all(repository, "test");
    build.args(["--no-run", "--test", name, "--message-format=json-render-diagnostics"]);
    let messages = output(&mut build)?;
    let program = executable(&messages, repository.path(package))
        .with_context(|| format!("cargo built no `{name}`"))?;
    let mut tests = Command::new(program);
    tests.args(arguments).current_dir(repository.path(package));
    tests.env("TERN_BIN", repository.built("debug", "tern"));
    tests.env("TERN_DESKTOP_BIN", repository.built("debug", "tern-desktop"));
    tests.env("TERN_VICTIM_BIN", repository.built("debug", "examples/victim"));
    run(&mut tests)
}

/// The test program of the package in a folder, from cargo's messages: others may have one of the same name.
fn executable(messages: &str, package: PathBuf) -> Option<PathBuf> {
    messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
        let manifest = Path::new(message["manifest_path"].as_str()?);
        (manifest.parent() == Some(&package)).then_some(())?;
        message["executable"].as_str().map(PathBuf::from)
    })
}

/// The shell's macros read the built pages at compile time.
fn built_ui(repository: &Repository) -> Result<()> {
    if repository.path("ui/dist/index.html").is_file() {
        return Ok(());
    }
    run(repository.npm().args(["run", "build"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_program_is_that_of_the_package_asked_for() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","manifest_path":"/r/crates/sip/Cargo.toml","executable":"/t/it-1"}"#,
            "\nnot a message\n",
            r#"{"reason":"compiler-artifact","manifest_path":"/r/tests/Cargo.toml","executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","manifest_path":"/r/tests/Cargo.toml","executable":"/t/it-2"}"#,
        );
        assert_eq!(executable(messages, "/r/tests".into()), Some("/t/it-2".into()));
        assert_eq!(executable(messages, "/r/crates/engine".into()), None);
    }
}
