//! The tables that say where a standard is followed: what they name exists.
//!
//! What isn't here: whether a test shows what its row says. That is for who reads both.

use std::collections::HashSet;

use super::{Complaint, File, Tree};

/// Documents of such tables.
const DOCUMENTS: [&str; 2] = ["STANDARDS.md", "docs/provider-rules.md"];

/// Each file, module and test in a table's row exists; what a row promises in its first column is prose.
pub(super) fn exist(tree: &Tree) -> Vec<Complaint> {
    let names = names(tree);
    DOCUMENTS
        .iter()
        .filter_map(|path| tree.file(path))
        .flat_map(|file| complaints(tree, &names, file))
        .collect()
}

fn complaints(tree: &Tree, names: &HashSet<String>, document: &File) -> Vec<Complaint> {
    let mut found = Vec::new();
    for (line, row) in document.lines().filter(|(_, row)| row.starts_with('|')) {
        for cell in row.split('|').skip(2) {
            let missing = paths(cell).into_iter().filter(|path| !is_there(tree, path));
            found.extend(missing.map(|path| document.complaint(line, format!("there is no file `{path}`"))));
            let missing = tests(cell).into_iter().filter(|name| !names.contains(*name));
            found.extend(missing.map(|name| document.complaint(line, format!("nothing is named `{name}`"))));
        }
    }
    found
}

/// What a test may be called by: functions, modules, files and folders, crates.
fn names(tree: &Tree) -> HashSet<String> {
    let mut names = HashSet::new();
    for file in &tree.files {
        names.extend(file.path.split('/').map(|part| part.split('.').next().unwrap_or_default().to_owned()));
        for line in file.text.lines().map(str::trim_start).filter(|_| file.path.ends_with(".rs")) {
            for keyword in ["fn ", "mod "] {
                let declared =
                    line.split_once(keyword).filter(|(before, _)| before.is_empty() || before.ends_with(' '));
                names.extend(declared.map(|(_, name)| identifier(name).to_owned()));
            }
        }
        let package = file.text.lines().filter(|_| file.path.ends_with("Cargo.toml"));
        let package = package.filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
        names.extend(package.map(|name| name.replace('-', "_")));
    }
    names
}

/// The identifiers of a cell that name tests: parts of a path, and sentences.
fn tests(cell: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(skipped) = cell[at..].find(is_part) {
        let (before, from) = cell.split_at(at + skipped);
        let word = identifier(from);
        at = before.len() + word.len();
        let after = &cell[at..];
        let of_a_path = before.ends_with("::") || after.starts_with("::");
        let is_file = before.ends_with(['.', '/']) || after.starts_with(['.', '/']);
        let small = word.starts_with(|c: char| c.is_ascii_lowercase());
        if small && (of_a_path || (!is_file && word.matches('_').count() > 1)) {
            found.push(word);
        }
    }
    found
}

/// The files and folders a cell names, with `{a,b}` written out.
fn paths(cell: &str) -> Vec<String> {
    let mut joined = String::new();
    let mut depth = 0_usize;
    for character in cell.chars() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        // A list of names in braces is one word, whatever it is written with.
        match character {
            ' ' if depth > 0 => {}
            ',' if depth == 0 => joined.push(' '),
            other => joined.push(other),
        }
    }
    let words = joined.split(|c: char| c.is_whitespace() || "`;()".contains(c));
    let words = words.filter(|word| !word.contains("::") && (word.contains(".rs") || word.ends_with('/')));
    words.flat_map(|word| written_out(word.trim_end_matches('.'))).collect()
}

fn written_out(word: &str) -> Vec<String> {
    let parts = word.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
    let Some((before, (list, after))) = parts else { return vec![word.to_owned()] };
    list.split(',').flat_map(|one| written_out(&format!("{before}{one}{after}"))).collect()
}

/// Whether the end of a file's path, or some folders in the middle of one, are these.
fn is_there(tree: &Tree, path: &str) -> bool {
    let inside = |file: &File| match path.strip_suffix('/') {
        Some(folder) => format!("/{}", file.path).contains(&format!("/{folder}/")),
        None => format!("/{}", file.path).ends_with(&format!("/{path}")),
    };
    tree.files.iter().any(inside)
}

fn identifier(text: &str) -> &str {
    text.split(|c| !is_part(c)).next().unwrap_or_default()
}

fn is_part(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &str) -> Vec<String> {
        let text = format!("| feature | file | test |\n|---|---|---|\n| what_it_never_is | {cells} |\n");
        let tree = Tree::of(&[
            ("STANDARDS.md", text.as_str()),
            ("crates/a/Cargo.toml", "[package]\nname = \"of-a\"\n"),
            (
                "crates/a/src/wire/uri.rs",
                "    pub(crate) fn parse() {}\nmod tests {\n    fn what_is_read_is_right() {}",
            ),
            ("crates/a/tests/it/calls.rs", "async fn one_call_is_made() {}"),
        ]);
        exist(&tree).into_iter().map(|complaint| complaint.text).collect()
    }

    #[test]
    fn what_a_row_names_is_there() {
        for cells in [
            "`src/wire/uri.rs`, `calls.rs` | `wire::uri::tests::what_is_read_is_right`, `it::calls`",
            "src/wire/ (`Uri::parse`) | uri::tests::{what_is_read_is_right, one_call_is_made}; it calls::*",
            "`src/{wire}/uri.rs` | `of_a::calls`, `..::one_call_is_made`, the same",
            "- | `tests/it/{calls, calls}.rs`, application/dtmf-relay",
        ] {
            assert_eq!(row(cells), [""; 0], "{cells}");
        }
    }

    #[test]
    fn what_a_row_names_and_nobody_has_is_told() {
        for (cells, wrong) in [
            ("`src/wire/url.rs` | -", "there is no file `src/wire/url.rs`"),
            ("`ri.rs` | -", "there is no file `ri.rs`"),
            ("src/wires/ | -", "there is no file `src/wires/`"),
            ("src/{wire,wires}/uri.rs | -", "there is no file `src/wires/uri.rs`"),
            ("- | `wire::url::tests`", "nothing is named `url`"),
            (
                "- | uri::tests::{what_is_read_is_right, what_is_read_is_wrong}",
                "nothing is named `what_is_read_is_wrong`",
            ),
            ("- | `..::one_call`", "nothing is named `one_call`"),
        ] {
            assert_eq!(row(cells), [wrong], "{cells}");
        }
    }
}
