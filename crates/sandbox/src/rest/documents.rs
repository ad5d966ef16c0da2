//! Handing papers in, and how their review went.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Api,
    extract::{Body, Caller},
    problem::Problem,
};
use crate::{
    documents::Paper,
    lifecycle::invalid,
    model::{Document, DocumentKind},
    refusal::Failure,
    store::documents,
};

/// A paper to hand in: a file, or an address.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewDocument {
    /// `passport` and `proof_of_address` are files, `registration_address` is an address.
    kind: DocumentWord,
    /// A JPEG, PNG or PDF file of at most 5 MiB, in base64 (RFC 4648 section 4).
    file: Option<String>,
    address: Option<AddressView>,
}

/// What a paper is.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DocumentWord {
    Passport,
    RegistrationAddress,
    ProofOfAddress,
}

/// Where somebody is registered.
#[derive(Deserialize, ToSchema)]
pub(super) struct AddressView {
    city: String,
    street: String,
    building: String,
}

/// A paper, without what it shows.
#[derive(Serialize, ToSchema)]
pub(super) struct DocumentView {
    id: String,
    /// `passport`, `registration_address` or `proof_of_address`.
    kind: &'static str,
    /// `submitted`, `approved` or `rejected`.
    state: &'static str,
    /// Why it was rejected.
    reason: Option<String>,
    #[schema(format = DateTime)]
    at: String,
}

/// Every paper handed in, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct DocumentsView {
    documents: Vec<DocumentView>,
}

impl DocumentView {
    pub(super) fn new(document: &Document) -> Self {
        Self {
            id: document.id.clone(),
            kind: document.kind.word(),
            state: document.state.word(),
            reason: document.reason.clone(),
            at: document.at.to_string(),
        }
    }
}

/// Hands a paper in; it is reviewed later. Its content is not kept.
#[utoipa::path(post, path = "/v1/documents", operation_id = "submit_document", tag = "account",
    request_body = NewDocument, security(("token" = [])), responses(
    (status = 201, body = DocumentView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json",
        description = "`document_incomplete`, `document_format`, `document_too_large`"),
))]
pub(super) async fn submit(
    State(api): State<Api>,
    Caller(account): Caller,
    Body(new): Body<NewDocument>,
) -> Result<(StatusCode, Json<DocumentView>), Problem> {
    let kind = match new.kind {
        DocumentWord::Passport => DocumentKind::Passport,
        DocumentWord::RegistrationAddress => DocumentKind::RegistrationAddress,
        DocumentWord::ProofOfAddress => DocumentKind::ProofOfAddress,
    };
    let paper = match (new.file, new.address) {
        (Some(file), None) => {
            let unreadable = || Problem::from(invalid("document_format", "The file is not base64."));
            Paper::File { bytes: from_base64(&file).ok_or_else(unreadable)? }
        }
        (None, Some(a)) => Paper::Address { city: a.city, street: a.street, building: a.building },
        _ => {
            let neither: Failure = invalid("document_incomplete", "Either a file or an address is needed.");
            return Err(neither.into());
        }
    };
    let document = api.ask(move |op| op.submit_document(&account, kind, &paper)).await?;
    Ok((StatusCode::CREATED, Json(DocumentView::new(&document))))
}

/// Every paper handed in, newest first.
#[utoipa::path(get, path = "/v1/documents", operation_id = "documents", tag = "account", security(("token" = [])), responses(
    (status = 200, body = DocumentsView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn list(
    State(api): State<Api>,
    Caller(account): Caller,
) -> Result<Json<DocumentsView>, Problem> {
    let rows = api.ask(move |op| Ok(op.read(|c| documents::of_account(c, account.id))?)).await?;
    Ok(Json(DocumentsView { documents: rows.iter().map(DocumentView::new).collect() }))
}

/// RFC 4648 section 4, padding optional.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim().trim_end_matches('=');
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let (mut buffer, mut bits) = (0u32, 0u32);
    for c in text.bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        buffer = (buffer << 6 | u32::from(value)) & 0xff_ffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits) as u8);
        }
    }
    (text.len() % 4 != 1).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::from_base64;

    #[test]
    fn base64_as_the_rfcs_test_vectors() {
        // RFC 4648 section 10.
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(from_base64(text).unwrap(), bytes.as_bytes());
        }
        assert_eq!((from_base64("Z"), from_base64("Zm9*")), (None, None));
    }
}
