//! Message waiting (RFC 3842): how many messages wait in which mailbox, as a voicemail server tells it in a NOTIFY.

use crate::message::Body;
use crate::wire::{ContentType, HeaderAccess as _, Malformed, Params, Request, Uri};

/// The event package.
pub(crate) const PACKAGE: &str = "message-summary";
/// The body's type.
pub(crate) const CONTENT_TYPE: &str = "application/simple-message-summary";

/// Lines read of one summary.
const MAX_LINES: usize = 64;

/// What waits for an account (RFC 3842 5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Whether anything new waits.
    pub waiting: Waiting,
    /// Where to call to hear it.
    pub account: Option<Uri>,
    /// How many of which kind; may be empty.
    pub counts: Vec<(MessageClass, Counts)>,
}

/// Whether messages wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// `Messages-Waiting: yes`.
    Yes,
    /// `Messages-Waiting: no`.
    No,
}

/// A kind of message (RFC 3458 6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageClass {
    /// `Voice-Message`.
    Voice,
    /// `Fax-Message`.
    Fax,
    /// `Pager-Message`.
    Pager,
    /// `Multimedia-Message`.
    Multimedia,
    /// `Text-Message`.
    Text,
    /// `None`: unknown to the server.
    None,
}

/// How many messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Not heard yet.
    pub new: u32,
    /// Heard.
    pub old: u32,
    /// Of the new ones, urgent.
    pub urgent_new: u32,
    /// Of the old ones, urgent.
    pub urgent_old: u32,
}

impl Summary {
    /// Reads a body of type `application/simple-message-summary`. Lines that are not understood are skipped, the
    /// first, which says whether anything waits, must be there.
    pub fn parse(body: &[u8]) -> Result<Summary, Malformed> {
        let bad = Malformed("message summary");
        let text = std::str::from_utf8(body).map_err(|_| bad)?;
        let (mut waiting, mut account, mut counts) = (None, None, Vec::new());
        for line in text.lines().take(MAX_LINES) {
            let Some((name, value)) = line.split_once(':') else { continue };
            let (name, value) = (name.trim(), value.trim());
            if name.eq_ignore_ascii_case("Messages-Waiting") {
                waiting = match value {
                    yes if yes.eq_ignore_ascii_case("yes") => Some(Waiting::Yes),
                    no if no.eq_ignore_ascii_case("no") => Some(Waiting::No),
                    _ => return Err(bad),
                };
            } else if name.eq_ignore_ascii_case("Message-Account") {
                account = Uri::parse(value.trim_matches(['<', '>'])).ok();
            } else if let Some(class) = MessageClass::parse(name)
                && let Some(read) = Counts::parse(value)
                && !counts.iter().any(|(c, _)| *c == class)
            {
                counts.push((class, read));
            }
        }
        Ok(Summary { waiting: waiting.ok_or(bad)?, account, counts })
    }

    /// The summary as a NOTIFY carries it (RFC 3842 5.2).
    pub fn to_body(&self) -> Body {
        let waiting = match self.waiting {
            Waiting::Yes => "yes",
            Waiting::No => "no",
        };
        let mut text = format!("Messages-Waiting: {waiting}\r\n");
        if let Some(account) = &self.account {
            text.push_str(&format!("Message-Account: {account}\r\n"));
        }
        for (class, c) in &self.counts {
            let (new, old, urgent) = (c.new, c.old, (c.urgent_new, c.urgent_old));
            text.push_str(&format!("{}: {new}/{old} ({}/{})\r\n", class.name(), urgent.0, urgent.1));
        }
        let content_type = ContentType {
            kind: "application".into(),
            subtype: "simple-message-summary".into(),
            params: Params::default(),
        };
        Body { content_type, bytes: text.into_bytes() }
    }

    /// The summary in a NOTIFY. An empty body says nothing.
    pub(crate) fn of(notify: &Request) -> Option<Summary> {
        let content_type = notify.headers.view::<ContentType>().ok()??;
        if !content_type.is(CONTENT_TYPE) {
            return None;
        }
        Summary::parse(&notify.body).ok()
    }

