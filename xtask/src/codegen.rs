//! The window's TypeScript, written by the engine from its own types.
//!
//! The engine's example `bindings` knows the types and writes the file; here it is called, and with
//! `--check` its output is held against the committed file.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::repository::{Repository, run as run_command};
use crate::say;

/// The generated file.
pub const FILE: &str = "ui/src/api/generated.ts";

/// Writes the file, or with `check` fails when it is not what would be written.
pub fn run(repository: &Repository, check: bool) -> Result<()> {
    let mut cargo = repository.cargo();
    cargo.args(["build", "--package", "tern-engine", "--example", "bindings"]);
    run_command(&mut cargo)?;
    let writer = repository.built("debug", "examples/bindings");
    if check {
        return check_with(repository, &writer);
    }
    let new = generate(repository, &writer)?;
    fs::write(repository.path(FILE), new).with_context(|| format!("writing {FILE}"))?;
    say::done(&format!("{FILE} written"));
    Ok(())
}

/// Fails when the file is not what a built writer would write.
pub fn check_with(repository: &Repository, writer: &Path) -> Result<()> {
    let new = generate(repository, writer)?;
    let old = fs::read_to_string(repository.path(FILE)).unwrap_or_default();
    if new != old {
        bail!("{FILE} is stale {}: run `cargo xtask codegen`", first_difference(&old, &new));
    }
    println!("codegen: {FILE} is what the engine's types say");
    Ok(())
}

fn generate(repository: &Repository, writer: &Path) -> Result<String> {
    let fresh = repository.target().join("generated.ts");
    run_command(Command::new(writer).arg(&fresh)).context("the engine could not write its types")?;
    fs::read_to_string(&fresh).with_context(|| format!("reading {}", fresh.display()))
}

fn first_difference(old: &str, new: &str) -> String {
    let line = old.lines().zip(new.lines()).take_while(|(a, b)| a == b).count();
    let at = |text: &str| text.lines().nth(line).unwrap_or("(end)").to_owned();
    format!("(line {}: `{}` should be `{}`)", line + 1, at(old), at(new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_is_named_by_line() {
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), "(line 2: `b` should be `c`)");
        assert_eq!(first_difference("a\n", "a\nc\n"), "(line 2: `(end)` should be `c`)");
    }
}
