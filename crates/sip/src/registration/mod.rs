//! One account's registration (RFC 3261 10.2, RFC 5626): a flow for each of its proxies, and what they come to
//! together.
//!
//! Invariant: the account is registered while one flow stands, and failed when none stands and none is being formed;
//! nothing else is told to the application. How one flow binds stands in `flow`, the request in `request`, what an
//! answer says in `answer`, when to try again in `retry`.

mod answer;
mod flow;
mod request;
mod retry;

use crate::account::{Account, Reach};
use crate::config::{NextHop, RegistrationConfig};
use crate::event::{Event, RegistrationFailure, RegistrationState};
use crate::ids::RegistrationId;
use crate::layer::{Fate, Layer, Notice};
use crate::target;
use crate::transaction::ClientId;
use crate::wire::{SipUri, Uri};
use flow::{Flow, News};
pub(crate) use retry::{Others, wait as retry_wait};
use std::time::Instant;

/// Flows of one account at a time; RFC 5626 4.2 finds two enough.
const MAX_FLOWS: usize = 4;

#[derive(Debug)]
pub(crate) struct Registration {
    about: About,
    flows: Vec<Flow>,
    told: Told,
}

/// What all flows of an account share.
#[derive(Debug)]
pub(crate) struct About {
    pub(crate) id: RegistrationId,
    pub(crate) config: RegistrationConfig,
    pub(crate) registrar: Uri,
}

/// What the application was told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Registering,
    Registered,
    Failed,
    Unregistered,
}

impl Registration {
    pub(crate) fn new(
        now: Instant,
        id: RegistrationId,
        config: RegistrationConfig,
        layer: &mut Layer,
    ) -> Registration {
        let account = Account::new(&config, &mut layer.around.random);
        layer.around.accounts.insert(id, account);
        let registrar = registrar_uri(&config);
        // A registrar URI that names no host has nowhere to go; the empty name fails to resolve and says so.
        let nowhere = || NextHop::Name { host: String::new(), port: None, transport: None };
        let hops = match config.proxies.is_empty() {
            true => vec![target::first_hop(&registrar, &[]).unwrap_or_else(nowhere)],
            // RFC 5626 4.2.1: several flows need an instance to belong to; without one the others are spare.
            false if config.instance.is_none() => config.proxies.iter().take(1).cloned().collect(),
            false => config.proxies.iter().take(MAX_FLOWS).cloned().collect(),
        };
        let flows =
            (0u8..).zip(hops).map(|(n, hop)| Flow::new(now, n, hop, id, &config, &mut layer.around.random));
        Registration { flows: flows.collect(), about: About { id, config, registrar }, told: Told::Nothing }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.flows.iter().all(Flow::is_done)
    }

    /// Binds, now or as soon as the REGISTER under way is through.
    pub(crate) fn refresh(&mut self, now: Instant, layer: &mut Layer) {
        self.each(now, layer, |flow, about, layer| flow.refresh(now, about, layer));
    }

    /// Removes the binding, now or as soon as the REGISTER under way is through.
    pub(crate) fn unregister(&mut self, now: Instant, layer: &mut Layer) {
        self.each(now, layer, |flow, about, layer| flow.unregister(now, about, layer));
    }

    /// The local addresses are others: binds at once on the new ones.
    pub(crate) fn network_changed(&mut self, now: Instant, layer: &mut Layer) {
        self.each(now, layer, |flow, about, layer| flow.network_changed(now, about, layer));
    }

    /// Something has happened to a path that one of the flows may use.
    pub(crate) fn on_notice(&mut self, now: Instant, notice: Notice, layer: &mut Layer) {
        let (Notice::Lost(path) | Notice::AddressChanged(path)) = notice;
        let its = |flow: &Flow| flow.is_on(path);
        self.of(now, its, layer, |flow, about, others, layer| {
            flow.on_notice(now, notice, others, about, layer).into_iter().collect()
        });
    }

    /// Refresh is due, or the next try.
    pub(crate) fn on_timer(&mut self, now: Instant, number: u8, layer: &mut Layer) {
        self.of(
            now,
            |flow| flow.number == number,
            layer,
            |flow, about, _, layer| flow.on_timer(now, about, layer),
        );
    }

