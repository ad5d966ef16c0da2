//! Where customers can be reached: bindings from address of record to contact (RFC 3261 section 10.3).
//!
//! Bindings live in memory: a client notices a restart by its next refresh, and calls in between are recorded as
//! missed.

use std::{
    collections::HashMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use tern_sip::{
    Reply,
    wire::{Address, Contacts, HeaderAccess, Request, Uri},
};

use crate::{model::AccountId, settings::Settings};

/// More contacts than this an account does not have; the one refreshed longest ago goes.
const MAX_BINDINGS: usize = 8;

/// A place where an account can be reached.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    /// What to ask for there.
    pub(crate) contact: Uri,
    /// Where requests go: where the registration came from, which a router in between keeps open, whatever the
    /// contact says.
    pub(crate) source: SocketAddr,
    expires_at: Instant,
    refreshed_at: Instant,
    call_id: String,
    cseq: u32,
}

/// All bindings.
#[derive(Debug)]
pub(crate) struct Registrar {
    min_expires: Duration,
    max_expires: Duration,
    bindings: HashMap<AccountId, Vec<Binding>>,
}

impl Registrar {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            min_expires: settings.min_expires,
            max_expires: settings.max_expires,
            bindings: HashMap::new(),
        }
    }

    /// Where an account can be reached now, the latest first.
    pub(crate) fn contacts(&self, now: Instant, account: AccountId) -> Vec<Binding> {
        let mut alive: Vec<_> = self
            .bindings
            .get(&account)
            .into_iter()
            .flatten()
            .filter(|b| b.expires_at > now)
            .cloned()
            .collect();
        alive.sort_by_key(|b| std::cmp::Reverse(b.refreshed_at));
        alive
    }

    /// Carries out a REGISTER of `account`, who has proved to be it. Either all of it is done or nothing.
    pub(crate) fn register(
        &mut self,
        now: Instant,
        account: AccountId,
        request: &Request,
        source: SocketAddr,
    ) -> Reply {
        let bad = || Reply::new(400);
        let Ok(contacts) = Contacts::parse(request.headers.all("Contact")) else { return bad() };
        let (Ok(call_id), Ok(cseq)) = (request.headers.call_id(), request.headers.cseq()) else {
            return bad();
        };
        let default = request.headers.number("Expires");
        let bindings = self.bindings.entry(account).or_default();
        bindings.retain(|b| b.expires_at > now);

        // RFC 3261 section 10.3 step 6 and 7: within one Call-ID, only what was sent later counts.
        let outdated = |b: &Binding| b.call_id == call_id && b.cseq >= cseq.number;
        match contacts {
            Contacts::All => {
                if default != Some(0) {
                    return bad();
                }
                if bindings.iter().any(outdated) {
                    return Reply::new(500).reason("Out of Order");
                }
                bindings.clear();
            }
            Contacts::List(contacts) => {
                let mut changed = bindings.clone();
                for contact in contacts {
                    let Some(lasts) = self.lifetime(&contact, default) else {
                        let least = self.min_expires.as_secs().to_string();
                        return Reply::new(423).header("Min-Expires", least);
                    };
                    let same = |b: &Binding| b.contact.equivalent(&contact.uri);
                    if changed.iter().any(|b| same(b) && outdated(b)) {
                        return Reply::new(500).reason("Out of Order");
                    }
                    changed.retain(|b| !same(b));
                    if let Lasts::For(duration) = lasts {
                        changed.push(Binding {
                            contact: contact.uri,
                            source,
                            expires_at: now + duration,
                            refreshed_at: now,
                            call_id: call_id.to_owned(),
                            cseq: cseq.number,
                        });
                    }
                }
                let surplus = changed.len().saturating_sub(MAX_BINDINGS);
                changed.drain(..surplus);
                *self.bindings.entry(account).or_default() = changed;
            }
        }
        let mut reply = Reply::new(200);
        for binding in self.contacts(now, account) {
            let mut contact = Address::new(binding.contact);
            let left = binding.expires_at.saturating_duration_since(now).as_secs();
            contact.params.set("expires", Some(&left.to_string()));
            reply = reply.header("Contact", contact.to_string());
        }
        reply
    }

    /// `None`: too brief.
    fn lifetime(&self, contact: &Address, default: Option<u32>) -> Option<Lasts> {
        let asked = contact.expires().or(default).map_or(self.max_expires, |s| Duration::from_secs(s.into()));
        if asked.is_zero() {
            Some(Lasts::Removed)
        } else if asked < self.min_expires {
            None
        } else {
            Some(Lasts::For(asked.min(self.max_expires)))
        }
    }
}

enum Lasts {
    Removed,
    For(Duration),
}

#[cfg(test)]
mod tests {
    use tern_sip::wire::{Message, parse_datagram};

