//! How files look, whatever is in them.

use super::{Complaint, File, Tree};

/// Where a file begins to owe an explanation.
const LONG: usize = 1000;

/// Long files carry a comment that says why they are one file.
pub(super) fn length(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in tree.below("", &[".rs", ".ts", ".svelte"]).filter(|file| !is_generated(file)) {
        let lines = file.text.lines().count();
        if lines > LONG && !file.text.contains("// Long because:") {
            let text = format!("{lines} lines; split it, or say why not in a comment `// Long because: …`");
            complaints.push(file.complaint(0, text));
        }
    }
    complaints
}

/// A Rust file says at its top what belongs there.
pub(super) fn module_docs(tree: &Tree) -> Vec<Complaint> {
    tree.below("", &[".rs"])
        .filter(|file| !file.text.trim().is_empty() && !is_test_file(&file.path))
        .filter(|file| {
            let first = file.text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
            !first.is_some_and(|line| line.starts_with("//!"))
        })
        .map(|file| file.complaint(1, "begin with `//!` docs: what belongs in this file, and what doesn't"))
        .collect()
}

/// No marker of work put off.
pub(super) fn unfinished(tree: &Tree) -> Vec<Complaint> {
    // Written in halves, so that this file passes its own rule.
    let markers = [
        ["to", "do!("],
        ["unimple", "mented!("],
        ["TO", "DO"],
        ["FIX", "ME"],
        ["XX", "X:"],
        ["#[ig", "nore"],
    ];
    let markers = markers.map(|halves| halves.concat());
    each_line(tree, &[".rs", ".ts", ".svelte", ".css", ".html", ".toml", ".md", ".yml", ".sql"], |line| {
        let found = markers.iter().find(|marker| line.contains(marker.as_str()))?;
        Some(format!("`{found}`: finish it, or leave it out"))
    })
}

/// No absolute path that exists only where it was written.
pub(super) fn machine_paths(tree: &Tree) -> Vec<Complaint> {
    let folders = [["/wo", "rk/"], ["/ho", "me/"], ["/ro", "ot/"], ["/Use", "rs/"], ["C:\\Use", "rs"]];
    let folders = folders.map(|halves| halves.concat());
    each_line(tree, &[""], |line| {
        let found = folders.iter().find(|folder| {
            line.match_indices(folder.as_str()).any(|(at, _)| {
                // `github/home/x` or `src/work/x` are relative paths.
                !line[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '}'))
            })
        })?;
        Some(format!("`{found}` is a path of somebody's machine"))
    })
}

fn each_line(tree: &Tree, ends: &[&str], wrong: impl Fn(&str) -> Option<String>) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in tree.below("", ends).filter(|file| !is_vendored(file)) {
        complaints
            .extend(file.lines().filter_map(|(n, line)| wrong(line).map(|text| file.complaint(n, text))));
    }
    complaints
}

fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name == "tests.rs"
        || path.contains("/tests/")
        || (path.starts_with("tests/") && !path.starts_with("tests/src/"))
}

fn is_generated(file: &File) -> bool {
    file.path.contains("generated")
}

/// Lock files and licences are not ours to word.
fn is_vendored(file: &File) -> bool {
    file.path.ends_with(".lock")
        || file.path.ends_with("package-lock.json")
        || file.path.starts_with("LICENSE")
}

#[cfg(test)]
mod tests {
    use super::super::complains;
    use super::*;

    #[test]
    fn long_files_say_why() {
        let long = "x\n".repeat(1001);
        complains(length, "crates/sip/src/a.rs", &long, 1);
        complains(length, "crates/sip/src/a.rs", &format!("// Long because: a table.\n{long}"), 0);
        complains(length, "ui/src/api/generated.ts", &long, 0);
        complains(length, "crates/sip/src/a.rs", &"x\n".repeat(1000), 0);
    }

    #[test]
    fn rust_files_begin_with_their_purpose() {
        complains(module_docs, "crates/sip/src/a.rs", "use std::fmt;\n", 1);
        complains(module_docs, "crates/sip/src/a.rs", "//! Why.\nuse std::fmt;\n", 0);
        complains(module_docs, "crates/sip/src/lib.rs", "#![deny(x)]\n//! Why.\n", 0);
        complains(module_docs, "crates/sip/src/wire/tests.rs", "use std::fmt;\n", 0);
    }

    #[test]
    fn markers_of_unfinished_work_are_refused() {
        complains(unfinished, "crates/sip/src/a.rs", &["// TO", "DO later"].concat(), 1);
        complains(unfinished, "README.md", &["FIX", "ME"].concat(), 1);
        complains(unfinished, "crates/sip/src/a.rs", "// done\n", 0);
    }

    #[test]
    fn paths_of_a_machine_are_refused() {
        complains(machine_paths, "README.md", &["see /ho", "me/ann/x"].concat(), 1);
        complains(machine_paths, "a.sh", &["cd \"/wo", "rk/main\""].concat(), 1);
        complains(machine_paths, "a.rs", &["src/wo", "rk/x.rs"].concat(), 0);
    }
}
