//! Subscriptions of ours (RFC 6665): SUBSCRIBE in a dialog of its own, its refreshes, and the NOTIFYs that come back.
//!
//! Invariant: the dialog begins with the first NOTIFY, not with the 2xx (RFC 6665 4.1.2.4), and [`Stage`] alone says
//! where the subscription stands; whatever it waits for has a timer. What the server says about the state is read in
//! `state`. The implicit subscription of a REFER lives in its call's dialog and is none of this.

mod state;

use crate::authentication::Attempt;
use crate::config::{Identity, NextHop, RetryTimes};
use crate::dialog::{Dialog, Order};
use crate::event::Event;
use crate::ids::{RegistrationId, SubscriptionId};
use crate::layer::{Draft, Fate, Layer, Owner};
use crate::message::Body;
use crate::message_waiting::{self, Summary};
use crate::origin::{Origin, SendError, count_up};
use crate::registration::{Others, retry_wait};
use crate::surroundings::{LONGEST_WAIT, SubscriptionTimer, TimerKey};
use crate::target;
use crate::transaction::{ClientId, ServerId};
use crate::wire::{
    ContentType, Header, HeaderAccess as _, Headers, Method, Request, Response, SubscriptionState as Told,
    headers,
};
use crate::wire::{Event as Package, Uri};
use state::{After, Standing};
pub use state::{SubscriptionEnd, SubscriptionState};
use std::time::{Duration, Instant};

/// Subscriptions alive at a time.
pub(crate) const MAX_SUBSCRIPTIONS: usize = 64;
/// One that ended sooner is not begun anew at once, whatever the server says.
const SHORTEST_LIFE: Duration = Duration::from_secs(30);

/// Something to be kept informed of.
#[derive(Debug, Clone)]
pub struct SubscriptionConfig {
    /// Who subscribes.
    pub identity: Identity,
    /// To whose events.
    pub target: Uri,
    /// First hop; `None` takes the account's proxy, else the target's own host.
    pub next_hop: Option<NextHop>,
    /// The event package, such as `presence`.
    pub package: String,
    /// Types of bodies that are understood; none: the package's own default.
    pub accept: Vec<String>,
    /// How long it is asked for; it is refreshed until `unsubscribe`. Zero fetches the state once (RFC 6665 4.4.3).
    pub expires: Duration,
    /// Headers to add.
    pub headers: Vec<Header>,
}

#[derive(Debug)]
pub(crate) struct Subscription {
    id: SubscriptionId,
    account: Option<RegistrationId>,
    target: Uri,
    package: Package,
    accept: Vec<String>,
    headers: Vec<Header>,
    origin: Origin,
    /// The SUBSCRIBE outside a dialog, to be sent again with credentials.
    request: Request,
    dialog: Option<Dialog>,
    stage: Stage,
    wish: Wish,
    asked: Duration,
    /// What the last SUBSCRIBE asked for; zero: the end.
    sent: Duration,
    attempt: Attempt,
    began: Instant,
    failures: u32,
    told: Option<SubscriptionState>,
}

/// Where a subscription stands.
#[derive(Debug)]
enum Stage {
    /// SUBSCRIBE is under way.
    Asking { client: ClientId, heard: Heard },
    /// SUBSCRIBE was accepted and its NOTIFY is not there yet (timer N).
    Awaiting,
    /// It stands; the timer runs to the refresh.
    Standing,
    /// It does not stand; the timer runs to the next try.
    Waiting,
    /// Over.
    Ended,
}

/// Whether a NOTIFY has come since the SUBSCRIBE went out; it may overtake the 2xx.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Nothing,
    Notify,
}

/// What the application wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Keep,
    /// One NOTIFY and no more.
    Fetch,
    /// To be rid of it.
    Leave,
}

