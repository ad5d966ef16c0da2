//! What a search finds, and how fast.

use tern_provider::types::ActivityKind;

use super::*;
use crate::{
    api::ContactId,
    record::{Blocked, Deleted, Imported, Sought, ThreadRowId},
    vcard::Card,
};

fn from(id: &str, peer: &str, second: i64, text: &str) -> Change {
    upsert(Message { peer: peer.into(), at: at(second), ..message(id, 1, text) })
}

fn sought(text: &str) -> Sought {
    Sought { text: text.into(), ..Sought::default() }
}

fn found(connection: &Connection, sought: &Sought) -> Vec<String> {
    let found = search::rows(connection, sought, None, 50).unwrap();
    found
        .rows
        .iter()
        .map(|(row, _)| match &row.what {
            RowWhat::Message { text, .. } => text.clone(),
            RowWhat::Call { .. } => "call".into(),
            _ => "other".into(),
        })
        .collect()
}

fn contact(connection: &mut Connection, name: &str, note: &str, number: &str) -> ContactId {
    let card =
        Card { uid: name.into(), name: name.into(), note: note.into(), numbers: vec![(number.into(), None)] };
    match run(connection, Write::Contact(RequestId(1), None, card)) {
        Some(Kept::ContactSaved(_, Some(id), _)) => id,
        other => panic!("{other:?}"),
    }
}

fn filled() -> Connection {
    let mut connection = database();
    let changes = vec![
        from("1", PEER, 1, "Le café est là-bas"),
        from("2", "+33639981207", 2, "Ёлка и чай готовы"),
        from("3", "Acme", 3, "Your code is 4711"),
        from("4", PEER, 4, "See you at the station, \"maybe\" AND not"),
        Change::Upsert(ActivityObject::Call(CallRecord {
            started_at: at(5),
            ..call("c1", None, RemoteOutcome::Missed)
        })),
    ];
    apply_changes(&mut connection, changes, false);
    contact(&mut connection, "Zoë Müller", "plumber, knows the boiler", "+33639981207");
    connection
}

#[test]
fn words_names_numbers_and_notes_are_found() {
    let connection = filled();
    let check = |text: &str, expect: &[&str]| {
        assert_eq!(found(&connection, &sought(text)), expect, "{text}");
    };
    let (cafe, tree, code, station) = (
        "Le café est là-bas",
        "Ёлка и чай готовы",
        "Your code is 4711",
        "See you at the station, \"maybe\" AND not",
    );
    check("cafe", &[cafe]);
    check("CAFÉ la", &[cafe]);
    check("caf bas", &[cafe]);
    check("елка", &[tree]);
    check("ЁЛК", &[tree]);
    check("чаи", &[tree]);
    check("stat", &[station]);
    check("cafe station", &[]);
    check("4711", &[code]);
    // Parts of numbers, as they are written anywhere.
    check("7946 0123", &["call", station, cafe]);
    check("(020) 7946-0123", &["call", station, cafe]);
    check("+33 6 39", &[tree]);
    // Names, of contacts and of senders, and notes.
    check("zoe", &[tree]);
    check("mull zo", &[tree]);
    check("boil", &[tree]);
    check("acme", &[code]);
    // Nothing a person types is an error.
    for text in
        ["\"", "AND", "NOT x", "a\"b*", "text:", "(", "-- ;", "%", "_", "\\", "💥", "NEAR(a b)", "x'00'"]
    {
        search::rows(&connection, &sought(text), None, 50).unwrap_or_else(|e| panic!("{text}: {e}"));
    }
    check("\"maybe\" AND", &[station]);
    check("%", &[]);
}

#[test]
fn filters_and_pages_narrow_it_down() {
    let connection = filled();
    let all = |filter: Sought| found(&connection, &filter).len();
    assert_eq!(all(Sought::default()), 5);
    assert_eq!(all(Sought { kind: Some(ActivityKind::Call), ..Sought::default() }), 1);
    assert_eq!(all(Sought { since: Some(at(3)), until: Some(at(5)), ..Sought::default() }), 2);
    assert_eq!(all(Sought { number: Some("+4900".into()), ..Sought::default() }), 0);
    assert_eq!(all(Sought { unread: true, ..sought("station") }), 1);
    connection.execute("UPDATE activity SET unread = 0", []).unwrap();
    assert_eq!(all(Sought { unread: true, ..sought("station") }), 0);
    let (mut before, mut seen) = (None, 0);
    loop {
        let page = search::rows(&connection, &sought("7946"), before, 1).unwrap();
        seen += page.rows.len();
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, 3);
}

