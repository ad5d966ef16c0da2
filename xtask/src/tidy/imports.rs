//! Which crate may depend on which, and what the engine's core may name.

use super::{Complaint, File, Tree};

/// Every crate of ours: its folder and those of ours that it may depend on, dev-dependencies included.
///
/// `sip`, `media` and `provider` are the innermost and know nothing of each other. The test crate is last:
/// it may see everything, since nothing depends on it.
const ALLOWED: &[(&str, &str, &[&str])] = &[
    ("crates/sip", "tern-sip", &[]),
    ("crates/sip/benches-peers", "tern-sip-benches", &["tern-sip"]),
    ("crates/sip/fuzz", "tern-sip-fuzz", &["tern-sip"]),
    ("crates/media", "tern-media", &[]),
    ("crates/media/fuzz", "tern-media-fuzz", &["tern-media"]),
    ("crates/media/benches-peers", "tern-media-benches", &[]),
    ("crates/provider", "tern-provider", &[]),
    ("crates/engine", "tern-engine", &["tern-sip", "tern-media", "tern-provider"]),
    ("crates/sandbox", "tern-sandbox", &["tern-sip", "tern-media", "tern-provider"]),
    // The sandbox is what its tests hold it against.
    ("crates/conformance", "tern-conformance", &["tern-provider", "tern-sandbox"]),
    ("crates/cli", "tern-cli", &["tern-engine", "tern-sandbox", "tern-conformance"]),
    ("src-tauri", "tern-desktop", &["tern-engine", "tern-sandbox"]),
    ("xtask", "xtask", &[]),
    (
        "tests",
        "tern-tests",
        &["tern-sip", "tern-media", "tern-provider", "tern-engine", "tern-sandbox", "tern-cli", "xtask"],
    ),
    ("tests/bench/activity", "tern-bench-activity", &["tern-engine", "tern-provider", "tern-sandbox"]),
    ("tests/bench/audio", "tern-bench-audio", &["tern-tests", "xtask"]),
    ("tests/bench/sandbox", "tern-bench-sandbox", &[]),
    ("tests/oracles", "tern-oracles", &["tern-provider", "tern-tests", "xtask"]),
];

/// Window frameworks stay in the shell.
const SHELL_ONLY: &[&str] = &["tauri", "wry", "tao"];

/// What the engine's core must not name: it decides, the ports do.
const OUTSIDE: &[&str] = &["rusqlite", "rusqlite_migration", "reqwest", "keyring", "tokio", "cpal"];

/// Holds the dependencies in every `Cargo.toml` against the list.
pub(super) fn crates(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for manifest in tree.files.iter().filter(|f| f.path.ends_with("/Cargo.toml")) {
        let folder = manifest.path.trim_end_matches("/Cargo.toml");
        let Some((_, name, allowed)) = ALLOWED.iter().find(|(known, _, _)| *known == folder) else {
            complaints.push(manifest.complaint(0, "this crate is not in the list of who may import whom"));
            continue;
        };
        match dependencies(manifest) {
            Err(error) => complaints.push(manifest.complaint(0, format!("not readable: {error}"))),
            Ok(found) => {
                for dependency in found {
                    let ours = ALLOWED.iter().any(|(_, ours, _)| *ours == dependency);
                    if ours && !allowed.contains(&dependency.as_str()) {
                        complaints
                            .push(manifest.complaint(0, format!("{name} must not depend on {dependency}")));
                    }
                    let shell =
                        SHELL_ONLY.iter().any(|s| dependency == *s || dependency.starts_with("tauri-"));
                    if shell && folder != "src-tauri" {
                        complaints
                            .push(manifest.complaint(0, format!("{dependency} belongs to src-tauri alone")));
                    }
                }
            }
        }
    }
    complaints
}