impl SubscriptionConfig {
    /// A subscription for an hour.
    pub fn new(identity: Identity, target: Uri, package: &str) -> SubscriptionConfig {
        SubscriptionConfig {
            identity,
            target,
            next_hop: None,
            package: package.to_owned(),
            accept: Vec::new(),
            expires: Duration::from_secs(3600),
            headers: Vec::new(),
        }
    }

    /// The messages waiting for an account (RFC 3842), told by `Event::MessageWaiting`.
    pub fn message_waiting(account: RegistrationId, mailbox: Uri) -> SubscriptionConfig {
        SubscriptionConfig {
            accept: vec![message_waiting::CONTENT_TYPE.to_owned()],
            ..SubscriptionConfig::new(Identity::Account(account), mailbox, message_waiting::PACKAGE)
        }
    }
}

impl Subscription {
    pub(crate) fn begin(
        id: SubscriptionId,
        now: Instant,
        config: SubscriptionConfig,
        layer: &mut Layer,
    ) -> Result<Subscription, SendError> {
        let account = match &config.identity {
            Identity::Account(id) => Some(*id),
            Identity::Plain { .. } => None,
        };
        let origin = Origin::of(config.identity, &config.target, config.next_hop, layer)?;
        let request = origin.request(Method::SUBSCRIBE, config.target.clone(), &mut layer.around.random);
        let mut subscription = Subscription {
            id,
            account,
            target: config.target,
            package: Package::new(&config.package),
            accept: config.accept,
            headers: config.headers,
            origin,
            request,
            dialog: None,
            stage: Stage::Ended,
            wish: if config.expires.is_zero() { Wish::Fetch } else { Wish::Keep },
            asked: config.expires.min(LONGEST_WAIT),
            sent: Duration::ZERO,
            attempt: Attempt::default(),
            began: now,
            failures: 0,
            told: None,
        };
        subscription.start(now, layer);
        Ok(subscription)
    }

    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended)
    }

    pub(crate) fn is_of(&self, account: RegistrationId) -> bool {
        self.account == Some(account)
    }

    /// Whether a NOTIFY names our Call-ID and tag.
    pub(crate) fn is_named_by(&self, headers: &Headers) -> bool {
        let tag = headers.to_address().ok().and_then(|to| to.tag());
        headers.call_id().ok() == self.request.headers.call_id().ok() && tag.is_some() && tag == self.tag()
    }

    /// Ends it: a refresh with Expires 0 (RFC 6665 4.1.2.3), and the last NOTIFY is awaited.
    pub(crate) fn leave(&mut self, now: Instant, layer: &mut Layer) {
        if self.wish == Wish::Leave || self.is_ended() {
            return;
        }
        self.wish = Wish::Leave;
        match self.stage {
            Stage::Standing => self.refresh(now, layer),
            Stage::Waiting => self.end(SubscriptionEnd::Left, layer),
            // The answer decides.
            Stage::Asking { .. } | Stage::Awaiting | Stage::Ended => {}
        }
    }

    /// The network is another: the server hears our new Contact, or the request is sent by the new way.
    pub(crate) fn network_changed(&mut self, now: Instant, layer: &mut Layer) {
        match self.stage {
            Stage::Asking { client, .. } if layer.is_on_its_way(client) => {}
            Stage::Asking { client, .. } => {
                layer.abandon(client);
                self.restart(now, layer);
            }
            Stage::Standing => self.refresh(now, layer),
            Stage::Awaiting | Stage::Waiting => self.restart(now, layer),
            Stage::Ended => {}
        }
    }

    pub(crate) fn on_timer(&mut self, now: Instant, timer: SubscriptionTimer, layer: &mut Layer) {
        match (timer, &self.stage) {
            (SubscriptionTimer::Next, Stage::Standing) => self.refresh(now, layer),
            (SubscriptionTimer::Next, Stage::Waiting) => self.restart(now, layer),
            // RFC 6665 4.1.2.4: without a NOTIFY there is no subscription, whatever the 2xx said.
            (SubscriptionTimer::N, Stage::Awaiting) => match self.wish {
                Wish::Leave => self.end(SubscriptionEnd::Left, layer),
                Wish::Keep | Wish::Fetch => self.fail(now, SubscriptionEnd::NoAnswer, None, layer),
            },
            (SubscriptionTimer::Expiry, Stage::Standing | Stage::Asking { .. }) => {
                if let Stage::Asking { client, .. } = self.stage {
                    layer.abandon(client);
                }
                match self.wish {
                    Wish::Keep => self.restart(now, layer),
                    Wish::Fetch | Wish::Leave => self.end(SubscriptionEnd::Left, layer),
                }
            }
            _ => {}
        }
    }

    /// What became of a SUBSCRIBE.
    pub(crate) fn on_fate(&mut self, now: Instant, client: ClientId, fate: Fate, layer: &mut Layer) {
        let heard = match self.stage {
            Stage::Asking { client: current, heard } if current == client => heard,
            _ => return,
        };
        match fate {
            Fate::Response(response) => match response.code() {
                100..=199 => {}
                200..=299 => self.on_accepted(now, client, &response, heard, layer),
                401 | 407 if self.answers(&response, client, layer) => self.ask(now, layer),
                _ => self.on_refused(now, &response, layer),
            },
            // RFC 5057 5.2: the dialog is gone with it.
            Fate::Timeout => self.fail(now, SubscriptionEnd::NoAnswer, None, layer),
            Fate::Unreachable(_) => self.fail(now, SubscriptionEnd::Unreachable, None, layer),
        }
    }

    /// A NOTIFY that names us (RFC 6665 4.1.3).
    pub(crate) fn on_notify(&mut self, now: Instant, server: ServerId, request: &Request, layer: &mut Layer) {
        let headers = &request.headers;
        let remote = headers.from_address().ok().and_then(|from| from.tag());
        match &self.dialog {
            // RFC 6665 4.5.2: the SUBSCRIBE was forked. The first to notify has it, the others are refused.
            Some(dialog) if dialog.remote_tag() != remote => return layer.reply(now, server, 481),
            None if matches!(self.stage, Stage::Waiting | Stage::Ended) => {
                return layer.reply(now, server, 481);
            }
            _ => {}
        }
        let package = headers.view::<Package>();
        if !package.is_ok_and(|event| event.is_some_and(|event| event.matches(&self.package))) {
            return layer.reply(now, server, 489);
        }
        let Ok(Some(told)) = headers.view::<Told>() else { return layer.reply(now, server, 400) };
        if !self.may_be(request) {
            return self.refuse_type(now, server, layer);
        }
        if self.dialog.is_none() {
            let Some(dialog) = self.tag().and_then(|tag| Dialog::of_callee(request, &tag)) else {
                return layer.reply(now, server, 400);
            };
            let local_cseq = self.request.headers.cseq().map(|c| c.number).unwrap_or(1);
            self.dialog = Some(Dialog { local_cseq, ..dialog });
        } else if let Some(dialog) = &mut self.dialog {
            let number = headers.cseq().map(|c| c.number).unwrap_or_default();
            if dialog.note_cseq(number) == Order::OutOfOrder {
                return layer.reply(now, server, 500);
            }
            let contact = headers.addresses("Contact").ok().and_then(|list| list.into_iter().next());
            dialog.refresh_target(contact.as_ref());
        }
        layer.reply(now, server, 200);
        self.content(request, layer);
        self.stands(now, &told, layer);
    }

    /// What the NOTIFY says about the subscription itself.
    fn stands(&mut self, now: Instant, told: &Told, layer: &mut Layer) {
        match state::standing(told) {
            Standing::For { state, left } => {
                let left = left.unwrap_or(self.asked).min(LONGEST_WAIT);
                match (&mut self.stage, self.wish) {
                    // The 2xx is still to come.
                    (Stage::Asking { heard, .. }, _) => *heard = Heard::Notify,
                    (_, Wish::Keep) => self.confirm(layer),
                    (_, Wish::Fetch) => return self.end(SubscriptionEnd::Left, layer),
                    // Its first NOTIFY: now there is a dialog to leave.
                    (_, Wish::Leave) if !self.sent.is_zero() => return self.refresh(now, layer),
                    // The last one is still to come, or timer N.
                    (_, Wish::Leave) => return,
                }
                if self.wish == Wish::Keep {
                    self.schedule(now, left, layer);
                    self.report(state.with(left), layer);
                }
            }
            Standing::Over(after) => self.over(now, after, layer),
        }
    }

    fn over(&mut self, now: Instant, after: After, layer: &mut Layer) {
        if let Stage::Asking { client, .. } = self.stage {
            layer.abandon(client);
        }
        match (self.wish, after) {
            (Wish::Leave | Wish::Fetch, _) => self.end(SubscriptionEnd::Left, layer),
            (Wish::Keep, After::Never(reason)) => self.end(SubscriptionEnd::Terminated(reason), layer),
            (Wish::Keep, After::AtOnce) if now.saturating_duration_since(self.began) >= SHORTEST_LIFE => {
                self.restart(now, layer);
            }
            (Wish::Keep, After::AtOnce) => self.wait(now, None, layer),
            (Wish::Keep, After::Wait(after)) => self.wait(now, after, layer),
        }
    }

    fn on_accepted(
        &mut self,
        now: Instant,
        client: ClientId,
        response: &Response,
        heard: Heard,
        layer: &mut Layer,
    ) {
        if let Some(credentials) = &mut self.origin.credentials {
            credentials.settle(response, client, layer);
        }
        if let Some(dialog) = &mut self.dialog {
            let contact = response.headers.addresses("Contact").ok().and_then(|list| list.into_iter().next());
            dialog.refresh_target(contact.as_ref());
        }
        let granted = response.headers.number("Expires").map(|s| Duration::from_secs(s.into()));
        let granted = granted.unwrap_or(self.asked).min(LONGEST_WAIT);
        match (self.wish, heard) {
            // Left while this was under way: once more, with Expires 0.
            (Wish::Leave, _) if !self.sent.is_zero() && self.dialog.is_some() => self.refresh(now, layer),
            (Wish::Fetch, Heard::Notify) => self.end(SubscriptionEnd::Left, layer),
            (Wish::Keep, Heard::Notify) => self.confirm(layer),
            (Wish::Leave, _) | (_, Heard::Nothing) => {
                self.stage = Stage::Awaiting;
                // RFC 6665 4.1.2.4: timer N. It is set here, for until now the SUBSCRIBE had a timer of its own.
                let life = layer.around.config.timers.transaction_life();
                layer.around.timers.set(self.timer(SubscriptionTimer::N), now + life);
                if self.wish == Wish::Keep {
                    self.schedule(now, granted, layer);
                }
            }
        }
    }

    /// Accepted and notified.
    fn confirm(&mut self, layer: &mut Layer) {
        self.stage = Stage::Standing;
        self.failures = 0;
        layer.around.timers.cancel(self.timer(SubscriptionTimer::N));
    }

    fn on_refused(&mut self, now: Instant, response: &Response, layer: &mut Layer) {
        let code = response.code();
        let after =
            response.headers.number("Retry-After").map(|s| Duration::from_secs(s.into()).min(LONGEST_WAIT));
        let refused = SubscriptionEnd::Refused { code, phrase: response.reason.clone() };
        if self.wish == Wish::Leave {
            return self.end(SubscriptionEnd::Left, layer);
        }
        match code {
            423 => {
                // RFC 6665 4.1.2.1
                let least = response.headers.number("Min-Expires").unwrap_or_default();
                let least = Duration::from_secs(least.into());
                if least > self.asked && least <= LONGEST_WAIT && self.wish == Wish::Keep {
                    self.asked = least;
                    self.ask(now, layer);
                } else {
                    self.fail(now, refused, after, layer);
                }
            }
            // RFC 6665 4.1.2.2: the server has forgotten it; a new one begins.
            404 | 481 if self.dialog.is_some() => self.restart(now, layer),
            // The subscription stands as it was until it expires.
            480 | 500..=599 if self.dialog.is_some() => {
                self.stage = Stage::Standing;
                let wait = after.unwrap_or_else(|| self.back_off(layer));
                layer.around.timers.set(self.timer(SubscriptionTimer::Next), now + wait);
            }
            408 | 480 | 491 | 500..=599 => self.fail(now, refused, after, layer),
            _ if after.is_some() => self.fail(now, refused, after, layer),
            _ => self.end(refused, layer),
        }
    }

    /// A first SUBSCRIBE of a new dialog.
    fn restart(&mut self, now: Instant, layer: &mut Layer) {
        if self.wish == Wish::Leave {
            return self.end(SubscriptionEnd::Left, layer);
        }
        // The account's way may be another by now.
        if let Some(id) = self.account {
            match Origin::of(Identity::Account(id), &self.target, None, layer) {
                Ok(origin) => self.origin = origin,
                Err(_) => return self.end(SubscriptionEnd::Unreachable, layer),
            }
        }
        self.request = self.origin.request(Method::SUBSCRIBE, self.target.clone(), &mut layer.around.random);
        self.start(now, layer);
    }

    fn start(&mut self, now: Instant, layer: &mut Layer) {
        self.dialog = None;
        self.began = now;
        self.cancel_timers(layer);
        self.attempt = Attempt::default();
        self.dispatch(now, self.request.clone(), layer);
    }

    /// The next SUBSCRIBE of the dialog.
    fn refresh(&mut self, now: Instant, layer: &mut Layer) {
        self.attempt = Attempt::default();
        self.ask(now, layer);
    }

    /// The same once more: inside the dialog, else with a higher number.
    fn ask(&mut self, now: Instant, layer: &mut Layer) {
        let request = match &mut self.dialog {
            Some(dialog) => dialog.request(Method::SUBSCRIBE),
            None => {
                count_up(&mut self.request);
                self.request.clone()
            }
        };
        self.dispatch(now, request, layer);
    }

    fn dispatch(&mut self, now: Instant, mut request: Request, layer: &mut Layer) {
        let expires = match self.wish {
            Wish::Keep => self.asked,
            Wish::Fetch | Wish::Leave => Duration::ZERO,
        };
        self.sent = expires;
        request.headers.set_view(&self.package);
        request.headers.set("Expires", expires.as_secs().to_string());
        if !self.accept.is_empty() {
            request.headers.set("Accept", self.accept.join(", "));
        }
        request.headers.set("Allow", layer.around.allow());
        for header in &self.headers {
            request.headers.set(headers::name(header), headers::value(header));
        }
        let hop = match &self.dialog {
            Some(_) => {
                let routes = request.headers.addresses("Route").unwrap_or_default();
                target::first_hop(&request.uri, &routes)
            }
            None => Some(self.origin.hop.clone()),
        };
        let Some(hop) = hop else { return self.end(SubscriptionEnd::Unreachable, layer) };
        if let Some(credentials) = &mut self.origin.credentials {
            credentials.sign(&mut request, &hop, layer);
        }
        let draft = Draft { request, hop, contact_user: Some(self.origin.contact_user.clone()) };
        let client = layer.send(now, draft, Owner::Subscription(self.id));
        self.stage = Stage::Asking { client, heard: Heard::Nothing };
        layer.around.timers.cancel(self.timer(SubscriptionTimer::Next));
        layer.around.timers.cancel(self.timer(SubscriptionTimer::N));
    }

    fn answers(&mut self, response: &Response, client: ClientId, layer: &mut Layer) -> bool {
        let Some(credentials) = &mut self.origin.credentials else { return false };
        credentials.answer(response, client, &mut self.attempt, layer).is_ok()
    }

    /// Refreshed in time for one SUBSCRIBE to fail before it expires.
    fn schedule(&mut self, now: Instant, left: Duration, layer: &mut Layer) {
        layer.around.timers.set(self.timer(SubscriptionTimer::Expiry), now + left);
        if self.wish == Wish::Keep {
            let margin = layer.around.config.timers.transaction_life().saturating_add(Duration::from_secs(8));
            let wait = left.saturating_sub(margin).max(left / 2).max(Duration::from_secs(1));
            layer.around.timers.set(self.timer(SubscriptionTimer::Next), now + wait);
        }
    }

    fn fail(&mut self, now: Instant, why: SubscriptionEnd, after: Option<Duration>, layer: &mut Layer) {
        match self.wish {
            Wish::Keep => self.wait(now, after, layer),
            Wish::Fetch => self.end(why, layer),
            Wish::Leave => self.end(SubscriptionEnd::Left, layer),
        }
    }

    fn wait(&mut self, now: Instant, after: Option<Duration>, layer: &mut Layer) {
        let wait = after.unwrap_or_else(|| self.back_off(layer));
        self.cancel_timers(layer);
        self.dialog = None;
        self.stage = Stage::Waiting;
        layer.around.timers.set(self.timer(SubscriptionTimer::Next), now + wait);
        self.report(SubscriptionState::Waiting { retry_after: wait }, layer);
    }

    fn back_off(&mut self, layer: &mut Layer) -> Duration {
        self.failures = self.failures.saturating_add(1);
        retry_wait(&RetryTimes::default(), Others::Failed, self.failures, &mut layer.around.random)
    }

    fn end(&mut self, why: SubscriptionEnd, layer: &mut Layer) {
        self.cancel_timers(layer);
        self.stage = Stage::Ended;
        self.report(SubscriptionState::Ended(why), layer);
    }

    fn report(&mut self, state: SubscriptionState, layer: &mut Layer) {
        if self.told.as_ref() != Some(&state) {
            self.told = Some(state.clone());
            layer.around.event(Event::Subscription { id: self.id, state });
        }
    }

    /// The body, as an event of its own.
    fn content(&self, request: &Request, layer: &mut Layer) {
        if self.package.package == message_waiting::PACKAGE {
            if let (Some(account), Some(summary)) = (self.account, Summary::of(request)) {
                layer.around.event(Event::MessageWaiting { account, summary });
            }
        } else if !request.body.is_empty()
            && let Some(body) = Body::of(request)
        {
            layer.around.event(Event::Notified { id: self.id, body });
        }
    }

    fn may_be(&self, request: &Request) -> bool {
        if request.body.is_empty() || self.accept.is_empty() {
            return true;
        }
        let content_type = request.headers.view::<ContentType>().ok().flatten();
        content_type.is_some_and(|c| self.accept.iter().any(|accepted| c.is(accepted)))
    }

    fn refuse_type(&self, now: Instant, server: ServerId, layer: &mut Layer) {
        if let Some(mut response) = layer.reply_to(server, 415) {
            response.headers.add("Accept", self.accept.join(", "));
            layer.respond(now, server, response);
        }
    }

    fn tag(&self) -> Option<String> {
        self.request.headers.from_address().ok()?.tag()
    }

    fn cancel_timers(&self, layer: &mut Layer) {
        for timer in [SubscriptionTimer::Next, SubscriptionTimer::N, SubscriptionTimer::Expiry] {
            layer.around.timers.cancel(self.timer(timer));
        }
    }

    fn timer(&self, timer: SubscriptionTimer) -> TimerKey {
        TimerKey::Subscription(self.id, timer)
    }
}
