//! Databases as earlier versions left them, and what stands in them.

use std::{collections::BTreeMap, path::PathBuf};

use rusqlite::types::Value;

use super::*;

/// A directory that is gone at the end.
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    pub(super) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tern-store-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn folder(&self) -> Folder {
        Folder::make(&self.0).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Tables with their columns and rows.
pub(super) type Dump = BTreeMap<String, (Vec<String>, Vec<Vec<Value>>)>;

/// The same key each time: a test's file must be the same file each time.
pub(super) fn key() -> Key {
    Key::from_hex(&"5e".repeat(32)).unwrap()
}

pub(super) fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// Brings a database to an earlier schema and puts `people` conversations into it, with a row in every table.
pub(super) fn fill(connection: &mut Connection, version: usize, people: i64) {
    connection.pragma_update(None, "foreign_keys", true).unwrap();
    Migrations::from_slice(MIGRATIONS).to_version(connection, version).unwrap();
    let tx = connection.transaction().unwrap();
    let run = |sql: &str| tx.execute_batch(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    run(r#"
        INSERT INTO account (id, name, user, domain, proxy, provider_url, sandbox, secret_name)
            VALUES (1, 'Home', 'alice', 'sip.example', 'one.example', 'https://api.example', 0, 'abc');
        INSERT INTO account (id, name, user, domain, sandbox, secret_name)
            VALUES (3, 'Büro', 'bob', 'pbx.example', 0, 'def');
        INSERT INTO number (account, position, remote_id, e164, country, city, calls, sms, state)
            VALUES (1, 0, 'n1', '+4930901820', 'DE', 'Berlin', 1, 1, 'active');
        INSERT INTO balance (account, amount, currency, at, least, most) VALUES (1, '12.50', 'EUR', 1700000000000000, '5', '100');
        INSERT INTO cursor (account, place) VALUES (1, 'c42');
        INSERT INTO topup (send_key, account, remote_id, amount, currency, state, url, at) VALUES ('k1', 1, 't1', '25.00', 'EUR', 'pending', NULL, 1700000000000000);
        INSERT INTO setting (name, value) VALUES ('settings', '{"language":"fr","ringer":"bell"}');
    "#);
    for i in 1..=people {
        let peer = format!("+44207946{i:04}");
        let base = i * 10;
        run(&format!(
            "INSERT INTO thread (id, account, number, peer) VALUES ({i}, 1, '+4930901820', '{peer}');
             INSERT INTO draft (thread, text) VALUES ({i}, 'unsent words {i}');
             INSERT INTO activity (id, account, kind, remote_id, version, thread, number, peer, at, unread, deleted) VALUES ({base}, 1, 'message', 'm{i}', 1, {i}, '+4930901820', '{peer}', {base}, 1, 0);
             INSERT INTO message (activity, incoming, text, state) VALUES ({base}, 1, 'Привет, çà va? {i} {filler}', 'received');
             INSERT INTO activity (id, account, kind, remote_id, version, thread, number, peer, at, unread, deleted) VALUES ({base}+1, 1, 'message', NULL, 0, {i}, '+4930901820', '{peer}', {base}+1, 0, 0);
             INSERT INTO message (activity, incoming, text, state, send_key) VALUES ({base}+1, 0, 'to be sent {i}', 'queued', 's{i}');
             INSERT INTO outbox (activity, account, send_key, state) VALUES ({base}+1, 1, 's{i}', 'queued');
             INSERT INTO activity (id, account, kind, remote_id, version, thread, number, peer, at, unread, deleted) VALUES ({base}+2, 1, 'call', NULL, 0, {i}, '+4930901820', '{peer}', {base}+2, 0, 0);
             INSERT INTO call (activity, sip_call_id, incoming, outcome, duration_seconds)
                 VALUES ({base}+2, 'sip{i}', 1, 'answered', 61);
             INSERT INTO activity (id, account, kind, remote_id, version, thread, number, peer, at, unread, deleted) VALUES ({base}+3, 1, 'ledger', 'l{i}', 1, NULL, '', '', {base}+3, 0, 0);
             INSERT INTO ledger (activity, kind, amount, currency, balance, description, reference) VALUES ({base}+3, 'sms', '-0.05', 'EUR', '12.45', 'SMS', NULL);",
            filler = "and some more words ".repeat(6),
        ));
    }
    if version >= 4 {
        run("UPDATE call SET recording = '/music/call.wav'");
    }
    if version >= 5 {
        run("INSERT INTO activity (id, account, kind, remote_id, version, thread, number, peer, at, unread, deleted) VALUES (5, 1, 'gap', 'g1', 1, NULL, '', '', 5, 0, 0);
             INSERT INTO gap (activity, since) VALUES (5, 1)");
    }
    let has = |table: &str| {
        tx.query_row("SELECT count(*) FROM sqlite_schema WHERE name = ?1", [table], |row| {
            row.get::<_, i64>(0)
        })
        .unwrap()
            > 0
    };
    if has("contact") {
        run("INSERT INTO contact (id, uid, name, note, folded) VALUES (1, 'u1', 'Zoë', 'a note', ' zoe a note');
             INSERT INTO contact_number (number, contact, label) VALUES ('+442079460001', 1, 'cell');
             INSERT INTO blocked (number, spam, at) VALUES ('+442079460002', 1, 5)");
    }
    tx.commit().unwrap();
}

/// All rows, of these columns only where they are given.
pub(super) fn dump(connection: &Connection, like: Option<&Dump>) -> Dump {
    let mut dump = Dump::new();
    for table in salvage::tables(connection).unwrap() {
        let columns = match like {
            Some(like) => match like.get(&table.name) {
                Some((columns, _)) => columns.clone(),
                None => continue,
            },
            None => table.columns,
        };
        let sql = format!("SELECT {} FROM {} ORDER BY rowid", columns.join(", "), table.name);
        let mut statement = connection.prepare(&sql).unwrap();
        let rows = statement
            .query_map([], |row| (0..columns.len()).map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>())
            .unwrap()
            .collect::<Result<Vec<_>, _>>()
            .unwrap();
        dump.insert(table.name, (columns, rows));
    }
    dump
}

/// What today's code finds in a folder, with the settings that it reads at the start.
pub(super) fn opened(folder: &Folder, like: Option<&Dump>) -> (Dump, Loaded) {
    let (store, loaded) = Store::open(Some((folder, &key())), now()).unwrap();
    store.close();
    let found = dump(&folder::connect(&folder.main(), &key()).unwrap(), like);
    (found, loaded)
}
