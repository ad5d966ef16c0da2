//! What the core asks to be kept, and what it hears of it. How it is kept is the store's business.

use jiff::Timestamp;
use tern_provider::types::{IdempotencyKey, Message, Number, RemoteId};

use super::RequestId;
use crate::{
    api::{AccountId, AddressBookSynced, ContactId, ErrorView, MessageState, Settings},
    quiet::QuietNow,
    record::{
        Applied, AwayCount, Balance, Batch, Blocked, Book, BookChange, Deleted, Imported, Intent, KeptRate,
        KnownRules, LocalCall, NewOutgoing, Profile, Reading, Removed, Row, RowId, Sent, ThreadRowId,
        TopUpRecord,
    },
    vcard::Card,
};

/// One thing to keep; one transaction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Write {
    /// Adds or replaces an account.
    Account(Profile),
    /// Removes an account and everything of it.
    RemoveAccount(AccountId),
    /// Replaces an account's numbers.
    Numbers(AccountId, Vec<Number>),
    /// Replaces an account's balance.
    Balance(AccountId, Balance),
    /// Replaces the rules an account lives under.
    Rules(AccountId, KnownRules),
    /// Keeps something that costs money before the provider is asked to do it.
    Intent(Intent),
    /// It is done, or never will be.
    RemoveIntent(IdempotencyKey),
    /// Keeps what the provider said of a target.
    Rate(AccountId, KeptRate),
    /// Keeps what the feed said.
    Apply(Batch),
    /// Keeps an SMS to send.
    Queue(RequestId, NewOutgoing),
    /// Moves an SMS on; `Failed` takes it out of the outbox.
    Outbox(AccountId, RowId, MessageState, Option<ErrorView>),
    /// The SMS leaves now, by the provider's clock.
    Left(RowId, Timestamp),
    /// When SMS that wait leave, by our clock; `None` for about now.
    Leaves(Vec<(RowId, Option<Timestamp>)>),
    /// Looks for what left since, by the provider's clock.
    FindLeft(AccountId, Timestamp),
    /// The provider has the SMS of this key.
    Sent(AccountId, RowId, IdempotencyKey, Message),
    /// Looks a failed SMS up, to be sent anew.
    FindFailed(RequestId, RowId),
    /// Keeps a call that has ended.
    Call(LocalCall),
    /// Adds or replaces a top-up.
    TopUp(TopUpRecord),
    /// Forgets a top-up.
    RemoveTopUp(IdempotencyKey),
    /// Keeps or removes a draft.
    Draft(ThreadRowId, String),
    /// Marks a conversation as seen.
    ReadThread(ThreadRowId),
    /// Marks every call as seen.
    ReadCalls,
    /// Puts a row aside, to be told of later.
    SetAside(RowId),
    /// Takes back what was put aside and may be told now.
    TellAway(QuietNow),
    /// Keeps the settings.
    Settings(Settings),
    /// Adds a contact, or replaces one.
    Contact(RequestId, Option<ContactId>, Card),
    /// Marks a contact as a favourite, or not.
    Favourite(RequestId, ContactId, bool),
    /// Removes a contact.
    RemoveContact(ContactId),
    /// Takes contacts over; cards on these lines were refused before.
    ImportContacts(RequestId, Vec<Card>, Vec<u32>),
    /// Keeps what became of an address book.
    AddressBook(RequestId, BookChange),
    /// Blocks a number.
    Block(Blocked),
    /// Lets it through again.
    Unblock(String),
    /// Removes a conversation; of these accounts, at the provider too.
    RemoveThread(RequestId, ThreadRowId, Vec<AccountId>),
    /// The provider has deleted a message, or never will.
    Deleted(AccountId, RemoteId, Deleted),
    /// Makes the search's index anew.
    RebuildSearch,
}

/// What a [`Write`] came to. Writes that nobody waits for report only their failure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kept {
    /// [`Write::Apply`] is kept.
    Applied(AccountId, Applied),
    /// [`Write::Apply`] failed: the reading must not move on.
    NotApplied(AccountId, Reading),
    /// [`Write::Queue`] is kept.
    Queued(RequestId, NewOutgoing, RowId, ThreadRowId),
    /// [`Write::Queue`] failed.
    NotQueued(RequestId),
    /// [`Write::Outbox`] is kept; whether the entry was still in the outbox.
    Moved(AccountId, RowId, MessageState, Option<ThreadRowId>),
    /// [`Write::FindLeft`]'s answer.
    Left(AccountId, Vec<Sent>),
    /// [`Write::Sent`] is kept.
    Sent(AccountId, RowId, Option<ThreadRowId>),
    /// [`Write::FindFailed`]'s answer: account, from, to, text.
    FoundFailed(RequestId, RowId, Option<(AccountId, String, String, String)>),
    /// [`Write::Call`] is kept; the row, where it was not known from the provider already.
    Called(Option<Row>),
    /// [`Write::TellAway`]'s answer.
    Away(AwayCount),
    /// [`Write::ReadCalls`] is kept: the conversations they are of.
    CallsRead(Vec<ThreadRowId>),
    /// [`Write::RemoveThread`] is kept; `None` when there is no such one.
    ThreadRemoved(RequestId, ThreadRowId, Option<Removed>),
    /// [`Write::Deleted`] is kept; with the last one, how many are gone and how many stay.
    Deleted(AccountId, Option<(u32, u32)>),
    /// Rows changed in another way.
    Changed(Vec<ThreadRowId>),
    /// [`Write::Contact`] is kept; `None` when there is no such one.
    ContactSaved(RequestId, Option<ContactId>, Book),
    /// [`Write::ImportContacts`] is kept; the lines of refused cards come back.
    Imported(RequestId, Imported, Vec<u32>, Book),
    /// [`Write::AddressBook`] is kept; what changed, of one that was pulled.
    AddressBook(RequestId, Option<AddressBookSynced>, Book),
    /// A write that a shell waits for failed.
    NotSaved(RequestId),
    /// Contacts or blocked numbers changed in another way.
    Book(Book),
    /// A write nobody waits for failed.
    Failed,
}
