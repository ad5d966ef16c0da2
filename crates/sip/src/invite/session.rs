//! Offer and answer within one leg (RFC 3264, RFC 6337): who has offered, what was agreed last, and the version rule.
//!
//! Invariant: at most one offer is open at a time, and what was agreed changes only when an open offer is answered.
//! In which messages offers and answers travel is the business of the files around.

use crate::wire::sdp::SessionDescription;

#[derive(Debug, Clone, Default)]
pub(super) struct Session {
    open: Open,
    /// Our last description, agreed or not: the next one continues its version.
    said: Option<SessionDescription>,
    agreed: Option<Agreed>,
    /// What an unreliable provisional response tells of the answer to come (RFC 6337 3.1.1).
    preview: Option<SessionDescription>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Open {
    #[default]
    Nothing,
    Ours(SessionDescription),
    Theirs(SessionDescription),
}

#[derive(Debug, Clone)]
struct Agreed {
    local: SessionDescription,
    remote: SessionDescription,
}

/// Whether the description of an answer is news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    Changed,
    Same,
}

impl Session {
    /// Nothing is open: an offer may be made (RFC 3264 4).
    pub(super) fn is_quiet(&self) -> bool {
        self.open == Open::Nothing
    }

    /// Our offer waits for its answer.
    pub(super) fn awaits_answer(&self) -> bool {
        matches!(self.open, Open::Ours(_))
    }

    /// Their offer waits for our answer.
    pub(super) fn owes_answer(&self) -> bool {
        matches!(self.open, Open::Theirs(_))
    }

    /// Their open offer.
    pub(super) fn their_offer(&self) -> Option<&SessionDescription> {
        match &self.open {
            Open::Theirs(offer) => Some(offer),
            _ => None,
        }
    }

    /// A first offer has been answered.
    pub(super) fn is_agreed(&self) -> bool {
        self.agreed.is_some()
    }

    /// What we said last in an agreement: a refresh repeats it.
    pub(super) fn local(&self) -> Option<&SessionDescription> {
        self.agreed.as_ref().map(|a| &a.local)
    }

    /// Opens our offer; gives what is to be sent. `None` while another offer is open.
    pub(super) fn offer(&mut self, description: SessionDescription) -> Option<SessionDescription> {
        if !self.is_quiet() {
            return None;
        }
        let description = self.continued(description);
        self.open = Open::Ours(description.clone());
        Some(description)
    }

    /// The answer to our open offer has come.
    pub(super) fn answered(&mut self, remote: SessionDescription) -> News {
        let Open::Ours(local) = std::mem::take(&mut self.open) else { return News::Same };
        let same = self.agreed.as_ref().is_some_and(|a| a.remote == remote);
        self.agreed = Some(Agreed { local, remote });
        if same { News::Same } else { News::Changed }
    }

    /// Our open offer was refused or is taken back: all is as before it (RFC 3261 14.1, RFC 3311 5.1).
    pub(super) fn withdraw(&mut self) {
        if self.awaits_answer() {
            self.open = Open::Nothing;
        }
    }

    /// Their offer opens. False while another one is open.
    pub(super) fn asked(&mut self, offer: SessionDescription) -> bool {
        if !self.is_quiet() {
            return false;
        }
        self.open = Open::Theirs(offer);
        true
    }

    /// Answers their open offer; gives what is to be sent. `None` when there is none.
    pub(super) fn answer(&mut self, description: SessionDescription) -> Option<SessionDescription> {
        let Open::Theirs(remote) = self.open.clone() else { return None };
        let local = self.continued(description);
        self.open = Open::Nothing;
        self.agreed = Some(Agreed { local: local.clone(), remote });
        Some(local)
    }

    /// What an unreliable provisional response of ours may tell of the answer; the offer stays open.
    pub(super) fn foretell(&mut self, description: SessionDescription) -> Option<SessionDescription> {
        self.owes_answer().then(|| self.continued(description))
    }

