//! The one tool of the tests that is written in Python, in an environment of its own below the build folder.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::repository::{Repository, run};
use crate::say;

/// Its versions, and those of what it needs.
const REQUIREMENTS: &str = "tests/schemathesis/requirements.txt";

/// Installs Schemathesis unless it is there in just these versions; returns the program.
pub fn schemathesis(repository: &Repository) -> Result<PathBuf> {
    let wanted = fs::read_to_string(repository.path(REQUIREMENTS)).context(REQUIREMENTS)?;
    let folder = repository.target().join("schemathesis");
    let (program, installed) = (folder.join("bin/schemathesis"), folder.join("installed.txt"));
    // Written last, so that a run that was cut short doesn't count.
    if program.is_file() && fs::read_to_string(&installed).is_ok_and(|there| there == wanted) {
        say::note("Schemathesis: there");
        return Ok(program);
    }
    say::note("installing Schemathesis");
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))
        .context("python3 made no environment (Debian has that in python3-venv)")?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    // Built ones alone: a machine that has no compiler for one of them is told so at once.
    pip.args(["--only-binary", ":all:", "--no-deps", "--retries", "3", "--requirement"]);
    run(pip.arg(repository.path(REQUIREMENTS)))
        .context("pip (its last lines above say whether the network is the reason)")?;
    fs::write(&installed, wanted).context("noting what is installed")?;
    Ok(program)
}
