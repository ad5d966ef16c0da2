//! Money: the balance, and top-ups over the provider's own page.
//!
//! Invariant: the ledger alone says that money came in. The page is opened only where the provider may name it, and
//! no card number ever comes near here.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use rust_decimal::Decimal;
use tern_provider::{
    ProviderError,
    types::{
        AccountInfo, IdempotencyKey, Money, Number, TopUp, TopUpId as RemoteTopUp, TopUpState as Remote,
        Transaction, TransactionType,
    },
};
use url::{Host, Url};

use crate::{
    accounts::money_view,
    api::{AccountId, ErrorCode, ErrorView, Notice, Reply, TopUpId, TopUpState, TopUpView},
    core::{Backoff, Effect, ProviderRequest, RequestId, State, Write},
    phone,
    record::{Balance, TopUpRecord},
    refusals::provider_error,
};

/// Balance and numbers are read this often beside every ledger row.
const READ: Duration = Duration::from_secs(300);
/// How long a top-up is asked about after it was started.
const WATCH: Duration = Duration::from_secs(3600);
/// How long one is remembered at all.
const FORGET: Duration = Duration::from_secs(24 * 3600);
/// How often starting one is tried.
const TRIES: u32 = 3;

/// An account's money.
#[derive(Default)]
pub(crate) struct Wallet {
    pub(crate) balance: Option<Balance>,
    topups: Vec<Pending>,
    /// The account is being read; a ledger row meanwhile makes the answer old.
    reading: bool,
    again: bool,
    next: Option<Instant>,
}

/// A top-up that has not ended.
struct Pending {
    record: TopUpRecord,
    /// Who waits for the page to be opened.
    request: Option<RequestId>,
    asked: bool,
    tries: u32,
    next: Option<Instant>,
    backoff: Backoff,
}

impl Pending {
    fn new(record: TopUpRecord) -> Self {
        let backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(30));
        Self { record, request: None, asked: false, tries: 0, next: None, backoff }
    }

    fn view(&self) -> Option<TopUpView> {
        Some(TopUpView {
            id: TopUpId(self.record.id.clone()?),
            amount: money_view(&self.record.amount),
            state: self.record.state,
            host: self.record.url.as_ref()?.host_str()?.to_owned(),
        })
    }
}

impl Wallet {
    pub(crate) fn loaded(balance: Option<Balance>, topups: Vec<TopUpRecord>) -> Self {
        Self { balance, topups: topups.into_iter().map(Pending::new).collect(), ..Self::default() }
    }

    pub(crate) fn views(&self) -> Vec<TopUpView> {
        self.topups.iter().filter_map(Pending::view).collect()
    }

    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.topups.iter().filter(|t| !t.asked).filter_map(|t| t.next).chain(self.next).min()
    }

    fn by_key(&mut self, key: &IdempotencyKey) -> Option<&mut Pending> {
        self.topups.iter_mut().find(|t| t.record.key == *key)
    }
}

impl State {
    pub(crate) fn add_funds(&mut self, request: RequestId, id: &AccountId, amount: &str) {
        let now = self.now.wall;
        let key = IdempotencyKey(self.random_name());
        let Some(account) = self.accounts.get_mut(id) else {
            return self.refuse(request, ErrorCode::NotFound);
        };
        if !account.link.open().is_some_and(|(_, c)| c.topup) {
            let known = account.link.number().is_none() && account.profile.provider_url.is_some();
            let code = if known { ErrorCode::ProviderUnreachable } else { ErrorCode::NotOffered };
            return self.refuse(request, code);
        }
        let Some(balance) = &account.wallet.balance else {
            return self.refuse(request, ErrorCode::ProviderUnreachable);
        };
        let Some(amount) = parse_amount(amount, balance.limits) else {
            return self.refuse(request, ErrorCode::InvalidAmount);
        };
        let amount = Money { amount, currency: balance.money.currency.clone() };
        let record = TopUpRecord {
            account: id.clone(),
            key: key.clone(),
            id: None,
            amount: amount.clone(),
            state: TopUpState::Pending,
            url: None,
            at: now,
        };
        let mut pending = Pending::new(record.clone());
        pending.request = Some(request);
        pending.asked = true;
        pending.tries = 1;
        account.wallet.topups.push(pending);
        self.write(Write::TopUp(record));
        self.ask(id, ProviderRequest::CreateTopUp(key, amount));
    }

