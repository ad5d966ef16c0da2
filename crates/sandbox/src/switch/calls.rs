//! How calls begin: a customer's INVITE, a service that answers it, the customer who is rung, the provider's own calls.

use std::time::{Duration, Instant};

use rust_decimal::Decimal;
use tern_sip::{
    CallConfig, CallId, Identity, Reply,
    wire::{
        Address, HeaderAccess, Host, Reason, Request, SipUri, Uri, headers::header, sdp::SessionDescription,
    },
};

use super::{
    Deed, SessionId, Switch, agree,
    bridge::Door,
    plan::{Place, Stage},
    route::{self, Called, Calling, Route, Service},
    session::{Branch, Callee, Caller, Cause, Progress, Session, Shown, Sound},
    voice::Program,
};
use crate::{
    DOMAIN,
    call_log::FinishedCall,
    conference, destinations,
    dialling::{self, Refused},
    gate::Asker,
    media::{description, relay::Relay},
    model::{AccountId, Direction, Outcome},
    routing::{RingOrder, Routing},
    services::{
        self,
        announcement::Announcement,
        clips::{Clip, Signal},
        echo::Echo,
    },
    store::{StoreError, numbers, routing},
};

/// Where and how a customer is rung.
#[derive(Debug)]
pub(super) struct Places<'a> {
    pub(super) places: &'a [Place],
    /// The number they are reached on.
    pub(super) number: &'a str,
    /// Who calls.
    pub(super) from: &'a Shown,
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
        let own = self.operator.read(|c| numbers::of_account(c, account.id)).unwrap_or_default();
        let Some(calling) = route::calling(request, &account, &own) else {
            self.refuse_leg(now, leg, Reply::new(403).reason("Not your address"));
            return;
        };
        let peer = route::peer_of(&request.uri);
        let caller = Caller {
            leg,
            account: account.id,
            sip_call_id: request.headers.call_id().unwrap_or_default().to_owned(),
            number: calling.number.clone(),
            peer: peer.clone(),
            offer: None,
            sent: None,
            direction: Direction::Outgoing,
            joined: None,
            minute: Decimal::ZERO,
            charged: None,
        };
        match route::route(&self.operator, account.id, &peer) {
            Ok(Route::Service(service)) => {
                let mut caller = caller;
                if service == Service::Conference(conference::Line::Ordinary) {
                    caller.minute = destinations::minute_price(&peer);
                }
                self.serve(now, caller, service, offer.as_ref());
            }
            Ok(Route::Customer(called)) => {
                let from = self.shown(&calling, &account.sip_user, &peer).unwrap_or(Shown::Anonymous);
                self.connect(now, caller, *called, from, offer);
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
        let sentence = refused.sentence();
        let warning = format!("399 {DOMAIN} \"{sentence}\"");
        // RFC 3326: for whoever shows reasons and not warnings.
        let reason = Reason { protocol: "SIP".into(), cause: Some(code), text: Some(sentence.into()) };
        let reply = Reply::new(code).reason(phrase).header("Warning", warning);
        self.refuse_leg(now, caller.leg, reply.header("Reason", reason.to_string()));
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
            metered: None,
        }));
    }

    /// What the callee sees of who calls: the rented number by the rules of the CallerID service; between SIP accounts
    /// their names.
    fn shown(&self, calling: &Calling, user: &str, peer: &str) -> Result<Shown, StoreError> {
        if calling.withheld {
            return Ok(Shown::Anonymous);
        }
        if !peer.starts_with('+') {
            return Ok(Shown::Number(user.to_owned()));
        }
        let is_shown = self.operator.read(|c| -> Result<bool, StoreError> {
            let Some(number) = numbers::by_e164(c, &calling.number)? else { return Ok(false) };
            Ok(dialling::is_shown(&number, routing::of_number(c, &number.id)?.caller_id, peer))
        })?;
        Ok(if is_shown { Shown::Number(calling.number.clone()) } else { Shown::Anonymous })
    }

    pub(super) fn new_session(&mut self) -> SessionId {
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
        let program = match service {
            Service::Mailbox => {
                let signal = if self.has_messages(caller.account) { Signal::Ask } else { Signal::No };
                Some((self.mailbox(caller.account), Clip::signal(signal)))
            }
            Service::Conference(line) => Some((Program::Door(Door::new(line)), Door::clip())),
            Service::Echo | Service::CallMe => None,
        };
        if let Some((program, clip)) = program {
            let Ok(relay) = Relay::start(ip, id, silence, news) else {
                self.refuse_leg(now, caller.leg, Reply::new(503));
                return;
            };
            relay.set_caller(offer.and_then(description::audio_address));
            caller.offer = offer.cloned();
            let leg = caller.leg;
            let session = Session {
                caller: Some(caller),
                ..Session::ringing(Sound::Relay(relay), self.operator.now())
            };
            self.legs.insert(leg, id);
            self.sessions.insert(id, session);
            if !self.answer_by_studio(now, id, program, clip) {
                self.finish(now, id, Cause::Refused(488));
            }
            return;
        }
        let started = match service {
            Service::Echo => Echo::start(ip, id, silence, news).map(|e| (e.address, Sound::Echo(e))),
            _ => Announcement::start(ip, id, news).map(|a| (a.address, Sound::Announcement(a))),
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
            progress: Progress::Talking { since: self.operator.now() },
            then_call_back: service == Service::CallMe,
            ..Session::ringing(sound, self.operator.now())
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
        called: Called,
        from: Shown,
        offer: Option<SessionDescription>,
    ) {
        let id = self.new_session();
        let silence = self.operator.settings.media_silence;
        let Ok(relay) = Relay::start(self.media_ip, id, silence, self.news.clone()) else {
            self.refuse_leg(now, caller.leg, Reply::new(503));
            return;
        };
        relay.set_caller(offer.as_ref().and_then(description::audio_address));
        let asked = offer.clone();
        let offer = match offer {
            Some(offer) => description::redirected(&offer, relay.for_callee),
            // What is answered to this becomes the offer to the caller.
            None => services::offer(relay.for_callee),
        };
        caller.minute = called.outgoing_minute;
        caller.offer = asked;
        let leg = caller.leg;
        let callee = self.callee(now, called, from, offer);
        let session = Session {
            caller: Some(caller),
            callee: Some(callee),
            ..Session::ringing(Sound::Relay(relay), self.operator.now())
        };
        self.legs.insert(leg, id);
        self.sessions.insert(id, session);
        if !self.answer_by_menu(now, id) && !self.ring_next(now, id, None, None) {
            self.unreached(now, id, 480);
        }
    }

    /// The called side of a session that is about to ring.
    pub(super) fn callee(
        &self,
        now: Instant,
        called: Called,
        from: Shown,
        offer: SessionDescription,
    ) -> Callee {
        Callee {
            later: self.plan(now, &called),
            account: called.account,
            number: called.number,
            peer: from.peer(),
            offer,
            branches: Vec::new(),
            answered_by: None,
            first_call_id: None,
            joined: None,
            minute: called.incoming_minute,
            charged: None,
            from,
            routing: called.routing,
        }
    }

    /// The outside calls a rented number as its owner wants it to ring; whoever answers hears themselves. Answers
    /// whether anything rings.
    pub(super) fn call_number(
        &mut self,
        now: Instant,
        called: Called,
        from: &str,
        ring_for: Duration,
    ) -> bool {
        let from = Shown::Number(from.to_owned());
        self.call_as_provider(now, called, from, None, ring_for)
    }

    /// The provider calls a customer, who hears themselves; answers whether anything rings.
    fn call_as_provider(
        &mut self,
        now: Instant,
        called: Called,
        from: Shown,
        display: Option<&str>,
        ring_for: Duration,
    ) -> bool {
        let id = self.new_session();
        let silence = self.operator.settings.media_silence;
        let echo = match Echo::start(self.media_ip, id, silence, self.news.clone()) {
            Ok(echo) => echo,
            Err(error) => {
                tracing::error!(%error, "no port for a call");
                return false;
            }
        };
        let callee = self.callee(now, called, from, services::offer(echo.address));
        let session =
            Session { callee: Some(callee), ..Session::ringing(Sound::Echo(echo), self.operator.now()) };
        self.sessions.insert(id, session);
        let rings = self.ring_next(now, id, display, Some(ring_for));
        if !rings {
            self.unreached(now, id, 480);
        }
        rings
    }

    pub(super) fn call_back(&mut self, now: Instant, account: AccountId) {
        let own = self.operator.read(|c| numbers::of_account(c, account)).unwrap_or_default();
        let Some(number) = route::calling_number(&own) else { return };
        let called = Called {
            account,
            number,
            routing: Routing::to_own_sip(),
            incoming_minute: Decimal::ZERO,
            outgoing_minute: Decimal::ZERO,
        };
        let ring_for = self.operator.settings.call_me_rings;
        let from = Shown::Number("echo".into());
        self.call_as_provider(now, called, from, Some("Echo service"), ring_for);
    }

    /// Rings the next places of a call's plan; `false` when there are none that can be rung.
    pub(super) fn ring_next(
        &mut self,
        now: Instant,
        id: SessionId,
        display: Option<&str>,
        ring_for: Option<Duration>,
    ) -> bool {
        loop {
            let Some(callee) = self.sessions.get_mut(&id).and_then(|s| s.callee.as_mut()) else {
                return false;
            };
            let Some(stage): Option<Stage> = callee.later.pop_front() else { return false };
            let settings = &self.operator.settings;
            let in_turn = callee.routing.forwarding.order == RingOrder::Sequential
                && callee.routing.forwarding.targets.len() > 1;
            let ring_for =
                ring_for.unwrap_or(if in_turn { settings.target_rings } else { settings.ring_for });
            let (offer, number, from) = (callee.offer.clone(), callee.number.clone(), callee.from.clone());
            let places = Places { places: &stage, number: &number, from: &from, display, ring_for };
            let branches = self.place(now, id, &places, &offer);
            let Some(callee) = self.sessions.get_mut(&id).and_then(|s| s.callee.as_mut()) else {
                return false;
            };
            let own = branches.iter().find(|b| b.phone.is_none());
            callee.first_call_id = callee.first_call_id.take().or(own.map(|b| b.sip_call_id.clone()));
            callee.branches = branches;
            if !callee.branches.is_empty() {
                return true;
            }
        }
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
        let mut headers = vec![called];
        let from = match places.from {
            Shown::Number(number) => {
                let uri = Uri::Sip(SipUri::new(Some(number), Host::Name(DOMAIN.into()), None));
                Address::named(places.display.map(Into::into), uri)
            }
            // RFC 3323 section 4.1.1.3.
            Shown::Anonymous => {
                headers.push(header("Privacy", "id"));
                let host = Host::Name("anonymous.invalid".into());
                let uri = Uri::Sip(SipUri::new(Some("anonymous"), host, None));
                Address::named(Some("Anonymous".into()), uri)
            }
        };
        let mut branches = Vec::new();
        for place in places.places {
            let config = CallConfig {
                next_hop: place.hop.clone(),
                ring_timeout: places.ring_for,
                headers: headers.clone(),
                ..CallConfig::new(
                    Identity::Plain { from: from.clone(), login: None },
                    place.contact.clone(),
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
            branches.push(Branch { leg, sip_call_id, answer: None, phone: place.phone.clone() });
        }
        branches
    }
}
