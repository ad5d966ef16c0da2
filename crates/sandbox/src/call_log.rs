//! The call log: what each side of a finished call gets written down, and what it is charged, while it runs or at its end.

use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::{
    billing, catalogue, destinations,
    ledger::{self, Posting},
    model::{AccountId, Call, Direction, Outcome, TransactionKind, new_id},
    operator::Operator,
    store::{Books, StoreError, calls, numbers},
};

/// Who the provider's notices come from.
pub(crate) const NOTICES: &str = "Balance";

/// One side of a call that is over.
#[derive(Debug, Clone)]
pub(crate) struct FinishedCall {
    pub(crate) account: AccountId,
    /// The Call-ID of this account's own leg; `None` when it never had one.
    pub(crate) sip_call_id: Option<String>,
    pub(crate) direction: Direction,
    /// The account's own number.
    pub(crate) number: String,
    pub(crate) peer: String,
    pub(crate) started_at: Timestamp,
    /// From answer to hang-up; `None` when nobody answered.
    pub(crate) talked: Option<Duration>,
    pub(crate) outcome: Outcome,
    /// What was charged while it ran; `None`: nothing was metered.
    pub(crate) metered: Option<Metered>,
}

/// What a call has cost by the time it ends.
#[derive(Debug, Clone)]
pub(crate) struct Metered {
    /// The id its row gets: the charges refer to it already.
    pub(crate) id: String,
    pub(crate) charged: Decimal,
}

/// One side of a call that is charged while it runs.
#[derive(Debug, Clone)]
pub(crate) struct RunningCall {
    /// The id its row gets.
    pub(crate) id: String,
    pub(crate) account: AccountId,
    pub(crate) direction: Direction,
    pub(crate) number: String,
    pub(crate) peer: String,
    pub(crate) started_at: Timestamp,
}

/// A charge for a running call.
#[derive(Debug, Clone)]
pub(crate) struct MinuteCharge {
    pub(crate) amount: Decimal,
    /// Talk time so far.
    pub(crate) talked: Duration,
    /// What it is for, such as `Call to +4930231250`.
    pub(crate) what: String,
}

impl Operator {
    /// Charges a running call.
    pub(crate) fn charge_call(&self, call: &RunningCall, charge: MinuteCharge) -> Result<(), StoreError> {
        let at = self.now();
        self.write(|books| {
            let seconds = charge.talked.as_secs();
            calls::note_running(books, call, seconds, charge.amount)?;
            let posting = Posting {
                kind: TransactionKind::Call,
                amount: -charge.amount,
                at,
                description: format!("{}, minute {}", charge.what, (seconds / 60).saturating_add(1)),
                reference: Some(call.id.clone()),
            };
            ledger::post(books, call.account, posting).map(|_| ())
        })
    }

    /// Tells the owner of a number that the money for a running call lasts only so much longer.
    pub(crate) fn warn_of_funds(&self, call: &RunningCall, left: Duration) -> Result<(), StoreError> {
        let at = self.now();
        let text = format!(
            "The balance covers {} more seconds of the call with {}. Top up to go on talking.",
            left.as_secs(),
            call.peer
        );
        self.write(|books| self.arrive(books, &call.number, NOTICES, &text, at).map(|_| ()))
    }

    /// Writes one side of a call down and charges it.
    pub(crate) fn record_call(&self, call: FinishedCall) -> Result<Call, StoreError> {
        self.write(|books| record(books, self, call))
    }
}

pub(crate) fn record(books: &Books<'_>, operator: &Operator, call: FinishedCall) -> Result<Call, StoreError> {
    let minute = match call.direction {
        Direction::Incoming => {
            numbers::by_e164(books, &call.number)?.map_or(Decimal::ZERO, |n| n.incoming_minute)
        }
        // The provider's own services are no destination and cost nothing.
        Direction::Outgoing => match destinations::e164(&call.peer) {
            Some(peer) if catalogue::is_test_number(&peer) => Decimal::ZERO,
            Some(peer) => destinations::minute_price(&peer),
            None => Decimal::ZERO,
        },
    };
    // A refused call cost nobody anything, whatever is billed for ringing.
    let billed = match (&call.metered, call.outcome) {
        (Some(metered), _) => metered.charged,
        (None, Outcome::Answered | Outcome::Unanswered) => {
            billing::call_charge(call.talked, minute, &operator.settings)
        }
        _ => Decimal::ZERO,
    };
    let is_charged = call.metered.is_some();
    if call.direction == Direction::Incoming && call.outcome == Outcome::Answered {
        count_trial_call(books, &call.number)?;
    }
    let seconds = call.talked.map_or(0, |t| u32::try_from(t.as_secs()).unwrap_or(u32::MAX));
    let row = Call {
        id: call.metered.map_or_else(|| new_id("call"), |metered| metered.id),
        account: call.account,
        version: 1,
        sip_call_id: call.sip_call_id,
        direction: call.direction,
        number: call.number,
        peer: call.peer,
        started_at: call.started_at,
        duration_seconds: seconds,
        outcome: call.outcome,
        price: (!billed.is_zero()).then_some(billed),
    };
    calls::insert(books, &row)?;
    calls::forget_running(books, &row.id)?;
    if let Some(price) = row.price.filter(|_| !is_charged) {
        let way = match row.direction {
            Direction::Incoming => "from",
            Direction::Outgoing => "to",
        };
        let posting = Posting {
            kind: TransactionKind::Call,
            amount: -price,
            at: row.started_at,
            description: format!("Call {way} {}, {}:{:02} min", row.peer, seconds / 60, seconds % 60),
            reference: Some(row.id.clone()),
        };
        ledger::post(books, row.account, posting)?;
    }
    Ok(row)
}

/// Called once at each start: calls that were running when the sandbox was killed are over, for as long as they were
/// charged.
pub(crate) fn close_killed(books: &Books<'_>) -> Result<(), StoreError> {
    for (running, seconds, charged) in calls::running(books)? {
        let row = Call {
            id: running.id.clone(),
            account: running.account,
            version: 1,
            sip_call_id: None,
            direction: running.direction,
            number: running.number,
            peer: running.peer,
            started_at: running.started_at,
            duration_seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
            outcome: Outcome::Answered,
            price: Some(charged),
        };
        calls::insert(books, &row)?;
        calls::forget_running(books, &row.id)?;
    }
    Ok(())
}

/// A trial has a few incoming calls.
fn count_trial_call(books: &Books<'_>, e164: &str) -> Result<(), StoreError> {
    let Some(mut number) = numbers::by_e164(books, e164)? else { return Ok(()) };
    if let Some(left) = number.calls_left {
        number.calls_left = Some(left.saturating_sub(1));
        numbers::update(books, &number)?;
    }
    Ok(())
}
