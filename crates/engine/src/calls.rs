//! Calls: from the wish or the ring to the row in Recent Activity.
//!
//! Invariant: a call is in `State::calls` from its first event to its last, and leaves exactly one row. What a
//! person may do with it is decided by its phase alone.

use std::time::Instant;

use jiff::Timestamp;
use rand::Rng;
use tern_sip::{
    CallConfig, CallState as Sip, EndedBy as SipEndedBy, Ending, Event, Identity, Reply as SipReply,
    offer_answer::{self, Agreed, SessionVersion},
    wire::{Address, HeaderAccess as _, Host, Message as SipMessage, SipUri, Uri, sdp::SessionDescription},
};

use crate::{
    accounts::DIRECT,
    agreement,
    api::{
        AccountId, CallDirection, CallEndView, CallId, CallOutcome, CallState, CallStatsView, CallView,
        EndedBy, ErrorCode, ErrorView, EventKind, RegistrationState, Reply,
    },
    core::{Effect, MediaPlan, MediaReport, RequestId, State, Write},
    line::LineState,
    phone::{self, Target},
    ports::RingTone,
    record::{LocalCall, Row},
};

/// Longest name shown of what a caller calls itself, characters.
const LONGEST_NAME: usize = 64;

/// One call.
pub(crate) struct Call {
    pub(crate) id: CallId,
    pub(crate) account: AccountId,
    pub(crate) direction: CallDirection,
    peer: String,
    peer_name: String,
    number: Option<String>,
    phase: Phase,
    sip: Option<tern_sip::CallId>,
    sip_call_id: Option<String>,
    session: SessionVersion,
    /// The offer of whichever side made one.
    offer: Option<SessionDescription>,
    rtp: Option<std::net::SocketAddr>,
    early_media: bool,
    /// Its media thread runs, and will tell the last figures.
    sounding: bool,
    muted: bool,
    started: Timestamp,
    answered: Option<(Instant, Timestamp)>,
    end: Option<CallEndView>,
    stats: Option<CallStatsView>,
    trouble: Option<ErrorView>,
}

/// Where a call stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    /// Outgoing: waits for its RTP socket.
    Preparing(Box<Uri>),
    /// Outgoing: the INVITE is on its way.
    Dialing,
    /// Outgoing: it rings there.
    RingingThere,
    /// Incoming: it rings here.
    RingingHere,
    /// Incoming, answered: waits for its RTP socket.
    Answering,
    /// Incoming, answered: waits for the ACK.
    Accepted,
    /// Talking.
    Connected,
    /// Over.
    Ended,
}

impl Call {
    pub(crate) fn view(&self) -> CallView {
        CallView {
            id: self.id.clone(),
            account: self.account.clone(),
            direction: self.direction,
            peer: self.peer.clone(),
            peer_name: self.peer_name.clone(),
            number: self.number.clone(),
            state: match self.phase {
                Phase::Preparing(_) | Phase::Dialing => CallState::Dialing,
                Phase::RingingThere | Phase::RingingHere => CallState::Ringing,
                Phase::Answering | Phase::Accepted => CallState::Connecting,
                Phase::Connected => CallState::Connected,
                Phase::Ended => CallState::Ended,
            },
            muted: self.muted,
            answered_at: self.answered.map(|(_, at)| at.to_string()),
            end: self.end.clone(),
            stats: self.stats.clone(),
            audio_trouble: self.trouble.clone(),
        }
    }

    /// The name its notification has.
    pub(crate) fn tag(&self) -> String {
        format!("call-{}", self.id)
    }

    pub(crate) fn number(&self) -> Option<&str> {
        self.number.as_deref()
    }

    pub(crate) fn peer_name(&self) -> &str {
        &self.peer_name
    }
}

