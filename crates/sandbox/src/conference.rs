//! Conferences by toll-free number: who pays for which minutes, and what may be done with one when.
//!
//! The rules and what is written down; the bridge itself is in [`crate::switch`].

use std::time::Duration;

use jiff::Timestamp;
use rand::Rng;

use crate::{
    invoices,
    model::{AccountId, new_id},
    operator::Operator,
    refusal::{Failure, Refusal},
    settings::{MinuteRounding, Settings},
    store::{Books, StoreError, conferences},
};

const MAX_TITLE: usize = 80;
/// Digits of a PIN.
pub(crate) const PIN_LENGTH: usize = 6;

crate::model::words!(
    /// Where a conference stands.
    State { Planned = "planned", Running = "running", Ended = "ended", Cancelled = "cancelled" }
);
crate::model::words!(
    /// How somebody came to the bridge.
    Line {
        /// By the toll-free number: the organiser pays.
        TollFree = "toll_free",
        /// By the ordinary number: the caller pays their own operator.
        Ordinary = "ordinary",
        /// Over SIP: free.
        Voip = "voip",
        /// The bridge has called.
        CallMe = "call_me",
    }
);

/// A conference.
#[derive(Debug, Clone)]
pub(crate) struct Conference {
    pub(crate) id: String,
    pub(crate) account: AccountId,
    pub(crate) title: String,
    /// For everybody.
    pub(crate) pin: String,
    /// For whoever starts it.
    pub(crate) organiser_pin: String,
    pub(crate) state: State,
    /// Whether the organiser has ever been there.
    pub(crate) organiser_joined: bool,
    pub(crate) at: Timestamp,
    pub(crate) started_at: Option<Timestamp>,
}

/// Somebody's stay in a conference.
#[derive(Debug, Clone)]
pub(crate) struct Leg {
    pub(crate) id: String,
    pub(crate) conference: String,
    pub(crate) line: Line,
    pub(crate) peer: String,
    pub(crate) organiser: bool,
    pub(crate) joined_at: Timestamp,
    pub(crate) left_at: Option<Timestamp>,
}

/// The participant minutes the organiser pays. Nothing when they have never been there.
pub(crate) fn paid_minutes(organiser_joined: bool, legs: &[Leg], now: Timestamp, settings: &Settings) -> u64 {
    if !organiser_joined {
        return 0;
    }
    let stays = legs
        .iter()
        .filter(|leg| match leg.line {
            Line::TollFree => true,
            Line::CallMe => settings.conference_bills_call_me,
            Line::Ordinary | Line::Voip => false,
        })
        .map(|leg| leg.stay(now).as_millis().div_ceil(1000));
    let minutes = match settings.minute_rounding {
        MinuteRounding::StartedMinute => stays.map(|seconds| seconds.div_ceil(60)).sum::<u128>(),
        MinuteRounding::Second => stays.sum::<u128>().div_ceil(60),
    };
    u64::try_from(minutes).unwrap_or(u64::MAX)
}

/// Nobody is in a conference any more: if it was started it is over, and what became payable goes on the invoice.
fn settle(books: &Books<'_>, settings: &Settings, id: &str, now: Timestamp) -> Result<u64, StoreError> {
    let Some(conference) = conferences::by_id(books, id)? else { return Ok(0) };
    if conference.state == State::Running {
        conferences::set_state(books, id, State::Ended, None)?;
    }
    let legs = conferences::legs(books, id)?;
    let minutes = paid_minutes(conference.organiser_joined, &legs, now, settings);
    let fresh = conferences::take_invoiced(books, id, minutes)?;
    invoices::note(books, settings, conference.account, id, fresh, now)?;
    Ok(fresh)
}

/// Called once at each start: whoever was in a conference when the sandbox was killed was there until it was last known
/// to run.
pub(crate) fn close_killed(
    books: &Books<'_>,
    settings: &Settings,
    alive_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    for id in conferences::occupied(books)? {
        conferences::end_legs(books, &id, alive_at)?;
        settle(books, settings, &id, now)?;
    }
    Ok(())
}

impl Leg {
    /// How long it has lasted.
    pub(crate) fn stay(&self, now: Timestamp) -> Duration {
        let end = self.left_at.unwrap_or(now);
        Duration::try_from(end.duration_since(self.joined_at)).unwrap_or_default()
    }
}

impl Conference {
    /// Whether a PIN is the organiser's; `None`: neither PIN, or nothing is left to join.
    pub(crate) fn admits(&self, pin: &str) -> Option<bool> {
        let open = matches!(self.state, State::Planned | State::Running);
        let organiser = pin == self.organiser_pin;
        (open && (organiser || pin == self.pin)).then_some(organiser)
    }
}

impl Operator {
    /// Plans a conference.
    pub(crate) fn plan_conference(&self, account: AccountId, title: &str) -> Result<Conference, Failure> {
        let title = title.trim();
        if title.is_empty() || title.chars().count() > MAX_TITLE || title.chars().any(char::is_control) {
            let detail = format!("A title has 1 to {MAX_TITLE} characters.");
            return Err(Refusal::Invalid { code: "conference_title", detail }.into());
        }
        let now = self.now();
        self.write(|books| {
            let fresh = || -> Result<String, Failure> {
                loop {
                    let pin = random_pin();
                    if conferences::by_pin(books, &pin)?.is_none() {
                        return Ok(pin);
                    }
                }
            };
            let pin = fresh()?;
            let organiser_pin = loop {
                let other = fresh()?;
                if other != pin {
                    break other;
                }
            };
            let conference = Conference {
                id: new_id("conf"),
                account,
                title: title.to_owned(),
                pin,
                organiser_pin,
                state: State::Planned,
                organiser_joined: false,
                at: now,
                started_at: None,
            };
            conferences::insert(books, &conference)?;
            Ok(conference)
        })
    }

