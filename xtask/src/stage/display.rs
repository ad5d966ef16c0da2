//! An X display in memory, and pictures of it.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::{Process, Result, StageError, Variable, find_program};

/// An Xvfb server on a display number that was free, reachable through its Unix socket only.
#[derive(Debug)]
pub struct Display {
    number: u32,
    _server: Process,
}

impl Display {
    /// Starts a display of 1280x900 pixels with 24 bits of colour.
    pub fn start() -> Result<Self> {
        Self::with_size(1280, 900)
    }

    /// Starts a display of the size given, in pixels.
    pub fn with_size(width: u32, height: u32) -> Result<Self> {
        let screen = format!("{width}x{height}x24");
        // The server itself picks the number and says it on descriptor 1: asking first and starting later
        // would race with whoever else starts one.
        let arguments = ["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp", "-noreset"];
        let mut server = Process::start("Xvfb", arguments, &[])?;
        let line = server.wait_for("Xvfb's display number", Duration::from_secs(20), |line| {
            line.trim().parse::<u32>().is_ok()
        })?;
        let number = line.trim().parse().map_err(|_| StageError::Failed {
            what: "reading Xvfb's display number".into(),
            said: line.clone(),
        })?;
        Ok(Self { number, _server: server })
    }

    /// The value of `DISPLAY`, such as `:99`.
    pub fn name(&self) -> String {
        format!(":{}", self.number)
    }

    /// Variables that bring a GTK program here, drawn without a graphics card.
    pub fn environment(&self) -> Vec<Variable> {
        [
            ("DISPLAY", self.name().as_str()),
            ("GDK_BACKEND", "x11"),
            // WebKit's DMA-BUF path needs a render node and costs memory without one.
            ("WEBKIT_DISABLE_DMABUF_RENDERER", "1"),
            ("LIBGL_ALWAYS_SOFTWARE", "1"),
            // No accessibility bus is on this stage; GTK would wait for one.
            ("NO_AT_BRIDGE", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Writes the whole screen as a PNG.
    pub fn screenshot(&self, to: &Path) -> Result<()> {
        let mut command = Command::new(find_program("import")?);
        command.args(["-silent", "-window", "root"]).arg(to).env("DISPLAY", self.name());
        run("taking a screenshot", &mut command).map(drop)
    }

    /// Waits until something with text in it is on the screen and has stopped changing, then writes a PNG.
    ///
    /// A blank window has a colour or two; rendered text has dozens of shades. An animation that never rests
    /// doesn't hold this up beyond `within`: then the last picture counts, if it shows anything.
    pub fn screenshot_when_painted(&self, to: &Path, within: Duration) -> Result<()> {
        const SHADES_OF_TEXT: u32 = 40;
        let deadline = Instant::now() + within;
        let mut before = String::new();
        loop {
            self.screenshot(to)?;
            let mut identify = Command::new(find_program("identify")?);
            identify.args(["-format", "%k %#"]).arg(to);
            let seen = run("looking at the screenshot", &mut identify)?;
            let shades = seen.split(' ').next().and_then(|k| k.parse::<u32>().ok()).unwrap_or(0);
            let painted = shades >= SHADES_OF_TEXT;
            let late = Instant::now() >= deadline;
            if painted && (seen == before || late) {
                return Ok(());
            }
            if late {
                return Err(StageError::TooLate {
                    what: "a painted window".into(),
                    within,
                    said: format!("the screen shows {shades} colours; the picture is {}", to.display()),
                });
            }
            before = seen;
            thread::sleep(Duration::from_millis(250));
        }
    }
}

fn run(what: &str, command: &mut Command) -> Result<String> {
    let output = command.output().map_err(StageError::io(what))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(StageError::Failed { what: what.to_owned(), said })
    }
}
