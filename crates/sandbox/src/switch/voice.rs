//! Calls the provider answers itself, in the studio: a voicemail in somebody's name, a menu, the mailbox.
//!
//! What each does when a clip has ended, a key was pressed, a message was recorded. Not here: the conference bridge
//! ([`super::bridge`]), and how sound is made ([`crate::services::studio`]).

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use tern_sip::{
    Body, Identity, MessageConfig, NextHop,
    message_waiting::{Counts, MessageClass, Summary, Waiting},
    offer_answer,
    wire::{Address, Host, SipUri, Uri, sdp::SessionDescription},
};

use super::{
    SessionId, Switch,
    bridge::{Door, Seat},
    session::{Cause, Progress, Sound},
    transfers::Side,
};
use crate::{
    DOMAIN, greeting,
    media::description,
    model::{AccountId, new_id},
    routing::MenuOption,
    services::{
        self,
        clips::{Clip, Signal},
        studio::StudioLine,
    },
    store::voicemails::{self, Voicemail},
};

/// How often a menu is said.
const MENU_ROUNDS: u8 = 3;
/// How long a menu waits for a key before it is said again.
const MENU_PAUSE: Duration = Duration::from_secs(4);
/// Who mailboxes are told of by.
const MAILBOX: &str = "voicemail";

/// A session's line in the studio, and what is said there.
#[derive(Debug)]
pub(super) struct Voice {
    pub(super) line: StudioLine,
    pub(super) program: Program,
}

/// What a line of the studio is for.
#[derive(Debug)]
pub(super) enum Program {
    /// Speaks in a customer's name, then takes a message.
    Voicemail { records: bool },
    /// Plays a customer their messages.
    Mailbox { waiting: VecDeque<String>, playing: Option<String> },
    /// Press a key to reach a person.
    Menu { rounds: u8, rings: bool },
    /// Asks for a conference's PIN.
    Door(Door),
    /// Takes part in a conference.
    Seat(Seat),
}

/// A message that is being recorded, whose call may be over before it is kept.
#[derive(Debug)]
pub(super) struct Recorded {
    account: AccountId,
    number: String,
    peer: String,
}

impl Switch {
    /// The studio answers the caller of a session that is not answered yet. `false`: it cannot, nothing has changed.
    pub(super) fn answer_by_studio(
        &mut self,
        now: Instant,
        id: SessionId,
        program: Program,
        clip: Clip,
    ) -> bool {
        let Ok(line) = self.studio.open(self.media_ip, id) else { return false };
        let at = self.operator.now();
        let Some(session) = self.sessions.get_mut(&id) else { return false };
        let (Sound::Relay(relay), Some(caller)) = (&session.sound, &mut session.caller) else { return false };
        let answer = match &caller.offer {
            Some(offer) => match services::answer(offer, relay.for_caller, 1) {
                Ok((answer, agreed)) if line.agree(&agreed, relay.for_callee) => answer,
                _ => return false,
            },
            // RFC 3261 section 13.2.1: no offer in the INVITE, so ours in the answer.
            None => services::offer(relay.for_caller),
        };
        relay.set_callee(Some(line.address));
        line.play(clip);
        caller.sent = Some(answer.clone());
        let leg = caller.leg;
        session.voice = Some(Voice { line, program });
        session.progress = Progress::Talking { since: at };
        if self.endpoint.accept(now, leg, answer).is_err() {
            self.finish(now, id, Cause::Ended);
            return true;
        }
        self.begin_charging(now, id, Side::Caller);
        true
    }

    /// The caller has answered the studio's offer.
    pub(super) fn studio_agrees(&self, id: SessionId, answer: &SessionDescription) {
        let Some(session) = self.sessions.get(&id) else { return };
        let (Sound::Relay(relay), Some(voice)) = (&session.sound, &session.voice) else { return };
        let sent = session.caller.as_ref().and_then(|caller| caller.sent.as_ref());
        if let Some(Ok(agreed)) = sent.map(|sent| offer_answer::agree(sent, answer)) {
            voice.line.agree(&agreed, relay.for_callee);
        }
    }

