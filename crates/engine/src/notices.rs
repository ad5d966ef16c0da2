//! What is said outside of the window: notifications, in the user's language. When to say something is decided by
//! whoever calls these.

use crate::{
    api::{CallId, ErrorView, EventKind, MessageState, Notice},
    codes,
    core::{Effect, State},
    phone,
    ports::{Correspondents, Notification, NotificationAction, NotificationButton, ReplyField, Urgency},
    record::{Row, RowWhat, ThreadRowId},
};

/// Longest text shown of an SMS, characters.
const LONGEST_BODY: usize = 240;

/// The notification of what came while Tern was off.
const AWAY: &str = "away";

/// The notification of a conversation: a newer message takes the place of an older one.
pub(crate) fn message_tag(thread: ThreadRowId) -> String {
    format!("thread-{}", thread.0)
}

/// The same for calls missed from there.
fn missed_tag(thread: ThreadRowId) -> String {
    format!("missed-thread-{}", thread.0)
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
            reply: None,
            default: NotificationAction::OpenWindow,
            timeout: None,
        };
        self.effect(Effect::Notify(notification));
    }

    /// Tells of a missed call.
    pub(crate) fn notify_missed(&mut self, row: &Row) {
        let name = self.name_of(&row.peer);
        let title = self.texts.get("notify-missed-title", &[]);
        let body = self.texts.get("notify-missed-body", &[("name", name.into())]);
        let tag = match row.thread {
            Some(thread) => {
                self.missed.insert(thread);
                missed_tag(thread)
            }
            None => format!("missed-{}", row.id.0),
        };
        self.say(tag, title, body, open(row.thread));
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
        // The button says what it does, not what it copies: it is there where texts are hidden, too.
        let copy = codes::find(text).map(|code| NotificationButton {
            action: NotificationAction::CopyCode { code },
            label: self.texts.get("notify-copy-code", &[]),
        });
        let answerable = !row.number.is_empty() && phone::can_reply(&row.peer);
        let reply = answerable.then(|| ReplyField {
            to: Correspondents {
                account: row.account.clone(),
                thread: thread.outside(),
                number: row.number.clone(),
                peer: row.peer.clone(),
            },
            label: self.texts.get("notify-reply", &[]),
            placeholder: self.texts.get("notify-reply-placeholder", &[]),
        });
        self.effect(Effect::Notify(Notification {
            tag: message_tag(thread),
            urgency: Urgency::Normal,
            title,
            body,
            buttons: copy.into_iter().collect(),
            reply,
            default: open(Some(thread)),
            timeout: None,
        }));
    }

    /// One notification for everything that came while Tern was off.
    pub(crate) fn notify_away(&mut self, messages: u32, people: u32, missed_calls: u32) {
        self.digest = true;
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
        self.say(String::from(AWAY), title, parts.join(", "), NotificationAction::OpenWindow);
    }

    /// Takes away what a conversation that was looked at had to say.
    pub(crate) fn close_seen(&mut self, thread: ThreadRowId) {
        self.effect(Effect::CloseNotification(message_tag(thread)));
        self.close_missed([thread]);
    }

    /// Takes away what tells of missed calls in these conversations, and the digest: whoever looks has seen it.
    pub(crate) fn close_missed(&mut self, threads: impl IntoIterator<Item = ThreadRowId>) {
        for thread in threads {
            if self.missed.remove(&thread) {
                self.effect(Effect::CloseNotification(missed_tag(thread)));
            }
        }
        if std::mem::take(&mut self.digest) {
            self.effect(Effect::CloseNotification(AWAY.into()));
        }
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
            reply: None,
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
