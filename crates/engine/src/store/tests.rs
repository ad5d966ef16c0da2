mod aside;
mod calls;
mod damage;
mod finding;
mod fixture;
mod rules;
mod sealing;
mod sms;

use std::{collections::BTreeMap, path::PathBuf};

use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use tern_provider::types::{
    ActivityKind, ActivityObject, CallOutcome as RemoteOutcome, CallRecord, Change, Cursor, Direction, Gap,
    IdempotencyKey, Message, MessageState as Remote, Money, PageToken, RemoteId, Transaction as Entry,
    TransactionType,
};

use super::*;
use crate::{
    api::{
        AccountId, CallDirection, CallOutcome, DtmfWay, ErrorCode, ErrorView, MediaOptions, MessageState,
        Secret, TopUpState, Transport, TurnServer,
    },
    core::RequestId,
    record::{
        Applied, Balance, Batch, HistoryMove, HistoryPlace, LocalCall, NewOutgoing, Profile, Reading, Row,
        RowId, RowWhat, TopUpRecord,
    },
};

const ACCOUNT: AccountId = AccountId(1);
const OURS: &str = "+4930901820";
const PEER: &str = "+442079460123";

fn profile() -> Profile {
    Profile {
        id: ACCOUNT,
        name: "Alice".into(),
        user: "alice".into(),
        domain: "sip.example".into(),
        proxies: vec!["one.example:5070".into(), "two.example".into()],
        transport: Transport::Tls,
        ca_file: Some("/etc/pbx/ca.pem".into()),
        instance: Some("urn:uuid:00000000-0000-4000-8000-000000000001".into()),
        outbound: true,
        media: MediaOptions {
            codecs: vec!["PCMA".into(), "G729".into()],
            packet_ms: Some(30),
            dtmf: DtmfWay::Info,
            ..MediaOptions::default()
        },
        provider_url: Some("https://api.example".into()),
        sandbox: false,
        secret_name: "abc".into(),
    }
}

/// A prepared database with one account.
fn database() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    prepare(&mut connection).unwrap();
    assert_eq!(run(&mut connection, Write::Account(profile())), None);
    connection
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn message(id: &str, version: u64, text: &str) -> Message {
    Message {
        id: RemoteId(id.into()),
        version,
        direction: Direction::Incoming,
        number: OURS.into(),
        peer: PEER.into(),
        text: text.into(),
        state: Remote::Received,
        at: at(1),
        price: None,
        idempotency_key: None,
    }
}

fn call(id: &str, sip: Option<&str>, outcome: RemoteOutcome) -> CallRecord {
    CallRecord {
        id: RemoteId(id.into()),
        version: 1,
        sip_call_id: sip.map(str::to_owned),
        direction: Direction::Incoming,
        number: OURS.into(),
        peer: PEER.into(),
        started_at: at(2),
        duration_seconds: 0,
        outcome,
        price: None,
    }
}

fn apply_changes(connection: &mut Connection, changes: Vec<Change>, history: bool) -> Applied {
    let batch = Batch {
        account: ACCOUNT,
        changes,
        cursor: Some(Cursor("c".into())),
        history: HistoryMove::Stays,
        past: if history { Timestamp::MAX } else { Timestamp::MIN },
        of: Reading::Live,
        aside: false,
    };
    match run(connection, Write::Apply(batch)) {
        Some(Kept::Applied(_, applied)) => applied,
        other => panic!("{other:?}"),
    }
}

fn past(page: Option<&str>, rows: u64) -> HistoryPlace {
    HistoryPlace {
        page: page.map(|page| PageToken(page.into())),
        rows,
        total: Some(1000),
        until: Timestamp::MIN,
    }
}

fn move_history(connection: &mut Connection, history: HistoryMove) {
    let batch = Batch {
        account: ACCOUNT,
        changes: Vec::new(),
        cursor: None,
        history,
        past: Timestamp::MAX,
        of: Reading::History,
        aside: false,
    };
    assert!(matches!(run(connection, Write::Apply(batch)), Some(Kept::Applied(..))));
}

