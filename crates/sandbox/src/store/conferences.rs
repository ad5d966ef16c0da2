//! Conferences, and who was in them for how long.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Books, StoreError, all, millis, time};
use crate::{
    conference::{Conference, Leg, State},
    model::AccountId,
};

const COLUMNS: &str = "id, account, title, pin, organiser_pin, state, organiser_joined, at_ms, started_ms";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Conference> {
    Ok(Conference {
        id: row.get("id")?,
        account: AccountId(row.get("account")?),
        title: row.get("title")?,
        pin: row.get("pin")?,
        organiser_pin: row.get("organiser_pin")?,
        state: row.get("state")?,
        organiser_joined: row.get("organiser_joined")?,
        at: time(row.get("at_ms")?)?,
        started_at: row.get::<_, Option<i64>>("started_ms")?.map(time).transpose()?,
    })
}

pub(crate) fn insert(books: &Books<'_>, conference: &Conference) -> Result<(), StoreError> {
    books.execute(
        "INSERT INTO conferences (id, account, title, pin, organiser_pin, state, organiser_joined, at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            conference.id,
            conference.account.0,
            conference.title,
            conference.pin,
            conference.organiser_pin,
            conference.state,
            conference.organiser_joined,
            millis(conference.at),
        ],
    )?;
    Ok(())
}

/// An account's conferences, the newest first.
pub(crate) fn list(connection: &Connection, account: AccountId) -> Result<Vec<Conference>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM conferences WHERE account = ?1 ORDER BY position DESC LIMIT 500"
    ))?;
    all(statement.query_map([account.0], from_row)?)
}

pub(crate) fn by_id(connection: &Connection, id: &str) -> Result<Option<Conference>, StoreError> {
    one(connection, "id = ?1", id)
}

/// The conference one of whose PINs this is.
pub(crate) fn by_pin(connection: &Connection, pin: &str) -> Result<Option<Conference>, StoreError> {
    one(connection, "?1 IN (pin, organiser_pin)", pin)
}

fn one(connection: &Connection, condition: &str, value: &str) -> Result<Option<Conference>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM conferences WHERE {condition}"))?;
    Ok(statement.query_row([value], from_row).optional()?)
}

pub(crate) fn set_state(
    books: &Books<'_>,
    id: &str,
    state: State,
    started_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    books.execute(
        "UPDATE conferences SET state = ?2, started_ms = coalesce(?3, started_ms) WHERE id = ?1",
        params![id, state, started_at.map(millis)],
    )?;
    Ok(())
}

/// Somebody has joined.
pub(crate) fn add_leg(books: &Books<'_>, leg: &Leg) -> Result<(), StoreError> {
    books.execute(
        "INSERT INTO conference_legs (id, conference, line, peer, organiser, joined_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![leg.id, leg.conference, leg.line, leg.peer, leg.organiser, millis(leg.joined_at)],
    )?;
    if leg.organiser {
        books.execute("UPDATE conferences SET organiser_joined = 1 WHERE id = ?1", [&leg.conference])?;
    }
    Ok(())
}

/// Somebody has left.
pub(crate) fn end_leg(books: &Books<'_>, id: &str, at: Timestamp) -> Result<(), StoreError> {
    books.execute(
        "UPDATE conference_legs SET left_ms = ?2 WHERE id = ?1 AND left_ms IS NULL",
        params![id, millis(at)],
    )?;
    Ok(())
}

/// Notes how many minutes are payable by now; answers how many of them are new.
pub(crate) fn take_invoiced(books: &Books<'_>, id: &str, minutes: u64) -> Result<u64, StoreError> {
    let before: u64 =
        books.query_row("SELECT invoiced FROM conferences WHERE id = ?1", [id], |row| row.get(0))?;
    books.execute("UPDATE conferences SET invoiced = ?2 WHERE id = ?1", params![id, minutes])?;
    Ok(minutes.saturating_sub(before))
}

/// The conferences somebody is in.
pub(crate) fn occupied(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT DISTINCT conference FROM conference_legs WHERE left_ms IS NULL ORDER BY 1")?;
    all(statement.query_map([], |row| row.get(0))?)
}

/// Everybody has left a conference.
pub(crate) fn end_legs(books: &Books<'_>, conference: &str, at: Timestamp) -> Result<(), StoreError> {
    books.execute(
        "UPDATE conference_legs SET left_ms = max(joined_ms, ?2) WHERE conference = ?1 AND left_ms IS NULL",
        params![conference, millis(at)],
    )?;
    Ok(())
}

/// Who was or is in a conference, in the order they joined.
pub(crate) fn legs(connection: &Connection, conference: &str) -> Result<Vec<Leg>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, conference, line, peer, organiser, joined_ms, left_ms FROM conference_legs
         WHERE conference = ?1 ORDER BY joined_ms, id",
    )?;
    all(statement.query_map([conference], |row| {
        Ok(Leg {
            id: row.get("id")?,
            conference: row.get("conference")?,
            line: row.get("line")?,
            peer: row.get("peer")?,
            organiser: row.get("organiser")?,
            joined_at: time(row.get("joined_ms")?)?,
            left_at: row.get::<_, Option<i64>>("left_ms")?.map(time).transpose()?,
        })
    })?)
}
