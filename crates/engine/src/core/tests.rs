//! The rules on virtual time: inputs as data, effects as expectation.

#![allow(clippy::result_large_err, reason = "an effect that is not picked is handed back as it is")]

mod calls;
mod deletion;
mod desk;
mod feed;
mod notices;
mod registration;
mod sending;
mod simulation;
mod wallet;

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tern_provider::{
    Secret,
    types::{
        AccountInfo, AccountRules, Capabilities, ChangesPage, Cursor, Direction, Message,
        MessageState as RemoteState, Money, Number, NumberState, NumberTerms, RemoteId, SipCredentials,
        SnapshotPage,
    },
};

use super::*;
use crate::{
    api::{AccountId, AccountView, Command, EventKind, Language, Notice, Reply, Settings},
    engine::SandboxAccess,
    record::{Applied, Loaded, LoadedAccount, Profile, Row, RowId, RowWhat, ThreadRowId},
};

pub(crate) const OURS: &str = "+4930901820";
pub(crate) const PEER: &str = "+442079460123";
pub(crate) const ACCOUNT: AccountId = AccountId(1);

/// What every provider of these tests can do.
pub(crate) const EVERYTHING: Capabilities = Capabilities {
    balance: true,
    send_message: true,
    idempotent_send: true,
    topup: true,
    change_feed: true,
    hints: true,
    sip_credentials: true,
    ..Capabilities::NONE
};

/// A state whose clock is moved by hand, and what it wanted done.
pub(crate) struct Bench {
    pub(crate) state: State,
    pub(crate) now: Now,
    pub(crate) effects: Vec<Effect>,
    requests: u64,
}

impl Bench {
    pub(crate) fn new(direct: bool, loaded: Loaded) -> Self {
        let now = Now { instant: Instant::now(), wall: Timestamp::from_second(1_772_442_000).unwrap() };
        let config = CoreConfig {
            user_agent: "test".into(),
            media: Default::default(),
            direct,
            recordings: None,
            trace: false,
            zone: jiff::tz::TimeZone::UTC,
            seed: [7; 32],
        };
        let settings = Settings { language: Language::En, ..loaded.settings.clone() };
        let (state, effects) = State::new(config, Loaded { settings, ..loaded }, now);
        Self { state, now, effects, requests: 0 }
    }

    /// With a sandbox's account attached and its provider connected.
    pub(crate) fn attached(cursor: Option<&str>) -> Self {
        let mut bench = match cursor {
            None => Self::new(false, Loaded::default()),
            Some(cursor) => Self::loaded(cursor, None),
        };
        bench.attach();
        bench
    }

    /// With the account that an earlier run has left.
    pub(crate) fn loaded(cursor: &str, history: Option<crate::record::HistoryPlace>) -> Self {
        let cursor = Some(Cursor(cursor.into()));
        Self::new(false, loaded(LoadedAccount { cursor, history, ..left_account(profile(true)) }))
    }

    pub(crate) fn attach(&mut self) {
        let request = self.request();
        self.give(Input::Attach(request, access()));
        let link = self.link();
        self.provider(link, ProviderReport::Opened(EVERYTHING));
        self.provider(link, ProviderReport::Numbers(Ok(vec![number()])));
        self.provider(link, ProviderReport::Account(Ok(info("10.00"))));
    }

    pub(crate) fn give(&mut self, input: Input) {
        let effects = self.state.step(self.now, input);
        self.effects.extend(effects);
    }

    /// Lets time pass, waking the state whenever it asks for it.
    pub(crate) fn wait(&mut self, time: Duration) {
        let until = self.now.instant + time;
        while self.now.instant < until {
            let wake = self.state.next_wake().unwrap_or(until);
            // What is due already must not stop the clock.
            self.move_to(wake.clamp(
                self.now.instant + Duration::from_millis(1),
                until.max(self.now.instant + Duration::from_millis(1)),
            ));
            self.give(Input::Timer);
        }
    }

    pub(crate) fn move_to(&mut self, at: Instant) {
        let passed = at - self.now.instant;
        self.now = Now { instant: at, wall: self.now.wall.checked_add(passed).unwrap() };
    }

