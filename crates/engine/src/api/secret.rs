//! Secrets that a user types.

use std::fmt;

use serde::{Deserialize, Serialize};
use specta::Type;

/// A secret on its way in. Never serialized out by the engine, never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