    /// The counts of a kind, where the server told them.
    pub fn of_class(&self, class: MessageClass) -> Option<Counts> {
        self.counts.iter().find(|(c, _)| *c == class).map(|(_, counts)| *counts)
    }
}

impl MessageClass {
    const NAMES: [(&str, MessageClass); 6] = [
        ("Voice-Message", MessageClass::Voice),
        ("Fax-Message", MessageClass::Fax),
        ("Pager-Message", MessageClass::Pager),
        ("Multimedia-Message", MessageClass::Multimedia),
        ("Text-Message", MessageClass::Text),
        ("None", MessageClass::None),
    ];

    fn parse(name: &str) -> Option<MessageClass> {
        Self::NAMES.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, class)| class)
    }

    fn name(self) -> &'static str {
        Self::NAMES.into_iter().find(|(_, class)| *class == self).map_or("None", |(name, _)| name)
    }
}

impl Counts {
    /// `new/old`, then perhaps `(urgent new/urgent old)`.
    fn parse(value: &str) -> Option<Counts> {
        let (plain, urgent) = match value.split_once('(') {
            Some((plain, urgent)) => (plain, Some(urgent.trim_end().strip_suffix(')')?)),
            None => (value, None),
        };
        let pair = |text: &str| {
            let (new, old) = text.split_once('/')?;
            Some((number(new)?, number(old)?))
        };
        let (new, old) = pair(plain)?;
        let (urgent_new, urgent_old) = urgent.map_or(Some((0, 0)), pair)?;
        Some(Counts { new, old, urgent_new, urgent_old })
    }
}

fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    let digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let counts = Counts { new: 2, old: 8, urgent_new: 0, urgent_old: 1 };
        let account = Some(Uri::parse("sip:voicemail@example.com").unwrap());
        let summary = Summary { waiting: Waiting::Yes, account, counts: vec![(MessageClass::Voice, counts)] };
        let body = summary.to_body();
        assert_eq!(body.content_type.to_string(), CONTENT_TYPE);
        assert_eq!(Summary::parse(&body.bytes).unwrap(), summary);
    }

    #[test]
    fn summaries_of_servers() {
        let text =
            b"Messages-Waiting: yes\r\nMessage-Account: sip:vm@example.com\r\nVoice-Message: 2/8 (0/2)\r\n\
                     Fax-Message: 1/0\r\nX-Own: 5\r\n\r\nTo: x\r\n";
        let summary = Summary::parse(text).unwrap();
        assert_eq!(summary.waiting, Waiting::Yes);
        assert_eq!(summary.account.as_ref().unwrap().to_string(), "sip:vm@example.com");
        let voice = Counts { new: 2, old: 8, urgent_new: 0, urgent_old: 2 };
        assert_eq!(summary.of_class(MessageClass::Voice), Some(voice));
        assert_eq!(summary.of_class(MessageClass::Fax), Some(Counts { new: 1, ..Counts::default() }));
        assert_eq!(summary.of_class(MessageClass::Text), None);
        let bare = Summary::parse(b"messages-waiting : NO").unwrap();
        assert_eq!((bare.waiting, bare.counts.len()), (Waiting::No, 0));
    }

    #[test]
    fn broken_summaries() {
        for bad in
            [&b""[..], b"Voice-Message: 1/0", b"Messages-Waiting: perhaps", b"Messages-Waiting: yes\xff"]
        {
            assert!(Summary::parse(bad).is_err(), "{bad:?}");
        }
        // A count that cannot be read says nothing, and what waits is still told.
        for odd in ["x/y", "1", "1/2 (3/4", "-1/0", "1/2/3"] {
            let summary =
                Summary::parse(format!("Messages-Waiting: yes\r\nVoice-Message: {odd}\r\n").as_bytes());
            assert_eq!(summary.unwrap().counts, [], "{odd}");
        }
        let huge = Summary::parse(b"Messages-Waiting: yes\r\nVoice-Message: 99999999999/0").unwrap();
        assert_eq!(huge.of_class(MessageClass::Voice).unwrap().new, u32::MAX);
    }
}
