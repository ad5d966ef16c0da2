//! An OpenAPI description, and what it says about a request. Prism looks at what must be there and of which form; that
//! nothing is sent which the description does not know is looked at here.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use crate::relay::Exchange;

/// A description.
pub(crate) struct Description(Value);

impl Description {
    pub(crate) fn read(file: &Path) -> Self {
        Self(serde_json::from_slice(&fs::read(file).expect("a stored description")).expect("JSON"))
    }

    /// The names of an operation's examples.
    pub(crate) fn examples(&self, path: &str, method: &str) -> Vec<String> {
        let responses = self.0["paths"][path][method]["responses"].as_object().expect("an operation");
        let contents = responses.values().map(|r| &r["content"]["application/json"]["examples"]);
        contents.filter_map(Value::as_object).flat_map(|examples| examples.keys().cloned()).collect()
    }

    /// Fails unless a request was accepted and every field of it is described.
    pub(crate) fn check(&self, exchange: &Exchange) {
        assert!(exchange.violations.is_empty() && exchange.status < 400, "{exchange:#?}");
        let paths = self.0["paths"].as_object().expect("paths");
        // The path without a parameter in it fits better.
        let mut fitting: Vec<&String> = paths.keys().filter(|path| fits(path, &exchange.path)).collect();
        fitting.sort_by_key(|path| path.matches('{').count());
        let path = fitting.first().unwrap_or_else(|| panic!("{} is not described", exchange.path));
        let operation = &self.0["paths"][path.as_str()][exchange.method.to_lowercase()];
        assert!(operation.is_object(), "{} {path} is not described", exchange.method);
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let names: BTreeSet<&str> = parameters.filter_map(|p| self.resolve(p)["name"].as_str()).collect();
        for (name, _) in &exchange.query {
            assert!(names.contains(name.as_str()), "{} {path} has no parameter {name}", exchange.method);
        }
        let contents = self.resolve(&operation["requestBody"])["content"].as_object();
        let schema = contents.and_then(|c| c.values().next()).map(|c| self.resolve(&c["schema"]));
        for field in &exchange.fields {
            let known = schema.is_some_and(|schema| schema["properties"][field.as_str()].is_object());
            assert!(known, "{} {path} has no field {field}", exchange.method);
        }
    }

    fn resolve<'a>(&'a self, node: &'a Value) -> &'a Value {
        match node["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
            Some(pointer) => self.0.pointer(pointer).expect("what is referred to"),
            None => node,
        }
    }
}

/// Whether an address is one of a path with names in braces.
fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(path).all(|(wanted, part)| match wanted.split_once('{') {
            Some((before, rest)) => {
                let after = rest.split_once('}').map_or("", |(_, after)| after);
                part.len() > before.len() + after.len() && part.starts_with(before) && part.ends_with(after)
            }
            None => *wanted == part,
        })
}
