//! Table `rate`: what the provider said of targets.

use rusqlite::{Connection, Row, params};
use tern_provider::types::{Permission, Rate, Shown};

use super::{StoreError, column, micros, timestamp};
use crate::{
    api::AccountId,
    record::{KeptRate, MOST_RATES},
};

const ALLOWED: &str = "allowed";
const REFUSED: &str = "refused";
const UNKNOWN: &str = "unknown";

/// The latest first.
pub(super) fn of(connection: &Connection, account: &AccountId) -> Result<Vec<KeptRate>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT target, number, at, country, name, call_state, call_code, call_detail, call_amount, call_currency,
             sms_state, sms_code, sms_detail, sms_amount, sms_currency, shown, shown_number
         FROM rate WHERE account = ?1 ORDER BY at DESC, target LIMIT ?2",
    )?;
    let rows = statement.query_map(params![account.0, MOST_RATES], |row| {
        let target: String = row.get(0)?;
        Ok(KeptRate {
            number: Some(row.get::<_, String>(1)?).filter(|number| !number.is_empty()),
            at: timestamp(row.get(2)?),
            rate: Rate {
                target: target.clone(),
                country: row.get(3)?,
                name: row.get(4)?,
                call: permission(row, 5)?,
                sms: permission(row, 10)?,
                shown: match (row.get::<_, String>(15)?.as_str(), row.get::<_, Option<String>>(16)?) {
                    ("number", Some(number)) => Shown::Number(number),
                    ("another", _) => Shown::Another,
                    _ => Shown::Unknown,
                },
            },
            target,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn put(connection: &Connection, account: &AccountId, kept: &KeptRate) -> Result<(), StoreError> {
    let (call, sms) = (columns(&kept.rate.call), columns(&kept.rate.sms));
    let (shown, shown_number) = match &kept.rate.shown {
        Shown::Number(number) => ("number", Some(number)),
        Shown::Another => ("another", None),
        Shown::Unknown => (UNKNOWN, None),
    };
    let (call_amount, call_currency) = column::split(call.3);
    let (sms_amount, sms_currency) = column::split(sms.3);
    connection.execute(
        "INSERT OR REPLACE INTO rate (account, target, number, at, country, name, call_state, call_code, call_detail,
             call_amount, call_currency, sms_state, sms_code, sms_detail, sms_amount, sms_currency, shown,
             shown_number)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        params![
            account.0,
            kept.target,
            kept.number.as_deref().unwrap_or_default(),
            micros(kept.at),
            kept.rate.country,
            kept.rate.name,
            call.0,
            call.1,
            call.2,
            call_amount,
            call_currency,
            sms.0,
            sms.1,
            sms.2,
            sms_amount,
            sms_currency,
            shown,
            shown_number
        ],
    )?;
    connection.execute(
        "DELETE FROM rate WHERE account = ?1 AND rowid NOT IN
             (SELECT rowid FROM rate WHERE account = ?1 ORDER BY at DESC, target LIMIT ?2)",
        params![account.0, MOST_RATES],
    )?;
    Ok(())
}

type Columns<'a> = (&'static str, Option<&'a str>, Option<&'a str>, Option<&'a tern_provider::types::Money>);

fn columns(permission: &Permission) -> Columns<'_> {
    match permission {
        Permission::Allowed { price } => (ALLOWED, None, None, price.as_ref()),
        Permission::Refused { code, detail, price } => (REFUSED, Some(code), Some(detail), price.as_ref()),
        Permission::Unknown => (UNKNOWN, None, None, None),
    }
}

fn permission(row: &Row<'_>, at: usize) -> rusqlite::Result<Permission> {
    let [code, detail, amount, currency] = [1, 2, 3, 4].map(|ahead| at.saturating_add(ahead));
    let price = column::optional_money(row, amount, currency)?;
    let text = |index: usize| row.get::<_, Option<String>>(index).map(Option::unwrap_or_default);
    Ok(match row.get::<_, String>(at)?.as_str() {
        ALLOWED => Permission::Allowed { price },
        REFUSED => Permission::Refused { code: text(code)?, detail: text(detail)?, price },
        _ => Permission::Unknown,
    })
}
