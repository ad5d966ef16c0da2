//! One account, with everything that belongs to it, and what a window sees of it.

use tern_provider::{
    Adapter, Secret,
    types::{Capabilities, Money, Number, NumberState},
};

use crate::{
    activity::Feed,
    api::{AccountView, BalanceView, FeedState, MoneyView, NumberView, VoicemailView},
    core::SecretKind,
    deletion::Deletions,
    desk::Desk,
    line::Line,
    messages::Outbox,
    phone,
    ports::SecretKey,
    rates::Rates,
    record::{KnownRules, LoadedAccount, Profile},
    wallet::Wallet,
};

/// One account with everything that belongs to it.
pub(crate) struct Account {
    pub(crate) profile: Profile,
    pub(crate) line: Line,
    /// Kept while the account lives, for the digest of later requests.
    pub(crate) password: Option<Secret>,
    /// For the TURN server its options name.
    pub(crate) turn_password: Option<Secret>,
    pub(crate) numbers: Vec<Number>,
    pub(crate) link: Link,
    pub(crate) feed: Feed,
    pub(crate) outbox: Outbox,
    pub(crate) wallet: Wallet,
    pub(crate) voicemail: Option<VoicemailView>,
    /// The rules it lives under, as its provider told them.
    pub(crate) rules: Option<KnownRules>,
    /// What the provider said of targets.
    pub(crate) rates: Rates,
    /// What the provider was asked to do.
    pub(crate) desk: Desk,
    /// What it is still to delete.
    pub(crate) deletions: Deletions,
}

/// The connection to an account's provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Link {
    /// Plain SIP.
    None,
    /// A sandbox's account whose sandbox has not been attached, or one whose token is not known (yet).
    Detached,
    /// Being set up; the number tells this connection's answers from an earlier one's.
    Opening(u32),
    /// Ready.
    Open(u32, Capabilities),
}

impl Link {
    pub(crate) fn number(&self) -> Option<u32> {
        match self {
            Self::Opening(n) | Self::Open(n, _) => Some(*n),
            Self::None | Self::Detached => None,
        }
    }

    pub(crate) fn open(&self) -> Option<(u32, Capabilities)> {
        match self {
            Self::Open(n, capabilities) => Some((*n, *capabilities)),
            _ => None,
        }
    }
}

impl Account {
    pub(super) fn new(profile: Profile) -> Self {
        let link = if profile.provider_url.is_some() { Link::Detached } else { Link::None };
        Self {
            profile,
            line: Line::default(),
            password: None,
            turn_password: None,
            numbers: Vec::new(),
            link,
            feed: Feed::default(),
            outbox: Outbox::default(),
            wallet: Wallet::default(),
            voicemail: None,
            rules: None,
            rates: Rates::default(),
            desk: Desk::default(),
            deletions: Deletions::default(),
        }
    }

    pub(super) fn loaded(loaded: LoadedAccount) -> Self {
        let mut account = Self::new(loaded.profile);
        account.numbers = loaded.numbers;
        account.feed = Feed::loaded(loaded.cursor, loaded.history);
        account.outbox = Outbox::loaded(loaded.outbox);
        account.wallet = Wallet::loaded(loaded.balance, loaded.topups);
        account.rules = loaded.rules;
        account.rates = Rates::loaded(loaded.rates);
        account.desk = Desk::loaded(loaded.intents);
        account.deletions = Deletions::loaded(loaded.deletions);
        account
    }

    /// Country of the first number: numbers typed without a country code are of there.
    pub(crate) fn region(&self) -> Option<&str> {
        self.numbers.first().map(|n| n.country.as_str())
    }

    /// The number that calls and SMS without another are counted to.
    pub(crate) fn first_number(&self) -> String {
        self.numbers.iter().find(|n| n.calls).map(|n| n.e164.clone()).unwrap_or_default()
    }

    pub(crate) fn next_wake(&self) -> Option<std::time::Instant> {
        let timers = [
            self.line.next_wake(),
            self.feed.next_wake(),
            self.outbox.next_wake(),
            self.wallet.next_wake(),
            self.desk.next_wake(),
            self.deletions.next_wake(),
        ];
        timers.into_iter().flatten().min()
    }

    pub(crate) fn view(&self) -> AccountView {
        let feed = match self.link {
            Link::None => FeedState::None {},
            _ => self.feed.view(),
        };
        // One of an earlier run may be old until the provider has been heard.
        let stale = matches!(feed, FeedState::Stale { .. } | FeedState::Loading {});
        AccountView {
            id: self.profile.id.clone(),
            name: self.profile.name.clone(),
            address: self.profile.address(),
            sandbox: self.profile.sandbox,
            registration: self.line.view(),
            numbers: self
                .numbers
                .iter()
                .filter(|n| n.state != NumberState::Deleted)
                .map(number_view)
                .collect(),
            balance: self.wallet.balance.as_ref().map(|b| BalanceView {
                money: money_view(&b.money),
                at: b.at.to_string(),
                stale,
            }),
            feed,
            history: self.feed.history.view(),
            topup_limits: match &self.wallet.balance {
                Some(b) => b.limits.map(|(least, most)| (least.to_string(), most.to_string())),
                None => None,
            },
            topups: self.wallet.views(),
            media: self.profile.media.without_secrets(),
            voicemail: self.voicemail.clone(),
            deletes_threads: self.deletes_messages(),
            deleting: self.deletions.left(),
        }
    }

    /// Whether its provider deletes messages; known before it is reached.
    pub(crate) fn deletes_messages(&self) -> bool {
        match (self.link.open(), &self.profile.provider_url) {
            (Some((_, capabilities)), _) => capabilities.delete_message,
            (None, Some(url)) => Adapter::of(url).is_some_and(|a| a.capabilities().delete_message),
            (None, None) => false,
        }
    }

    pub(crate) fn secret_key(&self, kind: SecretKind) -> SecretKey {
        let (suffix, what) = match kind {
            SecretKind::SipPassword => ("sip-password", ""),
            SecretKind::ProviderToken => ("provider-token", " (provider)"),
            SecretKind::TurnPassword => ("turn-password", " (TURN)"),
        };
        SecretKey {
            name: format!("{}/{suffix}", self.profile.secret_name),
            label: format!("Tern: {}{what}", self.profile.address()),
        }
    }
}

/// Money as it crosses to the window.
pub(crate) fn money_view(money: &Money) -> MoneyView {
    MoneyView { amount: money.amount.to_string(), currency: money.currency.clone() }
}

fn number_view(number: &Number) -> NumberView {
    NumberView {
        e164: number.e164.clone(),
        formatted: phone::display(&number.e164),
        country: number.country.clone(),
        city: number.city.clone(),
        label: number.label.clone(),
        calls: number.calls,
        sms: number.sms,
        renews_on: number.renews_on.map(|d| d.to_string()),
        active: number.state == NumberState::Active,
    }
}
