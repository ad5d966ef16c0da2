//! What the documents promise and what other files must keep.

use super::{Complaint, Tree};

/// The README's two commands.
const COMMANDS: [&str; 2] = ["cargo xtask run", "cargo xtask test"];

/// What a bundle of the app and its tray need; drawn from the sources beside them.
const ICONS: [&str; 6] = [
    "icons/32x32.png",
    "icons/128x128.png",
    "icons/icon.icns",
    "icons/icon.ico",
    "icons/tray-ready.png",
    "icons/tray-offline.png",
];

/// The README names both commands.
pub(super) fn readme(tree: &Tree) -> Vec<Complaint> {
    let text = tree.file("README.md").map_or("", |file| &file.text);
    COMMANDS
        .iter()
        .filter(|command| !text.contains(**command))
        .map(|command| whole("README.md", format!("does not name `{command}`")))
        .collect()
}

/// CI's entry point runs the README's test command.
pub(super) fn ci(tree: &Tree) -> Vec<Complaint> {
    let runs = tree.file(".ci/run").is_some_and(|file| file.text.contains(COMMANDS[1]));
    if runs { Vec::new() } else { vec![whole(".ci/run", format!("does not run `{}`", COMMANDS[1]))] }
}

/// The icons exist, so that a build never needs the tool that draws them.
pub(super) fn icons(tree: &Tree) -> Vec<Complaint> {
    ICONS
        .iter()
        .filter(|path| tree.file(path).is_none())
        .map(|path| whole(path, "is missing; icons/make.sh draws it".into()))
        .collect()
}

fn whole(path: &str, text: String) -> Complaint {
    Complaint { path: path.to_owned(), line: 0, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_names_both_commands() {
        assert_eq!(readme(&Tree::of(&[])).len(), 2);
        assert_eq!(readme(&Tree::of(&[("README.md", "cargo xtask run")])).len(), 1);
        assert_eq!(readme(&Tree::of(&[("README.md", "cargo xtask run, cargo xtask test")])).len(), 0);
    }

    #[test]
    fn ci_runs_the_command() {
        assert_eq!(ci(&Tree::of(&[(".ci/run", "cargo test")])).len(), 1);
        assert_eq!(ci(&Tree::of(&[(".ci/run", "exec cargo xtask test")])).len(), 0);
    }

    #[test]
    fn icons_are_there() {
        assert_eq!(icons(&Tree::of(&[(ICONS[0], "")])).len(), ICONS.len() - 1);
    }
}
