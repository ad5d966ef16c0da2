//! Contacts, address books at servers, who is blocked, what was typed and what is looked for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tern_provider::types::ActivityKind;

use crate::{
    api::{AccountId, AddressBookId, ContactId},
    carddav::Pull,
    vcard::Card,
};

/// A contact as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contact {
    /// Its id.
    pub(crate) id: ContactId,
    /// Name, note and numbers.
    pub(crate) card: Card,
    /// Whether its calls ring while everybody else's don't.
    pub(crate) favourite: bool,
}

/// What taking contacts over came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Imported {
    /// Contacts that were not there.
    pub(crate) added: u32,
    /// Contacts that say something else now.
    pub(crate) changed: u32,
    /// Contacts that said the same before.
    pub(crate) same: u32,
}

/// What was typed and not sent.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct DraftRow {
    /// Whose.
    pub(crate) account: AccountId,
    /// Our number.
    pub(crate) number: String,
    /// To whom.
    pub(crate) peer: String,
    /// The text.
    pub(crate) text: String,
}

impl std::fmt::Debug for DraftRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DraftRow").field("account", &self.account).finish_non_exhaustive()
    }
}

/// A number nobody wants to hear of.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Blocked {
    /// As the activity has it.
    pub(crate) number: String,
    /// Because it sends spam.
    pub(crate) spam: bool,
    /// Since when.
    pub(crate) at: Timestamp,
}

impl std::fmt::Debug for Blocked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blocked").field("spam", &self.spam).finish_non_exhaustive()
    }
}

/// What is looked up for each call and message.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Book {
    /// Names by number.
    pub(crate) names: BTreeMap<String, String>,
    /// Whom nobody wants to hear of.
    pub(crate) blocked: BTreeSet<String>,
    /// Whose calls ring all the same.
    pub(crate) favourites: BTreeSet<String>,
}

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Book").field("names", &self.names.len()).finish_non_exhaustive()
    }
}

/// What is looked for.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Sought {
    /// As typed.
    pub(crate) text: String,
    /// Only rows of this number of the user's own.
    pub(crate) number: Option<String>,
    /// Only rows of this kind.
    pub(crate) kind: Option<ActivityKind>,
    /// Only rows of this moment or later.
    pub(crate) since: Option<Timestamp>,
    /// Only rows before this moment.
    pub(crate) until: Option<Timestamp>,
    /// Only rows not seen yet.
    pub(crate) unread: bool,
    /// Only rows of blocked numbers, which are left out otherwise.
    pub(crate) blocked: bool,
}

/// An address book at a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AddressBook {
    /// `None` for one that is not kept yet.
    pub(crate) id: Option<AddressBookId>,
    /// Of the collection.
    pub(crate) url: String,
    /// Who is known there.
    pub(crate) user: String,
    /// The server's word for it.
    pub(crate) name: String,
    /// Its password's entry in the keyring; the books of one user share it.
    pub(crate) secret_name: String,
    /// When it was pulled last.
    pub(crate) synced_at: Option<Timestamp>,
}

/// What becomes of an address book.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is moved once or twice")]
pub(crate) enum BookChange {
    /// Its server told this.
    Pulled(AddressBook, Pull),
    /// It is forgotten; its contacts stay.
    Remove(AddressBookId),
}
