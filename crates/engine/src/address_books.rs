//! Address books at a server, from a shell's side: who waits for the answer waits for the server, the engine hears of
//! what came. What a card becomes is decided where it is kept.

use tern_provider::Secret;
use url::Url;

use crate::{
    api::{self, AddressBookId, AddressBookSynced, AddressBookView, ErrorCode, ErrorView, Reply},
    carddav::{self, Place, Pull, http::Http},
    core::{RequestId, State, Write},
    engine::EngineHandle,
    ports::SecretKey,
    record::{AddressBook, Book, BookChange},
    store::address_book,
};

impl EngineHandle {
    /// Finds a user's address books and pulls them.
    ///
    /// # Errors
    /// What the server answers, and what keeps the books from being kept.
    pub(crate) async fn add_address_book(
        &self,
        url: &str,
        user: &str,
        password: api::Secret,
    ) -> Result<Reply, ErrorView> {
        let (entry, user) = (carddav::entry(url)?, user.trim());
        if user.is_empty() || user.contains(':') {
            return Err(ErrorView::with_detail(ErrorCode::InvalidTarget, "user"));
        }
        let password = Secret::new(password.0);
        let http = Http::new(&entry, user, password.clone())?;
        let found = carddav::find(&http, &entry).await?;
        let known = self.read(address_book::all).await?;
        let secret_name = format!("{:032x}", rand::random::<u128>());
        let mut books = Vec::new();
        for found in found {
            let old = known.iter().find(|book| book.url == found.url.as_str() && book.user == user);
            let book = AddressBook {
                id: old.and_then(|old| old.id.clone()),
                url: found.url.to_string(),
                user: user.to_owned(),
                name: found.name,
                secret_name: old.map_or_else(|| secret_name.clone(), |old| old.secret_name.clone()),
                synced_at: None,
            };
            // Before the book, so that it finds its password.
            if let Err(error) = self.ports().secrets.set(&secret_key(&book), &password).await {
                tracing::warn!(%error, "the password of an address book was not kept");
            }
            books.push(self.pull(&http, book).await?);
        }
        Ok(Reply::AddressBooksSynced { books })
    }

    /// Pulls every address book; what goes wrong with one is told with it.
    ///
    /// # Errors
    /// The storage failed.
    pub(crate) async fn sync_address_books(&self, password: Option<api::Secret>) -> Result<Reply, ErrorView> {
        let given = password.map(|password| Secret::new(password.0));
        let mut books = Vec::new();
        for book in self.read(address_book::all).await? {
            let (id, name) = (book.id.clone(), book.name.clone());
            let synced = match self.password(&book, given.as_ref()).await {
                Ok(password) => self.pull_with(password, book).await,
                Err(error) => Err(error),
            };
            books.push(synced.unwrap_or_else(|error| AddressBookSynced {
                book: id.unwrap_or(AddressBookId(0)),
                name,
                added: 0,
                changed: 0,
                removed: 0,
                error: Some(error),
            }));
        }
        Ok(Reply::AddressBooksSynced { books })
    }

    /// Forgets an address book; its contacts stay.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub(crate) async fn remove_address_book(&self, id: AddressBookId) -> Result<Reply, ErrorView> {
        let all = self.read(address_book::all).await?;
        let of = |book: &&AddressBook| book.id.as_ref() == Some(&id);
        let book = all.iter().find(of).ok_or(ErrorView::new(ErrorCode::NotFound))?;
        let shared = all.iter().filter(|other| other.secret_name == book.secret_name).count() > 1;
        self.hand_over(BookChange::Remove(id.clone())).await?;
        if !shared && let Err(error) = self.ports().secrets.delete(&secret_key(book)).await {
            tracing::warn!(%error, "the password of an address book was not deleted");
        }
        Ok(Reply::Done {})
    }

    async fn password(&self, book: &AddressBook, given: Option<&Secret>) -> Result<Secret, ErrorView> {
        if let Some(given) = given {
            return Ok(given.clone());
        }
        let kept = self.ports().secrets.get(&secret_key(book)).await.unwrap_or_default();
        kept.ok_or(ErrorView::new(ErrorCode::PasswordNeeded))
    }

    async fn pull_with(&self, password: Secret, book: AddressBook) -> Result<AddressBookSynced, ErrorView> {
        let url = Url::parse(&book.url).map_err(|_| ErrorView::new(ErrorCode::InvalidTarget))?;
        let http = Http::new(&url, &book.user, password)?;
        self.pull(&http, book).await
    }

    async fn pull(&self, http: &Http, book: AddressBook) -> Result<AddressBookSynced, ErrorView> {
        let url = Url::parse(&book.url).map_err(|_| ErrorView::new(ErrorCode::InvalidTarget))?;
        let place = match book.id.clone() {
            Some(id) => self.read(move |c| address_book::place(c, &id)).await?,
            None => Place::default(),
        };
        let pull = carddav::pull(http, &url, &place).await?;
        match self.hand_over(BookChange::Pulled(book, pull)).await? {
            Reply::AddressBooksSynced { mut books } if !books.is_empty() => Ok(books.swap_remove(0)),
            _ => Err(ErrorView::new(ErrorCode::Internal)),
        }
    }
}

impl State {
    /// What a server told of an address book, as the activity names its numbers.
    pub(crate) fn address_book(&mut self, request: RequestId, change: BookChange) {
        let change = match change {
            BookChange::Pulled(mut book, pull) => {
                book.synced_at = Some(self.now.wall);
                let Pull { token, ctag, changed, gone } = pull;
                let mut known = Vec::with_capacity(changed.len());
                for (href, etag, card) in changed {
                    let card = card.and_then(|mut card| {
                        card.numbers = card
                            .numbers
                            .iter()
                            .filter_map(|(typed, label)| Some((self.known_as(typed)?, label.clone())))
                            .collect();
                        if card.uid.is_empty() {
                            card.uid.clone_from(&href);
                        }
                        (!card.numbers.is_empty()).then_some(card)
                    });
                    known.push((href, etag, card));
                }
                BookChange::Pulled(book, Pull { token, ctag, changed: known, gone })
            }
            remove @ BookChange::Remove(_) => remove,
        };
        self.write(Write::AddressBook(request, change));
    }

    pub(crate) fn address_book_kept(
        &mut self,
        request: RequestId,
        synced: Option<AddressBookSynced>,
        book: Book,
    ) {
        let books = synced.into_iter().collect();
        self.reply(request, Ok(Reply::AddressBooksSynced { books }));
        self.book_changed(book);
    }
}

/// An address book for a window.
pub(crate) fn view(book: AddressBook) -> Option<AddressBookView> {
    let AddressBook { id, url, user, name, synced_at, .. } = book;
    Some(AddressBookView { id: id?, name, url, user, synced_at: synced_at.map(|at| at.to_string()) })
}

fn secret_key(book: &AddressBook) -> SecretKey {
    SecretKey {
        name: format!("{}/carddav", book.secret_name),
        label: format!("Tern: contacts of {}", book.user),
    }
}
