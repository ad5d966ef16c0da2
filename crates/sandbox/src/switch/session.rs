//! A call as the switch sees it: who calls, who is called, what carries the sound, and how it ended for each.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;
use rust_decimal::Decimal;
use tern_sip::{CallId, wire::sdp::SessionDescription};

use super::{
    charges::Charged,
    plan::Stage,
    transfers::{Side, Transfer},
    voice::Voice,
};
use crate::{
    call_log::FinishedCall,
    media::relay::Relay,
    model::{AccountId, Direction, Outcome},
    routing::Routing,
    services::{announcement::Announcement, echo::Echo},
};

/// A call through the switch; it has one leg or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SessionId(pub(crate) u64);

/// A customer who calls, or was put in the place of one.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) leg: CallId,
    pub(super) account: AccountId,
    pub(super) sip_call_id: String,
    pub(super) number: String,
    pub(super) peer: String,
    /// What they offered to begin with.
    pub(super) offer: Option<SessionDescription>,
    /// The description sent to them last.
    pub(super) sent: Option<SessionDescription>,
    /// How the call is in their log: who takes another's place was called.
    pub(super) direction: Direction,
    /// When they took another's place.
    pub(super) joined: Option<Timestamp>,
    /// What a minute costs them.
    pub(super) minute: Decimal,
    /// What they pay, once they talk.
    pub(super) charged: Option<Charged>,
}

/// A customer who is called, at every place they are registered.
#[derive(Debug)]
pub(super) struct Callee {
    pub(super) account: AccountId,
    pub(super) number: String,
    pub(super) peer: String,
    /// The offer sent to them.
    pub(super) offer: SessionDescription,
    /// Legs still alive.
    pub(super) branches: Vec<Branch>,
    pub(super) answered_by: Option<CallId>,
    /// Whose Call-ID the log names when nobody answered.
    pub(super) first_call_id: Option<String>,
    /// When they took another's place, or answered long after the caller was answered.
    pub(super) joined: Option<Timestamp>,
    /// What a minute costs them.
    pub(super) minute: Decimal,
    /// What they pay, once they talk.
    pub(super) charged: Option<Charged>,
    /// Who calls, as they may see it.
    pub(super) from: Shown,
    /// Whom to ring when nobody answers there.
    pub(super) later: VecDeque<Stage>,
    /// What the number does with calls.
    pub(super) routing: Routing,
}

/// Who calls, as the callee sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    Number(String),
    /// RFC 3323.
    Anonymous,
}

impl Shown {
    /// As the callee's call log has it.
    pub(super) fn peer(&self) -> String {
        match self {
            Self::Number(number) => number.clone(),
            Self::Anonymous => "anonymous".into(),
        }
    }
}

/// One of the places a customer is called at.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub(super) leg: CallId,
    pub(super) sip_call_id: String,
    /// What this place answered, provisionally or finally.
    pub(super) answer: Option<SessionDescription>,
    /// The phone the call is forwarded to there.
    pub(super) phone: Option<Phone>,
}

/// A phone a call is forwarded to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Phone {
    pub(super) number: String,
    /// Whose it is.
    pub(super) account: AccountId,
}

/// What carries the sound.
#[derive(Debug)]
pub(super) enum Sound {
    Relay(Relay),
    Echo(Echo),
    Announcement(Announcement),
}

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Ringing,
    Talking { since: Timestamp },
}

/// Why a call is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Whoever talked hung up, or never did and the caller gave up.
    Ended,
    /// The called side, or the switch in its name, refused with this status.
    Refused(u16),
}

/// A call.
#[derive(Debug)]
pub(super) struct Session {
    /// `None`: the provider itself calls.
    pub(super) caller: Option<Caller>,
    /// `None`: a service answers.
    pub(super) callee: Option<Callee>,
    pub(super) sound: Sound,
    pub(super) begun: Timestamp,
    pub(super) progress: Progress,
    /// Rings the caller back once this call is over.
    pub(super) then_call_back: bool,
    /// Somebody is rung to take the place of one side.
    pub(super) transfer: Option<Transfer>,
    /// The provider itself talks on one side.
    pub(super) voice: Option<Voice>,
}

impl Session {
    /// One that nobody takes part in yet.
    pub(super) fn ringing(sound: Sound, begun: Timestamp) -> Self {
        Self {
            caller: None,
            callee: None,
            sound,
            begun,
            progress: Progress::Ringing,
            then_call_back: false,
            transfer: None,
            voice: None,
        }
    }

