//! Holds `docs/provider-rules.md` against the code: every file and test it names is there, and every test of a rule
//! is named in it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

#[test]
fn every_rule_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/provider-rules.md")).unwrap();
    let mut faults = Vec::new();
    let mut named = BTreeSet::new();
    let sources: Vec<(PathBuf, String)> = ["crates", "tests"]
        .iter()
        .flat_map(|folder| rust_files(&root.join(folder)))
        .map(|path| (path.clone(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    let tests: BTreeSet<&str> = sources.iter().flat_map(|(_, text)| functions(text)).collect();

    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ")).collect();
    for row in &rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [rule, files, proofs] = cells.as_slice() else {
            faults.push(format!("not three cells: {row}"));
            continue;
        };
        if *proofs == "test" {
            continue;
        }
        for file in files.split(", ") {
            let path = if file.starts_with("crates/") {
                root.join(file)
            } else {
                root.join("crates/sandbox/src").join(file)
            };
            if file.is_empty() || !path.is_file() {
                faults.push(format!("{rule}: there is no {file}"));
            }
        }
        for proof in proofs.split(", ") {
            let name = proof.rsplit("::").next().unwrap_or_default();
            named.insert(name);
            if name != "*" && !tests.contains(name) {
                faults.push(format!("{rule}: there is no test {proof}"));
            }
        }
    }
    assert!(rows.len() > 50, "the tables are gone");
    // The other way round: whatever is tested as a rule stands in the table.
    for (path, text) in &sources {
        if path.parent().is_some_and(|folder| folder.ends_with("sandbox/src/rest/rules")) {
            for name in functions(text).filter(|name| !["child_that_is_killed"].contains(name)) {
                let is_test = text.split(&format!("fn {name}(")).next().is_some_and(|before| {
                    before.trim_end().trim_end_matches("async").trim_end().ends_with("test]")
                });
                if is_test && !named.contains(name) {
                    faults.push(format!("{name} stands in no row"));
                }
            }
        }
    }
    assert_eq!(faults, Vec::<String>::new());
}

fn functions(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ")?.split(['(', '<']).next()
    })
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                found.push(path);
            }
        }
    }
    found
}
