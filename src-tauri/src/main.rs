//! Tern's desktop app: the engine with a window around it.
//!
//! Here belongs what only a desktop has: a window, a tray, notifications, a keyring, a browser. What a call or a
//! message is belongs to the engine; what anything looks like belongs to the page in the window.
//!
//! Invariant: the window is shown before the engine is up. Whatever needs the engine waits for it in
//! [`bridge::Host`]; nothing on the main thread does.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod bridge;
mod compose;
mod leave;
mod log;
mod platform;
mod sandbox;
mod trouble;

use std::process::ExitCode;

use tauri::RunEvent;
use tauri_plugin_window_state::StateFlags;

use crate::platform::window;

fn main() -> ExitCode {
    if !window::display_is_there() {
        eprintln!("tern: no display; set DISPLAY or WAYLAND_DISPLAY, or use `tern`, the command line");
        return ExitCode::FAILURE;
    }
    log::panics();
    // GTK's absence or a display that refuses us end in panics inside the window library.
    match std::panic::catch_unwind(build) {
        Ok(Ok(app)) => ExitCode::from(u8::try_from(app.run_return(on_event)).unwrap_or(1)),
        Ok(Err(error)) => {
            eprintln!("tern: the window could not be made: {error}");
            ExitCode::FAILURE
        }
        Err(_) => {
            eprintln!("tern: the display refused to show a window; is DISPLAY or WAYLAND_DISPLAY right?");
            ExitCode::FAILURE
        }
    }
}

fn build() -> tauri::Result<tauri::App> {
    tauri::Builder::default()
        // First: a second start must end before it touches the first one's data.
        .plugin(tauri_plugin_single_instance::init(|app, _arguments, _directory| window::show(app)))
        .plugin(
            tauri_plugin_window_state::Builder::new()
                // Never its visibility: who quit from the tray would start into nothing.
                .with_state_flags(StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED)
                .build(),
        )
        .invoke_handler(tauri::generate_handler![
            bridge::dispatch,
            bridge::ask,
            bridge::subscribe,
            bridge::choose_file
        ])
        .setup(|app| {
            if let Err(trouble) = compose::compose(app) {
                trouble.show();
                // An error returned from here would end in a panic of the event loop.
                std::process::exit(1);
            }
            Ok(())
        })
        .build(tauri::generate_context!())
}

fn on_event(app: &tauri::AppHandle, event: RunEvent) {
    match event {
        RunEvent::ExitRequested { api, code, .. } => leave::requested(app, &api, code),
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => window::show(app),
        _ => {}
    }
}
