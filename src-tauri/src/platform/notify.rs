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
use tern_engine::EngineHandle;
use tern_engine::ports::{Notification, NotificationAction, NotificationButton, Notifier};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::xdg::Shown;

/// The most notifications followed at once; the oldest one's buttons stop working beyond it.
const MOST: usize = 64;

/// What came back from a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Response {
    /// It was clicked.
    Clicked,
    /// A button was pressed: its place among the buttons.
    Pressed(usize),
    /// It is gone.
    Gone,
}

/// The desktop's notification server, as the engine sees it.
pub(crate) struct DesktopNotifier {
    engine: watch::Receiver<Option<EngineHandle>>,
    icon: Option<PathBuf>,
    shown: Arc<Mutex<Board>>,
    // A close that overtook its show would leave a call ringing on the screen.
    turn: tokio::sync::Mutex<()>,
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
    pub(crate) fn new(engine: watch::Receiver<Option<EngineHandle>>, icon: Option<PathBuf>) -> Self {
        Self { engine, icon, shown: Arc::default(), turn: tokio::sync::Mutex::default() }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Notifier for DesktopNotifier {
    async fn show(&self, notification: Notification) {
        let _turn = self.turn.lock().await;
        let replaced = self.board().posts.remove(&notification.tag).map(|post| {
            post.waiting.abort();
            post.shown
        });
        let shown = match xdg::show(&notification, replaced.as_deref(), self.icon.as_deref()).await {
            Ok(shown) => Arc::new(shown),
            Err(error) => return tracing::warn!(%error, "a notification could not be shown"),
        };
        let mut board = self.board();
        let order = board.next;
        board.next += 1;
        let waiting = tauri::async_runtime::handle().inner().spawn(follow(
            shown.clone(),
            order,
            self.shown.clone(),
            self.engine.clone(),
            notification.default,
            notification.buttons,
            notification.tag.clone(),
        ));
        board.posts.insert(notification.tag, Post { order, shown, waiting });
        board.forget_the_oldest();
    }

    async fn close(&self, tag: &str) {
        let _turn = self.turn.lock().await;
        let post = self.board().posts.remove(tag);
        if let Some(post) = post {
            post.waiting.abort();
            post.shown.close().await;
        }
    }
}

impl Board {
    fn forget_the_oldest(&mut self) {
        if self.posts.len() <= MOST {
            return;
        }
        let oldest = self.posts.iter().min_by_key(|(_, post)| post.order).map(|(tag, _)| tag.clone());
        if let Some(post) = oldest.and_then(|tag| self.posts.remove(&tag)) {
            post.waiting.abort();
        }
    }
}

/// Waits for what is done with a notification and does it.
async fn follow(
    shown: Arc<Shown>,
    order: u64,
    board: Arc<Mutex<Board>>,
    mut engine: watch::Receiver<Option<EngineHandle>>,
    default: NotificationAction,
    buttons: Vec<NotificationButton>,
    tag: String,
) {
    let action = match shown.response().await {
        Response::Clicked => Some(default),
        Response::Pressed(place) => buttons.into_iter().nth(place).map(|button| button.action),
        Response::Gone => None,
    };
    {
        let mut board = board.lock().unwrap_or_else(PoisonError::into_inner);
        if board.posts.get(&tag).is_some_and(|post| post.order == order) {
            board.posts.remove(&tag);
        }
    }
    let Some(action) = action else { return };
    // Most servers take a notification away when it is used; the specification leaves it to them.
    shown.close().await;
    let Ok(engine) = engine.wait_for(Option::is_some).await.map(|engine| engine.clone()) else { return };
    if let Some(engine) = engine {
        engine.activate(action).await;
    }
}
