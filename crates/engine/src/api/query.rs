//! Plain reads. They change nothing and may run beside each other.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{
    AccountId, ActivityPage, AddressBookView, AnsweringView, BlockedView, CallAs, ComposedView, ContactView,
    DevicesView, ForwardingView, LedgerPage, NumberOrder, OfferView, PaperView, QuoteView, RefundView,
    SearchFilter, SearchPage, Snapshot, TargetView, TermsView, ThreadId, ThreadView, TransactionKind,
    VoiceMessageView,
};

/// A question.
#[derive(Debug, Clone, Serialize, Deserialize, Type)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Query {
    /// Everything a window needs to start, with the sequence number its events continue from.
    Snapshot {},
    /// Recent Activity, newest first.
    Activity {
        /// Where the last page ended; `None` for the newest.
        before: Option<String>,
        /// At most this many rows, 1 to 200.
        limit: u32,
    },
    /// One conversation.
    Thread {
        /// Which one.
        thread: ThreadId,
        /// Where the last page ended; `None` for the newest.
        before: Option<String>,
        /// At most this many rows, 1 to 200.
        limit: u32,
    },
    /// The sound devices present now.
    Devices {},
    /// What dialling something comes to, from what is known now; nobody is asked.
    Target {
        /// From which account.
        account: AccountId,
        /// As typed, be it half of it.
        target: String,
        /// As in [`super::Command::PlaceCall`].
        #[serde(default)]
        #[specta(optional)]
        show: Option<CallAs>,
    },
    /// What an SMS that is being written comes to, from what is known now; nobody is asked.
    Composed {
        /// From which account.
        account: AccountId,
        /// One of its numbers, E.164; `None` for the first one that sends SMS.
        from: Option<String>,
        /// To whom, as typed.
        to: String,
        /// The text.
        text: String,
    },
    /// How an account's numbers go on, and what they cost.
    NumberTerms {
        /// Whose.
        account: AccountId,
    },
    /// What can be ordered; the provider is asked, as by all questions below.
    Offers {
        /// At whose provider.
        account: AccountId,
        /// ISO 3166 alpha-2; `None` for every country.
        country: Option<String>,
    },
    /// What an order would cost.
    Quote {
        /// Whose.
        account: AccountId,
        /// What is to be ordered.
        order: NumberOrder,
    },
    /// Where a number's calls go.
    Forwarding {
        /// Whose.
        account: AccountId,
        /// E.164.
        number: String,
    },
    /// How a number takes voice messages.
    Answering {
        /// Whose.
        account: AccountId,
        /// E.164.
        number: String,
    },
    /// The voice messages, newest first, each with the call that left it.
    Voicemails {
        /// Whose.
        account: AccountId,
    },
    /// Fetches a voice message's sound into a file that can be played; the next one takes its place.
    VoicemailSound {
        /// Whose.
        account: AccountId,
        /// Which one.
        voicemail: String,
    },
    /// Every paper that was handed in.
    Papers {
        /// Whose.
        account: AccountId,
    },
    /// The provider's ledger, newest first.
    Ledger {
        /// Whose.
        account: AccountId,
        /// `YYYY-MM-DD`, the first day.
        from: Option<String>,
        /// `YYYY-MM-DD`, the last day.
        to: Option<String>,
        /// Only these; empty for all.
        kinds: Vec<TransactionKind>,
        /// Where the last page ended; `None` for the newest.
        page: Option<String>,
    },
    /// Every request for money back, newest first.
    Refunds {
        /// Whose.
        account: AccountId,
    },
    /// Rows of Recent Activity with these words, names or parts of numbers, newest first.
    Search {
        /// As typed; each word may be the beginning of one. Empty for all that the filter lets through.
        text: String,
        /// What to leave out.
        filter: SearchFilter,
        /// Where the last page ended; `None` for the newest.
        before: Option<String>,
        /// At most this many rows, 1 to 200.
        limit: u32,
    },
    /// Recent Activity of blocked numbers, which is nowhere else, newest first.
    BlockedActivity {
        /// Where the last page ended; `None` for the newest.
        before: Option<String>,
        /// At most this many rows, 1 to 200.
        limit: u32,
    },
    /// The contacts, by name.
    Contacts {},
    /// Address books at servers, oldest first.
    AddressBooks {},
    /// The contacts as a vCard file.
    ExportContacts {},
    /// Blocked numbers, newest first.
    Blocked {},
    /// Writes everything kept, but for secrets, into a file.
    Export {
        /// How.
        format: ExportFormat,
        /// Which file.
        path: String,
        /// Whether a file that is there is replaced; else it must not be there.
        #[serde(default)]
        #[specta(optional)]
        replace: bool,
    },
}

