//! The stages, one function each.

use std::process::Command;

use anyhow::{Context, Result};

use crate::repository::{Repository, ask, run};
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
    stage("codegen", "the window's types are the engine's", Needs::Build, |repository| {
        codegen::run(repository, true)
    }),
    stage("clippy", "lints, all targets", Needs::Build, clippy),
    // xtask's own tests try the stage out.
    stage("unit", "unit tests of every crate", Needs::Programs, unit),
    stage("it", "engine and sandbox over loopback", Needs::Programs, integration),
    stage("peers", "calls with Kamailio and baresip", Needs::Programs, peers),
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
    run(repository.cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn unit(repository: &Repository) -> Result<()> {
    run(repository.cargo().arg("test"))
}

fn integration(repository: &Repository) -> Result<()> {
    run(with_cli(repository)?.args(["--test", "it"]))
}

fn peers(repository: &Repository) -> Result<()> {
    run(with_cli(repository)?.args(["--test", "peers"]))
}

fn desktop(repository: &Repository) -> Result<()> {
    built_ui(repository)?;
    run(&mut build_app(repository, false))?;
    let mut tests = with_cli(repository)?;
    tests.env("TERN_DESKTOP_BIN", repository.built("debug", "tern-desktop"));
    run(tests.args(["--test", "desktop"]))
}

/// The command that builds the app as it is shipped: with its pages inside.
pub(crate) fn build_app(repository: &Repository, release: bool) -> Command {
    let mut cargo = repository.cargo();
    cargo.args(["build", "--package", "tern-desktop", "--features", "custom-protocol"]);
    if release {
        cargo.arg("--release");
    }
    cargo
}

/// `cargo test` of the test crate, after the `tern` that its tests start was built.
fn with_cli(repository: &Repository) -> Result<Command> {
    run(repository.cargo().args(["build", "--package", "tern-cli"]))?;
    let mut cargo = repository.cargo();
    cargo.args(["test", "--package", "tern-tests"]).env("TERN_BIN", repository.built("debug", "tern"));
    Ok(cargo)
}

/// The shell's macros read the built pages at compile time.
fn built_ui(repository: &Repository) -> Result<()> {
    if repository.path("ui/dist/index.html").is_file() {
        return Ok(());
    }
    run(repository.npm().args(["run", "build"]))
}
