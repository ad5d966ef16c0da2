//! Commands about accounts, and which account a call is for.

use super::Endpoint;
use crate::config::RegistrationConfig;
use crate::event::Event;
use crate::ids::{MessageId, RegistrationId, RequestId, SubscriptionId};
use crate::invite::Refused;
use crate::layer::{Fate, Layer};
use crate::message::{Body, MAX_MESSAGES, MessageConfig, Outgoing};
use crate::message_waiting::{self, Summary};
use crate::origin::SendError;
use crate::registration::Registration;
use crate::subscription::{MAX_SUBSCRIPTIONS, Subscription, SubscriptionConfig};
use crate::transaction::{ClientId, ServerId};
use crate::transport::Source;
use crate::uas;
use crate::wire::{self, HeaderAccess as _, Headers, Method, Request};
use std::time::Instant;

impl Endpoint {
    /// Registers an account and keeps it registered until [`Self::unregister`].
    pub fn register(&mut self, now: Instant, config: RegistrationConfig) -> RegistrationId {
        let id = RegistrationId(self.layer.fresh_id());
        let mut registration = Registration::new(now, id, config, &mut self.layer);
        registration.refresh(now, &mut self.layer);
        self.registrations.insert(id, registration);
        id
    }

    /// Registers anew at once: after a network change, or after `Failed` without a retry.
    pub fn refresh(&mut self, now: Instant, id: RegistrationId) {
        if let Some(registration) = self.registrations.get_mut(&id) {
            registration.refresh(now, &mut self.layer);
        }
    }

    /// Removes the binding; `Unregistered` follows, and the id is spent.
    pub fn unregister(&mut self, now: Instant, id: RegistrationId) {
        let subscriptions = self.subscriptions.iter().filter(|(_, s)| s.is_of(id)).map(|(id, _)| *id);
        for subscription in subscriptions.collect::<Vec<_>>() {
            self.with_subscription(subscription, |s, layer| s.leave(now, layer));
        }
        if let Some(registration) = self.registrations.get_mut(&id) {
            registration.unregister(now, &mut self.layer);
        }
        self.drop_done(id);
    }

    /// Sends a message outside any call (RFC 3428); `Event::MessageSent` tells what became of it.
    pub fn message(&mut self, now: Instant, config: MessageConfig) -> Result<MessageId, SendError> {
        self.send_alone(now, Method::MESSAGE, config)
    }

    /// Tells an account how many messages wait for it without having been asked, as servers do whose customers do not
    /// subscribe (RFC 3842 with the state `terminated`, for no subscription stands behind it). `Event::MessageSent`
    /// tells what became of it; `config.body` is not looked at.
    pub fn notify_waiting(
        &mut self,
        now: Instant,
        summary: &Summary,
        mut config: MessageConfig,
    ) -> Result<MessageId, SendError> {
        config.body = summary.to_body();
        config.headers.push(wire::headers::header("Event", message_waiting::PACKAGE));
        config.headers.push(wire::headers::header("Subscription-State", "terminated"));
        self.send_alone(now, Method::NOTIFY, config)
    }

    fn send_alone(
        &mut self,
        now: Instant,
        method: Method,
        config: MessageConfig,
    ) -> Result<MessageId, SendError> {
        if self.messages.len() >= MAX_MESSAGES {
            return Err(SendError::TooMany);
        }
        let id = MessageId(self.layer.fresh_id());
        let outgoing = Outgoing::send(id, now, method, config, &mut self.layer)?;
        self.messages.insert(id, outgoing);
        Ok(id)
    }

    /// Subscribes to events and keeps doing so until [`Self::unsubscribe`] (RFC 6665).
    pub fn subscribe(
        &mut self,
        now: Instant,
        config: SubscriptionConfig,
    ) -> Result<SubscriptionId, SendError> {
        if self.subscriptions.len() >= MAX_SUBSCRIPTIONS {
            return Err(SendError::TooMany);
        }
        let id = SubscriptionId(self.layer.fresh_id());
        let subscription = Subscription::begin(id, now, config, &mut self.layer)?;
        self.subscriptions.insert(id, subscription);
        Ok(id)
    }