    /// Their open offer is refused: all is as before it (RFC 3261 14.2).
    pub(super) fn refuse(&mut self) {
        if self.owes_answer() {
            self.open = Open::Nothing;
        }
    }

    /// The answer to their open offer that takes nothing of it: every section with port 0 (RFC 3264 6).
    pub(super) fn nothing_of_it(&self) -> Option<SessionDescription> {
        let Open::Theirs(offer) = &self.open else { return None };
        let mut none = offer.clone();
        none.origin = self.said.as_ref().map_or_else(|| offer.origin.clone(), |s| s.origin.clone());
        none.attributes.clear();
        none.other.clear();
        for media in &mut none.media {
            media.port = 0;
            media.attributes.clear();
            media.other.clear();
            media.connection = None;
        }
        Some(none)
    }

    /// What an unreliable provisional response told of the answer to our open offer.
    pub(super) fn note_preview(&mut self, description: SessionDescription) {
        if self.awaits_answer() {
            self.preview = Some(description);
        }
    }

    pub(super) fn preview(&self) -> Option<&SessionDescription> {
        self.preview.as_ref()
    }

    /// Whether a description says the same as our last one, its origin aside.
    pub(super) fn says(&self, description: &SessionDescription) -> bool {
        self.said.as_ref().is_some_and(|said| same_but_origin(said, description))
    }

    /// RFC 3264 8: the origin stays for the session's life; its version grows by one with every change, and stays with
    /// none.
    fn continued(&mut self, mut description: SessionDescription) -> SessionDescription {
        if let Some(said) = &self.said {
            let same = same_but_origin(said, &description);
            description.origin = said.origin.clone();
            if !same {
                let version = said.origin.version.parse::<u64>().unwrap_or_default();
                description.origin.version = version.saturating_add(1).to_string();
            }
        }
        self.said = Some(description.clone());
        description
    }
}

fn same_but_origin(a: &SessionDescription, b: &SessionDescription) -> bool {
    SessionDescription { origin: b.origin.clone(), ..a.clone() } == *b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description(version: u32, port: u16) -> SessionDescription {
        let text = format!(
            "v=0\r\no=- 7 {version} IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
        );
        SessionDescription::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn one_offer_at_a_time() {
        let mut session = Session::default();
        assert!(session.offer(description(1, 10)).is_some());
        assert!(session.offer(description(1, 12)).is_none());
        assert!(!session.asked(description(1, 14)));
        session.answered(description(1, 20));
        assert!(session.asked(description(2, 22)));
        assert!(session.offer(description(1, 12)).is_none());
        assert!(session.answer(description(1, 10)).is_some());
        assert!(session.is_quiet());
    }

    #[test]
    fn the_version_grows_by_one_with_a_change_and_only_then() {
        let mut session = Session::default();
        let mut sent = |version, port| {
            let sent = session.offer(description(version, port)).unwrap();
            session.answered(description(1, 20));
            sent.origin.version
        };
        assert_eq!(sent(5, 10), "5");
        assert_eq!(sent(9, 10), "5");
        assert_eq!(sent(9, 12), "6");
        assert_eq!(sent(1, 10), "7");
    }

    #[test]
    fn a_refused_offer_changes_nothing() {
        let mut session = Session::default();
        session.offer(description(1, 10));
        session.answered(description(1, 20));
        session.offer(description(2, 12));
        session.withdraw();
        assert_eq!(session.local().unwrap().media[0].port, 10);
        session.asked(description(2, 22));
        session.refuse();
        assert!(session.is_quiet() && session.local().unwrap().media[0].port == 10);
    }

    #[test]
    fn the_answer_that_takes_nothing_keeps_the_sections() {
        let mut session = Session::default();
        session.asked(description(3, 22));
        let none = session.nothing_of_it().unwrap();
        assert_eq!((none.media.len(), none.media[0].port), (1, 0));
    }
}
