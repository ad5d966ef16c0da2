//! What SIP says of calls and what is said to it: offers, answers, and the sound that follows from them.

use std::time::Duration;

use rand::Rng;
use tern_media::{Expected, LegMode};
use tern_sip::{
    CallConfig, CallState as Sip, CallerIdentity, EndedBy as SipEndedBy, Ending, Event, Identity,
    Reply as SipReply,
    offer_answer::{self, Agreed, AudioCapabilities, Disagreement, SessionVersion},
    wire::{Address, HeaderAccess as _, Host, SipUri, Uri, sdp::SessionDescription},
};

use super::{
    Phase, Whither, families,
    peer::{peer_of, shown},
};
use crate::{
    accounts::DIRECT,
    agreement,
    api::{
        AccountId, CallDirection, CallId, CallOutcome, EndedBy, ErrorCode, ErrorView, EventKind, MediaOptions,
    },
    core::{Effect, MediaPlan, State, Write},
    phone,
    record::LocalCall,
};

/// How long a digit lasts.
const DIGIT: Duration = Duration::from_millis(160);

/// A call that comes in.
struct Arriving {
    sip: tern_sip::CallId,
    call_id: Option<String>,
    who: CallerIdentity,
    /// What was called, as far as it is told; best first.
    called: Vec<Uri>,
    diverted_by: Option<Address>,
    offer: Option<SessionDescription>,
    /// The call of ours whose place it takes.
    replaces: Option<tern_sip::CallId>,
}

impl State {
    pub(crate) fn call_event(&mut self, account: &AccountId, event: Event) {
        match event {
            Event::IncomingCall {
                call,
                request,
                who,
                called,
                also_called,
                diverted_by,
                offer,
                account: bound,
                replaces,
                ..
            } => {
                if bound.is_none() && *account != DIRECT {
                    return self.turn_stranger_away(account, call);
                }
                let call_id = request.headers.call_id().ok().map(str::to_owned);
                let called: Vec<Uri> = std::iter::once(called).chain(also_called).collect();
                let arriving = Arriving { sip: call, call_id, who, called, diverted_by, offer, replaces };
                self.incoming(account, arriving);
            }
            Event::Call { id, state } => {
                if let Some(call) = self.call_of(account, id) {
                    self.call_moved(&call, state);
                }
            }
            Event::Reoffer { call, offer } => self.reoffer(account, call, offer),
            Event::Dtmf { call, digit, .. } => {
                if let Some(call) = self.call_of(account, call) {
                    self.event(EventKind::DigitCame { call, digit });
                }
            }
            Event::Trickled { call, body } => {
                if let Some(call) = self.call_of(account, call) {
                    self.candidates_came(&call, &body);
                }
            }
            Event::OfferAnswered { call, result } => self.offer_answered(account, call, result),
            Event::Transfer { call, progress } => {
                if let Some(call) = self.call_of(account, call) {
                    self.transfer_moved(&call, &progress);
                }
            }
            Event::TransferAsked { call, request, to, referred_by, .. } => {
                if let Some(call) = self.call_of(account, call) {
                    self.transfer_asked(&call, request, &to, referred_by.as_ref());
                }
            }
            Event::Redirected { call, targets, .. } => {
                if let Some(call) = self.call_of(account, call) {
                    self.redirected(&call, targets);
                }
            }
            // No text is lost unsaid: until there is a place for it, its sender hears that it was not taken.
            Event::MessageReceived { id, .. } => {
                let now = self.now.instant;
                if let Some(up) = self.accounts.get_mut(account).and_then(|a| a.line.up()) {
                    up.endpoint.respond(now, id, SipReply::new(405));
                }
            }
            Event::MessageWaiting { summary, .. } => self.messages_wait(account, &summary),
            _ => {}
        }
    }

