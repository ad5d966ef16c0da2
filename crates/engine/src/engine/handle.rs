//! The handle that shells hold: commands, reads, events.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use jiff::{SignedDuration, Timestamp};
use tern_provider::types::ActivityKind;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::SandboxAccess;
use crate::{
    address_books,
    api::{
        AccountId, Answer, Command, DevicesView, ErrorCode, ErrorView, Event, Query, Reply, SearchKind,
        Snapshot,
    },
    consult::{self, Consulted},
    contacts,
    core::Act,
    export, link,
    ports::{NotificationAction, Ports},
    record::{BookChange, Sought, ThreadRowId},
    rules::{self, Draft, Facts},
    storage::failed as storage_failed,
    store::{Connection, Place, Reader, StoreError, address_book, blocked, call, contact, read, search},
    task::{Request, gone},
    vcard, views, voicemail,
};

/// The longest time in which SMS are counted.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Rows of a snapshot's first page.
const FIRST_PAGE: u32 = 50;

/// A way to the running engine. Cheap to clone.
#[derive(Clone)]
pub struct EngineHandle {
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) reader: Arc<OnceLock<Reader>>,
    pub(super) ports: Ports,
    /// Where the voice message lies that is listened to.
    pub(super) voices: PathBuf,
}

impl EngineHandle {
    /// Asks the engine to act. Answered once the intent is taken on.
    ///
    /// # Errors
    /// Whatever kept the intent from being taken on.
    pub async fn command(&self, command: Command) -> Result<Reply, ErrorView> {
        let command = match command {
            // Only who waits for the answer waits for the provider.
            Command::AddAccount { account } => Command::AddAccount { account: link::fill_in(account).await? },
            // Files are read before the engine hears of them: it never waits for a disk.
            Command::UploadGreeting { account, path } => {
                let act = Act::Greeting(consult::greeting_file(path).await?);
                return self.ask(|answer| Request::HandOver(account, act, answer)).await?;
            }
            Command::HandInPaper { account, paper } => {
                let act = Act::Document(consult::document(paper).await?);
                return self.ask(|answer| Request::HandOver(account, act, answer)).await?;
            }
            // Servers likewise.
            Command::AddAddressBook { url, user, password } => {
                return self.add_address_book(&url, &user, password).await;
            }
            Command::SyncAddressBooks { password } => return self.sync_address_books(password).await,
            Command::RemoveAddressBook { book } => return self.remove_address_book(book).await,
            other => other,
        };
        self.ask(|answer| Request::Command(command, answer)).await?
    }

