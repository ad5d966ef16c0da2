//! What SIP says of calls and what is said to it: offers, answers, and the sound that follows from them.

use rand::Rng;
use tern_sip::{
    CallConfig, CallState as Sip, Event, Identity, Reply as SipReply,
    offer_answer::{self, Agreed, SessionVersion},
    wire::{Address, HeaderAccess as _, Host, SipUri, Uri, sdp::SessionDescription},
};

use super::{
    Phase,
    peer::{peer_of, shown},
};
use crate::{
    accounts::DIRECT,
    agreement,
    api::{AccountId, CallDirection, CallId, CallOutcome, EndedBy, ErrorCode, ErrorView, EventKind},
    core::{Effect, MediaPlan, State},
    phone,
};

impl State {
    pub(crate) fn call_event(&mut self, account: &AccountId, event: Event) {
        match event {
            Event::IncomingCall { call, request, from, to, offer, account: bound, .. } => {
                if bound.is_none() && *account != DIRECT {
                    return self.turn_stranger_away(account, call);
                }
                let call_id = request.headers.call_id().ok().map(str::to_owned);
                // RFC 7315 section 4.2: the number that was called, where To names the account instead.
                let called = request.headers.first("P-Called-Party-ID").and_then(|v| Address::parse(v).ok());
                self.incoming(account, call, call_id, &from, &called.unwrap_or(to), offer);
            }
            Event::Call { id, state } => {
                let known = self
                    .calls
                    .values()
                    .find(|c| c.account == *account && c.sip == Some(id))
                    .map(|c| c.id.clone());
                if let Some(call) = known {
                    self.call_moved(&call, state);
                }
            }
            Event::Reoffer { call, offer } => self.reoffer(account, call, offer),
            Event::Redirected { call, .. } => {
                let now = self.now.instant;
                if let Some(up) = self.accounts.get_mut(account).and_then(|a| a.line.up()) {
                    let _ = up.endpoint.hang_up(now, call);
                }
            }
            Event::TransferAsked { request, .. } => {
                let now = self.now.instant;
                if let Some(up) = self.accounts.get_mut(account).and_then(|a| a.line.up()) {
                    let _ = up.endpoint.reject_transfer(now, request);
                }
            }
            // No text is lost unsaid: until there is a place for it, its sender hears that it was not taken.
            Event::MessageReceived { id, .. } => {
                let now = self.now.instant;
                if let Some(up) = self.accounts.get_mut(account).and_then(|a| a.line.up()) {
                    up.endpoint.respond(now, id, tern_sip::Reply::new(405));
                }
            }
            Event::Registration { .. }
            | Event::Request { .. }
            | Event::MessageSent { .. }
            | Event::MessageWaiting { .. }
            | Event::Subscription { .. }
            | Event::Notified { .. }
            | Event::OfferAnswered { .. }
            | Event::Transfer { .. }
            | Event::Dtmf { .. }
            | Event::DtmfRefused { .. } => {}
        }
    }

    pub(super) fn invite(&mut self, id: &CallId, target: Uri) {
        let limit = self.config.codecs.clone();
        let Some(call) = self.calls.get_mut(id) else { return };
        let Some(rtp) = call.rtp else { return };
        let offer = offer_answer::offer(&agreement::capabilities(rtp, call.session, limit.as_deref()));
        call.offer = Some(offer.clone());
        call.phase = Phase::Dialing;
        let account = call.account.clone();
        let now = self.now.instant;
        let Some(up) = self.accounts.get_mut(&account).and_then(|a| a.line.up()) else {
            return self.end_by_network(id);
        };
        let identity = match up.registration() {
            Some(registration) => Identity::Account(registration),
            None => {
                let from = SipUri::new(Some("tern"), Host::Ip(up.local.ip()), Some(up.local.port()));
                Identity::Plain { from: Address::new(Uri::Sip(from)), login: None }
            }
        };
        match up.endpoint.call(now, CallConfig::new(identity, target, offer)) {
            Ok(sip) => {
                let header = up.endpoint.call_header_id(sip).map(str::to_owned);
                if let Some(call) = self.calls.get_mut(id) {
                    call.sip = Some(sip);
                    call.sip_call_id = header;
                }
                self.drain(&account);
            }
            Err(error) => {
                let error = ErrorView::with_detail(ErrorCode::CallFailed, error.to_string());
                self.end_call(id, EndedBy::Local, CallOutcome::Failed, Some(error));
            }
        }
    }

