//! The engine's ports as a desktop fills them, and the parts of the desktop that are ours to draw.

pub(crate) mod clipboard;
pub(crate) mod files;
pub(crate) mod keyring;
pub(crate) mod links;
pub(crate) mod notify;
pub(crate) mod tray;
pub(crate) mod window;

/// The app's identifier, as in `tauri.conf.json`.
pub(crate) const IDENTIFIER: &str = "app.tern.desktop";