    pub(crate) fn open_checkout(&mut self, request: RequestId, id: &AccountId, topup: &TopUpId) {
        let pending = self.accounts.get_mut(id).and_then(|a| {
            a.wallet
                .topups
                .iter_mut()
                .find(|t| t.record.id.as_ref() == Some(&topup.0) && t.record.url.is_some())
        });
        let Some(pending) = pending else {
            return self.refuse(request, ErrorCode::NotFound);
        };
        pending.request = Some(request);
        let (key, url) = (pending.record.key.clone(), pending.record.url.clone());
        self.browse(id, &key, url);
    }

    pub(crate) fn browsed(&mut self, request: Option<RequestId>, opened: bool) {
        let Some(request) = request else { return };
        let pending = self
            .accounts
            .values_mut()
            .flat_map(|a| a.wallet.topups.iter_mut())
            .find(|t| t.request == Some(request));
        let reply = match pending {
            Some(pending) => {
                pending.request = None;
                let url = pending.record.url.as_ref();
                match (opened, pending.view()) {
                    (true, Some(view)) => Ok(Reply::TopUpStarted { topup: view.id, host: view.host }),
                    // The address helps where no browser does.
                    _ => Err(ErrorView::with_detail(
                        ErrorCode::BrowserFailed,
                        url.map(Url::to_string).unwrap_or_default(),
                    )),
                }
            }
            None => Err(ErrorView::new(ErrorCode::NotFound)),
        };
        self.reply(request, reply);
    }

    pub(crate) fn wallet_opened(&mut self, id: &AccountId) {
        let now = self.now.instant;
        let Some(account) = self.accounts.get_mut(id) else { return };
        account.wallet.reading = false;
        for pending in &mut account.wallet.topups {
            pending.asked = false;
            pending.next = Some(now);
        }
        self.read_account(id);
        self.run_wallet(id);
    }

    pub(crate) fn run_wallet(&mut self, id: &AccountId) {
        let now = self.now;
        let Some(account) = self.accounts.get_mut(id).filter(|a| a.link.open().is_some()) else { return };
        let read = account.wallet.next.is_some_and(|at| at <= now.instant);
        let mut requests = Vec::new();
        let mut forgotten = Vec::new();
        for pending in &mut account.wallet.topups {
            if pending.asked || pending.next.is_none_or(|at| at > now.instant) {
                continue;
            }
            let age = age(pending.record.at, now.wall);
            if age > FORGET {
                forgotten.push(pending.record.key.clone());
                continue;
            }
            pending.next = None;
            pending.asked = true;
            let key = pending.record.key.clone();
            requests.push(match &pending.record.id {
                Some(topup) => ProviderRequest::TopUp(key, RemoteTopUp(topup.clone())),
                // Asked for in an earlier run that never heard the answer; the key makes it the same top-up.
                None => ProviderRequest::CreateTopUp(key, pending.record.amount.clone()),
            });
        }
        account.wallet.topups.retain(|t| !forgotten.contains(&t.record.key));
        for key in forgotten {
            self.write(Write::RemoveTopUp(key));
        }
        for request in requests {
            self.ask(id, request);
        }
        if read {
            self.read_account(id);
        }
    }

    pub(crate) fn topup_created(
        &mut self,
        id: &AccountId,
        key: &IdempotencyKey,
        result: Result<TopUp, ProviderError>,
    ) {
        let now = self.now.instant;
        let Some(pending) = self.accounts.get_mut(id).and_then(|a| a.wallet.by_key(key)) else { return };
        pending.asked = false;
        match result {
            Ok(topup) => {
                pending.record.id = Some(topup.id.0);
                pending.record.url = Some(topup.checkout_url.clone());
                pending.next = now.checked_add(pending.backoff.fail(&mut self.random));
                let record = pending.record.clone();
                let waited_for = pending.request.is_some();
                self.write(Write::TopUp(record));
                self.account_changed(id);
                // One of an earlier run opens no page by itself.
                if waited_for {
                    self.browse(id, key, Some(topup.checkout_url));
                }
            }
            Err(error) if error.is_transient() && pending.tries < TRIES => {
                pending.tries = pending.tries.saturating_add(1);
                let wait = match error {
                    ProviderError::RateLimited { retry_after: Some(wait) } => wait,
                    _ => pending.backoff.fail(&mut self.random),
                };
                pending.next = now.checked_add(wait);
            }
            Err(error) => self.topup_failed(id, key, provider_error(&error)),
        }
    }

