//! How calls begin: a customer's INVITE, a service that answers it, the customer who is rung, the provider's own calls.

use std::time::{Duration, Instant};

use tern_sip::{
    CallConfig, CallId, Identity, NextHop, Reply,
    wire::{Address, HeaderAccess, Host, Request, SipUri, Uri, headers::header, sdp::SessionDescription},
};

use super::{
    Deed, SessionId, Switch, agree,
    route::{self, Refused, Route, Service},
    session::{Branch, Callee, Caller, Cause, Progress, Session, Sound},
};
use crate::{
    DOMAIN,
    call_log::FinishedCall,
    gate::Asker,
    media::{description, relay::Relay},
    model::{AccountId, Direction, Outcome},
    registrar::Binding,
    services::{self, announcement::Announcement, echo::Echo},
    store::numbers,
};

/// Where and how a customer is rung.
#[derive(Debug)]
pub(super) struct Places<'a> {
    pub(super) contacts: &'a [Binding],
    /// The number they are reached on.
    pub(super) number: &'a str,
    /// Who calls.
    pub(super) from: &'a str,
    pub(super) display: Option<&'a str>,
    pub(super) ring_for: Duration,
}

impl Switch {
    pub(super) fn on_invite(
        &mut self,
        now: Instant,
        leg: CallId,
        request: &Request,
        offer: Option<SessionDescription>,
    ) {
        let account = match self.authenticate(now, Asker::Proxy, request) {
            Ok(account) => account,
            Err(refused) => {
                self.refuse_leg(now, leg, refused);
                return;
            }
        };
        if route::claimed_user(request).is_none_or(|user| user != account.sip_user) {
            self.refuse_leg(now, leg, Reply::new(403).reason("Not your address"));
            return;
        }
        let own = self.operator.read(|c| numbers::of_account(c, account.id)).unwrap_or_default();
        let from = route::calling_number(&own).unwrap_or_else(|| account.sip_user.clone());
        let dialled = route::dialled(request, &from);
        let caller = Caller {
            leg,
            account: account.id,
            sip_call_id: request.headers.call_id().unwrap_or_default().to_owned(),
            number: dialled.from,
            peer: dialled.peer.clone(),
            sent: None,
            direction: Direction::Outgoing,
            joined: None,
        };
        match route::route(&self.operator, account.id, &dialled.peer) {
            Ok(Route::Service(service)) => self.serve(now, caller, service, offer.as_ref()),
            Ok(Route::Customer { account, number }) => {
                self.connect(now, caller, account.id, number, offer);
            }
            Ok(Route::Refused(refused)) => self.refuse_caller(now, caller, refused),
            Err(error) => {
                tracing::error!(%error, "a call cannot be routed");
                self.refuse_leg(now, leg, Reply::new(500));
            }
        }
    }

    fn refuse_leg(&mut self, now: Instant, leg: CallId, reply: Reply) {
        if let Err(error) = self.endpoint.reject(now, leg, reply) {
            tracing::debug!(%error, "the caller was gone before it was refused");
        }
    }

    fn refuse_caller(&mut self, now: Instant, caller: Caller, refused: Refused) {
        let (code, phrase) = refused.status();
        // RFC 3261 section 20.43: 399 is a warning in words.
        let warning = format!("399 {DOMAIN} \"{phrase}\"");
        self.refuse_leg(now, caller.leg, Reply::new(code).reason(phrase).header("Warning", warning));
        self.deeds.push(Deed::Record(FinishedCall {
            account: caller.account,
            sip_call_id: Some(caller.sip_call_id),
            direction: Direction::Outgoing,
            number: caller.number,
            peer: caller.peer,
            started_at: self.operator.now(),
            talked: None,
            outcome: match refused {
                Refused::NotWorking => Outcome::Unanswered,
                _ => Outcome::Failed,
            },
        }));
    }

    fn new_session(&mut self) -> SessionId {
        self.next_session = self.next_session.wrapping_add(1);
        SessionId(self.next_session)
    }

    /// A service answers.
    fn serve(
        &mut self,
        now: Instant,
        mut caller: Caller,
        service: Service,
        offer: Option<&SessionDescription>,
    ) {
        let id = self.new_session();
        let (ip, news, silence) = (self.media_ip, self.news.clone(), self.operator.settings.media_silence);
        let started = match service {
            Service::Echo => Echo::start(ip, id, silence, news).map(|e| (e.address, Sound::Echo(e))),
            Service::CallMe => Announcement::start(ip, id, news).map(|a| (a.address, Sound::Announcement(a))),
        };
        let Ok((address, mut sound)) = started else {
            self.refuse_leg(now, caller.leg, Reply::new(503));
            return;
        };
        let answer = match offer {
            // RFC 3261 section 13.2.1: no offer in the INVITE, so ours in the answer.
            None => services::offer(address),
            Some(offer) => match services::answer(offer, address, 1) {
                Ok((answer, agreed)) => {
                    agree(&mut sound, &agreed);
                    answer
                }
                Err(_) => {
                    self.refuse_leg(now, caller.leg, Reply::new(488));
                    return;
                }
            },
        };
        let leg = caller.leg;
        caller.sent = Some(answer.clone());
        let session = Session {
            caller: Some(caller),
            callee: None,
            sound,
            begun: self.operator.now(),
            progress: Progress::Talking { since: now },
            then_call_back: service == Service::CallMe,
            transfer: None,
        };
        self.legs.insert(leg, id);
        self.sessions.insert(id, session);
        if self.endpoint.accept(now, leg, answer).is_err() {
            self.finish(now, id, Cause::Ended);
        }
    }

