//! Radicale, which keeps contacts.

use std::time::Duration;

use super::Credentials;
use crate::{Process, Result, Scratch, ports};

const SOON: Duration = Duration::from_secs(30);

/// A running CardDAV server with one user, on loopback.
#[derive(Debug)]
pub struct Radicale {
    process: Process,
    port: u16,
    _folder: Scratch,
}

impl Radicale {
    /// Starts one and waits until it listens.
    pub fn start(user: &Credentials) -> Result<Self> {
        let folder = Scratch::new("radicale")?;
        let users = folder.write("users", format!("{}:{}\n", user.user, user.password))?;
        let port = ports::free()?;
        let configuration = format!(
            "[server]\nhosts = 127.0.0.1:{port}\n[auth]\ntype = htpasswd\nhtpasswd_filename = {}\n\
             htpasswd_encryption = plain\ndelay = 0\n[storage]\nfilesystem_folder = {}\n[logging]\nlevel = info\n",
            users.display(),
            folder.join("kept").display(),
        );
        let file = folder.write("config", configuration)?.display().to_string();
        let mut process = Process::start("radicale", ["--config", &file], &[])?;
        process.wait_for_line("Listening on", SOON)?;
        Ok(Self { process, port, _folder: folder })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Everything it logged.
    pub fn log(&self) -> String {
        self.process.output()
    }
}
