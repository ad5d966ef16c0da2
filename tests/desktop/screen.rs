//! What only a window manager can do: see whether a window is on the screen, and ask it to close.

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConfigureWindowAux, ConnectionExt, EventMask, InputFocus, MapState, Window,
};
use x11rb::rust_connection::RustConnection;
use xtask::stage::Display;

use crate::until::{SOON, until};

/// A connection to a display.
pub(crate) struct Screen {
    server: RustConnection,
    root: Window,
}

impl Screen {
    /// Connects to a stage's display.
    pub(crate) fn of(display: &Display) -> Self {
        let (server, number) = x11rb::connect(Some(&display.name())).unwrap();
        let root = server.setup().roots[number].root;
        Self { server, root }
    }

    /// Whether Tern's window is on the screen.
    pub(crate) fn shows_tern(&self) -> bool {
        self.tern().is_some()
    }

    /// Clicks the window's close button, as a window manager passes it on (ICCCM section 4.2.8.1).
    pub(crate) fn close_tern(&self) {
        let window = self.tern().expect("no window to close");
        let (protocols, delete) = (self.atom("WM_PROTOCOLS"), self.atom("WM_DELETE_WINDOW"));
        let message = ClientMessageEvent::new(32, window, protocols, [delete, x11rb::CURRENT_TIME, 0, 0, 0]);
        self.server.send_event(false, window, EventMask::NO_EVENT, message).unwrap().check().unwrap();
    }

    /// Drags the window's corner.
    pub(crate) fn resize_tern(&self, width: u32, height: u32) {
        let window = self.tern().expect("no window to resize");
        let size = ConfigureWindowAux::new().width(width).height(height);
        self.server.configure_window(window, &size).unwrap().check().unwrap();
    }

    /// Width and height of the window, in pixels.
    pub(crate) fn size_of_tern(&self) -> Option<(u32, u32)> {
        let geometry = self.server.get_geometry(self.tern()?).ok()?.reply().ok()?;
        Some((geometry.width.into(), geometry.height.into()))
    }

    /// Closes the window and waits until it is hidden.
    pub(crate) async fn hide_tern(&self) {
        self.close_tern();
        until("a hidden window", SOON, async || (!self.shows_tern()).then_some(())).await;
    }

    /// Waits for a dialog, and gives it the keyboard as a window manager would.
    pub(crate) async fn focus_dialog(&self) {
        until("a dialog with the keyboard", SOON, async || {
            let dialog = self.dialog()?;
            let focus = self.server.set_input_focus(InputFocus::PARENT, dialog, x11rb::CURRENT_TIME);
            focus.ok()?.check().ok()?;
            (self.server.get_input_focus().ok()?.reply().ok()?.focus == dialog).then_some(())
        })
        .await;
    }

    /// Waits until there is no dialog.
    pub(crate) async fn dialog_gone(&self) {
        until("no dialog", SOON, async || self.dialog().is_none().then_some(())).await;
    }

    fn tern(&self) -> Option<Window> {
        self.shown().into_iter().find(|window| self.title(*window).as_deref() == Some("Tern"))
    }

    /// A window that belongs to another one.
    fn dialog(&self) -> Option<Window> {
        self.shown().into_iter().find(|window| {
            let owner =
                self.server.get_property(false, *window, AtomEnum::WM_TRANSIENT_FOR, AtomEnum::ANY, 0, 1);
            let owner = owner.ok().and_then(|asked| asked.reply().ok());
            owner.is_some_and(|owner| !owner.value.is_empty())
        })
    }

    fn shown(&self) -> Vec<Window> {
        let windows = self.server.query_tree(self.root).unwrap().reply().unwrap().children;
        let is_viewable = |window: &Window| {
            let asked = self.server.get_window_attributes(*window).ok();
            let attributes = asked.and_then(|asked| asked.reply().ok());
            attributes.is_some_and(|attributes| attributes.map_state == MapState::VIEWABLE)
        };
        windows.into_iter().filter(is_viewable).collect()
    }

    fn title(&self, window: Window) -> Option<String> {
        let property =
            self.server.get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 64).ok()?;
        String::from_utf8(property.reply().ok()?.value).ok()
    }

    fn atom(&self, name: &str) -> u32 {
        self.server.intern_atom(false, name.as_bytes()).unwrap().reply().unwrap().atom
    }
}
