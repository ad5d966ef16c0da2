//! Money, with both its sides. Every charge and every credit is a transaction, and the balance is the sum of them.
//!
//! Invariant: the entries of a transaction add up to zero; `balance_after` of each transaction is the previous one's
//! plus its own amount, exactly, and equals what the customer's ledgers hold. Nothing else holds a balance.
//!
//! A customer has two ledgers: the money paid in, and the cashback, which can be spent but not withdrawn and is spent
//! first. The other side is the provider's: income by kind, payments from and to the outside, cashback, refunds,
//! adjustments.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::Connection;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::{
    model::{AccountId, Transaction, TransactionKind, new_id},
    refusal::{Failure, Refusal},
    store::{
        Books, StoreError, accounts,
        agenda::{self, Action},
        numbers, transactions,
    },
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

/// Adds a transaction to an account's ledger. What follows from the new balance (a suspended number that works
/// again, a top-up that happens by itself) is put on the agenda.
pub(crate) fn post(
    books: &Books<'_>,
    account: AccountId,
    posting: Posting,
) -> Result<Transaction, StoreError> {
    let other = match posting.kind {
        TransactionKind::TopUp => "payments".to_owned(),
        TransactionKind::Cashback => "cashback".to_owned(),
        TransactionKind::Refund => "refunds".to_owned(),
        TransactionKind::Adjustment => "adjustments".to_owned(),
        charge => format!("income:{}", charge.word()),
    };
    let (_, cashback) = transactions::balances(books, account)?;
    let to_cashback = match posting.kind {
        TransactionKind::Cashback => posting.amount,
        // Spent first, as far as it goes.
        _ if posting.amount.is_sign_negative() => -cashback.min(-posting.amount).max(Decimal::ZERO),
        _ => Decimal::ZERO,
    };
    let row = write(books, account, posting, to_cashback, other)?;
    follow(books, &row)?;
    Ok(row)
}

/// Pays money out to the client; cashback stays, as it cannot be withdrawn.
pub(crate) fn pay_out(
    books: &Books<'_>,
    account: AccountId,
    posting: Posting,
) -> Result<Transaction, StoreError> {
    write(books, account, posting, Decimal::ZERO, "payments".into())
}

/// Charges what the balance must cover.
pub(crate) fn charge(
    books: &Books<'_>,
    account: AccountId,
    posting: Posting,
) -> Result<Transaction, Failure> {
    if transactions::balance(books, account)? < -posting.amount {
        return Err(Refusal::InsufficientFunds.into());
    }
    Ok(post(books, account, posting)?)
}

/// Every way in which the books do not hold together; empty when they do.
pub(crate) fn audit(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut faults = Vec::new();
    let mut sums: BTreeMap<String, Decimal> = BTreeMap::new();
    let mut held: BTreeMap<String, Decimal> = BTreeMap::new();
    for (transaction, ledger, amount) in transactions::entries(connection)? {
        *sums.entry(transaction).or_default() += amount;
        *held.entry(ledger).or_default() += amount;
    }
    for (transaction, sum) in &sums {
        if !sum.is_zero() {
            faults.push(format!("the entries of {transaction} add up to {sum}"));
        }
    }
    for account in accounts::list(connection)? {
        let (mut balance, mut last_cashback) = (Decimal::ZERO, Decimal::ZERO);
        for row in transactions::list(connection, account.id)? {
            balance += row.amount;
            if row.balance_after != balance {
                faults.push(format!("{} tells {}, the rows sum up to {balance}", row.id, row.balance_after));
            }
            if !row.amount.is_zero() && !sums.contains_key(&row.id) {
                faults.push(format!("{} has no entries", row.id));
            }
            last_cashback = row.cashback_after;
        }
        let of = |what: &str| held.get(&ledger_of(account.id, what)).copied().unwrap_or_default();
        if of("money") + of("cashback") != balance || of("cashback") != last_cashback {
            faults.push(format!("the ledgers of {} do not hold its balance of {balance}", account.public_id));
        }
    }
    Ok(faults)
}

fn write(
    books: &Books<'_>,
    account: AccountId,
    posting: Posting,
    to_cashback: Decimal,
    other: String,
) -> Result<Transaction, StoreError> {
    let (balance, cashback) = transactions::balances(books, account)?;
    let out_of_range = StoreError::Value("balance out of range");
    let balance_after = balance.checked_add(posting.amount).ok_or(out_of_range)?;
    let row = Transaction {
        id: new_id("txn"),
        account,
        version: 1,
        kind: posting.kind,
        amount: posting.amount,
        balance_after,
        cashback_after: cashback + to_cashback,
        at: posting.at,
        description: posting.description,
        reference: posting.reference,
    };
    let mut entries = vec![
        (ledger_of(account, "money"), posting.amount - to_cashback),
        (ledger_of(account, "cashback"), to_cashback),
        (other, -posting.amount),
    ];
    entries.retain(|(_, amount)| !amount.is_zero());
    transactions::insert(books, &row, &entries)?;
    Ok(row)
}

/// What a new balance brings about.
fn follow(books: &Books<'_>, row: &Transaction) -> Result<(), StoreError> {
    if row.amount.is_sign_positive() {
        if numbers::any_suspended(books, row.account)? {
            agenda::add(books, row.at, &Action::Resume { account: row.account })?;
        }
        return Ok(());
    }
    let Some(account) = accounts::by_id(books, row.account)? else { return Ok(()) };
    if account.auto_topup.is_some_and(|auto| row.balance_after < auto.threshold) {
        agenda::add(books, row.at, &Action::AutoTopUp { account: row.account })?;
    }
    Ok(())
}

fn ledger_of(account: AccountId, what: &str) -> String {
    format!("customer:{}:{what}", account.0)
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
