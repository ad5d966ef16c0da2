//! Licences and sources of everything that is built into Tern, held against `deny.toml`.
//!
//! cargo-deny reads the same file and does more, but takes minutes to build; this is the part that must not
//! be skipped on a machine without it: each licence is allowed, each package comes from crates.io.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::repository::{Repository, ask};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Fails when a package has a licence that `deny.toml` doesn't allow, or comes from elsewhere.
pub fn check(repository: &Repository) -> Result<()> {
    let rules: toml::Table = fs::read_to_string(repository.path("deny.toml"))
        .context("reading deny.toml")?
        .parse()
        .context("deny.toml")?;
    let allowed = Allowed::from(&rules)?;
    let mut cargo = repository.cargo();
    cargo.args(["metadata", "--format-version", "1", "--locked"]);
    let metadata = ask(&mut cargo).context("`cargo metadata --locked` failed: is Cargo.lock up to date?")?;
    let metadata: Value = serde_json::from_str(&metadata).context("reading cargo's metadata")?;
    let packages = metadata["packages"].as_array().context("cargo's metadata lists no packages")?;
    let complaints: Vec<String> = packages.iter().filter_map(|package| allowed.complaint(package)).collect();
    for complaint in &complaints {
        println!("{complaint}");
    }
    if !complaints.is_empty() {
        bail!("{} packages are not allowed by deny.toml", complaints.len());
    }
    println!("deny: {} packages, all from crates.io and under allowed licences", packages.len());
    Ok(())
}

/// What `deny.toml` allows.
struct Allowed {
    everywhere: BTreeSet<String>,
    /// Licences allowed for one package only.
    exceptions: Vec<(String, Vec<String>)>,
    /// The expression for packages whose manifest has none.
    clarified: Vec<(String, String)>,
}

impl Allowed {
    fn from(rules: &toml::Table) -> Result<Self> {
        let licences =
            rules.get("licenses").and_then(toml::Value::as_table).context("deny.toml has no [licenses]")?;
        let tables =
            |key: &str| licences.get(key).and_then(toml::Value::as_array).cloned().unwrap_or_default();
        let text = |table: &toml::Value, key: &str| {
            table.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned()
        };
        let name = |table: &toml::Value| {
            let name = text(table, "crate");
            if name.is_empty() { text(table, "name") } else { name }
        };
        Ok(Self {
            everywhere: strings(licences.get("allow")).into_iter().collect(),
            exceptions: tables("exceptions").iter().map(|t| (name(t), strings(t.get("allow")))).collect(),
            clarified: tables("clarify").iter().map(|t| (name(t), text(t, "expression"))).collect(),
        })
    }

    fn complaint(&self, package: &Value) -> Option<String> {
        let name = package["name"].as_str().unwrap_or_default();
        let named = format!("{name} {}", package["version"].as_str().unwrap_or_default());
        match package["source"].as_str() {
            // Ours: members of the workspace have no source.
            None => return None,
            Some(CRATES_IO) => {}
            Some(other) => return Some(format!("{named}: comes from {other}")),
        }
        let clarified =
            self.clarified.iter().find(|(of, _)| of == name).map(|(_, expression)| expression.as_str());
        let Some(expression) = clarified.or(package["license"].as_str()) else {
            return Some(format!("{named}: names no licence; clarify it in deny.toml"));
        };
        let permits = |licence: &str| {
            self.everywhere.contains(licence)
                || self.exceptions.iter().any(|(of, more)| of == name && more.iter().any(|m| m == licence))
        };
        (!satisfied(expression, &permits)).then(|| format!("{named}: `{expression}` is not allowed"))
    }
}

fn strings(value: Option<&toml::Value>) -> Vec<String> {
    let array = value.and_then(toml::Value::as_array);
    array.into_iter().flatten().filter_map(toml::Value::as_str).map(str::to_owned).collect()
}

/// Whether an SPDX expression can be met with permitted licences only. A slash is the old way to say OR.
fn satisfied(expression: &str, permits: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let met = any_of(&mut words, permits);
    met && words.peek().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any_of(words: &mut Words<'_>, permits: &dyn Fn(&str) -> bool) -> bool {
    let mut met = all_of(words, permits);
    while words.next_if_eq(&"OR").is_some() {
        // Both sides are read whatever the first says.
        met |= all_of(words, permits);
    }
    met
}

fn all_of(words: &mut Words<'_>, permits: &dyn Fn(&str) -> bool) -> bool {
    let mut met = one(words, permits);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, permits);
    }
    met
}

fn one(words: &mut Words<'_>, permits: &dyn Fn(&str) -> bool) -> bool {
    match words.next() {
        Some("(") => any_of(words, permits) & words.next_if_eq(&")").is_some(),
        Some(licence) => {
            let mut whole = licence.to_owned();
            if words.next_if_eq(&"WITH").is_some() {
                whole = format!("{licence} WITH {}", words.next().unwrap_or_default());
            }
            permits(&whole)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(expression: &str, expected: bool) {
        let permits = |licence: &str| {
            ["MIT", "Apache-2.0", "Zlib", "Apache-2.0 WITH LLVM-exception"].contains(&licence)
        };
        assert_eq!(satisfied(expression, &permits), expected, "{expression}");
    }

    #[test]
    fn expressions_are_met_by_permitted_licences() {
        check("MIT", true);
        check("GPL-3.0-only", false);
        check("GPL-3.0-only OR MIT", true);
        check("MIT/Apache-2.0", true);
        check("MIT AND GPL-3.0-only", false);
        check("(GPL-3.0-only OR MIT) AND Zlib", true);
        check("(GPL-3.0-only OR MPL-2.0) AND MIT", false);
        check("Apache-2.0 WITH LLVM-exception", true);
        check("MIT WITH LLVM-exception", false);
        check("MIT MIT", false);
        check("", false);
    }

    #[test]
    fn packages_are_held_against_the_rules() {
        let rules = r#"
            [licenses]
            allow = ["MIT"]
            exceptions = [{ crate = "special", allow = ["MPL-2.0"] }]
            [[licenses.clarify]]
            crate = "silent"
            expression = "MIT"
        "#;
        let allowed = Allowed::from(&rules.parse().unwrap()).unwrap();
        let complains = |name: &str, licence: Value, source: &str| {
            allowed
                .complaint(&json!({"name": name, "version": "1.0.0", "license": licence, "source": source}))
                .is_some()
        };
        assert!(!complains("a", json!("MIT"), CRATES_IO));
        assert!(complains("a", json!("MPL-2.0"), CRATES_IO));
        assert!(!complains("special", json!("MPL-2.0"), CRATES_IO));
        assert!(complains("a", Value::Null, CRATES_IO));
        assert!(!complains("silent", Value::Null, CRATES_IO));
        assert!(complains("a", json!("MIT"), "git+https://example.org/a"));
    }
}
