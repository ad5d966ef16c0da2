//! What the provider says of targets and of its rules: asked, kept, and put together for [`crate::rules`].
//!
//! A shell asks about one target at a time; what was answered a moment ago is not asked again. Whoever waits for an
//! answer that can't come any more, because the connection is gone, is told.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use tern_provider::{
    Adapter, ProviderError,
    types::{AccountRules, Rate, SendLimits},
};

use crate::{
    accounts::Link,
    api::{AccountId, CallAs, ErrorCode, ErrorView, Reply},
    core::{Now, ProviderRequest, RequestId, State, Write},
    record::{KeptRate, KnownRules, MOST_RATES},
    refusals::provider_error,
    rules::{self, Facts},
};

/// A target is not asked about again so soon.
const FRESH: SignedDuration = SignedDuration::from_secs(60);
/// Clocks that differ by less are the same: the answer was on its way for a moment.
const SAME: SignedDuration = SignedDuration::from_secs(5);

/// What the provider said of targets.
#[derive(Default)]
pub(crate) struct Rates {
    /// The latest first, each target with each number once.
    kept: VecDeque<KeptRate>,
    /// Who waits for an answer over this connection.
    asking: Vec<RequestId>,
}

impl Rates {
    pub(crate) fn loaded(kept: Vec<KeptRate>) -> Self {
        Self { kept: kept.into(), asking: Vec::new() }
    }

    /// Who waits for an answer.
    pub(crate) fn waiting(&self) -> Vec<RequestId> {
        self.asking.clone()
    }

    fn find(&self, target: &str, number: Option<&str>) -> Option<&KeptRate> {
        self.kept.iter().find(|kept| kept.target == target && kept.number.as_deref() == number)
    }

    fn keep(&mut self, new: KeptRate) {
        self.kept.retain(|kept| (&kept.target, &kept.number) != (&new.target, &new.number));
        self.kept.push_front(new);
        self.kept.truncate(usize::try_from(MOST_RATES).unwrap_or(usize::MAX));
    }
}

impl State {
    pub(crate) fn ask_rate(
        &mut self,
        request: RequestId,
        id: &AccountId,
        typed: &str,
        show: Option<&CallAs>,
    ) {
        let Some(account) = self.accounts.get_mut(id) else {
            return self.refuse(request, ErrorCode::NotFound);
        };
        let (target, number) = match rules::rate_asked(account.region(), typed, show) {
            Ok(asked) => asked,
            Err(code) => return self.refuse(request, code),
        };
        let capabilities = match account.link {
            Link::Open(_, capabilities) => capabilities,
            Link::None => return self.refuse(request, ErrorCode::NotOffered),
            Link::Detached | Link::Opening(_) => return self.refuse(request, ErrorCode::ProviderUnreachable),
        };
        if !capabilities.rates {
            return self.refuse(request, ErrorCode::NotOffered);
        }
        let now = by_provider(account.rules.as_ref(), self.now.wall);
        let known = account.rates.find(&target, number.as_deref());
        if known.is_some_and(|kept| now.duration_since(kept.at).abs() < FRESH) {
            return self.reply(request, Ok(Reply::Done {}));
        }
        account.rates.asking.push(request);
        self.ask(id, ProviderRequest::Rate(request, target, number));
    }

    pub(crate) fn rate_read(
        &mut self,
        id: &AccountId,
        request: RequestId,
        target: String,
        number: Option<String>,
        result: Result<Rate, ProviderError>,
    ) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        account.rates.asking.retain(|asking| *asking != request);
        match result {
            Ok(rate) => {
                let at = by_provider(account.rules.as_ref(), self.now.wall);
                let kept = KeptRate { target, number, at, rate };
                account.rates.keep(kept.clone());
                self.write(Write::Rate(id.clone(), kept));
                self.reply(request, Ok(Reply::Done {}));
            }
            Err(error) => self.reply(request, Err(provider_error(&error))),
        }
    }

    /// Answers over an earlier connection never come.
    pub(crate) fn give_up_asking(&mut self, id: &AccountId) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        for request in std::mem::take(&mut account.rates.asking) {
            self.reply(request, Err(ErrorView::new(ErrorCode::ProviderUnreachable)));
        }
    }

    /// The provider told its rules, or as good as: one that tells none of them leaves nothing known.
    pub(crate) fn rules_read(
        &mut self,
        id: &AccountId,
        send_limits: Option<SendLimits>,
        mut rules: AccountRules,
    ) {
        let wall = self.now.wall;
        let Some(account) = self.accounts.get_mut(id) else { return };
        if send_limits.is_none() && rules == AccountRules::default() {
            return;
        }
        let mut ahead = rules.now.take().map_or(SignedDuration::ZERO, |now| now.duration_since(wall));
        if let Some(known) = &account.rules
            && known.ahead.saturating_sub(ahead).abs() < SAME
        {
            ahead = known.ahead;
        }
        let at = wall.saturating_add(ahead).unwrap_or(wall);
        let known = KnownRules { at, ahead, send_limits, rules };
        account.rules = Some(known.clone());
        account.outbox.reckon();
        self.write(Write::Rules(id.clone(), known));
    }

    /// What an account knows; `None` when there is no such one.
    pub(crate) fn facts(&self, id: &AccountId, now: Now) -> Option<Facts> {
        let account = self.accounts.get(id)?;
        let address = account.profile.provider_url.as_deref();
        let of_adapter = || Adapter::of(address?).map(Adapter::capabilities);
        Some(Facts {
            now: by_provider(account.rules.as_ref(), now.wall),
            capabilities: account.link.open().map(|(_, capabilities)| capabilities).or_else(of_adapter),
            region: account.region().map(str::to_owned),
            numbers: account.numbers.clone(),
            balance: account.wallet.balance.as_ref().map(|balance| balance.money.clone()),
            rules: account.rules.clone(),
            rates: account.rates.kept.iter().cloned().collect(),
            unsent: account.outbox.senders(),
        })
    }
}

/// Our time as the provider's clock has it.
pub(crate) fn by_provider(rules: Option<&KnownRules>, wall: Timestamp) -> Timestamp {
    let ahead = rules.map_or(SignedDuration::ZERO, |known| known.ahead);
    wall.saturating_add(ahead).unwrap_or(wall)
}
