//! The conference bridge: a PIN at the door, music until the organiser starts, then one room. And the participants the
//! bridge calls itself.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{
    SessionId, Switch,
    route::Called,
    session::{Cause, Session, Shown, Sound},
    voice::{Program, Voice},
};
use crate::{
    clock::later,
    conference::{Conference, Leg, Line, PIN_LENGTH, State},
    destinations,
    media::relay::Relay,
    model::new_id,
    outside::{CallMe, OutsideError},
    routing::Routing,
    services::{
        self,
        clips::{Clip, Signal},
        studio::RoomId,
    },
    store::{accounts, conferences, numbers},
};

/// How often a PIN may be wrong, or asked for in vain.
const TRIES: u8 = 3;
/// How long the door waits for a PIN before it asks again.
const DOOR_PAUSE: Duration = Duration::from_secs(10);
/// The organiser's key that starts the conference.
const START: char = '1';

/// Somebody in front of a conference.
#[derive(Debug)]
pub(super) struct Door {
    entered: String,
    tries: u8,
    line: Line,
}

/// Somebody in a conference.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) conference: String,
    leg: String,
    organiser: bool,
    /// Whether they hear the others, not music.
    talks: bool,
    since: Timestamp,
}

impl Door {
    pub(super) fn new(line: Line) -> Self {
        Self { entered: String::new(), tries: 0, line }
    }

    /// What is heard there.
    pub(super) fn clip() -> Clip {
        Clip::signal(Signal::Ask).then(&Clip::silence(DOOR_PAUSE))
    }
}

impl Switch {
    /// Whoever waits for a conference to be started may do so until then.
    pub(super) fn next_drop(&self) -> Option<Timestamp> {
        let waits = self.operator.settings.conference_waits;
        self.sessions
            .values()
            .filter_map(|s| Some(later(s.seat().filter(|seat| seat.may_be_dropped())?.since, waits)))
            .min()
    }

    /// Drops who has waited too long.
    pub(super) fn drop_waiting(&mut self, now: Instant) {
        let (waits, at) = (self.operator.settings.conference_waits, self.operator.now());
        let is_due = |s: &Session| {
            s.seat().is_some_and(|seat| seat.may_be_dropped() && later(seat.since, waits) <= at)
        };
        let due: Vec<_> = self.sessions.iter().filter(|(_, s)| is_due(s)).map(|(id, _)| *id).collect();
        for id in due {
            self.finish(now, id, Cause::Ended);
        }
    }

    /// The pause after a prompt is over without a PIN.
    pub(super) fn ask_again(&mut self, now: Instant, id: SessionId) {
        self.turn_away(now, id, Door::clip());
    }

    pub(super) fn on_door_key(&mut self, now: Instant, id: SessionId, key: char) {
        let Some(Voice { program: Program::Door(door), line }) = self.voice(id) else { return };
        match key {
            '0'..='9' => {
                // Pressing a key ends the prompt.
                line.play(Clip::silence(DOOR_PAUSE));
                door.entered.push(key);
                if door.entered.len() < PIN_LENGTH {
                    return;
                }
            }
            '#' => {}
            _ => {
                door.entered.clear();
                return;
            }
        }
        let (pin, kind) = (std::mem::take(&mut door.entered), door.line);
        let found = self.operator.read(|c| conferences::by_pin(c, &pin)).ok().flatten();
        match found.and_then(|conference| Some((conference.admits(&pin)?, conference))) {
            Some((organiser, conference)) => self.take_seat(id, &conference, organiser, kind),
            None => {
                let clip = Clip::signal(Signal::No).then(&Door::clip());
                self.turn_away(now, id, clip);
            }
        }
    }

    fn turn_away(&mut self, now: Instant, id: SessionId, clip: Clip) {
        let Some(Voice { program: Program::Door(door), line }) = self.voice(id) else { return };
        door.entered.clear();
        door.tries = door.tries.saturating_add(1);
        if door.tries >= TRIES {
            self.finish(now, id, Cause::Ended);
        } else {
            line.play(clip);
        }
    }

    fn take_seat(&mut self, id: SessionId, conference: &Conference, organiser: bool, line: Line) {
        let since = self.operator.now();
        let Some(session) = self.sessions.get(&id) else { return };
        let caller = session.caller.as_ref().map(|c| c.number.clone());
        let peer = caller.or_else(|| session.callee.as_ref().map(|c| c.number.clone())).unwrap_or_default();
        let leg = Leg {
            id: new_id("leg"),
            conference: conference.id.clone(),
            line,
            peer,
            organiser,
            joined_at: since,
            left_at: None,
        };
        if let Err(error) = self.operator.write(|books| conferences::add_leg(books, &leg)) {
            tracing::error!(%error, "a participant cannot be written down");
        }
        let talks = conference.state == State::Running;
        let room = self.room(&conference.id);
        let seat = Seat { conference: conference.id.clone(), leg: leg.id, organiser, talks, since };
        let Some(voice) = self.voice(id) else { return };
        voice.program = Program::Seat(seat);
        let yes = Clip::signal(Signal::Yes);
        if talks {
            voice.line.play(yes);
            voice.line.enter(Some(room));
        } else {
            voice.line.play(yes.then(&Clip::music()));
        }
    }

