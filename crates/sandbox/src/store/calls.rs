//! The call log, one row per side.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Books, StoreError, changes, millis, optional_decimal, time};
use crate::model::{AccountId, Call, Kind};

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
    let mut statement = connection.prepare_cached(
        "SELECT id, account, version, sip_call_id, direction, number, peer, at_ms, duration_seconds, outcome, price
         FROM calls WHERE id = ?1",
    )?;
    Ok(statement.query_row([id], from_row).optional()?)
}