    pub(crate) fn command(&mut self, command: Command) -> RequestId {
        let request = self.request();
        self.give(Input::Command(request, command));
        request
    }

    pub(crate) fn kept(&mut self, kept: Kept) {
        self.give(Input::Kept(kept));
    }

    /// The provider answers over the connection `link`.
    pub(crate) fn provider(&mut self, link: u32, report: ProviderReport) {
        self.give(Input::Provider { account: ACCOUNT, link, report });
    }

    /// The connection the state opened last.
    pub(crate) fn link(&self) -> u32 {
        let opened = self.effects.iter().rev().find_map(|e| match e {
            Effect::OpenProvider { link, .. } => Some(*link),
            _ => None,
        });
        opened.expect("no provider was opened")
    }

    /// Takes the questions to the provider since the last look.
    pub(crate) fn asked(&mut self) -> Vec<ProviderRequest> {
        self.take(|e| match e {
            Effect::Ask { request, .. } => Ok(request),
            other => Err(other),
        })
    }

    /// The only question but those about balance and numbers.
    pub(crate) fn asked_one(&mut self) -> ProviderRequest {
        let mut asked = self.asked();
        asked.retain(|a| {
            !matches!(a, ProviderRequest::Account | ProviderRequest::Numbers | ProviderRequest::Hints(_))
        });
        assert_eq!(asked.len(), 1, "{asked:?}");
        asked.remove(0)
    }

    pub(crate) fn written(&mut self) -> Vec<Write> {
        self.take(|e| match e {
            Effect::Write(write) => Ok(write),
            other => Err(other),
        })
    }

    pub(crate) fn events(&mut self) -> Vec<EventKind> {
        self.take(|e| match e {
            Effect::Event(event) => Ok(event),
            other => Err(other),
        })
    }

