//! What came while nobody watched: put aside, counted once, and what is no news at all.

use super::*;

fn aside(connection: &mut Connection, id: &str, history: bool) {
    let batch = Batch {
        account: ACCOUNT,
        changes: vec![upsert(message(id, 1, "hello"))],
        cursor: Some(Cursor("c".into())),
        history: HistoryMove::Stays,
        past: if history { Timestamp::MAX } else { Timestamp::MIN },
        of: Reading::Live,
        aside: true,
    };
    run(connection, Write::Apply(batch));
}

fn take_aside(connection: &mut Connection, quiet: &crate::quiet::QuietNow) -> (u32, usize, bool) {
    match run(connection, Write::TellAway(quiet.clone())) {
        Some(Kept::Away(count)) => (count.messages, count.people.len(), count.waiting),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_nobody_was_told_of_is_counted_once() {
    let mut connection = database();
    let nobody = crate::quiet::QuietNow::default();
    apply_changes(&mut connection, vec![upsert(message("told", 1, "hello"))], false);
    aside(&mut connection, "m1", false);
    aside(&mut connection, "m2", false);
    aside(&mut connection, "m2", false);
    assert_eq!(take_aside(&mut connection, &nobody), (2, 1, false));
    assert_eq!(take_aside(&mut connection, &nobody), (0, 0, false));
}

#[test]
fn what_was_put_aside_waits_while_its_number_is_quiet_unless_it_is_seen() {
    let mut connection = database();
    aside(&mut connection, "m1", false);
    let row = rows(&connection).remove(0);
    let quiet = crate::quiet::QuietNow { everyone: false, numbers: vec![row.number] };
    assert_eq!(take_aside(&mut connection, &quiet), (0, 0, true));
    assert_eq!(take_aside(&mut connection, &quiet), (0, 0, true));
    run(&mut connection, Write::ReadThread(row.thread.unwrap()));
    assert_eq!(take_aside(&mut connection, &quiet), (0, 0, false), "seen in the window");
    aside(&mut connection, "m2", false);
    assert_eq!(take_aside(&mut connection, &crate::quiet::QuietNow::default()), (1, 1, false));
}

#[test]
fn the_past_is_no_news() {
    let mut connection = database();
    aside(&mut connection, "m1", true);
    assert_eq!(take_aside(&mut connection, &crate::quiet::QuietNow::default()), (0, 0, false));
}