fn upsert(message: Message) -> Change {
    Change::Upsert(ActivityObject::Message(message))
}

fn rows(connection: &Connection) -> Vec<Row> {
    read::activity(connection, None, 200).unwrap().rows
}

fn texts(connection: &Connection) -> Vec<String> {
    rows(connection)
        .into_iter()
        .filter_map(|r| match r.what {
            RowWhat::Message { text, .. } => Some(text),
            _ => None,
        })
        .collect()
}

fn queue(connection: &mut Connection, key: &str) -> RowId {
    let new = NewOutgoing {
        account: ACCOUNT,
        key: IdempotencyKey(key.into()),
        from: OURS.into(),
        to: PEER.into(),
        text: "on my way".into(),
        at: at(5),
        replaces: None,
    };
    match run(connection, Write::Queue(RequestId(1), new)) {
        Some(Kept::Queued(_, _, row, _)) => row,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_document_is_the_database() {
    let plain = |sql: String| {
        let lines: Vec<&str> = sql.lines().map(|l| l.split("--").next().unwrap_or("").trim()).collect();
        let text = lines.join(" ").replace(',', " , ").replace(')', " ) ");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let schema = |connection: &Connection| -> BTreeMap<String, String> {
        let mut statement = connection
            .prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")
            .unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?))).unwrap();
        rows.map(|r| r.unwrap()).map(|(name, sql)| (name, plain(sql))).collect()
    };
    let documented = Connection::open_in_memory().unwrap();
    documented.execute_batch(include_str!("../../docs/schema.sql")).unwrap();
    assert_eq!(schema(&database()), schema(&documented));
}

#[test]
fn migrations_are_valid_and_every_table_is_strict() {
    Migrations::from_slice(MIGRATIONS).validate().unwrap();
    let connection = database();
    let loose: i64 = connection
        .query_row(
            "SELECT count(*) FROM pragma_table_list WHERE type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(loose, 0);
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let mut connection = Connection::open_in_memory().unwrap();
    prepare(&mut connection).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(prepare(&mut connection), Err(StoreError::Newer)));
}

