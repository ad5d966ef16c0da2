//! The window's TypeScript, written by the engine from its own types.
//!
//! The engine's example `bindings` knows the types and writes the file; here it is called, and with
//! `--check` its output is held against the committed file.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::repository::{Repository, run as run_command};
use crate::say;

/// The generated file.
pub const FILE: &str = "ui/src/api/generated.ts";

/// Writes the file, or with `check` fails when it is not what would be written.
pub fn run(repository: &Repository, check: bool) -> Result<()> {
    let committed = repository.path(FILE);
    let fresh = repository.target().join("generated.ts");
    fs::create_dir_all(repository.target()).context("making the target folder")?;
    let mut cargo = repository.cargo();
    cargo.args(["run", "--quiet", "--package", "tern-engine", "--example", "bindings", "--"]).arg(&fresh);
    run_command(&mut cargo).context("the engine could not write its types")?;
    let new = fs::read_to_string(&fresh).with_context(|| format!("reading {}", fresh.display()))?;
    let old = fs::read_to_string(&committed).unwrap_or_default();
    if new == old {
        say::note(&format!("{FILE} is what the engine's types say"));
        return Ok(());
    }
    if check {
        bail!("{FILE} is stale {}: run `cargo xtask codegen`", first_difference(&old, &new));
    }
    fs::write(&committed, new).with_context(|| format!("writing {FILE}"))?;
    say::done(&format!("{FILE} written"));
    Ok(())
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
