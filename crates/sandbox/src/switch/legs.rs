//! How calls go on and end: what each leg tells, and what that means for the others.

use std::time::{Duration, Instant};

use tern_sip::{
    CallId, CallState, Reply, offer_answer,
    wire::{
        default_reason,
        sdp::{self, SessionDescription},
    },
};

use super::{
    Deed, SessionId, Switch, agree,
    session::{Cause, Progress, Sound},
    transfers::Side,
    voice::{Program, Voice},
};
use crate::{media::description, services};

impl Switch {
    pub(super) fn on_leg(&mut self, now: Instant, id: SessionId, leg: CallId, state: CallState) {
        if self.on_transfer_leg(now, id, leg, &state) {
            return;
        }
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.caller.as_ref().is_some_and(|caller| caller.leg == leg) {
            match state {
                CallState::Ended(_) => {
                    self.legs.remove(&leg);
                    if !self.asker_left(id, leg) {
                        self.finish(now, id, Cause::Ended);
                    }
                }
                // The answer to an offer of ours comes with the ACK.
                CallState::Confirmed { sdp: Some(answer) } => match &mut session.sound {
                    Sound::Relay(relay) => {
                        relay.set_caller(description::audio_address(&answer));
                        self.studio_agrees(id, &answer);
                    }
                    sound => {
                        let sent = session.caller.as_ref().and_then(|c| c.sent.as_ref());
                        if let Some(Ok(agreed)) = sent.map(|sent| offer_answer::agree(sent, &answer)) {
                            agree(sound, &agreed);
                        }
                    }
                },
                _ => {}
            }
            return;
        }
        match state {
            CallState::Trying | CallState::Confirmed { .. } => {}
            CallState::Ringing => {
                if let Some(caller) = session.caller.as_ref().map(|c| c.leg) {
                    // Further places that ring change nothing for the caller.
                    let _ = self.endpoint.ring(now, caller);
                }
            }
            CallState::EarlyMedia { sdp, .. } => self.on_early_media(now, id, leg, sdp),
            CallState::Answered { sdp } => self.on_answer(now, id, leg, sdp),
            CallState::Ended(ending) => self.on_branch_ended(now, id, leg, ending.code),
        }
    }

