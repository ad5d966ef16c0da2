//! Calls: from the wish or the ring to the row in Recent Activity.
//!
//! Invariant: a call is in `State::calls` from its first event to its last, and leaves exactly one row. What a
//! person may do with it is decided by its phase alone.

mod check;
mod conference;
mod ending;
mod families;
mod handing;
mod holding;
mod peer;
mod recording;
mod restarting;
mod security;
mod signalling;
mod ways;

use std::{
    net::{IpAddr, SocketAddr},
    time::Instant,
};

use jiff::Timestamp;
use rand::Rng;
use tern_media::NationalTones;
use tern_sip::{
    ShownAs, ShownIdentity, TransferId,
    offer_answer::{Agreed, SessionVersion},
    wire::{Address, Uri, sdp::SessionDescription},
};

use crate::{
    accounts::DIRECT,
    agreement,
    api::{
        AccountId, CallAs, CallDirection, CallEndView, CallId, CallOutcome, CallState, CallStatsView,
        CallView, DevicesView, EndedBy, ErrorCode, ErrorView, EventKind, HoldState, Notice,
        RegistrationState, Reply,
    },
    core::{Effect, MediaReport, RequestId, State},
    line::LineState,
    phone::{self, Target},
    ports::RingTone,
};
use families::SecondFamily;
use handing::Handing;
use peer::{peer_of, target_uri};
use recording::Recording;
use security::Encryption;
use ways::Ways;

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
    /// What was agreed last.
    agreed: Option<Agreed>,
    /// An offer of ours inside the call that is not answered yet.
    offering: Option<Offering>,
    /// Which number the other side is to see.
    show: ShownIdentity,
    /// We want the other side to wait.
    held: bool,
    held_there: bool,
    anonymous: bool,
    /// Incoming, while its number is quiet: it does not ring.
    silent: bool,
    diverted_by: Option<String>,
    handing: Handing,
    rtp: Option<SocketAddr>,
    ways: Ways,
    /// Its sockets have followed the other side into its family of addresses.
    followed: bool,
    /// It was refused, and is offered in the other family.
    second_family: Option<SecondFamily>,
    early_media: bool,
    /// Its media thread runs, and will tell the last figures.
    sounding: bool,
    muted: bool,
    /// Part of the conference here.
    joined: bool,
    recording: Recording,
    /// The file of its last recording.
    recorded: Option<String>,
    started: Timestamp,
    answered: Option<(Instant, Timestamp)>,
    end: Option<CallEndView>,
    stats: Option<CallStatsView>,
    trouble: Option<ErrorView>,
    encryption: Encryption,
    /// Whom to call again where a first offer is refused.
    target: Option<Uri>,
}

/// Where a call stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    /// Outgoing: waits for its RTP socket.
    Preparing(Box<Whither>),
    /// Outgoing: the INVITE is on its way.
    Dialing,
    /// Outgoing: it rings there.
    RingingThere,
    /// Outgoing: the called side names others; somebody here chooses.
    Redirected,
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

/// Why a call goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Whither {
    /// Somebody here wants to talk to this one.
    To(Uri),
    /// Another call's other side asked for it.
    Asked(TransferId),
}

