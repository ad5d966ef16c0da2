//! Notifications of the desktop.
//!
//! Invariant: per tag at most one notification is known as shown, and at most one task waits for what is done
//! with it. Showing the tag again or closing it ends that task first, so a press on what is already gone does
//! nothing.

#[cfg(target_os = "linux")]
mod xdg;
#[cfg(not(target_os = "linux"))]
#[path = "notify/elsewhere.rs"]
mod xdg;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tauri::AppHandle;
use tern_engine::EngineHandle;
use tern_engine::ports::{Notification, NotificationAction, Notifier, TypedReply, Urgency};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::xdg::Shown;
use super::window;

/// The most notifications followed at once; the oldest one's buttons stop working beyond it.
const MOST: usize = 64;

/// What came back from a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Response {
    /// It was clicked.
    Clicked,
    /// A button was pressed: its place among the buttons.
    Pressed(usize),
    /// It was answered in its own field.
    Replied(TypedReply),
    /// It is gone.
    Gone,
}

/// The desktop's notification server, as the engine sees it.
pub(crate) struct DesktopNotifier {
    desk: Arc<Desk>,
    // A close that overtook its show would leave a call ringing on the screen.
    turn: tokio::sync::Mutex<()>,
}

/// What a notification that was used acts on.
struct Desk {
    app: AppHandle,
    engine: watch::Receiver<Option<EngineHandle>>,
    icon: Option<PathBuf>,
    board: Mutex<Board>,
}

/// What is shown, by tag.
#[derive(Default)]
struct Board {
    posts: HashMap<String, Post>,
    next: u64,
}

struct Post {
    order: u64,
    shown: Arc<Shown>,
    waiting: JoinHandle<()>,
}

impl DesktopNotifier {
    /// Buttons act on the engine that `engine` will hold. `icon` is a PNG for servers that don't know the app.
    pub(crate) fn new(
        app: AppHandle,
        engine: watch::Receiver<Option<EngineHandle>>,
        icon: Option<PathBuf>,
    ) -> Self {
        let desk = Desk { app, engine, icon, board: Mutex::default() };
        Self { desk: Arc::new(desk), turn: tokio::sync::Mutex::default() }
    }
}

#[async_trait]
impl Notifier for DesktopNotifier {
    async fn show(&self, notification: Notification) {
        let _turn = self.turn.lock().await;
        let desk = &self.desk;
        let replaced = desk.board().take(&notification.tag);
        let shown = xdg::show(&notification, replaced.as_deref(), desk.icon.as_deref()).await;
        let can_be_pressed = shown.as_ref().is_ok_and(Shown::can_be_pressed);
        if notification.urgency == Urgency::Critical && !can_be_pressed {
            // Nowhere else could the call be answered.
            window::show(&desk.app);
        }
        match shown {
            Ok(shown) => desk.follow(Arc::new(shown), notification),
            Err(error) => tracing::warn!(%error, "a notification could not be shown"),
        }
    }

    async fn close(&self, tag: &str) {
        let _turn = self.turn.lock().await;
        let shown = self.desk.board().take(tag);
        if let Some(shown) = shown {
            shown.close().await;
        }
    }
}

impl Desk {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a task wait for what is done with a notification.
    fn follow(self: &Arc<Self>, shown: Arc<Shown>, notification: Notification) {
        let mut board = self.board();
        let order = board.next;
        board.next += 1;
        let tag = notification.tag.clone();
        let task = self.clone().wait(shown.clone(), order, notification);
        let waiting = tauri::async_runtime::handle().inner().spawn(task);
        board.posts.insert(tag, Post { order, shown, waiting });
        board.forget_the_oldest();
    }

    /// Waits for what is done with a notification and does it.
    async fn wait(self: Arc<Self>, shown: Arc<Shown>, order: u64, notification: Notification) {
        let response = shown.response().await;
        self.board().forget(&notification.tag, order);
        let action = match response {
            Response::Clicked => notification.default,
            Response::Pressed(place) => match notification.buttons.into_iter().nth(place) {
                Some(button) => button.action,
                None => return,
            },
            Response::Replied(text) => match notification.reply {
                Some(field) => NotificationAction::Reply { to: field.to, text },
                None => return,
            },
            Response::Gone => return,
        };
        // Most servers take a notification away when it is used; the specification leaves it to them.
        shown.close().await;
        let mut engine = self.engine.clone();
        let Ok(engine) = engine.wait_for(Option::is_some).await.map(|engine| engine.clone()) else { return };
        let Some(engine) = engine else { return };
        let answered = matches!(action, NotificationAction::Answer { .. });
        engine.activate(action).await;
        if answered {
            // Whoever talks needs to mute and to hang up.
            window::show(&self.app);
        }
    }
}

impl Board {
    /// Takes a notification off the board; what is done with it from now on does nothing.
    fn take(&mut self, tag: &str) -> Option<Arc<Shown>> {
        let post = self.posts.remove(tag)?;
        post.waiting.abort();
        Some(post.shown)
    }

    /// It was used or is gone. One that took its place meanwhile stays.
    fn forget(&mut self, tag: &str, order: u64) {
        if self.posts.get(tag).is_some_and(|post| post.order == order) {
            self.posts.remove(tag);
        }
    }

    fn forget_the_oldest(&mut self) {
        if self.posts.len() > MOST
            && let Some(oldest) =
                self.posts.iter().min_by_key(|(_, post)| post.order).map(|(tag, _)| tag.clone())
        {
            self.take(&oldest);
        }
    }
}
