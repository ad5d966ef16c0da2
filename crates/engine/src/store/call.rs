//! Table `call`: calls, seen by SIP and by the provider's log. One row of both: by SIP's Call-ID where the log names
//! it, else by numbers and times ([`crate::merging`]). The provider's word counts, except for what only this phone
//! knows; what SIP saw stays beside it.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};
use tern_provider::types::{ActivityObject, CallOutcome as Remote, CallRecord, Change, Direction, Money};

use super::{
    StoreError,
    activity::{self, Common, Kept},
    column::{self, Word},
    micros, read, thread, timestamp,
};
use crate::{
    api::{AccountId, CallDirection, CallOutcome},
    merging::{self, Telling},
    record::{LocalCall, Row, RowId},
    voicemail::Incoming,
};

const KIND: &str = "call";
/// How far around a call its other telling is looked for, microseconds; at least as far as tellings may be apart.
const AROUND: i64 = 300_000_000;
/// Tellings looked at together, at most.
const MOST: u32 = 500;

/// Calls of one way and between the same two numbers that a log tells of, with their places among the changes.
struct Group<'a> {
    way: CallDirection,
    first: &'a CallRecord,
    calls: Vec<(usize, &'a CallRecord)>,
}

/// A row that only one side has told of.
struct Single {
    id: RowId,
    number: String,
    peer: String,
    telling: Telling,
}

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
    joined: Option<RowId>,
) -> Result<Kept, StoreError> {
    let known = activity::find(connection, account, KIND, &call.id.0)?;
    if known.as_ref().is_some_and(|k| k.version >= call.version) {
        return Ok(Kept::default());
    }
    let seen = match &call.sip_call_id {
        Some(id) if known.is_none() => by_sip_call_id(connection, account, id)?,
        _ => joined.filter(|_| known.is_none()),
    };
    let id = known.as_ref().map(|k| k.id).or(seen);
    let told = match id {
        Some(id) => seen_by_sip(connection, id)?,
        None => None,
    };
    let (outcome, duration_seconds) = merging::ended(told, (outcome(call.outcome), call.duration_seconds));
    let incoming = call.direction == Direction::Incoming;
    let missed = incoming && outcome == CallOutcome::Missed;
    let fresh = known.is_none() && seen.is_none() && missed;
    let thread = thread::find_or_make(connection, account, &call.number, &call.peer)?;
    // Of the past of a removed conversation. Calls stay at the provider.
    if history && id.is_none() && thread::was_removed(connection, thread, call.started_at)?.is_some() {
        activity::bury(connection, account, KIND, &call.id.0)?;
        return Ok(Kept::default());
    }
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
    let id = match id {
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
        duration_seconds,
        price: call.price.as_ref(),
    };
    put(connection, id, &detail)?;
    Ok(Kept { row: Some(id), threads, fresh, ..Kept::default() })
}

/// Keeps a call that SIP saw, unless the provider's log has told of it already.
pub(super) fn ended(connection: &Connection, call: &LocalCall) -> Result<Option<Row>, StoreError> {
    let known = match &call.sip_call_id {
        Some(id) => connection
            .query_row(
                "SELECT a.id FROM call c JOIN activity a ON a.id = c.activity WHERE c.sip_call_id = ?1 AND a.account = ?2",
                params![id, call.account.0],
                |row| row.get(0).map(RowId),
            )
            .optional()?,
        None => None,
    };
    let known = match known {
        Some(known) => Some(known),
        None => told_by_log(connection, call)?,
    };
    if let Some(known) = known {
        return complete(connection, known, call);
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
    note_seen(connection, id, call)?;
    note_recording(connection, id, call.recording.as_deref())?;
    read::row(connection, id)
}

/// An account's incoming calls since then, newest first; as many as a mailbox holds messages.
pub(crate) fn incoming_since(
    connection: &Connection,
    account: &AccountId,
    since: jiff::Timestamp,
) -> Result<Vec<Incoming>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT a.id, a.number, a.peer, a.at FROM activity a JOIN call c ON c.activity = a.id
         WHERE a.account = ?1 AND a.deleted = 0 AND a.kind = 'call' AND c.incoming = 1 AND a.at >= ?2
         ORDER BY a.at DESC, a.id DESC LIMIT 5000",
    )?;
    let rows = statement.query_map(params![account.0, micros(since)], |row| {
        let at = timestamp(row.get(3)?);
        Ok(Incoming { id: RowId(row.get(0)?), number: row.get(1)?, peer: row.get(2)?, at })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Which rows that SIP saw are calls that a log tells of without SIP's Call-ID, by the changes' places.
pub(super) fn join(
    connection: &Connection,
    account: &AccountId,
    changes: &[Change],
) -> Result<BTreeMap<usize, RowId>, StoreError> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (place, change) in changes.iter().enumerate() {
        let Change::Upsert(ActivityObject::Call(call)) = change else { continue };
        if call.sip_call_id.is_some() || activity::find(connection, account, KIND, &call.id.0)?.is_some() {
            continue;
        }
        let way = direction(call.direction);
        let same = |group: &&mut Group<'_>| {
            group.way == way && group.first.number == call.number && group.first.peer == call.peer
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.calls.push((place, call)),
            None => groups.push(Group { way, first: call, calls: vec![(place, call)] }),
        }
    }
    let mut joined = BTreeMap::new();
    for Group { way, first, mut calls } in groups {
        calls.sort_by_key(|(_, call)| call.started_at);
        // The same row may come twice in one page.
        calls.dedup_by(|a, b| a.1.id == b.1.id);
        let (Some((_, earliest)), Some((_, latest))) = (calls.first(), calls.last()) else { continue };
        let span = (micros(earliest.started_at), micros(latest.started_at));
        let mut singles =
            singles(connection, account, way, span, "a.remote_id IS NULL AND c.seen_at IS NOT NULL")?;
        singles.retain(|single| {
            merging::same_numbers((&single.number, &first.number), (&single.peer, &first.peer))
        });
        let seen: Vec<Telling> = singles.iter().map(|single| single.telling).collect();
        let logged: Vec<Telling> = calls.iter().map(|(_, call)| telling(call)).collect();
        for (i, j) in merging::join(way, &seen, &logged) {
            if let (Some(single), Some((place, _))) = (singles.get(i), calls.get(j)) {
                joined.insert(*place, single.id);
            }
        }
    }
    Ok(joined)
}