#[test]
fn an_account_of_before_there_were_media_options_has_the_default_ones_and_no_password_lies_in_the_file() {
    let mut connection = database();
    let turn = |password: &str| {
        let server = "turn.example".into();
        Some(TurnServer { server, user: "alice".into(), password: Secret(password.into()) })
    };
    let mut with_turn = profile();
    with_turn.media.turn_server = turn("hush");
    run(&mut connection, Write::Account(with_turn));
    let kept: String = connection.query_row("SELECT media FROM account", [], |row| row.get(0)).unwrap();
    assert!(kept.contains("turn.example") && !kept.contains("hush"), "{kept}");
    let mut expected = profile().media;
    expected.turn_server = turn("");
    assert_eq!(account::all(&connection).unwrap()[0].media, expected);
    for (text, codecs) in [(None, 0), (Some(r#"{"codecs":["PCMU"],"later":1}"#), 1), (Some("?"), 0)] {
        connection.execute("UPDATE account SET media = ?1", [text]).unwrap();
        let read = account::all(&connection).unwrap().remove(0).media;
        assert_eq!(read.codecs.len(), codecs, "{text:?}");
        assert_eq!(MediaOptions { codecs: Vec::new(), ..read }, MediaOptions::default(), "{text:?}");
    }
}

#[test]
fn what_is_kept_comes_back() {
    let mut connection = database();
    let balance = Balance {
        money: Money { amount: "10.34".parse().unwrap(), currency: "USD".into() },
        at: at(3),
        limits: Some(("5".parse().unwrap(), "3600".parse().unwrap())),
    };
    let topup = TopUpRecord {
        account: ACCOUNT,
        key: IdempotencyKey("k".into()),
        id: Some("t1".into()),
        amount: balance.money.clone(),
        state: TopUpState::Paid,
        url: Some("https://api.example/checkout/1".parse().unwrap()),
        at: at(4),
    };
    run(&mut connection, Write::Balance(ACCOUNT, balance.clone()));
    run(&mut connection, Write::TopUp(topup.clone()));
    let row = queue(&mut connection, "key-1");
    run(&mut connection, Write::Outbox(ACCOUNT, row, MessageState::Sending, None));
    move_history(&mut connection, HistoryMove::To(past(Some("p2"), 200)));
    apply_changes(&mut connection, vec![upsert(message("m1", 1, "hello"))], false);
    let loaded = load(&mut connection).unwrap();
    let account = &loaded.accounts[0];
    assert_eq!((loaded.next_account, &account.profile), (2, &profile()));
    assert_eq!(account.balance, Some(balance));
    assert_eq!(account.topups, [topup]);
    assert_eq!(account.cursor, Some(Cursor("c".into())));
    assert_eq!(account.history, Some(past(Some("p2"), 200)), "and it stays while only the feed moves on");
    assert_eq!(account.outbox.len(), 1);
    assert_eq!(account.outbox[0].state, MessageState::Unknown, "what was being sent is not known to be sent");
}

#[test]
fn an_account_goes_with_everything_and_its_id_is_not_used_again() {
    let mut connection = database();
    queue(&mut connection, "key-1");
    apply_changes(&mut connection, vec![upsert(message("m1", 1, "hello"))], false);
    run(&mut connection, Write::RemoveAccount(ACCOUNT));
    let left: i64 = connection
        .query_row(
            "SELECT (SELECT count(*) FROM activity) + (SELECT count(*) FROM message) + (SELECT count(*) FROM thread)
                 + (SELECT count(*) FROM outbox) + (SELECT count(*) FROM cursor)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(left, 0);
    assert_eq!(load(&mut connection).unwrap().next_account, 2);
}

#[test]
fn changes_may_come_twice_and_in_any_order() {
    // The last version of each row, and one row that ends deleted.
    let mut changes = Vec::new();
    for id in 0..6 {
        for version in 1..5 {
            changes.push(upsert(message(&format!("m{id}"), version, &format!("{id}.{version}"))));
        }
    }
    changes.push(Change::Delete { kind: ActivityKind::Message, id: RemoteId("m3".into()), version: 5 });
    // Deleted and brought back: the later version counts, whichever comes first.
    changes.push(Change::Delete { kind: ActivityKind::Message, id: RemoteId("m4".into()), version: 2 });
    for seed in 0..200 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut schedule: Vec<Change> = changes.iter().chain(&changes).cloned().collect();
        schedule.shuffle(&mut random);
        let mut connection = database();
        let mut fresh = 0;
        while !schedule.is_empty() {
            let size = random.random_range(1..=schedule.len().min(9));
            let batch: Vec<Change> = schedule.drain(..size).collect();
            fresh += apply_changes(&mut connection, batch, false).fresh.len();
        }
        let mut found = texts(&connection);
        found.sort();
        assert_eq!(found, ["0.4", "1.4", "2.4", "4.4", "5.4"], "seed {seed}");
        assert!((4..=6).contains(&fresh), "each row is news at most once, seed {seed}: {fresh}");
    }
}

#[test]
fn the_past_is_read_and_the_rest_is_news() {
    let mut connection = database();
    let old = apply_changes(&mut connection, vec![upsert(message("m1", 1, "old"))], true);
    let new = apply_changes(&mut connection, vec![upsert(message("m2", 1, "new"))], false);
    assert_eq!((old.fresh.len(), new.fresh.len()), (0, 1));
    assert_eq!(read::activity(&connection, None, 10).unwrap().unread, 1);
    let thread = new.fresh[0].thread.unwrap();
    run(&mut connection, Write::ReadThread(thread));
    assert_eq!(read::activity(&connection, None, 10).unwrap().unread, 0);
    apply_changes(&mut connection, vec![upsert(message("m2", 2, "new"))], false);
    assert_eq!(read::activity(&connection, None, 10).unwrap().unread, 0, "what was seen stays seen");
}

#[test]
fn the_place_in_the_past_comes_back_until_all_of_it_is_read() {
    let mut connection = database();
    let place = |connection: &mut Connection| load(connection).unwrap().accounts.remove(0).history;
    assert_eq!(place(&mut connection), None);
    for (page, rows) in [(Some("p2"), 200), (Some("p3"), 400), (None, 0)] {
        move_history(&mut connection, HistoryMove::To(past(page, rows)));
        move_history(&mut connection, HistoryMove::Stays);
        assert_eq!(place(&mut connection), Some(past(page, rows)));
    }
    move_history(&mut connection, HistoryMove::Ends);
    assert_eq!(place(&mut connection), None);
}

#[test]
fn what_was_deleted_is_not_brought_back_by_an_older_page() {
    let mut connection = database();
    let gone = Change::Delete { kind: ActivityKind::Message, id: RemoteId("m1".into()), version: 3 };
    apply_changes(&mut connection, vec![gone], false);
    apply_changes(
        &mut connection,
        vec![upsert(message("m1", 2, "old")), upsert(message("m2", 1, "there"))],
        true,
    );
    assert_eq!(texts(&connection), ["there"]);
}

#[test]
fn what_the_newest_state_does_not_have_stays_until_it_is_said_to_be_gone() {
    let mut connection = database();
    apply_changes(&mut connection, ["m1", "m2"].map(|id| upsert(message(id, 1, id))).into(), false);
    // The place in the feed was lost; the provider has thrown the older one away, or never had it.
    let newest = Batch {
        account: ACCOUNT,
        changes: vec![upsert(message("m2", 1, "m2")), upsert(message("m3", 1, "m3"))],
        cursor: Some(Cursor("anew".into())),
        history: HistoryMove::Ends,
        past: Timestamp::MIN,
        of: Reading::Live,
        aside: true,
    };
    run(&mut connection, Write::Apply(newest));
    let mut kept = texts(&connection);
    kept.sort();
    assert_eq!(kept, ["m1", "m2", "m3"]);
    let gone = Change::Delete { kind: ActivityKind::Message, id: RemoteId("m1".into()), version: 2 };
    apply_changes(&mut connection, vec![gone], false);
    assert!(!texts(&connection).contains(&"m1".to_owned()));
}

#[test]
fn rows_that_cannot_be_kept_leave_the_place_in_the_feed_where_it_was() {
    let mut connection = database();
    apply_changes(&mut connection, vec![upsert(message("m1", 1, "first"))], false);
    connection
        .execute_batch(
            "CREATE TEMP TRIGGER full BEFORE INSERT ON message WHEN new.text = 'third'
             BEGIN SELECT RAISE(ABORT, 'no room'); END",
        )
        .unwrap();
    let page = |cursor: &str| Batch {
        account: ACCOUNT,
        changes: vec![upsert(message("m2", 1, "second")), upsert(message("m3", 1, "third"))],
        cursor: Some(Cursor(cursor.into())),
        history: HistoryMove::To(past(Some("p2"), 2)),
        past: Timestamp::MIN,
        of: Reading::Live,
        aside: true,
    };
    let refused = run(&mut connection, Write::Apply(page("later")));
    assert!(matches!(refused, Some(Kept::NotApplied(ACCOUNT, Reading::Live))), "{refused:?}");
    let account = |connection: &mut Connection| load(connection).unwrap().accounts.remove(0);
    let loaded = account(&mut connection);
    assert_eq!((loaded.cursor, loaded.history), (Some(Cursor("c".into())), None));
    assert_eq!(texts(&connection), ["first"], "nor half of the page");
    connection.execute_batch("DROP TRIGGER full").unwrap();
    run(&mut connection, Write::Apply(page("later")));
    let loaded = account(&mut connection);
    assert_eq!((loaded.cursor, loaded.history), (Some(Cursor("later".into())), Some(past(Some("p2"), 2))));
    assert_eq!(texts(&connection).len(), 3);
}

#[test]
fn a_large_page_is_kept_in_parts_and_the_places_move_with_the_last() {
    for (rows, parts) in [(0, 1), (1, 1), (200, 1), (201, 2), (1000, 5)] {
        let whole = Batch {
            account: ACCOUNT,
            changes: (0..rows).map(|n| upsert(message(&format!("m{n}"), 1, "x"))).collect(),
            cursor: Some(Cursor("c".into())),
            history: HistoryMove::Ends,
            past: Timestamp::MAX,
            of: Reading::History,
            aside: false,
        };
        let cut = Batch::parts(whole.clone());
        assert_eq!(cut.len(), parts, "{rows}");
        let moves = cut.iter().map(|part| part.cursor.is_some() && part.history == HistoryMove::Ends);
        assert_eq!(moves.filter(|moves| *moves).count(), 1);
        assert!(cut.back().is_some_and(|last| last.cursor.is_some()));
        assert!(cut.iter().flat_map(|part| &part.changes).eq(&whole.changes), "in order, none left out");
    }
}

#[test]
fn a_gap_is_a_row_once() {
    let mut connection = database();
    let gap = Gap { id: RemoteId("gap-1".into()), from: at(10), until: at(900) };
    for _ in 0..2 {
        let change = Change::Upsert(ActivityObject::Gap(gap.clone()));
        apply_changes(&mut connection, vec![change, upsert(message("m1", 1, "hello"))], false);
    }
    let rows = rows(&connection);
    assert_eq!(rows.len(), 2);
    let row = rows.iter().find(|r| matches!(r.what, RowWhat::Gap { .. })).unwrap();
    assert!(row.what == RowWhat::Gap { since: at(10) });
    assert_eq!((row.at, row.unread), (at(900), false));
}

#[test]
fn pages_follow_each_other_without_a_gap() {
    let mut connection = database();
    // Several rows of the same instant fall on the pages' edges.
    let changes = (0..25)
        .map(|i| upsert(Message { at: at(i / 4), ..message(&format!("m{i:02}"), 1, &format!("{i:02}")) }));
    let changes: Vec<Change> = changes.collect();
    apply_changes(&mut connection, changes, false);
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = read::activity(&connection, before, 4).unwrap();
        assert!(page.rows.len() <= 4);
        found.extend(page.rows.into_iter().map(|r| r.id));
        match page.next {
            Some(place) => before = Place::parse(&place.to_string()),
            None => break,
        }
    }
    assert_eq!(found.len(), 25);
    let mut sorted = found.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), 25);
    let thread = rows(&connection)[0].thread.unwrap();
    let (head, page) = read::conversation(&connection, thread, None, 200).unwrap().unwrap();
    assert_eq!((head.peer.as_str(), page.rows.len(), page.next), (PEER, 25, None));
}

#[test]
fn money_stays_exact() {
    let mut connection = database();
    let entry = Entry {
        id: RemoteId("t1".into()),
        version: 1,
        kind: TransactionType::Sms,
        amount: Money { amount: "-0.08".parse().unwrap(), currency: "USD".into() },
        balance_after: Money { amount: "10.340".parse().unwrap(), currency: "USD".into() },
        at: at(9),
        description: "SMS".into(),
        reference: Some("m1".into()),
    };
    let applied = apply_changes(
        &mut connection,
        vec![Change::Upsert(ActivityObject::Transaction(entry.clone()))],
        false,
    );
    assert_eq!(applied.ledger, [entry]);
    match &rows(&connection)[0].what {
        RowWhat::Ledger { amount, balance_after, .. } => {
            assert_eq!(
                (amount.amount.to_string(), balance_after.amount.to_string()),
                ("-0.08".into(), "10.340".into())
            );
        }
        _ => panic!("no ledger row"),
    }
}
