//! People behind numbers: their names, and whose calls and SMS nobody wants to hear of.

use crate::{
    api::{
        BlockedView, ContactCard, ContactId, ContactNumber, ContactView, ErrorCode, ErrorView, EventKind,
        Reply, SearchHit, SearchPage,
    },
    core::{RequestId, State, Write},
    phone,
    record::{Blocked, Book, Contact, Imported},
    store::Found,
    vcard::{self, Card, Cards},
    views,
};

/// Numbers of one contact.
const MOST_NUMBERS: usize = 32;
/// Characters of a name, and of a note.
const LONGEST_NAME: usize = 200;
const LONGEST_NOTE: usize = 10_000;
/// Lines of unusable cards that are told; nobody looks at more.
const MOST_LINES: usize = 20;

impl State {
    /// The other side for people: as the contact is called, or the number as it is written.
    pub(crate) fn name_of(&self, peer: &str) -> String {
        self.book.names.get(peer).cloned().unwrap_or_else(|| phone::display(peer))
    }

    pub(crate) fn save_contact(&mut self, request: RequestId, id: Option<ContactId>, card: ContactCard) {
        let name = card.name.trim();
        let numbers: Vec<_> = card
            .numbers
            .iter()
            .filter(|typed| typed.label.as_deref().is_none_or(|label| vcard::KINDS.contains(&label)))
            .filter_map(|typed| Some((self.known_as(&typed.number)?, typed.label.clone())))
            .collect();
        let usable = (1..=LONGEST_NAME).contains(&name.chars().count())
            && !name.chars().any(char::is_control)
            && card.note.chars().count() <= LONGEST_NOTE
            && numbers.len() == card.numbers.len()
            && (1..=MOST_NUMBERS).contains(&numbers.len());
        if !usable {
            return self.refuse(request, ErrorCode::InvalidContact);
        }
        let uid = format!("tern-{}", self.random_name());
        let card = Card { uid, name: name.to_owned(), note: card.note, numbers };
        self.write(Write::Contact(request, id, card));
    }

    pub(crate) fn import_contacts(&mut self, request: RequestId, vcards: &str) {
        if vcards.len() > vcard::LONGEST_FILE {
            return self.refuse(request, ErrorCode::InvalidContact);
        }
        let Cards { cards, mut refused } = vcard::read(vcards);
        let mut known = Vec::with_capacity(cards.len());
        for (line, mut card) in cards {
            card.numbers = card
                .numbers
                .iter()
                .filter_map(|(typed, label)| Some((self.known_as(typed)?, label.clone())))
                .collect();
            if card.numbers.is_empty() {
                refused.push(line);
                continue;
            }
            if card.uid.is_empty() {
                card.uid = format!("tern-{}", self.random_name());
            }
            known.push(card);
        }
        refused.sort_unstable();
        self.write(Write::ImportContacts(request, known, refused));
    }

    pub(crate) fn block(&mut self, request: RequestId, number: &str, spam: bool) {
        match self.known_as(number) {
            Some(number) => {
                self.write(Write::Block(Blocked { number, spam, at: self.now.wall }));
                self.reply(request, Ok(Reply::Done {}));
            }
            None => self.refuse(request, ErrorCode::InvalidTarget),
        }
    }

    pub(crate) fn unblock(&mut self, request: RequestId, number: String) {
        self.write(Write::Unblock(number));
        self.reply(request, Ok(Reply::Done {}));
    }

    /// Names and blocks are others now.
    pub(crate) fn book_changed(&mut self, book: Book) {
        self.book = book;
        self.event(EventKind::ContactsChanged {});
        self.activity_changed([]);
    }

    pub(crate) fn contact_saved(&mut self, request: RequestId, saved: Option<ContactId>, book: Book) {
        match saved {
            Some(contact) => {
                self.reply(request, Ok(Reply::ContactSaved { contact }));
                self.book_changed(book);
            }
            None => self.refuse(request, ErrorCode::NotFound),
        }
    }

    pub(crate) fn contacts_imported(
        &mut self,
        request: RequestId,
        imported: Imported,
        mut refused_lines: Vec<u32>,
        book: Book,
    ) {
        let Imported { added, changed, same } = imported;
        let refused = u32::try_from(refused_lines.len()).unwrap_or(u32::MAX);
        refused_lines.truncate(MOST_LINES);
        self.reply(request, Ok(Reply::ContactsImported { added, changed, same, refused, refused_lines }));
        self.book_changed(book);
    }

    /// A number as the activity names it: E.164 where it is one, else as typed; `None` for what can't be one.
    pub(crate) fn known_as(&self, typed: &str) -> Option<String> {
        let region = self.accounts.values().flat_map(|a| &a.numbers).find_map(|n| phone::country(&n.e164));
        let typed = typed.trim();
        if let Ok(number) = phone::recipient(typed, region.as_deref()) {
            return Some(number);
        }
        let usable = !typed.is_empty()
            && typed.chars().count() <= LONGEST_NAME
            && !typed.chars().any(char::is_control);
        usable.then(|| typed.to_owned())
    }
}

/// A contact for a window.
pub(crate) fn view(contact: Contact) -> ContactView {
    let Card { name, note, numbers, .. } = contact.card;
    let numbers = numbers.into_iter().map(|(number, label)| ContactNumber {
        formatted: phone::display(&number),
        number,
        label,
    });
    let favourite = contact.favourite;
    ContactView { id: contact.id, name, note, numbers: numbers.collect(), favourite }
}

/// A blocked number for a window.
pub(crate) fn blocked_view(blocked: Blocked) -> BlockedView {
    BlockedView {
        name: phone::display(&blocked.number),
        number: blocked.number,
        spam: blocked.spam,
        at: blocked.at.to_string(),
    }
}

/// What was found, for a window.
pub(crate) fn found_view(found: Found) -> SearchPage {
    let hits = found.rows.into_iter().map(|(row, snippet)| SearchHit {
        item: views::item(&row),
        snippet: snippet.text,
        ranges: snippet.ranges,
    });
    SearchPage { hits: hits.collect(), next: found.next.map(|place| place.to_string()) }
}

/// The moment, or what is wrong with it.
pub(crate) fn moment(text: Option<&str>) -> Result<Option<jiff::Timestamp>, ErrorView> {
    let read = |text: &str| {
        text.parse().map_err(|_| ErrorView::with_detail(ErrorCode::InvalidTarget, text.to_owned()))
    };
    text.map(read).transpose()
}