    pub(super) fn accept(&mut self, id: &CallId) {
        let limit = self.config.codecs.clone();
        let now = self.now;
        let Some(call) = self.calls.get_mut(id) else { return };
        let Some(rtp) = call.rtp else { return };
        let capabilities = agreement::capabilities(rtp, call.session, limit.as_deref());
        let (answer, agreed) = match &call.offer {
            Some(offer) => match offer_answer::answer(offer, &capabilities) {
                Ok((answer, agreed)) => (answer, Some(agreed)),
                Err(_) => {
                    let error = ErrorView::new(ErrorCode::NoCommonCodec);
                    return self.reject(id, 488, CallOutcome::Failed, Some(error));
                }
            },
            // RFC 3261 section 13.2.1: an INVITE without an offer wants ours in the 200.
            None => {
                let offer = offer_answer::offer(&capabilities);
                call.offer = Some(offer.clone());
                (offer, None)
            }
        };
        call.phase = Phase::Accepted;
        call.answered = Some((now.instant, now.wall));
        // Sound may come before the ACK does.
        if let Some(agreed) = agreed {
            self.run_media(id, &agreed);
        }
        self.with_sip(id, |endpoint, sip| {
            let _ = endpoint.accept(now.instant, sip, answer);
        });
        self.call_changed(id);
    }

    fn incoming(
        &mut self,
        account: &AccountId,
        sip: tern_sip::CallId,
        call_id: Option<String>,
        from: &Address,
        to: &Address,
        offer: Option<SessionDescription>,
    ) {
        let now = self.now.instant;
        let unspecified = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
        let limit = self.config.codecs.clone();
        let session = SessionVersion { id: 1, version: 1 };
        let possible = offer.as_ref().is_none_or(|offer| {
            let ours = agreement::capabilities(unspecified, session, limit.as_deref());
            offer_answer::answer(offer, &ours).is_ok()
        });
        let ending = self.is_ending();
        let Some(known) = self.accounts.get_mut(account) else { return };
        let domain = known.profile.domain.clone();
        let called = to.uri.user().map(|u| phone::peer_of_user(&u));
        let number = called.filter(|c| known.numbers.iter().any(|n| n.e164 == *c));
        let Some(up) = known.line.up() else { return };
        if ending || !possible {
            let code = if ending { 480 } else { 488 };
            let _ = up.endpoint.reject(now, sip, SipReply::new(code));
            return;
        }
        let _ = up.endpoint.ring(now, sip);
        let peer = peer_of(&from.uri, &domain);
        let peer_name = from.display.as_deref().map(shown).filter(|n| !n.is_empty());
        let peer_name = peer_name.unwrap_or_else(|| phone::display(&peer));
        let id = self.new_call(account, CallDirection::Incoming, peer, peer_name, number, Phase::RingingHere);
        if let Some(call) = self.calls.get_mut(&id) {
            call.sip = Some(sip);
            call.sip_call_id = call_id;
            call.offer = offer;
        }
        self.call_changed(&id);
        self.event(EventKind::CallRang { call: id.clone() });
        self.notify_call(&id);
    }

    /// Nobody's server sent this call here: scanners try addresses, and must not make a phone ring.
    fn turn_stranger_away(&mut self, account: &AccountId, sip: tern_sip::CallId) {
        let now = self.now.instant;
        if let Some(up) = self.accounts.get_mut(account).and_then(|a| a.line.up()) {
            let _ = up.endpoint.reject(now, sip, SipReply::new(404));
        }
    }

