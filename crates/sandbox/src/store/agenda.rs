//! What is due later. Rows outlive the process: an SMS accepted before a kill is delivered after it.

use jiff::{Timestamp, civil::Date};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::{Books, StoreError, millis, time};
use crate::model::AccountId;

/// Something to do at its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Action {
    /// The operator has taken an outgoing SMS over.
    SmsSent {
        /// The message's id.
        id: String,
    },
    /// The operator has confirmed an outgoing SMS.
    SmsDelivered {
        /// The message's id.
        id: String,
    },
    /// An SMS arrives from outside.
    SmsArrives {
        /// A rented number.
        to: String,
        /// E.164 or an alphanumeric sender.
        from: String,
        /// Its text.
        text: String,
    },
    /// The owner of a number is told that it will expire.
    Warn {
        /// The number's id.
        number: String,
        /// Its day of renewal when this was put down; meaningless once that has changed.
        renews_on: Date,
    },
    /// A number's next period is charged, or it expires.
    Renew {
        /// The number's id.
        number: String,
        /// As in [`Action::Warn`].
        renews_on: Date,
    },
    /// The time to restore an expired number is over.
    Delete {
        /// The number's id.
        number: String,
        /// As in [`Action::Warn`].
        renews_on: Date,
    },
    /// A number is connected (`prepaid`).
    Connect {
        /// The number's id.
        number: String,
    },
    /// A trial or a disposable number ends.
    End {
        /// The number's id.
        number: String,
    },
    /// Money has come in: suspended numbers may work again.
    Resume {
        /// Whose.
        account: AccountId,
    },
    /// The balance has fallen below the threshold of the automatic top-up.
    AutoTopUp {
        /// Whose.
        account: AccountId,
    },
    /// A checkout page is not paid on any more.
    AbandonTopUp {
        /// The top-up's id.
        id: String,
    },
    /// The payment's event comes, whatever the checkout page has said.
    PaymentReported {
        /// The top-up's id.
        id: String,
    },
    /// A document is reviewed.
    ReviewDocument {
        /// Its id.
        id: String,
    },
    /// A request for a refund goes one step further.
    AdvanceRefund {
        /// Its id.
        id: String,
    },
    /// A month is over: its conference minutes are invoiced.
    Invoice {
        /// Whose.
        account: AccountId,
    },
    /// The operator has rejected an outgoing SMS.
    SmsRejected {
        /// The message's id.
        id: String,
    },
    /// The first SMS a new customer gets.
    Welcome {
        /// The new customer.
        account: AccountId,
    },
}

/// An action and when it is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) at: Timestamp,
    pub(crate) action: Action,
}

pub(crate) fn add(books: &Books<'_>, at: Timestamp, action: &Action) -> Result<(), StoreError> {
    let action = serde_json::to_string(action).map_err(|_| StoreError::Value("agenda action"))?;
    books.execute("INSERT INTO agenda (due_ms, action) VALUES (?1, ?2)", params![millis(at), action])?;
    books.agenda_changed();
    Ok(())
}

/// When the next action is due.
pub(crate) fn next_at(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    Ok(connection
        .query_row("SELECT due_ms FROM agenda ORDER BY due_ms, position LIMIT 1", [], |row| time(row.get(0)?))
        .optional()?)
}

/// Takes the earliest action that is due by `now` off the agenda. One this version does not know (written by a
/// newer one) is dropped.
pub(crate) fn take_due(books: &Books<'_>, now: Timestamp) -> Result<Option<Due>, StoreError> {
    loop {
        let row = books
            .query_row(
                "SELECT position, due_ms, action FROM agenda WHERE due_ms <= ?1 ORDER BY due_ms, position LIMIT 1",
                [millis(now)],
                |row| Ok((row.get::<_, i64>(0)?, time(row.get(1)?)?, row.get::<_, String>(2)?)),
            )
            .optional()?;
        let Some((position, at, action)) = row else { return Ok(None) };
        books.execute("DELETE FROM agenda WHERE position = ?1", [position])?;
        match serde_json::from_str(&action) {
            Ok(action) => return Ok(Some(Due { at, action })),
            Err(_) => tracing::warn!("an agenda entry of an unknown sort was dropped"),
        }
    }
}
