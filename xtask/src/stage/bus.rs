//! A D-Bus session bus and the runtime directory that goes with it.
//!
//! Nothing is activatable on it: a name is there only when the test that needs it put it there. With the
//! system's service files a missing keyring or notification server would quietly be started.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{Process, Result, Scratch, StageError, Variable, find_program};

/// A running session bus.
#[derive(Debug)]
pub struct Bus {
    address: String,
    // Before the directory: it holds a socket in it.
    _daemon: Process,
    runtime: Scratch,
}

impl Bus {
    /// Starts a bus without any service.
    pub fn start() -> Result<Self> {
        let runtime = Scratch::new("run")?;
        let address = format!("unix:path={}", runtime.join("bus").display());
        let configuration = runtime.write("bus.conf", configuration(&address))?;
        let file = format!("--config-file={}", configuration.display());
        let mut daemon = Process::start(
            "dbus-daemon",
            [file.as_str(), "--nofork", "--nopidfile", "--print-address=1"],
            &[],
        )?;
        daemon.wait_for_line("unix:path=", Duration::from_secs(20))?;
        Ok(Self { address, _daemon: daemon, runtime })
    }

    /// The value of `DBUS_SESSION_BUS_ADDRESS`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The value of `XDG_RUNTIME_DIR`.
    pub fn runtime_directory(&self) -> &Path {
        self.runtime.path()
    }

    /// Variables that lead a program to this bus.
    pub fn environment(&self) -> Vec<Variable> {
        vec![
            ("DBUS_SESSION_BUS_ADDRESS".into(), self.address.clone()),
            ("XDG_RUNTIME_DIR".into(), self.runtime.path().display().to_string()),
        ]
    }

    /// Whether somebody owns a well-known name, such as `org.freedesktop.secrets`.
    pub fn has_name(&self, name: &str) -> Result<bool> {
        let output = Command::new(find_program("dbus-send")?)
            .args([
                "--session",
                "--print-reply=literal",
                "--dest=org.freedesktop.DBus",
                "/org/freedesktop/DBus",
            ])
            .arg("org.freedesktop.DBus.NameHasOwner")
            .arg(format!("string:{name}"))
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .stdin(Stdio::null())
            .output()
            .map_err(StageError::io("asking the session bus"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(StageError::Failed { what: "asking the session bus".into(), said });
        }
        Ok(String::from_utf8_lossy(&output.stdout).contains("true"))
    }

    /// Waits until somebody owns a name.
    pub fn wait_for_name(&self, name: &str, within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        while !self.has_name(name)? {
            if Instant::now() >= deadline {
                let what = format!("{name} on the session bus");
                return Err(StageError::TooLate { what, within, said: String::new() });
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

fn configuration(address: &str) -> String {
    format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#
    )
}
