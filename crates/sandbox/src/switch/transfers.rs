//! Blind transfers (RFC 3515, 5589 6): the switch is asked, for it is the other side of every customer's dialog. It
//! rings whom the customer names and puts them in the customer's place; whoever stays keeps the same dialog and the
//! same relay.
//!
//! Not here: transfers in the place of another call (RFC 3891) and those of calls with a service; they are declined.

use std::{collections::VecDeque, time::Instant};

use rust_decimal::Decimal;

use tern_sip::{
    CallId, CallState, TransferId,
    wire::{Replaces, Uri, default_reason, sdp::SessionDescription},
};

use super::{
    Deed, SessionId, Switch,
    calls::Places,
    route::{self, Route},
    session::{Branch, Callee, Caller, Cause, Progress, Session, Shown, Sound},
};
use crate::{
    media::description,
    model::{AccountId, Direction},
    routing::Routing,
};

/// A customer to be put in another's place.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) request: TransferId,
    /// Whose place is taken.
    side: Side,
    account: AccountId,
    number: String,
    /// What a minute costs them.
    minute: Decimal,
    /// The offer sent to them.
    offer: SessionDescription,
    pub(super) branches: Vec<Branch>,
    asker: Asker,
}

/// Which side of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Caller,
    Callee,
}

/// Whoever asked for the transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asker {
    /// Waits for the outcome.
    Here,
    /// Has hung up: when nobody answers the call is over.
    Gone,
}

impl Switch {
    pub(super) fn on_transfer_asked(
        &mut self,
        now: Instant,
        leg: CallId,
        request: TransferId,
        to: &Uri,
        replaces: Option<&Replaces>,
    ) {
        let id = self.legs.get(&leg).copied();
        let asked = id.and_then(|id| Some((id, self.transferable(id, leg)?)));
        let (Some((id, (side, account, offer))), None) = (asked, replaces) else {
            let _ = self.endpoint.reject_transfer(now, request);
            return;
        };
        if self.endpoint.begin_transfer(now, request).is_err() {
            return;
        }
        let peer = route::peer_of(to);
        let refused = match route::route(&self.operator, account, &peer) {
            Ok(Route::Customer(called)) => {
                let transfer = Transfer {
                    request,
                    side,
                    account: called.account,
                    number: called.number,
                    minute: called.incoming_minute,
                    offer,
                    branches: Vec::new(),
                    asker: Asker::Here,
                };
                return self.ring_for_transfer(now, id, transfer);
            }
            Ok(Route::Refused(refused)) => refused.status(),
            Ok(Route::Service(_)) => (403, "Services take no transferred calls"),
            Err(error) => {
                tracing::error!(%error, "a transfer cannot be routed");
                (500, default_reason(500))
            }
        };
        let _ = self.endpoint.tell_transfer(now, request, refused.0, refused.1);
    }

    /// Which side a leg is, whose account pays, and the offer for whoever takes its place; `None` when nobody can.
    fn transferable(&self, id: SessionId, leg: CallId) -> Option<(Side, AccountId, SessionDescription)> {
        let session = self.sessions.get(&id)?;
        let talking = matches!(session.progress, Progress::Talking { .. });
        let (Sound::Relay(_), true, None) = (&session.sound, talking, &session.transfer) else { return None };
        let (caller, callee) = (session.caller.as_ref()?, session.callee.as_ref()?);
        if caller.leg == leg {
            let offer = description::renewed(caller.sent.as_ref()?, None);
            return Some((Side::Caller, caller.account, offer));
        }
        let offer = description::renewed(&callee.offer, None);
        (callee.answered_by == Some(leg)).then_some((Side::Callee, callee.account, offer))
    }

    fn ring_for_transfer(&mut self, now: Instant, id: SessionId, mut transfer: Transfer) {
        let contacts = self.registered(now, transfer.account);
        let Some(session) = self.sessions.get(&id) else { return };
        let from = Shown::Number(session.who_stays(transfer.side));
        let ring_for = self.operator.settings.ring_for;
        let places =
            Places { places: &contacts, number: &transfer.number, from: &from, display: None, ring_for };
        transfer.branches = self.place(now, id, &places, &transfer.offer);
        if transfer.branches.is_empty() {
            let _ = self.endpoint.tell_transfer(now, transfer.request, 480, default_reason(480));
        } else if let Some(session) = self.sessions.get_mut(&id) {
            session.transfer = Some(transfer);
        }
    }

