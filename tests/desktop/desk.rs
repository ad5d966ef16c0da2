//! Everything around the app: a stage, a notification server, a browser, a provider.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs, thread};

use tern_tests::{Process, Scratch, Stage};
use tokio::sync::{Mutex, MutexGuard};

use crate::browser::Browser;
use crate::notifications::Notifications;
use crate::provider::Provider;
use crate::window::Window;

/// What a person has before they open Tern.
pub(crate) struct Desk {
    /// The provider and the world outside.
    pub(crate) provider: Provider,
    /// The desktop's notifications.
    pub(crate) notifications: Notifications,
    /// The system browser.
    pub(crate) browser: Browser,
    /// Display, bus, sound card, keyring.
    pub(crate) stage: Stage,
    with: With,
    log: Option<&'static str>,
    data: Scratch,
    name: String,
    _turn: MutexGuard<'static, ()>,
}

/// What a desk has beside what every desk has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum With {
    /// All there is.
    Everything,
    /// No Secret Service.
    NoKeyring,
    /// No sound devices.
    NoSound,
}

impl Desk {
    /// Sets up a whole desk.
    pub(crate) async fn start() -> Self {
        Self::start_with(With::Everything).await
    }

    /// Sets up a desk on which something is missing.
    pub(crate) async fn start_with(with: With) -> Self {
        static TURN: Mutex<()> = Mutex::const_new(());
        let turn = TURN.lock().await;
        let stage = match with {
            With::NoKeyring => Stage::start_without_keyring(),
            With::Everything | With::NoSound => Stage::start(),
        };
        let stage = stage.unwrap_or_else(|error| panic!("{error}"));
        if with == With::NoSound {
            // ALSA's default device is then one that can't be opened.
            stage
                .home
                .write(".asoundrc", "pcm.!default { type hw card 99 }\nctl.!default { type hw card 99 }\n")
                .unwrap();
        }
        Self {
            provider: Provider::start().await,
            notifications: Notifications::start(&stage.bus).await,
            browser: Browser::new(),
            data: Scratch::new("data").unwrap(),
            name: thread::current().name().unwrap_or("desktop").replace("::", "-"),
            stage,
            with,
            log: None,
            _turn: turn,
        }
    }

    /// Has Tern log all that its own crates have to say.
    pub(crate) fn log_everything(&mut self) {
        self.log = Some(
            "tern_desktop=trace,tern_engine=trace,tern_provider=trace,tern_sip=trace,tern_media=trace,info",
        );
    }

    /// Opens Tern on the sandbox account. Opened again it finds what it left.
    pub(crate) async fn open(&self) -> Window<'_> {
        Window::open(self, &self.provider.url()).await
    }

    /// Opens Tern the way a first start does: with a sandbox inside.
    pub(crate) async fn open_with_built_in_sandbox(&self) -> Window<'_> {
        Window::open(self, "embedded").await
    }

    /// Opens Tern without an account.
    pub(crate) async fn open_without_account(&self) -> Window<'_> {
        Window::open(self, "off").await
    }

    /// Starts a program on this desk with what Tern needs to know.
    pub(crate) fn spawn(&self, name: &str, mut command: Command, sandbox: &str) -> Process {
        self.stage.place(&mut command);
        command
            .env("TERN_DATA_DIR", self.data.path())
            .env("TERN_SANDBOX", sandbox)
            .env("PATH", self.browser.search_path())
            .env("LANG", "C.UTF-8")
            .env_remove("LANGUAGE")
            .env_remove("LC_ALL");
        if let Some(log) = self.log {
            command.env("TERN_LOG", log);
        }
        if self.with == With::NoSound {
            command.env("PULSE_SERVER", "unix:/nonexistent");
        }
        Process::spawn(name, command).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts a program on this desk that brings its own idea of where data lies.
    pub(crate) fn spawn_as_is(&self, name: &str, mut command: Command) -> Process {
        self.stage.place(&mut command);
        Process::spawn(name, command).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Whether no program plays anything, not even silence.
    pub(crate) fn is_silent(&self) -> bool {
        let mut command = Command::new("pactl");
        self.stage.place(&mut command);
        let output = command.args(["list", "short", "sink-inputs"]).output().unwrap();
        output.status.success() && output.stdout.trim_ascii().is_empty()
    }

    /// Fails if a secret stands in any file that Tern could have written.
    pub(crate) fn assert_nowhere_on_disk(&self, secret: &str) {
        let mut folders = vec![self.data.path().to_path_buf(), self.stage.home.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path);
                } else if let Ok(contents) = fs::read(&path) {
                    let found = contents.windows(secret.len()).any(|window| window == secret.as_bytes());
                    assert!(!found, "the password stands in {}", path.display());
                }
            }
        }
    }

    /// Fails if something that is nobody's business stands in the app's log.
    pub(crate) fn assert_not_logged(&self, private: &[&str]) {
        let mut read = 0;
        for entry in fs::read_dir(self.data.join("logs")).unwrap().flatten() {
            let log = fs::read_to_string(entry.path()).unwrap();
            read += log.len();
            for words in private {
                assert!(!log.contains(words), "{words:?} stands in the log:\n{log}");
            }
        }
        assert!(read > 0, "there is no log to look at");
    }

    /// The folder for files of this test that stay after it.
    pub(crate) fn artifacts(&self) -> PathBuf {
        let folder = target().join("desktop-artifacts").join(&self.name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// Takes a picture of the screen that stays after the test.
    pub(crate) fn picture(&self, name: &str) {
        let _ = self.stage.display.screenshot(&self.artifacts().join(format!("{name}.png")));
    }

    /// Keeps the app's logs after the test.
    pub(crate) fn keep_logs(&self) {
        for entry in fs::read_dir(self.data.join("logs")).into_iter().flatten().flatten() {
            let _ = fs::copy(entry.path(), self.artifacts().join(entry.file_name()));
        }
    }
}

/// The app as it was built: `TERN_DESKTOP_BIN`, or where cargo leaves it.
pub(crate) fn app() -> &'static Path {
    static APP: OnceLock<PathBuf> = OnceLock::new();
    APP.get_or_init(|| {
        let app = env::var_os("TERN_DESKTOP_BIN")
            .map_or_else(|| target().join("debug/tern-desktop"), PathBuf::from);
        assert!(app.is_file(), "{} is not there; `cargo xtask test desktop` builds it first", app.display());
        app
    })
}

/// The target directory: this very binary lies in `debug/deps` below it.
fn target() -> PathBuf {
    env::current_exe().unwrap().ancestors().nth(3).unwrap().to_path_buf()
}
