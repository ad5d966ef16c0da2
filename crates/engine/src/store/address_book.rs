//! Tables `address_book` and `address_card`: contacts that came from a server, and how they came.

use rusqlite::{Connection, OptionalExtension, params};

use super::{StoreError, contact, micros, timestamp};
use crate::{
    api::{AddressBookId, AddressBookSynced, ContactId},
    carddav::{Place, Pull, merge},
    record::AddressBook,
    vcard::{self, Card},
};

/// All of them, oldest first.
pub(crate) fn all(connection: &Connection) -> Result<Vec<AddressBook>, StoreError> {
    let mut statement = connection
        .prepare("SELECT id, url, user, name, secret_name, synced_at FROM address_book ORDER BY id")?;
    let rows = statement.query_map([], |row| {
        Ok(AddressBook {
            id: Some(AddressBookId(row.get(0)?)),
            url: row.get(1)?,
            user: row.get(2)?,
            name: row.get(3)?,
            secret_name: row.get(4)?,
            synced_at: row.get::<_, Option<i64>>(5)?.map(timestamp),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How far one has been read.
pub(crate) fn place(connection: &Connection, id: &AddressBookId) -> Result<Place, StoreError> {
    let (token, ctag) = connection
        .query_row("SELECT token, ctag FROM address_book WHERE id = ?1", [id.0], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?
        .unwrap_or_default();
    let mut statement = connection.prepare("SELECT href, etag FROM address_card WHERE book = ?1")?;
    let etags = statement.query_map([id.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Place { token, ctag, etags: etags.collect::<Result<_, _>>()? })
}

/// Keeps what a server told. What was changed here stays as it was changed.
pub(super) fn pulled(
    connection: &Connection,
    book: &AddressBook,
    pull: &Pull,
) -> Result<AddressBookSynced, StoreError> {
    let id = put(connection, book, pull)?;
    let mut synced = AddressBookSynced {
        book: id.clone(),
        name: book.name.clone(),
        added: 0,
        changed: 0,
        removed: 0,
        error: None,
    };
    for href in &pull.gone {
        if let Some((contact, base)) = row(connection, &id, href)? {
            connection
                .execute("DELETE FROM address_card WHERE book = ?1 AND href = ?2", params![id.0, href])?;
            synced.removed =
                synced.removed.saturating_add(u32::from(let_go(connection, contact, base.as_ref())?));
        }
    }
    for (href, etag, card) in &pull.changed {
        let (old, base) = row(connection, &id, href)?.unzip();
        let old = old.flatten();
        let base = base.flatten();
        let mut target = old.clone();
        if let Some(card) = card {
            if target.is_none() && base.as_ref() == Some(card) {
                // It was removed here, and is as it was.
                keep(connection, &id, href, etag, None, Some(card))?;
                continue;
            }
            if target.is_none() {
                target = contact::known(connection, card)?.or(owner(connection, card)?);
            }
            let there = Card { numbers: free(connection, card, target.as_ref())?, ..card.clone() };
            target = match target {
                Some(contact) => {
                    if let Some(here) = contact::get(connection, &contact)? {
                        let joined = merge::merged(base.as_ref(), &here, &there);
                        if joined != here {
                            contact::put(connection, Some(&contact), &joined)?;
                            synced.changed = synced.changed.saturating_add(1);
                        }
                    }
                    Some(contact)
                }
                None if there.numbers.is_empty() => None,
                None => {
                    synced.added = synced.added.saturating_add(1);
                    contact::put(connection, None, &there)?
                }
            };
            keep(connection, &id, href, etag, target.as_ref(), Some(card))?;
        } else {
            // No number is left in it.
            keep(connection, &id, href, etag, None, None)?;
            synced.removed =
                synced.removed.saturating_add(u32::from(let_go(connection, old, base.as_ref())?));
        }
    }
    Ok(synced)
}

pub(super) fn remove(connection: &Connection, id: &AddressBookId) -> Result<(), StoreError> {
    connection.execute("DELETE FROM address_book WHERE id = ?1", [id.0])?;
    Ok(())
}

fn put(connection: &Connection, book: &AddressBook, pull: &Pull) -> Result<AddressBookId, StoreError> {
    Ok(connection.query_row(
        "INSERT INTO address_book (url, user, name, secret_name, token, ctag, synced_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (url, user) DO UPDATE SET name = excluded.name, token = excluded.token, ctag = excluded.ctag,
             synced_at = excluded.synced_at
         RETURNING id",
        params![
            book.url,
            book.user,
            book.name,
            book.secret_name,
            pull.token,
            pull.ctag,
            book.synced_at.map(micros)
        ],
        |row| row.get(0).map(AddressBookId),
    )?)
}

/// The contact of a card, and the card as it came last.
type Held = (Option<ContactId>, Option<Card>);

fn row(connection: &Connection, book: &AddressBookId, href: &str) -> Result<Option<Held>, StoreError> {
    let found: Option<(Option<u32>, Option<String>)> = connection
        .prepare_cached("SELECT contact, base FROM address_card WHERE book = ?1 AND href = ?2")?
        .query_row(params![book.0, href], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(found.map(|(contact, base)| (contact.map(ContactId), base.and_then(|text| one(&text)))))
}

fn keep(
    connection: &Connection,
    book: &AddressBookId,
    href: &str,
    etag: &str,
    contact: Option<&ContactId>,
    card: Option<&Card>,
) -> Result<(), StoreError> {
    let base = card.map(|card| vcard::write(std::slice::from_ref(card)));
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO address_card (book, href, etag, contact, base) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![book.0, href, etag, contact.map(|id| id.0), base])?;
    Ok(())
}

/// Removes a contact that is as it came; one that was changed here stays. Whether it is gone.
fn let_go(
    connection: &Connection,
    contact: Option<ContactId>,
    base: Option<&Card>,
) -> Result<bool, StoreError> {
    let Some(id) = contact else { return Ok(false) };
    let (Some(here), Some(base)) = (contact::get(connection, &id)?, base) else { return Ok(false) };
    let untouched = (&here.name, &here.note) == (&base.name, &base.note)
        && here.numbers.iter().all(|number| base.numbers.contains(number));
    if untouched {
        contact::remove(connection, &id)?;
    }
    Ok(untouched)
}

/// A contact of the user's own that has a number of the card.
fn owner(connection: &Connection, card: &Card) -> Result<Option<ContactId>, StoreError> {
    for (number, _) in &card.numbers {
        let own = connection
            .prepare_cached(
                "SELECT contact FROM contact_number
                 WHERE number = ?1 AND contact NOT IN (SELECT contact FROM address_card WHERE contact IS NOT NULL)",
            )?
            .query_row([number], |row| row.get(0).map(ContactId))
            .optional()?;
        if own.is_some() {
            return Ok(own);
        }
    }
    Ok(None)
}

/// The card's numbers but for those that somebody else has.
fn free(
    connection: &Connection,
    card: &Card,
    target: Option<&ContactId>,
) -> Result<Vec<(String, Option<String>)>, StoreError> {
    let mut free = Vec::new();
    for (number, label) in &card.numbers {
        let other: bool = connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM contact_number WHERE number = ?1 AND contact IS NOT ?2)",
            )?
            .query_row(params![number, target.map(|id| id.0)], |row| row.get(0))?;
        if !other {
            free.push((number.clone(), label.clone()));
        }
    }
    Ok(free)
}

fn one(text: &str) -> Option<Card> {
    vcard::read(text).cards.into_iter().next().map(|(_, card)| card)
}
