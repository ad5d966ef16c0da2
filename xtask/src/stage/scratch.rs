//! Directories of this run's own: removed when dropped, and by the warden when nobody drops them.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

use super::{Result, StageError, Variable, warden};

/// A directory that only this user can enter (mode 0700) and that lives as long as this value.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes a fresh, empty directory whose name begins with `tern-` and `purpose`.
    ///
    /// The path stays short: Unix sockets inside it have about 100 bytes for their whole path.
    pub fn new(purpose: &str) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = env::temp_dir().join(format!("tern-{purpose}-{}-{number}", std::process::id()));
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => {
                    warden::directory(&path);
                    return Ok(Self { path });
                }
                // Left by an earlier process of the same number that could not clean up.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(StageError::io(format!("making {}", path.display()))(error)),
            }
        }
    }

    /// Where it is. Absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of something inside.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file inside and returns its path.
    pub fn write(&self, name: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(StageError::io(format!("making {}", folder.display())))?;
        }
        fs::write(&path, contents).map_err(StageError::io(format!("writing {}", path.display())))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A home directory with nothing in it, for programs that leave files there.
#[derive(Debug)]
pub struct Home {
    scratch: Scratch,
}

impl Home {
    /// Makes an empty home.
    pub fn new() -> Result<Self> {
        Ok(Self { scratch: Scratch::new("home")? })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.scratch.path()
    }

    /// Writes a file inside, for example `.asoundrc`.
    pub fn write(&self, name: &str, contents: &str) -> Result<PathBuf> {
        self.scratch.write(name, contents)
    }

    /// `HOME` and the XDG directories below it, so that variables of the person's session don't lead out.
    pub fn environment(&self) -> Vec<Variable> {
        [
            ("HOME", ""),
            ("XDG_CONFIG_HOME", ".config"),
            ("XDG_DATA_HOME", ".local/share"),
            ("XDG_STATE_HOME", ".local/state"),
            ("XDG_CACHE_HOME", ".cache"),
        ]
        .into_iter()
        .map(|(name, below)| {
            let path = if below.is_empty() { self.path().to_path_buf() } else { self.path().join(below) };
            (name.to_owned(), path.display().to_string())
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scratch_directory_goes_when_dropped() {
        let scratch = Scratch::new("test").unwrap();
        let file = scratch.write("a/b.txt", "x").unwrap();
        assert!(file.exists());
        let path = scratch.path().to_path_buf();
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn a_home_leads_every_xdg_directory_inside() {
        let home = Home::new().unwrap();
        for (name, value) in home.environment() {
            assert!(Path::new(&value).starts_with(home.path()), "{name} leads to {value}");
        }
    }
}
