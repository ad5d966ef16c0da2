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
/// So many hits are quickly put in order.
const FEW: u32 = 1_000;

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
    let everywhere = match typed.is_empty() {
        true => String::new(),
        false => format!("a.id IN ({}) AND ", hits(&words, typed)),
    };
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
        (":limit", Value::Integer(i64::from(limit).saturating_add(1))),
        (":query", text(fold::query(typed))),
        (":digits", text(digits(typed).map(|digits| format!("%{digits}%")))),
        (":name", Value::Text(format!("%{}%", typed.replace(['\\', '%', '_'], "")))),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let likes = words.iter().enumerate();
    given.extend(likes.map(|(at, word)| (format!(":word{at}"), Value::Text(format!("% {word}%")))));
    // Without a union's care for doubles the counting ends at once where there are many.
    let counted = hits(&words, typed).replace(" UNION ", " UNION ALL ");
    let many = !typed.is_empty() && count(connection, &counted, &given)? > FEW;
    // Many hits fill a page soon when all rows are gone through, newest first; few are put in order sooner than that.
    let from = if many { "activity a INDEXED BY activity_newest" } else { "activity a" };
    let mut ids = ask(connection, from, &everywhere, &given)?;
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

/// The ids of the rows in `from` that are hits and that the filter lets through, newest first: one more than asked for.
fn ask(
    connection: &Connection,
    from: &str,
    hits: &str,
    given: &[(String, Value)],
) -> Result<Vec<RowId>, StoreError> {
    let sql = format!(
        "SELECT a.id FROM {from} WHERE {hits} a.deleted = 0 AND (a.at, a.id) < (:at, :id)
             AND (:number IS NULL OR a.number = :number) AND (:kind IS NULL OR a.kind = :kind)
             AND a.at >= :since AND a.at < :until AND a.unread >= :unread
         ORDER BY a.at DESC, a.id DESC LIMIT :limit"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    bind(&mut statement, given)?;
    let mut ids = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        ids.push(RowId(row.get(0)?));
    }
    Ok(ids)
}

/// How many rows a query has, or one more than [`FEW`].
fn count(connection: &Connection, query: &str, given: &[(String, Value)]) -> Result<u32, StoreError> {
    let sql = format!("SELECT count(*) FROM ({query} LIMIT {FEW} + 1)");
    let mut statement = connection.prepare_cached(&sql)?;
    bind(&mut statement, given)?;
    let mut rows = statement.raw_query();
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?.unwrap_or(0))
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

/// The ids of rows that have the words in their text, or are of somebody who has.
fn hits(words: &[String], typed: &str) -> String {
    let people = people(words, typed);
    let texts = match words.is_empty() {
        true => "",
        false => "SELECT rowid FROM search WHERE search MATCH :query UNION ",
    };
    format!("{texts}SELECT p.id FROM thread t JOIN activity p ON p.thread = t.id WHERE {people}")
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