    /// Ends a subscription; `Ended` follows.
    pub fn unsubscribe(&mut self, now: Instant, id: SubscriptionId) -> Result<(), SendError> {
        if !self.subscriptions.contains_key(&id) {
            return Err(SendError::UnknownSubscription);
        }
        self.with_subscription(id, |s, layer| s.leave(now, layer));
        Ok(())
    }

    pub(super) fn with_subscription(
        &mut self,
        id: SubscriptionId,
        act: impl FnOnce(&mut Subscription, &mut Layer),
    ) {
        let Some(subscription) = self.subscriptions.get_mut(&id) else { return };
        act(subscription, &mut self.layer);
        if subscription.is_ended() {
            self.subscriptions.remove(&id);
        }
    }

    pub(super) fn find_subscription(&self, headers: &Headers) -> Option<SubscriptionId> {
        self.subscriptions.iter().find(|(_, s)| s.is_named_by(headers)).map(|(id, _)| *id)
    }

    /// What became of a MESSAGE.
    pub(super) fn on_message_fate(&mut self, now: Instant, id: MessageId, client: ClientId, fate: Fate) {
        let Some(outgoing) = self.messages.get_mut(&id) else { return };
        if outgoing.on_fate(now, client, fate, &mut self.layer) {
            self.messages.remove(&id);
        }
    }

    /// A MESSAGE for us (RFC 3428 7).
    pub(super) fn on_text(&mut self, now: Instant, server: ServerId, request: &Request, source: Source) {
        let Some(body) = Body::of(request) else {
            uas::refuse_body(now, server, Refused::Encoding, &mut self.layer);
            return;
        };
        let (Ok(from), Ok(to)) = (request.headers.from_address(), request.headers.to_address()) else {
            return;
        };
        let account = self.called_account(&request.uri.user().unwrap_or_default(), to.uri.user(), source);
        let id = RequestId(server.0);
        self.layer.around.event(Event::MessageReceived { id, account, from, to, body, source });
    }

    /// A NOTIFY: for a subscription of ours, else unasked about waiting messages, which the account's own server alone
    /// may tell. `false`: neither.
    pub(super) fn on_notify(
        &mut self,
        now: Instant,
        server: ServerId,
        request: &Request,
        source: Source,
    ) -> bool {
        if let Some(id) = self.find_subscription(&request.headers) {
            self.with_subscription(id, |s, layer| s.on_notify(now, server, request, layer));
            return true;
        }
        let package = request.headers.view::<wire::Event>().ok().flatten();
        let account = self.called_account(
            &request.uri.user().unwrap_or_default(),
            request.headers.to_address().ok().and_then(|to| to.uri.user()),
            source,
        );
        let own = account
            .filter(|id| self.layer.around.accounts.get(id).is_some_and(|a| a.server.is_at(source.remote)));
        match (own, package) {
            (Some(account), Some(package)) if package.package == message_waiting::PACKAGE => {
                self.layer.reply(now, server, 200);
                if let Some(summary) = Summary::of(request) {
                    self.layer.around.event(Event::MessageWaiting { account, summary });
                }
                true
            }
            _ => false,
        }
    }

    pub(super) fn drop_done(&mut self, id: RegistrationId) {
        if self.registrations.get(&id).is_some_and(Registration::is_done) {
            self.registrations.remove(&id);
        }
    }

    /// The account an INVITE is for: the one whose Contact it names; else, for servers that write the called number
    /// there, and for a binding an earlier run has left, an account of the server it comes from.
    pub(super) fn called_account(
        &self,
        contact_user: &str,
        to: Option<String>,
        source: Source,
    ) -> Option<RegistrationId> {
        let accounts = &self.layer.around.accounts;
        let by_contact = accounts.iter().find(|(_, a)| a.contact_user == contact_user);
        let served = || accounts.iter().filter(|(_, a)| a.server.is_at(source.remote));
        let by_name = || served().find(|(_, a)| to.is_some() && a.identity.uri.user() == to);
        by_contact.or_else(by_name).or_else(|| served().next()).map(|(id, _)| *id)
    }
}