    pub(crate) fn on_fate(&mut self, now: Instant, client: ClientId, fate: Fate, layer: &mut Layer) {
        let its = |flow: &Flow| flow.waits_for(client);
        self.of(now, its, layer, |flow, about, others, layer| {
            flow.on_fate(now, client, fate, others, about, layer)
        });
    }

    fn each(
        &mut self,
        now: Instant,
        layer: &mut Layer,
        act: impl Fn(&mut Flow, &About, &mut Layer) -> Option<News>,
    ) {
        let news = self.flows.iter_mut().filter_map(|flow| act(flow, &self.about, layer)).collect();
        self.tell(now, news, layer);
    }

    fn of(
        &mut self,
        now: Instant,
        its: impl Fn(&Flow) -> bool,
        layer: &mut Layer,
        act: impl FnOnce(&mut Flow, &About, Others, &mut Layer) -> Vec<News>,
    ) {
        let others = match self.flows.iter().any(|flow| !its(flow) && flow.stands()) {
            true => Others::Stand,
            false => Others::Failed,
        };
        let Some(flow) = self.flows.iter_mut().find(|flow| its(flow)) else { return };
        let news = act(flow, &self.about, others, layer);
        self.tell(now, news, layer);
    }

    /// Makes one story of what happened to the flows.
    fn tell(&mut self, now: Instant, news: Vec<News>, layer: &mut Layer) {
        for news in news {
            self.publish(layer);
            match news {
                News::Trying if self.stands() || self.told == Told::Registering => {}
                News::Trying => self.report(Told::Registering, RegistrationState::Registering, layer),
                News::Bound(state) => self.report(Told::Registered, *state, layer),
                News::Failed { reason } => self.failed(now, reason, layer),
                News::Gone if self.is_done() && self.told != Told::Unregistered => {
                    self.report(Told::Unregistered, RegistrationState::Unregistered, layer);
                    layer.around.accounts.remove(&self.about.id);
                }
                News::Gone => {}
            }
        }
    }

    fn failed(&mut self, now: Instant, reason: RegistrationFailure, layer: &mut Layer) {
        if self.stands() || self.flows.iter().any(Flow::is_forming) {
            return;
        }
        let next = self.flows.iter().filter_map(|flow| flow.next_try(now)).min();
        self.report(Told::Failed, RegistrationState::Failed { reason, retry_after: next }, layer);
    }

    fn stands(&self) -> bool {
        self.flows.iter().any(Flow::stands)
    }

    /// Gives to the account's other requests what the flows have found out.
    fn publish(&self, layer: &mut Layer) {
        let Some(account) = layer.around.accounts.get_mut(&self.about.id) else { return };
        let (standing, lost): (Vec<_>, Vec<_>) = self.flows.iter().partition(|flow| flow.stands());
        if !self.about.config.proxies.is_empty() {
            account.hops = standing.iter().chain(&lost).map(|flow| flow.hop().clone()).collect();
        }
        let best = standing.first().and_then(|flow| flow.learnt());
        account.routes = best.map(|l| l.routes.clone()).unwrap_or_default();
        account.gruu = best.and_then(|l| l.gruu.clone());
        account.reach = best.map_or(Reach::Address, |l| l.reach);
        let named = account.routes.first().and_then(|first| target::first_hop(&first.uri, &[]));
        let registrar = target::first_hop(&self.about.registrar, &[]);
        let own = self.about.config.proxies.iter().chain(self.flows.iter().map(Flow::hop)).cloned();
        account.server.set_hops(own.chain(registrar).chain(named));
    }

    fn report(&mut self, told: Told, state: RegistrationState, layer: &mut Layer) {
        self.told = told;
        layer.around.event(Event::Registration { id: self.about.id, state });
    }
}

/// The registrar's URI: the one configured, or `sip:domain` of the address of record (RFC 3261 10.2: no user part).
pub(crate) fn registrar_uri(config: &RegistrationConfig) -> Uri {
    match (&config.registrar, &config.aor) {
        (Some(uri), _) => uri.clone(),
        (None, Uri::Sip(sip)) => {
            let mut uri = SipUri::new(None, sip.host.clone(), sip.port);
            uri.scheme = sip.scheme;
            Uri::Sip(uri)
        }
        (None, other) => other.clone(),
    }
}