#[test]
fn the_index_follows_every_change() {
    let mut connection = filled();
    apply_changes(&mut connection, vec![upsert(message("1", 2, "Le thé"))], false);
    assert_eq!(found(&connection, &sought("cafe")), [""; 0]);
    assert_eq!(found(&connection, &sought("the le")), ["Le thé"]);
    let gone = Change::Delete { kind: ActivityKind::Message, id: RemoteId("1".into()), version: 3 };
    apply_changes(&mut connection, vec![gone], false);
    assert_eq!(found(&connection, &sought("the le")), [""; 0]);
    connection.execute("DELETE FROM search", []).unwrap();
    assert_eq!(found(&connection, &sought("station")), [""; 0]);
    run(&mut connection, Write::RebuildSearch);
    assert_eq!(found(&connection, &sought("station")).len(), 1);
    // A removed account's texts are gone from the index too.
    run(&mut connection, Write::RemoveAccount(ACCOUNT));
    let left: i64 = connection.query_row("SELECT count(*) FROM search", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn what_was_found_is_marked_in_the_text() {
    let connection = filled();
    let found = search::rows(&connection, &sought("cafe"), None, 50).unwrap();
    let (_, snippet) = &found.rows[0];
    assert_eq!((snippet.text.as_str(), snippet.ranges.as_slice()), ("Le café est là-bas", &[(3, 7)][..]));
}

#[test]
fn blocked_numbers_are_no_news_and_in_a_folder_of_their_own() {
    let mut connection = filled();
    let blocked = Blocked { number: PEER.into(), spam: true, at: at(9) };
    run(&mut connection, Write::Block(blocked));
    let applied = apply_changes(&mut connection, vec![from("9", PEER, 9, "win a prize")], false);
    assert_eq!(applied.fresh, []);
    assert!(!texts(&connection).contains(&"win a prize".to_owned()));
    let folder = read::unwanted(&connection, None, 50).unwrap();
    assert_eq!(folder.rows.len(), 4);
    assert_eq!(folder.unread, 2);
    run(&mut connection, Write::Unblock(PEER.into()));
    assert!(texts(&connection).contains(&"win a prize".to_owned()));
    assert_eq!(read::unwanted(&connection, None, 50).unwrap().rows, []);
}

#[test]
fn a_search_leaves_blocked_numbers_out_unless_asked_for_them() {
    let mut connection = filled();
    run(&mut connection, Write::Block(Blocked { number: PEER.into(), spam: true, at: at(9) }));
    apply_changes(&mut connection, vec![from("9", PEER, 9, "win a prize")], false);
    // Few hits, no words at all, and many hits are read in three ways.
    let search = |connection: &Connection, text: &str, blocked| {
        found(connection, &Sought { blocked, ..sought(text) }).len()
    };
    assert_eq!((search(&connection, "prize", false), search(&connection, "prize", true)), (0, 1));
    assert_eq!((search(&connection, "", false), search(&connection, "", true)), (2, 4));
    let many = (0..1_200)
        .map(|n| from(&format!("m{n}"), if n % 2 == 0 { PEER } else { "Acme" }, 100 + n, "a prize"));
    apply_changes(&mut connection, many.collect(), true);
    for (blocked, of) in [(false, "Acme"), (true, PEER)] {
        let page = search::rows(&connection, &Sought { blocked, ..sought("prize") }, None, 50).unwrap();
        assert_eq!(page.rows.len(), 50);
        assert!(page.rows.iter().all(|(row, _)| row.peer == of && row.blocked == blocked), "{blocked}");
    }
}

#[test]
fn a_contact_names_its_rows_and_a_number_is_one_persons() {
    let mut connection = filled();
    let names = |connection: &Connection| -> Vec<Option<String>> {
        rows(connection).into_iter().filter(|r| r.peer == "+33639981207").map(|r| r.name).collect()
    };
    assert_eq!(names(&connection), [Some("Zoë Müller".into())]);
    let other = contact(&mut connection, "Max", "", "+33639981207");
    assert_eq!(names(&connection), [Some("Max".into())]);
    run(&mut connection, Write::RemoveContact(other));
    assert_eq!(names(&connection), [None]);
    // The same card again is the same contact.
    let card = Card {
        uid: "card-1".into(),
        name: "Ann".into(),
        note: String::new(),
        numbers: vec![(PEER.into(), Some("cell".into()))],
    };
    let import = |connection: &mut Connection, card: &Card| match run(
        connection,
        Write::ImportContacts(RequestId(2), vec![card.clone()], vec![7]),
    ) {
        Some(Kept::Imported(_, Imported { added, changed, same }, refused, _)) => {
            assert_eq!(refused, [7], "what was refused before is told again");
            (added, changed, same)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(import(&mut connection, &card), (1, 0, 0));
    assert_eq!(import(&mut connection, &card), (0, 0, 1));
    assert_eq!(import(&mut connection, &Card { uid: "card-2".into(), ..card.clone() }), (0, 0, 1));
    for other in [
        Card { note: "of the club".into(), ..card.clone() },
        Card { numbers: vec![(PEER.into(), Some("work".into()))], ..card.clone() },
        Card { numbers: vec![(PEER.into(), None), ("+49301234567".into(), None)], ..card.clone() },
        Card { name: "Anne".into(), ..card.clone() },
    ] {
        assert_eq!(import(&mut connection, &other), (0, 1, 0), "{other:?}");
        assert_eq!(import(&mut connection, &other), (0, 0, 1), "{other:?}");
    }
    assert_eq!(contact::all(&connection).unwrap().len(), 2);
}

#[test]
fn a_removed_conversation_stays_removed() {
    let mut connection = filled();
    let waiting = queue(&mut connection, "k1");
    let thread = rows(&connection).into_iter().find(|r| r.peer == PEER).unwrap().thread.unwrap();
    run(&mut connection, Write::Draft(thread, "half a thought".into()));
    let removed = run(&mut connection, Write::RemoveThread(RequestId(1), thread, vec![]));
    assert!(matches!(removed, Some(Kept::ThreadRemoved(_, _, Some(removed))) if removed.doomed.is_empty()));
    // What has not left yet is still there.
    let left: Vec<RowId> = rows(&connection).into_iter().filter(|r| r.peer == PEER).map(|r| r.id).collect();
    assert_eq!(left, [waiting]);
    assert_eq!(found(&connection, &sought("station")), [""; 0]);
    // The provider tells of it again, in a newer version too.
    apply_changes(&mut connection, vec![upsert(message("4", 7, "See you at the station"))], false);
    assert_eq!(found(&connection, &sought("station")), [""; 0]);
    assert_eq!(read::conversation(&connection, thread, None, 50).unwrap().unwrap().0.draft, "");
}

#[test]
fn a_conversation_removed_at_the_provider_too_waits_for_each_answer() {
    let mut connection = filled();
    let thread = rows(&connection).into_iter().find(|r| r.peer == PEER).unwrap().thread.unwrap();
    let remove = Write::RemoveThread(RequestId(1), thread, vec![ACCOUNT]);
    let Some(Kept::ThreadRemoved(_, _, Some(removed))) = run(&mut connection, remove.clone()) else {
        panic!()
    };
    let waiting = |connection: &mut Connection| load(connection).unwrap().accounts.remove(0).deletions;
    assert!(removed.doomed.len() >= 2, "{removed:?}");
    assert_eq!(waiting(&mut connection), removed.doomed, "kept with the removal");
    // Nothing is left to remove, and nothing is asked for twice.
    let again = run(&mut connection, remove);
    assert!(
        matches!(again, Some(Kept::ThreadRemoved(_, _, Some(r))) if r.doomed.is_empty() && r.staying == 0)
    );

    // What of its past was not read yet is of it; what is news begins it anew.
    let old = |id: &str, second: i64| from(id, PEER, second, &format!("long ago {id}"));
    let doomed = |applied: Applied| applied.doomed.into_iter().map(|id| id.0).collect::<Vec<_>>();
    assert_eq!(doomed(apply_changes(&mut connection, vec![old("old", 0)], true)), ["old"]);
    assert_eq!(waiting(&mut connection).last().map(|id| id.0.clone()), Some("old".into()));
    assert_eq!(doomed(apply_changes(&mut connection, vec![old("old", 0)], true)), [""; 0]);
    assert_eq!(found(&connection, &sought("long ago")), [""; 0]);
    apply_changes(&mut connection, vec![old("late", 3)], false);
    assert_eq!(found(&connection, &sought("long ago")), ["long ago late"]);

    let all = waiting(&mut connection);
    let mut counts = Vec::new();
    for (place, id) in all.iter().enumerate() {
        let fate = if place == 0 { Deleted::Refused } else { Deleted::Gone };
        match run(&mut connection, Write::Deleted(ACCOUNT, id.clone(), fate)) {
            Some(Kept::Deleted(ACCOUNT, told)) => counts.extend(told),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(counts, [(u32::try_from(all.len()).unwrap() - 1, 1)]);
    assert_eq!(waiting(&mut connection), []);
    let gone = Write::RemoveThread(RequestId(1), ThreadRowId(4711), vec![]);
    assert!(matches!(run(&mut connection, gone), Some(Kept::ThreadRemoved(_, _, None))));
}

/// `TERN_SEARCH_MESSAGES=100000 cargo test --release -p tern-engine --lib searches_as_typed -- --nocapture` measures.
#[test]
fn searches_as_typed_read_a_page_among_many_messages() {
    let messages =
        std::env::var("TERN_SEARCH_MESSAGES").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000_i64);
    let scratch = fixture::Scratch::new("many");
    let folder = scratch.folder();
    let mut connection = folder::connect(&folder.main(), &fixture::key()).unwrap();
    prepare(&mut connection).unwrap();
    run(&mut connection, Write::Account(profile()));
    let words = [
        "station",
        "café",
        "поезд",
        "ёлка",
        "meeting",
        "invoice",
        "parcel",
        "tomorrow",
        "code",
        "hotel",
        "arrives",
        "please",
        "thanks",
        "завтра",
        "déjà",
        "street",
    ];
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut at_second = 0;
    while at_second < messages {
        let changes: Vec<Change> = (0..500)
            .map(|_| {
                at_second += 1;
                let text: Vec<&str> = (0..12).map(|_| words[random.random_range(0..words.len())]).collect();
                let peer = format!("+4420794{:05}", random.random_range(0..(messages / 50).max(30)));
                let text = format!("{} {at_second}", text.join(" "));
                upsert(Message { peer, at: at(at_second), ..message(&format!("m{at_second}"), 1, &text) })
            })
            .collect();
        apply_changes(&mut connection, changes, true);
    }
    // Many hits are read in another way than few: none is left out, none comes twice.
    let said: i64 = connection
        .query_row("SELECT count(*) FROM message WHERE text LIKE '%station%'", [], |row| row.get(0))
        .unwrap();
    assert!(said > 1_000, "{said}");
    let (mut before, mut seen) = (None, std::collections::BTreeSet::new());
    for _ in 0..messages / 200 + 1 {
        let page = search::rows(&connection, &sought("station"), before, 200).unwrap();
        seen.extend(page.rows.iter().map(|(row, _)| row.id));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!((i64::try_from(seen.len()).unwrap(), before), (said, None));
    let mut took = Vec::new();
    for typed in [
        "c",
        "ca",
        "caf",
        "cafe",
        "cafe st",
        "пое",
        "поезд зав",
        "79400",
        "0794 000",
        "hotel code ple",
        "19",
        "zzz",
    ] {
        for _ in 0..5 {
            let began = std::time::Instant::now();
            let page = search::rows(&connection, &sought(typed), None, 50).unwrap();
            took.push((began.elapsed(), typed));
            assert!(page.rows.windows(2).all(|w| w[0].0.at > w[1].0.at), "{typed}");
            assert_eq!(page.rows.is_empty(), typed == "zzz", "{typed}");
        }
    }
    took.sort();
    let (p95, slowest) = (took[took.len() * 95 / 100], took[took.len() - 1]);
    eprintln!("{messages} messages: p95 {:?} ({}), slowest {:?} ({})", p95.0, p95.1, slowest.0, slowest.1);
}