    pub(crate) fn notices(&mut self) -> Vec<Notice> {
        self.events()
            .into_iter()
            .filter_map(|e| match e {
                EventKind::NoticeRaised { notice } => Some(notice),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn notified(&mut self) -> Vec<crate::ports::Notification> {
        self.take(|e| match e {
            Effect::Notify(notification) => Ok(notification),
            other => Err(other),
        })
    }

    pub(crate) fn reply_to(&mut self, request: RequestId) -> Option<Result<Reply, crate::api::ErrorView>> {
        let found = self.take(|e| match e {
            Effect::Reply(id, reply) if id == request => Ok(reply),
            other => Err(other),
        });
        assert!(found.len() <= 1, "answered twice");
        found.into_iter().next()
    }

    pub(crate) fn account(&self) -> AccountView {
        self.state.account_views().into_iter().find(|a| a.id == ACCOUNT).expect("no account")
    }

    pub(crate) fn request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    pub(crate) fn take<T>(&mut self, pick: impl Fn(Effect) -> Result<T, Effect>) -> Vec<T> {
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        for effect in self.effects.drain(..) {
            match pick(effect) {
                Ok(t) => taken.push(t),
                Err(effect) => left.push(effect),
            }
        }
        self.effects = left;
        taken
    }
}

pub(crate) fn profile(sandbox: bool) -> Profile {
    Profile {
        id: ACCOUNT,
        name: "Alice".into(),
        user: "alice".into(),
        domain: "sip.example".into(),
        proxies: vec!["127.0.0.1:5060".into()],
        transport: crate::api::Transport::Udp,
        ca_file: None,
        instance: Some("urn:uuid:00000000-0000-4000-8000-000000000001".into()),
        outbound: true,
        media: crate::api::MediaOptions::default(),
        provider_url: Some("http://127.0.0.1:8080".into()),
        sandbox,
        secret_name: "abc".into(),
    }
}

/// An account as an earlier run has left it, with one number, all of its past read and nothing waiting.
pub(crate) fn left_account(profile: Profile) -> LoadedAccount {
    LoadedAccount {
        profile,
        numbers: vec![number()],
        balance: None,
        cursor: Some(Cursor("5".into())),
        history: None,
        outbox: Vec::new(),
        topups: Vec::new(),
        rules: None,
        rates: Vec::new(),
        intents: Vec::new(),
        deletions: Vec::new(),
    }
}

/// The one account that was kept.
pub(crate) fn loaded(account: LoadedAccount) -> Loaded {
    Loaded { next_account: 2, accounts: vec![account], ..Loaded::default() }
}

pub(crate) fn access() -> SandboxAccess {
    SandboxAccess {
        url: "http://127.0.0.1:8080".into(),
        token: Secret::new("token"),
        name: "Alice".into(),
        sip: SipCredentials {
            user: "alice".into(),
            domain: "sip.example".into(),
            password: Secret::new("secret"),
            proxy: Some("127.0.0.1:5060".into()),
        },
    }
}

pub(crate) fn number() -> Number {
    Number {
        id: RemoteId("n1".into()),
        e164: OURS.into(),
        country: "DE".into(),
        city: None,
        label: None,
        calls: true,
        sms: true,
        monthly_fee: None,
        renews_on: None,
        state: NumberState::Active,
        terms: NumberTerms::default(),
    }
}

pub(crate) fn usd(amount: &str) -> Money {
    Money { amount: amount.parse().unwrap(), currency: "USD".into() }
}

pub(crate) fn info(balance: &str) -> AccountInfo {
    AccountInfo {
        name: "Alice".into(),
        balance: usd(balance),
        topup_limits: Some(("5".parse().unwrap(), "3600".parse().unwrap())),
        automatic_topup: None,
        cashback: None,
        send_limits: None,
        rules: AccountRules::default(),
    }
}

pub(crate) fn message(id: &str) -> Message {
    Message {
        id: RemoteId(id.into()),
        version: 1,
        direction: Direction::Incoming,
        number: OURS.into(),
        peer: PEER.into(),
        text: format!("text of {id}"),
        state: RemoteState::Received,
        at: Timestamp::from_second(1_772_442_000).unwrap(),
        price: None,
        idempotency_key: None,
    }
}

/// The row of an incoming SMS as the store would tell it.
pub(crate) fn message_row(id: i64, peer: &str) -> Row {
    Row {
        id: RowId(id),
        account: ACCOUNT,
        thread: Some(ThreadRowId(7)),
        number: OURS.into(),
        peer: peer.into(),
        at: Timestamp::from_second(1_772_442_000).unwrap(),
        unread: true,
        recording: None,
        name: None,
        blocked: false,
        what: RowWhat::Message {
            incoming: true,
            text: "the text".into(),
            state: crate::api::MessageState::Received,
            error: None,
            price: None,
            leaves_at: None,
        },
    }
}

pub(crate) fn changes(next: &str, has_more: bool) -> ProviderReport {
    ProviderReport::Changes(Ok(ChangesPage {
        changes: vec![tern_provider::types::Change::Upsert(tern_provider::types::ActivityObject::Message(
            message("m1"),
        ))],
        next: Cursor(next.into()),
        has_more,
    }))
}

pub(crate) fn snapshot(cursor: &str, next_page: Option<&str>) -> ProviderReport {
    ProviderReport::Snapshot(Ok(SnapshotPage {
        objects: vec![tern_provider::types::ActivityObject::Message(message("m1"))],
        cursor: Cursor(cursor.into()),
        next_page: next_page.map(|p| tern_provider::types::PageToken(p.into())),
        total: None,
    }))
}

pub(crate) fn away(messages: u32, people: &[&str], missed_calls: u32) -> Kept {
    let people = people.iter().map(|peer| (ACCOUNT, (*peer).to_owned())).collect();
    Kept::Away(crate::record::AwayCount { messages, people, missed_calls, waiting: false })
}

pub(crate) fn applied_aside(fresh: Vec<Row>) -> Kept {
    match applied(fresh) {
        Kept::Applied(account, applied) => Kept::Applied(account, Applied { aside: true, ..applied }),
        other => other,
    }
}

pub(crate) fn applied(fresh: Vec<Row>) -> Kept {
    let changed = u32::try_from(fresh.len()).unwrap() + 1;
    Kept::Applied(ACCOUNT, Applied { fresh, changed, ..Applied::default() })
}
