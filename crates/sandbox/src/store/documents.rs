//! Papers handed in: their sort and state, never what they show.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Books, StoreError, all, millis, time};
use crate::model::{AccountId, Document, DocumentKind, DocumentState};

const COLUMNS: &str = "id, account, kind, state, reason, content, at_ms";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Document> {
    Ok(Document {
        id: row.get("id")?,
        account: AccountId(row.get("account")?),
        kind: row.get("kind")?,
        state: row.get("state")?,
        reason: row.get("reason")?,
        content: row.get("content")?,
        at: time(row.get("at_ms")?)?,
    })
}

pub(crate) fn insert(books: &Books<'_>, document: &Document) -> Result<(), StoreError> {
    books.execute(
        "INSERT INTO documents (id, account, kind, state, reason, content, at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            document.id,
            document.account.0,
            document.kind,
            document.state,
            document.reason,
            document.content,
            millis(document.at)
        ],
    )?;
    Ok(())
}

pub(crate) fn by_id(connection: &Connection, id: &str) -> Result<Option<Document>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM documents WHERE id = ?1"))?;
    Ok(statement.query_row([id], from_row).optional()?)
}

/// An account's documents, newest first.
pub(crate) fn of_account(connection: &Connection, account: AccountId) -> Result<Vec<Document>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM documents WHERE account = ?1 ORDER BY position DESC"
    ))?;
    all(statement.query_map([account.0], from_row)?)
}

/// Whether a document of this kind was approved.
pub(crate) fn is_approved(
    connection: &Connection,
    account: AccountId,
    kind: DocumentKind,
) -> Result<bool, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT 1 FROM documents WHERE account = ?1 AND kind = ?2 AND state = 'approved'")?;
    Ok(statement.exists(params![account.0, kind])?)
}

/// Ends a review; `false` when it had ended.
pub(crate) fn decide(
    books: &Books<'_>,
    id: &str,
    state: DocumentState,
    reason: Option<&str>,
) -> Result<bool, StoreError> {
    let changed = books.execute(
        "UPDATE documents SET state = ?2, reason = ?3 WHERE id = ?1 AND state = 'submitted'",
        params![id, state, reason],
    )?;
    Ok(changed == 1)
}
