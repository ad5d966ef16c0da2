//! Tables `contact` and `contact_number`: who has which number. A number is one person's.

use rusqlite::{Connection, OptionalExtension, params};

use super::{StoreError, fold};
use crate::{
    api::ContactId,
    record::{Book, Contact, Imported},
    vcard::Card,
};

/// All of them, by name.
pub(crate) fn all(connection: &Connection) -> Result<Vec<Contact>, StoreError> {
    let mut statement =
        connection.prepare("SELECT id, uid, name, note, favourite FROM contact ORDER BY folded, id")?;
    let rows = statement.query_map([], |row| {
        let card = Card { uid: row.get(1)?, name: row.get(2)?, note: row.get(3)?, numbers: Vec::new() };
        Ok(Contact { id: ContactId(row.get(0)?), card, favourite: row.get(4)? })
    })?;
    let mut contacts = rows.collect::<Result<Vec<_>, _>>()?;
    let mut numbers =
        connection.prepare("SELECT number, label FROM contact_number WHERE contact = ?1 ORDER BY rowid")?;
    for contact in &mut contacts {
        let rows = numbers.query_map([contact.id.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        contact.card.numbers = rows.collect::<Result<_, _>>()?;
    }
    Ok(contacts)
}

/// One of them.
pub(super) fn get(connection: &Connection, id: &ContactId) -> Result<Option<Card>, StoreError> {
    let card = connection
        .query_row("SELECT uid, name, note FROM contact WHERE id = ?1", [id.0], |row| {
            Ok(Card { uid: row.get(0)?, name: row.get(1)?, note: row.get(2)?, numbers: Vec::new() })
        })
        .optional()?;
    let Some(mut card) = card else { return Ok(None) };
    let mut numbers = connection
        .prepare_cached("SELECT number, label FROM contact_number WHERE contact = ?1 ORDER BY rowid")?;
    let numbers = numbers.query_map([id.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    card.numbers = numbers.collect::<Result<_, _>>()?;
    Ok(Some(card))
}

/// What the rules look up: names by number, and who is blocked.
pub(super) fn book(connection: &Connection) -> Result<Book, StoreError> {
    let mut names = connection
        .prepare("SELECT n.number, c.name FROM contact_number n JOIN contact c ON c.id = n.contact")?;
    let names = names.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut blocked = connection.prepare("SELECT number FROM blocked")?;
    let blocked = blocked.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut favourites = connection.prepare(
        "SELECT n.number FROM contact_number n JOIN contact c ON c.id = n.contact WHERE c.favourite = 1",
    )?;
    let favourites = favourites.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(Book { names, blocked, favourites })
}

/// Marks a contact as a favourite, or not; `false` when there is no such one.
pub(super) fn mark(connection: &Connection, id: &ContactId, favourite: bool) -> Result<bool, StoreError> {
    let there =
        connection.execute("UPDATE contact SET favourite = ?2 WHERE id = ?1", params![id.0, favourite])?;
    Ok(there > 0)
}

/// Adds a contact, or replaces the one of this id. Numbers that were another's are this one's now; `None` when there
/// is no such contact.
pub(super) fn put(
    connection: &Connection,
    id: Option<&ContactId>,
    card: &Card,
) -> Result<Option<ContactId>, StoreError> {
    let folded = fold::folded(&format!("{} {}", card.name, card.note));
    let id = match id {
        Some(id) => {
            let there = connection.execute(
                "UPDATE contact SET name = ?2, note = ?3, folded = ?4 WHERE id = ?1",
                params![id.0, card.name, card.note, folded],
            )?;
            if there == 0 {
                return Ok(None);
            }
            connection.execute("DELETE FROM contact_number WHERE contact = ?1", [id.0])?;
            id.clone()
        }
        None => {
            connection.execute(
                "INSERT INTO contact (uid, name, note, folded) VALUES (?1, ?2, ?3, ?4)",
                params![card.uid, card.name, card.note, folded],
            )?;
            ContactId(u32::try_from(connection.last_insert_rowid()).unwrap_or(u32::MAX))
        }
    };
    let mut insert = connection.prepare_cached(
        "INSERT INTO contact_number (number, contact, label) VALUES (?1, ?2, ?3)
         ON CONFLICT (number) DO UPDATE SET contact = excluded.contact, label = excluded.label",
    )?;
    for (number, label) in &card.numbers {
        insert.execute(params![number, id.0, label])?;
    }
    Ok(Some(id))
}

/// Takes cards over: the one of the same UID, or of the same name and a number of it, is replaced where it differs.
pub(super) fn import(connection: &Connection, cards: &[Card]) -> Result<Imported, StoreError> {
    let mut imported = Imported::default();
    for card in cards {
        let count = match known(connection, card)? {
            Some(id) if is_same(connection, &id, card)? => &mut imported.same,
            Some(id) => {
                put(connection, Some(&id), card)?;
                &mut imported.changed
            }
            None => {
                put(connection, None, card)?;
                &mut imported.added
            }
        };
        *count = count.saturating_add(1);
    }
    Ok(imported)
}

pub(super) fn remove(connection: &Connection, id: &ContactId) -> Result<(), StoreError> {
    connection.execute("DELETE FROM contact WHERE id = ?1", [id.0])?;
    Ok(())
}

/// Whether a contact says what the card says; numbers may stand in another order.
fn is_same(connection: &Connection, id: &ContactId, card: &Card) -> Result<bool, StoreError> {
    let words: (String, String) =
        connection.query_row("SELECT name, note FROM contact WHERE id = ?1", [id.0], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let mut kept = connection
        .prepare_cached("SELECT number, label FROM contact_number WHERE contact = ?1 ORDER BY number")?;
    let kept = kept.query_map([id.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let kept: Vec<(String, Option<String>)> = kept.collect::<Result<_, _>>()?;
    let mut given = card.numbers.clone();
    // Of a number that stands twice the last one is kept.
    given.reverse();
    given.sort_by(|a, b| a.0.cmp(&b.0));
    given.dedup_by(|a, b| a.0 == b.0);
    Ok((words.0.as_str(), words.1.as_str()) == (card.name.as_str(), card.note.as_str()) && kept == given)
}

pub(super) fn known(connection: &Connection, card: &Card) -> Result<Option<ContactId>, StoreError> {
    let by_uid = connection
        .query_row("SELECT id FROM contact WHERE uid = ?1", [&card.uid], |row| row.get(0).map(ContactId))
        .optional()?;
    if by_uid.is_some() {
        return Ok(by_uid);
    }
    for (number, _) in &card.numbers {
        let same = connection
            .query_row(
                "SELECT c.id FROM contact_number n JOIN contact c ON c.id = n.contact
                 WHERE n.number = ?1 AND c.name = ?2",
                params![number, card.name],
                |row| row.get(0).map(ContactId),
            )
            .optional()?;
        if same.is_some() {
            return Ok(same);
        }
    }
    Ok(None)
}