    pub(super) fn invite(&mut self, id: &CallId, whither: Whither) {
        let Some(media) = self.media_of_call(id) else { return };
        let Some(call) = self.calls.get_mut(id) else { return };
        let Some(rtp) = call.rtp else { return };
        let capabilities = AudioCapabilities {
            transport: call.transport(),
            security: call.encryption.for_offer(),
            ..agreement::capabilities(rtp, call.session, &media)
        };
        let offer = offer_answer::offer(&capabilities);
        call.offer = Some(offer.clone());
        call.phase = Phase::Dialing;
        if let Whither::To(target) = &whither {
            call.target = Some(target.clone());
        }
        let account = call.account.clone();
        let call_show = call.show.clone();
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
        let placed = match whither {
            Whither::To(target) => {
                let show = call_show;
                up.endpoint.call(now, CallConfig { show, ..CallConfig::new(identity, target, offer) })
            }
            Whither::Asked(transfer) => up.endpoint.accept_transfer(now, transfer, offer),
        };
        match placed {
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

    /// A server that takes no such offer is made another one, no weaker than the last.
    fn invite_again(&mut self, id: &CallId, ending: &Ending) -> bool {
        let Some(call) = self.calls.get_mut(id) else { return false };
        let by_address = families::is_of_addresses(ending);
        let refused = call.answered.is_none()
            && call.direction == CallDirection::Outgoing
            && ending.by != SipEndedBy::Local
            && (by_address || matches!(ending.code, Some(415 | 488 | 606)));
        let Some(target) = call.target.clone().filter(|_| refused) else { return false };
        if by_address || !call.encryption.try_next() {
            return self.offer_other_family(id, target, ending);
        }
        call.sip = None;
        call.session.version = call.session.version.saturating_add(1);
        self.invite(id, Whither::To(target));
        true
    }

    pub(super) fn accept(&mut self, id: &CallId) {
        let Some(media) = self.media_of_call(id) else { return };
        let now = self.now;
        let Some(call) = self.calls.get_mut(id) else { return };
        let Some(rtp) = call.rtp else { return };
        let capabilities = AudioCapabilities {
            transport: call.transport(),
            security: call.encryption.for_answer(),
            ..agreement::capabilities(rtp, call.session, &media)
        };
        let (answer, agreed) = match &call.offer {
            Some(offer) => match offer_answer::answer(offer, &capabilities) {
                Ok((answer, agreed)) => {
                    call.encryption.follow(offer);
                    (answer, Some(agreed))
                }
                Err(why) => {
                    let error = call.encryption.trouble(why);
                    return self.reject(id, 488, CallOutcome::Failed, Some(error));
                }
            },
            // RFC 3261 section 13.2.1: an INVITE without an offer wants ours in the 200.
            None => {
                let security = call.encryption.for_offer();
                let offer = offer_answer::offer(&AudioCapabilities { security, ..capabilities });
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

    fn incoming(&mut self, account: &AccountId, arriving: Arriving) {
        let Arriving { sip, call_id, who, called, diverted_by, offer, replaces } = arriving;
        let now = self.now.instant;
        let unspecified = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
        let media = self.media_of(account);
        let session = SessionVersion { id: 1, version: 1 };
        let security = self.encryption(account).for_answer();
        let possible = offer.as_ref().is_none_or(|offer| {
            let ours =
                AudioCapabilities { security, ..agreement::capabilities(unspecified, session, &media) };
            offer_answer::answer(offer, &ours).is_ok()
        });
        let ending = self.is_ending();
        let Some(known) = self.accounts.get_mut(account) else { return };
        let domain = known.profile.domain.clone();
        let number = called
            .iter()
            .filter_map(|uri| uri.user().map(|u| phone::peer_of_user(&u)))
            .find(|called| known.numbers.iter().any(|n| n.e164 == *called));
        let Some(up) = known.line.up() else { return };
        if ending || !possible {
            let code = if ending { 480 } else { 488 };
            let _ = up.endpoint.reject(now, sip, SipReply::new(code));
            return;
        }
        let local = up.local.ip();
        let peer = who.address().map_or(String::new(), |from| peer_of(&from.uri, &domain));
        if self.book.blocked.contains(&peer) {
            // Without a ring, a notification or a word to the caller that it was blocked.
            let _ = up.endpoint.reject(now, sip, SipReply::new(603));
            return self.keep_blocked(account, call_id, peer, number);
        }
        if replaces.is_none() {
            let _ = up.endpoint.ring(now, sip);
        }
        let peer_name = who.address().and_then(|from| from.display.as_deref()).map(shown);
        let known = self.book.names.get(&peer).cloned();
        let peer_name = match known.or(peer_name.filter(|n| !n.is_empty())) {
            Some(name) => name,
            None if peer.is_empty() => self.texts.get("call-anonymous", &[]),
            None => phone::display(&peer),
        };
        let diverted_by = diverted_by.map(|by| phone::display(&peer_of(&by.uri, &domain)));
        // Whom its user has marked rings through, unless that was switched off.
        let rings_through = !self.settings.quiet.favourites_too && self.book.favourites.contains(&peer);
        let silent = !rings_through && self.is_quiet_for(account, number.as_deref());
        let id = self.new_call(account, CallDirection::Incoming, peer, peer_name, number, Phase::RingingHere);
        // RFC 3891 section 3: it takes the place of a call that is talked to, so nobody has to answer it.
        let replaced = replaces
            .and_then(|sip| self.call_of(account, sip))
            .filter(|replaced| self.calls.get(replaced).is_some_and(|c| c.phase == Phase::Connected));
        if let Some(call) = self.calls.get_mut(&id) {
            call.sip = Some(sip);
            call.sip_call_id = call_id;
            call.offer = offer;
            call.diverted_by = diverted_by;
            call.anonymous = who == CallerIdentity::Anonymous;
            call.silent = silent;
            if replaced.is_some() {
                call.phase = Phase::Answering;
            }
        }
        self.call_changed(&id);
        if replaced.is_some() {
            return self.open_media(&id, local);
        }
        if self.calls.get(&id).is_some_and(|call| call.silent) {
            // It is in the window for who looks, and missed otherwise.
            return;
        }
        self.event(EventKind::CallRang { call: id.clone() });
        self.notify_call(&id);
    }

    /// Keeps a call that nobody hears of; the folder of blocked numbers shows it.
    fn keep_blocked(
        &mut self,
        account: &AccountId,
        sip_call_id: Option<String>,
        peer: String,
        number: Option<String>,
    ) {
        // The direct account is not the database's.
        if *account == DIRECT {
            return;
        }
        self.write(Write::Call(LocalCall {
            account: account.clone(),
            sip_call_id,
            direction: CallDirection::Incoming,
            number: number.unwrap_or_default(),
            peer,
            at: self.now.wall,
            duration_seconds: 0,
            outcome: CallOutcome::Declined,
            recording: None,
        }));
    }

    pub(super) fn call_of(&self, account: &AccountId, sip: tern_sip::CallId) -> Option<CallId> {
        self.calls.values().find(|c| c.account == *account && c.sip == Some(sip)).map(|c| c.id.clone())
    }

    /// How the calls of an account sound and travel.
    pub(crate) fn media_of(&self, account: &AccountId) -> MediaOptions {
        let own = self.accounts.get(account).map(|a| a.profile.media.clone());
        self.config.media.over(own.unwrap_or_default())
    }

    /// The same by the call.
    pub(crate) fn media_of_call(&self, id: &CallId) -> Option<MediaOptions> {
        self.calls.get(id).map(|call| self.media_of(&call.account))
    }

    /// A digit beside the sound (INFO), where none can go with it.
    pub(super) fn info_digit(&mut self, id: &CallId, digit: char) {
        let now = self.now.instant;
        self.with_sip(id, |endpoint, sip| {
            if let Err(error) = endpoint.info_dtmf(now, sip, digit, DIGIT) {
                tracing::info!(%error, "a digit was not sent");
            }
        });
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
                    Err(why) => {
                        let error = call.encryption.trouble(why);
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
                    (Some(offer), Some(answer)) => Some(offer_answer::agree(offer, &answer)),
                    _ => None,
                };
                match agreed {
                    Some(Ok(agreed)) => self.run_media(id, &agreed),
                    Some(Err(why)) => {
                        let error = call.encryption.trouble(why);
                        return self.hang_up(id, EndedBy::Local, Some(error));
                    }
                    None => {}
                }
                self.tell_candidates(id);
                self.call_changed(id);
            }
            Sip::Ended(ending) if self.invite_again(id, &ending) => {}
            Sip::Ended(ending) => self.ended(id, &ending),
        }
    }

    pub(super) fn run_media(&mut self, id: &CallId, agreed: &Agreed) {
        let seed = self.random.random();
        let Some(media) = self.media_of_call(id) else { return };
        let Some(call) = self.calls.get_mut(id) else { return };
        let Some(stream) = agreement::stream(agreed, seed, &media) else { return };
        let Some(security) = call.encryption.agree(&agreed.security, self.certificate.as_ref()) else {
            let error = call.encryption.trouble(Disagreement::NoCommonSuite);
            return self.hang_up(id, EndedBy::Local, Some(error));
        };
        call.sounding = true;
        call.agreed = Some(agreed.clone());
        let plan = MediaPlan {
            remote: agreed.remote,
            remote_rtcp: agreed.remote_rtcp,
            rtcp_mux: agreed.transport.rtcp_mux,
            ice: call.ways.checks(agreed),
            stream,
            security,
            sending: agreed.direction.sends(),
            expected: match (call.held_there, agreed.direction.receives() && !call.held) {
                (true, _) => Expected::Hold,
                (false, true) => Expected::Sound,
                (false, false) => Expected::Nothing,
            },
            muted: call.muted,
            mode: match (call.held, call.joined) {
                (true, _) => LegMode::Waiting,
                (false, true) => LegMode::Joined,
                (false, false) => LegMode::Talking,
            },
        };
        self.effect(Effect::RunMedia(id.clone(), Box::new(plan)));
        self.follow_family(id);
    }

    /// Says something to the endpoint about this call, and does what follows.
    pub(super) fn with_sip(
        &mut self,
        id: &CallId,
        say: impl FnOnce(&mut tern_sip::Endpoint, tern_sip::CallId),
    ) {
        let Some((account, sip)) = self.calls.get(id).and_then(|c| Some((c.account.clone(), c.sip?))) else {
            return;
        };
        if let Some(up) = self.accounts.get_mut(&account).and_then(|a| a.line.up()) {
            say(&mut up.endpoint, sip);
            self.drain(&account);
        }
    }
}
