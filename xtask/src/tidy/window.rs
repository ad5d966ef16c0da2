//! The window's sources: which layer may import which, who talks to Tauri, and no markup from texts.

use super::{Complaint, File, Tree};

const SOURCES: &[&str] = &[".ts", ".svelte"];

/// The one file that may import Tauri.
const CLIENT: &str = "ui/src/api/client.ts";

/// Views import features, features components; nothing the other way, and no feature another feature.
pub(super) fn layers(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in tree.below("ui/src/", SOURCES) {
        let from = Place::of(&file.path);
        for (line, target) in imports(file) {
            let to = Place::of(&target);
            let refused = match (&from, &to) {
                (Place::Component, Place::Feature(_) | Place::View) => {
                    Some("a component knows no feature and no view")
                }
                (Place::Component, Place::State) => {
                    Some("a component knows no state; it is handed what it shows")
                }
                (Place::Feature(_), Place::View) => Some("a feature knows no view"),
                (Place::Feature(one), Place::Feature(other)) if one != other => {
                    Some("a feature imports no other feature; what both need is a component or state")
                }
                (Place::State | Place::Api, Place::Component | Place::Feature(_) | Place::View) => {
                    Some("state and api know nothing of what is drawn")
                }
                _ => None,
            };
            if let Some(reason) = refused {
                complaints.push(file.complaint(line, format!("imports {target}: {reason}")));
            }
        }
    }
    complaints
}

/// Only the client imports `@tauri-apps`, so that the rest runs against the fake.
pub(super) fn tauri(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in tree.below("ui/src/", SOURCES).filter(|file| file.path != CLIENT && !is_test(&file.path)) {
        for (number, line) in file.lines() {
            if line.contains("@tauri-apps") || line.contains("__TAURI") {
                complaints.push(file.complaint(number, format!("only {CLIENT} imports Tauri")));
            }
        }
    }
    complaints
}

/// Texts come from strangers: they are text nodes, never HTML.
pub(super) fn markup(tree: &Tree) -> Vec<Complaint> {
    const REFUSED: &[&str] = &["{@html", ".innerHTML", ".outerHTML", "insertAdjacentHTML", "document.write"];
    let mut complaints = Vec::new();
    for file in tree.below("ui/src/", SOURCES) {
        for (number, line) in file.lines() {
            if let Some(found) = REFUSED.iter().find(|found| line.contains(**found)) {
                complaints.push(file.complaint(number, format!("`{found}` turns text into markup")));
            }
        }
    }
    complaints
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    Component,
    Feature(String),
    View,
    State,
    Api,
    Elsewhere,
}

impl Place {
    /// Where a file of the window belongs, by its path from the top of the repository.
    fn of(path: &str) -> Self {
        let mut parts = path.strip_prefix("ui/src/").unwrap_or_default().split('/');
        match (parts.next(), parts.next()) {
            (Some("components"), Some(_)) => Self::Component,
            (Some("features"), Some(name)) => Self::Feature(stem(name).to_owned()),
            (Some("views"), Some(_)) => Self::View,
            (Some("state"), Some(_)) => Self::State,
            (Some("api"), Some(_)) => Self::Api,
            _ => Self::Elsewhere,
        }
    }
}

fn stem(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

fn is_test(path: &str) -> bool {
    path.contains(".test.") || path.contains(".spec.") || path.contains("/test/") || path.contains("/tests/")
}

/// What a file imports from inside the window, with its line, as paths from the top of the repository.
fn imports(file: &File) -> Vec<(usize, String)> {
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut found = Vec::new();
    for (number, line) in file.lines() {
        for marker in [" from ", "import ", "import("] {
            let Some((_, rest)) = line.split_once(marker) else { continue };
            let rest = rest.trim_start();
            let Some(quote @ ('"' | '\'')) = rest.chars().next() else { continue };
            let Some(target) = rest[1..].split(quote).next() else { continue };
            if let Some(path) = resolve(folder, target) {
                found.push((number, path));
            }
            break;
        }
    }
    found
}

fn resolve(folder: &str, target: &str) -> Option<String> {
    let start = if target.starts_with('.') { format!("{folder}/{target}") } else { alias(target)? };
    let mut parts: Vec<&str> = Vec::new();
    for part in start.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Aliases that a bundler may define for the sources.
fn alias(target: &str) -> Option<String> {
    ["$lib/", "@/", "~/", "$/", "/src/", "src/"]
        .iter()
        .find_map(|prefix| target.strip_prefix(prefix))
        .map(|rest| format!("ui/src/{rest}"))
}

#[cfg(test)]
mod tests {
    use super::super::complains;
    use super::*;

    #[test]
    fn layers_import_downwards() {
        let component = "ui/src/components/Button.svelte";
        complains(layers, component, "import Dial from '../features/dial/Dial.svelte';", 1);
        complains(layers, component, "  import { app } from \"../state/app.svelte\";", 1);
        complains(layers, component, "import Icon from './Icon.svelte';", 0);
        let feature = "ui/src/features/dial/Dial.svelte";
        complains(layers, feature, "import Call from '../call/Call.svelte';", 1);
        complains(layers, feature, "import Call from '@/features/call/Call.svelte';", 1);
        complains(layers, feature, "const x = await import('../../views/Home.svelte');", 1);
        complains(
            layers,
            feature,
            "import Key from './Key.svelte';\nimport B from '../../components/B.svelte';",
            0,
        );
        complains(layers, "ui/src/views/Home.svelte", "import Dial from '../features/dial/Dial.svelte';", 0);
        complains(layers, "ui/src/state/app.svelte.ts", "import B from '../components/B.svelte';", 1);
    }

    #[test]
    fn one_file_imports_tauri() {
        let line = "import { invoke } from '@tauri-apps/api/core';";
        complains(tauri, "ui/src/state/app.ts", line, 1);
        complains(tauri, CLIENT, line, 0);
        complains(tauri, "ui/src/api/client.test.ts", line, 0);
    }

    #[test]
    fn markup_from_texts_is_refused() {
        complains(markup, "ui/src/features/thread/Bubble.svelte", "<p>{@html text}</p>", 1);
        complains(markup, "ui/src/features/thread/Bubble.svelte", "<p>{text}</p>", 0);
    }
}
