//! What can be asked of the engine, in the imperative.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{
    AccountId, ActivityId, AddressBookId, CallAs, CallId, ContactCard, ContactId, ForwardingView,
    MediaOptions, NewAccount, NewPaper, NewRefund, NumberOrder, Secret, Settings, StorageChoice, ThreadId,
    TopUpId,
};

/// A request to act. Answered by a [`super::Reply`] once the intent is taken on; what follows comes as events.
#[derive(Debug, Clone, Serialize, Deserialize, Type)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Command {
    /// Opens the history; see [`super::Snapshot::storage`].
    OpenStorage {
        /// How.
        choice: StorageChoice,
    },
    /// Adds a SIP account and starts registering it. Answers [`super::Reply::AccountAdded`].
    AddAccount {
        /// What the user typed.
        account: NewAccount,
    },
    /// Un-registers, and removes the account with its secrets and its local history.
    RemoveAccount {
        /// Which one.
        account: AccountId,
    },
    /// Gives the password an account asks for, because no keyring holds it or the server refused the last one.
    ProvidePassword {
        /// Which account.
        account: AccountId,
        /// The SIP password.
        password: Secret,
    },
    /// Changes how an account's calls sound and travel, from the next call on.
    ChangeMedia {
        /// Which account.
        account: AccountId,
        /// All of it; a TURN server's empty password stands for the one that is kept.
        media: MediaOptions,
    },
    /// Registers and refreshes the feed now instead of when the back-off says so.
    Reconnect {
        /// Which account.
        account: AccountId,
    },
    /// Calls a number, a name the provider knows (`echo`) or a SIP address. Answers [`super::Reply::CallPlaced`].
    PlaceCall {
        /// From which account.
        account: AccountId,
        /// As typed.
        target: String,
        /// Which number the called side is to see; `None` leaves it to the provider.
        #[serde(default)]
        #[specta(optional)]
        show: Option<CallAs>,
    },
    /// Answers a ringing call; the one that is talked to is put on hold.
    AnswerCall {
        /// Which call.
        call: CallId,
    },
    /// Turns a ringing call down.
    DeclineCall {
        /// Which call.
        call: CallId,
    },
    /// Ends a call, or gives up on one that is not answered yet.
    HangUpCall {
        /// Which call.
        call: CallId,
    },
    /// Mutes or unmutes the microphone of a call.
    MuteCall {
        /// Which call.
        call: CallId,
        /// Whether nothing is to be heard of us.
        muted: bool,
    },
    /// Puts a call on hold, or takes it back; whichever other one is talked to is put on hold then.
    HoldCall {
        /// Which call.
        call: CallId,
        /// Whether to hold it.
        held: bool,
    },
    /// Makes one conversation of all answered calls; those that wait are taken back.
    JoinCalls {},
    /// Takes a call out of the conference and puts it on hold; the others go on.
    LeaveConference {
        /// Which call.
        call: CallId,
    },
    /// Records an answered call, or stops to: this side on one channel, the other on the other.
    RecordCall {
        /// Which call.
        call: CallId,
        /// Whether to record it.
        on: bool,
        /// Into this file, replaced if it is there; `None` for a new one in the folder for recordings.
        #[serde(default)]
        #[specta(optional)]
        path: Option<String>,
    },
    /// Plays a sound file (WAV, Ogg Opus) to this side, in place of the one that is played.
    PlayFile {
        /// Which file.
        path: String,
    },
    /// Ends what is played.
    StopPlaying {},
    /// Starts a sound check, or ends it: what the microphone hears is played back a second later. Refused during
    /// calls; a call that comes ends it, and so do two minutes.
    TestMicrophone {
        /// Whether to check.
        on: bool,
    },
    /// Hands a call over: the other side is asked to call somebody, and our call ends when they talk. How it goes is
    /// told in the call.
    TransferCall {
        /// Which call.
        call: CallId,
        /// To whom, as typed.
        target: String,
    },
    /// Joins the other sides of two calls of one account, and leaves.
    TransferToCall {
        /// Which call is handed over.
        call: CallId,
        /// To whose other side.
        other: CallId,
    },
    /// Answers the other side's wish that we call somebody in its place. Answers
    /// [`super::Reply::CallPlaced`] when taken.
    AnswerTransfer {
        /// Whose call asks.
        call: CallId,
        /// Whether to do it.
        accept: bool,
    },
    /// Calls whom the called side names instead; hang up to leave it.
    FollowRedirect {
        /// Which call.
        call: CallId,
        /// Which of those it names, by its place.
        target: u32,
    },
    /// Sends one DTMF digit.
    SendDigit {
        /// Which call.
        call: CallId,
        /// One of `0-9*#A-D`.
        digit: char,
    },
    /// Asks the provider what a target costs and whether it is allowed, unless it has just been asked. Answers once it
    /// has: then [`super::Query::Target`] and [`super::Query::Composed`] know.
    AskRate {
        /// From which account.
        account: AccountId,
        /// As typed; a whole number.
        target: String,
        /// As in [`Command::PlaceCall`].
        #[serde(default)]
        #[specta(optional)]
        show: Option<CallAs>,
    },
    /// Queues an SMS; it is kept before anything is sent. Answers [`super::Reply::MessageQueued`].
    SendMessage {
        /// From which account.
        account: AccountId,
        /// One of the account's own numbers, E.164.
        from: String,
        /// To whom, as typed.
        to: String,
        /// Plain text.
        text: String,
    },
    /// Sends a failed SMS again, as a new intent.
    RetryMessage {
        /// The failed row.
        message: ActivityId,
    },
    /// Keeps what is typed but not sent.
    SaveDraft {
        /// Where it was typed.
        thread: ThreadId,
        /// Plain text; empty removes the draft.
        text: String,
    },
    /// Adds a contact, or replaces one. Answers [`super::Reply::ContactSaved`].
    SaveContact {
        /// Which one; `None` for a new one.
        #[serde(default)]
        #[specta(optional)]
        contact: Option<ContactId>,
        /// What was typed.
        card: ContactCard,
    },
    /// Removes a contact.
    RemoveContact {
        /// Which one.
        contact: ContactId,
    },
    /// Marks a contact as a favourite, or not. Answers [`super::Reply::ContactSaved`].
    MarkFavourite {
        /// Which one.
        contact: ContactId,
        /// Whether its calls ring while everybody else's don't.
        favourite: bool,
    },
    /// Takes over the contacts of a vCard file. Answers [`super::Reply::ContactsImported`].
    ImportContacts {
        /// The file's text.
        vcards: String,
    },
    /// Finds the address books of a user at a CardDAV server and reads them; kept in the keyring is the password.
    /// Answers [`super::Reply::AddressBooksSynced`].
    AddAddressBook {
        /// An address, a host or an e-mail address.
        url: String,
        /// Who is known there.
        user: String,
        /// The password, perhaps one made for this.
        password: Secret,
    },
    /// Reads every address book again. What was changed here stays. Answers [`super::Reply::AddressBooksSynced`].
    SyncAddressBooks {
        /// Where no keyring has it.
        password: Option<Secret>,
    },
    /// Forgets an address book; its contacts stay.
    RemoveAddressBook {
        /// Which one.
        book: AddressBookId,
    },
    /// Turns a number's calls down and keeps its SMS aside, from now on and without a word.
    BlockNumber {
        /// As the activity has it, or as typed.
        number: String,
        /// Because it sends spam.
        spam: bool,
    },
    /// Lets it through again.
    UnblockNumber {
        /// As the activity has it.
        number: String,
    },
    /// Removes a conversation from this computer, but for what has not left yet.
    DeleteThread {
        /// Which one.
        thread: ThreadId,
        /// Its messages at the provider too, where the account says that this can be.
        #[serde(default)]
        #[specta(optional)]
        at_provider: bool,
    },
    /// Makes the search's index anew.
    RebuildSearch {},
    /// Marks everything of a thread as seen.
    MarkThreadRead {
        /// Which one.
        thread: ThreadId,
    },
    /// Marks calls as seen: the badge for missed calls goes.
    MarkCallsRead {},
    /// Copies a one-time code; the clipboard is emptied after a while if it still holds it.
    CopyCode {
        /// As [`super::MessageView::code`] has it.
        code: Secret,
    },
    /// Starts a top-up and opens the provider's page in the system browser. Answers [`super::Reply::TopUpStarted`].
    AddFunds {
        /// Which account.
        account: AccountId,
        /// A decimal such as `25.00`, in the account's currency.
        amount: String,
    },
    /// Opens a pending top-up's page again.
    OpenCheckout {
        /// Which account.
        account: AccountId,
        /// Which top-up.
        topup: TopUpId,
    },
    /// Orders numbers; kept before the provider is asked, and placed once. Answers [`super::Reply::Ordered`].
    OrderNumbers {
        /// Which account pays.
        account: AccountId,
        /// What.
        order: NumberOrder,
    },
    /// Brings an expired number back for what [`super::RenewalView::Restorable`] says; kept before the provider is
    /// asked.
    RestoreNumber {
        /// Whose.
        account: AccountId,
        /// E.164.
        number: String,
    },
    /// Has a number renew by itself, or not.
    RenewNumber {
        /// Whose.
        account: AccountId,
        /// E.164.
        number: String,
        /// Whether it does.
        on: bool,
    },
    /// Decides where a number's calls go.
    ForwardNumber {
        /// Whose.
        account: AccountId,
        /// E.164.
        number: String,
        /// Where to.
        forwarding: ForwardingView,
    },
    /// Uploads a greeting. Answers [`super::Reply::GreetingUploaded`]; [`Command::ChangeAnswering`] has it played.
    UploadGreeting {
        /// Whose.
        account: AccountId,
        /// WAV, PCM, 8 kHz, 16 bit, mono.
        path: String,
    },
    /// Decides how a number takes voice messages.
    ChangeAnswering {
        /// Whose.
        account: AccountId,
        /// E.164.
        number: String,
        /// Whether it takes any.
        on: bool,
        /// The greeting that is played, by id; `None` for the provider's own words.
        greeting: Option<String>,
    },
    /// Hands a paper in. Answers [`super::Reply::PaperHandedIn`].
    HandInPaper {
        /// Whose.
        account: AccountId,
        /// Which.
        paper: NewPaper,
    },
    /// Asks for money back; kept before the provider is asked. Answers [`super::Reply::RefundAsked`].
    AskRefund {
        /// Whose.
        account: AccountId,
        /// What for.
        refund: NewRefund,
    },
    /// Replaces the settings.
    ChangeSettings {
        /// All of them.
        settings: Settings,
    },
}