    fn on_early_media(&mut self, now: Instant, id: SessionId, leg: CallId, sdp: SessionDescription) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(callee) = &mut session.callee else { return };
        // Whose answer it will be is not known before it is one where a voicemail may answer yet, or the next target.
        let is_last = callee.later.is_empty() && !callee.routing.voicemail.enabled;
        let alone = callee.branches.len() == 1 && is_last && session.voice.is_none();
        if let Some(branch) = callee.branches.iter_mut().find(|b| b.leg == leg) {
            branch.answer = Some(sdp.clone());
        }
        let (Sound::Relay(relay), Some(caller)) = (&session.sound, &mut session.caller) else { return };
        // With several places ringing there is no telling whose sound to pass on.
        let reply = if alone {
            relay.set_callee(description::audio_address(&sdp));
            let early = description::redirected(&sdp, relay.for_caller);
            let reply = Reply::new(183).body(sdp::CONTENT_TYPE, early.to_bytes());
            caller.sent = Some(early);
            reply
        } else {
            Reply::new(180)
        };
        let _ = self.endpoint.progress(now, caller.leg, reply);
    }

    fn on_answer(&mut self, now: Instant, id: SessionId, leg: CallId, sdp: Option<SessionDescription>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(callee) = &mut session.callee else { return };
        let Some(branch) = callee.branches.iter_mut().find(|b| b.leg == leg) else { return };
        if sdp.is_some() {
            branch.answer = sdp;
        }
        let Some(answer) = branch.answer.clone() else {
            self.finish(now, id, Cause::Refused(488));
            return;
        };
        callee.answered_by = Some(leg);
        let others: Vec<_> = callee.branches.iter().map(|b| b.leg).filter(|l| *l != leg).collect();
        let at = self.operator.now();
        let by_studio = session.voice.is_some();
        let has_caller = session.caller.is_some();
        if by_studio && has_caller {
            // The caller talks to the menu already.
            callee.joined = Some(at);
        } else {
            session.progress = Progress::Talking { since: at };
        }
        let accepted = match (&mut session.sound, &mut session.caller) {
            (Sound::Relay(relay), Some(_)) if by_studio => {
                relay.set_callee(description::audio_address(&answer));
                session.voice = None;
                true
            }
            (Sound::Relay(relay), None) => {
                relay.set_callee(description::audio_address(&answer));
                let agreed = offer_answer::agree(&callee.offer, &answer).ok();
                let voice = session.voice.as_ref();
                agreed.zip(voice).is_some_and(|(agreed, voice)| voice.line.agree(&agreed, relay.for_caller))
            }
            (Sound::Relay(relay), Some(caller)) => {
                relay.set_callee(description::audio_address(&answer));
                let answer = description::redirected(&answer, relay.for_caller);
                caller.sent = Some(answer.clone());
                self.endpoint.accept(now, caller.leg, answer).is_ok()
            }
            (sound, _) => match offer_answer::agree(&callee.offer, &answer) {
                Ok(agreed) => {
                    agree(sound, &agreed);
                    true
                }
                Err(_) => false,
            },
        };
        for other in others {
            let _ = self.endpoint.hang_up(now, other);
        }
        if !accepted {
            self.finish(now, id, Cause::Ended);
            return;
        }
        if !by_studio {
            self.begin_charging(now, id, Side::Caller);
        }
        self.begin_charging(now, id, Side::Callee);
        if by_studio && !has_caller {
            self.participant_answered(now, id);
        }
    }

    fn on_branch_ended(&mut self, now: Instant, id: SessionId, leg: CallId, code: Option<u16>) {
        self.legs.remove(&leg);
        let Some(callee) = self.sessions.get_mut(&id).and_then(|s| s.callee.as_mut()) else { return };
        if callee.answered_by == Some(leg) {
            if !self.asker_left(id, leg) {
                self.finish(now, id, Cause::Ended);
            }
            return;
        }
        callee.branches.retain(|b| b.leg != leg);
        // RFC 3261 section 16.7 step 5: a 6xx is final for all places.
        let final_for_all = code.is_some_and(|code| code >= 600);
        if callee.answered_by.is_none() && (callee.branches.is_empty() || final_for_all) {
            // Rung out: the endpoint's own cancelling has no code, or the 487 it got.
            let code = code.filter(|code| *code >= 300 && *code != 487).unwrap_or(480);
            if final_for_all || !self.ring_next(now, id, None, None) {
                self.unreached(now, id, code);
            }
        }
    }

    pub(super) fn on_reoffer(&mut self, now: Instant, leg: CallId, offer: Option<&SessionDescription>) {
        let session = self.legs.get(&leg).and_then(|id| self.sessions.get_mut(id));
        let Some(session) = session else {
            let _ = self.endpoint.reject_reoffer(now, leg, Reply::new(481));
            return;
        };
        let by_caller = session.caller.as_ref().is_some_and(|c| c.leg == leg);
        let sent = match (&mut session.caller, &mut session.callee) {
            (Some(caller), _) if by_caller => caller.sent.as_mut(),
            (_, Some(callee)) => Some(&mut callee.offer),
            _ => None,
        };
        let address = offer.map(description::audio_address);
        let answer = match (&mut session.sound, sent) {
            (Sound::Relay(relay), Some(sent)) => {
                match address {
                    Some(address) if by_caller => relay.set_caller(address),
                    Some(address) => relay.set_callee(address),
                    None => {}
                }
                *sent = description::renewed(sent, offer);
                Some(sent.clone())
            }
            (Sound::Echo(echo), Some(sent)) => {
                let version = sent.origin.version.parse::<u64>().unwrap_or(0).saturating_add(1);
                match offer.map(|offer| services::answer(offer, echo.address, version)) {
                    Some(Ok((answer, agreed))) => {
                        echo.agree(&agreed);
                        *sent = answer;
                        Some(sent.clone())
                    }
                    Some(Err(_)) => None,
                    None => {
                        *sent = description::renewed(sent, None);
                        Some(sent.clone())
                    }
                }
            }
            _ => None,
        };
        let answered = match answer {
            Some(answer) => self.endpoint.answer_reoffer(now, leg, answer),
            None => self.endpoint.reject_reoffer(now, leg, Reply::new(488)),
        };
        if let Err(error) = answered {
            tracing::debug!(%error, "a later offer came to nothing");
        }
    }

    /// A key pressed by INFO goes to the studio, or on to the other side.
    pub(super) fn on_digit(&mut self, now: Instant, leg: CallId, digit: char, duration: Duration) {
        let id = self.legs.get(&leg).copied();
        let session = id.and_then(|id| self.sessions.get(&id));
        if let (Some(id), Some(true)) = (id, session.map(|session| session.voice.is_some())) {
            return self.on_key(now, id, digit);
        }
        let Some(other) = session.and_then(|session| session.facing(leg)) else { return };
        if let Err(error) = self.endpoint.info_dtmf(now, other, digit, duration) {
            tracing::debug!(%error, "a digit came to nothing");
        }
    }

    /// Ends a call in whatever state it is, and writes it down.
    pub(super) fn finish(&mut self, now: Instant, id: SessionId, cause: Cause) {
        self.stop_charging(id, Side::Caller);
        self.stop_charging(id, Side::Callee);
        let Some(session) = self.sessions.remove(&id) else { return };
        let refusal = match (session.progress, cause) {
            (Progress::Ringing, Cause::Refused(code)) => Some(code),
            _ => None,
        };
        if let Some(transfer) = &session.transfer {
            let _ = self.endpoint.tell_transfer(now, transfer.request, 487, default_reason(487));
        }
        let caller = session.caller.as_ref().map(|c| c.leg);
        for leg in session.legs() {
            if self.legs.remove(&leg).is_none() {
                continue;
            }
            let _ = match refusal {
                Some(code) if Some(leg) == caller => self.endpoint.reject(now, leg, Reply::new(code)),
                _ => self.endpoint.hang_up(now, leg),
            };
        }
        if session.then_call_back
            && let Some(caller) = &session.caller
        {
            self.call_backs.push((now + self.operator.settings.call_me_after, caller.account));
        }
        if let Some(Voice { program: Program::Seat(seat), .. }) = &session.voice
            && seat.is_taken()
        {
            self.left_conference(seat);
        }
        let at = self.operator.now();
        self.deeds.extend(session.finished(at, cause).into_iter().map(Deed::Record));
    }
}
