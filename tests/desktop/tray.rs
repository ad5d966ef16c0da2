//! A panel that draws tray icons, as far as an app can tell: the StatusNotifierItem protocol and the menu behind it.

use std::sync::{Arc, Mutex, PoisonError};

use xtask::stage::Bus;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::{OwnedVariant, Variant};

use crate::until::{SOON, until};

const NAME: &str = "org.kde.StatusNotifierWatcher";
const PATH: &str = "/StatusNotifierWatcher";
const ITEM: &str = "org.kde.StatusNotifierItem";
const MENU: &str = "com.canonical.dbusmenu";

/// One entry of a menu: its number, its properties, the entries below it.
type Entry = (i32, std::collections::HashMap<String, OwnedVariant>, Vec<OwnedVariant>);

/// The panel on a stage's bus.
pub(crate) struct Tray {
    bus: zbus::Connection,
    items: Arc<Mutex<Vec<(String, String)>>>,
}

impl Tray {
    /// Takes the watcher's name on the bus.
    pub(crate) async fn start(bus: &Bus) -> Self {
        let items = Arc::default();
        let bus = zbus::connection::Builder::address(bus.address())
            .serve_at(PATH, Watcher { items: Arc::clone(&items) })
            .name(NAME)
            .build()
            .await
            .unwrap();
        Self { bus, items }
    }

    /// Waits until the icon's title, or its menu's first line, reads as wanted.
    pub(crate) async fn says(&self, wanted: &str) {
        until(&format!("a tray that says {wanted:?}"), SOON, async || {
            self.labels().await?.iter().any(|label| label.contains(wanted)).then_some(())
        })
        .await;
    }

    /// Chooses an entry of the icon's menu.
    pub(crate) async fn choose(&self, wanted: &str) {
        until(&format!("{wanted:?} in the tray's menu"), SOON, async || {
            let (id, _) = self.entries().await?.into_iter().find(|(_, label)| label == wanted)?;
            let (owner, menu) = self.menu().await?;
            let event = (id, "clicked", Variant::from(0_i32), 0_u32);
            let bus = &self.bus;
            bus.call_method(Some(owner.as_str()), menu.as_str(), Some(MENU), "Event", &event).await.ok()?;
            Some(())
        })
        .await;
    }

    async fn labels(&self) -> Option<Vec<String>> {
        Some(self.entries().await?.into_iter().map(|(_, label)| label).collect())
    }

    async fn entries(&self) -> Option<Vec<(i32, String)>> {
        let (owner, menu) = self.menu().await?;
        let about = (0_i32, -1_i32, Vec::<String>::new());
        let bus = &self.bus;
        let layout = bus
            .call_method(Some(owner.as_str()), menu.as_str(), Some(MENU), "GetLayout", &about)
            .await
            .ok()?;
        let (_, (_, _, below)): (u32, Entry) = layout.body().deserialize().ok()?;
        let entries = below.into_iter().filter_map(|entry| Entry::try_from(entry).ok());
        Some(
            entries
                .filter_map(|(id, properties, _)| {
                    Some((id, String::try_from(properties.get("label")?.try_clone().ok()?).ok()?))
                })
                .collect(),
        )
    }

    async fn menu(&self) -> Option<(String, String)> {
        let (owner, path) = self.items.lock().unwrap_or_else(PoisonError::into_inner).last()?.clone();
        let item = zbus::Proxy::new(&self.bus, owner.clone(), path, ITEM).await.ok()?;
        let menu: zbus::OwnedObjectPath = item.get_property("Menu").await.ok()?;
        Some((owner, menu.to_string()))
    }
}

struct Watcher {
    items: Arc<Mutex<Vec<(String, String)>>>,
}

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    /// Apps give a path on their own connection, or a name that has the item at the usual path.
    async fn register_status_notifier_item(
        &self,
        service: String,
        #[zbus(header)] header: Header<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) {
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        let item = if service.starts_with('/') {
            (sender, service)
        } else {
            (service, "/StatusNotifierItem".to_owned())
        };
        let told = format!("{}{}", item.0, item.1);
        self.items.lock().unwrap_or_else(PoisonError::into_inner).push(item);
        let _ = Self::status_notifier_item_registered(&emitter, &told).await;
    }

    fn register_status_notifier_host(&self, _service: String) {}

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        let items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        items.iter().map(|(owner, path)| format!("{owner}{path}")).collect()
    }

    #[zbus(signal)]
    async fn status_notifier_item_registered(emitter: &SignalEmitter<'_>, item: &str) -> zbus::Result<()>;
}
