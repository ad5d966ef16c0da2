//! The system browser: writes down what it was asked to open.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{env, fs};

use tern_tests::Scratch;

use crate::until::{SOON, until};

/// An `xdg-open` that stands first in `PATH`.
pub(crate) struct Browser {
    folder: Scratch,
}

impl Browser {
    /// Puts it into a folder of its own.
    pub(crate) fn new() -> Self {
        let folder = Scratch::new("browser").unwrap();
        let opened = folder.join("opened").display().to_string();
        let program =
            folder.write("xdg-open", format!("#!/bin/sh\nprintf '%s\\n' \"$1\" >> '{opened}'\n")).unwrap();
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    /// A `PATH` in which it comes first.
    pub(crate) fn search_path(&self) -> String {
        let rest = env::var_os("PATH").unwrap_or_default();
        let all = std::iter::once(self.folder.path().to_path_buf()).chain(env::split_paths(&rest));
        env::join_paths(all.collect::<Vec<PathBuf>>()).unwrap().into_string().unwrap()
    }

    /// Waits for the first page that was opened.
    pub(crate) async fn opened(&self) -> String {
        let file = self.folder.join("opened");
        until("a page in the browser", SOON, async || first_line(&file)).await
    }
}

fn first_line(file: &Path) -> Option<String> {
    fs::read_to_string(file).ok()?.lines().next().map(str::to_owned)
}
