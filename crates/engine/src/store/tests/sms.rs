//! An SMS on its way out, from its row to the provider's, and what it counts for.

use super::*;

fn sent(key: Option<&str>, version: u64, state: Remote) -> Message {
    Message {
        direction: Direction::Outgoing,
        state,
        idempotency_key: key.map(|k| IdempotencyKey(k.into())),
        ..message("out1", version, "on my way")
    }
}

fn only_state(connection: &Connection) -> MessageState {
    let rows = rows(connection);
    assert_eq!(rows.len(), 1, "one SMS, one row");
    match rows[0].what {
        RowWhat::Message { state, .. } => state,
        _ => panic!("no message"),
    }
}

#[test]
fn one_sms_is_one_row_whoever_tells_of_it_first() {
    // By the answer, then the feed.
    let mut connection = database();
    let row = queue(&mut connection, "key-1");
    let key = IdempotencyKey("key-1".into());
    run(&mut connection, Write::Sent(ACCOUNT, row, key.clone(), sent(None, 1, Remote::Accepted)));
    assert_eq!(only_state(&connection), MessageState::Sent);
    apply_changes(&mut connection, vec![upsert(sent(Some("key-1"), 2, Remote::Delivered))], false);
    assert_eq!(only_state(&connection), MessageState::Delivered);

    // By the feed with our key, then the older answer.
    let mut connection = database();
    let row = queue(&mut connection, "key-1");
    let applied =
        apply_changes(&mut connection, vec![upsert(sent(Some("key-1"), 2, Remote::Delivered))], false);
    assert_eq!((applied.settled, applied.fresh.len()), (vec![row], 0));
    run(&mut connection, Write::Sent(ACCOUNT, row, key.clone(), sent(Some("key-1"), 1, Remote::Accepted)));
    assert_eq!(only_state(&connection), MessageState::Delivered);
    run(&mut connection, Write::Outbox(ACCOUNT, row, MessageState::Unknown, None));
    assert_eq!(only_state(&connection), MessageState::Delivered, "a settled SMS stays settled");

    // By a feed that does not repeat keys, then the answer.
    let mut connection = database();
    let row = queue(&mut connection, "key-1");
    apply_changes(&mut connection, vec![upsert(sent(None, 2, Remote::Sent))], false);
    assert_eq!(rows(&connection).len(), 2);
    run(&mut connection, Write::Sent(ACCOUNT, row, key, sent(Some("key-1"), 1, Remote::Accepted)));
    assert_eq!(only_state(&connection), MessageState::Sent);
    assert!(load(&mut connection).unwrap().accounts[0].outbox.is_empty());
}

#[test]
fn an_unknown_sms_is_settled_when_a_feed_without_keys_shows_it_later() {
    let mut connection = database();
    let first = queue(&mut connection, "key-1");
    let error = ErrorView::new(ErrorCode::SendUnconfirmed);
    run(&mut connection, Write::Outbox(ACCOUNT, first, MessageState::Unknown, Some(error)));
    let shown = |id: &str, second: i64, text: &str| Message {
        id: RemoteId(id.into()),
        at: at(second),
        text: text.into(),
        ..sent(None, 1, Remote::Sent)
    };
    // Another's words, and the same words long before it was asked for.
    apply_changes(
        &mut connection,
        vec![upsert(shown("a", 6, "other words")), upsert(shown("b", -500, "on my way"))],
        false,
    );
    assert_eq!(rows(&connection).len(), 3);
    let settled = apply_changes(&mut connection, vec![upsert(shown("c", 7, "on my way"))], false).settled;
    assert_eq!((settled, rows(&connection).len()), (vec![first], 3), "it is that row");
    apply_changes(&mut connection, vec![upsert(shown("d", 8, "on my way"))], false);
    assert_eq!(rows(&connection).len(), 4, "one row settles one");
    assert!(load(&mut connection).unwrap().accounts[0].outbox.is_empty());
}

#[test]
fn what_nobody_can_tell_of_may_be_sent_anew_by_the_user_alone() {
    let mut connection = database();
    let row = queue(&mut connection, "key-1");
    let found = |connection: &mut Connection| match run(connection, Write::FindFailed(RequestId(2), row)) {
        Some(Kept::FoundFailed(_, _, found)) => found.is_some(),
        other => panic!("{other:?}"),
    };
    for (error, may) in [(ErrorCode::SendUnknown, false), (ErrorCode::SendUnconfirmed, true)] {
        let error = Some(ErrorView::new(error));
        run(&mut connection, Write::Outbox(ACCOUNT, row, MessageState::Unknown, error));
        assert_eq!(found(&mut connection), may);
    }
    let waiting = load(&mut connection).unwrap().accounts.remove(0).outbox;
    assert_eq!(waiting.len(), 1, "and it is looked for again at the next start");
}

