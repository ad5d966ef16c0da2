//! The program that is loaded: `tern sandbox`, started anew for each row.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};
use serde_json::Value;

/// A running sandbox; dropping it ends it.
pub(crate) struct Target {
    child: Child,
    /// `host:port` of SIP.
    pub(crate) sip: String,
    /// The API's address.
    pub(crate) api: String,
    pub(crate) token: String,
    pub(crate) user: String,
    pub(crate) password: String,
}

impl Target {
    /// Starts one, with its data on disk as a lasting one has it.
    pub(crate) fn start() -> Result<Self> {
        let program = std::env::var_os("TERN_BIN").map(PathBuf::from).context("TERN_BIN names no program")?;
        let data = std::env::temp_dir().join(format!("tern-bench-sandbox-{}", std::process::id()));
        // What an earlier row has left would be read again and again.
        let _ = std::fs::remove_dir_all(&data);
        let mut child = Command::new(program)
            .args(["sandbox", "--digest", "MD5", "--data"])
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("tern cannot be started")?;
        let output = child.stdout.take().context("tern says nothing")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let told: Value = serde_json::from_str(&line).context("tern says something else than where it is")?;
        let text = |place: &str| {
            let value = told.pointer(place).and_then(Value::as_str);
            value.map(str::to_owned).with_context(|| format!("tern does not say {place}"))
        };
        Ok(Self {
            child,
            sip: text("/sip")?,
            api: text("/api")?,
            token: text("/token")?,
            user: text("/accounts/0/user")?,
            password: text("/accounts/0/password")?,
        })
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
