//! Table `gap`: times of which a provider keeps nothing any more, and in which nobody asked it.

use rusqlite::{Connection, params};
use tern_provider::types::Gap;

use super::{
    StoreError,
    activity::{self, Common, Kept},
    micros,
};
use crate::api::AccountId;

const KIND: &str = "gap";

/// One that is there already stays as it is.
pub(super) fn keep(connection: &Connection, account: &AccountId, gap: &Gap) -> Result<Kept, StoreError> {
    if activity::find(connection, account, KIND, &gap.id.0)?.is_some() {
        return Ok(Kept::default());
    }
    let common = Common {
        account,
        kind: KIND,
        remote_id: Some(&gap.id.0),
        version: 1,
        thread: None,
        number: "",
        peer: "",
        at: gap.until,
        unread: false,
    };
    let id = activity::insert(connection, &common)?;
    connection
        .execute("INSERT INTO gap (activity, since) VALUES (?1, ?2)", params![id.0, micros(gap.from)])?;
    Ok(Kept { row: Some(id), ..Kept::default() })
}
