//! What a provider is asked to do besides calls and SMS: order, restore, renew, forward, greetings, papers, money back.
//!
//! Invariant: what costs money or asks for it back has its row before the provider is asked, and keeps its key until
//! the provider has answered. A lost answer is asked for again under the same key, also after a restart, so nothing
//! is ordered or paid twice.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tern_provider::{
    ProviderError, SharedProvider,
    types::{
        Capabilities, ForwardTarget, Forwarding, IdempotencyKey, MOST_TARGETS, Money, OrderRequest,
        RefundRequest, RemoteId, RingOrder,
    },
};

use crate::{
    accounts::Link,
    api::{AccountId, ErrorCode, ErrorView, ForwardTo, ForwardingView, NewRefund, NumberOrder, Reply},
    consult,
    core::{Act, Acted, Backoff, ProviderRequest, RequestId, State, Write},
    phone,
    record::{Intent, IntentWhat},
    refusals::provider_error,
    wallet,
};

/// Errands of an account that may wait for its provider; more are refused.
const MOST: usize = 32;
/// How often an answer is asked for while somebody waits.
const TRIES: u32 = 3;
/// How often it is asked for afterwards.
const SLOWLY: Duration = Duration::from_secs(60);
/// For how long an intent is carried out late: nobody wants last week's order.
const FORGET: Duration = Duration::from_secs(3600);

/// What an account's provider was asked to do and has not answered.
#[derive(Default)]
pub(crate) struct Desk {
    errands: Vec<Errand>,
}

struct Errand {
    key: IdempotencyKey,
    at: Timestamp,
    act: Act,
    /// Who waits.
    request: Option<RequestId>,
    asked: bool,
    tries: u32,
    next: Option<Instant>,
    backoff: Backoff,
}

impl Errand {
    fn new(key: IdempotencyKey, at: Timestamp, act: Act) -> Self {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(10));
        Self { key, at, act, request: None, asked: false, tries: 0, next: None, backoff }
    }

    /// Whether it is kept until it is answered.
    fn is_kept(&self) -> bool {
        matches!(self.act, Act::Once(_))
    }
}

impl Desk {
    pub(crate) fn loaded(intents: Vec<Intent>) -> Self {
        let errands = intents.into_iter().map(|i| Errand::new(i.key, i.at, Act::Once(i.what))).collect();
        Self { errands }
    }

    /// Who waits for an answer.
    pub(crate) fn waiting(&self) -> Vec<RequestId> {
        self.errands.iter().filter_map(|errand| errand.request).collect()
    }

    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.errands.iter().filter(|errand| !errand.asked).filter_map(|errand| errand.next).min()
    }

    fn by_key(&mut self, key: &IdempotencyKey) -> Option<&mut Errand> {
        self.errands.iter_mut().find(|errand| errand.key == *key)
    }
}

impl State {
    pub(crate) fn order_numbers(&mut self, request: RequestId, id: &AccountId, order: NumberOrder) {
        let NumberOrder { offer, count, months, trial } = order;
        let order = OrderRequest { offer: RemoteId(offer), quantity: count, months, trial };
        self.hand_over(request, id, Act::Once(IntentWhat::Order(order)));
    }

    pub(crate) fn restore_number(&mut self, request: RequestId, id: &AccountId, number: &str) {
        self.change_number(request, id, number, |number| Act::Once(IntentWhat::Restore(number)));
    }

    pub(crate) fn forward_number(
        &mut self,
        request: RequestId,
        id: &AccountId,
        number: &str,
        forwarding: &ForwardingView,
    ) {
        let region = self.accounts.get(id).and_then(|account| account.region()).map(str::to_owned);
        match targets(forwarding, region.as_deref()) {
            Ok(forwarding) => {
                self.change_number(request, id, number, |number| Act::Forward(number, forwarding));
            }
            Err(error) => self.reply(request, Err(error)),
        }
    }

    pub(crate) fn ask_refund(&mut self, request: RequestId, id: &AccountId, refund: NewRefund) {
        let Some(account) = self.accounts.get(id) else {
            return self.refuse(request, ErrorCode::NotFound);
        };
        let Some(balance) = &account.wallet.balance else {
            return self.refuse(request, ErrorCode::ProviderUnreachable);
        };
        let Some(amount) = wallet::parse_amount(&refund.amount, None) else {
            return self.refuse(request, ErrorCode::InvalidAmount);
        };
        let number = account.numbers.iter().find(|number| number.e164 == refund.service);
        let service = number.map_or(RemoteId(refund.service), |number| number.id.clone());
        let what = RefundRequest {
            service,
            amount: Money { amount, currency: balance.money.currency.clone() },
            reason: refund.reason,
            explanation: String::new(),
            payment_details: refund.payment_details,
        };
        self.hand_over(request, id, Act::Once(IntentWhat::Refund(what)));
    }

