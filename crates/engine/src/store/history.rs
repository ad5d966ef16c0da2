//! Table `history`: how far an account's past has been read. A row is there while some is left; it changes only
//! together with the rows that were read.

use rusqlite::{Connection, OptionalExtension, params};
use tern_provider::types::PageToken;

use super::{StoreError, micros, timestamp};
use crate::{
    api::AccountId,
    record::{HistoryMove, HistoryPlace},
};

pub(super) fn of(connection: &Connection, account: &AccountId) -> Result<Option<HistoryPlace>, StoreError> {
    Ok(connection
        .query_row(
            "SELECT page, rows_read, rows_all, until FROM history WHERE account = ?1",
            [account.0],
            |row| {
                Ok(HistoryPlace {
                    page: row.get::<_, Option<String>>(0)?.map(PageToken),
                    rows: row.get::<_, i64>(1)?.try_into().unwrap_or(0),
                    total: row.get::<_, Option<i64>>(2)?.and_then(|rows| rows.try_into().ok()),
                    until: timestamp(row.get(3)?),
                })
            },
        )
        .optional()?)
}

pub(super) fn put(connection: &Connection, account: &AccountId, to: &HistoryMove) -> Result<(), StoreError> {
    match to {
        HistoryMove::Stays => {}
        HistoryMove::Ends => {
            connection.execute("DELETE FROM history WHERE account = ?1", [account.0])?;
        }
        HistoryMove::To(place) => {
            let signed = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
            connection.execute(
                "INSERT INTO history (account, page, rows_read, rows_all, until) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (account) DO UPDATE SET page = excluded.page, rows_read = excluded.rows_read,
                     rows_all = excluded.rows_all, until = excluded.until",
                params![
                    account.0,
                    place.page.as_ref().map(|page| &page.0),
                    signed(place.rows),
                    place.total.map(signed),
                    micros(place.until)
                ],
            )?;
        }
    }
    Ok(())
}
