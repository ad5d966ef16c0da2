//! What can go wrong while the stage is set up, said so that the reader knows what to do next.

use std::time::Duration;
use std::{fmt, io};

use crate::setup::packages;

/// The result of stage work.
pub type Result<T, E = StageError> = std::result::Result<T, E>;

/// Why a part of the stage could not be used. The machine's fault, except where noted.
#[derive(Debug)]
pub enum StageError {
    /// A program is not installed.
    Missing {
        /// The program's name, as it is looked up in `PATH`.
        program: String,
    },
    /// A program ended or refused; `said` is the end of what it printed.
    Failed {
        /// What was being done.
        what: String,
        /// The end of the program's output.
        said: String,
    },
    /// Something awaited did not happen in time; `said` is the end of what was printed until then.
    TooLate {
        /// What was awaited.
        what: String,
        /// How long it was awaited.
        within: Duration,
        /// The end of the program's output.
        said: String,
    },
    /// The operating system refused a file or a process.
    Io {
        /// What was being done.
        what: String,
        /// The system's reason.
        source: io::Error,
    },
}

impl StageError {
    /// An [`io::Error`] together with what was being done.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

impl fmt::Display for StageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { program } => {
                write!(f, "`{program}` is not installed")?;
                if let Some(package) = packages::providing(program) {
                    write!(f, " (Debian package {})", package.debian)?;
                }
                write!(f, "; `cargo xtask setup --tests` installs what the tests need")
            }
            Self::Failed { what, said } => write!(f, "{what} failed{}", Quoted(said)),
            Self::TooLate { what, within, said } => {
                write!(f, "{what} did not happen within {} s{}", within.as_secs_f32(), Quoted(said))
            }
            Self::Io { what, source } => write!(f, "{what}: {source}"),
        }
    }
}

impl std::error::Error for StageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// A program's last words, indented below the sentence about it.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LINES: usize = 20;
        let lines: Vec<&str> = self.0.lines().collect();
        let skipped = lines.len().saturating_sub(LINES);
        for line in lines.iter().skip(skipped) {
            write!(f, "\n    {line}")?;
        }
        Ok(())
    }
}