    /// Every leg that may be alive.
    pub(super) fn legs(&self) -> Vec<CallId> {
        let branches = self.callee.iter().flat_map(|callee| callee.branches.iter().map(|b| b.leg));
        let targets = self.transfer.iter().flat_map(|t| t.branches.iter().map(|b| b.leg));
        self.caller.iter().map(|c| c.leg).chain(branches).chain(targets).collect()
    }

    /// The leg of whoever a leg talks to.
    pub(super) fn facing(&self, leg: CallId) -> Option<CallId> {
        let (caller, callee) = (self.leg_of(Side::Caller)?, self.leg_of(Side::Callee)?);
        match leg {
            _ if leg == caller => Some(callee),
            _ if leg == callee => Some(caller),
            _ => None,
        }
    }

    /// What each customer's call log gets.
    pub(super) fn finished(mut self, now: Timestamp, cause: Cause) -> Vec<FinishedCall> {
        let caller = self.caller_left(now, cause);
        let callee = self.callee_left(now, cause);
        caller.into_iter().chain(callee).collect()
    }

    /// What the log of one who leaves a call that goes on without them gets.
    pub(super) fn left(&mut self, now: Timestamp, side: Side) -> Option<FinishedCall> {
        match side {
            Side::Caller => self.caller_left(now, Cause::Ended),
            Side::Callee => self.callee_left(now, Cause::Ended),
        }
    }

    fn caller_left(&mut self, now: Timestamp, cause: Cause) -> Option<FinishedCall> {
        let caller = self.caller.take()?;
        let talked = self.talked(now, caller.joined);
        Some(FinishedCall {
            account: caller.account,
            sip_call_id: Some(caller.sip_call_id),
            direction: caller.direction,
            number: caller.number,
            peer: caller.peer,
            started_at: self.begun,
            talked,
            outcome: outcomes(talked, cause).0,
            metered: caller.charged.map(Charged::total),
        })
    }

    fn callee_left(&mut self, now: Timestamp, cause: Cause) -> Option<FinishedCall> {
        let callee = self.callee.take()?;
        // Who was answered by a machine in their name has missed the call.
        let talked = callee.answered_by.and_then(|_| self.talked(now, callee.joined));
        let answered = callee.branches.into_iter().find(|b| Some(b.leg) == callee.answered_by);
        Some(FinishedCall {
            account: callee.account,
            sip_call_id: answered.map(|b| b.sip_call_id).or(callee.first_call_id),
            direction: Direction::Incoming,
            number: callee.number,
            peer: callee.peer,
            started_at: self.begun,
            talked,
            outcome: outcomes(talked, cause).1,
            metered: callee.charged.map(Charged::total),
        })
    }

    /// How long a side that joined then has talked.
    pub(super) fn talked(&self, now: Timestamp, joined: Option<Timestamp>) -> Option<Duration> {
        match self.progress {
            Progress::Ringing => None,
            Progress::Talking { since } => {
                // A clock that was set back makes nobody talk for less than nothing.
                Some(Duration::try_from(now.duration_since(joined.unwrap_or(since))).unwrap_or_default())
            }
        }
    }
}

/// How a call ended for the caller and for the callee.
pub(super) fn outcomes(talked: Option<Duration>, cause: Cause) -> (Outcome, Outcome) {
    if talked.is_some() {
        return (Outcome::Answered, Outcome::Answered);
    }
    match cause {
        Cause::Ended => (Outcome::Unanswered, Outcome::Missed),
        Cause::Refused(486 | 600) => (Outcome::Busy, Outcome::Missed),
        Cause::Refused(603) => (Outcome::Declined, Outcome::Declined),
        Cause::Refused(408 | 480 | 487) => (Outcome::Unanswered, Outcome::Missed),
        Cause::Refused(_) => (Outcome::Failed, Outcome::Missed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_is_told_to_each_side() {
        use Outcome::*;
        let minute = Some(Duration::from_secs(60));
        for (talked, cause, expected) in [
            (minute, Cause::Ended, (Answered, Answered)),
            (minute, Cause::Refused(500), (Answered, Answered)),
            (None, Cause::Ended, (Unanswered, Missed)),
            (None, Cause::Refused(486), (Busy, Missed)),
            (None, Cause::Refused(603), (Declined, Declined)),
            (None, Cause::Refused(480), (Unanswered, Missed)),
            (None, Cause::Refused(488), (Failed, Missed)),
        ] {
            assert_eq!(outcomes(talked, cause), expected, "{cause:?}");
        }
    }
}
