//! How single values are written: enumerations as the words the provider's API uses, money as exact decimals.

use rusqlite::{Row, types::Type};
use rust_decimal::Decimal;
use tern_provider::types::{
    LimitScope, LimitWindow, Money, NumberKind, NumberState, SmsPriced, TransactionType, Unpaid,
};

use super::StoreError;
use crate::api::{CallOutcome, ErrorCode, ErrorView, MessageState, TopUpState, Transport};

/// An enumeration kept as a word.
pub(super) trait Word: Sized + Copy + PartialEq + 'static {
    /// Names the column in errors.
    const WHAT: &'static str;
    /// Every value with its word.
    const WORDS: &'static [(Self, &'static str)];

    /// To the database.
    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(value, _)| *value == self).map_or("", |(_, word)| word)
    }

    /// From the database.
    fn from_word(word: &str) -> Result<Self, StoreError> {
        Self::WORDS
            .iter()
            .find(|(_, w)| *w == word)
            .map(|(value, _)| *value)
            .ok_or(StoreError::UnknownValue(Self::WHAT))
    }
}

impl Word for MessageState {
    const WHAT: &'static str = "message.state";
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Received, "received"),
        (Self::Queued, "queued"),
        (Self::Sending, "sending"),
        (Self::Sent, "sent"),
        (Self::Delivered, "delivered"),
        (Self::Failed, "failed"),
        (Self::Unknown, "unknown"),
    ];
}

impl Word for Transport {
    const WHAT: &'static str = "account.transport";
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::Auto, "auto"), (Self::Udp, "udp"), (Self::Tcp, "tcp"), (Self::Tls, "tls")];
}

impl Word for CallOutcome {
    const WHAT: &'static str = "call.outcome";
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Answered, "answered"),
        (Self::Missed, "missed"),
        (Self::Declined, "declined"),
        (Self::Busy, "busy"),
        (Self::Unanswered, "unanswered"),
        (Self::Failed, "failed"),
    ];
}

impl Word for TransactionType {
    const WHAT: &'static str = "ledger.kind";
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Order, "order"),
        (Self::Renewal, "renewal"),
        (Self::Restore, "restore"),
        (Self::Call, "call"),
        (Self::Sms, "sms"),
        (Self::TopUp, "top_up"),
        (Self::Cashback, "cashback"),
        (Self::Refund, "refund"),
        (Self::Adjustment, "adjustment"),
    ];
}

impl Word for NumberState {
    const WHAT: &'static str = "number.state";
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Pending, "pending"),
        (Self::Active, "active"),
        (Self::Suspended, "suspended"),
        (Self::Expired, "expired"),
        (Self::Deleted, "deleted"),
    ];
}

impl Word for NumberKind {
    const WHAT: &'static str = "number_terms.kind";
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Landline, "landline"),
        (Self::Mobile, "mobile"),
        (Self::TollFree, "toll_free"),
        (Self::National, "national"),
    ];
}

impl Word for Unpaid {
    const WHAT: &'static str = "rules.unpaid";
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::Expires, "expires"), (Self::Suspends, "suspends")];
}

impl Word for LimitWindow {
    const WHAT: &'static str = "rules.sms_window";
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::Rolling, "rolling"), (Self::Calendar, "calendar")];
}

impl Word for LimitScope {
    const WHAT: &'static str = "rules.sms_scope";
    const WORDS: &'static [(Self, &'static str)] = &[(Self::Account, "account"), (Self::Number, "number")];
}

impl Word for SmsPriced {
    const WHAT: &'static str = "rules.sms_priced";
    const WORDS: &'static [(Self, &'static str)] = &[(Self::Message, "message"), (Self::Segment, "segment")];
}

impl Word for TopUpState {
    const WHAT: &'static str = "topup.state";
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Pending, "pending"),
        (Self::Paid, "paid"),
        (Self::Declined, "declined"),
        (Self::Cancelled, "cancelled"),
    ];
}

/// Reads a word from a column.
pub(super) fn word<T: Word>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    let text: String = row.get(index)?;
    T::from_word(&text).map_err(|e| conversion(index, e))
}

/// Reads a word that may be missing.
pub(super) fn optional_word<T: Word>(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<T>> {
    match row.get::<_, Option<String>>(index)? {
        Some(text) => T::from_word(&text).map(Some).map_err(|e| conversion(index, e)),
        None => Ok(None),
    }
}

/// Reads an exact decimal.
pub(super) fn decimal(row: &Row<'_>, index: usize) -> rusqlite::Result<Decimal> {
    let text: String = row.get(index)?;
    text.parse().map_err(|e: rust_decimal::Error| conversion(index, e))
}

/// Reads money from an amount's column and its currency's.
pub(super) fn money(row: &Row<'_>, amount: usize, currency: usize) -> rusqlite::Result<Money> {
    Ok(Money { amount: decimal(row, amount)?, currency: row.get(currency)? })
}

/// Reads money that may be missing.
pub(super) fn optional_money(
    row: &Row<'_>,
    amount: usize,
    currency: usize,
) -> rusqlite::Result<Option<Money>> {
    match row.get::<_, Option<String>>(amount)? {
        Some(_) => money(row, amount, currency).map(Some),
        None => Ok(None),
    }
}

/// Splits money into its columns.
pub(super) fn split(money: Option<&Money>) -> (Option<String>, Option<&str>) {
    (money.map(|m| m.amount.to_string()), money.map(|m| m.currency.as_str()))
}

/// An error's code as its JSON name.
pub(super) fn error_word(error: &ErrorView) -> String {
    serde_json::to_value(error.code).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Reads an error; a code of a newer version shows as the provider's refusal.
pub(super) fn error(row: &Row<'_>, code: usize, detail: usize) -> rusqlite::Result<Option<ErrorView>> {
    let Some(code) = row.get::<_, Option<String>>(code)? else { return Ok(None) };
    let code = serde_json::from_value(code.into()).unwrap_or(ErrorCode::ProviderRefused);
    Ok(Some(ErrorView { code, fault: code.fault(), detail: row.get(detail)? }))
}

/// Wraps what a column's text can't be read as.
pub(super) fn conversion(
    index: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(error))
}
