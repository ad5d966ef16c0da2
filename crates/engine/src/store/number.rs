//! Tables `number` and `number_terms`: an account's rented numbers as last read.

use jiff::civil::Date;
use rusqlite::{Connection, Row, params};
use tern_provider::types::{Number, NumberTerms, RemoteId};

use super::{
    StoreError,
    column::{self, Word},
    micros, timestamp,
};
use crate::api::AccountId;

pub(super) fn of(connection: &Connection, account: &AccountId) -> Result<Vec<Number>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT n.remote_id, n.e164, n.country, n.city, n.label, n.calls, n.sms, n.fee_amount, n.fee_currency,
             n.renews_on, n.state, t.kind, t.ordered_on, t.expires_on, t.restorable_until, t.auto_renew, t.caller_id,
             t.trial_until, t.sms_left, t.calls_left, t.next_amount, t.next_currency, t.minute_amount,
             t.minute_currency, t.sms_amount, t.sms_currency, t.restrictions
         FROM number n LEFT JOIN number_terms t ON t.account = n.account AND t.remote_id = n.remote_id
         WHERE n.account = ?1 ORDER BY n.position",
    )?;
    let rows = statement.query_map([account.0], |row| {
        Ok(Number {
            id: RemoteId(row.get(0)?),
            e164: row.get(1)?,
            country: row.get(2)?,
            city: row.get(3)?,
            label: row.get(4)?,
            calls: row.get(5)?,
            sms: row.get(6)?,
            monthly_fee: column::optional_money(row, 7, 8)?,
            renews_on: day(row, 9)?,
            state: column::word(row, 10)?,
            terms: NumberTerms {
                kind: column::optional_word(row, 11)?,
                ordered_on: day(row, 12)?,
                expires_on: day(row, 13)?,
                restorable_until: day(row, 14)?,
                auto_renew: row.get(15)?,
                caller_id: row.get(16)?,
                trial_until: row.get::<_, Option<i64>>(17)?.map(timestamp),
                sms_left: row.get(18)?,
                calls_left: row.get(19)?,
                next_fee: column::optional_money(row, 20, 21)?,
                incoming_minute: column::optional_money(row, 22, 23)?,
                sms_price: column::optional_money(row, 24, 25)?,
                restrictions: row
                    .get::<_, Option<String>>(26)?
                    .unwrap_or_default()
                    .lines()
                    .map(str::to_owned)
                    .collect(),
            },
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn put(
    connection: &Connection,
    account: &AccountId,
    numbers: &[Number],
) -> Result<(), StoreError> {
    connection.execute("DELETE FROM number WHERE account = ?1", [account.0])?;
    let mut statement = connection.prepare(
        "INSERT INTO number (account, position, remote_id, e164, country, city, label, calls, sms, fee_amount,
             fee_currency, renews_on, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?;
    for (position, n) in numbers.iter().enumerate() {
        let (fee, currency) = column::split(n.monthly_fee.as_ref());
        statement.execute(params![
            account.0,
            i64::try_from(position).unwrap_or(i64::MAX),
            n.id.0,
            n.e164,
            n.country,
            n.city,
            n.label,
            n.calls,
            n.sms,
            fee,
            currency,
            n.renews_on.map(|d| d.to_string()),
            n.state.word()
        ])?;
    }
    put_terms(connection, account, numbers)
}

fn put_terms(connection: &Connection, account: &AccountId, numbers: &[Number]) -> Result<(), StoreError> {
    connection.execute("DELETE FROM number_terms WHERE account = ?1", [account.0])?;
    let mut statement = connection.prepare(
        "INSERT OR REPLACE INTO number_terms (account, remote_id, kind, ordered_on, expires_on, restorable_until,
             auto_renew, caller_id, trial_until, sms_left, calls_left, next_amount, next_currency, minute_amount,
             minute_currency, sms_amount, sms_currency, restrictions)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
    )?;
    for n in numbers {
        let terms = &n.terms;
        let (next, next_currency) = column::split(terms.next_fee.as_ref());
        let (minute, minute_currency) = column::split(terms.incoming_minute.as_ref());
        let (sms, sms_currency) = column::split(terms.sms_price.as_ref());
        // A line each, whatever the provider puts into one.
        let restrictions: Vec<String> =
            terms.restrictions.iter().map(|text| text.lines().collect::<Vec<_>>().join(" ")).collect();
        statement.execute(params![
            account.0,
            n.id.0,
            terms.kind.map(Word::word),
            terms.ordered_on.map(|d| d.to_string()),
            terms.expires_on.map(|d| d.to_string()),
            terms.restorable_until.map(|d| d.to_string()),
            terms.auto_renew,
            terms.caller_id,
            terms.trial_until.map(micros),
            terms.sms_left,
            terms.calls_left,
            next,
            next_currency,
            minute,
            minute_currency,
            sms,
            sms_currency,
            restrictions.join("\n")
        ])?;
    }
    Ok(())
}

fn day(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<Date>> {
    Ok(row.get::<_, Option<String>>(index)?.and_then(|day| day.parse().ok()))
}
