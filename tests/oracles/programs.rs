//! The Node programs, each started on a free port and stopped when dropped.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tern_tests::{Process, Result, ports};

/// Node reads many files before it listens, and the machine may be very busy.
const SOON: Duration = Duration::from_secs(300);

/// A running program.
pub(crate) struct Program {
    /// Where it answers.
    pub(crate) url: String,
    // Ends when it is dropped.
    _process: Process,
}

impl Program {
    /// `emulate` as Twilio, with the account and the number that it is born with.
    pub(crate) fn emulate() -> Result<Self> {
        let port = ports::free()?;
        let arguments = ["--service", "twilio", "--port", &port.to_string()].map(str::to_owned);
        Self::start("emulate/dist/index.js", &arguments, port, "localhost:")
    }

    /// Prism, answering with the examples of a description.
    pub(crate) fn prism(description: &Path) -> Result<Self> {
        let port = ports::free()?;
        let (file, number) = (description.display().to_string(), port.to_string());
        let arguments = ["mock", "--host", "127.0.0.1", "--port", &number, &file].map(str::to_owned);
        Self::start("@stoplight/prism-cli/dist/index.js", &arguments, port, "Prism is listening")
    }

    fn start(script: &str, arguments: &[String], port: u16, says: &str) -> Result<Self> {
        let script = here().join("node_modules").join(script);
        if !script.is_file() {
            let missing = format!("{} is missing: `cargo xtask setup --tests` fetches it", script.display());
            return Err(missing.into());
        }
        let arguments = std::iter::once(script.display().to_string()).chain(arguments.iter().cloned());
        let mut process = Process::start("node", arguments, &[])?;
        process.wait_for_line(says, SOON)?;
        Ok(Self { url: format!("http://127.0.0.1:{port}"), _process: process })
    }
}

/// This folder.
fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A description that is stored beside the adapters.
pub(crate) fn description(name: &str) -> PathBuf {
    here().join("../../crates/provider/tests/fixtures").join(name)
}
