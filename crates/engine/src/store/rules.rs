//! Table `rules`: the rules an account lives under, as far as its provider tells them.

use jiff::{SignedDuration, tz::TimeZone};
use rusqlite::{Connection, OptionalExtension, params};
use tern_provider::types::{AccountRules, DocumentKind, SendLimits};

use super::{
    StoreError,
    column::{self, Word},
    micros, timestamp,
};
use crate::{
    api::AccountId,
    record::{KnownRules, paper_word},
};

const PAPERS: [DocumentKind; 3] =
    [DocumentKind::Passport, DocumentKind::RegistrationAddress, DocumentKind::ProofOfAddress];

pub(super) fn of(connection: &Connection, account: &AccountId) -> Result<Option<KnownRules>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT at, ahead, zone, unpaid, per_second, per_hour, per_day, sms_window, sms_scope, sms_priced,
             longest_text, no_calls_to, no_sms_to, documents_missing
         FROM rules WHERE account = ?1",
    )?;
    let row = statement.query_row([account.0], |row| {
        let words = |index: usize| -> rusqlite::Result<Vec<String>> {
            Ok(row.get::<_, String>(index)?.split_whitespace().map(str::to_owned).collect())
        };
        let (per_second, per_hour, per_day): (Option<u32>, _, _) =
            (row.get(4)?, row.get::<_, Option<u32>>(5)?, row.get::<_, Option<u32>>(6)?);
        let is_limited = per_second.is_some() || per_hour.is_some() || per_day.is_some();
        let papers = words(13)?;
        Ok(KnownRules {
            at: timestamp(row.get(0)?),
            ahead: SignedDuration::from_micros(row.get(1)?),
            send_limits: is_limited.then_some(SendLimits { per_second, per_hour, per_day }),
            rules: AccountRules {
                now: None,
                zone: row.get::<_, Option<String>>(2)?.and_then(|name| TimeZone::get(&name).ok()),
                unpaid: column::optional_word(row, 3)?,
                sms_window: column::optional_word(row, 7)?,
                sms_scope: column::optional_word(row, 8)?,
                sms_priced: column::optional_word(row, 9)?,
                longest_text: row.get(10)?,
                no_calls_to: words(11)?,
                no_sms_to: words(12)?,
                documents_missing: PAPERS
                    .into_iter()
                    .filter(|kind| papers.iter().any(|word| word == paper_word(*kind)))
                    .collect(),
            },
        })
    });
    Ok(row.optional()?)
}

pub(super) fn put(
    connection: &Connection,
    account: &AccountId,
    known: &KnownRules,
) -> Result<(), StoreError> {
    let rules = &known.rules;
    let limits = known.send_limits;
    let papers: Vec<&str> = rules.documents_missing.iter().map(|kind| paper_word(*kind)).collect();
    connection.execute(
        "INSERT OR REPLACE INTO rules (account, at, ahead, zone, unpaid, per_second, per_hour, per_day, sms_window,
             sms_scope, sms_priced, longest_text, no_calls_to, no_sms_to, documents_missing)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        params![
            account.0,
            micros(known.at),
            i64::try_from(known.ahead.as_micros()).unwrap_or_default(),
            rules.zone.as_ref().and_then(TimeZone::iana_name),
            rules.unpaid.map(Word::word),
            limits.and_then(|l| l.per_second),
            limits.and_then(|l| l.per_hour),
            limits.and_then(|l| l.per_day),
            rules.sms_window.map(Word::word),
            rules.sms_scope.map(Word::word),
            rules.sms_priced.map(Word::word),
            rules.longest_text,
            rules.no_calls_to.join(" "),
            rules.no_sms_to.join(" "),
            papers.join(" ")
        ],
    )?;
    Ok(())
}