    pub(crate) fn topup_read(
        &mut self,
        id: &AccountId,
        key: &IdempotencyKey,
        result: Result<TopUp, ProviderError>,
    ) {
        let now = self.now;
        let Some(pending) = self.accounts.get_mut(id).and_then(|a| a.wallet.by_key(key)) else { return };
        pending.asked = false;
        let wait = pending.backoff.fail(&mut self.random);
        let watched = age(pending.record.at, now.wall) < WATCH;
        pending.next = if watched { now.instant.checked_add(wait) } else { None };
        match result.map(|t| t.state) {
            Ok(Remote::Pending) | Err(_) => {}
            Ok(Remote::Paid) => {
                if pending.record.state != TopUpState::Paid {
                    pending.record.state = TopUpState::Paid;
                    let record = pending.record.clone();
                    self.write(Write::TopUp(record));
                    self.account_changed(id);
                }
                // The ledger's row is what counts.
                self.read_feed_now(id);
            }
            Ok(Remote::Declined | Remote::Cancelled) => {
                self.forget_topup(id, key);
                self.notice(Notice::FundsNotAdded { account: id.clone() });
                self.notify_funds(None);
            }
        }
    }

    /// New ledger rows: the balance follows, and top-ups that they complete end.
    pub(crate) fn ledger_kept(&mut self, id: &AccountId, entries: &[Transaction]) {
        let now = self.now.wall;
        let Some(last) = entries.last() else { return };
        let Some(account) = self.accounts.get_mut(id) else { return };
        if let Some(balance) = &mut account.wallet.balance {
            balance.money = last.balance_after.clone();
            balance.at = now;
            let balance = balance.clone();
            self.write(Write::Balance(id.clone(), balance));
        }
        self.account_changed(id);
        for entry in entries.iter().filter(|e| e.kind == TransactionType::TopUp) {
            let Some(account) = self.accounts.get(id) else { return };
            let done = account
                .wallet
                .topups
                .iter()
                .find(|t| t.record.id.is_some() && t.record.id == entry.reference);
            let Some(key) = done.map(|t| t.record.key.clone()) else { continue };
            self.forget_topup(id, &key);
            let (amount, currency) = (entry.amount.amount.to_string(), entry.amount.currency.clone());
            self.notify_funds(Some((amount.clone(), currency.clone())));
            self.notice(Notice::FundsAdded { account: id.clone(), amount, currency });
        }
        self.read_account(id);
    }

    pub(crate) fn account_read(&mut self, id: &AccountId, result: Result<AccountInfo, ProviderError>) {
        let now = self.now;
        let Some(account) = self.accounts.get_mut(id) else { return };
        let wallet = &mut account.wallet;
        wallet.reading = false;
        wallet.next = now.instant.checked_add(READ);
        if std::mem::take(&mut wallet.again) {
            // A ledger row came while this was on its way: it may be older than what is shown.
            return self.read_account(id);
        }
        let Ok(info) = result else { return };
        self.rules_read(id, info.send_limits, info.rules);
        let Some(account) = self.accounts.get_mut(id) else { return };
        let wallet = &mut account.wallet;
        let balance = Balance { money: info.balance, at: now.wall, limits: info.topup_limits };
        wallet.balance = Some(balance.clone());
        self.write(Write::Balance(id.clone(), balance));
        self.account_changed(id);
    }

