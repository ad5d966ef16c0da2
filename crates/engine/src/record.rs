//! What is kept, as the rules see it: no SQL, nothing for people to read.

mod account;
mod feed;
mod outgoing;
mod people;
mod row;

pub(crate) use account::{
    Balance, Intent, IntentWhat, KeptRate, KnownRules, Loaded, LoadedAccount, MOST_RATES, Profile,
    TopUpRecord, paper_word,
};
pub(crate) use feed::{Applied, AwayCount, Batch, Deleted, HistoryMove, HistoryPlace, Reading, Removed};
pub(crate) use outgoing::{NewOutgoing, Outgoing, Sent};
pub(crate) use people::{AddressBook, Blocked, Book, BookChange, Contact, DraftRow, Imported, Sought};
pub(crate) use row::{LocalCall, Row, RowId, RowWhat, ThreadRowId};