    use super::*;

    const ACCOUNT: AccountId = AccountId(1);

    struct Desk {
        registrar: Registrar,
        now: Instant,
        cseq: u32,
    }

    impl Desk {
        fn new() -> Self {
            Self { registrar: Registrar::new(&Settings::default()), now: Instant::now(), cseq: 0 }
        }

        /// `headers` are whole lines; answers code and what is bound afterwards.
        fn register(&mut self, headers: &str) -> (u16, Vec<String>) {
            self.cseq += 1;
            let cseq = self.cseq;
            self.register_as(&format!("Call-ID: a\r\nCSeq: {cseq} REGISTER\r\n{headers}"))
        }

        fn register_as(&mut self, headers: &str) -> (u16, Vec<String>) {
            let text = format!(
                "REGISTER sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:u@x>;tag=1\r\n\
                 To: <sip:u@x>\r\nMax-Forwards: 70\r\n{headers}Content-Length: 0\r\n\r\n"
            );
            let Ok(Message::Request(request)) = parse_datagram(text.as_bytes()) else { panic!("{text}") };
            let source = "127.0.0.1:5999".parse().unwrap();
            let reply = self.registrar.register(self.now, ACCOUNT, &request, source);
            let bound = self.registrar.contacts(self.now, ACCOUNT);
            let shown = bound.iter().map(|b| b.contact.to_string()).collect();
            if reply.code == 200 {
                assert_eq!(reply.headers.len(), bound.len());
            }
            (reply.code, shown)
        }

        fn pass(&mut self, seconds: u64) {
            self.now += Duration::from_secs(seconds);
        }
    }

    #[test]
    fn bindings_come_are_refreshed_and_go() {
        let mut desk = Desk::new();
        assert_eq!(desk.register(""), (200, vec![]), "a question");
        let one = vec!["sip:u@192.0.2.1".to_owned()];
        assert_eq!(desk.register("Contact: <sip:u@192.0.2.1>;expires=60\r\n"), (200, one.clone()));
        desk.pass(59);
        assert_eq!(desk.register("Contact: <sip:u@192.0.2.1>\r\nExpires: 60\r\n"), (200, one.clone()));
        desk.pass(59);
        assert_eq!(desk.registrar.contacts(desk.now, ACCOUNT).len(), 1);
        desk.pass(1);
        assert_eq!(desk.registrar.contacts(desk.now, ACCOUNT).len(), 0, "expired");

        desk.register("Contact: <sip:u@192.0.2.1>\r\n");
        desk.register("Contact: <sip:u@192.0.2.2>\r\n");
        assert_eq!(desk.register("Contact: <sip:u@192.0.2.2>;expires=0\r\n"), (200, one));
        assert_eq!(desk.register("Contact: *\r\n").0, 400);
        assert_eq!(desk.register("Contact: *\r\nExpires: 0\r\n"), (200, vec![]));
    }

    #[test]
    fn too_brief_is_refused_too_long_is_cut() {
        let mut desk = Desk::new();
        assert_eq!(desk.register("Contact: <sip:u@192.0.2.1>;expires=29\r\n"), (423, vec![]));
        assert_eq!(desk.register("Contact: <sip:u@192.0.2.1>;expires=30\r\n").0, 200);
        assert_eq!(desk.register("Contact: <sip:u@192.0.2.3>;expires=999999\r\n").0, 200);
        desk.pass(3600);
        assert_eq!(desk.registrar.contacts(desk.now, ACCOUNT).len(), 0);
    }

    #[test]
    fn what_was_sent_earlier_does_not_undo_what_was_sent_later() {
        let mut desk = Desk::new();
        desk.register_as("Call-ID: a\r\nCSeq: 5 REGISTER\r\nContact: <sip:u@192.0.2.1>\r\n");
        let late = "Call-ID: a\r\nCSeq: 4 REGISTER\r\nContact: <sip:u@192.0.2.1>;expires=0\r\n";
        assert_eq!(desk.register_as(late).0, 500);
        let other = "Call-ID: b\r\nCSeq: 1 REGISTER\r\nContact: <sip:u@192.0.2.1>;expires=0\r\n";
        assert_eq!(desk.register_as(other), (200, vec![]));
    }

    #[test]
    fn an_account_has_so_many_contacts() {
        let mut desk = Desk::new();
        for n in 0..MAX_BINDINGS + 3 {
            desk.pass(1);
            desk.register(&format!("Contact: <sip:u@192.0.2.{n}>\r\n"));
        }
        let bound = desk.registrar.contacts(desk.now, ACCOUNT);
        assert_eq!((bound.len(), bound[0].contact.to_string()), (MAX_BINDINGS, "sip:u@192.0.2.10".into()));
    }
}
