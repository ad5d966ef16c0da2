//! The Desktop Notifications Specification 1.2 over the session bus.

use std::path::Path;
use std::time::Duration;

use notify_rust::{Hint, NotificationHandle, NotificationResponse, Timeout};
use tern_engine::ports::{Notification, Urgency};
use tokio::sync::oneshot;

use super::Response;

/// A server that hangs must not hold up the engine.
const PATIENCE: Duration = Duration::from_secs(5);
/// The key the specification reserves for a click on the notification itself.
const CLICK: &str = "default";

/// A notification on the screen. The connection it was sent over lives as long: some servers take a
/// notification away when its sender is gone.
pub(super) struct Shown {
    handle: NotificationHandle,
    // Where the server has no buttons there is nothing to wait for but its end.
    acts: bool,
}

/// What a server can do, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Abilities {
    actions: bool,
    markup: bool,
}

/// Shows a notification, in the place of `replaced` if that is still there.
pub(super) async fn show(
    notification: &Notification,
    replaced: Option<&Shown>,
    icon: Option<&Path>,
) -> Result<Shown, String> {
    let abilities =
        tokio::time::timeout(PATIENCE, abilities()).await.map_err(|_| "the server does not answer")??;
    let mut drawn = draw(notification, abilities, icon);
    if let Some(replaced) = replaced {
        drawn.id(replaced.handle.id());
    }
    let handle = tokio::time::timeout(PATIENCE, drawn.show_async())
        .await
        .map_err(|_| "the server does not answer")?
        .map_err(|error| error.to_string())?;
    Ok(Shown { handle, acts: abilities.actions })
}

impl Shown {
    /// Whether its buttons are drawn.
    pub(super) fn can_be_pressed(&self) -> bool {
        self.acts
    }

    /// Waits for the first thing done with it.
    pub(super) async fn response(&self) -> Response {
        let (tell, told) = oneshot::channel();
        self.handle
            .wait_for_action_async(|response| {
                let _ = tell.send(match response {
                    NotificationResponse::Default => Response::Clicked,
                    NotificationResponse::Action(key) => {
                        key.parse().map_or(Response::Gone, Response::Pressed)
                    }
                    NotificationResponse::Reply(_) | NotificationResponse::Closed(_) => Response::Gone,
                });
            })
            .await;
        let response = told.await.unwrap_or(Response::Gone);
        if self.acts { response } else { Response::Gone }
    }

    /// Takes it off the screen.
    pub(super) async fn close(&self) {
        let _ = tokio::time::timeout(PATIENCE, self.handle.close_async()).await;
    }
}

/// Asked each time: the server may have been replaced since the last.
async fn abilities() -> Result<Abilities, String> {
    // The call blocks, and would panic on a thread that drives tasks.
    let told = tokio::task::spawn_blocking(notify_rust::get_capabilities).await;
    let told = told.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    let can = |what: &str| told.iter().any(|ability| ability == what);
    Ok(Abilities { actions: can("actions"), markup: can("body-markup") })
}

fn draw(notification: &Notification, abilities: Abilities, icon: Option<&Path>) -> notify_rust::Notification {
    let mut drawn = notify_rust::Notification::new();
    drawn.appname("Tern").summary(&notification.title).hint(Hint::DesktopEntry("Tern".into()));
    if abilities.markup {
        drawn.body(&escape(&notification.body));
    } else {
        drawn.body(&notification.body);
    }
    if let Some(icon) = icon.and_then(Path::to_str) {
        drawn.icon(icon);
    }
    match notification.urgency {
        Urgency::Critical => {
            drawn.urgency(notify_rust::Urgency::Critical).hint(Hint::Category("call.incoming".into()));
            drawn.timeout(Timeout::Never);
        }
        Urgency::Normal => {
            drawn.urgency(notify_rust::Urgency::Normal).hint(Hint::Category("im.received".into()));
        }
    }
    if let Some(timeout) = notification.timeout {
        drawn.timeout(timeout);
    }
    if abilities.actions {
        // Some servers draw the click as a button and show this text on it.
        drawn.action(CLICK, "Tern");
        for (place, button) in notification.buttons.iter().enumerate() {
            drawn.action(&place.to_string(), &button.label);
        }
    }
    drawn
}

/// What of a text a server that renders markup would take for markup. Texts come from strangers.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use tern_engine::api::CallId;
    use tern_engine::ports::{NotificationAction, NotificationButton};

    use super::*;

    fn ringing(body: &str) -> Notification {
        let button = |action, label: &str| NotificationButton { action, label: label.into() };
        Notification {
            tag: "call-1".into(),
            urgency: Urgency::Critical,
            title: "Call".into(),
            body: body.into(),
            buttons: vec![
                button(NotificationAction::Answer { call: CallId(1) }, "Answer"),
                button(NotificationAction::Decline { call: CallId(1) }, "Decline"),
            ],
            default: NotificationAction::OpenWindow,
            timeout: None,
        }
    }

    #[test]
    fn a_strangers_text_is_never_markup() {
        let all = Abilities { actions: true, markup: true };
        let text = "<a href=\"https://x\">bank</a> & co";
        assert_eq!(
            draw(&ringing(text), all, None).body,
            "&lt;a href=\"https://x\"&gt;bank&lt;/a&gt; &amp; co"
        );
        let plain = Abilities { markup: false, ..all };
        assert_eq!(draw(&ringing(text), plain, None).body, text);
    }

    #[test]
    fn buttons_only_where_they_can_be_pressed() {
        let all = Abilities { actions: true, markup: true };
        let drawn = draw(&ringing(""), all, None);
        assert_eq!(drawn.actions, ["default", "Tern", "0", "Answer", "1", "Decline"]);
        assert!(draw(&ringing(""), Abilities::default(), None).actions.is_empty());
    }

    #[test]
    fn a_ringing_call_stays_on_the_screen() {
        let drawn = draw(&ringing(""), Abilities::default(), None);
        assert_eq!(drawn.timeout, Timeout::Never);
        assert!(drawn.hints.contains(&Hint::Category("call.incoming".into())));
    }
}
