//! Table `ledger`: how money moved, as the provider tells it.

use rusqlite::{Connection, params};
use tern_provider::types::Transaction;

use super::{
    StoreError,
    activity::{self, Common, Kept},
    column::Word,
};
use crate::api::AccountId;

const KIND: &str = "ledger";

pub(super) fn keep(
    connection: &Connection,
    account: &AccountId,
    entry: &Transaction,
) -> Result<Kept, StoreError> {
    let known = activity::find(connection, account, KIND, &entry.id.0)?;
    if known.as_ref().is_some_and(|k| k.version >= entry.version) {
        return Ok(Kept::default());
    }
    let fresh = known.is_none();
    let common = Common {
        account,
        kind: KIND,
        remote_id: Some(&entry.id.0),
        version: entry.version,
        thread: None,
        number: "",
        peer: "",
        at: entry.at,
        unread: false,
    };
    let id = match known {
        Some(known) => {
            activity::update(connection, known.id, &common)?;
            known.id
        }
        None => activity::insert(connection, &common)?,
    };
    connection
        .prepare_cached(
            "INSERT INTO ledger (activity, kind, amount, currency, balance, description, reference)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (activity) DO UPDATE SET kind = excluded.kind, amount = excluded.amount,
                 currency = excluded.currency, balance = excluded.balance, description = excluded.description,
                 reference = excluded.reference",
        )?
        .execute(params![
            id.0,
            entry.kind.word(),
            entry.amount.amount.to_string(),
            entry.amount.currency,
            entry.balance_after.amount.to_string(),
            entry.description,
            entry.reference
        ])?;
    Ok(Kept { row: Some(id), fresh, ..Kept::default() })
}
