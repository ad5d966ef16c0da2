//! Rust, Node and the npm packages.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;
use std::{env, fs};

use anyhow::{Context, Result, bail};

use crate::repository::{Repository, ask, run};
use crate::say;

const RUST: Version = Version(1, 95);
/// The oldest that the window's build tool runs on.
const NODE: Version = Version(20, 19);

/// Fails unless Rust is new enough.
pub(super) fn check_rust(repository: &Repository) -> Result<()> {
    let said = ask(repository.cargo().arg("--version")).context("cargo does not answer")?;
    let found = Version::in_text(&said).with_context(|| format!("cargo says {said:?}"))?;
    if found < RUST {
        bail!("Rust {RUST} or newer is needed, this is {found}: `rustup update stable` brings it");
    }
    say::note(&format!("Rust {found}: new enough"));
    Ok(())
}

/// Adds clippy and rustfmt where they are missing: a minimal Rust installation has neither.
pub(super) fn add_rust_components(repository: &Repository) -> Result<()> {
    for (subcommand, component) in [("clippy", "clippy"), ("fmt", "rustfmt")] {
        if ask(repository.cargo().args([subcommand, "--version"])).is_none() {
            say::note(&format!("adding {component} to the Rust installation"));
            run(Command::new("rustup").args(["component", "add", component]))
                .with_context(|| format!("{component} is missing and rustup could not add it"))?;
        }
    }
    Ok(())
}

/// Fails unless Node and npm are there and new enough.
pub(super) fn check_node() -> Result<()> {
    let advice = format!("Node {NODE} or newer is needed: https://nodejs.org");
    let said = ask(Command::new("node").arg("--version")).context(advice.clone())?;
    let found = Version::in_text(&said).with_context(|| format!("node says {said:?}"))?;
    if found < NODE {
        bail!("{advice}; this is {found}");
    }
    say::note(&format!("Node {found}: new enough"));
    Ok(())
}

/// Runs `npm ci` in a folder unless what it would install is there already.
pub(super) fn fetch_npm_packages(repository: &Repository, folder: &str) -> Result<()> {
    let lock = repository.path(folder).join("package-lock.json");
    // npm writes this file last, so a run that was cut short doesn't count.
    let installed = repository.path(folder).join("node_modules/.package-lock.json");
    if is_fresh(&installed, &lock) {
        say::note(&format!("npm packages of {folder}: all there"));
        return Ok(());
    }
    say::note(&format!("fetching the npm packages of {folder}"));
    let mut npm = repository.npm_in(folder);
    npm.args(["ci", "--no-audit", "--no-fund", "--fetch-timeout=60000"]);
    if env::var_os("CI").is_some() {
        npm.arg("--progress=false");
    }
    run(&mut npm).context("npm ci (its last lines above say whether the network is the reason)")
}

/// Whether `made` exists and is not older than `source`.
fn is_fresh(made: &Path, source: &Path) -> bool {
    let age = |path: &Path| -> Option<SystemTime> { fs::metadata(path).ok()?.modified().ok() };
    match (age(made), age(source)) {
        (Some(made), Some(source)) => made >= source,
        _ => false,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl Version {
    /// The first `major.minor` in a text such as `cargo 1.95.0 (…)` or `v20.20.2`.
    fn in_text(text: &str) -> Option<Self> {
        text.split(|c: char| c.is_whitespace() || c == 'v').find_map(|word| {
            let mut numbers = word.split('.').map(str::parse::<u32>);
            Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?))
        })
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_tools_say() {
        assert_eq!(Version::in_text("cargo 1.95.0 (f2d3ce0bd 2026-03-21)"), Some(Version(1, 95)));
        assert_eq!(Version::in_text("v20.20.2\n"), Some(Version(20, 20)));
        assert_eq!(Version::in_text("command not found"), None);
        assert!(Version(1, 100) > RUST && Version(1, 94) < RUST);
    }
}
