//! `/openapi.json`.

use serde_json::{Map, Value};

use crate::{
    rule::{Judged, broken},
    run::Run,
};

/// What no provider can do without: Tern's window shows these.
const CORE: &[&str] = &["/v1/account", "/v1/activity/snapshot", "/v1/activity/changes"];

pub(crate) async fn document(run: &mut Run) -> Judged {
    let answer = &run.description;
    answer.is_fine()?;
    let version = answer.text("openapi").unwrap_or_default();
    if !version.starts_with("3.1.") {
        return Err(broken("`openapi`: 3.1", format!("{version:?}")));
    }
    let missing: Vec<&str> =
        CORE.iter().copied().filter(|path| !paths(&answer.body).any(|(known, _)| known == path)).collect();
    if missing.is_empty() { Ok(()) } else { Err(broken(format!("paths with {missing:?}"), "none such")) }
}

pub(crate) async fn security(run: &mut Run) -> Judged {
    let document = &run.description.body;
    let schemes = document.pointer("/components/securitySchemes").and_then(Value::as_object);
    let is_bearer = |scheme: &&Value| {
        let is = |field: &str, word: &str| {
            let text = scheme.get(field).and_then(Value::as_str);
            text.is_some_and(|text| text.eq_ignore_ascii_case(word))
        };
        is("type", "http") && is("scheme", "bearer")
    };
    if !schemes.is_some_and(|all| all.values().any(|scheme| is_bearer(&scheme))) {
        return Err(broken("a security scheme of type http, scheme bearer", "none"));
    }
    let everywhere = document.get("security").is_some();
    for (path, operations) in paths(document).filter(|(path, _)| path.starts_with("/v1/")) {
        for (method, operation) in operations {
            let is_operation = operation.get("responses").is_some();
            let asks = operation.get("security").and_then(Value::as_array).map(|all| !all.is_empty());
            if is_operation && !asks.unwrap_or(everywhere) {
                return Err(broken(format!("`security` at {} {path}", method.to_uppercase()), "none"));
            }
        }
    }
    Ok(())
}

fn paths(document: &Value) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
    let paths = document.get("paths").and_then(Value::as_object);
    paths.into_iter().flatten().filter_map(|(path, item)| Some((path, item.as_object()?)))
}
