//! Charging calls while they run: meters are read when a minute begins, and a call whose money is gone is ended.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tern_sip::wire::Reason;

use super::{
    SessionId, Switch,
    session::{Cause, Phone},
    transfers::Side,
};
use crate::{
    call_log::{Metered, MinuteCharge, RunningCall},
    clock::later,
    destinations,
    metering::{Meter, Reading},
    model::{AccountId, Direction, new_id},
    store::{StoreError, transactions},
};

/// Everything one side of a call pays.
#[derive(Debug, Clone)]
pub(super) struct Charged {
    call: RunningCall,
    lines: Vec<Line>,
}

/// One thing that is paid by the minute.
#[derive(Debug, Clone)]
struct Line {
    meter: Meter,
    what: String,
    /// Talk time is counted from here.
    since: Timestamp,
    look_at: Timestamp,
}

impl Charged {
    /// What it came to.
    pub(super) fn total(self) -> Metered {
        let charged = self.lines.iter().map(|line| line.meter.charged()).sum();
        Metered { id: self.call.id, charged }
    }

    fn next_look(&self) -> Option<Timestamp> {
        self.lines.iter().map(|line| line.look_at).min()
    }
}

impl Switch {
    /// When a meter is to be read next.
    pub(super) fn next_reading(&self) -> Option<Timestamp> {
        let sides = self.sessions.values().flat_map(|session| {
            let caller = session.caller.as_ref().and_then(|c| c.charged.as_ref());
            let callee = session.callee.as_ref().and_then(|c| c.charged.as_ref());
            caller.into_iter().chain(callee)
        });
        sides.filter_map(Charged::next_look).min()
    }

    /// A side has begun to talk: it is charged from now on.
    pub(super) fn begin_charging(&mut self, now: Instant, id: SessionId, side: Side) {
        let at = self.operator.now();
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let started_at = session.begun;
        let charged = match side {
            Side::Caller => session.caller.as_ref().map(|caller| {
                let (direction, what) = match caller.direction {
                    Direction::Incoming => (Direction::Incoming, format!("Call from {}", caller.peer)),
                    Direction::Outgoing => (Direction::Outgoing, format!("Call to {}", caller.peer)),
                };
                let call = running(caller.account, direction, &caller.number, &caller.peer, started_at);
                (call, vec![(caller.minute, what)])
            }),
            Side::Callee => session.callee.as_ref().map(|callee| {
                let call =
                    running(callee.account, Direction::Incoming, &callee.number, &callee.peer, started_at);
                let mut lines = vec![(callee.minute, format!("Call from {}", callee.peer))];
                let answered = callee.branches.iter().find(|b| Some(b.leg) == callee.answered_by);
                let forwarded = answered.and_then(|b| b.phone.as_ref());
                if let Some(Phone { number, .. }) =
                    forwarded.filter(|_| self.operator.settings.bill_forwarded_leg)
                {
                    let minute = destinations::minute_price(number);
                    lines.push((minute, format!("Call from {} forwarded to {number}", callee.peer)));
                }
                (call, lines)
            }),
        };
        let Some((call, lines)) = charged else { return };
        let lines: Vec<Line> = lines
            .into_iter()
            .filter_map(|(minute, what)| {
                Some(Line { meter: Meter::new(minute)?, what, since: at, look_at: at })
            })
            .collect();
        if lines.is_empty() {
            return;
        }
        self.set_charged(id, side, Charged { call, lines });
        self.read_meters(now, id, side);
    }

    /// Reads what is due. Calls whose money is gone end.
    pub(super) fn read_due_meters(&mut self, now: Instant) {
        let at = self.operator.now();
        let is_due = |charged: &Option<Charged>| {
            charged.as_ref().and_then(Charged::next_look).is_some_and(|look_at| look_at <= at)
        };
        let mut due = Vec::new();
        for (id, session) in &self.sessions {
            if session.caller.as_ref().is_some_and(|c| is_due(&c.charged)) {
                due.push((*id, Side::Caller));
            }
            if session.callee.as_ref().is_some_and(|c| is_due(&c.charged)) {
                due.push((*id, Side::Callee));
            }
        }
        for (id, side) in due {
            self.read_meters(now, id, side);
        }
    }