    fn call_moved(&mut self, id: &CallId, state: Sip) {
        let now = self.now;
        let Some(call) = self.calls.get_mut(id).filter(|c| c.phase != Phase::Ended) else { return };
        match state {
            Sip::Trying => {}
            Sip::Ringing => {
                if call.phase == Phase::Dialing {
                    call.phase = Phase::RingingThere;
                    self.call_changed(id);
                }
            }
            Sip::EarlyMedia { sdp, .. } => {
                if let Some(agreed) = call.offer.as_ref().and_then(|o| offer_answer::agree(o, &sdp).ok()) {
                    call.early_media = true;
                    self.run_media(id, &agreed);
                }
            }
            Sip::Answered { sdp } => {
                call.answered.get_or_insert((now.instant, now.wall));
                call.phase = Phase::Connected;
                let agreed = match (&call.offer, &sdp) {
                    (Some(offer), Some(answer)) => offer_answer::agree(offer, answer).map(Some),
                    _ => Ok(None),
                };
                match agreed {
                    Ok(Some(agreed)) => self.run_media(id, &agreed),
                    Ok(None) => {}
                    Err(_) => {
                        let error = ErrorView::new(ErrorCode::NoCommonCodec);
                        return self.hang_up(id, EndedBy::Local, Some(error));
                    }
                }
                self.call_changed(id);
            }
            Sip::Confirmed { sdp } => {
                if call.phase == Phase::Accepted {
                    call.phase = Phase::Connected;
                }
                let answer = sdp.filter(|_| call.direction == CallDirection::Incoming);
                let agreed = match (&call.offer, answer) {
                    (Some(offer), Some(answer)) => offer_answer::agree(offer, &answer).ok(),
                    _ => None,
                };
                if let Some(agreed) = agreed {
                    self.run_media(id, &agreed);
                }
                self.call_changed(id);
            }
            Sip::Ended(ending) => self.ended(id, &ending),
        }
    }

    fn reoffer(&mut self, account: &AccountId, sip: tern_sip::CallId, offer: Option<SessionDescription>) {
        let limit = self.config.codecs.clone();
        let now = self.now.instant;
        let Some(call) = self.calls.values_mut().find(|c| c.account == *account && c.sip == Some(sip)) else {
            return;
        };
        let id = call.id.clone();
        let Some(rtp) = call.rtp else { return };
        // RFC 3264 section 8: each description of a session has a version of its own.
        call.session.version = call.session.version.saturating_add(1);
        let ours = agreement::capabilities(rtp, call.session, limit.as_deref());
        let answer = match &offer {
            Some(offer) => offer_answer::answer(offer, &ours).map(|(answer, agreed)| (answer, Some(agreed))),
            None => Ok((offer_answer::offer(&ours), None)),
        };
        match answer {
            Ok((answer, agreed)) => {
                call.offer = Some(offer.unwrap_or_else(|| answer.clone()));
                if let Some(agreed) = agreed {
                    self.run_media(&id, &agreed);
                }
                self.with_sip(&id, |endpoint, sip| {
                    let _ = endpoint.answer_reoffer(now, sip, answer);
                });
            }
            Err(_) => self.with_sip(&id, |endpoint, sip| {
                let _ = endpoint.reject_reoffer(now, sip, SipReply::new(488));
            }),
        }
    }

    fn run_media(&mut self, id: &CallId, agreed: &Agreed) {
        let seed = self.random.random();
        let Some(call) = self.calls.get_mut(id) else { return };
        let Some(stream) = agreement::stream(agreed, seed) else { return };
        call.sounding = true;
        let plan = MediaPlan {
            remote: agreed.remote,
            remote_rtcp: agreed.remote_rtcp,
            stream,
            sending: agreed.direction.sends(),
            muted: call.muted,
            microphone: self.settings.microphone.clone(),
            speaker: self.settings.speaker.clone(),
        };
        self.effect(Effect::RunMedia(id.clone(), Box::new(plan)));
    }

    /// Says something to the endpoint about this call, and does what follows.
    fn with_sip(&mut self, id: &CallId, say: impl FnOnce(&mut tern_sip::Endpoint, tern_sip::CallId)) {
        let Some((account, sip)) = self.calls.get(id).and_then(|c| Some((c.account.clone(), c.sip?))) else {
            return;
        };
        if let Some(up) = self.accounts.get_mut(&account).and_then(|a| a.line.up()) {
            say(&mut up.endpoint, sip);
            self.drain(&account);
        }
    }
}