    /// Has something done to a number of the account's.
    pub(crate) fn change_number(
        &mut self,
        request: RequestId,
        id: &AccountId,
        e164: &str,
        act: impl FnOnce(RemoteId) -> Act,
    ) {
        let Some(account) = self.accounts.get(id) else {
            return self.refuse(request, ErrorCode::NotFound);
        };
        match account.numbers.iter().find(|number| number.e164 == e164).map(|number| number.id.clone()) {
            Some(number) => self.hand_over(request, id, act(number)),
            None => self.refuse(request, ErrorCode::NumberNotYours),
        }
    }

    /// Asks the provider, and remembers what must not be forgotten first.
    pub(crate) fn hand_over(&mut self, request: RequestId, id: &AccountId, act: Act) {
        let at = self.now.wall;
        let key = IdempotencyKey(self.random_name());
        let Some(account) = self.accounts.get_mut(id) else {
            return self.refuse(request, ErrorCode::NotFound);
        };
        let capabilities = match account.link {
            Link::Open(_, capabilities) => capabilities,
            Link::None => return self.refuse(request, ErrorCode::NotOffered),
            Link::Detached | Link::Opening(_) => return self.refuse(request, ErrorCode::ProviderUnreachable),
        };
        if !is_offered(&act, capabilities) {
            return self.refuse(request, ErrorCode::NotOffered);
        }
        if account.desk.errands.len() >= MOST {
            return self.refuse(request, ErrorCode::RateLimited);
        }
        let mut errand = Errand::new(key.clone(), at, act.clone());
        errand.request = Some(request);
        errand.asked = true;
        errand.tries = 1;
        account.desk.errands.push(errand);
        if let Act::Once(what) = &act {
            let intent = Intent { account: id.clone(), key: key.clone(), at, what: what.clone() };
            self.write(Write::Intent(intent));
        }
        self.ask(id, ProviderRequest::Act(key, act));
    }

    pub(crate) fn acted(
        &mut self,
        id: &AccountId,
        key: &IdempotencyKey,
        result: Result<Acted, ProviderError>,
    ) {
        let now = self.now.instant;
        let Some(errand) = self.accounts.get_mut(id).and_then(|a| a.desk.by_key(key)) else { return };
        errand.asked = false;
        match result {
            Ok(acted) => {
                let request = errand.request;
                self.end_errand(id, key);
                let reply = self.carried_out(id, acted);
                if let Some(request) = request {
                    self.reply(request, Ok(reply));
                }
                self.read_account(id);
            }
            Err(error) if errand.is_kept() && may_be_done(&error) => {
                let again = errand.tries < TRIES;
                errand.tries = errand.tries.saturating_add(1);
                let wait = match error {
                    ProviderError::RateLimited { retry_after: Some(wait) } => wait,
                    _ if again => errand.backoff.fail(&mut self.random),
                    _ => SLOWLY,
                };
                errand.next = now.checked_add(wait);
                let waited_for = if again { None } else { errand.request.take() };
                if let Some(request) = waited_for {
                    self.reply(request, Err(ErrorView::new(ErrorCode::OutcomeUnknown)));
                }
            }
            Err(error) => {
                let request = errand.request;
                self.end_errand(id, key);
                if let Some(request) = request {
                    self.reply(request, Err(provider_error(&error)));
                }
            }
        }
    }

    /// The connection is a new one: answers over the old one never come. What has a key is asked for again.
    pub(crate) fn desk_opened(&mut self, id: &AccountId) {
        let now = self.now.instant;
        let Some(account) = self.accounts.get_mut(id) else { return };
        let errands = std::mem::take(&mut account.desk.errands);
        let (kept, lost): (Vec<_>, Vec<_>) = errands.into_iter().partition(Errand::is_kept);
        account.desk.errands = kept;
        for errand in &mut account.desk.errands {
            errand.asked = false;
            errand.next = Some(now);
        }
        for request in lost.into_iter().filter_map(|errand| errand.request) {
            self.refuse(request, ErrorCode::ProviderUnreachable);
        }
        self.run_desk(id);
    }

    pub(crate) fn run_desk(&mut self, id: &AccountId) {
        let now = self.now;
        let Some(account) = self.accounts.get_mut(id).filter(|a| a.link.open().is_some()) else { return };
        let (mut due, mut forgotten) = (Vec::new(), Vec::new());
        for errand in &mut account.desk.errands {
            if errand.asked || errand.next.is_none_or(|at| at > now.instant) {
                continue;
            }
            errand.next = None;
            if errand.request.is_none() && wallet::age(errand.at, now.wall) > FORGET {
                forgotten.push(errand.key.clone());
                continue;
            }
            errand.asked = true;
            due.push((errand.key.clone(), errand.act.clone()));
        }
        for key in forgotten {
            self.end_errand(id, &key);
        }
        for (key, act) in due {
            self.ask(id, ProviderRequest::Act(key, act));
        }
    }

