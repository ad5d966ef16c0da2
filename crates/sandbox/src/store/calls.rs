//! The call log, one row per side.

use rusqlite::{Connection, OptionalExtension, Row, params};

use rust_decimal::Decimal;

use super::{Books, StoreError, all, changes, decimal, millis, optional_decimal, time};
use crate::{
    call_log::RunningCall,
    model::{AccountId, Call, Direction, Kind},
};

const COLUMNS: &str =
    "id, account, version, sip_call_id, direction, number, peer, at_ms, duration_seconds, outcome, price";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Call> {
    Ok(Call {
        id: row.get("id")?,
        account: AccountId(row.get("account")?),
        version: row.get("version")?,
        sip_call_id: row.get("sip_call_id")?,
        direction: row.get("direction")?,
        number: row.get("number")?,
        peer: row.get("peer")?,
        started_at: time(row.get("at_ms")?)?,
        duration_seconds: row.get("duration_seconds")?,
        outcome: row.get("outcome")?,
        price: optional_decimal(row, "price")?,
    })
}

pub(crate) fn insert(books: &Books<'_>, call: &Call) -> Result<(), StoreError> {
    books.execute(
        "INSERT INTO calls (id, account, version, sip_call_id, direction, number, peer, at_ms, duration_seconds,
             outcome, price)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            call.id,
            call.account.0,
            call.version,
            call.sip_call_id,
            call.direction,
            call.number,
            call.peer,
            millis(call.started_at),
            call.duration_seconds,
            call.outcome,
            call.price.map(|p| p.to_string()),
        ],
    )?;
    changes::upserted(books, call.account, Kind::Call, &call.id, call.version)
}

pub(crate) fn by_id(connection: &Connection, id: &str) -> Result<Option<Call>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM calls WHERE id = ?1"))?;
    Ok(statement.query_row([id], from_row).optional()?)
}

/// Which calls of the log are wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// Begun at this time or later, milliseconds.
    pub(crate) from: Option<i64>,
    /// Begun before this time, milliseconds.
    pub(crate) to: Option<i64>,
    /// The account's own number.
    pub(crate) number: Option<String>,
    pub(crate) direction: Option<Direction>,
}

/// The log, newest first: at most `limit` rows after the place `before`, each with its own place.
pub(crate) fn log(
    connection: &Connection,
    account: AccountId,
    filter: &Filter,
    before: i64,
    limit: u32,
) -> Result<Vec<(i64, Call)>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, position FROM calls
         WHERE account = ?1 AND position < ?2 AND (?3 IS NULL OR at_ms >= ?3) AND (?4 IS NULL OR at_ms < ?4)
             AND (?5 IS NULL OR number = ?5) AND (?6 IS NULL OR direction = ?6)
         ORDER BY position DESC LIMIT ?7"
    ))?;
    let values = params![account.0, before, filter.from, filter.to, filter.number, filter.direction, limit];
    all(statement.query_map(values, |row| Ok((row.get("position")?, from_row(row)?)))?)
}

/// Adds to what a running call has been charged.
pub(crate) fn note_running(
    books: &Books<'_>,
    call: &RunningCall,
    seconds: u64,
    amount: Decimal,
) -> Result<(), StoreError> {
    let before: Option<Decimal> = books
        .query_row("SELECT charged FROM running_calls WHERE id = ?1", [&call.id], |row| {
            decimal(row, "charged")
        })
        .optional()?;
    let charged = before.unwrap_or_default().saturating_add(amount);
    books.execute(
        "INSERT INTO running_calls (id, account, direction, number, peer, at_ms, seconds, charged)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (id) DO UPDATE SET seconds = excluded.seconds, charged = excluded.charged",
        params![
            call.id,
            call.account.0,
            call.direction,
            call.number,
            call.peer,
            millis(call.started_at),
            seconds,
            charged.to_string(),
        ],
    )?;
    Ok(())
}

/// Every running call, with its talk time in seconds and what it was charged.
pub(crate) fn running(connection: &Connection) -> Result<Vec<(RunningCall, u64, Decimal)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, account, direction, number, peer, at_ms, seconds, charged FROM running_calls ORDER BY at_ms, id",
    )?;
    all(statement.query_map([], |row| {
        let call = RunningCall {
            id: row.get("id")?,
            account: AccountId(row.get("account")?),
            direction: row.get("direction")?,
            number: row.get("number")?,
            peer: row.get("peer")?,
            started_at: time(row.get("at_ms")?)?,
        };
        Ok((call, row.get("seconds")?, decimal(row, "charged")?))
    })?)
}

/// A call is in the log and runs no more.
pub(crate) fn forget_running(books: &Books<'_>, id: &str) -> Result<(), StoreError> {
    books.execute("DELETE FROM running_calls WHERE id = ?1", [id])?;
    Ok(())
}
