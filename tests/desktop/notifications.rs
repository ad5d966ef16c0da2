//! A notification server that remembers what it was shown and presses buttons when told to.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use xtask::stage::Bus;
use zbus::OwnedVariant;
use zbus::object_server::SignalEmitter;

use crate::until::{SOON, until};

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// A notification as it was shown.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// The server's number for it.
    pub(crate) id: u32,
    /// First line.
    pub(crate) title: String,
    /// The rest.
    pub(crate) body: String,
    /// Keys and labels of the buttons.
    pub(crate) actions: Vec<(String, String)>,
    /// The category hint.
    pub(crate) category: String,
    /// The urgency hint: 2 is critical.
    pub(crate) urgency: u8,
    /// Whether it is still on the screen.
    pub(crate) open: bool,
}

/// The server on a stage's bus.
pub(crate) struct Notifications {
    bus: zbus::Connection,
    shown: Arc<Mutex<Vec<Shown>>>,
    buttons: Arc<AtomicBool>,
}

impl Notifications {
    /// Takes the name on the bus.
    pub(crate) async fn start(bus: &Bus) -> Self {
        let shown = Arc::default();
        let buttons = Arc::new(AtomicBool::new(true));
        let bus = zbus::connection::Builder::address(bus.address())
            .serve_at(PATH, Server { shown: Arc::clone(&shown), buttons: Arc::clone(&buttons) })
            .name(NAME)
            .build()
            .await
            .unwrap();
        Self { bus, shown, buttons }
    }

    /// From now on it is a server that draws no buttons, as some are.
    pub(crate) fn draw_no_buttons(&self) {
        self.buttons.store(false, Ordering::Relaxed);
    }

    /// Everything shown so far, oldest first; one that replaced another stands in its place.
    pub(crate) fn all(&self) -> Vec<Shown> {
        lock(&self.shown).clone()
    }

    /// Waits until there is one that fits.
    pub(crate) async fn wait_for(&self, what: &str, fits: impl Fn(&Shown) -> bool) -> Shown {
        until(what, SOON, async || self.all().into_iter().find(|shown| fits(shown))).await
    }

    /// The process that owns a name on this bus.
    pub(crate) async fn owner_pid(&self, name: &str) -> u32 {
        let bus = zbus::fdo::DBusProxy::new(&self.bus).await.unwrap();
        bus.get_connection_unix_process_id(name.try_into().unwrap()).await.unwrap()
    }

    /// Clicks the notification itself.
    pub(crate) async fn click(&self, shown: &Shown) {
        assert!(
            shown.actions.iter().any(|(key, _)| key == "default"),
            "it can't be clicked: {:?}",
            shown.actions
        );
        self.invoke(shown, "default").await;
    }

    /// Presses the button of that label.
    pub(crate) async fn press(&self, shown: &Shown, label: &str) {
        let (key, _) = shown
            .actions
            .iter()
            .find(|(_, text)| text == label)
            .unwrap_or_else(|| panic!("no button {label:?} among {:?}", shown.actions));
        self.invoke(shown, key).await;
    }

    /// Types into the notification's own field.
    pub(crate) async fn reply(&self, shown: &Shown, text: &str) {
        assert!(shown.actions.iter().any(|(key, _)| key == "inline-reply"), "no field: {:?}", shown.actions);
        let emitter = SignalEmitter::new(&self.bus, PATH).unwrap();
        Server::notification_replied(&emitter, shown.id, text).await.unwrap();
    }

    /// Again until the app has taken the notification away: what is pressed before the app listens is lost, and a
    /// person would press again too.
    async fn invoke(&self, shown: &Shown, key: &str) {
        let emitter = SignalEmitter::new(&self.bus, PATH).unwrap();
        until(&format!("an effect of {key:?}"), SOON, async || {
            Server::action_invoked(&emitter, shown.id, key).await.unwrap();
            self.all().iter().any(|other| other.id == shown.id && !other.open).then_some(())
        })
        .await;
    }
}

struct Server {
    shown: Arc<Mutex<Vec<Shown>>>,
    buttons: Arc<AtomicBool>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Server {
    #[expect(clippy::too_many_arguments, reason = "as the specification has it")]
    fn notify(
        &self,
        _app: String,
        replaces: u32,
        _icon: String,
        title: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedVariant>,
        _timeout: i32,
    ) -> u32 {
        let mut all = lock(&self.shown);
        let category =
            hints.get("category").and_then(|v| String::try_from(v.clone()).ok()).unwrap_or_default();
        let urgency = hints.get("urgency").and_then(|v| u8::try_from(v.clone()).ok()).unwrap_or(1);
        let actions = actions.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        let id = if replaces == 0 { u32::try_from(all.len()).unwrap() + 1 } else { replaces };
        let shown = Shown { id, title, body, actions, category, urgency, open: true };
        match all.iter_mut().find(|other| other.id == id) {
            Some(other) => *other = shown,
            None => all.push(shown),
        }
        id
    }

    async fn close_notification(&self, id: u32, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) {
        if let Some(shown) = lock(&self.shown).iter_mut().find(|shown| shown.id == id) {
            shown.open = false;
        }
        // 3: closed by a call of CloseNotification.
        let _ = Self::notification_closed(&emitter, id, 3).await;
    }

    fn get_capabilities(&self) -> Vec<&str> {
        let buttons = self.buttons.load(Ordering::Relaxed).then_some("actions");
        ["body", "body-markup", "persistence", "inline-reply"].into_iter().chain(buttons).collect()
    }

    fn get_server_information(&self) -> (&str, &str, &str, &str) {
        ("stage", "tern", "1", "1.2")
    }

    #[zbus(signal)]
    async fn action_invoked(emitter: &SignalEmitter<'_>, id: u32, key: &str) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn notification_replied(emitter: &SignalEmitter<'_>, id: u32, text: &str) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn notification_closed(emitter: &SignalEmitter<'_>, id: u32, reason: u32) -> zbus::Result<()>;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