    fn end_errand(&mut self, id: &AccountId, key: &IdempotencyKey) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        let is_kept = account.desk.by_key(key).is_some_and(|errand| errand.is_kept());
        account.desk.errands.retain(|errand| errand.key != *key);
        if is_kept {
            self.write(Write::RemoveIntent(key.clone()));
        }
    }

    fn carried_out(&mut self, id: &AccountId, acted: Acted) -> Reply {
        match acted {
            Acted::Order(order) => Reply::Ordered { order: consult::order_view(&order) },
            Acted::Refund(refund) => Reply::RefundAsked { refund: consult::refund_view(&refund) },
            Acted::Greeting(greeting) => {
                Reply::GreetingUploaded { greeting: consult::greeting_view(&greeting) }
            }
            Acted::Document(paper) => Reply::PaperHandedIn { paper: consult::paper_view(&paper) },
            Acted::Done => Reply::Done {},
            Acted::Number(number) => {
                if let Some(account) = self.accounts.get_mut(id)
                    && let Some(known) = account.numbers.iter_mut().find(|known| known.id == number.id)
                {
                    *known = number;
                    let numbers = account.numbers.clone();
                    self.write(Write::Numbers(id.clone(), numbers));
                    self.account_changed(id);
                }
                Reply::Done {}
            }
        }
    }
}

/// Has the provider do it.
pub(crate) async fn carry_out(
    provider: &SharedProvider,
    key: &IdempotencyKey,
    act: Act,
) -> Result<Acted, ProviderError> {
    Ok(match act {
        Act::Once(IntentWhat::Order(order)) => Acted::Order(provider.order(key, &order).await?),
        Act::Once(IntentWhat::Restore(number)) => Acted::Number(provider.restore(key, &number).await?),
        Act::Once(IntentWhat::Refund(refund)) => Acted::Refund(provider.request_refund(key, &refund).await?),
        Act::AutoRenew(number, on) => Acted::Number(provider.set_auto_renew(&number, on).await?),
        Act::Forward(number, to) => {
            provider.set_forwarding(&number, &to).await?;
            Acted::Done
        }
        Act::Answering(number, settings) => {
            provider.set_voicemail(&number, &settings).await?;
            Acted::Done
        }
        Act::Greeting(file) => Acted::Greeting(provider.upload_greeting(&file).await?),
        Act::Document(document) => Acted::Document(provider.upload_document(&document).await?),
    })
}

fn is_offered(act: &Act, capabilities: Capabilities) -> bool {
    match act {
        Act::Once(IntentWhat::Order(_)) => capabilities.catalogue,
        Act::Once(IntentWhat::Restore(_)) => capabilities.restore,
        Act::Once(IntentWhat::Refund(_)) => capabilities.refunds,
        Act::AutoRenew(..) => capabilities.auto_renew,
        Act::Forward(..) => capabilities.forwarding,
        Act::Answering(..) => capabilities.voicemail,
        Act::Greeting(_) => capabilities.greetings,
        Act::Document(_) => capabilities.documents,
    }
}

/// Whether it may have been done all the same, or will be when asked again.
fn may_be_done(error: &ProviderError) -> bool {
    error.is_transient() || *error == ProviderError::Malformed
}

/// Checked here, because the provider's words for what is wrong are its own.
fn targets(view: &ForwardingView, region: Option<&str>) -> Result<Forwarding, ErrorView> {
    let wrong = |what: &str| ErrorView::with_detail(ErrorCode::InvalidTarget, what);
    if view.targets.len() > MOST_TARGETS {
        return Err(wrong("two targets at most"));
    }
    let plain = |text: &str| {
        !text.is_empty() && text.len() <= 255 && !text.chars().any(|c| c.is_whitespace() || c.is_control())
    };
    let target = |to: &ForwardTo| match to {
        ForwardTo::OwnSip {} => Ok(ForwardTarget::OwnSip),
        ForwardTo::Sip { address } => {
            let address = address.trim();
            let address = address.strip_prefix("sip:").unwrap_or(address);
            let is_address = plain(address) && address.split('@').count() == 2;
            if is_address { Ok(ForwardTarget::Sip(address.to_owned())) } else { Err(wrong(address)) }
        }
        ForwardTo::Server { address } => {
            let address = address.trim();
            if plain(address) { Ok(ForwardTarget::Ip(address.to_owned())) } else { Err(wrong(address)) }
        }
        ForwardTo::Phone { number } => match phone::recipient(number, region) {
            Ok(e164) => Ok(ForwardTarget::Phone(e164)),
            Err(ErrorCode::EmergencyNotSupported) => Err(ErrorView::new(ErrorCode::EmergencyNotSupported)),
            Err(_) => Err(wrong(number)),
        },
    };
    let targets = view.targets.iter().map(target).collect::<Result<_, _>>()?;
    let order = if view.in_turn { RingOrder::Sequential } else { RingOrder::Simultaneous };
    Ok(Forwarding { targets, order })
}
