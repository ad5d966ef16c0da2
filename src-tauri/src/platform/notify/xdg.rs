//! The Desktop Notifications Specification 1.2 over the session bus.

use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use notify_rust::{Hint, NotificationHandle, NotificationResponse, Timeout};
use tern_engine::ports::{Notification, TypedReply, Urgency};
use tokio::sync::{Mutex, oneshot};
use zbus::message::Type;
use zbus::{Connection, MatchRule, MessageStream};

use super::Response;

/// A server that hangs must not hold up the engine.
const PATIENCE: Duration = Duration::from_secs(5);
/// The key the specification reserves for a click on the notification itself.
const CLICK: &str = "default";
/// The key, and the ability, of a field to answer in: an extension of Plasma's that others took over.
const REPLY: &str = "inline-reply";
/// What was typed may come a moment after the notification's end: they come over two connections.
const LATE: Duration = Duration::from_millis(500);

/// A notification on the screen. The connection it was sent over lives as long: some servers take a
/// notification away when its sender is gone.
pub(super) struct Shown {
    handle: NotificationHandle,
    // Where the server has no buttons there is nothing to wait for but its end.
    acts: bool,
    replies: Option<Mutex<MessageStream>>,
}

/// What a server can do, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Abilities {
    actions: bool,
    markup: bool,
    replies: bool,
}

/// Shows a notification, in the place of `replaced` if that is still there.
pub(super) async fn show(
    notification: &Notification,
    replaced: Option<&Shown>,
    icon: Option<&Path>,
) -> Result<Shown, String> {
    let abilities =
        tokio::time::timeout(PATIENCE, abilities()).await.map_err(|_| "the server does not answer")??;
    // Heard before it is shown, so that nothing typed is lost.
    let wanted = abilities.actions && abilities.replies && notification.reply.is_some();
    let replies = if wanted { replies().await } else { None };
    let mut drawn = draw(notification, Abilities { replies: replies.is_some(), ..abilities }, icon);
    if let Some(replaced) = replaced {
        drawn.id(replaced.handle.id());
    }
    let handle = tokio::time::timeout(PATIENCE, drawn.show_async())
        .await
        .map_err(|_| "the server does not answer")?
        .map_err(|error| error.to_string())?;
    Ok(Shown { handle, acts: abilities.actions, replies: replies.map(Mutex::new) })
}

impl Shown {
    /// Whether its buttons are drawn.
    pub(super) fn can_be_pressed(&self) -> bool {
        self.acts
    }

    /// Waits for the first thing done with it.
    pub(super) async fn response(&self) -> Response {
        let typed = self.typed();
        tokio::pin!(typed);
        tokio::select! {
            // What is typed ends it for the server as well.
            biased;
            text = &mut typed => Response::Replied(text),
            response = self.action() => match response {
                Response::Gone if self.replies.is_some() => {
                    tokio::time::timeout(LATE, typed).await.map_or(Response::Gone, Response::Replied)
                }
                response => response,
            },
        }
    }

    /// Waits for what is typed into its field; for ever where it has none.
    async fn typed(&self) -> TypedReply {
        let Some(replies) = &self.replies else { return std::future::pending().await };
        let mut replies = replies.lock().await;
        while let Some(message) = replies.next().await {
            let said = message.ok().and_then(|m| m.body().deserialize::<(u32, String)>().ok());
            if let Some((id, text)) = said
                && id == self.handle.id()
            {
                return TypedReply(text);
            }
        }
        std::future::pending().await
    }

    /// Waits for the first press, click or end.
    async fn action(&self) -> Response {
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
    Ok(Abilities { actions: can("actions"), markup: can("body-markup"), replies: can(REPLY) })
}

/// What is typed into notifications from now on.
async fn replies() -> Option<MessageStream> {
    let listen = async {
        let bus = Connection::session().await?;
        let replied = MatchRule::builder()
            .msg_type(Type::Signal)
            .interface("org.freedesktop.Notifications")
            .member("NotificationReplied")
            .build()?;
        MessageStream::for_match_rule(replied, &bus, None).await
    };
    tokio::time::timeout(PATIENCE, listen).await.ok()?.ok()
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
        if let Some(field) = notification.reply.as_ref().filter(|_| abilities.replies) {
            drawn.action(REPLY, &field.label);
            let hint = "x-kde-reply-placeholder-text".to_owned();
            drawn.hint(Hint::Custom(hint, field.placeholder.clone()));
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
    use tern_engine::api::{AccountId, CallId, ThreadId};
    use tern_engine::ports::{Correspondents, NotificationAction, NotificationButton, ReplyField};

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
            reply: None,
            default: NotificationAction::OpenWindow,
            timeout: None,
        }
    }

    #[test]
    fn a_strangers_text_is_never_markup() {
        let all = Abilities { actions: true, markup: true, replies: true };
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
        let all = Abilities { actions: true, markup: true, replies: true };
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

    #[test]
    fn a_field_to_answer_in_only_where_it_is_drawn() {
        let to = Correspondents {
            account: AccountId(1),
            thread: ThreadId("t1".into()),
            number: "+4930901820".into(),
            peer: "+442079460123".into(),
        };
        let field = ReplyField { to, label: "Reply".into(), placeholder: "Message".into() };
        let message = Notification { buttons: Vec::new(), reply: Some(field), ..ringing("") };
        let all = Abilities { actions: true, markup: true, replies: true };
        assert_eq!(draw(&message, all, None).actions, ["default", "Tern", "inline-reply", "Reply"]);
        let without = Abilities { replies: false, ..all };
        assert_eq!(draw(&message, without, None).actions, ["default", "Tern"]);
    }
}