/// An offer of ours inside a call.
struct Offering {
    sdp: SessionDescription,
    held: bool,
    rtp: SocketAddr,
    /// As [`Ways::renewal`].
    renewal: u32,
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
                Phase::Redirected => CallState::Redirected,
                Phase::Answering | Phase::Accepted => CallState::Connecting,
                Phase::Connected => CallState::Connected,
                Phase::Ended => CallState::Ended,
            },
            muted: self.muted,
            hold: match (self.held, self.held_there) {
                (false, false) => HoldState::None,
                (true, false) => HoldState::Here,
                (false, true) => HoldState::There,
                (true, true) => HoldState::Both,
            },
            changing: self.offering.is_some(),
            transfer: self.handing.transfer.clone(),
            transfer_asked: self.handing.asked.as_ref().map(|(_, view)| view.clone()),
            redirect: self.handing.redirected.iter().map(|(_, view)| view.clone()).collect(),
            diverted_by: self.diverted_by.clone(),
            anonymous: self.anonymous,
            answered_at: self.answered.map(|(_, at)| at.to_string()),
            end: self.end.clone(),
            stats: self.stats.clone(),
            audio_trouble: self.trouble.clone(),
            security: self.encryption.view(),
            recording: match &self.recording {
                Recording::On(view) => Some(view.clone()),
                Recording::Off | Recording::Starting => None,
            },
            joined: self.joined,
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
    pub(crate) fn place_call(
        &mut self,
        request: RequestId,
        id: &AccountId,
        typed: &str,
        show: Option<CallAs>,
    ) {
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
        let (shown, number) = match show {
            None => (ShownIdentity::account(), Some(account.first_number()).filter(|n| !n.is_empty())),
            Some(CallAs::Anonymous {}) => (ShownIdentity::anonymous(), None),
            Some(CallAs::Number { number }) => {
                if !account.numbers.iter().any(|n| n.e164 == number && n.calls) {
                    return self.refuse(request, ErrorCode::NumberNotYours);
                }
                let Some(uri) = target_uri(&Target::Number(number.clone()), &account.profile.domain, false)
                else {
                    return self.refuse(request, ErrorCode::InvalidTarget);
                };
                // RFC 3325 section 9.2: the provider checks that the number is the account's.
                let shown = ShownIdentity {
                    number: Some(Address::new(uri)),
                    shown_as: ShownAs::Preferred,
                    ..ShownIdentity::default()
                };
                (shown, Some(number))
            }
        };
        let peer = match target {
            Target::Number(number) => number,
            Target::Name(name) => name,
            Target::Address(_) => peer_of(&uri, &account.profile.domain),
        };
        let peer_name = self.name_of(&peer);
        let call = self.new_call(
            id,
            CallDirection::Outgoing,
            peer,
            peer_name,
            number,
            Phase::Preparing(Box::new(Whither::To(uri))),
        );
        if let Some(call) = self.calls.get_mut(&call) {
            call.show = shown;
        }
        self.hold_others(&call);
        self.open_media(&call, local);
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
                self.hold_others(id);
                self.open_media(id, local);
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
        if !self.calls.contains_key(id) {
            return self.refuse(request, ErrorCode::NotFound);
        }
        // In a conference the microphone is muted for all.
        for id in self.with_joined(id) {
            if let Some(call) = self.calls.get_mut(&id) {
                call.muted = muted;
            }
            self.effect(Effect::Mute(id.clone(), muted));
            self.call_changed(&id);
        }
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
        let Some(key) = tern_media::Digit::from_char(digit) else {
            return self.refuse(request, ErrorCode::InvalidTarget);
        };
        let media = self.media_of(&call.account);
        if call.agreed.as_ref().is_some_and(|agreed| agreement::by_info(agreed, key, &media)) {
            self.info_digit(id, digit);
        } else {
            self.effect(Effect::Digit(id.clone(), digit));
        }
        self.reply(request, Ok(Reply::Done {}));
    }

    /// What is to be heard besides the calls themselves.
    pub(crate) fn wanted_tone(&self) -> Option<(RingTone, NationalTones)> {
        if self.calls.values().any(|c| c.phase == Phase::RingingHere && !c.silent) {
            return Some((RingTone::Ring, NationalTones::default()));
        }
        let ringing = self.calls.values().find(|c| c.phase == Phase::RingingThere && !c.early_media);
        let ringback = ringing.map(|call| (RingTone::Ringback, self.tones_of(&call.account)));
        ringback.or(self.end_tone.map(|(tone, whose, _)| (tone, whose)))
    }

    /// The tones that its owner knows: those of the country of an account's numbers.
    pub(crate) fn tones_of(&self, account: &AccountId) -> NationalTones {
        let country = self.accounts.get(account).and_then(|account| account.region());
        country.map(NationalTones::of_country).unwrap_or_default()
    }

    pub(crate) fn media_report(&mut self, id: &CallId, report: MediaReport) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        match report {
            MediaReport::Opened(rtp, addresses) => {
                let moved = call.rtp.replace(rtp).is_some();
                let phase = call.phase.clone();
                self.media_opened(id, addresses);
                match phase {
                    Phase::Preparing(whither) => self.invite(id, *whither),
                    Phase::Answering => self.accept(id),
                    _ if moved => self.offer_again(id),
                    _ => {}
                }
            }
            MediaReport::NotOpened => {
                let error = ErrorView::with_detail(ErrorCode::Internal, "rtp");
                self.hang_up(id, EndedBy::Local, Some(error));
            }
            MediaReport::Unreachable => self.no_common_family(id),
            MediaReport::Found(addresses) => self.addresses_found(id, addresses),
            MediaReport::Way(found) => self.way_found(id, found),
            MediaReport::Silent(rtp, addresses) => self.way_silent(id, rtp, addresses),
            MediaReport::NoRelay(why) => {
                let account = Some(call.account.clone());
                let error = ErrorView::with_detail(ErrorCode::NoRelay, why);
                self.notice(Notice::Trouble { account, error });
            }
            MediaReport::Stats(stats) => {
                call.stats = Some(call.ways.restarting.figures(stats));
                if call.phase != Phase::Ended {
                    self.call_changed(id);
                }
            }
            MediaReport::Closed(stats) => {
                call.stats = Some(call.ways.restarting.figures(stats));
                if call.phase == Phase::Ended {
                    self.call_over(id);
                }
            }
            MediaReport::Microphone(id) => {
                self.sounds_again(&[ErrorCode::NoMicrophone, ErrorCode::AudioDeviceFailed]);
                self.change_devices(|devices| DevicesView { microphone: Some(id), ..devices });
            }
            MediaReport::Speaker(id) => {
                self.sounds_again(&[ErrorCode::NoSpeaker, ErrorCode::AudioDeviceFailed]);
                self.change_devices(|devices| DevicesView { speaker: Some(id), ..devices });
            }
            MediaReport::Trouble(error) => {
                match error.code {
                    ErrorCode::NoMicrophone => self.devices.microphone = None,
                    ErrorCode::NoSpeaker => self.devices.speaker = None,
                    _ => {}
                }
                call.trouble = Some(error);
                if call.phase != Phase::Ended {
                    self.call_changed(id);
                }
            }
            MediaReport::Digit(digit) => {
                if call.phase != Phase::Ended {
                    self.event(EventKind::DigitCame { call: id.clone(), digit });
                }
            }
            MediaReport::RecordingStarted(path) => self.recording_started(id, path),
            MediaReport::RecordingFailed(error) => self.recording_failed(id, error),
            MediaReport::Security(state) => self.security_moved(id, state),
            MediaReport::Started | MediaReport::SourceFinished => {}
        }
    }

    /// A device has been found: calls that missed one miss none any more.
    fn sounds_again(&mut self, troubles: &[ErrorCode]) {
        let missed = |call: &Call| call.trouble.as_ref().is_some_and(|error| troubles.contains(&error.code));
        let ids: Vec<CallId> =
            self.calls.values().filter(|call| missed(call)).map(|c| c.id.clone()).collect();
        for id in ids {
            if let Some(call) = self.calls.get_mut(&id) {
                call.trouble = None;
            }
            self.call_changed(&id);
        }
    }

    /// The account's line stands on another local address: what sounds there must go on here.
    pub(crate) fn move_calls_of(&mut self, account: &AccountId, ip: IpAddr) {
        for id in self.calls_of(account) {
            let Some(call) = self.calls.get(&id) else { continue };
            if call.rtp.is_some() && call.phase != Phase::Ended {
                self.open_media(&id, ip);
            }
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
        let encryption = self.encryption(account);
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
            agreed: None,
            offering: None,
            show: ShownIdentity::account(),
            held: false,
            held_there: false,
            anonymous: false,
            silent: false,
            diverted_by: None,
            handing: Handing::default(),
            rtp: None,
            ways: Ways::default(),
            followed: false,
            second_family: None,
            early_media: false,
            sounding: false,
            muted: false,
            joined: false,
            recording: Recording::Off,
            recorded: None,
            started: self.now.wall,
            answered: None,
            end: None,
            stats: None,
            trouble: None,
            encryption,
            target: None,
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
