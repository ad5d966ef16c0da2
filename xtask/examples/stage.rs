//! Sets the stage up, runs one command on it and takes it down: for trying things by hand.
//!
//! `cargo run -p xtask --example stage -- sh -c 'pactl info; echo $DISPLAY'`

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use xtask::stage::Stage;

fn main() -> Result<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    let program = words.next().context("which command?")?;
    let stage = Stage::start()?;
    let mut command = Command::new(&program);
    command.args(words);
    stage.place(&mut command);
    let status = command.status().with_context(|| format!("starting {}", program.display()))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
