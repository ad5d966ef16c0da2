//! Table `account`: what an account is. Its secrets are in the keyring.

use rusqlite::{Connection, params};

use super::{
    StoreError,
    column::{Word, word},
};
use crate::{
    api::{AccountId, MediaOptions},
    record::Profile,
};

pub(super) fn all(connection: &Connection) -> Result<Vec<Profile>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT id, name, user, domain, proxy, provider_url, sandbox, secret_name, transport, ca_file, instance,
                outbound, media
         FROM account ORDER BY id",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Profile {
            id: AccountId(row.get(0)?),
            name: row.get(1)?,
            user: row.get(2)?,
            domain: row.get(3)?,
            proxies: row.get::<_, Option<String>>(4)?.map_or_else(Vec::new, |p| split(&p)),
            provider_url: row.get(5)?,
            sandbox: row.get(6)?,
            secret_name: row.get(7)?,
            transport: word(row, 8)?,
            ca_file: row.get(9)?,
            instance: row.get(10)?,
            outbound: row.get(11)?,
            media: media(row.get(12)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One more than every id there ever was: an id is never used twice, even after its account is gone.
pub(super) fn next(connection: &Connection) -> Result<u32, StoreError> {
    let last: Option<u32> =
        connection
            .query_row("SELECT max(seq) FROM sqlite_sequence WHERE name = 'account'", [], |row| row.get(0))?;
    Ok(last.unwrap_or(0).saturating_add(1))
}

pub(super) fn put(connection: &Connection, profile: &Profile) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO account (id, name, user, domain, proxy, provider_url, sandbox, secret_name, transport, ca_file,
                              instance, outbound, media)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, user = excluded.user, domain = excluded.domain,
             proxy = excluded.proxy, provider_url = excluded.provider_url, sandbox = excluded.sandbox,
             secret_name = excluded.secret_name, transport = excluded.transport, ca_file = excluded.ca_file,
             instance = excluded.instance, outbound = excluded.outbound,
             media = excluded.media",
        params![
            profile.id.0,
            profile.name,
            profile.user,
            profile.domain,
            (!profile.proxies.is_empty()).then(|| profile.proxies.join(" ")),
            profile.provider_url,
            profile.sandbox,
            profile.secret_name,
            profile.transport.word(),
            profile.ca_file,
            profile.instance,
            profile.outbound,
            serde_json::to_string(&profile.media.without_secrets())
                .map_err(|_| StoreError::UnknownValue("account.media"))?
        ],
    )?;
    Ok(())
}

pub(super) fn remove(connection: &Connection, id: &AccountId) -> Result<(), StoreError> {
    // Rows point at threads without a cascade, so they go first.
    connection.execute("DELETE FROM activity WHERE account = ?1", [id.0])?;
    connection.execute("DELETE FROM account WHERE id = ?1", [id.0])?;
    Ok(())
}

/// What can't be read any more is the default, as is what is missing.
fn media(text: Option<String>) -> MediaOptions {
    text.and_then(|t| serde_json::from_str(&t).ok()).unwrap_or_default()
}

fn split(proxies: &str) -> Vec<String> {
    proxies.split_ascii_whitespace().map(str::to_owned).collect()
}
