//! Calls and transactions of an account, summed up. Money is added here and not by SQLite, whose numbers would round.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use rust_decimal::Decimal;

use super::{StoreError, all, decimal, optional_decimal};
use crate::model::{AccountId, Direction, Outcome, TransactionKind};

/// Calls of one direction.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) calls: u64,
    pub(crate) answered: u64,
    pub(crate) seconds: u64,
    pub(crate) cost: Decimal,
}

/// Everything summed up.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    pub(crate) incoming: Calls,
    pub(crate) outgoing: Calls,
    pub(crate) messages_received: u64,
    pub(crate) messages_sent: u64,
    /// Number and sum by type.
    pub(crate) transactions: Vec<(TransactionKind, u64, Decimal)>,
}

/// What happened in `from..to`, milliseconds.
pub(crate) fn of_account(
    connection: &Connection,
    account: AccountId,
    from: i64,
    to: i64,
) -> Result<Statistics, StoreError> {
    let mut statistics = Statistics::default();
    let mut statement = connection.prepare_cached(
        "SELECT direction, outcome, duration_seconds, price FROM calls
         WHERE account = ?1 AND at_ms >= ?2 AND at_ms < ?3",
    )?;
    let rows = statement.query_map(params![account.0, from, to], |row| {
        let direction: Direction = row.get("direction")?;
        let outcome: Outcome = row.get("outcome")?;
        Ok((direction, outcome, row.get::<_, u64>("duration_seconds")?, optional_decimal(row, "price")?))
    })?;
    for (direction, outcome, seconds, price) in all(rows)? {
        let figures = match direction {
            Direction::Incoming => &mut statistics.incoming,
            Direction::Outgoing => &mut statistics.outgoing,
        };
        figures.calls = figures.calls.saturating_add(1);
        figures.answered = figures.answered.saturating_add(u64::from(outcome == Outcome::Answered));
        figures.seconds = figures.seconds.saturating_add(seconds);
        figures.cost = figures.cost.saturating_add(price.unwrap_or_default());
    }
    let mut statement = connection.prepare_cached(
        "SELECT count(*) FILTER (WHERE direction = 'incoming'), count(*) FILTER (WHERE direction = 'outgoing')
         FROM messages WHERE account = ?1 AND at_ms >= ?2 AND at_ms < ?3",
    )?;
    (statistics.messages_received, statistics.messages_sent) =
        statement.query_row(params![account.0, from, to], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut statement = connection.prepare_cached(
        "SELECT type, amount FROM transactions WHERE account = ?1 AND at_ms >= ?2 AND at_ms < ?3",
    )?;
    let rows = statement.query_map(params![account.0, from, to], |row| {
        Ok((row.get::<_, TransactionKind>("type")?, decimal(row, "amount")?))
    })?;
    let mut by_kind: BTreeMap<TransactionKind, (u64, Decimal)> = BTreeMap::new();
    for (kind, amount) in all(rows)? {
        let (count, sum) = by_kind.entry(kind).or_default();
        *count = count.saturating_add(1);
        *sum = sum.saturating_add(amount);
    }
    statistics.transactions = by_kind.into_iter().map(|(kind, (count, sum))| (kind, count, sum)).collect();
    Ok(statistics)
}
