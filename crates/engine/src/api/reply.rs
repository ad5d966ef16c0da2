//! What a command is answered with.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{
    AccountId, ActivityId, AddressBookSynced, CallId, ContactId, GreetingView, OrderView, PaperView,
    RefundView, ThreadId, TopUpId,
};

/// The answer to a [`super::Command`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Reply {
    /// Taken on; nothing more to say.
    Done {},
    /// The new account.
    AccountAdded {
        /// Its id.
        account: AccountId,
    },
    /// The call being placed.
    CallPlaced {
        /// Its id.
        call: CallId,
    },
    /// The SMS is kept and will be sent.
    MessageQueued {
        /// Its row.
        message: ActivityId,
        /// Its conversation.
        thread: ThreadId,
    },
    /// The contact is kept.
    ContactSaved {
        /// Its id.
        contact: ContactId,
    },
    /// The contacts are kept.
    ContactsImported {
        /// New ones.
        added: u32,
        /// Known ones that say something else now.
        changed: u32,
        /// Known ones that said the same before.
        same: u32,
        /// Cards without a name or a number, or cut off.
        refused: u32,
        /// The lines on which the first of those begin, counted from 1.
        refused_lines: Vec<u32>,
    },
    /// The address books were read, or could not be.
    AddressBooksSynced {
        /// Each.
        books: Vec<AddressBookSynced>,
    },
    /// The conversation is gone from this computer.
    ThreadDeleted {
        /// Messages that the provider is asked to delete now; [`super::Notice::DeletedThere`] tells what became of them.
        asked: u32,
        /// Rows that stay at the provider: calls, and all of them where it was not to delete any, or can't.
        staying: u32,
    },
    /// The checkout page is open.
    TopUpStarted {
        /// The top-up.
        topup: TopUpId,
        /// The host whose page was opened, to be shown to the user.
        host: String,
    },
    /// The provider took the order.
    Ordered {
        /// The order.
        order: OrderView,
    },
    /// The provider has the greeting.
    GreetingUploaded {
        /// The greeting.
        greeting: GreetingView,
    },
    /// The provider has the paper.
    PaperHandedIn {
        /// The paper.
        paper: PaperView,
    },
    /// The provider has the request.
    RefundAsked {
        /// The request.
        refund: RefundView,
    },
}