    /// Reads.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::StorageFailed`].
    pub async fn query(&self, query: Query) -> Result<Answer, ErrorView> {
        match query {
            Query::Snapshot {} => {
                let (snapshot, _) = self.subscribe().await?;
                Ok(Answer::Snapshot { snapshot })
            }
            Query::Activity { before, limit } => {
                let before = place(before.as_deref())?;
                let page = self.reader()?.read(move |c| read::activity(c, before, limit)).await;
                Ok(Answer::Activity { page: views::page(&page.map_err(|e| storage_failed(&e))?) })
            }
            Query::Thread { thread, before, limit } => {
                let id = ThreadRowId::inside(&thread).ok_or(ErrorView::new(ErrorCode::NotFound))?;
                let before = place(before.as_deref())?;
                let found = self.reader()?.read(move |c| read::conversation(c, id, before, limit)).await;
                let (head, page) =
                    found.map_err(|e| storage_failed(&e))?.ok_or(ErrorView::new(ErrorCode::NotFound))?;
                Ok(Answer::Thread { thread: views::thread(id, head, &page) })
            }
            Query::Search { text, filter, before, limit } => {
                let before = place(before.as_deref())?;
                let sought = Sought {
                    text,
                    number: filter.number,
                    kind: filter.kind.map(|kind| match kind {
                        SearchKind::Message => ActivityKind::Message,
                        SearchKind::Call => ActivityKind::Call,
                        SearchKind::Ledger => ActivityKind::Transaction,
                    }),
                    since: contacts::moment(filter.since.as_deref())?,
                    until: contacts::moment(filter.until.as_deref())?,
                    unread: filter.unread,
                    blocked: filter.blocked,
                };
                let found = self.read(move |c| search::rows(c, &sought, before, limit)).await?;
                Ok(Answer::Search { page: contacts::found_view(found) })
            }
            Query::BlockedActivity { before, limit } => {
                let before = place(before.as_deref())?;
                let page = self.read(move |c| read::unwanted(c, before, limit)).await?;
                Ok(Answer::BlockedActivity { page: views::page(&page) })
            }
            Query::Contacts {} => {
                let all = self.read(contact::all).await?;
                Ok(Answer::Contacts { contacts: all.into_iter().map(contacts::view).collect() })
            }
            Query::AddressBooks {} => {
                let all = self.read(address_book::all).await?;
                Ok(Answer::AddressBooks { books: all.into_iter().filter_map(address_books::view).collect() })
            }
            Query::ExportContacts {} => {
                let all = self.read(contact::all).await?;
                let cards: Vec<_> = all.into_iter().map(|contact| contact.card).collect();
                Ok(Answer::ExportContacts { vcards: vcard::write(&cards) })
            }
            Query::Blocked {} => {
                let all = self.read(blocked::all).await?;
                Ok(Answer::Blocked { blocked: all.into_iter().map(contacts::blocked_view).collect() })
            }
            Query::Export { format, path, replace } => {
                let written = export::write(self.reader()?, format, &PathBuf::from(path), replace).await?;
                Ok(Answer::Export { written })
            }
            Query::Devices {} => {
                let audio = self.ports.audio.clone();
                let devices = tokio::task::spawn_blocking(move || audio.devices()).await;
                let found = devices.map_err(|_| ErrorView::new(ErrorCode::AudioDeviceFailed))?;
                // Which of them calls use now is the engine's to say.
                let (now, _) = self.ask(Request::Subscribe).await?;
                let (inputs, outputs) = (found.inputs, found.outputs);
                Ok(Answer::Devices { devices: DevicesView { inputs, outputs, ..now.devices } })
            }
            Query::Target { account, target, show } => {
                let facts = self.facts(account).await?;
                Ok(Answer::Target { target: rules::target(&facts, &target, show.as_ref()) })
            }
            Query::Composed { account, from, to, text } => {
                let facts = self.facts(account.clone()).await?;
                let since = facts.now.saturating_sub(DAY).unwrap_or(Timestamp::MIN);
                let sent = self.reader()?.read(move |c| read::sent_since(c, &account, since)).await;
                let sent = sent.map_err(|e| storage_failed(&e))?;
                let draft = Draft { from: from.as_deref(), to: &to, text: &text };
                Ok(Answer::Composed { composed: rules::composed(&facts, &draft, &sent) })
            }
            Query::NumberTerms { account } => {
                let facts = self.facts(account).await?;
                Ok(Answer::NumberTerms { terms: rules::terms(&facts) })
            }
            Query::Offers { account, country } => {
                Ok(Answer::Offers { offers: self.consult(account).await?.offers(country).await? })
            }
            Query::Quote { account, order } => {
                Ok(Answer::Quote { quote: self.consult(account).await?.quote(order).await? })
            }
            Query::Forwarding { account, number } => {
                Ok(Answer::Forwarding { forwarding: self.consult(account).await?.forwarding(&number).await? })
            }
            Query::Answering { account, number } => {
                Ok(Answer::Answering { answering: self.consult(account).await?.answering(&number).await? })
            }
            Query::Voicemails { account } => {
                let messages = self.consult(account.clone()).await?.voicemails().await?;
                let Some(oldest) = messages.iter().map(|message| message.at).min() else {
                    return Ok(Answer::Voicemails { voicemails: Vec::new() });
                };
                let since = voicemail::earliest_call(oldest);
                let calls = self.read(move |c| call::incoming_since(c, &account, since)).await?;
                let people = self.read(contact::all).await?;
                Ok(Answer::Voicemails { voicemails: voicemail::views(&messages, &calls, &people) })
            }
            Query::VoicemailSound { account, voicemail } => {
                let sound = self.consult(account).await?.voicemail_sound(voicemail).await?;
                let path = voicemail::keep_sound(self.voices.clone(), sound).await?;
                Ok(Answer::VoicemailSound { path })
            }
            Query::Papers { account } => {
                Ok(Answer::Papers { papers: self.consult(account).await?.papers().await? })
            }
            Query::Ledger { account, from, to, kinds, page } => {
                let ledger = self.consult(account).await?.ledger(from, to, &kinds, page).await?;
                Ok(Answer::Ledger { ledger })
            }
            Query::Refunds { account } => {
                Ok(Answer::Refunds { refunds: self.consult(account).await?.refunds().await? })
            }
        }
    }

