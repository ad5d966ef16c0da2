//! Table `intent`: what costs money or asks for it back, until the provider has answered.

use rusqlite::{Connection, Row, params};
use tern_provider::types::{IdempotencyKey, Money, OrderRequest, RefundRequest, RemoteId};

use super::{StoreError, column, micros, timestamp};
use crate::{
    api::AccountId,
    record::{Intent, IntentWhat},
};

pub(super) fn of(connection: &Connection, account: &AccountId) -> Result<Vec<Intent>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT send_key, at, kind, subject, quantity, months, trial, amount, currency, reason, explanation,
             payment_details
         FROM intent WHERE account = ?1 ORDER BY at",
    )?;
    let rows = statement.query_map([account.0], |row| {
        Ok(Intent {
            account: account.clone(),
            key: IdempotencyKey(row.get(0)?),
            at: timestamp(row.get(1)?),
            what: what(row)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn put(connection: &Connection, intent: &Intent) -> Result<(), StoreError> {
    let blank = (None, None, None);
    let (kind, subject, order, refund) = match &intent.what {
        IntentWhat::Order(o) => ("order", &o.offer, (Some(o.quantity), Some(o.months), Some(o.trial)), None),
        IntentWhat::Restore(number) => ("restore", number, blank, None),
        IntentWhat::Refund(refund) => ("refund", &refund.service, blank, Some(refund)),
    };
    let (amount, currency) = column::split(refund.map(|refund| &refund.amount));
    connection.execute(
        "INSERT OR REPLACE INTO intent (send_key, account, at, kind, subject, quantity, months, trial, amount, currency,
             reason, explanation, payment_details)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            intent.key.0,
            intent.account.0,
            micros(intent.at),
            kind,
            subject.0,
            order.0,
            order.1,
            order.2,
            amount,
            currency,
            refund.map(|refund| &refund.reason),
            refund.map(|refund| &refund.explanation),
            refund.and_then(|refund| refund.payment_details.as_ref())
        ],
    )?;
    Ok(())
}

pub(super) fn remove(connection: &Connection, key: &IdempotencyKey) -> Result<(), StoreError> {
    connection.execute("DELETE FROM intent WHERE send_key = ?1", [&key.0])?;
    Ok(())
}

fn what(row: &Row<'_>) -> rusqlite::Result<IntentWhat> {
    let subject = RemoteId(row.get(3)?);
    Ok(match row.get::<_, String>(2)?.as_str() {
        "order" => IntentWhat::Order(OrderRequest {
            offer: subject,
            quantity: row.get(4)?,
            months: row.get(5)?,
            trial: row.get(6)?,
        }),
        "restore" => IntentWhat::Restore(subject),
        "refund" => {
            let amount: Option<Money> = column::optional_money(row, 7, 8)?;
            IntentWhat::Refund(RefundRequest {
                service: subject,
                amount: amount
                    .ok_or_else(|| column::conversion(7, StoreError::UnknownValue("intent.amount")))?,
                reason: row.get(9)?,
                explanation: row.get(10)?,
                payment_details: row.get(11)?,
            })
        }
        _ => return Err(column::conversion(2, StoreError::UnknownValue("intent.kind"))),
    })
}