    /// A customer calls a customer.
    fn connect(
        &mut self,
        now: Instant,
        mut caller: Caller,
        account: AccountId,
        number: String,
        offer: Option<SessionDescription>,
    ) {
        let contacts = self.registrar.contacts(now, account);
        let id = self.new_session();
        let silence = self.operator.settings.media_silence;
        let Ok(relay) = Relay::start(self.media_ip, id, silence, self.news.clone()) else {
            self.refuse_leg(now, caller.leg, Reply::new(503));
            return;
        };
        relay.set_caller(offer.as_ref().and_then(description::audio_address));
        let offer = match offer {
            Some(offer) => description::redirected(&offer, relay.for_callee),
            // What is answered to this becomes the offer to the caller.
            None => services::offer(relay.for_callee),
        };
        let (from, ring_for) = (caller.number.clone(), self.operator.settings.ring_for);
        let (leg, peer) = (caller.leg, caller.number.clone());
        caller.sent = None;
        let session = Session {
            caller: Some(caller),
            callee: Some(Callee {
                account,
                number,
                peer,
                offer,
                branches: Vec::new(),
                answered_by: None,
                first_call_id: None,
                joined: None,
            }),
            sound: Sound::Relay(relay),
            begun: self.operator.now(),
            progress: Progress::Ringing,
            then_call_back: false,
            transfer: None,
        };
        self.legs.insert(leg, id);
        self.sessions.insert(id, session);
        if !self.ring(now, id, &contacts, &from, None, ring_for) {
            self.finish(now, id, Cause::Refused(480));
        }
    }

    /// The provider calls a customer, who hears themselves; answers whether anything rings.
    pub(super) fn call_as_provider(
        &mut self,
        now: Instant,
        account: AccountId,
        number: String,
        display: Option<&str>,
        from: &str,
        ring_for: Duration,
    ) -> bool {
        let contacts = self.registrar.contacts(now, account);
        let id = self.new_session();
        let silence = self.operator.settings.media_silence;
        let echo = match Echo::start(self.media_ip, id, silence, self.news.clone()) {
            Ok(echo) => echo,
            Err(error) => {
                tracing::error!(%error, "no port for a call");
                return false;
            }
        };
        let session = Session {
            caller: None,
            callee: Some(Callee {
                account,
                number,
                peer: from.to_owned(),
                offer: services::offer(echo.address),
                branches: Vec::new(),
                answered_by: None,
                first_call_id: None,
                joined: None,
            }),
            sound: Sound::Echo(echo),
            begun: self.operator.now(),
            progress: Progress::Ringing,
            then_call_back: false,
            transfer: None,
        };
        self.sessions.insert(id, session);
        let rings = self.ring(now, id, &contacts, from, display, ring_for);
        if !rings {
            self.finish(now, id, Cause::Refused(480));
        }
        rings
    }

    pub(super) fn call_back(&mut self, now: Instant, account: AccountId) {
        let own = self.operator.read(|c| numbers::of_account(c, account)).unwrap_or_default();
        let Some(number) = route::calling_number(&own) else { return };
        let ring_for = self.operator.settings.call_me_rings;
        self.call_as_provider(now, account, number, Some("Echo service"), "echo", ring_for);
    }

    /// Calls a customer at every contact; `false` when none could be.
    fn ring(
        &mut self,
        now: Instant,
        id: SessionId,
        contacts: &[Binding],
        from: &str,
        display: Option<&str>,
        ring_for: Duration,
    ) -> bool {
        let callee = self.sessions.get(&id).and_then(|s| s.callee.as_ref());
        let Some((offer, number)) = callee.map(|c| (c.offer.clone(), c.number.clone())) else {
            return false;
        };
        let places = Places { contacts, number: &number, from, display, ring_for };
        let branches = self.place(now, id, &places, &offer);
        let Some(callee) = self.sessions.get_mut(&id).and_then(|s| s.callee.as_mut()) else { return false };
        callee.first_call_id = branches.first().map(|b| b.sip_call_id.clone());
        callee.branches = branches;
        !callee.branches.is_empty()
    }

    /// A leg for every place that can be called.
    pub(super) fn place(
        &mut self,
        now: Instant,
        id: SessionId,
        places: &Places<'_>,
        offer: &SessionDescription,
    ) -> Vec<Branch> {
        // RFC 7315 section 4.2: a customer with several numbers is told which of them was called.
        let called = header("P-Called-Party-ID", format!("<sip:{}@{DOMAIN}>", places.number));
        let from = Uri::Sip(SipUri::new(Some(places.from), Host::Name(DOMAIN.into()), None));
        let mut branches = Vec::new();
        for binding in places.contacts {
            let config = CallConfig {
                next_hop: Some(NextHop::udp(binding.source)),
                ring_timeout: places.ring_for,
                headers: vec![called.clone()],
                ..CallConfig::new(
                    Identity::Plain {
                        from: Address::named(places.display.map(Into::into), from.clone()),
                        login: None,
                    },
                    binding.contact.clone(),
                    offer.clone(),
                )
            };
            let leg = match self.endpoint.call(now, config) {
                Ok(leg) => leg,
                Err(error) => {
                    tracing::warn!(%error, "a contact cannot be called");
                    continue;
                }
            };
            let sip_call_id = self.endpoint.call_header_id(leg).unwrap_or_default().to_owned();
            self.legs.insert(leg, id);
            branches.push(Branch { leg, sip_call_id, answer: None });
        }
        branches
    }
}