    pub(super) fn on_seat_key(&mut self, now: Instant, id: SessionId, key: char) {
        let Some(seat) = self.sessions.get(&id).and_then(Session::seat) else { return };
        if key != START || !seat.organiser || seat.talks {
            return;
        }
        let conference = seat.conference.clone();
        match self.operator.start_conference(&conference) {
            Ok(_) => self.conference_changed(now, &conference),
            Err(error) => tracing::error!(%error, "a conference cannot be started"),
        }
    }

    /// A conference was started or is over: those in it talk, or are hung up on.
    pub(super) fn conference_changed(&mut self, now: Instant, id: &str) {
        let state = self.operator.read(|c| conferences::by_id(c, id)).ok().flatten().map(|c| c.state);
        let here = |s: &Session| s.seat().is_some_and(|seat| seat.conference == id);
        let seated: Vec<_> = self.sessions.iter().filter(|(_, s)| here(s)).map(|(id, _)| *id).collect();
        let room = self.room(id);
        for session in seated {
            match state {
                Some(State::Running) => {
                    let Some(Voice { program: Program::Seat(seat), line }) = self.voice(session) else {
                        continue;
                    };
                    if !seat.talks {
                        seat.talks = true;
                        line.play(Clip::signal(Signal::Yes));
                        line.enter(Some(room));
                    }
                }
                Some(State::Planned) => {}
                Some(State::Ended | State::Cancelled) | None => self.finish(now, session, Cause::Ended),
            }
        }
    }

    /// A seat is empty; when all are, the conference is over.
    pub(super) fn left_conference(&mut self, seat: &Seat) {
        let here = |s: &&Session| s.seat().is_some_and(|other| other.conference == seat.conference);
        let is_empty = self.sessions.values().find(here).is_none();
        if is_empty {
            self.rooms.remove(&seat.conference);
        }
        if let Err(error) = self.operator.leave_conference(&seat.conference, &seat.leg, is_empty) {
            tracing::error!(%error, "the end of a conference cannot be written down");
        }
    }

    /// Rings a participant; whoever answers is in. Answers whether anything rings.
    pub(super) fn call_participant(&mut self, now: Instant, call: &CallMe) -> Result<bool, OutsideError> {
        let target = destinations::e164(&call.target).unwrap_or_else(|| call.target.to_ascii_lowercase());
        let reached = self.operator.read(|c| -> Result<_, crate::store::StoreError> {
            if target.starts_with('+') {
                return Ok(numbers::by_e164(c, &target)?.map(|n| (n.account, n.e164, n.incoming_minute)));
            }
            Ok(accounts::by_sip_user(c, &target)?.map(|a| (a.id, a.sip_user, Decimal::ZERO)))
        });
        let (account, number, incoming_minute) = reached.ok().flatten().ok_or(OutsideError::NumberUnknown)?;
        let called = Called {
            account,
            number,
            routing: Routing::to_own_sip(),
            incoming_minute,
            outgoing_minute: Decimal::ZERO,
        };
        let id = self.new_session();
        let silence = self.operator.settings.media_silence;
        let relay = Relay::start(self.media_ip, id, silence, self.news.clone());
        let line = self.studio.open(self.media_ip, id);
        let (Ok(relay), Ok(line)) = (relay, line) else { return Err(OutsideError::Busy) };
        relay.set_caller(Some(line.address));
        let from = Shown::Number(self.operator.settings.conference_toll_free.clone());
        let callee = self.callee(now, called, from, services::offer(relay.for_callee));
        let seat = Seat {
            conference: call.conference.clone(),
            leg: String::new(),
            organiser: call.organiser,
            talks: false,
            since: self.operator.now(),
        };
        let session = Session {
            callee: Some(callee),
            voice: Some(Voice { line, program: Program::Seat(seat) }),
            ..Session::ringing(Sound::Relay(relay), self.operator.now())
        };
        self.sessions.insert(id, session);
        let rings = self.ring_next(now, id, Some("Conference"), None);
        if !rings {
            self.finish(now, id, Cause::Refused(480));
        }
        Ok(rings)
    }

    /// A participant the bridge has called is there.
    pub(super) fn participant_answered(&mut self, now: Instant, id: SessionId) {
        let Some(seat) = self.sessions.get(&id).and_then(Session::seat) else { return };
        let (conference, organiser) = (seat.conference.clone(), seat.organiser);
        let found = self.operator.read(|c| conferences::by_id(c, &conference)).ok().flatten();
        match found.filter(|c| matches!(c.state, State::Planned | State::Running)) {
            Some(conference) => self.take_seat(id, &conference, organiser, Line::CallMe),
            None => self.finish(now, id, Cause::Ended),
        }
    }

    fn room(&mut self, conference: &str) -> RoomId {
        let next = RoomId(self.next_session);
        // Session numbers are never given twice, so rooms named after them are not either.
        self.next_session = self.next_session.wrapping_add(1);
        *self.rooms.entry(conference.to_owned()).or_insert(next)
    }

    fn voice(&mut self, id: SessionId) -> Option<&mut Voice> {
        self.sessions.get_mut(&id)?.voice.as_mut()
    }
}

impl Seat {
    /// Whether somebody has really joined: who is being called has not.
    pub(super) fn is_taken(&self) -> bool {
        !self.leg.is_empty()
    }

    fn may_be_dropped(&self) -> bool {
        self.is_taken() && !self.talks && !self.organiser
    }
}

impl Session {
    fn seat(&self) -> Option<&Seat> {
        match self.voice.as_ref().map(|voice| &voice.program) {
            Some(Program::Seat(seat)) => Some(seat),
            _ => None,
        }
    }
}