    /// Nobody answers a call, or nobody can be rung: its voicemail does, where there is one.
    pub(super) fn unreached(&mut self, now: Instant, id: SessionId, code: u16) {
        let Some(session) = self.sessions.get(&id) else { return };
        let Some(callee) = &session.callee else { return self.finish(now, id, Cause::Refused(code)) };
        let (account, has_voicemail) = (callee.account, callee.routing.voicemail.enabled);
        let clip = has_voicemail.then(|| {
            let greeting = callee.routing.voicemail.greeting.clone();
            let beep = Clip::signal(Signal::Beep);
            self.greeting(account, greeting.as_deref()).map_or(beep.clone(), |greeting| greeting.then(&beep))
        });
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let is_from_outside = session.caller.is_none();
        match (session.voice.as_mut(), clip) {
            (Some(voice), Some(clip)) => {
                voice.program = Program::Voicemail { records: false };
                voice.line.play(clip);
            }
            // A menu whose person does not answer is said again.
            (Some(_), None) => self.say_menu(now, id, Some(Signal::No)),
            (None, Some(_)) if is_from_outside => {
                self.leave_message_from_outside(now, id);
                self.finish(now, id, Cause::Refused(code));
            }
            (None, Some(clip)) => {
                if !self.answer_by_studio(now, id, Program::Voicemail { records: false }, clip) {
                    self.finish(now, id, Cause::Refused(code));
                }
            }
            (None, None) => self.finish(now, id, Cause::Refused(code)),
        }
    }

    /// A greeting as it is played.
    fn greeting(&self, account: AccountId, id: Option<&str>) -> Option<Clip> {
        let id = id?;
        let wav = self.operator.read(|c| voicemails::greeting_sound(c, account, id)).ok().flatten()?;
        Some(Clip::of(&greeting::check(&wav).ok()?))
    }

    /// A clip has been played to its end.
    pub(super) fn on_played(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(voice) = &mut session.voice else { return self.finish(now, id, Cause::Ended) };
        match &mut voice.program {
            Program::Voicemail { records } if !*records => {
                *records = true;
                voice.line.record(self.operator.settings.voicemail_longest);
                if let Some(callee) = &session.callee {
                    let (account, number, peer) =
                        (callee.account, callee.number.clone(), callee.peer.clone());
                    self.recorded.insert(id, Recorded { account, number, peer });
                }
            }
            Program::Mailbox { .. } => self.next_message(now, id),
            Program::Menu { rings: false, .. } => self.say_menu(now, id, None),
            Program::Door(_) => self.ask_again(now, id),
            Program::Voicemail { .. } | Program::Menu { .. } | Program::Seat(_) => {}
        }
    }

    /// A key was pressed by somebody who talks to the studio.
    pub(super) fn on_key(&mut self, now: Instant, id: SessionId, key: char) {
        let Some(voice) = self.sessions.get_mut(&id).and_then(|s| s.voice.as_mut()) else { return };
        match &mut voice.program {
            Program::Voicemail { records: true } if key == '#' => voice.line.stop_recording(),
            // The greeting can be passed over.
            Program::Voicemail { records: false } if key == '#' => {
                voice.line.play(Clip::signal(Signal::Beep))
            }
            Program::Voicemail { .. } => {}
            Program::Mailbox { .. } => self.on_mailbox_key(now, id, key),
            Program::Menu { rings: false, .. } => self.on_menu_key(now, id, key),
            Program::Menu { .. } => {}
            Program::Door(_) => self.on_door_key(now, id, key),
            Program::Seat(_) => self.on_seat_key(now, id, key),
        }
    }

    /// A message has been recorded; its call may be over.
    pub(super) fn on_recorded(&mut self, now: Instant, id: SessionId, samples: &[i16]) {
        let Some(recorded) = self.recorded.remove(&id) else { return };
        self.keep_message(now, recorded, samples);
        self.finish(now, id, Cause::Ended);
    }

