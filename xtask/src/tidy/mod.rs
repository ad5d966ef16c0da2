//! Rules of the house that no compiler holds: who may import whom, and how files look.
//!
//! A rule is a function from the tree to complaints. Each has a test that shows it complaining.

mod conventions;
mod imports;
mod promises;
mod standards;
mod window;

use std::fmt;
use std::fs;

use anyhow::{Context, Result, bail};

use crate::repository::Repository;
use crate::say;

/// The files of the repository with their text, as far as rules read them.
pub struct Tree {
    files: Vec<File>,
}

/// One file.
pub struct File {
    /// Relative to the top, with slashes.
    pub path: String,
    /// Its text; empty for what isn't UTF-8.
    pub text: String,
}

/// What a rule has to say about a place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    /// The file, relative to the top.
    pub path: String,
    /// Counted from one; zero where it is about the whole file.
    pub line: usize,
    /// What is wrong and what to do.
    pub text: String,
}

type Rule = fn(&Tree) -> Vec<Complaint>;

const RULES: &[(&str, Rule)] = &[
    ("crates import along the design", imports::crates),
    ("the engine's core sees ports only", imports::core),
    ("views, features and components import downwards", window::layers),
    ("one file of the window imports Tauri", window::tauri),
    ("texts are never markup", window::markup),
    ("long files say why", conventions::length),
    ("Rust files begin with their purpose", conventions::module_docs),
    ("nothing is left for later", conventions::unfinished),
    ("no path of somebody's machine", conventions::machine_paths),
    ("the README names the commands", promises::readme),
    ("CI runs what the README names", promises::ci),
    ("the icons are generated", promises::icons),
    ("what the standards' tables name exists", standards::exist),
];

/// Holds every rule against the repository; fails when one complains.
pub fn run(repository: &Repository) -> Result<()> {
    let tree = Tree::read(repository)?;
    let mut complaints = 0;
    for (name, rule) in RULES {
        let mut found = rule(&tree);
        found.sort();
        let mark = if found.is_empty() { "ok" } else { "NOT" };
        say::note(&format!("{mark:>3}  {name}"));
        for complaint in &found {
            println!("{complaint}");
        }
        complaints += found.len();
    }
    if complaints > 0 {
        bail!("tidy has {complaints} complaints");
    }
    println!("tidy: {} rules hold in {} files", RULES.len(), tree.files.len());
    Ok(())
}

impl Tree {
    fn read(repository: &Repository) -> Result<Self> {
        let files = repository.files()?.into_iter().map(|path| {
            let bytes = fs::read(repository.path(&path)).with_context(|| format!("reading {path}"))?;
            Ok(File { path, text: String::from_utf8(bytes).unwrap_or_default() })
        });
        Ok(Self { files: files.collect::<Result<_>>()? })
    }

    /// A tree made up for a test.
    #[cfg(test)]
    fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File { path: (*path).to_owned(), text: (*text).to_owned() };
        Self { files: files.iter().map(file).collect() }
    }

    /// The files below a folder (with its slash) whose names end as given.
    fn below<'a>(&'a self, folder: &'a str, ends: &'a [&'a str]) -> impl Iterator<Item = &'a File> {
        self.files
            .iter()
            .filter(move |f| f.path.starts_with(folder) && ends.iter().any(|e| f.path.ends_with(e)))
    }

    fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }
}

impl File {
    /// Its lines, counted from one.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    fn complaint(&self, line: usize, text: impl Into<String>) -> Complaint {
        Complaint { path: self.path.clone(), line, text: text.into() }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.text),
            line => write!(f, "{}:{line}: {}", self.path, self.text),
        }
    }
}

/// Holds one rule against one made-up file: data plus the number of complaints expected.
#[cfg(test)]
#[track_caller]
fn complains(rule: fn(&Tree) -> Vec<Complaint>, path: &str, text: &str, expected: usize) {
    let found = rule(&Tree::of(&[(path, text)]));
    assert_eq!(found.len(), expected, "{found:?}");
}
