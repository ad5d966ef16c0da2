//! The call log: what each side of a finished call gets written down, and what it is charged.

use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::{
    billing, destinations,
    ledger::{self, Posting},
    model::{AccountId, Call, Direction, Outcome, TransactionKind, new_id},
    operator::Operator,
    store::{Books, StoreError, calls, numbers},
};

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
}

impl Operator {
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
            Some(peer) => destinations::minute_price(&peer),
            None => Decimal::ZERO,
        },
    };
    // A refused call cost nobody anything, whatever is billed for ringing.
    let billed = match call.outcome {
        Outcome::Answered | Outcome::Unanswered => {
            billing::call_charge(call.talked, minute, &operator.settings)
        }
        _ => Decimal::ZERO,
    };
    let seconds = call.talked.map_or(0, |t| u32::try_from(t.as_secs()).unwrap_or(u32::MAX));
    let row = Call {
        id: new_id("call"),
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
    if let Some(price) = row.price {
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