    fn keep_message(&mut self, now: Instant, recorded: Recorded, samples: &[i16]) {
        let settings = &self.operator.settings;
        let shortest = settings.voicemail_shortest.as_secs_f32() * greeting::RATE as f32;
        if (samples.len() as f32) < shortest {
            return;
        }
        let voicemail = Voicemail {
            id: new_id("vm"),
            account: recorded.account,
            number: recorded.number,
            peer: recorded.peer,
            at: self.operator.now(),
            seconds: u32::try_from(greeting::seconds(samples.len())).unwrap_or(u32::MAX),
            heard: false,
        };
        let wav = greeting::write(samples);
        let kept =
            self.operator.write(|books| voicemails::add(books, &voicemail, &wav, settings.voicemail_kept));
        match kept {
            Ok(()) => self.tell_waiting(now, voicemail.account),
            Err(error) => tracing::error!(%error, "a message cannot be kept"),
        }
    }

    /// A call from outside that nobody answers leaves a message of two tones, as it has nobody who speaks.
    fn leave_message_from_outside(&mut self, now: Instant, id: SessionId) {
        let callee = self.sessions.get(&id).and_then(|s| s.callee.as_ref());
        let Some(callee) = callee else { return };
        let (account, number, peer) = (callee.account, callee.number.clone(), callee.peer.clone());
        let samples: Vec<i16> = (0..greeting::RATE * 2)
            .map(|n| {
                let hz = if n < greeting::RATE { 440.0 } else { 550.0 };
                let phase = std::f32::consts::TAU * hz * n as f32 / greeting::RATE as f32;
                (phase.sin() * 6_000.0) as i16
            })
            .collect();
        self.keep_message(now, Recorded { account, number, peer }, &samples);
    }

    /// Tells a customer's phones how many messages wait (RFC 3842).
    pub(super) fn tell_waiting(&mut self, now: Instant, account: AccountId) {
        let Ok(waiting) = self.operator.read(|c| voicemails::waiting(c, account)) else { return };
        let user = |user: &str| Uri::Sip(SipUri::new(Some(user), Host::Name(DOMAIN.into()), None));
        let counts = Counts { new: waiting.new, old: waiting.heard, ..Counts::default() };
        let summary = Summary {
            waiting: if waiting.new > 0 { Waiting::Yes } else { Waiting::No },
            account: Some(user(MAILBOX)),
            counts: vec![(MessageClass::Voice, counts)],
        };
        for binding in self.registrar.contacts(now, account) {
            let config = MessageConfig {
                identity: Identity::Plain { from: Address::new(user(MAILBOX)), login: None },
                to: binding.contact,
                next_hop: Some(NextHop::udp(binding.source)),
                body: Body::text(""),
                headers: Vec::new(),
            };
            if let Err(error) = self.endpoint.notify_waiting(now, &summary, config) {
                tracing::debug!(%error, "a phone is not told of its messages");
            }
        }
    }

    /// Whether an account has any messages, heard or not.
    pub(super) fn has_messages(&self, account: AccountId) -> bool {
        let waiting = self.operator.read(|c| voicemails::waiting(c, account)).unwrap_or_default();
        waiting.new > 0 || waiting.heard > 0
    }

    /// What the mailbox plays: the new messages, the oldest first; else the heard ones, the latest first.
    pub(super) fn mailbox(&self, account: AccountId) -> Program {
        let all = self.operator.read(|c| voicemails::list(c, account)).unwrap_or_default();
        let mut waiting: VecDeque<String> =
            all.iter().filter(|m| !m.heard).map(|m| m.id.clone()).rev().collect();
        if waiting.is_empty() {
            waiting = all.into_iter().map(|m| m.id).collect();
        }
        Program::Mailbox { waiting, playing: None }
    }

    /// The message that was played has been heard; the next one is played.
    fn next_message(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(account) = session.caller.as_ref().map(|c| c.account) else { return };
        let Some(Voice { program: Program::Mailbox { waiting, playing }, line }) = &mut session.voice else {
            return;
        };
        let heard = playing.take();
        let next = waiting.pop_front();
        let is_over = next.is_none() && heard.is_none();
        let clip = next.as_ref().map(|message| {
            let wav = self.operator.read(|c| voicemails::sound(c, account, message)).ok().flatten();
            let samples = wav.and_then(|wav| greeting::check(&wav).ok()).unwrap_or_default();
            Clip::signal(Signal::Beep).then(&Clip::of(&samples))
        });
        *playing = next;
        line.play(clip.unwrap_or_else(|| Clip::signal(if is_over { Signal::No } else { Signal::Yes })));
        if let Some(heard) = heard {
            let changed = self.operator.write(|books| voicemails::set_heard(books, account, &heard, true));
            if changed.is_ok() {
                self.tell_waiting(now, account);
            }
        }
        if is_over {
            self.finish(now, id, Cause::Ended);
        }
    }