    /// What a leg of a transfer's target tells. False: the leg is none.
    pub(super) fn on_transfer_leg(
        &mut self,
        now: Instant,
        id: SessionId,
        leg: CallId,
        state: &CallState,
    ) -> bool {
        let Some(transfer) = self.sessions.get_mut(&id).and_then(|s| s.transfer.as_mut()) else {
            return false;
        };
        let Some(branch) = transfer.branches.iter_mut().find(|b| b.leg == leg) else { return false };
        let request = transfer.request;
        match state {
            CallState::Ringing => {
                let _ = self.endpoint.tell_transfer(now, request, 180, default_reason(180));
            }
            CallState::EarlyMedia { sdp, .. } => branch.answer = Some(sdp.clone()),
            CallState::Answered { sdp } => {
                if let Some(sdp) = sdp {
                    branch.answer = Some(sdp.clone());
                }
                self.put_in_place(now, id, leg);
            }
            CallState::Ended(ending) => {
                self.legs.remove(&leg);
                transfer.branches.retain(|b| b.leg != leg);
                if transfer.branches.is_empty() {
                    let code = ending.code.filter(|code| *code >= 300 && *code != 487).unwrap_or(480);
                    self.give_up_transfer(now, id, code);
                }
            }
            CallState::Trying | CallState::Confirmed { .. } => {}
        }
        true
    }

    /// The asker hung up before the outcome is known. False: nobody is being rung, the call is over.
    pub(super) fn asker_left(&mut self, id: SessionId, leg: CallId) -> bool {
        let Some(session) = self.sessions.get_mut(&id) else { return false };
        let Some(side) = session.transfer.as_ref().map(|t| t.side) else { return false };
        if session.leg_of(side) != Some(leg) {
            return false;
        }
        if let Some(transfer) = &mut session.transfer {
            transfer.asker = Asker::Gone;
        }
        self.stop_charging(id, side);
        self.leave(id, side);
        true
    }

    /// One side's part of a call that goes on without it is written down.
    fn leave(&mut self, id: SessionId, side: Side) {
        let at = self.operator.now();
        let record = self.sessions.get_mut(&id).and_then(|session| session.left(at, side));
        self.deeds.extend(record.map(Deed::Record));
    }

    /// Nobody takes the place.
    fn give_up_transfer(&mut self, now: Instant, id: SessionId, code: u16) {
        let transfer = self.sessions.get_mut(&id).and_then(|s| s.transfer.take());
        let Some(transfer) = transfer else { return };
        let _ = self.endpoint.tell_transfer(now, transfer.request, code, default_reason(code));
        if transfer.asker == Asker::Gone {
            self.finish(now, id, Cause::Ended);
        }
    }

    /// The target has answered: it takes the asker's place, and the asker's own call is over.
    fn put_in_place(&mut self, now: Instant, id: SessionId, leg: CallId) {
        let at = self.operator.now();
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(transfer) = session.transfer.take() else { return };
        let (mut others, mut chosen): (Vec<Branch>, Vec<Branch>) =
            transfer.branches.into_iter().partition(|b| b.leg != leg);
        let Some(mut branch) = chosen.pop() else { return };
        let asker = session.leg_of(transfer.side);
        if transfer.asker == Asker::Here {
            self.stop_charging(id, transfer.side);
            self.leave(id, transfer.side);
        }
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let there = branch.answer.as_ref().and_then(description::audio_address);
        if let Sound::Relay(relay) = &session.sound {
            match transfer.side {
                Side::Caller => relay.set_caller(there),
                Side::Callee => relay.set_callee(there),
            }
        }
        let peer = session.who_stays(transfer.side);
        match transfer.side {
            Side::Caller => {
                session.caller = Some(Caller {
                    leg,
                    account: transfer.account,
                    sip_call_id: std::mem::take(&mut branch.sip_call_id),
                    number: transfer.number,
                    peer,
                    offer: None,
                    sent: Some(transfer.offer),
                    direction: Direction::Incoming,
                    joined: Some(at),
                    minute: transfer.minute,
                    charged: None,
                });
            }
            Side::Callee => {
                session.callee = Some(Callee {
                    account: transfer.account,
                    number: transfer.number,
                    offer: transfer.offer,
                    branches: vec![branch],
                    answered_by: Some(leg),
                    first_call_id: None,
                    joined: Some(at),
                    minute: transfer.minute,
                    charged: None,
                    from: Shown::Number(peer.clone()),
                    peer,
                    later: VecDeque::new(),
                    routing: Routing::to_own_sip(),
                });
            }
        }
        let _ = self.endpoint.tell_transfer(now, transfer.request, 200, default_reason(200));
        for other in others.drain(..).map(|b| b.leg).chain(asker) {
            self.legs.remove(&other);
            let _ = self.endpoint.hang_up(now, other);
        }
        self.begin_charging(now, id, transfer.side);
    }
}

impl Session {
    /// The leg that talks on that side.
    pub(super) fn leg_of(&self, side: Side) -> Option<CallId> {
        match side {
            Side::Caller => self.caller.as_ref().map(|c| c.leg),
            Side::Callee => self.callee.as_ref().and_then(|c| c.answered_by),
        }
    }

    /// The number of whoever stays when that side is left.
    fn who_stays(&self, left: Side) -> String {
        let (caller, callee) = (self.caller.as_ref(), self.callee.as_ref());
        match left {
            Side::Caller => callee.map(|c| c.number.clone()),
            Side::Callee => caller.map(|c| c.number.clone()),
        }
        .unwrap_or_default()
    }
}
