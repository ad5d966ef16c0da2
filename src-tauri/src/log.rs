//! Where the log goes: standard error, and a file a day in the data directory, of which a week is kept.
//!
//! Secrets and message texts never get here: the types that hold them print themselves redacted.

use std::io::IsTerminal;
use std::path::Path;

use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

/// What is logged unless `TERN_LOG` says otherwise, in the notation of `tracing_subscriber::EnvFilter`.
const DEFAULT: &str = "info,zbus=warn,hyper=warn,reqwest=warn";
const DAYS: usize = 7;

/// Keeps the file's writer alive; what is still buffered is written when it is dropped.
pub(crate) struct Log {
    _file: Option<tracing_appender::non_blocking::WorkerGuard>,
}

/// Starts logging. A directory that can't be written leaves standard error.
pub(crate) fn start(data: &Path) -> Log {
    let filter = EnvFilter::try_from_env("TERN_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let logs = data.join("logs");
    // The appender would complain on standard error before it makes the directory itself.
    let _ = std::fs::create_dir_all(&logs);
    let file = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("tern")
        .filename_suffix("log")
        .max_log_files(DAYS)
        .build(logs)
        .map(tracing_appender::non_blocking);
    let (writer, guard) = match file {
        Ok((writer, guard)) => (Some(writer), Some(guard)),
        Err(error) => {
            eprintln!("tern: no log file: {error}");
            (None, None)
        }
    };
    let to_file = writer.map(|writer| fmt::layer().with_ansi(false).with_writer(writer));
    let to_stderr = fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr);
    // A second subscriber can only be there in a test; that one then stays.
    let _ = tracing_subscriber::registry().with(filter).with(to_stderr).with(to_file).try_init();
    Log { _file: guard }
}

/// Has panics logged by their place alone: a panic's message may quote what it was working on.
pub(crate) fn panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a mistake of ours");
    }));
}
