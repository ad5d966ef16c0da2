//! Commands about calls, and the messages that start, cancel or find one.

use super::Endpoint;
use super::transfers::Line;
use crate::answer_mode::AnswerMode;
use crate::config::{CallConfig, Identity, Reply};
use crate::credentials::Credentials;
use crate::event::Event;
use crate::identity::{Called, CallerIdentity, Own, Sender};
use crate::ids::CallId;
use crate::invite::{self, Call};
use crate::layer::Layer;
use crate::surroundings::{CallTimer, TimerKey};
use crate::target;
use crate::transaction::ServerId;
use crate::transport::Source;
use crate::uas;
use crate::wire::sdp::SessionDescription;
use crate::wire::{HeaderAccess as _, Headers, Request, Response, headers};
use std::time::Instant;

/// Why a call could not be placed or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// [`EndpointConfig::max_calls`](crate::EndpointConfig::max_calls) are alive.
    #[error("too many calls")]
    TooManyCalls,
    /// No registration of that id.
    #[error("unknown account")]
    UnknownAccount,
    /// No call of that id, or it is over.
    #[error("unknown call")]
    UnknownCall,
    /// The call is in no state for this.
    #[error("not possible in this state of the call")]
    WrongState,
    /// Neither the target nor a next hop says where to send.
    #[error("no way to the target")]
    NoRoute,
}

impl Endpoint {
    /// Places a call.
    pub fn call(&mut self, now: Instant, config: CallConfig) -> Result<CallId, CallError> {
        if self.is_full() {
            return Err(CallError::TooManyCalls);
        }
        let mut line = Line { account: None, fixed_hop: config.next_hop.clone() };
        // The server whose business it is who calls: the account's own, or one the application names.
        let (from, hop, routes, contact_user, credentials, trusted) = match config.identity {
            Identity::Account(id) => {
                let account = self.layer.around.accounts.get(&id).ok_or(CallError::UnknownAccount)?;
                line.account = Some(id);
                let (hop, routes) = match config.next_hop {
                    Some(hop) => (hop, Vec::new()),
                    None => {
                        (account.hop_to(&config.target).ok_or(CallError::NoRoute)?, account.routes.clone())
                    }
                };
                let trusted = account.server.is_hop(&hop);
                let credentials = Some(Credentials::of_account(id));
                (account.identity.clone(), hop, routes, account.contact_user.clone(), credentials, trusted)
            }
            Identity::Plain { from, login } => {
                let user = from.uri.user().unwrap_or_else(|| "anonymous".into());
                let direct = || target::first_hop(&config.target, &[]);
                let trusted = config.next_hop.is_some();
                let hop = config.next_hop.or_else(direct).ok_or(CallError::NoRoute)?;
                let credentials = login.map(|login| Credentials::of_login(login, hop.clone()));
                (from, hop, Vec::new(), user, credentials, trusted)
            }
        };
        let shown = config.show.apply(from, trusted);
        let tied = [
            config.replaces.map(|r| headers::header("Replaces", r.to_string())),
            config.referred_by.map(|by| headers::header("Referred-By", by.to_string())),
        ];
        let id = CallId(self.layer.fresh_id());
        let plan = invite::Plan {
            from: shown.from,
            target: config.target,
            hop,
            contact_user,
            routes,
            credentials,
            offer: config.offer,
            headers: shown
                .headers
                .into_iter()
                .chain(tied.into_iter().flatten())
                .chain(config.headers)
                .collect(),
            ring_timeout: config.ring_timeout,
            reliability: config.reliable_provisionals,
            session_timer: config.session_timer,
        };
        let call = Call::place(id, now, plan, &mut self.layer);
        self.keep(call);
        self.tie_line(id, line);
        Ok(id)
    }

    /// Tells the caller that it rings here (180).
    pub fn ring(&mut self, now: Instant, call: CallId) -> Result<(), CallError> {
        self.progress(now, call, Reply::new(180))
    }

    /// Sends a provisional response of the application's making: 180, 182, 183 with early media ...
    pub fn progress(&mut self, now: Instant, call: CallId, reply: Reply) -> Result<(), CallError> {
        if !(101..200).contains(&reply.code) {
            return Err(CallError::WrongState);
        }
        self.command(call, |call, layer| call.progress(now, &reply, layer))
    }