    pub(crate) fn numbers_read(&mut self, id: &AccountId, result: Result<Vec<Number>, ProviderError>) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        let Ok(mut numbers) = result else { return };
        for number in &mut numbers {
            // Some providers do not tell the country; the number itself does.
            if number.country == "ZZ"
                && let Some(country) = phone::country(&number.e164)
            {
                number.country = country;
            }
        }
        if account.numbers != numbers {
            account.numbers = numbers.clone();
            self.write(Write::Numbers(id.clone(), numbers));
            self.account_changed(id);
        }
    }

    pub(crate) fn read_account(&mut self, id: &AccountId) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        let Some((_, capabilities)) = account.link.open() else { return };
        if account.wallet.reading {
            account.wallet.again = true;
            return;
        }
        account.wallet.next = None;
        self.ask(id, ProviderRequest::Numbers);
        if capabilities.balance {
            if let Some(account) = self.accounts.get_mut(id) {
                account.wallet.reading = true;
            }
            self.ask(id, ProviderRequest::Account);
        } else {
            let next = self.now.instant.checked_add(READ);
            if let Some(account) = self.accounts.get_mut(id) {
                account.wallet.next = next;
            }
        }
    }

    fn browse(&mut self, id: &AccountId, key: &IdempotencyKey, url: Option<Url>) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        let (provider, sandbox) = (account.profile.provider_url.clone(), account.profile.sandbox);
        let Some(pending) = account.wallet.by_key(key) else { return };
        match url.filter(|url| is_trusted(url, provider.as_deref(), sandbox)) {
            Some(url) => {
                let request = pending.request;
                self.effect(Effect::Browse(request, url));
            }
            None => self.topup_failed(id, key, ErrorView::new(ErrorCode::CheckoutNotTrusted)),
        }
    }

    fn topup_failed(&mut self, id: &AccountId, key: &IdempotencyKey, error: ErrorView) {
        let request = self.accounts.get_mut(id).and_then(|a| a.wallet.by_key(key)?.request.take());
        self.forget_topup(id, key);
        if let Some(request) = request {
            self.reply(request, Err(error));
        }
    }

    fn forget_topup(&mut self, id: &AccountId, key: &IdempotencyKey) {
        if let Some(account) = self.accounts.get_mut(id) {
            account.wallet.topups.retain(|t| t.record.key != *key);
            self.write(Write::RemoveTopUp(key.clone()));
            self.account_changed(id);
        }
    }
}

/// A positive decimal with at most two places, within the limits.
pub(crate) fn parse_amount(text: &str, limits: Option<(Decimal, Decimal)>) -> Option<Decimal> {
    let text = text.trim();
    let plain = text.chars().all(|c| c.is_ascii_digit() || c == '.') && text.len() <= 12;
    let amount: Decimal = if plain { text.parse().ok()? } else { return None };
    let (least, most) = limits.unwrap_or((Decimal::new(1, 2), Decimal::MAX));
    (amount > Decimal::ZERO && amount.scale() <= 2 && amount >= least && amount <= most).then_some(amount)
}

/// Whether the provider may send its user to this page: https on its API's own host, or for a sandbox plain http on
/// this computer.
fn is_trusted(page: &Url, provider: Option<&str>, sandbox: bool) -> bool {
    if !page.username().is_empty() || page.password().is_some() {
        return false;
    }
    let Some(api) = provider.and_then(|p| Url::parse(p).ok()) else { return false };
    let loopback = match page.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => return false,
    };
    match page.scheme() {
        "https" => page.host() == api.host(),
        "http" => sandbox && loopback,
        _ => false,
    }
}

/// How long ago that was.
pub(crate) fn age(from: Timestamp, now: Timestamp) -> Duration {
    // A clock that was set back makes it young, not old.
    Duration::try_from(now.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_and_within_limits() {
        let limits = Some((Decimal::from(5), Decimal::from(3600)));
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(
                parse_amount(text, limits).map(|d| d.to_string()),
                expect.map(str::to_owned),
                "{text:?}"
            );
        };
        check("25.00", Some("25.00"));
        check(" 5 ", Some("5"));
        check("3600", Some("3600"));
        for bad in ["4.99", "3600.01", "", "-25", "1e3", "25,00", "25.001", "NaN", "99999999999999999999"] {
            check(bad, None);
        }
    }

    #[test]
    fn only_the_provider_names_the_page() {
        let check = |page: &str, provider: &str, sandbox: bool, expect: bool| {
            assert_eq!(
                is_trusted(&page.parse().unwrap(), Some(provider), sandbox),
                expect,
                "{page} {sandbox}"
            );
        };
        let api = "https://api.provider.example";
        check("https://api.provider.example/checkout/1", api, false, true);
        check("https://evil.example/checkout/1", api, false, false);
        check("https://api.provider.example@evil.example/", api, false, false);
        check("https://api.provider.example.evil.example/", api, false, false);
        check("http://api.provider.example/checkout/1", api, false, false);
        check("http://127.0.0.1:8080/checkout/1", "http://127.0.0.1:8080", true, true);
        check("http://127.0.0.1:8080/checkout/1", "http://127.0.0.1:8080", false, false);
        check("http://[::1]:8080/checkout/1", "http://[::1]:8080", true, true);
        check("http://192.0.2.1/checkout/1", "http://127.0.0.1:8080", true, false);
        check("file:///etc/passwd", api, true, false);
        check("javascript:alert(1)", api, true, false);
    }
}