#[test]
fn the_same_words_sent_before_are_not_taken_for_these() {
    let mut connection = database();
    let first = queue(&mut connection, "key-1");
    run(
        &mut connection,
        Write::Sent(ACCOUNT, first, IdempotencyKey("key-1".into()), sent(None, 1, Remote::Sent)),
    );
    let second = queue(&mut connection, "key-2");
    // A provider without keys was asked for the second, and found the first.
    run(
        &mut connection,
        Write::Sent(ACCOUNT, second, IdempotencyKey("key-2".into()), sent(None, 1, Remote::Sent)),
    );
    let states: Vec<_> = rows(&connection)
        .iter()
        .map(|row| match row.what {
            RowWhat::Message { state, .. } => state,
            _ => panic!("no message"),
        })
        .collect();
    assert_eq!(states.len(), 2, "two SMS, two rows");
    assert!(states.contains(&MessageState::Sent) && states.contains(&MessageState::Unknown), "{states:?}");
}

#[test]
fn what_counts_for_the_limits_is_what_the_provider_took_or_may_have() {
    let mut connection = database();
    let (sent_row, unknown, waiting) =
        (queue(&mut connection, "k1"), queue(&mut connection, "k2"), queue(&mut connection, "k3"));
    for (row, second) in [(sent_row, 100), (unknown, 200)] {
        run(&mut connection, Write::Left(row, at(second)));
        run(&mut connection, Write::Outbox(ACCOUNT, row, MessageState::Sending, None));
    }
    let key = IdempotencyKey("k1".into());
    run(&mut connection, Write::Sent(ACCOUNT, sent_row, key, sent(Some("k1"), 1, Remote::Sent)));
    // Tried, and turned away before its time.
    run(&mut connection, Write::Left(waiting, at(300)));
    run(&mut connection, Write::Outbox(ACCOUNT, waiting, MessageState::Queued, None));
    let departed = apply_changes(
        &mut connection,
        vec![upsert(Message { id: RemoteId("other".into()), at: at(400), ..sent(None, 1, Remote::Sent) })],
        false,
    )
    .departed;
    assert_eq!(departed.iter().map(|sent| sent.at).collect::<Vec<_>>(), [at(400)], "from another device");
    let left = |connection: &mut Connection, since| match run(connection, Write::FindLeft(ACCOUNT, since)) {
        Some(Kept::Left(_, mut left)) => {
            left.sort_by_key(|sent| sent.at);
            left.into_iter().map(|sent| sent.at).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(
        left(&mut connection, at(0)),
        [at(1), at(200), at(400)],
        "the provider's date where it told one"
    );
    assert_eq!(left(&mut connection, at(150)), [at(200), at(400)]);
    // As it is after a restart.
    load(&mut connection).unwrap();
    assert_eq!(left(&mut connection, at(150)), [at(200), at(400)]);
    let shown = |connection: &Connection, id: RowId| {
        rows(connection).into_iter().find(|row| row.id == id).map(|row| match row.what {
            RowWhat::Message { leaves_at, .. } => leaves_at,
            _ => panic!("no message"),
        })
    };
    let thread = rows(&connection)[0].thread.unwrap();
    let told = run(&mut connection, Write::Leaves(vec![(waiting, Some(at(900)))]));
    assert_eq!(told, Some(Kept::Changed(vec![thread])));
    assert_eq!(shown(&connection, waiting), Some(Some(at(900))));
    run(&mut connection, Write::Outbox(ACCOUNT, waiting, MessageState::Sending, None));
    assert_eq!(shown(&connection, waiting), Some(None), "it leaves");
}

#[test]
fn a_failed_sms_leaves_the_outbox_and_can_be_sent_anew() {
    let mut connection = database();
    let row = queue(&mut connection, "key-1");
    let error = crate::refusals::refusal("destination_not_served", "Not served");
    run(&mut connection, Write::Outbox(ACCOUNT, row, MessageState::Failed, Some(error.clone())));
    assert!(load(&mut connection).unwrap().accounts[0].outbox.is_empty());
    match &rows(&connection)[0].what {
        RowWhat::Message { state: MessageState::Failed, error: found, .. } => assert_eq!(*found, Some(error)),
        _ => panic!("not failed"),
    }
    let found = match run(&mut connection, Write::FindFailed(RequestId(2), row)) {
        Some(Kept::FoundFailed(_, _, found)) => found,
        other => panic!("{other:?}"),
    };
    assert_eq!(found, Some((ACCOUNT, OURS.into(), PEER.into(), "on my way".into())));
}

#[test]
fn a_draft_lasts_until_it_is_sent() {
    let mut connection = database();
    apply_changes(&mut connection, vec![upsert(message("m1", 1, "hello"))], false);
    let thread = rows(&connection)[0].thread.unwrap();
    let draft =
        |connection: &Connection| read::conversation(connection, thread, None, 1).unwrap().unwrap().0.draft;
    run(&mut connection, Write::Draft(thread, "on my".into()));
    assert_eq!(draft(&connection), "on my");
    queue(&mut connection, "key-1");
    assert_eq!(draft(&connection), "");
}
