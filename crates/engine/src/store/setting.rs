//! Table `setting`: the user's settings, as one JSON document so that a missing field takes its default.

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use crate::api::Settings;

const NAME: &str = "settings";

/// The settings; what can't be read any more is the default.
pub(crate) fn get(connection: &Connection) -> Result<Settings, StoreError> {
    let text: Option<String> = connection
        .query_row("SELECT value FROM setting WHERE name = ?1", [NAME], |row| row.get(0))
        .optional()?;
    Ok(text.and_then(|t| serde_json::from_str(&t).ok()).unwrap_or_default())
}

pub(super) fn put(connection: &Connection, settings: &Settings) -> Result<(), StoreError> {
    let text = serde_json::to_string(settings).map_err(|_| StoreError::UnknownValue("setting"))?;
    connection.execute(
        "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        params![NAME, text],
    )?;
    Ok(())
}
