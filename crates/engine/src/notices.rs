//! What is said outside of the window: notifications, in the user's language. When to say something is decided by
//! whoever calls these.

use crate::{
    api::{CallId, CallOutcome, ErrorView, EventKind, MessageState, Notice},
    core::{Effect, State},
    phone,
    ports::{Notification, NotificationAction, NotificationButton, Urgency},
    record::{Row, RowWhat, ThreadRowId},
};

/// Longest text shown of an SMS, characters.
const LONGEST_BODY: usize = 240;

/// The notification of a conversation: a newer message takes the place of an older one.
pub(crate) fn message_tag(thread: ThreadRowId) -> String {
    format!("thread-{}", thread.0)
}

impl State {
    pub(crate) fn notify_call(&mut self, id: &CallId) {
        let Some(call) = self.calls.get(id) else { return };
        let (tag, name) = (call.tag(), call.peer_name().to_owned());
        let body = match call.number() {
            Some(number) => self.texts.get("notify-call-body", &[("number", phone::display(number).into())]),
            None => self.texts.get("notify-call-body-plain", &[]),
        };
        let notification = Notification {
            tag,
            urgency: Urgency::Critical,
            title: self.texts.get("notify-call-title", &[("name", name.into())]),
            body,
            buttons: vec![
                NotificationButton {
                    action: NotificationAction::Answer { call: id.clone() },
                    label: self.texts.get("notify-answer", &[]),
                },
                NotificationButton {
                    action: NotificationAction::Decline { call: id.clone() },
                    label: self.texts.get("notify-decline", &[]),
                },
            ],
            default: NotificationAction::OpenWindow,
            timeout: None,
        };
        self.effect(Effect::Notify(notification));
    }

    /// Tells of a missed call; other rows are no news.
    pub(crate) fn notify_missed(&mut self, row: &Row) {
        let missed = matches!(row.what, RowWhat::Call { outcome: CallOutcome::Missed, .. });
        if !missed || !row.unread {
            return;
        }
        let name = self.name_of(&row.peer);
        let title = self.texts.get("notify-missed-title", &[]);
        let body = self.texts.get("notify-missed-body", &[("name", name.into())]);
        // One per row: several missed calls are several reasons to call back.
        self.say(format!("missed-{}", row.id.0), title, body, open(row.thread));
    }

    /// Tells of an SMS; other rows are no news.
    pub(crate) fn notify_message(&mut self, row: &Row) {
        let (RowWhat::Message { incoming: true, text, state: MessageState::Received, .. }, Some(thread)) =
            (&row.what, row.thread)
        else {
            return;
        };
        let body = if self.settings.show_message_text {
            text.chars().filter(|c| !c.is_control() || *c == '\n').take(LONGEST_BODY).collect()
        } else {
            self.texts.get("notify-sms-hidden", &[])
        };
        let title = self.texts.get("notify-sms-title", &[("name", self.name_of(&row.peer).into())]);
        self.say(message_tag(thread), title, body, open(Some(thread)));
    }

    /// One notification for everything that came while Tern was off.
    pub(crate) fn notify_away(&mut self, messages: u32, people: u32, missed_calls: u32) {
        let mut parts = Vec::new();
        if messages > 0 {
            let count = self.texts.get("notify-away-messages", &[("messages", messages.into())]);
            let from = self.texts.get("notify-away-people", &[("people", people.into())]);
            parts.push(format!("{count} {from}"));
        }
        if missed_calls > 0 {
            parts.push(self.texts.get("notify-away-missed", &[("calls", missed_calls.into())]));
        }
        let title = self.texts.get("notify-away-title", &[]);
        self.say(String::from("away"), title, parts.join(", "), NotificationAction::OpenWindow);
    }

    pub(crate) fn notify_funds(&mut self, added: Option<(String, String)>) {
        let (title, body) = match added {
            Some((amount, currency)) => (
                self.texts.get("notify-funds-title", &[]),
                self.texts
                    .get("notify-funds-body", &[("amount", amount.into()), ("currency", currency.into())]),
            ),
            None => {
                (self.texts.get("notify-no-funds-title", &[]), self.texts.get("notify-no-funds-body", &[]))
            }
        };
        self.say(String::from("funds"), title, body, NotificationAction::OpenWindow);
    }

    /// Tells the windows of an error that nobody's command caused.
    pub(crate) fn trouble(&mut self, account: Option<crate::api::AccountId>, error: ErrorView) {
        self.event(EventKind::NoticeRaised { notice: Notice::Trouble { account, error } });
    }

    fn say(&mut self, tag: String, title: String, body: String, default: NotificationAction) {
        self.effect(Effect::Notify(Notification {
            tag,
            urgency: Urgency::Normal,
            title,
            body,
            buttons: Vec::new(),
            default,
            timeout: None,
        }));
    }
}

fn open(thread: Option<ThreadRowId>) -> NotificationAction {
    match thread {
        Some(thread) => NotificationAction::OpenThread { thread: thread.outside() },
        None => NotificationAction::OpenWindow,
    }
}