    /// Everything as it is now, and the events that follow it without a gap.
    ///
    /// # Errors
    /// [`ErrorCode::StorageFailed`] when the first page can't be read, [`ErrorCode::Internal`] after the end.
    pub async fn subscribe(&self) -> Result<(Snapshot, EventStream), ErrorView> {
        let (mut snapshot, events) = self.ask(Request::Subscribe).await?;
        if snapshot.storage.is_some() {
            return Ok((snapshot, EventStream { events }));
        }
        // Read after the subscription began: what it shows too early is told again.
        let page = self.reader()?.read(|c| read::activity(c, None, FIRST_PAGE)).await;
        snapshot.activity = views::page(&page.map_err(|e| storage_failed(&e))?);
        Ok((snapshot, EventStream { events }))
    }

    /// Adds the sandbox's account, or brings the one of the same address up to date, and starts it. Its secrets are
    /// handed over at each start and kept nowhere.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] after the end.
    pub async fn attach_sandbox(&self, access: SandboxAccess) -> Result<AccountId, ErrorView> {
        match self.ask(|answer| Request::Attach(Box::new(access), answer)).await?? {
            Reply::AccountAdded { account } => Ok(account),
            _ => Err(ErrorView::new(ErrorCode::Internal)),
        }
    }

    /// A notification's button was pressed, or the notification itself clicked.
    pub async fn activate(&self, action: NotificationAction) {
        // An engine that has ended has nothing to answer.
        let _ = self.requests.send(Request::Activate(action)).await;
    }

    /// Ends calls, un-registers (for at most 2 seconds), writes what is to be written. Later commands fail.
    pub async fn shutdown(&self) {
        let _ = self.ask(Request::Shutdown).await;
        voicemail::forget_sound(&self.voices);
    }

    /// Hands over what became of an address book.
    pub(crate) async fn hand_over(&self, change: BookChange) -> Result<Reply, ErrorView> {
        self.ask(|answer| Request::AddressBook(Box::new(change), answer)).await?
    }

    /// The outside.
    pub(crate) fn ports(&self) -> &Ports {
        &self.ports
    }

    async fn consult(&self, account: AccountId) -> Result<Consulted, ErrorView> {
        self.ask(|answer| Request::Consult(account, answer)).await?
    }

    async fn facts(&self, account: AccountId) -> Result<Facts, ErrorView> {
        let facts = self.ask(|answer| Request::Facts(account, answer)).await?;
        facts.ok_or(ErrorView::new(ErrorCode::NotFound))
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, ErrorView> {
        self.reader()?.read(read).await.map_err(|e| storage_failed(&e))
    }

    fn reader(&self) -> Result<&Reader, ErrorView> {
        self.reader.get().ok_or(ErrorView::new(ErrorCode::StorageClosed))
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, ErrorView> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(request(answer)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())
    }
}

/// Events as they happen. Holds at most 1,024 that were not taken; older ones are dropped, which shows as a gap in
/// `seq`: subscribe again.
pub struct EventStream {
    events: broadcast::Receiver<Event>,
}

impl EventStream {
    /// The next event; `None` once the engine has ended.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            match self.events.recv().await {
                Ok(event) => return Some(event),
                // The next event's number shows the gap.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

fn place(text: Option<&str>) -> Result<Option<Place>, ErrorView> {
    match text {
        None => Ok(None),
        Some(text) => Place::parse(text).map(Some).ok_or(ErrorView::new(ErrorCode::NotFound)),
    }
}
