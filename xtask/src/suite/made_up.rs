//! Made-up requests to the sandbox's API, sound and unsound, held against its own description: Schemathesis.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::repository::{Repository, run};
use crate::setup;
use crate::stage::{Process, Scratch};

const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// Runs it on the built `tern` with the configuration beside the tests.
pub(super) fn requests(repository: &Repository) -> Result<()> {
    let program = setup::schemathesis(repository)?;
    let mut command = Command::new(repository.built("debug", "tern"));
    command.arg("sandbox");
    let mut sandbox = Process::spawn("tern sandbox", command)?;
    let line = sandbox.wait_for_line("\"event\":\"sandbox\"", STARTS_WITHIN)?;
    let told: Value = serde_json::from_str(&line).context("what the sandbox told")?;
    let (Some(api), Some(token)) = (told["api"].as_str(), told["token"].as_str()) else {
        bail!("the sandbox told neither address nor token");
    };
    // It leaves what it has learnt in the folder in which it runs.
    let scratch = Scratch::new("schemathesis")?;
    let mut schemathesis = Command::new(program);
    schemathesis.arg("--config-file").arg(repository.path("tests/schemathesis/schemathesis.toml"));
    schemathesis.args(["run", &format!("{api}/openapi.json"), "--checks", "all", "--no-color"]);
    schemathesis.env("SCHEMATHESIS_HOOKS", repository.path("tests/schemathesis/hooks.py"));
    schemathesis.env("TERN_TOKEN", token).current_dir(scratch.path());
    let checked = run(&mut schemathesis);
    let is_running = sandbox.is_running();
    let output = sandbox.output();
    sandbox.stop();
    if !is_running || output.contains("panicked") {
        bail!("the sandbox did not live through it:\n{output}");
    }
    checked
}