/// The log's row of a call that SIP saw, where the log was faster.
fn told_by_log(connection: &Connection, call: &LocalCall) -> Result<Option<RowId>, StoreError> {
    let at = micros(call.at);
    let logged = "a.remote_id IS NOT NULL AND c.seen_at IS NULL AND c.sip_call_id IS NULL";
    let mut singles = singles(connection, &call.account, call.direction, (at, at), logged)?;
    singles
        .retain(|single| merging::same_numbers((&call.number, &single.number), (&call.peer, &single.peer)));
    let seen = Telling { at: call.at, seconds: call.duration_seconds, outcome: call.outcome };
    let logged: Vec<Telling> = singles.iter().map(|single| single.telling).collect();
    let pair = merging::join(call.direction, &[seen], &logged).into_iter().next();
    Ok(pair.and_then(|(_, place)| singles.get(place)).map(|single| single.id))
}

/// Adds what SIP saw to a row of the log; tells the row where it has something new to show.
fn complete(connection: &Connection, id: RowId, call: &LocalCall) -> Result<Option<Row>, StoreError> {
    let logged = connection.query_row(
        "SELECT outcome, duration_seconds FROM call WHERE activity = ?1",
        [id.0],
        |row| Ok((column::word(row, 0)?, row.get(1)?)),
    )?;
    note_seen(connection, id, call)?;
    let (outcome, seconds) = merging::ended(Some((call.outcome, call.duration_seconds)), logged);
    connection.execute(
        "UPDATE call SET outcome = ?2, duration_seconds = ?3, sip_call_id = coalesce(sip_call_id, ?4)
         WHERE activity = ?1",
        params![id.0, outcome.word(), seconds, call.sip_call_id],
    )?;
    if outcome != CallOutcome::Missed {
        connection.execute("UPDATE activity SET unread = 0 WHERE id = ?1", [id.0])?;
    }
    if call.recording.is_some() {
        note_recording(connection, id, call.recording.as_deref())?;
    }
    if call.recording.is_none() && outcome == logged.0 { Ok(None) } else { read::row(connection, id) }
}

/// Rows of calls around a time that only one side has told of, oldest first.
fn singles(
    connection: &Connection,
    account: &AccountId,
    way: CallDirection,
    (from, until): (i64, i64),
    which: &str,
) -> Result<Vec<Single>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT a.id, a.number, a.peer, a.at, c.duration_seconds, c.outcome
         FROM activity a JOIN call c ON c.activity = a.id
         WHERE a.account = ?1 AND a.kind = 'call' AND a.deleted = 0 AND a.at BETWEEN ?2 AND ?3 AND c.incoming = ?4
             AND {which}
         ORDER BY a.at, a.id LIMIT {MOST}"
    ))?;
    let rows = statement.query_map(
        params![
            account.0,
            from.saturating_sub(AROUND),
            until.saturating_add(AROUND),
            way == CallDirection::Incoming
        ],
        |row| {
            let telling =
                Telling { at: timestamp(row.get(3)?), seconds: row.get(4)?, outcome: column::word(row, 5)? };
            Ok(Single { id: RowId(row.get(0)?), number: row.get(1)?, peer: row.get(2)?, telling })
        },
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn telling(call: &CallRecord) -> Telling {
    Telling { at: call.started_at, seconds: call.duration_seconds, outcome: outcome(call.outcome) }
}

fn direction(direction: Direction) -> CallDirection {
    match direction {
        Direction::Incoming => CallDirection::Incoming,
        Direction::Outgoing => CallDirection::Outgoing,
    }
}

/// How SIP saw a row's call end, where it saw it.
fn seen_by_sip(connection: &Connection, id: RowId) -> Result<Option<(CallOutcome, u32)>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT seen_outcome, coalesce(seen_seconds, 0) FROM call
             WHERE activity = ?1 AND seen_outcome IS NOT NULL",
        )?
        .query_row([id.0], |row| Ok((column::word(row, 0)?, row.get(1)?)))
        .optional()?)
}

fn note_seen(connection: &Connection, id: RowId, call: &LocalCall) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE call SET seen_at = ?2, seen_outcome = ?3, seen_seconds = ?4 WHERE activity = ?1",
        params![id.0, micros(call.at), call.outcome.word(), call.duration_seconds],
    )?;
    Ok(())
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
