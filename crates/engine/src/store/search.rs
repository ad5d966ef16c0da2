//! Table `search`: the index over messages, and the reading of it with names, numbers and notes.
//!
//! The index holds no texts, only where their words are; triggers keep it in the transactions that change messages.

use rusqlite::{CachedStatement, Connection, types::Value};

use super::{
    StoreError, fold,
    fold::Snippet,
    micros,
    read::{self, Place},
};
use crate::record::{Row, RowId, RowWhat, Sought};

/// Rows that were found, newest first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    /// Each with the part of its text that was sought.
    pub(crate) rows: Vec<(Row, Snippet)>,
    /// Where the next page starts; `None` at the end.
    pub(crate) next: Option<Place>,
}

/// Telephone numbers have no shorter part that means anything.
const SHORTEST_NUMBER: usize = 3;
/// So many hits are quickly put in order. Of more, a page is sooner found among the newest rows.
const FEW: usize = 1_000;

/// Rows that have what was sought, below `before`.
pub(crate) fn rows(
    connection: &Connection,
    sought: &Sought,
    before: Option<Place>,
    limit: u32,
) -> Result<Found, StoreError> {
    let words = fold::words(&sought.text);
    let typed = sought.text.trim();
    if words.is_empty() && !typed.is_empty() {
        return Ok(Found { rows: Vec::new(), next: None });
    }
    let limit = limit.clamp(1, 200);
    let (at, id) = before.map_or((i64::MAX, i64::MAX), Place::parts);
    let text = |value: Option<String>| value.map_or(Value::Null, Value::Text);
    let kind = sought.kind.map(|kind| super::activity::kind_word(kind).to_owned());
    let mut given: Vec<(String, Value)> = [
        (":at", Value::Integer(at)),
        (":id", Value::Integer(id)),
        (":number", text(sought.number.clone())),
        (":kind", text(kind)),
        (":since", Value::Integer(sought.since.map_or(i64::MIN, micros))),
        (":until", Value::Integer(sought.until.map_or(i64::MAX, micros))),
        (":unread", Value::Integer(i64::from(sought.unread))),
        (":blocked", Value::Integer(i64::from(sought.blocked))),
        (":query", text(fold::query(typed))),
        (":digits", text(digits(typed).map(|digits| format!("%{digits}%")))),
        (":name", Value::Text(format!("%{}%", typed.replace(['\\', '%', '_'], "")))),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let likes = words.iter().enumerate();
    given.extend(likes.map(|(at, word)| (format!(":word{at}"), Value::Text(format!("% {word}%")))));
    let mut ids = if typed.is_empty() {
        newest(connection, &given, limit, |_| true)?
    } else {
        let hits = hits(connection, &words, typed, &given)?;
        if hits.len() > FEW {
            newest(connection, &given, limit, |id| hits.binary_search(&id.0).is_ok())?
        } else {
            among(connection, &given, limit, &hits)?
        }
    };
    let more = ids.len() > limit as usize;
    ids.truncate(limit as usize);
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let Some(row) = read::row(connection, id)? else { continue };
        let snippet = match &row.what {
            RowWhat::Message { text, .. } => fold::snippet(text, &words),
            _ => Snippet::default(),
        };
        found.push((row, snippet));
    }
    let next = if more { found.last().map(|(row, _)| Place::of(row)) } else { None };
    Ok(Found { rows: found, next })
}

/// What the filter lets through, newest first.
const LET_THROUGH: &str = "a.deleted = 0 AND (a.at, a.id) < (:at, :id)
             AND (:number IS NULL OR a.number = :number) AND (:kind IS NULL OR a.kind = :kind)
             AND a.at >= :since AND a.at < :until AND a.unread >= :unread
             AND (a.peer IN (SELECT number FROM blocked)) = :blocked
         ORDER BY a.at DESC, a.id DESC";

