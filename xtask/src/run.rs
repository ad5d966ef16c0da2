//! `cargo xtask run`: from a fresh clone to the open window.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use crate::repository::{Repository, run as run_command};
use crate::say;
use crate::setup::{self, Group};

/// How to run the app.
#[derive(Debug, Default)]
pub struct Options {
    /// Build with optimisation.
    pub release: bool,
    /// Close the app after this long; otherwise it stays until it is quit.
    pub run_for: Option<Duration>,
}

/// Sets the machine up, builds the window and the app, opens it on the built-in sandbox provider.
///
/// Returns the app's own exit code.
pub fn run(repository: &Repository, options: &Options) -> Result<ExitCode> {
    let headless = is_headless();
    let groups: &[Group] = if headless { &[Group::Build, Group::Headless] } else { &[Group::Build] };
    setup::everything(repository, groups)?;
    say::step("[1/3] building the window's pages");
    run_command(repository.npm().args(["run", "build"]))?;
    say::step("[2/3] building the app (minutes the first time, seconds later)");
    let mut build = repository.cargo();
    // Without the feature the window would look for a development server.
    build.args(["build", "--package", "tern-desktop", "--features", "custom-protocol"]);
    if options.release {
        build.arg("--release");
    }
    run_command(&mut build)?;
    let profile = if options.release { "release" } else { "debug" };
    let app = repository.built(profile, "tern-desktop");
    say::step("[3/3] opening Tern on the sandbox provider");
    if headless { headless::open(repository, &app, options) } else { window::open(&app, options) }
}

fn is_headless() -> bool {
    let unset = |name: &str| std::env::var_os(name).is_none_or(|value| value.is_empty());
    cfg!(target_os = "linux") && unset("DISPLAY") && unset("WAYLAND_DISPLAY")
}

mod window {
    //! On the person's own display.

    use std::path::Path;
    use std::process::{Command, ExitCode};
    use std::time::{Duration, Instant};

    use anyhow::{Context, Result};

    use super::Options;

    pub(super) fn open(app: &Path, options: &Options) -> Result<ExitCode> {
        let mut child = Command::new(app)
            .env("TERN_SANDBOX", "embedded")
            .spawn()
            .with_context(|| format!("starting {}", app.display()))?;
        let Some(run_for) = options.run_for else {
            return Ok(super::exit_code(child.wait().context("waiting for the app")?));
        };
        let deadline = Instant::now() + run_for;
        while Instant::now() < deadline {
            if let Some(status) = child.try_wait().context("waiting for the app")? {
                return Ok(super::exit_code(status));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        child.kill().context("closing the app")?;
        child.wait().context("waiting for the app")?;
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(unix)]
mod headless {
    //! On a stage, for a machine that has no display.

    use std::path::Path;
    use std::process::{Command, ExitCode};
    use std::time::{Duration, Instant};

    use anyhow::Result;

    use super::Options;
    use crate::repository::Repository;
    use crate::say;
    use crate::stage::{Process, Stage};

    pub(super) fn open(repository: &Repository, app: &Path, options: &Options) -> Result<ExitCode> {
        say::note(
            "no display here (neither DISPLAY nor WAYLAND_DISPLAY is set): the same window opens on a virtual",
        );
        say::note("screen with a virtual microphone and loudspeaker");
        let stage = Stage::start()?;
        // Without a notification server on the bus the app could tell of nothing while it is in the background.
        let _notices = Process::start("dunst", ["-config", "/dev/null"], &stage.environment())?;
        stage.bus.wait_for_name("org.freedesktop.Notifications", Duration::from_secs(20))?;
        let mut command = Command::new(app);
        stage.place(&mut command);
        command.env("TERN_SANDBOX", "embedded");
        let begun = Instant::now();
        let mut app = Process::spawn("tern-desktop", command)?;
        let picture = repository.target().join("tern-window.png");
        let painted = stage.display.screenshot_when_painted(&picture, Duration::from_secs(60));
        if let Err(error) = painted {
            eprint!("{}", app.output());
            return Err(error.into());
        }
        say::done(&format!("the window is up; screenshot: {}", picture.display()));
        match options.run_for {
            Some(run_for) => say::note(&format!("it closes {} s after its start", run_for.as_secs())),
            None => say::note("Ctrl-C closes it"),
        }
        let mut shown = 0;
        loop {
            let output = app.output();
            if let Some(new) = output.get(shown..) {
                eprint!("{new}");
            }
            shown = output.len();
            if !app.is_running() {
                return Ok(super::exit_code(app.wait(Duration::from_secs(1))?));
            }
            if options.run_for.is_some_and(|run_for| begun.elapsed() >= run_for) {
                stage.display.screenshot(&picture)?;
                return Ok(ExitCode::SUCCESS);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

#[cfg(not(unix))]
mod headless {
    //! Elsewhere there is always a display.

    pub(super) use super::without_stage as open;
}

#[cfg(not(unix))]
fn without_stage(_: &Repository, app: &std::path::Path, options: &Options) -> Result<ExitCode> {
    window::open(app, options)
}

fn exit_code(status: std::process::ExitStatus) -> ExitCode {
    match status.code() {
        Some(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        None => ExitCode::FAILURE,
    }
}
