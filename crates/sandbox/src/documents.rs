//! Papers: handed in, reviewed, and what they open.
//!
//! `numgo` asks for a photo of the passport and the registration address before anything goes out; `prepaid` asks
//! for passport and proof of address before some numbers are connected.

use jiff::Timestamp;
use rusqlite::Connection;

use crate::{
    catalogue,
    clock::later,
    lifecycle::invalid,
    model::{
        Account, AccountId, Document, DocumentKind, DocumentState, NoticeKind, NumberState, Profile, new_id,
    },
    notices,
    operator::Operator,
    orders::connection_time,
    refusal::{Failure, Refusal},
    store::{
        Books, StoreError, accounts,
        agenda::{self, Action},
        documents, numbers,
    },
};

/// What `numgo` wants to see before calls and SMS go out.
pub(crate) const TO_GO_OUT: &[DocumentKind] = &[DocumentKind::Passport, DocumentKind::RegistrationAddress];

/// A paper as it is handed in.
#[derive(Debug, Clone)]
pub(crate) enum Paper {
    /// A photo or scan.
    File {
        /// Its bytes; looked at and thrown away.
        bytes: Vec<u8>,
    },
    /// City, street and building.
    Address {
        /// Each non-empty.
        city: String,
        /// Each non-empty.
        street: String,
        /// Each non-empty.
        building: String,
    },
}

impl Operator {
    /// Takes a paper in; it is reviewed later.
    pub(crate) fn submit_document(
        &self,
        account: &Account,
        kind: DocumentKind,
        paper: &Paper,
    ) -> Result<Document, Failure> {
        let content = match (kind, paper) {
            (DocumentKind::RegistrationAddress, Paper::Address { city, street, building }) => {
                if [city, street, building].iter().any(|part| part.trim().is_empty() || part.len() > 200) {
                    return Err(invalid("document_incomplete", "City, street and building are needed."));
                }
                // What matters here is that it was given; where somebody lives is not kept.
                "address".to_owned()
            }
            (DocumentKind::Passport | DocumentKind::ProofOfAddress, Paper::File { bytes }) => {
                if bytes.len() > self.settings.document_max_bytes {
                    return Err(invalid("document_too_large", "The file is too large."));
                }
                let why = "A document is a JPEG, PNG or PDF file.";
                sort_of(bytes).ok_or_else(|| invalid("document_format", why))?.to_owned()
            }
            _ => return Err(invalid("document_incomplete", "This kind of document is given otherwise.")),
        };
        let now = self.now();
        let document = Document {
            id: new_id("doc"),
            account: account.id,
            kind,
            state: DocumentState::Submitted,
            reason: None,
            content,
            at: now,
        };
        self.write(|books| {
            documents::insert(books, &document)?;
            if let Some(after) = self.settings.document_review_after {
                agenda::add(books, later(now, after), &Action::ReviewDocument { id: document.id.clone() })?;
            }
            Ok(document)
        })
    }

    /// Approves or rejects a document that waits for it.
    pub(crate) fn review_document(
        &self,
        id: &str,
        state: DocumentState,
        reason: Option<&str>,
    ) -> Result<Document, Failure> {
        let now = self.now();
        self.write(|books| {
            documents::by_id(books, id)?.ok_or(Refusal::NotFound)?;
            self.decide_document(books, id, state, reason, now)?;
            Ok(documents::by_id(books, id)?.ok_or(StoreError::Value("document"))?)
        })
    }

    /// Ends a review, and connects what has waited for it.
    pub(crate) fn decide_document(
        &self,
        books: &Books<'_>,
        id: &str,
        state: DocumentState,
        reason: Option<&str>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(document) = documents::by_id(books, id)? else { return Ok(()) };
        if !documents::decide(books, id, state, reason)? {
            return Ok(());
        }
        let text = match (state, reason) {
            (DocumentState::Rejected, Some(reason)) => format!("A document was rejected: {reason}"),
            (DocumentState::Rejected, None) => "A document was rejected.".to_owned(),
            _ => "A document was approved.".to_owned(),
        };
        notices::tell(books, document.account, NoticeKind::DocumentReviewed, at, text, id)?;
        let account = accounts::by_id(books, document.account)?.ok_or(StoreError::Value("account"))?;
        for mut number in numbers::of_account(books, account.id)? {
            let Some(product) = catalogue::product(&number.product) else { continue };
            if number.state != NumberState::AwaitingDocuments {
                continue;
            }
            if let Some(connected) = connection_time(books, self, &account, product, at)? {
                number.state = NumberState::Connecting;
                numbers::update(books, &number)?;
                agenda::add(books, connected, &Action::Connect { number: number.id })?;
            }
        }
        Ok(())
    }
}

/// Whether an account's calls and SMS go out: `numgo` wants to know first who its customer is.
pub(crate) fn may_go_out(connection: &Connection, account: &Account) -> Result<bool, StoreError> {
    Ok(account.profile == Profile::Prepaid || missing(connection, account.id, TO_GO_OUT)?.is_empty())
}

/// Which of some papers are not approved yet.
pub(crate) fn missing(
    connection: &Connection,
    account: AccountId,
    kinds: &[DocumentKind],
) -> Result<Vec<DocumentKind>, StoreError> {
    let mut missing = Vec::new();
    for kind in kinds {
        if !documents::is_approved(connection, account, *kind)? {
            missing.push(*kind);
        }
    }
    Ok(missing)
}

/// The media type by the file's first bytes; what its sender calls it is not believed.
fn sort_of(bytes: &[u8]) -> Option<&'static str> {
    [(&b"\xff\xd8\xff"[..], "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"%PDF-", "application/pdf")]
        .into_iter()
        .find_map(|(magic, sort)| bytes.starts_with(magic).then_some(sort))
}
