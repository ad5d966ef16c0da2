//! Where things lie in this repository, and how its tools are called.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, bail};

use crate::say;

/// The working copy.
#[derive(Debug, Clone)]
pub struct Repository {
    root: PathBuf,
}

impl Repository {
    /// The working copy that this program was built from, or the one around the current directory.
    pub fn here() -> Result<Self> {
        // Cargo sets this at run time; it stays right when the working copy was moved since the build.
        let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let start = match manifest {
            Some(folder) => folder,
            None => env::current_dir().context("asking for the current directory")?,
        };
        let root = start
            .ancestors()
            .find(|folder| {
                fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|t| t.contains("[workspace]"))
            })
            .with_context(|| format!("{} is not inside the repository", start.display()))?;
        Ok(Self { root: root.to_path_buf() })
    }

    /// Its top folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path inside it; slashes separate.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside)
    }

    /// The folder that cargo builds into.
    pub fn target(&self) -> PathBuf {
        match env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => self.root.join(folder),
            None => self.path("target"),
        }
    }

    /// A program that cargo has built, in the profile folder `debug` or `release`.
    pub fn built(&self, profile: &str, name: &str) -> PathBuf {
        self.target().join(profile).join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// The cargo that runs us, at the top of the repository.
    pub fn cargo(&self) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root);
        // Cargo sets these for us, not for the cargo that we start.
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" {
                command.env_remove(name);
            }
        }
        command
    }

    /// npm, in the folder of the window's sources.
    pub fn npm(&self) -> Command {
        self.npm_in("ui")
    }

    /// npm, in a folder that has packages of its own.
    pub fn npm_in(&self, folder: &str) -> Command {
        let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
        command.current_dir(self.path(folder));
        command
    }

    /// The files that git tracks or would track, relative to the top and with slashes.
    pub fn files(&self) -> Result<Vec<String>> {
        let output = Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
            .current_dir(&self.root)
            .output()
            .context("starting git")?;
        if !output.status.success() {
            bail!("git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let names = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut files: Vec<String> = names
            .split('\0')
            .filter(|name| !name.is_empty() && self.path(name).is_file())
            .map(str::to_owned)
            .collect();
        files.sort();
        files.dedup();
        Ok(files)
    }
}

/// Runs a command with its output shown; fails when it fails. It gets no stdin: nothing here may ask.
pub fn run(command: &mut Command) -> Result<()> {
    say::command(command);
    let program =
        Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("`{program}` could not be started; is it installed?"))?;
    if !status.success() {
        bail!("`{program}` failed ({status})");
    }
    Ok(())
}

/// Runs a command with its stderr shown and returns what it printed on stdout; fails when it fails.
pub fn output(command: &mut Command) -> Result<String> {
    say::command(command);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("starting it")?;
    if !output.status.success() {
        bail!("it failed ({})", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command quietly and returns what it printed on stdout, or nothing when it can't be run or fails.
pub fn ask(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