/// Holds the engine's core against what it must not name.
pub(super) fn core(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    // Its tests may hold it against the real store.
    for file in tree.below("crates/engine/src/core", &[".rs"]).filter(|file| !file.path.contains("/tests")) {
        for (number, line) in file.lines() {
            let code = line.split("//").next().unwrap_or_default();
            for outside in OUTSIDE {
                if names_crate(code, outside) {
                    let text = format!(
                        "the core names {outside}; it goes through a port in crates/engine/src/ports.rs"
                    );
                    complaints.push(file.complaint(number, text));
                }
            }
            if code.contains("crate::store") || code.contains("crate::net") {
                complaints.push(file.complaint(number, "the core sees neither the store nor the network"));
            }
        }
    }
    complaints
}

/// Whether `name::` or `use name;` occurs as a whole word.
fn names_crate(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + name.len()..];
        let starts_word = !before.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let bare_use = after.trim_start().starts_with(';') && code.trim_start().starts_with("use ");
        starts_word && (after.starts_with("::") || bare_use)
    })
}

/// The packages that a manifest depends on in any way, by their real names.
fn dependencies(manifest: &File) -> Result<Vec<String>, toml::de::Error> {
    let table: toml::Table = manifest.text.parse()?;
    let mut found = Vec::new();
    collect(&table, &mut found);
    if let Some(targets) = table.get("target").and_then(toml::Value::as_table) {
        for target in targets.values().filter_map(toml::Value::as_table) {
            collect(target, &mut found);
        }
    }
    Ok(found)
}

fn collect(table: &toml::Table, found: &mut Vec<String>) {
    for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let Some(dependencies) = table.get(kind).and_then(toml::Value::as_table) else { continue };
        for (name, value) in dependencies {
            let renamed = value.get("package").and_then(toml::Value::as_str);
            found.push(renamed.unwrap_or(name).to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::complains;
    use super::*;

    #[test]
    fn inner_crates_import_no_outer_ones() {
        let sip = "crates/sip/Cargo.toml";
        complains(crates, sip, "[dependencies]\nbytes = \"1\"\n", 0);
        complains(crates, sip, "[dependencies]\ntern-media.workspace = true\n", 1);
        complains(crates, sip, "[dev-dependencies]\ntern-engine = { path = \"../engine\" }\n", 1);
        complains(
            crates,
            sip,
            "[dependencies]\nother = { package = \"tern-media\", path = \"../media\" }\n",
            1,
        );
        complains(crates, sip, "[target.'cfg(unix)'.dependencies.tern-media]\nworkspace = true\n", 1);
        complains(crates, "crates/engine/Cargo.toml", "[dependencies]\ntern-sip.workspace = true\n", 0);
        complains(crates, "crates/cli/Cargo.toml", "[dependencies]\ntern-sip.workspace = true\n", 1);
    }

    #[test]
    fn frameworks_stay_in_the_shell_and_new_crates_are_placed() {
        complains(crates, "crates/engine/Cargo.toml", "[dependencies]\ntauri = \"2\"\n", 1);
        complains(crates, "src-tauri/Cargo.toml", "[dependencies]\ntauri = \"2\"\n", 0);
        complains(crates, "crates/new/Cargo.toml", "", 1);
    }

    #[test]
    fn the_core_names_no_outside() {
        let path = "crates/engine/src/core/state.rs";
        complains(core, path, "use rusqlite::Connection;\n", 1);
        complains(core, path, "let x = reqwest::get(y);\n", 1);
        complains(core, path, "use keyring;\n", 1);
        complains(core, path, "use crate::store::Calls;\n", 1);
        complains(
            core,
            path,
            "// rusqlite::Connection is not seen here\nlet my_reqwest = keyring_ready();\n",
            0,
        );
        complains(core, "crates/engine/src/store/mod.rs", "use rusqlite::Connection;\n", 0);
        complains(core, "crates/engine/src/core/tests/simulation.rs", "use rusqlite::Connection;\n", 0);
    }
}
