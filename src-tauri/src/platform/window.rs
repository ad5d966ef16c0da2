//! The main window: made at start, hidden to the tray when there is one, shown again on request.

use tauri::webview::{Color, NewWindowResponse};
use tauri::{AppHandle, Manager, Theme, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder, WindowEvent};

use super::tray::Tray;

/// The window's label; capabilities name it.
pub(crate) const MAIN: &str = "main";

/// The page's own grounds, so that the window does not flash before the first paint.
const LIGHT_GROUND: Color = Color(0xff, 0xff, 0xff, 0xff);
const DARK_GROUND: Color = Color(0x13, 0x22, 0x2a, 0xff);

/// Whether a window can be made here. GTK would end the process with a panic otherwise.
pub(crate) fn display_is_there() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(not(target_os = "linux")) || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

/// Makes the window and shows it.
pub(crate) fn open(app: &tauri::App) -> tauri::Result<WebviewWindow> {
    let window = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::default())
        .title("Tern")
        .inner_size(1120.0, 760.0)
        .min_inner_size(420.0, 560.0)
        .on_navigation(is_ours)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .build()?;
    let ground =
        if window.theme().is_ok_and(|theme| theme == Theme::Dark) { DARK_GROUND } else { LIGHT_GROUND };
    window.set_background_color(Some(ground))?;
    let handle = app.handle().clone();
    window.on_window_event(move |event| {
        if let WindowEvent::CloseRequested { api, .. } = event {
            api.prevent_close();
            close(&handle);
        }
    });
    Ok(window)
}

/// Brings the window to the front.
pub(crate) fn show(app: &AppHandle) {
    let Some(window) = app.get_webview_window(MAIN) else { return };
    let shown = window.unminimize().and_then(|()| window.show()).and_then(|()| window.set_focus());
    if let Err(error) = shown {
        tracing::warn!(%error, "the window could not be shown");
    }
}

/// Takes the window off the screen.
pub(crate) fn hide(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(MAIN)
        && let Err(error) = window.hide()
    {
        tracing::warn!(%error, "the window could not be hidden");
    }
}

/// Without a tray a hidden window could never be found again: closing then means leaving.
fn close(app: &AppHandle) {
    if app.try_state::<Tray>().is_some_and(|tray| tray.is_shown()) {
        hide(app);
    } else {
        app.exit(0);
    }
}

/// The window shows our page and nothing else, wherever a link or a script may point.
fn is_ours(url: &Url) -> bool {
    let built_in = url.scheme() == "tauri" || url.host_str() == Some("tauri.localhost");
    let development = cfg!(not(feature = "custom-protocol"))
        && url.host_str() == Some("localhost")
        && url.port() == Some(5173);
    built_in || development || url.as_str() == "about:blank"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_page_is_shown() {
        let ours = |address: &str| is_ours(&address.parse().unwrap());
        assert!(ours("tauri://localhost/index.html"));
        assert!(ours("http://tauri.localhost/"));
        assert!(!ours("https://example.com/"));
        assert!(!ours("https://tauri.localhost.example.com/"));
        assert!(!ours("file:///etc/passwd"));
        assert!(!ours("data:text/html,x"));
    }
}