    /// `#` goes on, `*` says it again, `7` deletes.
    fn on_mailbox_key(&mut self, now: Instant, id: SessionId, key: char) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(account) = session.caller.as_ref().map(|c| c.account) else { return };
        let Some(Voice { program: Program::Mailbox { waiting, playing }, .. }) = &mut session.voice else {
            return;
        };
        match key {
            '#' => self.next_message(now, id),
            '*' => {
                if let Some(again) = playing.take() {
                    waiting.push_front(again);
                }
                self.next_message(now, id);
            }
            '7' => {
                if let Some(gone) = playing.take() {
                    let deleted = self.operator.write(|books| voicemails::delete(books, account, &gone));
                    if deleted.is_ok() {
                        self.tell_waiting(now, account);
                    }
                }
                self.next_message(now, id);
            }
            _ => {}
        }
    }

    /// Says a menu, for the last time after some rounds.
    pub(super) fn say_menu(&mut self, now: Instant, id: SessionId, signal: Option<Signal>) {
        let callee = self.sessions.get(&id).and_then(|s| s.callee.as_ref());
        let Some(clip) = callee.map(|callee| {
            let greeting = callee.routing.menu.as_ref().and_then(|menu| menu.greeting.as_deref());
            let said = self.greeting(callee.account, greeting);
            said.unwrap_or_else(|| Clip::signal(Signal::Ask)).then(&Clip::silence(MENU_PAUSE))
        }) else {
            return;
        };
        let clip = signal.map_or(clip.clone(), |signal| Clip::signal(signal).then(&clip));
        let Some(voice) = self.sessions.get_mut(&id).and_then(|s| s.voice.as_mut()) else { return };
        let Program::Menu { rounds, rings } = &mut voice.program else { return };
        *rounds = rounds.saturating_add(1);
        *rings = false;
        if *rounds > MENU_ROUNDS {
            self.finish(now, id, Cause::Ended);
        } else {
            voice.line.play(clip);
        }
    }

    /// Answers a call by its number's menu. `false`: there is none, or it cannot.
    pub(super) fn answer_by_menu(&mut self, now: Instant, id: SessionId) -> bool {
        let callee = self.sessions.get(&id).and_then(|s| s.callee.as_ref());
        if callee.is_none_or(|callee| callee.routing.menu.is_none()) {
            return false;
        }
        let clip = Clip::signal(Signal::Yes);
        self.answer_by_studio(now, id, Program::Menu { rounds: 0, rings: false }, clip)
    }

    fn on_menu_key(&mut self, now: Instant, id: SessionId, key: char) {
        let Some(session) = self.sessions.get(&id) else { return };
        let Some(callee) = &session.callee else { return };
        let mut options = callee.routing.menu.iter().flat_map(|menu| &menu.options);
        let Some(MenuOption { target, .. }) = options.find(|option| option.key == key) else {
            return self.say_menu(now, id, Some(Signal::No));
        };
        let stage = self.places(now, callee.account, &callee.number, target);
        let (Sound::Relay(relay), Some(sent)) =
            (&session.sound, session.caller.as_ref().and_then(|c| c.sent.as_ref()))
        else {
            return;
        };
        // Whoever is rung is offered what the caller has settled on.
        let offer = description::redirected(sent, relay.for_callee);
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if let Some(callee) = &mut session.callee {
            callee.offer = offer;
            callee.later = [stage].into_iter().filter(|stage| !stage.is_empty()).collect();
        }
        if let Some(Voice { program: Program::Menu { rings, .. }, line }) = &mut session.voice {
            *rings = true;
            line.play(Clip::music());
        }
        if !self.ring_next(now, id, None, None) {
            self.unreached(now, id, 480);
        }
    }
}
