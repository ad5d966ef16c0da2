//! The desktop's clipboard, for one-time codes.
//!
//! Invariant: what another program put there is never touched. On X11 and Wayland what is copied is held by whoever
//! copied it, so this lives as long as the app.

use std::sync::{Arc, Mutex, PoisonError};

use arboard::Clipboard as Held;
use async_trait::async_trait;
use tern_engine::ports::{Clipboard, ClipboardError, OneTimeCode};

/// The clipboard of the desktop's session.
#[derive(Default)]
pub(crate) struct DesktopClipboard(Arc<Mutex<Option<Held>>>);

impl DesktopClipboard {
    /// Works on the clipboard, on a thread that may wait for the desktop.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Held) -> Result<T, arboard::Error> + Send + 'static,
    ) -> Result<T, ClipboardError> {
        let held = self.0.clone();
        let done = tokio::task::spawn_blocking(move || {
            let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
            // Opened when first needed: a desktop without one is nothing to complain of before.
            if held.is_none() {
                *held = Some(Held::new()?);
            }
            held.as_mut().map_or(Err(arboard::Error::ClipboardNotSupported), work)
        });
        // The clipboard's own words stay out of the log: they may carry what was copied.
        done.await.map_err(|_| ClipboardError)?.map_err(|_| ClipboardError)
    }
}

#[async_trait]
impl Clipboard for DesktopClipboard {
    async fn copy(&self, code: &OneTimeCode) -> Result<(), ClipboardError> {
        let code = code.reveal().to_owned();
        self.with(move |clipboard| unremembered(clipboard.set()).text(code)).await
    }

    async fn clear(&self, code: &OneTimeCode) {
        let code = code.reveal().to_owned();
        let cleared = self.with(move |clipboard| {
            // Anything but the code, or nothing to read, is somebody else's.
            if clipboard.get_text().is_ok_and(|held| held == code) { clipboard.clear() } else { Ok(()) }
        });
        if cleared.await.is_err() {
            tracing::warn!("the clipboard was not emptied");
        }
    }
}

/// Marks what is copied as nothing for a clipboard's history.
#[cfg(target_os = "linux")]
fn unremembered(set: arboard::Set<'_>) -> arboard::Set<'_> {
    arboard::SetExtLinux::exclude_from_history(set)
}

/// Marks what is copied as nothing for a clipboard's history.
#[cfg(target_os = "macos")]
fn unremembered(set: arboard::Set<'_>) -> arboard::Set<'_> {
    arboard::SetExtApple::exclude_from_history(set)
}

/// Marks what is copied as nothing for a clipboard's history, here or in the cloud.
#[cfg(target_os = "windows")]
fn unremembered(set: arboard::Set<'_>) -> arboard::Set<'_> {
    use arboard::SetExtWindows;
    set.exclude_from_monitoring().exclude_from_cloud().exclude_from_history()
}
