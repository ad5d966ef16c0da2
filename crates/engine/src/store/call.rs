//! Table `call`: calls, seen by SIP and by the provider's log. The SIP Call-ID makes one row of both; the
//! provider's word counts.

use rusqlite::{Connection, OptionalExtension, params};
use tern_provider::types::{CallOutcome as Remote, CallRecord, Direction, Money};

use super::{
    StoreError,
    activity::{self, Common, Kept},
    column::{self, Word},
    read, thread,
};
use crate::{
    api::{AccountId, CallDirection, CallOutcome},
    record::{LocalCall, Row, RowId},
};

const KIND: &str = "call";

struct Detail<'a> {
    sip_call_id: Option<&'a str>,
    incoming: bool,
    outcome: CallOutcome,
    duration_seconds: u32,
    price: Option<&'a Money>,
}

pub(super) fn keep(
    connection: &Connection,
    account: &AccountId,
    call: &CallRecord,
    history: bool,
) -> Result<Kept, StoreError> {
    let known = activity::find(connection, account, KIND, &call.id.0)?;
    if known.as_ref().is_some_and(|k| k.version >= call.version) {
        return Ok(Kept::default());
    }
    let seen = match &call.sip_call_id {
        Some(id) if known.is_none() => by_sip_call_id(connection, account, id)?,
        _ => None,
    };
    let outcome = outcome(call.outcome);
    let incoming = call.direction == Direction::Incoming;
    let missed = incoming && outcome == CallOutcome::Missed;
    let fresh = known.is_none() && seen.is_none() && missed;
    let thread = thread::find_or_make(connection, account, &call.number, &call.peer)?;
    let common = Common {
        account,
        kind: KIND,
        remote_id: Some(&call.id.0),
        version: call.version,
        thread: Some(thread),
        number: &call.number,
        peer: &call.peer,
        at: call.started_at,
        unread: missed && !history,
    };
    let mut threads = vec![thread];
    let id = match known.map(|k| k.id).or(seen) {
        Some(id) => {
            threads.extend(activity::thread_of(connection, id)?);
            activity::update(connection, id, &common)?;
            id
        }
        None => activity::insert(connection, &common)?,
    };
    let detail = Detail {
        sip_call_id: call.sip_call_id.as_deref(),
        incoming,
        outcome,
        duration_seconds: call.duration_seconds,
        price: call.price.as_ref(),
    };
    put(connection, id, &detail)?;
    Ok(Kept { row: Some(id), threads, fresh, ..Kept::default() })
}

/// Keeps a call that SIP saw, unless the provider's log has told of it already.
pub(super) fn ended(connection: &Connection, call: &LocalCall) -> Result<Option<Row>, StoreError> {
    if let Some(id) = &call.sip_call_id {
        let known: Option<i64> = connection
            .query_row(
                "SELECT a.id FROM call c JOIN activity a ON a.id = c.activity WHERE c.sip_call_id = ?1 AND a.account = ?2",
                params![id, call.account.0],
                |row| row.get(0),
            )
            .optional()?;
        if let Some(known) = known {
            if call.recording.is_none() {
                return Ok(None);
            }
            note_recording(connection, RowId(known), call.recording.as_deref())?;
            return read::row(connection, RowId(known));
        }
    }
    let thread = thread::find_or_make(connection, &call.account, &call.number, &call.peer)?;
    let incoming = call.direction == CallDirection::Incoming;
    let id = activity::insert(
        connection,
        &Common {
            account: &call.account,
            kind: KIND,
            remote_id: None,
            version: 0,
            thread: Some(thread),
            number: &call.number,
            peer: &call.peer,
            at: call.at,
            unread: incoming && call.outcome == CallOutcome::Missed,
        },
    )?;
    let detail = Detail {
        sip_call_id: call.sip_call_id.as_deref(),
        incoming,
        outcome: call.outcome,
        duration_seconds: call.duration_seconds,
        price: None,
    };
    put(connection, id, &detail)?;
    note_recording(connection, id, call.recording.as_deref())?;
    read::row(connection, id)
}

/// Only this computer knows of recordings: what the provider tells of the call leaves them alone.
fn note_recording(connection: &Connection, id: RowId, path: Option<&str>) -> Result<(), StoreError> {
    connection.execute("UPDATE call SET recording = ?2 WHERE activity = ?1", params![id.0, path])?;
    Ok(())
}

fn by_sip_call_id(
    connection: &Connection,
    account: &AccountId,
    id: &str,
) -> Result<Option<RowId>, StoreError> {
    Ok(connection
        .query_row(
            "SELECT a.id FROM call c JOIN activity a ON a.id = c.activity
             WHERE c.sip_call_id = ?1 AND a.account = ?2 AND a.remote_id IS NULL",
            params![id, account.0],
            |row| row.get(0).map(RowId),
        )
        .optional()?)
}

fn put(connection: &Connection, id: RowId, call: &Detail<'_>) -> Result<(), StoreError> {
    let (price, currency) = column::split(call.price);
    connection
        .prepare_cached(
            "INSERT INTO call (activity, sip_call_id, incoming, outcome, duration_seconds, price_amount,
                 price_currency)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (activity) DO UPDATE SET sip_call_id = coalesce(excluded.sip_call_id, sip_call_id),
                 incoming = excluded.incoming, outcome = excluded.outcome,
                 duration_seconds = excluded.duration_seconds, price_amount = excluded.price_amount,
                 price_currency = excluded.price_currency",
        )?
        .execute(params![
            id.0,
            call.sip_call_id,
            call.incoming,
            call.outcome.word(),
            call.duration_seconds,
            price,
            currency
        ])?;
    Ok(())
}

fn outcome(remote: Remote) -> CallOutcome {
    match remote {
        Remote::Answered => CallOutcome::Answered,
        Remote::Missed => CallOutcome::Missed,
        Remote::Declined => CallOutcome::Declined,
        Remote::Busy => CallOutcome::Busy,
        Remote::Unanswered => CallOutcome::Unanswered,
        Remote::Failed => CallOutcome::Failed,
    }
}
