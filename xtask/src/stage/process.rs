//! A program that was started here: its output kept, its lines awaited, its end certain.
//!
//! Invariant: every [`Process`] leads a process group of its own and the whole group is gone when the value
//! is dropped. Ctrl-C at the terminal therefore doesn't reach it; whoever owns it ends it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs};

use super::{Result, StageError, warden};

/// How long a program may take to obey SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(3);

/// The oldest lines are forgotten beyond this many: a peer may be chatty for minutes.
const KEPT_LINES: usize = 20_000;

/// Where `program` is in `PATH`, or in the places where Debian keeps daemons.
pub fn find_program(program: &str) -> Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| {
            fs::metadata(candidate).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
        })
        .ok_or_else(|| StageError::Missing { program: program.to_owned() })
}

/// A running program with captured output.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    output: Arc<Output>,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts a program by name. Both output streams are captured line by line; stdin is a pipe.
    pub fn start<I, A>(program: &str, arguments: I, environment: &[super::Variable]) -> Result<Self>
    where
        I: IntoIterator<Item = A>,
        A: AsRef<OsStr>,
    {
        let mut command = Command::new(find_program(program)?);
        command.args(arguments).envs(environment.iter().map(|(k, v)| (k, v)));
        Self::spawn(program, command)
    }

    /// Starts a prepared command; `name` is what error messages call it.
    pub fn spawn(name: &str, mut command: Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(StageError::io(format!("starting {name}")))?;
        warden::watch(child.id());
        let output = Arc::new(Output::default());
        if let Some(stream) = child.stdout.take() {
            output.follow(stream, true);
        }
        if let Some(stream) = child.stderr.take() {
            output.follow(stream, false);
        }
        let stdin = child.stdin.take();
        Ok(Self { name: name.to_owned(), child, stdin, output, ended: None })
    }

    /// Its process id, which is also that of its group.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes text to its stdin, as it stands.
    pub fn write(&mut self, text: &str) -> Result<()> {
        let what = || format!("writing to {}", self.name);
        match &mut self.stdin {
            Some(pipe) => {
                pipe.write_all(text.as_bytes()).and_then(|()| pipe.flush()).map_err(StageError::io(what()))
            }
            None => Err(StageError::Failed { what: what(), said: "its stdin is closed".into() }),
        }
    }

    /// Closes its stdin: the program reads end-of-file.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Everything printed so far, both streams in the order in which their lines arrived.
    pub fn output(&self) -> String {
        self.output.text(|_| true)
    }

    /// Everything printed to stdout so far.
    pub fn stdout(&self) -> String {
        self.output.text(|line| line.stdout)
    }

    /// Waits for a line that contains `needle`, among those printed already too, and returns it.
    ///
    /// Fails at once when the program ends without having said it.
    pub fn wait_for_line(&mut self, needle: &str, within: Duration) -> Result<String> {
        self.wait_for(&format!("\"{needle}\" from {}", self.name), within, |line| line.contains(needle))
    }

    /// Waits until so many lines contain `needle`, those printed already included.
    pub fn wait_for_lines(&mut self, needle: &str, count: usize, within: Duration) -> Result<()> {
        let what = format!("{count} times \"{needle}\" from {}", self.name);
        let seen = std::cell::Cell::new(0);
        self.wait_for(&what, within, |line| {
            seen.set(seen.get() + usize::from(line.contains(needle)));
            seen.get() >= count
        })?;
        Ok(())
    }

    /// Waits for a line that fits, among those printed already too, and returns it.
    pub fn wait_for(&mut self, what: &str, within: Duration, fits: impl Fn(&str) -> bool) -> Result<String> {
        let deadline = Instant::now() + within;
        let mut seen = 0;
        let mut lines = self.output.lock();
        loop {
            if let Some(line) = lines.kept.iter().skip(seen).find(|line| fits(&line.text)) {
                return Ok(line.text.clone());
            }
            seen = lines.kept.len();
            if lines.open_streams == 0 {
                drop(lines);
                return Err(StageError::Failed { what: what.to_owned(), said: self.output() });
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(lines);
                return Err(StageError::TooLate { what: what.to_owned(), within, said: self.output() });
            }
            let forgotten = lines.forgotten;
            lines = self.output.wait(lines, left);
            seen = seen.saturating_sub(lines.forgotten - forgotten);
        }
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.poll().is_none()
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self, within: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.poll() {
                self.output.wait_for_end(Duration::from_secs(2));
                return Ok(status);
            }
            if Instant::now() >= deadline {
                let what = format!("the end of {}", self.name);
                return Err(StageError::TooLate { what, within, said: self.output() });
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a signal (`"INT"`, `"HUP"`) to this process alone, not to its group.
    pub fn signal(&self, signal: &str) {
        send(signal, &self.child.id().to_string());
    }

    /// Ends it and everything it started: SIGTERM, and SIGKILL for what is left after a while.
    pub fn stop(&mut self) {
        let group = format!("-{}", self.child.id());
        if self.poll().is_none() {
            send("TERM", &group);
            let deadline = Instant::now() + GRACE;
            while self.poll().is_none() && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(5));
            }
        }
        // Also when the leader is gone: what it started may not have followed.
        send("KILL", &group);
        if self.ended.is_none() {
            self.ended = self.child.wait().ok();
        }
        warden::forget(self.child.id());
        self.output.wait_for_end(Duration::from_secs(1));
    }

    fn poll(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The shell's own `kill`: signals need no unsafe code and no package this way.
fn send(signal: &str, to: &str) {
    let _ = Command::new("sh")
        .args(["-c", "kill \"-$1\" \"$2\"", "kill", signal, to])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

#[derive(Debug)]
struct Line {
    text: String,
    stdout: bool,
}

#[derive(Debug, Default)]
struct Lines {
    kept: std::collections::VecDeque<Line>,
    forgotten: usize,
    open_streams: usize,
}

#[derive(Debug, Default)]
struct Output {
    lines: Mutex<Lines>,
    changed: Condvar,
}

impl Output {
    fn follow(self: &Arc<Self>, stream: impl Read + Send + 'static, stdout: bool) {
        self.lock().open_streams += 1;
        let output = Arc::clone(self);
        thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut bytes = Vec::new();
            while matches!(reader.read_until(b'\n', &mut bytes), Ok(1..)) {
                let text = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
                bytes.clear();
                let mut lines = output.lock();
                lines.kept.push_back(Line { text, stdout });
                if lines.kept.len() > KEPT_LINES {
                    lines.kept.pop_front();
                    lines.forgotten += 1;
                }
                output.changed.notify_all();
            }
            output.lock().open_streams -= 1;
            output.changed.notify_all();
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        lines: std::sync::MutexGuard<'a, Lines>,
        within: Duration,
    ) -> std::sync::MutexGuard<'a, Lines> {
        self.changed.wait_timeout(lines, within).unwrap_or_else(PoisonError::into_inner).0
    }

    /// The last lines may still be in the pipe when the process has ended. A grandchild can hold it open.
    fn wait_for_end(&self, within: Duration) {
        let deadline = Instant::now() + within;
        let mut lines = self.lock();
        while lines.open_streams > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            lines = self.wait(lines, left);
        }
    }

    fn text(&self, wanted: impl Fn(&Line) -> bool) -> String {
        let lines = self.lock();
        let mut text = String::new();
        for line in lines.kept.iter().filter(|line| wanted(line)) {
            text.push_str(&line.text);
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    fn shell(script: &str) -> Process {
        Process::start("sh", ["-c", script], &[]).unwrap()
    }

    #[test]
    fn lines_are_awaited_and_streams_told_apart() {
        let mut process = shell("echo one; echo two >&2; read x; echo got $x");
        assert_eq!(process.wait_for_line("tw", SOON).unwrap(), "two");
        process.write("three\n").unwrap();
        assert_eq!(process.wait_for_line("got", SOON).unwrap(), "got three");
        process.wait_for_lines("o", 3, SOON).unwrap();
        assert!(process.wait_for_lines("o", 4, SOON).is_err());
        assert!(process.wait(SOON).unwrap().success());
        assert_eq!(process.stdout(), "one\ngot three\n");
    }

    #[test]
    fn a_line_that_can_no_longer_come_is_an_error_that_quotes_the_output() {
        let mut process = shell("echo no such luck; exit 3");
        let error = process.wait_for_line("never", SOON).unwrap_err();
        assert!(matches!(error, StageError::Failed { .. }), "{error}");
        assert!(error.to_string().contains("no such luck"));
    }

    #[test]
    fn waiting_too_long_is_an_error() {
        let mut process = shell("echo here; read x");
        let error = process.wait_for_line("never", Duration::from_millis(50)).unwrap_err();
        assert!(matches!(error, StageError::TooLate { .. }), "{error}");
    }

    #[test]
    fn stopping_takes_the_whole_group() {
        let mut process = shell("sh -c 'echo $$; exec tail -f /dev/null' & wait");
        let grandchild = process.wait_for("a pid", SOON, |line| line.parse::<u32>().is_ok()).unwrap();
        process.stop();
        // A killed process stays in the table as a zombie until someone reaps it; its command line is gone.
        let command_line = fs::read(format!("/proc/{grandchild}/cmdline")).unwrap_or_default();
        assert!(command_line.is_empty(), "{} still runs", grandchild);
    }

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let error = find_program("Xvfb-that-is-not-there").unwrap_err();
        assert!(error.to_string().contains("Xvfb-that-is-not-there"));
        let known = StageError::Missing { program: "Xvfb".into() };
        assert!(known.to_string().contains("xvfb"), "{known}");
    }
}
