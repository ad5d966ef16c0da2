//! What keeps Tern from starting at all, said where its user sees it.

use std::fmt;
use std::io::IsTerminal;

use tern_engine::api::ErrorView;

/// Why Tern can't start.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The data directory can't be made or written.
    Data {
        /// Which one.
        directory: String,
        /// The system's reason.
        reason: String,
    },
    /// The engine refused.
    Engine(ErrorView),
    /// The window could not be made.
    Window(tauri::Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data { directory, reason } => write!(
                f,
                "Tern keeps its data in {directory} and can't write there: {reason}. \
                 Make it writable, or set TERN_DATA_DIR to another directory."
            ),
            Self::Engine(error) => {
                write!(f, "Tern could not start ({:?})", error.code)?;
                error.detail.iter().try_for_each(|detail| write!(f, ": {detail}"))
            }
            Self::Window(error) => write!(f, "Tern's window could not be made: {error}"),
        }
    }
}

impl From<tauri::Error> for Trouble {
    fn from(error: tauri::Error) -> Self {
        Self::Window(error)
    }
}

impl Trouble {
    /// Says it on standard error and, where that is no terminal, in a dialog of the desktop. Main thread only.
    pub(crate) fn show(&self) {
        if tracing::dispatcher::has_been_set() {
            tracing::error!("{self}");
        } else {
            eprintln!("tern: {self}");
        }
        if !std::io::stderr().is_terminal() {
            dialog(&self.to_string());
        }
    }
}

#[cfg(target_os = "linux")]
fn dialog(text: &str) {
    use gtk::prelude::{DialogExt, GtkWindowExt};
    let dialog = gtk::MessageDialog::new(
        None::<&gtk::Window>,
        gtk::DialogFlags::empty(),
        gtk::MessageType::Error,
        gtk::ButtonsType::Close,
        text,
    );
    dialog.set_title("Tern");
    dialog.run();
}

#[cfg(not(target_os = "linux"))]
fn dialog(text: &str) {
    let dialog = rfd::MessageDialog::new().set_level(rfd::MessageLevel::Error);
    dialog.set_title("Tern").set_description(text).show();
}