/// How everything is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum ExportFormat {
    /// Settings, contacts, blocked numbers, drafts and Recent Activity as one JSON object.
    Json,
    /// Drafts and Recent Activity as a table (RFC 4180), for spreadsheets.
    Csv,
    /// Contacts alone, as vCards (RFC 6350).
    VCard,
}

/// What an export holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ExportView {
    /// Rows of Recent Activity.
    pub rows: u32,
    /// Contacts.
    pub contacts: u32,
    /// Blocked numbers.
    pub blocked: u32,
    /// Messages that were typed and not sent.
    pub drafts: u32,
}

/// An answer, of the same name as its question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Answer {
    /// To [`Query::Snapshot`].
    Snapshot {
        /// The snapshot.
        snapshot: Snapshot,
    },
    /// To [`Query::Activity`].
    Activity {
        /// The page.
        page: ActivityPage,
    },
    /// To [`Query::Thread`].
    Thread {
        /// The conversation.
        thread: ThreadView,
    },
    /// To [`Query::Devices`].
    Devices {
        /// The devices.
        devices: DevicesView,
    },
    /// To [`Query::Target`].
    Target {
        /// What it comes to.
        target: TargetView,
    },
    /// To [`Query::Composed`].
    Composed {
        /// What it comes to.
        composed: ComposedView,
    },
    /// To [`Query::NumberTerms`].
    NumberTerms {
        /// How they go on.
        terms: TermsView,
    },
    /// To [`Query::Offers`].
    Offers {
        /// What can be ordered.
        offers: Vec<OfferView>,
    },
    /// To [`Query::Quote`].
    Quote {
        /// What it would cost.
        quote: QuoteView,
    },
    /// To [`Query::Forwarding`].
    Forwarding {
        /// Where they go.
        forwarding: ForwardingView,
    },
    /// To [`Query::Answering`].
    Answering {
        /// How it takes them.
        answering: AnsweringView,
    },
    /// To [`Query::Voicemails`].
    Voicemails {
        /// Newest first.
        voicemails: Vec<VoiceMessageView>,
    },
    /// To [`Query::VoicemailSound`].
    VoicemailSound {
        /// The file.
        path: String,
    },
    /// To [`Query::Papers`].
    Papers {
        /// In the provider's order.
        papers: Vec<PaperView>,
    },
    /// To [`Query::Ledger`].
    Ledger {
        /// The page.
        ledger: LedgerPage,
    },
    /// To [`Query::Refunds`].
    Refunds {
        /// Newest first.
        refunds: Vec<RefundView>,
    },
    /// To [`Query::Search`].
    Search {
        /// The page.
        page: SearchPage,
    },
    /// To [`Query::BlockedActivity`].
    BlockedActivity {
        /// The page.
        page: ActivityPage,
    },
    /// To [`Query::Contacts`].
    Contacts {
        /// By name.
        contacts: Vec<ContactView>,
    },
    /// To [`Query::AddressBooks`].
    AddressBooks {
        /// Oldest first.
        books: Vec<AddressBookView>,
    },
    /// To [`Query::ExportContacts`].
    ExportContacts {
        /// The file's text.
        vcards: String,
    },
    /// To [`Query::Blocked`].
    Blocked {
        /// Newest first.
        blocked: Vec<BlockedView>,
    },
    /// To [`Query::Export`].
    Export {
        /// What was written.
        written: ExportView,
    },
}