/// Goes through all rows, newest first, until there is one more than asked for.
fn newest(
    connection: &Connection,
    given: &[(String, Value)],
    limit: u32,
    is_hit: impl Fn(RowId) -> bool,
) -> Result<Vec<RowId>, StoreError> {
    let sql = format!("SELECT a.id FROM activity a INDEXED BY activity_newest WHERE {LET_THROUGH}");
    let mut statement = connection.prepare_cached(&sql)?;
    bind(&mut statement, given)?;
    let mut ids = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        let id = RowId(row.get(0)?);
        if is_hit(id) {
            ids.push(id);
            if ids.len() > limit as usize {
                break;
            }
        }
    }
    Ok(ids)
}

/// Puts a few hits in order: one more than asked for.
fn among(
    connection: &Connection,
    given: &[(String, Value)],
    limit: u32,
    hits: &[i64],
) -> Result<Vec<RowId>, StoreError> {
    let sql = format!(
        "SELECT a.id FROM json_each(:ids) hit CROSS JOIN activity a ON a.id = hit.value WHERE {LET_THROUGH} LIMIT :limit"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    bind(&mut statement, given)?;
    let hits: Vec<String> = hits.iter().map(i64::to_string).collect();
    let own = [
        (":ids".to_owned(), Value::Text(format!("[{}]", hits.join(",")))),
        (":limit".to_owned(), Value::Integer(i64::from(limit).saturating_add(1))),
    ];
    bind(&mut statement, &own)?;
    let mut ids = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        ids.push(RowId(row.get(0)?));
    }
    Ok(ids)
}

/// A statement without a part has not its parameter either.
fn bind(statement: &mut CachedStatement<'_>, given: &[(String, Value)]) -> Result<(), StoreError> {
    for (name, value) in given {
        if let Some(index) = statement.parameter_index(name)? {
            statement.raw_bind_parameter(index, value)?;
        }
    }
    Ok(())
}

/// Makes the index anew.
pub(super) fn rebuild(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch(include_str!("search_rebuild.sql"))?;
    Ok(())
}

/// The ids of rows that have the words in their text, or are of somebody who has; in order, none twice.
fn hits(
    connection: &Connection,
    words: &[String],
    typed: &str,
    given: &[(String, Value)],
) -> Result<Vec<i64>, StoreError> {
    let texts = match words.is_empty() {
        true => "",
        false => "SELECT rowid FROM search WHERE search MATCH :query UNION ALL ",
    };
    let people = people(words, typed);
    // From the conversations to their rows: left to itself it goes through all rows and asks each for its people.
    let sql = format!(
        "{texts}SELECT p.id FROM thread t CROSS JOIN activity p INDEXED BY activity_of_thread
             ON p.thread = t.id AND p.deleted = 0 WHERE {people}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    bind(&mut statement, given)?;
    let mut hits = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        hits.push(row.get(0)?);
    }
    // The texts' come in order.
    hits.sort();
    hits.dedup();
    Ok(hits)
}

/// The conversations with somebody who has the words in name, number or note.
fn people(words: &[String], typed: &str) -> String {
    let mut people = String::from("t.peer LIKE :name");
    if digits(typed).is_some() {
        people.push_str(" OR t.peer LIKE :digits OR t.number LIKE :digits");
    }
    if !words.is_empty() {
        let all: Vec<String> = (0..words.len()).map(|at| format!("c.folded LIKE :word{at}")).collect();
        people.push_str(&format!(
            " OR t.peer IN (SELECT n.number FROM contact_number n JOIN contact c ON c.id = n.contact WHERE {})",
            all.join(" AND ")
        ));
    }
    people
}

/// The digits of what looks like a part of a number, without the zeros that dial out.
fn digits(typed: &str) -> Option<String> {
    let looks = typed.chars().all(|c| c.is_ascii_digit() || "+-()./ \u{a0}".contains(c));
    let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0').to_owned();
    (looks && digits.len() >= SHORTEST_NUMBER).then_some(digits)
}