impl State {
    pub(crate) fn place_call(&mut self, request: RequestId, id: &AccountId, typed: &str) {
        let Some(account) = self.accounts.get(id) else {
            return self.refuse(request, ErrorCode::NotFound);
        };
        let target = match phone::target(typed, account.region()) {
            Ok(target) => target,
            Err(code) => return self.refuse(request, code),
        };
        let LineState::Up(up) = &account.line.state else {
            return self.refuse(request, ErrorCode::NotRegistered);
        };
        if *id != DIRECT && up.registered != (RegistrationState::Registered {}) {
            return self.refuse(request, ErrorCode::NotRegistered);
        }
        let local = up.local.ip();
        let Some(uri) = target_uri(&target, &account.profile.domain, *id == DIRECT) else {
            return self.refuse(request, ErrorCode::InvalidTarget);
        };
        let number = Some(account.first_number()).filter(|n| !n.is_empty());
        let peer = match target {
            Target::Number(number) => number,
            Target::Name(name) => name,
            Target::Address(_) => peer_of(&uri, &account.profile.domain),
        };
        let peer_name = phone::display(&peer);
        let call = self.new_call(
            id,
            CallDirection::Outgoing,
            peer,
            peer_name,
            number,
            Phase::Preparing(Box::new(uri)),
        );
        self.effect(Effect::OpenMedia(call.clone(), local));
        self.reply(request, Ok(Reply::CallPlaced { call: call.clone() }));
        self.call_changed(&call);
    }

    pub(crate) fn answer_call(&mut self, request: Option<RequestId>, id: &CallId) {
        let local = self.calls.get(id).and_then(|call| match &self.accounts.get(&call.account)?.line.state {
            LineState::Up(up) if call.phase == Phase::RingingHere => Some(up.local.ip()),
            _ => None,
        });
        match (self.calls.get_mut(id), local) {
            (Some(call), Some(local)) => {
                call.phase = Phase::Answering;
                let tag = call.tag();
                self.effect(Effect::OpenMedia(id.clone(), local));
                self.effect(Effect::CloseNotification(tag));
                self.call_changed(id);
                self.done(request, None);
            }
            _ => self.done(request, Some(ErrorCode::NotFound)),
        }
    }

    pub(crate) fn decline_call(&mut self, request: Option<RequestId>, id: &CallId) {
        if self.calls.get(id).is_none_or(|call| call.phase != Phase::RingingHere) {
            return self.done(request, Some(ErrorCode::NotFound));
        }
        // RFC 3261 section 21.6.2: not now, and nowhere else either.
        self.reject(id, 603, CallOutcome::Declined, None);
        self.done(request, None);
    }

    pub(crate) fn hang_up_call(&mut self, request: RequestId, id: &CallId) {
        match self.calls.get(id).map(|c| c.phase.clone()) {
            None | Some(Phase::Ended) => self.refuse(request, ErrorCode::NotFound),
            Some(Phase::RingingHere) => self.decline_call(Some(request), id),
            Some(_) => {
                self.hang_up(id, EndedBy::Local, None);
                self.reply(request, Ok(Reply::Done {}));
            }
        }
    }

    pub(crate) fn mute_call(&mut self, request: RequestId, id: &CallId, muted: bool) {
        let Some(call) = self.calls.get_mut(id) else {
            return self.refuse(request, ErrorCode::NotFound);
        };
        call.muted = muted;
        self.effect(Effect::Mute(id.clone(), muted));
        self.call_changed(id);
        self.reply(request, Ok(Reply::Done {}));
    }

    pub(crate) fn send_digit(&mut self, request: RequestId, id: &CallId, digit: char) {
        let Some(call) = self.calls.get(id) else {
            return self.refuse(request, ErrorCode::NotFound);
        };
        // Menus of early media take digits, too.
        if call.phase != Phase::Connected && !call.early_media {
            return self.refuse(request, ErrorCode::NotFound);
        }
        if tern_media::Digit::from_char(digit).is_none() {
            return self.refuse(request, ErrorCode::InvalidTarget);
        }
        self.effect(Effect::Digit(id.clone(), digit));
        self.reply(request, Ok(Reply::Done {}));
    }

    /// What is to be heard besides the calls themselves.
    pub(crate) fn wanted_tone(&self) -> Option<RingTone> {
        if self.calls.values().any(|c| c.phase == Phase::RingingHere) {
            return Some(RingTone::Ring);
        }
        let ringback = self.calls.values().any(|c| c.phase == Phase::RingingThere && !c.early_media);
        ringback.then_some(RingTone::Ringback)
    }

