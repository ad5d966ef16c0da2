//! Whether this desktop draws tray icons: the StatusNotifierItem protocol's watcher, and a host registered with it.

use futures_util::StreamExt;
use zbus::fdo::{DBusProxy, PropertiesProxy};
use zbus::message::Type;
use zbus::names::InterfaceName;
use zbus::{Connection, MatchRule, MessageStream};

const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const PATH: &str = "/StatusNotifierWatcher";

/// Tells whether there is a host, now and each time that may have changed. Ends without a session bus.
pub(super) async fn follow(tell: impl Fn(bool)) {
    if let Err(error) = watch(tell).await {
        tracing::info!(%error, "no session bus to look for a tray on");
    }
}

async fn watch(tell: impl Fn(bool)) -> zbus::Result<()> {
    let bus = Connection::session().await?;
    // A watcher came or went, or a host came to or left one that stays.
    let owners = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender("org.freedesktop.DBus")
        .interface("org.freedesktop.DBus")
        .member("NameOwnerChanged")
        .arg(0, WATCHER)
        .build()?;
    let hosts = MatchRule::builder().msg_type(Type::Signal).interface(WATCHER).path(PATH).build()?;
    let owners = MessageStream::for_match_rule(owners, &bus, None).await?;
    let hosts = MessageStream::for_match_rule(hosts, &bus, None).await?;
    let mut changes = futures_util::stream::select(owners, hosts);
    tell(is_there(&bus).await);
    while changes.next().await.is_some() {
        tell(is_there(&bus).await);
    }
    Ok(())
}

/// Anything but a clear yes is a no: closing the window then quits, which loses nothing.
async fn is_there(bus: &Connection) -> bool {
    let asked = async {
        if !DBusProxy::new(bus).await?.name_has_owner(WATCHER.try_into()?).await? {
            return zbus::Result::Ok(false);
        }
        let properties = PropertiesProxy::builder(bus).destination(WATCHER).path(PATH).build().await?;
        let value =
            properties.get(InterfaceName::try_from(WATCHER)?, "IsStatusNotifierHostRegistered").await?;
        bool::try_from(value)
    };
    asked.await.unwrap_or(false)
}
