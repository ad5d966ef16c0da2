//! Reads for the window: pages of Recent Activity and of one conversation.

use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};

use super::{StoreError, column, draft, micros, thread, timestamp};
use crate::{
    api::{AccountId, CallDirection},
    record::{Row, RowId, RowWhat, Sent, ThreadRowId},
};

const COLUMNS: &str = "a.id, a.account, a.thread, a.number, a.peer, a.at, a.unread, a.kind,
    m.incoming, m.text, m.state, m.error_code, m.error_detail, m.price_amount, m.price_currency,
    c.incoming, c.outcome, c.duration_seconds, c.price_amount, c.price_currency,
    l.kind, l.amount, l.currency, l.balance, l.description, c.recording, g.since, o.leaves_at,
    (SELECT p.name FROM contact_number n JOIN contact p ON p.id = n.contact WHERE n.number = a.peer),
    EXISTS (SELECT 1 FROM blocked b WHERE b.number = a.peer)
    FROM activity a
    LEFT JOIN message m ON m.activity = a.id
    LEFT JOIN call c ON c.activity = a.id
    LEFT JOIN ledger l ON l.activity = a.id
    LEFT JOIN gap g ON g.activity = a.id
    LEFT JOIN outbox o ON o.activity = a.id AND o.state = 'queued'";

/// Where a page ended: the time and id of its last row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    at: i64,
    id: i64,
}

impl Place {
    /// Reads what [`Place`]'s `Display` wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (at, id) = text.split_once('.')?;
        Some(Self { at: at.parse().ok()?, id: id.parse().ok()? })
    }
}

impl Place {
    /// Where a page that ends with this row ended.
    pub(super) fn of(row: &Row) -> Self {
        Self { at: micros(row.at), id: row.id.0 }
    }

    /// Time and id.
    pub(super) fn parts(self) -> (i64, i64) {
        (self.at, self.id)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.at, self.id)
    }
}

/// Rows, newest first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Page {
    /// The rows.
    pub(crate) rows: Vec<Row>,
    /// Where the next page starts; `None` at the end.
    pub(crate) next: Option<Place>,
    /// Rows not seen yet, in all.
    pub(crate) unread: u32,
}

/// A conversation without its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ThreadHead {
    /// Whose.
    pub(crate) account: AccountId,
    /// Our number.
    pub(crate) number: String,
    /// The other side.
    pub(crate) peer: String,
    /// What the other side is called among the contacts.
    pub(crate) name: Option<String>,
    /// Typed and not sent.
    pub(crate) draft: String,
}

/// Recent Activity below `before`.
pub(crate) fn activity(
    connection: &Connection,
    before: Option<Place>,
    limit: u32,
) -> Result<Page, StoreError> {
    page(connection, Of::Wanted, before, limit)
}

/// Recent Activity of blocked numbers below `before`.
pub(crate) fn unwanted(
    connection: &Connection,
    before: Option<Place>,
    limit: u32,
) -> Result<Page, StoreError> {
    page(connection, Of::Unwanted, before, limit)
}

/// All rows below `before`.
pub(crate) fn everything(
    connection: &Connection,
    before: Option<Place>,
    limit: u32,
) -> Result<Page, StoreError> {
    page(connection, Of::Everyone, before, limit)
}

/// One conversation below `before`; `None` when there is no such one.
pub(crate) fn conversation(
    connection: &Connection,
    id: ThreadRowId,
    before: Option<Place>,
    limit: u32,
) -> Result<Option<(ThreadHead, Page)>, StoreError> {
    let Some((account, number, peer)) = thread::get(connection, id)? else { return Ok(None) };
    let head = ThreadHead {
        account,
        number,
        name: connection
            .query_row(
                "SELECT p.name FROM contact_number n JOIN contact p ON p.id = n.contact WHERE n.number = ?1",
                [&peer],
                |row| row.get(0),
            )
            .optional()?,
        peer,
        draft: draft::of(connection, id)?,
    };
    Ok(Some((head, page(connection, Of::Thread(id), before, limit)?)))
}