    fn read_meters(&mut self, now: Instant, id: SessionId, side: Side) {
        let Some(mut charged) = self.take_charged(id, side) else { return };
        match self.read_lines(&mut charged) {
            Ok(true) => self.set_charged(id, side, charged),
            Ok(false) => {
                self.set_charged(id, side, charged);
                self.end_for_lack_of_funds(now, id);
            }
            Err(error) => {
                tracing::error!(%error, "a call cannot be charged");
                self.set_charged(id, side, charged);
                self.finish(now, id, Cause::Ended);
            }
        }
    }

    /// False: the money is gone.
    fn read_lines(&self, charged: &mut Charged) -> Result<bool, StoreError> {
        let (settings, at) = (&self.operator.settings, self.operator.now());
        let mut goes_on = true;
        for line in charged.lines.iter_mut().filter(|line| line.look_at <= at) {
            let account = charged.call.account;
            // A minute that was slept through is charged on its own: each has its row.
            while line.look_at <= at && goes_on {
                let talked = since(line.since, line.look_at);
                let balance = self.operator.read(|c| transactions::balance(c, account))?;
                let (due, next) = match line.meter.read(talked, balance, settings) {
                    Reading::Runs { due, look_at, warn } => {
                        if let Some(until) = warn {
                            self.operator.warn_of_funds(&charged.call, until.saturating_sub(talked))?;
                        }
                        (due, look_at)
                    }
                    Reading::Spent { due } => {
                        goes_on = false;
                        (due, talked)
                    }
                };
                if !due.is_zero() {
                    let charge = MinuteCharge { amount: due, talked, what: line.what.clone() };
                    self.operator.charge_call(&charged.call, charge)?;
                }
                line.look_at = later(line.since, next);
            }
        }
        Ok(goes_on)
    }

    /// The call is over for a side: what is left is charged.
    pub(super) fn stop_charging(&mut self, id: SessionId, side: Side) {
        let Some(mut charged) = self.take_charged(id, side) else { return };
        let (settings, at) = (&self.operator.settings, self.operator.now());
        for line in &mut charged.lines {
            let talked = since(line.since, at);
            let amount = line.meter.close(talked, settings);
            if amount.is_zero() {
                continue;
            }
            let charge = MinuteCharge { amount, talked, what: line.what.clone() };
            if let Err(error) = self.operator.charge_call(&charged.call, charge) {
                tracing::error!(%error, "the end of a call cannot be charged");
            }
        }
        self.set_charged(id, side, charged);
    }

    fn end_for_lack_of_funds(&mut self, now: Instant, id: SessionId) {
        // RFC 3326: both sides learn why.
        let reason =
            Reason { protocol: "SIP".into(), cause: Some(402), text: Some("The balance is used up".into()) };
        let Some(session) = self.sessions.get(&id) else { return };
        let talking = [session.leg_of(Side::Caller), session.leg_of(Side::Callee)];
        for leg in talking.into_iter().flatten() {
            let _ = self.endpoint.hang_up_because(now, leg, reason.clone());
        }
        self.finish(now, id, Cause::Ended);
    }

    fn take_charged(&mut self, id: SessionId, side: Side) -> Option<Charged> {
        let session = self.sessions.get_mut(&id)?;
        match side {
            Side::Caller => session.caller.as_mut()?.charged.take(),
            Side::Callee => session.callee.as_mut()?.charged.take(),
        }
    }

    fn set_charged(&mut self, id: SessionId, side: Side, charged: Charged) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        match side {
            Side::Caller => session.caller.iter_mut().for_each(|c| c.charged = Some(charged.clone())),
            Side::Callee => session.callee.iter_mut().for_each(|c| c.charged = Some(charged.clone())),
        }
    }
}

fn running(
    account: AccountId,
    direction: Direction,
    number: &str,
    peer: &str,
    started_at: Timestamp,
) -> RunningCall {
    let (id, number, peer) = (new_id("call"), number.to_owned(), peer.to_owned());
    RunningCall { id, account, direction, number, peer, started_at }
}

fn since(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