    /// Takes an incoming call, and ends the one whose place it takes (RFC 3891 3). `sdp` is the answer, or our offer when the INVITE had none.
    pub fn accept(&mut self, now: Instant, call: CallId, sdp: SessionDescription) -> Result<(), CallError> {
        self.command(call, |call, layer| call.accept(now, &sdp, layer))?;
        self.replace(now, call);
        Ok(())
    }

    /// Refuses an incoming call with any final code from 300 on.
    pub fn reject(&mut self, now: Instant, call: CallId, reply: Reply) -> Result<(), CallError> {
        if !(300..700).contains(&reply.code) {
            return Err(CallError::WrongState);
        }
        self.command(call, |call, layer| {
            let ringing = call.is_incoming();
            call.reject(now, &reply, layer);
            ringing
        })
    }

    /// Ends a call in whatever state it is: CANCEL, BYE, or 603 for one that still rings here. `Ended` follows, for a
    /// cancelled call when the other side has confirmed it.
    pub fn hang_up(&mut self, now: Instant, call: CallId) -> Result<(), CallError> {
        self.command(call, |call, layer| {
            call.hang_up(now, layer);
            true
        })?;
        self.settle(now);
        Ok(())
    }

    /// The Call-ID a call has in SIP: the provider's log and a trace name it.
    pub fn call_header_id(&self, call: CallId) -> Option<&str> {
        self.calls.get(&call).map(|call| call.key().0.as_str())
    }

    /// Offers a changed session: hold, resume, another address. By UPDATE before the call is answered, where the other
    /// side knows it, else by re-INVITE as soon as it can be; again by itself where two offers meet. It takes the place
    /// of an offer that still waits. `OfferAnswered` tells the outcome. The origin line is the endpoint's to keep: its
    /// version grows with every change (RFC 3264 8).
    pub fn offer(&mut self, now: Instant, call: CallId, sdp: SessionDescription) -> Result<(), CallError> {
        self.command(call, |call, layer| call.offer(now, sdp, layer))
    }

    /// Answers [`Event::Reoffer`] with a description.
    pub fn answer_reoffer(
        &mut self,
        now: Instant,
        call: CallId,
        sdp: SessionDescription,
    ) -> Result<(), CallError> {
        self.command(call, |call, layer| call.answer_reoffer(now, &sdp, layer))
    }

    /// Refuses [`Event::Reoffer`]; the session goes on as it was (RFC 3261 14.2).
    pub fn reject_reoffer(&mut self, now: Instant, call: CallId, reply: Reply) -> Result<(), CallError> {
        if !(300..700).contains(&reply.code) {
            return Err(CallError::WrongState);
        }
        self.command(call, |call, layer| call.reject_reoffer(now, &reply, layer))
    }

    pub(super) fn on_invite(&mut self, now: Instant, server: ServerId, request: Request, source: Source) {
        let replaces = match self.replaced_by(&request) {
            Ok(replaces) => replaces,
            Err(code) => return self.layer.reply(now, server, code),
        };
        // One that takes the place of another needs no line of its own.
        if replaces.is_none() && self.is_full() {
            self.layer.reply(now, server, 486);
            return;
        }
        if invite::lacks_reliability(&request, &self.layer.around.config) {
            invite::require_reliability(now, server, &mut self.layer);
            return;
        }
        if invite::is_too_brief(&request, &self.layer.around.config) {
            invite::refuse_brief(now, server, &mut self.layer);
            return;
        }
        let offer = match invite::read_offer(&request) {
            Ok(offer) => offer,
            Err(refused) => {
                uas::refuse_body(now, server, refused, &mut self.layer);
                return;
            }
        };
        let (Ok(from), Ok(to)) = (request.headers.from_address(), request.headers.to_address()) else {
            return;
        };
        let contact_user = request.uri.user().unwrap_or_else(|| self.layer.around.random.contact_user());
        let account = self.called_account(&contact_user, to.uri.user(), source);
        let own = account.and_then(|id| self.layer.around.accounts.get(&id));
        let served = own.is_some_and(|a| a.server.is_at(source.remote));
        let sender = if served { Sender::OwnServer } else { Sender::Anybody };
        let own = own.map(|a| Own { contact_user: &a.contact_user, aor: &a.identity.uri });
        let Called { numbers, diverted_by } = Called::of(&request, &to, sender, own);
        let mut numbers = numbers.into_iter();
        let called = numbers.next().unwrap_or_else(|| to.uri.clone());
        let credentials = account.map(Credentials::of_account);
        let id = CallId(self.layer.fresh_id());
        let call = Call::incoming(
            id,
            now,
            server,
            &request,
            offer.clone(),
            contact_user,
            credentials,
            &mut self.layer,
        );
        let Some(call) = call else {
            self.layer.reply(now, server, 400);
            return;
        };
        // RFC 3261 17.2.1: a person takes longer than 200 ms.
        self.layer.reply(now, server, 100);
        self.keep(call);
        self.tie_line(id, Line { account, fixed_hop: None });
        self.tie_replaced(id, replaces);
        let event = Event::IncomingCall {
            call: id,
            who: CallerIdentity::of(&request, &from, sender),
            called,
            also_called: numbers.collect(),
            diverted_by,
            answer_mode: AnswerMode::of(&request),
            replaces,
            request: Box::new(request),
            from,
            to,
            offer,
            source,
            account,
        };
        self.layer.around.event(event);
    }

