//! The monthly invoice of conference minutes.
//!
//! Which minutes count stands in [`crate::conference`]; who was on a bridge is the switch's to know.

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::{
    days::{day_of, next_month},
    ledger::{self, Posting, to_cents},
    model::{AccountId, Invoice, NoticeKind, TransactionKind, new_id},
    notices,
    settings::Settings,
    store::{
        Books, StoreError,
        agenda::{self, Action},
        invoices,
    },
};

/// Notes minutes of a conference that are to be paid; they are invoiced when the month ends.
pub(crate) fn note(
    books: &Books<'_>,
    settings: &Settings,
    account: AccountId,
    conference: &str,
    minutes: u64,
    at: Timestamp,
) -> Result<(), StoreError> {
    if minutes > 0 && invoices::add_minutes(books, account, conference, minutes, at)? {
        agenda::add(books, next_month(at, settings), &Action::Invoice { account })?;
    }
    Ok(())
}

/// A month is over: one invoice for all its minutes.
pub(crate) fn make(
    books: &Books<'_>,
    settings: &Settings,
    account: AccountId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let minutes = invoices::open_minutes(books, account)?;
    if minutes == 0 {
        return Ok(());
    }
    let last_day = day_of(at, settings).yesterday().unwrap_or(jiff::civil::Date::MIN);
    let invoice = Invoice {
        id: new_id("inv"),
        account,
        month: last_day.strftime("%Y-%m").to_string(),
        minutes,
        total: to_cents(Decimal::from(minutes).saturating_mul(settings.conference_minute)),
        at,
    };
    invoices::insert(books, &invoice)?;
    if !invoice.total.is_zero() {
        let posting = Posting {
            kind: TransactionKind::Call,
            amount: -invoice.total,
            at,
            description: format!("Conference invoice {}: {minutes} minutes", invoice.month),
            reference: Some(invoice.id.clone()),
        };
        ledger::post(books, account, posting)?;
    }
    let text = format!("The invoice of {}: {minutes} conference minutes, {}.", invoice.month, invoice.total);
    notices::tell(books, account, NoticeKind::Invoice, at, text, &invoice.id)
}
