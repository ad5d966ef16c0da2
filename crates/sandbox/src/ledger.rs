//! Money. Every charge and every credit is a row, and the balance is the sum of the rows.
//!
//! Invariant: `balance_after` of each row is the previous row's plus its own amount, exactly; nothing else holds a
//! balance.

use jiff::Timestamp;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::{
    model::{AccountId, Transaction, TransactionKind, new_id},
    store::{Books, StoreError, transactions},
};

/// A movement of money to be written down.
#[derive(Debug, Clone)]
pub(crate) struct Posting {
    pub(crate) kind: TransactionKind,
    /// Signed: positive is a credit.
    pub(crate) amount: Decimal,
    pub(crate) at: Timestamp,
    pub(crate) description: String,
    /// The message, call or top-up it belongs to.
    pub(crate) reference: Option<String>,
}

/// Adds a row to an account's ledger.
pub(crate) fn post(
    books: &Books<'_>,
    account: AccountId,
    posting: Posting,
) -> Result<Transaction, StoreError> {
    let balance = transactions::balance(books, account)?;
    let balance_after =
        balance.checked_add(posting.amount).ok_or(StoreError::Value("balance out of range"))?;
    let row = Transaction {
        id: new_id("txn"),
        account,
        version: 1,
        kind: posting.kind,
        amount: posting.amount,
        balance_after,
        at: posting.at,
        description: posting.description,
        reference: posting.reference,
    };
    transactions::insert(books, &row)?;
    Ok(row)
}

/// An amount in whole hundredths, half away from zero, as it is charged.
pub(crate) fn to_cents(amount: Decimal) -> Decimal {
    let mut cents = amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    cents.rescale(2);
    cents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cents() {
        for (exact, charged) in [("0.275", "0.28"), ("-0.275", "-0.28"), ("1", "1.00"), ("0.004", "0.00")] {
            assert_eq!(to_cents(exact.parse().unwrap()).to_string(), charged, "{exact}");
        }
    }
}