    /// RFC 3261 9.2.
    pub(super) fn on_cancel(&mut self, now: Instant, server: ServerId, cancel: &Request) {
        let Some(invite) = self.layer.cancelled(cancel) else {
            self.layer.reply(now, server, 481);
            return;
        };
        // The same To tag as in the INVITE's own responses.
        let tag = self.layer.server(invite).map(|s| s.local_tag.clone());
        let mut response = Response::to(cancel, 200, tag.as_deref());
        response.headers.add("Server", self.layer.around.config.user_agent.clone());
        self.layer.respond(now, server, response);
        let call = self.calls.values().find(|c| c.ponders(invite)).map(|c| c.id);
        if let Some(id) = call {
            self.with_call(id, |call, layer| call.cancelled(now, cancel, layer));
        }
    }

    pub(super) fn keep(&mut self, call: Call) {
        self.dialogs.insert(call.key().clone(), call.id);
        self.calls.insert(call.id, call);
    }

    pub(super) fn with_call(&mut self, id: CallId, act: impl FnOnce(&mut Call, &mut Layer)) {
        if let Some(call) = self.calls.get_mut(&id) {
            act(call, &mut self.layer);
        }
        self.reap(id);
    }

    pub(super) fn command(
        &mut self,
        id: CallId,
        act: impl FnOnce(&mut Call, &mut Layer) -> bool,
    ) -> Result<(), CallError> {
        let call = self.calls.get_mut(&id).filter(|c| !c.is_ended()).ok_or(CallError::UnknownCall)?;
        let done = act(call, &mut self.layer);
        self.reap(id);
        if done { Ok(()) } else { Err(CallError::WrongState) }
    }

    /// Removes a call that is over and has nothing under way.
    pub(super) fn reap(&mut self, id: CallId) {
        if let Some(call) = self.calls.get_mut(&id).filter(|c| c.is_ended() && !self.layer.works_for(id)) {
            call.abandon_refer(&mut self.layer);
            call.abandon_notify(&mut self.layer);
        }
        let over = |call: &Call| call.is_ended() && !call.usages.outlive_session();
        let over = self.calls.get(&id).is_some_and(over) && !self.layer.works_for(id);
        if over && let Some(call) = self.calls.remove(&id) {
            self.dialogs.remove(call.key());
            for timer in [CallTimer::TransferAsked, CallTimer::TransferNews] {
                self.layer.around.timers.cancel(TimerKey::Call(id, timer));
            }
            self.untie(id);
            self.layer.forget(id);
        }
    }

    pub(super) fn is_full(&self) -> bool {
        let limit = self.layer.around.config.max_calls;
        self.calls.values().filter(|c| !c.is_ended()).count() >= limit
    }

    pub(super) fn find_by_to(&self, request: &Request) -> Option<CallId> {
        let tag = request.headers.to_address().ok()?.tag()?;
        self.find(&request.headers, tag)
    }

    pub(super) fn find(&self, headers: &Headers, local_tag: String) -> Option<CallId> {
        let call_id = headers.call_id().ok()?.to_owned();
        self.dialogs.get(&(call_id, local_tag)).copied()
    }
}