    /// Starts a conference: who waits hears each other. `false`: it had been started, or is over.
    pub(crate) fn start_conference(&self, id: &str) -> Result<bool, StoreError> {
        self.move_conference(id, |state| (state == State::Planned).then_some(State::Running))
    }

    /// Ends a conference that was started.
    pub(crate) fn end_conference(&self, id: &str) -> Result<bool, StoreError> {
        self.move_conference(id, |state| (state == State::Running).then_some(State::Ended))
    }

    /// Cancels a conference that was never started.
    pub(crate) fn cancel_conference(&self, id: &str) -> Result<bool, StoreError> {
        self.move_conference(id, |state| (state == State::Planned).then_some(State::Cancelled))
    }

    /// Somebody has left; with the last of them a conference that was started is over. Answers the minutes that became
    /// payable since they were last asked for, which is when everybody has left.
    pub(crate) fn leave_conference(&self, id: &str, leg: &str, is_empty: bool) -> Result<u64, StoreError> {
        let now = self.now();
        self.write(|books| {
            conferences::end_leg(books, leg, now)?;
            if is_empty { settle(books, &self.settings, id, now) } else { Ok(0) }
        })
    }

    fn move_conference(
        &self,
        id: &str,
        next: impl FnOnce(State) -> Option<State>,
    ) -> Result<bool, StoreError> {
        let now = self.now();
        self.write(|books| {
            let Some(state) = conferences::by_id(books, id)?.and_then(|c| next(c.state)) else {
                return Ok(false);
            };
            let started_at = (state == State::Running).then_some(now);
            conferences::set_state(books, id, state, started_at)?;
            Ok(true)
        })
    }
}

fn random_pin() -> String {
    let mut random = rand::rng();
    (0..PIN_LENGTH).map(|_| char::from(b'0' + random.random_range(0..10_u8))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + seconds).unwrap()
    }

    fn leg(line: Line, from: i64, to: i64) -> Leg {
        Leg {
            id: "leg".into(),
            conference: "conf".into(),
            line,
            peer: "echo".into(),
            organiser: false,
            joined_at: at(from),
            left_at: Some(at(to)),
        }
    }

    fn minutes(organiser_joined: bool, legs: &[Leg]) -> u64 {
        paid_minutes(organiser_joined, legs, at(100_000), &Settings::default())
    }

    #[test]
    fn three_people_for_ten_minutes_are_thirty_minutes() {
        assert_eq!(
            minutes(
                true,
                &[leg(Line::TollFree, 0, 600), leg(Line::TollFree, 0, 600), leg(Line::TollFree, 0, 600)]
            ),
            30
        );
    }

    #[test]
    fn joining_over_voip_is_free_and_ordinary_dial_in_is_paid_by_the_caller() {
        assert_eq!(minutes(true, &[leg(Line::Voip, 0, 600), leg(Line::Ordinary, 0, 600)]), 0);
        assert_eq!(minutes(true, &[leg(Line::Voip, 0, 600), leg(Line::TollFree, 0, 61)]), 2);
        let called = [leg(Line::CallMe, 0, 60)];
        let free = Settings { conference_bills_call_me: false, ..Settings::default() };
        assert_eq!((minutes(true, &called), paid_minutes(true, &called, at(0), &free)), (1, 0));
    }

    #[test]
    fn minutes_count_once_the_organiser_was_there_even_if_it_was_never_started() {
        let waited = [leg(Line::TollFree, 0, 300), leg(Line::TollFree, 100, 160)];
        assert_eq!((minutes(false, &waited), minutes(true, &waited)), (0, 6));
    }

    #[test]
    fn a_pin_opens_what_is_planned_or_running() {
        let mut conference = Conference {
            id: "conf".into(),
            account: AccountId(1),
            title: "Monday".into(),
            pin: "111111".into(),
            organiser_pin: "222222".into(),
            state: State::Planned,
            organiser_joined: false,
            at: at(0),
            started_at: None,
        };
        assert_eq!(conference.admits("111111"), Some(false));
        assert_eq!(conference.admits("222222"), Some(true));
        assert_eq!(conference.admits("333333"), None);
        conference.state = State::Cancelled;
        assert_eq!(conference.admits("222222"), None);
    }

    #[test]
    fn minutes_of_a_killed_conference_are_invoiced_at_the_next_start_and_once() {
        use crate::{clock::SetClock, seed, store::Store};

        let store = Store::open(None).unwrap();
        seed::plant(&store, at(0)).unwrap();
        let clock = std::sync::Arc::new(SetClock::new(at(0)));
        let operator = Operator::new(store, Settings::default(), clock.clone()).unwrap();
        let account = operator.accounts().unwrap()[0].id;
        let conference = operator.plan_conference(account, "Round").unwrap();
        for (id, organiser) in [("one", true), ("two", false)] {
            let stay = Leg {
                id: id.into(),
                conference: conference.id.clone(),
                organiser,
                joined_at: at(0),
                left_at: None,
                ..leg(Line::TollFree, 0, 0)
            };
            operator.write(|books| conferences::add_leg(books, &stay)).unwrap();
        }
        operator.start_conference(&conference.id).unwrap();
        for _ in 0..2 {
            let settings = Settings::default();
            operator.write(|books| close_killed(books, &settings, at(600), at(90_000))).unwrap();
            let open = operator.read(|c| crate::store::invoices::open_minutes(c, account)).unwrap();
            assert_eq!(open, 20);
        }
        let ended = operator.read(|c| conferences::by_id(c, &conference.id)).unwrap().unwrap();
        assert_eq!(ended.state, State::Ended);
    }
}