    pub(crate) fn media_report(&mut self, id: &CallId, report: MediaReport) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        match report {
            MediaReport::Opened(rtp) => {
                call.rtp = Some(rtp);
                match call.phase.clone() {
                    Phase::Preparing(target) => self.invite(id, *target),
                    Phase::Answering => self.accept(id),
                    _ => {}
                }
            }
            MediaReport::NotOpened => {
                let error = ErrorView::with_detail(ErrorCode::Internal, "rtp");
                self.hang_up(id, EndedBy::Local, Some(error));
            }
            MediaReport::Stats(stats) => {
                call.stats = Some(stats);
                if call.phase != Phase::Ended {
                    self.call_changed(id);
                }
            }
            MediaReport::Closed(stats) => {
                call.stats = Some(stats);
                if call.phase == Phase::Ended {
                    self.call_over(id);
                }
            }
            MediaReport::Trouble(error) => {
                call.trouble = Some(error);
                if call.phase != Phase::Ended {
                    self.call_changed(id);
                }
            }
            MediaReport::Started | MediaReport::SourceFinished => {}
        }
    }

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
            Event::Registration { .. } | Event::Request { .. } => {}
        }
    }

    /// Reads the Call-ID of an INVITE on its way out: the endpoint chooses it, the provider's log names it.
    pub(crate) fn note_call_id(&mut self, account: &AccountId, bytes: &[u8]) {
        if !bytes.starts_with(b"INVITE ") {
            return;
        }
        let mut waiting = self.calls.values_mut().filter(|c| {
            c.account == *account && c.direction == CallDirection::Outgoing && c.sip_call_id.is_none()
        });
        let Some(first) = waiting.next() else { return };
        let Ok(SipMessage::Request(request)) = tern_sip::wire::parse_datagram(bytes) else { return };
        let (Ok(call_id), Ok(sdp)) = (request.headers.call_id(), SessionDescription::parse(&request.body))
        else {
            return;
        };
        for call in std::iter::once(first).chain(waiting) {
            if call.session.id.to_string() == sdp.origin.session_id {
                call.sip_call_id = Some(call_id.to_owned());
            }
        }
    }

    /// The account's socket goes: its calls can't be ended in order any more.
    pub(crate) fn end_calls_of(&mut self, account: &AccountId) {
        for id in self.calls_of(account) {
            self.end_by_network(&id);
        }
    }

    /// The account goes: its calls are ended in order.
    pub(crate) fn hang_up_calls_of(&mut self, account: &AccountId) {
        for id in self.calls_of(account) {
            self.hang_up(&id, EndedBy::Local, None);
        }
    }

    pub(crate) fn call_kept(&mut self, row: Option<Row>) {
        if let Some(row) = row {
            self.activity_changed(row.thread);
            self.notify_missed(&row);
        }
    }

    fn calls_of(&self, account: &AccountId) -> Vec<CallId> {
        self.calls.values().filter(|c| c.account == *account).map(|c| c.id.clone()).collect()
    }

    fn invite(&mut self, id: &CallId, target: Uri) {
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
                if let Some(call) = self.calls.get_mut(id) {
                    call.sip = Some(sip);
                }
                self.drain(&account);
            }
            Err(error) => {
                let error = ErrorView::with_detail(ErrorCode::CallFailed, error.to_string());
                self.end_call(id, EndedBy::Local, CallOutcome::Failed, Some(error));
            }
        }
    }

    fn accept(&mut self, id: &CallId) {
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
            Sip::EarlyMedia { sdp } => {
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

    /// Refuses a call that rings here. Ended here first: what the endpoint says of it afterwards is no news.
    fn reject(&mut self, id: &CallId, code: u16, outcome: CallOutcome, error: Option<ErrorView>) {
        let now = self.now.instant;
        let Some((account, sip)) = self.calls.get(id).map(|c| (c.account.clone(), c.sip)) else { return };
        self.end_call(id, EndedBy::Local, outcome, error);
        if let (Some(sip), Some(up)) = (sip, self.accounts.get_mut(&account).and_then(|a| a.line.up())) {
            let _ = up.endpoint.reject(now, sip, SipReply::new(code));
            self.drain(&account);
        }
    }

    /// Ends a call from here, whatever its phase.
    fn hang_up(&mut self, id: &CallId, by: EndedBy, error: Option<ErrorView>) {
        let Some(call) = self.calls.get(id).filter(|c| c.phase != Phase::Ended) else { return };
        let outcome = match (call.answered, call.direction, &error) {
            (Some(_), ..) => CallOutcome::Answered,
            (None, CallDirection::Incoming, _) => CallOutcome::Declined,
            (None, CallDirection::Outgoing, Some(_)) => CallOutcome::Failed,
            (None, CallDirection::Outgoing, None) => CallOutcome::Unanswered,
        };
        let (now, account) = (self.now.instant, call.account.clone());
        let sip = call.sip;
        // Ended here first: what the endpoint says of it afterwards is no news.
        self.end_call(id, by, outcome, error);
        if let (Some(sip), Some(up)) = (sip, self.accounts.get_mut(&account).and_then(|a| a.line.up())) {
            let _ = up.endpoint.hang_up(now, sip);
            self.drain(&account);
        }
    }

    fn end_by_network(&mut self, id: &CallId) {
        let Some(call) = self.calls.get(id) else { return };
        let (outcome, code) = match (call.answered, call.direction) {
            (Some(_), _) => (CallOutcome::Answered, ErrorCode::CallLost),
            (None, CallDirection::Incoming) => (CallOutcome::Missed, ErrorCode::CallLost),
            (None, CallDirection::Outgoing) => (CallOutcome::Failed, ErrorCode::SipUnreachable),
        };
        self.end_call(id, EndedBy::Network, outcome, Some(ErrorView::new(code)));
    }

    fn ended(&mut self, id: &CallId, ending: &Ending) {
        let Some(call) = self.calls.get(id) else { return };
        if ending.by == SipEndedBy::Network {
            return self.end_by_network(id);
        }
        let by = if ending.by == SipEndedBy::Local { EndedBy::Local } else { EndedBy::Remote };
        let (outcome, error) = match (call.answered.is_some(), call.direction) {
            (true, _) => (CallOutcome::Answered, None),
            (false, CallDirection::Incoming) => {
                // RFC 3326: a CANCEL because another phone of ours took the call.
                let elsewhere =
                    ending.reason.as_ref().is_some_and(|r| r.protocol == "SIP" && r.cause == Some(200));
                (if elsewhere { CallOutcome::Answered } else { CallOutcome::Missed }, None)
            }
            (false, CallDirection::Outgoing) => failure(ending),
        };
        self.end_call(id, by, outcome, error);
    }

    fn end_call(&mut self, id: &CallId, by: EndedBy, outcome: CallOutcome, error: Option<ErrorView>) {
        let now = self.now.instant;
        let Some(call) = self.calls.get_mut(id).filter(|c| c.phase != Phase::Ended) else { return };
        call.phase = Phase::Ended;
        call.end = Some(CallEndView { by, outcome, error });
        let duration = call.answered.map_or(0, |(at, _)| now.saturating_duration_since(at).as_secs());
        let kept = LocalCall {
            account: call.account.clone(),
            sip_call_id: call.sip_call_id.clone(),
            direction: call.direction,
            number: call.number.clone().unwrap_or_default(),
            peer: call.peer.clone(),
            at: call.started,
            duration_seconds: u32::try_from(duration).unwrap_or(u32::MAX),
            outcome,
        };
        let (tag, sounding) = (call.tag(), call.sounding);
        self.effect(Effect::CloseMedia(id.clone()));
        self.effect(Effect::CloseNotification(tag));
        // The direct account is not the database's.
        if kept.account != DIRECT {
            self.write(Write::Call(kept));
        }
        // Its last event has its last figures, which the media thread tells as it ends.
        if !sounding {
            self.call_over(id);
        }
    }

    fn call_over(&mut self, id: &CallId) {
        if let Some(call) = self.calls.remove(id) {
            self.event(EventKind::CallChanged { call: call.view() });
        }
    }

    fn new_call(
        &mut self,
        account: &AccountId,
        direction: CallDirection,
        peer: String,
        peer_name: String,
        number: Option<String>,
        phase: Phase,
    ) -> CallId {
        let id = CallId(self.next_call);
        self.next_call = self.next_call.wrapping_add(1);
        // RFC 8866 section 5.2 wants digits; half of the range keeps every reader's integers happy.
        let session = SessionVersion { id: self.random.random::<u64>() >> 1, version: 1 };
        let call = Call {
            id: id.clone(),
            account: account.clone(),
            direction,
            peer,
            peer_name,
            number,
            phase,
            sip: None,
            sip_call_id: None,
            session,
            offer: None,
            rtp: None,
            early_media: false,
            sounding: false,
            muted: false,
            started: self.now.wall,
            answered: None,
            end: None,
            stats: None,
            trouble: None,
        };
        self.calls.insert(id.clone(), call);
        id
    }

    fn call_changed(&mut self, id: &CallId) {
        if let Some(call) = self.calls.get(id).map(Call::view) {
            self.event(EventKind::CallChanged { call });
        }
    }

    fn done(&mut self, request: Option<RequestId>, error: Option<ErrorCode>) {
        match (request, error) {
            (Some(request), None) => self.reply(request, Ok(Reply::Done {})),
            (Some(request), Some(code)) => self.refuse(request, code),
            (None, _) => {}
        }
    }
}

/// How a call that nobody answered counts, and what to say about it.
fn failure(ending: &Ending) -> (CallOutcome, Option<ErrorView>) {
    let Some(code) = ending.code else {
        return (CallOutcome::Unanswered, None);
    };
    let status = format!("{code} {}", ending.phrase);
    let (outcome, error) = match code {
        486 | 600 => (CallOutcome::Busy, ErrorCode::Busy),
        603 | 607 | 608 => (CallOutcome::Busy, ErrorCode::Declined),
        404 | 410 | 484 | 485 | 604 => (CallOutcome::Failed, ErrorCode::NumberUnknown),
        408 | 480 | 487 => (CallOutcome::Unanswered, ErrorCode::NotAnswered),
        415 | 488 | 606 => (CallOutcome::Failed, ErrorCode::NoCommonCodec),
        402 => (CallOutcome::Failed, ErrorCode::InsufficientFunds),
        _ => (CallOutcome::Failed, ErrorCode::CallFailed),
    };
    // Given up here: nothing to explain.
    if ending.by == SipEndedBy::Local && code == 487 {
        return (CallOutcome::Unanswered, None);
    }
    (outcome, Some(ErrorView::with_detail(error, status)))
}

fn target_uri(target: &Target, domain: &str, direct: bool) -> Option<Uri> {
    match target {
        Target::Address(address) => Uri::parse(address).ok().filter(|uri| uri.as_sip().is_some()),
        _ if direct => None,
        Target::Number(user) | Target::Name(user) => {
            Some(Uri::Sip(SipUri::new(Some(user), Host::parse(domain).ok()?, None)))
        }
    }
}

/// The other side as Recent Activity names it: number or name of the account's own provider, else the address.
fn peer_of(uri: &Uri, domain: &str) -> String {
    let user = uri.user().map(|u| phone::peer_of_user(&u));
    let own = Host::parse(domain).ok();
    match (uri.as_sip(), user) {
        (Some(sip), Some(user)) if own.is_some_and(|own| own.same(&sip.host)) || user.starts_with('+') => {
            user
        }
        (None, Some(user)) => user,
        (Some(sip), user) => {
            let mut bare = SipUri::new(None, sip.host.clone(), sip.port);
            bare.user = user.and(sip.user.clone());
            Uri::Sip(bare).to_string()
        }
        (None, None) => uri.to_string(),
    }
}

/// What a caller calls itself, fit to be shown.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect::<String>().trim().to_owned()
}
