//! Notifications on Windows and macOS. Shown without buttons; what is done with them is not told back yet, so the
//! window's own Answer and Decline are what there is. Not run by the tests of this repository.

use std::path::Path;

use tern_engine::ports::Notification;

use super::Response;

/// A notification that was handed to the system.
pub(super) struct Shown;

/// Shows a notification.
pub(super) async fn show(
    notification: &Notification,
    _replaced: Option<&Shown>,
    _icon: Option<&Path>,
) -> Result<Shown, String> {
    let mut drawn = notify_rust::Notification::new();
    drawn.appname("Tern").summary(&notification.title).body(&notification.body);
    #[cfg(target_os = "windows")]
    drawn.app_id(super::super::IDENTIFIER);
    let shown = tokio::task::spawn_blocking(move || drawn.show().map(drop)).await;
    shown.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    Ok(Shown)
}

impl Shown {
    /// It has no buttons.
    pub(super) fn can_be_pressed(&self) -> bool {
        false
    }

    /// Nothing comes back.
    pub(super) async fn response(&self) -> Response {
        Response::Gone
    }

    /// The system takes it away by itself.
    pub(super) async fn close(&self) {}
}
