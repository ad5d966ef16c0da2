//! People: contacts, whom nobody wants to hear of, and what a search finds.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{ActivityItem, AddressBookId, ContactId, ErrorView};

/// Somebody with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ContactView {
    /// Its id.
    pub id: ContactId,
    /// As shown wherever one of the numbers would be.
    pub name: String,
    /// The user's own words.
    pub note: String,
    /// At least one.
    pub numbers: Vec<ContactNumber>,
    /// Whether its calls ring while everybody else's don't.
    #[serde(default)]
    #[specta(optional)]
    pub favourite: bool,
}

/// A contact's number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ContactNumber {
    /// E.164, or as it is where it is no telephone number.
    pub number: String,
    /// For people.
    pub formatted: String,
    /// What it is for: `cell`, `home`, `work`, `fax`, `pager`.
    pub label: Option<String>,
}

/// A contact as typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ContactCard {
    /// Not empty.
    pub name: String,
    /// The user's own words; may be empty.
    pub note: String,
    /// At least one.
    pub numbers: Vec<NumberCard>,
}

/// A contact's number as typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct NumberCard {
    /// As typed.
    pub number: String,
    /// As in [`ContactNumber::label`].
    pub label: Option<String>,
}

/// An address book at a CardDAV server, which is read and never written to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AddressBookView {
    /// Its id.
    pub id: AddressBookId,
    /// The server's word for it.
    pub name: String,
    /// Its address.
    pub url: String,
    /// Who is known there.
    pub user: String,
    /// When it was read last.
    pub synced_at: Option<String>,
}

/// What reading an address book came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AddressBookSynced {
    /// Which.
    pub book: AddressBookId,
    /// The server's word for it.
    pub name: String,
    /// Contacts that were not there.
    pub added: u32,
    /// Contacts that say something else now.
    pub changed: u32,
    /// Contacts that are gone there and were as they had come.
    pub removed: u32,
    /// What kept it from being read; nothing has changed then.
    pub error: Option<ErrorView>,
}

/// A number whose calls are turned down and whose SMS are kept aside, both without a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BlockedView {
    /// As the activity has it.
    pub number: String,
    /// For people.
    pub name: String,
    /// Blocked because it sends spam.
    pub spam: bool,
    /// Since when.
    pub at: String,
}

/// What a search leaves out; everything that is not set lets all through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase", default)]
pub struct SearchFilter {
    /// Only rows of this number of the user's own.
    pub number: Option<String>,
    /// Only rows of this kind.
    pub kind: Option<SearchKind>,
    /// Only rows of this moment or later, RFC 3339.
    pub since: Option<String>,
    /// Only rows before this moment, RFC 3339.
    pub until: Option<String>,
    /// Only rows not seen yet.
    pub unread: bool,
    /// Only rows of blocked numbers, which are left out otherwise.
    pub blocked: bool,
}

/// Kinds of rows that can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum SearchKind {
    /// SMS.
    Message,
    /// Calls.
    Call,
    /// Money.
    Ledger,
}

/// A row that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SearchHit {
    /// The row.
    pub item: ActivityItem,
    /// The part of an SMS' text around what was found; empty for other rows.
    pub snippet: String,
    /// What was found in it: from and to, in UTF-16 code units.
    pub ranges: Vec<(u32, u32)>,
}

/// Rows that were found, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SearchPage {
    /// The rows.
    pub hits: Vec<SearchHit>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<String>,
}
