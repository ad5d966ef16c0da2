//! Leaving in good order: calls end with BYE, registrations are taken back, then the process ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tauri::{AppHandle, ExitRequestApi, Manager};

use crate::bridge::Host;
use crate::platform::window;

/// A peer that does not answer must not keep the app from ending.
const PATIENCE: Duration = Duration::from_secs(4);

/// Whether leaving has begun, and whether it is done.
#[derive(Default)]
pub(crate) struct Leaving {
    begun: AtomicBool,
    done: AtomicBool,
}

/// Somebody wants the process to end: holds it until everything is put away, then ends it with the same code.
pub(crate) fn requested(app: &AppHandle, api: &ExitRequestApi, code: Option<i32>) {
    let Some(leaving) = app.try_state::<Leaving>() else { return };
    if leaving.done.load(Ordering::Acquire) {
        return;
    }
    api.prevent_exit();
    if leaving.begun.swap(true, Ordering::AcqRel) {
        return;
    }
    tracing::info!("leaving");
    window::hide(app);
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let host = app.state::<Host>();
        if tokio::time::timeout(PATIENCE, host.close()).await.is_err() {
            tracing::warn!("leaving without having put everything away");
        }
        app.state::<Leaving>().done.store(true, Ordering::Release);
        app.exit(code.unwrap_or(0));
    });
}

/// Ends the app in good order when the system asks it to, as at the end of a desktop session.
#[cfg(unix)]
pub(crate) fn on_signals(app: AppHandle) {
    use tokio::signal::unix::{SignalKind, signal};
    tauri::async_runtime::spawn(async move {
        let (Ok(mut term), Ok(mut interrupt), Ok(mut hangup)) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()))
        else {
            return tracing::warn!("signals can't be caught; a kill will leave the registration behind");
        };
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
        app.exit(0);
        // The event loop may be held up by a dialog or a hung display.
        tokio::time::sleep(PATIENCE * 2).await;
        tracing::warn!("the window did not end; ending without it");
        std::process::exit(1);
    });
}

/// Windows and macOS tell the event loop themselves.
#[cfg(not(unix))]
pub(crate) fn on_signals(_app: AppHandle) {}