/// What of an account's SMS the provider took since then, newest first; as many as any limit may ask about.
pub(crate) fn sent_since(
    connection: &Connection,
    account: &AccountId,
    since: jiff::Timestamp,
) -> Result<Vec<Sent>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT a.at, a.number FROM activity a JOIN message m ON m.activity = a.id
         WHERE a.account = ?1 AND a.deleted = 0 AND a.remote_id IS NOT NULL AND m.incoming = 0 AND a.at > ?2
         ORDER BY a.at DESC, a.id DESC LIMIT 5000",
    )?;
    let rows = statement.query_map(params![account.0, micros(since)], |row| {
        Ok(Sent { at: timestamp(row.get(0)?), number: row.get(1)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One row.
pub(super) fn row(connection: &Connection, id: RowId) -> Result<Option<Row>, StoreError> {
    Ok(connection
        .prepare_cached(&format!("SELECT {COLUMNS} WHERE a.id = ?1 AND a.deleted = 0"))?
        .query_row([id.0], map)
        .optional()?)
}

/// Whose rows.
#[derive(Clone, Copy)]
enum Of {
    Everyone,
    Wanted,
    Unwanted,
    Thread(ThreadRowId),
}

fn page(connection: &Connection, whose: Of, before: Option<Place>, limit: u32) -> Result<Page, StoreError> {
    let limit = limit.clamp(1, 200);
    let (of, thread) = match whose {
        Of::Everyone => ("?1 IS NULL", None),
        Of::Wanted => ("?1 IS NULL AND a.peer NOT IN (SELECT number FROM blocked)", None),
        Of::Unwanted => ("?1 IS NULL AND a.peer IN (SELECT number FROM blocked)", None),
        Of::Thread(thread) => ("a.thread = ?1", Some(thread)),
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} WHERE a.deleted = 0 AND {of} AND (a.at, a.id) < (?2, ?3)
         ORDER BY a.at DESC, a.id DESC LIMIT ?4"
    ))?;
    let Place { at, id } = before.unwrap_or(Place { at: i64::MAX, id: i64::MAX });
    // One row more than asked for tells whether there is a next page.
    let rows = statement.query_map(params![thread.map(|t| t.0), at, id, limit.saturating_add(1)], map)?;
    let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = if more { rows.last().map(|r| Place { at: micros(r.at), id: r.id.0 }) } else { None };
    let unread = connection.query_row(
        "SELECT count(*) FROM activity WHERE unread = 1 AND deleted = 0
             AND peer NOT IN (SELECT number FROM blocked)",
        [],
        |row| row.get(0),
    )?;
    Ok(Page { rows, next, unread })
}

fn map(row: &SqlRow<'_>) -> rusqlite::Result<Row> {
    let kind: String = row.get(7)?;
    let what = match kind.as_str() {
        "message" => RowWhat::Message {
            incoming: row.get(8)?,
            text: row.get(9)?,
            state: column::word(row, 10)?,
            error: column::error(row, 11, 12)?,
            price: column::optional_money(row, 13, 14)?,
            leaves_at: row.get::<_, Option<i64>>(27)?.map(timestamp),
        },
        "call" => RowWhat::Call {
            direction: if row.get(15)? { CallDirection::Incoming } else { CallDirection::Outgoing },
            outcome: column::word(row, 16)?,
            duration_seconds: row.get(17)?,
            price: column::optional_money(row, 18, 19)?,
        },
        "ledger" => RowWhat::Ledger {
            kind: column::word(row, 20)?,
            amount: column::money(row, 21, 22)?,
            balance_after: column::money(row, 23, 22)?,
            description: row.get(24)?,
        },
        "gap" => RowWhat::Gap { since: timestamp(row.get(26)?) },
        _ => return Err(column::conversion(7, StoreError::UnknownValue("activity.kind"))),
    };
    Ok(Row {
        id: RowId(row.get(0)?),
        account: AccountId(row.get(1)?),
        thread: row.get::<_, Option<i64>>(2)?.map(ThreadRowId),
        number: row.get(3)?,
        peer: row.get(4)?,
        at: timestamp(row.get(5)?),
        unread: row.get(6)?,
        recording: row.get(25)?,
        name: row.get(28)?,
        blocked: row.get(29)?,
        what,
    })
}
